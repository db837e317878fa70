"""The robots.txt files of one run: what was known before, what is read on the way, and whom they keep out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from aiwire.exceptions import FetchError
from aiwire.types import FetchResult, Request, RobotsFile
from ingest.http import robots
from ingest.http.retryafter import is_throttled

__all__ = ["RobotsGate"]


class RobotsGate:
    """Says which requests may pass. No effects: who holds it makes the requests and tells it the results.

    An origin is settled when its rules are fresh or were asked for in this run: only then can it be judged.
    """

    def __init__(self, known: Mapping[str, RobotsFile], *, now: datetime, strict_opt_outs: bool) -> None:
        self._files = dict(known)
        self._now = now
        self._strict = strict_opt_outs
        self._settled = {origin for origin, file in known.items() if robots.is_fresh(file, now)}
        self._failed: dict[str, FetchError] = {}  # by origin: there was no answer at all

    def with_robots(self, requests: Iterable[Request]) -> list[Request]:
        """Return the requests, with one for robots.txt before the first of each origin that is not settled."""
        return robots.with_robots(requests, self._files, now=self._now)

    def request_for(self, origin: str, source_id: str) -> Request | None:
        """Return the request for an origin's rules, None if it is settled."""
        return None if origin in self._settled else Request(robots.robots_url(origin), source_id, "robots")

    def learn(self, result: FetchResult) -> None:
        """Take in the answer to a request for rules. One that says "ask less often" settles nothing."""
        origin, error = robots.origin_of(result.request.url), result.outcome
        self._files[origin] = robots.robots_file(result, now=self._now, before=self._files.get(origin))
        if isinstance(error, FetchError):
            if is_throttled(error.status, error.headers):
                return
            if error.status is None:
                self._failed[origin] = error
        self._settled.add(origin)

    def is_settled(self, origin: str) -> bool:
        return origin in self._settled

    def crawl_delay(self, origin: str) -> float | None:
        """Return the seconds between two requests that an origin's rules ask for."""
        file = self._files.get(origin)
        return robots.crawl_delay(file) if file else None

    def crawl_delays(self, requests: Iterable[Request]) -> dict[str, float]:
        """Return what the rules known so far ask for, by origin."""
        origins = {robots.origin_of(request.url) for request in requests}
        return {origin: delay for origin in origins if (delay := self.crawl_delay(origin))}

    def refused(self, request: Request, url: str) -> FetchError | None:
        """Return the error of a request that must not be made (`url`: its own, or one that it is redirected to).

        If there was no answer from the origin at all, the error has that reason: the page would have ended like it.
        """
        origin = robots.origin_of(url)
        if not robots.needs_robots(request) or not origin:
            return None
        file = self._files.get(origin)
        if file is None or (origin not in self._settled and url == request.url):
            return None  # its turn comes after that of its robots.txt
        why = robots.refusal(file, url, now=self._now, purpose=request.purpose)
        if why is None and self._strict and request.purpose == "page":
            why = robots.opt_out_refusal(file)
        if why is None:
            return None
        failed = None if robots.was_read(file) else self._failed.get(origin)
        return FetchError(url, why, reason=failed.reason if failed else "robots")

    def with_note(self, result: FetchResult) -> FetchResult:
        """Return the result of a feed with the rules that forbid its URL: they are no reason not to fetch a feed."""
        if result.request.purpose != "feed":
            return result
        file = self._files.get(robots.origin_of(result.request.url))
        return replace(result, robots=robots.forbidden_by(file, result.request.url)) if file else result
