"""The author of a page, by a cascade: JSON-LD, the meta element, marked-up names, a byline beside the heading.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ingest.htmltext import title_text
from ingest.pages.jsonld import ArticleData
from ingest.pages.pagetree import classes, meta_values, visible

__all__ = ["page_author"]

_AUTHOR_METAS = (
    "author", "article:author", "parsely-author", "sailthru.author", "byl", "dc.creator", "dcterms.creator",
    "article:author_name", "citation_author", "twitter:data1", "cxenseparse:author", "authors", "dc.creator.name",
)  # fmt: skip
_BY = re.compile(
    r"^(?:(?:written|posted|published|reported|story|words|article|text)\s+)?(?:by|von|par|por|di)\s*:?\s+"
    r"|^(?:authors?|作者|记者|撰文|文)\s*[:：|｜/]\s*",
    re.I,
)
_AFTER_NAME = re.compile(
    r"\s+[|·•–—@]\s+|\s*[(（]|\s+(?:updated|published|posted)\b|\n|,\s+(?:ph\.?d|m\.?d|staff|senior|editor|contribut)",
    re.I,
)
_NOT_A_NAME = re.compile(
    r"https?://|www\.|@|^\W*$|\d|[*]"
    r"|^(?:admin|administrator|editor|editors|staff|null|none|undefined|author|unknown|guest|user|root|name"
    r"|anonymous|by)$"
    r"|^(?:view|more|read|see|about|follow|share|all posts|posts|subscribe|sign|log|written|published|posted|meet)\b",
    re.I,
)
_BYLINE = re.compile(r"(?:^|[\s_-])(?:author|byline)(?:[_-]+(?:name|link|title))?(?:\s|$)")
_AUTHOR_PATH = re.compile(r"/(?:authors?|contributors?|writers?|columnists?)/[^/?#]{2,60}/?(?:[?#].{0,200})?$", re.I)
_NAME = r"[^\W\d_a-z][\w.'’-]*(?: [^\W\d_a-z][\w.'’-]*)"
_BY_NAME = re.compile(
    rf"(?:[Ww]ritten |[Pp]osted |[Ss]tory |[Ww]ords |WRITTEN )?(?:[Bb]y|BY):? (?P<name>{_NAME}{{1,3}})"
    rf"|(?:作者|记者|撰文|文)\s*[:：|｜/]\s*(?P<cjk>[\u4e00-\u9fff·]{{2,8}}|{_NAME}{{1,3}})"
)
_BEFORE, _AFTER = 15, 50  # elements around the heading among which a byline is looked for
_STARTS = (
    "by ",
    "by:",
    "written by",
    "posted by",
    "words by",
    "story by",
    "作者",
    "记者",
    "撰文",
    "文|",
    "文｜",
    "文/",
    "文:",
)
_MARKED_MAX = 20  # marked-up elements looked at; the first is the article's, as a rule
_NAME_CHARS = 80


def page_author(tree: Any, metas: dict[str, list[str]], data: ArticleData, *, sites: list[str]) -> str | None:
    """Return the names of a page's authors, parted by ", "; None if it names none. `sites` are names of the site."""
    names = {_key(site) for site in sites}
    sources: tuple[tuple[Iterable[str], bool, int], ...] = (  # texts, may it be the name of the site, how many
        (data.persons, True, 10),
        (meta_values(metas, _AUTHOR_METAS[:1]), False, 10),
        (_marked(tree), False, 1),
        (_bylines(tree), True, 1),
        (_profile_links(tree), False, 1),
        (meta_values(metas, _AUTHOR_METAS[1:]), False, 10),
        (data.organisations, False, 10),
    )
    for texts, may_be_site, most in sources:
        found: dict[str, None] = {}
        for text in texts:
            if (name := _clean(text)) and (may_be_site or _key(name) not in names):
                found[name] = None
                if len(found) == most:
                    break
        if found:
            return ", ".join(found)
    return None


def _key(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def _marked(tree: Any) -> Iterator[str]:
    """Yield names in elements that are marked up as the author's."""
    count = 0
    for element in tree.iter("a", "span", "p", "div", "address", "cite", "strong"):
        marks = f"{element.get('rel') or ''} {element.get('itemprop') or ''}"
        if "author" in marks.lower().split() and count < _MARKED_MAX:
            count += 1
            named = next((e for e in element.iter() if (e.get("itemprop") or "").lower() == "name"), element)
            yield named.get("content") or visible(named, limit=_NAME_CHARS)
    for element in tree.iter("a", "span", "p", "div"):
        names = classes(element)
        if "author" not in names and "byline" not in names:
            continue
        if _BYLINE.search(names) and "comment" not in names and count < 2 * _MARKED_MAX:
            count += 1
            if 3 <= len(text := visible(element, limit=2 * _NAME_CHARS)) <= _NAME_CHARS:
                yield text


def _around_heading(tree: Any, tags: tuple[str, ...]) -> list[Any]:
    """Return the elements just before and after the heading."""
    elements = list(tree.iter("h1", *tags))
    heading = next((place for place, element in enumerate(elements) if element.tag == "h1"), None)
    return [] if heading is None else elements[max(0, heading - _BEFORE) : heading + _AFTER]


def _bylines(tree: Any) -> Iterator[str]:
    """Yield names in texts near the heading of the form "By Jane Doe"."""
    for element in _around_heading(tree, ("p", "div", "span", "a", "address", "li", "em", "small")):
        own = " ".join((element.text or "")[:200].split())
        if own.lower().startswith(_STARTS) or own.lower() == "by":
            match = _BY_NAME.match(visible(element, limit=100)[:100])
            if match:
                yield match["name"] or match["cjk"]


def _profile_links(tree: Any) -> Iterator[str]:
    """Yield the texts of links near the heading that lead to the page of an author."""
    for element in _around_heading(tree, ("p", "a", "li")):
        if element.tag == "a" and _AUTHOR_PATH.search((element.get("href") or "")[:1_000]):
            yield visible(element, limit=_NAME_CHARS) or element.get("aria-label") or element.get("title") or ""


def _clean(text: str) -> str | None:
    """Return a person's name without "By", role and address; None if nothing of a name is left."""
    name = _BY.sub("", title_text(text[:1_000])).strip(" ,;|·•-–—")
    name = _AFTER_NAME.split(name, maxsplit=1)[0].strip(" ,;")
    if not name or len(name) > 100 or _NOT_A_NAME.search(name):
        return None
    return name.title() if name.isupper() and " " in name else name
