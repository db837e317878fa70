"""A feed that has gone missing: does its site name another address? That is suggested to the list's keeper, no more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urljoin

from aiwire.exceptions import SourceError
from aiwire.pipeline.session import Session, lookahead
from aiwire.types import FetchResult, Request, Response, Source, SourceState
from db.store import save_suggestion
from ingest.sites.discover import FeedLink, feed_links
from ingest.urls import normalize_url
from ingest.worker import Pending

__all__ = ["FAILURES", "is_to_be_looked_for", "rediscover", "suggestion"]

FAILURES = 3  # in a row, before the site is asked


def is_to_be_looked_for(source: Source, state: SourceState) -> bool:
    """Return whether a source that has just failed is a feed that went missing, and nothing better is known."""
    return (
        source.kind == "feed"
        and state.status == "missing"
        and state.error_count >= FAILURES
        and state.suggestion is None
    )


def suggestion(links: Iterable[FeedLink], source: Source) -> str | None:
    """Return the best feed that a page names, other than the one that is missing."""
    own = normalize_url(source.url)
    return next((link.url for link in links if not link.comments and normalize_url(link.url) != own), None)


def rediscover(session: Session, missing: list[Source]) -> None:
    """Ask the front page of each source's site for its feeds and save what it suggests.

    As a missing source is asked weekly at last, so is its site. Whatever goes wrong here changes nothing.
    """
    by_id = {source.id: source for source in missing}
    requests = [Request(urljoin(source.url, "/"), source.id, "discovery") for source in missing]

    def submit(result: FetchResult, response: Response) -> Pending[tuple[FeedLink, ...]]:
        url = response.final_url
        return session.parsers.submit(url, feed_links, response.body, url=url, headers=response.headers)

    for result, pending in lookahead(session.fetch(requests), submit):
        source, found, fetch = by_id[result.request.source_id], None, result
        if pending is not None:
            try:
                found = suggestion(pending.result(), source)
            except SourceError as e:
                fetch = replace(result, unreadable=e)
        save_suggestion(session.db, source.id, found, fetch, run_id=session.report.run_id, now=session.options.now)
