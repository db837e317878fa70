"""Feed bytes -> entries: RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0 (read by feedparser) and JSON Feed.

feedparser is given UTF-8 and no URL: it then neither guesses charsets nor rewrites guids, and relative links are
resolved here, against xml:base, the site and the feed in the order that the format asks for.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from aiwire.exceptions import ParseError
from aiwire.types import ParsedFeed
from ingest.charset import decode
from ingest.documents import (
    FEED_ROOTS,
    describe,
    has_items,
    item_count,
    looks_like_html,
    prepare_xml,
    reopen,
    root_name,
)
from ingest.entries import feed_language, map_entry, site_url
from ingest.htmltext import title_text
from ingest.jsonfeed import parse_json_feed

__all__ = ["parse_feed"]

_log = logging.getLogger(__name__)

# feedparser 6.0.14 ends in a KeyError at a gml:pos outside of georss:where; places are of no use here.
_PLACES = re.compile(r"</?(?:gml|georss|geo):[^<>]*>")
_MEDIA_DESCRIPTION = re.compile(r"<(/?)media:description\b[^<>]*>")

_REMEDIES = {
    "an HTML page": 'look in it for a link to the feed, or declare the source as kind = "listing"',
    "an empty document": "the server sent nothing; try again later or check the URL",
    "a sitemap": "give the URL of the feed instead",
}


def parse_feed(body: bytes, *, url: str | None = None, headers: Mapping[str, str] | None = None) -> ParsedFeed:
    """Return the feed and its entries in document order; a feed may have no entries.

    Args:
        body: the document, decoded from its content encoding but not from its charset.
        url: where it was found, after redirects: the last base of relative links.
        headers: of the HTTP response, for the charset and language it declares.

    Raises:
        ParseError: the bytes are no feed; the message says what they are.
    """
    decoded = decode(body, headers)
    start = decoded.text.lstrip("\ufeff \t\r\n\x00")[:1]
    if start in ("{", "["):
        feed = parse_json_feed(decoded.text.lstrip("\ufeff \t\r\n\x00"), url=url)
        return _with_warning(feed, decoded.warning)
    if not start or looks_like_html(decoded.text):
        raise _not_a_feed(body, decoded.text, url)
    document = prepare_xml(decoded.text)
    parsed, trouble = _read(document.text, headers) if document.text else (None, None)
    if parsed is None or not (parsed["version"] or parsed["entries"] or root_name(document.text) == "channel"):
        if root_name(document.text) in FEED_ROOTS:
            raise ParseError(url or "", f"a feed too broken to be read ({trouble or 'empty'}): try again later")
        raise _not_a_feed(body, decoded.text, url)
    warnings = [warning for warning in (decoded.warning, *document.warnings, trouble) if warning]
    if warnings:
        _log.info("parsed  status=repaired url=%s warning=%s", url, "; ".join(warnings))
    return _to_feed(parsed, url, "; ".join(warnings) or None)


def _not_a_feed(body: bytes, text: str, url: str | None) -> ParseError:
    found = describe(body, text)
    return ParseError(url or "", f"{found}, not a feed: {_REMEDIES.get(found, 'check the URL of the feed')}")


def _with_warning(feed: ParsedFeed, warning: str | None) -> ParsedFeed:
    return replace(feed, warning="; ".join(filter(None, (warning, feed.warning)))) if warning else feed


def _read(text: str, headers: Mapping[str, str] | None) -> tuple[Any | None, str | None]:
    """Return feedparser's result and what was wrong with the document.

    Where feedparser, strict and then loose, finds fewer items than there visibly are, repaired texts are tried.
    """
    parsed, trouble = _feedparser(text, headers)
    found = len(parsed["entries"]) if parsed is not None else 0
    if parsed is not None and (found >= item_count(text) if found else not has_items(text)):
        return parsed, trouble
    for repaired in _repairs(text):
        again, _ = _feedparser(repaired, headers)
        if again is not None and len(again["entries"]) > found:
            found, parsed = len(again["entries"]), again
            trouble = f"{trouble or 'no item could be read'}; {found} items after repair"
            break
    if found < item_count(text):
        trouble = f"{trouble or 'broken XML'}; {found} of {item_count(text)} items could be read"
    return parsed, trouble


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


def _feedparser(text: str, headers: Mapping[str, str] | None) -> tuple[Any | None, str | None]:
    import feedparser

    language = next((value for key, value in (headers or {}).items() if key.lower() == "content-language"), None)
    sent = {"content-type": "application/xml; charset=utf-8"} | ({"content-language": language} if language else {})
    # A stream: feedparser opens bytes that look like a file name and strings that look like a URL.
    stream = io.BytesIO(_set_media_captions_apart(text).encode("utf-8", "replace"))
    try:
        parsed = feedparser.parse(stream, response_headers=sent, sanitize_html=False, resolve_relative_uris=False)
    except Exception as e:  # noqa: BLE001  its loose parser has no fixed set of errors on mutilated markup
        return None, f"broken XML: {type(e).__name__}"
    if not parsed["bozo"]:
        return parsed, None
    return parsed, "broken XML: " + " ".join(str(parsed["bozo_exception"]).split())[:200]


def _set_media_captions_apart(text: str) -> str:
    """Rename media:description: feedparser takes the caption of a picture for the item's content."""
    if "media:description" not in text:
        return text
    return _MEDIA_DESCRIPTION.sub(r"<\1media:caption>", text)


def _recover(text: str) -> str | None:
    """Return the document as libxml2 repairs it, None if nothing is left."""
    from lxml import etree

    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
        return None if root is None else etree.tostring(root, encoding="unicode")
    except (etree.LxmlError, ValueError):
        return None


def _to_feed(parsed: Any, url: str | None, warning: str | None) -> ParsedFeed:
    kind = str(parsed["version"]) or "rss"
    feed = parsed["feed"]
    site = site_url(feed, url)
    language = feed_language(feed)
    atom_author = feed if kind.startswith("atom") else None  # RFC 4287 4.2.1: the feed's author stands for each entry's
    bases = (url,) if kind.startswith("atom") else (site or url, url)
    entries: Iterable[Any] = parsed["entries"]
    return ParsedFeed(
        title=title_text(str(dict.get(feed, "title") or "")) or None,
        url=site,
        language=language,
        kind=kind,
        entries=tuple(map_entry(entry, bases=bases, language=language, feed=atom_author) for entry in entries),
        warning=warning,
    )
