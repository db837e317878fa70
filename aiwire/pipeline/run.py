"""The main job: fetch what is due, parse, extract, tag and save; then the full pages that are pending.

Effects are at the edges: `Fetcher` (sockets), the tagger and the database come in from outside, decisions are in
`entries`, `pages` and `ingest.schedule`. One source that fails is a line in the report and never stops the others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlite_utils import Database

from aiwire.exceptions import AiwireError, ExtractError, FetchError, SourceError, TryLater
from aiwire.pipeline import pages
from aiwire.pipeline.entries import drafts, new_or_changed
from aiwire.pipeline.progress import Progress, Silent
from aiwire.pipeline.report import RunReport, SourceLine
from aiwire.types import (
    ArticleText,
    ArticleUpdate,
    FetchResult,
    NotModified,
    PageUpdate,
    ParsedFeed,
    PendingPage,
    Request,
    Response,
    SaveCounts,
    Source,
    SourceState,
    SourceUpdate,
    StoredArticle,
    Tagging,
)
from db.store import (
    article_text,
    count_pending_pages,
    finish_run,
    known_articles,
    pending_pages,
    save_page,
    save_source,
    source_states,
    start_run,
    sync_sources,
)
from ingest import schedule
from ingest.extract import extract_page
from ingest.fetch import Fetcher
from ingest.listing import parse_listing
from ingest.parse import parse_feed
from ingest.urls import host_key

__all__ = ["Run", "RunOptions", "Tag"]

log = logging.getLogger(__name__)

Tag = Callable[[Iterable[ArticleText]], Iterator[tuple[ArticleText, Tagging]]]

HOSTS_TO_BLAME_OURSELVES = 3  # so many out of reach and none in reach, with no source known to be good


@dataclass(frozen=True, slots=True)
class RunOptions:
    now: datetime
    force: bool = False  # sources that are not due, too
    replay: bool = False  # no page cap: an archive answers at once
    max_seconds: float | None = None
    check_every_minutes: int = 60
    full_text_below_words: int = 200
    pages_per_run: int = 300


class Run:
    """One run over a source list. Call it once."""

    def __init__(
        self,
        db: Database,
        sources: tuple[Source, ...],
        fetcher: Fetcher,
        tag: Tag | None,
        options: RunOptions,
        *,
        progress: Progress | None = None,
    ) -> None:
        """`tag` None: articles are stored untagged, for a later `aiwire tag`."""
        self._db = db
        self._sources = {source.id: source for source in sources if source.enabled}
        self._all_sources = sources
        self._fetcher = fetcher
        self._tag = tag
        self._options = options
        self._progress = progress or Silent()
        self._started = time.monotonic()
        self._online = False  # until a host has answered
        self._states: dict[str, SourceState] = {}

    def __call__(self, command: str = "run") -> RunReport:
        """Do the run and return its report.

        Raises:
            TryLater: no host could be reached: our own network is down. Nothing is held against any source.
            DatabaseError: the database cannot be written.
        """
        sync_sources(self._db, self._all_sources)
        report = RunReport(self._options.now, start_run(self._db, command, now=self._options.now))
        try:
            self._fetch_sources(report)
            self._fetch_pages(report)
        except BaseException as e:
            self._finish(report, status="failed", message=f"{type(e).__name__}: {e}")
            raise
        self._finish(report, status=report.status, message=None)
        return report

    def _finish(self, report: RunReport, *, status: Literal["done", "failed", "stopped"], message: str | None) -> None:
        report.seconds = time.monotonic() - self._started
        finish_run(
            self._db,
            report.run_id,
            now=self._options.now,
            status=status,
            sources_due=report.sources_due,
            message=message,
        )

    # ------------------------------------------------------------ sources

    def _fetch_sources(self, report: RunReport) -> None:
        self._states = source_states(self._db)
        due = [
            s
            for s in self._sources.values()
            if self._options.force or schedule.is_due(s, self._state(s), self._options.now)
        ]
        report.sources_known, report.sources_due = len(self._sources), len(due)
        self._progress.stage("sources", len(due))
        requests = [_source_request(source, self._state(source)) for source in due]
        for result in self._judged(self._fetch(requests, report), report):
            self._one_source(result, report)

    def _one_source(self, result: FetchResult, report: RunReport) -> None:
        source = self._sources[result.request.source_id]
        try:
            line = self._save_source_result(source, result, report)
        except SourceError as e:
            line = self._save_source_failure(source, result, e, report)
        except AiwireError:
            raise  # the database or our own data: not this source's fault
        except Exception as e:
            log.info("source crashed  source=%s", source.id, exc_info=True)
            report.internal_errors += 1
            error = SourceError(source.url, f"internal error, please report it: {type(e).__name__}: {e}")
            line = self._save_source_failure(source, result, error, report)
        report.lines.append(line)
        self._progress.step(source.id)

    def _save_source_result(self, source: Source, result: FetchResult, report: RunReport) -> SourceLine:
        now, every = self._options.now, source.every_minutes or self._options.check_every_minutes
        outcome = result.outcome
        if isinstance(outcome, FetchError):
            raise outcome
        state = schedule.after_success(self._state(source), outcome, now=now, every_minutes=every)
        if isinstance(outcome, NotModified):
            save_source(self._db, SourceUpdate(state, result), run_id=report.run_id, now=now)
            return SourceLine(source.id, "not-modified")
        feed = _parse(source, outcome)
        articles = tuple(self._articles(source, feed))
        update = SourceUpdate(state, result, articles, entries=len(feed.entries))
        counts = save_source(self._db, update, run_id=report.run_id, now=now)
        _add(report, counts)
        return SourceLine(source.id, "ok", len(feed.entries), counts.new, counts.changed, warning=feed.warning)

    def _save_source_failure(
        self, source: Source, result: FetchResult, error: SourceError, report: RunReport
    ) -> SourceLine:
        every = source.every_minutes or self._options.check_every_minutes
        state = schedule.after_failure(self._state(source), error, now=self._options.now, every_minutes=every)
        update = SourceUpdate(state, _unreadable(result, error))
        save_source(self._db, update, run_id=report.run_id, now=self._options.now)
        absent = isinstance(error, FetchError) and error.reason == "not-in-archive"
        return SourceLine(source.id, "not-in-archive" if absent else "failed", error=error.message)

    def _articles(self, source: Source, feed: ParsedFeed) -> list[ArticleUpdate]:
        found = drafts(feed.entries, source=source)
        known = known_articles(self._db, [url for draft in found for url in (draft.url, *draft.also)])
        updates = new_or_changed(
            found,
            known,
            source=source,
            language=feed.language,
            now=self._options.now,
            full_text_below_words=self._options.full_text_below_words,
            first_answer=self._state(source).ok_at is None,
        )
        kept = [self._keep_page_text(update, known) for update in updates]
        if self._tag is None:
            return kept
        texts = (ArticleText(i, u.title, u.text, u.language, source.id) for i, u in enumerate(kept))
        return [replace(kept[text.id], tagging=tagging) for text, tagging in self._tag(texts)]

    def _keep_page_text(self, update: ArticleUpdate, known: Mapping[str, StoredArticle]) -> ArticleUpdate:
        """An entry that changed has its page read again; until then the article keeps the page's fuller text."""
        stored = known.get(update.url)
        if stored is None or stored.text_origin == "feed" or not update.wants_page:
            return update
        return replace(update, text=article_text(self._db, stored.id).text, text_origin="page")

    # ------------------------------------------------------------ pages

    def _fetch_pages(self, report: RunReport) -> None:
        limit = None if self._options.replay else self._options.pages_per_run
        pending = {p.url: p for p in pending_pages(self._db, now=self._options.now, limit=limit)}
        self._progress.stage("pages", len(pending))
        requests = [Request(p.url, p.source_id, "page", p.article_id) for p in pending.values()]
        for result in self._judged(self._fetch(requests, report), report):
            self._one_page(pending[result.request.url], result, report)
        report.pages.left = count_pending_pages(self._db)

    def _one_page(self, page: PendingPage, result: FetchResult, report: RunReport) -> None:
        now = self._options.now
        try:
            update = self._page_update(page, result)
            report.pages.fetched += 1
        except SourceError as e:
            update = self._page_failure(page, result, e, report)
        except AiwireError:
            raise
        except Exception as e:
            log.info("page crashed  url=%s", page.url, exc_info=True)
            report.internal_errors += 1
            error = ExtractError(page.url, f"internal error, please report it: {type(e).__name__}: {e}")
            update = self._page_failure(page, result, error, report)
        _add(report, save_page(self._db, update, run_id=report.run_id, now=now))
        self._progress.step(page.source_id)

    def _page_update(self, page: PendingPage, result: FetchResult) -> PageUpdate:
        if not isinstance(result.outcome, Response):
            raise _failure(result)
        outcome = result.outcome
        extracted = extract_page(outcome.body, url=outcome.final_url, headers=outcome.headers)
        update = pages.after_success(page, extracted, result, now=self._options.now)
        if self._tag is None or update.extracted is None:
            return update
        text = ArticleText(page.article_id, update.title, update.extracted.text, update.language, page.source_id)
        [(_, tagging)] = self._tag([text])
        return replace(update, tagging=tagging)

    def _page_failure(
        self, page: PendingPage, result: FetchResult, error: SourceError, report: RunReport
    ) -> PageUpdate:
        if isinstance(error, FetchError) and error.reason == "not-in-archive":
            report.pages.not_in_archive += 1
        else:
            report.pages.failed += 1
        return pages.after_failure(page, error, _unreadable(result, error), now=self._options.now)

    # ------------------------------------------------------------ fetching

    def _fetch(self, requests: list[Request], report: RunReport) -> Iterator[FetchResult]:
        """Yield results until --max-seconds ran out; what is not yielded was not saved and stays due."""
        left = self._seconds_left()
        if left is not None and left <= 0 and requests:
            report.stopped = True
            return
        answered = 0
        with closing(self._fetcher.fetch_all(requests, stop_after_s=left)) as results:
            for result in results:
                yield result
                answered += 1
                left = self._seconds_left()
                if left is not None and left <= 0:
                    break
        report.stopped |= answered < len(requests)

    def _judged(self, results: Iterator[FetchResult], report: RunReport) -> Iterator[FetchResult]:
        """Yield the results; those of hosts out of reach only when it is sure that our own network is up.

        Raises:
            TryLater: no host could be reached in this run.
        """
        held: list[FetchResult] = []
        for result in results:
            if self._online or not _is_unreachable(result):
                self._online = True
                yield from held
                held.clear()
                yield result
            else:
                held.append(result)
        if held and self._is_offline(held, report):
            raise TryLater(
                f"none of {len(held)} addresses could be reached ({held[0].outcome}); is this machine online?"
            )
        yield from held

    def _is_offline(self, held: list[FetchResult], report: RunReport) -> bool:
        """Ask a source that answered last time; without one, several hosts out of reach speak against ourselves."""
        asked = {result.request.url for result in held}
        good = [
            (s, self._state(s)) for s in self._sources.values() if s.url not in asked and self._state(s).error is None
        ]
        known = [(state.ok_at, source) for source, state in good if state.ok_at]
        if not known:
            return len({host_key(url) for url in asked}) >= HOSTS_TO_BLAME_OURSELVES
        _, source = max(known, key=lambda pair: pair[0])
        with closing(self._fetcher.fetch_all([_source_request(source, self._state(source))])) as answers:
            for answer in answers:
                self._online = not _is_unreachable(answer)
                if self._online:
                    self._one_source(answer, report)
        return not self._online

    def _seconds_left(self) -> float | None:
        limit = self._options.max_seconds
        return None if limit is None else limit - (time.monotonic() - self._started)

    def _state(self, source: Source) -> SourceState:
        return self._states.get(source.id) or SourceState(source.id)


def _source_request(source: Source, state: SourceState) -> Request:
    return Request(source.url, source.id, source.kind, etag=state.etag, last_modified=state.last_modified)


def _parse(source: Source, response: Response) -> ParsedFeed:
    if source.listing is not None:
        return parse_listing(response.body, url=response.final_url, rule=source.listing, headers=response.headers)
    return parse_feed(response.body, url=response.final_url, headers=response.headers)


def _failure(result: FetchResult) -> SourceError:
    """Return the error of a result that brought no body; a 304 that nobody asked for is one."""
    if isinstance(result.outcome, FetchError):
        return result.outcome
    return FetchError(result.request.url, "HTTP 304 to an unconditional request", reason="status", status=304)


def _unreadable(result: FetchResult, error: SourceError) -> FetchResult:
    return result if result.outcome is error else replace(result, unreadable=error)


def _is_unreachable(result: FetchResult) -> bool:
    return isinstance(result.outcome, FetchError) and result.outcome.reason == "connect"


def _add(report: RunReport, counts: SaveCounts) -> None:
    report.articles_new += counts.new
    report.articles_changed += counts.changed
    report.versions += counts.versions
    report.weeks |= counts.weeks
