"""`sources test` and `sources add` as a user calls them: offline from a file, and against a real server."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aiwire.types import Request
from ingest.http.fetch import Fetcher
from ingest.http.guard import Guard
from ingest.http.limits import FetchLimits
from ingest.http.network import network_transport
from ingest.http.warc import Recorder, RecordingTransport

LISTINGS = Path(__file__).parent / "data" / "listings"
RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>The [Wire]</title><link>https://wire.example/</link>
<language>en-gb</language><ttl>90</ttl>
<item><title>AWS cuts \x1b[31mH100 prices</title><link>https://wire.example/1</link><guid>1</guid>
<pubDate>Mon, 02 Mar 2026 06:00:00 GMT</pubDate></item></channel></rss>"""


def aiwire(*args: object, stdin: bytes = b"", hosts: str = "127.0.0.1") -> subprocess.CompletedProcess[bytes]:
    settings = {"AIWIRE_ALLOW_HOSTS": hosts, "AIWIRE_HOST_GAP_S": "0"}
    return subprocess.run(
        [sys.executable, "-P", "-m", "aiwire", "sources", *map(str, args)],
        input=stdin, capture_output=True, check=False, env={**os.environ, **settings},
    )  # fmt: skip


def added(folder: Path) -> dict[str, object]:
    [source] = tomllib.loads((folder / "sources.toml").read_text())["source"]
    return dict(source)


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_a_saved_feed_is_previewed_without_a_network() -> None:
    done = aiwire("test", "https://wire.example/feed", "--file", "-", stdin=RSS)

    out = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert "2026-03-02 06:00" in out
    assert "title:     The [Wire]" in out
    assert "entries:   1, 100% with a date" in out
    assert "asks for:  90 minutes between two checks (ttl)" in out
    assert "\x1b" not in out


def test_json_holds_every_entry() -> None:
    done = aiwire("test", "https://lab.example/news", "--file", LISTINGS / "lab_cards.html", "--json")

    seen = json.loads(done.stdout)
    assert done.returncode == 0
    assert (seen["found"]["kind"], seen["found"]["language"], len(seen["found"]["entries"])) == ("listing", "en", 5)
    assert seen["found"]["entries"][0] == {
        "url": "https://lab.example/news/assistant-six",
        "title": "Introducing Assistant 6",
        "published": "2026-03-05T00:00:00Z",
        "updated": None,
        "date_source": "published",
        "summary": "Our strongest model yet for coding and long tasks of many steps.",
    }


def test_a_page_from_which_nothing_can_be_taken_ends_with_1_and_the_remedy() -> None:
    done = aiwire("test", "https://corp.example/", "--file", LISTINGS / "refused_menu_only.html")

    assert done.returncode == 1
    assert "nothing usable at https://corp.example/" in done.stdout.decode()
    assert "name it with selectors" in done.stdout.decode()


def test_a_source_of_the_list_is_tested_by_its_rules(tmp_path: Path) -> None:
    (tmp_path / "sources.toml").write_text(
        '[[source]]\nid = "lab"\nname = "Lab"\nkind = "listing"\nurl = "https://lab.example/news"\n'
        '[source.listing]\nitem = "li"\ntitle = "[class*=title]"\n'
    )

    done = aiwire("test", "lab", "--file", LISTINGS / "lab_cards.html", "--json")

    assert len(json.loads(done.stdout)["found"]["entries"]) > 4


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (("test", "lab"), 2, "'lab' is no source of sources.toml; give an id, or a URL with https://"),
        (("test", "ftp://a.example/"), 2, "'ftp://a.example/' is no http or https URL"),
        (("test", "https://a.example/", "--file", "no.html"), 2, "no.html: cannot be read"),
        (("test", "https://a.example/", "--file", "-", "--replay", "x"), 2, "--file and --replay exclude each other"),
        (("add", "nope"), 2, "'url' has no scheme, write 'https://nope': 'nope'"),
        (("add", "127.0.0.2:8765/feed.xml"), 2, "'url' has no scheme, write 'https://127.0.0.2:8765/feed.xml'"),
        (("add", "ftp://a.example/"), 2, "'url' must be an http or https URL: 'ftp://a.example/'"),
        (("test", "a.example/feed"), 2, "an address is given with its scheme: https://a.example/feed"),
        (("add", "https://a.example/", "--language", "english"), 2, "such as 'en' or 'zh-Hans': 'english'"),
        (("add", "https://a.example/", "--kind", "page"), 2, "'page' is not one of"),
    ],
)
def test_bad_input_is_one_clear_line(args: tuple[str, ...], status: int, message: str) -> None:
    done = aiwire(*args)

    assert done.returncode == status
    assert message in done.stderr.decode()
    assert len(done.stderr.decode().splitlines()) == 1
    assert done.stdout == b""


