"""Reading for a page: in one of Datasette's threads, in one transaction, within its time limit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from datasette.utils import sqlite_timelimit
from sqlite_utils import Database

from aiwire.web.site import DATABASE_NAME

if TYPE_CHECKING:
    from datasette.app import Datasette

__all__ = ["PageTimeout", "read", "within"]

T = TypeVar("T")


class PageTimeout(Exception):
    """The queries of a page took longer than the setting sql_time_limit_ms."""


async def read(datasette: Datasette, work: Callable[[Database], T]) -> T:
    """Return what `work` reads: from one state of the database, however many statements it takes.

    Raises:
        PageTimeout: it took too long.
    """
    limit_ms = int(datasette.setting("sql_time_limit_ms"))
    found: T = await datasette.get_database(DATABASE_NAME).execute_fn(lambda conn: within(conn, limit_ms, work))
    return found


def within(conn: sqlite3.Connection, limit_ms: int, work: Callable[[Database], T]) -> T:
    """Return what `work` reads with a connection that belongs to Datasette, which is left as it was.

    Raises:
        PageTimeout: it took longer than `limit_ms`.
    """
    factory, conn.row_factory = conn.row_factory, None
    try:
        with sqlite_timelimit(conn, limit_ms):
            conn.execute("BEGIN")
            return work(Database(conn))
    except sqlite3.OperationalError as e:
        if e.args == ("interrupted",):
            raise PageTimeout from e
        raise
    except StopIteration as e:  # which no future can carry: the request would wait for ever
        raise RuntimeError("a page looked for something that is not there") from e
    finally:
        conn.row_factory = factory
        if conn.in_transaction:
            conn.rollback()
