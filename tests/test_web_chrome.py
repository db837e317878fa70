"""What stands around and between the pages: the frame, the style sheet, Datasette's own pages in our templates."""

import re
import shutil
import sqlite3
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from datasette.app import Datasette
from lxml import html
from site_pages import make_demo, running_parts

from aiwire.paths import package_file
from aiwire.web.links import Links
from aiwire.web.server import make_datasette

OWN_PAGES = (
    "/news",
    "/news?_show_hidden=1",
    "/news?sql=select+id,+title,+url+from+articles+limit+3",
    "/news/articles",
    "/news/articles?_layout=table",
    "/news/articles?_col=title",
    "/news/article_entities?_size=5",
    "/news/accelerators",
    "/news/entities?kind=company",
    "/news/price_history",
    "/news/runs",
    "/news/runs/1",
    "/news/accelerators/nvidia-h100-sxm5-80gb",
    "/news/latest",
    "/news/trend?entity_id=nvidia",
    "/news/energy",
)
MOST_BYTES = 150_000
MOST_STYLE_BYTES = 30_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return make_demo(tmp_path_factory.mktemp("chrome"))


@pytest.fixture
async def get(demo):
    datasette = make_datasette(demo)

    async def answer(path, **options):
        return await datasette.client.get(path.removeprefix("http://localhost"), **options)

    yield answer
    datasette.get_database("news").close()


def parsed(response):
    return html.document_fromstring(response.text)


def style():
    return package_file("web", "static", "site.css").read_text(encoding="utf-8")


# ---- the style sheet ----


def tokens(block):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def themes():
    light = tokens(style().split("@media (prefers-color-scheme: dark)")[0])
    dark = tokens(style().split("@media (prefers-color-scheme: dark)")[1].split("/* ---- ground")[0])
    paper = tokens(style().split("@media print")[1])
    return {"light": light, "dark": light | dark, "paper": light | paper}