def test_a_page_is_added_as_the_feed_that_it_declares(loopback, tmp_path: Path) -> None:
    feed = loopback.reply("/feed.xml", RSS, headers={"Content-Type": "application/rss+xml"})
    head = b'<link rel="alternate" type="application/rss+xml" href="/feed.xml">'
    page = loopback.reply("/news", b"<!doctype html><html><head>" + head + b"</head><body>x</body></html>")

    done = aiwire("add", page, "--id", "wire", "--category", "press")

    assert done.returncode == 0, done.stderr
    assert f"{feed}: a feed with 1 entries, named in the page" in done.stderr.decode()
    assert added(tmp_path) == {
        "id": "wire", "name": "The [Wire]", "kind": "feed", "url": feed, "language": "en-gb", "category": "press",
    }  # fmt: skip


def test_a_page_without_a_feed_is_added_as_a_listing(loopback, tmp_path: Path) -> None:
    page = loopback.reply("/news", (LISTINGS / "undated_posts.html").read_bytes().replace(b"/publications", b"/news"))

    done = aiwire("add", page, "--name", "Institute")

    assert done.returncode == 0, done.stderr
    assert (added(tmp_path)["kind"], added(tmp_path)["name"], added(tmp_path)["url"]) == ("listing", "Institute", page)
    assert "a listing with 4 entries, found automatically in the page" in done.stderr.decode()


def test_the_kind_can_be_forced(loopback, tmp_path: Path) -> None:
    feed = loopback.reply("/feed.xml", RSS)
    page = (LISTINGS / "undated_posts.html").read_bytes().replace(b"/publications", b"/news")
    head = f'<head><link rel="alternate" type="application/rss+xml" href="{feed}">'.encode()
    url = loopback.reply("/news", page.replace(b"<head>", head))

    done = aiwire("add", url, "--kind", "listing")

    assert done.returncode == 0, done.stderr
    assert (added(tmp_path)["kind"], added(tmp_path)["url"]) == ("listing", url)
    assert feed not in done.stderr.decode()


@pytest.mark.parametrize("path", ["/missing", "/page"])
def test_what_cannot_be_used_is_not_added_and_the_way_out_is_named(loopback, tmp_path: Path, path: str) -> None:
    loopback.reply("/page", b"<!doctype html><html><body>Nothing here</body></html>")

    done = aiwire("add", loopback.url(path))

    assert done.returncode == 1
    assert "nothing added: " in done.stderr.decode()
    assert "--unchecked adds it without a look" in done.stderr.decode()
    assert len(done.stderr.decode().splitlines()) == 1
    assert not (tmp_path / "sources.toml").exists()


def test_an_address_inside_our_own_network_is_not_looked_at(loopback) -> None:
    done = aiwire("add", loopback.reply("/feed", RSS), hosts="")

    assert done.returncode == 1
    assert loopback.seen == []


def test_unchecked_needs_no_network(tmp_path: Path) -> None:
    done = aiwire("add", "https://wire.invalid/list", "--unchecked", "--kind", "listing")

    assert done.returncode == 0, done.stderr
    assert added(tmp_path) == {
        "id": "wire-invalid", "name": "wire.invalid", "kind": "listing", "url": "https://wire.invalid/list",
    }  # fmt: skip


def test_what_is_there_already_is_one_clear_line(loopback, tmp_path: Path) -> None:
    feed = loopback.reply("/feed.xml", RSS)
    head = b'<link rel="alternate" type="application/rss+xml" href="/feed.xml">'
    page = loopback.reply("/news", b"<!doctype html><html><head>" + head + b"</head><body>x</body></html>")
    aiwire("add", feed, "--id", "wire", "--unchecked")
    before = (tmp_path / "sources.toml").read_bytes()

    for args in ((feed,), (feed, "--id", "wire"), (page,), ("https://other.invalid/", "--id", "wire", "--unchecked")):
        done = aiwire("add", *args)

        [line] = done.stderr.decode().splitlines()
        assert done.returncode == 2
        assert line.startswith("aiwire: sources.toml: nothing added: ")
        assert "'wire'" in line

    assert (tmp_path / "sources.toml").read_bytes() == before


