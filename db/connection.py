"""Open the database: migrated, with the settings that every connection needs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlite_utils import Database

from aiwire.exceptions import DatabaseError, TryLater
from db.migrations import MIGRATIONS
from db.transactions import explained, remedy, transaction
from db.trends.rollup import is_to_fill, rebuild

__all__ = ["BUSY_TIMEOUT_MS", "Database", "check", "connect", "open_existing", "transaction"]

BUSY_TIMEOUT_MS = 10_000  # how long a write waits for another one
CACHE_KIB = 64 * 1024  # of the pages of one connection: article ids are hashes, so writes go all over the indexes
SQLITE_MAGIC = b"SQLite format 3\0"  # https://sqlite.org/fileformat.html 1.3.1


def connect(path: Path | str) -> Database:
    """Return the database at `path` (`:memory:`: in memory) for writing, made or brought up to the newest schema.

    A step that makes the rollups leaves them empty: they are filled here, which takes about 2 minutes per million
    articles.

    Raises:
        DatabaseError: the file is no SQLite database, another program's, newer than this code, or cannot be opened or
            written.
        TryLater: another program went on writing for too long.
    """
    if str(path) != ":memory:":
        _check_file(Path(path), create=True)
    db = _opened(path)
    try:
        _configure(db)
        _check_owner(db, path)
        if MIGRATIONS.pending(db):
            MIGRATIONS.apply(db)
        if is_to_fill(db):  # migrated now, or once, and cut short here
            rebuild(db)
    except sqlite3.DatabaseError as e:
        db.close()
        raise explained(e, str(path)) from e
    except (DatabaseError, TryLater):
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
        is_half_made = not pending and is_to_fill(db)
    except sqlite3.Error as e:
        db.close()
        raise DatabaseError(f"{path}: {e}; {remedy(e)}") from e
    except DatabaseError:
        db.close()
        raise
    if pending:
        db.close()
        what = "is empty" if len(pending) == len(_known_steps()) else f"is of an older aiwire (without {pending[0]})"
        raise DatabaseError(f"{path}: {what}; run `aiwire run --db {path}` once")
    if is_half_made:
        db.close()
        raise DatabaseError(f"{path}: its upgrade is not complete; run `aiwire run --db {path}` once")
    return db


def check(db: Database) -> str:
    """Check that the file is whole and return in words what it holds.

    Raises:
        DatabaseError: pages, rows or the full-text index are damaged.
    """
    what_to_do = "restore it from a backup, or move it away and run again"
    try:
        problems = [row[0] for row in db.execute("PRAGMA quick_check(3)") if row[0] != "ok"]
        problems += [f"{row[0]} refers to a row of {row[2]} that is not there" for row in
                     db.execute("PRAGMA foreign_key_check").fetchall()[:3]]  # fmt: skip
        if not problems:
            with db.atomic():
                db.execute("INSERT INTO articles_fts(articles_fts, rank) VALUES ('integrity-check', 1)")
        articles, first, last = db.execute("SELECT count(*), min(dated_at), max(dated_at) FROM articles").fetchone()
    except sqlite3.DatabaseError as e:
        raise DatabaseError(f"the database is damaged ({e}); {what_to_do}") from e
    if problems:
        raise DatabaseError(f"the database is damaged ({'; '.join(problems)}); {what_to_do}")
    return f"{articles} articles" + (f" of {first[:10]} to {last[:10]}" if articles else "")


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
