"""The trends of a window: every period of every series, zeros filled in, with all that is computed from the rollups.

A row looks back over the full periods before it, whether the window holds them or not; and a signal is judged against
all entities of its segment, whatever was selected. So a row does not depend on the selection, but for `share_panel`,
whose panel is that of the newest full period of the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from db.nearest import did_you_mean
from db.trends.bysource import BASE_PERIODS, load_articles, panel_shares, theme_lifts
from db.trends.coverage import Ledger, load_ledger
from db.trends.periods import Grain, Span, span_at, spans
from db.trends.query import Panel, Period, PeriodRows, Series, TrendsQuery, Vintage
from db.trends.reading import ArticleReader, StoredArticles
from db.trends.signals import HISTORY, burst, moving_average, signals
from db.trends.statistics import wilson
from db.trends.stored import Cells, Totals, load_cells, load_totals
from db.trends.vintage import is_partial, load_vintage

__all__ = ["DEFAULT_PERIODS", "Trends", "load_periods", "load_trends"]

Floats = NDArray[np.float64]

DEFAULT_PERIODS: dict[Grain, int] = {"day": 92, "week": 156, "month": 36}  # an article of 1998 makes no million zeros
LOOK_BACK = max(HISTORY - 1, BASE_PERIODS)  # periods that the first row of a window needs before it
SIDES = ("all", "owned", "independent")  # segments that there always are
COUNTS = ("articles", "articles_about", "stories", "publishers", "publishers_independent", "mentions")


@dataclass(frozen=True, slots=True)
class Trends:
    """The series of a query and, period by period, their rows."""

    query: TrendsQuery  # segment as it is spelled in the tables
    series: tuple[Series, ...]  # the rows of a period, in their order: sorted by entity and segment
    periods: tuple[Period, ...]
    panel: Panel
    vintage: Vintage
    _loaded: _Loaded | None = field(repr=False)  # None: there is no period

    def rows(self) -> Iterator[PeriodRows]:
        """Yield the rows of each period in turn."""
        if self._loaded is not None:
            for number, period in enumerate(self.periods):
                yield PeriodRows(period, self._loaded.columns(number, period))


@dataclass(frozen=True, slots=True)
class _Loaded:
    """All that the rows are computed from: arrays over the periods of the window and `before` ones ahead of them."""

    before: int
    full: range  # numbers of the full periods
    cells: Cells
    totals: Totals
    group: NDArray[np.int64]  # of each series in `cells`, its number in `totals`
    table: NDArray[np.int64]  # the series that are judged together: those of a segment
    chosen: NDArray[np.int64]  # the series of the query, as numbers in `cells`
    is_theme: NDArray[np.bool_]  # of each series of the query
    shares: dict[int, Floats]  # share_panel, by the number of the period
    lifts: Floats  # periods of the window x themes of the query

    def columns(self, number: int, period: Period) -> dict[str, NDArray[Any]]:
        """Return the columns of one period of the window."""
        at = self.before + number
        counts = {name: self.cells.row(at, name)[self.chosen] for name in COUNTS}
        group = self.group[self.chosen]
        totals = self.totals.articles[at][group], self.totals.stories[at][group], self.totals.publishers[at][group]
        share = wilson(counts["stories"], totals[1])
        size = self.chosen.size
        lift = np.full(size, np.nan)
        lift[self.is_theme] = self.lifts[number]
        return {
            "is_partial": np.full(size, int(period.is_partial)),
            "coverage_ok": np.full(size, int(period.coverage_ok)),
            **counts,
            "articles_total": totals[0],
            "stories_total": totals[1],
            "publishers_active": totals[2],
            "share_articles": _ratio(counts["articles"], totals[0]),
            "share_stories": _ratio(counts["stories"], totals[1]),
            "share_lo": share.lo,
            "share_hi": share.hi,
            "share_panel": self.shares.get(number, np.full(size, np.nan)),
            "owned_share": _ratio(self.cells.row(at, "articles_owned")[self.chosen], counts["articles"]),
            **self._trailing(at),
            "theme_lift": lift,
        }

    def _trailing(self, at: int) -> dict[str, NDArray[Any]]:
        """Return the columns that look back over the full periods up to number `at`."""
        history = slice(max(self.full.start, at + 1 - HISTORY), at + 1) if at in self.full else slice(0, 0)
        stories = self.cells.stories[history]
        found = signals(stories, self.totals.stories[history], self.group, self.table)
        own = stories[:, self.chosen]
        return {
            "stories_ma4": moving_average(own),
            "momentum_4v4": found.momentum[self.chosen],
            "momentum_lo": found.lo[self.chosen],
            "momentum_hi": found.hi[self.chosen],
            "signal": found.signal[self.chosen],
            "signal_q": found.q[self.chosen],
            "signal_noise": found.noise[self.chosen],
            "burst_z": burst(own),
        }


def load_trends(db: Database, query: TrendsQuery, reader: ArticleReader | None = None) -> Trends:
    """Return the trends that are asked for; all is read before this returns, within the caller's snapshot.

    Every entity that is named in the window, or asked for by its id, has a row in each of its periods, zeros included.

    Args:
        db: sources, entities, answers and rollups.
        query: which rows.
        reader: of the articles behind the rollups; None: those of the database.

    Raises:
        ConfigError: there is no such entity or segment; the message names the nearest.
    """
    query = _checked(db, query)
    reader = reader or StoredArticles(db)
    vintage = load_vintage(db, query.now, reader)
    window = _window(db, query, vintage)
    if not window:
        return Trends(query, (), (), Panel((), None, None), vintage, None)
    ledger = load_ledger(db, window[-1], vintage, reader)
    history = _history(db, window)
    before = len(history) - len(window)
    periods = _periods(window, ledger, vintage)
    full = _full(history, vintage)
    segments = _segments(db, query, history)
    cells = load_cells(db, history, segments, _asked(db, query, window))
    totals = load_totals(db, history, segments)
    chosen = np.flatnonzero(_selected(query, cells, before))
    series = tuple(cells.series[at] for at in chosen)
    panel, panel_spans = ledger.panel()
    shares, lifts = _from_sources(db, reader, history, before, full, series, (panel, panel_spans))
    loaded = _Loaded(
        before,
        full,
        cells,
        totals,
        np.array([totals.groups[one.segment, one.kind == "theme"] for one in cells.series], np.int64),
        np.array([segments.index(one.segment) for one in cells.series], np.int64),
        chosen,
        np.array([one.kind == "theme" for one in series], bool),
        shares,
        lifts,
    )
    return Trends(query, series, periods, panel, vintage, loaded)


def load_extent(db: Database, query: TrendsQuery, reader: ArticleReader) -> tuple[tuple[Span, ...], tuple[str, ...]]:
    """Return the periods and segments whose cells `load_trends` needs: those of the window and what rows look back to.

    Args:
        db: as in `load_trends`, but for the cells.
        query: which rows.
        reader: of the articles.

    Raises:
        ConfigError: there is no such entity or segment; the message names the nearest.
    """
    query = _checked(db, query)
    window = _window(db, query, load_vintage(db, query.now, reader))
    if not window:
        return (), ()
    history = _history(db, window)
    return history, tuple(_segments(db, query, history))


def load_periods(db: Database, query: TrendsQuery) -> tuple[Period, ...]:
    """Return the periods of the window alone."""
    vintage = load_vintage(db, query.now)
    window = _window(db, query, vintage)
    return _periods(window, load_ledger(db, window[-1], vintage), vintage) if window else ()


def _periods(window: tuple[Span, ...], ledger: Ledger, vintage: Vintage) -> tuple[Period, ...]:
    ok = ledger.ok()
    return tuple(Period(span, is_partial(span, vintage), ok.get(span.start, False)) for span in window)


def _window(db: Database, query: TrendsQuery, vintage: Vintage) -> tuple[Span, ...]:
    """Return every period of the window.

    None before the first tagged article (nobody looked), and none after the last one or the last good answer, whichever
    is later (nobody has looked yet).
    """
    first, last = _ends(db, query.grain)
    if first is None or last is None:
        return ()
    answered = date.fromisoformat(vintage.last_answer[:10]) if vintage.last_answer else last
    stop = max(last, answered)
    if query.until:
        stop = min(stop, query.until)
    newest = span_at(stop, query.grain)
    earliest = query.since or newest.back(DEFAULT_PERIODS[query.grain] - 1).start
    return tuple(spans(max(first, earliest), newest.start, query.grain))


def _full(history: tuple[Span, ...], vintage: Vintage) -> range:
    """Return the numbers of the full periods: they follow on each other."""
    full = [at for at, span in enumerate(history) if not is_partial(span, vintage)]
    return range(full[0], full[-1] + 1) if full else range(0)


def _ends(db: Database, grain: Grain) -> tuple[date | None, date | None]:
    """Return the first and the last period that has a tagged article."""
    end = "SELECT {}(period_start) FROM period_totals WHERE grain = :grain AND segment = 'all'"
    ends = db.execute(f"SELECT ({end.format('min')}), ({end.format('max')})", {"grain": grain}).fetchone()
    first, last = (None if day is None else date.fromisoformat(day) for day in ends)
    return first, last


def _history(db: Database, window: tuple[Span, ...]) -> tuple[Span, ...]:
    """Return the window and the periods before it that its rows look back to, none before the first tagged article."""
    first, _ = _ends(db, window[0].grain)
    back = [window[0]]
    while len(back) <= LOOK_BACK and first is not None and back[-1].start > first:
        back.append(back[-1].back(1))
    return (*reversed(back[1:]), *window)


def _checked(db: Database, query: TrendsQuery) -> TrendsQuery:
    """Return the query with its segment as it is spelled in the tables.

    Raises:
        ConfigError: there is no such entity or segment; the message names the nearest.
    """
    for entity_id in query.entities:
        if not db.execute("SELECT 1 FROM entities WHERE id = ?", [entity_id]).fetchone():
            known = [row[0] for row in db.execute("SELECT id FROM entities ORDER BY id")]
            near = did_you_mean(entity_id.lower(), known) or "see the ids with `aiwire serve` under /news/entities"
            raise ConfigError(f"there is no entity {entity_id!r}; {near}")
    if query.segment is None:
        return query
    segment = query.segment.lower()
    known = [*SIDES, *(row[0] for row in db.execute("SELECT DISTINCT segment FROM period_totals ORDER BY 1"))]
    spelled = next((name for name in known if name.lower() == segment), None)
    if spelled is None:
        near = did_you_mean(segment, known) or f"choose from {', '.join(dict.fromkeys(known))}"
        raise ConfigError(f"there is no segment {query.segment!r}; {near}")
    return replace(query, segment=spelled)


def _segments(db: Database, query: TrendsQuery, periods: tuple[Span, ...]) -> list[str]:
    """Return the segment that is asked for, else all that there are in successive periods."""
    if query.segment:
        return [query.segment]
    found = db.execute(
        "SELECT DISTINCT segment FROM period_totals WHERE grain = ? AND period_start BETWEEN ? AND ? ORDER BY segment",
        [query.grain, str(periods[0].start), str(periods[-1].start)],
    )
    return [segment for (segment,) in found]


def _asked(db: Database, query: TrendsQuery, window: tuple[Span, ...]) -> list[tuple[str, str]]:
    """Return the entities that are asked for by their ids, in each segment that is asked for."""
    if not query.entities:
        return []
    return [(entity_id, segment) for segment in _segments(db, query, window) for entity_id in query.entities]


def _selected(query: TrendsQuery, cells: Cells, before: int) -> NDArray[np.bool_]:
    """Return which series are of the query: of its kinds, and asked for, or else named in the window."""
    if query.entities:
        found = np.array([one.entity_id in query.entities for one in cells.series], bool)
    else:
        found = cells.named(before)
    if query.kinds:
        found = found & np.array([one.kind in query.kinds for one in cells.series], bool)
    return found


def _from_sources(
    db: Database,
    reader: ArticleReader,
    history: tuple[Span, ...],
    before: int,
    full: range,
    series: tuple[Series, ...],
    panel: tuple[Panel, tuple[Span, ...]],
) -> tuple[dict[int, Floats], Floats]:
    """Return what is computed from single articles: share_panel, by the number of the period, and theme_lift."""
    themes = [one for one in series if one.kind == "theme"]
    told = {at: span for at, span in enumerate(history) if at >= before and span in panel[1]}
    first = min(told, default=len(history))
    if themes:
        first = min(first, max(before - BASE_PERIODS, 0))
    articles = load_articles(db, reader, history[first:], sorted({one.segment for one in series}))
    lifts = np.zeros((len(history) - before, 0))
    if themes:
        is_full = np.isin(np.arange(first, len(history)), np.array(full))
        lifts = theme_lifts(reader, articles, is_full, themes)[before - first :]
    if not told or not series:
        return {}, lifts
    shares = panel_shares(reader, articles.since(told[min(told)]), panel[0].source_ids, series)
    return {at - before: shares[at - min(told)] for at in told}, lifts


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Floats:
    """Return the shares; NaN where there is nothing to have a share of."""
    return np.asarray(np.where(whole > 0, part / np.maximum(whole, 1), np.nan), np.float64)
