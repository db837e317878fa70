"""Sources and what the last checks of them left behind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlite_utils import Database

from aiwire.types import Source, SourceState, iso, parse_iso
from db.connection import transaction
from db.language import normal_language
from db.trends import refresh_weeks

__all__ = ["save_state", "source_states", "sync_sources"]

COLUMNS = (
    "id", "name", "kind", "url", "publisher", "owner", "language", "category", "licence", "every_minutes",
    "full_text", "enabled", "active",
)  # fmt: skip


def sync_sources(db: Database, sources: Iterable[Source]) -> None:
    """Make the table say what `sources.toml` says; a source that left it becomes inactive and keeps its articles."""
    with transaction(db):
        wanted = {source.id: _row(source) for source in sources}
        stored = {row[0]: row for row in db.execute(f"SELECT {', '.join(COLUMNS)} FROM sources").fetchall()}
        for source_id, row in wanted.items():
            if stored.get(source_id) != row:
                _upsert(db, row)
                _forget_answers_of_another_address(db, source_id, row, stored.get(source_id))
        for source_id in stored.keys() - wanted.keys():
            db.execute("UPDATE sources SET active = 0 WHERE id = ? AND active = 1", [source_id])
        _refresh_moved(db, wanted, stored)


def source_states(db: Database) -> dict[str, SourceState]:
    """Return the state of every source that was checked before, by source id."""
    rows = db.execute(
        """
        SELECT source_id, etag, last_modified, checked_at, ok_at, next_check_at, next_check_reason, error_count, error
        FROM source_state
        """
    )
    return {
        row[0]: SourceState(
            source_id=row[0], etag=row[1], last_modified=row[2], checked_at=_moment(row[3]), ok_at=_moment(row[4]),
            next_check_at=_moment(row[5]), next_check_reason=row[6], error_count=row[7], error=row[8],
        )
        for row in rows
    }  # fmt: skip


def save_state(db: Database, state: SourceState) -> None:
    """Store the validators and the schedule of a source. Part of the caller's transaction."""
    db.execute(
        """
        INSERT INTO source_state
            (source_id, etag, last_modified, checked_at, ok_at, next_check_at, next_check_reason, error_count, error)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (source_id) DO UPDATE SET etag = excluded.etag, last_modified = excluded.last_modified,
            checked_at = excluded.checked_at, ok_at = excluded.ok_at, next_check_at = excluded.next_check_at,
            next_check_reason = excluded.next_check_reason, error_count = excluded.error_count, error = excluded.error
        """,
        [state.source_id, state.etag, state.last_modified, _text(state.checked_at), _text(state.ok_at),
         _text(state.next_check_at), state.next_check_reason, state.error_count, state.error],
    )  # fmt: skip


def _row(source: Source) -> tuple[object, ...]:
    return (
        source.id, source.name, source.kind, source.url, source.publisher, source.owner,
        normal_language(source.language),
        source.category, source.licence, source.every_minutes, source.full_text, int(source.enabled), 1,
    )  # fmt: skip


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
    """Clear validators, schedule and errors: they speak of another document, and a 304 to them would hide this one."""
    fields = (COLUMNS.index("kind"), COLUMNS.index("url"))
    if before and any(row[field] != before[field] for field in fields):
        db.execute(
            """
            UPDATE source_state SET etag = NULL, last_modified = NULL, next_check_at = NULL,
                next_check_reason = NULL, error_count = 0, error = NULL
            WHERE source_id = ?
            """,
            [source_id],
        )


def _refresh_moved(db: Database, wanted: dict[str, tuple[object, ...]], stored: dict[str, tuple[object, ...]]) -> None:
    """Roll up again the weeks of sources whose publisher or owner changed: both are in the trends."""
    fields = (COLUMNS.index("publisher"), COLUMNS.index("owner"))
    moved = [
        source_id
        for source_id, row in wanted.items()
        if source_id in stored and any(row[field] != stored[source_id][field] for field in fields)
    ]
    weeks = {
        week
        for source_id in moved
        for (week,) in db.execute("SELECT DISTINCT week FROM articles WHERE source_id = ?", [source_id])
    }
    refresh_weeks(db, weeks)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_iso(text)
