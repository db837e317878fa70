"""The marks of a chart: lines with bands, periods that are not over, gaps of coverage, and the key that names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from aiwire.charts.data import Floats, Line, Measure, Times
from aiwire.charts.scales import time_ticks, value_label
from aiwire.charts.sheet import INK, MUTED, PAPER, Box, Sheet

__all__ = [
    "STYLES",
    "KeyEntry",
    "Style",
    "draw_gaps",
    "draw_line",
    "draw_scales",
    "key",
    "key_height",
    "shift",
    "top_of",
    "write_key",
]

BAND_ALPHA, BANDS_ALPHA = 0.18, 0.11  # of one or two bands; of more, which lie over each other
SHIFT = 0.04  # of a period: between lines of one period alone, whose intervals would cover each other
GAP: dict[str, Any] = {"facecolor": "#F3F3F3", "edgecolor": "#C4C4C4", "hatch": "////", "linewidth": 0}
MARKED = 9  # markers on a long line
WIDEST_BAND = 2.5  # times the highest value: what is beyond is cut off, else nothing could be read off the lines


@dataclass(frozen=True, slots=True)
class Style:
    """How a line differs from the others, twice over."""

    colour: str
    marker: str
    dashes: tuple[float, ...]  # on, off ... in line widths; empty: solid


# Okabe and Ito (2008), those of the eight colours that have a contrast of 3:1 to white (WCAG 2.2, 1.4.11)
STYLES = (
    Style("#0072B2", "o", ()),
    Style("#D55E00", "s", (6, 1.6)),
    Style("#000000", "^", (2.4, 1.2)),
    Style("#009E73", "D", (6, 1.4, 1.4, 1.4)),
    Style("#CC79A7", "v", (1.2, 1.0)),
)


def top_of(line: Line, times: Times) -> float:
    """Return how high an axis must be for the line, and for its band as far as that leaves the line readable."""
    values = line.values[np.isfinite(line.values)]
    highest = float(values.max(initial=0.0))
    if line.high is None:
        return highest
    band = float(line.high[_is_full(line.high, times)].max(initial=highest))
    return max(highest, min(band, WIDEST_BAND * highest)) if highest else band


def draw_gaps(axes: Axes, times: Times) -> None:
    """Mark the periods in which too few sources answered; one that was not seen whole is marked as such already."""
    for n, (ok, is_partial) in enumerate(zip(times.coverage_ok, times.is_partial, strict=True)):
        if not (ok or is_partial):
            axes.axvspan(n - 0.5, n + 0.5, zorder=0, **GAP)


def band_alpha(lines: int) -> float:
    """Return how opaque each band is, if there are so many."""
    return BAND_ALPHA if lines <= 2 else BANDS_ALPHA


def shift(number: int, lines: int, periods: int) -> float:
    """Return how far right of its period's middle a line is drawn, in periods: off it only if there is but one."""
    return (number - (lines - 1) / 2) * SHIFT if periods == 1 else 0.0


def draw_line(
    axes: Axes, line: Line, times: Times, style: Style, *, letters: float, number: int = 0, lines: int = 1
) -> None:
    """Draw a line, solid or in its dashes, with its band.

    Where a period is not over or was not seen whole it is thin and dotted, with hollow markers and no band: nobody
    knows the true numbers.

    Args:
        letters: size in points, which strokes and markers go with.
        number: of the line in the chart: its markers are not where those of the others are.
        lines: how many there are.
    """
    x = np.arange(len(line.values), dtype=np.float64) + shift(number, lines, len(line.values))
    partial = np.array(times.is_partial)
    stroke, size = letters / 7, letters * 0.55
    full = _full(line.values, times)
    dashes = (0, style.dashes) if style.dashes else "solid"
    axes.plot(x, full, color=style.colour, linewidth=stroke, linestyle=dashes, zorder=3, solid_capstyle="round")
    axes.plot(
        *_half_known(x, line.values, partial),
        color=style.colour,
        linewidth=stroke * 0.7,
        linestyle=(0, (1, 2)),
        zorder=3,
    )
    marked: dict[str, Any] = {
        "linestyle": "none",
        "marker": style.marker,
        "markersize": size,
        "clip_on": False,
        "zorder": 4,
    }
    some = _marked(full, number)
    axes.plot(x[some], full[some], color=style.colour, markeredgecolor=PAPER, markeredgewidth=0.6, **marked)
    open_ = _marked(np.where(partial, line.values, np.nan), number)
    axes.plot(
        x[open_], line.values[open_], color=style.colour, markerfacecolor=PAPER, markeredgewidth=stroke * 0.7, **marked
    )
    if line.low is not None and line.high is not None:
        low, high = _full(line.low, times), _full(line.high, times)
        axes.fill_between(x, low, high, color=style.colour, alpha=band_alpha(lines), linewidth=0, zorder=1)
        alone = _isolated(high)
        axes.vlines(x[alone], low[alone], high[alone], color=style.colour, alpha=0.6, zorder=2)


