"""What the pipeline calls to read and write the database; each write is one transaction, all or nothing.

    from db.connection import connect
    from db.store import save_source, ...

Saving twice changes nothing: an entry whose hash is stored is skipped. The rows do not depend on how a run was cut, but
on one order: an article that several sources bring belongs to the first of them that is saved, until that one leaves
sources.toml and another brings it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlite_utils import Database

from aiwire.types import (
    ArticleUpdate,
    FetchResult,
    PageUpdate,
    RobotsFile,
    SaveCounts,
    SeenItem,
    SourceState,
    SourceUpdate,
    Tagging,
)
from db import lanes
from db.articles import (
    ArticleRow,
    article_row,
    article_text,
    count_pending_pages,
    count_texts,
    insert_article,
    known_articles,
    known_canonicals,
    known_guids,
    page_text,
    pending_pages,
    save_page_state,
    text_hash,
    texts,
    update_from_entry,
    update_from_page,
)
from db.connection import transaction
from db.entities import sync_entities
from db.lanes import lane_states, robots_files, save_lanes
from db.runs import finish_run, record_fetch, start_run
from db.sources import sync_sources
from db.state import record_move, save_items, save_sample, save_state, seen_items, source_states
from db.tags import Touched, clear_tagging, move_tags, settle, touch, write_tagging

__all__ = [
    "article_text",
    "count_pending_pages",
    "count_texts",
    "finish_run",
    "known_articles",
    "known_canonicals",
    "known_guids",
    "lane_states",
    "page_text",
    "pending_pages",
    "robots_files",
    "save_lanes",
    "save_page",
    "save_parts",
    "save_robots",
    "save_source",
    "save_source_state",
    "save_suggestion",
    "save_tagging",
    "save_taggings",
    "seen_items",
    "source_states",
    "start_run",
    "sync_entities",
    "sync_sources",
    "texts",
    "write_page",
]


def save_source(db: Database, update: SourceUpdate, *, run_id: int, now: datetime) -> SaveCounts:
    """Save all that one answer of a source brings: articles, tags, rollups, HTTP validators and the request itself."""
    touched = Touched()
    new = changed = versions = 0
    with transaction(db):
        for article in update.articles:
            row = article_row(db, article_id=article.article_id, url=article.url)
            if row is None:
                _add(db, article, source_id=update.state.source_id, now=now, touched=touched)
                new += 1
            elif _is_to_change(row, article, source_id=update.state.source_id):
                versions += _change(db, row, article, source_id=update.state.source_id, now=now, touched=touched)
                changed += 1
        _save_check(db, update, now=now)
        record_fetch(
            db, update.fetch, run_id=run_id, now=now, entries=update.entries, new=new, changed=changed, mode=update.mode
        )
        settle(db, touched)
    return SaveCounts(new, changed, versions, touched.tags, touched.weeks)


def save_source_state(
    db: Database,
    state: SourceState,
    *,
    now: datetime,
    items: Iterable[SeenItem] | None = None,
    moved: tuple[str, str] | None = None,
) -> None:
    """Save what a source leaves behind whose documents were saved one by one."""
    with transaction(db):
        save_state(db, state)
        if items is not None:
            save_items(db, state.source_id, items)
        if moved is not None:
            record_move(db, state.source_id, *moved, now=now)


def save_parts(db: Database, source_id: str, items: Iterable[SeenItem]) -> None:
    """Save which parts of a sitemap index were read, though others failed."""
    with transaction(db):
        save_items(db, source_id, items)


def save_suggestion(
    db: Database, source_id: str, suggestion: str | None, fetch: FetchResult, *, run_id: int, now: datetime
) -> None:
    """Save the address that a site names for a feed that has gone missing, and the request."""
    with transaction(db):
        if suggestion is not None:
            db.execute("UPDATE source_state SET suggestion = ? WHERE source_id = ?", [suggestion, source_id])
        _save_lane(db, fetch)
        record_fetch(db, fetch, run_id=run_id, now=now)


def save_robots(
    db: Database, file: RobotsFile, fetch: FetchResult, *, ai_opt_outs: Iterable[str], run_id: int, now: datetime
) -> None:
    """Save a robots.txt, the AI crawlers that it keeps out, and the request."""
    with transaction(db):
        lanes.save_robots(db, file, ai_opt_outs=ai_opt_outs)
        _save_lane(db, fetch)
        record_fetch(db, fetch, run_id=run_id, now=now)


def save_page(db: Database, update: PageUpdate, *, run_id: int, now: datetime) -> SaveCounts:
    """Save what one page brings; without an extracted page only the state of the page and the request."""
    touched = Touched()
    with transaction(db):
        changed = int(write_page(db, update, now=now, tagged_at=now, touched=touched))
        _save_lane(db, update.fetch)
        record_fetch(db, update.fetch, run_id=run_id, now=now, changed=changed)
        settle(db, touched)
    return SaveCounts(0, changed, changed, touched.tags, touched.weeks)


def write_page(db: Database, update: PageUpdate, *, now: datetime, tagged_at: datetime, touched: Touched) -> bool:
    """Store what a page says of its article, its tags and its state; return whether an earlier version was kept.

    Part of the caller's transaction, which ends with `db.tags.settle`.

    Args:
        now: when the page was fetched.
        tagged_at: when its tags were made.
    """
    row = article_row(db, article_id=update.article_id)
    if row is None:
        raise LookupError(f"there is no article {update.article_id}")
    is_edited = False
    if update.extracted is not None:
        touch(db, row.id, touched=touched)
        is_edited = update_from_page(db, row, update, now=now)
        _retag(db, row, update.tagging, now=tagged_at, touched=touched)
    save_page_state(db, row.id, update.page)
    return is_edited


def save_tagging(db: Database, article_id: int, tagging: Tagging, *, now: datetime) -> SaveCounts:
    """Replace the tags of one stored article."""
    return save_taggings(db, [(article_id, tagging)], now=now)


def save_taggings(db: Database, taggings: Iterable[tuple[int, Tagging]], *, now: datetime) -> SaveCounts:
    """Replace the tags of stored articles, all in one transaction; each period touched is rolled up once."""
    touched = Touched()
    changed = 0
    with transaction(db):
        for article_id, tagging in taggings:
            write_tagging(db, article_id, tagging, now=now, touched=touched)
            changed += 1
        settle(db, touched)
    return SaveCounts(0, changed, 0, touched.tags, touched.weeks)


def _save_check(db: Database, update: SourceUpdate, *, now: datetime) -> None:
    """Save what a check leaves behind, apart from articles."""
    source_id = update.state.source_id
    save_state(db, update.state)
    save_sample(db, source_id, update.sample)
    if update.seen is not None:
        save_items(db, source_id, update.seen)
    if update.moved is not None:
        record_move(db, source_id, *update.moved, now=now)
    _save_lane(db, update.fetch)


def _save_lane(db: Database, fetch: FetchResult) -> None:
    if fetch.lane is not None:
        lanes.save_lane(db, fetch.lane)


def _add(db: Database, article: ArticleUpdate, *, source_id: str, now: datetime, touched: Touched) -> None:
    article_id = insert_article(db, article, source_id=source_id, now=now)
    if article.tagging is not None:
        write_tagging(db, article_id, article.tagging, now=now, touched=touched)


def _is_to_change(row: ArticleRow, article: ArticleUpdate, *, source_id: str) -> bool:
    """Tell whether an entry changes a stored article: as its own source's, or as the heir of one that left."""
    if row.source_id == source_id:
        return row.entry_hash != article.entry_hash
    return not row.owner_active


def _change(
    db: Database, row: ArticleRow, article: ArticleUpdate, *, source_id: str, now: datetime, touched: Touched
) -> int:
    """Store a changed entry; return how many earlier versions were kept."""
    touch(db, row.id, touched=touched)
    kept = update_from_entry(db, row, article, source_id=source_id, now=now)
    fits = article.text_origin == "feed" or text_hash(article.text) == row.text_hash  # tagged is what is stored now
    _retag(db, row, article.tagging if fits else None, now=now, touched=touched)
    return int(kept)


def _retag(db: Database, row: ArticleRow, tagging: Tagging | None, *, now: datetime, touched: Touched) -> None:
    """Bring the tags in line with a row that was written: new ones, none until it is tagged again, or the old ones."""
    after = article_row(db, article_id=row.id)
    assert after is not None  # noqa: S101  (it was written in this transaction)
    reworded = (after.title, after.text_hash, after.source_id) != (row.title, row.text_hash, row.source_id)
    if tagging is not None:
        renamed = after.title != row.title
        write_tagging(db, row.id, tagging, now=now, touched=touched, renamed=renamed, reworded=reworded)
    elif reworded:
        clear_tagging(db, row.id, touched=touched)
    else:
        move_tags(db, row.id, touched=touched)
