"""Calendars of what was asked and answered: a cell per day, and a strip of bars for the last days. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby

from markupsafe import Markup

from aiwire.web.svg.canvas import path, rect, svg, text
from db.pages.coverage import CoverageDay

__all__ = ["LEVELS", "calendar", "legend", "level", "strip"]

# class of a cell and what it means, the best first; a level is more than a colour: cells that failed are smaller
LEVELS = (("all", "all answered"), ("most", "90 % or more"), ("some", "fewer"), ("none", "none"), ("gap", "not asked"))

STEP, CELL = 13, 11
HALF_YEAR = 27  # weeks
LEFT, TOP = 30, 16
STRIP_STEP, STRIP_HEIGHT = 5, 18  # a bar and a gap of 1
_HEIGHTS = {  # the stroke-width of each level in sources.css
    "all": STRIP_HEIGHT,
    "most": 14,
    "some": 10,
    "none": 6,
    "gap": 2,
}


def level(day: CoverageDay) -> str:
    """Return the class of a day: all, most (90 % or more), some, none answered, or gap (nothing was asked)."""
    if day.share is None:
        return "gap"
    if day.share == 1:
        return "all"
    return "most" if day.share >= 0.9 else "some" if day.share else "none"


def calendar(days: Sequence[CoverageDay], *, title: str, description: str, say: Callable[[CoverageDay], str]) -> Markup:
    """Return a calendar: weeks from left to right, Monday on top.

    Args:
        days: without gaps, at least one.
        say: what shows where the pointer rests on a day.
    """
    monday = days[0].day - timedelta(days=days[0].day.weekday())
    weeks = (days[-1].day - monday).days // 7 + 1
    parts = [text(0, TOP + STEP * row + 9, name) for row, name in ((0, "Mon"), (2, "Wed"), (4, "Fri"))]
    parts += _months(monday, weeks)
    for one in days:
        column, row = divmod((one.day - monday).days, 7)
        name = level(one)
        inset = {"none": 3, "gap": 4, "some": 1}.get(name, 0)
        parts.append(
            rect(LEFT + STEP * column + inset, TOP + STEP * row + inset, CELL - 2 * inset, CELL - 2 * inset,
                 class_=f"cal cal--{name}", title=say(one))
        )  # fmt: skip
    class_ = "calendar" if weeks > HALF_YEAR else "calendar calendar--half"
    return svg(LEFT + STEP * weeks, TOP + STEP * 7, parts, title=title, description=description, class_=class_)


def strip(days: Sequence[CoverageDay], *, title: str) -> Markup:
    """Return the days as bars, the oldest first: the lower, the less was answered.

    Days in a row that are alike are one line, which the style sheet draws as wide as bars are high, and dashes: a page
    has many strips.
    """
    lines: dict[str, list[str]] = {}
    start = 0
    for name, alike in groupby(map(level, days)):
        number = len(tuple(alike))
        middle = STRIP_HEIGHT - _HEIGHTS[name] // 2
        lines.setdefault(name, []).append(f"M{start * STRIP_STEP} {middle}h{number * STRIP_STEP - 1}")
        start += number
    parts = [path("".join(found), class_=f"cal--{name}") for name, found in lines.items()]
    return svg(STRIP_STEP * len(days) - 1, STRIP_HEIGHT, parts, title=title, description=_told(days), class_="strip")


def legend() -> tuple[tuple[Markup, str], ...]:
    """Return a cell of each level and what it means."""
    return tuple(
        (Markup('<svg viewBox="0 0 11 11" aria-hidden="true" class="cal-key">{}</svg>').format(_key(name)), words)
        for name, words in LEVELS
    )


def _key(name: str) -> Markup:
    inset = {"none": 3, "gap": 4, "some": 1}.get(name, 0)
    return rect(inset, inset, CELL - 2 * inset, CELL - 2 * inset, class_=f"cal cal--{name}")


def _months(monday: date, weeks: int) -> Iterable[Markup]:
    """Yield the name of each month above the first week that begins in it, but where there is no room for it."""
    last = ""
    for column in range(weeks):
        day = monday + timedelta(weeks=column)
        name = day.strftime("%b")
        if name != last and (day.day <= 7 or column == 0) and column < weeks - 1:
            if column > 0 or (monday + timedelta(weeks=1)).month == day.month:
                yield text(LEFT + STEP * column, 10, name)
            last = name


def _told(days: Sequence[CoverageDay]) -> str:
    asked = [one for one in days if one.asked]
    failed = sum(one.answered == 0 for one in asked)
    return (
        f"Of {len(days)} days: answered on {len(asked) - failed}, no good answer on {failed}, "
        f"not asked on {len(days) - len(asked)}"
    )
