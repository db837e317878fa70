"""Our pages, metadata and queries as a plugin: `datasette news.db` where aiwire is installed."""

import json
import os
import socket
import sqlite3
import subprocess
import sys

import pytest
from datasette.app import Datasette
from datasette_process import answer, serving
from site_pages import make_demo

from aiwire.web.compat import is_ours
from aiwire.web.metadata import all_queries, metadata
from db.connection import connect

NEXT = "NEXT_DATASETTE"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo database; its file is called news.db, as Datasette names a database by its file."""
    return make_demo(tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="module")
def found(demo):
    """Ids that are in the demo database."""
    db = sqlite3.connect(demo)
    (article,) = db.execute("SELECT article_id FROM article_entities WHERE entity_id = 'nvidia' LIMIT 1").fetchone()
    (source,) = db.execute("SELECT source_id FROM articles LIMIT 1").fetchone()
    (story,) = db.execute("SELECT id FROM stories WHERE articles > 1 LIMIT 1").fetchone()
    db.close()
    return {"article": article, "source": source, "story": story}


# ---------------------------------------------------------------- Datasette 0.65, in a process of its own


@pytest.fixture(scope="module")
def address(demo):
    with serving(sys.executable, demo, _free_port()) as address:
        yield address


PAGES = {  # path -> what a person sees there
    "/": "aiwire",
    "/news": "Articles",
    "/news/articles": "News articles, one per URL",
    "/news/articles/{article}": "<mark",
    "/news/entities/nvidia": "NVIDIA",
    "/news/sources/{source}": "Licence",
    "/news/search?q=nvidia": "NVIDIA",
    "/news/entity_news?entity_id=nvidia": "each with the sentence that proves it",
    "/news/feed": "newest 50 stories",
}


@pytest.mark.parametrize("path", PAGES)
def test_datasette_alone_shows_our_pages(path, address, found):
    status, page = answer(address + path.format(**found))

    assert status == 200
    assert PAGES[path] in page
    assert 'href="/-/static-plugins/aiwire/site.css' in page


@pytest.mark.parametrize("path", ["/news/articles/{article}.json?_shape=array", "/news/entities/nvidia.json",
                                  "/news/entities.json?_shape=array", "/news.json"])  # fmt: skip
def test_datasette_alone_gives_our_tables_as_json(path, address, found):
    status, body = answer(address + path.format(**found))

    assert status == 200
    assert json.loads(body)


@pytest.mark.parametrize("query", all_queries(), ids=lambda query: query.name)
def test_datasette_alone_runs_our_canned_queries(query, address):
    said = metadata()["databases"]["news"]["queries"][query.name]

    status, page = answer(f"{address}/news/{query.name}")
    example_status, body = answer(address + said["example_url"])

    assert (status, example_status) == (200, 200)
    assert page.count("<h1") == 1
    assert isinstance(json.loads(body), list)


def test_datasette_alone_gives_feeds(address):
    status, body = answer(f"{address}/news/feed.atom")

    assert status == 200
    assert f'href="{address}/news/feed.atom"' in body
    assert answer(f"{address}/news/articles.atom")[0] == 400


# ---------------------------------------------------------------- what is the user's own, what is another's


async def test_what_a_user_says_goes_over_what_we_say(demo):
    own = {
        "title": "My news",
        "databases": {"news": {
            "tables": {"articles": {"sort": "title", "columns": {"title": "Headline"}}},
            "queries": {"latest": {"title": "Mine", "sql": "select 7 as seven"}, "own": {"sql": "select 8 as eight"}},
        }},
    }  # fmt: skip
    datasette = Datasette([str(demo)], metadata=own)

    await datasette.invoke_startup()
    articles = (await datasette.client.get("/news/articles.json?_shape=objects&_size=3")).json()["rows"]
    latest = (await datasette.client.get("/news/latest.json?_shape=array")).json()
    added = (await datasette.client.get("/news/own.json?_shape=array")).json()
    search = await datasette.client.get("/news/search.json?_shape=array&q=nvidia")

    assert datasette.metadata("title") == "My news"
    assert datasette.metadata("description") == metadata()["description"]
    assert (latest, added) == ([{"seven": 7}], [{"eight": 8}])
    assert search.json()
    titles = [one["title"] for one in articles]
    assert titles == sorted(titles)
    columns = datasette.table_metadata("news", "articles")["columns"]
    assert columns["title"] == "Headline"
    assert columns["author"] == metadata()["databases"]["news"]["tables"]["articles"]["columns"]["author"]


async def test_two_sites_in_one_process_do_not_share_what_their_users_say(demo):
    own = Datasette([str(demo)], metadata={"title": "My news"})
    plain = Datasette([str(demo)])

    await own.client.get("/news.json")
    await plain.client.get("/news.json")

    assert (own.metadata("title"), plain.metadata("title")) == ("My news", metadata()["title"])


@pytest.mark.parametrize("name", ["news.db", "other.db"])
async def test_a_database_that_is_not_ours_is_left_alone(name, tmp_path):
    db = sqlite3.connect(tmp_path / name)
    db.execute("CREATE TABLE articles (id INTEGER PRIMARY KEY, title TEXT)")
    db.execute("INSERT INTO articles VALUES (1, 'Bread')")
    db.commit()
    db.close()
    datasette = Datasette([str(tmp_path / name)])
    database = name.removesuffix(".db")

    paths = ("/", f"/{database}", f"/{database}/articles", f"/{database}/articles/1")
    pages = [await datasette.client.get(path) for path in paths]

    assert not is_ours(datasette)
    assert [page.status_code for page in pages] == [200, 200, 200, 200]
    assert "Bread" in pages[2].text
    assert "Bread" in pages[3].text
    assert (await datasette.client.get(f"/{database}/latest")).status_code == 404
    assert datasette.metadata("title") is None


async def test_a_database_of_another_version_is_shown_without_our_pages_and_we_say_so(demo, tmp_path, caplog):
    path = tmp_path / "news.db"
    source = sqlite3.connect(demo)
    target = sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.execute("DELETE FROM _sqlite_migrations WHERE name = (SELECT max(name) FROM _sqlite_migrations)")
    target.commit()
    target.close()
    datasette = Datasette([str(path)])

    page = await datasette.client.get("/news/entities/nvidia")

    assert not is_ours(datasette)
    assert page.status_code == 200
    assert f"run `aiwire run --db {path}` once" in caplog.text


async def test_our_metadata_gives_and_takes_no_rights():
    assert '"allow' not in json.dumps(metadata())  # `compat.metadata_of` does not look for any


async def test_an_error_costs_no_picture_of_all_variables(demo):
    from datasette import handle_exception  # imported before datasette.app, it would take its hook away

    datasette = Datasette([str(demo)])

    assert (await datasette.client.get("/news/nothing_like_it")).status_code == 404
    assert handle_exception.rich is None


def test_errors_have_their_page_whatever_is_imported_first():
    look = "import aiwire.web.server; from datasette.plugins import pm; print(pm.hook.handle_exception.get_hookimpls())"

    printed = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout

    assert "datasette.handle_exception" in printed


async def test_words_on_a_query_are_there_without_datasette(tmp_path):
    connect(tmp_path / "news.db").close()
    datasette = Datasette([str(tmp_path / "news.db")])
    await datasette.invoke_startup()

    helped = datasette.jinja_env.globals["query_help"]("evidence")

    assert [one.name for one in helped.parameters] == ["entity_id", "with_id", "grain", "period", "segment", "week"]
    assert helped.parameters[2].words == "day, week or month; empty for week"
    assert helped.example == "entity_id=nvidia&grain=week&segment=all"
    assert helped.example_json == "news/evidence.json?entity_id=nvidia&grain=week&segment=all&_shape=array"
    assert not helped.is_feed


# ---------------------------------------------------------------- Datasette 1.0, where there is one


@pytest.fixture(scope="module")
def next_address(demo):
    python = os.environ.get(NEXT)
    if not python:
        pytest.skip(f"{NEXT} names no Python with Datasette 1.0 and aiwire: make test-next")
    with serving(python, demo, _free_port()) as address:
        yield address


def test_the_next_datasette_is_one(next_address):
    version = json.loads(answer(f"{next_address}/-/versions.json")[1])["datasette"]["version"]

    assert version.startswith("1.")


@pytest.mark.parametrize("path", PAGES)
def test_the_next_datasette_shows_our_pages(path, next_address, found):
    status, page = answer(next_address + path.format(**found))

    assert status == 200
    assert PAGES[path] in page


@pytest.mark.parametrize("query", all_queries(), ids=lambda query: query.name)
def test_the_next_datasette_runs_our_canned_queries(query, next_address):
    said = metadata()["databases"]["news"]["queries"][query.name]

    status, body = answer(next_address + said["example_url"])

    assert status == 200
    assert isinstance(json.loads(body), list)


OTHER_FORMS = (
    "/news/feed.atom",
    "/news/feed_of_entity.atom?entity_id=nvidia",
    "/news/articles/{article}.json?_shape=array",
    "/news/articles.csv?_size=5",
)


@pytest.mark.parametrize("path", OTHER_FORMS)
def test_the_next_datasette_gives_our_data_in_other_forms(path, next_address, found):
    status, body = answer(next_address + path.format(**found))

    assert status == 200
    assert len(body) > 100


def test_the_next_datasette_sorts_and_facets_as_we_say(next_address):
    status, body = answer(f"{next_address}/news/entities.json?_extra=facet_results")

    assert status == 200
    assert set(json.loads(body)["facet_results"]["results"]) == set(
        metadata()["databases"]["news"]["tables"]["entities"]["facets"]
    )


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
