"""Atom feeds of canned queries: read back by feedparser and by our own parser, whatever publishers wrote."""

import re
import shutil
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import feedparser
import pytest
from datasette.app import Datasette
from datasette.database import Database as DatasetteDatabase
from hypothesis import given
from hypothesis import strategies as st

from aiwire.atom import TAG, Entry, Feed, written
from aiwire.types import (
    ArticleUpdate,
    Entity,
    FetchResult,
    Mention,
    Request,
    Response,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from aiwire.web.metadata import all_queries
from db.connection import connect
from db.store import save_source, start_run, sync_entities, sync_sources
from ingest.feeds.parse import parse_feed

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
ATOM = "{http://www.w3.org/2005/Atom}"
FEEDS = ["/news/feed.atom", "/news/feed_of_entity.atom?entity_id=nvidia", "/news/feed_of_theme.atom?theme=edge"]
HOSTILE = "</title><script>alert(1)</script> & \u202eevil\x07 ]]>"
SENTENCE = "NVIDIA sells <b>edge</b> boxes & racks."


def article(name, title, *, hour, language="en", url=None):
    mention = Mention("text", 0, 6, "NVIDIA", 0, 20, "any", 0.9)
    tags = tuple(
        Tag(kind, entity, entity, (entity,), 1, True, "subject", True, 0.5, 0.9, SENTENCE, (mention,))
        for entity, kind in (("nvidia", "company"), ("edge", "theme"))
    )
    tagging = Tagging(tags, (), tagger_version="1", taxonomy_version="t")
    dated = NOW.replace(hour=hour)
    return ArticleUpdate(
        url or f"https://example.org/{name}?a=1&b=2", None, title, None, dated, dated, "published", language,
        "NVIDIA sells edge boxes.", name, False, tagging,
    )  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("feeds") / "any.db"
    db = connect(path)
    sync_sources(db, [Source("press", "Press & Co", "feed", "https://press.example/", "press")])
    sync_entities(db, [
        Entity("nvidia", "company", "NVIDIA"), Entity("edge", "theme", "Edge"), Entity("amd", "company", "AMD"),
    ])  # fmt: skip
    start_run(db, "run", now=NOW)
    url = "https://press.example/"
    fetch = FetchResult(Request(url, "press", "feed"), Response(url, url, 200, {}, b""), 1, 1)
    articles = (
        article("a", HOSTILE, hour=1),
        article("b", "  ", hour=2),
        article("c", "英伟达发布新芯片", hour=3, language="zh"),
        article("d", "A link that runs", hour=4, url="javascript:alert(1)"),
        article("e", "Quiet racks at the edge", hour=5),
    )
    save_source(db, SourceUpdate(SourceState("press"), fetch, articles), run_id=1, now=NOW)
    db.close()
    return path


@pytest.fixture
def datasette(path):
    return make_site(path)


def make_site(path, **config):
    metadata = {"plugins": {"aiwire": config}} if config else None
    site = Datasette([], metadata=metadata, settings={"num_sql_threads": 1})
    site.add_database(DatasetteDatabase(site, path=str(path), is_mutable=True), name="news")
    return site


@pytest.mark.parametrize("url", FEEDS)
async def test_feed_readers_find_every_story_newest_first(url, datasette):
    answer = await datasette.client.get(url)
    read = feedparser.parse(answer.content)

    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert not read.bozo
    assert read.version == "atom10"
    titles = [entry.title for entry in read.entries]
    assert titles[:3] == ["Quiet racks at the edge", "A link that runs", "英伟达发布新芯片"]
    assert titles[3] == "(no title)"
    assert len(titles) == 5
    assert all(entry.content[0].type == "text/plain" for entry in read.entries)
    assert {entry.content[0].value for entry in read.entries} == {SENTENCE}
    assert all(entry.author == "Press & Co" for entry in read.entries)
    assert [tag.term for tag in read.entries[0].tags] == ["edge", "nvidia"]


@pytest.mark.parametrize("url", FEEDS)
async def test_a_feed_keeps_the_rules_of_atom(url, datasette):
    root = ET.fromstring((await datasette.client.get(url)).content)

    assert root.tag == f"{ATOM}feed"
    for element in [root, *root.iter(f"{ATOM}entry")]:
        for needed in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{needed}")) == 1
        assert element.find(f"{ATOM}id").text.startswith(TAG)
        assert element.find(f"{ATOM}title").text
        assert len(element.findall(f"{ATOM}link[@rel='alternate']")) == 1
        assert element.find(f"{ATOM}author/{ATOM}name").text
        times = [element.find(f"{ATOM}updated"), *element.findall(f"{ATOM}published")]
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one.text) for one in times)
    ids = [one.text for one in root.iter(f"{ATOM}id")]
    assert len(set(ids)) == len(ids)


async def test_our_own_parser_reads_our_own_feed(datasette):
    answer = await datasette.client.get("/news/feed.atom")

    parsed = parse_feed(answer.content, url="https://news.example/news/feed.atom")

    assert parsed.entries[0].title == "Quiet racks at the edge"
    assert len(parsed.entries) == 5


async def test_a_link_that_is_not_to_the_web_leads_to_our_own_page(path):
    site = make_site(path, base_url="https://news.example.org")

    answer = await site.client.get("/news/feed.atom")
    root = ET.fromstring(answer.content)
    links = {
        entry.find(f"{ATOM}title").text: {link.get("rel"): link.get("href") for link in entry.iter(f"{ATOM}link")}
        for entry in root.iter(f"{ATOM}entry")
    }

    assert "javascript:" not in answer.text
    assert list(links["A link that runs"]) == ["alternate"]
    assert links["A link that runs"]["alternate"].startswith("https://news.example.org/news/articles/")
    assert links["Quiet racks at the edge"]["alternate"] == "https://example.org/e?a=1&b=2"
    assert links["Quiet racks at the edge"]["related"].startswith("https://news.example.org/news/articles/")


