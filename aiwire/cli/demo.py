"""demo: the whole main job on the bundled sample archive, without network."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from aiwire.cli.common import Context, common_options, console, tagger_options
from aiwire.cli.export import write_export
from aiwire.cli.run import print_report, run_sources
from aiwire.exceptions import ConfigError
from aiwire.paths import package_file
from aiwire.types import EntityKind

__all__ = ["demo"]

SHOWN: dict[EntityKind, str] = {"company": "Companies", "accelerator": "Accelerators", "theme": "Themes"}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("demo"))
@tagger_options
@common_options
def demo(context: Context, folder: Path) -> None:
    """Do the main job on 16 bundled news briefs, into FOLDER [default: demo].

    The archive holds two mornings a week apart; each is replayed as the run of its day. Nothing is fetched.

    \b
    Example:
      aiwire demo && aiwire serve --db demo/news.db
    """
    from rich.table import Table

    from aiwire.sample.build import CAPTURES
    from db.connection import open_existing
    from db.summary import top_entities

    archive = package_file("sample", "sample.warc.gz")
    db_path, csv = context.given_db or folder / "news.db", folder / "trends_weekly.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ConfigError(f"{folder}: cannot be made ({e.strerror}); name another folder") from e
    settings = replace(context.settings, db=db_path, sources=package_file("sample", "sources.toml"))
    for day in _days_left(db_path, CAPTURES):
        click.echo(f"--- the run of {day:%Y-%m-%d}")
        context = context.with_(settings=settings, now=day)
        print_report(run_sources(context, replay=(archive,), force=True), as_json=False)
    rows = write_export(context, "trends", csv)
    out = console(stderr=False)
    db = open_existing(db_path)
    for kind, title in SHOWN.items():
        table = Table("name", "articles", "about it", "evidence", title=title, title_justify="left")
        for found in top_entities(db, kind, limit=8):
            table.add_row(found.name, str(found.articles), str(found.about), found.evidence)
        out.print(table)
    click.echo(f"trend CSV  {csv} ({rows} rows)\nbrowse it  aiwire serve --db {db_path}")


def _days_left(db_path: Path, days: tuple[datetime, ...]) -> list[datetime]:
    """Return the days from that of the database's last run on: an earlier day must not be replayed over a later one."""
    from db.connection import open_existing
    from db.runs import last_start

    if not db_path.exists():
        return list(days)
    with closing(open_existing(db_path)) as db:
        last = last_start(db)
    return [day for day in days if last is None or day >= last] or [days[-1]]
