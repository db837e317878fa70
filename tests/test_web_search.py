"""The search page: what a person finds, how it is marked, what it says of itself, and how it is read."""

import re
import shlex
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from datasette import hookimpl
from datasette.plugins import pm
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from aiwire.cli import cli
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
from aiwire.web.links import Links
from aiwire.web.pages import Ask
from aiwire.web.pages.search import load, results
from aiwire.web.server import make_datasette
from aiwire.web.site import Site
from db.connection import connect
from db.pages.search import CLOSED, OPENED, TOKENIZER, names, parts_of, search
from db.queries import search as sql
from db.store import save_source, start_run, sync_entities, sync_sources

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
KINDS = {"nvidia": "company", "tco": "theme"}
HOSTILE = "<script>alert('grid')</script>"
ARTICLES = {  # name -> title, text, language, source, tags, days before now
    "title": ("The grid is full", "Nothing else is said.", "en", "press", ("nvidia",), 1),
    "body": ("Power", f"A word on the grid {HOSTILE} and on cooling towers.", "en", "press", ("tco",), 2),
    "phrase": ("Towers", "Cooling of the towers was measured.", "en", "lab", (), 3),
    "old": ("Inference at the edge", "Inferencing in café racks.", None, "lab", ("nvidia",), 400),
    "zh": ("算力新闻", "昨天英伟达发布H100数据中心方案。", "zh", "lab", ("nvidia",), 4),
    "marks": ("Odd signs", f"A text with {OPENED}signs{CLOSED} of ours and oddities.", "en", "press", (), 5),
}


def update(name, title, text, language, tags, days):
    mention = Mention("text", 0, 1, text[0], 0, 5, "any", 0.9)
    made = tuple(
        Tag(KINDS[i], i, i, (i,), 1, True, "subject", True, 0.5, 0.9, f"Proof of {i}.", (mention,)) for i in tags
    )
    url = f"https://example.org/{name}"
    tagging = Tagging(made, (), tagger_version="1", taxonomy_version="t")
    day = NOW - timedelta(days=days)
    return ArticleUpdate(url, None, title, None, day, day, "published", language, text, name, False, tagging)


def save(db, source_id, updates):
    url = f"https://{source_id}.example/"
    fetch = FetchResult(Request(url, source_id, "feed"), Response(url, url, 200, {}, b""), 1, 1)
    save_source(db, SourceUpdate(SourceState(source_id, status="ok"), fetch, tuple(updates)), run_id=1, now=NOW)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("search") / "any.db"
    db = connect(path)
    sync_sources(db, [Source(i, i.title(), "feed", f"https://{i}.example/", i) for i in ("press", "lab")])
    sync_entities(db, [Entity("nvidia", "company", "NVIDIA"), Entity("tco", "theme", "Total cost")])
    with db.atomic():
        for surface, entity_id in (("英伟达", "nvidia"), ("NVIDIA", "nvidia"), ("Total Cost", "tco")):
            db.execute("INSERT OR IGNORE INTO aliases VALUES (?, ?, 'any')", [surface, entity_id])
    start_run(db, "run", now=NOW)
    for source_id in ("press", "lab"):
        save(db, source_id, [update(name, title, text, language, tags, days)
                             for name, (title, text, language, source, tags, days) in ARTICLES.items()
                             if source == source_id])  # fmt: skip
    db.close()
    return path


@pytest.fixture
def db(path):
    db = connect(path)
    yield db
    db.close()


def found(db, **asked):
    return [hit.url.rsplit("/", 1)[1] for hit in search(db, asked).page]


def page(db, *, public=False, **asked):
    args = {name: [value] for name, value in asked.items()}
    return load(db, Ask("", args, Site(is_public=public), Links("/", "https://news.example"), NOW))


