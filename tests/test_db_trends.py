"""Rollups: what counts in which period and segment, and that what every write leaves is what a rebuild gives."""

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
from db.trends import rebuild, refresh_days, refresh_entities
from db.trends.cooccurrence import MOST_NAMED

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
KINDS = {"nvidia": "company", "tco": "theme", "h100": "accelerator"}
PRESS = Source("press", "Press", "feed", "https://press.example/", "press", category="press")
PRESS_DE = Source("press-de", "Press DE", "feed", "https://press.example/de", "press")
VENDOR = Source("vendor", "Vendor", "feed", "https://vendor.example/", "vendor", owner="nvidia", category="chips")
NO_TAGS = Tagging(tagger_version="1", taxonomy_version="t")


def tag(entity_id, *, role="subject", about=True, count=1, listed=True):
    kind = KINDS.get(entity_id, "company")
    return Tag(kind, entity_id, entity_id, (entity_id,), count, about, role, listed, 0.5, 0.9, "", ())


def make_db(path=":memory:"):
    db = connect(path)
    sync_sources(db, [PRESS, PRESS_DE, VENDOR])
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


def trend(db, entity_id, segment="all", table="trends_weekly"):
    return db.execute(
        f"SELECT period_start, articles, articles_about, publishers, mentions FROM {table}"
        " WHERE entity_id = ? AND segment = ? ORDER BY period_start",
        [entity_id, segment],
    ).fetchall()


def totals(db, grain="week", segment="all"):
    return db.execute(
        "SELECT period_start, articles_total, publishers_active FROM period_totals WHERE grain = ? AND segment = ?"
        " ORDER BY period_start",
        [grain, segment],
    ).fetchall()


def in_one_story(db, *names):
    """Make articles copies of the first, as `db.stories` would."""
    leader, *others = (known_articles(db, [f"https://example.org/{n}"]).popitem()[1].id for n in names)
    for other in others:
        db.execute("UPDATE articles SET story_id = ? WHERE id = ?", [leader, other])


def test_an_article_counts_once_per_entity_and_publishers_are_families(db):
    save(db, "a", tag("nvidia", count=5), tag("tco", about=False))
    save(db, "b", tag("nvidia"), source_id="press-de")
    save(db, "c", tag("nvidia"), source_id="vendor")

    assert trend(db, "nvidia") == [("2026-11-23", 3, 3, 2, 7)]
    assert trend(db, "tco") == [("2026-11-23", 1, 0, 1, 1)]
    assert trend(db, "nvidia", "owned") == [("2026-11-23", 1, 1, 1, 1)]
    assert trend(db, "nvidia", "independent") == [("2026-11-23", 2, 2, 1, 6)]


def test_copies_are_articles_of_one_story_and_a_vendors_own_voice_is_told_apart(db):
    for name, source_id in (("a", "press"), ("b", "press-de"), ("c", "vendor"), ("d", "vendor")):
        save(db, name, tag("nvidia"), source_id=source_id)
    in_one_story(db, "a", "b", "c")
    refresh_entities(db, {"2026-11-23": ["nvidia"]})

    counts = "articles, articles_owned, stories, publishers, publishers_independent"
    rows = db.execute(f"SELECT segment, {counts} FROM trends_weekly ORDER BY segment").fetchall()
    assert rows == [
        ("all", 4, 2, 2, 2, 1),
        ("category:chips", 2, 2, 2, 1, 0),
        ("category:press", 1, 0, 1, 1, 1),
        ("independent", 2, 0, 1, 1, 1),
        ("lang:en", 4, 2, 2, 2, 1),
        ("owned", 2, 2, 2, 1, 0),
    ]
    assert db.execute("SELECT DISTINCT stories_total, stories_full FROM period_totals WHERE segment = 'all'").fetchall(
    ) == [(2, 2)]  # fmt: skip


