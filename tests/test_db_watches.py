"""Which articles and stories are new to a watch, on a real database."""

import json
from contextlib import closing

import pytest
from db_rows import NOW, article, id_of, make_db, page_update, tag
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from watch_rows import (
    DAY,
    H100_TEXT,
    come,
    fresh,
    made,
    made_long_ago,
    make_copies,
    read_before,
    retag,
    tell,
    titles,
)

from aiwire.types import Source
from db.store import save_page, sync_sources
from db.watch_news import (
    full_text_query,
)

LATER = NOW + DAY


@pytest.fixture
def db():
    """Sources that were read long ago."""
    with_rows = made_long_ago()
    yield with_rows
    with_rows.close()


# ---------------------------------------------------------------- when


def test_the_first_look_tells_of_the_last_seven_days(db):
    come(db, article("new", day=NOW - 6 * DAY), article("old", day=NOW - 8 * DAY), now=NOW - DAY)
    made(db)

    assert tell(db) == ["new"]


def test_since_changes_where_the_first_look_begins(db):
    come(db, *(article(f"d{days}", day=NOW - days * DAY) for days in (1, 50, 200)), now=NOW - DAY)
    made(db, since=NOW - 100 * DAY)

    assert tell(db) == ["d50", "d1"]


def test_nothing_is_told_twice(db):
    come(db, article("a"), article("b"))
    made(db)

    assert tell(db) == ["a", "b"]
    assert tell(db) == []


def test_what_comes_later_is_told_by_the_next_look_alone(db):
    come(db, article("a"))
    made(db)
    tell(db)
    come(db, article("b", day=LATER), now=LATER)

    assert tell(db) == ["b"]


def test_an_article_that_comes_three_weeks_after_its_date_is_told(db):
    made(db)
    come(db, article("late", day=LATER - 21 * DAY), now=LATER)

    assert tell(db) == ["late"]


def test_an_article_that_comes_months_after_its_date_is_no_news(db):
    made(db)
    come(db, article("archive", day=LATER - 60 * DAY), now=LATER)

    assert tell(db) == []


def test_an_old_article_that_comes_late_is_no_news_however_old_the_watch_is(db):
    made(db, at=NOW - 250 * DAY)
    come(db, article("archive", day=NOW - 60 * DAY), article("late", day=NOW - 20 * DAY), now=NOW)

    assert tell(db) == ["late"]


def test_the_first_answer_of_a_new_source_counts_for_the_last_seven_days(db):
    made(db)
    sync_new_source(db)
    come(db, article("week", day=LATER - 6 * DAY), article("backlog", day=LATER - 20 * DAY), now=LATER,
         source_id="young")  # fmt: skip

    assert tell(db) == ["week"]


def test_what_a_new_source_brings_after_its_first_answer_may_come_late(db):
    made(db)
    sync_new_source(db)
    read_before(db, "young", at=LATER)
    come(db, article("late", day=LATER - 20 * DAY), now=LATER + DAY, source_id="young")

    assert tell(db) == ["late"]


def test_an_undated_backlog_is_never_told(db):
    made(db)
    come(db, article("undated", date_source="backlog", day=LATER), now=LATER)

    assert tell(db) == []


def test_a_start_in_the_future_waits_for_it(db):
    come(db, article("today"))
    made(db, since=NOW + 10 * DAY)
    come(db, article("tomorrow", day=LATER), now=LATER)
    come(db, article("then", day=NOW + 11 * DAY), now=NOW + 11 * DAY)

    assert tell(db) == ["then"]


def test_an_article_that_gets_its_tag_later_is_told_then(db):
    come(db, article("a", "Nothing of interest."))
    made(db, entities=("nvidia-h100",))
    assert tell(db) == []

    retag(db, "a", tag("Title of a", H100_TEXT))

    assert tell(db) == ["a"]


def test_an_article_is_told_when_its_page_names_what_the_feed_did_not(db):
    (article_id,) = come(db, article("a", "Nothing of interest.", wants_page=True))
    made(db, entities=("nvidia-h100",))
    assert tell(db) == []

    save_page(db, page_update(article_id, H100_TEXT), run_id=1, now=LATER)

    assert tell(db) == ["a"]


def test_an_article_is_told_once_however_often_its_tag_comes_and_goes(db):
    come(db, article("a", H100_TEXT))
    made(db, entities=("nvidia-h100",))
    assert tell(db) == ["a"]

    for text in ("Nothing.", H100_TEXT):
        retag(db, "a", tag("Title of a", text))
        assert tell(db) == []


