"""The validators of a source (RFC 9110 8.8) and whether they can be believed. Pure.

They are kept to the letter and renewed by every answer, same body or not. A server can lie with them: it repeats a
strong ETag for another document, or goes on saying 304 for one that has changed. The first shows by itself; the second
is found by asking without validators now and then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b

from aiwire.exceptions import FetchError, SourceError
from aiwire.types import NotModified, Response, SourceState

__all__ = ["forget_refused_validators", "has_validators", "is_the_same_body", "keep_validators", "wants_whole"]

_PERIOD = timedelta(hours=24)  # at most one request without validators in it
_USUAL_GAPS = 4  # a silence of so many gaps between new items makes a row of 304 doubtful
_LONGEST_PATIENCE = timedelta(days=30)  # with a source that has been quiet for long
_MAX_CHARS = 1_000  # of one validator: servers refuse requests with long headers, many at 8 kB
_REFUSALS = frozenset([400, 413, 431])  # what they refuse them with (RFC 6585 5, and older habits)


def has_validators(state: SourceState) -> bool:
    """Return whether a conditional request can be made."""
    return bool(state.etag or state.last_modified)


def wants_whole(state: SourceState, now: datetime) -> bool:
    """Return whether the next request leaves out the validators that we have, so that a lying 304 is found out.

    That is when the last whole body has become too old, and then once in 24 hours until one has come. Given the state
    before the check and the same `now`, this also says afterwards how the request was made.
    """
    if not has_validators(state):
        return False
    if state.full_at is None or state.full_at > now:  # written by an older version or under a wrong clock
        return True
    patience = _patience(state, state.full_at)
    before = (state.checked_at or state.full_at) - state.full_at
    return _tries(now - state.full_at, patience) > _tries(before, patience)


def _patience(state: SourceState, full_at: datetime) -> timedelta:
    """Return how long 304 is believed after a whole body.

    A whole body without anything new was a 304 that told the truth: after it, the wait is as long again as the source
    had been quiet. Else a feed that sleeps would be sent whole every day, for ever.
    """
    if not state.validators_trusted:
        return _PERIOD
    usual = timedelta(seconds=_USUAL_GAPS * state.new_gap_s) if state.new_gap_s else _PERIOD
    quiet = full_at - state.new_at if state.new_at else _PERIOD
    return max(_PERIOD, usual, min(quiet, _LONGEST_PATIENCE))


def _tries(silence: timedelta, patience: timedelta) -> int:
    """Return how many whole bodies were to be asked for in `silence`."""
    return 0 if silence <= patience else 1 + (silence - patience) // _PERIOD


def is_the_same_body(state: SourceState, body: bytes) -> bool:
    """Return whether a body is the last one that was read, so that there is no need to read it again.

    Never while the source is suspicious: its document has to be weighed again, or the new size would never be believed.
    """
    return state.suspicious_since is None and state.body_hash == _hash(body)


def _hash(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()


def keep_validators(state: SourceState, answer: Response | NotModified, *, now: datetime) -> SourceState:
    """Return the state with the validators of an answer, verbatim, and what its body says about them.

    A 200 without validators clears them, a 304 without them keeps those that we have (RFC 9110 15.4.5). One that is too
    long to be sent back counts as none.
    """
    etag, last_modified = (_validator(answer, name) for name in ("etag", "last-modified"))
    if isinstance(answer, NotModified):
        return replace(state, etag=etag or state.etag, last_modified=last_modified or state.last_modified, unmoved=0)
    body_hash = _hash(answer.body)
    conditional = _is_conditional(state, now)
    lied = _lied(state, body_hash, etag, last_modified, conditional=conditional)
    return replace(
        state,
        etag=etag,
        last_modified=last_modified,
        validators_trusted=state.validators_trusted and not lied,
        body_hash=body_hash,
        body_bytes=len(answer.body),
        full_at=now,
        unmoved=(state.unmoved + 1 if body_hash == state.body_hash else 0) if conditional else state.unmoved,
    )


def forget_refused_validators(state: SourceState, error: SourceError, *, now: datetime) -> SourceState:
    """Return the state without validators if a request that carried them was refused as too large or malformed.

    They may be the reason, and then every request with them would be refused again, for ever.
    """
    refused = isinstance(error, FetchError) and error.status in _REFUSALS
    return replace(state, etag=None, last_modified=None) if refused and _is_conditional(state, now) else state


def _is_conditional(state: SourceState, now: datetime) -> bool:
    """Return whether the check of this `now` was made with validators; `state` is the one from before it."""
    return has_validators(state) and not wants_whole(state, now)


def _validator(answer: Response | NotModified, name: str) -> str | None:
    value = answer.headers.get(name)
    return value if value and len(value) <= _MAX_CHARS else None


def _lied(
    state: SourceState, body_hash: str, etag: str | None, last_modified: str | None, *, conditional: bool
) -> bool:
    """Return whether the server gave the validators of the last body to another one."""
    if state.body_hash in (None, body_hash):
        return False
    if etag and etag == state.etag and not etag.startswith("W/"):  # strong: byte for byte (RFC 9110 8.8.1)
        return True
    # A conditional request was answered rightly, with a whole body. Without one, 304 would have hidden this body.
    return not conditional and has_validators(state) and (etag, last_modified) == (state.etag, state.last_modified)
