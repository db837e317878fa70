"""Metadata of an HTML page by a cascade: JSON-LD, then meta elements, then what the page shows.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ingest.htmltext import title_text
from ingest.jsonfeed import language_tag
from ingest.jsonld import ArticleData, article_data, read_blocks
from ingest.links import absolute_url
from ingest.pagedate import page_date
from ingest.pagetree import classes, meta_contents, meta_values, visible

__all__ = ["Metadata", "read_metadata"]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a page says of itself; `body` is the article as its JSON-LD carries it."""

    title: str | None
    author: str | None
    published: datetime | None
    date_source: str | None  # json-ld, meta, time, url, htmldate
    canonical_url: str | None
    language: str | None
    paywalled: bool
    body: str | None


_TITLE_METAS = ("og:title", "twitter:title", "parsely-title", "dc.title", "dcterms.title", "citation_title")
_SITE_METAS = ("og:site_name", "application-name", "twitter:app:name:iphone", "al:ios:app_name")
_AUTHOR_METAS = (
    "author", "article:author", "parsely-author", "sailthru.author", "byl", "dc.creator", "dcterms.creator",
    "article:author_name", "citation_author", "twitter:data1", "cxenseparse:author", "authors", "dc.creator.name",
)  # fmt: skip
_SEPARATOR = re.compile(r"\s+(?:[|\-–—:•·»«~/]|::)\s+|\s*[|｜»]\s*|:\s+")
_BY = re.compile(
    r"^(?:(?:written|posted|published|reported|story|words|article|text)\s+)?(?:by|von|par|por|di)\s*:?\s+|^author\s*:\s*",
    re.I,
)
_NOT_A_NAME = re.compile(
    r"https?://|www\.|@|^\W*$|\d|[*]"
    r"|^(?:admin|administrator|editor|staff|null|none|undefined|author|unknown|guest|user|root|name|anonymous)$"
    r"|^(?:view|more|read|see|about|follow|share|all posts|posts|subscribe|sign|log)\b",
    re.I,
)
_BYLINE = re.compile(r"(?:^|[\s_-])(?:author|byline)(?:[_-]+(?:name|link|title))?(?:\s|$)")
_BY_NAME = re.compile(
    r"(?:[Ww]ritten |[Pp]osted |[Ss]tory |[Ww]ords |WRITTEN )?(?:[Bb]y|BY):? "
    r"(?P<name>[^\W\d_a-z][\w.'’-]*(?: [^\W\d_a-z][\w.'’-]*){1,3})"
)
_BYLINE_BEFORE, _BYLINE_AFTER = 15, 50  # elements around the heading among which a byline is looked for
_BY_STARTS = ("by ", "by:", "written by", "posted by", "words by", "story by")
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_AGREED = 0.5  # share of words that a heading and another title must have in common
_PAYWALL = re.compile(r"subscri|sign in|log ?in|continue reading|members? only|read the full", re.I)


def read_metadata(tree: Any, *, url: str | None) -> Metadata:
    """Return the metadata of a page. `tree` is its lxml tree, `url` where it was found."""
    metas = meta_contents(tree)
    canonical = _canonical(tree, metas, url)
    headings = [text for element in tree.iter("h1") if (text := visible(element))]
    shown = next((text for element in tree.iter("title") if _in_head(element) and (text := visible(element))), None)
    stated = meta_values(metas, _TITLE_METAS)
    data = article_data(read_blocks(tree), url=canonical or url, headings=[*headings, *stated])
    publisher = [data.publisher] if data.publisher else []
    sites = [*meta_values(metas, _SITE_METAS), *publisher, *_host_names(canonical or url)]
    published, rung = page_date(tree, metas, data, url=canonical or url)
    return Metadata(
        title=_title(data, metas, shown, headings, sites),
        author=_author(tree, metas, data, sites),
        published=published,
        date_source=rung,
        canonical_url=canonical,
        language=_language(tree, metas, data),
        paywalled=_paywalled(tree, metas, data),
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
    links = [e.get("href") for e in tree.iter("link") if "canonical" in (e.get("rel") or "").lower().split()]
    for link in [*links, *metas.get("og:url", ())]:
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
    data: ArticleData, metas: dict[str, list[str]], shown: str | None, headings: list[str], sites: list[str]
) -> str | None:
    """Return the heading that the page shows, if another source confirms it; else what the sources say."""
    stated = [title_text(text) for text in [data.headline, *meta_values(metas, _TITLE_METAS), shown] if text]
    names = {_key(site) for site in sites}
    shown_headings = [heading for heading in headings if len(heading) < 300 and _key(heading) not in names]
    best = max(shown_headings, key=lambda heading: _agreement(heading, stated), default=None)
    if best is None or (stated and _agreement(best, stated) < _AGREED):
        best = stated[0] if stated else None
    return _without_site(best, names) if best else None


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
    """Cut the site's name off a title: "Headline | Site", "Site: Headline"."""
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
    return [host, *[label for label in host.split(".") if len(label) > 3]] if host else []


