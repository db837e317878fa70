"""Many requests at once, for a caller that takes the results one by one.

The event loop runs in a thread of its own, so that parsing, tagging and saving in the caller's thread never hold up a
socket, and the caller needs no `async`. All network access of aiwire starts here.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import httpx2

from aiwire.exceptions import ConfigError
from aiwire.types import FetchResult, LaneState, Request, Response, RobotsFile
from ingest.http.exchange import fetch_one
from ingest.http.guard import Guard
from ingest.http.lanes import Job, Lanes, LeftOut
from ingest.http.limits import FetchLimits
from ingest.http.network import network_transport
from ingest.http.robots import ROBOTS_BYTES, needs_robots, origin_of
from ingest.http.robotsgate import RobotsGate
from ingest.urls import host_key

__all__ = ["FetchLimits", "Fetcher", "LeftOut"]

log = logging.getLogger(__name__)

_MAX_WAITING_BYTES = 64 << 20  # of bodies that the caller has not taken: while it is more, no request starts


class Fetcher:
    """Fetches over one transport: the network, an archive (`ReplayTransport`) or both (`RecordingTransport`).

    Args:
        user_agent: honest: who asks, and where to learn more.
        transport: None: the network, and of it only public addresses.
        strict_opt_outs: leave out the pages of origins whose robots.txt keeps AI crawlers out by name.

    Raises:
        ConfigError: the user agent cannot stand in a header.
    """

    def __init__(
        self,
        limits: FetchLimits | None = None,
        *,
        user_agent: str,
        transport: httpx2.AsyncBaseTransport | None = None,
        strict_opt_outs: bool = False,
    ) -> None:
        if not (user_agent.isascii() and user_agent.isprintable()):
            raise ConfigError(
                f"user agent {user_agent!r}: only printable ASCII can be sent; check the setting 'contact'"
            )
        self._limits = limits or FetchLimits()
        self._user_agent = user_agent
        self._transport = transport or network_transport(self._limits, guard=Guard(()))
        self._strict_opt_outs = strict_opt_outs
        self._last_starts: dict[str, float] = {}  # by lane, time.monotonic(): the gap holds from one call to the next
        self._left = LeftOut()

    @property
    def left(self) -> LeftOut:
        """How many requests of the last `fetch_all` were not made, and why; known when its generator has ended."""
        return self._left

    def fetch_all(
        self,
        requests: Iterable[Request],
        *,
        now: datetime,
        lanes: Mapping[str, LaneState] | None = None,
        robots: Mapping[str, RobotsFile] | None = None,
        stop_after_s: float | None = None,
    ) -> Generator[FetchResult]:
        """Yield a result for each request that is made or refused, as they arrive.

        With the limits of a replay they come in the order of the requests. Requests that are not made (`left`) are not
        yielded. Every robots.txt that had to be read is yielded, too: a request with purpose "robots" and the source of
        the request that needed it. Each result carries the state of its lane, which the next call wants to know.

        After `stop_after_s` seconds no request starts and those under way are cancelled: they are not yielded.
        Closing the generator cancels what is under way and waits for the thread to end; where the caller may raise,
        wrap it in `contextlib.closing`, so that this happens at once and not when the traceback is dropped.

        Args:
            requests: those of one lane in the order in which they are to be made.
            now: the moment at which this begins, aware.
            lanes: by `host_key`, as the last run left them.
            robots: by origin, as last read.
        """
        gate = RobotsGate(robots or {}, now=now, strict_opt_outs=self._strict_opt_outs)
        run = _Run(self._transport, self._limits, self._user_agent, gate if self._limits.robots else None, stop_after_s)
        run.plan(list(requests), now=now, states=lanes or {}, last_starts=self._last_starts)
        thread = threading.Thread(target=run.main, name="aiwire-fetch", daemon=True)
        thread.start()
        try:
            while (item := run.results.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                run.taken(item)
                yield item
        finally:
            run.cancel()
            thread.join()
            self._left = run.lanes.left
            self._last_starts |= {key: run.began + at for key, at in run.lanes.last_starts().items()}


class _Run:
    """One `fetch_all`: the half that lives in the thread of the event loop, and its two ways across."""

    lanes: Lanes
    began: float  # time.monotonic()

    def __init__(
        self,
        transport: httpx2.AsyncBaseTransport,
        limits: FetchLimits,
        user_agent: str,
        gate: RobotsGate | None,
        stop_after_s: float | None,
    ) -> None:
        self.results: queue.SimpleQueue[FetchResult | BaseException | None] = queue.SimpleQueue()  # None: the end
        self._transport = transport
        self._limits = limits
        self._robots_limits = replace(limits, max_body_bytes=ROBOTS_BYTES, truncate_body=True)
        self._user_agent = user_agent
        self._gate = gate
        self._stop_after_s = stop_after_s
        self._under_way = 0
        self._untaken = 0  # under way or in the queue: bounded, so that a slow caller is not buried
        self._waiting_bytes = 0  # of bodies in the queue: bounded for the same reason
        self._hop_locks: dict[str, asyncio.Lock] = {}  # by origin: two pages that lead there ask for its rules once
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    # -- called in the caller's thread

    def plan(
        self,
        requests: list[Request],
        *,
        now: datetime,
        states: Mapping[str, LaneState],
        last_starts: Mapping[str, float],
    ) -> None:
        """Put the requests into lanes; those that rules already known forbid are answered at once."""
        self.began = time.monotonic()
        refused: list[FetchResult] = []
        if self._gate is not None:
            refused = [FetchResult(r, e, 0, 0) for r in requests if (e := self._gate.refused(r, r.url)) is not None]
            done = {id(result.request) for result in refused}
            requests = self._gate.with_robots([r for r in requests if id(r) not in done])
        self.lanes = Lanes(
            requests,
            limits=self._limits,
            now=now,
            states=states,
            last_starts={key: at - self.began for key, at in last_starts.items()},
            crawl_delays=self._gate.crawl_delays(requests) if self._gate else {},
        )
        for result in refused:
            key = host_key(result.request.url)
            self._put(replace(result, lane=self.lanes.state(key) or states.get(key)))

    def taken(self, result: FetchResult) -> None:
        """The caller has taken a result: one more may be fetched."""
        self._call(functools.partial(self._on_taken, _body_bytes(result)))

    def cancel(self) -> None:
        """Stop everything that is under way; nothing happens if all is done."""
        self._started.wait()
        if self._task is not None:
            self._call(self._task.cancel)

    def _call(self, function: Callable[[], object]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: all is done
                self._loop.call_soon_threadsafe(function)

    # -- called in the loop's thread

    def main(self) -> None:
        """Run the loop to its end. The last item in the queue is None, after an exception if there was one."""
        try:
            asyncio.run(self._main())
        except asyncio.CancelledError:
            log.debug("fetch cancelled  unstarted=%d", self.lanes.left.time)
        except BaseException as e:  # noqa: BLE001  # a bug: raised again in the caller's thread
            self.results.put(e)
        finally:
            self._started.set()
            self.results.put(None)

    async def _main(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._started.set()
        try:
            async with asyncio.timeout(self._stop_after_s), asyncio.TaskGroup() as group:
                await self._dispatch(group)
        except TimeoutError:
            log.info("fetch stopped  reason=max-seconds unstarted=%d", len(self.lanes))
        except ExceptionGroup as e:
            raise e.exceptions[0] from None  # the first says what is wrong; the others follow from it
        finally:
            for result in self.lanes.stop():
                self._put(result)
            await self._transport.aclose()

    async def _dispatch(self, group: asyncio.TaskGroup) -> None:
        """Start every request when its turn comes; one that has ended may have brought more."""
        while self.lanes or self._under_way:
            job = self.lanes.take(self._at()) if self._has_room else None
            if job is None:
                await self._sleep(until=self.lanes.next_at() if self._has_room else None)
                continue
            self._under_way += 1
            self._untaken += 1
            group.create_task(self._work(job))

    @property
    def _has_room(self) -> bool:
        limit = self._limits.concurrency
        return self._under_way < limit and self._untaken < 2 * limit and self._waiting_bytes <= _MAX_WAITING_BYTES

    async def _work(self, job: Job) -> None:
        request = job.request
        waits = self._gate is not None and needs_robots(request)
        result = await fetch_one(
            self._transport,
            request,
            limits=self._robots_limits if request.purpose == "robots" else self._limits,
            user_agent=self._user_agent,
            check_hop=functools.partial(self._check_hop, request) if waits else None,
        )
        at = self._at()
        if request.purpose == "robots" and not self.lanes.is_worth_a_retry(job, result, at):
            self._learn_robots(result)  # before `done`, which takes the gap that they ask for
        self._under_way -= 1
        self._untaken -= 1
        for each in self.lanes.done(job, result, at):
            self._put(each)
        self._wake.set()

    async def _check_hop(self, request: Request, url: str) -> None:
        """Ask the robots.txt of the origin that a page is redirected to.

        Outside of that origin's lane: a page under way cannot wait for its turn there.

        Raises:
            FetchError: its rules forbid the URL, or cannot be read.
        """
        assert self._gate is not None  # noqa: S101  # robots.txt is planned only where there is a gate
        origin = origin_of(url)
        async with self._hop_locks.setdefault(origin, asyncio.Lock()):
            if (asked := self._gate.request_for(origin, request.source_id)) is not None:
                result = await fetch_one(
                    self._transport, asked, limits=self._robots_limits, user_agent=self._user_agent
                )
                self._learn_robots(result)
                self._put(replace(result, lane=self.lanes.state(host_key(origin))))
        if (error := self._gate.refused(request, url)) is not None:
            raise error

    def _learn_robots(self, result: FetchResult) -> None:
        """Use new rules for what waits in their lane: its gap, and the requests that they forbid."""
        if self._gate is None:
            return
        gate, origin = self._gate, origin_of(result.request.url)
        gate.learn(result)
        if not gate.is_settled(origin):
            return
        key = host_key(origin)
        self.lanes.learn_crawl_delay(origin, gate.crawl_delay(origin))
        self.lanes.remove(key, lambda request: request == result.request)
        for request in self.lanes.remove(key, lambda request: gate.refused(request, request.url) is not None):
            if (error := gate.refused(request, request.url)) is not None:
                self._put(FetchResult(request, error, 0, 0, lane=self.lanes.state(key)))

    def _put(self, result: FetchResult) -> None:
        self._untaken += 1
        self._waiting_bytes += _body_bytes(result)
        self.results.put(self._gate.with_note(result) if self._gate else result)

    def _on_taken(self, body_bytes: int) -> None:
        self._untaken -= 1
        self._waiting_bytes -= body_bytes
        self._wake.set()

    def _at(self) -> float:
        return time.monotonic() - self.began

    async def _sleep(self, *, until: float | None) -> None:
        """Wait, until that time of the run at the latest, for something to happen."""
        self._wake.clear()
        timeout = None if until is None else max(0.0, until - self._at())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout)


def _body_bytes(result: FetchResult) -> int:
    return len(result.outcome.body) if isinstance(result.outcome, Response) else 0
