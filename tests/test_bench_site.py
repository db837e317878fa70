"""The benchmark of the site: its database is what its figures speak of, and it runs."""

import json
import subprocess
import sys
from contextlib import closing

import pytest
from site_archives import BENCH, make_archive

from db.connection import connect
from db.trends import rebuild


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return make_archive(tmp_path_factory.mktemp("bench") / "news.db", 1000, days=100)


@pytest.fixture
def db(archive):
    with closing(connect(archive)) as db:
        yield db


def _one(db, sql):
    return db.execute(sql).fetchone()[0]


def test_the_database_has_the_rows_that_were_asked_for(db):
    assert _one(db, "SELECT count(*) FROM articles") == 1000
    assert _one(db, "SELECT count(*) FROM mentions") == 10_000
    assert _one(db, "SELECT sum(count) FROM article_entities") == 10_000
    assert _one(db, "SELECT sum(articles) FROM stories") == 1000
    assert _one(db, "SELECT count(*) FROM articles_fts WHERE articles_fts MATCH 'wafer'") > 100
    assert _one(db, "SELECT entity_id FROM article_entities GROUP BY 1 ORDER BY count(*) DESC LIMIT 1") == "nvidia"


def test_mentions_stand_where_they_say(db):
    rows = db.execute(
        """
        SELECT substr(text, start + 1, "end" - start), surface, substr(text, sent_start + 1, sent_end - sent_start)
        FROM mentions JOIN articles ON articles.id = article_id
        """
    ).fetchall()

    assert all(there == surface and sentence.startswith(surface) for there, surface, sentence in rows)


def test_the_database_is_whole_and_its_rollups_follow_from_its_rows(db):
    rows = _one(db, "SELECT count(*) FROM trends_weekly")

    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    rebuild(db)
    assert rows == _one(db, "SELECT count(*) FROM trends_weekly") > 500


def test_a_small_run_measures_every_page_and_the_crowd(tmp_path):
    command = [
        sys.executable,
        str(BENCH / "bench_site.py"),
        "--folder",
        str(tmp_path),
        "--articles",
        "500",
        "--rounds",
        "2",
    ]

    done = subprocess.run([*command, "--json"], capture_output=True, check=False, text=True)
    told = json.loads(done.stdout)

    assert told["bare_ms"] > 0
    assert len(told["pages"]) >= 20
    assert all(page["median"] > 0 and page["kilobytes"] > 1 for page in told["pages"])
    for crowd in told["crowds"]:
        assert crowd["crowded"] > 0
        assert set(crowd["answers"]) <= {"200", "503"}  # nothing that is refused at once
        assert sum(crowd["answers"].values()) > 10
