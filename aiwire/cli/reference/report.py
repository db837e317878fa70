"""A refresh of the reference for eyes: one table of all documents, then what is worth reading of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import click

from aiwire.cli.common import console, printable, warn

if TYPE_CHECKING:
    from rich.table import Table

    from aiwire.pipeline.prices.report import DocumentLine, LineOutcome, RefreshReport
    from db.reference.changes import CellChange, ChangedRow
    from db.reference.tables import Value

__all__ = ["print_lines"]

_MOST = 10  # rows of one kind that are shown of a document; --json has all
_COLUMNS = ("rows", "added", "changed", "ended", "implausible", "unknown")
_OUTCOMES: dict[LineOutcome, str] = {
    "staged": "read",
    "not-modified": "not modified",
    "broken": "broken",
    "vanished": "gone",
    "failed": "failed",
    "not-in-archive": "not in the archive",
    "put-off": "put off",
}


def print_lines(report: RefreshReport) -> None:
    """Print the report: the table on stdout, failures on stderr."""
    out = console(stderr=False)
    out.print(_overview(report.lines))
    for line in report.lines:
        if line.error:
            warn(f"{line.name}: {_OUTCOMES[line.outcome]}: {line.error}; {_what_becomes_of_it(line)}")
        for text in _details(line):
            click.echo(printable(text))
    click.echo(_totals(report))


def _overview(lines: Iterable[DocumentLine]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Column, Table

    numbers = (Column(name, justify="right") for name in _COLUMNS)
    table = Table(
        Column("document", no_wrap=True), Column("outcome", no_wrap=True), *numbers, box=SIMPLE_HEAD, pad_edge=False
    )
    for line in lines:
        table.add_row(printable(line.name), _outcome(line), *_numbers(line))
    return table


def _outcome(line: DocumentLine) -> str:
    """Return what became of a document, in a word or two."""
    if line.applied:
        return "ended" if line.outcome == "vanished" else "applied"
    return "HELD BACK" if line.held_back else _OUTCOMES[line.outcome]


def _numbers(line: DocumentLine) -> list[str]:
    """Return the texts of `_COLUMNS`; nothing where nothing was read."""
    changes = line.changes
    if changes is None:
        return [""] * len(_COLUMNS)
    said = (changes.added, changes.changed, changes.unchanged, changes.outranked, changes.past, changes.implausible)
    numbers = (
        sum(map(len, said)), len(changes.added), len(changes.changed), len(changes.ended),
        len(changes.implausible), sum(line.unknown.values()),
    )  # fmt: skip
    return [f"{number:,}" for number in numbers]


def _what_becomes_of_it(line: DocumentLine) -> str:
    """Return what a failure means for the prices of a document."""
    if line.applied:
        return "its prices have ended"
    return "its prices stay" + (", unless you say --end-vanished --apply" if line.outcome == "vanished" else "")


def _details(line: DocumentLine) -> Iterator[str]:
    """Yield what is worth reading of a document; nothing if there is nothing."""
    changes = line.changes

    def label(row: Mapping[str, Value]) -> str:
        return _label(line.table, row)

    if changes is not None:
        if changes.suspicious:
            said = "applied all the same" if line.applied else "nothing of it is applied without --allow-loss"
            yield f"{line.name}: suspicious: {changes.suspicious}; {said}"
        yield from _some(line.name, "changed", [_change(label(c.new), c) for c in changes.changed])
        yield from _some(line.name, "implausible", [f"{label(r)}: {r['implausible']}" for r in changes.implausible])
        yield from _some(line.name, "ended", map(label, changes.ended))
        yield from _some(line.name, "left alone, as another row counts for more", map(label, changes.outranked))
    yield from _some(line.name, "names that no part has", [f"{name} ({n})" for name, n in line.unknown.items()])
    yield from _some(line.name, "rows left aside", [f"{n}: {reason}" for reason, n in line.skipped.items()])


def _some(name: str, what: str, texts: Iterable[str]) -> Iterator[str]:
    """Yield a head line and the first texts."""
    listed = list(texts)
    if not listed:
        return
    yield f"{name}: {what}:"
    yield from (f"  {text}" for text in listed[:_MOST])
    if len(listed) > _MOST:
        yield f"  ... and {len(listed) - _MOST:,} more (--json has them all)"


def _change(label: str, change: ChangedRow) -> str:
    return f"{label}: {', '.join(_cell(cell) for cell in change.cells)}"


def _cell(cell: CellChange) -> str:
    name = cell.column.removesuffix("_usd_per_gpu_hour").removesuffix("_usd_per_mtok")
    by = f" ({cell.ratio - 1:+.1%})" if cell.ratio is not None else ""
    return f"{name} {_shown(cell.old)} -> {_shown(cell.new)}{by}"


def _shown(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _label(table: str, row: Mapping[str, Value]) -> str:
    """Return what a row is about, on a line."""
    from db.reference.tables import KEYS, key_of

    said = {column: row.get(column) for column in KEYS[table] if column != "source"}
    text = " ".join(f"x{v}" if column == "gpu_count" else str(v) for column, v in said.items() if v is not None)
    return text + (" reserved" if key_of(table, row)[-1] == "reserved" else "")


def _totals(report: RefreshReport) -> str:
    found = report.to_json()
    documents, rows = found["documents"], found["rows"]
    changes = f"{rows['added']:,} added, {rows['changed']:,} changed, {rows['ended']:,} ended"
    done = f"{_documents(documents['applied'])} applied" if report.apply else "nothing applied (--apply does)"
    failed = f", {documents['failed']} failed" if documents["failed"] else ""
    held = f", {documents['held_back']} held back" if documents["held_back"] else ""
    unused = f"{rows['implausible']:,} implausible" + (" (not used)" if rows["implausible"] else "")
    return f"{_documents(documents['asked'])}: {changes}, {unused}; {done}{failed}{held}"


def _documents(number: int) -> str:
    return f"{number} document" + ("s" if number != 1 else "")
