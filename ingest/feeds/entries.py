"""One item as feedparser gives it -> Entry: the choice of link, date, text, author and language.

feedparser's dictionaries answer one key with another's value ("updated" with "published"): `dict.get` does not.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from aiwire.types import Enclosure, Entry
from ingest.dates import from_struct, parse_date
from ingest.feeds.jsonfeed import language_tag
from ingest.htmltext import html_to_text, title_text
from ingest.links import absolute_markup, absolute_url, is_web_url

__all__ = ["display_title", "feed_author", "feed_language", "map_entry", "site_url"]

_HTML_TYPES = frozenset(("text/html", "application/xhtml+xml"))
_TITLE_CHARS = 100  # of a title that is made of the text
_DATE_FIELDS = ("published", "updated", "created")


def map_entry(entry: Any, *, bases: tuple[str | None, ...], language: str | None, author: str | None) -> Entry:
    """Return the Entry of a feedparser entry.

    `bases` resolve relative links; `language` and `author` are the feed's, for what the entry does not say itself.
    """
    enclosures = tuple(_enclosures(entry, bases))
    dates = {field: _date(entry, field) for field in _DATE_FIELDS}
    date_source = next((field for field in _DATE_FIELDS if dates[field]), None)
    content, summary = _texts(entry, bases)
    return Entry(
        guid=_string(entry, "id"),
        url=_link(entry, bases) or _medium(entry, enclosures),
        title=_title(entry),
        author=_author(entry) or author,
        published=dates[date_source] if date_source else None,
        updated=dates["updated"],
        date_source=date_source,
        summary=summary,
        content=content,
        language=_language(entry) or language,
        enclosures=enclosures,
    )


def display_title(entry: Entry) -> str:
    """Return what to show as an entry's title: its own, else the start of its text, else its URL.

    `Entry.title` stays empty where the publisher gives none: the page's own title may still come, and what is made up
    here is no part of an entry's identity.
    """
    if entry.title:
        return entry.title
    line = html_to_text(entry.summary or entry.content or "").partition("\n")[0]
    if len(line) > _TITLE_CHARS:
        line = line[:_TITLE_CHARS].rsplit(" ", 1)[0] + "…"
    return line or entry.url or ""


def site_url(feed: Any, url: str | None) -> str | None:
    """Return the web site that the feed's own dictionary names, as an absolute URL."""
    return next((found for link in _page_links(feed) if (found := absolute_url(link, url))), None)


def feed_author(feed: Any) -> str | None:
    """Return the authors that the feed's own dictionary names, parted by commas."""
    return _author(feed)


def feed_language(feed: Any) -> str | None:
    """Return the language that the feed's own dictionary declares."""
    return language_tag(_string(feed, "language"))


def _string(owner: Any, key: str) -> str | None:
    """Return a text value; feedparser stores a dictionary instead where an unknown element has attributes."""
    value = dict.get(owner, key)
    return value.strip() or None if isinstance(value, str) else None