# ---------------------------------------------------------------- author


def _author(tree: Any, metas: dict[str, list[str]], data: ArticleData, sites: list[str]) -> str | None:
    names = {_key(site) for site in sites}
    sources: tuple[tuple[Iterable[str], bool], ...] = (
        (data.persons, True),  # a person may give a site its name
        (meta_values(metas, _AUTHOR_METAS[:1]), False),
        (_marked_authors(tree), False),
        (_bylines(tree), True),
        (meta_values(metas, _AUTHOR_METAS[1:]), False),
        (data.organisations, False),
    )
    for texts, may_be_site in sources:
        cleaned = [name for text in texts if (name := _clean_author(text)) and (may_be_site or _key(name) not in names)]
        if cleaned:
            return ", ".join(list(dict.fromkeys(cleaned))[:10])
    return None


def _marked_authors(tree: Any) -> Iterator[str]:
    """Yield names in elements that are marked up as the author's."""
    for element in tree.iter("a", "span", "p", "div", "address", "cite", "strong"):
        marks = (element.get("rel") or "").lower().split(), (element.get("itemprop") or "").lower().split()
        if "author" in marks[0] or "author" in marks[1]:
            named = [e for e in element.iter() if (e.get("itemprop") or "").lower() == "name"]
            yield visible(named[0] if named else element)
            return
    for element in tree.iter("a", "span", "p", "div"):
        names = classes(element)
        if _BYLINE.search(names) and "comment" not in names and 3 <= len(text := visible(element)) <= 80:
            yield text
            return


def _bylines(tree: Any) -> Iterator[str]:
    """Yield the name in the first text near the heading of the form "By Jane Doe"."""
    elements = list(tree.iter("h1", "p", "div", "span", "a", "address", "li", "em", "small"))
    heading = next((place for place, element in enumerate(elements) if element.tag == "h1"), None)
    if heading is None:
        return
    for element in elements[max(0, heading - _BYLINE_BEFORE) : heading + _BYLINE_AFTER]:
        own = " ".join((element.text or "").split())
        if own.lower().startswith(_BY_STARTS) or own.lower() == "by":
            match = _BY_NAME.match(visible(element)[:100])
            if match:
                yield match["name"]
                return


def _clean_author(text: str) -> str | None:
    """Return a person's name without "By", role and address; None if nothing of a name is left."""
    name = _BY.sub("", title_text(text)).strip(" ,;|·•-–—")
    name = re.split(r"\s+[|·•–—]\s+|\s*\(|\s+(?:updated|published|posted)\b|\n", name, maxsplit=1)[0].strip(" ,;")
    if not name or len(name) > 100 or _NOT_A_NAME.search(name):
        return None
    return name.title() if name.isupper() and " " in name else name


# ---------------------------------------------------------------- access


def _paywalled(tree: Any, metas: dict[str, list[str]], data: ArticleData) -> bool:
    """Whether the page says that its text is for subscribers."""
    if data.free is not None:
        return not data.free
    if any(tier.lower() == "locked" for tier in metas.get("article:content_tier", ())):
        return True
    for element in tree.iter("div", "section", "aside", "p"):
        if re.search(r"(?:^|[\s_-])(?:paywall|regwall|subscriber-only)", classes(element)):
            text = visible(element)
            if len(text) < 2_000 and _PAYWALL.search(text):
                return True
    return False
