"""Trends as charts: lines with their intervals, and small multiples. Pure: from arrays to the bytes of an SVG or PNG.

data.py     what is drawn        text.py     clean, wrap, place texts     scales.py   ticks
fonts.py    who has the glyphs   sheet.py    a figure in CSS pixels       marks.py    lines, bands, gaps, the key
lines.py    one to five entities in one chart                            movers.py   a panel for each entity
render.py   bytes                costs.py    what options cost, month after month
prices.py   prices in three voices

Nothing depends on colour alone (WCAG 2.2, 1.4.1): lines differ in markers and dashes, too, and have their names at
their ends. No display, no state of pyplot, nobody's matplotlibrc: same data, same size, same fonts, same bytes.
"""

from aiwire.charts.data import MEASURES, MOST_LINES, Line, Lines, Measure, Mover, Movers, Size, Times
from aiwire.charts.movers import movers_height
from aiwire.charts.render import describe, draw, image, missing_glyphs

__all__ = [
    "MEASURES",
    "MOST_LINES",
    "Line",
    "Lines",
    "Measure",
    "Mover",
    "Movers",
    "Size",
    "Times",
    "describe",
    "draw",
    "image",
    "missing_glyphs",
    "movers_height",
]
