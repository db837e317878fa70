"""Lists of articles in the JSON that a page carries: JSON-LD (https://schema.org/ItemList, BlogPosting and the like),
`__NEXT_DATA__`, the stream of React server components (`self.__next_f.push`), assignments in scripts.

JSON-LD says what it is. In other JSON a list counts if its objects have a title, an address and, most of them, a date:
menus have no dates.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from aiwire.types import Entry
from ingest.dates import parse_date
from ingest.htmltext import html_to_text, title_text
from ingest.links import absolute_url
from ingest.pages.jsonld import read_blocks
from ingest.sites.articleurls import may_be_article

__all__ = ["embedded_lists"]

_MAX_NODES = 100_000  # values looked at in one page
_MAX_DEPTH = 60
_MAX_SUMMARY = 1000
_MIN_DATED = 0.6
_WRAPPERS = ("node", "attributes", "fields", "item", "data", "frontmatter", "properties", "post", "article", "content")
_TITLES = ("headline", "title", "name", "heading", "postTitle", "metaTitle", "hed", "dangerousHed")
_ADDRESSES = ("url", "href", "link", "permalink", "path", "uri", "canonicalUrl", "fullSlug", "@id", "slug")
_SUMMARIES = ("description", "summary", "excerpt", "abstract", "subtitle", "dek", "dangerousDek", "teaser", "intro")
_DATE_KEY = re.compile(
    r"_?(?:date|time)|_?(?:date|time)?[-_]?(?:first|last)?[-_]?(?:publish|release|post|creat|display|publication|pub)"
    r"(?:ed|ion|d)?(?:[-_]?(?:on|at|date|time|timestamp))?|(?:post|news|article|start)[-_]?date|createdTime",
    re.I,
)
_DOUBTFUL = re.compile(r"\s*\d{1,2}([./-])\d{1,2}\1\d{4}\s*")  # day or month first
_LD_ARTICLE = re.compile(r"(?:Article|BlogPosting|Report|Posting|PressRelease)$")
_LD_MENUS = frozenset(("BreadcrumbList", "SiteNavigationElement", "WebSite", "Organization", "FAQPage", "HowTo"))
_FLIGHT = re.compile(r'self\.__next_f\.push\(\[1,\s*("(?:[^"\\]|\\.)*+")\]\)', re.S)
_FLIGHT_ROW = re.compile(r"^[0-9a-f]+:(?=[\[{])", re.M)
_ASSIGNED = re.compile(r"\A\s*(?:(?:var|let|const)\s+)?(?:window\.|self\.)?[\w.$]+\s*=\s*(?=[\[{])")


def embedded_lists(tree: Any, *, url: str, base: str, known: Iterable[str]) -> list[tuple[Entry, ...]]:
    """Return the lists of at least two articles in a page's JSON, each URL once in a list.

    Args:
        tree: the page (lxml).
        url: of the page.
        base: what relative addresses refer to.
        known: the URLs of the page's links: they tell what stands before a bare slug.
    """
    slugs: dict[str, str] = {}
    for link in known:
        slugs.setdefault(_last_segment(link), link)
    places = _Places(url, base, slugs)
    found = [places.entries(_ld_articles(read_blocks(tree)))]
    for data in _script_data(tree):
        alike: dict[int, dict[str, Entry]] = {}
        for path, value in _lists(data):
            entries = places.entries(item for item in value if isinstance(item, dict))
            dated = sum(entry.published is not None for entry in entries)
            if dated >= _MIN_DATED * len(entries) and len(entries) * 2 > len(value):
                one = alike.setdefault(path, {})
                for entry in entries:
                    one.setdefault(entry.url or "", entry)
        found += [tuple(entries.values()) for entries in alike.values()]
    return [entries for entries in found if len(entries) > 1]


def _last_segment(url: str) -> str:
    return urlsplit(url).path.rstrip("/").rpartition("/")[2]


# ---------------------------------------------------------------- scripts


def _script_data(tree: Any) -> Iterator[Any]:
    """Yield the JSON values in a page's scripts other than JSON-LD."""
    flight: list[str] = []
    for script in tree.iter("script"):
        text, kind = script.text or "", (script.get("type") or "").lower()
        if "ld+json" in kind or not text:
            continue
        if "json" in kind:
            yield _loads(text)
        elif "__next_f" in text:
            flight += [str(_loads(match[1]) or "") for match in _FLIGHT.finditer(text)]
        elif match := _ASSIGNED.match(text):
            yield _first_value(text, match.end())
    rows = "".join(flight)
    for match in _FLIGHT_ROW.finditer(rows):
        yield _first_value(rows, match.end())


