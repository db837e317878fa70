"""CSV from strangers: bytes -> head and rows, or a `ParseError` that says what came instead.

Pure. Nothing is guessed: a row that does not fit its head is named and left out, a file that was cut short is an error.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiwire.exceptions import ParseError
from aiwire.types import SkippedRow

__all__ = ["Record", "Table", "read_table"]

MAX_BYTES = 64 * 2**20  # the largest catalogue has 5 MB; the fetch layer has its own, lower cap
MAX_ROWS = 500_000
MAX_COLUMNS = 100
MAX_CELL = 4_000  # characters
_MOSTLY = 0.5  # a file of which so many rows do not fit the head is another format

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PACKED = {b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "gzip data", b"%PDF": "a PDF file"}
_TITLE = re.compile(r"<(title|code|message|h1)\b[^<>]{0,200}>([^<>]{1,120})</", re.I)


@dataclass(frozen=True, slots=True)
class Record:
    """One row: its cells by the name of their column, stripped of blanks."""

    line: int  # on which it ends; 1 is the head
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """What could be read of a CSV file."""

    columns: tuple[str, ...]  # in lower case
    records: tuple[Record, ...]
    skipped: tuple[SkippedRow, ...]  # rows that do not fit the head


def read_table(body: bytes, *, required: Sequence[str], url: str) -> Table:
    """Return the rows of a CSV file whose first line names its columns, in any order and case.

    Args:
        required: columns that must be there, in lower case; others are read too.
        url: where the bytes came from, for messages.

    Raises:
        ParseError: not CSV, not UTF-8, cut short, too large, or a required column is missing.
    """
    text = _text(body, url)
    _check_kind(text, url)
    rows = _rows(text, url)
    _, head = next(rows, (0, []))
    columns = _columns(head, required, url)
    records: list[Record] = []
    skipped: list[SkippedRow] = []
    for line, row in rows:
        reason = _misfit(row, columns)
        if reason:
            skipped.append(SkippedRow(line, reason))
        else:
            records.append(Record(line, {name: cell.strip() for name, cell in zip(columns, row, strict=True)}))
    _check_fit(len(records), skipped, url)
    if not text.endswith(("\n", "\r")):
        _drop_last(records, skipped, columns, url)
    return Table(columns, tuple(records), tuple(skipped))


def _text(body: bytes, url: str) -> str:
    if not body.strip():
        raise ParseError(url, "an empty body instead of CSV")
    if len(body) > MAX_BYTES:
        raise ParseError(url, f"{len(body):,} bytes of CSV, at most {MAX_BYTES:,} are read")
    for magic, what in _PACKED.items():
        if body.startswith(magic):
            raise ParseError(url, f"{what} instead of CSV")
    codec = "utf-16" if body.startswith(_UTF16) else "utf-8-sig"
    try:
        text = body.decode(codec)
    except UnicodeDecodeError as e:
        raise ParseError(url, f"not CSV in UTF-8: {e.reason} at byte {e.start:,}") from e
    if "\0" in text:
        raise ParseError(url, "NUL characters: no CSV text")
    return text


def _check_kind(text: str, url: str) -> None:
    """Tell what came if it is plainly no CSV."""
    start = text.lstrip()[:5_000]
    if start.startswith("<"):
        title = _TITLE.search(start)
        said = f", which says: {' '.join(title[2].split())}" if title else ""
        raise ParseError(url, f"an HTML or XML page instead of CSV{said}")
    if start.startswith(("{", "[")):
        raise ParseError(url, "JSON instead of CSV")
    if start.startswith("version https://git-lfs"):
        raise ParseError(url, "a Git LFS pointer instead of the CSV file that it stands for")


def _rows(text: str, url: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line and cells of every row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        count = 0
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            count += 1
            if count > MAX_ROWS:
                raise ParseError(url, f"more than {MAX_ROWS:,} rows")
            yield reader.line_num, row
    except csv.Error as e:
        raise ParseError(url, f"no whole CSV: {e} (line {reader.line_num:,})") from e


def _columns(head: list[str], required: Sequence[str], url: str) -> tuple[str, ...]:
    columns = tuple(cell.strip().casefold() for cell in head)
    if len(columns) > MAX_COLUMNS:
        raise ParseError(url, f"{len(columns)} columns, at most {MAX_COLUMNS} are read")
    missing = [name for name in required if name not in columns]
    if missing:
        found = ", ".join(columns)[:200]
        raise ParseError(url, f"the head has no column {', '.join(missing)}; it has: {found or 'nothing'}")
    twice = {name for name in columns if name and columns.count(name) > 1}
    if twice:
        raise ParseError(url, f"the head has a column twice: {', '.join(sorted(twice))[:200]}")
    return columns


def _misfit(row: list[str], columns: tuple[str, ...]) -> str | None:
    if len(row) != len(columns):
        return f"{len(row)} cells, the head has {len(columns)}"
    if any(len(cell) > MAX_CELL for cell in row):
        return f"a cell of more than {MAX_CELL:,} characters"
    return None


def _check_fit(good: int, skipped: list[SkippedRow], url: str) -> None:
    if skipped and len(skipped) > _MOSTLY * (good + len(skipped)):
        raise ParseError(
            url, f"{len(skipped)} of {good + len(skipped)} rows do not fit the head (line {skipped[0].line}: "
            f"{skipped[0].reason})"
        )  # fmt: skip


def _drop_last(records: list[Record], skipped: list[SkippedRow], columns: tuple[str, ...], url: str) -> None:
    """Leave out a last row without a line end: 1.2 may have been 1.29."""
    if skipped and (not records or skipped[-1].line > records[-1].line):
        raise ParseError(url, f"cut short: the last line ({skipped[-1].line}) is no whole row of {len(columns)} cells")
    if records:
        skipped.append(SkippedRow(records.pop().line, "the file ends without a line end: its last row may be cut"))
