"""Sitemap bytes -> entries: XML sitemaps and their indexes (sitemaps.org protocol 0.9), news sitemaps, text lists.

A document type declaration is refused, so that there are no entities; the XML is read as a stream.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import io
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from aiwire.exceptions import ParseError
from aiwire.types import Entry, ParsedFeed, SitemapPart, SitemapRule
from ingest.charset import decode
from ingest.dates import parse_date
from ingest.feeds.documents import FEED_ROOTS, describe, looks_like_html, root_name
from ingest.feeds.jsonfeed import language_tag
from ingest.feeds.parse import parse_feed
from ingest.htmltext import title_text
from ingest.links import absolute_url
from ingest.sites.articleurls import names_article
from ingest.sites.sitemapindex import promising
from ingest.urls import host_key

if TYPE_CHECKING:
    from lxml import etree

__all__ = ["MAX_URLS", "parse_sitemap"]

MAX_PARTS = 5  # sitemaps of one index that are read in one check
MAX_URLS = 50_000  # of one sitemap, as the protocol allows
MAX_ENTRIES = 1_000  # handed on: more at once is a rebuilt site, not news
MAX_UNPACKED = 50 * 1024 * 1024  # bytes of one sitemap after gzip, as the protocol allows
_GZIP = b"\x1f\x8b"
_DOCTYPE = re.compile(r"<!DOCTYPE", re.I)
_DECLARATION = re.compile(r"\A<\?xml[^>]*\?>")
_PROLOG = 65_536  # characters in which a document type declaration is looked for
_ALIKE = 10  # URLs that all have the same date, from which on it is the date of a build and says nothing


@dataclass(frozen=True, slots=True)
class _Place:
    """What a sitemap says of one URL."""

    url: str
    lastmod: datetime | None = None
    published: datetime | None = None  # news:publication_date
    title: str = ""
    language: str | None = None
    news: bool = False

    @property
    def moment(self) -> datetime | None:
        """The newest of its dates."""
        return max((date for date in (self.lastmod, self.published) if date), default=None)


def parse_sitemap(
    body: bytes,
    *,
    url: str,
    rule: SitemapRule | None = None,
    headers: Mapping[str, str] | None = None,
    now: datetime,
    seen: frozenset[str] = frozenset(),
) -> ParsedFeed:
    """Return the articles of a sitemap that are new enough, in its order; of an index the sitemaps worth reading.

    Without `include` in the rule those are left out that are no articles, it seems: the front page, sections of the
    site, /about, /careers/..., /tag/.... A URL without a date is taken from a news sitemap, or where the rule says what
    to include. A feed that is given as sitemap is read as a feed.

    Args:
        body: the document; gzip is unpacked.
        url: where it was found, after redirects: URLs of other sites are left out.
        rule: which URLs are articles; None: the defaults of SitemapRule.
        headers: of the HTTP response, for the charset.
        now: from which the rule's days are counted back.
        seen: digests of parts of an index that were read before and are left out.

    Raises:
        ParseError: the bytes are no sitemap, are cut short, or hold a document type declaration.
    """
    rule = rule or SitemapRule()
    if body.startswith(_GZIP):
        body = _unpacked(body, url)
    decoded = decode(body, headers)
    text = decoded.text.lstrip("\ufeff \t\r\n\x00")
    name = root_name(text)
    if name in FEED_ROOTS:
        return _of_feed(parse_feed(body, url=url, headers=headers), rule)
    if name in ("urlset", "sitemapindex"):
        root = _xml(text, url)
        places, warnings = _places(root, "url" if name == "urlset" else "sitemap", url)
    elif re.match(r"https?://", text, re.I):
        places, warnings = _text_places(text, url)
    else:
        found = describe(body, text)
        remedy = 'or declare the source as kind = "listing"' if looks_like_html(text) else "robots.txt may name it"
        raise ParseError(url, f"{found}, not a sitemap: check the URL of the sitemap, {remedy}")
    warnings = [*filter(None, (decoded.warning,)), *warnings]
    if name == "sitemapindex":
        parts = promising([(place.url, place.lastmod) for place in places], days=rule.days, now=now)
        return _index(url, parts, seen, warnings)
    entries = _entries(places, rule, now, warnings)
    kind = "news-sitemap" if any(place.news for place in places) else "sitemap"
    return _feed(url, kind, entries, warnings)


def _index(url: str, parts: tuple[SitemapPart, ...], seen: frozenset[str], warnings: list[str]) -> ParsedFeed:
    """Return an index with the parts that are to be read now; the next check takes those that are left."""
    unread = [part for part in parts if part.digest not in seen]
    more, left = tuple(unread[:MAX_PARTS]), len(unread[MAX_PARTS:])
    known = tuple(part.digest for part in parts if part.digest in seen)
    return replace(_feed(url, "sitemapindex", (), warnings), more=more, left=left, seen=known)


def _feed(url: str, kind: str, entries: tuple[Entry, ...], warnings: list[str]) -> ParsedFeed:
    languages = {entry.language for entry in entries}
    parts = urlsplit(url)
    return ParsedFeed(
        title=None,
        url=f"{parts.scheme}://{parts.netloc}/",
        language=languages.pop() if len(languages) == 1 else None,
        kind=kind,
        entries=entries,
        warning="; ".join(warnings) or None,
        mode="sitemap",
    )


def _of_feed(feed: ParsedFeed, rule: SitemapRule) -> ParsedFeed:
    entries = tuple(entry for entry in feed.entries if entry.url is None or _included(entry.url, rule))
    return replace(feed, entries=entries)


# ---------------------------------------------------------------- bytes


def _unpacked(body: bytes, url: str) -> bytes:
    """Return the content of gzip, of all its members."""
    parts: list[bytes] = []
    room = MAX_UNPACKED
    while body:
        member = zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(body, room + 1)
        except zlib.error as e:
            raise ParseError(url, f"broken gzip ({e}): try again later or check the URL of the sitemap") from e
        parts.append(part)
        room -= len(part)
        if room < 0:
            raise ParseError(url, f"more than {MAX_UNPACKED >> 20} MiB after unpacking: give a smaller sitemap")
        if not member.eof:
            raise ParseError(url, "gzip that is cut short: try again later")
        body = member.unused_data.lstrip(b"\x00")  # padding between members is allowed
        if not body.startswith(_GZIP):
            break
    return b"".join(parts)


def _xml(text: str, url: str) -> bytes:
    """Return the document as UTF-8 without its declaration, which no longer holds."""
    start = text[:_PROLOG]
    root = re.search(r"<(?:\w+:)?(?:urlset|sitemapindex)\b", start, re.I)
    if _DOCTYPE.search(start, 0, root.start() if root else len(start)):
        raise ParseError(url, "a document type declaration, which no sitemap needs and an attack may hide in: not read")
    return _DECLARATION.sub("", text).encode("utf-8", "replace")


# ---------------------------------------------------------------- places


def _places(document: bytes, element: str, url: str) -> tuple[list[_Place], list[str]]:
    """Return the URLs of the first `MAX_URLS` elements of that name, and what is wrong with the document."""
    from lxml import etree  # slow to import, and feeds do without

    stream = etree.iterparse(
        io.BytesIO(document),
        events=("end",),
        tag=f"{{*}}{element}",
        recover=True,  # a bare & in a URL is common
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    warnings: list[str] = []
    places: list[_Place] = []
    count = 0
    try:
        for _, node in islice(stream, MAX_URLS + 1):
            count += 1
            if (place := _place(node, url)) is not None:
                places.append(place)
            _free(node)
    except etree.XMLSyntaxError as e:
        trouble = " ".join(str(e).split())
    else:
        trouble = stream.error_log[0].message.strip() if len(stream.error_log) else ""
    if trouble and not places:
        raise ParseError(url, f"broken XML ({trouble[:200]}): try again later")
    if trouble:
        warnings.append(f"broken XML: {trouble[:200]}")
    if count > MAX_URLS:
        del places[MAX_URLS:]
        warnings.append(f"only the first {MAX_URLS} URLs were read")
    return _own(places, url, warnings), warnings


def _free(node: etree._Element) -> None:
    """Drop an element that has been read, with what stands before it."""
    node.clear()
    parent = node.getparent()
    while parent is not None and node.getprevious() is not None:
        del parent[0]


def _place(node: etree._Element, url: str) -> _Place | None:
    values: dict[str, str] = {}
    news: dict[str, str] = {}
    for child in node:
        name = _local(child)
        if name == "news":
            news = {_local(part): _text(part) for part in child.iter() if part is not child}
        else:
            values.setdefault(name, _text(child))
    address = absolute_url(values.get("loc"), url)
    if address is None:
        return None
    return _Place(
        url=address,
        lastmod=parse_date(values.get("lastmod")),
        published=parse_date(news.get("publication_date")),
        title=title_text(news.get("title", "")),
        language=language_tag(news.get("language")),
        news=bool(news),
    )


def _local(node: etree._Element) -> str:
    """Return an element's name without namespace; "" for comments and the like. Sites misspell the namespaces."""
    return node.tag.rpartition("}")[2].lower() if isinstance(node.tag, str) else ""


