"""What the stages of one run share: the database, the fetcher, the parsers, the tagger, and the time that is left."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeVar

from sqlite_utils import Database

from aiwire.exceptions import FetchError, SourceError
from aiwire.pipeline.progress import Progress
from aiwire.pipeline.report import RunReport
from aiwire.types import ArticleText, FetchResult, LaneState, Request, Response, RobotsFile, SaveCounts, Tagging
from db.store import lane_states, robots_files, save_robots
from ingest.http.fetch import Fetcher
from ingest.http.retryafter import is_throttled
from ingest.http.robots import ai_opt_outs, origin_of, robots_file
from ingest.worker import ParserPool, Pending

__all__ = ["RunOptions", "Session", "Tag", "failure_of", "lookahead"]

T = TypeVar("T")
_AHEAD = 1 + (os.cpu_count() or 1)  # bodies that are being read while one is saved
Tag = Callable[[Iterable[ArticleText]], Iterator[tuple[ArticleText, Tagging]]]


@dataclass(frozen=True, slots=True)
class RunOptions:
    now: datetime
    force: bool = False  # sources that are not due, too; and documents that did not change are read again
    replay: bool = False  # no page cap, no back-off: an archive answers at once
    max_seconds: float | None = None
    check_every_minutes: int = 60
    full_text_below_words: int = 200
    pages_per_run: int = 300
    opt_outs: Literal["record", "obey", "strict"] = "obey"


@dataclass(slots=True)
class Session:
    """One run's tools. `tag` None: articles are stored untagged, for a later `aiwire tag`."""

    db: Database
    fetcher: Fetcher
    parsers: ParserPool
    tag: Tag | None
    options: RunOptions
    progress: Progress
    report: RunReport
    started: float  # time.monotonic()
    lanes: dict[str, LaneState] = field(default_factory=dict)
    robots: dict[str, RobotsFile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.options.replay:
            self.lanes, self.robots = lane_states(self.db), robots_files(self.db)

    def fetch(self, requests: list[Request]) -> Iterator[FetchResult]:
        """Yield results until --max-seconds ran out; what is not yielded was not saved and stays due."""
        left = self.seconds_left()
        if left is not None and left <= 0 and requests:
            self.report.stopped = True
            return
        stage = self.fetcher.fetch_all(
            requests, now=self.options.now, lanes=self.lanes, robots=self.robots, stop_after_s=left
        )
        with closing(stage) as results:
            for result in results:
                if result.lane is not None:
                    self.lanes[result.lane.lane] = result.lane
                if result.request.purpose == "robots":
                    self._save_robots(result)
                    continue
                yield result
                left = self.seconds_left()
                if left is not None and left <= 0:
                    break
        self.report.stopped |= bool(self.fetcher.left.time)
        self.report.deferred += self.fetcher.left.blocked + self.fetcher.left.cap

    def seconds_left(self) -> float | None:
        """Return the seconds until --max-seconds has run out; None: no limit."""
        limit = self.options.max_seconds
        return None if limit is None else limit - (time.monotonic() - self.started)

    def add(self, counts: SaveCounts) -> None:
        """Add what a transaction saved to the report."""
        self.report.articles_new += counts.new
        self.report.articles_changed += counts.changed
        self.report.versions += counts.versions
        self.report.weeks |= counts.weeks

    def _save_robots(self, result: FetchResult) -> None:
        """Keep a robots.txt for the next runs; one that could not be asked for is asked for again."""
        if isinstance(result.outcome, FetchError) and is_throttled(result.outcome.status, result.outcome.headers):
            return
        origin = origin_of(result.request.url)
        file = robots_file(result, now=self.options.now, before=self.robots.get(origin))
        self.robots[origin] = file
        save_robots(
            self.db, file, result, ai_opt_outs=ai_opt_outs(file.body), run_id=self.report.run_id, now=self.options.now
        )


def lookahead(
    results: Iterator[FetchResult], submit: Callable[[FetchResult, Response], Pending[T] | None]
) -> Iterator[tuple[FetchResult, Pending[T] | None]]:
    """Yield each result with the reading of its body, which has begun while earlier ones are still worked on."""
    ahead: deque[tuple[FetchResult, Pending[T] | None]] = deque()
    for result in results:
        outcome = result.outcome
        ahead.append((result, submit(result, outcome) if isinstance(outcome, Response) else None))
        if len(ahead) > _AHEAD:
            yield ahead.popleft()
    yield from ahead


def failure_of(result: FetchResult) -> SourceError:
    """Return the error of a result that brought no body; a 304 that nobody asked for is one."""
    if isinstance(result.outcome, FetchError):
        return result.outcome
    return FetchError(result.request.url, "HTTP 304 to an unconditional request", reason="status", status=304)
