"""The part of an accelerator's page that only accelerators have: what its parts are, and what they cost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from markupsafe import Markup
from sqlite_utils import Database

from aiwire.web.filters import FILTERS
from aiwire.web.footnotes import Footnote, Footnotes
from aiwire.web.pages import Ask
from aiwire.web.svg.prices import Mark, mark_of_key, price_chart
from aiwire.web.wording import provider_name
from db.pages import accelerator as read
from db.pages.accelerator import Fact, HardwarePrice, HourMonth, Offer, Part, Quoted

__all__ = ["AcceleratorPart", "load_part"]

HOURS_SHOWN, HARDWARE_SHOWN, QUOTED_SHOWN = 24, 12, 10  # rows of the tables
FIRST = 6  # rows of a table that are seen without unfolding
RENTED = 8  # accelerators of the comparison that "Buy or rent?" opens with: one server

Row = TypeVar("Row")

# column of accelerators -> what it is called; those that no part of a family has are left out
_FACTS = {
    "status": "Status", "release_date": "Release", "architecture": "Architecture", "memory_gb": "Memory",
    "memory_type": "Memory type", "bandwidth_gbs": "Memory bandwidth",
    "fp16_bf16_dense_tflops": "FP16/BF16, dense", "fp8_dense_tflops": "FP8, dense", "fp4_dense_tflops": "FP4, dense",
    "int8_dense_tops": "INT8, dense", "tdp_w": "Power", "interconnect": "Interconnect", "form_factor": "Form factor",
    "launch_price_usd": "Price at launch",
}  # fmt: skip
_VOICES = {"reference": "reference: what hardware was sold for", "cloud": "cloud: what providers ask",
           "press": "press: what articles quote"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """A fact of a part; empty where no source states it."""

    value: str = ""
    unit: str = ""
    footnote: int | None = None
    differs: tuple[tuple[str, int], ...] = ()  # what other sources say, with their footnotes


@dataclass(frozen=True, slots=True)
class FactRow:
    """A fact of all parts."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of the key of a chart."""

    mark: Markup
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its key."""

    title: str
    image: Markup
    key: tuple[Key, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Month:
    """What a voice says of a month."""

    said: HourMonth
    remark: str  # of prices that are not dated


@dataclass(frozen=True, slots=True)
class OfferRow:
    """An offer with the footnote of its source."""

    provider: str  # as it is written
    offer: Offer
    footnote: int


@dataclass(frozen=True, slots=True)
class HardwareRow:
    """A hardware price with the footnote of its source."""

    price: HardwarePrice
    each: float | None  # US dollars per accelerator; None: it is the price of one
    footnote: int


@dataclass(frozen=True, slots=True)
class QuotedRow:
    """A quoted price with the address of its article's page."""

    quoted: Quoted
    link: str


@dataclass(frozen=True, slots=True)
class AcceleratorPart:
    """Specs and prices of a family."""

    family_id: str
    parts: tuple[str, ...]  # names, as the columns of `facts`
    facts: tuple[FactRow, ...]
    footnotes: tuple[Footnote, ...]
    disputed: int  # facts on which sources differ
    charts: tuple[Chart, ...]
    months: tuple[Month, ...]  # the newest first
    offers: tuple[tuple[OfferRow, ...], ...]  # those that are seen at once, and more where there are more
    offers_in_all: int
    hardware: tuple[tuple[HardwareRow, ...], ...]  # as `offers`
    price_footnotes: tuple[Footnote, ...]
    quoted: tuple[tuple[QuotedRow, ...], ...]  # as `offers`
    tco: str | None  # address of "Buy or rent?"; None: no price is known
    links: dict[str, str]  # addresses of the canned queries behind it

    @property
    def is_empty(self) -> bool:
        """Whether the reference and the press say nothing of the family."""
        return not (self.parts or self.offers or self.hardware or self.quoted)


def load_part(db: Database, ask: Ask, family_id: str) -> AcceleratorPart:
    """Return what the reference and the press know of a family."""
    notes, paid = Footnotes(), Footnotes()  # of facts, of prices
    parts = read.parts(db, family_id)
    offers = read.offers(db, family_id, today=ask.now.date())
    hardware, quoted = read.hardware_prices(db, family_id), read.quoted(db, family_id)
    hours = read.hours(db, family_id)
    facts = tuple(_fact_rows(parts, notes))
    priced = bool(offers or hardware or any("launch_price_usd" in part.facts for part in parts))
    links = ask.links
    return AcceleratorPart(
        family_id=family_id,
        parts=tuple(part.name for part in parts),
        facts=facts,
        footnotes=notes.all(),
        disputed=sum(bool(cell.differs) for row in facts for cell in row.cells),
        charts=tuple(chart for chart in (_hour_chart(hours), _card_chart(hardware, quoted)) if chart),
        months=tuple(Month(one, _undated(one)) for one in reversed(hours[-HOURS_SHOWN:])),
        offers=_folded([OfferRow(provider_name(one.provider), one, paid.number(one.source)) for one in offers]),
        offers_in_all=read.offers_in_all(db, family_id),
        hardware=_folded(
            [HardwareRow(one, _each(one), paid.number(one.source, one.note)) for one in hardware[:HARDWARE_SHOWN]]
        ),
        price_footnotes=paid.all(),
        quoted=_folded([QuotedRow(one, links.article(one.article_id)) for one in quoted[:QUOTED_SHOWN]]),
        tco=links.query("tco", accelerator=family_id, count=RENTED) if parts and priced else None,
        links={
            "facts": links.query("facts_of_accelerator", accelerator_id=family_id),
            "facts_csv": links.query("facts_of_accelerator", extension="csv", accelerator_id=family_id),
            "history": links.query("price_history_of", accelerator=family_id),
            "history_csv": links.query("price_history_of", extension="csv", accelerator=family_id),
            "months": links.query("price_months", accelerator=family_id, unit="gpu-hour"),
            "offers": links.query("cloud_price_table", accelerator_id=family_id),
            "offers_csv": links.query("cloud_price_table", extension="csv", accelerator_id=family_id),
            "hardware": links.query("hardware_price_table", accelerator=family_id),
            "quoted": links.query("prices_quoted", accelerator=family_id),
        },
    )