def test_an_article_that_is_not_tagged_yet_waits_for_its_tags(db):
    come(db, article("a", H100_TEXT, tagged=False))
    made(db)
    assert tell(db) == []

    retag(db, "a", tag("Title of a", H100_TEXT))

    assert tell(db) == ["a"]


def sync_new_source(db):
    known = [
        Source(*row)
        for row in db.execute("SELECT id, name, kind, url, publisher, owner FROM sources ORDER BY id").fetchall()
    ]
    sync_sources(db, [*known, Source("young", "Young", "feed", "https://young.example/feed", "young")])


# ---------------------------------------------------------------- stories


def test_copies_are_one_story_told_by_the_earliest_that_matches(db):
    a, b, c = come(db, article("a", day=NOW - 2 * DAY), article("b", day=NOW - DAY), article("c"))
    make_copies(db, a, b, c)
    made(db)

    (news,) = fresh(db)

    assert titles([news]) == ["a"]
    assert news.item["articles"] == 3
    assert [copy["title"] for copy in news.item["copies"]] == ["Title of b", "Title of c"]
    assert sorted(news.keys) == sorted(map(str, (a, b, c)))


def test_a_new_copy_of_a_told_story_is_no_news(db):
    (a,) = come(db, article("a"))
    made(db)
    assert tell(db) == ["a"]

    (b,) = come(db, article("b", day=LATER), now=LATER)
    make_copies(db, a, b)

    assert tell(db) == []


def test_a_told_story_stays_told_when_an_earlier_copy_takes_the_lead(db):
    (a,) = come(db, article("a"))
    made(db)
    assert tell(db) == ["a"]

    (b,) = come(db, article("b", day=NOW - 3 * DAY), now=LATER)
    make_copies(db, b, a)

    assert tell(db) == []


def test_told_stories_that_grow_together_are_no_news(db):
    a, b = come(db, article("a"), article("b"))
    made(db)
    assert tell(db) == ["a", "b"]

    make_copies(db, a, b)

    assert tell(db) == []


def test_a_copy_that_turns_out_to_tell_its_own_story_is_told(db):
    (a,) = come(db, article("a"))
    made(db)
    assert tell(db) == ["a"]
    (b,) = come(db, article("b", day=LATER), now=LATER)
    make_copies(db, a, b)
    assert tell(db) == []

    make_copies(db, a)
    make_copies(db, b)

    assert tell(db) == ["b"]


def test_a_story_shows_the_copy_that_matches_not_its_leader(db):
    (a,) = come(db, article("a", day=NOW - DAY), source_id="vendor")
    (b,) = come(db, article("b"))
    make_copies(db, a, b)
    made(db, segment="independent")

    (news,) = fresh(db)

    assert titles([news]) == ["b"]
    assert news.item["publishers"] == ["example", "vendor"]


def test_a_story_carries_its_evidence_and_publishers(db):
    come(db, article("a", "Filler here. The H100 is for rent."))
    made(db, entities=("nvidia-h100",))

    (news,) = fresh(db)

    assert news.item["entities"] == [{"id": "nvidia-h100", "name": "NVIDIA H100", "evidence": "The H100 is for rent."}]
    assert (news.item["url"], news.item["publisher"]) == ("https://example.org/a", "example")
    json.dumps(news.item)


def test_a_story_of_a_watch_without_filter_carries_what_it_is_about(db):
    come(db, article("a"))
    db.execute("UPDATE article_entities SET about = 0 WHERE entity_id = 'nvidia'")
    made(db)

    (news,) = fresh(db)

    assert [one["id"] for one in news.item["entities"]] == ["nvidia-h100"]


@pytest.mark.parametrize(("source_chars", "evidence"), [(None, "The H…"), (3, "The…"), (0, ""), (1000, H100_TEXT)])
def test_evidence_is_quoted_as_far_as_its_source_allows(db, source_chars, evidence):
    come(db, article("a", H100_TEXT))
    db.execute("UPDATE sources SET excerpt_chars = ? WHERE id = 'example'", [source_chars])
    made(db, entities=("nvidia-h100",))

    (news,) = fresh(db, excerpt_chars=5)

    assert news.item["entities"][0]["evidence"] == evidence


# ---------------------------------------------------------------- filters


