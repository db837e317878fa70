"""What Datasette is told of our database: the schema as it is, and counts only where they are quick."""

import sqlite3
from contextlib import closing

import pytest
from datasette.database import Database

from aiwire.web import database as news
from aiwire.web.reading import PageTimeout, within
from aiwire.web.server import make_datasette
from db.connection import connect

ABOUT_TABLES = ("table_columns", "table_column_details", "primary_keys", "fts_table", "foreign_keys_for_table")


@pytest.fixture
def path(tmp_path):
    connect(tmp_path / "news.db").close()
    return tmp_path / "news.db"


@pytest.fixture
async def datasette(path):
    served = make_datasette(path)
    await served.invoke_startup()
    yield served
    served.get_database("news").close()


async def test_the_schema_is_what_datasette_itself_reads(datasette):
    ours = datasette.get_database("news")
    plain = Database(datasette, path=ours.path)
    plain.name = "news"

    assert isinstance(ours, news.NewsDatabase)
    for _ in range(2):
        assert await ours.table_names() == await plain.table_names()
        assert await ours.view_names() == await plain.view_names()
        assert await ours.hidden_table_names() == await plain.hidden_table_names()
        for table in ("articles", "entities", "mentions"):
            for method in ABOUT_TABLES:
                assert await getattr(ours, method)(table) == await getattr(plain, method)(table), method


async def test_what_a_caller_does_to_an_answer_stays_with_him(datasette):
    ours = datasette.get_database("news")
    columns = await ours.table_columns("articles")
    columns.clear()
    (await ours.get_all_foreign_keys())["articles"]["incoming"].clear()

    assert "title" in await ours.table_columns("articles")
    assert (await ours.get_all_foreign_keys())["articles"]["incoming"]


async def test_bookkeeping_that_has_no_index_to_count_by_is_not_counted_for_an_article(datasette):
    incoming = (await datasette.get_database("news").get_all_foreign_keys())["articles"]["incoming"]

    assert {"mentions", "article_entities"} <= {key["other_table"] for key in incoming}
    assert not news.UNCOUNTED & {key["other_table"] for key in incoming}


async def test_a_table_that_is_added_is_seen_after_a_moment(datasette, path, monkeypatch):
    ours = datasette.get_database("news")
    before = await ours.table_names()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE mine (id INTEGER PRIMARY KEY)")

    assert await ours.table_names() == before
    monkeypatch.setattr(news, "SCHEMA_S", 0.0)
    assert set(await ours.table_names()) - set(before) == {"mine"}


async def test_tables_are_counted_while_the_file_is_small(datasette, monkeypatch):
    ours = datasette.get_database("news")
    small = await ours.table_counts()
    monkeypatch.setattr(news, "COUNTED_BYTES", 0)
    large = await ours.table_counts()

    assert small["articles"] == 0
    assert set(large) == set(small)
    assert set(large.values()) == {None}


def test_a_page_that_misses_something_is_an_error_not_a_request_without_end(path):
    def empty_handed(db):
        return next(iter(()))

    with closing(sqlite3.connect(path)) as conn, pytest.raises(RuntimeError, match="not there"):
        within(conn, 1000, empty_handed)


def test_a_page_that_takes_too_long_is_cut_and_leaves_its_connection_as_it_was(path):
    forever = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with closing(sqlite3.connect(path)) as conn:
        with pytest.raises(PageTimeout):
            within(conn, 50, lambda db: db.execute(forever).fetchall())
        assert not conn.in_transaction
        assert within(conn, 1000, lambda db: db.execute("SELECT 1").fetchone()) == (1,)
