"""What the HTTP rules are tried on: run after run over one database, as cron would start them, against the loopback
server. Every host name leads to that server, so that publishers of several domains can be played.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from aiwire.pipeline.report import RunReport, SourceLine
from aiwire.pipeline.run import Run, RunOptions
from aiwire.types import LaneState, Source, SourceState
from db.connection import connect
from db.store import lane_states, source_states
from ingest.http.fetch import Fetcher
from ingest.http.guard import Guard
from ingest.http.limits import FetchLimits
from ingest.http.network import Resolver, network_transport, system_resolver
from ingest.urls import host_key
from ingest.worker import ParserPool

if TYPE_CHECKING:
    from conftest import Handler, Loopback, Seen

START = datetime(2026, 11, 23, 6, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AGENT = "aiwire/0.1 (+https://aiwire.example; contact=me@example.com)"
LIMITS = FetchLimits(connect_s=5.0, read_s=5.0, total_s=10.0, host_gap_s=0.0, max_gap_s=0.05, retries=0)
LOCAL = Guard(["127.0.0.0/8"])
XML = {"Content-Type": "application/rss+xml"}
CLI_ENVIRONMENT = {"AIWIRE_ALLOW_HOSTS": "127.0.0.0/8", "AIWIRE_HOST_GAP_S": "0"}


def item(name: str, *, date: datetime | None = None, text: str = "NVIDIA and AMD.", link: str = "") -> str:
    url = link or f"http://news.example/{name}"
    dated = f"<pubDate>{date:%a, %d %b %Y %H:%M:%S} GMT</pubDate>" if date else ""
    return f"<item><title>{name}</title><link>{url}</link>{dated}<description>{text}</description></item>"


def rss(*items: str, start: str = "<?xml version='1.0'?>") -> bytes:
    """A feed with these items; a bare name stands for `item(name)`."""
    inside = "".join(each if each.startswith("<") else item(each) for each in items)
    return f"{start}<rss version='2.0'><channel><title>News</title>{inside}</channel></rss>".encode()


def numbered(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


def answer(body: bytes, *, status: str = "200 OK", **headers: str) -> bytes:
    """The bytes of an answer; `_` in the name of a header stands for `-`."""
    fields = {"Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body


def not_modified_once_asked(body: bytes, **headers: str) -> Handler:
    """A handler that says 304 to every conditional request, whatever the validator."""

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> None:
        conditional = {"if-none-match", "if-modified-since"} & seen.headers.keys()
        writer.write(b"HTTP/1.1 304 Not Modified\r\n\r\n" if conditional else answer(body, **headers))

    return handler


def names_here(host: str, port: int) -> Sequence[str]:
    """A resolver: every name leads to the loopback server, an address to itself."""
    return ["127.0.0.1"] if host[-1:].isalpha() and ":" not in host else system_resolver(host, port)


@dataclass
class Cron:
    """A database and the runs over it. `now` is the moment of the last run."""

    server: Loopback
    parsers: ParserPool
    db: Database = field(default_factory=lambda: connect(":memory:"))
    now: datetime = START
    limits: FetchLimits = LIMITS
    guard: Guard = LOCAL
    resolver: Resolver = names_here

    def feed(self, path: str = "/feed", *, id: str = "s", host: str = "127.0.0.1", **values: Any) -> Source:
        """A source of the server that is due every hour, without jitter."""
        return self.source(id, self.server.url(path, host), **values)

    def source(self, id: str, url: str, **values: Any) -> Source:
        usual: dict[str, Any] = {"kind": "feed", "publisher": id, "every_minutes": 60, "full_text": "never"}
        return Source(id=id, name=id, url=url, **(usual | values))

    def run(self, *sources: Source, after: timedelta = timedelta(0)) -> RunReport:
        """One run, so long after the last one, with a fetcher of its own as each process has."""
        self.now += after
        transport = network_transport(self.limits, guard=self.guard, resolver=self.resolver)
        fetcher = Fetcher(self.limits, user_agent=AGENT, transport=transport)
        return Run(self.db, sources, fetcher, None, RunOptions(now=self.now), parsers=self.parsers)()

    def line(self, *sources: Source, after: timedelta = timedelta(0), id: str = "s") -> SourceLine:
        """The report's line of one source, after one run."""
        return lines(self.run(*sources, after=after))[id]

    def state(self, id: str = "s") -> SourceState:
        return source_states(self.db)[id]

    def lane(self, host: str = "127.0.0.1") -> LaneState:
        return lane_states(self.db)[host_key(self.server.url("/", host))]

    def titles(self) -> list[str]:
        return [row[0] for row in self.db.execute("SELECT title FROM articles ORDER BY title").fetchall()]

    def fetches(self) -> list[tuple[Any, ...]]:
        """Outcome and status of every request on record, in order."""
        return self.db.execute("SELECT outcome, status FROM fetches ORDER BY id").fetchall()

    def rows(self, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
        return {table: self.db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables}

    def asked(self, header: str = "if-none-match") -> list[str | None]:
        """One header of every request that the server got, in order."""
        return [seen.headers.get(header) for seen in self.server.seen]


def lines(report: RunReport) -> dict[str, SourceLine]:
    return {line.id: line for line in report.lines}


def statuses(report: RunReport) -> dict[str, str]:
    return {line.id: line.status for line in report.lines}


# ---------------------------------------------------------------- processes


def write_sources(folder: Path, sources: Iterable[Source]) -> None:
    text = "".join(
        f'[[source]]\nid = "{s.id}"\nname = "{s.name}"\nkind = "{s.kind}"\nurl = "{s.url}"\n'
        f'full_text = "{s.full_text}"\nevery_minutes = {s.every_minutes}\n\n'
        for s in sources
    )
    (folder / "sources.toml").write_text(text)


def heed_interrupts() -> None:
    """What a child does first: a shell that runs the tests in the background has them ignored, which is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """The command line as a process of its own, over `sources.toml` and `news.db` in the folder."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "aiwire", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | CLI_ENVIRONMENT | {"XDG_CONFIG_HOME": str(folder)} | environment,
        preexec_fn=heed_interrupts,
    )


def aiwire(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command."""
    process = started(folder, *arguments, **environment)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err
