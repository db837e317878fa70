"""Save what comes out of a web archive: each call is one transaction, all or nothing.

What is saved is what a run would have left behind that found each article in a list of links when it was first
captured, and read its page at the capture. `loaded_articles` says which articles came so: their time is that of the
capture, long before they were here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlite_utils import Database

from aiwire.types import ArticleUpdate, PageUpdate, SaveCounts, Source, iso
from db.articles import insert_article
from db.sources import add_sources
from db.store import write_page
from db.tags import Touched, settle
from db.transactions import transaction

__all__ = ["ArchivedPage", "CaptureDay", "save_archived"]

_DAY_SQL = """
    SELECT id, run_id, entries FROM fetches
    WHERE purpose = 'archive' AND source_id = ? AND fetched_at >= ? AND fetched_at < ? || 'T~'
"""
_FETCH_SQL = """
    INSERT INTO fetches (run_id, source_id, url, purpose, outcome, status, wire_bytes, elapsed_ms, entries, new,
        changed, fetched_at)
    SELECT ?, id, url, 'archive', 'ok', 200, 0, 0, ?, 0, 0, ? FROM sources WHERE id = ?
"""
_COVERAGE_SQL = """
    INSERT INTO coverage (source_id, day, checks, answers) VALUES (:source, :day, :more, :more)
    ON CONFLICT (source_id, day) DO UPDATE SET checks = checks + :more, answers = answers + :more
"""


@dataclass(frozen=True, slots=True)
class CaptureDay:
    """A day on which others have looked at a source."""

    source_id: str
    day: str  # ISO, UTC
    pages: int  # that they fetched
    last_at: datetime  # of these


@dataclass(frozen=True, slots=True)
class ArchivedPage:
    """The page of one article, as it was captured."""

    update: PageUpdate  # its article_id does not count for a new article
    source_id: str
    captured_at: datetime
    written_at: datetime  # when that changes the article: the capture, but not before what is stored of it
    link: ArticleUpdate | None  # as which a list would have brought the article; None: it is stored
    first_seen_at: datetime


def save_archived(
    db: Database,
    pages: Sequence[ArchivedPage],
    *,
    sources: Iterable[Source],
    captures: Iterable[CaptureDay],
    run_id: int,
    now: datetime,
) -> SaveCounts:
    """Save articles and pages, and that their sources were looked at.

    Args:
        sources: of these articles; those that are not stored are added, as such that nobody asks.
        captures: days of these sources; what is known of a day is not counted twice.
        now: when the tags were made.
    """
    touched = Touched()
    new: Counter[tuple[str, str]] = Counter()
    changed: Counter[tuple[str, str]] = Counter()
    versions = 0
    with transaction(db):
        add_sources(db, sources)
        for page in pages:
            day = (page.source_id, iso(page.captured_at)[:10])
            is_edited = _write(db, page, now=now, touched=touched)
            new[day] += page.link is not None
            changed[day] += is_edited
            versions += is_edited
        for capture in captures:
            _add_capture(db, capture, run_id=run_id)
        for source_id, day_of in new.keys() | changed.keys():
            counts = new[source_id, day_of], changed[source_id, day_of]
            _count(db, source_id, day_of, *counts, run_id=run_id)
        settle(db, touched)
    return SaveCounts(new.total(), changed.total(), versions, touched.tags, touched.weeks)


def _write(db: Database, page: ArchivedPage, *, now: datetime, touched: Touched) -> bool:
    """Write one article and return whether that kept an earlier version of it."""
    update = page.update
    if page.link is not None:
        article_id = insert_article(db, page.link, source_id=page.source_id, now=page.first_seen_at)
        db.execute("INSERT INTO loaded_articles (article_id, loaded_at) VALUES (?, ?)", [article_id, iso(now)])
        update = replace(update, article_id=article_id)
    return write_page(db, update, now=page.written_at, tagged_at=now, touched=touched)


def _add_capture(db: Database, capture: CaptureDay, *, run_id: int) -> None:
    """Enter a day in history and coverage ledger; of a day that was entered, what the archive has in addition."""
    known = db.execute(_DAY_SQL, [capture.source_id, capture.day, capture.day]).fetchone()
    if known is None:
        db.execute(_FETCH_SQL, [run_id, capture.pages, iso(capture.last_at), capture.source_id])
        more = capture.pages
    else:
        fetch_id, _, pages = known
        more = max(0, capture.pages - pages)
        db.execute(
            "UPDATE fetches SET entries = max(entries, ?), fetched_at = max(fetched_at, ?) WHERE id = ?",
            [capture.pages, iso(capture.last_at), fetch_id],
        )
    if more:
        db.execute(_COVERAGE_SQL, {"source": capture.source_id, "day": capture.day, "more": more})


def _count(db: Database, source_id: str, day: str, new: int, changed: int, *, run_id: int) -> None:
    """Add to the counts of a day, which are those of the run that last brought something of it."""
    known = db.execute(_DAY_SQL, [source_id, day, day]).fetchone()
    if known is None or not (new or changed):
        return
    fetch_id, before, _ = known
    if before != run_id:
        db.execute("UPDATE fetches SET run_id = ?, new = 0, changed = 0 WHERE id = ?", [run_id, fetch_id])
    db.execute("UPDATE fetches SET new = new + ?, changed = changed + ? WHERE id = ?", [new, changed, fetch_id])
