"""Entities and their names: those of our lists, and those found in texts alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from aiwire.types import Entity, Tag
from db.connection import transaction

__all__ = ["add_unlisted", "settle_unlisted", "sync_entities"]

UPSERT_SQL = """
    INSERT INTO entities (id, kind, name, category, description, parent, country, ticker, listed)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name, category = excluded.category,
        description = excluded.description, parent = excluded.parent, country = excluded.country,
        ticker = excluded.ticker, listed = excluded.listed
"""
# what our lists said of it is no longer said: the row becomes what a name found in a text alone would have
UNLIST_SQL = """
    UPDATE entities
    SET listed = 0, category = NULL, description = NULL, parent = NULL, country = NULL, ticker = NULL
    WHERE id = ?
"""
# an entity that nothing points at any more
UNUSED_SQL = """
    NOT EXISTS (SELECT 1 FROM article_entities WHERE entity_id = entities.id)
    AND NOT EXISTS (SELECT 1 FROM prices WHERE accelerator = entities.id)
    AND NOT EXISTS (SELECT 1 FROM prices WHERE product = entities.id)
"""


def sync_entities(
    db: Database, entities: Iterable[Entity], *, judged: Mapping[str, tuple[float | None, int]] | None = None
) -> None:
    """Make the tables say what gazetteer and lexicon say.

    `judged`: by id, the share of tags that were right in labelled texts (None: too few) and how many were judged.

    An entity that left the lists goes, unless an article still names it: then it stays as an unlisted one until a retag
    finds it no more.

    Raises:
        ConfigError: an entity names a parent that is not among them.
    """
    with transaction(db):
        listed = {entity.id: entity for entity in entities}
        _check_parents(listed)
        _sync_rows(db, listed)
        _sync_aliases(db, listed)
        _sync_judged(db, {key: found for key, found in (judged or {}).items() if key in listed})
        _remove_unused(db)


def add_unlisted(db: Database, tags: Iterable[Tag]) -> None:
    """Add the entities of `tags` that no list has. Part of the caller's transaction; `settle_unlisted` must follow."""
    for tag in tags:
        if not tag.listed:
            db.execute(
                "INSERT INTO entities (id, kind, name, listed) VALUES (?, ?, ?, 0) ON CONFLICT (id) DO NOTHING",
                [tag.id, tag.kind, tag.name],
            )


def settle_unlisted(db: Database, entity_ids: Collection[str]) -> None:
    """Give unlisted entities the name that the articles agree on, and drop those that no article names any more.

    The name is the first in binary order of those that articles give: it depends on the articles, not on which came
    first. Part of the caller's transaction.
    """
    for entity_id in sorted(entity_ids):
        db.execute(
            """
            UPDATE entities SET (name, kind) = (
                SELECT coalesce(min(unlisted_name), entities.name), coalesce(min(kind), entities.kind)
                FROM article_entities WHERE entity_id = entities.id
            ) WHERE id = ? AND listed = 0
            """,
            [entity_id],
        )
        db.execute(f"DELETE FROM entities WHERE id = ? AND listed = 0 AND {UNUSED_SQL}", [entity_id])


def _check_parents(listed: dict[str, Entity]) -> None:
    for entity in listed.values():
        if entity.parent is not None and entity.parent not in listed:
            raise ConfigError(
                f"entity {entity.id!r}: unknown parent {entity.parent!r}; add that entity, or take the parent out"
            )


def _sync_rows(db: Database, listed: dict[str, Entity]) -> None:
    stored = {
        row[0]: row
        for row in db.execute(
            "SELECT id, kind, name, category, description, parent, country, ticker, listed FROM entities"
        ).fetchall()
    }
    rows = (
        (e.id, e.kind, e.name, e.category, e.description, e.parent, e.country, e.ticker, 1) for e in listed.values()
    )
    for row in rows:
        if stored.get(row[0]) != row:
            db.execute(UPSERT_SQL, row)
    for entity_id, row in stored.items():
        if entity_id not in listed and row[-1]:
            db.execute(UNLIST_SQL, [entity_id])


def _sync_aliases(db: Database, listed: dict[str, Entity]) -> None:
    policies = {
        (alias.surface, entity.id): alias.policy for entity in listed.values() for alias in reversed(entity.aliases)
    }  # the first policy of a surface holds
    wanted = {(surface, entity_id, policy) for (surface, entity_id), policy in policies.items()}
    stored = set(db.execute("SELECT surface, entity_id, policy FROM aliases").fetchall())
    if wanted == stored:
        return
    db.conn.executemany(
        "DELETE FROM aliases WHERE surface = ? AND entity_id = ?", [row[:2] for row in sorted(stored - wanted)]
    )
    db.conn.executemany("INSERT INTO aliases (surface, entity_id, policy) VALUES (?, ?, ?)", sorted(wanted - stored))


def _sync_judged(db: Database, judged: Mapping[str, tuple[float | None, int]]) -> None:
    stored = {
        row[0]: row[1:]
        for row in db.execute("SELECT id, tag_precision, gold_tags FROM entities WHERE gold_tags IS NOT NULL")
    }
    wanted = {key: judged.get(key, (None, None)) for key in stored.keys() | judged.keys()}
    db.conn.executemany(
        "UPDATE entities SET tag_precision = ?, gold_tags = ? WHERE id = ?",
        [(*values, key) for key, values in sorted(wanted.items()) if stored.get(key) != values],
    )


def _remove_unused(db: Database) -> None:
    db.execute(f"DELETE FROM entities WHERE listed = 0 AND {UNUSED_SQL}")
