"""What trends read of single articles: from the tables of the database, or from wherever else articles are kept.

`StoredArticles` reads articles and tags from covering indexes, in the order of these: never a text. Entity by entity,
since that is three times as quick as to read the tags of each article.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from db.trends.counting import COUNTED_ROLES_SQL, DATED_SQL, LANGUAGE_SEGMENT_SQL
from db.trends.periods import Span

__all__ = ["ArticleReader", "ArticleRows", "StoredArticles"]

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

VERSIONS_SQL = "SELECT DISTINCT tagger_version, taxonomy_version FROM articles WHERE tagger_version IS NOT NULL"
PER_SOURCE_SQL = f"""
    SELECT source_id, count(*) FROM articles INDEXED BY articles_dated
    WHERE dated_at >= ? AND dated_at < ? AND {DATED_SQL} GROUP BY source_id
"""
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
class ArticleRows:
    """Articles, one entry each, in any order."""

    ids: Ints
    source: Ints  # number of the source, in the order of the ids of all sources
    period: Ints  # number of the period
    is_full: Flags  # tagged for themes, too
    languages: NDArray[Any]  # segment of the language (texts); empty if it was not asked for


class ArticleReader(Protocol):
    """Reads what the rollups do not say. What counts is said in `db.trends.counting`."""

    def versions(self) -> Iterable[tuple[str, str]]:
        """Return each pair of tagger and taxonomy that articles were tagged with."""
        ...

    def per_source(self, periods: Sequence[Span]) -> Iterable[tuple[int, str, int]]:
        """Return how many dated articles, tagged or not, a source gave in a period: number of the period, id, count."""
        ...

    def tagged(self, periods: Sequence[Span], *, languages: bool) -> ArticleRows:
        """Return the tagged articles of successive periods."""
        ...

    def naming(self, periods: Sequence[Span], entity_ids: Sequence[str]) -> Iterator[tuple[str, Ints]]:
        """Yield each entity with the ids of the articles in successive periods that name it; more articles do no harm.

        Args:
            entity_ids: ascending; they are yielded in this order, those that nothing names, too.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredArticles:
    """The articles of a database."""

    db: Database

    def versions(self) -> list[tuple[str, str]]:
        return self.db.execute(VERSIONS_SQL).fetchall()

    def per_source(self, periods: Sequence[Span]) -> Iterator[tuple[int, str, int]]:
        for at, span in enumerate(periods):
            for source_id, articles in self.db.execute(PER_SOURCE_SQL, _ends(span)):
                yield at, source_id, articles

    def tagged(self, periods: Sequence[Span], *, languages: bool) -> ArticleRows:
        found = [self._numbers(span) for span in periods]
        rows = np.concatenate([np.zeros((0, 3), np.int64), *found])
        rowids = np.array([rowid for (rowid,) in self.db.execute("SELECT rowid FROM sources ORDER BY id")], np.int64)
        by_rowid = np.argsort(rowids)
        spoken = [name for span in periods for name in self._languages(span)] if languages else []
        return ArticleRows(
            rows[:, 0],
            by_rowid[np.searchsorted(rowids, rows[:, 1], sorter=by_rowid)],
            np.repeat(np.arange(len(periods)), [len(part) for part in found]),
            rows[:, 2] > 0,
            np.array(spoken, object),
        )

    def naming(self, periods: Sequence[Span], entity_ids: Sequence[str]) -> Iterator[tuple[str, Ints]]:
        window = [str(periods[0].start), str(periods[-1].stop)]
        for entity_id in entity_ids:
            rows = self.db.execute(NAMED_SQL, [entity_id, *window])
            yield entity_id, np.fromiter(chain.from_iterable(rows), np.int64)

    def _numbers(self, span: Span) -> Ints:
        return np.fromiter(chain.from_iterable(self.db.execute(ARTICLES_SQL, _ends(span))), np.int64).reshape(-1, 3)

    def _languages(self, span: Span) -> Iterator[str]:
        return chain.from_iterable(self.db.execute(LANGUAGES_SQL, _ends(span)))


def _ends(span: Span) -> list[str]:
    return [str(span.start), str(span.stop)]
