"""The public site: each hole that is known of Datasette is tried, in process and over real sockets."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from public_site import HIDDEN, NOW, POLICY, article_id, make_copy, make_database

from aiwire.exceptions import ConfigError
from aiwire.web.middleware.security import HEADERS
from aiwire.web.middleware.switch import Switch
from aiwire.web.server import make_datasette, public_copy
from aiwire.web.site import Site
from db.publish import INSPECT_NAME, publish

PUBLIC = Site(is_public=True, fixed_now=NOW)


@pytest.fixture
def copy(tmp_path):
    return make_copy(tmp_path / "out")


@pytest.fixture
def site(copy):
    return make_datasette(copy, PUBLIC)


# ---------------------------------------------------------------- holes


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/news?sql=select+1", 403),
        ("/news.json?sql=select+1", 403),
        ("/news.csv?sql=select+1", 403),
        ("/?sql=select+1", 403),
        ("/news?sql=select+length(hex(randomblob(100000000)))", 403),
        ("/news/articles?_where=1=1", 403),
        ("/news/articles.json?_where=exists(select+1+from+sources)", 403),
        ("/news/articles?_through={\"table\":\"mentions\",\"column\":\"surface\",\"value\":\"x\"}", 403),
        ("/news/articles.json?_extra=debug", 403),
        ("/news/articles.csv?_stream=1", 403),
        ("/news/articles?_trace=1", 403),
        ("/news/articles?_ttl=31536000", 403),
        ("/news/articles?_facet=title", 400),
        ("/news.db", 404),
        ("/_memory", 404),
        ("/_memory.json?sql=select+1", 404),
        ("/_internal", 404),
        ("/-/databases.json", 404),
        ("/-/settings.json", 404),
        ("/-/versions.json", 404),
        ("/-/plugins.json", 404),
        ("/-/threads.json", 404),
        ("/-/metadata.json", 404),
        ("/-/config.json", 404),
        ("/-/allow-debug", 404),
        ("/-/patterns", 404),
        ("/-/messages", 404),
        ("/-/permissions", 404),
        ("/-/static/../../../../etc/passwd", 404),
        ("/news/sqlite_master", 404),
        ("/news/temp.excerpted", 404),
    ],
)  # fmt: skip
async def test_a_known_hole_is_closed(site, copy, path, status):
    response = await site.client.get(path)

    assert response.status_code == status
    assert str(copy.parent) not in response.text  # where it lies is nobody's business
    assert {name: response.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize(
    "path", ["/news/articles", "/news/articles.json", "/news/articles.csv", "/news/sources", "/news/entities/nvidia",
             "/news/search?q=NVIDIA", "/news/source_health", "/robots.txt", "/-/static/app.css"]
)  # fmt: skip
async def test_what_is_for_strangers_is_served_without_cookies_for_any_cache(site, path):
    response = await site.client.get(path, headers={"cookie": "ds_actor=x; ds_messages=y"})

    assert response.status_code == 200
    assert "set-cookie" not in response.headers
    assert "vary" not in response.headers
    assert "private" not in response.headers.get("cache-control", "")


async def test_no_page_or_file_of_a_hidden_text_shows_it(site, copy):
    article = f"/news/articles/{article_id(copy, 'https://example.org/hidden-0')}"

    for path in (article, f"{article}.json", "/news/articles.json?_shape=array", "/news/articles.csv",
                 "/news/search?q=orchid", "/news/search.json?q=orchid", "/news/articles?_search=orchid",
                 "/news/articles_fts.json", "/news/mentions.json", "/news/article_entities.json", "/news/sources.json",
                 "/news/watches.json", "/news/sentences.json"):  # fmt: skip
        response = await site.client.get(path)
        assert response.status_code == 200, path
        assert "orchid shipment to Thursday" not in response.text
        assert "walrus-token" not in response.text
    assert HIDDEN[:40] in (await site.client.get("/news/article_entities.json?_shape=array")).text.replace("\\u", "")


async def test_a_text_that_is_open_is_shown(site, copy):
    response = await site.client.get(f"/news/articles/{article_id(copy, 'https://example.org/open')}.json?_shape=array")

    assert "ostrich edition" in response.text


async def test_sql_of_a_reader_is_denied_by_datasette_itself_too(copy):
    datasette = make_datasette(copy, PUBLIC)

    assert not await datasette.permission_allowed(None, "execute-sql", resource="news", default=False)
    assert list(datasette.databases) == ["_internal", "news"]
    assert datasette.get_database("news").is_mutable is False


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
async def test_nothing_can_be_sent(site, method):
    assert (await getattr(site.client, method)("/news/articles")).status_code == 405


async def test_the_counts_are_those_that_were_written_beside_the_copy_and_never_those_of_another(copy):
    inspected = copy.with_name(INSPECT_NAME)
    assert make_datasette(copy, PUBLIC).inspect_data == json.loads(inspected.read_text())

    for broken in (json.dumps({"news": {"made_at": "2001", "size": 1}}), "[]", "no JSON", '{"news": {}}'):
        inspected.write_text(broken)
        datasette = make_datasette(copy, PUBLIC)
        assert datasette.inspect_data is None
        assert (await datasette.client.get("/news/articles.json?_size=1")).json()["filtered_table_rows_count"] == 3


async def test_the_address_of_the_site_goes_into_links_and_its_path_before_every_page(copy):
    datasette = make_datasette(copy, replace(PUBLIC, base_url="https://news.example.org/wire"))

    page = await datasette.client.get("/news/sources")

    assert datasette.setting("base_url") == "/wire/"
    assert datasette.plugin_config("aiwire")["base_url"] == "https://news.example.org"
    assert 'href="/wire/-/static-plugins/aiwire/site.css' in page.text


# ---------------------------------------------------------------- what is served


def test_a_working_database_is_never_served_to_strangers(tmp_path):
    database = make_database(tmp_path / "news.db")

    with pytest.raises(ConfigError, match="no public copy"):
        make_datasette(database, PUBLIC)


def test_a_working_database_is_copied_first_and_the_copy_goes_when_the_server_does(tmp_path):
    database = make_database(tmp_path / "work.db")

    with public_copy(database, POLICY) as copy:
        with closing(sqlite3.connect(copy)) as db:
            assert db.execute("SELECT count(*) FROM articles WHERE text <> ''").fetchone() == (2,)
        assert copy.parent.stat().st_mode & 0o077 == 0
    assert not copy.parent.exists()
    with public_copy(make_copy(tmp_path / "out"), POLICY) as given:
        assert given == tmp_path / "out" / "news.db"


# ---------------------------------------------------------------- over sockets


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return answer.status, dict(answer.headers), answer.read().decode()


@contextmanager
def served(*options, port):
    """Run `aiwire serve` until its first answer and to the end of the block; yields its address and its errors."""
    command = [sys.executable, "-P", "-m", "aiwire", "serve", "--port", str(port), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        said = []
        reader = threading.Thread(target=lambda: said.extend(server.stderr))
        reader.start()
        deadline = time.monotonic() + 40
        try:
            while True:
                try:
                    get(f"http://127.0.0.1:{port}/robots.txt")
                    break
                except OSError:
                    assert server.poll() is None, said
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", said
        finally:
            server.terminate()
            server.wait(20)
            reader.join()


def test_a_newer_copy_is_taken_up_under_load_without_a_failed_request(tmp_path, unused_port):
    folder = tmp_path / "out"
    copy = make_copy(folder, articles=1)
    databases = [make_database(tmp_path / f"more-{n}.db", articles=n) for n in (4, 9)]
    failures, counts, done = [], [], threading.Event()

    def read(url):
        while not done.is_set():
            try:
                counts.append(json.loads(get(url)[2])["filtered_table_rows_count"])
            except Exception as e:  # noqa: BLE001 - whatever goes wrong is what is looked for
                failures.append(e)

    with served("--public", "--db", str(copy), port=unused_port) as (url, _):
        readers = [threading.Thread(target=read, args=(f"{url}/news/articles.json?_size=1",)) for _ in range(4)]
        for reader in readers:
            reader.start()
        for number, database in zip((4, 9), databases, strict=True):
            publish(database, folder, replace(POLICY, excerpt_chars=number))
            deadline = time.monotonic() + 30
            while number + 2 not in counts and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(1)
        done.set()
        for reader in readers:
            reader.join()

    assert failures == []
    assert list(dict.fromkeys(counts)) == [3, 6, 11]
    assert [counts[-1], counts[0]] == [11, 3]


async def test_a_file_that_is_no_copy_is_not_taken_up_and_the_old_one_stays(tmp_path):
    copy = make_copy(tmp_path / "out")
    switch = Switch(copy, lambda: make_datasette(copy, PUBLIC), look_every_s=0)

    assert await _count(switch) == 3
    other = make_database(tmp_path / "work.db", articles=5)
    with closing(sqlite3.connect(other)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    other.replace(copy)
    for _ in range(20):
        assert await _count(switch) == 3
        await asyncio.sleep(0.01)
    copy.unlink()
    assert await _count(switch) == 3


# SystemExit ends the thread of Datasette that writes: in silence, but pytest hears it
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_an_old_copy_is_let_go_when_its_last_request_is_answered(tmp_path):
    folder = tmp_path / "out"
    copy = make_copy(folder)
    made = []

    def make():
        made.append(make_datasette(copy, PUBLIC))
        return made[-1]

    switch = Switch(copy, make, look_every_s=0)
    await _count(switch)
    publish(make_database(tmp_path / "more.db", articles=7), folder, POLICY)
    deadline = time.monotonic() + 20
    while await _count(switch) != 9:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)

    assert len(made) == 2
    with pytest.raises(RuntimeError, match="shutdown"):
        made[0].executor.submit(int)
    for connection in made[0].get_database("news")._all_file_connections:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


async def _count(app):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    path = "/news/articles.json"
    await app(
        {"type": "http", "method": "GET", "scheme": "http", "path": path, "raw_path": path.encode(),
         "headers": [(b"host", b"127.0.0.1")], "query_string": b"_size=1", "http_version": "1.1"},
        receive, send,
    )  # fmt: skip
    return json.loads(b"".join(message.get("body", b"") for message in sent[1:]))["filtered_table_rows_count"]


def test_serve_public_over_a_working_database_says_that_it_serves_a_copy(tmp_path, unused_port):
    database = make_database(tmp_path / "work.db")

    with served("--public", "--db", str(database), port=unused_port) as (url, said):
        status, headers, body = get(f"{url}/news/articles.json?_shape=array")
        with pytest.raises(urllib.error.HTTPError) as closed:
            get(f"{url}/-/databases.json")

    closed.value.close()
    assert (status, closed.value.code) == (200, 404)
    assert "orchid" not in body
    assert "server" not in {name.lower() for name in headers}
    assert "is no public copy: serving one made of it now" in "".join(said)


def test_a_local_site_over_a_socket_refuses_the_name_of_a_stranger(tmp_path, unused_port):
    with served("--db", str(make_database(tmp_path / "work.db")), port=unused_port) as (url, _):
        assert get(f"{url}/news.json")[0] == 200
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f"{url}/news.json", Host="rebound.example")

    refused.value.close()
    assert refused.value.code == 421


def test_a_site_that_others_reach_has_to_be_public(tmp_path):
    database = make_database(tmp_path / "work.db")
    command = [sys.executable, "-P", "-m", "aiwire", "serve", "--host", "0.0.0.0", "--db", str(database)]

    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert refused.returncode == 2
    assert "--public" in refused.stderr


# ---------------------------------------------------------------- aiwire publish


def aiwire(*words, cwd):
    command = [sys.executable, "-P", "-m", "aiwire", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd)


def test_publish_says_what_it_made_in_words_and_as_json(tmp_path):
    make_database(tmp_path / "news.db", articles=4)
    (tmp_path / "aiwire.toml").write_text('text_policy = "excerpt"\nexcerpt_chars = 25\n')

    words = aiwire("publish", "out", cwd=tmp_path)
    data = json.loads(aiwire("publish", "out", "--json", cwd=tmp_path).stdout)

    assert "6 articles, 2 of them with their text" in words.stdout
    assert "excerpts of 25 characters" in words.stdout
    assert (data["articles"], data["articles_in_full"], data["left_out"]) == (6, 2, [])
    assert data["bytes"] == (tmp_path / "out" / "news.db").stat().st_size


def test_publish_refuses_the_folder_of_exports_and_of_the_database(tmp_path):
    make_database(tmp_path / "news.db")

    exports = aiwire("publish", "news-exports/site", cwd=tmp_path)
    own = aiwire("publish", ".", cwd=tmp_path)

    assert (exports.returncode, own.returncode) == (2, 2)
    assert "exports are kept" in exports.stderr
    assert "is the database itself" in own.stderr


def test_the_setting_decides_for_sources_that_say_nothing(tmp_path):
    make_database(tmp_path / "news.db")
    (tmp_path / "aiwire.toml").write_text('text_policy = "full"\n')

    made = aiwire("publish", "out", cwd=tmp_path)
    (tmp_path / "aiwire.toml").write_text('text_policy = "none"\n')
    wrong = aiwire("publish", "out", cwd=tmp_path)

    assert "3 articles, 3 of them with their text" in made.stdout
    assert wrong.returncode == 2
    assert "must be one of full, excerpt" in wrong.stderr
