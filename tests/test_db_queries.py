"""The canned queries: right, quick, and never an error whatever a reader types."""

import re
import string
from datetime import UTC, datetime, timedelta
from typing import get_args
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.types import (
    ArticleUpdate,
    Entity,
    FetchResult,
    Price,
    Request,
    Response,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from db.connection import connect
from db.health import HealthStatus
from db.queries import QUERIES
from db.reference import load_reference
from db.store import save_source, save_source_state, start_run, sync_entities, sync_sources

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
KINDS = {"nvidia": "company", "tco": "theme", "nvidia-h100": "accelerator"}
BY_NAME = {query.name: query for query in QUERIES}


def tag(entity_id, *, role="subject", about=True):
    evidence = f"A sentence on {entity_id}."
    return Tag(KINDS[entity_id], entity_id, entity_id, (entity_id,), 1, about, role, True, 0.5, 0.9, evidence, ())


def save(
    db, name, *tags, day=NOW, source_id="press", language="en", text="text", prices=(), scope="full",
    date_source="published",
):  # fmt: skip
    url = f"https://example.org/{name}"
    tagging = Tagging(tags, prices, scope=scope, tagger_version="1.0", taxonomy_version="abc")
    published = day if date_source == "published" else None
    update = ArticleUpdate(url, None, name, None, published, day, date_source, language, text, name, False, tagging)
    fetch = FetchResult(Request(url, source_id, "feed"), Response(url, url, 200, {}, b""), 1, 1)
    save_source(db, SourceUpdate(SourceState(source_id), fetch, (update,)), run_id=1, now=NOW)


@pytest.fixture(scope="module")
def db():
    filled = connect(":memory:")
    load_reference(filled)
    sync_sources(filled, [
        Source("press", "Press", "feed", "https://press.example/", "press", category="trade"),
        Source("vendor", "Vendor", "feed", "https://vendor.example/", "vendor", owner="nvidia"),
    ])  # fmt: skip
    sync_entities(filled, [Entity(i, kind, i.upper()) for i, kind in KINDS.items()])
    start_run(filled, "run", now=NOW)
    h100 = Price("$2", 2.0, None, "USD", "gpu-hour", None, "nvidia-h100", "It is $2.", "text", 0, 2)
    other = Price("€9", 9.0, None, "EUR", "card", None, None, "It is €9.", "text", 0, 2)
    save(
        filled,
        "new",
        tag("nvidia"),
        tag("tco", about=False),
        text='The "quoted" words of a data centre.',
        prices=(h100, other),
    )
    save(filled, "old", tag("nvidia", role="source"), day=NOW - timedelta(weeks=1), source_id="vendor", prices=(other,))
    save(
        filled,
        "older",
        tag("nvidia-h100"),
        tag("tco"),
        day=NOW - timedelta(weeks=2),
        language="zh",
        text="数据中心 H100",
    )
    yield filled
    filled.close()


def run(db, name, **parameters):
    query = BY_NAME[name]
    cursor = db.execute(query.sql, dict.fromkeys(query.examples, "") | parameters)
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


def test_the_parameters_are_those_of_the_sql():
    for query in QUERIES:
        assert set(re.findall(r":([a-z_]+)", re.sub(r"'[^']*'", "", query.sql))) == set(query.examples), query.name


def test_latest_articles_come_newest_first_with_their_tags(db):
    assert [(r["title"], r["tags"]) for r in run(db, "latest")] == [
        ("new", "NVIDIA, TCO"), ("old", "NVIDIA"), ("older", "NVIDIA-H100, TCO"),
    ]  # fmt: skip
    assert [r["title"] for r in run(db, "latest", source_id="vendor")] == ["old"]
    assert run(db, "latest", source_id="nobody") == []


def test_news_of_an_entity(db):
    assert [(r["title"], r["role"]) for r in run(db, "entity_news", entity_id="nvidia")] == [
        ("new", "subject"), ("old", "source"),
    ]  # fmt: skip
    assert [r["title"] for r in run(db, "entity_news", entity_id="tco", about="1")] == ["older"]
    assert run(db, "entity_news") == []


@pytest.mark.parametrize(
    ("parameters", "titles"),
    [
        pytest.param({"entity_id": "tco"}, ["new", "older"], id="all weeks"),
        pytest.param({"entity_id": "tco", "period": "2026-11-23"}, ["new"], id="one week"),
        pytest.param({"entity_id": "tco", "period": "2026-11-29"}, ["new"], id="any day of the week"),
        pytest.param({"entity_id": "tco", "week": "2026-11-23"}, ["new"], id="one week, as older links say it"),
        pytest.param({"entity_id": "tco", "grain": "day", "period": "2026-11-23"}, ["new"], id="one day"),
        pytest.param({"entity_id": "tco", "grain": "day", "period": "2026-11-24"}, [], id="the day after"),
        pytest.param({"entity_id": "tco", "grain": "month", "period": "2026-11-01"}, ["new", "older"], id="one month"),
        pytest.param({"entity_id": "tco", "grain": "year", "period": "2026-11-01"}, [], id="a grain that is none"),
        pytest.param({"entity_id": "nvidia"}, ["new"], id="only counted roles"),
        pytest.param({"entity_id": "tco", "segment": "lang:zh"}, ["older"], id="one language"),
        pytest.param({"entity_id": "tco", "segment": "owned"}, [], id="no vendor's voice"),
        pytest.param({"entity_id": "tco", "segment": "independent"}, ["new", "older"], id="independent"),
        pytest.param({"entity_id": "tco", "segment": "category:trade"}, ["new", "older"], id="one category"),
        pytest.param({"entity_id": "tco", "segment": "category:lab"}, [], id="another category"),
        pytest.param({"entity_id": "tco", "period": "nonsense"}, [], id="a week that is none"),
        pytest.param({"entity_id": "tco", "with_id": "nvidia"}, ["new"], id="two together"),
        pytest.param({"entity_id": "nvidia", "with_id": "nvidia-h100"}, [], id="two that are never together"),
    ],
)
def test_evidence(db, parameters, titles):
    assert [r["title"] for r in run(db, "evidence", **parameters)] == titles


def test_a_tag_without_a_place_has_its_evidence_for_a_sentence(db):
    assert [r["sentences"] for r in run(db, "evidence", entity_id="nvidia")] == ["A sentence on nvidia."]


def test_a_trend_has_every_week_with_articles(db):
    assert [(r["period_start"], r["articles"], r["share_articles"]) for r in run(db, "trend", entity_id="tco")] == [
        ("2026-11-23", 1, 1.0), ("2026-11-16", 0, 0.0), ("2026-11-09", 1, 1.0),
    ]  # fmt: skip
    assert [r["period_start"] for r in run(db, "trend", entity_id="tco", segment="owned")] == ["2026-11-16"]
    assert run(db, "trend", entity_id="nobody") == []


def test_what_rose(db):
    full = run(db, "compare_weeks", least="1")  # the week of NOW is not over
    assert {(r["week"], r["before"]) for r in full} == {("2026-11-16", "2026-11-09")}
    assert [(r["entity_id"], r["percentage_points"]) for r in full] == [("nvidia-h100", -100.0), ("tco", -100.0)]
    last = run(db, "compare_weeks", week="2026-11-23", least="1")
    assert [(r["entity_id"], r["stories"], r["stories_before"]) for r in last] == [("nvidia", 1, 0), ("tco", 1, 0)]
    compared = run(db, "compare_weeks", week="2026-11-23", before="2026-11-09", kind="accelerator", least="1")
    assert [(r["entity_id"], r["percentage_points"]) for r in compared] == [("nvidia-h100", -100.0)]


def test_a_rise_has_the_articles_of_both_weeks_behind_it(db):
    found = run(db, "compare_weeks", week="2026-11-23", before="2026-11-09", least="1")

    for row in found:
        for column, count in (("evidence", "articles"), ("evidence_before", "articles_before")):
            path, _, query = row[column].partition("?")
            assert path == "/news/evidence"
            assert len(run(db, "evidence", **dict(parse_qsl(query)))) == row[count]
    assert {row["articles"] for row in found} == {row["articles_before"] for row in found} == {0, 1}


def test_a_week_that_is_not_over_is_not_taken_for_a_full_one():
    # read from Friday 6 November to Monday 23 November
    filled = connect(":memory:")
    sync_sources(filled, [Source("press", "Press", "feed", "https://press.example/", "press")])
    sync_entities(filled, [Entity("nvidia", "company", "NVIDIA")])
    start_run(filled, "run", now=NOW)
    for weeks in range(4):
        save(filled, str(weeks), tag("nvidia"), day=NOW - timedelta(weeks=weeks))
    fetches = filled.execute("SELECT id FROM fetches ORDER BY id").fetchall()
    with filled.atomic():
        filled.execute("UPDATE fetches SET fetched_at = '2026-11-06T06:00:00Z' WHERE id = ?", list(fetches[0]))

    def partial(**weeks):
        return [(r["is_partial"], r["is_partial_before"]) for r in run(filled, "compare_weeks", least="1", **weeks)]

    assert partial() == [(0, 0)]
    assert partial(week="2026-11-23") == [(1, 0)]
    assert partial(before="2026-11-02") == [(0, 1)]
    filled.close()


def test_names_with_few_stories_neither_rise_nor_fall():
    filled = connect(":memory:")
    sync_sources(filled, [Source("press", "Press", "feed", "https://press.example/", "press")])
    sync_entities(filled, [Entity(i, kind, i.upper()) for i, kind in KINDS.items()])
    start_run(filled, "run", now=NOW)
    last, before = NOW - timedelta(weeks=1), NOW - timedelta(weeks=2)
    for n in range(5):
        save(filled, f"last-{n}", tag("nvidia"), *([tag("tco")] if n < 4 else []), day=last)
    for n in range(5):
        save(filled, f"before-{n}", tag("nvidia-h100"), day=before)

    assert [r["entity_id"] for r in run(filled, "compare_weeks")] == ["nvidia", "nvidia-h100"]
    assert [r["entity_id"] for r in run(filled, "compare_weeks", least="4")] == ["nvidia", "tco", "nvidia-h100"]
    filled.close()


@pytest.fixture
def two_weeks():
    """Last week 4 articles, 2 of them on NVIDIA and 1 of 2 in English on TCO; the week before 1 of 1 on both."""
    filled = connect(":memory:")
    sync_sources(filled, [Source("press", "Press", "feed", "https://press.example/", "press")])
    sync_entities(filled, [Entity(i, kind, i.upper()) for i, kind in KINDS.items()])
    start_run(filled, "run", now=NOW)
    last, before = NOW - timedelta(weeks=1), NOW - timedelta(weeks=2)
    save(filled, "b", tag("nvidia"), tag("tco"), day=before)
    save(filled, "1", tag("nvidia"), tag("tco"), day=last)
    save(filled, "2", tag("nvidia"), day=last)
    for name in "34":
        save(filled, name, day=last, language="zh", scope="names")
    save(filled, "undated", tag("nvidia"), date_source="backlog")
    yield filled
    filled.close()


def test_shares_are_compared_and_a_themes_share_is_of_what_is_tagged_for_themes(two_weeks):
    columns = ("entity_id", "percentage_points", "share_stories", "share_before", "stories", "stories_before")
    compared = [tuple(r[c] for c in columns) for r in run(two_weeks, "compare_weeks", least="1")]

    assert compared == [("nvidia", -50.0, 0.5, 1.0, 2, 1), ("tco", -50.0, 0.5, 1.0, 1, 1)]
    shares = {
        i: [(r["articles_total"], r["share_articles"]) for r in run(two_weeks, "trend", entity_id=i)]
        for i in ("nvidia", "tco")
    }
    assert shares == {"nvidia": [(4, 0.5), (1, 1.0)], "tco": [(2, 0.5), (1, 1.0)]}
    assert [r["share_articles"] for r in run(two_weeks, "trend", entity_id="tco", segment="lang:zh")] == [None]


def test_an_undated_backlog_is_no_evidence_and_not_the_latest_news(two_weeks):
    def titles(name, **parameters):
        return [r["title"] for r in run(two_weeks, name, **parameters)]

    assert "undated" not in titles("evidence", entity_id="nvidia") + titles("latest")
    assert titles("latest", source_id="press")[-1] == "undated"
    assert len(run(two_weeks, "entity_news", entity_id="nvidia")) == 4
    news = run(two_weeks, "entity_news", entity_id="nvidia")[-1]
    assert (news["title"], news["published_at"], news["date_source"]) == ("undated", None, "backlog")


@pytest.mark.parametrize("name", ["latest", "search", "entity_news", "evidence"])
def test_a_list_of_articles_says_what_its_dates_are(two_weeks, name):
    given = {"q": "undated", "entity_id": "tco"}
    wanted = {key: value for key, value in given.items() if key in BY_NAME[name].examples}

    rows = run(two_weeks, name, **wanted)

    assert rows
    for row in rows:
        assert (row["published_at"] is None) == (row["date_source"] in ("backlog", "first_seen"))


def test_prices_quoted(db):
    assert [(r["amount"], r["title"]) for r in run(db, "prices_quoted")] == [(2.0, "new"), (9.0, "new"), (9.0, "old")]
    assert [r["sentence"] for r in run(db, "prices_quoted", accelerator="nvidia-h100")] == ["It is $2."]


def test_cloud_prices_of_a_part_a_family_and_all(db):
    part, family, everything = (
        run(db, "cloud_price_table", accelerator_id=i) for i in ("nvidia-h100-sxm5-80gb", "nvidia-h100", "")
    )

    assert 0 < len(part) < len(family) < len(everything) < db.execute("SELECT count(*) FROM cloud_prices").fetchone()[0]
    prices = [r["ondemand_usd_per_gpu_hour"] for r in family if r["ondemand_usd_per_gpu_hour"] is not None]
    assert prices == sorted(prices)
    assert [r["ondemand_usd_per_gpu_hour"] is None for r in everything] == sorted(
        r["ondemand_usd_per_gpu_hour"] is None for r in everything
    )
    assert {r["price_date"] is None for r in everything} == {True, False}
    for row in everything:
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["read_on"])
        assert row["source"]


