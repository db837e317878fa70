"""Axes of charts: ticks at round numbers, places between them, amounts in few letters. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from aiwire.web.svg import canvas

__all__ = ["Frame", "short_usd", "ticks"]


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot of a chart within its drawing, and the values at its edges."""

    left: float
    top: float
    right: float
    bottom: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        """Return the place of a value on the horizontal axis."""
        return self.left + (self.right - self.left) * (value - self.x_low) / ((self.x_high - self.x_low) or 1)

    def y(self, value: float) -> float:
        """Return the place of a value on the vertical axis."""
        return self.bottom - (self.bottom - self.top) * (value - self.y_low) / ((self.y_high - self.y_low) or 1)

    def rows(self, values: Sequence[float]) -> list[Markup]:
        """Return a line across and an amount for each value."""
        lines = [
            canvas.line([(self.left, self.y(value)), (self.right, self.y(value))], class_="gridline")
            for value in values
        ]
        return lines + [
            canvas.text(self.left - 6, self.y(value) + 4, short_usd(value), anchor="end") for value in values
        ]

    def base(self) -> Markup:
        """Return the line below."""
        return canvas.line([(self.left, self.bottom), (self.right, self.bottom)], class_="axis")


def ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """Return round values from `low` or below to `high` or above, at most so many steps."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low, low + 1]
    step: float = 10 ** math.floor(math.log10(span / most))
    step *= next((factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= most), 10)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def short_usd(value: float) -> str:
    """Return an amount of US dollars in few letters: $2.50, $40k, $1.2M."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{sign}${value / size:.3g}{letter}"
    return f"{sign}${value:.2f}".removesuffix(".00")