def shown(db, **asked):
    return results(db, None, page(db, **asked))


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        pytest.param({"q": "grid"}, ["title", "body"], id="the title weighs more"),
        pytest.param({"q": "grid", "sort": "newest"}, ["title", "body"], id="newest first"),
        pytest.param({"q": "cooling towers"}, ["phrase", "body"], id="all words, anywhere"),
        pytest.param({"q": '"cooling towers"'}, ["body"], id="a phrase"),
        pytest.param({"q": "towers -grid"}, ["phrase"], id="none with a word"),
        pytest.param({"q": 'towers -"cooling towers"'}, ["phrase"], id="none with a phrase"),
        pytest.param({"q": "inferen*"}, ["old"], id="a beginning"),
        pytest.param({"q": "towers -gri*"}, ["phrase"], id="none with a beginning"),
        pytest.param({"q": "CAFE"}, ["old"], id="accents and capitals"),
        pytest.param({"q": "gr*"}, [], id="a beginning of too few letters is a word"),
        pytest.param({"q": "grid OR inference"}, [], id="no operators"),
        pytest.param({"q": "-grid"}, [], id="nothing to look for"),
        pytest.param({"q": "grid", "kind": "theme"}, ["body"], id="a kind"),
        pytest.param({"q": "grid", "entity": "nvidia"}, ["title"], id="an entity"),
        pytest.param({"q": "towers", "source": "lab"}, ["phrase"], id="a source"),
        pytest.param({"q": "grid", "since": "2026-11-23"}, ["title"], id="from a day"),
        pytest.param({"q": "grid", "until": "2026-11-22"}, ["body"], id="to a day, inclusive"),
        pytest.param({"q": "grid", "until": "soon"}, [], id="no day"),
        pytest.param({"entity": "nvidia"}, ["title", "zh", "old"], id="of an entity, newest first"),
        pytest.param({"entity": "nvidia", "source": "lab"}, ["zh", "old"], id="and of a source"),
        pytest.param({"source": "press"}, ["title", "body", "marks"], id="of a source, newest first"),
        pytest.param({"kind": "theme"}, ["body"], id="of a kind"),
        pytest.param({"kind": "company", "until": "2026-01-01"}, ["old"], id="of a kind, before a day"),
        pytest.param({"sort": "newest"}, ["title", "body", "phrase", "zh", "marks", "old"], id="all, newest first"),
        pytest.param({}, [], id="nothing asked"),
        pytest.param({"q": "英伟达"}, ["zh"], id="Chinese within a sentence"),
        pytest.param({"q": "H100 数据中心"}, ["zh"], id="Chinese beside Latin"),
        pytest.param({"q": "英伟达 -H100"}, [], id="Chinese without a word"),
        pytest.param({"q": "算力新闻"}, ["zh"], id="a whole run"),
    ],
)
def test_what_is_found(db, asked, names):
    assert found(db, **asked) == names


@pytest.mark.parametrize("words", ["英伟达", "数据中心 H100"])
def test_a_chinese_text_is_found_though_its_feed_does_not_say_what_language_it_is(db, words):
    db.execute("UPDATE articles SET language = NULL")

    assert found(db, q=words) == ["zh"]


@pytest.mark.parametrize(("asked", "names"), [
    ({"q": "grid"}, ["title", "body"]),
    ({"q": "grid", "source": "press"}, ["title", "body"]),
    ({"q": "grid", "entity": "tco"}, ["body"]),
    ({"q": "grid", "kind": "company"}, ["title"]),
])  # fmt: skip
def test_words_that_very_many_have_come_newest_first(db, monkeypatch, asked, names):
    few = search(db, asked)
    of_two = sql.SEARCH.sql.replace(f"hits > {sql.RANKED}", "hits > 1")
    monkeypatch.setattr("db.pages.search.SEARCH", replace(sql.SEARCH, sql=of_two))

    assert (few.way, search(db, asked).way) == ("hits", "newest")
    assert found(db, **asked) == names


def test_pages_follow_each_other_without_a_gap(tmp_path):
    db = connect(tmp_path / "many.db")
    sync_sources(db, [Source("press", "Press", "feed", "https://press.example/", "press")])
    start_run(db, "run", now=NOW)
    save(db, "press", [update(f"n{n}", f"Grid {n}", "A text.", "en", (), n) for n in range(60)])

    for asked in ({"q": "grid", "sort": "newest"}, {"source": "press"}, {"q": "grid"}):
        pages = [search(db, {**asked, "page": str(n)}) for n in (1, 2, 3)]
        assert [len(one.page) for one in pages] == [25, 25, 10]
        assert [one.has_next for one in pages] == [True, True, False]
        assert len({hit.id for one in pages for hit in one.page}) == 60
    assert shown(db, q="grid", page="2").next_url == "/news/search?q=grid&page=3"
    assert page(db, q="grid", page="2").first_url == "/news/search?q=grid"
    assert shown(db, q="grid", page="3").next_url == ""
    assert page(db, q="grid", page=str(sql.PAGES)).next_url == ""
    db.close()


