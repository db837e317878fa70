"""Where a site's feeds and sitemaps are: named in a page, in robots.txt, or at the usual addresses.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from ingest.charset import decode
from ingest.links import absolute_url
from ingest.sites.pagetext import chunks, page_tree
from ingest.urls import normalize_url

__all__ = ["FeedLink", "feed_links", "robots_sitemaps", "well_known", "well_known_sitemaps"]

MAX_GUESSES = 6  # addresses asked without a sign that something is there
_FEED_TYPES = frozenset(
    (
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
        "application/rdf+xml",
        "application/x-rss+xml",
    )
)
_MAYBE_TYPES = frozenset(("application/json", "application/xml", "text/xml"))  # of feeds, and of much else
_FEED_FILE = re.compile(
    r"(?:^|[/._-])(?:rss2?|atom|feeds?)/?\Z"
    r"|(?:^|[/._-])(?:rss2?|atom|[a-z]*feeds?)(?:[-_.][a-z0-9]+)*\.(?:xml|rdf|json|php|aspx?)\Z"
    r"|\.(?:rss|atom|rdf)\Z",
    re.I,
)
_FEED_TEXT = re.compile(
    r"\W*(?:(?:all\s+)?(?:news\s+)?(?:rss|atom)(?:[\s-]*(?:feeds?|2\.0|1\.0))?|(?:news\s+)?feed|rss\s*订阅|订阅)\W*",
    re.I,
)
_COMMENTS = re.compile(r"comment|kommentar|commentaire|评论", re.I)
_READERS = re.compile(r"feedly|inoreader|newsblur|netvibes|add\.my\.yahoo|theoldreader|subscribe\?|/share", re.I)
_SITEMAP_LINE = re.compile(r"^\s*sitemap\s*:\s*(\S+)", re.I | re.M)
_NEWS = re.compile(r"news", re.I)
_GUESSES = ("/feed", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/rss")
_SITEMAP_GUESSES = ("/news-sitemap.xml", "/sitemap-news.xml", "/sitemap.xml")


@dataclass(frozen=True, slots=True)
class FeedLink:
    """An address that a page gives for a feed."""

    url: str
    title: str  # as the page calls it; "" if it does not
    origin: Literal["link", "anchor"]  # declared in the head, or linked in the text
    comments: bool = False  # of comments, it seems


def feed_links(body: bytes, *, url: str, headers: Mapping[str, str] | None = None) -> tuple[FeedLink, ...]:
    """Return the feeds that a page declares or links, the most promising first, each address once.

    Declared ones (https://html.spec.whatwg.org/#rel-alternate) come before linked ones, those below the page's own
    path before those of other parts, feeds of comments last.

    Args:
        body: the page, decoded from its content encoding but not from its charset.
        url: of the page, after redirects.
        headers: of the HTTP response, for the charset.
    """
    tree = page_tree(decode(body, headers).text)
    if tree is None:
        return ()
    base = next((absolute_url(node.get("href"), url) for node in tree.iter("base") if node.get("href")), None) or url
    found: dict[str, FeedLink] = {}
    for link in (*_declared(tree, base), *_linked(tree, base)):
        normal = normalize_url(link.url)
        if normal is not None and normal != normalize_url(url):
            found.setdefault(normal, link)
    path = urlsplit(url).path.rstrip("/")
    return tuple(sorted(found.values(), key=lambda link: _rank(link, path)))  # stable: as on the page among equals


def _rank(link: FeedLink, path: str) -> tuple[bool, bool, bool]:
    below = bool(path) and urlsplit(link.url).path.startswith(path + "/")
    return (link.comments, link.origin == "anchor", not below)


def _declared(tree: Any, base: str) -> Iterator[FeedLink]:
    for node in tree.iter("link"):
        relations = (node.get("rel") or "").lower().split()
        address = absolute_url(node.get("href"), base)
        if address is None or not {"alternate", "feed"} & set(relations):
            continue
        kind = (node.get("type") or "").partition(";")[0].strip().lower()
        title = " ".join((node.get("title") or "").split())
        named = _is_feed_address(address) or _FEED_TEXT.fullmatch(title) is not None
        if kind in _FEED_TYPES or "feed" in relations or (kind in _MAYBE_TYPES and named):
            yield FeedLink(address, title, "link", _of_comments(address, title))


def _linked(tree: Any, base: str) -> Iterator[FeedLink]:
    for node in tree.iter("a"):
        href = node.get("href") or ""
        title = " ".join(" ".join(chunks(node)).split()) or (node.get("title") or node.get("aria-label") or "").strip()
        address = absolute_url(href[5:] if href.startswith("feed:http") else href, base)
        if address is None or _READERS.search(address) or "#" in href:
            continue
        if _is_feed_address(address) or (_FEED_TEXT.fullmatch(title) and "rss" in f"{title} {href}".lower()):
            yield FeedLink(address, title, "anchor", _of_comments(address, title))


def _is_feed_address(url: str) -> bool:
    parts = urlsplit(url)
    if _FEED_FILE.search(parts.path) or parts.netloc.lower().startswith(("feeds.", "rss.")):
        return True
    return any(
        key.lower() == "feed" or (key.lower() in ("format", "type") and value.lower() in ("rss", "atom", "feed"))
        for key, value in parse_qsl(parts.query)
    )


def _of_comments(url: str, title: str) -> bool:
    return bool(_COMMENTS.search(urlsplit(url).path) or _COMMENTS.search(title))


def well_known(url: str) -> tuple[str, ...]:
    """Return at most `MAX_GUESSES` addresses at which sites of many kinds have their feed, the likeliest first.

    Below the page's own path, where it has one, and at the root.
    """
    root, path = _root(url)
    below = [f"{root}{path}{name}" for name in ("/feed", "/rss.xml", "/index.xml")] if path else []
    return tuple(dict.fromkeys([*below, *(root + name for name in _GUESSES)]))[:MAX_GUESSES]


def well_known_sitemaps(url: str) -> tuple[str, ...]:
    """Return the addresses at which news sitemaps and sitemaps usually are, news first."""
    root, _ = _root(url)
    return tuple(root + name for name in _SITEMAP_GUESSES)


def _root(url: str) -> tuple[str, str]:
    """Return the root of a URL's site, and the path of its page without file name and slash."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if "." in path.rpartition("/")[2]:
        path = path.rpartition("/")[0]
    return f"{parts.scheme}://{parts.netloc}", path


def robots_sitemaps(body: str, *, url: str) -> tuple[str, ...]:
    """Return the sitemaps that a robots.txt names (sitemaps.org, "informing search engine crawlers"), news first.

    Args:
        body: of the robots.txt.
        url: of it, or of any page of its site: the base of relative addresses.
    """
    found = (absolute_url(match[1], url) for match in _SITEMAP_LINE.finditer(body))
    unique = dict.fromkeys(address for address in found if address)
    return tuple(sorted(unique, key=lambda address: _NEWS.search(urlsplit(address).path) is None))
