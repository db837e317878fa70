"""Stories: who is linked to whom, which article leads, and that the order of things does not matter."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiwire.pipeline.correcting import put_right
from aiwire.types import (
    OWN_STORY,
    ArticleUpdate,
    Correction,
    Entity,
    FetchResult,
    Request,
    Response,
    Sketch,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from db import stories
from db.connection import connect, transaction
from db.dump import dump_rows
from db.store import known_articles, save_source, save_taggings, start_run, sync_entities, sync_sources
from db.story_groups import Member, groups
from db.story_list import Copy, copies, count_without_story, story_of
from db.story_list import stories as list_stories
from db.tags import Touched, settle
from db.trends import rebuild

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
STORY_TABLES = ("stories", "story_sketches", "story_bands", "story_links")
SOURCES = {"press": "press", "wire": "wire", "copier": "press"}  # id -> publisher


class Piece(NamedTuple):
    title: str
    publisher: str
    shingles: frozenset[str]


def piece(title, publisher, text):
    return Piece(title, publisher, frozenset(text))


def is_copy(one, other):
    """Whether most letters of the shorter text are in the longer one; within a publisher the titles must agree."""
    if one.publisher == other.publisher and one.title != other.title:
        return False
    return len(one.shingles & other.shingles) > 0.5 * min(len(one.shingles), len(other.shingles))


def sketch(text):
    """Return a sketch that shares a band with that of every text that has a letter in common."""
    return Sketch(len(text), tuple(sorted(map(ord, set(text)))))


@contextmanager
def letters(limit=100):
    """Compare by letters: every way in which texts can be alike is a few letters away."""
    with (
        patch.object(stories, "piece", piece),
        patch.object(stories, "is_copy", is_copy),
        patch.object(stories, "BAND_LIMIT", limit),
    ):
        yield


@pytest.fixture(autouse=True)
def by_letters():
    with letters():
        yield


@pytest.fixture
def db():
    empty = make_db()
    yield empty
    empty.close()


def make_db():
    db = connect(":memory:")
    sync_sources(db, sources())
    sync_entities(db, [Entity("nvidia", "company", "NVIDIA")])
    start_run(db, "run", now=NOW)
    return db


def sources(publishers=SOURCES, *, without=()):
    return [
        Source(name, name, "feed", f"https://{name}.example/", publisher)
        for name, publisher in publishers.items()
        if name not in without
    ]


def url_of(name):
    return f"https://example.org/{name}"


def tagging(text):
    tag = Tag("company", "nvidia", "NVIDIA", ("NVIDIA",), 1, True, "subject", True, 0.5, 0.9, "", ())
    return Tagging((tag,), tagger_version="1", taxonomy_version="t", sketch=sketch(text))


def update(name, text, *, title="Title", day=NOW, tagged=True):
    said = f"{title}|{text}|{day}|{tagged}"
    return ArticleUpdate(
        url_of(name),
        None,
        title,
        None,
        day,
        day,
        "published",
        "en",
        text,
        said,
        False,
        tagging(text) if tagged else None,
    )


def save(db, *updates, source="press"):
    fetch = FetchResult(Request("https://f.example/", source, "feed"), Response("", "", 200, {}, b""), 1, 1)
    return save_source(db, SourceUpdate(SourceState(source), fetch, updates), run_id=1, now=NOW)


def id_of(db, name):
    return known_articles(db, [url_of(name)])[url_of(name)].id


def told(db):
    """Return the stories as sets of names; the leader of each stands first."""
    rows = db.execute(
        "SELECT substr(url, 21), story_id FROM articles WHERE story_id IS NOT NULL"
        " ORDER BY id <> story_id, dated_at, id"
    )
    found = {}
    for name, story_id in rows.fetchall():
        found.setdefault(story_id, []).append(name)
    return sorted("".join(names) for names in found.values())


def say(db, name, other):
    value = OWN_STORY if other == OWN_STORY else url_of(other)
    put_right(
        db, None, add=[Correction(url_of(name), "wrong-story", value=value, made_at="2026-11-23T06:00:00Z")], now=NOW
    )


def unsay(db, name):
    put_right(db, None, undo=[Correction(url_of(name), "wrong-story")], now=NOW)


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


# ---------------------------------------------------------------- the order does not matter

NAMES = "abcdefg"
TEXTS = st.text("abcdefgh", min_size=1, max_size=8)
DAYS = st.integers(0, 20).map(lambda n: NOW - timedelta(days=n))


class Article(NamedTuple):
    text: str
    title: str
    source: str
    day: datetime
    tagged: bool


ARTICLES = st.builds(
    Article,
    TEXTS,
    st.sampled_from(["One", "Two"]),
    st.sampled_from(sorted(SOURCES)),
    DAYS,
    st.sampled_from([True, True, False]),
)
STEPS = st.one_of(
    st.tuples(st.just("save"), st.lists(st.tuples(st.sampled_from(NAMES), ARTICLES), min_size=1, max_size=4)),
    st.tuples(st.just("retag"), st.sets(st.sampled_from(NAMES), min_size=1)),
    st.tuples(st.just("say"), st.sampled_from(NAMES), st.sampled_from([*NAMES, OWN_STORY, OWN_STORY])),
    st.tuples(st.just("unsay"), st.sampled_from(NAMES)),
    st.tuples(st.just("date"), st.sampled_from(NAMES), DAYS),
    st.tuples(st.just("publish"), st.sampled_from(sorted(SOURCES)), st.sampled_from(["press", "wire", "third"])),
    st.tuples(st.just("leave"), st.sampled_from(sorted(SOURCES))),
)  # fmt: skip


class World:
    """A database, and what a fresh one must be given to be the same."""

    def __init__(self):
        self.db = make_db()
        self.publishers = dict(SOURCES)
        self.left = set()  # sources that left the list
        self.articles = {}
        self.stories = {}  # what was put right
        self.dates = {}

    def take(self, step):
        getattr(self, step[0])(*step[1:])

    def save(self, articles):
        for name, wanted in articles:
            kept = self.articles.get(name)
            is_known = kept is not None
            if wanted.source in self.left or (
                is_known and wanted.source != kept.source and kept.source not in self.left
            ):
                continue  # a source brings its own articles, and those of one that left
            same_words = is_known and wanted[:3] == kept[:3]
            save(
                self.db,
                update(name, wanted.text, title=wanted.title, day=wanted.day, tagged=wanted.tagged),
                source=wanted.source,
            )
            self.articles[name] = wanted._replace(tagged=wanted.tagged or (same_words and kept.tagged))

    def retag(self, names):
        known = {name: self.articles[name] for name in names & self.articles.keys()}
        save_taggings(self.db, [(id_of(self.db, name), tagging(one.text)) for name, one in known.items()], now=NOW)
        self.articles |= {name: one._replace(tagged=True) for name, one in known.items()}

    def say(self, name, other):
        if name != other:
            say(self.db, name, other)
            self.stories[name] = other

    def unsay(self, name):
        unsay(self.db, name)
        self.stories.pop(name, None)

    def date(self, name, day):
        said = Correction(url_of(name), "wrong-date", value=f"{day:%Y-%m-%dT%H:%M:%SZ}", made_at="2026-11-23T06:00:00Z")
        put_right(self.db, None, add=[said], now=NOW)
        self.dates[name] = said

    def publish(self, source, publisher):
        self.publishers[source] = publisher
        self._sync()

    def leave(self, source):
        self.left ^= {source}
        self._sync()

    def _sync(self):
        sync_sources(self.db, sources(self.publishers, without=self.left))

    def told_afresh(self, order):
        """Return what a database says that gets the same articles, each of them once, in this order."""
        db = make_db()
        sync_sources(db, sources(dict(self.db.execute("SELECT id, publisher FROM sources").fetchall())))
        for said in self.dates.values():
            put_right(db, None, add=[said], now=NOW)
        for name in sorted(self.articles, key=order.index):
            one = self.articles[name]
            save(db, update(name, one.text, title=one.title, day=one.day, tagged=one.tagged), source=one.source)
        for name, other in self.stories.items():
            say(db, name, other)
        found = what_is_told(db)
        db.close()
        return found


def what_is_told(db):
    told = {
        table: rows for table, rows in dump_rows(db).items() if table in STORY_TABLES or table.startswith("trends_")
    }
    return told | {"articles": db.execute("SELECT id, story_id FROM articles ORDER BY id").fetchall()}


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=14), st.permutations(NAMES), st.sampled_from([1, 2, 100]))
@example(
    [("save", [(name, Article("abc", "One", "press", NOW, True)) for name in "abcd"]), ("leave", "press"),
     ("save", [("a", Article("abc", "Two", "wire", NOW, True))])],
    list(NAMES), 1,
)  # fmt: skip
def test_stories_depend_on_what_is_stored_and_not_on_how_it_came(steps, order, limit):
    with letters(limit):
        world = World()
        for step in steps:
            world.take(step)
        found = what_is_told(world.db)

        assert found == world.told_afresh(order)
        rebuild(world.db)
        assert what_is_told(world.db) == found
        assert world.db.execute("PRAGMA foreign_key_check").fetchall() == []
        world.db.close()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, DAYS, st.sampled_from(sorted(SOURCES))), min_size=1, max_size=9),
    st.randoms(use_true_random=False),
    st.sampled_from([1, 100]),
)
def test_all_rows_are_the_same_in_whatever_order_and_batches_articles_come(articles, random, limit):
    updates = [
        (source, update(str(n), text, title=f"{n % 2}", day=day)) for n, (text, day, source) in enumerate(articles)
    ]
    dumps = []
    with letters(limit):
        for _ in range(2):
            db = make_db()
            random.shuffle(updates)
            cut = random.randrange(len(updates) + 1)
            with transaction(db):  # some are of one transaction, some of their own
                for source, one in updates[:cut]:
                    save(db, one, source=source)
            for source, one in updates[cut:]:
                save(db, one, source=source)
            dumps.append(dump_rows(db))
            db.close()

    assert dumps[0] == dumps[1]


# ---------------------------------------------------------------- what it costs


def statements(db, action):
    """Return the SQL on stories that an action runs, without that of the rollups, which read `story_id` too."""
    seen = []
    db.conn.set_trace_callback(seen.append)
    action()
    db.conn.set_trace_callback(None)
    ours = re.compile(
        r"\s*(SELECT|INSERT|UPDATE|DELETE)(?=.*stor(y|ies))(?!.*(coalesce|trends|period|cooccur))", re.DOTALL
    )
    return [sql for sql in seen if ours.match(sql)]


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


# ---------------------------------------------------------------- lists


def test_stories_are_listed_newest_first_by_the_day_of_their_leader(db):
    for days, (text, name) in enumerate([("abc", "a"), ("klm", "k"), ("uvw", "u")]):
        day = NOW - timedelta(days=days)
        save(db, update(name, text, day=day, title=f"On {name}"))
        save(db, update(f"{name}2", text, day=day + timedelta(hours=1)), source="wire")
    save(db, update("z", "z", day=NOW + timedelta(days=1)))

    def listed(**more):
        return [story.url[-1] for story in list_stories(db, **more)]

    assert listed() == ["z", "a", "k", "u"]
    assert listed(min_articles=2) == ["a", "k", "u"]
    assert listed(min_articles=2, limit=1) == ["a"]
    assert listed(since=date(2026, 11, 22), until=date(2026, 11, 23)) == ["a", "k"]
    assert listed(until=date.max) == listed()
    assert listed(entity="nvidia", min_articles=2) == ["a", "k", "u"]
    assert listed(entity="amd") == []
    story = story_of(db, id_of(db, "k2"))
    assert (story.title, story.articles, story.publishers, story.url) == ("On k", 2, 2, url_of("k"))
    assert list(copies(db, story.id)) == [
        Copy(url_of("k"), "On k", "press", "2026-11-22T06:00:00Z"),
        Copy(url_of("k2"), "Title", "wire", "2026-11-22T07:00:00Z"),
    ]


def test_only_who_names_the_entity_counts_for_a_list(db):
    quoted = replace(tagging("abc").tags[0], role="source")
    save(db, replace(update("a", "abc"), tagging=replace(tagging("abc"), tags=(quoted,))))
    save(db, update("b", "xyz"))

    assert [story.url[-1] for story in list_stories(db, entity="nvidia")] == ["b"]


@pytest.mark.parametrize("narrow", [{}, {"entity": "nvidia"}, {"since": date(2026, 1, 1), "until": date(2026, 12, 1)}])
def test_a_list_reads_no_texts_but_those_it_shows(db, narrow):
    save(db, update("a", "abc"), update("b", "abc"))
    seen = statements(db, lambda: list_stories(db, min_articles=2, limit=10, **narrow))

    plan = [row[3] for sql in seen for row in db.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()]
    scans = [step for step in plan if step.startswith("SCAN")]
    assert all(step.startswith("SCAN stories USING INDEX stories_") for step in scans)
    assert not any(step.startswith("SEARCH articles USING INDEX") for step in plan)
