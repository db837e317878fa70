"""What a public site gives at most, under which name, for how long: and that slow questions do not hold up others."""

import asyncio
import sqlite3
import sys
import threading
import time
import urllib.error
from contextlib import closing
from dataclasses import replace

import pytest
from public_site import NOW, make_copy, make_database
from test_web_public import get, served
from test_web_security import ask, scope, site_of

from aiwire.web.middleware.asgi import answer
from aiwire.web.middleware.gate import Limits, gated
from aiwire.web.middleware.shortpages import MOST_ROWS, shortened
from aiwire.web.server import DATASETTE_SETTINGS, make_datasette, warm_up
from aiwire.web.site import Site
from db.publish import Policy, publish

PUBLIC = Site(is_public=True, fixed_now=NOW)
FULL = Policy("full", 300, NOW, "1.2.3")
MANY = 130  # articles: more than a page has


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return make_copy(tmp_path_factory.mktemp("many") / "out", articles=MANY, policy=FULL)


@pytest.fixture
def site(copy):
    return make_datasette(copy, PUBLIC)


# ---------------------------------------------------------------- settings


async def test_the_limits_of_a_public_site_are_what_the_docs_say(site):
    names = (
        "num_sql_threads", "sql_time_limit_ms", "facet_time_limit_ms", "max_returned_rows", "default_allow_sql",
        "allow_download", "allow_csv_stream", "allow_facet", "suggest_facets", "default_cache_ttl", "trace_debug",
        "template_debug",
    )  # fmt: skip

    assert [site.setting(name) for name in names] == [
        8, 1000, 300, 10_000, False, False, False, False, False, 60, False, False,
    ]  # fmt: skip
    assert Limits() == Limits(at_once=2, waiting=24, wait_s=4.0, read_s=20.0, pause_s=0.1)


async def test_a_query_that_never_ends_is_stopped_after_a_second(site):
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    with pytest.raises(Exception, match="interrupted"):
        await site.execute("news", endless)


async def test_a_csv_at_home_has_no_end_in_its_middle(tmp_path, monkeypatch):
    datasette = make_datasette(make_database(tmp_path / "news.db", articles=4))

    assert datasette.setting("max_csv_mb") == DATASETTE_SETTINGS["max_csv_mb"] == 0
    whole = await datasette.client.get("/news/articles.csv?_stream=on")
    assert len(whole.text.splitlines()) == 1 + 6
    assert "CSV contains more" not in whole.text


# ---------------------------------------------------------------- short pages


@pytest.mark.parametrize("query", ["_size=max", "_size=10000", "_size=101", "_size=%6D%61x", "_si%7Ae=max"])
async def test_a_page_of_a_table_has_a_hundred_rows_at_most(site, query):
    page = await site.client.get(f"/news/mentions?{query}")

    assert page.status_code == 200
    assert page.text.count("<tr>") == 1 + MOST_ROWS
    assert "_size=100" in page.text  # of the link to the next ones


async def test_a_page_of_a_query_has_a_hundred_rows_and_its_data_all(site):
    asked = "/news/evidence{}?entity_id=nvidia-h100&_rows=all"

    page = await site.client.get(asked.format(""))
    data = (await site.client.get(asked.format(".json") + "&_shape=array")).json()
    table = await site.client.get(asked.format(".csv"))

    assert page.text.count("<tr>") == 1 + MOST_ROWS
    assert "More than 100 rows" in page.text
    assert len(data) > MANY
    assert len(table.text.splitlines()) > MANY
    assert len((await site.client.get("/news/mentions.json?_size=max&_shape=array")).json()) > MANY


@pytest.mark.parametrize("query", ["_size=100", "_size=7", "_size=x", "", "_sort=id&_size=&a=%20b", "_facet_size=9"])
async def test_a_page_that_asks_for_no_more_is_asked_as_it_was_written(query):
    async def app(asked, receive, send):
        await answer(send, 200, asked["query_string"].decode())

    assert (await ask(shortened(app), scope("/news/articles", query)))[2].decode() == f"{query}\n"
    assert (await ask(shortened(app), scope("/news/articles.json", "_size=max")))[2] == b"_size=max\n"


async def test_a_site_at_home_shows_as_many_rows_as_it_is_asked_for(tmp_path):
    datasette = make_datasette(make_database(tmp_path / "news.db", articles=MANY))

    assert (await datasette.client.get("/news/mentions?_size=max")).text.count("<tr>") > MANY


# ---------------------------------------------------------------- one name


@pytest.mark.parametrize("path", ["/news/articles?_size=2", "/news/articles.json?_size=2", "/", "/news/sources"])
async def test_no_page_links_to_a_name_that_a_stranger_chose(copy, path):
    datasette = make_datasette(copy, replace(PUBLIC, base_url="https://news.example.org"))

    found = await datasette.client.get(path, headers={"host": "evil.example", "x-forwarded-host": "evil.example"})
    own = await datasette.client.get(path, headers={"host": "news.example.org"})

    assert found.status_code == 200
    assert "evil.example" not in found.text + str(found.headers)
    assert "http://news.example.org" not in found.text + str(found.headers)
    assert "https://news.example.org" in found.text + str(found.headers)
    assert found.headers.get("link") == own.headers.get("link")


