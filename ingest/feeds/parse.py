"""Feed bytes -> entries: RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0 (read by feedparser) and JSON Feed.

A well-formed document is split, and only the items that are not known yet go to feedparser (`ingest.feeds.delta`);
any other is read as a whole. feedparser is given UTF-8 and no URL: it then neither guesses charsets nor rewrites guids,
and relative links are resolved here, against xml:base, the site and the feed in the order that the format asks for.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from aiwire.exceptions import ParseError
from aiwire.types import Entry, ParsedFeed
from ingest.charset import decode, header
from ingest.feeds.delta import PARSER_VERSION, Item, Split, digest, split
from ingest.feeds.documents import (
    FEED_ROOTS,
    MAX_ATTRIBUTES,
    Document,
    clean_xml,
    cut_items,
    describe,
    has_attribute_flood,
    has_items,
    item_count,
    looks_like_html,
    reopen,
    root_name,
    trim_xml,
)
from ingest.feeds.entries import feed_author, feed_language, map_entry, site_url
from ingest.feeds.hints import feed_hints
from ingest.feeds.jsonfeed import parse_json_feed
from ingest.htmltext import title_text
from ingest.links import absolute_url

__all__ = ["MAX_ENTRIES", "parse_feed"]

MAX_ENTRIES = 5_000  # of one document; feeds of real publishers hold some hundred
_MAX_READS = 500  # of one document, to find the items that feedparser stumbles over: some fifty

_log = logging.getLogger(__name__)

# feedparser 6.0.14 ends in a KeyError at a gml:pos outside of georss:where; places are of no use here.
_PLACES = re.compile(r"</?(?:gml|georss|geo):[^<>]*>")
_MEDIA_DESCRIPTION = re.compile(rb"<(/?)media:description\b[^<>]*>")

_REMEDIES = {
    "an HTML page": 'look in it for a link to the feed, or declare the source as kind = "listing"',
    "an empty document": "the server sent nothing; try again later or check the URL",
    "a sitemap": "give the URL of the feed instead",
}


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a feed says outside of its items that counts for each of them."""

    kind: str
    title: str | None
    site: str | None
    language: str | None
    author: str | None  # that stands for each entry's
    bases: tuple[str | None, ...]

    def entry(self, parsed: Any) -> Entry:
        return map_entry(parsed, bases=self.bases, language=self.language, author=self.author)


def parse_feed(
    body: bytes,
    *,
    url: str | None = None,
    headers: Mapping[str, str] | None = None,
    seen: AbstractSet[str] | Mapping[str, object] = frozenset(),
) -> ParsedFeed:
    """Return the feed and its entries in document order; a feed may have no entries.

    Args:
        body: the document, decoded from its content encoding but not from its charset.
        url: where it was found, after redirects: the last base of relative links.
        headers: of the HTTP response, for the charset, language and location it declares.
        seen: digests of items that are known. Where the document can be split, they are not read again: their digests
            are in the result's `seen`, and all other entries are the same as without `seen`.

    Raises:
        ParseError: the bytes are no feed; the message says what they are.
    """
    decoded = decode(body, headers)
    base = _base(url, headers)
    text = decoded.text.lstrip("\ufeff \t\r\n\x00")
    if text[:1] in ("{", "["):
        return _with_warning(parse_json_feed(text, url=base, limit=MAX_ENTRIES), decoded.warning)
    if not text or looks_like_html(text):
        raise _not_a_feed(body, decoded.text, url)
    document = trim_xml(text)
    parts = split(_utf8(document.text))
    if parts is None:
        document, before = clean_xml(document), document
        parts = split(_utf8(document.text)) if document.text != before.text else None
    feed = _read_parts(parts, base, headers, seen) if parts else None
    if feed is None:
        feed = _read_document(document, body, url=url, base=base, headers=headers)
    feed = _with_warning(feed, decoded.warning, *document.warnings)
    if feed.warning:
        _log.info("parsed  status=%s url=%s warning=%s", feed.mode, url, feed.warning)
    return feed