def _dicts(owner: Any, key: str) -> list[Any]:
    value = dict.get(owner, key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _detail(owner: Any, key: str) -> Any:
    value = dict.get(owner, key + "_detail")
    return value if isinstance(value, dict) else {}


def _title(entry: Any) -> str:
    value = _string(entry, "title") or ""
    # Atom titles of type "text" hold no markup, so "<div>" in one is meant to be read (RFC 4287 3.1.1.1).
    if _detail(entry, "title").get("type") == "text/plain" and "</" not in value:
        return " ".join(html.unescape(value).split())
    return title_text(value)


def _page_links(owner: Any) -> Iterator[str]:
    """Yield the links to an item's or feed's page, best first."""
    links = [link for link in _dicts(owner, "links") if isinstance(link.get("href"), str)]
    for types in (_HTML_TYPES, None):
        for link in links:
            if link.get("rel", "alternate") == "alternate" and (types is None or link.get("type") in types):
                yield link["href"]


def _link(entry: Any, bases: tuple[str | None, ...]) -> str | None:
    original = absolute_url(_string(entry, "feedburner_origlink"), *bases)
    if original:
        return original
    base = _detail(entry, "title").get("base") or None
    for page in _page_links(entry):
        if url := absolute_url(page, base, *bases):
            return url
    guid = _string(entry, "id")
    if is_web_url(guid):
        return absolute_url(guid)
    # feedparser offers any guid that is not declared otherwise as a link: "4711" is none, "/news/4711" is.
    link = _string(entry, "link")
    return absolute_url(link, base, *bases) if link and (link != guid or link.startswith("/")) else None


def _medium(entry: Any, enclosures: tuple[Enclosure, ...]) -> str | None:
    """Return the URL of what an item without a link consists of; a preview picture is not it."""
    has_more = any(link.get("rel") == "enclosure" for link in _dicts(entry, "links")) or _dicts(entry, "media_content")
    return enclosures[0].url if enclosures and has_more else None


def _date(entry: Any, field: str) -> datetime | None:
    text = _string(entry, field)
    return parse_date(text) or from_struct(dict.get(entry, field + "_parsed"), text)


def _texts(entry: Any, bases: tuple[str | None, ...]) -> tuple[str | None, str | None]:
    """Return content and summary; the summary only where it says something else than the content."""
    contents = [item for item in _dicts(entry, "content") if _is_text(item) and _string(item, "value")]
    best = max(contents, key=lambda item: len(item["value"]), default=None)
    content = absolute_markup(best["value"].strip(), best.get("base") or None, *bases) if best else None
    summary = _string(entry, "summary")
    if summary:
        summary = absolute_markup(summary, _detail(entry, "summary").get("base") or None, *bases)
    if summary and content and _same_text(summary, content):
        summary = None
    if not summary and not content:
        summary = _string(entry, "media_caption")
    return content, summary


def _is_text(content: Any) -> bool:
    kind = content.get("type") or "text/html"
    return isinstance(kind, str) and (kind.startswith("text/") or kind.endswith(("xml", "html")))


def _same_text(one: str, other: str) -> bool:
    return one == other or (len(one) < 2 * len(other) < 4 * len(one) and html_to_text(one) == html_to_text(other))


def _author(owner: Any) -> str | None:
    """Return the names of an item's authors, or their addresses where no name is given."""
    people = _dicts(owner, "authors") or [_detail(owner, "author")]
    names = [title_text(_string(person, "name") or _string(person, "email") or "") for person in people]
    joined = ", ".join(dict.fromkeys(name for name in names if name))
    return joined or title_text(_string(owner, "author") or "") or None


def _language(entry: Any) -> str | None:
    declared = language_tag(_string(entry, "language"))
    if declared:
        return declared
    details = [*_dicts(entry, "content"), _detail(entry, "title"), _detail(entry, "summary")]
    return next((tag for detail in details if (tag := language_tag(_string(detail, "language")))), None)


def _enclosures(entry: Any, bases: tuple[str | None, ...]) -> Iterator[Enclosure]:
    """Yield enclosures, media:content and at last preview pictures, each URL once."""
    seen: set[str] = set()
    links = [link for link in _dicts(entry, "links") if link.get("rel") == "enclosure"]
    # FeedBurner put its own counting address in the enclosure, and the publisher's beside it.
    original = absolute_url(_string(entry, "feedburner_origenclosurelink"), *bases)
    for item in [*links, *_dicts(entry, "media_content"), *_dicts(entry, "media_thumbnail")]:
        url = absolute_url(_string(item, "href") or _string(item, "url"), *bases)
        if original and links and item is links[0]:
            url = original
        if url and url not in seen:
            seen.add(url)
            size = _string(item, "length") or _string(item, "filesize") or ""
            length = int(size) if size.isascii() and size.isdigit() and len(size) < 16 else 0
            yield Enclosure(url, _string(item, "type"), length or None)
