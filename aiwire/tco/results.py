"""What a cost comparison finds. Money is US dollars, time is months; month 1 is the first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "BreakEven",
    "Choice",
    "Comparison",
    "OptionCost",
    "OptionKind",
    "Range",
    "Sensitivity",
    "Uncertainty",
    "cheapest_of",
]

OptionKind = Literal["buy", "rent", "api"]


@dataclass(frozen=True, slots=True)
class OptionCost:
    """What one option costs over the horizon."""

    name: str  # buy, aws, lambda:reserved-1y, api:gpt-5
    kind: OptionKind
    upfront: float  # paid before the first month
    monthly: tuple[float, ...]  # paid in each month; the last may be part of one; the residual value is in the last
    cumulative: tuple[float, ...]  # from month 0 (the upfront cost) to the end: one more than `monthly`
    capex: float  # capital, less its residual value
    opex: float
    parts: dict[str, float]  # component -> its cost over the horizon; they add up to total
    total: float
    usd_per_gpu_hour: float | None  # of an hour of work; None: an API has none
    usd_per_mtok: float | None  # of 1M tokens, input and output together; None: no throughput is given


@dataclass(frozen=True, slots=True)
class BreakEven:
    """From when on buying has cost no more than another option."""

    other: str
    months: float | None  # from then to the end of the horizon; None: at its end buying has cost more
    unbounded_months: float | None  # if all went on as it is, without residual value; None: never for good
    utilisation: float | None  # from which on buying is no dearer over the horizon; None: dearer even in full use


@dataclass(frozen=True, slots=True)
class Comparison:
    """All options side by side."""

    options: tuple[OptionCost, ...]  # as they were asked for
    cheapest: str  # by total; of equals the first: `cheapest_of` has all
    break_even: tuple[BreakEven, ...]  # of buying against each other option; empty without buying


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What an input does to the decision when it is a quarter lower and a quarter higher, all else the same."""

    name: str  # of the input; of one option's: aws.rate_usd_per_gpu_hour
    low: float  # the value that was tried
    high: float
    gap_at_low: float  # total of buying (not asked for: of the first option) less that of the cheapest other (none: 0)
    gap_at_high: float
    effect: float  # |gap_at_high - gap_at_low|: what they are sorted by
    flips: bool  # another option is the cheapest at one end
    clipped: bool  # an end was cut or rounded to what the input may be
    whole_instances: bool = False  # it flips only because instances are rented whole: 10 accelerators cost what 16 cost


@dataclass(frozen=True, slots=True)
class Choice:
    """What another choice than ours does to the decision, where nobody has given the input, all else the same."""

    name: str  # of the input
    value: float  # as chosen
    tried: float  # the other
    meaning: str  # of the other, as a condition: idle hours are paid, too
    gap: float  # as in `Sensitivity`, with the other
    cheapest: tuple[str, ...]  # with the other; several: equals
    flips: bool  # an option is the cheapest that is not with ours


@dataclass(frozen=True, slots=True)
class Range:
    """Total of an option from the cheapest to the dearest inputs, and what draws in between say."""

    name: str
    lowest: float  # every input at the end that is cheaper for this option
    highest: float
    p10: float  # of the draws
    p50: float
    p90: float
    cheapest_in: float  # share of the draws in which this option is the cheapest; equals share a draw


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Ranges of all options. Each draw takes every input from its range, its value as median, independently."""

    ranges: tuple[Range, ...]
    draws: int
    seed: int


def cheapest_of(totals: Mapping[str, float]) -> tuple[str, ...]:
    """Return the names of the options with the least total (USD), in the order given: several where they are equal."""
    least = min(totals.values())
    return tuple(name for name, usd in totals.items() if math.isclose(usd, least, rel_tol=1e-9, abs_tol=1e-6))
