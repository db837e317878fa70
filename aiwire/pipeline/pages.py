"""What a fetched page does to its article, and when a failed one is tried again. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from aiwire.exceptions import ExtractError, FetchError, OptOutError, SourceError
from aiwire.pipeline.entries import MAX_AUTHOR, Dated, dated
from aiwire.pipeline.identity import stored_title
from aiwire.types import Extracted, FetchResult, Page, PageUpdate, PendingPage

__all__ = ["RETRIES", "after_failure", "after_opt_out", "after_success"]

FINAL = frozenset(("url", "address"))  # reasons that no later try changes
# Dates that a page may correct: of no statement, of the last change of whatever kind, a mere day in a URL.
WEAK_DATES = frozenset(("first_seen", "backlog", "lastmod", "updated", "url"))
GUESSED = frozenset(("url", "shown", "htmldate"))  # rungs too weak to go over a date that the feed states
MUCH_LESS = 0.5  # of the text that was there: a wall, not an edit
RETRIES = (timedelta(hours=6), timedelta(days=1), timedelta(days=3))


def after_failure(pending: PendingPage, error: SourceError, fetch: FetchResult, *, now: datetime) -> PageUpdate:
    """Return the page's state after `error`: tried again after 6 h, 1 d and 3 d, then given up for the feed's text.

    What no later try would change (the answer is not HTML) is given up at once. A replay that lacks the page leaves it
    pending without counting a try. A second try at the same instant (a forced replay) is the same try.
    """
    if isinstance(error, FetchError) and error.reason == "not-in-archive":
        page = Page("pending", pending.attempts, pending.tried_at, None, "not in the archive that was replayed")
        return PageUpdate(article_id=pending.article_id, page=page, fetch=fetch)
    attempts = pending.attempts if pending.tried_at == now else pending.attempts + 1
    final = isinstance(error, (ExtractError, OptOutError)) or (isinstance(error, FetchError) and error.reason in FINAL)
    if final or attempts > len(RETRIES):
        page = Page("failed", attempts, now, None, error.message)
    else:
        page = Page("pending", attempts, now, now + RETRIES[attempts - 1], error.message)
    return PageUpdate(article_id=pending.article_id, page=page, fetch=fetch)


def after_success(pending: PendingPage, extracted: Extracted, fetch: FetchResult, *, now: datetime) -> PageUpdate:
    """Return the article as the page gives it; its tags are still to be made.

    The feed's title, author and date outrank the page's. A page that says less than the feed did, or much less than it
    said before (a paywall, a consent wall), leaves the text that we have.
    """
    attempts = pending.attempts if pending.tried_at == now else pending.attempts + 1
    lost = _lost(pending, extracted.text)
    page = Page("fetched", attempts, now, None, lost)
    stated, date = _date(pending, extracted, now)
    return PageUpdate(
        article_id=pending.article_id,
        page=page,
        fetch=fetch,
        extracted=replace(extracted, text=pending.text) if lost else extracted,
        text_origin=pending.text_origin if lost else "page",
        title=pending.title or stored_title(extracted.title or ""),
        author=pending.author or (extracted.author or "")[:MAX_AUTHOR] or None,
        published_at=stated,
        dated_at=date.at,
        date_source=date.source,
        date_flaw=date.flaw,
        language=pending.language or extracted.language,
    )


def after_opt_out(pending: PendingPage, extracted: Extracted, fetch: FetchResult, *, now: datetime) -> PageUpdate:
    """Return the article with the reservation that its page states: nothing else of the page is taken.

    A title alone is, where the article has none.
    """
    attempts = pending.attempts if pending.tried_at == now else pending.attempts + 1
    page = Page(
        "failed", attempts, now, None, f"the publisher reserves it from text and data mining: {extracted.rights}"
    )
    return PageUpdate(
        article_id=pending.article_id,
        page=page,
        fetch=fetch,
        extracted=replace(extracted, text=pending.text),
        text_origin=pending.text_origin,
        title=pending.title or stored_title(extracted.title or ""),
        author=pending.author,
        published_at=pending.published_at,
        dated_at=pending.dated_at,
        date_source=pending.date_source,
        date_flaw=pending.date_flaw,
        language=pending.language,
    )


def _date(pending: PendingPage, extracted: Extracted, now: datetime) -> tuple[datetime | None, Dated]:
    """Return the date that is stated and the one that counts: the feed's, unless it is weak and the page's is not."""
    stored = Dated(pending.dated_at, pending.date_source, pending.date_flaw)
    rung = extracted.date_source or "page"
    guess = pending.date_source in ("lastmod", "updated", "url") and rung in GUESSED
    if pending.date_source not in WEAK_DATES or guess or extracted.published is None:
        return pending.published_at, stored
    counted = dated(extracted.published, rung, now)
    return (pending.published_at, stored) if counted.flaw else (extracted.published, counted)


def _lost(pending: PendingPage, text: str) -> str | None:
    """Return why the page's `text` must not replace what is stored; None if it may."""
    if not text:
        return "no text found on the page"
    if pending.text_origin == "feed":
        return "the page holds less text than the feed" if len(text) < len(pending.text) else None
    return "the page holds much less text than before" if len(text) < len(pending.text) * MUCH_LESS else None
