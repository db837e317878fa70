"""One to five entities in one chart, each named at the end of its line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aiwire.charts.data import MOST_LINES, Line, Lines, Measure, Times
from aiwire.charts.marks import (
    STYLES,
    KeyEntry,
    draw_gaps,
    draw_line,
    draw_scales,
    key,
    key_height,
    shift,
    top_of,
    write_key,
)
from aiwire.charts.scales import time_label, value_label, value_ticks
from aiwire.charts.sheet import INK, MUTED, PAPER, Box, Sheet
from aiwire.charts.text import clean, spread
from aiwire.exceptions import ConfigError

__all__ = ["draw_lines", "footer", "heading", "window"]

TITLE_SCALE = 1.3
LABELS_SHARE = 0.34  # of the width that the names at the line ends may take
NAMES_GAP = 0.3  # between names, by the size of the letters
LEAST_PLOT = 90  # pixels either way, else nothing can be read


@dataclass(frozen=True, slots=True)
class _Name:
    """What stands at the end of a line."""

    number: int  # of the line
    x: float  # of its last value
    y: float
    lines: list[str]


def draw_lines(sheet: Sheet, chart: Lines) -> None:
    """Draw the chart on an empty sheet.

    Raises:
        ConfigError: the sheet is too small for the texts.
        ValueError: no line, or more than can be told apart.
    """
    if not 1 <= len(chart.lines) <= MOST_LINES:
        raise ValueError(f"{len(chart.lines)} lines; 1 to {MOST_LINES} can be told apart")
    ticks = _ticks(chart)
    top = _write_head(sheet, chart)
    entries = key(chart.lines, chart.times, chart.measure, ticks[-1])
    notes = [*chart.notes, *footer(chart.measure, chart.sources, chart.as_of)]
    box = _plot_box(sheet, chart, ticks, top, below=_foot_height(sheet, entries, notes))
    axes = sheet.axes(box)
    draw_gaps(axes, chart.times)
    draw_scales(sheet, axes, chart.times, ticks, chart.measure, most=int(box.width / (sheet.letters * 4.2)))
    for number, line in enumerate(chart.lines):
        draw_line(
            axes, line, chart.times, STYLES[number], letters=sheet.points(), number=number, lines=len(chart.lines)
        )
    _write_names(sheet, chart, ticks, box)
    _write_foot(sheet, entries, notes, box.bottom + _axis_height(sheet))


def heading(chart: Lines) -> str:
    """Return the title: the entity too, where there is but one."""
    what = chart.measure.title
    return f"{clean(chart.lines[0].label)}: {what[0].lower()}{what[1:]}" if len(chart.lines) == 1 else what


def window(times: Times, segment: str) -> str:
    """Return which days are shown and which articles count."""
    days = f"{times.starts[0]} to {times.stops[-1].fromordinal(times.stops[-1].toordinal() - 1)}"
    which = {
        "all": "all sources",
        "owned": "only vendors' own voices",
        "independent": "without vendors' own voices",
    }.get(segment, f"only {segment}")
    return f"{days}, {which}"


def footer(measure: Measure, sources: int, as_of: str) -> list[str]:
    """Return where the numbers come from, and as of when."""
    number = f"{sources:,} source{'s' if sources != 1 else ''}"
    return [f"aiwire · {number} · {measure.rule}", f"as of {as_of[:16].replace('T', ' ')} UTC"]


def _ticks(chart: Lines) -> list[float]:
    highest = max(top_of(line, chart.times) for line in chart.lines)
    lowest = min(float(np.nanmin(line.values, initial=0.0)) for line in chart.lines)
    return value_ticks(lowest, highest, chart.measure, most=5)


def _write_head(sheet: Sheet, chart: Lines) -> float:
    """Write title, window and unit; return where the plot may begin."""
    title = sheet.fitted(heading(chart), sheet.inner_width, 3, scale=TITLE_SCALE, bold=True)
    y = sheet.write(title, sheet.margin, sheet.margin * 0.7, scale=TITLE_SCALE, bold=True)
    about = sheet.fitted(window(chart.times, chart.segment), sheet.inner_width, 2)
    y = sheet.write(about, sheet.margin, y, colour=MUTED)
    unit = sheet.fitted(chart.measure.unit.format(period=chart.times.grain), sheet.inner_width, 2)
    return sheet.write(unit, sheet.margin, y + sheet.letters * 0.5) + sheet.letters * 0.7


def _plot_box(sheet: Sheet, chart: Lines, ticks: list[float], top: float, *, below: float) -> Box:
    """Return the place of the axes: what the texts around it leave.

    Raises:
        ConfigError: too little is left.
    """
    left = sheet.margin + max(sheet.width(value_label(tick, ticks, chart.measure)) for tick in ticks) + 6
    labels = [sheet.fitted(clean(line.label), _names_width(sheet), 9) for line in chart.lines]
    widest = max(sheet.width(part) for label in labels for part in label)
    right = sheet.size.width - sheet.margin - _lead(sheet) - min(widest, _names_width(sheet))
    box = Box(left, top, right - left, sheet.size.height - below - _axis_height(sheet) - top)
    if box.width < LEAST_PLOT or box.height < LEAST_PLOT:
        raise ConfigError(
            f"{sheet.size.width}x{sheet.size.height} pixels leave no room for the lines beside the texts;"
            " choose a larger --size"
        )
    return box


def _names_width(sheet: Sheet) -> float:
    return sheet.size.width * LABELS_SHARE - _lead(sheet)


def _lead(sheet: Sheet) -> float:
    """Return the pixels between the plot and a name: for the line that leads there and the marker."""
    return sheet.letters * 2


def _axis_height(sheet: Sheet) -> float:
    """Return the pixels for dates, years and the name of the axis."""
    return sheet.line_height * 3 + sheet.letters


def _foot_height(sheet: Sheet, entries: list[KeyEntry], notes: list[str]) -> float:
    lines = sum(len(sheet.fitted(note, sheet.inner_width, 3)) for note in notes)
    return key_height(sheet, entries) + lines * sheet.line_height + sheet.margin * 1.2


def _write_foot(sheet: Sheet, entries: list[KeyEntry], notes: list[str], top: float) -> None:
    write_key(sheet, entries, top)
    y = top + key_height(sheet, entries) + sheet.letters * 0.4
    for note in notes:
        y = sheet.write(sheet.fitted(note, sheet.inner_width, 3), sheet.margin, y, colour=MUTED)


def _write_names(sheet: Sheet, chart: Lines, ticks: list[float], box: Box) -> None:
    """Write each name beside the end of its line, moved up or down where names would overlap, with a leader."""
    y = box.bottom + sheet.line_height * 2 + 6
    label = time_label(chart.times)
    sheet.write([label], max(sheet.margin, box.left + (box.width - sheet.width(label)) / 2), y, colour=MUTED)
    names = [
        _name(sheet, chart, number, line, ticks, box)
        for number, line in enumerate(chart.lines)
        if np.isfinite(line.values).any()
    ]
    heights = [len(name.lines) * sheet.line_height + sheet.letters * NAMES_GAP for name in names]
    wanted = [name.y - height / 2 for name, height in zip(names, heights, strict=True)]
    edges = spread(wanted, heights, box.top - sheet.letters, box.bottom + sheet.letters * 0.4)
    for name, edge, height in zip(names, edges, heights, strict=True):
        style, middle = STYLES[name.number], edge + height / 2
        mark = box.right + sheet.letters * 1.2
        sheet.stroke(
            (name.x, max(name.x, box.right), mark),
            (name.y, name.y, middle),
            color=style.colour,
            alpha=0.5,
            linewidth=0.8,
        )
        sheet.stroke(
            (mark,), (middle,), color=style.colour, marker=style.marker, markersize=sheet.points() * 0.6,
            markeredgecolor=PAPER, markeredgewidth=0.6,
        )  # fmt: skip
        sheet.write(name.lines, box.right + _lead(sheet), edge + sheet.letters * NAMES_GAP / 2, colour=INK)


def _name(sheet: Sheet, chart: Lines, number: int, line: Line, ticks: list[float], box: Box) -> _Name:
    last = int(np.flatnonzero(np.isfinite(line.values))[-1])
    room = int((box.height + sheet.letters * 1.4) / sheet.line_height / len(chart.lines))
    place = last + 0.5 + shift(number, len(chart.lines), len(line.values))
    x = box.left + place / len(line.values) * box.width
    y = box.bottom - (float(line.values[last]) - ticks[0]) / (ticks[-1] - ticks[0]) * box.height
    return _Name(number, x, y, sheet.fitted(clean(line.label), _names_width(sheet), max(1, min(3, room))))
