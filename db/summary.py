"""What is in the database, in numbers: for reports."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from aiwire.types import EntityKind

__all__ = ["TopEntity", "counts", "top_entities"]


@dataclass(frozen=True, slots=True)
class TopEntity:
    """An entity and how many articles name it."""

    id: str
    name: str
    articles: int
    about: int  # articles that are about it
    evidence: str  # a sentence, from an article that is about it if there is one


def counts(db: Database) -> dict[str, int]:
    """Return the totals that a report names: articles, pages by state, tags, prices, entities by kind and so on."""
    one = {
        "sources": "SELECT count(*) FROM sources WHERE active = 1",
        "articles": "SELECT count(*) FROM articles",
        "untagged": "SELECT count(*) FROM articles WHERE tagger_version IS NULL",
        "pages_pending": "SELECT count(*) FROM articles WHERE page_state = 'pending'",
        "pages_fetched": "SELECT count(*) FROM articles WHERE page_state = 'fetched'",
        "pages_failed": "SELECT count(*) FROM articles WHERE page_state = 'failed'",
        "versions": "SELECT count(*) FROM article_versions",
        "tags": "SELECT count(*) FROM article_entities",
        "mentions": "SELECT count(*) FROM mentions",
        "prices": "SELECT count(*) FROM prices",
        "candidates": "SELECT count(DISTINCT surface) FROM candidates",
        "weeks": "SELECT count(*) FROM period_totals WHERE grain = 'week' AND segment = 'all'",
    }
    found = {name: int(db.execute(sql).fetchone()[0]) for name, sql in one.items()}
    by_kind = db.execute(
        """
        SELECT kind, count(*) FROM entities
        WHERE EXISTS (SELECT 1 FROM article_entities WHERE entity_id = entities.id) GROUP BY kind ORDER BY kind
        """
    )
    return found | {f"entities_{kind}": number for kind, number in by_kind}


def top_entities(db: Database, kind: EntityKind, *, limit: int = 10) -> list[TopEntity]:
    """Return the entities of a kind that most articles name as subject or mention, most first."""
    rows = db.execute(
        """
        WITH totals AS (
            SELECT entities.id, entities.name, sum(articles) AS articles, sum(articles_about) AS about
            FROM entities JOIN trends_weekly ON trends_weekly.entity_id = entities.id AND segment = 'all'
            WHERE kind = ? GROUP BY entities.id ORDER BY 3 DESC, 4 DESC, 1 LIMIT ?
        )
        SELECT id, name, articles, about, (
            SELECT evidence FROM article_entities WHERE entity_id = totals.id AND role IN ('subject', 'mention')
            ORDER BY about DESC, salience DESC, article_id LIMIT 1
        )
        FROM totals
        """,
        [kind, limit],
    )
    return [TopEntity(*row) for row in rows]
