"""sources: the source list, in TOML and OPML. Its commands test and add are in probe.py, doctor in health.py."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from aiwire.cli.common import Context, common_options, console, print_json, printable, read_input, warn
from aiwire.cli.probe import add, sources_file, test
from aiwire.exceptions import ConfigError
from aiwire.types import Source, SourceState

__all__ = ["sources"]

_COLUMNS = ("id", "name", "kind", "owner", "category", "last good answer", "error", "url")


@click.group()
def sources() -> None:
    """List, test, add, import and export the sources."""


sources.add_command(test)
sources.add_command(add)


@sources.command("list")
@sources_file
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def list_sources(context: Context, sources: Path | None, as_json: bool) -> None:
    """Show every source, with what its last check found if there is a database.

    Where the output is no terminal: with the address, a line each, tab-separated, after a line of names.

    \b
    Example:
      aiwire sources list
    """
    from dataclasses import asdict

    from db.connection import open_existing
    from db.store import source_states
    from ingest.sources import load_sources

    listed = load_sources(context.settings.sources)
    db = open_existing(context.settings.db) if context.settings.db.is_file() else None
    states = source_states(db) if db else {}
    if as_json:
        found = ((s, states.get(s.id)) for s in listed)
        print_json([asdict(s) | {"error": state.error if state else None} for s, state in found])
        return
    rows = [_row(source, states.get(source.id)) for source in listed]
    if sys.stdout.isatty():
        _print_table(rows)
        return
    for line in (_COLUMNS, *rows):
        click.echo("\t".join(printable(value) for value in line))


def _row(source: Source, state: SourceState | None) -> tuple[str, ...]:
    """Return the texts of `_COLUMNS`."""
    ok_at = state.ok_at.strftime("%Y-%m-%d %H:%M") if state and state.ok_at else ""
    error = (state.error if state else None) or ("" if source.enabled else "switched off")
    return source.id, source.name, source.kind, source.owner or "", source.category or "", ok_at, error, source.url


def _print_table(rows: Iterable[tuple[str, ...]]) -> None:
    """Print the columns but the last, the address: no terminal is wide enough for it."""
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(Column(_COLUMNS[0], no_wrap=True), *_COLUMNS[1:-1])
    for row in rows:
        table.add_row(*(Text(printable(value)) for value in row[:-1]))
    console(stderr=False).print(table)


@sources.command("import")
@click.argument("file", metavar="FILE.opml|-")
@sources_file
@common_options
def import_opml(context: Context, file: str, sources: Path | None) -> None:
    """Add the feeds of an OPML file; those whose address is in the list already are left alone.

    \b
    Example:
      aiwire sources import subscriptions.opml
    """
    from ingest.opml import read_opml
    from ingest.sources import add_source, load_sources

    path = context.settings.sources
    present = load_sources(path) if path.is_file() else ()
    fresh = _not_in(present, read_opml(read_input(file), origin=file))
    add_source(path, *fresh)
    warn(f"{len(fresh)} sources added to {path}, {len(present)} were there")


def _not_in(present: tuple[Source, ...], found: tuple[Source, ...]) -> list[Source]:
    """Return the sources of `found` with an address that `present` lacks, under ids that nobody has."""
    from ingest.sources import renamed
    from ingest.urls import normalize_url

    urls, taken = {normalize_url(s.url) for s in present}, {s.id for s in present}
    fresh = []
    for source in found:
        if normalize_url(source.url) not in urls:
            unique = renamed(source, taken)
            urls.add(normalize_url(unique.url))
            taken.add(unique.id)
            fresh.append(unique)
    return fresh


@sources.command("export")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write [default: stdout]."
)
@sources_file
@common_options
def export_opml(context: Context, output: Path | None, sources: Path | None) -> None:
    """Write the source list as OPML 2.0, which every feed reader takes.

    \b
    Example:
      aiwire sources export -o sources.opml
    """
    from ingest.opml import write_opml
    from ingest.sources import load_sources

    listed = load_sources(context.settings.sources)
    data = write_opml(listed, title="aiwire sources", now=context.now)
    if output is None:
        sys.stdout.buffer.write(data)
        return
    try:
        output.write_bytes(data)
    except OSError as e:
        raise ConfigError(f"{output}: cannot be written: {e.strerror}") from e
    warn(f"{len(listed)} sources written to {output}")
