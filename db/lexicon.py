"""What the lists said when the articles were last all tagged by them: so that a change retags only what it concerns.

The table `lexicon` holds it with the version that it belongs to, that of `articles.taxonomy_version`. It is replaced
when no article is left of another version, so an interrupted retag finds it as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlite_utils import Database

from aiwire.types import LexiconLine
from db.connection import transaction

__all__ = ["TaggedArticle", "all_of_version", "keep_lexicon", "kept_lexicon", "kept_version", "tagged_by", "take_over"]

_VERSION = "version:"  # key of the row that tells it; no id of an entity has a colon
_CHUNK = 500  # articles in memory at a time


class TaggedArticle(NamedTuple):
    """A tagged article, as far as it matters whether a change of the lists concerns it."""

    id: int
    source_id: str
    title: str
    text: str
    has_price: bool
    corrected: frozenset[str]  # ids of the entities of which a person has said something in it


def kept_version(db: Database) -> str | None:
    """Return the version of the lists that are kept; None: none are."""
    row = db.execute("SELECT digest FROM lexicon WHERE key = ?", [_VERSION]).fetchone()
    return None if row is None else str(row[0])


def kept_lexicon(db: Database) -> dict[str, LexiconLine]:
    """Return what the kept lists say."""
    rows = db.execute("SELECT key, digest, surfaces FROM lexicon WHERE key <> ?", [_VERSION])
    return {key: LexiconLine(digest, tuple(json.loads(surfaces))) for key, digest, surfaces in rows.fetchall()}


def keep_lexicon(db: Database, version: str, lines: Mapping[str, LexiconLine]) -> None:
    """Replace the kept lists, in one transaction. No article may be left that is tagged by another version."""
    rows = [(key, line.digest, json.dumps(line.surfaces, ensure_ascii=False)) for key, line in sorted(lines.items())]
    with transaction(db):
        db.execute("DELETE FROM lexicon")
        db.conn.executemany(
            "INSERT INTO lexicon (key, digest, surfaces) VALUES (?, ?, ?)", [(_VERSION, version, "[]"), *rows]
        )


def all_of_version(db: Database, version: str) -> bool:
    """Return whether no article is tagged by another version of the lists; untagged ones do not count."""
    return db.execute("SELECT 1 FROM articles WHERE taxonomy_version <> ? LIMIT 1", [version]).fetchone() is None


def tagged_by(db: Database, tagger_version: str, taxonomy_version: str) -> Iterator[list[TaggedArticle]]:
    """Yield the articles of these versions in parts, in the order of their ids; they may be written meanwhile."""
    sql = """
        SELECT id, source_id, title, text, EXISTS (SELECT 1 FROM prices WHERE article_id = articles.id),
            (SELECT json_group_array(entity) FROM corrections WHERE corrections.url = articles.url)
        FROM articles
        WHERE tagger_version = ? AND taxonomy_version = ? AND id > ? ORDER BY id LIMIT ?
    """
    after = -1
    while rows := db.execute(sql, [tagger_version, taxonomy_version, after, _CHUNK]).fetchall():
        yield [
            TaggedArticle(article_id, source_id, title, text, bool(has_price), frozenset(json.loads(corrected)))
            for article_id, source_id, title, text, has_price, corrected in rows
        ]
        after = rows[-1][0]


def take_over(db: Database, article_ids: Sequence[int], taxonomy_version: str) -> None:
    """Say of articles that their tags are what this version of the lists gives, in one transaction."""
    if article_ids:
        with transaction(db):
            db.execute(
                "UPDATE articles SET taxonomy_version = ? WHERE id IN (SELECT value FROM json_each(?))",
                [taxonomy_version, json.dumps(article_ids)],
            )
