"""What a user's own file must look like."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from db.reference.files import columns_for

__all__ = ["describe_columns", "template"]


def template(table: str) -> str:
    """Return the head of a CSV file for a table: a file to fill in, without an example that could be imported."""
    return _line(columns_for(table, users=True))


def describe_columns(table: str) -> list[dict[str, str | bool]]:
    """Return name, meaning with unit, example and necessity of each column that a user's file may have.

    `as_of` is needed in the table, not in a file: rows without it were read on the day of the import.
    """
    return [
        {
            "column": name,
            "required": column.required and name != "as_of",
            "meaning": column.meaning,
            "example": column.example,
        }
        for name, column in columns_for(table, users=True).items()
    ]


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
