"""The rows that a shard left behind, without what tells where in which shard they stood: to compare two parts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl

__all__ = ["ROW_TABLES", "part_of", "report_of", "rows_by_url"]

ROW_TABLES = ("articles", "mentions", "article_entities", "prices", "sentences")
_PLACES = ("capture_id", "shard", "offset")


def part_of(folder: Path, file_name: str) -> Path:
    """Return the part of the shard that was made of a file of this name.

    Raises:
        LookupError: there is none, or more than one.
    """
    key = re.compile(re.escape(file_name) + r"-[a-z2-7]{8}\..*")
    found = [path for path in (folder / "parts").iterdir() if key.fullmatch(path.name)]
    if len(found) != 1:
        raise LookupError(f"{file_name}: {len(found)} parts")
    return found[0]


def report_of(part: Path) -> dict[str, Any]:
    """Return the report of a part."""
    return json.loads((part / "report.json").read_text())


def rows_by_url(part: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table, ordered, with the URL of their page in place of the capture."""
    captures = _table(part, "articles")
    urls = dict(captures.select("capture_id", "url").iter_rows()) if captures.height else {}
    return {name: _rows(_table(part, name), urls) for name in ROW_TABLES}


def _table(part: Path, name: str) -> pl.DataFrame:
    files = sorted(part.glob(f"{name}-*.parquet"))
    return pl.concat([pl.read_parquet(path) for path in files]) if files else pl.DataFrame()


def _rows(table: pl.DataFrame, urls: dict[int, str]) -> list[dict[str, Any]]:
    rows = []
    for row in table.iter_rows(named=True):
        rows.append({"url": urls[row["capture_id"]]} | {k: v for k, v in row.items() if k not in _PLACES})
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str))