def _base(url: str | None, headers: Mapping[str, str] | None) -> str | None:
    """Return the URL that relative links refer to: Content-Location, if it is of the same host (RFC 2616 14.14).

    RFC 9110 gives that header no such meaning any more, because machines behind a proxy put their own names there.
    """
    location = absolute_url(header(headers, "content-location"), url)
    if location is None or (url and urlsplit(location).hostname != urlsplit(url).hostname):
        return url
    return location


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _not_a_feed(body: bytes, text: str, url: str | None) -> ParseError:
    found = describe(body, text)
    return ParseError(url or "", f"{found}, not a feed: {_REMEDIES.get(found, 'check the URL of the feed')}")


def _with_warning(feed: ParsedFeed, *warnings: str | None) -> ParsedFeed:
    known = [warning for warning in (*warnings, feed.warning) if warning]
    return replace(feed, warning="; ".join(known)) if known else feed


# ---------------------------------------------------------------- well-formed documents


def _read_parts(
    parts: Split, url: str | None, headers: Mapping[str, str] | None, seen: AbstractSet[str] | Mapping[str, object]
) -> ParsedFeed | None:
    """Return the feed of a document that has been split; None if feedparser does not see the same items in it."""
    context = _context(parts, url, headers)
    items = parts.items[:MAX_ENTRIES]
    digests = [digest(parts.bytes_of(item), context) if item.plain else None for item in items]
    is_known = [mark is not None and mark in seen for mark in digests]
    unread = [(item, mark) for item, mark, known in zip(items, digests, is_known, strict=True) if not known]
    parsed, trouble = _feedparser(parts.only(item for item, _ in unread), headers)
    if parsed is None or trouble or not parsed["version"] or len(parsed["entries"]) != len(unread):
        return None
    frame = _frame(parsed, url)
    entries = (
        replace(frame.entry(entry), digest=mark) for entry, (_, mark) in zip(parsed["entries"], unread, strict=True)
    )
    return ParsedFeed(
        title=frame.title or frame.site or url,
        url=frame.site or url,
        language=frame.language,
        kind=frame.kind,
        entries=tuple(entries),
        warning=_too_many(len(parts.items)),
        hints=feed_hints(parts.only(()), url),
        mode="delta",
        seen=tuple(mark for mark, known in zip(digests, is_known, strict=True) if known and mark is not None),
        places=tuple(place - nth for nth, place in enumerate(i for i, known in enumerate(is_known) if known)),
    )


def _context(parts: Split, url: str | None, headers: Mapping[str, str] | None) -> bytes:
    """Return what makes the same bytes another entry; of the feed's URL, the query resolves no link."""
    base = (url or "").partition("?")[0]
    return repr((PARSER_VERSION, base, header(headers, "content-language"), parts.frame)).encode()


def _frame(parsed: Any, url: str | None) -> _Frame:
    kind = str(parsed["version"]) or "rss"
    feed = parsed["feed"]
    site = site_url(feed, url)
    return _Frame(
        kind=kind,
        title=title_text(str(dict.get(feed, "title") or "")) or None,
        site=site,
        language=feed_language(feed),
        # RFC 4287 4.2.1: the feed's author stands for each entry's.
        author=feed_author(feed) if kind.startswith("atom") else None,
        bases=(url,) if kind.startswith("atom") else (site or url, url),
    )


def _too_many(count: int) -> str | None:
    return f"{count - MAX_ENTRIES} of {count} items were left out" if count > MAX_ENTRIES else None


# ---------------------------------------------------------------- whole documents


def _read_document(
    document: Document, body: bytes, *, url: str | None, base: str | None, headers: Mapping[str, str] | None
) -> ParsedFeed:
    text = document.text
    if has_attribute_flood(_utf8(text)):
        raise ParseError(url or "", f"more than {MAX_ATTRIBUTES} attributes or namespaces: drop the source")
    parsed, trouble = _read_whole(text, headers)
    if parsed is None or not (parsed["version"] or parsed["entries"] or root_name(text) == "channel"):
        if root_name(text) in FEED_ROOTS:
            raise ParseError(url or "", f"a feed too broken to be read ({trouble or 'empty'}): try again later")
        raise _not_a_feed(body, text, url)
    frame = _frame(parsed, base)
    return ParsedFeed(
        title=frame.title or frame.site or base,
        url=frame.site or base,
        language=frame.language,
        kind=frame.kind,
        entries=tuple(map(frame.entry, parsed["entries"][:MAX_ENTRIES])),
        warning=trouble,
        hints=feed_hints(_utf8(cut_items(text, 0)), base),
        mode="repaired" if trouble else "full",
    )