def _text(node: etree._Element) -> str:
    return " ".join("".join(map(str, node.itertext())).split())


def _text_places(text: str, url: str) -> tuple[list[_Place], list[str]]:
    """Return the URLs of a text sitemap: one a line."""
    lines = [line.strip() for line in islice(text.splitlines(), MAX_URLS + 1) if line.strip()]
    places = [_Place(address) for line in lines if " " not in line and (address := absolute_url(line))]
    if len(places) * 2 < len(lines):
        raise ParseError(url, "plain text, not a sitemap (one URL a line): check the URL of the sitemap")
    warnings = [f"{len(lines) - len(places)} lines are no URL"] if len(places) < len(lines) else []
    if len(places) > MAX_URLS:
        del places[MAX_URLS:]
        warnings.append(f"only the first {MAX_URLS} URLs were read")
    return _own(places, url, warnings), warnings


def _own(places: list[_Place], url: str, warnings: list[str]) -> list[_Place]:
    """Return the places of the sitemap's own site, each once: it may speak for no other (sitemaps.org, "location")."""
    site = host_key(url)
    lanes: dict[str, str] = {}  # host_key is slow for 50,000 URLs of one host
    own: dict[str, _Place] = {}
    strange = 0
    for place in places:
        netloc = urlsplit(place.url).netloc
        if netloc not in lanes:
            lanes[netloc] = host_key(place.url)
        if lanes[netloc] == site:
            own.setdefault(place.url.partition("#")[0], place)
        else:
            strange += 1
    if strange:
        warnings.append(f"{strange} URLs of other sites were left out")
    return list(own.values())


