"""The reference tables: what the hardware is and costs, loaded from the CSV files beside this module.

An empty cell is unknown: NULL, never 0. Where the figures come from is in README.md and in each row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from importlib import resources
from typing import Any

from sqlite_utils import Database

from aiwire.exceptions import AiwireError, ConfigError
from db.bands import settle_prices
from db.connection import transaction

__all__ = ["TABLES", "describe", "load_reference", "row_counts"]

Value = str | int | float | None
Row = dict[str, Value]


def _text(cell: str) -> str:
    return cell


def _real(cell: str) -> float:
    value = float(cell)
    if not 0 < value < float("inf"):
        raise ValueError("must be greater than 0; leave it empty if it is unknown")
    return value


def _count(cell: str) -> int:
    value = int(cell)
    if value < 1:
        raise ValueError("must be 1 or more")
    return value


@dataclass(frozen=True, slots=True)
class _Column:
    read: Callable[[str], Value]
    required: bool = False


NEEDED = _Column(_text, required=True)
TEXT = _Column(_text)
REAL = _Column(_real)

# table -> its columns, as in the file; the tables in the order in which they refer to each other
TABLES: dict[str, dict[str, _Column]] = {
    "accelerator_families": {
        "id": NEEDED, "vendor": NEEDED, "kind": NEEDED, "name": NEEDED, "source": NEEDED, "note": TEXT, "as_of": NEEDED,
    },
    "accelerators": {
        "id": NEEDED, "family_id": NEEDED, "vendor": NEEDED, "name": NEEDED, "segment": NEEDED, "architecture": TEXT,
        "release_date": TEXT, "memory_gb": REAL, "memory_type": TEXT, "bandwidth_gbs": REAL,
        "fp16_bf16_dense_tflops": REAL, "fp8_dense_tflops": REAL, "fp4_dense_tflops": REAL, "int8_dense_tops": REAL,
        "tdp_w": REAL, "tdp_term": TEXT, "interconnect": TEXT, "form_factor": TEXT, "launch_price_usd": REAL,
        "price_note": TEXT, "sources": NEEDED, "conflicts": TEXT, "quality_note": TEXT, "as_of": NEEDED,
    },
    "cloud_prices": {
        "provider": NEEDED, "accelerator_id": NEEDED, "gpu_count": _Column(_count, required=True),
        "instance_type": NEEDED, "region": TEXT, "ondemand_usd_per_gpu_hour": REAL, "spot_usd_per_gpu_hour": REAL,
        "price_date": TEXT, "source_repo": NEEDED, "source_path": NEEDED, "source_commit": NEEDED, "note": TEXT,
        "as_of": NEEDED,
    },
}  # fmt: skip
# table -> (column, table whose ids it names)
REFERENCES = {"accelerators": ("family_id", "accelerator_families"), "cloud_prices": ("accelerator_id", "accelerators")}


def load_reference(db: Database) -> None:
    """Bring the reference tables into the database; what is loaded already is left alone.

    New tables mean new bands: the prices in the database are judged again (`db.bands`).

    Raises:
        ConfigError: a data file is not as it should be; the message names file and line.
    """
    data = {table: _bytes(table) for table in TABLES}
    wanted = {f"{table}.csv": sha256(content).hexdigest() for table, content in data.items()}
    if dict(db.execute("SELECT name, sha256 FROM reference_files").fetchall()) == wanted:
        return
    rows = _read_all(data)
    with transaction(db):
        for table in reversed(TABLES):  # children first
            db.execute(f"DELETE FROM {table}")
        db.execute("DELETE FROM reference_files")
        for table, columns in TABLES.items():
            marks = ", ".join(f":{column}" for column in columns)
            db.conn.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows[table])
            db.execute(
                "INSERT INTO reference_files (name, sha256, rows) VALUES (?, ?, ?)",
                [f"{table}.csv", wanted[f"{table}.csv"], len(rows[table])],
            )
        settle_prices(db)


def row_counts(db: Database) -> dict[str, int]:
    """Return how many rows each reference table holds, by table."""
    return {table: int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in TABLES}


def describe(accelerator: str) -> list[dict[str, Any]]:
    """Return the parts with this id or family id, each with its `cloud_prices`, straight from the data files.

    Raises:
        AiwireError: there is neither such a part nor such a family with parts.
    """
    rows = _read_all({table: _bytes(table) for table in TABLES})
    parts = [row for row in rows["accelerators"] if accelerator in (row["id"], row["family_id"])]
    if not parts:
        known = sorted({str(row[column]) for row in rows["accelerators"] for column in ("id", "family_id")})
        near = get_close_matches(accelerator, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else "`aiwire reference show nvidia-h100` shows one that is"
        raise AiwireError(f"no accelerator or family with parts is called '{accelerator}'; {hint}")
    return [dict(part) | {"cloud_prices": _offers(rows["cloud_prices"], part["id"])} for part in parts]


def _offers(prices: list[Row], accelerator_id: Value) -> list[Row]:
    """Return the offers for a part, cheapest first, those without an on-demand price last.

    `price_date` is None if the source does not date the price; `read_on` is when the source was read.
    """
    shown = ("provider", "instance_type", "region", "gpu_count", "ondemand_usd_per_gpu_hour", "spot_usd_per_gpu_hour",
             "price_date")  # fmt: skip
    offers = [
        {column: row[column] for column in shown}
        | {
            "read_on": row["as_of"],
            "source": f"https://github.com/{row['source_repo']}/blob/{row['source_commit']}/{row['source_path']}",
            "note": row["note"],
        }
        for row in prices
        if row["accelerator_id"] == accelerator_id
    ]
    return sorted(offers, key=lambda row: float(row["ondemand_usd_per_gpu_hour"] or "inf"))


def _bytes(table: str) -> bytes:
    return resources.files("db.reference").joinpath(f"{table}.csv").read_bytes()


def _read_all(data: dict[str, bytes]) -> dict[str, list[Row]]:
    """Read and check all files together: ids are unique, references lead somewhere."""
    rows: dict[str, list[Row]] = {}
    ids: dict[str, set[Value]] = {}
    for table, content in data.items():
        rows[table], ids[table] = [], set()
        for line, row in _read(table, content):
            if table in REFERENCES:
                column, target = REFERENCES[table]
                if row[column] not in ids[target]:
                    raise _error(table, line, f"{column} '{row[column]}' is not in {target}.csv")
            if "id" in row:
                if row["id"] in ids[table]:
                    raise _error(table, line, f"the id '{row['id']}' was there before")
                ids[table].add(row["id"])
            rows[table].append(row)
    return rows


def _read(table: str, content: bytes) -> Iterator[tuple[int, Row]]:
    """Yield line number and values of each row of a file."""
    columns = TABLES[table]
    reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
    try:
        if tuple(reader.fieldnames or ()) != tuple(columns):
            raise _error(table, 1, f"the columns must be {', '.join(columns)}")
        for cells in reader:
            if None in cells or None in cells.values():
                raise _error(table, reader.line_num, f"must have {len(columns)} cells")
            yield reader.line_num, {name: _value(table, reader.line_num, name, cells[name]) for name in columns}
    except csv.Error as e:
        raise _error(table, reader.line_num, str(e)) from e


def _value(table: str, line: int, column: str, cell: str) -> Value:
    kind = TABLES[table][column]
    if not cell:
        if kind.required:
            raise _error(table, line, f"{column} must not be empty")
        return None
    try:
        return kind.read(cell)
    except ValueError as e:
        raise _error(table, line, f"{column} '{cell}': {e}") from e


def _error(table: str, line: int, what: str) -> ConfigError:
    return ConfigError(f"db/reference/{table}.csv:{line}: {what}")
