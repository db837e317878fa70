"""JSON-LD of a page (https://schema.org/Article) -> what it says of the article: headline, author, date, body, access.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["ArticleData", "article_data", "read_blocks"]

_WRAPPERS = re.compile(  # comment and CDATA marks around a block
    r"\A\s*(?:<!--|/\*\s*<!\[CDATA\[\s*\*/|//\s*<!\[CDATA\[|<!\[CDATA\[)"
    r"|(?:-->|/\*\s*\]\]>\s*\*/|//\s*\]\]>|\]\]>);?\s*\Z"
)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MAX_NODES = 2_000  # nodes looked at; a product catalogue may hold more than an article ever needs
_MAX_DEPTH = 12
_ARTICLE = re.compile(r"(?:Article|BlogPosting|Blog\s?Post|Report|LiveBlogPosting|SocialMediaPosting|Posting)$")
_PAGE_TYPES = frozenset(("WebPage", "ItemPage", "VideoObject", "PodcastEpisode", "Event", "CreativeWork", "AboutPage"))


@dataclass(frozen=True, slots=True)
class ArticleData:
    """What the JSON-LD of a page says; None where it is silent."""

    headline: str | None = None
    persons: tuple[str, ...] = ()  # authors that are not said to be organisations
    organisations: tuple[str, ...] = ()  # authors that are
    published: str | None = None  # as written
    language: str | None = None
    body: str | None = None
    publisher: str | None = None
    free: bool | None = None  # isAccessibleForFree
    found: bool = False  # whether the page holds an article of its own


def read_blocks(tree: Any) -> list[Any]:
    """Return the parsed JSON-LD blocks of a page's lxml tree; blocks that cannot be read are left out."""
    scripts = (e for e in tree.iter("script") if "ld+json" in (e.get("type") or "").lower())
    return [data for script in scripts if (data := _loads(script.text or "")) is not None]


def article_data(blocks: list[Any], *, url: str | None, headings: list[str]) -> ArticleData:
    """Return what the blocks say of the page's own article.

    `url` and `headings` tell it from others that a page lists; without a sign only a sole article counts.
    """
    nodes = list(_nodes(blocks))
    articles = [node for node in nodes if any(_ARTICLE.search(kind) for kind in _types(node))]
    node = _own(articles, url, headings)
    page = next((other for other in nodes if _PAGE_TYPES.intersection(_types(other))), {})
    publisher = _names(node.get("publisher") if node else page.get("publisher"))
    source = node if node is not None else {}
    authors, known = source.get("author") or source.get("creator"), _by_id(nodes)
    return ArticleData(
        headline=_text(source.get("headline")) or _text(source.get("name")),
        persons=tuple(_names(authors, known, organisations=False)),
        organisations=tuple(_names(authors, known, organisations=True)),
        published=_text(source.get("datePublished")) or _text(page.get("datePublished")),
        language=_text(source.get("inLanguage")) or _text(page.get("inLanguage")),
        body=_text(source.get("articleBody")),
        publisher=publisher[0] if publisher else None,
        free=_access(source, page),
        found=node is not None,
    )


def _loads(text: str) -> Any | None:
    """Return a block's data; common slips (comments around it, trailing commas, escaped quotes) are mended."""
    text = _WRAPPERS.sub("", text).strip().rstrip(";")
    for candidate in (text, _TRAILING_COMMA.sub(r"\1", text), html.unescape(text)):
        try:
            return json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _nodes(blocks: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield the objects that stand for things of their own: in lists, graphs and as the main entity of a page."""
    queue: deque[tuple[Any, int]] = deque((block, 0) for block in blocks)
    seen = looked_at = 0
    while queue and seen < _MAX_NODES and looked_at < 10 * _MAX_NODES:
        value, depth = queue.popleft()
        looked_at += 1
        if depth > _MAX_DEPTH:
            continue
        if isinstance(value, list):
            queue.extend((item, depth + 1) for item in value[:_MAX_NODES])
        elif isinstance(value, dict):
            seen += 1
            yield value
            for key in ("@graph", "mainEntity", "mainEntityOfPage", "liveBlogUpdate", "author", "itemReviewed"):
                if isinstance(value.get(key), dict | list):
                    queue.append((value[key], depth + 1))


def _types(node: dict[str, Any]) -> list[str]:
    kinds = node.get("@type")
    return [str(kind).rpartition("/")[2] for kind in (kinds if isinstance(kinds, list) else [kinds]) if kind]


def _own(articles: list[dict[str, Any]], url: str | None, headings: list[str]) -> dict[str, Any] | None:
    """Return the article that the page is about."""
    wanted = {_key(heading) for heading in headings if heading}
    for node in articles:
        if _key(_text(node.get("headline")) or _text(node.get("name")) or "") in wanted:
            return node
    for node in articles:
        if url and _path(url) in {_path(link) for link in _links(node)}:
            return node
    return articles[0] if len(articles) == 1 else None


def _key(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def _path(url: str) -> str:
    return url.partition("?")[0].partition("#")[0].partition("://")[2].rstrip("/").lower()


def _links(node: dict[str, Any]) -> Iterator[str]:
    for key in ("url", "@id", "mainEntityOfPage"):
        value = node.get(key)
        value = value.get("@id") if isinstance(value, dict) else value
        if isinstance(value, str) and "://" in value:
            yield value


def _text(value: object) -> str | None:
    """Return a text value; of several the first, of a language map or typed value its content."""
    if isinstance(value, list):
        value = next(iter(value), None)
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name") or value.get("alternateName")
    return value.strip() or None if isinstance(value, str) else None


def _by_id(nodes: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str) and node.get("name")}


def _names(
    value: object, known: dict[str, dict[str, Any]] | None = None, *, organisations: bool | None = None
) -> list[str]:
    """Return the names of persons, of organisations or (None) of both, references to other nodes resolved."""
    names: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and not item.get("name") and isinstance(item.get("@id"), str):
            item = (known or {}).get(item["@id"], item)
        is_organisation = isinstance(item, dict) and any(kind.endswith("Organization") for kind in _types(item))
        if organisations is not None and organisations != is_organisation:
            continue
        name = item.get("name") if isinstance(item, dict) else item
        names += [part.strip() for part in (name if isinstance(name, list) else [name]) if isinstance(part, str)]
    return [name for name in dict.fromkeys(names) if name]


def _access(article: dict[str, Any], page: dict[str, Any]) -> bool | None:
    """Return isAccessibleForFree; False if that of any part is, for only then a part is worth a word."""
    parts = article.get("hasPart")
    nodes = [article, page, *(parts[:20] if isinstance(parts, list) else [parts])]
    stated = [_truth(node.get("isAccessibleForFree")) for node in nodes if isinstance(node, dict)]
    return False if False in stated else next((value for value in stated if value is not None), None)


def _truth(value: object) -> bool | None:
    """Return a truth value, which publishers write as a boolean or as text."""
    if isinstance(value, str) and value.strip():
        return value.strip().lower().rpartition("/")[2] not in ("false", "no", "0")
    return value if isinstance(value, bool) else None
