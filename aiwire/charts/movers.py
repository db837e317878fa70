"""Small multiples: a panel for each entity, one time axis, each panel its own scale."""

from __future__ import annotations

import math

import numpy as np

from aiwire.charts.data import Mover, Movers, Size
from aiwire.charts.lines import TITLE_SCALE, footer, window
from aiwire.charts.marks import STYLES, KeyEntry, draw_gaps, draw_line, draw_scales, key, key_height, top_of, write_key
from aiwire.charts.scales import time_label, value_label, value_ticks
from aiwire.charts.sheet import MUTED, Box, Sheet
from aiwire.charts.text import clean
from aiwire.exceptions import ConfigError

__all__ = ["draw_movers", "movers_height", "verdict"]

LEAST_PANEL = 165  # pixels of width
MOST_COLUMNS = 4
PLOT_HEIGHT = 110  # of a panel, where the chart may be as high as it likes
LEAST_PLOT = 40
STYLE = {"rising": STYLES[0], "falling": STYLES[1], "flat": STYLES[2], "too_few": STYLES[2]}
WORDS = {"rising": "▲ rising", "falling": "▼ falling", "flat": "flat", "too_few": "too few stories to say"}


def verdict(mover: Mover) -> str:
    """Return signal and momentum in words: `▲ rising ×2.3 (1.4 to 3.8)`."""
    word = WORDS[mover.signal]
    if mover.signal == "too_few" or not math.isfinite(mover.momentum):
        return word
    interval = f" ({_ratio(mover.low)} to {_ratio(mover.high)})" if math.isfinite(mover.low + mover.high) else ""
    return f"{word} ×{_ratio(mover.momentum)}{interval}"


