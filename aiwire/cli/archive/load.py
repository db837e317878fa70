"""archive load: a selection of an archive, brought into the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aiwire.cli.archive.common import check_extra, folder_option
from aiwire.cli.common import Context, common_options, print_json, tagger_options
from aiwire.cli.database import writable
from aiwire.cli.progress import bars
from aiwire.cli.tagging import prepared_tagger, tagger_config

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["load"]


@click.command()
@folder_option
@click.option(
    "--where", metavar="CONDITION",
    help="SQL on the columns of articles (id, url, source_id, publisher, title, language, dated_at, day, text …) and"
    " `entities`, the list of ids that it names.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Every article.")
@click.option("--limit", type=click.IntRange(1), help="At most so many, the newest.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@tagger_options
@common_options
def load(
    context: Context, folder: Path, where: str | None, everything: bool, limit: int | None, dry_run: bool, as_json: bool
) -> None:
    """Bring articles of an archive into the database, as if they had been fetched on the day of their capture.

    Known articles are not doubled; a call that was cut off goes on where it was.

    \b
    Examples:
      aiwire archive load --where "language = 'en' AND day BETWEEN '2026-11-01' AND '2026-11-30'"
      aiwire archive load --where "list_contains(entities, 'nvidia-h100')" --dry-run
      aiwire archive load --all --db history.db
    """
    if (where is None) == (not everything):
        raise click.UsageError("give either --where CONDITION or --all")
    check_extra()
    from aiwire.archive.load import load as load_articles
    from aiwire.archive.selection import Selection

    Selection(folder.absolute(), where).close()  # what is wrong with it is told before a database is made
    with _database(context, dry_run=dry_run) as db, bars() as progress:
        tagger = prepared_tagger(db, tagger_config(context.settings))
        done = load_articles(
            db, folder.absolute(), where=where, tagger=tagger, now=context.now, progress=progress, limit=limit,
            dry_run=dry_run, opt_outs=context.settings.opt_outs,
        )  # fmt: skip
    if as_json:
        print_json(asdict(done) | {"dry_run": dry_run})
        return
    would = "would be " if dry_run else ""
    click.echo(
        f"{done.new} articles {would}new, {done.updated} {would}updated, {done.known} known; of {done.sources} sources"
    )


@contextmanager
def _database(context: Context, *, dry_run: bool) -> Iterator[Database]:
    """Open the database for writing; to count what would be new in one that is not there, one in memory."""
    if not dry_run or context.settings.db.exists():
        with writable(context.settings) as db:
            yield db
        return
    from db.connection import connect

    with closing(connect(":memory:")) as db:
        yield db