def _read_whole(text: str, headers: Mapping[str, str] | None) -> tuple[Any | None, str | None]:
    """Return feedparser's result and what was wrong with the document.

    Where feedparser, strict and then loose, finds fewer items than there visibly are, repaired texts are tried.
    """
    if not text:
        return None, None
    visible = item_count(text)
    text = cut_items(text, MAX_ENTRIES) if visible > MAX_ENTRIES else text
    wanted = min(visible, MAX_ENTRIES)
    parsed, trouble = _feedparser(_utf8(text), headers)
    found = len(parsed["entries"]) if parsed is not None else 0
    if parsed is None or not (found >= wanted if found else not has_items(text)):
        for repaired in _repairs(text):
            again, _ = _feedparser(_utf8(repaired), headers)
            if again is not None and len(again["entries"]) > found:
                found, parsed = len(again["entries"]), again
                trouble = f"{trouble or 'no item could be read'}; {found} items after repair"
                break
        if parsed is None:
            parsed = _read_sound_items(text, headers)
            if parsed is not None:
                found, trouble = len(parsed["entries"]), "items that make the parser fail were left out"
        if found < wanted:
            trouble = f"{trouble or 'broken XML'}; {found} of {wanted} items could be read"
    return parsed, "; ".join(filter(None, (trouble, _too_many(visible)))) or None


def _read_sound_items(text: str, headers: Mapping[str, str] | None) -> Any | None:
    """Return feedparser's result for a document without the items that it stumbles over, each read with the frame.

    None if no item is left, or the document cannot be split.
    """
    parts = split(_utf8(_PLACES.sub("", text)))
    frame, _ = _feedparser(parts.only(()), headers) if parts else (None, None)
    if parts is None or frame is None:
        return None
    waiting: list[tuple[Item, ...]] = [parts.items[:MAX_ENTRIES]]
    reads = 0
    while waiting:
        items = waiting.pop()
        read, _ = _feedparser(parts.only(items), headers)
        reads += 1
        if read is not None:
            frame["entries"] += read["entries"]
        elif len(items) > 1 and reads < _MAX_READS:  # halves, the first of which is next
            waiting += [items[len(items) // 2 :], items[: len(items) // 2]]
    return frame if frame["entries"] else None


def _repairs(text: str) -> Iterator[str]:
    """Yield the document with less and less of its own syntax trusted."""
    placeless = _PLACES.sub("", text)
    if placeless != text:
        yield placeless
    opened = reopen(placeless)
    if opened != placeless:
        yield opened
    if recovered := _recover(opened):
        yield recovered


def _feedparser(data: bytes, headers: Mapping[str, str] | None) -> tuple[Any | None, str | None]:
    """Return feedparser's result, None if it stumbles, and what it says was wrong."""
    import feedparser

    language = header(headers, "content-language")
    sent = {"content-type": "application/xml; charset=utf-8"} | ({"content-language": language} if language else {})
    # A stream: feedparser opens bytes that look like a file name.
    stream = io.BytesIO(_set_media_captions_apart(data))
    try:
        parsed = feedparser.parse(stream, response_headers=sent, sanitize_html=False, resolve_relative_uris=False)
    except Exception as e:  # noqa: BLE001  its loose parser has no fixed set of errors on mutilated markup
        return None, f"broken XML: {type(e).__name__}"
    if not parsed["bozo"]:
        return parsed, None
    return parsed, "broken XML: " + " ".join(str(parsed["bozo_exception"]).split())[:200]


def _set_media_captions_apart(data: bytes) -> bytes:
    """Rename media:description: feedparser takes the caption of a picture for the item's content."""
    if b"media:description" not in data:
        return data
    return _MEDIA_DESCRIPTION.sub(rb"<\1media:caption>", data)


def _recover(text: str) -> str | None:
    """Return the document as libxml2 repairs it, None if nothing is left."""
    from lxml import etree

    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(_utf8(text), parser)
        return None if root is None else etree.tostring(root, encoding="unicode")
    except (etree.LxmlError, ValueError):
        return None
