"""What trends count, in DuckDB: the rollups of one grain, and what is read of single articles.

What counts is said once, in `db.trends.counting`, in SQL that both databases read. Here the articles become a narrow
table of numbers, with which the tags are joined; every group is counted by DuckDB, which spills to disk what is too
much for its memory limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from db.trends.counting import (
    CATEGORY_SEGMENT_SQL,
    COUNTED_ROLES_SQL,
    DATED_SQL,
    LANGUAGE_SEGMENT_SQL,
    SIDE_SQL,
    STORY_SQL,
)
from db.trends.periods import Grain, Span
from db.trends.reading import ArticleRows

__all__ = ["ParquetArticles", "cells", "prepare", "totals"]

Ints = NDArray[np.int64]
Row = tuple[Any, ...]

NEVER = "0001-01-01"
FETCHED = 50_000  # rows as Python objects at a time
NAMINGS = 2_000_000  # ids of articles in memory at a time

# of each kind of segments, what gives the one that an article is in; NULL: none
SEGMENTS = {"all": "'all'", "side": "counted.side", "lang": "counted.lang", "category": "counted.category"}

SOURCES_SQL = f"""
    CREATE TEMP TABLE numbered AS
    SELECT id, (row_number() OVER (ORDER BY id) - 1)::INTEGER AS number,
        dense_rank() OVER (ORDER BY publisher)::INTEGER AS publisher,
        owner IS NOT NULL AS is_owned, {SIDE_SQL} AS side, {CATEGORY_SEGMENT_SQL} AS category
    FROM sources WHERE id IN (SELECT source_id FROM articles)
"""  # noqa: S608 (names of our own)
COUNTED_SQL = f"""
    CREATE TEMP TABLE counted AS
    SELECT articles.id, date_trunc('{{grain}}', substr(articles.dated_at, 1, 10)::DATE)::DATE AS period,
        numbered.number AS source, numbered.publisher, numbered.is_owned, numbered.side, numbered.category,
        {LANGUAGE_SEGMENT_SQL} AS lang, {STORY_SQL} AS story,
        articles.tagger_version IS NOT NULL AS is_tagged, coalesce(articles.tag_scope = 'full', false) AS is_full
    FROM articles JOIN numbered ON numbered.id = articles.source_id
    WHERE {DATED_SQL}
"""  # noqa: S608 (names of our own)
TOTALS_SQL = """
    SELECT strftime(period, '%Y-%m-%d'), {segment}, count(*), count(DISTINCT story), count(DISTINCT publisher),
        count(*) FILTER (is_full), count(DISTINCT story) FILTER (is_full), count(DISTINCT publisher) FILTER (is_full)
    FROM counted WHERE is_tagged AND {segment} IS NOT NULL GROUP BY ALL ORDER BY ALL
"""
CELLS_SQL = f"""
    SELECT tags.entity_id, {{segment}}, strftime(counted.period, '%Y-%m-%d'), count(*), count(*) FILTER (tags.about),
        count(*) FILTER (counted.is_owned), count(DISTINCT counted.story), count(DISTINCT counted.publisher),
        count(DISTINCT counted.publisher) FILTER (NOT counted.is_owned), sum(tags."count")::BIGINT
    FROM article_entities AS tags JOIN counted ON counted.id = tags.article_id
    WHERE tags.role IN {COUNTED_ROLES_SQL} AND tags.dated_at >= $start AND tags.dated_at < $stop
        AND list_contains($segments, {{segment}})
    GROUP BY ALL ORDER BY ALL
"""  # noqa: S608 (names of our own)
NAMINGS_SQL = f"""
    CREATE OR REPLACE TEMP TABLE namings AS
    SELECT asked.number, tags.article_id FROM article_entities AS tags JOIN asked ON asked.id = tags.entity_id
    WHERE tags.role IN {COUNTED_ROLES_SQL} AND tags.dated_at >= $start AND tags.dated_at < $stop
    ORDER BY asked.number
