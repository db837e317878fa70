"""When a source that works is asked again, and why, in words that a user can check. Pure.

wait = half the gap between new items, within the floor and a day; a longer wish of server or feed wins;
then a stable jitter, and out of the hours and days that the feed wants skipped
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from aiwire.types import Source, SourceState
from ingest.schedule.validators import has_validators

__all__ = ["MAX_WAIT_S", "Timing", "Wait", "base_wait", "in_words", "next_check", "stable_share"]

_HOUR_S, _DAY_S = 3600, 86_400
MAX_WAIT_S = 7 * _DAY_S  # of a dormant or failing source: many come back
_DAILY_AFTER = timedelta(days=30)  # without a new item
_WEEKLY_AFTER = timedelta(days=180)
_MAX_SKIP = timedelta(hours=24)  # a feed that wants every hour skipped is asked once a day all the same
_UNMOVED = 3  # whole bodies that were the same despite validators: the server takes no notice of them
_SMALL_BYTES = 64 * 1024
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Timing:
    """How the settings and the kind of run bear on every schedule."""

    floor_minutes: int = 60  # setting `check_every_minutes`
    replay: bool = False  # an archive: no back-off and no adaptive wait, the next check comes after the floor


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float
    why: str


def next_check(source: Source, state: SourceState, *, now: datetime, timing: Timing) -> tuple[datetime, str]:
    """Return the moment of the next check after a good answer, and the reason.

    Never under the floor; never over `MAX_WAIT_S` and a tenth, unless the floor itself is higher. `state` is the one
    after the answer. The user's own interval (`every_minutes`) is taken as it is, without hints and jitter.
    """
    if timing.replay:
        floor = _usual_floor(timing)
        return now + timedelta(seconds=floor), f"a replay: again after {in_words(floor)}"
    wait = base_wait(source, state, now=now, timing=timing)
    if source.every_minutes is None:
        wait = _jittered(_hinted(wait, state), source.id, floor_s=_floor(state, timing).seconds)
    due = now + timedelta(seconds=math.ceil(wait.seconds))
    latest = max(due, now + timedelta(seconds=MAX_WAIT_S) * 1.1)
    moved, skipped = _out_of_skips(due, state, latest)
    return moved, f"{wait.why}; moved to {_moment(moved)} by {skipped}" if skipped else wait.why


def base_wait(source: Source, state: SourceState, *, now: datetime, timing: Timing) -> Wait:
    """Return the wait that the source's own rhythm asks for, or the one that its user does; never under the floor."""
    floor = _floor(state, timing)
    if source.every_minutes is not None:
        return _own_wait(source.every_minutes * 60, floor, own_server=source.own_server)
    quiet = now - state.new_at if state.new_at else timedelta(0)
    if quiet > _WEEKLY_AFTER:
        return Wait(max(MAX_WAIT_S, floor.seconds), f"nothing new for {quiet.days} d: once a week")
    if quiet > _DAILY_AFTER:
        return _at_least(_DAY_S, floor, f"nothing new for {quiet.days} d: once a day")
    if state.new_gap_s is None:
        return Wait(floor.seconds, f"no rhythm of new items known yet: the least wait, {floor.why}")
    half = state.new_gap_s / 2
    why = f"new items every {in_words(state.new_gap_s)}, half is {in_words(half)}"
    if half > max(_DAY_S, floor.seconds):
        return Wait(max(_DAY_S, floor.seconds), f"{why}, at most {in_words(max(_DAY_S, floor.seconds))}")
    return _at_least(half, floor, why)


def _own_wait(seconds: int, floor: Wait, *, own_server: bool) -> Wait:
    why = f"every {in_words(seconds)} as sources.toml says"
    return Wait(seconds, why) if own_server else _at_least(seconds, floor, why)


def _at_least(seconds: float, floor: Wait, why: str) -> Wait:
    return Wait(seconds, why) if seconds >= floor.seconds else Wait(floor.seconds, f"{why}, raised to {floor.why}")


def _usual_floor(timing: Timing) -> int:
    return timing.floor_minutes * 60


def _floor(state: SourceState, timing: Timing) -> Wait:
    """Return the least wait: where no conditional request works, each check costs the server a whole body."""
    usual = _usual_floor(timing)
    if state.full_at is not None and not has_validators(state):
        fault = "the server gives no validators"
    elif state.unmoved >= _UNMOVED:
        fault = f"the server sent the same body {state.unmoved} times despite its validators"
    else:
        return Wait(usual, in_words(usual))
    small = state.body_bytes is not None and state.body_bytes < _SMALL_BYTES
    seconds = max(usual, 3 * _HOUR_S if small else _DAY_S)
    return Wait(seconds, f"{in_words(seconds)} ({fault}; {'under' if small else 'not under'} 64 KiB)")


def _hinted(wait: Wait, state: SourceState) -> Wait:
    if state.hint_s is None or state.hint_s <= wait.seconds:
        return wait
    return Wait(state.hint_s, f"{wait.why}; {state.hint_name} of {in_words(state.hint_s)} wins")


def _jittered(wait: Wait, source_id: str, *, floor_s: float) -> Wait:
    """Spread the checks of sources that have the same rhythm, by up to a tenth; the same source, the same share."""
    percent = round(198 * stable_share(source_id) - 99) / 10  # in the tenths that are shown
    seconds = wait.seconds * (1 + percent / 100)
    if seconds < floor_s:
        return wait if wait.seconds <= floor_s else Wait(floor_s, f"{wait.why}; jitter down to {in_words(floor_s)}")
    return Wait(seconds, f"{wait.why}; {percent:+g} % jitter")


def stable_share(text: str) -> float:
    """Return a number from 0 up to, without, 1 that depends on `text` only and looks drawn by lot."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()) / 2**48


def _out_of_skips(due: datetime, state: SourceState, latest: datetime) -> tuple[datetime, str]:
    """Return the first moment from `due` that is in no hour or day to skip, and what moved it ("" if nothing did).

    After `_MAX_SKIP` or at `latest` the search ends: then that is the moment.
    """
    latest = min(latest, due + _MAX_SKIP)
    moment, names = due, dict[str, None]()
    while moment < latest and (name := _skip_at(moment.astimezone(UTC), state)):
        names[name] = None
        moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return min(moment, latest), " and ".join(names)


def _skip_at(moment: datetime, state: SourceState) -> str | None:
    if moment.weekday() in state.skip_days:
        return "skipDays"
    return "skipHours" if moment.hour in state.skip_hours else None


def _moment(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{_DAYS[utc.weekday()]} {utc:%H:%M} UTC"


def in_words(seconds: float) -> str:
    """Return a duration as one reads it: "20 s", "90 min", "5.2 h", "2.5 d"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / 60:.0f} min"
    value, unit = (seconds / _HOUR_S, "h") if seconds < 2 * _DAY_S else (seconds / _DAY_S, "d")
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"