@pytest.fixture
def trouble():
    """Sources named by their status, and in `empty` one that was read on two days and never had an entry."""
    filled = connect(":memory:")
    words = ["blocked", "empty", "failing", "gone", "missing", "new", "ok", "suspicious", "throttled", "weary"]
    sync_sources(filled, [
        *(Source(f"s-{word}", word.title(), "feed", f"https://{word}.example/", word) for word in words),
        Source("s-off", "Off", "feed", "https://off.example/", "off", enabled=False),
    ])  # fmt: skip
    start_run(filled, "run", now=NOW)
    states = [SourceState(f"s-{word}", status=word, error=f"it is {word}", failing_since=NOW - timedelta(days=2))
              for word in ("blocked", "failing", "gone", "missing", "throttled")]  # fmt: skip
    states += [
        SourceState("s-weary", status="failing", error="it is weary", failing_since=NOW - timedelta(days=5)),
        SourceState("s-off", status="gone", error="it is gone"),
        SourceState("s-ok", status="ok", entries=3),
        SourceState("s-suspicious", status="suspicious", entries=9, suspicious_since=NOW - timedelta(days=3)),
    ]
    for state in states:
        save_source_state(filled, state, moved=None, now=NOW)
    empty = SourceState("s-empty", status="ok", entries=0, next_check_at=NOW, next_check_reason="every 60 min")
    for days in (4, 1):
        url = "https://empty.example/"
        fetch = FetchResult(Request(url, "s-empty", "feed"), Response(url, url, 200, {}, b""), 1, 1)
        save_source(filled, SourceUpdate(empty, fetch, ()), run_id=1, now=NOW - timedelta(days=days))
    yield filled
    filled.close()


