"""Stories: who is linked to whom, which article leads, what people put right, what it costs."""

from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from story_rows import (
    NOW,
    SOURCES,
    STORY_TABLES,
    id_of,
    letters,
    make_db,
    piece,
    save,
    say,
    sources,
    statements,
    tagging,
    told,
    unsay,
    update,
)

from aiwire.types import (
    OWN_STORY,
)
from db import stories
from db.dump import dump_rows
from db.store import save_taggings, sync_sources
from db.story_groups import Member, groups
from db.story_list import copies, count_without_story
from db.tags import Touched, settle


@pytest.fixture(autouse=True)
def by_letters():
    with letters():
        yield


@pytest.fixture
def db():
    empty = make_db()
    yield empty
    empty.close()


# ---------------------------------------------------------------- what a story is


def test_copies_are_one_story_led_by_the_earliest_and_counted_by_publisher(db):
    save(db, update("a", "abcd", day=NOW - timedelta(days=1)), update("x", "uvwx"))
    save(db, update("b", "abcde", day=NOW - timedelta(days=2)), source="wire")
    save(db, update("c", "abcdef"), source="copier")

    assert told(db) == ["bac", "x"]
    leader = id_of(db, "b")
    assert db.execute("SELECT * FROM stories WHERE articles > 1").fetchall() == [
        (leader, 3, 2, "2026-11-21T06:00:00Z", "2026-11-23T06:00:00Z")
    ]
    assert [copy.url[-1] for copy in copies(db, leader)] == ["b", "a", "c"]


def test_two_pieces_that_share_a_third_short_one_stay_apart(db):
    save(db, update("a", "abcdpqrs"), update("b", "abcdwxyz"), update("s", "abcd"))

    assert db.execute("SELECT count(*) FROM story_links").fetchone() == (4,)  # the short one with both, both ways
    assert sorted(map(len, told(db))) == [1, 2]
    assert "b" not in next(names for names in told(db) if "a" in names)


def test_an_article_without_copies_is_a_story_of_one_and_an_untagged_one_of_none(db):
    save(db, update("a", "abcd"), update("b", "abcd", tagged=False), update("c", ""))

    assert told(db) == ["a", "c"]
    assert db.execute("SELECT DISTINCT articles, publishers FROM stories").fetchall() == [(1, 1)]
    assert count_without_story(db) == 1


def test_a_tagging_without_a_sketch_is_a_copy_of_nothing(db):
    save(db, update("a", "abcd"), update("b", "abcd"))

    save_taggings(db, [(id_of(db, "b"), replace(tagging("abcd"), sketch=None))], now=NOW)

    assert told(db) == ["a", "b"]


def test_a_copy_raises_articles_and_not_stories_in_the_trends(db):
    save(db, update("a", "abcd"))
    counted = save(db, update("b", "abcd", day=NOW - timedelta(days=7)), source="wire")

    assert counted.weeks == {"2026-11-16", "2026-11-23"}  # the story of the first has another leader now
    save(db, update("c", "abcde"), source="copier")
    cells = "SELECT articles, stories, publishers FROM trends_weekly WHERE segment = 'all' ORDER BY period_start"
    assert db.execute(cells).fetchall() == [(1, 1, 1), (2, 1, 1)]


def test_a_text_that_changes_leaves_its_story_and_comes_back(db):
    save(db, update("a", "abcd"), update("b", "abcd"))
    save(db, update("a", "wxyz"))
    assert told(db) == ["a", "b"]

    save(db, update("a", "wxyz", tagged=False, day=NOW - timedelta(days=3)))  # the same text keeps its tags
    assert told(db) == ["a", "b"]

    save(db, update("a", "abcde", tagged=False))
    assert told(db) == ["b"]
    assert db.execute("SELECT count(*) FROM story_sketches").fetchone() == (1,)

    save_taggings(db, [(id_of(db, "a"), tagging("abcde"))], now=NOW)
    assert len(told(db)) == 1


