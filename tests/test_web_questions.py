"""The page of a query: its form, its rows, and what it says where there are none."""

import pytest
from lxml import html
from site_pages import make_demo

from aiwire.web.metadata import query_help
from aiwire.web.questions import answer, query_fields, sql_lines
from aiwire.web.server import make_datasette


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return make_demo(tmp_path_factory.mktemp("questions"))


@pytest.fixture
async def get(demo):
    datasette = make_datasette(demo)

    async def ask(path, **options):
        return await datasette.client.get(path.removeprefix("http://localhost"), **options)

    yield ask
    datasette.get_database("news").close()


def parsed(response):
    return html.document_fromstring(response.text)


def fields_of(name, **values):
    return {field.name: field for field in query_fields(values, query_help(name))}


def chosen(field):
    return [(option.value, option.label) for option in field.options if option.is_chosen]


# ---- the form ----


def test_what_a_parameter_takes_stands_beside_its_field():
    fields = fields_of("trend", entity_id="x", grain="", own="")

    assert "day, week" in fields["grain"].hint
    assert (fields["entity_id"].value, fields["entity_id"].listed_in) == ("x", "entities")
    assert fields["entity_id"].example
    assert (fields["own"].hint, fields["own"].example, fields["own"].listed_in) == ("", "", "")
    assert [field.label for field in query_fields({"entity_id": ""}, None)] == ["Entity"]


def test_a_choice_that_is_not_made_shows_what_holds_then():
    assert chosen(fields_of("trend", grain="")["grain"]) == [("week", "week")]
    assert chosen(fields_of("trend", grain="month")["grain"]) == [("month", "month")]
    assert chosen(fields_of("trend", grain="decade")["grain"]) == [("decade", "decade")]
    assert chosen(fields_of("compare_weeks", kind="")["kind"]) == [("", "(all)")]
    assert chosen(fields_of("compare_weeks", kind="theme")["kind"]) == [("theme", "theme")]


def test_a_parameter_of_old_links_gives_way_to_the_one_it_stands_for():
    old = fields_of("evidence", entity_id="x", period="", week="2026-11-09")
    both = fields_of("evidence", entity_id="x", period="2026-11-16", week="2026-11-09")

    assert ("week" in old, old["period"].value) == (False, "2026-11-09")
    assert ("week" in both, both["period"].value) == (False, "2026-11-16")


def test_only_what_has_no_meaning_when_empty_is_missing():
    fields = fields_of("co_mentions", entity_id="", period="")

    assert (fields["entity_id"].is_missing, fields["period"].is_missing) == (True, False)
    assert not fields_of("co_mentions", entity_id="x", period="")["entity_id"].is_missing
    assert not query_fields({"own": ""}, None)[0].is_missing


def test_the_field_for_sql_is_as_high_as_the_sql_within_bounds():
    assert [sql_lines(sql) for sql in (None, "select 1", "\n" * 9, "\n" * 99)] == [6, 6, 11, 24]


async def test_a_query_asks_with_labels_hints_and_an_example(get):
    page = parsed(await get("/news/trend?grain=month"))

    assert page.xpath("//label[@for='p-entity_id']/text()") == ["Entity"]
    assert page.xpath("//select[@name='grain']/option[@selected]/text()") == ["month"]
    assert page.xpath("//p[@id='h-grain']")
    example = page.xpath("//a[text()='Try an example']/@href")[0]
    assert parsed(await get(example)).xpath("//tbody/tr")


async def test_a_query_for_an_unknown_id_says_so_and_where_ids_are(get):
    told = parsed(await get("/news/trend?entity_id=no-such-entity")).xpath("//p[@class='nothing']")

    assert [one.xpath("./a/@href") for one in told] == [["/news/entities"]]
    assert "there is no “no-such-entity”" in told[0].text_content()


@pytest.mark.parametrize("path", ["/news/trend", "/news/evidence?entity_id=", "/news/co_mentions?period=2026-11-16"])
async def test_a_query_without_what_it_needs_asks_for_it(get, path):
    told = parsed(await get(path)).xpath("//p[@class='nothing']")

    assert [one.text_content().split(":")[0] for one in told] == ["Fill in Entity"]
    assert told[0].xpath("./a/@href") == ["/news/entities"]


async def test_a_count_of_zero_is_told_as_one(get):
    (told,) = parsed(await get("/news/evidence?entity_id=nvidia&period=1999-01-04")).xpath("//p[@class='nothing']")

    assert told.text_content() == "0 articles: the count is zero."


async def test_columns_are_called_by_words_and_small_print_is_left_out_of_cards(get):
    page = parsed(await get("/news/latest"))
    heads = {head.text_content(): head.get("class") or "" for head in page.xpath("//thead//th")}

    assert {"Date", "Title", "Source", "Tags", "Original"} <= set(heads)
    assert {word for word, css in heads.items() if "minor" in css} == {"id", "Dated by", "Date as stated"}
    assert set(page.xpath("//tbody/tr[1]/td/@data-label")) <= set(heads)


# ---- the rows ----


def test_numbers_stand_right_empty_cells_empty_and_big_tables_have_no_labels():
    small = answer(["name", "id", "count"], [("a", 1, 2), (None, 2, 0)], [("a", 1, 2), (None, 2, 0)], in_words=True)
    big = answer(["a"] * 11, [range(11)] * 150, [range(11)] * 150)

    assert [(column.label, column.css) for column in small.columns] == [("Name", ""), ("id", "minor"), ("Count", "num")]
    assert [cell.is_empty for cell in small.rows[1]] == [True, False, False]
    assert (small.is_stacked, small.rows[0][0].label) == (True, "Name")
    assert (big.is_stacked, big.rows[0][1].label, len(big.rows), big.left_out) == (False, "", 100, 50)
    assert answer(["a"], [(1,)] * 150, [(1,)] * 150, whole=True).left_out == 0


async def test_a_long_answer_shows_its_beginning_and_all_where_asked(get):
    there = len((await get("/news/energy.json?_shape=array")).json())
    page = parsed(await get("/news/energy"))
    whole = parsed(await get(page.xpath("//a[starts-with(text(), 'Show all')]/@href")[0]))

    assert there > 100
    assert len(page.xpath("//tbody/tr")) == 100
    assert f"{there} rows" in page.xpath("string(//h2[@class='row-count'])")
    assert len(whole.xpath("//tbody/tr")) == there


async def test_sql_of_ones_own_is_offered_only_where_it_is_allowed(demo):
    open_page = parsed(await make_datasette(demo).client.get("/news"))
    closed = make_datasette(demo)
    closed._settings["default_allow_sql"] = False
    closed_page = parsed(await closed.client.get("/news"))

    assert open_page.xpath("//textarea[@name='sql']")
    assert not closed_page.xpath("//textarea")


async def test_sql_of_ones_own_keeps_what_was_typed(get):
    sql = "select '<b>&amp;' as \"<th>\" where :x <> 'y'"
    page = parsed(await get("/news", params={"sql": sql, "x": "<i>"}))

    assert page.xpath("//textarea[@name='sql']")[0].text_content() == sql
    assert page.xpath("//input[@name='x']/@value") == ["<i>"]
    assert page.xpath("//tbody//td/text()") == ["<b>&amp;"]
    assert page.xpath("//thead//th/text()") == ["<th>"]
