"""The order of things does not matter: stories follow from what is stored."""

from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from story_rows import (
    NOW,
    SOURCES,
    STORY_TABLES,
    id_of,
    letters,
    make_db,
    save,
    say,
    sources,
    tagging,
    unsay,
    update,
    url_of,
)

from aiwire.pipeline.correcting import put_right
from aiwire.types import (
    OWN_STORY,
    Correction,
)
from db.connection import transaction
from db.dump import dump_rows
from db.store import save_taggings, sync_sources
from db.trends import rebuild


@pytest.fixture(autouse=True)
def by_letters():
    with letters():
        yield


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
