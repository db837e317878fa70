"""Corrections as CSV: what one database knows better, carried to another. Pure: bytes in, corrections out, and back.

UTF-8 with or without a byte order mark, RFC 4180 quoting, columns in any order. A cell that a spreadsheet would run as
a formula gets an apostrophe in front, which comes off again when it is read.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, TextIO, get_args

from aiwire.exceptions import InputError
from aiwire.types import OWN_STORY, Correction, CorrectionKind, iso, parse_iso

__all__ = ["COLUMNS", "KINDS", "Line", "checked", "read_corrections", "refuse", "write_corrections"]

KINDS: tuple[CorrectionKind, ...] = get_args(CorrectionKind)
COLUMNS = ("url", "kind", "entity", "about", "value", "evidence", "note", "made_at")
REQUIRED = ("url", "kind")
MAX_CHARS = 2000  # of an evidence or note: the longest sentence that the tagger makes
YEARS = range(1990, 2101)  # that an article may be of
MOST_ERRORS = 20  # that are shown of one file
_ABOUT = {"": None, "1": True, "0": False, "true": True, "false": False, "yes": True, "no": False}
_FORMULA = re.compile(r"'*(?:\s*[=+\-@]|[\t\r])")  # a spreadsheet runs it; an apostrophe in front is our escape
_SAYS: dict[CorrectionKind, frozenset[str]] = {  # columns that a kind may fill, besides url, kind, note and made_at
    "wrong-tag": frozenset(("entity",)),
    "missing-tag": frozenset(("entity", "about", "evidence")),
    "wrong-date": frozenset(("value",)),
    "wrong-story": frozenset(("value",)),
}


class Line(NamedTuple):
    """A correction and where it stands."""

    where: str  # file:line
    correction: Correction


def checked(correction: Correction) -> Correction:
    """Return a correction in its one spelling: the date in UTC, words parted by single spaces.

    Raises:
        InputError: it says nothing that could be done; the message does not say where it stands.
    """
    one = replace(
        correction,
        entity=_one_line(correction.entity, "entity"),
        evidence=_one_line(correction.evidence, "evidence"),
        note=_one_line(correction.note, "note"),
    )
    for column in ("entity", "about", "value", "evidence"):
        if getattr(one, column) not in ("", None) and column not in _SAYS[one.kind]:
            raise InputError(f"a {one.kind} has no '{column}'; leave it empty")
    if one.is_of_tag and not one.entity:
        raise InputError(f"a {one.kind} names an entity by its id, such as nvidia-h100")
    if one.kind == "wrong-date":
        one = replace(one, value=_date(one.value))
        if one.made_at and parse_iso(one.value) > parse_iso(one.made_at):
            raise InputError(f"{one.value} was still to come at {one.made_at}: no article is of that date")
    if one.kind == "wrong-story" and one.value in ("", one.url):
        raise InputError(f"a wrong-story names another article of the right story, or says '{OWN_STORY}'")
    try:
        "".join((one.url, one.entity, one.value, one.evidence, one.note)).encode()
    except UnicodeEncodeError as e:
        raise InputError(f"it holds a character that is none: {e.reason}") from e
    return one


def _one_line(words: str, column: str) -> str:
    line = " ".join(words.split())
    if len(line) > MAX_CHARS or "\0" in line:
        raise InputError(f"'{column}' is a line of at most {MAX_CHARS} characters")
    return line


def _date(value: str) -> str:
    try:
        moment = parse_iso(value)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.year not in YEARS:
        raise InputError(
            f"a wrong-date has the right one as 'value': an ISO 8601 date such as 2026-03-01 of the years"
            f" {YEARS.start} to {YEARS.stop - 1}, not {value!r}"
        )
    return iso(moment)


# ---------------------------------------------------------------- writing


def write_corrections(corrections: Iterable[Correction], out: TextIO) -> int:
    """Write the corrections with a line of names and return how many."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = 0
    for one in corrections:
        about = "" if one.about is None else str(int(one.about))
        cells = (one.url, one.kind, one.entity, about, one.value, one.evidence, one.note, one.made_at)
        writer.writerow([_escaped(cell) for cell in cells])
        rows += 1
    return rows