def luminance(colour):
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    """Contrast ratio of WCAG 2.2."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


KINDS = ("company", "accelerator", "theme", "model", "regulation")
GROUNDS = ("bg", "surface", "sunken")


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
def test_text_stands_out_from_each_ground_it_is_written_on(theme):
    colours = themes()[theme]
    pairs = [
        (text, ground) for text in ("text", "muted", "link", "accent", "good", "bad", "warn") for ground in GROUNDS
    ]
    pairs += [(kind, f"{kind}-bg") for kind in KINDS]
    pairs += [("text", ground) for ground in ("info-bg", "warn-bg", "bad-bg", "good-bg", "company-bg")]
    pairs += [("link", ground) for ground in ("info-bg", "warn-bg", "bad-bg")]
    pairs += [("surface", "link"), ("visited", "bg"), ("visited", "surface")]  # a button; a title that was read
    weak = {pair: round(contrast(*(colours[name] for name in pair)), 2) for pair in pairs}

    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
def test_lines_of_charts_edges_of_fields_and_the_focus_can_be_seen(theme):
    colours = themes()[theme]
    names = ("edge", "focus", *(f"series-{i}" for i in range(1, 6)))
    weak = {(n, g): round(contrast(colours[n], colours[g]), 2) for n in names for g in ("bg", "surface")}

    assert {pair: ratio for pair, ratio in weak.items() if ratio < 3} == {}


def test_the_style_sheet_is_small_and_asks_for_nothing_from_elsewhere():
    assert len(style().encode()) < MOST_STYLE_BYTES
    assert "url(" not in style()
    assert "@import" not in style()


def test_the_style_sheet_knows_paper_quiet_and_the_keyboard():
    for said in ("@media print", "prefers-reduced-motion", ":focus-visible", "prefers-color-scheme: dark"):
        assert said in style()


def test_every_colour_that_a_rule_uses_is_declared():
    declared = set(re.findall(r"(--[\w-]+):", style()))

    assert set(re.findall(r"var\((--[\w-]+)", style())) <= declared


def test_a_changed_file_has_another_address():
    address = Links("/mount/").asset("site.css")

    assert re.fullmatch(r"/mount/-/static-plugins/aiwire/site\.css\?v=[0-9a-f]{12}", address)
    with pytest.raises(OSError, match="nosuch"):
        Links().asset("nosuch.css")


async def test_the_style_sheet_is_served_where_it_is_linked(get):
    page = parsed(await get("/news"))
    addresses = page.xpath("//link[@rel='stylesheet']/@href")
    answer = await get(addresses[0])

    assert [urlsplit(address).path.rpartition("/")[2] for address in addresses] == ["site.css"]
    assert answer.text == style()
    assert answer.headers["content-type"].startswith("text/css")


# ---- the frame ----


@pytest.mark.parametrize("path", [*OWN_PAGES, "/nowhere", "/news/articles/1", "/news?sql=delete+from+articles"])
async def test_every_page_has_its_landmarks_one_heading_and_labels(get, path):
    page = parsed(await get(path))

    assert page.get("lang") == "en"
    assert len(page.xpath("//h1")) == len(page.xpath("//main[@id='main']")) == len(page.xpath("//header")) == 1
    assert page.xpath("//nav[@aria-label='Site']")
    assert page.xpath("//footer")
    assert page.xpath("//a[@class='skip'][@href='#main']")
    levels = [int(heading.tag[1]) for heading in page.xpath("//h1 | //h2 | //h3 | //h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    labelled = set(page.xpath("//label/@for"))
    bare = [
        field.get("name")
        for field in page.xpath("//input[not(@type='hidden')] | //select | //textarea")
        if field.get("id") not in labelled and field.getparent().tag != "label"
    ]
    assert bare == []


@pytest.mark.parametrize("path", [*OWN_PAGES, "/nowhere", "/-/versions"])
async def test_no_page_runs_or_styles_anything_by_itself(get, path):
    assert running_parts((await get(path)).text) == []


@pytest.mark.parametrize("path", OWN_PAGES)
async def test_every_page_is_light(get, path):
    answer = await get(path)

    assert answer.status_code == 200
    assert len(answer.content) + len(style().encode()) < MOST_BYTES


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/news/articles", "News"),
        ("/news/entities?kind=company", "Companies"),
        ("/news/entities?kind=theme&_size=3", "Themes"),
        ("/news/entities", None),
        ("/news/latest", None),
    ],
)
async def test_the_navigation_marks_where_one_is(get, path, label):
    marked = parsed(await get(path)).xpath("//nav[@aria-label='Site']//a[@aria-current='page']/text()")

    assert marked == ([label] if label else [])


# ---- errors ----


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/nowhere", 404, "Nothing here"),
        ("/news/no_such_table", 404, "Nothing here"),
        ("/news/articles/1", 404, "Nothing here"),
        ("/news/articles?_size=many", 400, "This cannot be answered"),
        ("/news.db", 403, "Not open to readers"),
    ],
)
async def test_an_error_is_told_in_words_and_with_a_way_back(get, path, status, said):
    answer = await get(path)
    page = parsed(answer)

    assert answer.status_code == status
    assert page.findtext(".//h1").strip() == said
    assert page.xpath("//main//a[@href='/']")


async def test_what_went_wrong_inside_is_not_told_to_strangers(demo, monkeypatch):
    from datasette.views.table import TableView

    async def broken(*args, **options):
        raise RuntimeError("a secret of /home/somebody")

    monkeypatch.setattr(TableView, "data", broken)
    answer = await make_datasette(demo).client.get("/news/articles")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "Something went wrong" in answer.text


async def test_a_query_that_takes_too_long_is_told_without_datasettes_script(demo):
    datasette = make_datasette(demo)
    datasette._settings["sql_time_limit_ms"] = 20
    slow = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    answer = await datasette.client.get("/news", params={"sql": slow})

    assert answer.status_code == 400
    assert "time limit" in answer.text
    assert running_parts(answer.text) == []


# ---- tables ----


async def test_a_filter_is_put_by_the_form_and_shown_in_it(get):
    fields = {"_filter_column": "kind", "_filter_op": "exact", "_filter_value": "theme", "_sort": "name", "_size": "3"}
    moved = await get("/news/entities", params=fields)
    page = parsed(await get(moved.headers["location"]))

    assert moved.status_code == 302
    assert parse_qs(urlsplit(moved.headers["location"]).query)["kind__exact"] == ["theme"]
    assert page.xpath("//select[@name='_filter_column_1']/option[@selected]/text()") == ["kind"]
    assert page.xpath("//input[@name='_filter_value_1']/@value") == ["theme"]
    assert page.xpath("//input[@type='hidden'][@name='_size']/@value") == ["3"]
    assert "(1 condition)" in page.xpath("string(//form[@class='filters']//summary)")
    assert len(page.xpath("//tbody/tr")) == 3


async def test_headers_sort_both_ways_and_say_so(get):
    def header(page):
        return next(cell for cell in page.xpath("//thead//th") if cell.text_content().strip() == "name")

    up = header(parsed(await get("/news/entities?_sort=name&_size=3")))
    down = header(parsed(await get(up.xpath("./a/@href")[0])))

    assert up.get("aria-sort") == "ascending"
    assert down.get("aria-sort") == "descending"
    assert "_size=3" in down.xpath("./a/@href")[0]


async def test_the_next_page_goes_on_where_this_one_ends(get):
    seen, path = [], "/news/entities?_size=4&kind=theme"
    for _ in range(3):
        page = parsed(await get(path))
        seen += page.xpath("//tbody/tr/td[1]/a/text()")
        path = page.xpath("//a[@rel='next']/@href")[0]

    assert len(seen) == len(set(seen)) == 12


async def test_facets_count_and_can_be_taken_back(get):
    page = parsed(await get("/news/entities?_facet=kind&_size=1"))
    link = page.xpath("//div[@aria-label='Narrow down']//a[text()='theme']/@href")[0]
    count = page.xpath("//li[.//a[text()='theme']]/span[@class='count']/text()")[0]
    narrowed = parsed(await get(link))

    assert f"{count} rows" in narrowed.xpath("string(//h2[@class='row-count'])")
    assert narrowed.xpath("//div[@aria-label='Narrow down']//strong[text()='theme']")


async def test_tables_can_be_scrolled_by_keyboard_and_have_a_name(get):
    page = parsed(await get("/news/runs"))
    region = page.xpath("//div[@class='table-wrap']")[0]

    assert (region.get("tabindex"), region.get("role"), region.get("aria-label")) == ("0", "region", "Runs")
    assert page.xpath("//table/caption/text()") == ["Runs"]
    assert set(page.xpath("//thead//th/@scope")) == {"col"}


async def test_the_articles_are_a_feed_with_what_each_is_about(get):
    page = parsed(await get("/news/articles?_facet=language"))
    items = page.xpath("//ol[@class='feed']/li")

    assert len(items) == len((await get("/news/articles.json?_shape=array")).json())
    assert all(re.fullmatch(r"/news/articles/\d+", item.xpath(".//h3/a/@href")[0]) for item in items)
    assert all(item.xpath(".//time/@datetime") for item in items)
    assert page.xpath("//li[@class='item']//a[@class='chip chip--company']")
    assert page.xpath("//div[@aria-label='Narrow down']")
    assert page.xpath("//a[text()='CSV']")


async def test_the_articles_are_counted_where_asked_for_and_searched_on_the_search_page(get):
    page = parsed(await get("/news/articles?_search=chip"))
    by = page.xpath("//main//p[starts-with(., 'Narrow down')]/a")
    counted = parsed(await get(by[0].get("href")))

    assert not page.xpath("//div[@aria-label='Narrow down'] | //input[@name='_search']")
    assert page.xpath("//main//a/@href[contains(., '/news/search')]") == ["/news/search?q=chip"]
    assert [link.text for link in by] == ["source", "language"]
    assert counted.xpath("//div[@aria-label='Narrow down']//h2[contains(., 'Source')]")


async def test_the_articles_are_a_table_for_whom_wants_one(get):
    page = parsed(await get("/news/articles"))
    table = parsed(await get(page.xpath("//a[text()='As a table']/@href")[0]))

    assert not table.xpath("//ol[@class='feed']")
    assert len(table.xpath("//tbody/tr")) == len(page.xpath("//ol[@class='feed']/li"))
    assert parsed(await get(table.xpath("//a[text()='As a list']/@href")[0])).xpath("//ol[@class='feed']")


# ---- the database and its queries ----


async def test_the_database_lists_each_table_and_query_once(get):
    page = parsed(await get("/news"))
    listed = page.xpath("//ul[@class='listing']/li/a/@href")
    data = (await get("/news.json")).json()
    there = {f"/news/{one['name']}" for one in data["tables"] if not one["hidden"]}

    assert len(listed) == len(set(listed))
    assert there <= set(listed)
    assert {f"/news/{query['name']}" for query in data["queries"]} <= set(listed)


async def test_a_column_without_values_has_no_heading_of_a_facet(get):
    rows = (await get("/news/sources.json?_shape=array")).json()
    page = parsed(await get("/news/sources?_facet=category&_facet=kind"))
    headings = [heading.text.strip() for heading in page.xpath("//div[@class='facet']/h2")]

    assert ("Category" in headings) == any(row["category"] for row in rows)
    assert not page.xpath("//div[@class='facet'][not(.//li)]")
    assert "Kind" in headings


# ---- a database that is not ours ----


@pytest.fixture
async def foreign(tmp_path):
    path = tmp_path / "plants.db"
    with sqlite3.connect(path) as db:
        db.executescript("""
            CREATE TABLE kinds (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE "we<i>rd ones" (a TEXT, b TEXT, kind REFERENCES kinds(id), photo BLOB, url TEXT,
                PRIMARY KEY (a, b));
            CREATE TABLE articles (title TEXT, entity_id TEXT, signal TEXT);
            CREATE VIEW tall AS SELECT name FROM kinds;
            CREATE VIRTUAL TABLE notes USING fts5(words);
            INSERT INTO kinds VALUES (1, 'tree <script>');
            INSERT INTO "we<i>rd ones" VALUES ('x/1', '<b>', 1, x'00ff', 'javascript:alert(1)');
            INSERT INTO articles VALUES ('moss', 'nvidia', 'rising');
            INSERT INTO notes VALUES ('green');
        """)
    db.close()
    shutil.copy(path, tmp_path / "news.db")  # under our name, but none of ours
    datasette = Datasette([str(path), str(tmp_path / "news.db")])
    yield datasette
    for name in ("plants", "news"):
        datasette.get_database(name).close()


@pytest.mark.parametrize("name", ["plants", "news"])
async def test_a_database_that_is_not_ours_is_shown_as_well(foreign, name):
    weird = foreign.urls.table(name, "we<i>rd ones")
    await foreign.invoke_startup()
    paths = (
        f"/{name}", f"/{name}/kinds", f"/{name}/kinds/1", weird, f"/{name}/tall", f"/{name}/articles",
        f"/{name}/notes?_search=green", f"/{name}?sql=select+1", f"{weird}?_facet=a&_sort=b",
    )  # fmt: skip
    answers = {path: await foreign.client.get(path) for path in paths}
    row = parsed(answers[weird]).xpath("//tbody//a/@href")[0]
    answers[row] = await foreign.client.get(row)

    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code != 200} == {}
    assert {path: found for path, answer in answers.items() if (found := running_parts(answer.text))} == {}


async def test_nothing_of_ours_is_offered_where_our_database_is_not(foreign):
    page = parsed(await foreign.client.get("/plants/articles"))

    assert page.xpath("//nav[@aria-label='Site']//a/text()") == ["Home", "plants", "news"]
    assert not page.xpath("//form[@role='search']")
    assert not page.xpath("//*[contains(@class, 'signal')]")
    assert page.xpath("//tbody//td/text()")[-3:] == ["moss", "nvidia", "rising"]
    assert (await foreign.client.get("/nowhere")).status_code == 404


async def test_a_stranger_under_our_name_stays_as_datasette_made_it(foreign, tmp_path):
    shutil.copy(tmp_path / "news.db", tmp_path / "zoo.db")
    datasette = Datasette([str(tmp_path / "news.db"), str(tmp_path / "zoo.db")])
    plain = datasette.get_database("news")
    await datasette.invoke_startup()

    assert datasette.get_database("news") is plain
    plain.close()


async def test_our_database_keeps_its_place_among_others(demo, tmp_path):
    sqlite3.connect(tmp_path / "zoo.db").close()
    datasette = Datasette([str(demo), str(tmp_path / "zoo.db")])
    before = list(datasette.databases)
    await datasette.invoke_startup()

    assert list(datasette.databases) == before
    datasette.get_database("news").close()
