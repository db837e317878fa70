"""export chart: trends as SVG or PNG."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiwire.cli.chart_file import forget_backend, kind_of, write_chart
from aiwire.cli.common import Context, common_options, warn
from aiwire.cli.export import ISO_DATE, KINDS
from aiwire.exceptions import ConfigError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from aiwire.charts import Line, Lines, Measure, Mover, Movers, Times
    from db.trends.query import PeriodRows, TrendsQuery
    from db.trends.series import Trends

__all__ = ["COLUMNS", "chart"]

# those of aiwire.charts.MEASURES, which loads matplotlib
COLUMNS = (
    "share_stories", "stories", "stories_ma4", "share_articles", "share_panel", "articles", "articles_about",
    "owned_share", "publishers", "publishers_independent", "mentions", "momentum_4v4", "burst_z", "theme_lift",
)  # fmt: skip
DEFAULT_WIDTH, DEFAULT_MOVERS = 1280, 12
LEAST_PIXELS, MOST_PIXELS = 320, 8192


class _PixelSize(click.ParamType[tuple[int, int | None]]):
    """Width and height in pixels; no height: as high as the chart needs."""

    name = "WIDTH[xHEIGHT]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int | None]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"([0-9]{1,5})(?:[xX×]([0-9]{1,5}))?", value)
        if found is None:
            self.fail(f"{value!r} is no size in pixels such as 1280x720, or 390 for the width alone", param, ctx)
        width, height = (int(part) if part else None for part in found.groups())
        assert width is not None  # noqa: S101  (the pattern has it)
        if not all(LEAST_PIXELS <= side <= MOST_PIXELS for side in (width, height) if side is not None):
            self.fail(f"{value!r}: width and height must be {LEAST_PIXELS} to {MOST_PIXELS} pixels", param, ctx)
        return width, height


@click.command()
@click.option(
    "--entity", "entities", multiple=True, help="Entity id: a line of the chart (may be repeated: up to five)."
)
@click.option(
    "--movers",
    type=click.IntRange(1, 48),
    is_flag=False,
    flag_value=DEFAULT_MOVERS,
    metavar="[N]",
    help=f"A panel each for the N entities that rise or fall most in the newest full period [{DEFAULT_MOVERS}].",
)
@click.option(
    "--column",
    type=click.Choice(COLUMNS),
    default=COLUMNS[0],
    show_default=True,
    help="What is drawn: a column of the trends.",
)
@click.option(
    "--grain",
    type=click.Choice(["day", "week", "month"]),
    default="week",
    show_default=True,
    help="Length of a period, UTC; weeks are those of ISO 8601.",
)
@click.option("--since", type=ISO_DATE, help="First day; its period is the first.")
@click.option("--until", type=ISO_DATE, help="Last day; its period is the last.")
@click.option("--segment", default="all", show_default=True, help="all, owned, independent, lang:en, category:chips …")
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="With --movers: only of this kind.")
@click.option(
    "--size", type=_PixelSize(), help=f"Pixels, as 1280x720 or 390 [default: {DEFAULT_WIDTH} and the height that fits]."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to write; its suffix, .svg or .png, is the format.",
)
@common_options
def chart(
    context: Context,
    entities: tuple[str, ...],
    movers: int | None,
    column: str,
    size: tuple[int, int | None] | None,
    output: Path,
    **selection: Any,
) -> None:
    """Draw trends: up to five entities as lines, or a small panel for each top mover.

    Shares come with their 95% interval; a period that is not over is drawn hollow, and one in which too few sources
    answered is hatched. Same database, same --now: same bytes.

    \b
    Examples:
      aiwire export chart --entity nvidia-h100 --entity amd-mi300x -o trend.svg
      aiwire export chart --entity tco --column stories --grain month --size 390 -o phone.png
      aiwire export chart --movers --kind accelerator -o movers.svg
    """
    kind = kind_of(output)
    forget_backend()
    _check(entities, movers, **selection)
    from aiwire.charts import MEASURES, Lines, image, missing_glyphs
    from db.connection import open_existing
    from db.trends.query import TrendsQuery

    selection["segment"] = selection["segment"].lower()
    query = TrendsQuery(now=context.now, entities=tuple(dict.fromkeys(entities)), **selection)
    with closing(open_existing(context.settings.db)) as db, db.atomic():
        made = _movers(db, query, MEASURES[column], movers) if movers else _lines(db, query, MEASURES[column])
    if kind == "png" and (missing := missing_glyphs(made)):
        warn(
            f"no font here has {missing[:20]}: boxes are in their place; install one that has"
            " (Debian, Ubuntu: fonts-noto-cjk), or choose SVG, which takes the reader's fonts"
        )
    write_chart(output, image(made, _size(made, size), kind))
    for note in made.notes if isinstance(made, Lines) else (made.subtitle, *made.notes):
        warn(note)


def _check(
    entities: Sequence[str], movers: int | None, *, since: date | None, until: date | None, segment: str,
    kinds: Sequence[str], grain: str,
) -> None:  # fmt: skip
    """Refuse what cannot be drawn.

    Raises:
        ConfigError: always with the remedy.
    """
    from aiwire.charts import MOST_LINES

    if since and until and since > until:
        raise ConfigError(f"--since {since} is later than --until {until}")
    if segment == "*":
        raise ConfigError("a chart shows one segment: name it with --segment")
    if movers:
        if entities:
            raise ConfigError("--movers chooses the entities: leave --entity away, or --movers")
        return
    if not entities:
        raise ConfigError(f"name one to {MOST_LINES} entities with --entity, or ask for --movers")
    if len(set(entities)) > MOST_LINES:
        raise ConfigError(f"{len(set(entities))} entities: more than {MOST_LINES} lines cannot be told apart; draw two")
    if kinds:
        raise ConfigError("--kind goes with --movers; entities are named one by one")


def _size(made: Lines | Movers, size: tuple[int, int | None] | None) -> Any:
    """Return the size asked for, with a height that fits if none was."""
    from aiwire.charts import Lines, Size, movers_height

    width, height = size or (DEFAULT_WIDTH, None)
    if height is None:
        height = max(420, width * 9 // 16) if isinstance(made, Lines) else movers_height(made, width)
    return Size(width, height)


def _lines(db: Database, query: TrendsQuery, measure: Measure) -> Lines:
    """Read the lines of the entities that were named, in the order in which they were.

    Raises:
        ConfigError: there is no such entity or segment, or nothing to draw.
    """
    from aiwire.charts import Lines
    from db.exports.meta import sources_hash
    from db.trends.series import load_trends

    trends = load_trends(db, query)
    _check_periods(trends, query)
    by_id = _read(trends, measure)
    lines = [by_id[entity_id] for entity_id in query.entities]
    empty = [line.label for line in lines if not any(map(math.isfinite, line.values))]
    if len(empty) == len(lines):
        raise ConfigError(
            f"{measure.column} has no value in these {len(trends.periods)} {query.grain}s ({_why_empty(measure)});"
            " widen the window with --since, or choose another --column"
        )
    return Lines(
        measure,
        _times(trends),
        tuple(lines),
        segment=query.segment or "all",
        sources=sources_hash(db)["number"],
        as_of=trends.vintage.as_of,
        notes=tuple(f"no value of {measure.column}: {label}" for label in empty),
    )


def _movers(db: Database, query: TrendsQuery, measure: Measure, most: int) -> Movers:
    """Read the entities that move most in the newest full period; if none does, those with the most stories.

    Raises:
        ConfigError: there is no such segment, or nothing to draw.
    """
    from aiwire.charts import Mover, Movers
    from db.exports.meta import sources_hash
    from db.trends.series import load_trends

    trends = load_trends(db, query)
    _check_periods(trends, query)
    rows = _newest(trends)
    chosen, title, subtitle = _chosen(rows, most, query.grain)
    if not chosen:
        raise ConfigError(f"nothing is named in the {_period(rows, query.grain)}; choose another window or segment")
    ids = [trends.series[n].entity_id for n in chosen]
    shown = load_trends(db, replace(query, entities=tuple(ids), kinds=()))
    by_id = _read(shown, measure)

    def mover(n: int, entity_id: str) -> Mover:
        ratio = (float(rows.columns[name][n]) for name in ("momentum_4v4", "momentum_lo", "momentum_hi"))
        return Mover(by_id[entity_id], str(rows.columns["signal"][n]), *ratio)

    return Movers(
        measure,
        _times(shown),
        tuple(mover(n, entity_id) for n, entity_id in zip(chosen, ids, strict=True)),
        segment=query.segment or "all",
        sources=sources_hash(db)["number"],
        as_of=trends.vintage.as_of,
        title=f"{title}: {measure.title[0].lower()}{measure.title[1:]}, {_period(rows, query.grain)}",
        subtitle=subtitle,
    )


def _chosen(rows: PeriodRows, most: int, grain: str) -> tuple[list[int], str, str]:
    """Return which rows are shown, in their order, and in words which those are and why."""
    momentum, signal, stories = (rows.columns[name] for name in ("momentum_4v4", "signal", "stories"))
    called = [n for n in range(len(signal)) if signal[n] in ("rising", "falling")]
    if called:
        largest = sorted(called, key=lambda n: (-abs(math.log(momentum[n])), n))[:most]
        risen = sorted((n for n in largest if signal[n] == "rising"), key=lambda n: -momentum[n])
        fallen = sorted((n for n in largest if signal[n] == "falling"), key=lambda n: momentum[n])
        which = f"all {len(called)}" if len(largest) == len(called) else f"the {len(largest)} largest of {len(called)}"
        return [*risen, *fallen], "Rising and falling", f"{which} changes called (false discovery rate 10%)"
    told = sorted((n for n in range(len(stories)) if stories[n]), key=lambda n: (-stories[n], n))[:most]
    why = (
        f"no {grain} was seen whole yet"
        if rows.period.is_partial
        else f"no entity is called rising or falling this {grain}"
    )
    return told, "Most stories", f"{why}; shown: those with the most stories"


def _check_periods(trends: Trends, query: TrendsQuery) -> None:
    """Refuse a window without data.

    Raises:
        ConfigError: there is no period or no entity in it.
    """
    if not trends.periods or not trends.series:
        days = f" from {query.since or 'the first'} to {query.until or 'the last day'}"
        raise ConfigError(f"there is no data{days}; fetch and tag with `aiwire run`, or widen --since and --until")


def _newest(trends: Trends) -> PeriodRows:
    """Return the rows of the newest full period; if none is full, of the newest in which anything is named."""
    full = [n for n, period in enumerate(trends.periods) if not period.is_partial]
    if full:
        return next(islice(trends.rows(), full[-1], None))
    return deque((rows for rows in trends.rows() if rows.columns["stories"].any()), maxlen=1).pop()


def _read(trends: Trends, measure: Measure) -> dict[str, Line]:
    """Return the lines of all entities by id."""
    import numpy as np

    from aiwire.charts import Line

    names = (measure.column, *(measure.interval or ()))
    read = np.array([[rows.floats(name) for name in names] for rows in trends.rows()])  # period, column, entity
    return {
        series.entity_id: Line(series.label, *(read[:, column, n] for column in range(len(names))))
        for n, series in enumerate(trends.series)
    }


def _times(trends: Trends) -> Times:
    from aiwire.charts import Times

    periods = trends.periods
    return Times(
        periods[0].span.grain,
        tuple(period.span.start for period in periods),
        tuple(period.span.stop for period in periods),
        tuple(period.is_partial for period in periods),
        tuple(period.coverage_ok for period in periods),
    )


def _period(rows: PeriodRows, grain: str) -> str:
    start = rows.period.span.start
    return f"{grain} of {start:%Y-%m}" if grain == "month" else f"{grain} of {start}"


def _why_empty(measure: Measure) -> str:
    if measure.column == "theme_lift":
        return "it is of themes only, and needs 8 full periods before"
    if measure.column in ("momentum_4v4", "burst_z", "stories_ma4"):
        return "it needs more full periods"
    return "its denominator is 0"
