"""The view `source_health`: what it counts, over which time, in which order, and by which indexes."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from db_rows import NOW, make_db
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.types import Source, iso
from db.health import HealthRow, body_sample, health_rows
from db.migrations import MIGRATIONS
from db.store import sync_sources

DOCUMENT = {"purpose": "feed", "outcome": "ok", "elapsed_ms": 100, "robots": None}


def insert_fetch(db, source_id="example", *, at=NOW, **more):
    values = {
        "run_id": 1, "source_id": source_id, "url": "https://example.org/feed", "wire_bytes": 0, "entries": 0,
        "new": 0, "changed": 0, "fetched_at": iso(at), **DOCUMENT, **more,
    }  # fmt: skip
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(f"INSERT INTO fetches ({names}) VALUES ({marks})", list(values.values()))


def insert_state(db, source_id, **more):
    values = {"source_id": source_id, "error_count": 0, "checked_at": iso(NOW), **more}
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(f"INSERT INTO source_state ({names}) VALUES ({marks})", list(values.values()))


def insert_article(db, number, *, seen, source_id="example"):
    db.execute(
        """
        INSERT INTO articles (id, url, source_id, title, dated_at, week, date_source, first_seen_at, updated_at, text,
            text_hash, text_origin, entry_hash, page_state, page_attempts)
        VALUES (?1, 'https://example.org/' || ?1, ?2, 'Title', ?3, date(?3, 'weekday 0', '-6 days'), 'published', ?3,
            ?3, 'Text.', 'h', 'feed', 'e', 'none', 0)
        """,
        [number, source_id, iso(seen)],
    )


def row_of(db, source_id="example"):
    return next(row for row in health_rows(db) if row.source_id == source_id)


def test_a_row_has_the_columns_of_the_view_in_their_order(db):
    columns = [row[1] for row in db.execute("PRAGMA table_xinfo(source_health)")]

    assert [field.name for field in fields(HealthRow)] == columns


def test_a_source_that_was_never_asked_is_new_and_has_no_history(db):
    row = row_of(db)

    assert (row.status, row.error_count, row.articles, row.new_per_week) == ("new", 0, 0, 0.0)
    assert row.validators_trusted
    assert row.enabled
    unknown = (row.last_outcome, row.first_read_at, row.last_ok_at, row.entries, row.not_modified_share)
    assert unknown == (None,) * 5


def test_the_state_of_a_source_is_told_with_times_and_truths(db):
    insert_state(db, "example", status="failing", error_class="temp", error="timed out", error_count=3,
                 failing_since="2026-11-20T06:00:00Z", ok_at="2026-11-19T06:00:00Z", new_gap_s=5400.0,
                 next_check_at="2026-11-24T06:00:00Z", validators_trusted=0, new_at="2026-11-18T06:00:00Z")  # fmt: skip

    row = row_of(db)

    assert (row.status, row.error_class, row.error, row.error_count) == ("failing", "temp", "timed out", 3)
    assert row.failing_since == datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert row.last_ok_at == datetime(2026, 11, 19, 6, tzinfo=UTC)
    assert row.last_new_at == datetime(2026, 11, 18, 6, tzinfo=UTC)
    assert row.next_check_at == datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert row.new_gap_hours == 1.5
    assert not row.validators_trusted


def test_a_source_that_left_the_list_has_no_row(db):
    sync_sources(db, [Source("vendor", "Vendor", "feed", "https://vendor.example/feed", "vendor")])

    assert [row.source_id for row in health_rows(db)] == ["vendor"]


def test_those_in_trouble_come_first_and_those_switched_off_last():
    db = make_db()
    worst_first = ["gone", "blocked", "missing", "failing", "suspicious", "empty", "throttled", "new", "ok"]
    listed = [Source(f"s-{word}", word, "feed", f"https://{word}.example/", word) for word in sorted(worst_first)]
    off = Source("s-off", "off", "feed", "https://off.example/", "off", enabled=False)
    sync_sources(db, [off, *listed])
    insert_state(db, "s-off", status="gone")
    for word in worst_first:
        insert_state(db, f"s-{word}", **({"status": "ok", "entries": 0} if word == "empty" else {"status": word}))

    order = [(row.source_id, row.status) for row in health_rows(db)]
    db.close()

    assert order == [(f"s-{word}", word) for word in [*worst_first, "off"]]


def test_the_view_begins_with_what_is_the_matter(db):
    columns = [row[1] for row in db.execute("PRAGMA table_xinfo(source_health)")]

    assert columns[:6] == ["status", "source_id", "error", "failing_since", "next_check_at", "next_check_reason"]


def test_of_two_that_fail_the_one_that_does_for_longer_comes_first(db):
    insert_state(db, "mirror", status="failing", failing_since="2026-11-01T06:00:00Z")
    insert_state(db, "example", status="failing", failing_since="2026-11-20T06:00:00Z")

    assert [row.source_id for row in health_rows(db)] == ["mirror", "example", "vendor"]


def test_new_articles_are_counted_over_the_four_weeks_before_the_newest_request_of_all():
    db = make_db()
    insert_fetch(db, "example", at=NOW - timedelta(days=300))
    insert_fetch(db, "example", at=NOW - timedelta(days=3))
    insert_fetch(db, "vendor", at=NOW)
    for number, days in enumerate((0, 1, 27.9, 28.1, 300)):
        insert_article(db, number, seen=NOW - timedelta(days=days))

    row = row_of(db)
    db.close()

    assert (row.articles, row.new_per_week) == (5, 0.75)


@pytest.mark.parametrize(
    ("days", "per_week"), [(0.25, 21), (1, 21), (2, 10.5), (7, 3), (14, 1.5), (28, 0.75), (90, 0.75)]
)
def test_the_rate_of_new_articles_counts_from_the_first_answer_whose_own_are_not_new(days, per_week):
    db = make_db()
    first = NOW - timedelta(days=days)
    insert_fetch(db, at=first - timedelta(days=1), outcome="timeout")
    insert_fetch(db, at=first)
    insert_fetch(db, at=NOW)
    for number in range(40):
        insert_article(db, number, seen=first)
    for number in range(40, 43):
        insert_article(db, number, seen=NOW)

    row = row_of(db)
    db.close()

    assert (row.first_read_at, row.articles, row.new_per_week) == (first, 43, per_week)


def make_kinds():
    """Make a database with a source of each kind, named by it."""
    db = make_db()
    sync_sources(db, [Source(kind, kind, kind, f"https://{kind}.example/", kind) for kind in KINDS])
    return db


KINDS = ("feed", "listing", "sitemap")
READ_IN_VAIN = {"feed": 0, "listing": 0, "sitemap": None}  # as the state has it: of a sitemap it counts nothing


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_is_read_and_never_had_an_entry_is_empty_until_it_has_one(kind):
    db = make_kinds()
    insert_state(db, kind, status="ok", entries=READ_IN_VAIN[kind], ok_at=iso(NOW))
    before = row_of(db, kind)
    insert_fetch(db, kind, purpose=kind, at=NOW - timedelta(days=9))
    insert_fetch(db, kind, purpose=kind, outcome="not-modified")

    row = row_of(db, kind)
    insert_article(db, 1, seen=NOW, source_id=kind)
    after = row_of(db, kind)
    db.close()

    assert before.status == ("ok" if kind == "sitemap" else "empty")  # nothing was read yet, as far as requests tell
    assert (row.status, row.entries, row.first_read_at) == ("empty", 0, NOW - timedelta(days=9))
    assert after.status == "ok"


@pytest.mark.parametrize("kind", KINDS)
def test_entries_that_are_articles_of_another_source_are_entries(kind):
    db = make_kinds()
    insert_state(db, kind, status="ok", entries=None if kind == "sitemap" else 3)
    insert_fetch(db, kind, purpose=kind, entries=3)

    row = row_of(db, kind)
    db.close()

    assert (row.status, row.entries) == ("ok", 3)


@pytest.mark.parametrize("status", ["failing", "suspicious", "throttled", "new", "gone"])
def test_what_is_worse_is_said_rather_than_empty(db, status):
    insert_state(db, "example", status=status, entries=0)

    assert row_of(db).status == status


def test_the_entries_of_a_sitemap_are_those_of_the_newest_documents_that_had_any():
    db = make_kinds()
    insert_state(db, "sitemap", status="ok")
    for days, documents in ((9, [0, 50]), (2, [0, 7, 5]), (1, [0]), (0, [])):
        at = NOW - timedelta(days=days)
        for entries in documents:
            insert_fetch(db, "sitemap", purpose="sitemap", at=at, entries=entries)
        insert_fetch(db, "sitemap", purpose="page", at=at, entries=1)
        insert_fetch(db, "sitemap", purpose="sitemap", at=at, outcome="unreadable", entries=1)

    row = row_of(db, "sitemap")
    db.close()

    assert (row.status, row.entries) == ("ok", 12)


def test_the_entries_of_a_feed_are_those_that_it_had_before_it_shrank(db):
    insert_state(db, "example", status="suspicious", entries=10)
    insert_fetch(db, entries=1)

    assert row_of(db).entries == 10


def test_answers_are_counted_over_the_thirty_days_before_the_newest_request_of_that_source():
    db = make_db()
    long_ago = NOW - timedelta(days=400)
    insert_fetch(db, "vendor", at=NOW)
    for days, outcome in ((0, "not-modified"), (1, "not-modified"), (29.9, "ok"), (30.1, "ok"), (90, "ok")):
        insert_fetch(db, at=long_ago - timedelta(days=days), outcome=outcome)

    row = row_of(db)
    db.close()

    assert row.not_modified_share == 0.667


def test_pages_robots_files_and_failures_say_nothing_of_the_feeds_own_answers(db):
    insert_fetch(db, outcome="not-modified", elapsed_ms=40)
    insert_fetch(db, purpose="page", elapsed_ms=9000)
    insert_fetch(db, purpose="robots", elapsed_ms=9000)
    insert_fetch(db, outcome="timeout", elapsed_ms=60000)

    row = row_of(db)

    assert (row.not_modified_share, row.p50_latency_ms, row.last_outcome) == (1.0, 40, "timeout")


@pytest.fixture(scope="module")
def shared_db():
    db = make_db()
    yield db
    db.close()


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_the_latency_is_the_median_of_the_good_answers(shared_db, latencies):
    shared_db.execute("DELETE FROM fetches")
    for latency in latencies:
        insert_fetch(shared_db, elapsed_ms=latency)

    found = row_of(shared_db).p50_latency_ms

    assert abs(found - median(latencies)) <= 0.5  # whole milliseconds
    assert isinstance(found, int)


def test_the_last_request_tells_what_came_and_what_robots_txt_forbids(db):
    insert_fetch(db, at=NOW - timedelta(hours=1), outcome="ok", robots="Disallow: / of https://example.org/robots.txt")
    insert_fetch(db, at=NOW - timedelta(hours=2), outcome="timeout")
    before = row_of(db)
    insert_fetch(db, at=NOW, outcome="dns")

    after = row_of(db)

    assert (before.last_outcome, before.robots) == ("ok", "Disallow: / of https://example.org/robots.txt")
    assert (after.last_outcome, after.robots) == ("dns", None)


def test_no_article_and_no_request_is_read_beside_the_indexes(db):
    plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN SELECT * FROM source_health")]

    of_big_tables = [step for step in plan if " articles" in step or " fetches" in step]
    assert len(of_big_tables) == 11
    assert [step for step in of_big_tables if not step.startswith("SEARCH") or "(source_id=?" not in step] == []
    # only the robots.txt of one request per source is looked up in its row
    assert len([step for step in of_big_tables if "COVERING" not in step]) == 1


def test_the_start_of_a_document_that_could_not_be_read_is_kept(db):
    insert_state(db, "example", sample=b"\x1b[31m<html>")
    insert_state(db, "vendor")

    kept = [body_sample(db, source_id) for source_id in ("example", "vendor", "mirror")]

    assert kept == [b"\x1b[31m<html>", None, None]


def test_a_source_that_is_not_there_has_no_sample(db):
    with pytest.raises(LookupError, match="stranger"):
        body_sample(db, "stranger")


def test_the_view_is_made_after_the_columns_that_it_shows(db):
    steps = [step.name for step in MIGRATIONS.applied(db)]

    assert steps.index("m006_ingestion") < steps.index("m007_source_health")
