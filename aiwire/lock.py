"""One writer at a time: an advisory lock beside the database (flock(2)), freed by the system if the process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiwire.exceptions import DatabaseError, TryLater

__all__ = ["writer_lock"]


@contextmanager
def writer_lock(db: Path) -> Iterator[None]:
    """Hold `<db>.lock` for the block.

    Raises:
        TryLater: another process holds it.
        DatabaseError: the lock file cannot be made.
    """
    path = db.with_name(db.name + ".lock")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as e:
        raise DatabaseError(f"{path}: cannot make the lock file ({e.strerror}); does the folder exist?") from e
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise TryLater(f"{db}: another aiwire is writing to it; it is enough to try again later") from e
        except OSError as e:
            raise DatabaseError(
                f"{path}: this file system cannot lock ({e.strerror}); keep the database elsewhere"
            ) from e
        yield
    finally:
        os.close(handle)
