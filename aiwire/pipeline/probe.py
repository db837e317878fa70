"""A look at an address before it becomes a source: what would be taken from it, and where its site's feed is.

The address itself, if it is a feed or sitemap; of a page the feeds that it names, then the usual addresses, then news
sitemaps, at last the page's own list of articles. All effects go through the fetcher and the parsers that are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from aiwire.exceptions import FetchError, ParseError, SourceError
from aiwire.types import (
    FetchResult,
    ParsedFeed,
    Request,
    Response,
    RobotsFile,
    Source,
    SourceKind,
)
from aiwire.types.fetching import Purpose
from ingest.charset import decode
from ingest.feeds.documents import looks_like_html
from ingest.feeds.parse import parse_feed
from ingest.http.fetch import Fetcher
from ingest.http.robots import origin_of, refusal, robots_file, robots_url
from ingest.sites.discover import feed_links, robots_sitemaps, well_known, well_known_sitemaps
from ingest.sites.listing import parse_listing
from ingest.sites.sitemap import parse_sitemap
from ingest.urls import normalize_url
from ingest.worker import ParserPool

__all__ = ["Found", "Lead", "Probe", "dated_share", "probe"]

T = TypeVar("T")
MAX_DECLARED = 3  # feeds that a page names and that are asked
MAX_SITEMAPS = 2  # news sitemaps that are asked
MAX_DEPTH = 3  # of sitemap indexes
_STALE = timedelta(days=180)  # a feed this much older than its page's list is not kept up
_PROBE = "probe"  # source id of requests for an address that is no source yet


@dataclass(frozen=True, slots=True)
class Lead:
    """An address of a site that may serve as a source."""

    kind: SourceKind
    url: str
    how: str  # it was found, in words
    title: str | None = None
    entries: int | None = None  # None: it was not asked


@dataclass(frozen=True, slots=True)
class Found:
    """A source that can be used, and what would be taken from it now."""

    kind: SourceKind
    url: str
    how: str
    feed: ParsedFeed


@dataclass(frozen=True, slots=True)
class Probe:
    """What a look at an address found."""

    url: str  # as asked
    final_url: str  # after redirects; as asked if there was no answer
    found: Found | None  # the best; None: nothing here can be used
    others: tuple[Lead, ...] = ()
    robots: str | None = None  # what forbids the pages of the newest entries, with the remedy
    problems: tuple[str, ...] = ()  # in words: with what was found; where nothing was, what was tried in vain


def dated_share(feed: ParsedFeed) -> float:
    """Return the share of entries with a date."""
    return sum(bool(e.published or e.updated) for e in feed.entries) / len(feed.entries) if feed.entries else 0.0


def probe(fetcher: Fetcher, url: str, *, now: datetime, parsers: ParserPool, source: Source | None = None) -> Probe:
    """Return what can be taken from an address.

    Args:
        fetcher: over the network or an archive.
        url: a feed, a sitemap, or a page of a site.
        now: for sitemaps, whose rule counts days back from it.
        parsers: read the documents, each within its limit of time.
        source: a source as declared: its kind is not questioned, its rules are used. None: whatever is there.
    """
    return _Probing(fetcher, parsers, url, now, source).run()


class _Probing:
    """One probe: what has been fetched and learnt so far."""

    def __init__(self, fetcher: Fetcher, parsers: ParserPool, url: str, now: datetime, source: Source | None) -> None:
        self._fetcher, self._parsers = fetcher, parsers
        self._url, self._now, self._source = url, now, source
        self._final_url = url
        self._robots: dict[str, RobotsFile] = {}
        self._problems: list[str] = []
        self._vain: list[str] = []  # attempts that are of no interest once another one succeeds
        self._unseen: set[str] = set()  # feeds that the archive or file does not hold
        self._others: dict[str, Lead] = {}

    def run(self) -> Probe:
        kind = self._source.kind if self._source is not None else None
        # As a feed: the user asks for this one address, and whether it is a page is seen only then.
        answer = self._fetch(self._url, kind or "feed")
        found: Found | None = None
        if answer is not None:
            self._final_url = answer.final_url
            found = self._declared(answer, kind) if kind else self._whatever(answer)
        return Probe(
            url=self._url,
            final_url=self._final_url,
            found=found,
            others=tuple(lead for lead in self._others.values() if found is None or lead.url != found.url),
            robots=self._verdict(found) if found else None,
            problems=tuple(dict.fromkeys(self._problems if found else [*self._vain, *self._problems])),
        )

    # ------------------------------------------------------------ reading

    def _declared(self, answer: Response, kind: SourceKind) -> Found | None:
        """Return the source as it is declared; if it cannot be read, name what the site has instead."""
        try:
            return Found(kind, self._url, "as declared", self._read(answer, kind))
        except ParseError as e:
            self._problems.append(e.message)
        if kind != "listing" and _is_page(answer):
            self._note_links(answer)
        return None

    def _whatever(self, answer: Response) -> Found | None:
        """Return what an address is good for: a feed or sitemap by itself, a page by what it leads to."""
        if _is_page(answer):
            return self._page(answer)
        try:
            return Found("feed", self._url, "the address itself", self._read(answer, "feed"))
        except ParseError as e:
            first = e.message
        try:
            return Found("sitemap", self._url, "the address itself", self._read(answer, "sitemap"))
        except ParseError:
            self._problems.append(first)
            return None

    def _read(self, answer: Response, kind: SourceKind) -> ParsedFeed:
        """Return what a document holds.

        Raises:
            ParseError: nothing that can be read.
        """
        url, headers, submit = answer.final_url, answer.headers, self._parsers.submit
        if kind == "feed":
            return submit(url, parse_feed, answer.body, url=url, headers=headers).result()
        if kind == "listing":
            rule = self._source.listing if self._source is not None else None
            return submit(url, parse_listing, answer.body, url=url, rule=rule, headers=headers).result()
        return self._sitemap(answer)

    def _sitemap(self, answer: Response) -> ParsedFeed:
        """Return the articles of a sitemap; of an index those of the sitemaps that it leads to."""
        top = self._one_sitemap(answer)
        entries, waiting, seen = list(top.entries), [(part.url, 1) for part in top.more], {answer.url}
        while waiting:
            url, depth = waiting.pop(0)
            if url in seen or depth > MAX_DEPTH or (part := self._fetch(url, "sitemap")) is None:
                continue
            seen.add(url)
            try:
                feed = self._one_sitemap(part)
            except ParseError as e:
                self._problems.append(str(e))
                continue
            entries += feed.entries
            waiting += [(part.url, depth + 1) for part in feed.more]
        return replace(top, entries=tuple(entries), more=())

    def _one_sitemap(self, answer: Response) -> ParsedFeed:
        url = answer.final_url
        rule = self._source.sitemap if self._source is not None else None
        return self._parsers.submit(
            url, parse_sitemap, answer.body, url=url, rule=rule, headers=answer.headers, now=self._now
        ).result()

    # ------------------------------------------------------------ a page

    def _page(self, answer: Response) -> Found | None:
        """Return the best that a page leads to."""
        listing = self._listing(answer)
        named = self._note_links(answer)
        found = self._first_feed(named, "named in the page")
        if found is None and (unseen := next((url for url in named if url in self._unseen), None)):
            self._problems.append(f"the page names the feed {unseen}: test that address")
            self._vain.clear()  # to name selectors for the page is no remedy then
        found = found or self._first_feed(well_known(answer.final_url), "at a usual address")
        if found and listing and _is_stale(found.feed, listing.feed):
            self._problems.append(f"{found.url} is not kept up: the page itself lists newer articles")
            self._note(Lead("feed", found.url, found.how, found.feed.title, len(found.feed.entries)))
            found = None
        if listing:
            self._note(Lead("listing", listing.url, listing.how, listing.feed.title, len(listing.feed.entries)))
        return found or self._news_sitemap(answer) or self._permitted(listing)

    def _note_links(self, answer: Response) -> list[str]:
        """Note the feeds that a page names, and return the addresses of those worth asking."""
        links = feed_links(answer.body, url=answer.final_url, headers=answer.headers)
        for link in links:
            how = "comments, it seems" if link.comments else "named in the page"
            self._note(Lead("feed", link.url, how, link.title or None))
        return [link.url for link in links if not link.comments][:MAX_DECLARED]

    def _first_feed(self, urls: Iterable[str], how: str) -> Found | None:
        """Return the first of some addresses that is a feed with entries; the others are not asked any more."""
        missing = 0
        for result in self._results([Request(url, self._source_id, "feed") for url in urls]):
            url = result.request.url
            if _is_unknown(result):
                self._unseen.add(url)
                continue
            feed = self._feed_of(result)
            if feed is None:
                missing += 1
                self._others.pop(url, None)
            elif feed.entries:
                return Found("feed", url, how, feed)
            else:
                self._vain.append(f"{url} is a feed without entries")
                self._others[url] = Lead("feed", url, how, feed.title, entries=0)
        if missing:
            self._vain.append(f"no feed {how} ({missing} tried)")
        return None

    def _feed_of(self, result: FetchResult) -> ParsedFeed | None:
        """Return the feed of an answer, None if it is none."""
        if not isinstance(result.outcome, Response):
            return None
        try:
            return self._read(result.outcome, "feed")
        except ParseError:
            return None

    def _listing(self, answer: Response) -> Found | None:
        try:
            feed = self._read(answer, "listing")
        except ParseError as e:
            self._vain.append(e.message)
            return None
        return Found("listing", self._url, "found automatically in the page", feed)

    def _permitted(self, listing: Found | None) -> Found | None:
        """Return the listing if robots.txt lets its page be read: unlike a feed it is not made for programs."""
        if listing is None:
            return None
        forbidden = self._forbidden(self._final_url)
        if forbidden is not None:
            self._problems.append(f"the page lists articles, but {forbidden}")
        return listing if forbidden is None else None

    def _news_sitemap(self, answer: Response) -> Found | None:
        """Return a news sitemap of the site; other sitemaps hold all its pages and are only noted."""
        site = self._rules_of(answer.final_url)
        named = robots_sitemaps(site.body, url=answer.final_url) if site is not None else ()
        for url in named:
            self._note(Lead("sitemap", url, "named in robots.txt"))
        likely = [
            url for url in dict.fromkeys((*named, *well_known_sitemaps(answer.final_url))) if "news" in url.lower()
        ]
        for url in likely[:MAX_SITEMAPS]:
            before = len(self._problems)
            part = self._fetch(url, "sitemap", quiet=True)
            try:
                feed = self._sitemap(part) if part is not None else None
            except ParseError:
                feed = None
            if feed is not None and feed.kind == "news-sitemap" and feed.entries:
                return Found("sitemap", url, "a news sitemap of the site", feed)
            self._vain += self._problems[before:]  # with the parts of this one
            del self._problems[before:]
        return None

    def _note(self, lead: Lead) -> None:
        self._others.setdefault(lead.url, lead)

    # ------------------------------------------------------------ fetching

    @property
    def _source_id(self) -> str:
        return self._source.id if self._source is not None else _PROBE

    def _fetch(self, url: str, purpose: Purpose, *, quiet: bool = False) -> Response | None:
        """Return the answer of an address; None if there is none, with the reason among the problems."""
        for result in self._results([Request(url, self._source_id, purpose)]):
            if isinstance(result.outcome, Response):
                return result.outcome
            if not quiet:
                self._problems.append(str(_error_of(result)))
            return None
        if not quiet:
            self._problems.append(f"{url}: its server wants to be left alone for now: try again later")
        return None

    def _results(self, requests: list[Request]) -> Iterator[FetchResult]:
        """Yield the results as they come; what robots.txt files say is remembered."""
        if not requests:
            return
        with closing(self._fetcher.fetch_all(requests, now=self._now, robots=self._robots)) as results:
            for result in results:
                if result.request.purpose == "robots":
                    self._learn(result)
                else:
                    yield result

    def _learn(self, result: FetchResult) -> None:
        if _is_unknown(result):
            return
        origin = origin_of(result.request.url)
        self._robots[origin] = robots_file(result, now=self._now, before=self._robots.get(origin))

    # ------------------------------------------------------------ robots.txt

    def _rules_of(self, url: str) -> RobotsFile | None:
        """Return the rules of a URL's origin; None if they could not be had."""
        origin = origin_of(url)
        if origin and origin not in self._robots:
            for _ in self._results([Request(robots_url(origin), self._source_id, "robots")]):
                pass
        return self._robots.get(origin)

    def _forbidden(self, url: str) -> str | None:
        rules = self._rules_of(url)
        return refusal(rules, url, now=self._now) if rules is not None else None

    def _verdict(self, found: Found) -> str | None:
        """Return what forbids the page of the newest entry."""
        pages = [entry.url for entry in found.feed.entries if entry.url]
        return self._forbidden(pages[0]) if pages else None


def _is_unknown(result: FetchResult) -> bool:
    """Whether an archive has no answer, which says nothing about the site."""
    return isinstance(result.outcome, FetchError) and result.outcome.reason == "not-in-archive"


def _error_of(result: FetchResult) -> SourceError:
    if isinstance(result.outcome, FetchError):
        return result.outcome
    return FetchError(result.request.url, "HTTP 304 without having been asked whether it changed", reason="status")


def _is_page(answer: Response) -> bool:
    return looks_like_html(decode(answer.body, answer.headers).text.lstrip("\ufeff \t\r\n\x00"))


def _is_stale(feed: ParsedFeed, listing: ParsedFeed) -> bool:
    """Whether the list of a page has gone on long after the feed ended; what both name is no sign."""
    newest = max((e.published for e in feed.entries if e.published), default=None)
    listed = max((e.published for e in listing.entries if e.published), default=None)
    if newest is None or listed is None or listed - newest < _STALE:
        return False
    known = {normalize_url(e.url) for e in feed.entries if e.url}
    return not any(normalize_url(e.url) in known for e in listing.entries if e.url)