def _ratio(value: float) -> str:
    """Return two digits that count."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def movers_height(chart: Movers, width: int) -> int:
    """Return how high a chart of this width should be."""
    sheet = Sheet(Size(width, 1000))
    head, foot = _head_height(sheet, chart), _foot_height(sheet, chart)
    rows = -(-len(chart.movers) // _columns(sheet, chart))
    return math.ceil(head + rows * (_panel_head(sheet) + PLOT_HEIGHT + _gutter(sheet)) + _axis_height(sheet) + foot)


def draw_movers(sheet: Sheet, chart: Movers) -> None:
    """Draw the chart on an empty sheet.

    Raises:
        ConfigError: the sheet is too small for that many panels.
        ValueError: there is no panel.
    """
    if not chart.movers:
        raise ValueError("no panel")
    top = _write_head(sheet, chart)
    columns = _columns(sheet, chart)
    rows = -(-len(chart.movers) // columns)
    room = sheet.size.height - top - _axis_height(sheet) - _foot_height(sheet, chart)
    plot_height = room / rows - _panel_head(sheet) - _gutter(sheet)
    if plot_height < LEAST_PLOT:
        raise ConfigError(
            f"{sheet.size.width}x{sheet.size.height} pixels are too few for {len(chart.movers)} panels;"
            f" choose {sheet.size.width}x{movers_height(chart, sheet.size.width)} with --size, or fewer --movers"
        )
    width = (sheet.inner_width + _gutter(sheet)) / columns
    scale_width = _scale_width(sheet, chart)
    for number, mover in enumerate(chart.movers):
        row, column = divmod(number, columns)
        place = Box(
            sheet.margin + column * width,
            top + row * (plot_height + _panel_head(sheet) + _gutter(sheet)),
            width - _gutter(sheet),
            plot_height + _panel_head(sheet),
        )
        _draw_panel(sheet, chart, mover, place, scale_width, is_lowest=number + columns >= len(chart.movers))
    _write_foot(sheet, chart)


def _draw_panel(sheet: Sheet, chart: Movers, mover: Mover, place: Box, scale_width: float, *, is_lowest: bool) -> None:
    y = sheet.write(sheet.fitted(clean(mover.line.label), place.width, 1, bold=True), place.left, place.top, bold=True)
    y = sheet.write(sheet.fitted(verdict(mover), place.width, 1), place.left, y)
    ticks = _ticks(chart, mover)
    left = place.left + scale_width
    box = Box(left, y + sheet.letters * 0.6, place.right - left, place.bottom - y - sheet.letters * 0.6)
    axes = sheet.axes(box)
    draw_gaps(axes, chart.times)
    draw_scales(sheet, axes, chart.times, ticks, chart.measure, most=max(2, int(box.width / (sheet.letters * 4.2))))
    axes.tick_params(axis="x", labelbottom=is_lowest)
    draw_line(axes, mover.line, chart.times, STYLE[mover.signal], letters=sheet.points(0.85))


def _ticks(chart: Movers, mover: Mover) -> list[float]:
    lowest = float(np.nanmin(mover.line.values, initial=0.0))
    return value_ticks(lowest, top_of(mover.line, chart.times), chart.measure, most=2)


def _scale_width(sheet: Sheet, chart: Movers) -> float:
    """Return the pixels for the widest tick label of any panel, so that all plots are equally wide."""
    widest = 0.0
    for mover in chart.movers:
        ticks = _ticks(chart, mover)
        widest = max(widest, *(sheet.width(value_label(tick, ticks, chart.measure)) for tick in ticks))
    return widest + 6


def _columns(sheet: Sheet, chart: Movers) -> int:
    return max(1, min(MOST_COLUMNS, len(chart.movers), int(sheet.inner_width / LEAST_PANEL)))


def _gutter(sheet: Sheet) -> float:
    return sheet.letters * 1.6


def _panel_head(sheet: Sheet) -> float:
    return sheet.line_height * 2 + sheet.letters * 0.6


def _axis_height(sheet: Sheet) -> float:
    return sheet.line_height * 1.4  # the years stand in the gutter


def _head(sheet: Sheet, chart: Movers) -> tuple[list[str], list[str]]:
    """Return the lines of the title and those below it."""
    unit = chart.measure.unit.format(period=chart.times.grain)
    below = (chart.subtitle, window(chart.times, chart.segment), f"{unit}; each panel has a scale of its own")
    return (
        sheet.fitted(chart.title, sheet.inner_width, 3, scale=TITLE_SCALE, bold=True),
        [line for text in below for line in sheet.fitted(text, sheet.inner_width, 3)],
    )


def _head_height(sheet: Sheet, chart: Movers) -> float:
    title, below = _head(sheet, chart)
    return sheet.margin * 1.7 + sheet.line_height * (len(title) * TITLE_SCALE + len(below))


def _write_head(sheet: Sheet, chart: Movers) -> float:
    title, below = _head(sheet, chart)
    y = sheet.write(title, sheet.margin, sheet.margin * 0.7, scale=TITLE_SCALE, bold=True)
    return sheet.write(below, sheet.margin, y, colour=MUTED) + sheet.margin


def _foot(sheet: Sheet, chart: Movers) -> tuple[list[KeyEntry], list[str]]:
    """Return the entries of the key and the lines below it."""
    entries: dict[str, KeyEntry] = {}
    for mover in chart.movers:
        top = _ticks(chart, mover)[-1]
        entries |= {entry.text: entry for entry in key((mover.line,), chart.times, chart.measure, top)}
    notes = (time_axis(chart), *chart.notes, *footer(chart.measure, chart.sources, chart.as_of))
    return list(entries.values()), [line for note in notes for line in sheet.fitted(note, sheet.inner_width, 3)]


def time_axis(chart: Movers) -> str:
    """Return what is from left to right in every panel."""
    return f"across: {time_label(chart.times)}; ×: momentum, share of the last 4 full periods by the 4 before (95%)"


def _foot_height(sheet: Sheet, chart: Movers) -> float:
    entries, notes = _foot(sheet, chart)
    return key_height(sheet, entries) + len(notes) * sheet.line_height + sheet.margin * 1.2


def _write_foot(sheet: Sheet, chart: Movers) -> None:
    entries, notes = _foot(sheet, chart)
    top = sheet.size.height - _foot_height(sheet, chart)
    write_key(sheet, entries, top)
    sheet.write(notes, sheet.margin, top + key_height(sheet, entries) + sheet.letters * 0.4, colour=MUTED)
