"""Sources: what `sources.toml` says of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from sqlite_utils import Database

from aiwire.types import Source, SourceState, parse_iso
from db.connection import transaction
from db.language import normal_language
from db.state import save_state
from db.tags import Touched, republish, settle

__all__ = ["add_sources", "sync_sources"]

COLUMNS = (
    "id", "name", "kind", "url", "publisher", "owner", "language", "category", "licence", "every_minutes",
    "full_text", "enabled", "active", "own_server", "rules", "excerpt_chars", "text_policy",
)  # fmt: skip

# the days of a source's articles, and the entities that these name; NULL: none
NAMED_SQL = """
    SELECT DISTINCT substr(articles.dated_at, 1, 10), article_entities.entity_id
    FROM articles INDEXED BY articles_source_dated
    LEFT JOIN article_entities INDEXED BY article_entities_article ON article_entities.article_id = articles.id
    WHERE articles.source_id = ?
"""


def sync_sources(db: Database, sources: Iterable[Source]) -> None:
    """Make the table say what `sources.toml` says; a source that left it becomes inactive and keeps its articles."""
    with transaction(db):
        wanted = {source.id: _row(source) for source in sources}
        stored = {row[0]: row for row in db.execute(f"SELECT {', '.join(COLUMNS)} FROM sources").fetchall()}
        for source_id, row in wanted.items():
            if stored.get(source_id) != row:
                _upsert(db, row)
                _forget_answers_of_another_address(db, source_id, row, stored.get(source_id))
        left = [
            source_id
            for source_id in stored.keys() - wanted.keys()
            if db.execute("UPDATE sources SET active = 0 WHERE id = ? AND active = 1", [source_id]).rowcount
        ]
        if left:  # another source may take their articles over: so all its items are looked at again, and in full
            db.execute("DELETE FROM source_items")
            db.execute("UPDATE source_state SET etag = NULL, last_modified = NULL, body_hash = NULL")
        _settle_changed(db, wanted, stored)


def add_sources(db: Database, sources: Iterable[Source]) -> int:
    """Add sources that are not stored, as such that no sources.toml lists, and return how many were added.

    Part of the caller's transaction. One that is stored stays as it is; one that gets listed is taken over by
    `sync_sources`.
    """
    marks = ", ".join("?" * len(COLUMNS))
    sql = f"INSERT INTO sources ({', '.join(COLUMNS)}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING"
    return sum(db.execute(sql, _row(source, active=0)).rowcount for source in sources)


def _row(source: Source, *, active: int = 1) -> tuple[object, ...]:
    return (
        source.id, source.name, source.kind, source.url, source.publisher, source.owner,
        normal_language(source.language),
        source.category, source.licence, source.every_minutes, source.full_text, int(source.enabled), active,
        int(source.own_server), _rules(source), source.excerpt_chars, source.text_policy,
    )  # fmt: skip


def _rules(source: Source) -> str | None:
    rules = {"listing": source.listing, "sitemap": source.sitemap}
    stated = {name: asdict(rule) for name, rule in rules.items() if rule is not None}
    return json.dumps(stated) if stated else None


def _upsert(db: Database, row: tuple[object, ...]) -> None:
    marks = ", ".join("?" * len(COLUMNS))
    changes = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS[1:])
    db.execute(
        f"INSERT INTO sources ({', '.join(COLUMNS)}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {changes}",
        row,
    )


def _forget_answers_of_another_address(
    db: Database, source_id: str, row: tuple[object, ...], before: tuple[object, ...] | None
) -> None:
    """Forget state and items: they speak of another document, or of this one read by other rules.

    A 304 to its validators would hide what is to be read now.

    `ok_at` stays: what the new address holds is no first answer.
    """
    fields = [COLUMNS.index(name) for name in ("kind", "url", "rules")]
    if before and any(row[field] != before[field] for field in fields):
        ok_at = db.execute("SELECT ok_at FROM source_state WHERE source_id = ?", [source_id]).fetchone()
        db.execute("DELETE FROM source_items WHERE source_id = ?", [source_id])
        if ok_at is not None:
            db.execute("DELETE FROM source_state WHERE source_id = ?", [source_id])
            save_state(db, SourceState(source_id, ok_at=parse_iso(ok_at[0]) if ok_at[0] else None))


def _settle_changed(db: Database, wanted: dict[str, tuple[object, ...]], stored: dict[str, tuple[object, ...]]) -> None:
    """Bring stories and trends in line with sources whose publisher, owner or category changed."""

    def changed(*columns: str) -> list[str]:
        fields = [COLUMNS.index(name) for name in columns]
        known = (source_id for source_id in wanted if source_id in stored)
        return [one for one in known if any(wanted[one][field] != stored[one][field] for field in fields)]

    touched = Touched()
    for source_id in changed("publisher", "owner", "category"):
        for day, entity_id in db.execute(NAMED_SQL, [source_id]):
            touched.add(day, [] if entity_id is None else [entity_id])
    republish(db, changed("publisher"), touched=touched)
    settle(db, touched)
