"""What options have cost month after month, and what an input does to the decision. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from aiwire.web.svg import canvas
from aiwire.web.svg.scales import Frame, short_usd, ticks

__all__ = ["CostLine", "Crossing", "Swing", "cost_chart", "line_of_key", "swing_bar"]

WIDTH, HEIGHT = 720.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 76.0, 16.0, 14.0, 40.0
COLOURS = 5  # of lines; further ones are grey
BAR_WIDTH, BAR_HEIGHT, BAR_EDGE = 240.0, 18.0, 4.0
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 36, 48, 60)


@dataclass(frozen=True, slots=True)
class CostLine:
    """An option: US dollars paid until each of the chart's months."""

    name: str
    values: tuple[float, ...]
    p10: float | None = None  # of the total, from draws
    p90: float | None = None


@dataclass(frozen=True, slots=True)
class Crossing:
    """A month from which buying has cost no more than another option."""

    month: float
    usd: float
    words: str


@dataclass(frozen=True, slots=True)
class Swing:
    """The gap between buying and the cheapest other option at both ends of an input, and as it is: US dollars."""

    at_low: float
    at_high: float
    now: float


def cost_chart(
    months: Sequence[float], lines: Sequence[CostLine], crossings: Sequence[Crossing], *, title: str, description: str
) -> Markup:
    """Return the chart of what has been paid.

    Args:
        months: places of the values of each line; 0 is the start.
        lines: in the order of their colours.
        crossings: rings on the line of buying.
    """
    highest = max(max(*line.values, line.p90 or 0.0) for line in lines)
    lowest = min(0.0, min(min(line.values) for line in lines))
    rows = ticks(lowest, highest)
    frame = Frame(LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM, 0, months[-1], rows[0], rows[-1])
    parts = [*frame.rows(rows), frame.base(), *_months(frame, months[-1])]
    for number, line in reversed(list(enumerate(lines, start=1))):
        points = [(frame.x(month), frame.y(usd)) for month, usd in zip(months, line.values, strict=True)]
        words = f"{line.name}: {short_usd(line.values[-1])} in the end"
        parts.append(canvas.line(points, class_=_line_class(number), title=words))
        if line.p10 is not None and line.p90 is not None and line.p10 < line.p90:
            x = frame.right + 2 * min(number, COLOURS)
            ends = [(x, frame.y(line.p10)), (x, frame.y(line.p90))]
            words = f"{line.name}: 8 of 10 draws end between {short_usd(line.p10)} and {short_usd(line.p90)}"
            parts.append(canvas.line(ends, class_=f"{_line_class(number)} whisker", title=words))
    parts += [_ring(frame, one) for one in crossings]
    return canvas.svg(WIDTH, HEIGHT, parts, title=title, description=description, class_="costs")


def line_of_key(number: int) -> Markup:
    """Return the piece of a line that stands for the option with this number, counted from 1."""
    sample = canvas.line([(0.0, 6.0), (28.0, 6.0)], class_=_line_class(number))
    return canvas.element("svg", sample, viewBox="0 0 28 12", aria_hidden="true", class_="costs")


def swing_bar(swing: Swing, *, low: float, high: float, words: str) -> Markup:
    """Return the bar of an input: from the gap as it is to the gaps at both ends, and a line where the gap is 0.

    Args:
        low: least gap of all bars of the table; they share a scale.
        high: greatest gap.
        words: what can be seen, read out.
    """
    frame = Frame(BAR_EDGE, 0, BAR_WIDTH - BAR_EDGE, BAR_HEIGHT, min(low, 0.0), max(high, 0.0), 0, 1)
    now = frame.x(swing.now)
    parts = []
    for end, class_ in ((swing.at_low, "swing swing--low"), (swing.at_high, "swing swing--high")):
        x = frame.x(end)
        parts.append(canvas.rect(min(x, now), 3.0, abs(x - now), BAR_HEIGHT - 6, class_=class_))
    zero = frame.x(0.0)
    parts.append(canvas.line([(zero, 0.0), (zero, BAR_HEIGHT)], class_="swing-zero"))
    parts.append(canvas.line([(now, 0.0), (now, BAR_HEIGHT)], class_="swing-now"))
    return canvas.svg(BAR_WIDTH, BAR_HEIGHT, parts, title=words, description="", class_="swings")


def _line_class(number: int) -> str:
    return f"series series--{number}" if number <= COLOURS else "series series--more"


def _months(frame: Frame, last: float) -> list[Markup]:
    """Return the months below the plot, at most ten."""
    step = next((step for step in _MONTH_STEPS if last / step <= 9), _MONTH_STEPS[-1])
    found = []
    for month in range(0, int(last) + 1, step):
        x = frame.x(month)
        found.append(canvas.line([(x, frame.bottom), (x, frame.bottom + 4)], class_="axis"))
        found.append(canvas.text(x, frame.bottom + 18, str(month), anchor="middle"))
    found.append(canvas.text((frame.left + frame.right) / 2, frame.bottom + 36, "month", anchor="middle"))
    return found


def _ring(frame: Frame, crossing: Crossing) -> Markup:
    title = canvas.element("title", crossing.words)
    return canvas.element(
        "circle", title, cx=frame.x(crossing.month), cy=frame.y(crossing.usd), r=6.0, class_="crossing"
    )
