"""Ticks: round values on the y axis, periods or calendar dates on the x axis. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date

from matplotlib.ticker import MaxNLocator

from aiwire.charts.data import Measure, Times

__all__ = ["time_label", "time_ticks", "value_label", "value_ticks"]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # in no locale but ours
STEPS, FINE_STEPS = [1, 2, 2.5, 5, 10], [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]  # the finer, the less room is wasted
MONTH_STEPS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
PERIOD_STEPS = (1, 2, 4)  # beyond that calendar dates are easier to read


def value_ticks(low: float, high: float, measure: Measure, most: int) -> list[float]:
    """Return round values from `low` or below to `high` or above: the ends of the axis are the first and the last."""
    if high <= low:
        high = low + (0.01 if measure.is_share else 1.0)
    locator = MaxNLocator(
        nbins=max(1, most), steps=STEPS if most > 2 else FINE_STEPS, integer=measure.is_count, min_n_ticks=2
    )
    return [float(tick) for tick in locator.tick_values(low, high)]


def value_label(value: float, ticks: list[float], measure: Measure) -> str:
    """Return a value as its axis shows it: as many decimals as the step between the ticks needs."""
    factor = 100 if measure.is_share else 1
    step = (ticks[1] - ticks[0]) * factor
    decimals = next((n for n in range(6) if math.isclose(step * 10**n, round(step * 10**n), rel_tol=1e-6)), 6)
    text = f"{value * factor:.{decimals}f}" if abs(value * factor) < 1000 else f"{value * factor:,.{decimals}f}"
    return text + ("%" if measure.is_share else "")


def time_ticks(times: Times, most: int) -> list[tuple[float, str]]:
    """Return where ticks are, and what they say, the year on a second line where it begins or changes.

    Period number n reaches from n - 0.5 to n + 0.5. A few periods are named by their first day, at their middle, as are
    months; of many days or weeks those months, quarters or years are named that begin there, where they begin.

    Args:
        most: how many there is room for.
    """
    starts = times.starts
    for step in PERIOD_STEPS:
        if len(starts) <= step * most:
            chosen = range((len(starts) - 1) % step, len(starts), step)  # counted from the newest
            return _named([(float(n), starts[n]) for n in chosen], with_day=times.grain != "month")
    for months in MONTH_STEPS:
        calendar = list(_month_starts(times, months))
        if len(calendar) <= most:
            return _named(calendar, with_day=False)
    return _named([(0.0, starts[0]), (len(starts) - 1.0, starts[-1])], with_day=False)


def time_label(times: Times) -> str:
    """Return what the dates on the x axis are."""
    return {"day": "day (UTC)", "week": "week, by its Monday (UTC)", "month": "month (UTC)"}[times.grain]


def _month_starts(times: Times, months: int) -> Iterator[tuple[float, date]]:
    """Yield the first days of every `months`-th month that lie in the window, and their place among the periods."""
    for n, (start, stop) in enumerate(zip(times.starts, times.stops, strict=True)):
        first = start if start.day == 1 else _next_month(start)
        while first < stop:
            if (first.year * 12 + first.month - 1) % months == 0:
                yield n if times.grain == "month" else n - 0.5 + (first - start) / (stop - start), first
            first = _next_month(first)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _named(places: list[tuple[float, date]], *, with_day: bool) -> list[tuple[float, str]]:
    ticks, year = [], 0
    for place, day in places:
        name = f"{day.day} {MONTHS[day.month - 1]}" if with_day else MONTHS[day.month - 1]
        ticks.append((place, name if day.year == year else f"{name}\n{day.year}"))
        year = day.year
    return ticks
