"""What parsing and extraction make of a document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = ["Enclosure", "Entry", "Extracted", "FeedHints", "ParseMode", "ParsedFeed", "SeenItem", "SitemapPart"]

ParseMode = Literal["delta", "full", "repaired", "json", "listing", "sitemap"]


@dataclass(frozen=True, slots=True)
class Enclosure:
    url: str
    type: str | None = None
    length: int | None = None  # bytes, as declared


@dataclass(frozen=True, slots=True)
class FeedHints:
    """What a feed says about when to ask again."""

    ttl_s: int | None = None  # RSS 2.0 ttl
    period_s: int | None = None  # sy:updatePeriod / sy:updateFrequency (RSS 1.0 syndication module)
    skip_hours: tuple[int, ...] = ()  # 0..23, UTC
    skip_days: tuple[int, ...] = ()  # 0 is Monday
    hub: str | None = None  # WebSub (link rel="hub")


@dataclass(frozen=True, slots=True)
class SeenItem:
    """An item of a source's last document: what the next parse needs to leave it out and to tell others from it."""

    digest: str  # of its bytes and of all around it that can change its meaning
    page: str  # digest of the URL of its page, without fragment (`aiwire.pipeline.identity`)
    key: str  # digest of its guid, else of its words
    words: str  # digest of its title or text, else of its guid
    fragment: str = ""  # of its URL


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a feed or listing page, as its publisher gives it. `summary` and `content` may hold HTML."""

    guid: str | None
    url: str | None  # absolute; None if the item names none
    title: str  # plain text, one line; "" if the item has none
    author: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    date_source: str | None = None  # what gave the date: published, updated, created, lastmod, url; None without one
    summary: str | None = None
    content: str | None = None
    language: str | None = None
    enclosures: tuple[Enclosure, ...] = ()
    digest: str | None = None  # as `SeenItem.digest`; None: the document was not split


@dataclass(frozen=True, slots=True)
class SitemapPart:
    """A sitemap that an index names."""

    url: str
    digest: str  # of the URL and of what the index says of its last change: read once, it need not be read again


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A feed document or listing page and its entries, in document order."""

    title: str | None
    url: str | None  # of the web site
    language: str | None
    kind: str  # rss20, rss10, rss091, atom10, json11, listing ... ; as feedparser names versions
    entries: tuple[Entry, ...]  # those that are not in `seen`
    warning: str | None = None  # what was wrong with a document that could be read all the same
    hints: FeedHints = FeedHints()
    mode: ParseMode = "full"  # how it was read
    seen: tuple[str, ...] = ()  # digests of items that were known and left out, in document order
    places: tuple[int, ...] = ()  # of a feed: how many of `entries` stand before each of `seen`
    more: tuple[SitemapPart, ...] = ()  # sitemaps that an index names and that may hold something new
    left: int = 0  # such sitemaps that are too many for one check


@dataclass(frozen=True, slots=True)
class Extracted:
    """The article of an HTML page: its text without navigation, banners, comments and related links."""

    url: str | None  # as asked
    canonical_url: str | None  # as the page itself declares
    title: str | None
    author: str | None
    published: datetime | None
    date_source: str | None  # the rung that gave the date: selector, json-ld, meta, time, url, shown, htmldate
    language: str | None
    text: str  # paragraphs parted by "\n"; "" if none was found
    paywalled: bool
    rights: str | None = None  # opt-outs from text and data mining or AI use that the page or its headers state