async def test_a_public_site_without_an_address_answers_to_this_machine_and_its_host_alone(copy):
    datasette = make_datasette(copy, PUBLIC, hosts=("192.0.2.7",))

    statuses = [
        (await datasette.client.get("/news/sources.json", headers={"host": host})).status_code
        for host in ("localhost:8001", "192.0.2.7:8001", "evil.example", "news.example.org")
    ]
    assert statuses == [200, 200, 421, 421]


@pytest.mark.parametrize(
    "host", ["evil@localhost", "localhost/evil", "localhost:8232.evil.example", "127.0.0.1:80:90", "localhost:",
             "[::1", "::1", "[::1]x",
             "localhost evil.example", "localhost?x", "localhost#x", "localhost\\x", "localhost:-1"],
)  # fmt: skip
async def test_a_host_that_no_browser_sends_is_refused(host):
    assert (await ask(site_of(hosts=[]), scope(host=host)))[0] == 421


@pytest.mark.parametrize("path", ["/news/articles", "/news/articles/1", "/news/search", "/~6Eews/source_health.json"])
async def test_what_is_sent_to_a_page_at_home_is_refused_in_words(tmp_path, path):
    datasette = make_datasette(make_database(tmp_path / "news.db"))

    for method in ("POST", "PUT", "PATCH", "DELETE"):
        response = await datasette.client.request(method, path)
        assert (response.status_code, response.text) == (405, "This page is for reading: GET and HEAD.\n")
    assert (await datasette.client.post("/-/messages", data={"message": "x"})).status_code in (302, 403)


# ---------------------------------------------------------------- caches


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/", "public, max-age=60"),
        ("/robots.txt", "public, max-age=60"),
        ("/news/sources", "max-age=60"),
        ("/news/sources.json", "max-age=60"),
        ("/news/articles/17", "no-store"),
        ("/nope", "no-store"),
        ("/-/settings", "no-store"),
        ("/news/articles?_ttl=9", "no-store"),
        ("/news/articles?_sort=nope", "no-store"),
    ],
)
async def test_every_answer_says_how_long_a_cache_may_keep_it(site, path, said):
    assert (await site.client.get(path)).headers["cache-control"].removeprefix("public, ") == said.removeprefix(
        "public, "
    )


async def test_pages_at_home_say_nothing_to_caches_that_datasette_does_not(tmp_path):
    datasette = make_datasette(make_database(tmp_path / "news.db"))

    assert "cache-control" not in (await datasette.client.get("/robots.txt")).headers
    assert (await datasette.client.get("/news/sources?_ttl=9")).headers["cache-control"] == "max-age=9"


async def test_no_referrer_goes_along_with_a_link(site):
    assert (await site.client.get("/news/sources")).headers["referrer-policy"] == "no-referrer"


# ---------------------------------------------------------------- slow questions


async def test_after_a_long_answer_it_is_the_turn_of_others_for_as_long_up_to_a_pause():
    begun, ended = [], []

    async def app(asked, receive, send):
        begun.append(time.monotonic())
        await asyncio.sleep(0.05)
        await answer(send, 200, "x")
        ended.append(time.monotonic())

    for pause_s, least in ((10.0, 0.05), (0.02, 0.02)):
        begun.clear()
        ended.clear()
        gate = gated(app, Limits(at_once=1, pause_s=pause_s))
        await asyncio.gather(*(ask(gate, scope("/news/search")) for _ in range(2)))
        assert begun[1] - ended[0] >= 0.9 * least


def test_slow_questions_of_many_do_not_hold_up_a_cheap_page(tmp_path, unused_port):
    database = make_database(tmp_path / "work.db")
    with closing(sqlite3.connect(database)) as db, db:
        names = ((f"alias number {n} of the chip", "nvidia", "any") for n in range(60_000))
        db.executemany("INSERT INTO aliases (surface, entity_id, policy) VALUES (?, ?, ?)", names)
    copy = publish(database, tmp_path / "out", FULL).path
    filters = "&".join(f"surface__notlike=%25a%25l%25{n}%25x" for n in range(150))
    slow = f"news/aliases.json?_size=1&_nocount=1&_sort_desc=policy&{filters}"
    done, asked, cheap = threading.Event(), [], 0

    def ask_again(url):
        while not done.is_set():
            try:
                asked.append(get(url)[0])
            except urllib.error.HTTPError as e:  # 400: it took a second; 503: there is a line
                asked.append(e.code)
                e.close()

    with served("--public", "--db", str(copy), port=unused_port) as (url, _):
        askers = [threading.Thread(target=ask_again, args=(f"{url}/{slow}&n={n}",)) for n in range(6)]
        for asker in askers:
            asker.start()
        while len(asked) < 8:
            assert get(f"{url}/news/sources/example.json")[0] == 200
            cheap += 1
        done.set()
        for asker in askers:
            asker.join()

    assert cheap > 10  # counted, not timed: without the gate fewer come than slow ones


# ---------------------------------------------------------------- the first reader


def test_what_makes_the_pages_is_imported_before_somebody_asks():
    for name in [name for name in sys.modules if name.startswith("aiwire.web.pages.tco")]:
        del sys.modules[name]

    warm_up()

    assert {"aiwire.web.pages.compare", "aiwire.web.pages.tco", "matplotlib.ticker"} <= sys.modules.keys()
