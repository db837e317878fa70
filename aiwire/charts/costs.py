"""What options have cost month after month, with the months from which buying is the cheaper one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aiwire.charts.data import MOST_LINES, Floats, Measure, Size
from aiwire.charts.marks import STYLES, KeyEntry, Style, band_alpha, key_height, write_key
from aiwire.charts.render import Format, rendered
from aiwire.charts.scales import value_label, value_ticks
from aiwire.charts.sheet import INK, MUTED, PAPER, Box, Sheet
from aiwire.charts.text import clean, spread
from aiwire.exceptions import ConfigError

__all__ = ["CostLine", "Costs", "Crossing", "cost_image", "describe_costs", "money"]

TITLE_SCALE = 1.3
LABELS_SHARE = 0.34  # of the width that the names at the line ends may take
AXIS_LINES = 2.6  # of text below the plot: months, and what they are
LEAST_PLOT = 90  # pixels either way, else nothing can be read
MONTH_STEPS = (1, 2, 3, 6, 12, 24, 36, 48, 60)
UNITS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
_MONEY = Measure("cumulative", "", "")  # plain numbers: neither shares nor counts


@dataclass(frozen=True, slots=True)
class CostLine:
    """An option: US dollars paid until each of the chart's months; the range of what it may be, if known."""

    label: str
    values: Floats
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True, slots=True)
class Crossing:
    """A month from which one option has cost no more than another."""

    month: float
    usd: float
    text: str


@dataclass(frozen=True, slots=True)
class Costs:
    """One chart of one to five options."""

    title: str
    subtitle: str
    months: Floats  # 0 is the start
    lines: tuple[CostLine, ...]
    crossings: tuple[Crossing, ...]
    as_of: str  # ISO time, UTC
    range_name: str = "all inputs at their cheaper or dearer end"
    notes: tuple[str, ...] = ()


def cost_image(chart: Costs, size: Size, kind: Format) -> bytes:
    """Return the chart as SVG or PNG.

    Raises:
        ConfigError: more options than can be told apart, or the size is too small for the texts.
    """
    if not 1 <= len(chart.lines) <= MOST_LINES:
        raise ConfigError(f"a chart shows up to {MOST_LINES} options, not {len(chart.lines)}: compare fewer")

    def make() -> Figure:
        sheet = Sheet(size)
        _draw(sheet, chart)
        return sheet.figure

    texts = [chart.title, chart.subtitle, *(line.label for line in chart.lines), *chart.notes]
    return rendered(
        make, kind, title=chart.title, description=describe_costs(chart), as_of=chart.as_of,
        texts=[*map(clean, texts), "abcde"],
    )  # fmt: skip


def describe_costs(chart: Costs) -> str:
    """Return in sentences what the chart shows: its alternative text."""
    end = f"{chart.months[-1]:g}"
    said = [f"{clean(line.label)}: {money(float(line.values[-1]))} after {end} months" for line in chart.lines]
    return ". ".join((chart.title, chart.subtitle, *said, *(crossing.text for crossing in chart.crossings),
                      *chart.notes)) + "."  # fmt: skip


def money(usd: float) -> str:
    """Return an amount with three digits: $1.23M."""
    for factor, unit in UNITS:
        if abs(usd) >= factor * 0.9995:
            scaled = usd / factor
            decimals = max(0, 2 - int(math.log10(max(1.0, abs(scaled)))))
            return f"{'-' if usd < 0 else ''}${abs(scaled):.{decimals}f}{unit}"
    return f"{'-' if usd < 0 else ''}${abs(usd):,.2f}"