def test_who_is_only_quoted_or_the_place_of_a_post_is_not_counted(db):
    save(db, "a", tag("nvidia", role="source"))
    save(db, "b", tag("nvidia", role="venue"))
    save(db, "c", tag("nvidia", role="mention", about=False))

    assert trend(db, "nvidia") == [("2026-11-23", 1, 0, 1, 1)]


@pytest.mark.parametrize(
    ("moment", "starts"),
    [
        pytest.param("2026-11-22T23:59:59Z", ("2026-11-22", "2026-11-16", "2026-11-01"), id="last second of Sunday"),
        pytest.param("2026-11-23T00:00:00Z", ("2026-11-23", "2026-11-23", "2026-11-01"), id="first second of Monday"),
        pytest.param("2026-12-31T23:59:59Z", ("2026-12-31", "2026-12-28", "2026-12-01"), id="last second of a year"),
        pytest.param("2027-01-01T00:00:00Z", ("2027-01-01", "2026-12-28", "2027-01-01"), id="first second of a year"),
        pytest.param("2024-02-29T12:00:00Z", ("2024-02-29", "2024-02-26", "2024-02-01"), id="leap day"),
    ],
)
def test_a_day_a_week_from_monday_and_a_month_are_utc(db, moment, starts):
    save(db, "a", tag("nvidia"), day=datetime.fromisoformat(moment))

    tables = ("trends_daily", "trends_weekly", "trends_monthly")
    assert tuple(trend(db, "nvidia", table=table)[0][0] for table in tables) == starts
    assert tuple(totals(db, grain)[0][0] for grain in ("day", "week", "month")) == starts


def test_a_week_over_the_turn_of_a_year_is_one_and_its_months_are_two(db):
    for name, day in (("a", 31), ("b", 32)):
        save(db, name, tag("nvidia"), day=datetime(2026, 12, 1, 12, tzinfo=UTC) + timedelta(day - 1))

    assert trend(db, "nvidia") == [("2026-12-28", 2, 2, 1, 2)]
    assert [row[:2] for row in trend(db, "nvidia", table="trends_monthly")] == [("2026-12-01", 1), ("2027-01-01", 1)]


@pytest.mark.parametrize(
    ("language", "segment"),
    [("en", "lang:en"), ("en-US", "lang:en"), ("ZH_cn", "lang:zh"), (None, "lang:und"), ("", "lang:und")],
)
def test_languages_are_segments_by_their_primary_subtag(db, language, segment):
    save(db, "a", tag("nvidia"), language=language, source_id="press-de")

    segments = {row[0] for row in db.execute("SELECT segment FROM trends_weekly")}
    assert segments == {"all", "independent", segment}


def test_untagged_articles_are_in_neither_number(db):
    save(db, "a", tagged=False)
    assert totals(db) == []

    save(db, "b")

    assert totals(db) == [("2026-11-23", 1, 1)]


def test_what_came_undated_in_a_first_answer_is_in_neither_number(db):
    save(db, "a", tag("nvidia"), tag("tco"), date_source="backlog")
    assert (trend(db, "nvidia"), totals(db), pairs(db)) == ([], [], [])

    save(db, "b", tag("nvidia"), date_source="first_seen")
    refresh_days(db, ["2026-11-23"])

    assert trend(db, "nvidia") == [("2026-11-23", 1, 1, 1, 1)]
    assert totals(db) == [("2026-11-23", 1, 1)]


def test_articles_tagged_for_names_only_are_no_denominator_of_themes(db):
    save(db, "a", tag("tco"))
    save(db, "b", language="zh", scope="names", source_id="vendor")

    found = db.execute(
        "SELECT segment, articles_total, publishers_active, articles_full, stories_full, publishers_full"
        " FROM period_totals WHERE grain = 'week'"
    ).fetchall()
    assert found == [
        ("all", 2, 2, 1, 1, 1), ("category:chips", 1, 1, 0, 0, 0), ("category:press", 1, 1, 1, 1, 1),
        ("independent", 1, 1, 1, 1, 1), ("lang:en", 1, 1, 1, 1, 1), ("lang:zh", 1, 1, 0, 0, 0),
        ("owned", 1, 1, 0, 0, 0),
    ]  # fmt: skip


