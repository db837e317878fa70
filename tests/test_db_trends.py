"""Weekly rollups: what counts, and that refreshing equals rolling up anew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.types import (
    ArticleUpdate,
    Entity,
    FetchResult,
    Request,
    Response,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from db.connection import connect
from db.dump import dump_rows
from db.store import known_articles, save_source, save_tagging, start_run, sync_entities, sync_sources
from db.trends import rebuild, refresh_entities, refresh_weeks

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
KINDS = {"nvidia": "company", "tco": "theme", "h100": "accelerator"}
NO_TAGS = Tagging(tagger_version="1", taxonomy_version="t")


def tag(entity_id, *, role="subject", about=True, count=1):
    return Tag(KINDS[entity_id], entity_id, entity_id, (entity_id,), count, about, role, True, 0.5, 0.9, "", ())


def make_db():
    db = connect(":memory:")
    sync_sources(db, [
        Source("press", "Press", "feed", "https://press.example/", "press"),
        Source("press-de", "Press DE", "feed", "https://press.example/de", "press"),
        Source("vendor", "Vendor", "feed", "https://vendor.example/", "vendor", owner="nvidia"),
    ])  # fmt: skip
    sync_entities(db, [Entity(i, kind, i.upper()) for i, kind in KINDS.items()])
    start_run(db, "run", now=NOW)
    return db


def save(
    db, name, *tags, day=NOW, source_id="press", language="en", tagged=True, date_source="published", scope="full"
):
    tagging = replace(NO_TAGS, tags=tags, scope=scope) if tagged else None
    url = f"https://example.org/{name}"
    update = ArticleUpdate(
        url, None, name, None, day, day, date_source, language, "text", f"{tags}{day}", False, tagging
    )
    fetch = FetchResult(Request(url, source_id, "feed"), Response(url, url, 200, {}, b""), 1, 1)
    return save_source(db, SourceUpdate(SourceState(source_id), fetch, (update,)), run_id=1, now=NOW)


@pytest.fixture
def db():
    empty = make_db()
    yield empty
    empty.close()


def trend(db, entity_id, segment="all"):
    return db.execute(
        "SELECT period_start, articles, articles_about, publishers, mentions FROM trends_weekly"
        " WHERE entity_id = ? AND segment = ?",
        [entity_id, segment],
    ).fetchall()


def test_an_article_counts_once_per_entity_and_publishers_are_families(db):
    save(db, "a", tag("nvidia", count=5), tag("tco", about=False))
    save(db, "b", tag("nvidia"), source_id="press-de")
    save(db, "c", tag("nvidia"), source_id="vendor")

    assert trend(db, "nvidia") == [("2026-11-23", 3, 3, 2, 7)]
    assert trend(db, "tco") == [("2026-11-23", 1, 0, 1, 1)]
    assert trend(db, "nvidia", "owned") == [("2026-11-23", 1, 1, 1, 1)]
    assert trend(db, "nvidia", "independent") == [("2026-11-23", 2, 2, 1, 6)]


def test_who_is_only_quoted_or_the_place_of_a_post_is_not_counted(db):
    save(db, "a", tag("nvidia", role="source"))
    save(db, "b", tag("nvidia", role="venue"))
    save(db, "c", tag("nvidia", role="mention", about=False))

    assert trend(db, "nvidia") == [("2026-11-23", 1, 0, 1, 1)]


@pytest.mark.parametrize(
    ("day", "monday"),
    [
        pytest.param("2026-11-22T23:59:59Z", "2026-11-16", id="last second of Sunday"),
        pytest.param("2026-11-23T00:00:00Z", "2026-11-23", id="first second of Monday"),
        pytest.param("2027-01-03T12:00:00Z", "2026-12-28", id="over the turn of the year"),
        pytest.param("2024-02-29T12:00:00Z", "2024-02-26", id="leap day"),
    ],
)
def test_a_week_is_monday_to_sunday_in_utc(db, day, monday):
    save(db, "a", tag("nvidia"), day=datetime.fromisoformat(day))

    assert [row[0] for row in trend(db, "nvidia")] == [monday]


@pytest.mark.parametrize(
    ("language", "segment"),
    [("en", "lang:en"), ("en-US", "lang:en"), ("ZH_cn", "lang:zh"), (None, "lang:und"), ("", "lang:und")],
)
def test_languages_are_segments_by_their_primary_subtag(db, language, segment):
    save(db, "a", tag("nvidia"), language=language)

    segments = {row[0] for row in db.execute("SELECT segment FROM trends_weekly")}
    assert segments == {"all", "independent", segment}


def test_untagged_articles_are_in_neither_number(db):
    save(db, "a", tagged=False)
    assert db.execute("SELECT * FROM week_totals").fetchall() == []

    save(db, "b")

    assert db.execute("SELECT articles_total, publishers_active FROM week_totals WHERE segment = 'all'").fetchall() == [
        (1, 1)
    ]


def test_what_came_undated_in_a_first_answer_is_in_neither_number(db):
    save(db, "a", tag("nvidia"), date_source="backlog")
    assert (trend(db, "nvidia"), db.execute("SELECT * FROM week_totals").fetchall()) == ([], [])

    save(db, "b", tag("nvidia"), date_source="first_seen")
    refresh_weeks(db, ["2026-11-23"])

    assert trend(db, "nvidia") == [("2026-11-23", 1, 1, 1, 1)]
    assert db.execute("SELECT articles_total FROM week_totals WHERE segment = 'all'").fetchall() == [(1,)]


def test_articles_tagged_for_names_only_are_no_denominator_of_themes(db):
    save(db, "a", tag("tco"))
    save(db, "b", language="zh", scope="names", source_id="vendor")

    totals = db.execute(
        "SELECT segment, articles_total, publishers_active, articles_full, publishers_full FROM week_totals"
    ).fetchall()
    assert totals == [
        ("all", 2, 2, 1, 1), ("independent", 1, 1, 1, 1), ("lang:en", 1, 1, 1, 1), ("lang:zh", 1, 1, 0, 0),
        ("owned", 1, 1, 0, 0),
    ]  # fmt: skip


DAYS = st.integers(0, 40).map(lambda n: NOW - timedelta(days=n))
TAGS = st.lists(
    st.builds(tag, st.sampled_from(sorted(KINDS)), role=st.sampled_from(["subject", "source"]), about=st.booleans()),
    max_size=3, unique_by=lambda t: t.id,
)  # fmt: skip
SAVES = st.tuples(
    st.just("save"),
    st.sampled_from("abcdef"),
    TAGS,
    DAYS,
    st.sampled_from(["press", "press-de", "vendor"]),
    st.sampled_from(["published", "backlog"]),
)
RETAGS = st.tuples(st.just("retag"), st.sampled_from("abcdef"), TAGS, DAYS, st.just(""), st.just(""))


@settings(max_examples=60, deadline=None)
@given(st.lists(SAVES | RETAGS, max_size=12))
def test_what_the_refreshes_left_is_what_a_rebuild_gives(steps):
    db = make_db()
    for what, name, tags, day, source_id, date_source in steps:
        stored = known_articles(db, [f"https://example.org/{name}"])
        if what == "save":
            save(db, name, *tags, day=day, source_id=source_id, date_source=date_source)
        elif stored:
            save_tagging(db, stored.popitem()[1].id, replace(NO_TAGS, tags=tuple(tags)), now=NOW)
    kept = dump_rows(db)

    weeks = rebuild(db)

    assert dump_rows(db) == kept
    assert weeks == db.execute("SELECT count(DISTINCT week) FROM articles").fetchone()[0]
    db.close()


@pytest.mark.parametrize(
    ("refresh", "first"),
    [
        pytest.param(
            lambda db: refresh_weeks(db, ["2026-11-23"]),
            "articles USING COVERING INDEX articles_week",
            id="a week",
        ),
        pytest.param(
            lambda db: refresh_entities(db, {"2026-11-23": ["nvidia"]}),
            "article_entities USING INDEX article_entities_entity (entity_id=? AND dated_at>? AND dated_at<?)",
            id="an entity in a week",
        ),
    ],
)
def test_a_rollup_reads_neither_texts_nor_other_weeks(db, refresh, first):
    seen: list[str] = []
    db.conn.set_trace_callback(seen.append)
    refresh(db)
    db.conn.set_trace_callback(None)

    plans = [
        row[3]
        for sql in seen
        if sql.lstrip().startswith(("INSERT", "DELETE"))
        for row in db.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    ]
    assert any(first in step for step in plans)
    assert [
        s for s in plans if s.startswith("SCAN") and not s.startswith(("SCAN cells", "SCAN found", "SCAN (sub"))
    ] == []
