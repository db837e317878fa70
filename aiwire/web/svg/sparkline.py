"""A trend as small as a word: a line beside a name in a list. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from markupsafe import Markup

from aiwire.web.svg.canvas import Point, element, line, svg

__all__ = ["sparkline"]

WIDTH, HEIGHT = 120.0, 24.0
MARGIN = 2.5  # so that neither dot nor line is cut at an edge


def sparkline(
    values: Sequence[float | None], *, partial: Sequence[bool] = (), title: str, description: str = ""
) -> Markup:
    """Return a line over evenly spaced values, the oldest first, between zero and the greatest of them.

    Classes for the style sheet: `sparkline` of the drawing, `spark` of the line, `partial` (dashed) beside it where an
    end of a piece is not known in full, `dot` of the newest value.

    Args:
        values: None is a gap.
        partial: of each value, whether it is of a period not known in full; empty: none is.
        title: what it shows, read out.
        description: what can be seen in it; "" where a table beside it says so.
    """
    points = _points(values)
    unsure = [*partial, *[False] * (len(values) - len(partial))]
    parts = [
        line(run, class_="spark partial" if is_partial else "spark")
        for is_partial, run in _runs(points, unsure)
    ]  # fmt: skip
    newest = next((point for point in reversed(points) if point is not None), None)
    if newest is not None:
        parts.append(element("circle", cx=newest[0], cy=newest[1], r=2, class_="dot"))
    return svg(WIDTH, HEIGHT, parts, title=title, description=description, class_="sparkline")


def _points(values: Sequence[float | None]) -> list[Point | None]:
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    height = HEIGHT - 2 * MARGIN
    return [
        None if value is None else (MARGIN + place * step, HEIGHT - MARGIN - value / top * height)
        for place, value in enumerate(values)
    ]


def _runs(points: Sequence[Point | None], unsure: Sequence[bool]) -> Iterator[tuple[bool, list[Point]]]:
    """Yield the line in pieces that are drawn alike: (is it partial, its points)."""
    kind, run = False, list[Point]()
    for (start, stop), ends in zip(pairwise(points), pairwise(unsure), strict=True):
        if start is None or stop is None:
            if run:
                yield kind, run
            run = []
        elif run and any(ends) == kind:
            run.append(stop)
        else:
            if run:
                yield kind, run
            kind, run = any(ends), [start, stop]
    if run:
        yield kind, run
