"""The data that flows between the layers: one frozen dataclass per hand-over.

    Source + SourceState -> (fetch) FetchResult -> (parse) ParsedFeed of Entry -> (extract) Extracted
        -> (tag) Tagging -> (save) SourceUpdate | PageUpdate

Standard library only. Every datetime is aware and in UTC; text offsets are Unicode code points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from aiwire.exceptions import FetchError, SourceError

__all__ = [
    "Alias",
    "ArticleText",
    "ArticleUpdate",
    "Candidate",
    "Enclosure",
    "Entity",
    "EntityKind",
    "Entry",
    "Extracted",
    "FetchResult",
    "ListingRule",
    "Mention",
    "NotModified",
    "Page",
    "PageUpdate",
    "ParsedFeed",
    "Part",
    "PendingPage",
    "Price",
    "Request",
    "Response",
    "SaveCounts",
    "Sentence",
    "Source",
    "SourceState",
    "SourceUpdate",
    "StoredArticle",
    "Tag",
    "Tagging",
    "iso",
    "parse_iso",
]

EntityKind = Literal["company", "accelerator", "theme", "model", "regulation"]
SourceKind = Literal["feed", "listing"]
TextField = Literal["title", "text"]
Role = Literal["subject", "mention", "source", "venue"]
PageState = Literal["none", "pending", "fetched", "failed"]
TextOrigin = Literal["feed", "page"]
TagScope = Literal["full", "names"]


def iso(moment: datetime) -> str:
    """Return `moment` as the one spelling used in tables and JSON: `2026-11-23T06:00:00Z` (UTC, whole seconds)."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def parse_iso(text: str) -> datetime:
    """Return the aware UTC datetime of an ISO 8601 text; a text without offset is taken as UTC.

    Raises:
        ValueError: the text is not ISO 8601.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


# ---------------------------------------------------------------- sources and fetching


@dataclass(frozen=True, slots=True)
class ListingRule:
    """CSS selectors that find the entries of an HTML listing page."""

    item: str  # one element per entry
    link: str = "a[href]"  # inside the item; its href is the entry's URL
    title: str | None = None  # inside the item; None: the link's own text
    date: str | None = None  # inside the item; its datetime attribute, else its text
    summary: str | None = None  # inside the item


@dataclass(frozen=True, slots=True)
class Source:
    """A feed or a listing page, as `sources.toml` declares it."""

    id: str
    name: str
    kind: SourceKind
    url: str
    publisher: str  # family of sources that speak with one voice; the source's own id if not given
    owner: str | None = None  # company id, where the source is a vendor's own voice
    language: str | None = None  # BCP 47; None: as the feed or page declares
    category: str | None = None  # lab, chips, cloud, press, research, regulation, data-centre, ...
    licence: str | None = None  # of the texts, in words
    every_minutes: int | None = None  # None: the setting `check_every_minutes`
    full_text: Literal["auto", "never", "always"] = (
        "auto"  # whether the linked page is fetched; auto: if the feed's text is short
    )
    enabled: bool = True
    listing: ListingRule | None = None  # exactly for kind "listing"


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the last checks of a source left behind: HTTP validators, schedule and errors."""

    source_id: str
    etag: str | None = None  # verbatim, sent back as If-None-Match (RFC 9110 13.1.2)
    last_modified: str | None = None  # verbatim, sent back as If-Modified-Since (RFC 9110 13.1.3)
    checked_at: datetime | None = None
    ok_at: datetime | None = None  # last 200 that parsed, or 304
    next_check_at: datetime | None = None  # None: due now
    next_check_reason: str | None = None  # in words
    error_count: int = 0  # since the last success
    error: str | None = None  # the last one; None after a success


@dataclass(frozen=True, slots=True)
class Request:
    """One URL that is wanted, and for what."""

    url: str
    source_id: str
    purpose: Literal["feed", "listing", "page"]
    article_id: int | None = None  # for purpose "page"
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A whole body, decoded from its content encoding; header names in lower case."""

    url: str  # as asked
    final_url: str  # after redirects
    status: int
    headers: dict[str, str]
    body: bytes
    hops: tuple[str, ...] = ()  # every URL that answered with a redirect, in order


@dataclass(frozen=True, slots=True)
class NotModified:
    """304: what we have is current. The headers may carry new validators."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The outcome of one request, whatever it was: an expected failure is a value here, never raised."""

    request: Request
    outcome: Response | NotModified | FetchError
    elapsed_ms: int
    wire_bytes: int  # body bytes received, before decoding
    unreadable: SourceError | None = None  # put in later: why the body could not be parsed or extracted


# ---------------------------------------------------------------- parsing and extraction


@dataclass(frozen=True, slots=True)
class Enclosure:
    url: str
    type: str | None = None
    length: int | None = None  # bytes, as declared


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a feed or listing page, as its publisher gives it. `summary` and `content` may hold HTML."""

    guid: str | None
    url: str | None  # absolute; None if the item names none
    title: str  # plain text, one line; "" if the item has none
    author: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    date_source: str | None = None  # "published", "updated" or the element that gave `published`; None without a date
    summary: str | None = None
    content: str | None = None
    language: str | None = None
    enclosures: tuple[Enclosure, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A feed document or listing page and its entries, in document order."""

    title: str | None
    url: str | None  # of the web site
    language: str | None
    kind: str  # rss20, rss10, rss091, atom10, json11, listing ... ; as feedparser names versions
    entries: tuple[Entry, ...]
    warning: str | None = None  # what was wrong with a document that could be read all the same


