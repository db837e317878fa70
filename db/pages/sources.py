"""What the pages of sources show: what a source is, its requests, its articles and whom they name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlite_utils import Database

from db.pages.refs import ArticleRef, EntityRef

__all__ = ["FetchRow", "SourceFacts", "last_day", "most_named", "newest_articles", "requests", "source_facts"]

LISTED = 20  # articles and requests of a source
LOOKED_AT = 200  # newest articles of a source in which it is counted whom they name
NAMED = 15
CHIPS = 6  # of an article

FACTS_SQL = """
    SELECT sources.id, sources.name, sources.kind, sources.url, publisher, owner, entities.name, sources.language,
        sources.category, licence, every_minutes, full_text, excerpt_chars, text_policy, checked_at, ok_at, new_at,
        next_check_at, next_check_reason, moved_to, hub, enabled, active
    FROM sources
    LEFT JOIN source_state ON source_id = sources.id
    LEFT JOIN entities ON entities.id = sources.owner
    WHERE sources.id = ?
"""
# in the order of fetches_documents: those for the source itself, pages of articles are left out
REQUESTS_SQL = f"""
    SELECT fetched_at, outcome, status, entries, new, changed, wire_bytes, elapsed_ms, error, mode
    FROM fetches
    WHERE source_id = ? AND purpose IN ('feed', 'listing', 'sitemap')
    ORDER BY fetched_at DESC, id DESC LIMIT {LISTED}
"""
ARTICLES_SQL = f"""
    SELECT articles.id, title, articles.url, dated_at, date_source, articles.language, coalesce(stories.articles, 1)
    FROM articles INDEXED BY articles_source_dated LEFT JOIN stories ON stories.id = story_id
    WHERE source_id = ? ORDER BY dated_at DESC, articles.id LIMIT {LISTED}
"""
CHIPS_SQL = f"""
    SELECT entities.id, entities.name, entities.kind
    FROM article_entities AS tags JOIN entities ON entities.id = tags.entity_id
    WHERE article_id = ? AND about = 1 ORDER BY salience DESC, entities.id LIMIT {CHIPS}
"""
NAMED_SQL = f"""
    WITH newest(article_id) AS MATERIALIZED (
        SELECT id FROM articles INDEXED BY articles_source_dated
        WHERE source_id = ? ORDER BY dated_at DESC, id LIMIT {LOOKED_AT}
    ), named AS MATERIALIZED (
        SELECT tags.entity_id, count(*) AS articles
        FROM newest CROSS JOIN article_entities AS tags INDEXED BY article_entities_article
            ON tags.article_id = newest.article_id AND tags.role IN ('subject', 'mention')
        GROUP BY tags.entity_id
    )
    SELECT entities.id, entities.name, entities.kind, named.articles
    FROM named JOIN entities ON entities.id = named.entity_id
    ORDER BY named.articles DESC, entities.id LIMIT {NAMED}
"""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A source as sources.toml describes it, and what was last seen of it."""

    id: str
    name: str
    kind: str  # feed, listing, sitemap or archive
    url: str
    publisher: str
    owner: str | None  # id of the company in whose own voice it speaks
    owner_name: str | None  # None: no entity has that id
    language: str | None
    category: str | None
    licence: str | None
    every_minutes: int | None
    full_text: str
    excerpt_chars: int | None
    text_policy: str | None
    checked_at: str | None
    ok_at: str | None
    new_at: str | None
    next_check_at: str | None
    next_check_reason: str | None
    moved_to: str | None
    hub: str | None
    enabled: bool
    active: bool  # False: it has left sources.toml


@dataclass(frozen=True, slots=True)
class FetchRow:
    """A request for the source itself."""

    fetched_at: str
    outcome: str  # ok, not-modified, unreadable, or why no answer came
    status: int | None  # of HTTP
    entries: int
    new: int
    changed: int
    wire_bytes: int
    elapsed_ms: int
    error: str | None
    mode: str | None


def source_facts(db: Database, source_id: str) -> SourceFacts | None:
    """Return what is known of a source; None: there is none with that id."""
    row = db.execute(FACTS_SQL, [source_id]).fetchone()
    if row is None:
        return None
    return SourceFacts(*row[:-2], *map(bool, row[-2:]))


def requests(db: Database, source_id: str) -> tuple[FetchRow, ...]:
    """Return the last requests for a source, the newest first."""
    return tuple(FetchRow(*row) for row in db.execute(REQUESTS_SQL, [source_id]))


def newest_articles(db: Database, source_id: str, source_name: str) -> tuple[ArticleRef, ...]:
    """Return the newest articles of a source with what they are about."""
    return tuple(
        ArticleRef(
            article_id,
            title,
            url,
            dated_at,
            date_source,
            source_name,
            source_id,
            language,
            copies=copies,
            chips=tuple(EntityRef(*row) for row in db.execute(CHIPS_SQL, [article_id])),
        )
        for article_id, title, url, dated_at, date_source, language, copies in db.execute(
            ARTICLES_SQL, [source_id]
        ).fetchall()
    )


def most_named(db: Database, source_id: str) -> tuple[tuple[EntityRef, int], ...]:
    """Return whom the newest 200 articles of a source name most, and in how many of them."""
    return tuple((EntityRef(*row[:3]), int(row[3])) for row in db.execute(NAMED_SQL, [source_id]))


def last_day(db: Database) -> date | None:
    """Return the newest day on which a source was asked; None: none ever was."""
    (day,) = db.execute("SELECT max(day) FROM coverage").fetchone()
    return None if day is None else date.fromisoformat(day)
