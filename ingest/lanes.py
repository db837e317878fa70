"""The order in which requests start: one at a time per lane, with a gap between starts. Pure: time is an argument."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable

from aiwire.types import Request
from ingest.urls import host_key

__all__ = ["Lanes"]


class Lanes:
    """Requests that wait, by lane (`host_key`). Of the lanes that may start one, the earliest request goes first.

    So with one request at a time and no gap, the order is the order of the requests.
    """

    def __init__(self, requests: Iterable[Request], *, gap_s: float) -> None:
        self._gap_s = gap_s
        self._queues: dict[str, deque[tuple[int, Request]]] = {}
        for position, request in enumerate(requests):
            self._queues.setdefault(host_key(request.url), deque()).append((position, request))
        self._free = [(queue[0][0], key) for key, queue in self._queues.items()]  # heap: position of the next request
        heapq.heapify(self._free)
        self._resting: list[tuple[float, str]] = []  # heap: when the lane's gap ends
        self._started: dict[str, float] = {}  # lanes with a request under way
        self._waiting = sum(map(len, self._queues.values()))

    def __len__(self) -> int:
        """The number of requests that have not started."""
        return self._waiting

    def take(self, now: float) -> tuple[str, Request] | None:
        """Start the next request: its lane and itself; None if no lane is free."""
        while self._resting and self._resting[0][0] <= now:
            _, key = heapq.heappop(self._resting)
            heapq.heappush(self._free, (self._queues[key][0][0], key))
        if not self._free:
            return None
        _, key = heapq.heappop(self._free)
        self._started[key] = now
        self._waiting -= 1
        return key, self._queues[key].popleft()[1]

    def done(self, key: str) -> None:
        """The lane's request has ended: the next may start a gap after that one's start."""
        started = self._started.pop(key)
        if self._queues[key]:
            heapq.heappush(self._resting, (started + self._gap_s, key))

    def next_at(self) -> float | None:
        """When the next resting lane is free; None if no lane rests."""
        return self._resting[0][0] if self._resting else None
