"""What is asked of the trends, and what comes back: periods, and their columns as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from db.trends.periods import Grain, Span

__all__ = ["Panel", "Period", "PeriodRows", "Precision", "Series", "TrendsQuery", "Vintage"]

Precision = Mapping[str, tuple[float | None, int]]  # by entity id or kind: precision in the gold set, labels measured


@dataclass(frozen=True, slots=True)
class TrendsQuery:
    """Which rows: the periods that hold `since` to `until`, both inclusive, and which entities and segment."""

    now: datetime
    grain: Grain = "week"
    since: date | None = None  # None: the last 156 weeks, 36 months or 92 days; never before the first tagged article
    until: date | None = None  # None: to the last tagged article or good answer
    kinds: tuple[str, ...] = ()  # empty: all
    entities: tuple[str, ...] = ()  # ids, each of which has rows; empty: all that are named in the window
    segment: str | None = "all"  # None: every one


class Series(NamedTuple):
    """An entity in a segment: the rows of the long table, period by period, are in this order."""

    entity_id: str
    segment: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Period:
    """A period and how far its counts can be trusted."""

    span: Span
    is_partial: bool  # not over, not looked at to its end, or not from its beginning
    coverage_ok: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """The sources that were covered in every full period of `first` to `last`: the last 26 in or before the window.

    Periods in which most sources were missed are passed over (`db.trends.coverage`).
    """

    source_ids: tuple[str, ...]
    first: Span | None  # None: no full period yet, and no source
    last: Span | None


@dataclass(frozen=True, slots=True)
class Vintage:
    """What is the same in every row."""

    taxonomy: str  # tx-HASH, several joined by +
    tagger: str  # tagger-VERSION, several joined by +
    as_of: str  # ISO
    first_answer: str  # ISO; "" if no source ever gave a good answer
    last_answer: str


@dataclass(frozen=True, slots=True)
class PeriodRows:
    """The rows of one period: arrays of one length, that of the series.

    `columns` has every numeric column of the long table by its name, int64 where it is always known, float64 with NaN
    where it may be empty; and `signal`, an object array of "rising", "falling", "flat" and "too_few". What they say is
    defined in `db.trends.signals`, `db.trends.bysource` and `db.trends.coverage`.
    """

    period: Period
    columns: Mapping[str, NDArray[Any]]

    def floats(self, name: str) -> NDArray[np.float64]:
        """Return a column as floats."""
        return self.columns[name].astype(np.float64)