@pytest.mark.parametrize(
    ("url", "page"), list(zip(FEEDS, ["/", "/news/entities/nvidia", "/news/entities/edge"], strict=True))
)
async def test_a_feed_says_where_it_is_itself_and_which_page_shows_the_same(url, page, path):
    root = ET.fromstring((await make_site(path, base_url="https://news.example.org").client.get(url)).content)

    assert root.find(f"{ATOM}link[@rel='self']").get("href") == f"https://news.example.org{url}"
    assert root.find(f"{ATOM}link[@rel='alternate']").get("href") == f"https://news.example.org{page}"


async def test_titles_say_what_the_feed_is_of(datasette):
    titles = [feedparser.parse((await datasette.client.get(url)).content).feed.title for url in FEEDS]

    assert titles == ["aiwire: AI-industry news", "aiwire: NVIDIA in the news", "aiwire: Edge in the news"]


async def test_hostile_words_are_words(datasette):
    answer = await datasette.client.get("/news/feed.atom")
    titles = [one.text for one in ET.fromstring(answer.content).iter(f"{ATOM}title")]

    assert "<script" not in answer.text
    assert "\x07" not in answer.text
    assert "\u202e" not in answer.text
    assert "</title><script>alert(1)</script> & evil ]]>" in titles


async def test_a_reader_that_has_the_feed_is_told_so(datasette):
    first = await datasette.client.get("/news/feed.atom")
    tag = first.headers["etag"]

    again = await datasette.client.get("/news/feed.atom", headers={"If-None-Match": f'"other", W/{tag}'})
    changed = await datasette.client.get("/news/feed.atom", headers={"If-None-Match": '"other"'})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (changed.status_code, changed.content) == (200, first.content)


async def test_a_name_without_news_has_an_empty_feed_that_stays_the_same(datasette):
    one, other = [await datasette.client.get("/news/feed_of_entity.atom?entity_id=amd") for _ in range(2)]
    read = feedparser.parse(one.content)

    assert not read.bozo
    assert (read.feed.title, read.entries) == ("aiwire: AMD in the news", [])
    assert one.content == other.content


@pytest.mark.parametrize(
    "url",
    ["/news/feed_of_entity.atom?entity_id=nobody", "/news/feed_of_entity.atom", "/news/feed_of_theme.atom?theme=amd"],
)
async def test_a_feed_of_nothing_known_is_not_found_and_says_what_would_be(url, datasette):
    answer = await datasette.client.get(url)

    assert answer.status_code == 404
    assert "An example is /news/feed_of_" in answer.text


@pytest.mark.parametrize("url", ["/news/latest.atom", "/news/articles.atom", "/news/entities/nvidia.atom"])
async def test_what_is_no_feed_says_which_are(url, datasette):
    answer = await datasette.client.get(url)

    assert answer.status_code == 400
    assert "/news/feed.atom" in answer.text


async def test_only_feeds_are_offered_as_atom(datasette):
    feed = (await datasette.client.get("/news/feed")).text
    latest = (await datasette.client.get("/news/latest")).text

    assert 'href="/news/feed.atom"' in feed
    assert "latest.atom" not in latest


async def test_a_copy_of_a_story_is_left_out(path, tmp_path):
    copied = tmp_path / "copies.db"
    shutil.copy(path, copied)
    db = connect(copied)
    with db.atomic():
        first, copy = [row[0] for row in db.execute("SELECT id FROM articles ORDER BY dated_at LIMIT 2").fetchall()]
        db.execute("UPDATE articles SET story_id = ? WHERE id = ?", [first, copy])
        db.execute("UPDATE stories SET articles = 2 WHERE id = ?", [first])
        db.execute("DELETE FROM stories WHERE id = ?", [copy])
    db.close()

    for url in FEEDS:
        ids = [entry.id for entry in feedparser.parse((await make_site(copied).client.get(url)).content).entries]
        assert f"{TAG}article/{first}" in ids
        assert f"{TAG}article/{copy}" not in ids
        assert len(ids) == 4


@pytest.mark.parametrize("url", FEEDS)
async def test_the_newest_stories_come_out_of_an_index(url, path, datasette):
    name, _, query = url.removeprefix("/news/").partition(".atom")
    sql = next(one.sql for one in all_queries() if one.name == name)
    db = connect(path)
    value = dict(part.split("=") for part in query.removeprefix("?").split("&") if part)
    plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", value))
    db.close()

    assert not re.search(r"SCAN (articles|article_entities|entities|sources)\b(?! USING COVERING INDEX)", plan)
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan.partition("CORRELATED")[0]


@given(
    st.lists(
        st.builds(
            Entry, id=st.integers(0).map(lambda n: f"{TAG}article/{n}"), title=st.text(),
            updated=st.just("2026-11-23T06:00:00Z"),
            url=st.text(), related=st.text(), published=st.just(""), author=st.text(), summary=st.text(),
            content=st.text(), language=st.text(), categories=st.lists(st.text(), max_size=2),
        ),
        max_size=3,
    )
)  # fmt: skip
def test_any_words_make_well_formed_xml_with_as_many_entries(entries):
    root = ET.fromstring(written(Feed(f"{TAG}x", "x", "2026-11-23T06:00:00Z", entries)))

    assert len(root.findall(f"{ATOM}entry")) == len(entries)
    assert [one.find(f"{ATOM}id").text for one in root.findall(f"{ATOM}entry")] == [entry.id for entry in entries]
