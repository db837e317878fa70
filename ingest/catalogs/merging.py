"""Rows of a catalogue -> offers: zones become their region, prices of instances become prices per accelerator."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from aiwire.types import Offer

__all__ = ["Quote", "merged"]

_DIGITS = 6  # of a price in dollars
_EQUAL = 1e-4  # relative: prices so near are one price

SEVERAL = "several on-demand prices in the region: the lowest is taken"
NO_DISCOUNT = "spot price equal to on-demand, so no discount is said: left out"
SPOT_ABOVE = "spot price above on-demand: left out"


@dataclass(frozen=True, slots=True)
class Quote:
    """What one row says: prices in US dollars for the whole instance and hour."""

    instance_type: str | None
    region: str | None
    accelerator: str
    memory_gb: float | None
    count: int  # > 0
    ondemand: float | None
    spot: float | None
    note: str | None = None


def merged(quotes: Iterable[Quote], *, provider: str) -> tuple[Offer, ...]:
    """Return one offer for each instance type, region and accelerator, in the order of their first rows."""
    groups: dict[tuple[object, ...], list[Quote]] = {}
    for quote in quotes:
        key = (quote.instance_type, quote.region, quote.accelerator, quote.memory_gb, quote.count)
        groups.setdefault(key, []).append(quote)
    offers = (_offer(group, provider) for group in groups.values())
    return tuple(offer for offer in offers if offer is not None)


def _offer(group: list[Quote], provider: str) -> Offer | None:
    first = group[0]
    ondemand, spread = _lowest([quote.ondemand for quote in group], first.count)
    spot, _ = _lowest([quote.spot for quote in group], first.count)
    spot_note = None
    if spot is not None and ondemand is not None:
        spot_note = _spot_fault(spot, ondemand)
        spot = None if spot_note else spot
    if ondemand is None and spot is None:
        return None
    notes = [*(quote.note for quote in group), SEVERAL if spread else None, spot_note]
    note = "; ".join(dict.fromkeys(text for text in notes if text))  # each once
    return Offer(
        provider, first.instance_type, first.region, first.accelerator, first.memory_gb, first.count,
        ondemand=ondemand, spot=spot, note=note or None,
    )  # fmt: skip


def _lowest(prices: list[float | None], count: int) -> tuple[float | None, bool]:
    """Return the lowest price per accelerator, and whether the prices differ."""
    said = [price for price in prices if price is not None]
    if not said:
        return None, False
    each = round(min(said) / count, _DIGITS)
    return each or None, not math.isclose(min(said), max(said), rel_tol=_EQUAL)


def _spot_fault(spot: float, ondemand: float) -> str | None:
    if math.isclose(spot, ondemand, rel_tol=_EQUAL):
        return NO_DISCOUNT
    return SPOT_ABOVE if spot > ondemand else None