def pairs(db):
    return db.execute("SELECT * FROM cooccurrence_weekly ORDER BY 1, 2, 3").fetchall()


def test_pairs_are_counted_once_per_article_and_story_the_lesser_id_first(db):
    save(db, "a", tag("tco"), tag("nvidia", count=3), tag("h100"))
    save(db, "b", tag("nvidia"), tag("h100", role="mention"), tag("tco", role="source"))
    in_one_story(db, "a", "b")
    refresh_entities(db, {"2026-11-23": ["h100"]})

    assert pairs(db) == [
        ("h100", "nvidia", "2026-11-23", 2, 1),
        ("h100", "tco", "2026-11-23", 1, 1),
        ("nvidia", "tco", "2026-11-23", 1, 1),
    ]


def test_pairs_of_others_that_stand_beside_a_touched_entity_keep_all_their_articles(db):
    save(db, "a", tag("tco"), tag("nvidia"), tag("h100"))
    save(db, "b", tag("nvidia"), tag("tco"))

    save(db, "c", tag("h100"))

    assert ("nvidia", "tco", "2026-11-23", 2, 2) in pairs(db)


def test_an_article_that_names_very_many_is_a_list_and_counts_in_no_pair(db):
    names = [f"company-{n:02}" for n in range(MOST_NAMED)]
    save(db, "a", tag("nvidia"), *(tag(name, listed=False) for name in names))
    assert (pairs(db), len(trend(db, "company-00"))) == ([], 1)

    save(db, "a", *(tag(name, listed=False) for name in names))

    assert len(pairs(db)) == MOST_NAMED * (MOST_NAMED - 1) / 2


def test_a_name_on_no_list_leaves_the_rollups_with_the_last_article_that_names_it(db):
    save(db, "a", tag("nvidia"), tag("newcomer", listed=False))
    assert (len(trend(db, "newcomer")), len(pairs(db))) == (1, 1)

    save(db, "a", tag("nvidia"))

    assert db.execute("SELECT id FROM entities WHERE id = 'newcomer'").fetchall() == []
    assert (trend(db, "newcomer"), pairs(db)) == ([], [])


@pytest.mark.parametrize(
    ("field", "value", "segments"),
    [
        ("owner", "nvidia", {"all", "category:press", "lang:en", "owned"}),
        ("category", "lab", {"all", "category:lab", "independent", "lang:en"}),
        ("category", None, {"all", "independent", "lang:en"}),
    ],
)
def test_a_source_that_is_described_otherwise_moves_all_it_ever_said_to_other_segments(db, field, value, segments):
    for name, days in (("a", 0), ("b", 200)):
        save(db, name, tag("nvidia"), day=NOW - timedelta(days))

    sync_sources(db, [replace(PRESS, **{field: value}), PRESS_DE, VENDOR])

    for table in ("trends_daily", "trends_weekly", "trends_monthly"):
        rows = db.execute(f"SELECT segment, count(*) FROM {table} GROUP BY segment").fetchall()
        assert rows == [(segment, 2) for segment in sorted(segments)]
    assert {row[0] for row in db.execute("SELECT segment FROM period_totals")} == segments


def test_sources_that_become_one_family_are_one_publisher(db):
    save(db, "a", tag("nvidia"))
    save(db, "b", tag("nvidia"), source_id="vendor")
    assert trend(db, "nvidia") == [("2026-11-23", 2, 2, 2, 2)]

    sync_sources(db, [PRESS, PRESS_DE, replace(VENDOR, publisher="press")])

    assert (trend(db, "nvidia"), totals(db)) == ([("2026-11-23", 2, 2, 1, 2)], [("2026-11-23", 2, 1)])


