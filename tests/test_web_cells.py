"""How values stand in cells, and how queries and tables are listed."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from markupsafe import Markup, escape

from aiwire.web.catalog import query_groups, table_groups
from aiwire.web.cells import Cell, cell_class, cell_of, render_cell, shortened
from aiwire.web.links import Links
from db.pages.article_list import beginning

LINKS = Links("/")
REL = 'rel="noopener noreferrer nofollow"'


def shown(value, column, table="articles", **row):
    found = render_cell({column: value, **row}, value, column, table, LINKS)
    return None if found is None else str(found)


def test_a_named_key_is_a_chip_or_a_link():
    company = {"value": "nvidia", "label": "NVIDIA"}

    assert shown(company, "entity_id", "article_entities", kind="company") == (
        '<a class="chip chip--company" title="company" href="/news/entities/nvidia">NVIDIA</a>'
    )
    assert shown(company, "entity_id", "mentions") == '<a href="/news/entities/nvidia">NVIDIA</a>'
    assert shown({"value": "a", "label": "A & B"}, "source_id") == '<a href="/news/sources/a">A &amp; B</a>'
    assert shown({"value": 7, "label": "x"}, "watch") is None


def test_a_title_leads_to_the_article_also_in_the_result_of_a_query():
    assert shown("Moss", "title", id=7) == '<a href="/news/articles/7">Moss</a>'
    assert shown("Moss", "title", None, id=7, url="https://x.org/") == '<a href="/news/articles/7">Moss</a>'
    assert shown("Moss", "title", None, id=7) is None
    assert shown("Moss", "title", None, url="https://x.org/") is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://www.x.org/?b&c", f'<a href="http://www.x.org/?b&amp;c" {REL}>x.org/?b&amp;c</a>'),
        ("javascript:alert(1)", None),
        ("https://", "https://"),
        ("https:// evil", "https:// evil"),
    ],
)  # fmt: skip
def test_an_address_is_a_link_only_if_a_browser_may_be_sent_there(url, expected):
    assert shown(url, "url") == expected


def test_the_words_a_sentence_is_quoted_for_are_marked():
    sentence = "An H100 <b>and</b> two H100 NVL"

    assert shown(sentence, "evidence", "article_entities", surfaces=json.dumps(["H100", "H100 NVL"])) == (
        "An <mark>H100</mark> &lt;b&gt;and&lt;/b&gt; two <mark>H100 NVL</mark>"
    )
    assert shown("It costs $2.", "sentence", "prices", quote="$2") == "It costs <mark>$2</mark>."


@pytest.mark.parametrize(
    ("value", "column", "expected"),
    [
        (0.0423, "share_stories", "4.23%"),
        (1234567, "mentions", "1,234,567"),
        (1.5, "lift", "1.5"),
        (0.0, "momentum", "0"),
        (2.98754321, "usd", "2.9875"),
        (12, "mentions", None),
        (2026, "year", None),
        ("2026-11-23T06:05Z", "at", '<time datetime="2026-11-23T06:05Z">2026-11-23 06:05</time>'),
        ("2026-11-23", "week", '<time>2026-11-23</time>'),
        ("too_few", "signal", '<span class="signal signal--too_few">too few to tell</span>'),
        ("odd<", "signal", None),
        (None, "share_stories", None),
        ("", "url", None),
        (b"\x00", "url", None),
    ],
)  # fmt: skip
def test_values_are_written_as_people_read_them(value, column, expected):
    assert shown(value, column, "entity_signals") == expected


COLUMNS = st.sampled_from(
    ["title", "name", "url", "evidence", "sentence", "surfaces", "entity_id", "accelerator", "source_id", "signal",
     "share_stories", "dated_at", "text", "article_id", "story_id", "id"]
)  # fmt: skip
HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=a()>', "javascript:a()", "https://x/\"onclick='",
                     '["<b>", "&"]', "[[[[", '["a', "{}", "2026-11-23T06:05<i>"]),
    st.integers(), st.floats(), st.none(), st.binary(),
    st.builds(lambda v, t: {"value": v, "label": t}, st.text(min_size=1), st.text(min_size=1)),
)  # fmt: skip


@given(value=HOSTILE, other=HOSTILE, column=COLUMNS, table=st.sampled_from(["articles", "entities", "prices", None]))
def test_no_value_makes_elements_of_its_own(value, other, column, table):
    row = {
        "id": 7,
        "kind": other,
        "surfaces": other,
        "quote": other,
        "url": "https://x.org/",
        "title": "t",
        column: value,
    }
    found = render_cell(row, value, column, table, LINKS)

    assert found is None or isinstance(found, Markup)
    if found:
        cell = html.document_fromstring(f"<div>{found}</div>".replace("\x00", "")).find("body/div")
        assert {element.tag for element in cell.iter()} <= {"div", "a", "span", "time", "mark"}
        assert {name for element in cell.iter() for name in element.attrib} <= {
            "href", "rel", "class", "title", "datetime"
        }  # fmt: skip
        assert all(href.startswith(("/news/", "http://", "https://", "HTTP")) for href in cell.xpath(".//a/@href"))


@given(st.text())
def test_a_sentence_keeps_its_words_whatever_is_marked(text):
    found = shown(text, "evidence", "article_entities", surfaces=json.dumps([text[:3], text[-2:], "a"]))

    assert text == "" or Markup(found).unescape().replace("<mark>", "").replace("</mark>", "") == text.replace(
        "<mark>", ""
    ).replace("</mark>", "")


@pytest.mark.parametrize("length", [1, 279, 280])
def test_the_beginning_of_a_short_text_is_all_of_it(length):
    assert beginning("x" * length) == "x" * length


def test_the_beginning_of_a_long_text_ends_between_two_words():
    text = "one two\nthree " * 40
    found = beginning(text[:281])

    assert found.endswith(" …")
    assert text.replace("\n", " ").startswith(found.removesuffix(" …"))
    assert len(found) <= 282
    assert beginning("界" * 281) == "界" * 281 + " …"


def test_cells_get_the_width_that_they_need():
    assert cell_class("stories", 3) == "num"
    assert cell_class("article_id", 3) == ""
    assert cell_class("text", "x" * 90) == "long"
    assert cell_class("text", "x" * 40) == "brief"
    assert cell_class("text", None) == ""


@pytest.mark.parametrize(
    ("value", "column", "expected"),
    [
        ("nvidia", "entity_id", '<a href="/m/news/entities/nvidia">nvidia</a>'),
        ("<b>", "odd", "&lt;b&gt;"),
        (7, "odd", "7"),
    ],
)
def test_a_cell_is_made_when_it_is_written(value, column, expected):
    cell = cell_of({column: value}, value, column, "mentions", "/m/")

    assert escape(cell) == str(cell) == escape(shortened(cell)) == expected
    assert cell_class(column, cell) == cell_class(column, value)


def test_a_cell_that_nobody_writes_costs_no_look_at_its_row():
    assert isinstance(cell_of(None, "a sentence", "evidence", None, "/"), Cell)
    assert [cell_of(None, value, "evidence", None, "/") for value in (None, "", b"\x00")] == [None] * 3


def test_a_long_text_in_a_cell_is_cut_for_a_table():
    cell = cell_of({}, "<i> " * 100, "text", "articles", "/")

    assert str(escape(shortened(cell))).endswith(" …")
    assert len(str(escape(cell))) == len("&lt;i&gt; ") * 100


def test_only_plain_texts_are_cut():
    long = "word " * 100

    assert len(shortened(long)) <= 202
    assert shortened(long).endswith(" …")
    assert shortened(Markup(long)) == long
    assert shortened(7) == 7


QUERY = {
    "name": "trend",
    "title": "Trend",
    "description": "Shares per period; those without any included. More words. kind: company or theme.",
}


@dataclass
class Thing:
    """A table or query as Datasette 1.0 gives it."""

    name: str
    title: str | None = None
    description: str | None = None
    hidden: bool = False
    count: int | None = None


def test_the_next_datasettes_tables_and_queries_are_listed_as_well():
    (queries,) = query_groups([Thing("trend", "Trend", "One. Two.")])
    (tables,) = table_groups([Thing("articles", count=3), Thing("lanes", hidden=True)], [], {}, False)

    assert [(one.name, one.title, one.text) for one in queries.items] == [("trend", "Trend", "One.")]
    assert [(one.name, one.count) for one in tables.items] == [("articles", 3)]


def test_queries_and_tables_that_nobody_knows_are_listed_all_the_same():
    groups = query_groups([QUERY, {"name": "odd", "description": None}])
    tables = table_groups(
        [{"name": "articles", "count": 3}, {"name": "odd", "columns": ["a", "b"]}, {"name": "h", "hidden": True}],
        [{"name": "a_view"}], {}, False,
    )  # fmt: skip

    assert [(group.title, [item.name for item in group.items]) for group in groups] == [
        ("Trends", ["trend"]), ("Other queries", ["odd"]),
    ]  # fmt: skip
    assert groups[0].items[0].text == "Shares per period; those without any included."
    assert [(group.title, [item.name for item in group.items]) for group in tables] == [
        ("News", ["articles"]), ("Other tables", ["odd", "a_view"]),
    ]  # fmt: skip
    assert table_groups([{"name": "odd"}], [], {}, False)[0].title == ""
