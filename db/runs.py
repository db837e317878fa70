"""The history: one row per run, one per request."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from sqlite_utils import Database

from aiwire.exceptions import FetchError
from aiwire.types import FetchResult, NotModified, ParseMode, iso, parse_iso
from db.connection import transaction

__all__ = ["GOOD_ANSWER_SQL", "finish_run", "last_start", "record_fetch", "start_run"]

# of a request: it asked for a source itself, or others did and we have what they got
SOURCE_PURPOSES = ("feed", "listing", "sitemap", "archive")
SOURCE_SQL = f"purpose IN {SOURCE_PURPOSES}"
GOOD_ANSWER_SQL = f"{SOURCE_SQL} AND outcome IN ('ok', 'not-modified')"  # of a request: the source was read

# the fields of a run that are sums over its requests
TOTALS_SQL = f"""
    UPDATE runs SET
        sources_ok = (SELECT count(DISTINCT source_id) FROM fetches
            WHERE run_id = runs.id AND {SOURCE_SQL} AND outcome = 'ok'),
        sources_not_modified = (SELECT count(DISTINCT source_id) FROM fetches
            WHERE run_id = runs.id AND {SOURCE_SQL} AND outcome = 'not-modified'),
        sources_failed = (SELECT count(DISTINCT source_id) FROM fetches
            WHERE run_id = runs.id AND {SOURCE_SQL} AND outcome NOT IN ('ok', 'not-modified', 'not-in-archive')),
        sources_not_in_archive = (SELECT count(DISTINCT source_id) FROM fetches
            WHERE run_id = runs.id AND {SOURCE_SQL} AND outcome = 'not-in-archive'),
        articles_new = (SELECT coalesce(sum(new), 0) FROM fetches WHERE run_id = runs.id),
        articles_changed = (SELECT coalesce(sum(changed), 0) FROM fetches WHERE run_id = runs.id),
        pages_fetched = (SELECT count(*) FROM fetches WHERE run_id = runs.id AND purpose = 'page' AND outcome = 'ok'),
        pages_failed = (SELECT count(*) FROM fetches
            WHERE run_id = runs.id AND purpose = 'page' AND outcome NOT IN ('ok', 'not-in-archive')),
        pages_not_in_archive = (SELECT count(*) FROM fetches
            WHERE run_id = runs.id AND purpose = 'page' AND outcome = 'not-in-archive')
    WHERE id = ?
"""


def start_run(db: Database, command: str, *, now: datetime) -> int:
    """Record that `command` starts and return the run's id.

    The caller holds the lock, so a run that still counts as running was killed: it becomes `stopped`, without an end.
    """
    with transaction(db):
        for (run_id,) in db.execute("SELECT id FROM runs WHERE status = 'running'").fetchall():
            db.execute("UPDATE runs SET status = 'stopped', message = 'killed before its end' WHERE id = ?", [run_id])
            db.execute(TOTALS_SQL, [run_id])
        cursor = db.execute(
            "INSERT INTO runs (command, started_at, status) VALUES (?, ?, 'running')", [command, iso(now)]
        )
    return int(cursor.lastrowid or 0)


def last_start(db: Database) -> datetime | None:
    """Return the latest moment at which a run started, by the clock it was given; None if there was no run."""
    latest = db.execute("SELECT max(started_at) FROM runs").fetchone()[0]
    return None if latest is None else parse_iso(latest)


def finish_run(
    db: Database,
    run_id: int,
    *,
    now: datetime,
    status: Literal["done", "failed", "stopped"] = "done",
    sources_due: int | None = None,
    message: str | None = None,
) -> None:
    """Record the end of a run. Its totals are summed up from its requests; `message` says why it failed or stopped."""
    with transaction(db):
        db.execute(
            "UPDATE runs SET finished_at = ?, status = ?, sources_due = ?, message = ? WHERE id = ?",
            [iso(now), status, sources_due, message, run_id],
        )
        db.execute(TOTALS_SQL, [run_id])


COVERAGE_SQL = """
    INSERT INTO coverage (source_id, day, checks, answers) VALUES (?, ?, 1, ?)
    ON CONFLICT (source_id, day) DO UPDATE SET checks = checks + 1, answers = answers + excluded.answers
"""


def record_fetch(
    db: Database,
    fetch: FetchResult,
    *,
    run_id: int,
    now: datetime,
    entries: int = 0,
    new: int = 0,
    changed: int = 0,
    mode: ParseMode | None = None,
) -> None:
    """Record one request and what came of it, in the coverage ledger, too, if it asked for a source itself.

    Part of the caller's transaction.
    """
    request = fetch.request
    word, status, final_url, problem = _outcome(fetch)
    db.execute(
        """
        INSERT INTO fetches (run_id, source_id, article_id, url, final_url, purpose, outcome, status, wire_bytes,
            elapsed_ms, error, entries, new, changed, fetched_at, hops, robots, mode)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [run_id, request.source_id, request.article_id, request.url, final_url, request.purpose, word, status,
         fetch.wire_bytes, fetch.elapsed_ms, problem, entries, new, changed, iso(now),
         _hops(fetch), fetch.robots, mode],
    )  # fmt: skip
    if request.purpose in SOURCE_PURPOSES and word != "not-in-archive":  # which says nothing of the source
        db.execute(COVERAGE_SQL, [request.source_id, iso(now)[:10], word in ("ok", "not-modified")])


def _hops(fetch: FetchResult) -> str | None:
    hops = () if isinstance(fetch.outcome, FetchError) else fetch.outcome.hops
    return json.dumps([[hop.status, hop.url] for hop in hops]) if hops else None


def _outcome(fetch: FetchResult) -> tuple[str, int | None, str | None, str | None]:
    """Return an outcome as the table has it: one word, HTTP status, final URL, error."""
    outcome = fetch.outcome
    if isinstance(outcome, FetchError):
        return outcome.reason, outcome.status, None, outcome.message
    if isinstance(outcome, NotModified):
        word, status, final_url = "not-modified", 304, outcome.final_url or outcome.url
    else:
        word, status, final_url = "ok", outcome.status, outcome.final_url
    if fetch.unreadable is not None:
        return "unreadable", status, final_url, fetch.unreadable.message
    return word, status, final_url, None