def test_another_date_makes_another_article_lead(db):
    save(db, update("a", "abcd"), update("b", "abcd", day=NOW - timedelta(days=1)), update("c", "abcd"))
    assert told(db)[0][0] == "b"

    save(db, update("c", "abcd", day=NOW - timedelta(days=9)))

    assert told(db)[0][0] == "c"
    assert db.execute("SELECT id, first_at FROM stories").fetchall() == [(id_of(db, "c"), "2026-11-14T06:00:00Z")]


def test_another_publisher_of_a_source_is_another_verdict_and_another_count(db):
    save(db, update("a", "abcd", title="One"), update("b", "abcd", title="Two", day=NOW + timedelta(days=1)))
    assert told(db) == ["a", "b"]  # a series

    save(db, update("c", "abcde", title="Three", day=NOW + timedelta(days=2)), source="wire")
    assert sorted(map(len, told(db))) == [3]

    sync_sources(db, sources(SOURCES | {"wire": "press"}))
    assert told(db) == ["a", "b", "c"]
    sync_sources(db, sources(SOURCES | {"wire": "third"}))
    assert told(db) == ["abc"]


def test_a_text_that_was_copied_more_often_than_is_compared_is_still_one_story():
    with letters(limit=3):
        db = make_db()
        for number in range(40):  # each has lost or gained a little
            text = "abcdefgh"[: 5 + number % 4] + "klmnop"[: number % 3]
            save(db, update(f"{number}", text), source=("press", "wire")[number % 2])
        links = db.execute("SELECT count(*) FROM story_links").fetchone()[0]
        sizes = [row[0] for row in db.execute("SELECT articles FROM stories")]
        db.close()

    assert links < 40 * 39 / 2
    assert sizes == [40]


def test_in_a_crowded_band_the_longest_are_compared_and_others_move_up_when_they_go():
    with letters(limit=1):
        db = make_db()
        links = "SELECT count(*) FROM story_links"
        save(db, update("b", "ab"), update("c", "ab"))
        assert db.execute(links).fetchone() == (2,)

        save(db, update("a", "abc"))
        assert db.execute(links).fetchone() == (4,)  # with both, and they no longer with each other

        save(db, update("a", "xyz"))
        assert db.execute(links).fetchone() == (2,)
        assert sorted(map(len, told(db))) == [1, 2]
        db.close()


# ---------------------------------------------------------------- what people put right


def test_a_story_of_its_own_takes_effect_at_once_survives_retags_and_can_be_undone(db):
    save(db, update("a", "abcd", day=NOW - timedelta(days=1)), update("b", "abcd"), update("c", "abcd"))
    before = dump_rows(db)

    say(db, "a", OWN_STORY)

    assert sorted(map(len, told(db))) == [1, 2]
    assert "a" in told(db)
    save_taggings(db, [(id_of(db, name), tagging("abcd")) for name in "abc"], now=NOW)
    save(db, update("a", "abcde", day=NOW - timedelta(days=1)))
    assert "a" in told(db)
    save(db, update("a", "abcd", day=NOW - timedelta(days=1)))
    unsay(db, "a")
    after = dump_rows(db)
    assert {table: after[table] for table in STORY_TABLES} == {table: before[table] for table in STORY_TABLES}


def test_a_sibling_is_put_into_the_story_whatever_the_texts_say(db):
    save(db, update("a", "abcd"), update("b", "abcd", day=NOW - timedelta(days=1)), update("x", "uvwx"))

    say(db, "x", "a")

    assert told(db) == ["bxa"] or told(db) == ["bax"]
    assert db.execute("SELECT articles FROM stories").fetchall() == [(3,)]


