"""A sitemap index and its parts: one source, several documents. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from aiwire.exceptions import SourceError
from aiwire.types import ArticleUpdate, FetchResult, ParsedFeed, Request, Response, SaveCounts, Source
from ingest.urls import normalize_url

__all__ = ["SitemapTree"]

MAX_DEPTH = 3  # of indexes that name indexes
MAX_PARTS = 15  # of one source in one run


class SitemapTree:
    """What has come and what is still to come of one sitemap source in one run.

    Its state is saved with the last part: killed before, the source is due again, and its index is asked in full.
    """

    def __init__(self, source: Source, first: FetchResult) -> None:
        assert isinstance(first.outcome, Response)  # noqa: S101  (what is read is a whole answer)
        self.source = source
        self.answer = first.outcome  # of the source's own address
        self.new: tuple[datetime, ...] = ()
        self.entries = self.counted_new = self.counted_changed = 0
        self.error: SourceError | None = None  # of the first part that failed
        self._warnings: list[str] = []
        self._asked = {_key(first.request.url): 0}  # address -> depth
        self._waiting = {_key(first.request.url)}
        self._to_ask: list[str] = []

    @property
    def is_complete(self) -> bool:
        """Whether every part has come."""
        return not self._waiting and not self._to_ask

    @property
    def warning(self) -> str | None:
        return "; ".join(dict.fromkeys(self._warnings)) or None

    def add(self, result: FetchResult, feed: ParsedFeed) -> None:
        """Take in a document of the tree."""
        key = _key(result.request.url)
        self._waiting.discard(key)
        self.entries += len(feed.entries)
        self._warnings += [feed.warning] if feed.warning else []
        depth = self._asked[key] + 1
        for url in feed.more if depth <= MAX_DEPTH else ():
            if _key(url) not in self._asked and len(self._asked) <= MAX_PARTS:
                self._asked[_key(url)] = depth
                self._to_ask.append(url)

    def fail(self, result: FetchResult, error: SourceError) -> None:
        """Take in that a document of the tree could not be had or read."""
        self._waiting.discard(_key(result.request.url))
        self.error = self.error or error

    def count(self, counts: SaveCounts, articles: Iterable[ArticleUpdate]) -> None:
        """Count what a part brought that was saved by itself."""
        self.counted_new += counts.new
        self.counted_changed += counts.changed
        self.new += tuple(article.dated_at for article in articles if article.article_id is None)

    def next_requests(self) -> list[Request]:
        """Return the requests for the parts that became known; each is returned once."""
        requests = [Request(url, self.source.id, "sitemap") for url in self._to_ask]
        self._waiting |= {_key(url) for url in self._to_ask}
        self._to_ask = []
        return requests


def _key(url: str) -> str:
    return normalize_url(url) or url
