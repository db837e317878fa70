"""What an answer teaches about its server: how long to pause between two starts, and when not to ask at all. Pure.

The pause follows the server (scrapy's AutoThrottle and Media Cloud's scheduler do the same): slow answers and errors
lengthen it, only good answers shorten it again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from aiwire.exceptions import FetchError
from aiwire.types import FetchResult, LaneState
from ingest.http.limits import FetchLimits
from ingest.http.retryafter import LONGEST, is_throttled, retry_after

__all__ = [
    "FAILURES_IN_A_ROW",
    "MAX_CRAWL_DELAY_S",
    "after_answer",
    "after_no_answer",
    "at_the_start",
    "gap_between_starts",
    "relaxed",
]

FAILURES_IN_A_ROW = 3  # without connection, or without a whole answer in time: the lane is left alone
MAX_CRAWL_DELAY_S = 600.0  # a longer one is a mistake or meant for somebody else

_SMOOTHING = 0.25  # weight of the newest latency
_TARGET_CONCURRENCY = 1.0  # requests that a server is meant to have of us at a time, on average
_RAISED_S = 30.0  # least gap after the server has asked for less
_RAISED_FOR = timedelta(hours=24)
_LEAST_BLOCK = timedelta(minutes=30)
_NO_ANSWER_BLOCK = timedelta(minutes=10)


def gap_between_starts(state: LaneState, limits: FetchLimits, now: datetime) -> float:
    """Return the seconds from the start of one request to the start of the next.

    The configured gap; more if the server is slow or has asked for less, up to `limits.max_gap_s`; more if its
    robots.txt has a Crawl-delay, up to `MAX_CRAWL_DELAY_S`.
    """
    raised = state.gap_s if state.gap_s and state.gap_until and state.gap_until > now else 0.0
    adaptive = min(max(raised, (state.latency_s or 0.0) / _TARGET_CONCURRENCY), limits.max_gap_s)
    return max(limits.host_gap_s, adaptive, min(state.crawl_delay_s or 0.0, MAX_CRAWL_DELAY_S))


def at_the_start(state: LaneState, now: datetime) -> LaneState:
    """Return the state without what has run out, or was written under a clock that was far ahead."""
    blocked = state.blocked_until is not None and now < state.blocked_until <= now + LONGEST
    ends = state.gap_until if state.gap_s is not None else None
    raised = ends is not None and now < ends <= now + LONGEST + _RAISED_FOR
    return replace(
        state,
        blocked_until=state.blocked_until if blocked else None,
        gap_s=state.gap_s if raised else None,
        gap_until=state.gap_until if raised else None,
        reason=state.reason if blocked or raised else None,
    )


def after_answer(state: LaneState, result: FetchResult, limits: FetchLimits, now: datetime) -> LaneState:
    """Return the state after any outcome: latency, and the block if the server asks for fewer requests.

    The block lasts as long as Retry-After says, from 30 minutes (also if it is missing, illegible, negative or past)
    to 7 days; afterwards the gap is doubled, to at least 30 s, for 24 hours.
    """
    learnt = replace(state, latency_s=_smoothed(state.latency_s, result))
    error = result.outcome
    if not isinstance(error, FetchError) or not is_throttled(error.status, error.headers):
        return learnt
    asked = retry_after(error.headers, now)
    wait = min(max(asked or _LEAST_BLOCK, _LEAST_BLOCK), LONGEST)
    words = "without saying for how long" if asked is None else f"for {_words(asked)}"
    return replace(
        learnt,
        blocked_until=now + wait,
        gap_s=min(max(2 * gap_between_starts(state, limits, now), _RAISED_S), limits.max_gap_s),
        gap_until=now + wait + _RAISED_FOR,
        reason=f"HTTP {error.status}: the server asks to be left alone, {words}",
    )


def after_no_answer(state: LaneState, error: FetchError, now: datetime) -> LaneState:
    """Return the state after `FAILURES_IN_A_ROW`, connections that failed or time-outs, of which `error` is the last.

    A server that lets each of its pages drip costs the whole time-out every time. Whether it is the server or our own
    network that is down cannot be seen from one lane: who sees all of them must drop this state if it was ours.
    """
    what = "time-outs" if error.reason == "timeout" else "connection failures"
    reason = f"{FAILURES_IN_A_ROW} {what} in a row, the last: {error.message}"
    return replace(state, blocked_until=now + _NO_ANSWER_BLOCK, reason=reason)


def relaxed(state: LaneState, limits: FetchLimits) -> LaneState:
    """Return the state after a run with good answers and no complaint: half the raised gap."""
    if state.gap_s is None:
        return state
    half = state.gap_s / 2
    if half > limits.host_gap_s:
        return replace(state, gap_s=half)
    return replace(state, gap_s=None, gap_until=None, reason=state.reason if state.blocked_until else None)


def _smoothed(before: float | None, result: FetchResult) -> float:
    """Return the moving average of the latency: an error may raise it and never lowers it (an error is often fast)."""
    sample = result.elapsed_ms / 1000
    good = not isinstance(result.outcome, FetchError)
    if before is None:
        return sample if good else _SMOOTHING * sample
    if sample < before and not good:
        return before
    return before + _SMOOTHING * (sample - before)


def _words(wait: timedelta) -> str:
    seconds = round(wait.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds} s"
