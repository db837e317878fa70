"""What the page `tco` says of a cost comparison: its tables, charts and footnotes, as the template shows them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from aiwire.pipeline.costs import report
from aiwire.pipeline.costs.costing import Costing, Energy
from aiwire.pipeline.costs.evidence import SetAside
from aiwire.tco.inputs import INPUTS, Evidence, Input
from aiwire.tco.results import Choice, OptionCost, Range, Sensitivity
from aiwire.web.footnotes import Footnote, Footnotes, Piece, pieces
from aiwire.web.svg.costs import CostLine, Crossing, Swing, cost_chart, line_of_key, swing_bar
from aiwire.web.wording import PAGE, input_label, on_page, option_name, row_name, value_text, with_unit

__all__ = ["Result", "result_of"]

SENSITIVE = 12  # inputs of the table of sensitivity
HEARD = 6  # articles of an input
ASIDE = 8  # prices that are shown, but do not count
POINTS = 72  # of a line of the chart, at most
YEARS = 6  # columns of the table of what has been paid, at most


@dataclass(frozen=True, slots=True)
class OptionRow:
    """What an option costs."""

    name: str  # as it is called
    cost: OptionCost
    per_month: float  # mean
    is_cheapest: bool
    parts: tuple[tuple[str, float], ...]  # component and its cost over the whole time
    mark: Markup  # its line in the chart


@dataclass(frozen=True, slots=True)
class EvenRow:
    """From when buying has cost no more than an option, in words."""

    other: str
    month: str
    unbounded: str
    utilisation: str


@dataclass(frozen=True, slots=True)
class PaidRow:
    """What has been paid until the end of some months."""

    name: str
    paid: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SwingRow:
    """What a quarter of an input does."""

    label: str
    found: Sensitivity
    low: str  # the values that were tried
    high: str
    unit: str
    bar: Markup
    remark: str


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """What another choice than ours does."""

    label: str
    choice: Choice
    value: str
    tried: str
    cheapest: str


@dataclass(frozen=True, slots=True)
class RangeRow:
    """What an option may cost."""

    name: str
    found: Range
    cheapest_in: str


@dataclass(frozen=True, slots=True)
class InputRow:
    """An input with its footnote."""

    label: str
    name: str
    meaning: str
    value: str
    range: str
    unit: str
    dated: str
    trust: str
    footnote: int


@dataclass(frozen=True, slots=True)
class InputGroup:
    """Inputs that belong together."""

    title: str
    rows: tuple[InputRow, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """What articles say of an input."""

    label: str
    name: str
    value: str
    supporting: int
    contradicting: int
    articles: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class EnergyLine:
    """Energy and carbon of buying."""

    energy: Energy
    source: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """A comparison."""

    subject: str
    terms: str
    headline: tuple[str, ...]
    notes: tuple[str, ...]
    unused: tuple[str, ...]
    options: tuple[OptionRow, ...]
    even: tuple[EvenRow, ...]
    chart: Markup
    ends: tuple[str, ...]  # heads of the columns of `paid`
    paid: tuple[PaidRow, ...]
    swings: tuple[SwingRow, ...]
    swings_in_all: int
    gap: str  # what the gaps are of, in words
    choices: tuple[ChoiceRow, ...]
    ranges: tuple[RangeRow, ...]
    draws: int
    certain: tuple[str, ...]  # prices without a known range
    energy: EnergyLine | None
    inputs: tuple[InputGroup, ...]
    inputs_in_all: int
    zeros: tuple[tuple[str, int], ...]  # labels of inputs that count as 0, with their footnotes
    footnotes: tuple[Footnote, ...]
    months: int  # how far back articles were heard
    quotes: int  # so many of their prices of each input, at most
    heard: tuple[Heard, ...]
    aside: tuple[tuple[SetAside, str], ...]  # with the label of the input
    aside_in_all: int


def result_of(costing: Costing, *, quotes: int) -> Result:
    """Return the tables, charts and footnotes of a comparison.

    Args:
        quotes: so many prices in articles were heard of each input, at most.
    """
    notes = Footnotes()
    horizon = next(one.mid for one in costing.inputs if one.name == "horizon_months")
    options = costing.comparison.options
    ranked = sorted(options, key=lambda one: (one.kind != "buy", one.total))
    counted = [one for one in costing.inputs if report.is_counted(one)]
    ends = _ends(len(options[0].monthly))
    return Result(
        subject=report.subject(costing),
        terms=report.terms(costing),
        headline=tuple(report.headline(costing, PAGE)),
        notes=tuple(map(on_page, costing.notes)),
        unused=tuple(map(input_label, costing.unused)),
        options=tuple(_options(costing, ranked, horizon)),
        even=tuple(EvenRow(row_name(one.other), *report.break_even(one)) for one in costing.comparison.break_even),
        chart=_chart(costing, ranked, horizon),
        ends=("start", *(f"month {end}" for end in ends[1:-1]), f"month {report.number(horizon)}"),
        paid=tuple(PaidRow(row_name(one.name), tuple(one.cumulative[end] for end in ends)) for one in options),
        swings=tuple(_swings(costing)),
        swings_in_all=len(costing.sensitivity),
        gap=_gap(options),
        choices=tuple(map(_choice, costing.choices)),
        ranges=tuple(
            RangeRow(row_name(one.name), one, report.of_draws(one.cheapest_in)) for one in costing.uncertainty.ranges
        ),
        draws=costing.uncertainty.draws,
        certain=tuple(map(input_label, report.without_range(costing))),
        energy=EnergyLine(costing.energy, pieces(costing.energy.carbon_source or "")) if costing.energy else None,
        inputs=tuple(_groups(counted, notes)),
        inputs_in_all=len(counted),
        zeros=tuple(
            (input_label(one.name), _footnote(one, notes)) for one in costing.inputs if not report.is_counted(one)
        ),
        footnotes=notes.all(),
        months=costing.press.months,
        quotes=quotes,
        heard=tuple(_heard(one) for one in costing.inputs if one.evidence),
        aside=tuple((one, input_label(one.input)) for one in costing.press.set_aside[:ASIDE]),
        aside_in_all=len(costing.press.set_aside),
    )


def _options(costing: Costing, ranked: Sequence[OptionCost], horizon: float) -> Iterable[OptionRow]:
    numbers = {one.name: number for number, one in enumerate(ranked, start=1)}
    cheapest = report.cheapest(costing)
    for one in costing.comparison.options:
        parts = tuple((name, usd) for name, usd in one.parts.items() if abs(usd) >= 0.005)
        yield OptionRow(
            row_name(one.name), one, sum(one.monthly) / horizon, one.name in cheapest, parts,
            line_of_key(numbers[one.name]),
        )  # fmt: skip


def _choice(found: Choice) -> ChoiceRow:
    cheapest = report.are_cheapest([option_name(name) for name in found.cheapest])
    return ChoiceRow(
        input_label(found.name), found, value_text(found.name, found.value), value_text(found.name, found.tried),
        cheapest,
    )  # fmt: skip


def _ends(months: int) -> list[int]:
    """Return the months whose ends the table of what has been paid shows."""
    step = 12 * -(-months // (12 * YEARS))
    return [0, *range(step, months, step), months]


def _chart(costing: Costing, ranked: Sequence[OptionCost], horizon: float) -> Markup:
    months = [*(float(month) for month in range(len(ranked[0].monthly))), horizon]
    drawn = _drawn(len(months))
    ranges = {one.name: one for one in costing.uncertainty.ranges}
    lines = [
        CostLine(row_name(one.name), tuple(one.cumulative[at] for at in drawn), found.p10, found.p90)
        for one in ranked
        if (found := ranges[one.name])
    ]
    own = next((one for one in ranked if one.kind == "buy"), None)
    crossings = [
        Crossing(
            one.months, _between(months, own.cumulative, one.months),
            f"buying has cost no more than {option_name(one.other)} from month {one.months:.1f} on",
        )
        for one in costing.comparison.break_even
        if own is not None and one.months  # 0: from the start
    ]  # fmt: skip
    ends = ", ".join(f"{row_name(one.name)} {report.usd(one.total)}" for one in ranked)
    crossed = "".join(f" {one.words[0].upper()}{one.words[1:]}." for one in crossings)
    return cost_chart(
        [months[at] for at in drawn], lines, crossings,
        title=f"{report.subject(costing)}: what has been paid, month after month",
        description=f"In the end: {ends}.{crossed} The table below has the figures.",
    )  # fmt: skip


def _drawn(months: int) -> list[int]:
    """Return which of so many months are drawn: all, or of long times every second and so on; the last two always."""
    return sorted({*range(0, months, -(-months // POINTS)), *range(max(months - 2, 0), months)})


def _between(places: Sequence[float], values: Sequence[float], place: float) -> float:
    """Return the value at a place between those that are known, on a straight line."""
    after = min(max(bisect_right(places, place), 1), len(places) - 1)
    (x0, x1), (y0, y1) = places[after - 1 : after + 1], values[after - 1 : after + 1]
    return y0 + (y1 - y0) * (place - x0) / (x1 - x0) if x1 > x0 else y1


def _gap(options: Sequence[OptionCost]) -> str:
    own = next((one.name for one in options if one.kind == "buy"), options[0].name)
    if len(options) == 1:
        return f"what {option_name(own)} costs"
    others = [option_name(one.name) for one in options if one.name != own]
    return f"{option_name(own)} less {others[0] if len(others) == 1 else 'the cheapest other'}"


def _swings(costing: Costing) -> Iterable[SwingRow]:
    shown = costing.sensitivity[:SENSITIVE]
    totals = {one.name: one.total for one in costing.comparison.options}
    own = next((one.name for one in costing.comparison.options if one.kind == "buy"), next(iter(totals)))
    now = totals[own] - min((usd for name, usd in totals.items() if name != own), default=0.0)
    gaps = [now, *(gap for one in shown for gap in (one.gap_at_low, one.gap_at_high))]
    for one in shown:
        low, high = value_text(one.name, one.low), value_text(one.name, one.high)
        label = input_label(one.name)
        words = f"{label}: {report.usd(one.gap_at_low)} at {low}, {report.usd(one.gap_at_high)} at {high}"
        yield SwingRow(
            label, one, low, high, with_unit(one.name),
            swing_bar(Swing(one.gap_at_low, one.gap_at_high, now), low=min(gaps), high=max(gaps), words=words),
            _flips(one),
        )  # fmt: skip


def _flips(found: Sensitivity) -> str:
    if not found.flips:
        return ""
    return "changes it, by whole instances" if found.whole_instances else "changes which is the cheapest"


def _groups(inputs: Sequence[Input], notes: Footnotes) -> Iterable[InputGroup]:
    """Yield inputs of all options, of a kind of option, and those of one option alone."""
    titles = {"all": "All options", "buy": "Buying", "rent": "Renting", "api": "APIs", "": "One option alone"}
    groups: dict[str, list[Input]] = {scope: [] for scope in titles}
    for one in inputs:
        option, _, name = one.name.rpartition(".")
        groups["" if option else INPUTS[name].scope].append(one)
    for scope, found in groups.items():
        if found:
            yield InputGroup(titles[scope], tuple(_input_row(one, notes) for one in found))


def _input_row(one: Input, notes: Footnotes) -> InputRow:
    return InputRow(
        input_label(one.name), one.name, INPUTS[one.name.rpartition(".")[2]].meaning, value_text(one.name, one.mid),
        f"{value_text(one.name, one.low)}–{value_text(one.name, one.high)}" if one.low < one.high else "", one.unit,
        one.as_of or ("" if one.given_by == "user" else "not dated"),
        "yours" if one.given_by == "user" else f"{one.trust}{', default' if one.given_by == 'default' else ''}",
        _footnote(one, notes),
    )  # fmt: skip


def _footnote(one: Input, notes: Footnotes) -> int:
    return notes.number(one.source, one.note)


def _heard(one: Input) -> Heard:
    supporting = sum(item.supports for item in one.evidence)
    value = f"{value_text(one.name, one.mid)} {with_unit(one.name)}".strip()
    return Heard(
        input_label(one.name), one.name, value, supporting, len(one.evidence) - supporting,
        one.evidence[:HEARD],
    )  # fmt: skip
