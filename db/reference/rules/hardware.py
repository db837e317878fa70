"""Rules of what cards, boards, servers and systems cost."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from db.reference.rules.bands import HardwarePrices, each, is_judged
from db.reference.rules.names import families_named
from db.reference.rules.types import Context, Row, Rule, holds, number
from db.reference.tables import key_of

__all__ = ["HARDWARE_RULES"]

_ENDS = ("usd", "usd_low", "usd_high")
_ALIKE = 0.05  # how near the price of one accelerator comes to that of a system if it is that of a system
_UNDATED_MOVE = 2.5  # by which an undated price moves at most from one reading of a source to the next
_DATED_MOVE = 1.3  # by which a source corrects the price of a day at most
_DIE = re.compile(
    r"\b(AD|GA|GB|GH|GM|GP|GV|TU)\d{3}-\d{2,4}[A-Z]?-[A-Z]\d\b|\b(bare|naked) (die|chip)\b", re.IGNORECASE
)
_SHARE = 0.0002  # a price so near to a system's price divided by its accelerators is that share, rounded


def _is_priced(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in enumerate(rows):
        usd, low, high = (number(row.get(column)) for column in _ENDS)
        if usd is None and (low is None or high is None):
            yield i, "neither a price nor both ends of a range"
        if any(price is not None and price <= 0 for price in (usd, low, high)):
            yield i, "a price of 0 or less: leave it empty if it is unknown"
        if low is not None and high is not None and not low <= (low if usd is None else usd) <= high:
            yield i, f"not in order: low {low:g}, price {usd if usd is None else f'{usd:g}'}, high {high:g}"


def _in_band(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    prices = HardwarePrices(context)
    for i, row in enumerate(rows):
        if not is_judged(row):
            continue
        band = prices.band(row)
        for column in _ENDS:
            price = each(row, column)
            if price is not None and (why := band.refuses(price)):
                yield i, f"{column}, by accelerator: {why}"


def _no_share(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    systems: dict[object, dict[tuple[object, ...], tuple[float, Row]]] = defaultdict(dict)
    for row in (*context.tables.get("hardware_prices", ()), *rows):
        count, price = number(row.get("gpu_count")), each(row)
        if row.get("kind") == "system" and count and count > 1 and price is not None:
            systems[row.get("family_id")][row.get("item"), row.get("usd")] = (price, row)
    for i, row in enumerate(rows):
        price = number(row.get("usd"))
        if not is_judged(row) or row.get("kind") == "system" or number(row.get("gpu_count")) != 1 or price is None:
            continue
        for share, system in systems[row.get("family_id")].values():
            if abs(price / share - 1) < _SHARE:
                yield i, f"${price:g} is the price of a {system.get('item')} divided by {system.get('gpu_count')}"
                break


def _of_family(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    for i, row in enumerate(rows):
        part, family = row.get("accelerator_id"), row.get("family_id")
        if part and context.family_of.get(str(part)) != family:
            yield i, f"{part} is not a part of {family}"
        if family not in context.families:
            yield i, f"there is no family {family}"


def _right_family(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    for i, row in enumerate(rows):
        family = str(row.get("family_id"))
        named = families_named(f"{row.get('item')} {_page(row)}", context.families)
        named = frozenset(other for other in named if _vendor(other) == _vendor(family))  # articles compare vendors
        if is_judged(row) and named and family in context.families - named:
            yield i, f"item and page name {', '.join(sorted(named))}, not {family}"


def _vendor(family: str) -> str:
    return family.partition("-")[0]


def _page(row: Row) -> str:
    """Return the last part of the address of a source, where shops name what they sell; empty: there is none."""
    source = str(row.get("source") or "").rstrip("> /")
    return source.rpartition("/")[2] if "/" in source else ""


def _counted(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    """The price of a whole system, entered as that of one accelerator."""
    systems: dict[object, list[Row]] = defaultdict(list)
    for row in context.tables.get("hardware_prices", ()):
        if is_judged(row) and (number(row.get("gpu_count")) or 1) > 1 and number(row.get("usd")):
            systems[row.get("family_id")].append(row)
    for i, row in enumerate(rows):
        price = number(row.get("usd"))
        if not is_judged(row) or price is None or number(row.get("gpu_count")) != 1:
            continue
        for system in systems[row.get("family_id")]:
            same = row.get("kind") == "system" and row.get("item") == system.get("item")
            if same or abs(price / (number(system.get("usd")) or price) - 1) < _ALIKE:
                what = f"a {system.get('item')} with {system.get('gpu_count')} costs ${number(system.get('usd')):,g}"
                yield i, f"${price:,g} for one accelerator, and {what}: the price of the whole?"
                break


def _no_die(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in enumerate(rows):
        found = _DIE.search(" ".join(str(row.get(column) or "") for column in ("item", "source")))
        if is_judged(row) and found:
            yield i, f"{found[0]} is a chip without memory or board"


def _not_moved(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    current = {key_of("hardware_prices", row): row for row in context.tables.get("hardware_prices", ()) if holds(row)}
    for i, row in enumerate(rows):
        before = current.get(key_of("hardware_prices", row))
        if before is None or not holds(row):
            continue
        most = _DATED_MOVE if row.get("price_date") else _UNDATED_MOVE
        for column in _ENDS:
            old, new = number(before.get(column)), number(row.get(column))
            if old and new and not 1 / most <= new / old <= most:
                yield i, f"{column} ${new:,g}, and ${old:,g} by the same source, of {row.get('price_date') or 'before'}"


HARDWARE_RULES = (
    Rule(
        "hardware-price-above-0",
        "hardware_prices",
        "a row says a price or a range from low to high, and unknown is empty, not 0",
        _is_priced,
    ),
    Rule(
        "hardware-price-in-band",
        "hardware_prices",
        "by accelerator, the family's other prices tell what one can be: the price of a rack or of a cable falls out",
        _in_band,
    ),
    Rule(
        "hardware-price-no-share-of-a-system",
        "hardware_prices",
        "a system's price divided by its accelerators contains processors, memory and network",
        _no_share,
    ),
    Rule("hardware-part-of-family", "hardware_prices", "part and family name the same thing", _of_family),
    Rule(
        "hardware-names-its-family",
        "hardware_prices",
        "a shop's page that names another accelerator has another's price",
        _right_family,
    ),
    Rule(
        "hardware-system-not-as-one",
        "hardware_prices",
        "a server with eight accelerators that is entered as one makes that one eight times too dear",
        _counted,
    ),
    Rule(
        "hardware-no-bare-die", "hardware_prices", "a chip is not a card: memory, board and cooler cost more", _no_die
    ),
    Rule(
        "hardware-price-not-moved",
        "hardware_prices",
        "what a source said of a day does not change; a list price is not multiplied",
        _not_moved,
    ),
)
