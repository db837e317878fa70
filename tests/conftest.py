"""Fixtures that more than one test module uses."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from db_rows import make_db
from http_site import Cron
from sqlite_utils import Database

from ingest.worker import ParserPool


def pytest_unconfigure() -> None:
    """Undo the freeze of `nlp.pipeline`: duckdb's binding takes what is frozen at exit for leaks, and prints them."""
    gc.unfreeze()


Handler = Callable[["Seen", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Seen:
    """One request as the loopback server got it; header names in lower case."""

    path: str
    headers: dict[str, str]
    at: float  # time.monotonic()
    connection: int


@dataclass
class Loopback:
    """A real HTTP/1.1 server on 127.0.0.1, in a thread of its own. Unknown paths are 404."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    _handlers: dict[str, Handler] = field(default_factory=dict)
    _connections: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    def reply(
        self,
        path: str,
        body: bytes = b"",
        *,
        status: str = "200 OK",
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
    ) -> str:
        """Answer `path` with this from now on; return its URL."""
        fields = {"Content-Length": str(len(body))} | dict(headers or {})
        head = f"HTTP/1.1 {status}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"

        async def answer(seen: Seen, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(delay)
            writer.write(head.encode("latin-1") + body)

        return self.script(path, answer)

    def script(self, path: str, handler: Handler) -> str:
        """Let `handler` write the bytes of the answer to `path`; return its URL."""
        self._handlers[path] = handler
        return self.url(path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        connection = self._connections
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                pairs = (line.split(": ", 1) for line in head[1:] if line)
                headers = {name.lower(): value for name, value in pairs}
                seen = Seen(head[0].split(" ")[1], headers, time.monotonic(), connection)
                self.seen.append(seen)
                await self._handlers.get(seen.path, _not_found)(seen, writer)
                await writer.drain()
        writer.close()

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


async def _not_found(seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here\n")


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A loopback HTTP server; `loopback.reply(path, body)` and `loopback.script(path, handler)` fill it."""
    server = Loopback()
    started = threading.Event()
    loop = asyncio.new_event_loop()
    finish = asyncio.Event()

    async def main() -> None:
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        server.port = listener.sockets[0].getsockname()[1]
        started.set()
        async with listener:
            await finish.wait()
            server.stop()
            await asyncio.sleep(0)
            await asyncio.gather(*server._tasks, return_exceptions=True)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=run, name="loopback")
    thread.start()
    assert started.wait(5)
    yield server
    loop.call_soon_threadsafe(finish.set)
    thread.join(5)
    assert not thread.is_alive()


@pytest.fixture
def loopback_site(loopback: Loopback) -> str:
    """A feed on the loopback server with two entries, one of which has a page of its own; the feed's URL."""
    paragraph = "The provider said it would add H100 servers to its data centre in Frankfurt next year. " * 12
    article = f"<article><h1>Long</h1><p>{paragraph}</p></article>"
    page = f"<html lang='en'><head><title>Long</title></head><body>{article}</body></html>"
    loopback.reply("/long", page.encode(), headers={"Content-Type": "text/html; charset=utf-8"})
    items = "".join(
        f"<item><title>{name}</title><link>{loopback.url('/' + name)}</link><guid>{name}</guid>"
        f"<pubDate>Mon, 02 Mar 2026 06:00:00 GMT</pubDate><description>NVIDIA and AMD.</description></item>"
        for name in ("long", "absent")
    )
    feed = f"<?xml version='1.0'?><rss version='2.0'><channel><title>Site</title>{items}</channel></rss>"
    return loopback.reply("/feed", feed.encode(), headers={"Content-Type": "application/rss+xml", "ETag": '"1"'})


@pytest.fixture
def unused_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def db() -> Iterator[Database]:
    """A database in memory with three sources, four entities and a run, as `db_rows` makes it."""
    with_rows = make_db()
    yield with_rows
    with_rows.close()


@pytest.fixture(scope="session")
def parsers() -> Iterator[ParserPool]:
    """One worker process that reads documents, for all tests of a session; 10 s for each."""
    with ParserPool(workers=1, timeout_s=10.0) as pool:
        yield pool


@pytest.fixture
def cron(loopback: Loopback, parsers: ParserPool) -> Iterator[Cron]:
    """Runs as cron would start them, over one database, against the loopback server."""
    world = Cron(loopback, parsers)
    yield world
    world.db.close()