def _folded(rows: Sequence[Row]) -> tuple[tuple[Row, ...], ...]:
    """Return the first rows of a table, and the others where there are some."""
    return tuple(tuple(part) for part in (rows[:FIRST], rows[FIRST:]) if part)


def _fact_rows(parts: Sequence[Part], notes: Footnotes) -> Iterable[FactRow]:
    for column, name in _FACTS.items():
        cells = tuple(_cell(column, part.facts.get(column), notes) for part in parts)
        if any(cell.value for cell in cells):
            yield FactRow(name, cells)


def _cell(column: str, fact: Fact | None, notes: Footnotes) -> Cell:
    if fact is None:
        return Cell()
    used = fact.used
    return Cell(
        _written(column, used.value),
        "" if column == "launch_price_usd" else fact.unit or "",
        notes.number(used.source, used.note, used.read_on),
        tuple(
            (_written(column, other.value), notes.number(other.source, other.note, other.read_on))
            for other in fact.differs
        ),
    )


def _written(column: str, value: str) -> str:
    """Return a value as a reader writes it: numbers with their thousands parted, prices with their sign."""
    if not re.fullmatch(r"-?\d+(\.\d+)?", value) or column == "release_date":
        return value
    kind = "usd" if column == "launch_price_usd" else "number"
    return str(FILTERS[kind](float(value)))


def _undated(one: HourMonth) -> str:
    if not one.undated:
        return ""
    return "not dated, read in that month" if one.undated == one.prices else f"{one.undated} of them not dated"


def _each(price: HardwarePrice) -> float | None:
    """Return what a system costs by its accelerators; a range by its middle."""
    if price.gpu_count < 2:
        return None
    if price.usd is not None:
        return price.usd / price.gpu_count
    if price.usd_low is None or price.usd_high is None:
        return None
    return (price.usd_low + price.usd_high) / 2 / price.gpu_count


def _hour_chart(hours: Sequence[HourMonth]) -> Chart | None:
    """Return the chart of an hour on demand, month by month."""
    marks, newest = [], dict[str, date]()
    for one in hours:
        day = date(int(one.month[:4]), int(one.month[5:7]), 15)
        before = newest.get(one.voice)
        newest[one.voice] = day
        marks.append(
            Mark(
                day, one.median, one.voice,
                f"{one.month}, {one.voice}: median ${one.median:.2f}, ${one.lowest:.2f} to ${one.highest:.2f},"
                f" {one.prices} prices{'; ' + _undated(one) if one.undated else ''}",
                one.lowest, one.highest, one.undated < one.prices,
                joined=before is not None and (day - before).days <= 31,
            )
        )  # fmt: skip
    title = "An hour of one accelerator, on demand, in US dollars"
    return _chart(marks, title, "Medians by month; the band and the lines reach from the lowest price to the highest.")


def _card_chart(hardware: Sequence[HardwarePrice], quoted: Sequence[Quoted]) -> Chart | None:
    """Return the chart of what one accelerator costs to buy: whole systems are left out."""
    marks = []
    for price in hardware:
        if price.kind == "system" or price.price_date is None:
            continue
        ends = [end / price.gpu_count for end in (price.usd_low, price.usd, price.usd_high) if end is not None]
        usd = price.usd / price.gpu_count if price.usd is not None else sum(ends) / len(ends)
        marks.append(
            Mark(
                _day(price.price_date), usd, "reference",
                f"{price.price_date}, {price.kind}, {price.item}: ${usd:,.0f} each", min(ends), max(ends),
            )
        )  # fmt: skip
    for one in quoted:
        if one.unit == "card" and one.currency == "USD" and not one.is_implausible:
            usd = one.amount if one.amount_max is None else (one.amount + one.amount_max) / 2
            words = f"{one.dated_at[:10]}, {one.publisher}: {one.quote}"
            marks.append(Mark(_day(one.dated_at), usd, "press", words, one.amount, one.amount_max))
    return _chart(
        marks, "One accelerator to buy, in US dollars",
        "Prices as sources date them, those of boards and servers of several by one; a year stands at its middle.",
    )  # fmt: skip


def _day(moment: str) -> date:
    """Return the day of an ISO date, the middle of a month or of a year."""
    year, month, day = (*moment[:10].split("-"), "", "")[:3]
    return date(int(year), int(month or 7), int(day or (15 if month else 1)))


def _chart(marks: Sequence[Mark], title: str, note: str) -> Chart | None:
    if not marks:
        return None
    voices = [voice for voice in _VOICES if any(mark.voice == voice for mark in marks)]
    last = max(marks, key=lambda mark: mark.day)
    described = f"{len(marks)} points; the newest: {last.title}. The tables below have the figures."
    image = price_chart(marks, title=title, description=described)
    key = [Key(mark_of_key(voice), _VOICES[voice]) for voice in voices]
    if hollow := next((mark for mark in marks if not mark.is_dated), None):
        key.append(Key(mark_of_key(hollow.voice, is_dated=False), "hollow: not dated by its source, shown when read"))
    return Chart(title, image, tuple(key), note) if image else None
