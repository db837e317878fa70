"""Every text that came from strangers is an attack: nothing of it runs on any page, in any feed, in any export."""

import csv
import io
import json
import shutil
import sqlite3
from contextlib import closing
from xml.etree import ElementTree as ET

import feedparser
import pytest
from site_pages import PAGES, make_demo, running_parts, walk

SCRIPT = "</title></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg onload=alert(1)>"
FORMULA = '=HYPERLINK("http://evil.example/","x")'
HOSTILE = f"{SCRIPT} {{{{ 7*7 }}}} {{% raw %}} \u202e\x07 ]]> \ue000\ue001"
ADDRESS = "javascript:alert(document.domain)//http://x.example/"
# columns that hold what others have written; ids, dates and words of ours stay, or no page could find its row
STRANGERS = {
    "articles": ("title", "author", "text", "guid", "rights", "page_error", "language"),
    "article_versions": ("title", "text"),
    "article_entities": ("evidence", "unlisted_name"),
    "mentions": ("surface",),
    "prices": ("quote", "sentence"),
    "sources": ("name", "publisher", "licence", "category"),
    "source_state": ("error", "suggestion", "moved_to", "next_check_reason", "hub"),
    "fetches": ("error", "final_url", "url"),
    "entities": ("name", "description", "ticker"),
    "candidates": ("sentence",),
    "reference_sources": (),
    "runs": ("message",),
}
ADDRESSES = {"articles": ("url", "canonical_url"), "sources": ("url",)}


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return make_demo(tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def attacked(clean, tmp_path):
    path = tmp_path / "news.db"
    shutil.copy(clean, path)
    with closing(sqlite3.connect(path)) as db, db:
        for table, columns in STRANGERS.items():
            for column in columns:
                db.execute(f"UPDATE {table} SET {column} = ? || {column} WHERE {column} IS NOT NULL", [HOSTILE])
                db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} IS NULL", [HOSTILE])
        for table, columns in ADDRESSES.items():
            for column in columns:
                db.execute(f"UPDATE {table} SET {column} = ? || rowid", [ADDRESS])
        db.execute("UPDATE article_entities SET surfaces = ?", [json.dumps([HOSTILE])])
    return path


async def test_no_page_runs_what_strangers_wrote(attacked):
    answers = await walk(attacked, most=250)
    pages = [one for one in answers if one.content_type.startswith("text/html")]

    assert len(pages) > 60
    assert {one.path: parts for one in pages if (parts := running_parts(one.body))} == {}
    assert [one.path for one in pages if one.status >= 500] == []
    assert any("&lt;script&gt;alert(1)" in one.body for one in pages)  # it is there, as text
    assert [one.path for one in pages if "49 {% raw %}" in one.body] == []  # no template of theirs was filled in


async def test_answers_that_are_no_pages_say_so(attacked):
    answers = await walk(attacked, most=250)

    for one in answers:
        if "<script>alert(1)" in one.body:
            kind = one.content_type.partition(";")[0]
            assert kind in ("application/json", "text/plain", "text/csv", "application/x-bibtex") or kind.endswith(
                ("+json", "+xml")
            ), (one.path, kind)


async def test_feeds_are_whole_and_lead_to_pages_only(attacked):
    answers = await walk(attacked, most=250)
    feeds = [one for one in answers if "atom" in one.content_type]

    assert len(feeds) >= 3
    for one in feeds:
        links = [link.get("href") for link in ET.fromstring(one.body).iter("{http://www.w3.org/2005/Atom}link")]
        assert links
        assert [link for link in links if not link.startswith(("http://", "https://"))] == [], one.path
        parsed = feedparser.parse(one.body)
        assert not parsed.bozo, (one.path, parsed.get("bozo_exception"))
        assert [entry.link for entry in parsed.entries if "javascript" in entry.link] == []


async def test_no_csv_holds_a_formula(clean, tmp_path):
    path = tmp_path / "news.db"
    shutil.copy(clean, path)
    with closing(sqlite3.connect(path)) as db, db:
        for table, columns in STRANGERS.items():
            for column in columns:
                db.execute(f"UPDATE {table} SET {column} = ?", [FORMULA])
    answers = await walk(path, most=250)
    tables = [one for one in answers if one.content_type.startswith(("text/csv", "text/plain")) and ".csv" in one.path]

    assert len(tables) > 10
    risky = [
        (one.path, cell)
        for one in tables
        for row in csv.reader(io.StringIO(one.body))
        for cell in row
        if cell.startswith("=")
    ]
    assert risky == []


async def test_a_hostile_address_is_no_way_out(attacked):
    for path in ("/<script>alert(1)</script>", "/news/<img src=x onerror=alert(1)>", "/news/search?q=" + SCRIPT,
                 "/news/compare?entities=" + SCRIPT, "/news/tco?country=" + SCRIPT, "/news/articles?_sort=" + SCRIPT,
                 "/news/entities/" + SCRIPT.replace("/", "~2F")):  # fmt: skip
        (answer,) = await walk(attacked, (path,), most=1)
        assert answer.status < 500, path
        if answer.content_type.startswith("text/html"):
            assert running_parts(answer.body) == [], path


def test_the_walk_sees_all_kinds_of_pages():
    assert len(PAGES) > 12
