"""The order in which requests start: one at a time per lane, with a gap between starts. Pure: time is an argument.

Times are seconds since the run started; `now` is the moment at which it did.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice
from urllib.parse import urlsplit

from aiwire.exceptions import FetchError
from aiwire.types import FetchResult, LaneState, Request
from ingest.http import politeness
from ingest.http.limits import FetchLimits
from ingest.urls import host_key

__all__ = ["Job", "Lanes", "LeftOut"]

_JITTER = 0.04  # of a gap, added to it: regular enough for the biggest lane, irregular enough not to beat in time
_RETRY_SPREAD_S = 2.0
_PATIENCE_S = 1.1 * politeness.MAX_CRAWL_DELAY_S  # how far into a run a delay longer than `max_gap_s` is waited for
_WORTH_A_RETRY = frozenset([502, 504])


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many requests were not made, and why. They stay due."""

    blocked: int = 0  # their server wants to be left alone, cannot be reached or has a long Crawl-delay
    cap: int = 0  # beyond the lane cap of a run
    time: int = 0  # the run's time was up, or its caller stopped

    @property
    def total(self) -> int:
        return self.blocked + self.cap + self.time


@dataclass(frozen=True, slots=True)
class Job:
    """A request in its lane."""

    lane: str
    position: int  # in the order given
    request: Request
    not_before: float = 0.0
    first: FetchResult | None = None  # outcome of the first try, if this is the second


@dataclass(slots=True)
class _Lane:
    state: LaneState
    polite: bool  # a URL without a host has a lane, but no server behind it
    queue: deque[Job] = field(default_factory=deque)
    job: Job | None = None  # under way
    started: float = -math.inf  # the last start
    starts: int = 0
    is_cut: bool = False  # by the cap: more would be due
    answered_well: bool = False
    throttled: bool = False
    failing: str | None = None  # what failed last: `_failing`
    failures: int = 0  # of that, in a row
    delays: dict[str, float] = field(default_factory=dict)  # Crawl-delays by origin


