"""A cost comparison on a terminal: the answer first, then the figures, then what they rest on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from aiwire.cli.common import printable
from aiwire.cli.tco.table import print_table as _table
from aiwire.pipeline.costs.costing import Costing
from aiwire.pipeline.costs.report import (
    break_even,
    headline,
    is_counted,
    number,
    of_draws,
    share,
    subject,
    terms,
    usd,
    without_range,
)
from aiwire.tco.inputs import INPUTS, Evidence, Input
from aiwire.tco.results import Sensitivity
from aiwire.tco.sensitivity import CHANGE

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_costing"]

WIDTH = 100  # columns where the output is no terminal
SENSITIVE = 10  # inputs of the table of sensitivity
YEARS = 6  # of the table of what has been paid, at most
SHOWN = 5  # articles of an input, of each side


def print_costing(out: Console, costing: Costing) -> None:
    """Print a comparison."""
    if not out.is_terminal and not os.environ.get("COLUMNS"):
        out.width = WIDTH
    notes = _Footnotes()
    _print_answer(out, costing)
    _print_options(out, costing)
    _print_years(out, costing)
    _print_sensitivity(out, costing)
    _print_choices(out, costing)
    _print_ranges(out, costing)
    _print_inputs(out, costing, notes)
    _print_press(out, costing)
    _heading(out, "Sources")
    for text in notes.lines():
        _line(out, text, wrap=False)


class _Footnotes:
    """Texts with numbers; the same text has the same number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> str:
        return f"[{self._numbers.setdefault(text, len(self._numbers) + 1)}]"

    def lines(self) -> Iterable[str]:
        return (f"[{number}] {text}" for text, number in self._numbers.items())


def _print_answer(out: Console, costing: Costing) -> None:
    _line(out, f"{subject(costing)}, {terms(costing)}")
    for number_, line in enumerate(headline(costing)):
        _line(out, line, style="" if number_ else "bold")
    for note in costing.notes:
        _line(out, f"Note: {note}")


def _print_options(out: Console, costing: Costing) -> None:
    _heading(out, "What each option costs, in US dollars")
    horizon = _horizon(costing)
    _table(
        out,
        ("option", "upfront", "a month", "total", "GPU-hour", "1M tokens", "capital", "operation"),
        [
            (
                one.name, usd(one.upfront), usd(sum(one.monthly) / horizon), usd(one.total), usd(one.usd_per_gpu_hour),
                usd(one.usd_per_mtok), usd(one.capex), usd(one.opex),
            )
            for one in costing.comparison.options
        ],
        texts=1,
    )  # fmt: skip
    _line(out, "A month: the mean. GPU-hour: of an hour of work. Capital: hardware less its resale value; interest is"
               " operation.")  # fmt: skip
    for one in costing.comparison.options:
        parts = ", ".join(f"{name} {usd(value)}" for name, value in one.parts.items() if abs(value) >= 0.005)
        _line(out, f"{one.name}: {parts}")
    if costing.energy:
        carbon = costing.energy.kg_co2e_per_year
        text = f"Energy of buying: {costing.energy.kwh_per_year:,.0f} kWh a year"
        if carbon is not None:
            text += f", {carbon:,.0f} kg CO2e ({costing.energy.carbon_dated}: {costing.energy.carbon_source})"
        else:
            text += "; CO2e is not known: no --country with a known grid was given"
        _line(out, text)
    if costing.comparison.break_even:
        _heading(out, "From when buying has cost no more")
        _table(
            out,
            ("against", "month", "month, if all went on", "from utilisation"),
            [(one.other, *break_even(one)) for one in costing.comparison.break_even],
            texts=1,
        )


def _horizon(costing: Costing) -> float:
    return next(one.mid for one in costing.inputs if one.name == "horizon_months")


