"""Slow pages wait for each other, not in front of quick ones.

SQLite reads in threads of one process: six readers of slow queries would make everybody wait for seconds. So only a few
slow requests are at work at once, some more wait for a short time, and the rest is asked to come back.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiwire.web.middleware.asgi import App, Message, Receive, Scope, Send, answer, paths_below
from db.published import TABLES

__all__ = ["Limits", "gated", "is_expensive"]

PAGE_OF_DATABASE = re.compile(r"/news/(?P<name>[^/.]+)(?P<format>\.[a-z]+)?")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many requests that may be slow are answered, and how long."""

    at_once: int = 2  # on how many cores SQLite may be busy with them
    waiting: int = 24  # in line behind them
    wait_s: float = 4.0  # in line
    read_s: float = 20.0  # for which a reader may stop to take what it asked for
    pause_s: float = 0.1  # at most, before the next one has its place; else as long as the last one took

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | None) -> Limits:
        """Return the limits that a plugin configuration gives under `gate`; a key that is not there has its default."""
        return cls(**(config or {}))


def gated(app: App, limits: Limits, *, mount: str = "/") -> App:
    """Return the application with at most `limits` requests at work that may be slow; the others pass."""
    places = asyncio.Semaphore(limits.at_once)
    waiting = 0

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal waiting
        if scope["type"] != "http" or not is_expensive(scope, mount):
            await app(scope, receive, send)
            return
        if places.locked() and waiting >= limits.waiting:
            await _later(send)
            return
        waiting += 1
        try:
            async with asyncio.timeout(limits.wait_s):
                await places.acquire()
        except TimeoutError:
            await _later(send)
            return
        finally:
            waiting -= 1
        start = time.monotonic()
        try:
            await app(scope, receive, _impatient(send, limits.read_s))
            # a long page is made on the thread that answers everybody: after it, it is the turn of the others
            await asyncio.sleep(min(time.monotonic() - start, limits.pause_s))
        finally:
            places.release()

    return gate


def is_expensive(scope: Mapping[str, Any], mount: str = "/") -> bool:
    """Tell whether a request may be slow: a query, a view, a filter, a search, or a whole table as CSV. Pure.

    Pages of rows, and tables as they are first shown, follow an index and are quick.
    """
    path = paths_below(scope, mount)[-1]
    if path.startswith("/-/"):
        return False
    if scope.get("query_string"):
        return True
    found = PAGE_OF_DATABASE.fullmatch(path)
    return path.endswith(".csv") or (found is not None and found["name"] not in TABLES)


def _impatient(send: Send, seconds: float) -> Send:
    """Let go of a reader that takes nothing: it would keep its place for ever."""

    async def timed(message: Message) -> None:
        async with asyncio.timeout(seconds):
            await send(message)

    return timed


async def _later(send: Send) -> None:
    words = "Many readers ask for long lists at this moment. Please try again in a few seconds."
    await answer(send, 503, words, {"retry-after": "5"})