def _draw(sheet: Sheet, chart: Costs) -> None:
    ticks = value_ticks(_lowest(chart), _top(chart), _MONEY, most=5)
    factor, unit = next(((factor, unit) for factor, unit in UNITS if ticks[-1] >= factor), (1.0, ""))
    labels = [f"${value_label(tick / factor, [t / factor for t in ticks], _MONEY)}{unit}" for tick in ticks]
    top = _write_head(sheet, chart)
    entries = _key(sheet, chart)
    box = _plot_box(sheet, chart, labels, top, below=_foot_height(sheet, chart, entries))
    axes = sheet.axes(box)
    axes.set_xlim(0, float(chart.months[-1]))
    axes.set_ylim(ticks[0], ticks[-1])
    axes.set_yticks(ticks, labels)
    axes.set_xticks(_month_ticks(float(chart.months[-1]), int(box.width / (sheet.letters * 3))))
    for line, style in zip(chart.lines, STYLES, strict=False):
        _draw_line(axes, chart.months, line, style, sheet, len(chart.lines))
    for letter, crossing in zip("abcde", chart.crossings, strict=False):
        _draw_crossing(axes, crossing, letter, sheet)
    label = "months from the start"
    left = max(sheet.margin, box.left + (box.width - sheet.width(label)) / 2)
    sheet.write([label], left, box.bottom + sheet.line_height * 1.3, colour=MUTED)
    _write_names(sheet, chart, ticks, box)
    _write_foot(sheet, chart, entries, box.bottom + sheet.line_height * AXIS_LINES)


def _top(chart: Costs) -> float:
    """Return how high the axis must be: for the lines, and for ranges as far as that leaves the lines readable."""
    highest = max(float(line.values.max()) for line in chart.lines)
    ranges = max((float(line.high.max()) for line in chart.lines if line.high is not None), default=highest)
    return max(highest, min(ranges, highest * 1.6)) or 1.0


def _lowest(chart: Costs) -> float:
    return min(0.0, *(float(line.values.min()) for line in chart.lines))


def _write_head(sheet: Sheet, chart: Costs) -> float:
    title = sheet.fitted(clean(chart.title), sheet.inner_width, 3, scale=TITLE_SCALE, bold=True)
    y = sheet.write(title, sheet.margin, sheet.margin * 0.7, scale=TITLE_SCALE, bold=True)
    y = sheet.write(sheet.fitted(clean(chart.subtitle), sheet.inner_width, 3), sheet.margin, y, colour=MUTED)
    unit = "US dollars paid since the start"
    return sheet.write([unit], sheet.margin, y + sheet.letters * 0.5) + sheet.letters * 0.7


def _plot_box(sheet: Sheet, chart: Costs, labels: list[str], top: float, *, below: float) -> Box:
    """Return the place of the axes: what the texts around it leave.

    Raises:
        ConfigError: too little is left.
    """
    left = sheet.margin + max(map(sheet.width, labels)) + 6
    widest = max(sheet.width(part) for line in chart.lines for part in _name(sheet, line))
    right = sheet.size.width - sheet.margin - sheet.letters * 2 - widest
    box = Box(left, top, right - left, sheet.size.height - below - sheet.line_height * AXIS_LINES - top)
    if box.width < LEAST_PLOT or box.height < LEAST_PLOT:
        raise ConfigError(
            f"{sheet.size.width}x{sheet.size.height} pixels leave no room for the lines beside the texts;"
            " choose a larger --size"
        )
    return box


def _name(sheet: Sheet, line: CostLine) -> list[str]:
    """Return what stands at the end of a line."""
    width = sheet.size.width * LABELS_SHARE - sheet.letters * 2
    # a space after the colon is where a long name may be broken
    return [*sheet.fitted(clean(line.label).replace(":", ": "), width, 3), money(float(line.values[-1]))]


def _draw_line(axes: Axes, months: Floats, line: CostLine, style: Style, sheet: Sheet, lines: int) -> None:
    stroke = sheet.points() / 6
    dashes = (0, style.dashes) if style.dashes else "solid"
    axes.plot(months, line.values, color=style.colour, linewidth=stroke, linestyle=dashes, zorder=3)
    axes.plot(
        months[-1:], line.values[-1:], color=style.colour, marker=style.marker, markersize=sheet.points() * 0.55,
        markeredgecolor=PAPER, markeredgewidth=0.6, clip_on=False, zorder=4,
    )  # fmt: skip
    if line.low is not None and line.high is not None:
        axes.fill_between(
            months, line.low, line.high, color=style.colour, alpha=band_alpha(lines), linewidth=0, zorder=1
        )
        for edge in (line.low, line.high):  # a light edge keeps bands apart in grey
            axes.plot(months, edge, color=style.colour, linewidth=stroke * 0.35, linestyle=dashes, alpha=0.7, zorder=2)


