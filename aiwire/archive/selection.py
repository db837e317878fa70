"""The articles of an archive that a condition selects, read from its tables in batches, newest first."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import duckdb

from aiwire.archive.schemas import ARCHIVE_TABLES
from aiwire.archive.tables import open_tables
from aiwire.exceptions import ConfigError
from aiwire.types import Source, SourceKind, parse_iso
from aiwire.types.archive import ArchivedArticle
from db.archive import CaptureDay

__all__ = ["Selected", "Selection"]

_COLUMNS = (
    "url", "source_id", "captured_at", "title", "author", "published_at", "dated_at", "date_source", "date_flaw",
    "language", "text", "canonical_url", "paywalled", "rights",
)  # fmt: skip  # fields of ArchivedArticle, in order
_MOMENTS = frozenset(("captured_at", "published_at", "dated_at"))
_SOURCE_COLUMNS = ("id", "name", "kind", "url", "publisher", "owner", "language", "category", "licence", "is_listed")
_KNOWN = (*ARCHIVE_TABLES["articles"], "entities")  # what a condition may name
_ENTITIES_SQL = """
    LEFT JOIN (
        SELECT article_id, list(DISTINCT entity_id ORDER BY entity_id) AS entities FROM article_entities
        WHERE role IN ('subject', 'mention') {of_day} GROUP BY article_id
    ) AS named ON named.article_id = articles.id
"""
# the first fails where a bracket of the condition ends ours, the last where it has a clause of its own
_PROBES = ("SELECT 1 FROM articles WHERE {}", "SELECT 1 FROM articles WHERE ({})", "SELECT ({}) FROM articles")
_UNKNOWN_COLUMN = re.compile(r'Referenced column "([^"]*)" not found')


@dataclass(frozen=True, slots=True)
class Selected:
    """An article of the archive, without tags, and the time of the first capture of its URL."""

    article: ArchivedArticle
    first_seen_at: datetime


class Selection:
    """What `where` selects. Close it at the end."""

    def __init__(self, folder: Path, where: str | None, *, limit: int | None = None) -> None:
        """Open the archive in `folder`, count what the condition selects.

        Raises:
            ConfigError: there is no archive, or `where` is no condition on its articles.
        """
        self._where = "true" if where is None else _checked(where)
        self._limit = limit
        self._tables = open_tables(folder)
        try:
            self._days = self._count()
            self.sources = {source.id: source for source in self._read_sources()}
        except BaseException:
            self._tables.close()
            raise

    def __len__(self) -> int:
        total = sum(self._days.values())
        return total if self._limit is None else min(total, self._limit)

    def close(self) -> None:
        self._tables.close()

    def batches(self, size: int) -> Iterator[Sequence[Selected]]:
        """Yield the articles in batches of at most `size`, newest first: each day is read and sorted by itself."""
        left = len(self)
        columns = ", ".join(f"articles.{column}" for column in (*_COLUMNS, "first_seen_at"))
        for day in self._days:
            sql = f"""
                SELECT {columns} FROM {self._joined("AND day = $day")} WHERE articles.day = $day AND ({self._where}\n)
                ORDER BY articles.dated_at DESC, articles.id LIMIT $left
            """  # noqa: S608 (names of our own; the condition is the user's, on files of his)
            rows = self._tables.cursor().execute(sql, {"day": day, "left": left})
            while left > 0 and (batch := rows.fetchmany(size)):
                left -= len(batch)
                yield [_selected(row) for row in batch]

    def captures(self, source_ids: Sequence[str]) -> list[CaptureDay]:
        """Return the days on which these sources were looked at."""
        rows = self._tables.execute(
            "SELECT source_id, day, pages, last_at FROM captures WHERE list_contains(?, source_id) ORDER BY 1, 2",
            [list(source_ids)],
        ).fetchall()
        return [CaptureDay(source_id, day, pages, parse_iso(last_at)) for source_id, day, pages, last_at in rows]

    def holds(self, urls: Collection[str]) -> set[str]:
        """Return those of `urls` that are articles of the archive, selected or not."""
        if not urls:
            return set()
        sql = "SELECT url FROM articles WHERE list_contains(?, url)"
        return {url for (url,) in self._tables.execute(sql, [list(urls)]).fetchall()}

    def _count(self) -> dict[str, int]:
        """Return the days of the selected articles, the newest first, with their numbers."""
        sql = f"""
            SELECT articles.day, count(*) FROM {self._joined("")} WHERE ({self._where}\n) GROUP BY 1 ORDER BY 1 DESC
        """  # noqa: S608 (as in `batches`)
        try:
            return dict(self._tables.execute(sql).fetchall())
        except (duckdb.ProgrammingError, duckdb.DataError) as e:
            raise ConfigError(f"--where: {_in_words(e)}") from e

    def _joined(self, of_day: str) -> str:
        """Return SQL of the articles, with the entities that they name where the condition asks for them."""
        return "articles" + (_ENTITIES_SQL.format(of_day=of_day) if "entities" in self._where.lower() else "")

    def _read_sources(self) -> Iterator[Source]:
        rows = self._tables.execute(f"SELECT {', '.join(_SOURCE_COLUMNS)} FROM sources").fetchall()  # noqa: S608 (names of our own)
        for source_id, name, kind, url, publisher, owner, language, category, licence, is_listed in rows:
            if kind not in get_args(SourceKind):
                raise ConfigError(f"source {source_id!r} of the archive is of an unknown kind {kind!r}; make it anew")
            yield Source(
                id=source_id, name=name, kind=kind, url=url, publisher=publisher, owner=owner, language=language,
                category=category, licence=licence, enabled=is_listed,
            )  # fmt: skip


def _checked(where: str) -> str:
    """Return the condition if it is one expression.

    Raises:
        ConfigError: it is none, or more than that.
    """
    try:
        statements = [duckdb.extract_statements(sql.format(f"\n{where}\n")) for sql in _PROBES if where.strip()]
    except duckdb.ProgrammingError as e:
        raise ConfigError(f"--where: {_in_words(e)}") from e
    if not statements or any(len(found) != 1 for found in statements):
        raise ConfigError("--where: must be one condition on the columns of articles, such as \"language = 'en'\"")
    return where


def _in_words(error: duckdb.Error) -> str:
    """Return what DuckDB has against a condition, in one line, with the nearest column where it knows none."""
    unknown = _UNKNOWN_COLUMN.search(str(error))
    if unknown is None:
        said = str(error).splitlines()[0]
        return f"{said}; columns are {', '.join(_KNOWN)}"
    near = difflib.get_close_matches(unknown[1], _KNOWN, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"columns are {', '.join(_KNOWN)}"
    return f"there is no column {unknown[1]!r}, {hint}"


def _selected(row: Sequence[Any]) -> Selected:
    values = dict(zip(_COLUMNS, row, strict=False))
    for name in _MOMENTS:
        values[name] = parse_iso(values[name]) if values[name] else None
    return Selected(ArchivedArticle(**values), parse_iso(row[-1]))
