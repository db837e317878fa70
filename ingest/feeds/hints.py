"""What a feed says about when to ask again: ttl, the syndication module, skipHours, skipDays, a WebSub hub.

Hints are written by hand and copied from templates: what makes no sense is left out, never an error.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lxml import etree

from aiwire.types import FeedHints
from ingest.links import absolute_url

__all__ = ["feed_hints", "make_hints"]

_ANY = re.compile(rb"ttl|update(?:period|frequency)|skip(?:hours|days)|hub", re.I)
_NUMBER = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})(?![\w.])")
_HOUR_S, _DAY_S = 3600, 86_400
_LONGEST_S = 366 * _DAY_S
_PERIODS_S = {  # http://purl.org/rss/1.0/modules/syndication/, by the first letters of the words
    "hour": _HOUR_S,
    "dai": _DAY_S,
    "day": _DAY_S,
    "week": 7 * _DAY_S,
    "month": 30 * _DAY_S,
    "year": 365 * _DAY_S,
}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def feed_hints(header: bytes, url: str | None = None) -> FeedHints:
    """Return the hints of an RSS or Atom document.

    Args:
        header: the document in UTF-8, without its items or cut off before them; it need not be well-formed.
        url: where it was found: the base of relative links.
    """
    if not _ANY.search(header):
        return FeedHints()
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(header, parser)
    except (etree.LxmlError, ValueError):
        return FeedHints()
    if root is None:
        return FeedHints()
    texts: dict[str, list[str]] = {}
    hubs: list[str | None] = []
    for element in root.iter("{*}*"):
        name = re.split("[}:]", str(element.tag))[-1].lower()  # a recovered name may hold its prefix
        if name == "link" and "hub" in (element.get("rel") or "").lower().split():
            hubs.append(absolute_url(element.get("href"), url))
        elif name in ("ttl", "updateperiod", "updatefrequency", "hour", "day"):
            texts.setdefault(name, []).append(element.text or "")
    return make_hints(texts, hubs)


def make_hints(texts: dict[str, list[str]], hubs: Iterable[str | None] = ()) -> FeedHints:
    """Return the hints of element texts by local name in lower case; the first of each counts, of hours and days all.

    Hours are 0..23, and 24 as RSS 0.91 has it; days are English names. Both in UTC.
    """
    hours = {
        int(number) % 24 for text in texts.get("hour", ()) if (number := _number(text)) is not None and number <= 24
    }
    days = {_DAYS.index(text.strip().lower()[:3]) for text in texts.get("day", ()) if text.strip().lower()[:3] in _DAYS}
    return FeedHints(
        ttl_s=_ttl(next(iter(texts.get("ttl", ())), "")),
        period_s=_period(texts),
        skip_hours=tuple(sorted(hours)) if len(hours) < 24 else (),  # "never" is not meant
        skip_days=tuple(sorted(days)) if len(days) < 7 else (),
        hub=next(filter(None, hubs), None),
    )


def _number(text: str) -> float | None:
    match = _NUMBER.match(text)
    return float(match[1]) if match else None


def _ttl(text: str) -> int | None:
    """Return the seconds of an RSS 2.0 ttl, which is in minutes."""
    return _sensible((_number(text) or 0) * 60)


def _period(texts: dict[str, list[str]]) -> int | None:
    if not texts.get("updateperiod") and not texts.get("updatefrequency"):
        return None
    word = next(iter(texts.get("updateperiod", ())), "daily").strip().lower()
    period = next((seconds for start, seconds in _PERIODS_S.items() if word.startswith(start)), None)
    times = _number(next(iter(texts.get("updatefrequency", ())), "1"))
    return _sensible(period / times) if period and times else None


def _sensible(seconds: float) -> int | None:
    return round(seconds) if 60 <= seconds <= _LONGEST_S else None