@pytest.mark.parametrize("asked", [{}, {"source": "press"}, {"entity": "nvidia"}, {"kind": "company"}])
def test_asking_the_newest_one_by_one_finds_the_same_as_looking_through_all(tmp_path, monkeypatch, asked):
    db = connect(tmp_path / "many.db")
    sync_sources(db, [Source("press", "Press", "feed", "https://press.example/", "press")])
    sync_entities(db, [Entity("nvidia", "company", "NVIDIA")])
    start_run(db, "run", now=NOW)
    save(db, "press", [update(f"n{n}", f"{'Grid' if n % 2 else 'Power'} {n}", "A text.", "en", ("nvidia",), n)
                       for n in range(120)])  # fmt: skip
    of_two = sql.SEARCH.sql.replace(f"hits > {sql.RANKED}", "hits > 1")
    found = []
    for probed in (sql.PROBED, 10):  # all of them; too few for a page
        some = of_two.replace(f"OFFSET {sql.PROBED}\n", f"OFFSET {probed}\n").replace(
            f"OFFSET {sql.PROBED})", f"OFFSET {probed})"
        )
        assert (some == of_two) == (probed == sql.PROBED)
        monkeypatch.setattr("db.pages.search.SEARCH", replace(sql.SEARCH, sql=some))
        found.append([[hit.id for hit in search(db, {"q": "grid", "page": n, **asked}).page] for n in "123"])
    db.close()

    assert [len(ids) for ids in found[0]] == [25, 25, 10]
    assert found[0] == found[1]


def test_words_of_a_search_are_looked_for_once_and_no_more_than_twelve(db):
    def looked_for(words):
        return db.execute(sql.GIVEN_SQL, {**sql.SEARCH.examples, "q": words}).fetchone()[0]

    assert looked_for("grid Grid GRID grid") == '"grid"'
    assert looked_for("the cat and the dog") == '"the" OR "cat" OR "and" OR "dog"'
    assert looked_for(" ".join(f"w{n}" for n in range(20))).count(" OR ") == sql.MOST_WORDS - 1 == 11


async def test_a_public_copy_says_of_which_sources_it_searches_titles_only(tmp_path, path):
    copied = tmp_path / "copy.db"
    copied.write_bytes(path.read_bytes())
    db = connect(copied)
    assert page(db, q="grid").note == ""
    with db.atomic():
        db.execute("INSERT INTO published VALUES (1, '2026-11-24T00:00:00Z', '0.2', 'excerpt', 300)")
    assert page(db, q="grid").note == ("This public copy holds no texts: articles are found by their titles only.")
    with db.atomic():
        db.execute("UPDATE sources SET text_policy = 'full' WHERE id = 'lab'")
    note = page(db, q="grid").note
    db.close()

    assert note == (
        "This public copy holds the texts of 1 of 2 sources: articles of the others are found by their titles only."
    )
    assert note in (await make_datasette(copied).client.get("/news/search?q=grid")).text


@given(st.text(alphabet=f"ab<&{OPENED}{CLOSED}"))
def test_pieces_lose_nothing_but_marks(text):
    assert "".join(piece for piece, _ in parts_of(text)) == text.replace(OPENED, "").replace(CLOSED, "")
    assert all(piece for piece, _ in parts_of(text))


def test_words_are_marked_in_title_and_text(db):
    hits = {hit.url.rsplit("/", 1)[1]: hit for hit in search(db, {"q": "grid"}).page}

    assert [piece for piece, is_found in hits["title"].title if is_found] == ["grid"]
    assert "grid" in [piece for piece, is_found in hits["body"].excerpt if is_found]


