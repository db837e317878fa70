"""What the reader of an export must know to use it: the sidecar of a file, and the dictionary of all tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from io import BytesIO
from typing import Any

import polars as pl
from sqlite_utils import Database

from aiwire.types import iso
from db.exports.request import ExportRequest
from db.exports.table import Column, Table, schema
from db.exports.writers import write_table

__all__ = ["DICTIONARY_HEADER", "RULES", "dictionary", "sidecar", "sources_hash"]

RULES = {
    "licence": "CC0-1.0 for the counts; the texts behind them belong to their publishers",
    "week": "ISO 8601: Monday 00:00 to Sunday 24:00, UTC; not the weeks from Sunday of other tools",
    "date": "an article is in the period of its publication date, UTC, or of the day it was first seen where that date"
    " is absent, before 1995 or more than a day ahead; what a source held without such a date when it was first read is"
    " in no period",
    "dedupe": "near-identical articles (syndication, wire copies, re-posts) are one story; none is left out: articles,"
    " stories and publishers are counted side by side",
    "counting": "an article counts once for every entity it names, so shares do not sum to 1; a company that is"
    " only quoted, or where something was posted, is not counted",
    "empty": "unknown, or a ratio whose denominator is 0; never 0",
    "timezone": "UTC",
    "encoding": "UTF-8; CSV: lines end in LF, RFC 4180 quoting, a byte order mark only with --excel; JSON: one array, a"
    " row on each line; reals are rounded to 6 decimals",
    "text_cells": "in CSV, a text that begins with = + - or @, white space aside, or with a tab or carriage return, has"
    " an apostrophe before it, so that no spreadsheet runs it",
}

_DICTIONARY = tuple(
    Column(name, "text", "", "") for name in ("table", "column", "type", "unit", "description", "formula", "empty")
)
DICTIONARY_HEADER = ",".join(column.name for column in _DICTIONARY) + "\n"


def sidecar(
    table: Table, request: ExportRequest, sources: Mapping[str, Any], written: Mapping[str, Any], *, version: str
) -> str:
    """Return the text of the `.meta.json` of a file.

    Args:
        table: what is in the file.
        request: what was asked for.
        sources: `sources_hash`, of the same moment.
        written: more for the end of it: the parameters of the export, and what came of it (rows, bytes, sha256).
        version: of aiwire.
    """
    meta = {
        "title": table.title or table.name,
        "table": table.name,
        "columns": _by_column(table.columns, "description"),
        "types": _by_column(table.columns, "type"),
        "units": _by_column(table.columns, "unit"),
        "formulas": _by_column(table.columns, "formula"),
        "nulls": _by_column(table.columns, "null"),
        "key": table.key,
        **RULES,
        **table.rules,
        **table.meta,
        "sources": sources,
        "selection": _selection(request),
        "aiwire_version": version,
        "as_of": iso(request.now),
        **written,
    }
    return json.dumps(meta, ensure_ascii=False, indent=2) + "\n"


def sources_hash(db: Database) -> dict[str, Any]:
    """Return the number of sources and a hash of all that the table says of them."""
    rows = list(db.query("SELECT * FROM sources ORDER BY id"))
    listed = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return {
        "number": len(rows),
        "sha256": sha256(listed.encode()).hexdigest(),
        "hashed": "rows of the table sources, by id, as a JSON array of objects without spaces, UTF-8",
    }


def dictionary(tables: Mapping[str, Iterable[Column]]) -> bytes:
    """Return `dictionary.csv`: every column of every table."""
    rows = [
        (name, column.name, column.type, column.unit, column.description, column.formula, column.null)
        for name, columns in tables.items()
        for column in columns
    ]
    out = BytesIO()
    frame = pl.DataFrame(rows, schema=schema(_DICTIONARY), orient="row")
    write_table(Table("dictionary", _DICTIONARY, ("table", "column"), iter([frame]), {}), out, "csv")
    return out.getvalue()


def _by_column(columns: Iterable[Column], field: str) -> dict[str, str]:
    """Return a field of the columns that have it, by name."""
    return {column.name: getattr(column, field) for column in columns if getattr(column, field)}


def _selection(request: ExportRequest) -> dict[str, Any]:
    """Return the rows that were asked for, defaults included."""
    return {
        "grain": request.grain,
        "since": request.since and str(request.since),
        "until": request.until and str(request.until),
        "kinds": request.kinds,
        "entities": request.entities,
        "segment": request.segment,
        "cell": request.cell,
    }
