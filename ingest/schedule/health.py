"""The health of a source: the class of an error, how long it makes us wait, and documents that have shrunk. Pure.

Nothing is ever switched off in silence: the longest wait is a week, but for a source that said twice, a day apart,
that it is gone; that one has a status of its own.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

from aiwire.exceptions import FetchError, OptOutError, ParseError, SourceError
from aiwire.types import ErrorClass, SourceState, SourceStatus
from ingest.http.retryafter import is_throttled, retry_after
from ingest.schedule.interval import MAX_WAIT_S, Wait, in_words, stable_share

__all__ = ["classify", "count_failure", "count_success", "retry_wait"]

_HOUR_S, _DAY_S = 3600, 86_400
_WEIGHTS: dict[ErrorClass, float] = {
    "temp": 0.5,
    "throttled": 0.25,
    "blocked": 1.0,
    "missing": 1.0,
    "gone": 0.0,
    "parse": 0.5,
    "refused": 1.0,
    "absent": 0.0,
}
_STATUSES: dict[ErrorClass, SourceStatus] = {
    "throttled": "throttled",
    "blocked": "blocked",
    "missing": "missing",
    "gone": "missing",
}  # of the others: failing
_STEPS_S: dict[ErrorClass, tuple[int, ...]] = {
    "blocked": (6 * _HOUR_S, _DAY_S, 3 * _DAY_S, MAX_WAIT_S),
    "missing": (6 * _HOUR_S, _DAY_S, MAX_WAIT_S),
}
_LEAST_THROTTLED_S = 30 * 60
_MAX_DOUBLINGS = 20.0  # far past a week from any wait; keeps 2**n small
_GONE_AFTER = timedelta(hours=24)  # between two 410
_WEEKLY_AFTER = timedelta(days=90)
_SHRUNK_BY = 5
_SHRUNK_FOR = timedelta(days=7)  # after that, the new size is the normal one


# ---------------------------------------------------------------- errors


def classify(error: SourceError) -> ErrorClass:
    """Return the class of an error: what it says about the source, and so how long to wait."""
    if isinstance(error, FetchError):
        return _class_of_fetch(error)
    if isinstance(error, OptOutError):
        return "refused"
    is_page = isinstance(error, ParseError) and error.message.startswith("an HTML page")
    return "missing" if is_page else "parse"


def _class_of_fetch(error: FetchError) -> ErrorClass:
    match error.reason:
        case "not-in-archive":
            return "absent"
        case "url" | "address" | "robots":
            return "refused"
        case "redirect" if error.message.startswith("redirect to"):  # a target that we do not ask
            return "refused"
        case "status":
            return _class_of_status(error)
        case _:
            return "temp"


def _class_of_status(error: FetchError) -> ErrorClass:
    if error.headers.get("cf-mitigated", "").strip().lower() == "challenge":  # whatever the status
        return "blocked"
    if is_throttled(error.status, error.headers):
        return "throttled"
    match error.status:
        case 401 | 403 | 451:
            return "blocked"
        case 404:
            return "missing"
        case 410:
            return "gone"
        case _:
            return "temp"


def count_failure(state: SourceState, error: SourceError, *, now: datetime, replay: bool = False) -> SourceState:
    """Return the state with the failure counted; schedule and redirects are left as they are.

    A miss in an archive says nothing about the source: no counter rises. A body that could not be read takes the
    validators with it, so that the next answer is a whole one and no 304 hides what we never read. A recorded 410 is
    the same answer each time: a replay never concludes from it that a source is gone.
    """
    kind = classify(error)
    if kind == "absent":
        return replace(state, error_class=kind, error=error.message)
    unread = kind == "parse"
    gone_at = _first_gone(state, kind, now)
    gone = state.status == "gone" or (
        kind == "gone" and gone_at is not None and now - gone_at >= _GONE_AFTER and not replay
    )
    return replace(
        state,
        etag=None if unread else state.etag,
        last_modified=None if unread else state.last_modified,
        status="gone" if gone else _STATUSES.get(kind, "failing"),
        error_class=kind,
        error_count=state.error_count + 1,
        error_weight=state.error_weight + _WEIGHTS[kind],
        error=error.message,
        failing_since=_earlier(state.failing_since, now),
        gone_at=gone_at,
    )


def _first_gone(state: SourceState, kind: ErrorClass, now: datetime) -> datetime | None:
    """Return when the row of 410 began. An answer of another kind ends it, no answer does not.

    At an address that the source had moved to, 410 leads back to its own first (`ingest.schedule.moves`).
    """
    if kind == "gone":
        return None if state.moved_to else _earlier(state.gone_at, now)
    return None if kind in ("missing", "blocked", "parse") else state.gone_at


def _earlier(moment: datetime | None, now: datetime) -> datetime:
    """Return when something began; a beginning in the future was written under a wrong clock."""
    return now if moment is None else min(moment, now)


def retry_wait(failed: SourceState, error: SourceError, *, base_s: float, least_s: float, now: datetime) -> Wait:
    """Return how long to wait after a failure, from `least_s` to `MAX_WAIT_S`, and the reason.

    Args:
        failed: the state with this failure counted.
        error: what happened.
        base_s: the wait of the source's own rhythm, which is doubled again and again.
        least_s: the wait after a success: no failure makes us ask more often.
        now: when.
    """
    what = f"{_what(error)}, failure {failed.error_count} in a row"
    if failed.failing_since is not None and now - failed.failing_since > _WEEKLY_AFTER:
        return Wait(MAX_WAIT_S, f"{what}, for {(now - failed.failing_since).days} d: once a week")
    kind = classify(error)
    before, doubled = (
        _doubled(base_s, weight) for weight in (failed.error_weight - _WEIGHTS[kind], failed.error_weight)
    )
    asked = _asked_for(error, kind, now)
    if asked:
        what += f", the server asks for {in_words(asked)}"
    match kind:
        case "blocked" | "missing":
            steps = _STEPS_S[kind]
            seconds: float = steps[min(int(failed.error_weight), len(steps)) - 1]
        case "gone":
            seconds = _until_second_gone(failed, now)
        case "throttled":
            seconds = max(doubled, _LEAST_THROTTLED_S, asked)
        case _:
            # Drawn by lot above the longest wait of the failure before, so that many that failed at once part.
            seconds = max(asked, before + (doubled - before) * stable_share(f"{failed.source_id} {failed.error_count}"))
    seconds = min(math.ceil(max(seconds, least_s)), MAX_WAIT_S)
    return Wait(seconds, f"{what}: again after {in_words(seconds)}")


def _doubled(base_s: float, weight: float) -> float:
    return min(base_s * 2 ** min(weight, _MAX_DOUBLINGS), MAX_WAIT_S)


def _asked_for(error: SourceError, kind: ErrorClass, now: datetime) -> float:
    """Return the seconds that the server asks for, where that is about when to come again; 0 if it does not."""
    if kind not in ("throttled", "temp") or not isinstance(error, FetchError):
        return 0
    asked = retry_after(error.headers, now)
    return asked.total_seconds() if asked else 0


def _until_second_gone(failed: SourceState, now: datetime) -> float:
    left = _GONE_AFTER - (now - failed.gone_at) if failed.gone_at else _GONE_AFTER
    return left.total_seconds() if left > timedelta(0) else _GONE_AFTER.total_seconds()


def _what(error: SourceError) -> str:
    if isinstance(error, FetchError):
        return f"HTTP {error.status}" if error.status else error.reason
    if not isinstance(error, ParseError):
        return "failed"
    return "a page instead of a feed" if classify(error) == "missing" else "not readable"


# ---------------------------------------------------------------- successes


def count_success(state: SourceState, entries: int | None, *, now: datetime) -> SourceState:
    """Return the state with nothing left of earlier failures, and with the document's size weighed.

    A document that has lost most of its entries, or all, makes the source suspicious: a fault of the publisher more
    often than a new habit. The size from before is kept until the document is normal again or a week has passed.
    `entries` None: the document is the one from before.
    """
    since = state.suspicious_since
    if entries is not None:
        since = _earlier(since, now) if _has_shrunk(state.entries, entries) else None
        if since is not None and now - since > _SHRUNK_FOR:
            since = None
        state = replace(state, entries=entries if since is None else state.entries)
    return replace(
        state,
        status="ok" if since is None else "suspicious",
        suspicious_since=since,
        error_class=None,
        error_count=0,
        error_weight=0.0,
        error=None,
        failing_since=None,
        gone_at=None,
    )


def _has_shrunk(before: int | None, entries: int) -> bool:
    """Return whether at most a fifth is left; of fewer than five entries, that is none."""
    return before is not None and before > 0 and entries <= before // _SHRUNK_BY
