"""What prices of a family can be, judged by the other rows: never by the row in question.

A price per accelerator and hour is held against what *other providers* ask for the family, one of hardware against the
family's other rows. Where there are too few, the class takes the place of the family (data centre, workstation ...),
and where there is nothing at all, limits set by hand. Each band is wider than what was seen, because a few dozen prices
are not all prices there are; the factors stand beside the constants.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median

from db.reference.rules.types import Context, Row, number

__all__ = ["RATES", "Band", "CloudPrices", "HardwarePrices", "each", "is_judged"]

RATES = (
    "ondemand_usd_per_gpu_hour",
    "spot_usd_per_gpu_hour",
    "reserved_1y_usd_per_gpu_hour",
    "reserved_3y_usd_per_gpu_hour",
)
_FEW_PROVIDERS = 2  # fewer others say little about a family
_FEW_PRICES = 3
_WIDER = 4.0  # providers differ that much: V100 at $0.14 and $2.95, H100 at $0.80 (spot) and $12.29 are all real
_ANY_RATE = (0.005, 150.0)  # an old card on a marketplace; ten times the dearest accelerator of 2026

_FEW_ITEMS = 2
_CHEAPER = 20.0  # a data-centre card fell to a tenth of its list price in six years, and will fall on
_DEARER = 4.0  # a share of a whole system is one and a half times a bare part; scarcity doubles prices
_ANY_ITEM = (50.0, 5_000_000.0)  # an edge module; a wafer-scale system


@dataclass(frozen=True, slots=True)
class Band:
    """US dollars, ends included, and what they were taken from."""

    low: float
    high: float
    basis: str

    def refuses(self, price: float) -> str | None:
        """Return why a price is not in the band; None: it is."""
        if self.low <= price <= self.high:
            return None
        return f"${price:,.6g} is outside of ${self.low:,.4g} to ${self.high:,.4g}, {self.basis}"


def is_judged(row: Row) -> bool:
    """Tell whether a row counts and is checked: what is known as implausible neither is nor does."""
    return not row.get("implausible")


def each(row: Row, column: str = "usd") -> float | None:
    """Return the price of one accelerator of an item of hardware."""
    price, count = number(row.get(column)), number(row.get("gpu_count"))
    return price / count if price is not None and count else None


class CloudPrices:
    """What the rows of a context ask for an accelerator and hour, by family, class and provider."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._segments = {str(row["id"]): row.get("segment") for row in context.tables.get("accelerators", ())}
        self._families: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._classes: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._ondemand: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for row in context.tables.get("cloud_prices", ()):
            if is_judged(row):
                self._add(row)
        self._band = cache(self._new_band)  # an instance's own: its rows are its own
        self._median = cache(self._new_median)

    def band(self, row: Row) -> Band:
        """Return the band for the prices of a row."""
        return self._band(str(row.get("accelerator_id")), str(row.get("provider")))

    def median_ondemand(self, row: Row) -> float | None:
        """Return the middle of what other providers ask for the family on demand; None: too few do."""
        return self._median(str(row.get("accelerator_id")), str(row.get("provider")))

    def _add(self, row: Row) -> None:
        part, provider = str(row.get("accelerator_id")), str(row.get("provider"))
        family, segment = self._context.family_of.get(part), self._segments.get(part)
        prices = [price for rate in RATES if (price := number(row.get(rate))) is not None]
        if family:
            self._families[family][provider] += prices
        if segment:
            self._classes[str(segment)][provider] += prices
        ondemand = number(row.get(RATES[0]))
        if family and ondemand is not None:
            self._ondemand[family][provider].append(ondemand)

    def _new_band(self, part: str, provider: str) -> Band:
        family, segment = self._context.family_of.get(part, ""), str(self._segments.get(part))
        for prices, what in (
            (self._families.get(family), family),
            (self._classes.get(segment), f"the class {segment}"),
        ):
            others = _others(prices or {}, provider)
            if others:
                return Band(min(others) / _WIDER, max(others) * _WIDER, f"by what other providers ask for {what}")
        return Band(*_ANY_RATE, "by what any accelerator costs")

    def _new_median(self, part: str, provider: str) -> float | None:
        others = _others(self._ondemand.get(self._context.family_of.get(part, ""), {}), provider)
        return median(others) if others else None


class HardwarePrices:
    """What the rows of a context say that one accelerator costs, by family and class."""

    def __init__(self, context: Context) -> None:
        self._families: dict[str, list[Row]] = defaultdict(list)
        self._classes: dict[str, list[Row]] = defaultdict(list)
        self._segments = {
            str(row["family_id"]): str(row.get("segment")) for row in context.tables.get("accelerators", ())
        }
        for row in context.tables.get("hardware_prices", ()):
            family = str(row.get("family_id"))
            if is_judged(row):
                self._families[family].append(row)
                self._classes[self._segments.get(family, "")].append(row)

    def band(self, row: Row) -> Band:
        """Return the band for the price of one accelerator of a row."""
        family = str(row.get("family_id"))
        segment = self._segments.get(family, "")
        for rows, what in ((self._families.get(family), family), (self._classes.get(segment), f"the class {segment}")):
            prices = list(_each_of(other for other in rows or () if not _is_same(other, row)))
            if len(prices) >= _FEW_ITEMS:
                return Band(min(prices) / _CHEAPER, max(prices) * _DEARER, f"by other prices of {what}")
        return Band(*_ANY_ITEM, "by what any accelerator costs")


def _others(prices: dict[str, list[float]], provider: str) -> Sequence[float]:
    """Return the prices of all but one provider; nothing if they are too few."""
    others = [amounts for name, amounts in prices.items() if name != provider and amounts]
    found = [amount for amounts in others for amount in amounts]
    return found if len(others) >= _FEW_PROVIDERS and len(found) >= _FEW_PRICES else ()


def _each_of(rows: Iterable[Row]) -> Iterable[float]:
    for row in rows:
        for column in ("usd", "usd_low", "usd_high"):
            price = each(row, column)
            if price is not None:
                yield price


def _is_same(one: Row, other: Row) -> bool:
    columns = ("accelerator_id", "kind", "item", "gpu_count", "price_date", "source")
    return one is other or all(one.get(column) == other.get(column) for column in columns)
