"""Lines over weeks with their intervals: one entity, or up to five beside each other. Pure.

A line is solid between weeks that were looked at in full and broken into dashes where one was not; where none was, the
words below say so, and all are drawn alike. A strip below the axis marks the weeks in which too few sources answered.
An interval is a band where it is narrow, and a thin whisker of a single week or where it is wider than twice its value.
A share of 0 has none: that of the few stories of a quiet week would reach over all that can be seen. It is in the
table. The axis follows the values, and their intervals up to 2.5 times the highest value.
Lines differ by colour and by dashes and markers, and have their names at their ends (WCAG 2.2, 1.4.1). A chart is drawn
twice, for wide and for narrow screens, with letters that can be read on each; the style sheet shows one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from markupsafe import Markup

from aiwire.charts.data import MEASURES, Measure, Times
from aiwire.charts.scales import time_ticks, value_label, value_ticks
from aiwire.charts.text import spread
from aiwire.web.svg.canvas import Point, area, element, line, path, rect, svg, text

__all__ = ["BROAD", "NARROW", "WIDE", "Frame", "TrendLine", "is_cut", "key_mark", "manners", "trend"]

MOST_MARKS = 104  # of all lines together: more are no longer seen apart, and make the page heavy
WIDE_INTERVAL = 2.0  # times the value: a wider one is a whisker
STRIP = 4.0  # height of what marks weeks below the axis
WIDEST_BAND = 2.5  # times the highest value: what is beyond is cut off, else nothing could be read off the lines
MANY = " trend--many"  # the dashes tell lines apart there: weeks not looked at in full are thin
LETTER, BOLD = 0.56, 0.66  # mean width of a letter, by its size


@dataclass(frozen=True, slots=True)
class Frame:
    """A drawing for one kind of screen, in units that are about a pixel there."""

    name: str  # for the style sheet
    width: float
    height: float
    letters: float  # size
    values: int  # ticks
    times: int
    most_name: int  # letters of a name at the end of a line
    has_titles: bool  # points say their values to a pointer that rests on them


WIDE = Frame("wide", 860, 300, 13, 6, 9, 24, True)
BROAD = Frame("wide", 1120, 340, 13, 6, 12, 28, True)
NARROW = Frame("narrow", 360, 250, 12, 4, 4, 11, False)


@dataclass(frozen=True, slots=True)
class TrendLine:
    """Values week by week; None: there is none."""

    label: str
    values: Sequence[float | None]
    titles: Sequence[str]  # what a point says
    low: Sequence[float | None] = ()  # empty: no interval is drawn
    high: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where weeks and values are in a drawing."""

    left: float
    top: float
    right: float
    bottom: float
    weeks: int
    ticks: Sequence[float]

    def x(self, week: float) -> float:
        return self.left + (week + 0.5) / self.weeks * (self.right - self.left)

    def y(self, value: float) -> float:
        share = (min(value, self.ticks[-1]) - self.ticks[0]) / (self.ticks[-1] - self.ticks[0])
        return self.bottom - share * (self.bottom - self.top)


def trend(
    lines: Sequence[TrendLine], times: Times, column: str, frame: Frame, *, title: str, description: str
) -> Markup:
    """Return a chart of one to five lines.

    Args:
        times: the weeks, at least one.
        column: what is drawn: share_stories or stories.
        description: its text alternative, in sentences.
    """
    measure = MEASURES[column]
    if all(times.is_partial):  # said once in the key
        times = replace(times, is_partial=(False,) * len(times.is_partial))
    plot = _plot(lines, times, measure, frame)
    parts = [
        *_gaps(times, plot),
        *_grid(plot, measure, frame),
        *_dates(times, plot, frame),
        *(mark for n, one in enumerate(lines, 1) for mark in _band(one, n, plot)),
        *(mark for n, one in enumerate(lines, 1) for mark in _line(one, n, times, plot)),
        *(mark for n, one in enumerate(lines, 1) for mark in _marks(one, n, len(lines), times, plot, frame)),
    ]
    if len(lines) > 1:
        parts += _names(lines, plot, frame)
    return svg(frame.width, frame.height, parts, title=title, description=description,
               class_=f"trend trend--{frame.name}{MANY if len(lines) > 1 else ''}")  # fmt: skip