@pytest.mark.parametrize(
    ("words", "marked"),
    [
        pytest.param("inferen*", ["Inferencing"], id="a beginning"),
        pytest.param('"cooling towers"', ["cooling towers"], id="a phrase"),
        pytest.param("CAFE inferences", ["Inference", "café"], id="accents and other forms"),
        pytest.param("grid tower -nowhere", ["grid", "grid", "towers"], id="not what is excluded"),
    ],
)
def test_what_is_marked_is_what_the_search_found(db, words, marked):
    (hit,) = search(db, {"q": words}).page

    assert [piece for piece, is_found in (*hit.title, *hit.excerpt) if is_found] == marked


def test_marks_are_found_as_the_index_finds_words(db):
    assert f"tokenize='{TOKENIZER}'" in db["articles_fts"].schema


class Listener:
    """Notes every statement that Datasette's connections run."""

    __name__ = "listener"  # Datasette takes plugins for modules

    def __init__(self):
        self.statements = []

    @hookimpl
    def prepare_connection(self, conn):
        conn.set_trace_callback(self.statements.append)


@pytest.mark.parametrize("asked", ["q=grid", "q=gri*", "entity=nvidia", "q=%E8%8B%B1%E4%BC%9F%E8%BE%BE"])
async def test_a_page_searches_once(path, asked):
    listener = Listener()
    pm.register(listener, "search listener")
    try:
        datasette = make_datasette(path)
        html = (await datasette.client.get(f"/news/search?{asked}")).text
    finally:
        pm.unregister(listener)
    datasette.get_database("news").close()

    assert '<li class="item">' in html
    assert len([text for text in listener.statements if "articles_fts MATCH" in text and "bm25(" in text]) == 1
    assert [text for text in listener.statements if "articles_fts MATCH" in text and "bm25(" not in text] == []


async def test_a_page_without_datasettes_rows_is_the_same(path):
    """Datasette 1.0 does not give a template the rows."""
    datasette = make_datasette(path)
    given = (await datasette.client.get("/news/search?q=grid")).text
    template = datasette.jinja_env.get_template("query-news-search.html")
    results_of = datasette.jinja_env.globals["results_of"]

    async def without_rows(rows, page):
        return await results_of(None, page)

    template.globals["results_of"] = without_rows

    assert (await datasette.client.get("/news/search?q=grid")).text == given


async def test_marks_are_made_after_escaping(path):
    html = (await make_datasette(path).client.get("/news/search?q=grid")).text

    assert "on the <mark>grid</mark> &lt;script&gt;alert(&#39;<mark>grid</mark>" in html
    assert "<script" not in html
    assert "style=" not in html
    assert html.count("<h1") == 1


async def test_json_and_csv_are_the_same_articles_without_marks(path):
    client = make_datasette(path).client
    rows = (await client.get("/news/search.json?q=oddities&_shape=array")).json()
    csv = await client.get("/news/search.csv?q=grid")

    assert [row["url"] for row in rows] == ["https://example.org/marks"]
    assert OPENED not in (await client.get("/news/search.json?q=grid&_shape=array")).text
    assert csv.text.startswith("id,dated_at,")
    assert len(csv.text.splitlines()) == 3


async def test_every_field_has_a_label_and_keeps_what_was_given(path):
    html = (await make_datasette(path).client.get(
        "/news/search?q=%22a+b%22&kind=company&source=lab&since=2026-01-01&until=2026-12-31&sort=newest&entity=nvidia"
    )).text  # fmt: skip

    for field in ("q", "kind", "source", "since", "until", "sort"):
        assert f'<label for="{field}">' in html
    assert 'value="&#34;a b&#34;"' in html
    assert html.count(" selected>") == 3
    assert 'type="hidden" name="entity" value="nvidia"' in html
    assert html.count("remove this filter") == 5


@pytest.mark.parametrize(
    ("given", "number"), [("2", 2), ("2x", 2), ("+2", 2), ("-1", 1), ("", 1), ("x", 1), ("9" * 99, 40)]
)
def test_a_page_has_the_number_that_its_articles_are_of(db, given, number):
    passed = db.execute(f"WITH RECURSIVE {sql.GIVEN_SQL.partition('RECURSIVE')[2].rpartition('SELECT')[0]}"
                        "SELECT passed FROM wanted", {**sql.SEARCH.examples, "page": given}).fetchone()[0]  # fmt: skip

    assert page(db, q="grid", page=given).number == number
    assert passed == (number - 1) * sql.PAGE_SIZE