DAYS = st.integers(-10, 40).map(lambda n: datetime(2026, 12, 28, 12, tzinfo=UTC) + timedelta(days=n))
TAGS = st.lists(
    st.builds(
        tag,
        st.sampled_from([*KINDS, "newcomer"]),
        role=st.sampled_from(["subject", "mention", "source"]),
        about=st.booleans(),
        listed=st.just(True),
    ).map(lambda found: replace(found, listed=found.id in KINDS)),
    max_size=4, unique_by=lambda t: t.id,
)  # fmt: skip
NAMES = st.sampled_from("abcdef")
SAVES = st.tuples(
    st.just("save"),
    NAMES,
    TAGS,
    DAYS,
    st.sampled_from(["press", "press-de", "vendor"]),
    st.sampled_from(["published", "backlog"]),
)
RETAGS = st.tuples(st.just("retag"), NAMES, TAGS, DAYS, st.just(""), st.just(""))
DESCRIBED = st.tuples(
    st.just("describe"),
    st.sampled_from(["press", "chips", None]),
    st.just(()),
    DAYS,
    st.sampled_from(["press", "vendor", "other"]),
    st.sampled_from(["nvidia", None]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(SAVES | RETAGS | DESCRIBED, max_size=12))
def test_what_every_write_leaves_is_what_a_rebuild_gives(steps):
    db = make_db()
    for what, name, tags, day, source_id, more in steps:
        stored = known_articles(db, [f"https://example.org/{name}"])
        if what == "save":
            save(db, name, *tags, day=day, source_id=source_id, date_source=more)
        elif what == "describe":
            described = replace(PRESS_DE, category=name, publisher=source_id, owner=more)
            sync_sources(db, [PRESS, described, VENDOR])
        elif stored:
            save_tagging(db, stored.popitem()[1].id, replace(NO_TAGS, tags=tuple(tags)), now=NOW)
    kept = dump_rows(db)

    rebuild(db)

    assert dump_rows(db) == kept
    db.close()


def plans(db, work):
    """Return the steps of all queries that `work` makes over stored rows."""
    seen: list[str] = []
    db.conn.set_trace_callback(seen.append)
    work()
    db.conn.set_trace_callback(None)
    asked = {sql for sql in seen if " FROM " in sql and " FROM (SELECT '" not in sql}  # no table: a value by itself
    return [row[3] for sql in sorted(asked) for row in db.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()]


@pytest.mark.parametrize("work", ["an entity", "a day"])
def test_a_refresh_reads_by_indexes_that_hold_no_text_and_nothing_of_other_periods(db, work):
    save(db, "a", tag("nvidia"), tag("tco"))
    save(db, "b", tag("nvidia"), tag("h100"))

    steps = plans(db, lambda: {
        "an entity": lambda: refresh_entities(db, {"2026-11-23": ["nvidia"]}),
        "a day": lambda: refresh_days(db, ["2026-11-23"]),
    }[work]())  # fmt: skip

    big = [step for step in steps if step.split()[1] in ("articles", "article_entities", "tags", "others")]
    assert len(big) >= 5
    assert [step for step in big if not step.startswith("SEARCH") or "USING COVERING INDEX" not in step] == []
    scanned = [step for step in steps if step.startswith("SCAN")]
    assert [step for step in scanned if step.split()[1] not in ("some", "named", "json_each")] == []


def test_a_rebuild_reads_no_text(db):
    save(db, "a", tag("nvidia"), tag("tco"))

    big = [s for s in plans(db, lambda: rebuild(db)) if s.split()[1] in ("articles", "article_entities", "others")]

    assert len(big) >= 4
    assert [step for step in big if "USING COVERING INDEX" not in step] == []


def test_a_rebuild_leaves_every_index_as_it_was(db):
    schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2"
    before = db.execute(schema).fetchall()

    rebuild(db)

    assert db.execute(schema).fetchall() == before
    assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]


def test_a_refresh_that_finds_nothing_new_writes_nothing(db):
    save(db, "a", tag("nvidia"), tag("tco"))
    before = db.conn.total_changes

    refresh_days(db, ["2026-11-23"])

    assert db.conn.total_changes == before