def test_sources_that_are_not_well_come_worst_first_with_the_reason_and_since_when(trouble):
    found = [(r["status"], r["source"], r["error"], r["since"]) for r in run(trouble, "source_trouble")]

    two, three, four, five = (f"2026-11-{23 - days}T06:00:00Z" for days in (2, 3, 4, 5))
    assert found == [
        ("gone", "Gone", "it is gone", two),
        ("blocked", "Blocked", "it is blocked", two),
        ("missing", "Missing", "it is missing", two),
        ("failing", "Weary", "it is weary", five),
        ("failing", "Failing", "it is failing", two),
        ("suspicious", "Suspicious", "its document has shrunk to almost nothing", three),
        ("empty", "Empty", "it has never had an entry", four),
        ("throttled", "Throttled", "it is throttled", two),
    ]  # fmt: skip


def test_a_source_in_trouble_has_its_next_check_with_the_reason(trouble):
    row = next(r for r in run(trouble, "source_trouble") if r["status"] == "empty")

    assert list(row) == ["status", "source", "error", "since", "next_check_at", "next_check_reason", "source_id"]
    assert (row["next_check_at"], row["next_check_reason"]) == ("2026-11-23T06:00:00Z", "every 60 min")
    assert row["source_id"] == "s-empty"


def test_every_status_is_in_the_query_of_trouble_or_is_none():
    told = set(re.findall(r"WHEN '([a-z]+)' THEN \d", BY_NAME["source_trouble"].sql))

    assert set(get_args(HealthStatus)) - told == {"ok", "off", "new"}


