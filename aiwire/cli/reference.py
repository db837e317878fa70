"""reference: the hardware and cost tables."""

from __future__ import annotations

import click

from aiwire.cli.common import Context, common_options, console, print_json

__all__ = ["reference"]


@click.group()
def reference() -> None:
    """Load and show the hardware and cost reference."""


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
@click.argument("accelerator")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def show(context: Context, accelerator: str, as_json: bool) -> None:
    """Show a part, or all parts of a family, with cloud prices. Works without a database.

    \b
    Example:
      aiwire reference show nvidia-h100
    """
    from rich.table import Table

    from db.reference import describe

    parts = describe(accelerator)
    if as_json:
        print_json(parts)
        return
    out = console(stderr=False)
    for part in parts:
        prices = part.pop("cloud_prices")
        facts = Table(title=str(part["name"]), show_header=False)
        for column, value in part.items():
            if value is not None:
                facts.add_row(column, str(value))
        out.print(facts)
        if prices:
            offers = Table(*prices[0], title="cloud prices")
            for price in prices:
                offers.add_row(*("" if v is None else str(v) for v in price.values()))
            out.print(offers)
