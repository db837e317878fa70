"""What an accelerator costs to buy: what shops ask for it, what it is estimated at, or its price at launch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from statistics import median
from typing import Any

from sqlite_utils import Database

from db.reference.figures import (
    USABLE,
    Figure,
    aged,
    and_note,
    end_of,
    ends_of,
    is_old,
    is_yours,
    months_between,
    rows_of,
    undated,
)
from db.reference.lookup import Part

__all__ = ["purchase_price"]

SPAN_MONTHS = 12  # prices up to so much older than the newest are of the same time
NAMED = 4  # other prices that a note names
_KINDS = ("street", "list", "estimate", "launch")  # what is asked goes before what is reckoned; a launch price is last

_Row = dict[str, Any]


def purchase_price(db: Database, part: Part, *, today: date) -> Figure | None:
    """Return the price of one accelerator in US dollars; None: no price is known.

    Of the prices of the 12 months before the newest, those of the best kind count: street, else list, else estimate.
    The middle one is taken, all of them are the range, and the note tells what the others say. One without a date
    counts only where none has one.

    A price of the family at large counts where the part has none of its own, or none of the last 18 months and none
    of the same time. Then comes the price at launch, then, trusted less, those of a part of the family with as much
    memory. What is not the part's own, or old, is said. What the user imported goes before all else.
    """
    rows = _rows(db, part)
    own = [row for row in rows if row["accelerator_id"] == part.id]
    family = [row for row in rows if row["accelerator_id"] is None]
    alike = [row for row in rows if row["memory_gb"] and row["memory_gb"] == part.memory_gb and row not in own]
    own_later, family_later = _later(own), _later(family)
    beside = [*own_later, *family_later]
    of_now = [row for row in _of_newest_time(beside) if row in own]
    at_large = _middle_price(family_later, beside, part, today)
    return (
        (_middle_price(of_now, beside, part, today) if of_now else None)
        or (at_large if at_large and at_large.dated and not is_old(at_large.dated, today) else None)
        or _middle_price(own_later, beside, part, today)
        or at_large
        or _middle_price(own, [], part, today)
        or _launch_fact(db, part, today)
        or _middle_price(family, [], part, today)
        or _middle_price(alike, [], part, today)
    )


def _rows(db: Database, part: Part) -> list[_Row]:
    """Return the prices of single accelerators of a family: what the user imported of this part, else all."""
    rows = rows_of(
        db,
        f"""
        SELECT accelerator_id, kind, item, gpu_count, usd, usd_low, usd_high, price_date, hardware_prices.as_of,
            hardware_prices.origin, hardware_prices.source, note, accelerators.memory_gb
        FROM hardware_prices LEFT JOIN accelerators ON accelerators.id = accelerator_id
        WHERE hardware_prices.family_id = ? AND kind IN ('street', 'list', 'estimate', 'launch') AND {USABLE}
            AND coalesce(usd, usd_low, usd_high) IS NOT NULL
        ORDER BY hardware_prices.id
        """,
        [part.family_id],
    )
    return [row for row in _later(rows) if is_yours(row) and row["accelerator_id"] in (part.id, None)] or rows


def _later(rows: Sequence[_Row]) -> list[_Row]:
    return [row for row in rows if row["kind"] != "launch"]


def _of_newest_time(rows: Sequence[_Row]) -> list[_Row]:
    """Return the prices of the year before the newest; all, where none has a date: when they held, nobody knows."""
    dated = [row for row in rows if row["price_date"]]
    if not dated:
        return list(rows)
    newest = max(end_of(row["price_date"]) for row in dated)
    return [row for row in dated if months_between(end_of(row["price_date"]), newest) <= SPAN_MONTHS]


def _middle_price(known: Sequence[_Row], beside: Sequence[_Row], part: Part, today: date) -> Figure | None:
    """Return the middle one of the newest prices of the best kind, by accelerator; None: there is none.

    Args:
        known: of which it is taken.
        beside: prices that the note names where they are of the same time, or the part's own.
    """
    if not known:
        return None
    span = _of_newest_time(known)
    kind = min((row["kind"] for row in span), key=_KINDS.index)
    counted = sorted((row for row in span if row["kind"] == kind), key=lambda row: (_usd(row), row["source"]))
    middle = counted[(len(counted) - 1) // 2 : len(counted) // 2 + 1]  # one, or the two around the median
    low, high = ends_of(end for row in counted for end in _ends(row))
    is_other_part = middle[0]["accelerator_id"] not in (part.id, None)
    is_at_large = middle[0]["accelerator_id"] is None
    others = [
        row
        for row in beside
        if row not in counted
        and row["price_date"]
        and (row in _of_newest_time([*counted, row]) or (is_at_large and row["accelerator_id"]))
    ]
    figure = Figure(
        low,
        median(map(_usd, middle)),
        high,
        " | ".join(dict.fromkeys(row["source"] for row in middle)),
        min((row["price_date"] for row in middle), key=end_of) if middle[0]["price_date"] else None,
        "weak" if kind == "launch" or is_other_part else "good" if is_yours(middle[0]) else "fair",
        _said(counted, middle, others, part),
    )
    if figure.dated is None:
        figure = undated(figure, read=middle[0]["as_of"])
    return aged(figure, today, since=figure.dated or middle[0]["as_of"])


def _said(counted: Sequence[_Row], middle: Sequence[_Row], others: Sequence[_Row], part: Part) -> str:
    """Return what kind of price it is, of what, and what is known beside it."""
    row = middle[0]
    what = {"launch": "price at launch", "estimate": "estimated price"}
    said = what.get(row["kind"], f"{row['kind']} price") + " of " + " and ".join(dict.fromkeys(map(_item, middle)))
    if row["kind"] == "launch":
        said += ", no later one is known"
    if len(counted) > 1:
        said += f", the median of {len(counted)} of this kind"
    if row["accelerator_id"] is None:
        own = [each for each in others if each["accelerator_id"]]
        said += f"; of {part.family_id} at large, {'its own is older' if own else f'none of {part.id} itself is known'}"
    elif row["accelerator_id"] != part.id:
        sisters = " and ".join(dict.fromkeys(each["accelerator_id"] for each in middle if each["accelerator_id"]))
        said += f"; of {sisters}, none of {part.id} is known"
    said += "".join(and_note(note) for note in dict.fromkeys(row["note"] for row in middle))
    if others:
        newest = sorted(others, key=lambda each: end_of(each["price_date"]), reverse=True)
        said += "; not counted: " + ", ".join(map(_beside, newest[:NAMED])) + (" …" if len(newest) > NAMED else "")
    return said


def _item(row: _Row) -> str:
    return f"{row['item']}, by {row['gpu_count']}" if row["gpu_count"] > 1 else str(row["item"])


def _beside(row: _Row) -> str:
    """Return in words a price of another kind: estimate 20,000 to 27,000 (2025)."""
    low, high = ends_of(_ends(row))
    return f"{row['kind']} {low:,.0f}{f' to {high:,.0f}' if low < high else ''} ({row['price_date']})"


def _launch_fact(db: Database, part: Part, today: date) -> Figure | None:
    """Return the launch price among the facts of the part."""
    rows = rows_of(
        db,
        f"""
        SELECT CAST(value AS REAL) AS usd, source, accelerator_facts.as_of, accelerator_facts.note,
            accelerators.release_date
        FROM accelerator_facts JOIN accelerators ON accelerators.id = accelerator_id
        WHERE accelerator_id = ? AND fact = 'launch_price_usd' AND standing = 'used' AND {USABLE}
        """,
        [part.id],
    )
    for row in rows:
        note = "price at launch, no later one is known" + and_note(row["note"])
        figure = Figure(row["usd"], row["usd"], row["usd"], row["source"], row["release_date"], "weak", note)
        if figure.dated is None:
            figure = undated(figure, read=row["as_of"])
        return aged(figure, today, since=figure.dated or row["as_of"])
    return None


def _ends(row: _Row) -> list[float]:
    """Return what a row says one accelerator costs: a price, its ends, or both."""
    return [row[column] / row["gpu_count"] for column in ("usd", "usd_low", "usd_high") if row[column] is not None]


def _usd(row: _Row) -> float:
    """Return the price of one accelerator; of a range its middle."""
    ends = _ends(row)
    return ends[0] if row["usd"] is not None else sum(ends) / len(ends)
