"""A public copy of the database: a file of its own, without what is not to be handed on, whole or not at all.

    DIR/news.db            for whoever serves it read-only: no journal, no -wal, no -shm
    DIR/inspect-data.json  its counts, so that Datasette need not count (as `datasette inspect` writes them)

Made beside its place, in a folder that nobody else can look into: first a snapshot of the database, from which what is
not published is taken out; then a copy of what is left, in whose pages nothing that was deleted can remain.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path

from aiwire.exceptions import ConfigError, DatabaseError
from aiwire.types import iso
from aiwire.types.sources import TextPolicy
from db.addresses import bare_urls, site_of_url, without_keys
from db.connection import open_existing
from db.files import write_atomically
from db.published import TABLES, VIEWS, Emptied, Published
from db.quotable import mark_quotable
from db.transactions import explained

__all__ = ["COPY_NAME", "INSPECT_NAME", "Policy", "PublicCopy", "copy_made_at", "publish"]

COPY_NAME = "news.db"  # templates and metadata are keyed by it
INSPECT_NAME = "inspect-data.json"
_PARTS = ".publish-"  # beginning of the names of folders in which a copy is made

# the articles whose text is not handed on, and how much of a sentence of theirs is
EXCERPTED_SQL = """
    CREATE TEMP TABLE excerpted AS
    SELECT articles.id AS article_id, coalesce(sources.excerpt_chars, :chars) AS chars
    FROM articles JOIN sources ON sources.id = articles.source_id
    WHERE coalesce(sources.text_policy, :policy) <> 'full'
"""
# the address without the key may be that of another article: then it gets a fragment, which leads to the same page
READDRESSED_SQL = """
    CREATE TEMP TABLE readdressed AS
    SELECT article_id, url_before, iif(
        EXISTS (SELECT 1 FROM articles WHERE articles.url = bare)
            OR row_number() OVER (PARTITION BY bare ORDER BY article_id) > 1,
        bare || '#' || article_id, bare
    ) AS url
    FROM (SELECT id AS article_id, url AS url_before, without_keys(url) AS bare FROM articles) WHERE url_before <> bare
"""
PLAIN_TABLES_SQL = """
    SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for sources that say nothing, and what the copy says of itself."""

    text_policy: TextPolicy
    excerpt_chars: int  # of a sentence; 0: nothing
    now: datetime  # UTC
    aiwire_version: str


@dataclass(frozen=True, slots=True)
class PublicCopy:
    """A copy that was made."""

    path: Path
    size: int  # bytes
    sha256: str
    made_at: str  # ISO
    articles: int
    in_full: int  # articles with their whole text
    mentions: int
    left_out: tuple[str, ...]  # tables and views that are not ours


@dataclass(frozen=True, slots=True)
class _Made:
    path: Path
    rows: dict[str, int]  # of each table
    left_out: tuple[str, ...]


def publish(database: Path, folder: Path, policy: Policy) -> PublicCopy:
    """Make `folder`/news.db anew from what `database` holds now, while others read either and a run writes the latter.

    Needs room for two more copies while it works. If it fails, or is killed, the copy that was there stays.

    Raises:
        ConfigError: the folder is no place for it.
        DatabaseError: the database cannot be read, or SQLite cannot write: the disk is full.
        TryLater: the database was locked for too long.
    """
    target = folder / COPY_NAME
    open_existing(database).close()
    if copy_made_at(database) is not None:
        raise ConfigError(f"{database}: is a public copy itself; publish the database that it was made of")
    _check_place(database, target)
    try:
        with _workplace(folder) as place:
            made = _make(database, place, policy)
            copy = _described(made, target, policy)
            inspected = json.dumps({"news": _inspection(copy, made.rows)}, indent=2) + "\n"
            write_atomically(folder / INSPECT_NAME, lambda out: out.write(inspected))
            _put_in_place(made.path, target)
    except sqlite3.DatabaseError as e:
        raise explained(e, f"{folder}: no copy was made") from e
    except OSError as e:
        raise ConfigError(
            f"{folder}: cannot be written ({e.strerror}); name a folder that you may write in and that has room for"
            f" three times {database}"
        ) from e
    return copy


def copy_made_at(path: Path) -> str | None:
    """Return when a public copy was made (ISO); None: the file is none, or no database of ours."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute("SELECT made_at FROM published").fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else str(row[0])


