"""What is left of `aiwire watch run` when it is killed: nothing lost, nothing twice."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from db_rows import NOW, article, make_db, tag
from hypothesis import given, settings
from hypothesis import strategies as st
from watch_calls import prepare, script, watch
from watch_rows import (
    DAY,
    H100_TEXT,
    come,
    made,
    make_copies,
    read_before,
    retag,
    watch_of,
)

from aiwire.exceptions import DatabaseError
from aiwire.pipeline.watching import Look, deliver, look, mark_printed
from db.watches import STDOUT, Delivery, pending_batches


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    return prepare(tmp_path, monkeypatch)


# ---------------------------------------------------------------- cut off


def test_a_run_that_is_killed_anywhere_loses_nothing_and_repeats_nothing_in_files(folder):
    script("take", "cat >>log; echo >>log")
    files = ("--atom", "feed.xml", "--json-file", "feed.json", "--text-file", "feed.txt")
    watch("add", "gpu", "--what", "stories", *files, "--command", "./take")
    with closing(make_db("news.db")) as db:  # the files of each copy of the folder are its own
        db.execute("UPDATE watches SET deliveries = replace(deliveries, ?, '')", [f"{folder}/"])
        db.conn.commit()
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("kill_watch.py"), folder, "Title of first", "Title of second"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["wrong"] == {}
    assert report["kills"] >= 15


class Crash(BaseException):
    """The process is gone."""


OUTCOMES = ("ok", "ok", "ok", "fails", "dies before", "dies after")
steps = st.one_of(
    st.tuples(st.just("article"), st.integers(0, 7), st.booleans()),
    st.tuples(st.just("tag"), st.integers(0, 7), st.booleans()),
    st.tuples(st.just("copies"), st.integers(0, 7), st.integers(0, 7)),
    st.tuples(st.just("run"), st.lists(st.sampled_from(OUTCOMES), max_size=8), st.sampled_from(["ok", "fails"])),
)


class World:
    """A database with a watch, what its two deliveries have got, and a model of what should be told."""

    def __init__(self):
        self.db = make_db()
        read_before(self.db, "example", at=NOW - 300 * DAY)
        deliveries = (Delivery("command", ("one",)), Delivery("webhook", ("two",)))
        made(self.db, deliveries=deliveries, entities=("nvidia-h100",), what=("stories",))
        self.articles = {}
        self.taken = {delivery.key: [] for delivery in deliveries}
        self.printed = []
        self.told = set()
        self.expected = []

    def article(self, number, has_tag):
        if number not in self.articles:
            text = H100_TEXT if has_tag else "Nothing."
            (self.articles[number],) = come(self.db, article(f"n{number}", text))

    def tag(self, number, has_tag):
        if number in self.articles:
            retag(self.db, f"n{number}", tag(f"Title of n{number}", H100_TEXT if has_tag else "Nothing."))

    def copies(self, one, two):
        if one in self.articles and two in self.articles:
            make_copies(self.db, self.articles[one], self.articles[two])

    def run(self, outcomes, looking):
        left = iter(outcomes)
        watch = watch_of(self.db)
        try:
            if looking == "ok":
                self.expect()
            with self.looking_may_fail(fails=looking != "ok"):
                look(self.db, watch, Look(NOW, "http://127.0.0.1:8001", 300))
            done = deliver(self.db, watch, lambda *what: self.take(*what, next(left, "ok")), lambda _: None, now=NOW)
            self.printed += [batch.id for batch in done.unprinted]
            mark_printed(self.db, watch, done.unprinted, now=NOW)
        except (Crash, DatabaseError):
            assert not self.db.conn.in_transaction

    @contextmanager
    def looking_may_fail(self, *, fails):
        """Have the last statement of the look refused, when all else is written."""

        def refuse(action, table, *_):
            is_last = action == sqlite3.SQLITE_UPDATE and table == "watches"
            return sqlite3.SQLITE_DENY if is_last and fails else sqlite3.SQLITE_OK

        self.db.conn.set_authorizer(refuse)
        try:
            yield
        finally:
            self.db.conn.set_authorizer(None)

    def take(self, delivery, batch, outcome):
        if outcome == "dies before":
            raise Crash
        if outcome == "fails":
            return "no"
        self.taken[delivery.key].append((batch.id, tuple(item["article"] for item in batch.items["stories"])))
        if outcome == "dies after":
            raise Crash
        return None

    def expect(self):
        """Note what must be told now, by the plain words of the rule."""
        stories = {}
        for number, article_id in self.articles.items():
            (story,) = self.db.execute(
                "SELECT coalesce(story_id, id) FROM articles WHERE id = ?", [article_id]
            ).fetchone()
            stories.setdefault(story, []).append((number, article_id))
        for members in stories.values():
            ids = [article_id for _, article_id in members]
            matching = [i for i in ids if self.matches(i)]
            if matching and not self.told & set(ids):
                self.told |= set(ids)
                self.expected.append(min(matching))

    def matches(self, article_id):
        sql = "SELECT 1 FROM article_entities WHERE article_id = ? AND entity_id = 'nvidia-h100'"
        return self.db.execute(sql, [article_id]).fetchone() is not None


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=25))
def test_whatever_is_cut_off_all_is_told_and_in_order(course):
    world = World()
    with closing(world.db):
        for name, *values in course:
            getattr(world, name)(*values)
        world.run([], "ok")
        world.run([], "ok")

        assert list(pending_batches(world.db, "gpu")) == []
        for taken in (*world.taken.values(),):
            firsts = list(dict.fromkeys(taken))
            ids = [batch_id for batch_id, _ in firsts]
            assert len(ids) == len(set(ids)), "one id, two contents"
            assert sorted(ids, key=lambda one: int(one.rpartition(".")[2])) == ids, "out of order"
            told = [article_id for _, batch in firsts for article_id in batch]
            assert sorted(told) == sorted(world.expected)
        assert len(set(world.printed)) == len(ids)


def test_the_key_of_what_was_printed_is_no_delivery_of_a_user():
    assert all(Delivery(kind, ("stdout",)).key != STDOUT for kind in ("atom", "command", "webhook"))
