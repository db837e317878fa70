"""The database as a command writes it: locked, migrated, with its reference tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiwire.config import Settings
from aiwire.lock import writer_lock

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["writable"]


@contextmanager
def writable(settings: Settings, *, create: bool = True) -> Iterator[Database]:
    """Open the database for writing, with the lock held, the schema current and the reference tables loaded."""
    from db.connection import connect, open_existing
    from db.reference import load_reference

    if not create:
        open_existing(settings.db).close()
    with writer_lock(settings.db):
        db = connect(settings.db)
        try:
            load_reference(db)
            yield db
        finally:
            db.close()