def _escaped(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unescaped(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


# ---------------------------------------------------------------- reading


def read_corrections(data: bytes, *, origin: str, now: datetime, url_of: Callable[[str], str | None]) -> list[Line]:
    """Return the corrections of a CSV file, each decision once; one without a time is made `now`.

    Args:
        url_of: gives the URL of the article at an address; None: it is no address.

    Raises:
        InputError: the file cannot be read, or some of its lines: every message names file and line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise InputError(f"{origin}: is not UTF-8 ({e}); save it as CSV in UTF-8") from e
    lines: dict[tuple[str, str, str], Line] = {}
    errors = []
    for number, row in _rows(text, origin):
        where = f"{origin}:{number}"
        try:
            one = _correction(row, now, url_of)
            _keep(lines, Line(where, one))
        except InputError as e:
            errors.append(f"{where}: {e}")
    refuse(errors)
    return list(lines.values())


def refuse(errors: list[str]) -> None:
    """Raise what is wrong with a file, if anything is.

    Raises:
        InputError: some of `errors`, a line each.
    """
    if errors:
        more = [f"and {len(errors) - MOST_ERRORS} lines more"] if len(errors) > MOST_ERRORS else []
        raise InputError("\n".join((*errors[:MOST_ERRORS], *more)))


def _rows(text: str, origin: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of a row's first line, and its cells by column."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] | None = None
    number = 1
    try:
        for cells in reader:
            if columns is None:
                columns = _columns(cells, f"{origin}:{number}")
            elif any(cells):
                if len(cells) != len(columns):
                    raise InputError(f"{origin}:{number}: has {len(cells)} cells, the first line names {len(columns)}")
                yield number, {name: _unescaped(cell) for name, cell in zip(columns, cells, strict=True)}
            number = reader.line_num + 1
    except csv.Error as e:
        raise InputError(f"{origin}:{number}: is no CSV: {e}") from e
    if columns is None:
        raise InputError(f"{origin}: is empty; its first line names the columns: {','.join(COLUMNS)}")


def _columns(cells: list[str], where: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in names]
    if unknown or missing or len(set(names)) < len(names):
        what = (
            f"there is no column '{unknown[0]}'" if unknown
            else f"the column '{missing[0]}' is missing" if missing
            else "a column is named twice"
        )  # fmt: skip
        raise InputError(f"{where}: {what}; the first line names some of {','.join(COLUMNS)}, parted by commas")
    return names


def _correction(row: Mapping[str, str], now: datetime, url_of: Callable[[str], str | None]) -> Correction:
    kind, about = row["kind"].strip(), row.get("about", "").strip().lower()
    value = row.get("value", "").strip()
    if kind not in KINDS:
        raise InputError(f"'kind' is one of {', '.join(KINDS)}, not {kind!r}")
    if about not in _ABOUT:
        raise InputError(f"'about' is 1, 0 or empty, not {about!r}")
    try:
        made_at = iso(parse_iso(row["made_at"].strip())) if row.get("made_at", "").strip() else iso(now)
    except (ValueError, OverflowError) as e:
        raise InputError(f"'made_at' is an ISO 8601 time such as {iso(now)}, not {row['made_at']!r}") from e
    return checked(
        Correction(
            url=_url(row["url"], url_of),
            kind=kind,
            entity=row.get("entity", "").strip(),
            about=_ABOUT[about],
            value=_url(value, url_of) if kind == "wrong-story" and value not in ("", OWN_STORY) else value,
            evidence=row.get("evidence", ""),
            note=row.get("note", ""),
            made_at=made_at,
        )
    )


def _url(address: str, url_of: Callable[[str], str | None]) -> str:
    url = url_of(address.strip())
    if url is None:
        raise InputError(f"{address!r} is no address of an article; it begins with http:// or https://")
    return url


def _keep(lines: dict[tuple[str, str, str], Line], line: Line) -> None:
    """Add a line; the same decision twice is one, another decision on the same thing is an error."""
    one = line.correction
    before = lines.setdefault((one.url, "tag" if one.is_of_tag else one.kind, one.entity), line)
    if replace(before.correction, made_at=one.made_at) != one:
        raise InputError(f"contradicts {before.where}; keep one of the two")
