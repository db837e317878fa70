"""From a chart to the bytes of a file, the same ones every time."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal
from xml.sax.saxutils import escape

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from aiwire.charts.data import Line, Lines, Measure, Movers, Size, Times
from aiwire.charts.fonts import BASE, families, lacking
from aiwire.charts.lines import draw_lines, footer, heading, window
from aiwire.charts.movers import draw_movers, verdict
from aiwire.charts.scales import value_label
from aiwire.charts.sheet import DPI, Sheet
from aiwire.charts.text import clean

__all__ = ["Format", "describe", "draw", "image", "missing_glyphs", "rendered"]

Format = Literal["svg", "png"]


def draw(chart: Lines | Movers, size: Size) -> Figure:
    """Return the chart as a figure of that size.

    Raises:
        ConfigError: the size is too small for the texts.
    """
    with _style(_texts(chart)):
        return _drawn(chart, size)


def image(chart: Lines | Movers, size: Size, kind: Format) -> bytes:
    """Return the chart as an SVG, with its texts as texts and described for those who hear it, or as a PNG.

    Raises:
        ConfigError: the size is too small for the texts.
    """
    return rendered(
        lambda: _drawn(chart, size), kind, title=_title(chart), description=describe(chart), as_of=chart.as_of,
        texts=_texts(chart),
    )  # fmt: skip


def rendered(
    make: Callable[[], Figure], kind: Format, *, title: str, description: str, as_of: str, texts: Sequence[str]
) -> bytes:
    """Return the bytes of a figure: an SVG, with its texts as texts and described for those who hear it, or a PNG.

    Args:
        make: draws it; called with our style set.
        as_of: ISO time that the file is dated with, so that the same figure gives the same bytes.
        texts: all in it that we do not know beforehand: fonts are chosen for them.
    """
    out = io.BytesIO()
    with _style(texts):
        figure = make()
        if kind == "png":
            metadata: dict[str, Any] = {"Title": title, "Description": description, "Software": None}
            figure.savefig(out, format="png", dpi=DPI, metadata=metadata)
            return out.getvalue()
        figure.savefig(out, format="svg", metadata={"Title": title, "Date": as_of, "Creator": "aiwire"})
    return _described(out.getvalue().decode("utf-8"), description).encode("utf-8")


def describe(chart: Lines | Movers) -> str:
    """Return in sentences what the chart shows: its alternative text."""
    if isinstance(chart, Lines):
        said = [_said(line, chart.times, chart.measure) for line in chart.lines]
    else:
        said = [
            f"{verdict(mover)}, {_said(mover.line, chart.times, chart.measure)}".replace("▲ ", "").replace("▼ ", "")
            for mover in chart.movers
        ]
        said.insert(0, chart.subtitle)
    parts = [_title(chart), window(chart.times, chart.segment), *said, *chart.notes]
    return ". ".join((*parts, *footer(chart.measure, chart.sources, chart.as_of))) + "."


def missing_glyphs(chart: Lines | Movers) -> str:
    """Return the characters in the chart that no font here can show: a PNG has boxes in their place."""
    return lacking(_texts(chart))


def _title(chart: Lines | Movers) -> str:
    return heading(chart) if isinstance(chart, Lines) else chart.title


def _said(line: Line, times: Times, measure: Measure) -> str:
    """Return the last value of a full period, and the highest."""
    known = np.isfinite(line.values)
    full = known & ~np.array(times.is_partial)
    known = full if full.any() else known
    if not known.any():
        return f"{clean(line.label)}: no value"
    last = int(np.flatnonzero(known)[-1])
    highest = int(np.argmax(np.where(known, line.values, -np.inf)))
    steps = [0.0, 0.001 if measure.is_share else 1.0 if measure.is_count else 0.01]
    value, most = (value_label(float(line.values[n]), steps, measure) for n in (last, highest))
    when, when_most = (f"in the {times.grain} of {times.starts[n]}" for n in (last, highest))
    return f"{clean(line.label)}: {value} {when}, at most {most} {when_most}"


def _drawn(chart: Lines | Movers, size: Size) -> Figure:
    sheet = Sheet(size)
    if isinstance(chart, Lines):
        draw_lines(sheet, chart)
    else:
        draw_movers(sheet, chart)
    return sheet.figure


@contextmanager
def _style(texts: Sequence[str]) -> Iterator[None]:
    """Set matplotlib up as it comes, whatever this user's matplotlibrc says, with the fonts that the chart needs."""
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "font.family": [*families(texts), "sans-serif"],
                "font.sans-serif": [BASE],
                "svg.fonttype": "none",
                "svg.hashsalt": "aiwire",
                "hatch.linewidth": 0.6,
            }
        )
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the caller asks `missing_glyphs`
        yield


def _texts(chart: Lines | Movers) -> list[str]:
    """Return all that is written of what we do not know beforehand."""
    lines = chart.lines if isinstance(chart, Lines) else [mover.line for mover in chart.movers]
    titles = [] if isinstance(chart, Lines) else [chart.title, chart.subtitle, "▲▼"]
    return [clean(line.label) for line in lines] + titles + list(chart.notes)


def _described(svg: str, description: str) -> str:
    """Name title and description as what a screen reader says of the image (SVG 2, 5.7; WAI-ARIA 1.2, role img)."""
    svg = svg.replace(
        "<svg ", '<svg role="img" aria-labelledby="aiwire-title" aria-describedby="aiwire-description" ', 1
    )
    svg = svg.replace("<title>", '<title id="aiwire-title">', 1)
    return svg.replace("</title>", f'</title>\n <desc id="aiwire-description">{escape(description)}</desc>', 1)
