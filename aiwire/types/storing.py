"""What a run saves: each update is one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from aiwire.types.fetching import FetchResult
from aiwire.types.parsing import Extracted, ParseMode, SeenItem
from aiwire.types.sources import SourceState
from aiwire.types.tagging import Tagging

__all__ = [
    "ArticleUpdate",
    "Page",
    "PageState",
    "PageUpdate",
    "PendingPage",
    "SaveCounts",
    "SourceUpdate",
    "StoredArticle",
    "TextOrigin",
]

PageState = Literal["none", "pending", "fetched", "failed"]
TextOrigin = Literal["feed", "page"]


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """What the database already knows of an entry's article: enough to decide whether the entry is new or changed."""

    id: int
    url: str
    source_id: str
    entry_hash: str
    text_origin: TextOrigin
    owner_active: bool = True  # False: its source left sources.toml, another may take the article over
    guid: str | None = None
    title: str = ""
    published_at: datetime | None = None  # as stated


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
    date_flaw: str | None = None  # why a stated date does not count: future, absurd


@dataclass(frozen=True, slots=True)
class SourceUpdate:
    """All that one answer of a source brings: saved in one transaction."""

    state: SourceState
    fetch: FetchResult
    articles: tuple[ArticleUpdate, ...] = ()
    entries: int = 0  # in the document
    mode: ParseMode | None = None  # how the document was read
    seen: tuple[SeenItem, ...] | None = None  # all items of the document; None: what was stored stays
    moved: tuple[str, str] | None = None  # address before and after, where it moved for good
    sample: bytes | None = None  # start of a body that could not be read


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
    date_flaw: str | None = None


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
    date_flaw: str | None = None


@dataclass(frozen=True, slots=True)
class SaveCounts:
    """How many articles a transaction added and changed."""

    new: int = 0
    changed: int = 0
    versions: int = 0  # earlier texts kept
    tags: int = 0
    weeks: frozenset[str] = field(default_factory=frozenset)  # Mondays whose rollup was computed again
