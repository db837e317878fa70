"""reference: the group of commands, and those that need nothing more: load, show, template."""

from __future__ import annotations

from contextlib import closing
from difflib import get_close_matches
from typing import Any

import click

from aiwire.cli.common import Context, common_options, print_json
from aiwire.cli.reference.check import check, status
from aiwire.cli.reference.history import history
from aiwire.cli.reference.refresh import import_file, refresh

__all__ = ["reference"]


@click.group()
def reference() -> None:
    """Show, refresh and check the hardware and cost reference."""


for _command in (refresh, import_file, check, status, history):
    reference.add_command(_command)


@reference.command()
@common_options
def load(context: Context) -> None:
    """Bring the shipped reference tables into the database; every run does so, too.

    \b
    Example:
      aiwire reference load
    """
    from aiwire.cli.database import writable
    from db.reference import row_counts

    with writable(context.settings) as db:
        for table, rows in row_counts(db).items():
            click.echo(f"{table}: {rows} rows")


@reference.command()
@click.argument("table")
@common_options
def template(context: Context, table: str) -> None:
    """Print the head of a price list of your own for a table, and on stderr what each column takes.

    \b
    Example:
      aiwire reference template cloud_prices > mine.csv
    """
    from db.reference import OBSERVATIONS, describe_columns
    from db.reference import template as head_of

    if table not in OBSERVATIONS:
        near = get_close_matches(table, OBSERVATIONS, n=1) or OBSERVATIONS
        raise click.UsageError(f"there is no table '{table}' for price lists of your own; there is {', '.join(near)}")
    click.echo(head_of(table).strip())
    for column in describe_columns(table):
        needed = " (needed)" if column["required"] else ""
        example = f", such as {column['example']}" if column["example"] else ""
        click.echo(f"{column['column']}{needed}: {column['meaning']}{example}", err=True)


@reference.command()
@click.argument("accelerator")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every fact with all that is known of it.")
@common_options
def show(context: Context, accelerator: str, as_json: bool) -> None:
    """Show a part, or all parts of a family: facts with their sources, disagreements, prices.

    From the database if there is one, else from the shipped files.

    \b
    Example:
      aiwire reference show nvidia-h100
    """
    from aiwire.cli.reference.sheet import print_part

    parts = _described(context, accelerator)
    if as_json:
        print_json(parts)
        return
    for part in parts:
        print_part(part)


def _described(context: Context, accelerator: str) -> list[dict[str, Any]]:
    from db.connection import open_existing
    from db.reference import describe

    if not context.settings.db.is_file():
        return describe(accelerator)
    with closing(open_existing(context.settings.db)) as db:
        return describe(accelerator, db)
