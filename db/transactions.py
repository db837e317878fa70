"""Transactions, and SQLite's complaints in words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlite_utils import Database

from aiwire.exceptions import DatabaseError, TryLater

__all__ = ["explained", "remedy", "transaction"]

BUGS = ("SQLITE_ERROR", "SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_MISUSE", "SQLITE_RANGE")  # ours: let them crash


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """All or nothing: what is written inside is committed at the end, or rolled back if anything is raised.

    Begins IMMEDIATE, so that it waits for another writer here and not in the middle, where SQLite would not wait.

    Raises:
        TryLater: another program went on writing for longer than `BUSY_TIMEOUT_MS`.
        DatabaseError: SQLite could not write (disk full, read-only, damaged).
    """
    outermost = not db.conn.in_transaction
    try:
        if outermost:
            db.conn.execute("BEGIN IMMEDIATE")
        with db.atomic():
            yield
        if outermost:
            db.conn.execute("COMMIT")
    except sqlite3.DatabaseError as e:
        raise explained(e, "cannot write to the database") from e
    finally:
        if outermost:
            db.conn.rollback()  # does nothing after the commit


def explained(error: sqlite3.DatabaseError, what: str) -> Exception:
    """Return what to raise for an error of SQLite: itself if it is a bug of ours."""
    name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    if name.startswith(BUGS):
        return error
    kind = TryLater if name.startswith("SQLITE_BUSY") else DatabaseError
    return kind(f"{what}: {error}; {remedy(error)}")


def remedy(error: sqlite3.Error) -> str:
    """Return what the user can do about SQLite's complaint."""
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return "another program is writing to it: try again when it is done"
    if "full" in text:
        return "free some space and run again: nothing was lost"
    if "readonly" in text or "read-only" in text or "unable to open" in text:
        return "make the file and its folder writable for this user"
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return "restore it from a backup, or name another file with --db"
    return "check the file, its folder and the free space"