def _check_place(database: Path, target: Path) -> None:
    """Refuse to write over anything but an older copy."""
    if target.exists() and target.resolve() == database.resolve():
        raise ConfigError(f"{target}: is the database itself; name another folder")
    if target.exists() and copy_made_at(target) is None:
        raise ConfigError(f"{target}: is there and is no public copy; name another folder, or move it away")
    if target.parent.exists() and not target.parent.is_dir():
        raise ConfigError(f"{target.parent}: is no folder; name one")


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """Yield a folder inside of `folder` that only this user can look into; what killed ones left is swept away."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_PARTS}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_PARTS, dir=folder) as place:
        yield Path(place)


def _make(database: Path, place: Path, policy: Policy) -> _Made:
    """Make a file with what is published of the database."""
    snapshot, made = place / "snapshot.db", place / COPY_NAME
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as db:
        db.execute("VACUUM INTO ?", [str(snapshot)])
    with closing(sqlite3.connect(snapshot, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = OFF")  # a broken snapshot is thrown away
        db.execute("PRAGMA synchronous = OFF")
        left_out = _take_out(db, policy)
        db.execute("ANALYZE")
        db.execute("VACUUM INTO ?", [str(made)])
    snapshot.unlink()
    with closing(sqlite3.connect(made, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE")  # a reader of a file in WAL mode needs to write beside it
        return _Made(made, _checked_counts(db), left_out)


def _take_out(db: sqlite3.Connection, policy: Policy) -> tuple[str, ...]:
    """Leave what is published; return the names of tables and views that are not ours, which are dropped."""
    for function in (bare_urls, site_of_url, without_keys):
        db.create_function(function.__name__, 1, function, deterministic=True)
    triggers = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    (index_sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'articles_fts'").fetchone()
    for name, _ in triggers:
        db.execute(f'DROP TRIGGER "{name}"')
    db.execute("DROP TABLE articles_fts")  # it is made anew of what is left: an index tells the words of a text
    db.execute(EXCERPTED_SQL, {"policy": policy.text_policy, "chars": policy.excerpt_chars})
    db.execute("CREATE UNIQUE INDEX temp.excerpted_article ON excerpted(article_id)")
    mark_quotable(db)
    db.execute(READDRESSED_SQL)
    db.execute("CREATE UNIQUE INDEX temp.readdressed_article ON readdressed(article_id)")
    db.execute("CREATE UNIQUE INDEX temp.readdressed_before ON readdressed(url_before)")
    left_out = _drop_what_is_not_ours(db)
    for table, treatment in TABLES.items():
        _treat(db, table, treatment)
    for table in ("excerpted", "quotable", "readdressed"):
        db.execute(f"DROP TABLE temp.{table}")
    db.execute(
        "INSERT INTO published (id, made_at, aiwire_version, text_policy, excerpt_chars) VALUES (1, ?, ?, ?, ?)",
        [iso(policy.now), policy.aiwire_version, policy.text_policy, policy.excerpt_chars],
    )
    db.execute(index_sql)
    db.execute("INSERT INTO articles_fts(articles_fts) VALUES ('rebuild')")
    ours = [sql for name, sql in triggers if name.startswith("articles_fts_")]
    for sql in ours:
        db.execute(sql)
    return left_out


def _drop_what_is_not_ours(db: sqlite3.Connection) -> tuple[str, ...]:
    tables = {name for (name,) in db.execute(PLAIN_TABLES_SQL)}
    views = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'view'")}
    virtual = {name for (name,) in db.execute("SELECT name FROM pragma_table_list WHERE type = 'virtual'")}
    for name in views - VIEWS:
        db.execute(f'DROP VIEW "{name}"')
    for name in (tables | virtual) - TABLES.keys():
        db.execute(f'DROP TABLE "{name}"')
    return tuple(sorted((views - VIEWS) | ((tables | virtual) - TABLES.keys())))


def _treat(db: sqlite3.Connection, table: str, treatment: Published | Emptied) -> None:
    if isinstance(treatment, Emptied):
        db.execute(f'DELETE FROM "{table}"')
        return
    db.execute(f'DELETE FROM "{table}" WHERE {treatment.left_out}')
    if treatment.changed:
        changes = ", ".join(f"{column} = {sql}" for column, sql in treatment.changed.items())
        db.execute(f'UPDATE "{table}" SET {changes} WHERE {treatment.changed_where}')


def _checked_counts(db: sqlite3.Connection) -> dict[str, int]:
    """Return the rows of each table.

    Raises:
        DatabaseError: the copy is not whole.
    """
    problems = [row[0] for row in db.execute("PRAGMA integrity_check(3)") if row[0] != "ok"]
    if problems:
        raise DatabaseError(f"the copy is damaged ({'; '.join(problems)}); check the disk, and run again")
    db.execute("INSERT INTO articles_fts(articles_fts, rank) VALUES ('integrity-check', 1)")
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()]
    return {name: int(db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in sorted(tables)}


def _described(made: _Made, target: Path, policy: Policy) -> PublicCopy:
    with made.path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    with closing(sqlite3.connect(made.path)) as db:
        (in_full,) = db.execute("SELECT count(*) FROM articles WHERE text <> ''").fetchone()
    return PublicCopy(
        path=target,
        size=made.path.stat().st_size,
        sha256=digest,
        made_at=iso(policy.now),
        articles=made.rows["articles"],
        in_full=in_full,
        mentions=made.rows["mentions"],
        left_out=made.left_out,
    )


def _inspection(copy: PublicCopy, rows: dict[str, int]) -> dict[str, object]:
    """Return what `datasette inspect` would find out, and of which copy."""
    return {
        "hash": copy.sha256,
        "size": copy.size,
        "file": COPY_NAME,
        "tables": {name: {"count": count} for name, count in rows.items()},
        "made_at": copy.made_at,
    }


def _put_in_place(made: Path, target: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    made.chmod(0o666 & ~umask)
    with made.open("rb+") as file:
        os.fsync(file.fileno())
    made.replace(target)
    handle = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
