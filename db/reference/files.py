"""CSV files of the reference, shipped or a user's: bytes in, checked rows out. All that is wrong is said at once.

An empty cell is unknown: NULL, never 0. Users' files may have their columns in any order, leave out those that need not
be filled, and come as spreadsheets save them: with a byte order mark, CRLF, semicolons or tabs.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Protocol

from aiwire.exceptions import AiwireError, ConfigError, InputError
from db.reference.tables import (
    FACT_UNITS,
    FACTS,
    KEYS,
    OBSERVATIONS,
    REFERENCES,
    TABLES,
    Column,
    Key,
    Row,
    key_of,
)

__all__ = [
    "MAX_BYTES",
    "MAX_CELL",
    "MAX_ERRORS",
    "MAX_ROWS",
    "columns_for",
    "read_rows",
    "read_shipped",
    "shipped_bytes",
]

DATA: Traversable = resources.files("db.reference") / "data"

MAX_BYTES = 20_000_000
MAX_ROWS = 500_000
MAX_CELL = 2_000  # characters
MAX_HISTORY = 3_000  # prices of one offer in a file: settling which one holds takes the square of their number
MAX_ERRORS = 20  # of one file that are said
MIN_SOURCE = 3  # characters of a source that a user names: "own contract" can be looked up by who has it, "-" cannot

_NOT_FOR_USERS = ("superseded_at", "implausible")  # which follow from other rows and from the rules
_DELIMITERS = ",;\t"
_TABLE_HELP = "`aiwire reference template {table}` prints the columns"


def read_rows(
    table: str,
    content: bytes,
    *,
    name: str,
    users: bool = False,
    as_of: str | None = None,
    ids: Mapping[str, Collection[str]] | None = None,
    faults_of: Callable[[Row], Iterable[str]] | None = None,
) -> list[Row]:
    """Return the rows of a file, with all columns of their table's file.

    Args:
        table: one of `TABLES`; of `OBSERVATIONS` for users' files.
        content: the file.
        name: of the file, for messages.
        users: it is a user's file: more forms are accepted, but no statement on what holds.
        as_of: ISO date for the rows of a user's file that do not say when their source was read, usually today;
            nothing in the file may be later. None: every row must say so.
        ids: table -> ids that there are; references to tables that are not given are not checked.
        faults_of: says what else is wrong with a row, as far as this layer cannot know it; each is told with its line.

    Raises:
        ConfigError: a shipped file is not as it should be. Each line of the message names file, line and remedy.
        InputError: the same of a user's file.
    """
    error = InputError if users else ConfigError
    if users and table not in OBSERVATIONS:
        known = f"these can be imported: {', '.join(OBSERVATIONS)}"
        near = get_close_matches(table, OBSERVATIONS, n=1)
        raise InputError(f"there is no table '{table}' for imports; {known}" + (f"; '{near[0]}'?" if near else ""))
    reading = _Reading(table, name, users, as_of, ids or {}, faults_of)
    try:
        rows = list(reading.rows(_decoded(content, name, error, users=users)))
    except _TooManyError:
        reading.problems.append(f"{name}: reading stopped after {MAX_ERRORS} errors")
        rows = []
    if reading.problems:
        raise error("\n".join(reading.problems))
    return rows


def shipped_bytes(table: str) -> bytes:
    """Return the shipped file of a table."""
    return (DATA / f"{table}.csv").read_bytes()


def read_shipped(contents: Mapping[str, bytes]) -> dict[str, list[Row]]:
    """Return the rows of all shipped files, by table; references between them lead somewhere.

    Raises:
        ConfigError: a file is not as it should be.
    """
    rows: dict[str, list[Row]] = {}
    ids: dict[str, set[str]] = {}
    for table, content in contents.items():
        rows[table] = read_rows(table, content, name=f"db/reference/data/{table}.csv", ids=ids)
        ids[table] = {str(row["id"]) for row in rows[table] if "id" in row}
    return rows


def columns_for(table: str, *, users: bool) -> dict[str, Column]:
    """Return the columns that a file of a table may have."""
    return {name: column for name, column in TABLES[table].items() if not (users and name in _NOT_FOR_USERS)}


class _CsvReader(Protocol):
    """What csv.reader() returns, for which typeshed has no name."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


