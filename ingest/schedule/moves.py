"""Where a source has moved: which permanent redirects are believed, and when a believed one is given up. Pure.

A redirect says "permanent" (301, 308) more often than it means it: a maintenance page, a log-in wall, a misconfigured
proxy. So the address changes only after the same target was seen several times in a row, over days, and could be read.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from aiwire.types import ErrorClass, NotModified, Response, Source, SourceState
from ingest.urls import host_key

__all__ = ["address", "follow_redirects", "give_up_move", "move_of"]

_PERMANENT = frozenset([301, 308])  # RFC 9110 15.4
_SIGHTINGS = 3
_OVER = timedelta(hours=48)
_MISSES = 3  # at a new address, before the old one is asked again
_NOTHING_THERE: frozenset[ErrorClass | None] = frozenset(["missing", "gone"])


def address(source: Source, state: SourceState) -> str:
    """Return the URL that is asked: the declared one, or where it has moved for good."""
    return state.moved_to or source.url


def follow_redirects(
    source: Source, state: SourceState, answer: Response | NotModified, *, now: datetime
) -> SourceState:
    """Return the state after the redirects of a good answer; only one within the same registrable domain is believed.

    A target in another domain is never asked directly but named in `suggestion`: a domain that was sold or hijacked
    redirects, too. `suggestion` goes when the redirect does.
    """
    asked = address(source, state)
    target = answer.final_url
    if not answer.hops or target == asked or any(hop.status not in _PERMANENT for hop in answer.hops):
        return replace(state, redirect_to=None, redirect_since=None, redirect_count=0, suggestion=None)
    again = target == state.redirect_to
    since = min(state.redirect_since, now) if again and state.redirect_since else now
    count = state.redirect_count + 1 if again else 1
    seen = replace(state, redirect_to=target, redirect_since=since, redirect_count=count, suggestion=None)
    if count < _SIGHTINGS or now - since < _OVER:
        return seen
    if host_key(target) != host_key(asked):
        return replace(seen, suggestion=target)
    moved_to = None if target == source.url else target
    return replace(seen, moved_to=moved_to, redirect_to=None, redirect_since=None, redirect_count=0)


def give_up_move(before: SourceState, failed: SourceState) -> SourceState:
    """Return `failed`, back at the declared URL if nothing is at the new address any more.

    That is at the third failure in a row if this and the one before say so. The validators go: they are those of the
    other address, and a 304 to them would hide what is here.
    """
    lost = failed.error_class in _NOTHING_THERE and before.error_class in _NOTHING_THERE
    if failed.moved_to is None or failed.error_count < _MISSES or not lost:
        return failed
    return replace(
        failed, moved_to=None, redirect_to=None, redirect_since=None, redirect_count=0, etag=None, last_modified=None
    )


def move_of(before: SourceState, after: SourceState, source: Source) -> tuple[str, str] | None:
    """Return the address before and after a check that moved the source for good, or back; None if it did not."""
    addresses = address(source, before), address(source, after)
    return None if addresses[0] == addresses[1] else addresses
