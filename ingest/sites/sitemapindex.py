"""A sitemap index -> the sitemaps in it that may hold something new.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from hashlib import blake2b
from urllib.parse import urlsplit

from aiwire.types import SitemapPart

__all__ = ["promising"]

_ARTICLES = re.compile(r"news|post|blog|article|press|story|stories|publication|insight|release|media-?centre", re.I)
_OTHERS = re.compile(
    r"tag|categor|author|user|image|video|product|page|attachment|taxonom|event|job|career|forum|topic|location|doc",
    re.I,
)
_WORST = 2  # rank of what is named after something else
_NUMBER = re.compile(r"\d+")
_DAY_PASSED = timedelta(hours=38)  # everywhere on earth


def promising(children: Sequence[tuple[str, datetime | None]], *, days: int, now: datetime) -> tuple[SitemapPart, ...]:
    """Return the sitemaps that may hold something new, the most promising first.

    Those changed within `days` before `now`, newest first; then, of those without a date, the ones named after
    articles, and the highest numbered: that is where a site adds. Sitemaps of tags, authors or pictures come last, and
    without a date not at all if there are others.

    Args:
        children: URL and lastmod of each sitemap.
    """
    oldest = now - timedelta(days=days)
    recent = [(url, date) for url, date in children if date is not None and date >= oldest]
    recent.sort(key=lambda child: (_rank(child[0]), -child[1].timestamp(), _age(child[0])))
    undated = sorted((url for url, date in children if date is None), key=lambda url: (_rank(url), _age(url)))
    if recent or any(_rank(url) < _WORST for url in undated):
        undated = [url for url in undated if _rank(url) < _WORST]
    dates: dict[str, datetime | None] = dict(reversed(recent))
    wanted = dict.fromkeys([*(url for url, _ in recent), *undated])
    return tuple(SitemapPart(url, _digest(url, dates.get(url), now)) for url in wanted)


def _digest(url: str, changed: datetime | None, now: datetime) -> str:
    """Return what tells one state of a sitemap from another.

    Without a date it is another one each day; with a mere day, as long as that has not passed, each hour.
    """
    if changed is None:
        state = f"{now:%Y-%m-%d}"
    elif changed.time() == time() and now - changed < _DAY_PASSED:
        state = f"{now:%Y-%m-%dT%H}"
    else:
        state = changed.isoformat()
    return blake2b(f"{url}\x1f{state}".encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _rank(url: str) -> int:
    """Return 0 if the file is named after articles, 2 if after something else, 1 if its name says nothing."""
    parts = urlsplit(url)
    name = f"{parts.path}?{parts.query}"
    return 0 if _ARTICLES.search(name) else _WORST if _OTHERS.search(name) else 1


def _age(url: str) -> tuple[int, ...]:
    """Return a key that puts the highest numbers of a name first: sitemap-2026-03 before -02, post-9 before post-8."""
    return tuple(-int(number[:18]) for number in _NUMBER.findall(urlsplit(url).path))