@pytest.fixture
def varied(db):
    come(db, article("h100", H100_TEXT), article("tco", "The TCO matters."), article("none", "Nothing here."),
         article("quoted", "Reuters wrote."), article("zh", "NVIDIA 的数据中心。", language="zh-CN"))  # fmt: skip
    come(db, article("own", "NVIDIA sells."), source_id="vendor")
    db.execute("UPDATE sources SET category = 'chips' WHERE id = 'vendor'")
    return db


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, {"h100", "tco", "none", "quoted", "zh", "own"}),
        ({"entities": ("nvidia-h100",)}, {"h100"}),
        ({"entities": ("nvidia-h100", "tco")}, {"h100", "tco"}),
        ({"entities": ("reuters",)}, set()),
        ({"kinds": ("theme",)}, {"tco"}),
        ({"kinds": ("company",)}, {"zh", "own"}),
        ({"kinds": ("theme", "accelerator")}, {"tco", "h100"}),
        ({"segment": "owned"}, {"own"}),
        ({"segment": "lang:zh"}, {"zh"}),
        ({"segment": "category:chips"}, {"own"}),
        ({"entities": ("nvidia",), "segment": "independent"}, {"zh"}),
        ({"words": "matters"}, {"tco"}),
        ({"words": "matter TCO"}, {"tco"}),
        ({"words": "matters nothing"}, set()),
        ({"words": "title none"}, {"none"}),
        ({"entities": ("nvidia",), "words": "sells"}, {"own"}),
        ({"kinds": ("company",), "words": "sells"}, {"own"}),
        ({"what": ("prices",)}, set()),
    ],
)
def test_all_that_a_filter_says_must_fit(varied, said, expected):
    made(varied, **said)

    assert set(titles(fresh(varied))) == expected


@pytest.mark.parametrize("said", [{"entities": ("nvidia",)}, {"kinds": ("company",)}, {}])
def test_about_only_leaves_out_what_only_names_it(db, said):
    come(db, article("about"), article("names"))
    db.execute("UPDATE article_entities SET about = 0 WHERE article_id = ?", [id_of(db, "names")])
    made(db, about_only=True, **said)

    assert titles(fresh(db)) == ["about"]


def test_words_show_where_they_stand(db):
    come(db, article("a", "Much that is said before. The sovereign cloud is here. Much after."))
    made(db, words="sovereign")

    (news,) = fresh(db)

    assert "sovereign cloud" in news.item["snippet"]
    assert news.item["entities"] == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=40))
def test_no_words_of_a_user_are_an_operator(db, words):
    query = full_text_query(words)
    if query:
        db.execute("SELECT count(*) FROM articles_fts WHERE articles_fts MATCH ?", [query]).fetchone()


@given(st.lists(st.sampled_from(["alpha", "beta", "gamma"]), min_size=1, max_size=3), st.sampled_from("-+*:^\"()' "))
def test_words_are_found_with_odd_signs_around_them(wanted, sign):
    with closing(make_db()) as with_rows:
        come(with_rows, article("a", "The alpha, beta and gamma of it."))
        made(with_rows, words=" ".join(f"{sign}{word}{sign}" for word in wanted))

        assert titles(fresh(with_rows)) == ["a"]


# ---------------------------------------------------------------- speed


@pytest.mark.parametrize(
    "said",
    [
        {"entities": ("nvidia",)},
        {"kinds": ("company",)},
        {},
        {"words": "sells"},
        {"entities": ("nvidia",), "words": "x"},
    ],
)
def test_looking_walks_indexes_and_reads_no_text_of_what_was_told(db, said):
    plans = []
    db.conn.set_trace_callback(lambda sql: plans.append(sql) if sql.lstrip().startswith("WITH found") else None)
    made(db, **said)
    fresh(db)
    db.conn.set_trace_callback(None)
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {plans[0]}").fetchall()]

    scans = [step for step in plan if step.startswith("SCAN") and not step.startswith(("SCAN found", "SCAN json_each"))]
    assert [step for step in scans if "articles_fts" not in step and "VIRTUAL TABLE" not in step] == []
    index = "article_entities_entity" if "entities" in said else "articles_dated"
    assert any(f"COVERING INDEX {index}" in step for step in plan), plan
    assert any("fetches USING COVERING INDEX fetches_documents" in step for step in plan), plan


def test_prices_of_an_entity_are_found_by_its_indexes(db):
    plans = []
    db.conn.set_trace_callback(lambda sql: plans.append(sql) if "FROM prices" in sql else None)
    made(db, what=("prices",), entities=("nvidia",))
    fresh(db)
    db.conn.set_trace_callback(None)
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {plans[0]}").fetchall()]

    assert any("prices_accelerator" in step for step in plan), plan
    assert any("prices_product" in step for step in plan), plan
