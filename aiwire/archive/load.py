"""A selection of an archive -> the database, exactly as if its pages had been fetched when they were captured.

What a run would have done: on the day of the first capture the article's link stood in a list that says nothing else,
and its page is the capture. The tags are made anew, by the tagger of this installation. Of an article that is stored
already, a page that is wanted or could not be read is taken out of the archive; one that was read gives way to a later
capture alone, as to another fetch of it; and what needs no page stays as it is.

Articles of one archive were in one list, before any of their pages was read: that a page declares the address of
another article of the archive as its own makes no article of two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_utils import Database

from aiwire.archive.selection import Selected, Selection
from aiwire.config import OptOuts
from aiwire.pipeline.identity import Draft, drafts
from aiwire.pipeline.pages import after_opt_out, after_success
from aiwire.pipeline.progress import Progress, Silent
from aiwire.types import (
    ArticleText,
    ArticleUpdate,
    Entry,
    Extracted,
    FetchResult,
    PageUpdate,
    PendingPage,
    Request,
    Response,
    StoredArticle,
)
from db.archive import ArchivedPage, save_archived
from db.articles import StoredPage, stored_page
from db.store import finish_run, known_articles, known_canonicals, start_run
from ingest.urls import host_key

if TYPE_CHECKING:
    from aiwire.pipeline.session import Tag

__all__ = ["BATCH", "Loaded", "load", "takes_page"]

BATCH = 200  # articles per transaction


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of the selected articles."""

    new: int = 0
    updated: int = 0  # stored ones that took the page
    known: int = 0  # stored ones that stayed as they were
    sources: int = 0  # that the articles are of
    seconds: float = 0.0


def load(
    db: Database,
    folder: Path,
    *,
    where: str | None,
    tagger: Tag,
    now: datetime,
    progress: Progress | None = None,
    limit: int | None = None,
    dry_run: bool = False,
    opt_outs: OptOuts = "obey",
) -> Loaded:
    """Load articles of an archive, newest first, in batches that are one transaction each.

    Killed anywhere, the next call goes on: what is loaded is known. Loading twice changes nothing.

    Args:
        folder: of the archive.
        where: DuckDB condition on the columns of `articles`, and on `entities`, the ids named in it; None: all.
        now: when the tags are made.
        limit: so many of the newest at most.
        dry_run: count only, write nothing.
        opt_outs: as in the settings: unless "record", of an article that its publisher reserves from text and data
            mining only the title is taken.

    Raises:
        ConfigError: there is no archive, or `where` is no condition on its articles.
        DatabaseError: the database cannot be written.
    """
    started = time.monotonic()
    with closing(Selection(folder, where, limit=limit)) as selection:
        (progress or Silent()).stage("articles", len(selection))
        loader = _Loader(db, selection, tagger, progress or Silent(), now, opt_outs)
        if dry_run:
            loader(None)
        else:
            _recorded(db, loader, now)
    return replace(loader.loaded, seconds=time.monotonic() - started)


def _recorded(db: Database, load_all: Callable[[int], None], now: datetime) -> None:
    """Load as a run that stands in the history."""
    run_id = start_run(db, "archive load", now=now)
    try:
        load_all(run_id)
    except BaseException as e:
        finish_run(db, run_id, now=now, status="failed", message=f"{type(e).__name__}: {e}")
        raise
    finish_run(db, run_id, now=now)