def _print_years(out: Console, costing: Costing) -> None:
    """Print what has been paid at the ends of years, and of the last month."""
    options = costing.comparison.options
    last = len(options[0].monthly)
    step = 12 * -(-last // (12 * (YEARS if out.width >= WIDTH else YEARS // 2)))
    ends = [0, *range(step, last, step), last]
    _heading(out, "Paid until the end of a month, all in all")
    _table(
        out,
        ("option", "start", *(f"month {end}" for end in ends[1:-1]), f"month {number(_horizon(costing))}"),
        [(one.name, *(usd(one.cumulative[end]) for end in ends)) for one in options],
        texts=1,
    )


def _print_sensitivity(out: Console, costing: Costing) -> None:
    _heading(out, f"A quarter of one input, all else the same: {_gap(costing)}")
    found = [one for one in costing.sensitivity if one.effect > 0]
    low, high = f"-{share(CHANGE)}", f"+{share(CHANGE)}"
    _table(
        out,
        ("input", low, high, f"gap at {low}", f"gap at {high}", "changes the cheapest"),
        [
            (
                one.name, number(one.low), number(one.high), usd(one.gap_at_low), usd(one.gap_at_high),
                _changes(one),
            )
            for one in found[:SENSITIVE]
        ],
        texts=1,
    )  # fmt: skip
    _line(out, f"Limited: cut to what the input may be. {len(found)} of {len(costing.sensitivity)} inputs have an"
               " effect; --json has all.")  # fmt: skip


def _gap(costing: Costing) -> str:
    own = "buying" if any(option.kind == "buy" for option in costing.options) else "the first option"
    return f"{own} less the cheapest other"


def _changes(found: Sensitivity) -> str:
    changes = "yes" if found.flips else "no"
    return changes + (", whole instances" if found.whole_instances else ", limited" if found.clipped else "")


def _print_choices(out: Console, costing: Costing) -> None:
    if not costing.choices:
        return
    _heading(out, f"Our choices made otherwise, all else the same: {_gap(costing)}")
    _table(
        out,
        ("if", "input", "ours", "tried", "gap", "cheapest then"),
        [
            (one.meaning, one.name, number(one.value), number(one.tried), usd(one.gap),
             " and ".join(one.cheapest) + (" (changed)" if one.flips else ""))
            for one in costing.choices
        ],
        texts=2,
        left=(5,),
    )  # fmt: skip


def _print_ranges(out: Console, costing: Costing) -> None:
    _heading(out, "Total, with every input that has a range somewhere in it")
    _table(
        out,
        ("option", "lowest", "1 in 10 below", "median", "1 in 10 above", "highest", "cheapest in"),
        [
            (one.name, usd(one.lowest), usd(one.p10), usd(one.p50), usd(one.p90), usd(one.highest),
             of_draws(one.cheapest_in))
            for one in costing.uncertainty.ranges
        ],
        texts=1,
    )  # fmt: skip
    _line(out, f"{costing.uncertainty.draws:,} draws, each input as often below its value as above it, within its"
               " range; lowest and highest: all inputs at the end that helps.")  # fmt: skip
    if certain := without_range(costing):
        _line(out, f"No range is known of these prices, so that they count as certain: {', '.join(certain)}. Give one"
                   " where you know better, with --set NAME=LOW:MID:HIGH.")  # fmt: skip


def _print_inputs(out: Console, costing: Costing, notes: _Footnotes) -> None:
    counted = [one for one in costing.inputs if is_counted(one)]
    for title, inputs in _groups(counted):
        _heading(out, f"Inputs: {title}")
        _table(
            out,
            ("input", "value", "range", "unit", "date", "trust", ""),
            [
                (
                    one.name.rpartition(".")[2], number(one.mid), _range(one), one.unit, _date(one), _trust(one),
                    notes.number(_footnote(one)),
                )
                for one in inputs
            ],
            texts=1,
            left=(3, 4, 5, 6),
        )  # fmt: skip
    if zeros := [f"{one.name} {notes.number(_footnote(one))}" for one in costing.inputs if not is_counted(one)]:
        _line(out, f"Counted as 0 unless you give them with --set NAME=VALUE: {', '.join(zeros)}")
    _line(out, "Trust: good, fair or weak, as the source is; choice: ours, nothing is measured; *: a default, taken"
               " where nobody says otherwise.")  # fmt: skip


def _groups(inputs: Sequence[Input]) -> Iterator[tuple[str, list[Input]]]:
    """Yield what belongs together: inputs of all options, of a kind of option, and of one option alone."""
    titles = {"all": "all options", "buy": "buying", "rent": "renting", "api": "APIs"}
    groups: dict[str, list[Input]] = {title: [] for title in titles.values()}
    for one in inputs:
        option, _, name = one.name.rpartition(".")
        groups.setdefault(option or titles[INPUTS[name].scope], []).append(one)
    return ((title, found) for title, found in groups.items() if found)


def _date(value: Input) -> str:
    """Return when a value holds; what the user gives needs no date, what the reference has does."""
    return value.as_of or ("" if value.given_by == "user" else "not dated")


def _trust(value: Input) -> str:
    if value.given_by == "user":
        return "yours"
    return f"{value.trust}*" if value.given_by == "default" else value.trust


def _print_press(out: Console, costing: Costing) -> None:
    if not costing.press.months:
        return
    _heading(out, f"Articles of the last {costing.press.months} months that quote a price of an input")
    heard = [one for one in costing.inputs if one.evidence]
    if not heard:
        _line(out, "None can be compared with an input.")
    for one in heard:
        both = [item for item in one.evidence if item.supports], [item for item in one.evidence if not item.supports]
        _line(out, f"{one.name} = {number(one.mid)} {one.unit}: {len(both[0])} support, {len(both[1])} contradict")
        for word, items in zip(("supports", "contradicts"), both, strict=True):
            for item in items[:SHOWN]:
                _line(out, _article(word, item, one.unit), indent=2, wrap=False)
            if len(items) > SHOWN:
                _line(out, f"… and {len(items) - SHOWN} more that {word.rstrip('s')}; --json has all", indent=2)
    if aside := costing.press.set_aside:
        _line(out, f"Shown, but not counted ({len(aside)}):")
        for left_out in aside[:SHOWN]:
            quote = left_out.quote
            _line(out, f"{left_out.input}: {quote.dated_at[:10]} {quote.publisher}: {quote.quote!r}, {left_out.reason}."
                       f" {quote.url}", indent=2, wrap=False)  # fmt: skip
        if len(aside) > SHOWN:
            _line(out, f"… and {len(aside) - SHOWN} more; --json has all", indent=2)


def _article(word: str, item: Evidence, unit: str) -> str:
    """Return an article in a line; with the amount that counts where the words give another, as that of a system."""
    amount = number(item.amount)
    counted = "" if amount in item.quote else f" ({amount} {unit})"
    return f"{word}: {item.dated_at[:10]} {item.publisher}: {item.quote!r}{counted} in {item.title!r} {item.url}"


def _range(value: Input) -> str:
    return f"{number(value.low)}–{number(value.high)}" if value.low < value.high else ""


def _footnote(value: Input) -> str:
    return f"{value.source}; {value.note}" if value.note else value.source


def _heading(out: Console, text: str) -> None:
    out.print()
    out.print(text, style="bold")


def _line(out: Console, text: str, *, indent: int = 0, wrap: bool = True, style: str = "") -> None:
    """Print a line; one that holds an address is not wrapped: it could not be copied."""
    from rich.padding import Padding
    from rich.text import Text

    line = Text(" " * indent + printable(text), style=style)
    if wrap:
        out.print(Padding(line, expand=False))
    else:
        out.print(line, soft_wrap=True)