# ---------------------------------------------------------------- entries


def _entries(places: list[_Place], rule: SitemapRule, now: datetime, warnings: list[str]) -> tuple[Entry, ...]:
    """Return the places that are articles and new enough. `warnings` gets what was left out for want of a date."""
    chosen = [place for place in places if _included(place.url, rule)]
    if rule.include is None:
        sections = _sections(places)
        chosen = [place for place in chosen if _path(place.url) not in sections]
    if len(chosen) >= _ALIKE and len({place.lastmod for place in chosen}) == 1 and chosen[0].lastmod is not None:
        warnings.append("every URL has the same lastmod, which therefore says nothing")
        chosen = [replace(place, lastmod=None) for place in chosen]
    oldest = now - timedelta(days=rule.days)
    recent = [place for place in chosen if place.moment is None or place.moment >= oldest]
    if rule.include is None:
        recent = _articles(recent, warnings)
    kept = [place for place in recent if place.moment or place.news or rule.include is not None]
    if len(kept) < len(recent):
        warnings.append(f"{len(recent) - len(kept)} URLs without a date were left out: say in 'include' which to take")
    if len(kept) > MAX_ENTRIES:
        warnings.append(f"only the newest {MAX_ENTRIES} of {len(kept)} URLs were taken: narrow 'include' or 'days'")
        kept = _newest(kept)
    return tuple(_entry(place) for place in kept)


def _included(url: str, rule: SitemapRule) -> bool:
    wanted = rule.include is None or re.search(rule.include, url) is not None
    return wanted and not (rule.exclude is not None and re.search(rule.exclude, url))


def _sections(places: list[_Place]) -> set[str]:
    """Return the paths that are no articles: the front page, and pages with at least two others below them."""
    above = Counter(_path(place.url).rpartition("/")[0] for place in places)
    return {"", *(path for path, count in above.items() if count >= 2)}


def _articles(places: list[_Place], warnings: list[str]) -> list[_Place]:
    """Return the places that may be articles; `warnings` gets it if none may be: every site has an /about."""
    articles = [place for place in places if place.news or names_article(place.url, urljoin(place.url, "/"))]
    if places and not articles:
        example = f"{len(places)} URLs, such as {places[0].url}"
        warnings.append(f"{example}, do not look like articles and were left out: say in 'include' which to take")
    return articles


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (f"{parts.path}?{parts.query}" if parts.query else parts.path).rstrip("/")


def _newest(places: list[_Place]) -> list[_Place]:
    """Return the newest places, in their order; those without a date come last among equals."""
    dated = sorted(places, key=lambda place: place.moment.timestamp() if place.moment else 0.0, reverse=True)
    newest = {place.url for place in dated[:MAX_ENTRIES]}
    return [place for place in places if place.url in newest]


def _entry(place: _Place) -> Entry:
    """Return the entry. A lastmod is no date of publication: it stands in `updated` alone."""
    source = "published" if place.published else "lastmod" if place.lastmod else None
    return Entry(
        guid=None,
        url=place.url,
        title=place.title,
        published=place.published,
        updated=place.lastmod,
        date_source=source,
        language=place.language,
    )
