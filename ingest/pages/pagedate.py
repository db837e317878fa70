"""The date of publication of a page, by a cascade that tells how it was found.

JSON-LD and meta elements state it, <time> elements and a text beside the heading show it, the URL may carry it;
htmldate's quick search guesses it at last. A date that no rung gives stays unknown.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from ingest.dates import parse_date
from ingest.pages.jsonld import ArticleData
from ingest.pages.pagetree import classes, meta_values, visible

__all__ = ["may_be_article", "page_date"]

_DATE_METAS = (
    "article:published_time", "og:article:published_time", "article:published", "parsely-pub-date", "datepublished",
    "sailthru.date", "pubdate", "publishdate", "publish-date", "publish_date", "publication_date", "date", "dc.date",
    "dc.date.issued", "dc.date.created", "dcterms.date", "dcterms.created", "dcterms.issued", "article.published",
    "og:published_time", "og:pubdate", "citation_publication_date", "citation_date", "article_date_original",
    "cxenseparse:recs:publishtime", "bt:pubdate", "article.created", "publisheddate", "published-date",
    "rnews:datepublished", "article:date", "blog:published_time", "published_time", "published",
)  # fmt: skip
_URL_DATE = re.compile(
    r"/(?P<y>20\d\d|199\d)[/-](?P<m>0?[1-9]|1[0-2])[/-](?P<d>0?[1-9]|[12]\d|3[01])(?=[/._-]|$)"
    r"|/(?P<ymd>20\d{6})(?=[/._-]|$)"
)
_PUBLISHED = re.compile(r"publish|entry-date|post-date|dateline")
_LATER = re.compile(r"updat|modif|edited|review|copyright|©|expire|until|event", re.I)
_WHOLE_DATE = re.compile(r"\d{4}.*\d|\d.*\d{4}|\d{1,2}[./-]\d{1,2}[./-]\d{2}")  # a day and a year at least
_TEXT_ELEMENTS = ("h1", "h2", "h3", "p", "span", "div", "li", "time", "small", "strong", "em", "a", "td", "b")
_MAX_TEXTS = 40  # looked at on one rung
_MANY_TIMES = 15  # a page with more <time> elements is a list of articles, or its comments are many
_NEAR_BEFORE, _NEAR_AFTER = 4, 14  # elements with text before and after the heading among which its date is looked for


def page_date(
    tree: Any, metas: dict[str, list[str]], data: ArticleData, *, url: str | None
) -> tuple[datetime | None, str | None]:
    """Return the date and its rung: "json-ld", "meta", "time", "url", "shown" or "htmldate"; None, None without one."""
    rungs: tuple[tuple[str, Iterable[str | None]], ...] = (
        ("json-ld", (data.published,)),
        ("meta", meta_values(metas, _DATE_METAS)),
        ("time", _marked(tree)),
        ("url", _in_url(url)),
        ("shown", _near_heading(tree)),
    )
    for rung, texts in rungs:
        for text in islice(texts, _MAX_TEXTS):
            if moment := parse_date(text):
                return moment, rung
    moment = _htmldate(tree, url) if may_be_article(metas, data) else None
    return moment, "htmldate" if moment else None


def may_be_article(metas: dict[str, list[str]], data: ArticleData) -> bool:
    """Whether a page does not call itself something else; on a shop's or a front page any date is somebody else's."""
    kinds = {kind.strip().lower() for kind in metas.get("og:type", ())}
    return data.found or not kinds or any("article" in kind or "post" in kind or "news" in kind for kind in kinds)


def _marked(tree: Any) -> Iterator[str]:
    """Yield dates of elements that are marked as the date of publication, then of the first <time> at the heading."""
    for element in tree.iter():
        if "datepublished" in (element.get("itemprop") or "").lower().split():
            yield element.get("datetime") or element.get("content") or _short_text(element)
    times = list(tree.iter("time"))
    for element in times:
        if element.get("pubdate") is not None or _PUBLISHED.search(classes(element)):
            yield element.get("datetime") or _short_text(element)
    heading = next(tree.iter("h1"), None)
    if heading is None or not times or len(times) > _MANY_TIMES:
        return
    order = {element: place for place, element in enumerate(tree.iter("h1", "h2", "time", "p"))}
    for element in times:
        if -3 <= order[element] - order[heading] <= 6 and not _LATER.search(_around(element)):
            yield element.get("datetime") or _short_text(element)


def _around(element: Any) -> str:
    """Return the words right before an element, and its names."""
    parent = element.getparent()
    before = element.getprevious()
    text = before.tail if before is not None else parent.text if parent is not None else ""
    return f"{classes(element)} {text or ''}"


def _short_text(element: Any) -> str:
    return visible(element, limit=80)[:80]


def _near_heading(tree: Any) -> Iterator[str]:
    """Yield short texts around the heading that hold a whole date and nothing that says it is a later one."""
    texts: list[str] = []
    place = None
    for element in tree.iter(*_TEXT_ELEMENTS):
        if element.tag == "h1" and place is None:
            place = len(texts)
        own = " ".join((element.text or "").split())
        tails = [" ".join(child.tail.split()) for child in element if child.tail and child.tail.strip()]
        texts += [text for text in (own, *tails) if text]
        if place is not None and len(texts) > place + _NEAR_AFTER:
            break
    if place is None:
        return
    for text in [*texts[place:], *reversed(texts[max(0, place - _NEAR_BEFORE) : place])]:
        if len(text) <= 60 and _WHOLE_DATE.search(text) and not _LATER.search(text):
            yield text


def _in_url(url: str | None) -> Iterator[str]:
    try:
        match = _URL_DATE.search(urlsplit(url or "").path)
    except ValueError:  # no URL after all
        return
    if match:
        yield match["ymd"] or f"{match['y']}-{int(match['m']):02}-{int(match['d']):02}"


def _htmldate(tree: Any, url: str | None) -> datetime | None:
    """Return htmldate's quick guess."""
    from copy import deepcopy

    from htmldate import find_date  # slow to import

    try:
        # A fixed latest date: left to itself htmldate reads the clock.
        text = find_date(
            deepcopy(tree), extensive_search=False, original_date=True, url=url, max_date="2100-12-31", verbose=False
        )
    except Exception:  # noqa: BLE001  a heuristic over any page; a page without a date is what its failure means
        return None
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