def is_cut(lines: Sequence[TrendLine]) -> bool:
    """Tell whether intervals reach beyond the top of the chart."""
    highest, ends = _tops(lines)
    return ends > highest * WIDEST_BAND


def manners(one: TrendLine) -> list[str]:
    """Return how the interval of each week is drawn: band, whisker or none."""
    if not one.high:
        return ["none"] * len(one.values)
    found = [_manner(*week) for week in zip(one.values, one.low, one.high, strict=True)]
    for weeks in _runs([how == "band" for how in found]):
        if len(weeks) == 1:  # too narrow to be seen as a band
            found[weeks[0]] = "whisker"
    return found


def _manner(value: float | None, low: float | None, high: float | None) -> str:
    if not value or low is None or high is None:
        return "none"
    return "whisker" if high - low > WIDE_INTERVAL * value else "band"


def key_mark(kind: str, *, many: bool = False) -> Markup:
    """Return a sample for the key: kind partial, gap, band or whisker. `many`: of a chart with more than one line."""
    if kind == "band":
        mark = rect(0.0, 1.0, 24.0, 10.0, class_="band band--1")
    elif kind == "gap":
        mark = rect(0.0, 3.0, 24.0, STRIP, class_="gap")
    elif kind == "whisker":
        mark = line([(12.0, 0.0), (12.0, 12.0)], class_="whisker series--1")
    else:
        mark = line([(0.0, 6.0), (24.0, 6.0)], class_="series series--1 partial")
        mark += element("circle", cx=12, cy=6, r=3, class_="dot dot--1 partial")
    return element(
        "svg",
        mark,
        viewBox="0 0 24 12",
        width=24,
        height=12,
        class_=f"trend-key{MANY if many else ''}",
        aria_hidden="true",
    )


def _plot(lines: Sequence[TrendLine], times: Times, measure: Measure, frame: Frame) -> _Plot:
    highest, ends = _tops(lines)
    ticks = value_ticks(0.0, max(highest, min(ends, highest * WIDEST_BAND)), measure, most=frame.values - 1)
    labels = max(len(value_label(tick, ticks, measure)) for tick in ticks)
    names = max((min(len(one.label), frame.most_name) for one in lines), default=0) if len(lines) > 1 else 0
    right = frame.width - (names * BOLD * frame.letters + 26 if names else 6)
    left = (labels + 0.6) * LETTER * frame.letters + 10  # a % is wide
    return _Plot(left, frame.letters, right, frame.height - frame.letters * 2.9, len(times.starts), ticks)


def _tops(lines: Sequence[TrendLine]) -> tuple[float, float]:
    """Return the highest value and the highest end of an interval that is drawn."""
    highest = max((value for one in lines for value in one.values if value is not None), default=0.0)
    drawn = (end for one in lines for end, how in zip(one.high, manners(one), strict=False) if how != "none")
    return highest, max((end for end in drawn if end is not None), default=highest)


def _gaps(times: Times, plot: _Plot) -> Iterator[Markup]:
    for ok, weeks in groupby(range(plot.weeks), key=times.coverage_ok.__getitem__):
        chosen = list(weeks)
        if not ok:
            left, right = plot.x(chosen[0] - 0.5), plot.x(chosen[-1] + 0.5)
            yield rect(left, plot.bottom + 1, right - left, STRIP, class_="gap",
                       title="Nobody looked in these weeks, or too few of the sources answered")  # fmt: skip


def _grid(plot: _Plot, measure: Measure, frame: Frame) -> Iterator[Markup]:
    for number, tick in enumerate(plot.ticks):
        y = plot.y(tick)
        yield line([(plot.left, y), (plot.right, y)], class_="gridline" if number else "axis")
        yield text(plot.left - 6, y + frame.letters * 0.35, value_label(tick, list(plot.ticks), measure), anchor="end")


