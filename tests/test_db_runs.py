"""The history of runs and requests."""

from dataclasses import replace
from datetime import timedelta

from db_rows import NOW, answer, article, id_of, one, page_update, save

from aiwire.exceptions import ExtractError, FetchError
from aiwire.types import (
    NotModified,
    Page,
    PageUpdate,
    SourceState,
    SourceUpdate,
)
from db.runs import last_start
from db.store import (
    finish_run,
    save_page,
    save_source,
    start_run,
)


def test_a_run_sums_up_its_requests_and_a_killed_one_is_found_out(db):
    save(db, article("a", wants_page=True))
    state = SourceState("vendor", error_count=1, error="bad")
    save_source(
        db,
        SourceUpdate(state, replace(answer(source_id="vendor"), unreadable=ExtractError("u", "bad"))),
        run_id=1,
        now=NOW,
    )
    mirror = answer(source_id="mirror", outcome=NotModified("u", {}))
    save_source(db, SourceUpdate(SourceState("mirror"), mirror), run_id=1, now=NOW)
    save_page(db, page_update(id_of(db), "Full."), run_id=1, now=NOW)

    second = start_run(db, "run", now=NOW)  # the first never ended
    finish_run(db, second, now=NOW + timedelta(minutes=1), status="stopped", sources_due=3, message="time is up")

    columns = "finished_at, sources_due, sources_ok, sources_not_modified, sources_failed, articles_new, pages_fetched"
    assert db.execute(f"SELECT status, {columns} FROM runs").fetchall() == [
        ("stopped", None, None, 1, 1, 1, 1, 1),
        ("stopped", "2026-11-23T06:01:00Z", 3, 0, 0, 0, 0, 0),
    ]
    assert db.execute("SELECT source_id, purpose, outcome, status, entries, new FROM fetches").fetchall() == [
        ("example", "feed", "ok", 200, 1, 1),
        ("vendor", "feed", "unreadable", 200, 0, 0),
        ("mirror", "feed", "not-modified", 304, 0, 0),
        ("example", "page", "ok", 200, 0, 0),
    ]


def test_the_last_start_is_the_latest_whatever_the_order(db):
    start_run(db, "run", now=NOW - timedelta(days=1))

    assert last_start(db) == NOW
    db.execute("DELETE FROM runs")
    assert last_start(db) is None


def test_what_a_replay_has_no_answer_for_is_no_failure(db):
    save(db, article("a", wants_page=True))
    absent = FetchError("u", "not in the archive", reason="not-in-archive")
    update = SourceUpdate(SourceState("vendor"), answer(source_id="vendor", outcome=absent))
    save_source(db, update, run_id=1, now=NOW)
    page = answer(purpose="page", article_id=id_of(db), outcome=absent)
    save_page(db, PageUpdate(id_of(db), Page("pending", 0, None, None, "absent"), page), run_id=1, now=NOW)

    finish_run(db, 1, now=NOW)

    columns = "sources_ok, sources_failed, sources_not_in_archive, pages_failed, pages_not_in_archive"
    assert one(db, f"SELECT {columns} FROM runs") == (1, 0, 1, 0, 1)
