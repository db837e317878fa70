"""Is it them, or is our own network down? Decided before anything is held against a source. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aiwire.exceptions import FetchError, TryLater
from aiwire.types import FetchResult
from ingest.urls import host_key

__all__ = ["Network", "is_unreachable"]

SAMPLE = 20  # hosts that answered last time and are looked at before the first verdict
LEAST_SAMPLE = 5  # of these, where a run asks no more
HOSTS_TO_BLAME_OURSELVES = 3  # so many out of reach and none in reach, with no source known to be good


class Network:
    """The verdict on our own network, formed result by result.

    Results of hosts out of reach are held back until enough is known. We are offline if more than half of the first 20
    hosts that answered last time are out of reach (of all such hosts, if they are 5 or more), or if every host is and
    so is a source that is asked for this alone.
    """

    def __init__(self, was_good: Callable[[str], bool], ask_a_good_one: Callable[[set[str]], bool | None]) -> None:
        """Take what the verdict needs.

        Args:
            was_good: whether the source of this id answered last time.
            ask_a_good_one: asks a source that answered last time, of none of these URLs; whether it answers now, None
                if there is no such source.
        """
        self._was_good = was_good
        self._ask_a_good_one = ask_a_good_one
        self._sampled: dict[str, bool] = {}  # lane -> in reach
        self._answered = False  # any host
        self._is_online = False  # the verdict is spoken

    def judged(self, results: Iterator[FetchResult]) -> Iterator[FetchResult]:
        """Yield the results; those of hosts out of reach only when it is sure that our own network is up.

        Raises:
            TryLater: it is down.
        """
        held: list[FetchResult] = []
        for result in results:
            unreachable = is_unreachable(result)
            if not _needed_no_network(result):
                self._answered |= not unreachable
                self._sample(result, unreachable)
            if not unreachable or self._is_online:
                yield result
            else:
                held.append(result)
            if not self._is_online and len(self._sampled) >= SAMPLE:
                self._judge_sample(held)
                yield from held
                held.clear()
        if held and not self._is_online:
            self._judge_rest(held)
        yield from held

    def _sample(self, result: FetchResult, unreachable: bool) -> None:
        lane = host_key(result.request.url)
        if self._was_good(result.request.source_id) and (lane in self._sampled or len(self._sampled) < SAMPLE):
            self._sampled[lane] = self._sampled.get(lane, False) or not unreachable

    def _judge_sample(self, held: list[FetchResult]) -> None:
        if 2 * sum(self._sampled.values()) < len(self._sampled):
            raise _offline(held)
        self._is_online = True

    def _judge_rest(self, held: list[FetchResult]) -> None:
        """Judge by fewer hosts than the sample wants, when there are no more."""
        if not self._answered:
            if self._is_offline({result.request.url for result in held}):
                raise _offline(held)
        elif len(self._sampled) >= LEAST_SAMPLE:
            self._judge_sample(held)

    def _is_offline(self, asked: set[str]) -> bool:
        answered = self._ask_a_good_one(asked)
        if answered is None:
            return len({host_key(url) for url in asked}) >= HOSTS_TO_BLAME_OURSELVES
        self._answered = self._is_online = answered
        return not answered


def is_unreachable(result: FetchResult) -> bool:
    """Return whether there was no connection at all."""
    return isinstance(result.outcome, FetchError) and result.outcome.reason in ("connect", "dns")


def _needed_no_network(result: FetchResult) -> bool:
    """Return whether the outcome was clear before any connection: by a robots.txt read earlier, by the address."""
    return isinstance(result.outcome, FetchError) and result.outcome.reason in ("robots", "url", "address")


def _offline(held: list[FetchResult]) -> TryLater:
    return TryLater(f"{len(held)} addresses could not be reached ({held[0].outcome}); is this machine online?")
