"""The database as a command opens it: to write it, or to look into its reference tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from aiwire.cli.common import Context
from aiwire.config import Settings
from aiwire.exceptions import ConfigError
from aiwire.lock import writer_lock

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["reference_database", "writable"]


@contextmanager
def writable(settings: Settings, *, create: bool = True) -> Iterator[Database]:
    """Open the database for writing, with the lock held, the schema current and the reference tables loaded.

    After the block, what pages say of the newest week is brought in line with what it wrote.
    """
    from db.connection import connect, open_existing
    from db.reference import load_reference

    if not create:
        open_existing(settings.db).close()
    with writer_lock(settings.db):
        db = connect(settings.db)
        try:
            load_reference(db)
            before = db.conn.total_changes
            yield db
            if db.conn.total_changes != before:
                _refresh(db)
        finally:
            db.close()


def _refresh(db: Database) -> None:
    from db.trends.verdicts import refresh_verdicts  # loads numpy

    refresh_verdicts(db)


@contextmanager
def reference_database(context: Context) -> Iterator[tuple[Database, bool]]:
    """Open the database for reading; if there is none and none was named, the shipped reference in memory.

    Yields it, and whether it is a file: only that has articles.

    Raises:
        DatabaseError: it cannot be read, or was named and is not there.
        ConfigError: its reference tables are empty.
    """
    from db.connection import connect, open_existing
    from db.reference import load_reference

    path = context.settings.db
    if path.exists() or context.given_db is not None:
        with closing(open_existing(path)) as db:
            if not db.execute("SELECT 1 FROM accelerator_families LIMIT 1").fetchone():
                raise ConfigError(f"{path}: the reference is not loaded; run `aiwire reference load --db {path}`")
            yield db, True
        return
    with closing(connect(":memory:")) as db:
        load_reference(db)
        yield db, False