def draw_scales(sheet: Sheet, axes: Axes, times: Times, ticks: list[float], measure: Measure, most: int) -> None:
    """Set limits and ticks of both axes.

    Args:
        ticks: of the y axis, whose ends are its ends.
        most: ticks of the x axis.
    """
    axes.set_ylim(ticks[0], ticks[-1])
    axes.set_yticks(ticks, [value_label(tick, ticks, measure) for tick in ticks])
    axes.set_xlim(-0.5, len(times.starts) - 0.5)
    if measure.reference is not None:
        axes.axhline(measure.reference, color=MUTED, linewidth=1, zorder=2)
    places = time_ticks(times, most)
    axes.set_xticks([place for place, _ in places], [label for _, label in places])


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A sample and what it means."""

    sample: Callable[[Sheet, Box], None]
    text: str


def key(lines: tuple[Line, ...], times: Times, measure: Measure, top: float) -> list[KeyEntry]:
    """Return an entry for each kind of mark that is in the chart, and none for others."""
    entries = []
    ends = [line.high[_is_full(line.high, times)] for line in lines if line.high is not None]
    if any(end.size for end in ends):
        beyond = any(end.max(initial=0.0) > top * 1.001 for end in ends)
        entries.append(KeyEntry(_band_sample, measure.interval_name + (", cut off at the top" if beyond else "")))
    if any(times.is_partial):
        entries.append(KeyEntry(_partial_sample, f"{times.grain} not over, or not seen whole"))
    if any(not ok and not is_partial for ok, is_partial in zip(times.coverage_ok, times.is_partial, strict=True)):
        entries.append(KeyEntry(_gap_sample, "too few sources answered"))
    return entries


def key_height(sheet: Sheet, entries: list[KeyEntry]) -> float:
    """Return the pixels that the key needs."""
    return sum(1 for _ in _rows(sheet, entries)) * sheet.line_height


def write_key(sheet: Sheet, entries: list[KeyEntry], top: float) -> None:
    """Draw the key, as many entries in a row as fit."""
    for number, row in enumerate(_rows(sheet, entries)):
        left, y = sheet.margin, top + number * sheet.line_height
        for entry in row:
            entry.sample(sheet, Box(left, y + sheet.line_height * 0.2, _sample_width(sheet), sheet.line_height * 0.6))
            left += _sample_width(sheet) + 6
            [text] = sheet.fitted(entry.text, sheet.inner_width - _sample_width(sheet) - 6, 1)
            sheet.write([text], left, y, colour=MUTED)
            left += sheet.width(text) + sheet.letters * 1.5


def _rows(sheet: Sheet, entries: list[KeyEntry]) -> Iterator[list[KeyEntry]]:
    row: list[KeyEntry] = []
    taken = 0.0
    for entry in entries:
        width = _sample_width(sheet) + 6 + sheet.width(entry.text) + sheet.letters * 1.5
        if row and taken + width > sheet.inner_width + sheet.letters * 1.5:
            yield row
            row, taken = [], 0.0
        row.append(entry)
        taken += width
    if row:
        yield row


def _sample_width(sheet: Sheet) -> float:
    return sheet.letters * 2


def _band_sample(sheet: Sheet, box: Box) -> None:
    sheet.area(box, facecolor=INK, alpha=BAND_ALPHA, linewidth=0)
    middle = (box.top + box.bottom) / 2
    sheet.stroke((box.left, box.right), (middle, middle), color=INK, linewidth=sheet.points() / 7)


def _partial_sample(sheet: Sheet, box: Box) -> None:
    middle = (box.top + box.bottom) / 2
    style = {"color": INK, "linewidth": sheet.points() / 10}
    sheet.stroke((box.left, box.right), (middle, middle), linestyle=(0, (1, 2)), **style)
    sheet.stroke(
        ((box.left + box.right) / 2,),
        (middle,),
        marker="o",
        markerfacecolor=PAPER,
        markersize=sheet.points() * 0.55,
        **style,
    )


def _gap_sample(sheet: Sheet, box: Box) -> None:
    sheet.area(box, **GAP)


def _is_full(values: Floats, times: Times) -> Any:
    """Tell which values are known and of a period that was seen whole."""
    return np.isfinite(values) & ~np.array(times.is_partial)


def _full(values: Floats, times: Times) -> Floats:
    """Return the values with NaN in place of those of periods that were not seen whole."""
    return np.where(times.is_partial, np.nan, values).astype(np.float64)


def _half_known(x: Floats, values: Floats, partial: Any) -> tuple[Floats, Floats]:
    """Return the parts of a line that begin or end at a period that is not over, with NaN between them."""
    starts = np.flatnonzero(partial[:-1] | partial[1:])
    nothing = np.full(len(starts), np.nan)
    return (
        np.stack([x[starts], x[starts + 1], nothing], axis=1).ravel(),
        np.stack([values[starts], values[starts + 1], nothing], axis=1).ravel(),
    )


def _isolated(values: Floats) -> Any:
    """Tell of each value whether it has no neighbour: a line through it would show nothing."""
    there = np.isfinite(values)
    before, after = np.r_[False, there[:-1]], np.r_[there[1:], False]
    return there & ~before & ~after


def _marked(values: Floats, number: int) -> Any:
    """Tell which values get a marker: some at equal distances, the last one, and those without a neighbour."""
    there = np.isfinite(values)
    step = max(1, round(len(values) / MARKED))
    marked = there & ((np.arange(len(values)) + number * step // len(STYLES)) % step == 0)
    if there.any():
        marked[np.flatnonzero(there)[-1]] = True
    return marked | _isolated(values)
