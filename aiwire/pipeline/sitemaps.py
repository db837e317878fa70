"""A sitemap index and its parts: one source, several documents. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from aiwire.exceptions import SourceError
from aiwire.types import (
    ArticleUpdate,
    FetchResult,
    ParsedFeed,
    Request,
    Response,
    SaveCounts,
    SeenItem,
    SitemapPart,
    Source,
)
from ingest.urls import normalize_url

__all__ = ["SitemapTree"]

MAX_DEPTH = 3  # of indexes that name indexes
MAX_DOCUMENTS = 15  # of one source in one run


class SitemapTree:
    """What has come and what is still to come of one sitemap source in one run.

    Its state is saved when no more will come. Until every part has been read, by however many runs, the validators of
    the index are not kept: a 304 would hide the parts that are left.
    """

    def __init__(self, source: Source, first: FetchResult, known: Iterable[SeenItem]) -> None:
        assert isinstance(first.outcome, Response)  # noqa: S101  (what is read is a whole answer)
        self.source = source
        self.answer = first.outcome  # of the source's own address
        self.last = first  # the newest result
        self.new: tuple[datetime, ...] = ()
        self.entries = self.counted_new = self.counted_changed = 0
        self.left = 0  # parts that are not read in this run
        self.error: SourceError | None = None  # of the first part that failed
        self._known = {item.digest: item for item in known}  # parts read by earlier runs
        self._kept: dict[str, SeenItem] = {}  # of these and of this run, what the indexes still name
        self._warnings: list[str] = []
        self._depths = {_key(first.request.url): 0}
        self._waiting: dict[str, SitemapPart | None] = {_key(first.request.url): None}
        self._to_ask: list[SitemapPart] = []

    @property
    def is_complete(self) -> bool:
        """Whether every part that was asked for has come."""
        return not self._waiting and not self._to_ask

    @property
    def items(self) -> tuple[SeenItem, ...]:
        """The parts that the next run need not read."""
        return tuple(self._kept.values())

    @property
    def warning(self) -> str | None:
        left = [f"{self.left} more sitemaps are left for the next runs"] if self.left else []
        return "; ".join(dict.fromkeys([*self._warnings, *left])) or None

    def add(self, result: FetchResult, feed: ParsedFeed) -> None:
        """Take in a document of the tree."""
        key = _key(result.request.url)
        part = self._waiting.pop(key, None)
        self.last = result
        self.entries += len(feed.entries)
        self.left += feed.left
        self._warnings += [feed.warning] if feed.warning else []
        self._kept |= {digest: self._known[digest] for digest in feed.seen if digest in self._known}
        if part is not None and feed.kind != "sitemapindex":  # of an index its parts are kept
            self._kept[part.digest] = SeenItem(part.digest, "", "part", "part")
        for more in feed.more:
            self._want(more, self._depths[key] + 1)

    def _want(self, part: SitemapPart, depth: int) -> None:
        key = _key(part.url)
        if key in self._depths or depth > MAX_DEPTH:
            return
        if len(self._depths) >= MAX_DOCUMENTS:
            self.left += 1
            return
        self._depths[key] = depth
        self._to_ask.append(part)

    def fail(self, result: FetchResult, error: SourceError) -> None:
        """Take in that a document of the tree could not be had or read."""
        self._waiting.pop(_key(result.request.url), None)
        self.last = result
        self.error = self.error or error

    def give_up(self) -> None:
        """No more answers will come in this run: what was asked for and did not come is left."""
        self.left += len(self._waiting) + len(self._to_ask)
        self._waiting, self._to_ask = {}, []

    def count(self, counts: SaveCounts, articles: Iterable[ArticleUpdate]) -> None:
        """Count what a document brought."""
        self.counted_new += counts.new
        self.counted_changed += counts.changed
        self.new += tuple(article.dated_at for article in articles if article.article_id is None)

    def next_requests(self) -> list[Request]:
        """Return the requests for the parts that became known; each is returned once."""
        parts, self._to_ask = self._to_ask, []
        self._waiting |= {_key(part.url): part for part in parts}
        return [Request(part.url, self.source.id, "sitemap") for part in parts]


def _key(url: str) -> str:
    return normalize_url(url) or url