def test_trouble_is_found_in_indexes_without_a_look_at_articles_or_requests(db):
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {BY_NAME['source_trouble'].sql}")]

    of_big_tables = [step for step in plan if re.search(r" (articles|fetches)\b", step)]
    assert of_big_tables
    assert [step for step in of_big_tables if not re.match(r"SEARCH \w+ USING COVERING INDEX .*source_id=", step)] == []


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("data centre", ["new"]),
        ("  centres   DATA ", ["new"]),
        ('"quoted"', ["new"]),
        ("data nowhere", []),
        ("data OR nowhere", []),
        ("H100", ["older"]),
        ("", []),
        (" ", []),
        ('"', []),
    ],
)
def test_search_finds_all_the_words(db, words, titles):
    assert [r["title"] for r in run(db, "search", q=words)] == titles


OPERATORS = st.sampled_from(
    ["NEAR(", "AND", "OR", "NOT", "*", "^", "title:", "{", "-", "+", "(", ")", '"', "'", "\x00", " "]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(OPERATORS | st.text(max_size=6), max_size=6).map("".join) | st.text(string.printable))
def test_no_search_is_a_syntax_error(db, words):
    words = words.encode("utf-8", "replace").decode()

    assert isinstance(run(db, "search", q=words), list)


@pytest.mark.parametrize("name", BY_NAME)
def test_empty_and_odd_parameters_are_no_errors(db, name):
    for value in ("", "'", "x" * 1000, "0", "-1", "2026-11-23", "%"):
        run(db, name, **dict.fromkeys(BY_NAME[name].examples, value))


