"""A server that takes up a newer file: `aiwire publish` puts one in the place of the old, and no reader notices."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aiwire.exceptions import AiwireError
from aiwire.web.middleware.asgi import App, Message, Receive, Scope, Send
from aiwire.web.site import DATABASE_NAME

if TYPE_CHECKING:
    from datasette.app import Datasette

__all__ = ["Switch"]

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
PATIENCE_S = 30.0  # for all threads to open the file

Identity = tuple[int, int, int, int]


class _Served:
    """A Datasette over the file as it was, and how many requests it has at work."""

    def __init__(self, datasette: Datasette, identity: Identity) -> None:
        self.datasette = datasette
        self.identity = identity
        self.app: App = datasette.app()
        self.busy = 0

    async def start(self) -> None:
        """Let Datasette start, and all its threads open the file: one that did so later would find another file."""
        await _started(self.app)
        threads = int(self.datasette.setting("num_sql_threads"))
        together = threading.Barrier(threads)
        database = self.datasette.get_database(DATABASE_NAME)
        await asyncio.gather(*(database.execute_fn(lambda _: together.wait(PATIENCE_S)) for _ in range(threads)))

    async def close(self) -> None:
        """Give the file and the threads back."""
        internal = self.datasette.databases.get("_internal")  # of 0.65; it has a thread that writes
        if internal is not None:
            await internal.execute_write_fn(lambda _: sys.exit(), block=False)  # ends the thread, in silence
        self.datasette.get_database(DATABASE_NAME).close()
        self.datasette.executor.shutdown(wait=False)


class Switch:
    """An ASGI application: the newest Datasette; an older one goes when its last request is answered."""

    def __init__(self, path: Path, make: Callable[[], Datasette], *, look_every_s: float = LOOK_EVERY_S) -> None:
        """Serve `path` with what `make` returns.

        Args:
            path: a file that is replaced as a whole, never written in place.
            make: returns a new Datasette over it; raises AiwireError if the file is not usable.
            look_every_s: how often to look whether it was replaced.
        """
        self._path = path
        self._make = make
        self._look_every_s = look_every_s
        self._looked_at = 0.0
        self._served: _Served | None = None
        self._refused: Identity | None = None  # a file that could not be used: not tried again
        self._starting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with the newest Datasette that has started."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        served = self._served or await self._begin()
        self._look()
        served.busy += 1
        try:
            await served.app(scope, receive, send)
        finally:
            served.busy -= 1
            if not served.busy and served is not self._served:
                await served.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._begin()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _begin(self) -> _Served:
        async with self._starting:
            if self._served is None:
                self._served = await self._new()
            return self._served

    def _look(self) -> None:
        """Look now and then whether there is another file, and take it up beside the requests."""
        now = time.monotonic()
        if now - self._looked_at < self._look_every_s or self._tasks or self._served is None:
            return
        self._looked_at = now
        identity = _identity(self._path)
        if identity not in (None, self._served.identity, self._refused):
            task = asyncio.create_task(self._take_up())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take_up(self) -> None:
        seen = _identity(self._path)
        try:
            newer = await self._new()
        except (AiwireError, OSError) as e:
            self._refused = seen
            logger.warning("%s was replaced, but the new file cannot be served, the old one stays: %s", self._path, e)
            return
        older, self._served = self._served, newer
        logger.info("%s was replaced: the new file is served", self._path)
        if older is not None and not older.busy:
            await older.close()

    async def _new(self) -> _Served:
        """Return a Datasette all of whose threads have opened one and the same file."""
        while True:
            before = _identity(self._path)
            served = _Served(self._make(), before or (0, 0, 0, 0))
            await served.start()
            if _identity(self._path) == before:
                return served
            await served.close()


def _identity(path: Path) -> Identity | None:
    """Return what tells a file from the one that takes its place; None: there is none at this moment."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


async def _started(app: App) -> None:
    """Run what Datasette does before its first request: two at once would find it half started."""
    messages = iter(({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            raise RuntimeError(message.get("message", ""))

    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
