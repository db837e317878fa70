"""What an accelerator was sold and rented for, in time: a shape and a colour for each of the three voices. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from aiwire.web.svg import canvas
from aiwire.web.svg.scales import Frame, ticks

__all__ = ["Mark", "mark_of_key", "price_chart"]

WIDTH, HEIGHT = 640.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 70.0, 14.0, 14.0, 30.0
SIZE = 5.0  # half of a mark, in units


@dataclass(frozen=True, slots=True)
class Mark:
    """A price at a day, or of a month: its middle, with its range."""

    day: date
    usd: float
    voice: str  # reference, cloud or press
    title: str  # shown where the pointer rests
    low: float | None = None
    high: float | None = None
    is_dated: bool = True  # False: the day is when it was read, and the mark is hollow
    joined: bool = False  # with the mark before it of the same voice by a line


def price_chart(marks: Sequence[Mark], *, title: str, description: str) -> Markup | None:
    """Return the chart; None: there is nothing to draw."""
    if not marks:
        return None
    first, last = min(mark.day for mark in marks), max(mark.day for mark in marks)
    rows = ticks(0, max(mark.high or mark.usd for mark in marks))
    low, high = date(first.year, 1, 1), date(last.year + 1, 1, 1)
    frame = Frame(LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM, low.toordinal(), high.toordinal(), 0, rows[-1])
    parts = [*frame.rows(rows), frame.base(), *_years(frame, low.year, high.year)]
    ordered = sorted(marks, key=lambda mark: mark.day)
    for voice in ("cloud", "reference", "press"):
        own = [mark for mark in ordered if mark.voice == voice]
        parts += _band(frame, own)
        parts += [_range(frame, mark) for mark in own if not mark.joined and mark.low is not None]
        parts += [_shape(frame.x(mark.day.toordinal()), frame.y(mark.usd), mark) for mark in own]
    return canvas.svg(WIDTH, HEIGHT, parts, title=title, description=description, class_="prices")


def mark_of_key(voice: str, *, is_dated: bool = True) -> Markup:
    """Return the mark of a voice for the key of a chart."""
    mark = Mark(date.min, 0.0, voice, "", is_dated=is_dated)
    return canvas.element("svg", _shape(14.0, 6.0, mark), viewBox="0 0 28 12", aria_hidden="true", class_="prices")


def _years(frame: Frame, first: int, last: int) -> list[Markup]:
    """Return the years below the plot; where there are many, every other."""
    step = -(-(last - first) // 8)
    found = []
    for year in range(first, last, step):
        x = frame.x(date(year, 1, 1).toordinal())
        found.append(canvas.line([(x, frame.bottom), (x, frame.bottom + 4)], class_="axis"))
        found.append(canvas.text(x + 3, frame.bottom + 18, str(year)))
    return found


def _band(frame: Frame, marks: Sequence[Mark]) -> list[Markup]:
    """Return the lines through the middles of joined marks, and the areas of their ranges; a gap parts them."""
    runs: list[list[Mark]] = []
    for mark in marks:
        if mark.joined and runs:
            runs[-1].append(mark)
        else:
            runs.append([mark])
    parts = []
    for run in runs:
        if len(run) > 1:
            places = [frame.x(mark.day.toordinal()) for mark in run]
            high = [(x, frame.y(mark.high or mark.usd)) for x, mark in zip(places, run, strict=True)]
            low = [(x, frame.y(mark.low or mark.usd)) for x, mark in zip(places, run, strict=True)]
            middle = [(x, frame.y(mark.usd)) for x, mark in zip(places, run, strict=True)]
            parts.append(canvas.area(high, low, class_=f"price-band voice--{run[0].voice}"))
            parts.append(canvas.line(middle, class_=f"price-line voice--{run[0].voice}"))
    return parts


def _range(frame: Frame, mark: Mark) -> Markup:
    x = frame.x(mark.day.toordinal())
    ends = [(x, frame.y(mark.low or mark.usd)), (x, frame.y(mark.high or mark.usd))]
    return canvas.line(ends, class_=f"price-line voice--{mark.voice}")


def _shape(x: float, y: float, mark: Mark) -> Markup:
    """Return a diamond for the reference, a circle for the cloud, a triangle for the press; hollow if not dated."""
    class_ = f"mark voice--{mark.voice}" + ("" if mark.is_dated else " hollow")
    title = canvas.element("title", mark.title) if mark.title else Markup("")
    if mark.voice == "cloud":
        return canvas.element("circle", title, cx=x, cy=y, r=SIZE - 1.2, class_=class_)
    corners = (
        [(x, y - SIZE), (x + SIZE, y), (x, y + SIZE), (x - SIZE, y)]
        if mark.voice == "reference"
        else [(x, y - SIZE), (x + SIZE, y + SIZE), (x - SIZE, y + SIZE)]
    )
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
    return canvas.element("polygon", title, points=points, class_=class_)