BIG = ("articles", "mentions", "article_entities", "prices", "sentences", "stories", "trends_daily", "trends_weekly",
       "trends_monthly", "cooccurrence_weekly", "story_sketches", "coverage")  # fmt: skip
# what comes out of an index in the order of the list
ORDERED = ("evidence", "trend", "copied_stories", "story")


def plan_of(db, name):
    """The steps of the plan: (their depth, in words)."""
    query = BY_NAME[name]
    depths, steps = {0: -1}, []
    for step, parent, _, words in db.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.examples):
        depths[step] = depths[parent] + 1
        steps.append((depths[step], words))
    return steps


@pytest.mark.parametrize("name", BY_NAME)
def test_no_query_reads_a_big_table_from_end_to_end(db, name):
    scans = [
        words
        for _, words in plan_of(db, name)
        if re.match(rf"SCAN ({'|'.join(BIG)})\b", words) and "USING" not in words
    ]

    assert scans == []


@pytest.mark.parametrize("name", ORDERED)
def test_a_list_comes_out_of_an_index_in_its_order(db, name):
    assert [words for depth, words in plan_of(db, name) if depth == 0 and "TEMP B-TREE" in words] == []


def test_news_of_a_name_come_out_of_indexes_and_only_the_hundred_shown_are_put_in_order(db):
    plan = [words for _, words in plan_of(db, "entity_news")]

    assert [words for words in plan if "TEMP B-TREE" in words] == ["USE TEMP B-TREE FOR ORDER BY"]
    assert len([words for words in plan if words.startswith("SEARCH articles USING COVERING INDEX")]) == 2


def test_no_query_reads_a_whole_index_for_a_bloom_filter_of_articles(db):
    for name in ("source_lift", "entity_news", "evidence"):
        assert [words for _, words in plan_of(db, name) if "BLOOM" in words] == [], name


def test_counting_reads_no_text(db):
    of_articles = [words for _, words in plan_of(db, "source_lift") + plan_of(db, "source_coverage")
                   if re.search(r" articles\b", words)]  # fmt: skip

    assert of_articles
    assert [words for words in of_articles if "USING COVERING INDEX" not in words] == []
