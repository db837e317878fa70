"""HTML page -> article: its text without the page around it, its metadata and what it says of rights.

trafilatura finds the text; readability-lxml's wins where it is much longer, which is the sign of an article in several
pieces of which trafilatura took one; the body that a page's JSON-LD carries wins where it is much longer than either. A
source's own selectors go over all of it.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from lxml import etree
from lxml import html as lxml_html

from aiwire.exceptions import ExtractError
from aiwire.types import ArticleRule, Extracted
from ingest.charset import decode
from ingest.dates import parse_date
from ingest.feeds.documents import FEED_ROOTS, describe, looks_like_html, root_name
from ingest.htmltext import html_to_text, title_text
from ingest.pages.access import is_paywalled
from ingest.pages.boilerlines import drop_boilerplate_lines
from ingest.pages.boilerplate import prune
from ingest.pages.metadata import Metadata, read_metadata
from ingest.pages.pagetree import meta_contents
from ingest.pages.rights import opt_outs

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

__all__ = ["extract_page"]

_log = logging.getLogger(__name__)
# These libraries log what they find odd in a page; without a handler of the application's that would go to stderr.
for _name in ("trafilatura", "readability", "htmldate"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

_MARKUP = re.compile(
    r"<(?:p|div|a|br|h[1-6]|table|title|meta|article|section|span|ul|body|main|center|font)\b[^<>]*>", re.I
)
# Characters that XML forbids, and references to them. libxml2 reads them; lxml and all that is built on it fail later.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"
    "|&#(?:0{0,9}(?:[0-8]|1[124-9]|2[0-9]|3[01]|6553[45])|x0{0,9}(?:[0-8bcef]|1[0-9a-f]|fff[ef]|d[89a-f][0-9a-f]{2}))"
    "(?:;|(?![0-9a-f]))",
    re.I,
)
_LONG_TAG = re.compile(r"<[a-zA-Z][^<>]{20000,}+>?")
_MAX_ATTRIBUTES = 2_000  # of one element
_MAX_TAGS = 100_000  # of a page; what follows is not read. The longest of 180 real pages has 9,402
# Sizes are bytes of UTF-8, in which a Chinese character counts as three letters.
_RESCUE = 250  # a shorter text is taken for a failure of trafilatura
_MORE = 1.3  # how much longer a text of readability has to be, to be preferred
_BODY, _BODY_MORE = 500, 1.5  # how long, and how much longer, a JSON-LD body has to be; it often lacks its links


def extract_page(
    body: bytes,
    *,
    url: str | None = None,
    headers: Mapping[str, str] | None = None,
    rule: ArticleRule | None = None,
) -> Extracted:
    """Return the article of a page; its text is "" if the page has none.

    Args:
        body: the page, decoded from its content encoding but not from its charset.
        url: where it was found, after redirects: the base of its canonical URL.
        headers: of the HTTP response (names in lower case), for the charset and the rights.
        rule: the source's own selectors. One that finds nothing is logged, and what is found automatically stays.

    Raises:
        ExtractError: the bytes are no HTML page, the message says what they are; or a selector of `rule` is no CSS.
    """
    page = decode(body, headers).text
    if not _is_html(body, page):
        found = "a feed" if root_name(page) in FEED_ROOTS else describe(body, page)
        raise ExtractError(url or "", f"{found}, not an HTML page: nothing can be extracted from it")
    page = _readable(page)
    tree = _tree(page)
    metadata = read_metadata(tree, url=url)
    rights = opt_outs(headers or {}, meta_contents(tree))
    locked = is_paywalled(tree, metadata)  # before the prompts go
    text = None
    if rule is not None:
        soup = _soup(page, url)
        metadata = _ruled_metadata(soup, rule, metadata, url)
        text = _ruled_text(soup, rule, url)
        if rule.remove is not None and text is None:
            page = str(soup)
            tree = _tree(page)
    if text is None:
        text = _article_text(tree, page, metadata, url)
    return Extracted(
        url=url,
        canonical_url=metadata.canonical_url,
        title=metadata.title,
        author=metadata.author,
        published=metadata.published,
        date_source=metadata.date_source,
        language=metadata.language,
        text=text,
        paywalled=locked(text),
        rights=rights,
    )


def _is_html(body: bytes, page: str) -> bool:
    start = page.lstrip("\ufeff \t\r\n\x00")
    if not start or root_name(page) in FEED_ROOTS or body[:4] in (b"%PDF", b"\x89PNG", b"PK\x03\x04"):
        return False
    if looks_like_html(page):
        return True
    return not start.startswith(("{", "[", "<?xml")) and _MARKUP.search(start) is not None


def _readable(page: str) -> str:
    """Return a page without what lxml refuses to take back, and what takes the extractors more than linear time."""
    page = _CONTROL.sub("", page)
    page = _LONG_TAG.sub(
        lambda tag: tag[0] if len(tag[0].split(None, _MAX_ATTRIBUTES)) <= _MAX_ATTRIBUTES else "", page
    )
    if page.count("<") > _MAX_TAGS:
        page = page[: next(islice(re.finditer("<", page), _MAX_TAGS, None)).start()]
    return page


def _tree(page: str) -> Any:
    """Return the page as an lxml tree. libxml2 repairs any markup; what it cannot nest deeper it drops."""
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        tree = lxml_html.document_fromstring(page.encode("utf-8"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return lxml_html.document_fromstring("<html><body></body></html>")
    return tree


# ---------------------------------------------------------------- automatic


def _article_text(tree: Any, page: str, metadata: Metadata, url: str | None) -> str:
    shown = prune(tree, url=url)
    text = _trafilatura(tree)
    # Much more in readability's text: the article is in several pieces of which trafilatura took one.
    more = 1.0 if _size(text) < _RESCUE else _MORE
    if shown > _size(text) * more and _size(other := _readability(tree)) > _size(text) * more:
        text = other
    if metadata.body and _size(metadata.body) >= _BODY:
        body = html_to_text(metadata.body)
        if _size(body) >= max(_BODY, _BODY_MORE * _size(text)):
            text = body
    if not text and _size(flat := html_to_text(page)) > 2 * shown:
        text = flat  # the tree lost the text: libxml2 gives up on elements nested too deep
    return drop_boilerplate_lines(text, title=metadata.title, author=metadata.author)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _trafilatura(tree: Any) -> str:
    import trafilatura  # slow to import

    try:
        text = trafilatura.extract(tree, include_comments=False, include_tables=True, fast=False)
    except Exception as e:  # noqa: BLE001  heuristics over any page: a deep tree ends in a RecursionError, others elsewhere
        _log.info("extracted  status=error by=trafilatura exception=%s", type(e).__name__)
        return ""
    return text or ""


def _readability(tree: Any) -> str:
    from readability import Document

    try:
        return html_to_text(Document(lxml_html.tostring(tree, encoding="unicode")).summary(html_partial=True))
    except Exception as e:  # noqa: BLE001  as above
        _log.info("extracted  status=error by=readability exception=%s", type(e).__name__)
        return ""


# ---------------------------------------------------------------- by a source's own selectors


def _soup(page: str, url: str | None) -> BeautifulSoup:
    from bs4 import BeautifulSoup, ParserRejectedMarkup  # slow to import, and few sources have a rule

    try:
        return BeautifulSoup(page, "lxml")
    except (ParserRejectedMarkup, RecursionError) as e:
        raise ExtractError(url or "", "the HTML is too broken for selectors: take the article rule away") from e


def _select(soup: BeautifulSoup, selector: str, name: str, url: str | None) -> list[Tag]:
    from soupsieve import SelectorSyntaxError

    try:
        found = list(soup.select(selector))
    except (SelectorSyntaxError, NotImplementedError, ValueError) as e:
        reason = str(e).splitlines()[0].rstrip(".")
        raise ExtractError(
            url or "", f"{name} = {selector!r} is no CSS selector ({reason}): correct it in the source list"
        ) from e
    if not found and name != "remove":
        _log.info("extracted  status=selector-without-match url=%s %s=%r", url, name, selector)
    return found


def _ruled_metadata(soup: BeautifulSoup, rule: ArticleRule, metadata: Metadata, url: str | None) -> Metadata:
    if rule.title and (titles := _select(soup, rule.title, "title", url)):
        metadata = replace(metadata, title=title_text(str(titles[0])) or metadata.title)
    if rule.author and (authors := _select(soup, rule.author, "author", url)):
        names = dict.fromkeys(name for author in authors if (name := title_text(str(author))))
        metadata = replace(metadata, author=", ".join(names) or metadata.author)
    if rule.date:
        for element in _select(soup, rule.date, "date", url):
            stated = (element.get("datetime"), element.get("content"), title_text(str(element)))
            if moment := next((m for text in stated if isinstance(text, str) and (m := parse_date(text))), None):
                return replace(metadata, published=moment, date_source="selector")
    return metadata


def _ruled_text(soup: BeautifulSoup, rule: ArticleRule, url: str | None) -> str | None:
    """Return the text of the elements that the rule names; None if they have none. What it removes leaves the soup."""
    for element in _select(soup, rule.remove, "remove", url) if rule.remove else []:
        element.decompose()
    if not rule.text:
        return None
    found = _select(soup, rule.text, "text", url)
    chosen = {id(element) for element in found}
    outer = [e for e in found if not any(id(parent) in chosen for parent in e.parents)]
    return "\n".join(text for element in outer if (text := html_to_text(str(element)))) or None