def _draw_crossing(axes: Axes, crossing: Crossing, letter: str, sheet: Sheet) -> None:
    axes.vlines(crossing.month, axes.get_ylim()[0], crossing.usd, color=INK, linewidth=1, linestyle=(0, (1, 2)))
    axes.plot(
        [crossing.month], [crossing.usd], color=INK, marker="o", markersize=sheet.points() * 0.8,
        markerfacecolor=PAPER, markeredgewidth=1.4, zorder=5, clip_on=False,
    )  # fmt: skip
    axes.annotate(
        letter, (crossing.month, crossing.usd), textcoords="offset points", xytext=(0, sheet.points() * 0.8),
        ha="center", va="bottom", color=INK, fontsize=sheet.points(), fontweight="bold", zorder=6,
    )  # fmt: skip


def _key(sheet: Sheet, chart: Costs) -> list[KeyEntry]:
    entries = []
    if any(line.high is not None for line in chart.lines):
        cut = any(line.high is not None and line.high.max() > _top(chart) * 1.001 for line in chart.lines)
        entries.append(KeyEntry(_range_sample, chart.range_name + (", cut off at the top" if cut else "")))
    return entries


def _range_sample(sheet: Sheet, box: Box) -> None:
    sheet.area(box, facecolor=INK, alpha=0.18, linewidth=0)
    middle = (box.top + box.bottom) / 2
    sheet.stroke((box.left, box.right), (middle, middle), color=INK, linewidth=sheet.points() / 7)


def _foot(chart: Costs) -> list[str]:
    return [
        *(f"{letter}: {crossing.text}" for letter, crossing in zip("abcde", chart.crossings, strict=False)),
        *chart.notes,
        f"aiwire · as of {chart.as_of[:10]}",
    ]


def _foot_height(sheet: Sheet, chart: Costs, entries: list[KeyEntry]) -> float:
    lines = sum(len(sheet.fitted(clean(text), sheet.inner_width, 3)) for text in _foot(chart))
    return key_height(sheet, entries) + lines * sheet.line_height + sheet.margin * 1.2


def _write_foot(sheet: Sheet, chart: Costs, entries: list[KeyEntry], top: float) -> None:
    write_key(sheet, entries, top)
    y = top + key_height(sheet, entries) + sheet.letters * 0.4
    for number, text in enumerate(_foot(chart)):
        colour = INK if number < len(chart.crossings) else MUTED
        y = sheet.write(sheet.fitted(clean(text), sheet.inner_width, 3), sheet.margin, y, colour=colour)


def _write_names(sheet: Sheet, chart: Costs, ticks: list[float], box: Box) -> None:
    """Write each name beside the end of its line, moved up or down where names would overlap, with a leader."""
    names = [_name(sheet, line) for line in chart.lines]
    ends = [
        box.bottom - (float(line.values[-1]) - ticks[0]) / (ticks[-1] - ticks[0]) * box.height for line in chart.lines
    ]
    heights = [(len(name) + 0.25) * sheet.line_height for name in names]
    edges = spread(
        [end - height / 2 for end, height in zip(ends, heights, strict=True)], heights,
        box.top - sheet.line_height, box.bottom + sheet.line_height,
    )  # fmt: skip
    for name, end, edge, height, style in zip(names, ends, edges, heights, STYLES, strict=False):
        mark = box.right + sheet.letters * 1.2
        sheet.stroke((box.right, mark), (end, edge + height / 2), color=style.colour, alpha=0.5, linewidth=0.8)
        sheet.stroke(
            (mark,), (edge + height / 2,), color=style.colour, marker=style.marker, markersize=sheet.points() * 0.6,
            markeredgecolor=PAPER, markeredgewidth=0.6,
        )  # fmt: skip
        sheet.write(name, box.right + sheet.letters * 2, edge + sheet.line_height * 0.125)


def _month_ticks(last: float, most: int) -> list[float]:
    step = next((step for step in MONTH_STEPS if last / step + 1 <= most), MONTH_STEPS[-1])
    return [float(month) for month in np.arange(0, last + 1e-9, step)]
