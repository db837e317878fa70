"""What a cost comparison says, in sentences. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from aiwire.pipeline.costs.costing import Costing
from aiwire.tco.inputs import Input
from aiwire.tco.options import Rent
from aiwire.tco.results import BreakEven, Comparison, OptionCost, cheapest_of

__all__ = [
    "are_cheapest",
    "break_even",
    "cheapest",
    "headline",
    "is_counted",
    "months",
    "number",
    "share",
    "subject",
    "terms",
    "usd",
    "without_range",
]

NAMED = 4  # inputs that the headline names
MOST_TIMES = 1000  # beyond it a percentage says nothing more


def subject(costing: Costing) -> str:
    """Return what is compared: 8 x H100 SXM5 80GB."""
    return f"{number(_value(costing, 'accelerators'))} x {costing.part.name}"


def terms(costing: Costing) -> str:
    """Return for what time and work: at work 60% of all hours, for 36 months, in DE."""
    parts = [
        f"at work {share(_value(costing, 'utilisation'))} of all hours",
        f"for {months(_value(costing, 'horizon_months'))}",
    ]
    if costing.scenario.country:
        parts.append(f"in {costing.scenario.country}")
    if costing.scenario.region:
        parts.append(f"rented in {costing.scenario.region}")
    if any(one.name == "tokens_per_second" for one in costing.inputs):
        parts.append(f"{number(_value(costing, 'tokens_per_second'))} tokens/s together")
    return ", ".join(parts)


def headline(costing: Costing) -> list[str]:
    """Return in a few lines which option is the cheapest, when buying has paid off, and what would change that."""
    found = costing.comparison
    ranked = sorted(found.options, key=lambda option: option.total)
    lines = [_ranking(ranked, cheapest(costing), months(_value(costing, "horizon_months")))]
    lines += _other_choices(costing)
    lines += _whole_instances(costing)
    lines += [_pays_off(one, found) for one in found.break_even]
    if len(ranked) > 1:
        lines.append(_flips(costing))
        names = cheapest(costing)
        in_draws = sum(one.cheapest_in for one in costing.uncertainty.ranges if one.name in names)
        lines.append(
            f"With every input that has a range somewhere in it, {' or '.join(names)} is the cheapest in"
            f" {of_draws(in_draws)} of {costing.uncertainty.draws:,} draws{_certain(costing)}."
        )
    return lines


def cheapest(costing: Costing) -> tuple[str, ...]:
    """Return the names of the cheapest options: several where they are equal."""
    return cheapest_of({one.name: one.total for one in costing.comparison.options})


def are_cheapest(names: Sequence[str]) -> str:
    """Say that options are the cheapest: buy is the cheapest, aws and lambda are the cheapest."""
    *most, last = names
    return f"{', '.join(most)} and {last} are the cheapest" if most else f"{last} is the cheapest"


def _other_choices(costing: Costing) -> list[str]:
    """Return the line that says which choice of ours decides; none where there is nothing to decide."""
    if not costing.choices or len(costing.options) < 2:
        return []
    found = [one for one in costing.choices if one.flips]
    if not found:
        return ["No single choice of ours, made otherwise, changes which is the cheapest."]
    by_result: dict[tuple[str, ...], list[str]] = {}
    for one in found[:NAMED]:
        by_result.setdefault(one.cheapest, []).append(f"if {one.meaning} ({one.name}={number(one.tried)})")
    text = "; ".join(f"{' or '.join(whens)}, {are_cheapest(names)}" for names, whens in by_result.items())
    more = f"; {len(found) - NAMED} more choices change it, too" if len(found) > NAMED else ""
    return [f"{text[0].upper()}{text[1:]}{more}."]


def _whole_instances(costing: Costing) -> list[str]:
    """Return the line that says where more accelerators are paid than wanted."""
    count = _value(costing, "accelerators")
    paid = [
        f"{option.name} {whole:,} (in instances of {option.instance_gpus:,})"
        for option in costing.options
        if isinstance(option, Rent)
        and (whole := math.ceil(count / option.instance_gpus) * option.instance_gpus) > count
    ]
    return [f"More accelerators are paid for than the {number(count)} wanted: {', '.join(paid)}."] if paid else []


def _certain(costing: Costing) -> str:
    if count := len(without_range(costing)):
        return f"; {count} of the prices {'has' if count == 1 else 'have'} no known range"
    return ""


def break_even(found: BreakEven) -> tuple[str, str, str]:
    """Return in words the month, the month if all went on, and the utilisation."""
    return (
        "not within the time" if found.months is None else "at once" if not found.months else f"{found.months:.1f}",
        "never" if found.unbounded_months is None else f"{found.unbounded_months:.1f}",
        "at none" if found.utilisation is None else share(found.utilisation, digits=1) if found.utilisation else "any",
    )


def usd(value: float | None) -> str:
    """Return an amount: $1,234,567 or, below a hundred, with cents; — if there is none."""
    if value is None:
        return "—"
    sign = "-" if value < -0.004 else ""
    return f"{sign}${abs(value):,.0f}" if abs(value) >= 100 else f"{sign}${abs(value):,.2f}"


def share(value: float, *, digits: int = 0) -> str:
    """Return a share of one as a percentage."""
    return f"{value * 100:.{digits}f}%"


def of_draws(value: float) -> str:
    """Return a share of draws as a percentage; neither all nor none where it is only nearly so."""
    if 0 < value < 0.01 or 0.99 < value < 1:
        return "under 1%" if value < 0.5 else "over 99%"
    return share(value)


def months(value: float) -> str:
    """Return a number of months."""
    return f"{number(value)} month{'' if value == 1 else 's'}"


def number(value: float) -> str:
    """Return a number with no more digits than it needs, at most five that count."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) >= 10000:
        return f"{value:,.0f}"
    return f"{value:.5g}"


