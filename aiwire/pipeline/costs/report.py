"""What a cost comparison says, in sentences. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from aiwire.pipeline.costs.costing import Costing
from aiwire.pipeline.costs.defaults import SERVER
from aiwire.tco.inputs import Input
from aiwire.tco.options import Rent
from aiwire.tco.results import BreakEven, OptionCost, cheapest_of

__all__ = [
    "COMMAND_LINE",
    "Wording",
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
CENTS_BELOW = 1000  # US dollars, as on every page of the site

# the note of aiwire.pipeline.costs.rates on an offer from elsewhere: what it says belongs beside its price
_ELSEWHERE = re.compile(r"(?P<option>.+): its rate is of (?P<region>.+), the cheapest, while (?P<asked>\w\w) was asked")


@dataclass(frozen=True, slots=True)
class Wording:
    """What options and inputs are called, and how much is said of each."""

    option: Callable[[str], str]
    figure: Callable[[str], str]  # an input
    setting: Callable[[str, float], str]  # an input with a value
    is_brief: bool  # one sentence for all break-evens, and at a price what it is not


def number(value: float) -> str:
    """Return a number with no more digits than it needs, at most five that count."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) >= 10000:
        return f"{value:,.0f}"
    return f"{value:.5g}"


COMMAND_LINE = Wording(str, str, lambda name, value: f"{name}={number(value)}", is_brief=False)  # as they are typed


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


def headline(costing: Costing, words: Wording = COMMAND_LINE) -> list[str]:
    """Return in a few lines which option is the cheapest, when buying has paid off, and what would change that."""
    found = costing.comparison
    ranked = sorted(found.options, key=lambda option: option.total)
    lines = [_ranking(costing, ranked, words)]
    lines += _other_choices(costing, words)
    lines += _whole_instances(costing, words)
    lines += _pay_off_briefly(found.break_even, words) if words.is_brief else map(_pays_off, found.break_even)
    if len(ranked) > 1:
        lines.append(_flips(costing, words))
        names = cheapest(costing)
        in_draws = sum(one.cheapest_in for one in costing.uncertainty.ranges if one.name in names)
        lines.append(
            f"With every input that has a range somewhere in it, {' or '.join(map(words.option, names))} is the"
            f" cheapest in {of_draws(in_draws)} of {costing.uncertainty.draws:,} draws{_certain(costing)}."
        )
    return [line[:1].upper() + line[1:] for line in lines] if words.is_brief else lines


def cheapest(costing: Costing) -> tuple[str, ...]:
    """Return the names of the cheapest options: several where they are equal."""
    return cheapest_of({one.name: one.total for one in costing.comparison.options})


def are_cheapest(names: Sequence[str]) -> str:
    """Say that options are the cheapest: buy is the cheapest, aws and lambda are the cheapest."""
    *most, last = names
    return f"{', '.join(most)} and {last} are the cheapest" if most else f"{last} is the cheapest"


def _other_choices(costing: Costing, words: Wording) -> list[str]:
    """Return the line that says which choice of ours decides; none where there is nothing to decide."""
    if not costing.choices or len(costing.options) < 2:
        return []
    found = [one for one in costing.choices if one.flips]
    if not found:
        return ["No single choice of ours, made otherwise, changes which is the cheapest."]
    by_result: dict[tuple[str, ...], list[str]] = {}
    for one in found[:NAMED]:
        by_result.setdefault(one.cheapest, []).append(f"if {one.meaning} ({words.setting(one.name, one.tried)})")
    text = "; ".join(
        f"{' or '.join(whens)}, {are_cheapest([words.option(name) for name in names])}"
        for names, whens in by_result.items()
    )
    more = f"; {len(found) - NAMED} more choices change it, too" if len(found) > NAMED else ""
    return [f"{text[0].upper()}{text[1:]}{more}."]


def _whole_instances(costing: Costing, words: Wording) -> list[str]:
    """Return the line that says where more accelerators are paid than wanted."""
    count = _value(costing, "accelerators")
    paid = [
        f"{words.option(option.name)} {whole:,} (in instances of {option.instance_gpus:,})"
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
    """Return an amount: $1,234,567 or, below a thousand, with cents; — if there is none."""
    if value is None:
        return "—"
    sign = "-" if value < -0.004 else ""
    return f"{sign}${abs(value):,.0f}" if abs(value) >= CENTS_BELOW else f"{sign}${abs(value):,.2f}"


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


def _value(costing: Costing, name: str) -> float:
    """Return an input. One that no option depends on (accelerators, if only APIs are compared) is as it was given."""
    used = {one.name: one.mid for one in costing.inputs}
    return used[name] if name in used else costing.scenario.given()[name].mid


def _ranking(costing: Costing, ranked: Sequence[OptionCost], words: Wording) -> str:
    first, time = ranked[0], months(_value(costing, "horizon_months"))
    names = cheapest(costing)
    caveat = _caveat(costing, first.name) if words.is_brief else ""
    if len(ranked) == 1:
        return f"{words.option(first.name)} costs {usd(first.total)} in {time}{caveat}."
    others = [one for one in ranked if one.name not in names]
    rest = ", ".join(f"{words.option(one.name)} {usd(one.total)}{_more(one.total, first.total)}" for one in others)
    each = " each" if len(names) > 1 else ""
    said = f"{are_cheapest([*map(words.option, names)])}: {usd(first.total)}{each} in {time}{caveat}"
    return said + (f"; then {rest}." if rest else ".")


def _caveat(costing: Costing, name: str) -> str:
    """Return what the offer behind a price is not that was asked for, in brackets; empty: nothing to be said."""
    elsewhere = (_ELSEWHERE.match(note) for note in costing.notes)
    said = [
        f"not in {found['asked']}, but in {found['region']}"
        for found in elsewhere
        if found is not None and found["option"] == name
    ]
    count = _value(costing, "accelerators")
    rented = next((one for one in costing.options if isinstance(one, Rent) and one.name == name), None)
    if rented and rented.instance_gpus < min(count, SERVER):
        instances = math.ceil(count / rented.instance_gpus)
        said.append(f"{instances:,} instances of {rented.instance_gpus}")
    return f" ({'; '.join(said)})" if said else ""


def _more(total: float, least: float) -> str:
    """Return by how much a total is more than the least; nothing where that is less than a cent."""
    if least < 0.01:
        return ""
    times = total / least
    return f" (+{share(times - 1)})" if times <= MOST_TIMES else f" (over {MOST_TIMES:,} times as much)"


def _pays_off(found: BreakEven) -> str:
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


def _pay_off_briefly(found: Iterable[BreakEven], words: Wording) -> list[str]:
    """Return one sentence on all: the table beside it has the months and the utilisation of each."""
    by_month: dict[str, list[str]] = {}
    for one in sorted(found, key=lambda one: math.inf if one.months is None else one.months):
        when = "" if one.months is None else f"from month {one.months:.1f} on" if one.months else "from the start"
        by_month.setdefault(when, []).append(words.option(one.other))
    never = by_month.pop("", [])
    parts = [f"{' and '.join(names)} {when}" for when, names in by_month.items()]
    if not parts:
        return [f"buying does not pay off within the time against {' or '.join(never)}."] if never else []
    rest = f"; against {' or '.join(never)} it does not pay off within the time" if never else ""
    return [f"buying has cost no more than {', than '.join(parts)}{rest}."]


def _flips(costing: Costing, words: Wording) -> str:
    names = [words.figure(name) for name in _flipping(costing)]
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