def test_an_archive_answers_in_place_of_the_network(loopback, tmp_path: Path) -> None:
    feed = loopback.reply("/feed.xml", RSS, headers={"Content-Type": "application/rss+xml"})
    limits = FetchLimits(host_gap_s=0)
    now = datetime(2026, 3, 10, tzinfo=UTC)
    with Recorder(tmp_path / "a.warc.gz", now=now) as recorder:
        transport = RecordingTransport(network_transport(limits, guard=Guard(["127.0.0.1"])), recorder)
        list(Fetcher(limits, user_agent="test", transport=transport).fetch_all([Request(feed, "s", "feed")], now=now))
    loopback.seen.clear()

    tested, added_now = aiwire("test", feed, "--replay", "a.warc.gz"), aiwire("add", feed, "--replay", "a.warc.gz")

    assert (tested.returncode, added_now.returncode) == (0, 0), tested.stderr + added_now.stderr
    assert loopback.seen == []
    assert added(tmp_path)["name"] == "The [Wire]"


def test_a_saved_page_that_names_a_feed_says_to_test_that() -> None:
    head = b'<head><link rel="alternate" type="application/rss+xml" href="/feed.xml">'
    menu = (LISTINGS / "refused_menu_only.html").read_bytes().replace(b"<head>", head)
    listing = (LISTINGS / "lab_cards.html").read_bytes().replace(b"<head>", head)

    nothing = aiwire("test", "https://corp.example/", "--file", "-", stdin=menu)
    listed = aiwire("test", "https://lab.example/news", "--file", "-", stdin=listing)

    assert nothing.returncode == 1
    assert "problem:   the page names the feed https://corp.example/feed.xml: test that" in nothing.stdout.decode()
    assert "selectors" not in nothing.stdout.decode()
    assert listed.returncode == 0
    assert "problem:   the page names the feed https://lab.example/feed.xml: test that" in listed.stdout.decode()


def test_a_home_page_that_names_its_feed_has_no_problem(loopback) -> None:
    feed = loopback.reply("/feed.xml", RSS, headers={"Content-Type": "application/rss+xml"})
    head = f'<link rel="alternate" type="application/rss+xml" href="{feed}">'
    page = loopback.reply("/", f"<!doctype html><html><head>{head}</head><body>Welcome</body></html>".encode())

    done = aiwire("test", page)

    assert done.returncode == 0, done.stderr
    assert f"kind:      feed (rss20), named in the page: {feed}" in done.stdout.decode()
    assert "problem" not in done.stdout.decode()


def test_of_entries_without_titles_the_number_is_said(loopback) -> None:
    titled = "<news:news><news:title>Racks</news:title></news:news>"
    origin = loopback.url("")
    places = f"<url><loc>{origin}/a</loc>{titled}</url><url><loc>{origin}/b</loc><lastmod>2026-03-01</lastmod></url>"
    names = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    url = loopback.reply("/map.xml", f"<urlset {names}>{places}</urlset>".encode())

    tested = aiwire("test", url, "--now", "2026-03-02T00:00:00Z")
    added_now = aiwire("add", url, "--now", "2026-03-02T00:00:00Z")

    line = "1 of 2 entries have no title: their pages give it"
    assert f"titles:    {line}\n" in tested.stdout.decode()
    assert f"aiwire: {line}\n" in added_now.stderr.decode()


def on_a_terminal(*args: str) -> str:
    """What a command prints on a terminal of 80 columns that knows no colours."""
    master, slave = os.openpty()
    command = [sys.executable, "-P", "-m", "aiwire", "sources", *args]
    with subprocess.Popen(command, stdout=slave, env={**os.environ, "TERM": "dumb", "COLUMNS": "80"}) as process:
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that the other end was closed
            while part := os.read(master, 65_536):
                shown += part
    os.close(master)
    assert process.returncode == 0
    return shown.decode()


def test_the_list_is_whole_lines_with_tabs_unless_it_is_for_a_terminal(tmp_path: Path) -> None:
    url = f"https://wire.invalid/{'long-' * 30}map.xml"
    (tmp_path / "sources.toml").write_text(
        f'[[source]]\nid = "wire"\nname = "The [Wire]"\nkind = "sitemap"\nurl = "{url}"\nenabled = false\n'
        'category = "press"\n'
    )

    piped, shown = aiwire("list").stdout.decode().splitlines(), on_a_terminal("list")

    assert [line.split("\t") for line in piped] == [
        ["id", "name", "kind", "owner", "category", "last good answer", "error", "url"],
        ["wire", "The [Wire]", "sitemap", "", "press", "", "switched off", url],
    ]
    assert "The [Wire]" in shown
    assert "\t" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_the_list_shows_the_kind() -> None:
    aiwire("add", "https://wire.invalid/map.xml", "--unchecked", "--kind", "sitemap")

    assert "sitemap" in aiwire("list").stdout.decode()
    assert json.loads(aiwire("list", "--json").stdout)[0]["sitemap"] is None