class _TooManyError(Exception):
    """So much is wrong that more of it helps nobody."""


@dataclass(slots=True)
class _Reading:
    """The state of reading one file."""

    table: str
    name: str
    users: bool
    as_of: str | None
    ids: Mapping[str, Collection[str]]
    faults_of: Callable[[Row], Iterable[str]] | None
    problems: list[str] = field(default_factory=list)
    seen: dict[Key, int] = field(default_factory=dict)  # key of what holds, or id -> line
    rows_of: Counter[Key] = field(default_factory=Counter)

    def rows(self, text: str) -> Iterator[Row]:
        """Yield the good rows; what is wrong with the others goes into `problems`."""
        columns = columns_for(self.table, users=self.users)
        delimiter = _delimiter(text, columns) if self.users else ","
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        head = self._head(self._next(reader), columns)
        if head is None:
            return
        first, rows = 2, 0
        while (cells := self._next(reader)) is not None:
            line, first = first, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            rows += 1
            if rows > MAX_ROWS:
                self._say(line, f"more than {MAX_ROWS} rows; split the file")
                return
            row = self._row(line, head, cells, columns)
            if row is not None and self._is_consistent(line, row):
                yield row

    def _say(self, line: int, what: str) -> None:
        if len(self.problems) >= MAX_ERRORS:
            raise _TooManyError
        self.problems.append(f"{self.name}:{line}: {what}")

    def _head(self, cells: Sequence[str] | None, columns: Mapping[str, Column]) -> list[str] | None:
        """Return the names of the columns as the file has them; None: they cannot be used."""
        if cells is None:
            if not self.problems:
                self._say(1, f"is empty; {_TABLE_HELP.format(table=self.table)}")
            return None
        names = [cell.strip() for cell in cells]
        if not self.users and names != list(columns):
            self._say(1, f"the columns must be {', '.join(columns)}")
            return None
        before = len(self.problems)
        for name in names:
            if name in _NOT_FOR_USERS and name not in columns:
                self._say(1, f"a column '{name}' is not accepted: it follows from other rows; leave it out")
            elif name not in columns:
                near = get_close_matches(name.lower(), columns, n=1)
                hint = f"did you mean '{near[0]}'?" if near else _TABLE_HELP.format(table=self.table)
                self._say(1, f"there is no column {_shown(name)}; {hint}")
            elif names.count(name) > 1:
                self._say(1, f"the column '{name}' is there {names.count(name)} times")
        missing = [
            name for name, column in columns.items()
            if column.required and name not in names and not (name == "as_of" and self.as_of)
        ]  # fmt: skip
        if missing:
            self._say(1, f"the column {', '.join(missing)} is missing; {_TABLE_HELP.format(table=self.table)}")
        return names if len(self.problems) == before else None

    def _row(self, line: int, head: Sequence[str], cells: Sequence[str], columns: Mapping[str, Column]) -> Row | None:
        if len(cells) != len(head):
            self._say(line, f"has {len(cells)} cells, the head has {len(head)}; a cell with a separator needs quotes")
            return None
        given = dict(zip(head, (cell.strip() for cell in cells), strict=True))
        before = len(self.problems)
        row = {name: self._value(line, name, column, given.get(name, "")) for name, column in columns.items()}
        return {name: row.get(name) for name in TABLES[self.table]} if len(self.problems) == before else None

    def _value(self, line: int, name: str, column: Column, cell: str) -> str | int | float | None:
        if not cell:
            if name == "as_of" and self.users and self.as_of:
                return self.as_of
            if column.required:
                self._say(line, f"{name} must not be empty: {column.meaning}")
            return column.empty
        if len(cell) > MAX_CELL:
            self._say(line, f"{name} has {len(cell)} characters; at most {MAX_CELL} are read")
            return None
        try:
            return column.read(cell)
        except ValueError as e:
            self._say(line, f"{name} {_shown(cell)}: {e}")
            return None

    def _is_consistent(self, line: int, row: Row) -> bool:
        """Check what no cell shows alone: ids that are known, keys that are there once, facts by their kind."""
        before = len(self.problems)
        for column, target in REFERENCES.get(self.table, ()):
            if row[column] and target in self.ids and row[column] not in self.ids[target]:
                near = get_close_matches(str(row[column]), self.ids[target], n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                self._say(line, f"{column} {_shown(str(row[column]))} is not in {target}{hint}")
        if self.table == "accelerator_facts":
            self._check_fact(line, row)
        if self.users:
            self._check_origin(line, row)
        for fault in self.faults_of(row) if self.faults_of else ():
            self._say(line, fault)
        self._check_once(line, row)
        return len(self.problems) == before

    def _check_fact(self, line: int, row: Row) -> None:
        fact = str(row["fact"])
        if row["unit"] != FACT_UNITS[fact]:
            self._say(line, f"the unit of {fact} must be {FACT_UNITS[fact] or 'left empty'}")
        try:
            FACTS[fact](str(row["value"]))
        except ValueError as e:
            self._say(line, f"{fact} {_shown(str(row['value']))}: {e}")

    def _check_origin(self, line: int, row: Row) -> None:
        """Refuse a user's row that nobody can trace, or that is of a day to come: nothing newer could replace it."""
        if len(str(row["source"])) < MIN_SOURCE:
            self._say(line, f"source {_shown(str(row['source']))}: say where the value is from: an address, a contract")
        for name in ("as_of", "price_date"):
            day = str(row.get(name) or "")
            if self.as_of and day > self.as_of[: len(day)]:
                self._say(line, f"{name} {day} is after {self.as_of}: it must be today or before")

    def _check_once(self, line: int, row: Row) -> None:
        """Refuse an id, or a key among what holds, that was there before; a user's prices may be a history."""
        if row.get("superseded_at") or row.get("implausible"):
            return
        key = key_of(self.table, row) if self.table in KEYS else (row["id"],)
        self.rows_of[key] += 1
        if self.rows_of[key] == MAX_HISTORY + 1:
            self._say(line, f"more than {MAX_HISTORY} prices of {_listed(key)}; leave the oldest out")
        if self.users:
            key += (row.get("price_date"),)
        if (other := self.seen.setdefault(key, line)) != line:
            self._say(line, f"{_listed(key)} was there before, in line {other}; only one row can hold")

    def _next(self, reader: _CsvReader) -> list[str] | None:
        """Return the next row; None: there is none, or what follows cannot be told apart."""
        line = reader.line_num + 1
        try:
            return next(reader, None)
        except csv.Error as e:
            self._say(line, f"{e}; from here on it cannot be read: look for a quote that is not closed")
            return None


def _decoded(content: bytes, name: str, error: type[AiwireError], *, users: bool) -> str:
    if len(content) > MAX_BYTES:
        raise error(f"{name}: has {len(content)} bytes; at most {MAX_BYTES} are read: split the file")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise error(f"{name}: is UTF-16; save it as CSV in UTF-8")
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise error(f"{name}:{line}: holds a NUL byte: it is no CSV file, or is damaged")
    try:
        return content.decode("utf-8-sig" if users else "utf-8")
    except UnicodeDecodeError as e:
        line = content[: e.start].count(b"\n") + 1
        raise error(f"{name}:{line}: is not UTF-8 (byte 0x{content[e.start]:02x}); save it as CSV in UTF-8") from e


def _delimiter(text: str, columns: Collection[str]) -> str:
    """Return what separates the names in the first line: what gives the most names that we know."""
    head = text[:MAX_CELL].splitlines()[0] if text else ""
    return max(_DELIMITERS, key=lambda d: sum(name.strip(' "') in columns for name in head.split(d)))


def _listed(key: Key) -> str:
    return ", ".join(str(cell) for cell in key if cell is not None)


def _shown(cell: str) -> str:
    """Return a cell for a message: a part of it, if it is long."""
    return repr(cell if len(cell) <= 60 else cell[:57] + "...")
