"""HTML page -> article: its text without the page around it, and its metadata.

trafilatura finds the text; readability-lxml's wins where it is much longer, which is the sign of an article in several
pieces of which trafilatura took one; the body that a page's JSON-LD carries wins where it is about as long as either.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from aiwire.exceptions import ExtractError
from aiwire.types import Extracted
from ingest.boilerplate import drop_boilerplate_lines, prune
from ingest.charset import decode
from ingest.documents import FEED_ROOTS, describe, looks_like_html, root_name
from ingest.htmltext import html_to_text
from ingest.metadata import Metadata, read_metadata
from ingest.pagetree import visible

__all__ = ["extract_page"]

_log = logging.getLogger(__name__)
# These libraries log what they find odd in a page; without a handler of the application's that would go to stderr.
for _name in ("trafilatura", "readability", "htmldate"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

_MARKUP = re.compile(
    r"<(?:p|div|a|br|h[1-6]|table|title|meta|article|section|span|ul|body|main|center|font)\b[^<>]*>", re.I
)
_RESCUE_CHARS = 250  # a shorter text is taken for a failure of trafilatura
_MORE = 1.3  # how much longer a text of readability has to be, to be preferred
_BODY_CHARS, _BODY_SHARE = 500, 0.6  # what a JSON-LD body must have to be believed


def extract_page(body: bytes, *, url: str | None = None, headers: Mapping[str, str] | None = None) -> Extracted:
    """Return the article of a page; its text is "" if the page has none.

    Args:
        body: the page, decoded from its content encoding but not from its charset.
        url: where it was found, after redirects: the base of its canonical URL.
        headers: of the HTTP response, for the charset.

    Raises:
        ExtractError: the bytes are no HTML page; the message says what they are.
    """
    page = decode(body, headers).text
    if not _is_html(body, page):
        found = "a feed" if root_name(page) in FEED_ROOTS else describe(body, page)
        raise ExtractError(url or "", f"{found}, not an HTML page: nothing can be extracted from it")
    tree = _tree(page)
    metadata = read_metadata(tree, url=url)
    return Extracted(
        url=url,
        canonical_url=metadata.canonical_url,
        title=metadata.title,
        author=metadata.author,
        published=metadata.published,
        date_source=metadata.date_source,
        language=metadata.language,
        text=_article_text(tree, page, metadata),
        paywalled=metadata.paywalled,
    )


def _is_html(body: bytes, page: str) -> bool:
    start = page.lstrip("\ufeff \t\r\n\x00")
    if not start or root_name(page) in FEED_ROOTS or body[:4] in (b"%PDF", b"\x89PNG", b"PK\x03\x04"):
        return False
    if looks_like_html(page):
        return True
    return not start.startswith(("{", "[", "<?xml")) and _MARKUP.search(start) is not None


def _tree(page: str) -> Any:
    """Return the page as an lxml tree. libxml2 repairs any markup; what it cannot nest deeper it drops."""
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        tree = lxml_html.document_fromstring(page.replace("\x00", "").encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return lxml_html.document_fromstring("<html><body></body></html>")
    return tree


def _article_text(tree: Any, page: str, metadata: Metadata) -> str:
    prune(tree)
    text = _trafilatura(tree)
    # Much more in readability's text: the article is in several pieces of which trafilatura took one.
    other = _readability(tree)
    if len(other) > len(text) * (1.0 if len(text) < _RESCUE_CHARS else _MORE):
        text = other
    if metadata.body:
        body = html_to_text(metadata.body)
        if len(body) >= _BODY_CHARS and len(body) >= _BODY_SHARE * len(text):
            text = body
    if not text and len(flat := html_to_text(page)) > 2 * len(visible(_tree(page))):
        text = flat  # the tree lost the text: libxml2 gives up on elements nested too deep
    return drop_boilerplate_lines(text, title=metadata.title)


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