"""  # noqa: S608 (names of our own)


def prepare(tables: duckdb.DuckDBPyConnection, grain: Grain) -> None:
    """Make the temporary tables that all else here reads: of sources, and of dated articles in periods of `grain`.

    Args:
        tables: with the views of an archive (`aiwire.archive.tables`).
        grain: length of a period.
    """
    tables.execute(SOURCES_SQL)
    tables.execute(COUNTED_SQL.format(grain=grain))


def totals(tables: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    """Yield what is counted of all articles: period (ISO), segment, then the counts of `db.trends.tables.TOTALS`."""
    for segment in SEGMENTS.values():
        yield from _fetched(tables.execute(TOTALS_SQL.format(segment=segment)))


def cells(tables: duckdb.DuckDBPyConnection, periods: Sequence[Span], segments: Iterable[str]) -> Iterator[Row]:
    """Yield what is counted of each entity: id, segment, period (ISO), then the counts of `db.trends.tables.CELLS`.

    Args:
        tables: prepared.
        periods: successive ones of the grain that it was prepared for.
        segments: those that are wanted.
    """
    if not periods:
        return
    for kind, names in _by_kind(segments).items():
        values = {**_window(periods), "segments": names}
        yield from _fetched(tables.execute(CELLS_SQL.format(segment=SEGMENTS[kind]), values))


def _by_kind(segments: Iterable[str]) -> Mapping[str, list[str]]:
    """Group segments by the column that they stand in."""

    def kind(segment: str) -> str:
        return "side" if segment in ("owned", "independent") else segment.partition(":")[0]

    return {key: list(group) for key, group in groupby(sorted(segments, key=kind), key=kind)}


def _fetched(found: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    while rows := found.fetchmany(FETCHED):
        yield from rows


@dataclass(frozen=True, slots=True)
class ParquetArticles:
    """The articles of an archive, as `db.trends.reading.ArticleReader`."""

    tables: duckdb.DuckDBPyConnection  # prepared

    def versions(self) -> list[tuple[str, str]]:
        sql = "SELECT DISTINCT tagger_version, taxonomy_version FROM articles WHERE tagger_version IS NOT NULL"
        return self.tables.execute(sql).fetchall()

    def per_source(self, periods: Sequence[Span]) -> Iterator[tuple[int, str, int]]:
        numbers = {span.start: at for at, span in enumerate(periods)}
        found = self.tables.execute(
            "SELECT period, numbered.id, count(*) FROM counted JOIN numbered ON numbered.number = counted.source"
            " GROUP BY ALL"
        )
        for period, source_id, articles in found.fetchall():
            if period in numbers:
                yield numbers[period], source_id, articles

    def tagged(self, periods: Sequence[Span], *, languages: bool) -> ArticleRows:
        spoken = "lang" if languages else "NULL"
        found = self.tables.execute(
            f"SELECT id, source, period - $start::DATE AS day, is_full, {spoken} AS lang FROM counted"  # noqa: S608 (names of our own)
            " WHERE is_tagged AND period >= $start::DATE AND period < $stop::DATE",
            _window(periods),
        ).fetchnumpy()
        days = [(span.start - periods[0].start).days for span in periods]
        return ArticleRows(
            found["id"].astype(np.int64),
            found["source"].astype(np.int64),
            np.searchsorted(days, found["day"].astype(np.int64)),
            found["is_full"].astype(bool),
            np.asarray(found["lang"], object) if languages else np.zeros(0, object),
        )

    def naming(self, periods: Sequence[Span], entity_ids: Sequence[str]) -> Iterator[tuple[str, Ints]]:
        if not entity_ids:
            return
        self.tables.execute(
            "CREATE OR REPLACE TEMP TABLE asked AS"
            " SELECT unnest($ids::VARCHAR[]) AS id, unnest(range(len($ids::VARCHAR[])))::INTEGER AS number",
            {"ids": list(entity_ids)},
        )
        self.tables.execute(NAMINGS_SQL, _window(periods))
        sizes = np.zeros(len(entity_ids), np.int64)
        for number, size in self.tables.execute("SELECT number, count(*) FROM namings GROUP BY 1").fetchall():
            sizes[number] = size
        for part in _parts(sizes.tolist()):
            found = self.tables.execute(
                "SELECT article_id FROM namings WHERE number >= $1 AND number < $2 ORDER BY number",
                [part.start, part.stop],
            ).fetchnumpy()["article_id"]
            edges = np.concatenate([[0], np.cumsum(sizes[part.start : part.stop])])
            for at, number in enumerate(part):
                yield entity_ids[number], np.asarray(found[edges[at] : edges[at + 1]], np.int64)


def _window(periods: Sequence[Span]) -> dict[str, str]:
    """Return the first day of successive periods and the first one after them, which moments compare with as texts."""
    if not periods:  # no window holds an article
        return {"start": NEVER, "stop": NEVER}
    return {"start": str(periods[0].start), "stop": str(periods[-1].stop)}


def _parts(sizes: Sequence[int]) -> Iterator[range]:
    """Yield successive ranges of numbers whose sizes are `NAMINGS` together, or a little more."""
    first, together = 0, 0
    for number, size in enumerate(sizes):
        together += size
        if together >= NAMINGS:
            yield range(first, number + 1)
            first, together = number + 1, 0
    if first < len(sizes):
        yield range(first, len(sizes))
