"""When a source is checked again, how it is asked, and what each check leaves behind for the next one.

Put together from: `validators`, `freshness` (rhythm and hints), `interval` (the wait), `moves` (redirects) and
`health` (errors). Pure: values and `now` in, a new `SourceState` out. All checks of one run have one `now`:
`after_success` works out with it how `request_for` had asked.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

from aiwire.exceptions import SourceError
from aiwire.types import NotModified, Request, Response, Source, SourceState
from ingest.schedule.freshness import Check, keep_hints, keep_rhythm
from ingest.schedule.health import classify, count_failure, count_success, retry_wait
from ingest.schedule.interval import Timing, Wait, base_wait, in_words, next_check
from ingest.schedule.moves import address, follow_redirects, give_up_move, move_of
from ingest.schedule.validators import forget_refused_validators, is_the_same_body, keep_validators, wants_whole

__all__ = [
    "Check",
    "Timing",
    "after_failure",
    "after_success",
    "classify",
    "is_due",
    "is_the_same_body",
    "move_of",
    "overdue_ratio",
    "request_for",
]

_CLOCK_ERROR = timedelta(days=1)


def is_due(source: Source, state: SourceState | None, now: datetime) -> bool:
    """Return whether an enabled source is to be checked; one that never was, is; one that is gone is not.

    So is one whose last check lies in the future: the clock was wrong then, and so is the plan made with it.
    """
    if not source.enabled or (state is not None and state.status == "gone"):
        return False
    if state is None or state.next_check_at is None or state.next_check_at <= now:
        return True
    return state.checked_at is not None and state.checked_at - now > _CLOCK_ERROR


def overdue_ratio(state: SourceState, now: datetime) -> float:
    """Return how late a check is, in parts of the wait that was planned: 0 just now, 1 one whole wait ago.

    Infinite for a source that was never checked; below 0 for one that is not due.
    """
    if state.next_check_at is None:
        return math.inf
    planned = state.next_check_at - (state.checked_at or state.next_check_at)
    return (now - state.next_check_at) / max(planned, timedelta(seconds=1))


def request_for(source: Source, state: SourceState, now: datetime) -> Request:
    """Return the request of the next check: where the source has moved to, with the validators that we have.

    Now and then a source that answers only 304 is asked without them (`wants_whole`).
    """
    whole = wants_whole(state, now)
    return Request(
        url=address(source, state),
        source_id=source.id,
        purpose=source.kind,
        etag=None if whole else state.etag,
        last_modified=None if whole else state.last_modified,
    )


def after_success(
    source: Source,
    state: SourceState,
    answer: Response | NotModified,
    check: Check,
    *,
    now: datetime,
    timing: Timing,
) -> SourceState:
    """Return the state after an answer that could be used: a document that was read, or one that had not changed."""
    read = keep_validators(state, answer, now=now)
    read = keep_hints(read, answer, check.hints, now=now)
    read = keep_rhythm(read, check, now=now)
    read = follow_redirects(source, read, answer, now=now)
    read = count_success(read, check.entries, now=now)
    due, why = next_check(source, read, now=now, timing=timing)
    return replace(read, checked_at=now, ok_at=now, next_check_at=due, next_check_reason=why)


def after_failure(
    source: Source, state: SourceState, error: SourceError, *, now: datetime, timing: Timing
) -> SourceState:
    """Return the state after a failed check: counted by its class, and asked again later each time.

    A source that is gone has no next check; its reason says how to ask all the same.
    """
    asked = forget_refused_validators(state, error, now=now)
    failed = replace(count_failure(asked, error, now=now, replay=timing.replay), checked_at=now)
    if failed.status == "gone":
        why = "gone: HTTP 410 twice, a day apart; not asked any more, `aiwire run --force` asks"
        return replace(failed, next_check_at=None, next_check_reason=why)
    kept = give_up_move(state, failed)
    wait = _wait_after(source, state, kept, error, now=now, timing=timing)
    return replace(kept, next_check_at=now + timedelta(seconds=wait.seconds), next_check_reason=wait.why)


def _wait_after(
    source: Source, before: SourceState, failed: SourceState, error: SourceError, *, now: datetime, timing: Timing
) -> Wait:
    floor = timing.floor_minutes * 60
    if failed.error_class == "absent":
        return Wait(floor, f"not in the archive: again after {in_words(floor)}")
    if timing.replay:
        return Wait(floor, f"{failed.error_class} in a replay: again after {in_words(floor)}")
    # Of the state before: a body that could not be read has just lost us the validators, but not the server.
    base = base_wait(source, before, now=now, timing=timing)
    if failed.moved_to != before.moved_to:
        seconds = math.ceil(base.seconds)
        return Wait(seconds, f"nothing at {before.moved_to} any more: {source.url} again after {in_words(seconds)}")
    hint_s = before.hint_s or 0 if source.every_minutes is None else 0
    return retry_wait(failed, error, base_s=base.seconds, least_s=max(base.seconds, hint_s), now=now)
