"""What is watched, and what its last checks left behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = [
    "ArticleRule",
    "ErrorClass",
    "ListingRule",
    "LiveKind",
    "SitemapRule",
    "Source",
    "SourceKind",
    "SourceState",
    "SourceStatus",
    "TextPolicy",
]

LiveKind = Literal["feed", "listing", "sitemap"]  # what sources.toml may declare
SourceKind = Literal[
    LiveKind,
    "archive",  # a site whose pages came out of a web archive (`aiwire archive load`): it is never asked itself
]
TextPolicy = Literal[  # what of a source's texts a public copy may hold
    "full",
    "excerpt",  # what proves a tag or price alone, cut to excerpt_chars
]
SourceStatus = Literal[
    "new",  # never read
    "ok",
    "suspicious",  # read, but the document has shrunk to (almost) nothing
    "failing",  # temporary errors, or a document that cannot be read
    "throttled",  # the server wants to be asked less
    "blocked",  # the server refuses us
    "missing",  # nothing there, or a page where the feed was
    "gone",  # 410 twice, a day apart: not asked any more
]
ErrorClass = Literal[
    "temp",  # no connection, time-out, a broken answer, 5xx
    "throttled",  # 429, 503 with Retry-After, 403 of a rate limit
    "blocked",  # 401, 403, 451, a challenge for browsers
    "missing",  # 404, a page where the feed was
    "gone",  # 410
    "parse",  # bytes that cannot be read
    "refused",  # by ourselves: a forbidden address, robots.txt, no http URL
    "absent",  # a replay's archive has no answer: says nothing about the source
]


@dataclass(frozen=True, slots=True)
class ListingRule:
    """CSS selectors that find the entries of an HTML listing page."""

    item: str  # one element per entry
    link: str = "a[href]"  # inside the item; its href is the entry's URL
    title: str | None = None  # inside the item; None: the link's own text
    date: str | None = None  # inside the item; its datetime attribute, else its text
    summary: str | None = None  # inside the item


@dataclass(frozen=True, slots=True)
class SitemapRule:
    """Which URLs of a sitemap are articles."""

    include: str | None = None  # regular expression found in the URL; None: every URL
    exclude: str | None = None  # regular expression; a URL in which it is found is left out
    days: int = 14  # how old a URL's date may be


@dataclass(frozen=True, slots=True)
class ArticleRule:
    """CSS selectors that go over the automatic extraction of a source's pages."""

    text: str | None = None  # the elements that hold the article
    remove: str | None = None  # elements that are no part of it
    title: str | None = None
    author: str | None = None
    date: str | None = None  # its datetime or content attribute, else its text


@dataclass(frozen=True, slots=True)
class Source:
    """A feed, a listing page or a sitemap, as `sources.toml` declares it; or a site of a web archive."""

    id: str
    name: str
    kind: SourceKind
    url: str
    publisher: str  # family of sources that speak with one voice; the source's own id if not given
    owner: str | None = None  # company id, where the source is a vendor's own voice
    language: str | None = None  # BCP 47; None: as the feed or page declares
    category: str | None = None  # lab, chips, cloud, press, research, regulation, data-centre, ...
    licence: str | None = None  # of the texts, in words
    every_minutes: int | None = None  # None: adaptive, at least the setting `check_every_minutes`
    own_server: bool = False  # yours: it may be asked more often than the floor
    full_text: Literal["auto", "never", "always"] = (
        "auto"  # whether the linked page is fetched; auto: if the feed's text is short
    )
    enabled: bool = True
    excerpt_chars: int | None = None  # quoted of one of its sentences in exports; None: the setting `excerpt_chars`
    text_policy: TextPolicy | None = None  # of public copies (`aiwire publish`); None: the setting `text_policy`
    listing: ListingRule | None = None  # for kind "listing"; None: the list is found automatically
    sitemap: SitemapRule | None = None  # for kind "sitemap"
    article: ArticleRule | None = None  # for the pages of any kind


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the last checks of a source left behind: HTTP validators, schedule, health."""

    source_id: str
    # validators
    etag: str | None = None  # verbatim, sent back as If-None-Match (RFC 9110 13.1.2)
    last_modified: str | None = None  # verbatim, sent back as If-Modified-Since (RFC 9110 13.1.3)
    validators_trusted: bool = True  # False: this server said 304, or repeated an ETag, for a document that had changed
    body_hash: str | None = None  # BLAKE2b-128 of the last whole body
    body_bytes: int | None = None  # its size, decoded
    full_at: datetime | None = None  # last answer with a whole body
    unmoved: int = 0  # whole bodies in a row that were the same as before although validators were sent
    # checks
    checked_at: datetime | None = None
    ok_at: datetime | None = None  # last 200 that parsed, or 304
    next_check_at: datetime | None = None  # None: due now, or never (status gone)
    next_check_reason: str | None = None  # in words
    # freshness
    new_gap_s: float | None = None  # smoothed seconds between two new items
    new_at: datetime | None = None  # when something new was last found; in the first answer its own date, if it has one
    hint_s: int | None = None  # how long the server or the feed asks to wait; kept across 304
    hint_name: str | None = None  # what said so: ttl, sy:updatePeriod, max-age, Expires
    skip_hours: tuple[int, ...] = ()  # 0..23, UTC
    skip_days: tuple[int, ...] = ()  # 0 is Monday, UTC
    hub: str | None = None  # WebSub hub that the feed names
    entries: int | None = None  # in the last document that was not suspicious
    # health
    status: SourceStatus = "new"
    error_class: ErrorClass | None = None
    error_count: int = 0  # failures since the last success
    error_weight: float = 0.0  # the same, each with the weight of its class: what back-off grows with
    error: str | None = None  # the last one; None after a success
    failing_since: datetime | None = None
    gone_at: datetime | None = None  # first 410 in the row
    suspicious_since: datetime | None = None  # first document of the row that had shrunk
    suggestion: str | None = None  # address that would work better, found by autodiscovery or redirects
    # redirects
    moved_to: str | None = None  # what is asked instead of the source's own URL: moved for good
    redirect_to: str | None = None  # permanent redirect seen in a row, not yet believed
    redirect_since: datetime | None = None
    redirect_count: int = 0