def _dates(times: Times, plot: _Plot, frame: Frame) -> Iterator[Markup]:
    for place, label in time_ticks(times, frame.times):
        x = plot.x(place)
        yield line([(x, plot.bottom), (x, plot.bottom + 4)], class_="axis")
        for row, part in enumerate(label.split("\n")):
            half = len(part) * LETTER * frame.letters / 2
            middle = min(max(x, half), frame.width - half)
            yield text(middle, plot.bottom + frame.letters * (1.3 + row * 1.15), part, anchor="middle")


def _band(one: TrendLine, number: int, plot: _Plot) -> Iterator[Markup]:
    drawn = manners(one)
    for weeks in _runs([how == "band" for how in drawn]):
        upper, lower = ([_at(ends, week, plot) for week in weeks] for ends in (one.high, one.low))
        yield area(upper, lower, class_=f"band band--{number}")
    for week, how in enumerate(drawn):
        if how == "whisker":
            yield line([_at(one.high, week, plot), _at(one.low, week, plot)], class_=f"whisker series--{number}")


def _at(values: Sequence[float | None], week: int, plot: _Plot) -> Point:
    return plot.x(week), plot.y(values[week] or 0.0)


def _line(one: TrendLine, number: int, times: Times, plot: _Plot) -> Iterator[Markup]:
    for weeks in _runs([value is not None for value in one.values]):
        points = [_at(one.values, week, plot) for week in weeks]
        partial = [times.is_partial[week] for week in weeks]
        dashed = [before or after for before, after in pairwise(partial)]
        for is_dashed, steps in groupby(range(len(dashed)), key=dashed.__getitem__):
            kept = list(steps)
            class_ = f"series series--{number}{' partial' if is_dashed else ''}"
            yield line(points[kept[0] : kept[-1] + 2], class_=class_)


def _runs(known: Sequence[bool]) -> Iterator[list[int]]:
    """Yield the numbers of values that follow each other without a gap."""
    for is_known, run in groupby(range(len(known)), key=known.__getitem__):
        if is_known:
            yield list(run)


def _marks(
    one: TrendLine, number: int, lines: int, times: Times, plot: _Plot, frame: Frame
) -> Iterator[Markup]:  # fmt: skip
    most = MOST_MARKS if frame.has_titles else 40
    step = max(1, math.ceil(plot.weeks * lines / most))
    for week in range(plot.weeks - 1, -1, -step):  # the newest has one
        value = one.values[week]
        if value is not None:
            partial = " partial" if times.is_partial[week] else ""
            title = one.titles[week] if frame.has_titles else None
            yield _mark((plot.x(week), plot.y(value)), number, f"dot dot--{number}{partial}", title)


def _mark(at: Point, number: int, class_: str, title: str | None) -> Markup:
    """Return a marker: circle, square, triangle, diamond, triangle upside down."""
    x, y = at
    shapes: dict[int, Sequence[Point]] = {
        2: ((-3, -3), (3, -3), (3, 3), (-3, 3)),
        3: ((0, -4), (3.8, 3), (-3.8, 3)),
        4: ((0, -4.2), (4.2, 0), (0, 4.2), (-4.2, 0)),
        5: ((-3.8, -3), (3.8, -3), (0, 4)),
    }
    if number in shapes:
        return path(_closed([(x + dx, y + dy) for dx, dy in shapes[number]]), class_=class_, title=title)
    inner = element("title", title) if title else Markup("")
    return element("circle", inner, cx=float(x), cy=float(y), r=3, class_=class_)


def _closed(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z"


def _names(lines: Sequence[TrendLine], plot: _Plot, frame: Frame) -> Iterator[Markup]:
    """Yield the names at the ends of lines, moved up or down where they would overlap, with a marker each."""
    ends = [next((value for value in reversed(one.values) if value is not None), 0.0) for one in lines]
    height = frame.letters * 1.25
    wanted = [plot.y(end) - height / 2 for end in ends]
    places = spread(wanted, [height] * len(lines), plot.top - height / 2, plot.bottom)
    for number, (one, top) in enumerate(zip(lines, places, strict=True), 1):
        middle = top + height / 2
        yield _mark((plot.right + 13, middle), number, f"dot dot--{number}", None)
        yield text(
            plot.right + 20, middle + frame.letters * 0.35, _short(one.label, frame.most_name), class_="label name"
        )


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"
