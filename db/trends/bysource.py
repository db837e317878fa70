"""What needs the sources of articles: the share over the panel, and the lift of a theme over its sources' habits.

Articles and tags are read from covering indexes, in the order of these: never a text. Entity by entity, since that is
three times as quick as to read the tags of each article.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from db.trends.counting import COUNTED_ROLES_SQL, DATED_SQL, LANGUAGE_SEGMENT_SQL
from db.trends.periods import Span
from db.trends.query import Series

__all__ = ["BASE_PERIODS", "Articles", "load_articles", "panel_shares", "theme_lifts"]

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BASE_PERIODS, BASE_LEAST = 26, 8  # full periods before, from which a habit is read: at most, at least
LEAST_EXPECTED = 1.0  # articles: a ratio to less says nothing

_WHERE_SQL = f"dated_at >= ? AND dated_at < ? AND tagger_version IS NOT NULL AND {DATED_SQL}"
# whole numbers alone, by way of the rowid: text would take twice as long
ARTICLES_SQL = f"""
    SELECT articles.id, sources.rowid, tag_scope IS 'full'
    FROM articles INDEXED BY articles_dated CROSS JOIN sources ON sources.id = articles.source_id
    WHERE {_WHERE_SQL} ORDER BY dated_at DESC, articles.id
"""
LANGUAGES_SQL = f"""
    SELECT {LANGUAGE_SEGMENT_SQL} FROM articles INDEXED BY articles_dated
    WHERE {_WHERE_SQL} ORDER BY dated_at DESC, articles.id
"""
NAMED_SQL = f"""
    SELECT article_id FROM article_entities INDEXED BY article_entities_entity
    WHERE entity_id = ? AND dated_at >= ? AND dated_at < ? AND role IN {COUNTED_ROLES_SQL}
"""


@dataclass(frozen=True, slots=True)
class Articles:
    """The tagged articles of successive periods, in the order of their ids."""

    periods: tuple[Span, ...]
    source_ids: tuple[str, ...]
    by_source: Mapping[str, Flags]  # segment -> which sources are in it
    by_article: Mapping[str, Flags]  # segment of a language -> which articles are in it
    ids: Ints
    source: Ints  # number in `source_ids`
    period: Ints  # number in `periods`
    is_full: Flags  # tagged for themes, too

    def naming(self, db: Database, entity_id: str) -> Ints:
        """Return the places of the articles that name an entity."""
        if not self.ids.size:
            return np.zeros(0, np.int64)
        window = [entity_id, str(self.periods[0].start), str(self.periods[-1].stop)]
        found = np.fromiter(chain.from_iterable(db.execute(NAMED_SQL, window)), np.int64)
        places = np.minimum(np.searchsorted(self.ids, found), self.ids.size - 1)
        return np.asarray(places[self.ids[places] == found], np.int64)

    def since(self, first: Span) -> Articles:
        """Return those of the periods from `first` on."""
        at = self.periods.index(first)
        kept = self.period >= at
        return Articles(
            self.periods[at:],
            self.source_ids,
            self.by_source,
            {segment: flags[kept] for segment, flags in self.by_article.items()},
            self.ids[kept],
            self.source[kept],
            self.period[kept] - at,
            self.is_full[kept],
        )

    def in_segment(self, segment: str) -> Flags:
        """Return which articles are in a segment."""
        sources = self.by_source.get(segment)
        if sources is not None:
            return np.asarray(sources[self.source], bool)
        return self.by_article.get(segment, np.zeros(self.ids.size, bool))

    def per_period(self, places: Ints) -> Ints:
        """Return how many of the articles at these places are in each period."""
        return np.bincount(self.period[places], minlength=len(self.periods))


def load_articles(db: Database, periods: tuple[Span, ...], segments: Sequence[str]) -> Articles:
    """Return the tagged articles of successive periods, with what is to be known for these segments."""
    sources = db.execute("SELECT rowid, id, owner IS NOT NULL, category FROM sources ORDER BY rowid").fetchall()
    is_owned = np.array([bool(row[2]) for row in sources], bool)
    by_source = {"all": np.ones(len(sources), bool), "owned": is_owned, "independent": ~is_owned}
    for category in {row[3] for row in sources} - {None}:
        by_source[f"category:{category}"] = np.array([row[3] == category for row in sources], bool)
    found = [_rows(db, ARTICLES_SQL, span, columns=3) for span in periods]
    rows = np.concatenate([np.zeros((0, 3), np.int64), *found])
    period = np.repeat(np.arange(len(periods)), [len(part) for part in found])
    order = np.argsort(rows[:, 0])
    languages = [segment for segment in segments if segment not in by_source]
    spoken = np.array([name for span in periods for name in _languages(db, span)] if languages else [], object)
    return Articles(
        periods,
        tuple(row[1] for row in sources),
        by_source,
        {segment: np.asarray(spoken[order] == segment, bool) for segment in languages},
        rows[order, 0],
        np.searchsorted([row[0] for row in sources], rows[order, 1]),
        period[order],
        rows[order, 2] > 0,
    )


def _rows(db: Database, sql: str, span: Span, *, columns: int) -> Ints:
    numbers = chain.from_iterable(db.execute(sql, [str(span.start), str(span.stop)]))
    return np.fromiter(numbers, np.int64).reshape(-1, columns)


def _languages(db: Database, span: Span) -> list[str]:
    return list(chain.from_iterable(db.execute(LANGUAGES_SQL, [str(span.start), str(span.stop)])))


def panel_shares(db: Database, articles: Articles, panel: Sequence[str], series: Sequence[Series]) -> Floats:
    """Return the share of the panel's articles that name each entity: periods x series; NaN where it has none."""
    members = np.isin(np.array(articles.source_ids, object), np.array(panel, object))
    is_in = members[articles.source] if articles.ids.size else np.zeros(0, bool)
    totals: dict[tuple[str, bool], tuple[Flags, Floats]] = {}
    shares = np.full((len(articles.periods), len(series)), np.nan)
    named = np.zeros(0, np.int64)
    for at, one in enumerate(series):
        if at == 0 or one.entity_id != series[at - 1].entity_id:
            named = articles.naming(db, one.entity_id)
        key = one.segment, one.kind == "theme"
        if key not in totals:
            counted = is_in & articles.in_segment(one.segment)
            if one.kind == "theme":
                counted &= articles.is_full
            total = articles.per_period(np.flatnonzero(counted)).astype(np.float64)
            totals[key] = counted, np.where(total > 0, total, np.nan)
        counted, total = totals[key]
        shares[:, at] = articles.per_period(named[counted[named]]) / total
    return shares


