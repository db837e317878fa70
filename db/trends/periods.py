"""Days, ISO weeks and months, all UTC, as half-open spans. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

__all__ = ["GRAINS", "Grain", "Span", "span_at", "spans"]

Grain = Literal["day", "week", "month"]
GRAINS: tuple[Grain, ...] = get_args(Grain)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One period: `start` is in it, `stop` is the first day after it."""

    start: date
    stop: date
    grain: Grain

    @property
    def end(self) -> date:
        """The last day, inclusive."""
        return self.stop - timedelta(days=1)

    @property
    def iso_week(self) -> str:
        """The ISO 8601 name of the week that a day or week is in (`2026-W53`); a month is in no one week: empty."""
        if self.grain == "month":
            return ""
        year, week, _ = self.start.isocalendar()
        return f"{year}-W{week:02}"

    def next(self) -> Span:
        return span_at(self.stop, self.grain)

    def back(self, periods: int) -> Span:
        """Return the period that lies `periods` before this one."""
        span = self
        for _ in range(periods):
            span = span_at(span.start - timedelta(days=1), span.grain)
        return span


def span_at(day: date, grain: Grain) -> Span:
    """Return the period that holds `day`: itself, its ISO week (from Monday), or its month."""
    if grain == "day":
        return Span(day, day + timedelta(days=1), grain)
    if grain == "week":
        start = day - timedelta(days=day.weekday())
        return Span(start, start + timedelta(weeks=1), grain)
    start = day.replace(day=1)
    return Span(start, (start + timedelta(days=31)).replace(day=1), grain)


def spans(first: date, last: date, grain: Grain) -> Iterator[Span]:
    """Yield the periods from the one that holds `first` to the one that holds `last`; none if `last` is earlier."""
    span = span_at(first, grain)
    while span.start <= last:
        yield span
        span = span.next()
