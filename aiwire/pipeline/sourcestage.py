"""The first stage of a run: ask the sources that are due, read their answers, save what is new or changed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aiwire.exceptions import AiwireError, FetchError, SourceError
from aiwire.pipeline.entries import Reading, new_or_changed
from aiwire.pipeline.identity import drafts, items_of, movable_guids
from aiwire.pipeline.online import Network, is_unreachable
from aiwire.pipeline.rediscovery import is_to_be_looked_for
from aiwire.pipeline.report import SourceLine
from aiwire.pipeline.session import Session, failure_of, lookahead
from aiwire.pipeline.sitemaps import SitemapTree
from aiwire.types import (
    ArticleText,
    ArticleUpdate,
    FetchResult,
    NotModified,
    ParsedFeed,
    Request,
    Response,
    SaveCounts,
    SeenItem,
    Source,
    SourceState,
    SourceUpdate,
    StoredArticle,
)
from db.store import (
    article_text,
    known_articles,
    known_canonicals,
    known_guids,
    page_text,
    save_parts,
    save_source,
    save_source_state,
    seen_items,
    source_states,
)
from ingest import schedule
from ingest.feeds.parse import parse_feed
from ingest.sites.listing import parse_listing
from ingest.sites.sitemap import parse_sitemap
from ingest.urls import host_key
from ingest.worker import ParserFault, Pending

__all__ = ["SourceStage"]

log = logging.getLogger(__name__)

WITNESS = timedelta(days=2)  # a source that answered longer ago may have died since
SAMPLE_BYTES = 65_536  # of a body that could not be read, kept for whoever looks for the reason


class SourceStage:
    """Asks every source that is due, once. One that fails is a line in the report and never stops the others."""

    def __init__(self, session: Session, sources: Iterable[Source]) -> None:
        self._session = session
        self._sources = {source.id: source for source in sources if source.enabled}
        self._states = source_states(session.db)
        self._timing = schedule.Timing(floor_minutes=session.options.check_every_minutes, replay=session.options.replay)
        self._seen: dict[str, dict[str, SeenItem]] = {}  # of the documents that are being read
        self._failed: list[Source] = []
        self._trees: dict[str, SitemapTree] = {}  # sitemap indexes whose parts are still to come
        self.network = Network(self._was_good, self._ask_a_good_one)

    def __call__(self) -> None:
        """Do the stage.

        Raises:
            TryLater: our own network is down.
        """
        options, report = self._session.options, self._session.report
        due = [s for s in self._sources.values() if options.force or schedule.is_due(s, self._state(s), options.now)]
        due.sort(key=lambda source: -schedule.overdue_ratio(self._state(source), options.now))
        report.sources_known, report.sources_due = len(self._sources), len(due)
        self._session.progress.stage("sources", len(due))
        requests = [self._request(source) for source in due]
        while requests:
            results = self.network.judged(self._session.fetch(requests))
            for result, pending in lookahead(results, self._submit):
                self._one(result, pending)
            requests = [request for tree in self._trees.values() for request in tree.next_requests()]
        for tree in list(self._trees.values()):  # parts that were put off, or for which the time did not suffice
            tree.give_up()
            self._report(tree.source, self._finish_tree(tree))

    def _request(self, source: Source) -> Request:
        """Return what to ask for: with --force the whole document, not only whether it changed."""
        request = schedule.request_for(source, self._state(source), self._now)
        return replace(request, etag=None, last_modified=None) if self._session.options.force else request

    def missing(self) -> list[Source]:
        """Return the feeds that failed in this run, went missing for long enough, and are to be looked for."""
        return [source for source in self._failed if is_to_be_looked_for(source, self._state(source))]

    # ------------------------------------------------------------ reading

    def _submit(self, result: FetchResult, response: Response) -> Pending[ParsedFeed] | None:
        """Begin to read a body; None where it is the one that was read last time."""
        source = self._sources[result.request.source_id]
        url, headers, submit = response.final_url, response.headers, self._session.parsers.submit
        seen = {} if self._session.options.force else seen_items(self._session.db, source.id)
        if result.request.purpose == "sitemap":
            self._seen.setdefault(source.id, seen)
            return submit(
                url, parse_sitemap, response.body, url=url, rule=source.sitemap, headers=headers, now=self._now,
                seen=frozenset(self._seen[source.id]),
            )  # fmt: skip
        if not self._session.options.force and schedule.is_the_same_body(self._state(source), response.body):
            return None
        if source.kind == "listing":
            return submit(url, parse_listing, response.body, url=url, rule=source.listing, headers=headers)
        self._seen[source.id] = seen
        return submit(url, parse_feed, response.body, url=url, headers=headers, seen=frozenset(seen))

    def _one(self, result: FetchResult, pending: Pending[ParsedFeed] | None) -> None:
        source = self._sources[result.request.source_id]
        try:
            line = self._read(source, result, pending)
        except SourceError as e:
            self._session.report.internal_errors += isinstance(e, ParserFault)
            failed = self._part_failed if source.id in self._trees else self._save_failure
            line = failed(source, result, e)
        except AiwireError:
            raise  # the database or our own data: not this source's fault
        except Exception as e:
            log.info("source crashed  source=%s", source.id, exc_info=True)
            self._session.report.internal_errors += 1
            error = SourceError(source.url, f"internal error, please report it: {type(e).__name__}: {e}")
            line = self._save_failure(source, result, error)
        if line is not None:
            self._report(source, line)

    def _report(self, source: Source, line: SourceLine) -> None:
        self._session.report.lines.append(line)
        self._session.progress.step(source.id)

    def _read(self, source: Source, result: FetchResult, pending: Pending[ParsedFeed] | None) -> SourceLine | None:
        """Save what an answer brings and return its line; None if parts of the source are still to come."""
        if isinstance(result.outcome, FetchError):
            raise failure_of(result)
        if isinstance(result.outcome, NotModified):
            if not (result.request.etag or result.request.last_modified):
                raise failure_of(result)
            return self._save_unchanged(source, result, result.outcome)
        if pending is None:
            return self._save_unchanged(source, result, result.outcome)
        feed = pending.result()
        if source.kind == "sitemap":
            return self._read_sitemap(source, result, feed)
        return self._save_document(source, result, result.outcome, feed)

    # ------------------------------------------------------------ sitemaps

    def _read_sitemap(self, source: Source, result: FetchResult, feed: ParsedFeed) -> SourceLine | None:
        """Save the URLs of a sitemap; one that is an index is done when its parts are."""
        known = self._seen[source.id].values()
        tree = self._trees.setdefault(source.id, SitemapTree(source, result, known))
        tree.add(result, feed)
        articles = self._articles(source, feed, ())
        update = SourceUpdate(self._state(source), result, articles, entries=len(feed.entries), mode=feed.mode)
        tree.count(self._save(source, update), articles)
        return self._finish_tree(tree) if tree.is_complete else None

    def _part_failed(self, source: Source, result: FetchResult, error: SourceError) -> SourceLine | None:
        """Note a part of a sitemap that failed; the others are still read."""
        tree = self._trees[source.id]
        tree.fail(result, error)
        if tree.is_complete:
            return self._finish_tree(tree)
        self._save(source, SourceUpdate(self._state(source), _with_error(result, error)))
        return None

    def _finish_tree(self, tree: SitemapTree) -> SourceLine:
        """Save the state that the whole tree leaves behind, and which parts need not be read again."""
        source, before = tree.source, self._state(tree.source)
        del self._trees[source.id]
        if tree.error is not None:
            save_parts(self._session.db, source.id, tree.items)
            return self._save_failure(source, tree.last, tree.error)
        check = schedule.Check(entries=None, new=tree.new, hints=None, first=self._is_first(source))
        state = schedule.after_success(source, before, tree.answer, check, now=self._now, timing=self._timing)
        if tree.left:  # it has not been read whole: no 304 may say that it has
            state = replace(state, etag=None, last_modified=None, body_hash=None, ok_at=before.ok_at)
        moved = schedule.move_of(before, state, source)
        save_source_state(self._session.db, state, moved=moved, items=tree.items, now=self._now)
        self._states[source.id] = state
        return SourceLine(source.id, "ok", tree.entries, tree.counted_new, tree.counted_changed, warning=tree.warning)

    # ------------------------------------------------------------ saving

    def _save_document(self, source: Source, result: FetchResult, response: Response, feed: ParsedFeed) -> SourceLine:
        seen = [self._seen.get(source.id, {})[digest] for digest in feed.seen]
        articles = self._articles(source, feed, seen)
        entries = len(feed.entries) + len(feed.seen)
        check = schedule.Check(
            entries=entries, new=_dates_of_new(articles), hints=feed.hints, first=self._is_first(source)
        )
        state = schedule.after_success(source, self._state(source), response, check, now=self._now, timing=self._timing)
        shrunk = state.status == "suspicious"
        update = SourceUpdate(
            state,
            result,
            articles,
            entries=entries,
            mode=feed.mode,
            # What a document that shrank lacks may be back tomorrow.
            seen=None if shrunk else (*seen, *items_of(feed.entries, source=source)),
            moved=schedule.move_of(self._state(source), state, source),
        )
        counts = self._save(source, update)
        warning = feed.warning
        if shrunk:
            was = f"suspicious: {entries} entries, {state.entries} before; nothing was taken away"
            warning = f"{was}; {warning}" if warning else was
        return SourceLine(
            source.id, "suspicious" if shrunk else "ok", entries, counts.new, counts.changed, warning=warning
        )

    def _save_unchanged(self, source: Source, result: FetchResult, answer: Response | NotModified) -> SourceLine:
        check = schedule.Check(entries=None, new=(), hints=None, first=False)
        state = schedule.after_success(source, self._state(source), answer, check, now=self._now, timing=self._timing)
        moved = schedule.move_of(self._state(source), state, source)
        self._save(source, SourceUpdate(state, result, entries=state.entries or 0, moved=moved))
        return SourceLine(source.id, "not-modified" if isinstance(answer, NotModified) else "unchanged")

    def _save_failure(self, source: Source, result: FetchResult, error: SourceError) -> SourceLine:
        state = schedule.after_failure(source, self._state(source), error, now=self._now, timing=self._timing)
        unread = result.outcome if result.outcome is not error else None
        sample = unread.body[:SAMPLE_BYTES] if isinstance(unread, Response) else None
        self._save(source, SourceUpdate(state, _with_error(result, error), sample=sample))
        self._failed.append(source)
        absent = isinstance(error, FetchError) and error.reason == "not-in-archive"
        return SourceLine(source.id, "not-in-archive" if absent else "failed", error=error.message)

    def _save(self, source: Source, update: SourceUpdate) -> SaveCounts:
        counts = save_source(self._session.db, update, run_id=self._session.report.run_id, now=self._now)
        self._states[source.id] = update.state
        self._session.add(counts)
        return counts

    # ------------------------------------------------------------ articles

    def _articles(self, source: Source, feed: ParsedFeed, seen: Sequence[SeenItem]) -> tuple[ArticleUpdate, ...]:
        db, options = self._session.db, self._session.options
        found = drafts(feed.entries, source=source, seen=seen, places=feed.places)
        addresses = [url for draft in found for url in draft.addresses]
        known = _of_one_site(known_canonicals(db, addresses)) | known_articles(db, addresses)
        reading = Reading(
            source,
            options.now,
            language=feed.language,
            full_text_below_words=options.full_text_below_words,
            entries=len(feed.entries) + len(feed.seen),
            first_answer=self._is_first(source),
        )
        by_guid = known_guids(db, source.id, movable_guids(found))
        updates = [self._keep_page_text(u) for u in new_or_changed(found, known, by_guid, reading=reading)]
        return tuple(self._tagged(source, updates))

    def _tagged(self, source: Source, updates: list[ArticleUpdate]) -> list[ArticleUpdate]:
        """Return the updates with tags, but for those whose words are the stored ones, or which have none yet."""
        if self._session.tag is None:
            return updates
        fresh = [i for i, u in enumerate(updates) if (u.title or u.text) and not self._is_said(u, source)]
        texts = (ArticleText(i, updates[i].title, updates[i].text, updates[i].language, source.id) for i in fresh)
        for text, tagging in self._session.tag(texts):
            updates[text.id] = replace(updates[text.id], tagging=tagging)
        return updates

    def _is_said(self, update: ArticleUpdate, source: Source) -> bool:
        """Return whether the source's article has these words already: its tags stay, then."""
        if update.article_id is None:
            return False
        stored = article_text(self._session.db, update.article_id)
        return (stored.title, stored.text, stored.source_id) == (update.title, update.text, source.id)

    def _keep_page_text(self, update: ArticleUpdate) -> ArticleUpdate:
        """An entry that changed has its page read again; until then the article keeps the page's fuller text."""
        if update.article_id is None or not update.wants_page:
            return update
        stored = page_text(self._session.db, update.article_id)
        return update if stored is None else replace(update, text=stored, text_origin="page")

    # ------------------------------------------------------------ state

    @property
    def _now(self) -> datetime:
        return self._session.options.now

    def _state(self, source: Source) -> SourceState:
        return self._states.get(source.id) or SourceState(source.id)

    def _is_first(self, source: Source) -> bool:
        return self._state(source).ok_at is None

    def _was_good(self, source_id: str) -> bool:
        """Return whether a source answered last time, and lately: only then it is a witness for our network."""
        state = self._states.get(source_id)
        if state is None or state.ok_at is None or state.error is not None:
            return False
        return self._now - state.ok_at <= WITNESS

    def _ask_a_good_one(self, asked: set[str]) -> bool | None:
        """Ask the source that answered last, of those that are not in `asked`; whether it answers now."""
        good = [(s, self._state(s)) for s in self._sources.values() if self._was_good(s.id) and s.url not in asked]
        known = [(state.ok_at, source) for source, state in good if state.ok_at]
        if not known:
            return None
        _, source = max(known, key=lambda pair: pair[0])
        request = self._request(source)
        for result, pending in lookahead(self._session.fetch([request]), self._submit):
            if is_unreachable(result):
                return False
            self._one(result, pending)
        return True


def _of_one_site(known: Mapping[str, StoredArticle]) -> dict[str, StoredArticle]:
    """Return the articles whose other name is of their own site: a page may declare anything."""
    return {url: article for url, article in known.items() if host_key(url) == host_key(article.url)}


def _with_error(result: FetchResult, error: SourceError) -> FetchResult:
    return result if result.outcome is error else replace(result, unreadable=error)


def _dates_of_new(articles: Iterable[ArticleUpdate]) -> tuple[datetime, ...]:
    return tuple(article.dated_at for article in articles if article.article_id is None)
