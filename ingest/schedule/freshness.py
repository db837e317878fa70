"""How fast a source changes: the rhythm of its new items, and the wishes of server and feed about when to ask. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from statistics import median

from aiwire.types import FeedHints, NotModified, Response, SourceState

__all__ = ["MAX_HINT_S", "Check", "keep_hints", "keep_rhythm"]

MAX_HINT_S = 86_400  # feeds that ask for more are misconfigured more often than slow
_ABSURD_S = 366 * 86_400  # more than a year is no wish but a mistake (RFC 2616 14.21 allowed a year)
_ALPHA = 0.2  # weight of the newest gap
_DATED_ITEMS = 20  # of a first document, the newest: what a feed did years ago says little
_DOCUMENT_HINTS = ("ttl", "sy:updatePeriod")
_DIRECTIVE = re.compile(r"([\w-]+)(?:\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^\s,;\"]+))?", re.ASCII)  # RFC 9111 5.2
_DIGITS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Check:
    """What a good answer brought."""

    entries: int | None  # in the document; None for 304
    new: tuple[datetime, ...]  # the dates that count of the items that were new, in any order
    hints: FeedHints | None  # None for 304 and listings
    first: bool  # nothing of this source was read before


# ---------------------------------------------------------------- rhythm


def keep_rhythm(state: SourceState, check: Check, *, now: datetime) -> SourceState:
    """Return the state with the smoothed gap between new items and the time of the last one.

    The first document tells by the dates of its items: the median of their gaps. Later, the time since the last new
    item is shared among the new ones; one burst is one step, so that it does not overturn the rhythm of months.
    """
    if check.first:
        # An item that had no date counts from now: that is no date of its own.
        dates = sorted({moment for moment in check.new if moment < now})[-_DATED_ITEMS:]
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(dates)]
        return replace(state, new_gap_s=median(gaps) if gaps else None, new_at=dates[-1] if dates else now)
    if state.new_at is None:  # from here on something new can be waited for
        return replace(state, new_at=now)
    if not check.new:
        return state
    gap = (now - state.new_at).total_seconds() / len(check.new)
    if gap <= 0:  # the clock was set back
        return replace(state, new_at=now)
    smoothed = gap if state.new_gap_s is None else state.new_gap_s + _ALPHA * (gap - state.new_gap_s)
    return replace(state, new_gap_s=smoothed, new_at=now)


# ---------------------------------------------------------------- hints


def keep_hints(
    state: SourceState, answer: Response | NotModified, hints: FeedHints | None, *, now: datetime
) -> SourceState:
    """Return the state with the longest of the waits that the headers and the feed ask for, and what asked for it.

    `hints` None means that no new document was read: what the last one said still holds, and so do its hours and days
    to skip. A 304 often has no word on freshness: then the earlier answer's holds (RFC 9111 4.3.4).
    """
    asked = [*_of_headers(answer.headers, now), *_of_document(hints)]
    if state.hint_s is not None and state.hint_name is not None:
        silent = isinstance(answer, NotModified) and not {"cache-control", "expires"} & answer.headers.keys()
        if hints is None if state.hint_name in _DOCUMENT_HINTS else silent:
            asked.append((state.hint_s, state.hint_name))
    seconds, name = max(asked, key=lambda hint: hint[0], default=(None, None))
    kept = replace(state, hint_s=seconds, hint_name=name)
    if hints is None:
        return kept
    return replace(kept, skip_hours=hints.skip_hours, skip_days=hints.skip_days, hub=hints.hub)


def _of_document(hints: FeedHints | None) -> Iterator[tuple[int, str]]:
    if hints is None:
        return
    for seconds, name in zip((hints.ttl_s, hints.period_s), _DOCUMENT_HINTS, strict=True):
        if seconds is not None:
            yield from _sensible(seconds, name)


def _of_headers(headers: Mapping[str, str], now: datetime) -> Iterator[tuple[int, str]]:
    """Yield the freshness lifetime (RFC 9111 4.2.1) if the answer has one that counts; s-maxage is for shared caches.

    Expires counts only without Cache-Control: with it, the older header is a leftover for HTTP/1.0.
    """
    if "cache-control" in headers:
        directives: dict[str, str | None] = {}
        for match in _DIRECTIVE.finditer(headers["cache-control"]):
            directives.setdefault(match[1].lower(), match[2])  # of a repeated one, the first counts
        # no-cache="field" speaks of that field only (RFC 9111 5.2.2.4).
        if "no-store" in directives or directives.get("no-cache", "") is None:
            return
        age = (directives.get("max-age") or "").strip('"')
        if _DIGITS.fullmatch(age):
            yield from _sensible(int(age), "max-age")
    elif (until := _http_date(headers.get("expires"))) is not None:
        yield from _sensible(int((until - (_http_date(headers.get("date")) or now)) / timedelta(seconds=1)), "Expires")


def _sensible(seconds: int, name: str) -> Iterator[tuple[int, str]]:
    if 0 < seconds <= _ABSURD_S:
        yield min(seconds, MAX_HINT_S), name


def _http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
