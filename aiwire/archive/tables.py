"""The tables of an archive as DuckDB reads them: views over Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import polars as pl
from duckdb import DuckDBPyConnection

from aiwire.archive.schemas import ARCHIVE_TABLES, PARTITIONED, Columns
from aiwire.exceptions import ConfigError

__all__ = ["MEMORY_LIMIT", "TABLES", "connect", "create_view", "open_tables", "read_meta", "tables_folder"]

TABLES = "tables"  # the link in the folder of an archive
MEMORY_LIMIT = 1 << 30  # bytes
_TYPES = {
    pl.String: "VARCHAR", pl.Int64: "BIGINT", pl.Int32: "INTEGER", pl.Float64: "DOUBLE", pl.Boolean: "BOOLEAN",
}  # fmt: skip


def open_tables(folder: Path, *, memory_limit_bytes: int = MEMORY_LIMIT) -> DuckDBPyConnection:
    """Return a connection with a view for each of `ARCHIVE_TABLES`.

    It reads the generation that is there now; one that is assembled meanwhile takes the files away.

    Args:
        folder: of the archive.
        memory_limit_bytes: what DuckDB may hold; the rest spills into `folder`, and is gone when it is closed.

    Raises:
        ConfigError: nothing was assembled there.
    """
    tables = tables_folder(folder)
    spill = folder / f".spill-{uuid4().hex}"  # two processes would write into the same files
    db = connect(spill, memory_limit_bytes=memory_limit_bytes)
    for name, columns in ARCHIVE_TABLES.items():
        if name in PARTITIONED:
            create_view(db, name, sorted((tables / name).glob("*/*.parquet")), columns)
        else:
            create_view(db, name, [tables / f"{name}.parquet"], columns)
    return db


def tables_folder(folder: Path) -> Path:
    """Return the folder of the generation that counts.

    Raises:
        ConfigError: nothing was assembled there.
    """
    tables = folder / TABLES
    if not tables.is_dir():
        raise ConfigError(f"{folder}: there is no archive with tables; make them with `aiwire archive run`")
    return tables.resolve()


def read_meta(tables: Path) -> dict[str, Any]:
    """Return what a generation tells of itself: `assemble` wrote it."""
    found: dict[str, Any] = json.loads((tables / "meta.json").read_text(encoding="utf-8"))
    return found


def connect(temporary: Path, *, memory_limit_bytes: int, database: Path | None = None) -> DuckDBPyConnection:
    """Return a connection that spills to `temporary`, which DuckDB makes when it has to; without one, in memory."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_limit_bytes}B",
        "temp_directory": str(temporary),
        "autoinstall_known_extensions": False,  # no network
        "autoload_known_extensions": False,
    }
    return duckdb.connect(":memory:" if database is None else str(database), config=config)


def create_view(db: DuckDBPyConnection, name: str, files: Sequence[Path], columns: Columns) -> None:
    """Make a view of Parquet files, or of no rows where there is no file.

    A column `day` that the files lack is that of their folders, day=2026-11-16.
    """
    if files:
        wanted = ", ".join(f'"{column}"' for column in columns)
        paths = ", ".join(_quoted(str(file)) for file in files)
        partition = ", hive_partitioning = true, hive_types = {'day': VARCHAR}" if name in PARTITIONED else ""
        source = f"{wanted} FROM read_parquet([{paths}]{partition})"
    else:
        source = ", ".join(f'NULL::{_type(of)} AS "{column}"' for column, of in columns.items()) + " WHERE false"
    db.execute(f"CREATE VIEW {name} AS SELECT {source}")


def _type(of: pl.DataType) -> str:
    return f"{_type(of.inner)}[]" if isinstance(of, pl.List) else _TYPES[type(of)]  # type: ignore[arg-type]  # polars types `inner` as a class too


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
