"""What needs the sources of articles: the share over the panel, and the lift of a theme over its sources' habits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from db.trends.periods import Span
from db.trends.query import Series
from db.trends.reading import ArticleReader

__all__ = ["BASE_PERIODS", "Articles", "load_articles", "panel_shares", "theme_lifts"]

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BASE_PERIODS, BASE_LEAST = 26, 8  # full periods before, from which a habit is read: at most, at least
LEAST_EXPECTED = 1.0  # articles: a ratio to less says nothing


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

    def naming(self, reader: ArticleReader, entity_ids: Sequence[str]) -> Iterator[tuple[str, Ints]]:
        """Yield each entity, of ascending ids, with the places of the articles that name it."""
        if not self.ids.size:
            yield from ((entity_id, np.zeros(0, np.int64)) for entity_id in entity_ids)
            return
        for entity_id, found in reader.naming(self.periods, entity_ids):
            places = np.minimum(np.searchsorted(self.ids, found), self.ids.size - 1)
            yield entity_id, np.asarray(places[self.ids[places] == found], np.int64)

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


def load_articles(db: Database, reader: ArticleReader, periods: tuple[Span, ...], segments: Sequence[str]) -> Articles:
    """Return the tagged articles of successive periods, with what is to be known for these segments."""
    sources = db.execute("SELECT id, owner IS NOT NULL, category FROM sources ORDER BY id").fetchall()
    is_owned = np.array([bool(row[1]) for row in sources], bool)
    by_source = {"all": np.ones(len(sources), bool), "owned": is_owned, "independent": ~is_owned}
    for category in {row[2] for row in sources} - {None}:
        by_source[f"category:{category}"] = np.array([row[2] == category for row in sources], bool)
    languages = [segment for segment in segments if segment not in by_source]
    rows = reader.tagged(periods, languages=bool(languages))
    order = np.argsort(rows.ids)
    return Articles(
        periods,
        tuple(row[0] for row in sources),
        by_source,
        {segment: np.asarray(rows.languages[order] == segment, bool) for segment in languages},
        rows.ids[order],
        rows.source[order],
        rows.period[order],
        rows.is_full[order],
    )


def panel_shares(reader: ArticleReader, articles: Articles, panel: Sequence[str], series: Sequence[Series]) -> Floats:
    """Return the share of the panel's articles that name each entity: periods x series; NaN where it has none.

    Args:
        series: sorted by entity.
    """
    members = np.isin(np.array(articles.source_ids, object), np.array(panel, object))
    is_in = members[articles.source] if articles.ids.size else np.zeros(0, bool)
    totals: dict[tuple[str, bool], tuple[Flags, Floats]] = {}
    shares = np.full((len(articles.periods), len(series)), np.nan)
    groups = {entity_id: list(group) for entity_id, group in groupby(series, key=attrgetter("entity_id"))}
    at = 0
    for entity_id, named in articles.naming(reader, list(groups)):
        for one in groups[entity_id]:
            key = one.segment, one.kind == "theme"
            if key not in totals:
                counted = is_in & articles.in_segment(one.segment)
                if one.kind == "theme":
                    counted &= articles.is_full
                total = articles.per_period(np.flatnonzero(counted)).astype(np.float64)
                totals[key] = counted, np.where(total > 0, total, np.nan)
            counted, total = totals[key]
            shares[:, at] = articles.per_period(named[counted[named]]) / total
            at += 1
    return shares


def theme_lifts(reader: ArticleReader, articles: Articles, is_full: Flags, series: Sequence[Series]) -> Floats:
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
    is_writing = written.any(0)  # without the others, which add nothing, a sum is the same to its last bit
    enough = _base(is_full.astype(np.int64)[:, None], is_full)[:, 0] >= BASE_LEAST
    themes = sorted({one.entity_id for one in series if one.kind == "theme"})
    for entity_id, places in articles.naming(reader, themes):
        named = _cells(cell[places[articles.is_full[places]]], shape)
        expected = np.where(is_known, written * _base(named, is_full) / np.maximum(base, 1), 0.0)
        observed = np.where(is_known, named, 0)
        for at, one in enumerate(series):
            sources = articles.by_source.get(one.segment)
            if one.entity_id == entity_id and sources is not None:
                heard = sources & is_writing
                due = expected[:, heard].sum(1)
                told = enough & (due >= LEAST_EXPECTED)
                lifts[told, at] = observed[:, heard].sum(1)[told] / due[told]
    return lifts


def _cells(cell: Ints, shape: tuple[int, int]) -> Ints:
    return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)


def _base(counts: Ints, is_full: Flags) -> Ints:
    """Return for every period the sums of the up to 26 full periods before it."""
    full = np.flatnonzero(is_full)
    summed = np.concatenate([np.zeros((1, counts.shape[1]), np.int64), np.cumsum(counts[full], axis=0)])
    stop = np.searchsorted(full, np.arange(len(counts)))  # full periods before each
    return np.asarray(summed[stop] - summed[np.maximum(stop - BASE_PERIODS, 0)], np.int64)
