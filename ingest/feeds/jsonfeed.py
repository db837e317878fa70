"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/) -> ParsedFeed.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from aiwire.exceptions import ParseError
from aiwire.types import Enclosure, Entry, FeedHints, ParsedFeed
from ingest.dates import parse_date
from ingest.htmltext import title_text
from ingest.links import absolute_markup, absolute_url

__all__ = ["language_tag", "parse_json_feed"]

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half of an escaped pair: no text can be written with it


def parse_json_feed(text: str, *, url: str | None = None, limit: int = 5_000) -> ParsedFeed:
    """Return the feed and its entries, at most `limit`. `url` is where it was found: the base of relative links.

    Raises:
        ParseError: the text is not JSON, or JSON but not a JSON Feed.
    """
    feed = _load(text, url or "")
    version = _string(feed.get("version")) or ""
    site = absolute_url(_string(feed.get("home_page_url")), url)
    base = site or url
    language = language_tag(_string(feed.get("language")))
    items = [item for item in feed["items"] if isinstance(item, dict) and item]
    authors = _authors(feed)
    flaws = [] if "jsonfeed.org/version/" in version else ["JSON without a JSON Feed version"]
    if len(items) > limit:
        flaws.append(f"{len(items) - limit} of {len(items)} items were left out")
    return ParsedFeed(
        title=title_text(_string(feed.get("title")) or "") or site or url,
        url=site or url,
        language=language,
        kind="json11" if version.rstrip("/").endswith("1.1") else "json10",
        entries=tuple(_entry(item, base, language, authors) for item in items[:limit]),
        warning="; ".join(flaws) or None,
        hints=FeedHints(hub=next(_hubs(feed.get("hubs"), url), None)),
        mode="json",
    )


def _hubs(hubs: object, url: str | None) -> Iterator[str]:
    for hub in hubs if isinstance(hubs, list) else []:
        if isinstance(hub, dict) and (_string(hub.get("type")) or "").lower() in ("websub", "pubsubhubbub"):
            address = absolute_url(_string(hub.get("url")), url)
            if address:
                yield address


def language_tag(text: str | None) -> str | None:
    """Return `text` as a language tag (BCP 47), None if it has not the form of one."""
    tag = (text or "").strip().replace("_", "-")
    return tag if _LANGUAGE.match(tag) else None


def _load(text: str, url: str) -> dict[str, Any]:
    try:
        data = json.loads(text, strict=False)
    except (ValueError, RecursionError) as e:
        reason = e.args[0] if isinstance(e, ValueError) and e.args else "nested too deep"
        raise ParseError(url, f"broken JSON ({reason}): ask the publisher, or try again later") from e
    if not isinstance(data, dict) or not isinstance(data.get("items"), list):
        raise ParseError(url, "JSON, but not a JSON Feed (it has no list of items): check the URL of the feed")
    if "jsonfeed.org" not in str(data.get("version", "")) and not any(
        isinstance(item, dict) and {"url", "external_url", "content_html", "content_text"} & item.keys()
        for item in data["items"]
    ):
        raise ParseError(url, "JSON, but not a JSON Feed (it names no version): check the URL of the feed")
    return data


def _string(value: object) -> str | None:
    """Return a text or a number as stripped text, None for anything else or nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return _SURROGATE.sub("\ufffd", str(value)).strip() or None


def _entry(item: dict[str, Any], base: str | None, language: str | None, feed_authors: str | None) -> Entry:
    guid = _string(item.get("id"))
    published = parse_date(_string(item.get("date_published")))
    updated = parse_date(_string(item.get("date_modified")))
    content = _string(item.get("content_html")) or _string(item.get("content_text"))
    summary = _string(item.get("summary"))
    enclosures = _enclosures(item.get("attachments"), base)
    candidates = (item.get("url"), item.get("external_url"), guid)
    link = next((url for value in candidates if (url := _link(value, base, guid))), None)
    return Entry(
        guid=guid,
        url=link or (enclosures[0].url if enclosures else None),
        title=title_text(_string(item.get("title")) or ""),
        author=_authors(item) or feed_authors,
        published=published or updated,
        updated=updated,
        date_source="published" if published else "updated" if updated else None,
        summary=summary if summary != content else None,
        content=absolute_markup(content, base) if content else None,
        language=language_tag(_string(item.get("language"))) or language,
        enclosures=enclosures,
    )


def _link(value: object, base: str | None, guid: str | None) -> str | None:
    """Return an item's URL; an id serves only where it is a whole URL itself."""
    text = _string(value)
    return absolute_url(text) if text is not None and text == guid else absolute_url(text, base)


def _authors(owner: dict[str, Any]) -> str | None:
    """Return the names of `authors` (1.1) and `author` (1.0), in order, each once."""
    listed = owner.get("authors")
    people = [*(listed if isinstance(listed, list) else [listed]), owner.get("author")]
    names = [title_text(_string(person.get("name") if isinstance(person, dict) else person) or "") for person in people]
    return ", ".join(dict.fromkeys(name for name in names if name)) or None


def _enclosures(attachments: object, base: str | None) -> tuple[Enclosure, ...]:
    found: dict[str, Enclosure] = {}
    for item in attachments if isinstance(attachments, list) else []:
        if isinstance(item, dict) and (url := absolute_url(_string(item.get("url")), base)):
            size = item.get("size_in_bytes")
            length = size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None
            found.setdefault(url, Enclosure(url, _string(item.get("mime_type")), length))
    return tuple(found.values())