class _Loader:
    """One load. Call it once, with the id of its run; None: it only counts."""

    def __init__(
        self, db: Database, selection: Selection, tag: Tag, progress: Progress, now: datetime, opt_outs: OptOuts
    ) -> None:
        self.loaded = Loaded()
        self._db = db
        self._selection = selection
        self._tag = tag
        self._progress = progress
        self._now = now
        self._obeys = opt_outs != "record"
        self._met: set[str] = set()  # sources of the articles so far
        self._entered: set[str] = set()  # those whose days stand in the history

    def __call__(self, run_id: int | None) -> None:
        for batch in self._selection.batches(BATCH):
            found = list(self._found(batch))
            pages = [page for one in found if (page := self._page(one)) is not None]
            if run_id is not None:
                self._save(pages, {one.selected.article.source_id for one in found if one.is_own}, run_id)
            self._count(batch, pages)

    def _count(self, batch: Sequence[Selected], pages: Sequence[ArchivedPage]) -> None:
        self._met |= {one.article.source_id for one in batch}
        for one in batch:
            self._progress.step(one.article.source_id)
        before, new = self.loaded, sum(page.link is not None for page in pages)
        self.loaded = Loaded(
            new=before.new + new,
            updated=before.updated + len(pages) - new,
            known=before.known + len(batch) - len(pages),
            sources=len(self._met),
        )

    def _save(self, pages: Sequence[ArchivedPage], source_ids: set[str], run_id: int) -> None:
        fresh = sorted(source_ids - self._entered)
        save_archived(
            self._db,
            self._tagged(pages),
            sources=[self._selection.sources[source_id] for source_id in fresh],
            captures=self._selection.captures(fresh),
            run_id=run_id,
            now=self._now,
        )
        self._entered.update(fresh)

    # ------------------------------------------------------------ what is stored

    def _found(self, batch: Sequence[Selected]) -> Iterator[_Found]:
        """Yield the articles of a batch with what is stored of them; of two that are one, the later capture."""
        by_url: dict[str, tuple[Draft, Selected]] = {}
        for one in sorted(batch, key=lambda selected: selected.article.captured_at):
            source = self._selection.sources[one.article.source_id]
            [draft] = drafts([Entry(guid=None, url=one.article.url, title="")], source=source)
            by_url[draft.url] = draft, one
        known = self._known([draft for draft, _ in by_url.values()])
        for draft, one in by_url.values():
            yield _Found(draft, one, draft.stored_in(known))

    def _known(self, found: Sequence[Draft]) -> Mapping[str, StoredArticle]:
        addresses = [url for draft in found for url in draft.addresses]
        named = {
            url: article
            for url, article in known_canonicals(self._db, addresses).items()
            if host_key(url) == host_key(article.url)  # a page may declare anything
        }
        siblings = self._selection.holds({article.url for article in named.values()})
        others = {url: article for url, article in named.items() if article.url not in siblings}
        return others | known_articles(self._db, addresses)

    # ------------------------------------------------------------ pages

    def _page(self, found: _Found) -> ArchivedPage | None:
        """Return what the capture does to its article; None: nothing."""
        one, stored = found.selected, found.stored
        captured_at = one.article.captured_at
        if stored is None:
            link = _link(found.draft, one)
            return ArchivedPage(
                self._update(_as_pending(link, one.article.source_id), one), one.article.source_id, captured_at,
                max(captured_at, one.first_seen_at), link, one.first_seen_at,
            )  # fmt: skip
        before = stored_page(self._db, stored.id)
        if not takes_page(before, captured_at):
            return None
        pending = replace(before.pending, attempts=0) if before.state == "fetched" else before.pending
        return ArchivedPage(
            self._update(pending, one), stored.source_id, captured_at, max(captured_at, before.updated_at), None,
            one.first_seen_at,
        )  # fmt: skip

    def _update(self, pending: PendingPage, one: Selected) -> PageUpdate:
        extracted, captured_at = _extracted(one), one.article.captured_at
        answer = Response(pending.url, pending.url, 200, {}, b"")
        fetch = FetchResult(Request(pending.url, pending.source_id, "page"), answer, elapsed_ms=0, wire_bytes=0)
        read = after_opt_out if extracted.rights and self._obeys else after_success
        return read(pending, extracted, fetch, now=captured_at)

    def _tagged(self, pages: Sequence[ArchivedPage]) -> list[ArchivedPage]:
        tagged = list(pages)
        for text, tagging in self._tag(_texts(pages)):
            page = tagged[text.id]
            tagged[text.id] = replace(page, update=replace(page.update, tagging=tagging))
        return tagged


@dataclass(frozen=True, slots=True)
class _Found:
    """A selected article, and as what it is stored."""

    draft: Draft
    selected: Selected
    stored: StoredArticle | None

    @property
    def is_own(self) -> bool:
        """Whether it is, or will be, an article of the source that the archive gives it."""
        return self.stored is None or self.stored.source_id == self.selected.article.source_id


def takes_page(stored: StoredPage, captured_at: datetime) -> bool:
    """Tell whether a stored article takes the page that was captured at `captured_at`.

    It does where its page is wanted or could not be read. Over a page that was read, or a reservation that was
    stated, goes only what came later; and an article whose feed says enough wants no page.
    """
    if stored.state == "none":
        return False
    was_read = stored.state == "fetched" or stored.pending.text_origin == "page" or stored.rights is not None
    return not was_read or captured_at > (stored.pending.tried_at or stored.updated_at)


def _link(draft: Draft, one: Selected) -> ArticleUpdate:
    """Return the article as a list of links would have brought it."""
    return ArticleUpdate(
        url=draft.url, guid=None, title="", author=None, published_at=None, dated_at=one.first_seen_at,
        date_source="first_seen", language=None, text="", entry_hash=draft.hash, wants_page=True, tagging=None,
    )  # fmt: skip


def _as_pending(link: ArticleUpdate, source_id: str) -> PendingPage:
    """Return the article of a link as one whose page is wanted."""
    return PendingPage(
        article_id=0, source_id=source_id, url=link.url, attempts=0, tried_at=None, title=link.title, text=link.text,
        text_origin="feed", language=link.language, published_at=None, dated_at=link.dated_at,
        date_source=link.date_source, author=None,
    )  # fmt: skip


def _extracted(one: Selected) -> Extracted:
    """Return what was extracted of the page; of a date that did not count nothing is left."""
    article = one.article
    return Extracted(
        url=article.url, canonical_url=article.canonical_url, title=article.title, author=article.author,
        published=article.published_at, date_source=article.date_source if article.published_at else None,
        language=article.language, text=article.text, paywalled=article.paywalled, rights=article.rights,
    )  # fmt: skip


def _texts(pages: Sequence[ArchivedPage]) -> Iterator[ArticleText]:
    """Yield what there is to tag, each with its place in `pages`."""
    for place, page in enumerate(pages):
        update = page.update
        if update.extracted is not None and (update.title or update.extracted.text):
            yield ArticleText(place, update.title, update.extracted.text, update.language, page.source_id)
