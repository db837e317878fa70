"""Open the database: migrated, with the settings that every connection needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from aiwire.exceptions import DatabaseError, TryLater
from db.migrations import MIGRATIONS

__all__ = ["BUSY_TIMEOUT_MS", "Database", "check", "connect", "open_existing", "transaction"]

BUSY_TIMEOUT_MS = 10_000  # how long a write waits for another one
CACHE_KIB = 64 * 1024  # of the pages of one connection: article ids are hashes, so writes go all over the indexes
BUGS = ("SQLITE_ERROR", "SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_MISUSE", "SQLITE_RANGE")  # ours: let them crash
SQLITE_MAGIC = b"SQLite format 3\0"  # https://sqlite.org/fileformat.html 1.3.1


def connect(path: Path | str) -> Database:
    """Return the database at `path` (`:memory:`: in memory) for writing, made or brought up to the newest schema.

    Raises:
        DatabaseError: the file is no SQLite database, another program's, newer than this code, or cannot be opened or
            written.
    """
    if str(path) != ":memory:":
        _check_file(Path(path), create=True)
    db = _opened(path)
    try:
        _configure(db)
        _check_owner(db, path)
        if MIGRATIONS.pending(db):
            MIGRATIONS.apply(db)
    except sqlite3.DatabaseError as e:
        db.close()
        raise _explained(e, str(path)) from e
    except DatabaseError:
        db.close()
        raise
    return db


def open_existing(path: Path | str) -> Database:
    """Return the database at `path` for reading: it must be there with the newest schema, and nothing is written.

    Raises:
        DatabaseError: as `connect`; also if the file is empty or has an older schema.
    """
    _check_file(Path(path), create=False)
    db = _opened(path)
    try:
        db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        _check_owner(db, path)
        pending = [step.name for step in MIGRATIONS.pending(db)]
    except sqlite3.Error as e:
        db.close()
        raise DatabaseError(f"{path}: {e}; {_remedy(e)}") from e
    except DatabaseError:
        db.close()
        raise
    if pending:
        db.close()
        what = "is empty" if len(pending) == len(_known_steps()) else f"is of an older aiwire (without {pending[0]})"
        raise DatabaseError(f"{path}: {what}; run `aiwire run --db {path}` once")
    return db


def check(db: Database) -> str:
    """Check that the file is whole and return in words what it holds.

    Raises:
        DatabaseError: pages, rows or the full-text index are damaged.
    """
    remedy = "restore it from a backup, or move it away and run again"
    try:
        problems = [row[0] for row in db.execute("PRAGMA quick_check(3)") if row[0] != "ok"]
        problems += [f"{row[0]} refers to a row of {row[2]} that is not there" for row in
                     db.execute("PRAGMA foreign_key_check").fetchall()[:3]]  # fmt: skip
        if not problems:
            with db.atomic():
                db.execute("INSERT INTO articles_fts(articles_fts, rank) VALUES ('integrity-check', 1)")
        articles, first, last = db.execute("SELECT count(*), min(dated_at), max(dated_at) FROM articles").fetchone()
    except sqlite3.DatabaseError as e:
        raise DatabaseError(f"the database is damaged ({e}); {remedy}") from e
    if problems:
        raise DatabaseError(f"the database is damaged ({'; '.join(problems)}); {remedy}")
    return f"{articles} articles" + (f" of {first[:10]} to {last[:10]}" if articles else "")


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
        raise _explained(e, "cannot write to the database") from e
    finally:
        if outermost:
            db.conn.rollback()  # does nothing after the commit


def _explained(error: sqlite3.DatabaseError, what: str) -> Exception:
    """Return what to raise for an error of SQLite: itself if it is a bug of ours."""
    name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    if name.startswith(BUGS):
        return error
    kind = TryLater if name.startswith("SQLITE_BUSY") else DatabaseError
    return kind(f"{what}: {error}; {_remedy(error)}")


def _check_file(path: Path, *, create: bool) -> None:
    """Refuse early, and in words, what SQLite would refuse late."""
    if not path.exists():
        if not create:
            raise DatabaseError(f"{path}: there is no such database; make it with `aiwire run --db {path}`")
        if not path.parent.is_dir():
            raise DatabaseError(f"{path}: the folder {path.parent} does not exist; create it or choose another --db")
        return
    if path.is_dir():
        raise DatabaseError(f"{path}: is a folder; name a file with --db")
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE_MAGIC))
    except OSError as e:
        raise DatabaseError(f"{path}: cannot be read ({e.strerror}); check its permissions") from e
    if head and head != SQLITE_MAGIC:
        raise DatabaseError(f"{path}: is no SQLite database; name another file with --db")


def _opened(path: Path | str) -> Database:
    try:
        return Database(sqlite3.connect(str(path)))
    except sqlite3.Error as e:
        raise DatabaseError(f"{path}: cannot be opened ({e}); check the path and the permissions of its folder") from e


def _configure(db: Database) -> None:
    db.execute("PRAGMA foreign_keys = ON")
    db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    db.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait for each other
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    db.execute("PRAGMA synchronous = NORMAL")  # with WAL, a power cut may lose the last transaction, never corrupt


def _check_owner(db: Database, path: Path | str) -> None:
    """Refuse a database that another program made, or a newer aiwire."""
    applied = {migration.name for migration in MIGRATIONS.applied(db)}
    if not applied:
        if tables := [name for name in db.table_names() if not name.startswith(("_sqlite", "sqlite"))]:
            raise DatabaseError(
                f"{path}: is another program's database (it has a table {tables[0]!r}); name another file with --db"
            )
        return
    if newer := sorted(applied - set(_known_steps())):
        raise DatabaseError(f"{path}: was written by a newer aiwire (step {newer[0]}); upgrade aiwire to use it")


def _known_steps() -> list[str]:
    return [step.name for step in MIGRATIONS.pending(Database(memory=True))]


def _remedy(error: sqlite3.Error) -> str:
    """What the user can do about SQLite's complaint."""
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
