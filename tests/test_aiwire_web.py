"""Datasette over a real database, through its in-process client and over a real socket."""

import subprocess
import sys
import time
import urllib.request

import pytest

from aiwire.exceptions import DatabaseError
from aiwire.web.server import DATASETTE_SETTINGS, make_datasette
from db.connection import connect
from db.reference import load_reference


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "whatever-name.db"
    db = connect(path)
    load_reference(db)
    db.close()
    return path


async def test_the_database_is_called_news_whatever_its_file_is_called(database):
    datasette = make_datasette(database)

    page = await datasette.client.get("/news/accelerators")

    assert page.status_code == 200
    assert "Licence" in page.text


async def test_our_style_sheet_is_linked_and_served(database):
    datasette = make_datasette(database)

    page = await datasette.client.get("/news")
    style = await datasette.client.get("/-/static-plugins/aiwire/site.css")

    assert 'href="/-/static-plugins/aiwire/site.css' in page.text
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css")


async def test_our_settings_are_in_force(database):
    datasette = make_datasette(database)

    settings = (await datasette.client.get("/-/settings.json")).json()

    assert {name: settings[name] for name in DATASETTE_SETTINGS} == DATASETTE_SETTINGS
    assert settings["max_returned_rows"] == 10_000  # as the description of /news/evidence says


async def test_a_reader_sees_what_a_writer_adds(database):
    datasette = make_datasette(database)
    before = (await datasette.client.get("/news/runs.json?_shape=array")).json()
    db = connect(database)
    with db.atomic():
        db.execute("insert into runs (command, started_at, status) values ('run', '2026-03-02T06:00:00Z', 'running')")
    db.close()

    after = (await datasette.client.get("/news/runs.json?_shape=array")).json()

    assert (len(before), len(after)) == (0, 1)


def test_a_missing_or_foreign_database_is_a_clear_error(tmp_path):
    with pytest.raises(DatabaseError, match="no such database"):
        make_datasette(tmp_path / "no.db")
    (tmp_path / "foreign.db").write_bytes(b"this is no database, only a text file that says so" * 50)
    with pytest.raises(DatabaseError):
        make_datasette(tmp_path / "foreign.db")


def test_serve_answers_on_localhost(database, unused_port):
    command = [sys.executable, "-P", "-m", "aiwire", "serve", "--db", str(database), "--port", str(unused_port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            assert b"cloud_prices" in _get(f"http://127.0.0.1:{unused_port}/news")
        finally:
            server.terminate()


def _get(url, patience_s=30):
    deadline = time.monotonic() + patience_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
