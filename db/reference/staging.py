"""What a refresh has read and nobody has applied yet, and the state of every document it was read from.

Reading a document is one transaction (its rows and its validators together), applying it is one more (the rows go into
their table, what it no longer has ends, the staging is empty): cut off anywhere, the next refresh goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlite_utils import Database

from aiwire.types import iso
from db.connection import transaction
from db.reference.tables import Row

__all__ = [
    "Outcome",
    "SourceState",
    "discard",
    "forget_validators",
    "hold_back",
    "note",
    "note_unchanged",
    "source_states",
    "stage",
    "staged_rows",
]

Outcome = Literal["staged", "not-modified", "broken", "vanished", "failed"]
_GOOD: tuple[Outcome, ...] = ("staged", "not-modified")


@dataclass(frozen=True, slots=True)
class SourceState:
    """A document that prices come from, as the last refreshes left it. Moments are ISO texts."""

    name: str  # catalogue/provider, or the name of a price list
    url: str
    etag: str | None = None
    last_modified: str | None = None
    checked_at: str | None = None
    ok_at: str | None = None
    applied_at: str | None = None
    outcome: Outcome | None = None  # of the last try
    error: str | None = None  # of the last try; of one that brought rows, why they are held back
    staged: int = 0  # rows that wait to be applied
    read_with: str | None = None  # hash of the names and rules that its rows were made with

    @property
    def held_back(self) -> bool:
        """Whether it was read, and is applied only if that is asked for, as it looks broken: `error` says why."""
        return self.outcome in _GOOD and self.error is not None


def source_states(db: Database) -> dict[str, SourceState]:
    """Return the state of each document that was ever asked for, by its name."""
    rows = db.execute(
        """
        SELECT name, url, etag, last_modified, checked_at, ok_at, applied_at, outcome, error,
               (SELECT count(*) FROM reference_staged WHERE source = name), read_with
        FROM reference_sources ORDER BY name
        """
    ).fetchall()
    return {row[0]: SourceState(*row) for row in rows}


def stage(
    db: Database, name: str, url: str, table: str, rows: Iterable[Mapping[str, object]], *,
    validators: Mapping[str, str], now: datetime, read_with: str | None = None,
) -> None:  # fmt: skip
    """Put the rows of a document in the place of those that were staged of it, with its validators.

    Args:
        table: that the rows are for.
        validators: header fields of the answer in lower case; those but `etag` and `last-modified` are left aside.
        read_with: hash of the names and rules that the rows were made with.
    """
    with transaction(db):
        _note(db, name, url, "staged", error=None, now=now)
        db.execute(
            "UPDATE reference_sources SET etag = ?, last_modified = ?, read_with = ? WHERE name = ?",
            [validators.get("etag"), validators.get("last-modified"), read_with, name],
        )
        discard(db, name)
        db.conn.executemany(
            "INSERT INTO reference_staged (source, position, target, row) VALUES (?, ?, ?, ?)",
            ((name, position, table, json.dumps(row, ensure_ascii=False)) for position, row in enumerate(rows)),
        )


def note(db: Database, name: str, url: str, outcome: Outcome, *, error: str | None = None, now: datetime) -> None:
    """Note how a try ended that brought no new rows: those that are staged stay."""
    with transaction(db):
        _note(db, name, url, outcome, error=error, now=now)


def note_unchanged(db: Database, name: str, url: str, *, now: datetime, dates: bool) -> None:
    """Note that a document is as it was.

    Args:
        dates: date what is staged of it anew, as it was read today, so to speak.
    """
    with transaction(db):
        _note(db, name, url, "not-modified", error=None, now=now)
        if dates:
            db.execute(
                "UPDATE reference_staged SET row = json_set(row, '$.as_of', ?) WHERE source = ?",
                [now.date().isoformat(), name],
            )


def hold_back(db: Database, name: str, reason: str) -> None:
    """Note why a document that was read is not applied. It is read whole the next time: a 304 would tell nothing new.

    Part of the caller's transaction.
    """
    db.execute(
        "UPDATE reference_sources SET etag = NULL, last_modified = NULL, error = ? WHERE name = ?", [reason, name]
    )


def staged_rows(db: Database, name: str) -> list[Row]:
    """Return the staged rows of a document in its order."""
    rows = db.execute("SELECT row FROM reference_staged WHERE source = ? ORDER BY position", [name]).fetchall()
    return [json.loads(row[0]) for row in rows]


def discard(db: Database, name: str) -> None:
    """Take away what is staged of a document. Part of the caller's transaction."""
    db.execute("DELETE FROM reference_staged WHERE source = ?", [name])


def forget_validators(db: Database, providers: Iterable[str], *, but: str) -> None:
    """Have the catalogues' documents of these clouds read whole next time. Part of the caller's transaction.

    Args:
        but: name of the document that is left alone.
    """
    db.conn.executemany(
        """
        UPDATE reference_sources SET etag = NULL, last_modified = NULL
        WHERE substr(name, instr(name, '/') + 1) = ? AND name <> ?
        """,
        [(provider, but) for provider in providers],
    )


def _note(db: Database, name: str, url: str, outcome: Outcome, *, error: str | None, now: datetime) -> None:
    """Note a try.

    Another address means another document: the validators of the old one say nothing about it. One that is gone and
    comes back is read whole, for its prices may have been ended.
    """
    is_good = outcome in _GOOD
    db.execute(
        """
        INSERT INTO reference_sources (name, url, checked_at, ok_at, outcome, error)
        VALUES (:name, :url, :now, :ok, :outcome, :error)
        ON CONFLICT (name) DO UPDATE SET
            etag = CASE WHEN url = excluded.url AND excluded.outcome <> 'vanished' THEN etag END,
            last_modified = CASE WHEN url = excluded.url AND excluded.outcome <> 'vanished' THEN last_modified END,
            url = excluded.url, checked_at = excluded.checked_at, ok_at = coalesce(excluded.ok_at, ok_at),
            outcome = excluded.outcome, error = excluded.error
        """,
        {"name": name, "url": url, "now": iso(now), "ok": iso(now) if is_good else None,
         "outcome": outcome, "error": error},
    )  # fmt: skip
