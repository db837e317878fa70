"""The main job: fetch what is due, parse, extract, tag and save; then the full pages that are pending.

Effects are at the edges: `Fetcher` (sockets), `ParserPool` (processes), the tagger and the database come in from
outside, decisions are in `identity`, `entries`, `pages`, `online`, `sitemaps` and `ingest.schedule`.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Literal

from sqlite_utils import Database

from aiwire.pipeline.pagestage import PageStage
from aiwire.pipeline.progress import Progress, Silent
from aiwire.pipeline.rediscovery import rediscover
from aiwire.pipeline.report import RunReport
from aiwire.pipeline.session import RunOptions, Session, Tag
from aiwire.pipeline.sourcestage import SourceStage
from aiwire.types import Source
from db.store import finish_run, start_run, sync_sources
from ingest.http.fetch import Fetcher
from ingest.worker import ParserPool

__all__ = ["Run", "RunOptions", "Tag"]


class Run:
    """One run over a source list. Call it once."""

    def __init__(
        self,
        db: Database,
        sources: tuple[Source, ...],
        fetcher: Fetcher,
        tag: Tag | None,
        options: RunOptions,
        *,
        parsers: ParserPool | None = None,
        progress: Progress | None = None,
    ) -> None:
        """`tag` None: articles are stored untagged, for a later `aiwire tag`. `parsers` None: a pool of its own."""
        self._db = db
        self._sources = sources
        self._fetcher = fetcher
        self._tag = tag
        self._options = options
        self._parsers = parsers
        self._progress = progress or Silent()
        self._started = time.monotonic()

    def __call__(self, command: str = "run") -> RunReport:
        """Do the run and return its report.

        Raises:
            TryLater: no host could be reached: our own network is down. Nothing is held against any source.
            DatabaseError: the database cannot be written.
        """
        sync_sources(self._db, self._sources)
        report = RunReport(self._options.now, start_run(self._db, command, now=self._options.now))
        try:
            self._stages(report)
        except BaseException as e:
            self._finish(report, status="failed", message=f"{type(e).__name__}: {e}")
            raise
        self._finish(report, status=report.status, message=None)
        return report

    def _stages(self, report: RunReport) -> None:
        with ExitStack() as stack:
            parsers = self._parsers or stack.enter_context(ParserPool())
            session = Session(
                self._db, self._fetcher, parsers, self._tag, self._options, self._progress, report, self._started
            )
            sources = SourceStage(session, self._sources)
            sources()
            if not self._options.replay:
                rediscover(session, sources.missing())
            PageStage(session, {source.id: source for source in self._sources}, sources.network)()

    def _finish(self, report: RunReport, *, status: Literal["done", "failed", "stopped"], message: str | None) -> None:
        report.seconds = time.monotonic() - self._started
        finish_run(
            self._db,
            report.run_id,
            now=self._options.now,
            status=status,
            sources_due=report.sources_due,
            message=message,
        )
