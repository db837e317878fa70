"""When a source is checked again, and what it leaves behind for that: HTTP validators, errors, the reason in words.

Pure: values and `now` in, a new `SourceState` out.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

from aiwire.exceptions import FetchError, ParseError, SourceError
from aiwire.types import NotModified, Response, Source, SourceState

__all__ = ["MAX_DELAY", "after_failure", "after_success", "is_due"]

MAX_DELAY = timedelta(days=7)  # a source that has failed for long is still tried weekly: many come back
_MAX_DOUBLINGS = 20  # far past MAX_DELAY for any interval; keeps 2**n small


def is_due(source: Source, state: SourceState | None, now: datetime) -> bool:
    """Return whether an enabled source is to be checked; one that never was, is."""
    return source.enabled and (state is None or state.next_check_at is None or state.next_check_at <= now)


def after_success(
    state: SourceState, answer: Response | NotModified, *, now: datetime, every_minutes: int
) -> SourceState:
    """Return the state after an answer that could be used.

    The validators of the answer are stored verbatim, even if the body is the same as before; a 200 without them clears
    them, a 304 without them keeps those that we have (RFC 9110 15.4.5).
    """
    not_modified = isinstance(answer, NotModified)
    wait = timedelta(minutes=every_minutes)
    return dataclasses.replace(
        state,
        etag=answer.headers.get("etag", state.etag if not_modified else None),
        last_modified=answer.headers.get("last-modified", state.last_modified if not_modified else None),
        checked_at=now,
        ok_at=now,
        next_check_at=now + wait,
        next_check_reason=f"every {_words(wait)}",
        error_count=0,
        error=None,
    )


def after_failure(state: SourceState, error: SourceError, *, now: datetime, every_minutes: int) -> SourceState:
    """Return the state after a failed check: the wait doubles with each failure in a row, up to `MAX_DELAY`.

    A miss in a replay says nothing about the source: no counter rises. A body that could not be parsed loses its
    validators, so that the next answer is a whole one and no 304 hides what we never read.
    """
    wait = timedelta(minutes=every_minutes)
    if isinstance(error, FetchError) and error.reason == "not-in-archive":
        reason = f"not in the archive; every {_words(wait)}"
        return dataclasses.replace(
            state, checked_at=now, next_check_at=now + wait, next_check_reason=reason, error=error.message
        )
    failures = state.error_count + 1
    delay = max(wait, min(MAX_DELAY, wait * 2 ** min(failures - 1, _MAX_DOUBLINGS)))
    unparsed = isinstance(error, ParseError)
    return dataclasses.replace(
        state,
        etag=None if unparsed else state.etag,
        last_modified=None if unparsed else state.last_modified,
        checked_at=now,
        next_check_at=now + delay,
        next_check_reason=f"{_class(error)}, failure {failures} in a row: again after {_words(delay)}",
        error_count=failures,
        error=error.message,
    )


def _class(error: SourceError) -> str:
    if isinstance(error, FetchError):
        return f"status {error.status}" if error.status else error.reason
    return "not readable as a feed" if isinstance(error, ParseError) else "failed"


def _words(wait: timedelta) -> str:
    """Return a duration in its largest whole unit: `90 min`, `2 h`, `7 d`."""
    minutes = int(wait.total_seconds() // 60)
    if minutes >= 2 * 1440 and minutes % 1440 == 0:
        return f"{minutes // 1440} d"
    return f"{minutes // 60} h" if minutes >= 60 and minutes % 60 == 0 else f"{minutes} min"
