"""Compare buying, renting and calling an API over the months of a horizon.

All options do the same work: `accelerators` are wanted and work in a share of all hours (`utilisation`), which gives
`tokens_per_second` while they work. What is not counted: taxes, moving from one option to another, rising or falling
prices, the discount of later money.

Payments of a month are spread evenly over it. A horizon may end within a month: then that part of a month is paid. At
the end of the horizon the hardware is sold, what is left of a loan is paid back, and what is left of a commitment is
paid. Interest is operation (opex), the loan itself is capital (capex).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from aiwire.tco import formulas
from aiwire.tco.options import Api, Buy, Figures, Option, Payments, known_figures, payments
from aiwire.tco.results import BreakEven, Comparison, OptionCost

__all__ = ["compare", "totals", "used_inputs"]


def compare(figures: Mapping[str, float | None], options: Sequence[Option]) -> Comparison:
    """Return what each option costs, and when buying has paid off.

    Args:
        figures: value of each input (`aiwire.tco.inputs.INPUTS`), by name, or by option and name where it holds for one
            option only (`aws.rate_usd_per_gpu_hour`); None or not there: unknown.
        options: what is compared, each under a name of its own, at most one of them buying.

    Raises:
        ConfigError: an input is missing or may not have its value (says which, what is accepted, how to give it), or
            the options cannot be compared.
    """
    known = known_figures(figures, options)
    costs = tuple(_cost(option, Figures(option.name, known)) for option in options)
    own = next((option for option in options if isinstance(option, Buy)), None)
    return Comparison(
        options=costs,
        cheapest=min(costs, key=lambda cost: cost.total).name,
        break_even=tuple(_break_even(own, other, known) for other in options if own is not None and other is not own),
    )


def totals(figures: Mapping[str, float], options: Sequence[Option]) -> dict[str, float]:
    """Return the total of each option over the horizon. Nothing is checked but that the figures are there.

    Raises:
        ConfigError: an input is missing.
    """
    return {option.name: payments(option, Figures(option.name, figures)).total for option in options}


def used_inputs(figures: Mapping[str, float], options: Sequence[Option]) -> tuple[str, ...]:
    """Return the names of the known inputs that the result for these options depends on, in the order of `figures`.

    Raises:
        ConfigError: an input is missing.
    """
    asked: set[str] = set()
    for option in options:
        seen = Figures(option.name, figures)
        _cost(option, seen)
        asked |= seen.asked
    return tuple(key for key in figures if key in asked)


def _break_even(own: Option, other: Option, figures: dict[str, float]) -> BreakEven:
    paid, others = (payments(option, Figures(option.name, figures)) for option in (own, other))
    return BreakEven(
        other=other.name,
        months=_break_even_months(paid, others),
        unbounded_months=_unbounded_months(paid, others),
        utilisation=formulas.break_even_utilisation(
            _gap(own, other, figures | {"utilisation": 0.0}), _gap(own, other, figures | {"utilisation": 1.0})
        ),
    )


def _gap(own: Option, other: Option, figures: Mapping[str, float]) -> float:
    total = totals(figures, (own, other))
    return total[own.name] - total[other.name]


def _cost(option: Option, figures: Figures) -> OptionCost:
    paid = payments(option, figures)
    monthly = paid.monthly()
    worked_hours = figures["utilisation"] * figures["hours_per_month"] * paid.horizon
    per_second = figures.get("tokens_per_second")
    return OptionCost(
        name=option.name,
        kind=option.kind,
        upfront=paid.upfront,
        monthly=monthly,
        cumulative=tuple(accumulate(monthly, initial=paid.upfront)),
        capex=paid.capex,
        opex=paid.total - paid.capex,
        parts=paid.parts,
        total=paid.total,
        usd_per_gpu_hour=None if isinstance(option, Api) else paid.total / (figures["accelerators"] * worked_hours),
        usd_per_mtok=formulas.usd_per_mtok(paid.total, formulas.tokens(per_second, worked_hours))
        if per_second
        else None,
    )


def _break_even_months(own: Payments, other: Payments) -> float | None:
    """Return from when to the end of the horizon owning has cost no more; None: at the end it has cost more."""
    if own.total > other.total:
        return None
    gaps = _gaps(own, other, until=own.horizon)
    # where only what is due at the end decides (a sale, the rest of a commitment), it is the end
    return _last_crossing(gaps) if gaps[-1][1] <= 0 else own.horizon


def _unbounded_months(own: Payments, other: Payments) -> float | None:
    """Return from when on owning has cost no more, if all payments go on and nothing is sold; None: never for good."""
    gaps = _gaps(own, other, until=math.inf)
    start, gap = gaps[-1]
    tail = formulas.break_even_time(gap, _endless(other) - _endless(own))
    if tail is None:
        return None
    return start + tail if gap > 0 else _last_crossing(gaps)


def _gaps(own: Payments, other: Payments, *, until: float) -> list[tuple[float, float]]:
    """Return by how much owning has cost more, at all moments between which it changes evenly.

    They are the start, the ends of loans, and `until` if it is finite.
    """
    ends = {stream.months for paid in (own, other) for stream in paid.streams if stream.months < until}
    moments = [0.0, *sorted(ends), *([until] if math.isfinite(until) else [])]
    return [(month, own.paid_until(month) - other.paid_until(month)) for month in moments]


def _last_crossing(gaps: Sequence[tuple[float, float]]) -> float:
    """Return the last moment at which a gap, which is none at the end, closes; 0: there never was one."""
    for (start, before), (end, after) in reversed(list(pairwise(gaps))):
        if before > 0:
            return start + (end - start) * before / (before - after)
    return 0.0


def _endless(paid: Payments) -> float:
    """Return what goes on being paid in a month when all that ends has ended."""
    return sum(stream.usd_per_month for stream in paid.streams if math.isinf(stream.months))
