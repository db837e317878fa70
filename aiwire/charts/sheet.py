"""A figure in CSS pixels from its upper left corner, with texts whose size is known before they are set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from aiwire.charts.data import Size
from aiwire.charts.text import fit

__all__ = ["GRID", "INK", "MUTED", "PAPER", "Box", "Sheet"]

DPI = 96  # CSS pixels an inch
PAPER, INK, MUTED, GRID = "#FFFFFF", "#1A1A1A", "#555555", "#DDDDDD"
LEADING = 1.35  # height of a line of text by the size of its letters


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the sheet."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


class Sheet:
    """A white figure of a size, with letters that fit it: 12 pixels on a phone, 15 on a wide screen."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.letters = min(15.0, max(12.0, size.width / 80))
        self.margin = self.letters
        self.figure = Figure(figsize=(size.width / DPI, size.height / DPI), dpi=DPI, facecolor=PAPER)
        self._widths: dict[tuple[str, float, bool], float] = {}  # as measured: it takes a millisecond each
        self._renderer = FigureCanvasAgg(self.figure).get_renderer()  # type: ignore[no-untyped-call]  # matplotlib leaves it untyped

    @property
    def line_height(self) -> float:
        return self.letters * LEADING

    @property
    def inner_width(self) -> float:
        return self.size.width - 2 * self.margin

    def width(self, text: str, *, scale: float = 1.0, bold: bool = False) -> float:
        """Return the width of one line in pixels, a little more than it takes with the fonts of this machine."""
        if not text:
            return 0.0
        asked = text, scale, bold
        if asked not in self._widths:
            measured = self._renderer.get_text_width_height_descent(text, self._font(scale, bold), ismath=False)
            self._widths[asked] = measured[0] * 1.02
        return self._widths[asked]

    def fitted(self, text: str, width: float, lines: int, *, scale: float = 1.0, bold: bool = False) -> list[str]:
        """Return `text` in at most `lines` lines of `width` pixels."""
        return fit(text, width, lines, lambda part: self.width(part, scale=scale, bold=bold))

    def write(
        self,
        lines: Sequence[str],
        left: float,
        top: float,
        *,
        scale: float = 1.0,
        bold: bool = False,
        colour: str = INK,
    ) -> float:
        """Set lines of text, one below the other, and return where the next may begin. Text is data: never formulas."""
        height = self.line_height * scale
        for number, line in enumerate(lines):
            self.figure.text(
                *self.point(left, top + (number + 0.5) * height),
                line,
                color=colour,
                fontproperties=self._font(scale, bold),
                ha="left",
                va="center",
                parse_math=False,
            )
        return top + len(lines) * height

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return a place in fractions of the figure, from its lower left corner."""
        return x / self.size.width, 1 - y / self.size.height

    def axes(self, box: Box) -> Axes:
        """Return axes that fill the box, without frame, with a light horizontal grid behind the data."""
        left, bottom = self.point(box.left, box.bottom)
        axes = self.figure.add_axes(
            (left, bottom, box.width / self.size.width, box.height / self.size.height), facecolor="none"
        )
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(MUTED)
        axes.grid(axis="y", color=GRID, linewidth=0.75)
        axes.set_axisbelow(True)
        axes.tick_params(axis="both", labelsize=self.points(), labelcolor=INK, color=MUTED, length=0, pad=4)
        axes.tick_params(axis="x", length=3)
        return axes

    def points(self, scale: float = 1.0) -> float:
        """Return the size of letters in points."""
        return self.letters * scale * 72 / DPI

    def stroke(self, xs: Iterable[float], ys: Iterable[float], **style: object) -> None:
        """Draw a line through points of the sheet."""
        places = [self.point(x, y) for x, y in zip(xs, ys, strict=True)]
        self.figure.add_artist(
            Line2D([x for x, _ in places], [y for _, y in places], transform=self.figure.transFigure, **style)  # type: ignore[arg-type]  # one of Line2D's many
        )

    def area(self, box: Box, **style: object) -> None:
        """Draw a rectangle."""
        self.figure.add_artist(
            Rectangle(
                self.point(box.left, box.bottom),
                box.width / self.size.width,
                box.height / self.size.height,
                transform=self.figure.transFigure,
                **style,  # type: ignore[arg-type]  # one of Patch's many
            )
        )

    def _font(self, scale: float, bold: bool) -> FontProperties:
        return FontProperties(size=self.points(scale), weight="bold" if bold else "normal")
