"""export: CSV files out of the rollups."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import click

from aiwire.cli.common import Context, common_options, warn
from aiwire.exceptions import ConfigError

__all__ = ["export", "write_trends"]

KINDS = ("company", "accelerator", "theme", "model", "regulation")


class _IsoDate(click.ParamType[date]):
    name = "ISO date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date such as 2026-11-23", param, ctx)


ISO_DATE = _IsoDate()


@click.group()
def export() -> None:
    """Write CSV files for spreadsheets and notebooks."""


@export.command()
@click.option("--since", type=ISO_DATE, help="First day; its week is the first [default: the last 156 weeks].")
@click.option("--until", type=ISO_DATE, help="Last day; its week is the last [default: the last run].")
@click.option(
    "--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only entities of this kind (may be repeated)."
)
@click.option("--entity", "entities", multiple=True, help="Only this entity id (may be repeated).")
@click.option(
    "--segment", default="all", show_default=True, help="all, owned, independent, lang:en …, or * for every one."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write, with its .meta.json [default: stdout].",
)
@common_options
def trends(
    context: Context,
    since: date | None,
    until: date | None,
    kinds: tuple[str, ...],
    entities: tuple[str, ...],
    segment: str,
    output: Path | None,
) -> None:
    """Weekly counts and shares, one row per week, entity and segment, zero weeks included.

    \b
    Examples:
      aiwire export trends -o trends_weekly.csv
      aiwire export trends --kind accelerator --since 2026-01-01 | head
    """
    if since and until and since > until:
        raise ConfigError(f"--since {since} is later than --until {until}")
    rows = write_trends(
        context,
        output,
        since=since,
        until=until,
        kinds=kinds,
        entities=entities,
        segment=None if segment == "*" else segment,
    )
    if output is not None:
        warn(f"{rows} rows written to {output}")


def write_trends(context: Context, output: Path | None, **selection: Any) -> int:
    """Write the trend CSV to `output` with its sidecar, or to stdout, and return the number of rows.

    A device or pipe gets no sidecar.

    `selection`: since, until, kinds, entities, segment of `db.export.TrendsQuery`.
    """
    from db.connection import open_existing
    from db.export import TrendsQuery, export_trends
    from db.export import write_trends as write_files
    from nlp.precision import ENOUGH, load_precision

    query = TrendsQuery(now=context.now, base_url=context.settings.base_url, **selection)
    precision = load_precision(least=ENOUGH)
    with closing(open_existing(context.settings.db)) as db:
        if output is None:
            return export_trends(db, sys.stdout, query, precision=precision)
        return write_files(db, output, query, precision=precision)
