"""What became of each shard: `archive.db` in the folder of an archive job, an SQLite database of its own.

Only the process that holds the job's lock writes it. It can always be made again: what is done stands in the parts
themselves, so a file that is lost or damaged costs the history of failures and nothing else.

A plain rollback journal, not WAL: the folder may lie on a network file system (https://sqlite.org/wal.html, 2.2).
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from aiwire.archive.values import Audit, Shard, ShardFailure, ShardReport, ShardState
from aiwire.exceptions import DatabaseError
from aiwire.types import iso
from aiwire.types.archive import BadRecord
from db.transactions import explained, transaction

__all__ = ["LEDGER", "Entry", "entries", "open_ledger", "quarantined", "read_ledger", "rebuild", "record", "sync"]

LEDGER = "archive.db"
_VERSION = 1  # of these tables (PRAGMA user_version); another one is made again from the parts
_BUSY_TIMEOUT_MS = 10_000

_log = logging.getLogger(__name__)

_TABLES = (
    """
    CREATE TABLE shards (
        key TEXT PRIMARY KEY,
        url TEXT,                 -- NULL: known from its part alone
        size INTEGER,             -- bytes as stored; NULL: the server does not say
        fingerprint TEXT NOT NULL,
        version TEXT NOT NULL,    -- of the job that is to make, or has made, its part
        state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'failed')),
        is_final INTEGER NOT NULL DEFAULT 0,  -- of a failed one: another try changes nothing
        tries INTEGER NOT NULL DEFAULT 0,     -- for these bytes and this version
        records INTEGER,
        pages INTEGER,
        rows INTEGER,             -- articles
        bad INTEGER,              -- records in quarantine
        error TEXT,
        seconds REAL,
        cpu_seconds REAL,
        peak_rss_bytes INTEGER,
        finished_at TEXT,         -- of its last try; NULL: not known
        report TEXT               -- JSON of aiwire.archive.values.ShardReport, without `bad`
    ) STRICT
    """,
    """
    CREATE TABLE quarantine (
        shard TEXT NOT NULL REFERENCES shards(key),
        offset INTEGER NOT NULL,  -- byte of the file as it is stored; of JSON lines the number of the line
        url TEXT,                 -- NULL: not known
        reason TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX quarantine_shard ON quarantine(shard)",  # replaced by shard
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of `shards`."""

    shard: Shard
    version: str
    state: ShardState
    is_final: bool
    tries: int
    error: str | None
    report: ShardReport | None  # without its bad records: see `quarantined`

    def is_settled(self, shard: Shard, version: str) -> bool:
        """Return whether there is nothing to do for these bytes in this version."""
        if self.version != version or self.shard.fingerprint != shard.fingerprint:
            return False
        # without a fingerprint, nobody has seen the file: it may be there by now
        return self.state == "done" or (self.state == "failed" and self.is_final and bool(shard.fingerprint))


@contextmanager
def open_ledger(folder: Path) -> Iterator[tuple[Database, bool]]:
    """Open the ledger of an archive for writing, with whether it is new and has to be filled from the parts.

    A damaged file, or one with other tables, is moved away to `archive.db.damaged`.

    Raises:
        DatabaseError: it cannot be made or written, or a newer aiwire has made it.
    """
    path = folder / LEDGER
    db = _whole(path)
    is_new = db is None
    if db is None:
        _move_away(path)
        db = _opened(path, "rwc")
    try:
        if is_new:
            with transaction(db):
                for statement in _TABLES:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {_VERSION}")
        yield db, is_new
    except sqlite3.DatabaseError as e:
        raise explained(e, str(path)) from e
    finally:
        db.close()


@contextmanager
def read_ledger(folder: Path) -> Iterator[Database]:
    """Open the ledger of an archive for reading, beside a job that may be writing it.

    Raises:
        DatabaseError: there is none, or it cannot be read.
    """
    path = folder / LEDGER
    if not path.is_file():
        raise DatabaseError(f"{path}: there is no such archive; make it with `aiwire archive run … --folder {folder}`")
    db = _whole(path)
    if db is None:
        raise DatabaseError(f"{path}: is damaged; `aiwire archive run` with the same shards makes it again")
    try:
        db.execute("PRAGMA query_only = ON")
        yield db
    finally:
        db.close()


def entries(db: Database, keys: Iterable[str] | None = None) -> dict[str, Entry]:
    """Return the rows of the shards by key, in its order; `keys`: only these."""
    rows = db.execute(
        "SELECT key, url, size, fingerprint, version, state, is_final, tries, error, report FROM shards"
        " WHERE :keys IS NULL OR key IN (SELECT value FROM json_each(:keys)) ORDER BY key",
        {"keys": None if keys is None else json.dumps(list(keys))},
    )
    return {row[0]: _entry(row) for row in rows}


def quarantined(db: Database, keys: Iterable[str] | None = None) -> list[tuple[str, BadRecord]]:
    """Return the bad records with the keys of their shards, in the order of the files; `keys`: only of these."""
    rows = db.execute(
        "SELECT shard, offset, reason, url FROM quarantine"
        " WHERE :keys IS NULL OR shard IN (SELECT value FROM json_each(:keys)) ORDER BY shard, offset, reason",
        {"keys": None if keys is None else json.dumps(list(keys))},
    )
    return [(shard, BadRecord(offset, reason, url)) for shard, offset, reason, url in rows]


def sync(db: Database, shards: Sequence[Shard], version: str) -> None:
    """Enter the shards of a plan: those that are new, have other bytes or another version are pending; others stay."""
    known = entries(db, (shard.key for shard in shards))
    with transaction(db):
        for shard in shards:
            entry = known.get(shard.key)
            if entry and entry.version == version and entry.shard.fingerprint == shard.fingerprint:
                db.execute("UPDATE shards SET url = ?, size = ? WHERE key = ?", [shard.url, shard.size, shard.key])
            else:
                _enter(db, shard, version, "pending")


def rebuild(db: Database, reports: Iterable[ShardReport]) -> None:
    """Enter what the parts tell of themselves into an empty ledger."""
    with transaction(db):
        for report in reports:
            _enter(db, Shard(report.key, "", None, report.fingerprint), report.version, "done")
            _settle(db, report.key, report, None)


def record(
    db: Database, shard: Shard, version: str, outcome: ShardReport | ShardFailure, finished_at: datetime | None
) -> None:
    """Enter what became of a shard.

    Raises:
        DatabaseError: SQLite could not write.
    """
    with transaction(db):
        if isinstance(outcome, ShardReport):
            _settle(db, shard.key, outcome, finished_at)
            return
        db.execute(
            "UPDATE shards SET state = 'failed', version = ?, is_final = ?, tries = tries + ?, error = ?,"
            " finished_at = ? WHERE key = ?",
            [version, outcome.final, outcome.tries, outcome.reason, finished_at and iso(finished_at), shard.key],
        )


def _enter(db: Database, shard: Shard, version: str, state: ShardState) -> None:
    db.execute("DELETE FROM quarantine WHERE shard = ?", [shard.key])
    db.execute(
        "INSERT OR REPLACE INTO shards(key, url, size, fingerprint, version, state) VALUES (?, ?, ?, ?, ?, ?)",
        [shard.key, shard.url or None, shard.size, shard.fingerprint, version, state],
    )


def _settle(db: Database, key: str, report: ShardReport, finished_at: datetime | None) -> None:
    told = asdict(report)
    bad = told.pop("bad")
    db.execute(
        "UPDATE shards SET state = 'done', fingerprint = ?, version = ?, is_final = 0, tries = tries + ?, records = ?,"
        " pages = ?, rows = ?, bad = ?, error = NULL, seconds = ?, cpu_seconds = ?, peak_rss_bytes = ?,"
        " finished_at = ?, report = ? WHERE key = ?",
        [
            report.fingerprint, report.version, report.tries, report.records, report.pages, report.articles, len(bad),
            report.seconds, report.cpu_seconds, report.peak_rss_bytes, finished_at and iso(finished_at),
            json.dumps(told, ensure_ascii=False), key,
        ],
    )  # fmt: skip
    db.execute("DELETE FROM quarantine WHERE shard = ?", [key])
    db.conn.executemany(
        "INSERT INTO quarantine(shard, offset, url, reason) VALUES (?, ?, ?, ?)",
        [(key, record["offset"], record["url"], record["reason"]) for record in bad],
    )


def _entry(row: tuple[Any, ...]) -> Entry:
    key, url, size, fingerprint, version, state, is_final, tries, error, told = row
    report = None
    if told is not None and state == "done":
        fields = json.loads(told)
        report = ShardReport(**fields | {"audit": Audit(**fields["audit"])})
    return Entry(Shard(key, url or "", size, fingerprint), version, state, bool(is_final), tries, error, report)


def _whole(path: Path) -> Database | None:
    """Return the ledger, opened; None if it is not there, is damaged or has other tables."""
    if not path.is_file():
        return None
    db = _opened(path, "rw")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise DatabaseError(f"{path}: was written by a newer aiwire; upgrade aiwire to use it")
        if version == _VERSION and db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
            return db
    except sqlite3.DatabaseError as e:
        if getattr(e, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_IOERR", "SQLITE_CANTOPEN")):
            db.close()
            raise explained(e, str(path)) from e
        _log.warning("ledger  status=damaged path=%s exception=%s", path, e)
    except DatabaseError:
        db.close()
        raise
    db.close()
    return None


def _opened(path: Path, mode: str) -> Database:
    try:
        db = Database(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True))
    except sqlite3.Error as e:
        raise DatabaseError(f"{path}: cannot be opened ({e}); check the path and the permissions of its folder") from e
    db.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    db.execute("PRAGMA foreign_keys = ON")
    return db


def _move_away(path: Path) -> None:
    """Keep a ledger that cannot be used under another name; its journal belongs to it."""
    for name in (path.name, f"{path.name}-journal"):
        old = path.with_name(name)
        if old.exists():
            old.replace(path.with_name(name.replace(LEDGER, f"{LEDGER}.damaged")))
