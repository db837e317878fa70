"""The benchmark's database is what its figures speak of, and it runs."""

import importlib
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from aiwire.types import Sketch
from db.connection import connect
from db.trends import rebuild

BENCH = Path(__file__).resolve().parents[1] / "bench"
ARTICLES, MENTIONS, ENTITIES = 3000, 30_000, 60


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A small database as the benchmark makes it."""
    sys.path.insert(0, str(BENCH))
    try:
        module = importlib.import_module("trends_archive")
    finally:
        sys.path.remove(str(BENCH))
    path = tmp_path_factory.mktemp("bench") / "trends.db"
    known = module.Known("A title", "A text of its own.", Sketch(5, (1, 2, 3)))
    module.make(path, module.Scale(ARTICLES, MENTIONS, ENTITIES), [known])
    return path


@pytest.fixture
def db(archive):
    with closing(connect(archive)) as db:
        yield db


def _one(db, sql):
    return db.execute(sql).fetchone()[0]


def test_the_database_has_the_rows_that_were_asked_for(db):
    assert _one(db, "SELECT count(*) FROM articles") == ARTICLES + 1
    assert _one(db, "SELECT count(*) FROM mentions") == MENTIONS
    assert _one(db, "SELECT sum(count) FROM article_entities") == MENTIONS
    assert _one(db, "SELECT count(*) FROM entities") == ENTITIES
    assert _one(db, "SELECT count(*) FROM sources") == 300
    assert 240 <= _one(db, "SELECT count(*) FROM articles WHERE story_id <> id") <= 360
    assert _one(db, "SELECT julianday(max(dated_at)) - julianday(min(dated_at)) FROM articles") > 5 * 364


def test_the_database_is_whole_and_its_schema_is_ours(db):
    def schema(of):
        return of.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()

    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    assert schema(db) == schema(connect(":memory:"))


def test_stories_links_and_bands_fit_each_other(db):
    assert _one(db, "SELECT sum(articles) FROM stories") == ARTICLES + 1
    assert _one(db, "SELECT count(*) FROM story_links") == 2 * _one(
        db, "SELECT count(*) FROM articles WHERE story_id <> id"
    )
    assert not _one(
        db,
        "SELECT count(*) FROM stories JOIN articles ON articles.story_id = stories.id"
        " WHERE (articles.dated_at, articles.id) < (stories.first_at, stories.id)",
    )
    assert _one(db, "SELECT count(*) FROM story_bands") == _one(db, "SELECT sum(length(bands)) / 4 FROM story_sketches")


def test_the_most_frequent_entity_is_named_most(db):
    rows = db.execute(
        "SELECT entity_id FROM article_entities JOIN entities ON entities.id = entity_id WHERE listed"
        " GROUP BY 1 ORDER BY count(*) DESC LIMIT 2"
    ).fetchall()

    assert [row[0] for row in rows] == ["entity-0000", "entity-0001"]


def test_rollups_are_filled_and_follow_from_the_rows(db):
    rows = _one(db, "SELECT count(*) FROM trends_weekly")

    assert rows > 1000
    assert rebuild(db) >= 260
    assert _one(db, "SELECT count(*) FROM trends_weekly") == rows


def test_a_small_run_measures_everything_and_leaves_the_database_as_it_was(tmp_path):
    size = ["--articles", "1000", "--mentions", "10000", "--entities", "20", "--new", "20", "--rounds", "1"]
    command = [sys.executable, str(BENCH / "bench_trends.py"), "--folder", str(tmp_path), *size, "--json"]

    first, second = (
        json.loads(subprocess.run(command, capture_output=True, check=False, text=True).stdout) for _ in range(2)
    )

    assert set(first["made"]) == {"rows_s", "rollups_s"}
    assert second["made"] == "kept from before"
    assert first["database"] == second["database"]
    assert first["new"]["copies"] == 2
    assert first["export"]["rows"] == 20 * 156
    assert first["export"]["peak MB"] > 50
    for name in ("rollup", "export", "clustering"):
        assert first[name]["ratio"] > 0
        assert first[name]["ratio of CPU seconds"] > 0
