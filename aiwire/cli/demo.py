"""demo: the whole main job on the bundled sample archive, without network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from aiwire.cli.common import Context, common_options, console
from aiwire.cli.export import write_trends
from aiwire.cli.run import print_report, run_sources
from aiwire.paths import package_file
from aiwire.types import EntityKind

__all__ = ["demo"]

SHOWN: dict[EntityKind, str] = {"company": "Companies", "accelerator": "Accelerators", "theme": "Themes"}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("demo"))
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
    folder.mkdir(parents=True, exist_ok=True)
    settings = replace(context.settings, db=folder / "news.db", sources=package_file("sample", "sources.toml"))
    csv = folder / "trends_weekly.csv"
    for day in CAPTURES:
        click.echo(f"--- the run of {day:%Y-%m-%d}")
        context = replace(context, settings=settings, given_now=day)
        print_report(run_sources(context, replay=(archive,), force=True), as_json=False)
    rows = write_trends(context, csv)
    out = console(stderr=False)
    db = open_existing(settings.db)
    for kind, title in SHOWN.items():
        table = Table("name", "articles", "about it", "evidence", title=title, title_justify="left")
        for found in top_entities(db, kind, limit=8):
            table.add_row(found.name, str(found.articles), str(found.about), found.evidence)
        out.print(table)
    click.echo(f"trend CSV  {csv} ({rows} rows)\nbrowse it  aiwire serve --db {settings.db}")
