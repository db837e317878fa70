"""What a chart is made of: plain values and arrays, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

__all__ = ["MEASURES", "MOST_LINES", "Floats", "Line", "Lines", "Measure", "Mover", "Movers", "Size", "Times"]

Floats = NDArray[np.float64]

MOST_LINES = 5  # that can be told apart without colour

_STORIES = "dedupe rule: stories (copies of a text count once)"
_ARTICLES = "dedupe rule: none (every copy of a text counts)"


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of the long table, and what a reader must know of it."""

    column: str
    title: str
    unit: str  # the axis label; {period} is day, week or month
    rule: str = _STORIES  # how copies of a text are counted
    is_share: bool = False  # 0..1, shown as a percentage
    is_count: bool = False  # whole numbers
    interval: tuple[str, str] | None = None  # columns of its lower and upper end
    interval_name: str = ""
    reference: float | None = None  # a value that others are read against


MEASURES = {
    measure.column: measure
    for measure in (
        Measure(
            "share_stories",
            "Share of stories",
            "% of the stories of a {period}",
            is_share=True,
            interval=("share_lo", "share_hi"),
            interval_name="95% interval (Wilson)",
        ),
        Measure("stories", "Stories", "stories a {period}", is_count=True),
        Measure("stories_ma4", "Stories, mean of 4 full periods", "stories a {period}, trailing mean"),
        Measure("share_articles", "Share of articles", "% of the articles of a {period}", _ARTICLES, is_share=True),
        Measure(
            "share_panel",
            "Share of articles, fixed panel of sources",
            "% of the articles of a {period} from sources without a gap",
            _ARTICLES,
            is_share=True,
        ),
        Measure("articles", "Articles", "articles a {period}", _ARTICLES, is_count=True),
        Measure("articles_about", "Articles about it", "articles a {period}", _ARTICLES, is_count=True),
        Measure(
            "owned_share", "Share of vendors' own voices", "% of an entity's articles of a {period}", _ARTICLES,
            is_share=True,
        ),
        Measure("publishers", "Publishers", "publisher families a {period}", is_count=True),
        Measure(
            "publishers_independent", "Independent publishers", "publisher families a {period}", is_count=True
        ),
        Measure("mentions", "Mentions", "places in articles a {period}", _ARTICLES, is_count=True),
        Measure(
            "momentum_4v4",
            "Momentum: share of the last 4 full periods by that of the 4 before",
            "ratio (1: steady, 2: doubled)",
            interval=("momentum_lo", "momentum_hi"),
            interval_name="95% interval (log ratio)",
            reference=1.0,
        ),
        Measure("burst_z", "Burst: stories above the usual", "robust standard deviations above the median"),
        Measure(
            "theme_lift", "Theme over its sources' habits", "times what its sources usually write", _ARTICLES,
            reference=1.0,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """In CSS pixels, 96 an inch."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Times:
    """Periods that follow each other, and how far each can be trusted."""

    grain: str  # day, week or month
    starts: tuple[date, ...]
    stops: tuple[date, ...]  # the first day after
    is_partial: tuple[bool, ...]
    coverage_ok: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """An entity's values, one per period; NaN where there is none."""

    label: str
    values: Floats
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """One chart with one to five lines."""

    measure: Measure
    times: Times
    lines: tuple[Line, ...]
    segment: str
    sources: int  # how many
    as_of: str  # ISO time, UTC
    notes: tuple[str, ...] = ()  # what else a reader must know


@dataclass(frozen=True, slots=True)
class Mover:
    """A line and the verdict on it in the period that is spoken of."""

    line: Line
    signal: str  # rising, falling, flat or too_few
    momentum: float  # NaN: not known
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Movers:
    """Small multiples: a panel each, in this order, with one time axis and each its own scale."""

    measure: Measure
    times: Times
    movers: tuple[Mover, ...]
    segment: str
    sources: int
    as_of: str
    title: str
    subtitle: str  # why these
    notes: tuple[str, ...] = ()
