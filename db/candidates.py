"""The review queue: names that no list has, proposed (`candidates`) or tagged on strong evidence (`listed` 0)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlite_utils import Database

__all__ = ["QueuedName", "queue", "tagged_articles"]

# Proposals and tags as one; the rule of a tag is that of its mentions.
# The sentence that shows most: of a tag, else by the number of patterns that met; of the newest article.
QUEUE_SQL = """
    WITH found AS (
        SELECT surface AS name, looks_like, rule, article_id, sentence, 0 AS tagged FROM candidates
        UNION
        SELECT tags.unlisted_name, CASE tags.kind WHEN 'company' THEN 'company' ELSE 'product' END, mentions.rule,
            tags.article_id, tags.evidence, 1
        FROM entities
        JOIN article_entities AS tags ON tags.entity_id = entities.id
        JOIN mentions ON mentions.article_id = tags.article_id AND mentions.entity_id = tags.entity_id
        WHERE entities.listed = 0 AND tags.unlisted_name IS NOT NULL
    ),
    ranked AS (
        SELECT found.*, articles.url, articles.dated_at, sources.publisher, row_number() OVER (
            PARTITION BY found.name, looks_like
            ORDER BY tagged DESC, length(rule) - length(replace(rule, '+', '')) DESC, dated_at DESC, article_id,
                sentence
        ) AS place
        FROM found
        JOIN articles ON articles.id = article_id
        JOIN sources ON sources.id = articles.source_id
    )
    SELECT name, looks_like, count(DISTINCT article_id) AS articles,
        count(DISTINCT article_id) FILTER (WHERE tagged = 1) AS tagged, count(DISTINCT publisher) AS publishers,
        date(min(dated_at)) AS first, date(max(dated_at)) AS last, json_group_array(DISTINCT rule) AS rules,
        max(sentence) FILTER (WHERE place = 1) AS evidence, max(url) FILTER (WHERE place = 1) AS url
    FROM ranked
    WHERE :looks_like IS NULL OR looks_like = :looks_like
    GROUP BY name, looks_like
    HAVING count(DISTINCT article_id) >= :min_articles
    ORDER BY articles DESC, publishers DESC, name, looks_like
    LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class QueuedName:
    """A name that waits for a decision, with what speaks for it."""

    name: str  # as written
    looks_like: str  # company or product
    articles: int  # that it was found in
    tagged: int  # of those: where it is a tag already, on strong evidence
    publishers: int
    first: str  # day of the oldest article, YYYY-MM-DD
    last: str
    rules: tuple[str, ...]  # what found it
    evidence: str  # the sentence that shows most
    url: str  # of its article


def queue(
    db: Database, *, looks_like: str | None = None, min_articles: int = 1, limit: int | None = None
) -> list[QueuedName]:
    """Return the names that no list has, those of most articles first.

    Args:
        db: an open database.
        looks_like: "company" or "product"; None: both.
        min_articles: names in fewer are left out.
        limit: the most names; None: all.
    """
    bound = {"looks_like": looks_like, "min_articles": min_articles, "limit": -1 if limit is None else limit}
    return [
        QueuedName(name, looks_like, articles, tagged, publishers, first, last, _sorted(rules), evidence, url)
        for name, looks_like, articles, tagged, publishers, first, last, rules, evidence, url in db.execute(
            QUEUE_SQL, bound
        )
    ]


def _sorted(rules: str) -> tuple[str, ...]:
    """Return the texts of a JSON array in order: SQLite promises none."""
    return tuple(sorted(json.loads(rules)))


def tagged_articles(db: Database, entity_id: str) -> int:
    """Return how many articles have the entity's tag."""
    return int(db.execute("SELECT count(*) FROM article_entities WHERE entity_id = ?", [entity_id]).fetchone()[0])