def _loads(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _first_value(text: str, start: int) -> Any:
    """Return the JSON value that begins at `start`, whatever follows it."""
    try:
        return _DECODER.raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return None


_DECODER = json.JSONDecoder(strict=False)


def _lists(data: Any) -> Iterator[tuple[int, list[Any]]]:
    """Yield every list of at least two values, the outer before the inner, with the number of its path of keys.

    The items of a list have the same path: so what a page shows in several boxes of one kind is one list.
    """
    paths: dict[tuple[int, str], int] = {}
    stack: list[tuple[Any, int, int]] = [(data, 0, 0)]
    seen = 0
    while stack and seen < _MAX_NODES:
        value, path, depth = stack.pop()
        seen += 1
        if depth > _MAX_DEPTH:
            continue
        if isinstance(value, list):
            if len(value) > 1:
                yield path, value
            inner = [("", item) for item in value]
        else:
            inner = list(value.items()) if isinstance(value, dict) else []
        for key, item in reversed(inner):
            if isinstance(item, list | dict):
                stack.append((item, paths.setdefault((path, key), len(paths) + 1), depth + 1))


def _ld_articles(blocks: Any) -> Iterator[dict[str, Any]]:
    """Yield the articles of JSON-LD, and the things that its lists name, in order."""
    stack: list[Any] = [blocks]
    seen = 0
    while stack and seen < _MAX_NODES:
        value = stack.pop()
        seen += 1
        if isinstance(value, list):
            stack.extend(reversed(value))
        elif isinstance(value, dict):
            kinds = _kinds(value)
            if kinds & _LD_MENUS and not {"WebSite", "Organization"} & kinds:
                continue
            if "ListItem" in kinds or any(_LD_ARTICLE.search(kind) for kind in kinds):
                yield value
            else:
                stack.extend(item for item in reversed(value.values()) if isinstance(item, list | dict))


def _kinds(node: Mapping[str, Any]) -> set[str]:
    kinds = node.get("@type")
    return {str(kind).rpartition("/")[2] for kind in (kinds if isinstance(kinds, list) else [kinds]) if kind}


# ---------------------------------------------------------------- objects


class _Places:
    """Turns objects into entries, with the addresses of one page."""

    def __init__(self, url: str, base: str, slugs: Mapping[str, str]) -> None:
        self._url, self._base, self._slugs = url, base, slugs

    def entries(self, objects: Iterable[dict[str, Any]]) -> tuple[Entry, ...]:
        """Return the entries of those objects that have a title and an address, each URL once."""
        found: dict[str, Entry] = {}
        for value in objects:
            flat = _flat(value)
            title = next((text for key in _TITLES if (text := title_text(_string(flat.get(key))))), "")
            address = self._address(flat)
            if title and address:
                date = _date(flat)
                summary = next((text for key in _SUMMARIES if (text := html_to_text(_string(flat.get(key))))), None)
                found.setdefault(address, _entry(address, title, date, summary))
        return tuple(found.values())

    def _address(self, flat: Mapping[str, Any]) -> str | None:
        for key in _ADDRESSES:
            text = _string(flat.get(key))
            if not text or text.startswith("#") or " " in text:
                continue
            address = self._of_slug(text) if key == "slug" else absolute_url(text, self._base)
            if address and may_be_article(address := address.partition("#")[0], self._url):
                return address
        return None

    def _of_slug(self, slug: str) -> str | None:
        """Return the URL behind a slug: that of a link that ends with it, else the page's own URL with it."""
        if slug.startswith(("http://", "https://", "/")):
            return absolute_url(slug, self._base)
        known = self._slugs.get(slug.strip("/").rpartition("/")[2])
        return known or absolute_url(slug, self._url.partition("?")[0].partition("#")[0].rstrip("/") + "/")


def _entry(url: str, title: str, date: datetime | None, summary: str | None) -> Entry:
    return Entry(
        guid=None,
        url=url,
        title=title,
        published=date,
        date_source="published" if date else None,
        summary=summary[:_MAX_SUMMARY] if summary else None,
    )


def _flat(value: dict[str, Any]) -> dict[str, Any]:
    """Return an object with what its wrappers hold: {"node": {...}}, {"attributes": {...}}, {"item": {...}}."""
    flat = dict(value)
    for key in _WRAPPERS:
        inner = flat.get(key)
        if isinstance(inner, dict):
            attributes = inner.get("attributes")
            flat = {**(attributes if isinstance(attributes, dict) else inner), **flat}
    return flat


def _string(value: object) -> str:
    """Return a text value; of {"current": slug}, {"rendered": title}, {"href": url} and the like the text in it."""
    if isinstance(value, dict):
        inner = (value.get(key) for key in ("current", "rendered", "href", "url", "@id", "@value", "en", "text"))
        value = next((text for text in inner if isinstance(text, str)), None)
    return value.strip() if isinstance(value, str) else ""


def _date(flat: Mapping[str, Any]) -> datetime | None:
    """Return the first date of an object; one that may be read in two ways, such as 03.08.2026, after all others."""
    texts = [
        str(value)
        for key, value in flat.items()
        if isinstance(value, str | int) and not isinstance(value, bool) and _DATE_KEY.fullmatch(key)
    ]
    texts.sort(key=lambda text: _DOUBTFUL.fullmatch(text) is not None)
    return next((date for text in texts if (date := parse_date(text))), None)
