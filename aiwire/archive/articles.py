"""A captured page -> the article that a run would have stored, had it fetched the page at that moment. Pure."""

from __future__ import annotations

from aiwire.pipeline.pages import after_success
from aiwire.types import Extracted, FetchResult, PendingPage, Request, Response, Source
from aiwire.types.archive import ArchivedArticle, CapturedPage
from db.language import normal_language
from ingest.urls import normalize_url

__all__ = ["archived"]


def archived(page: CapturedPage, extracted: Extracted, source: Source) -> ArchivedArticle | None:
    """Return the article of a page, without tags; None if the page has no text or its URL is none.

    All comes from the page, as of a capture no feed is known that said more; but a source that states its language is
    believed, as in a run.
    """
    url = normalize_url(page.url)
    if url is None or not extracted.text:
        return None
    update = after_success(_pending(url, page, source), extracted, _fetched(url, page, source), now=page.captured_at)
    return ArchivedArticle(
        url=url,
        source_id=source.id,
        captured_at=page.captured_at,
        title=update.title,
        author=update.author,
        published_at=update.published_at,
        dated_at=update.dated_at or page.captured_at,
        date_source=update.date_source,
        date_flaw=update.date_flaw,
        language=normal_language(update.language),
        text=extracted.text,
        canonical_url=extracted.canonical_url,
        paywalled=extracted.paywalled,
        rights=extracted.rights,
    )


def _pending(url: str, page: CapturedPage, source: Source) -> PendingPage:
    """Return an article of which nothing is known but its address, first seen when the page was captured."""
    return PendingPage(
        article_id=0, source_id=source.id, url=url, attempts=0, tried_at=None, title="", text="", text_origin="feed",
        language=source.language, published_at=None, dated_at=page.captured_at, date_source="first_seen", author=None,
    )  # fmt: skip


def _fetched(url: str, page: CapturedPage, source: Source) -> FetchResult:
    answer = Response(url, url, 200, page.headers, page.body)
    return FetchResult(Request(url, source.id, "page"), answer, elapsed_ms=0, wire_bytes=len(page.body))
