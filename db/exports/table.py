"""What an export is made of: documented columns, and rows as data frames of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

import polars as pl

__all__ = ["CHUNK_ROWS", "REAL_DECIMALS", "Column", "ColumnType", "Table", "frames", "schema"]

ColumnType = Literal["date", "text", "integer", "real", "boolean"]
CHUNK_ROWS = 20_000  # of one data frame: some 10 MB of the widest table
REAL_DECIMALS = 6  # of every real in every format

# boolean: 0 and 1, because pandas would make objects of true and false with empty cells between them
_TYPES: dict[ColumnType, pl.DataType] = {
    "date": pl.Date(),
    "text": pl.String(),
    "integer": pl.Int64(),
    "real": pl.Float64(),
    "boolean": pl.Int64(),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the sidecar and `dictionary.csv` describe it."""

    name: str
    type: ColumnType  # boolean: 0 or 1
    unit: str  # such as articles, share, code points, ISO date; "" for names
    description: str
    formula: str = ""  # how it is computed from other columns or tables, if it is
    null: str = ""  # what an empty cell means; "": it is never empty


@dataclass(frozen=True, slots=True)
class Table:
    """A table to export. The frames of `chunks` have exactly `columns`, typed by `schema`, and are sorted by `key`."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]  # no two rows have the same
    chunks: Iterator[pl.DataFrame]  # read within the snapshot that the table was made in; none: no row
    rules: Mapping[str, str]  # for the sidecar: how this table is counted, beside the rules of all tables
    title: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)  # more for the sidecar, ready for JSON


def schema(columns: Iterable[Column]) -> dict[str, pl.DataType]:
    """Return the type that polars gives each column."""
    return {column.name: _TYPES[column.type] for column in columns}


def frames(
    columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, size: int = CHUNK_ROWS
) -> Iterator[pl.DataFrame]:
    """Yield data frames of at most `size` of the `rows`, as SQL gives them: dates as ISO text, booleans as 0 or 1."""
    types = schema(columns)
    raw = {name: pl.String() if kind == pl.Date else kind for name, kind in types.items()}
    dates = [name for name, kind in types.items() if kind == pl.Date]
    rows = iter(rows)
    while chunk := list(islice(rows, size)):
        yield pl.DataFrame(chunk, schema=raw, orient="row").with_columns(pl.col(dates).str.to_date("%Y-%m-%d"))