def test_a_correction_waits_for_its_article_and_for_its_sibling(db):
    say(db, "x", "a")
    save(db, update("w", "uvwx"))
    save(db, update("x", "uvwx", day=NOW + timedelta(days=1)))
    assert told(db) == ["wx"]

    save(db, update("a", "abcd", tagged=False))
    assert told(db) == ["wx"]

    save_taggings(db, [(id_of(db, "a"), tagging("abcd"))], now=NOW)
    assert told(db) == ["ax", "w"]
    save(db, update("a", "abcde", tagged=False))
    assert told(db) == ["wx"]


def test_another_word_on_the_same_article_holds_instead_of_the_first(db):
    save(db, update("a", "abcd"), update("b", "klmn"), update("x", "uvwx", day=NOW + timedelta(days=1)))
    say(db, "x", "a")
    say(db, "x", "b")

    assert told(db) == ["a", "bx"]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        pytest.param({"b": "c", "c": "d"}, {"bcd", "a"}, id="one after the other"),
        pytest.param({"a": "b", "b": "c", "c": "a"}, {"abc", "d"}, id="a ring"),
        pytest.param({"a": "b", "b": "c", "c": "b"}, {"abc", "d"}, id="into a ring"),
        pytest.param({"a": OWN_STORY, "b": "a"}, {"ab", "c", "d"}, id="with one that is its own"),
        pytest.param({"a": "e"}, {"a", "b", "c", "d"}, id="no such sibling"),
    ],
)
def test_siblings_of_siblings_tell_one_story(db, said, wanted):
    save(db, *(update(name, text) for name, text in {"a": "ab", "b": "cd", "c": "ef", "d": "gh"}.items()))

    for name, other in said.items():
        say(db, name, other)

    assert {"".join(sorted(names)) for names in told(db)} == wanted


def test_a_long_way_from_sibling_to_sibling_is_gone_once():
    count = 50_000
    members = {number: Member(1, "2026-11-23T06:00:00Z", "p", None) for number in range(count)}

    found = groups(members, lambda one: (), {number: number + 1 for number in range(count - 1)})

    assert [len(group) for group in found] == [count]


# ---------------------------------------------------------------- what it costs


def test_no_save_scans_a_table_or_sorts(db):
    with letters(limit=2):
        save(db, *(update(f"{n}", "abcd"[: 1 + n % 4], title="One") for n in range(9)))
        say(db, "1", "2")

        def act():
            save(db, update("new", "abcd", title="One"))
            save(db, update("1", "abcdefgh", title="One"))
            save(db, update("2", "x", tagged=False))
            say(db, "3", OWN_STORY)
            sync_sources(db, sources(SOURCES | {"press": "other"}))

        plans = {row[3] for sql in statements(db, act) for row in db.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()}

    assert any("story_bands USING PRIMARY KEY (band=?)" in step for step in plans)
    assert any("corrections_story" in step for step in plans)
    assert {step for step in plans if step.startswith("SCAN") and "VIRTUAL TABLE" not in step} <= {"SCAN CONSTANT ROW"}
    assert not any("TEMP B-TREE" in step for step in plans)


def test_the_same_text_tagged_again_is_not_compared_again(db):
    save(db, update("a", "abcd"), update("b", "abcd"))
    before = dump_rows(db)

    with patch.object(stories, "is_copy", side_effect=AssertionError):
        save_taggings(db, [(id_of(db, name), tagging("abcd")) for name in "ab"], now=NOW)

    assert dump_rows(db) == before


def test_only_texts_that_share_a_band_are_read(db):
    save(db, *(update(f"{n}", "abc") for n in range(3)), *(update(f"x{n}", "xyz") for n in range(9)))
    read = []

    def reading(title, publisher, text):
        read.append(text)
        return piece(title, publisher, text)

    with patch.object(stories, "piece", reading):
        save(db, update("new", "abcde"))

    assert sorted(read) == ["abc", "abc", "abc", "abcde"]


def test_nothing_is_settled_where_nothing_has_changed(db):
    save(db, update("a", "abcd"))

    assert statements(db, lambda: settle(db, Touched())) == []