@dataclass(frozen=True, slots=True)
class Extracted:
    """The article of an HTML page: its text without navigation, banners, comments and related links."""

    url: str | None  # as asked
    canonical_url: str | None  # as the page itself declares
    title: str | None
    author: str | None
    published: datetime | None
    date_source: str | None  # the rung that gave the date: json-ld, meta, time, url, shown, htmldate
    language: str | None
    text: str  # paragraphs parted by "\n"; "" if none was found
    paywalled: bool


# ---------------------------------------------------------------- tagging


@dataclass(frozen=True, slots=True)
class Alias:
    surface: str
    policy: Literal["any", "cased", "context"]


@dataclass(frozen=True, slots=True)
class Entity:
    """A company, accelerator family, model family, regulation or theme. Ids are unique across kinds."""

    id: str
    kind: EntityKind
    name: str
    category: str | None = None  # chips, cloud, lab ... for companies; deployment, governance ... for themes
    description: str | None = None
    parent: str | None = None  # id of the owning company, or the maker of an accelerator or model
    country: str | None = None  # ISO 3166-1 alpha-2
    ticker: str | None = None
    listed: bool = True  # False: found in a text, on no list of ours
    aliases: tuple[Alias, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    field: TextField
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Part:
    """A variant that the text names: an id of the accelerator table below its family."""

    accelerator_id: str
    surface: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in an article that names an entity or speaks of a theme."""

    field: TextField
    start: int
    end: int
    surface: str
    sent_start: int  # of the sentence around it, in the same field
    sent_end: int
    rule: str  # any, cased, context:<features>, lexicon:<term>, unlisted:<pattern>
    confidence: float  # 0..1
    part: str | None = None  # accelerator id, where the text names the variant ("A100 80GB")


@dataclass(frozen=True, slots=True)
class Tag:
    """One entity in one article, with all its mentions and the sentence that proves it best."""

    kind: EntityKind
    id: str
    name: str
    surfaces: tuple[str, ...]
    count: int
    about: bool
    role: Role
    listed: bool
    salience: float  # 0..1
    confidence: float  # 0..1, of the best mention
    evidence: str
    mentions: tuple[Mention, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """A money amount that the text quotes for compute, hardware or model use, in its own currency."""

    quote: str
    amount: float
    amount_max: float | None  # upper end of a range
    currency: str  # ISO 4217
    unit: str  # gpu-hour, instance-hour, card, server, system, month, 1M-tokens, kwh, other
    qualifier: str | None  # from, up-to, list, street, spot, reserved, on-demand
    accelerator: str | None  # family id
    sentence: str
    field: TextField
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that looks like an unknown company or product: for review, never a tag."""

    surface: str
    looks_like: Literal["company", "product"]
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Tagging:
    """All that the tagger found in one article."""

    tags: tuple[Tag, ...] = ()
    prices: tuple[Price, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    sentences: tuple[Sentence, ...] = ()  # of the whole article, in order
    scope: TagScope = "full"
    tagger_version: str = ""  # version of the code
    taxonomy_version: str = ""  # hash of gazetteer and lexicon


# ---------------------------------------------------------------- storing


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """What the database already knows of an entry's article: enough to decide whether the entry is new or changed."""

    id: int
    url: str
    source_id: str
    entry_hash: str
    text_origin: TextOrigin
    owner_active: bool = True  # False: its source left sources.toml, another may take the article over


@dataclass(frozen=True, slots=True)
class ArticleUpdate:
    """An entry turned into an article with the feed's own text, new or changed."""

    url: str  # normalized: the identity of an article
    guid: str | None
    title: str
    author: str | None
    published_at: datetime | None  # as stated; None if no date is
    dated_at: datetime  # the date that counts: published_at, or first seen if that is absent or absurd
    date_source: str  # published, updated, page rung, "first_seen", or "backlog": undated in a source's first answer
    language: str | None
    text: str
    entry_hash: str  # of what the entry said, to see changes
    wants_page: bool
    tagging: Tagging | None  # None: tag later (`aiwire fetch`)
    article_id: int | None = None  # of the known article that changed; None: new
    text_origin: TextOrigin = "feed"  # "page": the page's text is kept until the page has been read again


@dataclass(frozen=True, slots=True)
class SourceUpdate:
    """All that one answer of a source brings: saved in one transaction."""

    state: SourceState
    fetch: FetchResult
    articles: tuple[ArticleUpdate, ...] = ()
    entries: int = 0  # in the document


@dataclass(frozen=True, slots=True)
class PendingPage:
    """An article whose full page is wanted."""

    article_id: int
    source_id: str
    url: str
    attempts: int
    tried_at: datetime | None
    title: str
    text: str
    text_origin: TextOrigin
    language: str | None
    published_at: datetime | None
    dated_at: datetime
    date_source: str
    author: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """The state of an article's page after a try."""

    state: PageState
    attempts: int
    tried_at: datetime | None
    next_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class PageUpdate:
    """What one page brings: saved in one transaction. Without `extracted` only the page's state changes."""

    article_id: int
    page: Page
    fetch: FetchResult
    extracted: Extracted | None = None
    text_origin: TextOrigin = "feed"
    title: str = ""
    author: str | None = None
    published_at: datetime | None = None
    dated_at: datetime | None = None
    date_source: str = ""
    language: str | None = None
    tagging: Tagging | None = None


@dataclass(frozen=True, slots=True)
class ArticleText:
    """A stored article, as the tagger reads it."""

    id: int
    title: str
    text: str
    language: str | None
    source_id: str


@dataclass(frozen=True, slots=True)
class SaveCounts:
    """How many articles a transaction added and changed."""

    new: int = 0
    changed: int = 0
    versions: int = 0  # earlier texts kept
    tags: int = 0
    weeks: frozenset[str] = field(default_factory=frozenset)  # Mondays whose rollup was computed again