def test_a_filter_can_be_taken_off(db):
    filtered = page(db, q="grid", kind="theme", since="2026-01-01")

    assert {one.words: one.without_url for one in filtered.filters} == {
        "names themes": "/news/search?q=grid&since=2026-01-01",
        "since 2026-01-01": "/news/search?q=grid&kind=theme",
    }


@pytest.mark.parametrize("words", ["nvidia", "Nvidia", "NVIDIA", '"nvidia"', " nvidia ", "英伟达"])
def test_a_name_is_offered_first(db, words):
    assert [entity.id for entity in names(db, words)] == ["nvidia"]


@pytest.mark.parametrize("words", ["", "nvidia chips", '"', "x" * 400])
def test_what_names_nothing_is_offered_nothing(db, words):
    assert names(db, words) == ()


def test_the_page_says_what_it_did(db):
    assert shown(db, q="grid").summary == "2 articles found."
    assert shown(db, q="grid", kind="theme").summary == "1 article found (2 without the filters)."
    assert shown(db, q="nowhere").summary == "No article fits."
    assert shown(db, q="-grid").summary == "Give a word that articles shall have."
    assert shown(db).summary == "Give words, or choose a filter."
    assert "'soon' is no day" in shown(db, q="grid", since="soon").notes[0]
    assert "Chinese" in shown(db, q="英伟达").notes[0]


def test_the_watch_command_is_one_that_works(db, path):
    command = page(db, q="cooling towers", entity="nvidia").watch

    words = shlex.split(command)
    assert words[:3] == ["aiwire", "watch", "add"]
    answer = CliRunner().invoke(cli, [*words[1:], "--db", str(path)])
    assert answer.exit_code == 0, answer.output
    assert "cooling" in answer.output


def test_no_watch_is_offered_where_it_would_not_fit_or_strangers_see_it(db):
    assert page(db, q="grid", public=True).watch == ""
    assert page(db, q='"cooling towers"').watch == ""
    assert page(db, q="grid", source="lab").watch == ""


SIGNS = st.sampled_from(["NEAR(", "AND", " OR ", "NOT", "*", "^", "title:", "{", "-", '"', "'", "\x00", " ", "\u3000",
                         "英", "grid", "gri*", OPENED, "\\", "%"])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(words=st.lists(SIGNS | st.text(max_size=4), max_size=8).map("".join), rest=st.text(max_size=5))
def test_nothing_that_is_typed_is_an_error(path, words, rest):
    db = Database(sqlite3.connect(f"file:{path}?mode=ro", uri=True))
    asked = {"q": words, "kind": rest, "since": rest, "until": rest, "page": rest, "sort": rest}
    asked = {name: value.encode("utf-8", "replace").decode() for name, value in asked.items()}

    around = page(db, **asked)
    found = results(db, None, around)

    db.close()
    assert len(found.hits) <= 6
    assert around.first_url == "" or around.first_url.startswith("/news/search")


BIG = "articles|mentions|article_entities|aliases"


@pytest.mark.parametrize(
    "asked", [{"q": "grid"}, {"q": "gri*"}, {"entity": "nvidia"}, {"kind": "theme"}, {"q": "英伟"}]
)
def test_big_tables_are_read_by_index_only(path, asked):
    conn = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    said = []
    conn.set_trace_callback(said.append)
    search(Database(conn), asked)
    names(Database(conn), "nvidia")
    conn.set_trace_callback(None)
    plans = [row[3] for text in said if text.lstrip().startswith(("SELECT", "WITH"))
             for row in conn.execute(f"EXPLAIN QUERY PLAN {text}")]  # fmt: skip
    conn.close()

    assert plans
    assert [step for step in plans if re.match(rf"SCAN ({BIG})\b(?!.*USING)", step)] == []
    assert [step for step in plans if step.startswith("SCAN articles_fts") and "INDEX 0:" in step
            and not step.endswith("M2")] == []  # fmt: skip
