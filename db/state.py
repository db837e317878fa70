"""What the checks of a source left behind: its state, the items of its last document, its moves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any, get_type_hints

from sqlite_utils import Database

from aiwire.types import SeenItem, SourceState, iso, parse_iso

__all__ = ["record_move", "save_items", "save_sample", "save_state", "seen_items", "source_states"]

_FIELDS = tuple(field.name for field in fields(SourceState))
_HINTS = get_type_hints(SourceState)
_MOMENTS = frozenset(name for name in _FIELDS if _HINTS[name] == datetime | None)
_TRUTHS = frozenset(name for name in _FIELDS if _HINTS[name] is bool)
_LISTS = frozenset(name for name in _FIELDS if _HINTS[name] == tuple[int, ...])
_MARKS = ", ".join("?" * len(_FIELDS))
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _FIELDS[1:])


def source_states(db: Database) -> dict[str, SourceState]:
    """Return the state of every source that was checked before, by source id."""
    rows = db.execute(f"SELECT {', '.join(_FIELDS)} FROM source_state").fetchall()
    return {row[0]: SourceState(*map(_from_column, _FIELDS, row)) for row in rows}


def save_state(db: Database, state: SourceState) -> None:
    """Store the validators, the schedule and the health of a source. Part of the caller's transaction."""
    db.execute(
        f"""
        INSERT INTO source_state ({", ".join(_FIELDS)}) VALUES ({_MARKS})
        ON CONFLICT (source_id) DO UPDATE SET {_CHANGES}
        """,
        [_to_column(getattr(state, name)) for name in _FIELDS],
    )


def seen_items(db: Database, source_id: str) -> dict[str, SeenItem]:
    """Return the items of the last document of a source, by digest."""
    rows = db.execute("SELECT digest, page, key, words, fragment FROM source_items WHERE source_id = ?", [source_id])
    return {row[0]: SeenItem(*row) for row in rows.fetchall()}


def save_items(db: Database, source_id: str, items: Iterable[SeenItem]) -> None:
    """Make `items` the ones of the source's last document. Part of the caller's transaction."""
    wanted = {item.digest: item for item in items}
    stored = seen_items(db, source_id)
    gone = [(source_id, digest) for digest in stored.keys() - wanted.keys()]
    db.conn.executemany("DELETE FROM source_items WHERE source_id = ? AND digest = ?", gone)
    changed = [
        (source_id, item.digest, item.page, item.key, item.words, item.fragment)
        for digest, item in wanted.items()
        if stored.get(digest) != item
    ]
    db.conn.executemany("INSERT OR REPLACE INTO source_items VALUES (?, ?, ?, ?, ?, ?)", changed)


def save_sample(db: Database, source_id: str, sample: bytes | None) -> None:
    """Keep the start of a body that could not be read, for whoever looks for the reason; None: nothing is kept."""
    db.execute(
        "UPDATE source_state SET sample = ? WHERE source_id = ? AND sample IS NOT ?", [sample, source_id, sample]
    )


def record_move(db: Database, source_id: str, before: str, after: str, *, now: datetime) -> None:
    """Record that a source has another address from now on."""
    db.execute("INSERT OR REPLACE INTO source_moves VALUES (?, ?, ?, ?)", [source_id, iso(now), before, after])


def _to_column(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, tuple):
        return json.dumps(value) if value else None
    return value


def _from_column(name: str, value: Any) -> Any:
    if name in _MOMENTS:
        return None if value is None else parse_iso(value)
    if name in _TRUTHS:
        return bool(value)
    if name in _LISTS:
        return tuple(json.loads(value)) if value else ()
    return value
