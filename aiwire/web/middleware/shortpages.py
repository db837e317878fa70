"""A page for strangers has a hundred rows at most: thousands are a matter for JSON and CSV.

Datasette makes a page on the one thread that answers everybody, a row of 10,000 like the first: 2 s, in which nobody
else gets an answer. Tables are cut by the number of rows that is asked for, queries by what the database gives back.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from urllib.parse import parse_qsl, urlencode

from aiwire.web.middleware.asgi import App, Receive, Scope, Send

__all__ = ["MOST_ROWS", "most_rows", "shortened"]

MOST_ROWS = 100
SIZES = ("_size", "_facet_size")  # parameters of Datasette that say how many
FORMAT = re.compile(rb"\.\w+$")  # as Datasette reads it: of the path as it was sent

_most_rows: ContextVar[int | None] = ContextVar("most_rows", default=None)  # of the page that is being made


def most_rows() -> int | None:
    """Return how many rows a query may give back to the page that is being made; None: it is no such page."""
    return _most_rows.get()


def shortened(app: App) -> App:
    """Return the application with pages that are asked for `MOST_ROWS` rows at most; other forms have all of them."""

    async def short(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or FORMAT.search(_path(scope)):
            await app(scope, receive, send)
            return
        asked = parse_qsl(bytes(scope.get("query_string", b"")).decode("latin-1"), keep_blank_values=True)
        token = _most_rows.set(MOST_ROWS)
        try:
            await app(_with_sizes(scope, asked), receive, send)
        finally:
            _most_rows.reset(token)

    return short


def _path(scope: Scope) -> bytes:
    return bytes(scope.get("raw_path") or str(scope["path"]).encode()).partition(b"?")[0]


def _with_sizes(scope: Scope, asked: list[tuple[str, str]]) -> Scope:
    """Return the request with fewer rows where it asks for too many; its parameters as they were written if not."""
    if not any(key in SIZES and _is_too_many(value) for key, value in asked):
        return scope
    fewer = [(key, str(MOST_ROWS) if key in SIZES and _is_too_many(value) else value) for key, value in asked]
    return {**scope, "query_string": urlencode(fewer).encode()}


def _is_too_many(value: str) -> bool:
    if value == "max":
        return True
    try:
        return int(value) > MOST_ROWS
    except ValueError:
        return False  # Datasette says that it is none
