"""The articles: one row each with what is named in it, without its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from sqlite_utils import Database

from aiwire.types import EntityKind
from db.exports.article_columns import (
    ARTICLE_ID,
    DATED_AT,
    OWNED,
    PUBLISHER,
    SOURCE_ID,
    STORY_ID,
    TITLE,
    URL,
)
from db.exports.request import ExportRequest
from db.exports.selection import bounds, check_entities, checked_segment, names_condition
from db.exports.table import Column, Table, frames
from db.queries.evidence import SEGMENT_CONDITION_SQL
from db.trends.counting import COUNTED_ROLES_SQL, STORY_SQL

__all__ = ["COLUMNS", "KEY", "table"]

_KINDS: tuple[EntityKind, ...] = get_args(EntityKind)
_PLURALS = {kind: "companies" if kind == "company" else f"{kind}s" for kind in _KINDS}

COLUMNS = (
    DATED_AT,
    ARTICLE_ID,
    URL,
    Column(
        "canonical_url", "text", "URL", "Address that the page itself declares.",
        null="the page was not read, or declares none",
    ),
    TITLE,
    Column("author", "text", "", "As published.", null="none given"),
    SOURCE_ID,
    PUBLISHER,
    OWNED,
    Column("language", "text", "BCP 47", "As declared.", null="not declared"),
    Column("published_at", "text", "ISO time, UTC", "As stated, even if absurd.", null="no date was"),
    Column(
        "date_source", "text", "",
        "What gave dated_at: published, updated, a place in the page, first_seen, correction, or backlog (undated in"
        " its source's first answer: in no trend).",
    ),
    Column("date_flaw", "text", "", "Why the stated date does not count: future or absurd.", null="it counts"),
    Column("first_seen_at", "text", "ISO time, UTC", "When a source first gave it."),
    STORY_ID,
    Column("story_articles", "integer", "articles", "Articles of that story in the database, this one included."),
    Column("is_lead", "boolean", "0 or 1", "1: the earliest of its story.", "article_id = story_id"),
    Column(
        "words", "integer", "words", "Length of the text; a Chinese, Japanese or Korean character is a word.",
        null="not tagged yet",
    ),
    Column(
        "tag_scope", "text", "", "full, or names: of a language that themes are not looked for in.",
        null="not tagged yet: in no trend",
    ),
    *(
        Column(plural, "text", "ids joined by ;", f"Which {plural} it names as subject or mention.", null="none")
        for plural in _PLURALS.values()
    ),
    Column("paywalled", "boolean", "0 or 1", "1: the page says so.", null="the page was not read"),
    Column("licence", "text", "", "Of the texts, in words, as sources.toml has it.", null="not stated"),
)  # fmt: skip
KEY = ("dated_at", "article_id")
RULES = {
    "rows": "one per article, copies and undated backlog included; of a kind or entity: that name one as subject or"
    " mention",
}


def table(db: Database, request: ExportRequest) -> Table:
    """Return the articles asked for; read within the caller's snapshot.

    Raises:
        ConfigError: there is no such entity or segment.
    """
    check_entities(db, request.entities)
    rows = _rows(db, request, checked_segment(db, request.segment))
    return Table("articles", COLUMNS, KEY, frames(COLUMNS, rows), RULES, "Articles")


def _rows(db: Database, request: ExportRequest, segment: str) -> Iterator[tuple[Any, ...]]:
    kinds: dict[str, EntityKind] = dict(db.execute("SELECT id, kind FROM entities").fetchall())
    condition, values = names_condition(request)
    found = db.execute(
        f"""
        SELECT articles.dated_at, articles.id, articles.url, canonical_url, title, author, sources.id,
            sources.publisher, sources.owner IS NOT NULL, articles.language, published_at, date_source, date_flaw,
            first_seen_at, {STORY_SQL}, coalesce(stories.articles, 1), {STORY_SQL} = articles.id,
            (SELECT words FROM story_sketches WHERE article_id = articles.id), tag_scope,
            (
                SELECT group_concat(entity_id, ';') FROM (
                    SELECT entity_id FROM article_entities INDEXED BY article_entities_article
                    WHERE article_id = articles.id AND role IN {COUNTED_ROLES_SQL} ORDER BY entity_id
                )
            ),
            paywalled, sources.licence
        FROM articles INDEXED BY articles_dated
        JOIN sources ON sources.id = articles.source_id
        LEFT JOIN stories ON stories.id = articles.story_id
        WHERE articles.dated_at >= :start AND articles.dated_at < :stop AND {SEGMENT_CONDITION_SQL} AND {condition}
        ORDER BY articles.dated_at, articles.id
        """,
        {**bounds(request), "segment": segment, **values},
    )
    for *head, names, paywalled, licence in found:
        named = names.split(";") if names else []
        by_kind = (";".join(one for one in named if kinds[one] == kind) or None for kind in _KINDS)
        yield (*head, *by_kind, paywalled, licence)