def _value(costing: Costing, name: str) -> float:
    return next(one.mid for one in costing.inputs if one.name == name)


def _ranking(ranked: list[OptionCost], names: Sequence[str], time: str) -> str:
    first = ranked[0]
    if len(ranked) == 1:
        return f"{first.name} costs {usd(first.total)} in {time}."
    others = [one for one in ranked if one.name not in names]
    rest = ", ".join(f"{one.name} {usd(one.total)}{_more(one.total, first.total)}" for one in others)
    each = " each" if len(names) > 1 else ""
    return f"{are_cheapest(names)}: {usd(first.total)}{each} in {time}" + (f"; then {rest}." if rest else ".")


def _more(total: float, least: float) -> str:
    """Return by how much a total is more than the least; nothing where that is less than a cent."""
    if least < 0.01:
        return ""
    times = total / least
    return f" (+{share(times - 1)})" if times <= MOST_TIMES else f" (over {MOST_TIMES:,} times as much)"


def _pays_off(found: BreakEven, comparison: Comparison) -> str:
    use = "" if not found.utilisation else f"; over the whole time from {share(found.utilisation)} utilisation on"
    if found.utilisation == 0:
        use = "; over the whole time at any utilisation"
    if found.months is not None:
        when = "from the start" if not found.months else f"from month {found.months:.1f} on"
        return f"Buying has cost no more than {found.other} {when}{use}."
    never = f"Buying does not pay off against {found.other} within the time"
    if found.unbounded_months is None:
        return f"{never}, nor ever at this utilisation{use}."
    return f"{never}; it would in month {found.unbounded_months:.1f} if all went on as it is{use}."


def _flips(costing: Costing) -> str:
    names = list(_flipping(costing))
    if not names:
        return "No single input, a quarter lower or higher, changes which is the cheapest."
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"A quarter lower or higher, these alone change which is the cheapest: {', '.join(names[:NAMED])}{more}."


def _flipping(costing: Costing) -> Iterator[str]:
    return (one.name for one in costing.sensitivity if one.flips and not one.whole_instances)


def is_counted(value: Input) -> bool:
    """Tell whether an input is more than a 0 that nobody gave."""
    return value.mid != 0 or value.high != 0 or value.given_by != "default"


def without_range(costing: Costing) -> list[str]:
    """Return the names of the prices that count as certain because no range of them is known."""
    prices = ("accelerator_usd", "system_usd", "usd_per_kwh", "rate_usd_per_gpu_hour", "usd_per_mtok")
    return [
        one.name
        for one in costing.inputs
        if one.given_by == "reference" and one.low == one.high and one.name.endswith(prices)
    ]
