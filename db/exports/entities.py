"""The entities: one row for each that our lists have or an article names, with how much is written about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlite_utils import Database

from db.exports.article_columns import (
    ENTITY_ID,
    ENTITY_LABEL,
    ENTITY_TYPE,
)
from db.exports.request import ExportRequest
from db.exports.selection import bounds, check_entities, checked_segment, entity_condition
from db.exports.table import Column, Table, frames
from db.queries.evidence import SEGMENT_CONDITION_SQL
from db.trends.counting import COUNTED_ROLES_SQL, DATED_SQL, STORY_SQL

__all__ = ["COLUMNS", "KEY", "table"]

COLUMNS = (
    ENTITY_ID,
    ENTITY_LABEL,
    ENTITY_TYPE,
    Column(
        "category", "text", "", "Of a company such as chips, cloud or lab; of a theme such as deployment.", null="none",
    ),
    Column("parent", "text", "", "entity_id of the owning company, or of the maker.", null="none on our lists"),
    Column("country", "text", "ISO 3166-1 alpha-2", "Of a company.", null="not stated"),
    Column("ticker", "text", "", "Exchange symbol.", null="not stated, or not traded"),
    Column("listed", "boolean", "0 or 1", "1: on our lists; 0: a name found in texts alone."),
    Column("articles", "integer", "articles", "Articles of the window that name it as subject or mention."),
    Column("stories", "integer", "stories", "Different stories that these articles tell."),
    Column("publishers", "integer", "publishers", "Families of sources of these articles."),
    Column("first_at", "text", "ISO time, UTC", "Date of the first of these articles.", null="there are none"),
    Column("last_at", "text", "ISO time, UTC", "Date of the last of these articles.", null="there are none"),
    Column(
        "tag_precision", "real", "0 to 1", "Share of its tags that were right in labelled texts.",
        "right tags / gold_tags", null="too few were judged",
    ),
    Column("gold_tags", "integer", "tags", "Its tags that were judged.", null="none were"),
)  # fmt: skip
KEY = ("entity_id",)
RULES = {
    "rows": "one per entity that is on our lists, zeros included, or that an article of the window names",
    "window": "without since and until all dated articles are counted",
}


def table(db: Database, request: ExportRequest) -> Table:
    """Return the entities asked for; read within the caller's snapshot.

    Raises:
        ConfigError: there is no such entity or segment.
    """
    check_entities(db, request.entities)
    rows = _rows(db, request, checked_segment(db, request.segment))
    return Table("entities", COLUMNS, KEY, frames(COLUMNS, rows), RULES, "Entities")


def _rows(db: Database, request: ExportRequest, segment: str) -> Iterator[tuple[Any, ...]]:
    condition, values = entity_condition(request, "entities.id", "entities.kind")
    # entity by entity, out of two covering indexes: no article's text is read
    yield from db.execute(
        f"""
        WITH counted AS (
            SELECT entity_id, count(*) AS articles, count(DISTINCT {STORY_SQL}) AS stories,
                count(DISTINCT sources.publisher) AS publishers, min(article_entities.dated_at) AS first_at,
                max(article_entities.dated_at) AS last_at
            FROM entities
            CROSS JOIN article_entities INDEXED BY article_entities_entity
                ON article_entities.entity_id = entities.id AND article_entities.dated_at >= :start
                AND article_entities.dated_at < :stop
            CROSS JOIN articles INDEXED BY articles_counted ON articles.id = article_entities.article_id
            JOIN sources ON sources.id = articles.source_id
            WHERE {condition} AND role IN {COUNTED_ROLES_SQL} AND {DATED_SQL} AND {SEGMENT_CONDITION_SQL}
            GROUP BY entities.id
        )
        SELECT entities.id, name, kind, category, parent, country, ticker, listed, coalesce(articles, 0),
            coalesce(stories, 0), coalesce(publishers, 0), first_at, last_at, tag_precision, gold_tags
        FROM entities LEFT JOIN counted ON counted.entity_id = entities.id
        WHERE {condition} AND (listed = 1 OR articles > 0)
        ORDER BY entities.id
        """,
        {**bounds(request), "segment": segment, **values},
    )