class Lanes:
    """Requests that wait, by lane (`host_key`). Of the lanes that may start one, the one with most to wait for goes
    first (remaining requests times gap), because it decides when the run ends; among equals the earliest request.

    With `limits.max_gap_s` of 0 (a replay) nobody is at the other end: no gaps, blocks, second tries or states.
    robots.txt requests count for the gap, and not for the cap.
    """

    def __init__(
        self,
        requests: Iterable[Request],
        *,
        limits: FetchLimits,
        now: datetime,
        states: Mapping[str, LaneState] | None = None,
        last_starts: Mapping[str, float] | None = None,
        crawl_delays: Mapping[str, float] | None = None,
    ) -> None:
        """`last_starts`: when a lane last started a request before this run, a negative number; `crawl_delays`: by
        origin, of every robots.txt that is known.
        """
        self._limits = limits
        self._now = now
        self._lanes: dict[str, _Lane] = {}
        self._free: list[tuple[float, int, str]] = []  # heap: minus the lane's cost, position of its next request
        self._resting: list[tuple[float, str]] = []  # heap: when the lane's gap ends
        self._left = {"blocked": 0, "cap": 0, "time": 0}
        for position, request in enumerate(requests):
            key = host_key(request.url)
            if key not in self._lanes:
                self._lanes[key] = self._new_lane(key, states or {}, last_starts or {})
            self._lanes[key].queue.append(Job(key, position, request))
        for origin, delay in (crawl_delays or {}).items():
            self._note_crawl_delay(origin, delay, at_least=True)
        for key, lane in self._lanes.items():
            self._cut(lane)
            if self._is_blocked(lane, 0.0):
                self._drop(lane, "blocked")
            self._rest(key, lane, 0.0)

    def _new_lane(self, key: str, states: Mapping[str, LaneState], last_starts: Mapping[str, float]) -> _Lane:
        state = politeness.at_the_start(states.get(key) or LaneState(key), self._now)
        return _Lane(state, bool(key) and self._limits.max_gap_s > 0, started=last_starts.get(key, -math.inf))

    # ------------------------------------------------------------ what comes next

    def __len__(self) -> int:
        """The number of requests that have not started."""
        return sum(len(lane.queue) for lane in self._lanes.values())

    @property
    def left(self) -> LeftOut:
        """What will not be started."""
        return LeftOut(**self._left)

    def take(self, at: float) -> Job | None:
        """Start the next request; None if no lane may start one."""
        while self._resting and self._resting[0][0] <= at:
            _, key = heapq.heappop(self._resting)
            lane = self._lanes[key]
            if lane.queue:
                cost = len(lane.queue) * self._gap(lane, at)
                heapq.heappush(self._free, (-cost, lane.queue[0].position, key))
        while self._free:
            *_, key = heapq.heappop(self._free)
            lane = self._lanes[key]
            if lane.queue and lane.queue[0].not_before > at:  # those before it have been removed
                heapq.heappush(self._resting, (lane.queue[0].not_before, key))
            elif lane.queue:
                lane.job, lane.started, lane.starts = lane.queue.popleft(), at, lane.starts + 1
                return lane.job
        return None

    def next_at(self) -> float | None:
        """When the next resting lane may start a request; None if no lane rests."""
        return self._resting[0][0] if self._resting else None

    # ------------------------------------------------------------ what has come back

    def done(self, job: Job, result: FetchResult, at: float) -> list[FetchResult]:
        """Return what can be told after a job has ended: its result, unless it is tried again, and the results of
        those whose second try will not happen. The lane's next request may start a gap after this one's start.
        """
        lane = self._lanes[job.lane]
        lane.job = None
        if lane.polite:
            self._learn(lane, result, at)
        finished: list[FetchResult] = []
        if self.is_worth_a_retry(job, result, at):
            self._try_again(lane, job, result, at)
        else:
            finished.append(replace(result, retried=job.first is not None))
        if self._is_blocked(lane, at):
            finished += self._drop(lane, "blocked")
        finished += self._rest(job.lane, lane, at)
        return [replace(each, lane=self.state(job.lane)) for each in finished]

    def is_worth_a_retry(self, job: Job, result: FetchResult, at: float) -> bool:
        """Return whether a job is tried again at its lane's end instead of being done.

        A connection that broke, a read time-out and a gateway's error often do not come twice. Only if the lane has
        the time: not if the cap has cut it.
        """
        lane = self._lanes[job.lane]
        error = result.outcome
        if not isinstance(error, FetchError) or job.first is not None or not self._limits.retries:
            return False
        if not lane.polite or lane.is_cut or self._is_blocked(lane, at) or error.headers.get("retry-after"):
            return False
        if error.reason == "timeout":  # of a read; a request that used up its whole time would do so again
            return result.elapsed_ms < 1000 * self._limits.total_s
        return error.reason == "broken" or error.status in _WORTH_A_RETRY

    def state(self, key: str) -> LaneState | None:
        """Return how the lane is to be treated from now on; None without gaps (a replay) or without a host."""
        lane = self._lanes.get(key)
        if lane is None or not lane.polite:
            return None
        clean = lane.answered_well and not lane.throttled
        return politeness.relaxed(lane.state, self._limits) if clean else lane.state

    def last_starts(self) -> dict[str, float]:
        """Return when each lane last started a request, for the next run over the same lanes."""
        return {key: lane.started for key, lane in self._lanes.items() if lane.started > -math.inf}

    def learn_crawl_delay(self, origin: str, delay_s: float | None) -> None:
        """Note what the robots.txt of an origin says now; of several origins in a lane the longest counts."""
        self._note_crawl_delay(origin, delay_s or 0.0, at_least=False)

    def remove(self, key: str, unwanted: Callable[[Request], bool]) -> list[Request]:
        """Take requests that wait out of a lane, and return them."""
        lane = self._lanes.get(key)
        if lane is None:
            return []
        removed, kept = [], deque[Job]()
        for job in lane.queue:
            if unwanted(job.request):
                removed.append(job.request)
            else:
                kept.append(job)
        lane.queue = kept
        return removed

    def stop(self) -> list[FetchResult]:
        """End the run: return the first outcome of each request whose second try will not happen or not end."""
        results: list[FetchResult] = []
        for key, lane in self._lanes.items():
            if lane.job is not None:
                lane.queue.appendleft(lane.job)
                lane.job = None
            results += [replace(result, lane=self.state(key)) for result in self._drop(lane, "time")]
        return results

    # ------------------------------------------------------------ inside

    def _note_crawl_delay(self, origin: str, delay_s: float, *, at_least: bool) -> None:
        lane = self._lanes.get(host_key(origin))
        if lane is not None and lane.polite:
            lane.delays[origin] = delay_s
            known = (lane.state.crawl_delay_s or 0.0) if at_least else 0.0
            lane.state = replace(lane.state, crawl_delay_s=max(known, *lane.delays.values()) or None)

    def _learn(self, lane: _Lane, result: FetchResult, at: float) -> None:
        now = self._moment(at)
        was_blocked = lane.state.blocked_until
        lane.state = politeness.after_answer(lane.state, result, self._limits, now)
        lane.throttled |= lane.state.blocked_until != was_blocked
        error = result.outcome
        if not isinstance(error, FetchError):
            lane.answered_well, lane.failing = True, None
            return
        failing = _failing(error)
        lane.failures = lane.failures + 1 if failing == lane.failing else 1
        lane.failing = failing
        if failing is not None and lane.failures >= politeness.FAILURES_IN_A_ROW:
            lane.state = politeness.after_no_answer(lane.state, error, now)

    def _try_again(self, lane: _Lane, job: Job, result: FetchResult, at: float) -> None:
        wait = self._gap(lane, at) + _RETRY_SPREAD_S * _fraction(f"{job.lane} retry {job.position}")
        again = replace(job, first=result, not_before=at + wait)
        # The others of an origin wait for its robots.txt.
        (lane.queue.appendleft if job.request.purpose == "robots" else lane.queue.append)(again)

    def _rest(self, key: str, lane: _Lane, at: float) -> list[FetchResult]:
        """Let the lane rest until its next request may start; return the outcomes that are final if it never may."""
        if not lane.queue:
            return []
        gap = self._gap(lane, at)
        ready = lane.started + gap * (1 + _JITTER * _fraction(f"{key} {lane.starts}"))
        if (lane.state.crawl_delay_s or 0.0) > self._limits.max_gap_s and ready > max(at, _PATIENCE_S):
            reason = f"Crawl-delay of {gap:g} s"
            lane.state = replace(lane.state, blocked_until=self._moment(ready), reason=reason)
            return self._drop(lane, "blocked")
        heapq.heappush(self._resting, (max(ready, lane.queue[0].not_before), key))
        return []

    def _gap(self, lane: _Lane, at: float) -> float:
        return politeness.gap_between_starts(lane.state, self._limits, self._moment(at)) if lane.polite else 0.0

    def _is_blocked(self, lane: _Lane, at: float) -> bool:
        until = lane.state.blocked_until
        return lane.polite and until is not None and until > self._moment(at)

    def _cut(self, lane: _Lane) -> None:
        """Keep as many requests as the lane may have in one run, and the robots.txt that those need."""
        cap = self._limits.max_per_lane
        asked = [index for index, job in enumerate(lane.queue) if job.request.purpose != "robots"]
        if cap is not None and lane.polite and len(asked) > cap:
            lane.is_cut = True
            lane.queue = deque(islice(lane.queue, asked[cap - 1] + 1))
            self._left["cap"] += len(asked) - cap

    def _drop(self, lane: _Lane, why: str) -> list[FetchResult]:
        """Empty the lane's queue; return the outcomes of first tries, which are final now."""
        self._left[why] += sum(job.first is None and job.request.purpose != "robots" for job in lane.queue)
        finished = [job.first for job in lane.queue if job.first is not None]
        lane.queue.clear()
        return finished

    def _moment(self, at: float) -> datetime:
        return self._now + timedelta(seconds=at)


def _failing(error: FetchError) -> str | None:
    """Return what an error says is out of order, so that a row of such errors ends the lane's turn; None: nothing.

    A name that does not resolve says nothing about the other names of the lane.
    """
    match error.reason:
        case "dns":
            return f"the name {urlsplit(error.url).hostname}"
        case "connect" | "timeout":
            return error.reason
        case _:
            return None


def _fraction(text: str) -> float:
    """Return a number from 0 to 1 that is the same for the same text in every run."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32
