"""What an accelerator cost, in three voices: a mark for each price, a line through the median of each month."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aiwire.charts.data import Floats, Measure, Size, Times
from aiwire.charts.marks import STYLES, KeyEntry, Style, draw_scales, key_height, write_key
from aiwire.charts.render import Format, rendered
from aiwire.charts.scales import time_label, value_label, value_ticks
from aiwire.charts.sheet import MUTED, PAPER, Box, Sheet
from aiwire.charts.text import clean
from aiwire.exceptions import ConfigError

__all__ = ["PriceChart", "Voice", "describe_prices", "price_image"]

TITLE_SCALE = 1.3
LEAST_PLOT = 90  # pixels either way, else nothing can be read
SPREAD = 0.5  # a mark is drawn where its day lies in the month
_USD = Measure("usd", "", "US dollars")
_DOUBTED = Style(MUTED, "x", ())


@dataclass(frozen=True, slots=True)
class Voice:
    """Who tells prices. `days` and `usd` are of the same length."""

    label: str
    days: tuple[date, ...]
    usd: tuple[float, ...]
    medians: Floats  # of each month of the chart; NaN: none


@dataclass(frozen=True, slots=True)
class PriceChart:
    """One accelerator family, one unit."""

    title: str
    unit: str  # gpu-hour, card ...
    months: tuple[date, ...]  # first days, without a gap
    voices: tuple[Voice, ...]
    doubted: Voice  # implausible prices: shown, part of no line; its medians are not drawn
    as_of: str  # ISO time, UTC
    notes: tuple[str, ...] = ()


def price_image(chart: PriceChart, size: Size, kind: Format) -> bytes:
    """Return the chart as SVG or PNG.

    Raises:
        ConfigError: there is no price to draw, or the size is too small for the texts.
    """
    if not any(voice.usd for voice in chart.voices):
        raise ConfigError("no dated price in US dollars is known: there is nothing to draw")

    def make() -> Figure:
        sheet = Sheet(size)
        _draw(sheet, chart)
        return sheet.figure

    texts = [chart.title, *(voice.label for voice in chart.voices), *chart.notes]
    return rendered(
        make, kind, title=chart.title, description=describe_prices(chart), as_of=chart.as_of,
        texts=[*map(clean, texts)],
    )  # fmt: skip


def describe_prices(chart: PriceChart) -> str:
    """Return in sentences what the chart shows: its alternative text."""
    said = []
    for voice in chart.voices:
        known = np.flatnonzero(np.isfinite(voice.medians))
        if len(known):
            last = int(known[-1])
            said.append(
                f"{voice.label}: {len(voice.usd)} prices, median ${voice.medians[last]:,.2f}"
                f" in {chart.months[last]:%Y-%m}"
            )
    if chart.doubted.usd:
        said.append(f"{len(chart.doubted.usd)} implausible prices are crossed and in no line")
    return ". ".join((chart.title, f"US dollars per {chart.unit}", *said, *chart.notes)) + "."


def _draw(sheet: Sheet, chart: PriceChart) -> None:
    times = _times(chart.months)
    highest = max(price for voice in chart.voices for price in voice.usd)
    ticks = value_ticks(0.0, highest, _USD, most=5)
    top = _write_head(sheet, chart)
    entries = _key(chart, ticks[-1])
    foot = [*chart.notes, f"aiwire · as of {chart.as_of[:10]}"]
    foot_height = key_height(sheet, entries) + len(foot) * 2 * sheet.line_height + sheet.margin
    box = _plot_box(sheet, ticks, top, below=foot_height)
    axes = sheet.axes(box)
    draw_scales(sheet, axes, times, ticks, _USD, most=int(box.width / (sheet.letters * 4.2)))
    for voice, style in zip(chart.voices, STYLES, strict=False):
        _draw_voice(axes, voice, style, chart.months, sheet)
    _draw_doubted(axes, chart, ticks[-1], sheet)
    sheet.write([time_label(times)], box.left, box.bottom + sheet.line_height * 2.2, colour=MUTED)
    y = box.bottom + sheet.line_height * 3.4
    write_key(sheet, entries, y)
    y += key_height(sheet, entries) + sheet.letters * 0.4
    for text in foot:
        y = sheet.write(sheet.fitted(clean(text), sheet.inner_width, 2), sheet.margin, y, colour=MUTED)


def _times(months: tuple[date, ...]) -> Times:
    stops = tuple(date(day.year + day.month // 12, day.month % 12 + 1, 1) for day in months)
    return Times("month", months, stops, (False,) * len(months), (True,) * len(months))


def _write_head(sheet: Sheet, chart: PriceChart) -> float:
    title = sheet.fitted(clean(chart.title), sheet.inner_width, 3, scale=TITLE_SCALE, bold=True)
    y = sheet.write(title, sheet.margin, sheet.margin * 0.7, scale=TITLE_SCALE, bold=True)
    unit = f"US dollars per {chart.unit}; lines: median of each month"
    return sheet.write(sheet.fitted(unit, sheet.inner_width, 2), sheet.margin, y, colour=MUTED) + sheet.letters


def _plot_box(sheet: Sheet, ticks: list[float], top: float, *, below: float) -> Box:
    """Return the place of the axes: what the texts around it leave.

    Raises:
        ConfigError: too little is left.
    """
    left = sheet.margin + max(sheet.width(value_label(tick, ticks, _USD)) for tick in ticks) + 6
    width = sheet.size.width - sheet.margin - left
    box = Box(left, top, width, sheet.size.height - below - sheet.line_height * 3.4 - top)
    if box.width < LEAST_PLOT or box.height < LEAST_PLOT:
        raise ConfigError(
            f"{sheet.size.width}x{sheet.size.height} pixels leave no room for the marks beside the texts;"
            " choose a larger --size"
        )
    return box


def _draw_voice(axes: Axes, voice: Voice, style: Style, months: tuple[date, ...], sheet: Sheet) -> None:
    axes.plot(
        [_place(day, months) for day in voice.days], voice.usd, color=style.colour, marker=style.marker, alpha=0.35,
        markersize=sheet.points() * 0.4, linestyle="none", markeredgewidth=0, zorder=2,
    )  # fmt: skip
    # a month without a price breaks the line: nobody knows what lies between
    axes.plot(
        voice.medians, color=style.colour, linewidth=sheet.points() / 7, zorder=3, marker=style.marker,
        linestyle=(0, style.dashes) if style.dashes else "solid", markersize=sheet.points() * 0.55,
        markeredgecolor=PAPER, markeredgewidth=0.6,
    )  # fmt: skip


def _draw_doubted(axes: Axes, chart: PriceChart, highest: float, sheet: Sheet) -> None:
    """Cross what nobody should use; what is beyond the axis is crossed at its end."""
    axes.plot(
        [_place(day, chart.months) for day in chart.doubted.days], [min(usd, highest) for usd in chart.doubted.usd],
        color=_DOUBTED.colour, marker=_DOUBTED.marker, markersize=sheet.points() * 0.5, linestyle="none", zorder=4,
        clip_on=False,
    )  # fmt: skip


def _place(day: date, months: tuple[date, ...]) -> float:
    """Return where a day lies on the axis of months."""
    first = months[0]
    return (day.year - first.year) * 12 + day.month - first.month + (day.day - 1) / 31 - SPREAD


def _key(chart: PriceChart, highest: float) -> list[KeyEntry]:
    entries = [
        KeyEntry(_sample(style), f"{voice.label} ({len(voice.usd)})")
        for voice, style in zip(chart.voices, STYLES, strict=False)
    ]
    if chart.doubted.usd:
        beyond = sum(usd > highest for usd in chart.doubted.usd)
        said = f"implausible ({len(chart.doubted.usd)}{f', {beyond} of them beyond the top' if beyond else ''})"
        entries.append(KeyEntry(_sample(_DOUBTED, has_line=False), said))
    return entries


def _sample(style: Style, *, has_line: bool = True) -> Callable[[Sheet, Box], None]:
    def draw(sheet: Sheet, box: Box) -> None:
        middle = (box.top + box.bottom) / 2
        if has_line:
            dashes = (0, style.dashes) if style.dashes else "solid"
            sheet.stroke((box.left, box.right), (middle, middle), color=style.colour, linestyle=dashes,
                         linewidth=sheet.points() / 7)  # fmt: skip
        sheet.stroke(
            ((box.left + box.right) / 2,), (middle,), color=style.colour, marker=style.marker,
            markersize=sheet.points() * 0.5, markeredgecolor=style.colour if style is _DOUBTED else PAPER,
        )  # fmt: skip

    return draw
