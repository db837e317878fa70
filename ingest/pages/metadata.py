"""Metadata of an HTML page by a cascade: JSON-LD, then meta elements, then what the page shows.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from ingest.feeds.jsonfeed import language_tag
from ingest.htmltext import title_text
from ingest.links import absolute_url
from ingest.pages.jsonld import ArticleData, article_data, read_blocks
from ingest.pages.pageauthor import page_author
from ingest.pages.pagedate import may_be_article, page_date
from ingest.pages.pagetree import meta_contents, meta_values, visible
from ingest.urls import host_key

__all__ = ["Metadata", "read_metadata"]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a page says of itself; `body` is the article as its JSON-LD carries it."""

    title: str | None
    author: str | None
    published: datetime | None
    date_source: str | None  # json-ld, meta, time, url, shown, htmldate; selector by a source's own rule
    canonical_url: str | None
    language: str | None
    free: bool | None  # isAccessibleForFree of its JSON-LD
    body: str | None


_TITLE_METAS = ("og:title", "twitter:title", "parsely-title", "dc.title", "dcterms.title", "citation_title")
_SITE_METAS = ("og:site_name", "application-name", "twitter:app:name:iphone", "al:ios:app_name")
_SEPARATOR = re.compile(r"\s+(?:[|\-–—:•·»«~/]|::)\s+|\s*[|｜»]\s*|:\s+|(?<=[\u3000-\u9fff\uff00-\uffef])\s*[-–—_]+\s*")
_PLATFORMS = (".substack.com", ".medium.com", ".github.io", ".wordpress.com", ".blogspot.com", ".ghost.io")
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_MAX_HEADINGS = 20  # headings and canonical links looked at
_TITLE = 1_000  # characters; no title is longer
_AGREED = 0.5  # share of words that a heading and another title must have in common


def read_metadata(tree: Any, *, url: str | None) -> Metadata:
    """Return the metadata of a page. `tree` is its lxml tree, `url` where it was found."""
    metas = meta_contents(tree)
    canonical = _canonical(tree, metas, url)
    headings = [text for element in islice(tree.iter("h1"), _MAX_HEADINGS) if (text := visible(element, limit=_TITLE))]
    shown = next(
        (text for element in tree.iter("title") if _in_head(element) and (text := visible(element, limit=_TITLE))), None
    )
    stated = meta_values(metas, _TITLE_METAS)
    data = article_data(read_blocks(tree), url=canonical or url, headings=[*headings, *stated])
    publisher = [data.publisher] if data.publisher else []
    sites = [*meta_values(metas, _SITE_METAS), *publisher, *_host_names(canonical or url)]
    published, rung = page_date(tree, metas, data, url=canonical or url)
    return Metadata(
        title=_title(data, metas, shown, headings, sites, not may_be_article(metas, data)),
        author=page_author(tree, metas, data, sites=sites),
        published=published,
        date_source=rung,
        canonical_url=canonical,
        language=_language(tree, metas, data),
        free=data.free,
        body=data.body,
    )


# ---------------------------------------------------------------- reading the tree


def _in_head(element: Any) -> bool:
    """Whether a title is the page's own and not that of an SVG image."""
    parent = element.getparent()
    return parent is None or parent.tag in ("head", "html", "body")


# ---------------------------------------------------------------- canonical URL and language


def _canonical(tree: Any, metas: dict[str, list[str]], url: str | None) -> str | None:
    """Return the URL that the page declares for itself; a front page declared by an inner page is a slip of its CMS."""
    links = (e.get("href") for e in tree.iter("link") if "canonical" in (e.get("rel") or "").lower().split())
    for link in [*islice(links, _MAX_HEADINGS), *metas.get("og:url", ())]:
        found = absolute_url(link, url)
        if found and not (_is_front(found) and url and not _is_front(url)):
            return found
    return None


def _is_front(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.path in ("", "/") and not parts.query


def _language(tree: Any, metas: dict[str, list[str]], data: ArticleData) -> str | None:
    roots = list(tree.iter("html"))[:1]
    declared = [root.get(name) for root in roots for name in ("lang", _XML_LANG, "xml:lang")]
    candidates = [*declared, *metas.get("og:locale", ()), *metas.get("content-language", ()), data.language]
    return next((tag for text in candidates if text and (tag := language_tag(text.partition(",")[0]))), None)


# ---------------------------------------------------------------- title


def _title(
    data: ArticleData,
    metas: dict[str, list[str]],
    shown: str | None,
    headings: list[str],
    sites: list[str],
    is_other: bool,
) -> str | None:
    """Return the heading that the page shows, if another source confirms it; else what the sources say.

    `is_other`: the page calls itself no article; the headings of such pages are slogans.
    """
    stated = [title_text(text[:_TITLE]) for text in [data.headline, *meta_values(metas, _TITLE_METAS), shown] if text]
    names = {_key(site) for site in sites}
    shown_headings = [heading for heading in headings if len(heading) < 300 and _key(heading) not in names]
    best = max(shown_headings, key=lambda heading: _agreement(heading, stated), default=None)
    if best is None or (stated and (is_other or _agreement(best, stated) < _AGREED)):
        best = stated[0] if stated else None
    if best is None:
        return None
    best = _without_site(best, names)
    # Headings are often set in another case or with other quotes than the title that the page gives away.
    spellings = (_without_site(text, names) for text in stated)
    return next((text for text in spellings if _key(text) == _key(best)), best)


def _key(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def _agreement(heading: str, stated: list[str]) -> float:
    """Return how much of a heading's words another title shares (Dice), 0..1."""
    words = set(re.findall(r"\w+", heading.lower()))
    best = 0.0
    for text in stated:
        for part in (text, *_SEPARATOR.split(text)):
            other = set(re.findall(r"\w+", part.lower()))
            if words and other:
                best = max(best, 2 * len(words & other) / (len(words) + len(other)))
    return best


def _without_site(title: str, names: set[str]) -> str:
    """Cut the site's name off a title: "Headline | Site", "Site: Headline", "site.com Headline"."""
    first, _, rest = title.partition(" ")
    if "." in first.strip(".") and _key(first) in names and rest:
        title = rest
    while True:
        cuts = [(match.start(), match.end()) for match in _SEPARATOR.finditer(title)]
        if not cuts:
            return title
        head, tail = title[: cuts[-1][0]], title[cuts[-1][1] :]
        is_bar = "|" in title[cuts[-1][0] : cuts[-1][1]]
        if _key(tail) in names or (is_bar and len(tail.split()) <= 4 < len(head.split())):
            title = head
        elif _key(title[: cuts[0][0]]) in names:
            title = title[cuts[0][1] :]
        else:
            return title


def _host_names(url: str | None) -> list[str]:
    """Return the names that a host suggests: "www.the-site.co.uk" -> "the-site.co.uk", "the-site"."""
    try:
        host = (urlsplit(url or "").hostname or "").removeprefix("www.")
    except ValueError:
        return []
    if host.endswith(_PLATFORMS):  # there the first label is the writer's
        host = host.partition(".")[2]
    if not host:
        return []
    return [host, host_key(f"https://{host}/"), *[label for label in host.split(".") if len(label) > 3]]
