"""The second stage of a run: fetch the full pages that are pending, newest first, and save their articles."""

from __future__ import annotations

import logging
from dataclasses import replace

from aiwire.exceptions import AiwireError, ExtractError, FetchError, SourceError
from aiwire.pipeline import pages
from aiwire.pipeline.online import Network
from aiwire.pipeline.session import Session, failure_of, lookahead
from aiwire.types import ArticleText, Extracted, FetchResult, PageUpdate, PendingPage, Request, Response, Source
from db.store import count_pending_pages, pending_pages, save_page
from ingest.pages.extract import extract_page
from ingest.worker import ParserFault, Pending

__all__ = ["PageStage"]

log = logging.getLogger(__name__)


class PageStage:
    """Reads the pages of articles whose feed says too little. A page that fails is counted, and tried again later."""

    def __init__(self, session: Session, sources: dict[str, Source], network: Network) -> None:
        self._session = session
        self._sources = sources
        self._network = network

    def __call__(self) -> None:
        """Do the stage.

        Raises:
            TryLater: our own network is down.
        """
        options, db = self._session.options, self._session.db
        limit = None if options.replay else options.pages_per_run
        pending = {page.url: page for page in pending_pages(db, now=options.now, limit=limit)}
        self._session.progress.stage("pages", len(pending))
        requests = [Request(page.url, page.source_id, "page", page.article_id) for page in pending.values()]
        results = self._network.judged(self._session.fetch(requests))
        for result, reading in lookahead(results, self._submit):
            self._one(pending[result.request.url], result, reading)
        self._session.report.pages.left = count_pending_pages(db)

    def _submit(self, result: FetchResult, response: Response) -> Pending[Extracted]:
        source = self._sources.get(result.request.source_id)
        rule = source.article if source else None
        url = response.final_url
        return self._session.parsers.submit(
            url, extract_page, response.body, url=url, headers=response.headers, rule=rule
        )

    def _one(self, page: PendingPage, result: FetchResult, reading: Pending[Extracted] | None) -> None:
        report, now = self._session.report, self._session.options.now
        try:
            update = self._read(page, result, reading)
        except SourceError as e:
            report.internal_errors += isinstance(e, ParserFault)
            update = self._failure(page, result, e)
        except AiwireError:
            raise
        except Exception as e:
            log.info("page crashed  url=%s", page.url, exc_info=True)
            report.internal_errors += 1
            error = ExtractError(page.url, f"internal error, please report it: {type(e).__name__}: {e}")
            update = self._failure(page, result, error)
        self._session.add(save_page(self._session.db, update, run_id=report.run_id, now=now))
        self._session.progress.step(page.source_id)

    def _read(self, page: PendingPage, result: FetchResult, reading: Pending[Extracted] | None) -> PageUpdate:
        if reading is None:
            raise failure_of(result)
        extracted, now = reading.result(), self._session.options.now
        if extracted.rights and self._session.options.opt_outs != "record":
            self._session.report.pages.reserved += 1
            return self._tagged(page, pages.after_opt_out(page, extracted, result, now=now))
        self._session.report.pages.fetched += 1
        return self._tagged(page, pages.after_success(page, extracted, result, now=now))

    def _tagged(self, page: PendingPage, update: PageUpdate) -> PageUpdate:
        if self._session.tag is None or update.extracted is None or not (update.title or update.extracted.text):
            return update
        text = ArticleText(page.article_id, update.title, update.extracted.text, update.language, page.source_id)
        [(_, tagging)] = self._session.tag([text])
        return replace(update, tagging=tagging)

    def _failure(self, page: PendingPage, result: FetchResult, error: SourceError) -> PageUpdate:
        if isinstance(error, FetchError) and error.reason == "not-in-archive":
            self._session.report.pages.not_in_archive += 1
        else:
            self._session.report.pages.failed += 1
        unread = result.outcome is not error
        fetch = replace(result, unreadable=error) if unread else result
        return pages.after_failure(page, error, fetch, now=self._session.options.now)
