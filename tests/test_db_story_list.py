"""Lists of stories: the newest first, of an entity, without the texts of others."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from story_rows import NOW, id_of, letters, make_db, save, statements, tagging, update, url_of

from db.story_list import Copy, copies, story_of
from db.story_list import stories as list_stories


@pytest.fixture(autouse=True)
def by_letters():
    with letters():
        yield


@pytest.fixture
def db():
    empty = make_db()
    yield empty
    empty.close()


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
