"""A value of the reference with its footnote, and how old it is."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlite_utils import Database

__all__ = [
    "USABLE",
    "Figure",
    "aged",
    "and_note",
    "at_best",
    "end_of",
    "ends_of",
    "is_old",
    "is_yours",
    "months_between",
    "rows_of",
    "undated",
]

OLD_MONTHS = 18  # after which a price is said to be old
OLD_YEARS = 3  # after which a statistic of a year is trusted less
USABLE = "superseded_at IS NULL AND implausible IS NULL"  # of rows: all others are history, or shown and never used


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its range and its footnote; `dated` is an ISO date, a month or a year, None where no source says."""

    low: float
    mid: float
    high: float
    source: str
    dated: str | None
    trust: str = "good"
    note: str | None = None


def is_old(dated: str, today: date) -> bool:
    """Tell whether a date, month or year ended more than 18 months ago."""
    return months_between(end_of(dated), today) > OLD_MONTHS


def aged(figure: Figure, today: date, *, since: str | None = None, is_market: bool = True) -> Figure:
    """Return the figure with a warning if it is old, and with less trust: a market price soon, a statistic later.

    Args:
        since: last day on which it was seen to hold, if that is not its date.
        is_market: prices of hardware and its hours fall by the month; statistics of a year are late by nature.
    """
    seen = since or figure.dated
    if seen is None or not is_old(seen, today):
        return figure
    if not is_market and (years := int(months_between(end_of(seen), today) / 12)) >= OLD_YEARS:
        return replace(figure, trust=at_best(figure.trust, "fair"), note=f"{years} years old{and_note(figure.note)}")
    warning = f"older than {OLD_MONTHS} months"
    return replace(
        figure,
        trust="weak" if is_market else figure.trust,
        note=f"{figure.note}; {warning}" if figure.note else warning,
    )


def undated(figure: Figure, *, read: str) -> Figure:
    """Return a figure of which the source gives no date: the day on which it was read is no date of the price."""
    return replace(
        figure, dated=None, trust=at_best(figure.trust, "fair"), note=f"not dated, read {read}{and_note(figure.note)}"
    )


def at_best(trust: str, limit: str) -> str:
    """Return how far something can be trusted of which no more than `limit` can be said."""
    return max(trust, limit, key=("good", "fair", "weak", "choice").index)


def is_yours(row: Mapping[str, Any]) -> bool:
    """Tell whether the user imported a row."""
    return str(row["origin"]).startswith("import:")


def ends_of(values: Iterable[float]) -> tuple[float, float]:
    known = list(values)
    return min(known), max(known)


def end_of(dated: str) -> date:
    """Return the last day of a date, month or year: a figure of 2025 is newer than one of June 2025."""
    year, *rest = (int(part) for part in dated[:10].split("-"))
    month = rest[0] if rest else 12
    return date(year, month, rest[1] if len(rest) > 1 else calendar.monthrange(year, month)[1])


def months_between(earlier: date, later: date) -> float:
    return (later - earlier).days / 30.4375


def and_note(note: str | None) -> str:
    return f"; {note}" if note else ""


def rows_of(db: Database, sql: str, values: Any) -> list[dict[str, Any]]:
    cursor = db.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