def theme_lifts(db: Database, articles: Articles, is_full: Flags, series: Sequence[Series]) -> Floats:
    """Return by how much each theme is above what its sources' own habits would make one expect: periods x series.

    Expected of a source is the share of the theme in its articles of the up to 26 full periods before, of as many
    articles as it has in the period. A source without articles in these has no habit and is left out, of what was
    observed, too. NaN for what is no theme, where fewer than 8 full periods lie before or less than 1 article is to be
    expected, and in the segments of languages: these are no groups of sources.

    Args:
        is_full: of each period; full ones follow on each other.
    """
    lifts = np.full((len(articles.periods), len(series)), np.nan)
    shape = len(articles.periods), len(articles.source_ids)
    cell = articles.period * shape[1] + articles.source
    written = _cells(cell[articles.is_full], shape)
    base = _base(written, is_full)
    is_known = base > 0
    enough = _base(is_full.astype(np.int64)[:, None], is_full)[:, 0] >= BASE_LEAST
    for entity_id in {one.entity_id for one in series if one.kind == "theme"}:
        places = articles.naming(db, entity_id)
        named = _cells(cell[places[articles.is_full[places]]], shape)
        expected = np.where(is_known, written * _base(named, is_full) / np.maximum(base, 1), 0.0)
        observed = np.where(is_known, named, 0)
        for at, one in enumerate(series):
            sources = articles.by_source.get(one.segment)
            if one.entity_id == entity_id and sources is not None:
                due = expected[:, sources].sum(1)
                told = enough & (due >= LEAST_EXPECTED)
                lifts[told, at] = observed[:, sources].sum(1)[told] / due[told]
    return lifts


def _cells(cell: Ints, shape: tuple[int, int]) -> Ints:
    return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)


def _base(counts: Ints, is_full: Flags) -> Ints:
    """Return for every period the sums of the up to 26 full periods before it."""
    full = np.flatnonzero(is_full)
    summed = np.concatenate([np.zeros((1, counts.shape[1]), np.int64), np.cumsum(counts[full], axis=0)])
    stop = np.searchsorted(full, np.arange(len(counts)))  # full periods before each
    return np.asarray(summed[stop] - summed[np.maximum(stop - BASE_PERIODS, 0)], np.int64)
