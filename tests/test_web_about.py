"""The page about the data: figures from where they are stored, definitions with the numbers that the program uses."""

import re
from datetime import timedelta

import pytest
from lxml import html
from trend_rows import MONDAY, World, days, moment, source

from aiwire import __version__
from aiwire.types import Entity, iso
from aiwire.web.links import Links
from aiwire.web.pages import Ask
from aiwire.web.pages.about import load
from aiwire.web.server import make_datasette
from aiwire.web.site import Site
from db.connection import connect
from db.pages.about import contents, judged, judged_kinds, versions
from db.queries.about import ABOUT_THE_DATA
from db.store import sync_entities
from db.trends.signals import MIN_STORIES, RISE
from nlp.precision import ENOUGH, load_precision

NOW = moment(MONDAY + timedelta(days=20))
ENTITIES = (
    Entity("nvidia", "company", "NVIDIA <Corp>"),
    Entity("amd", "company", "AMD"),
    Entity("h100", "accelerator", "H100"),
    Entity("tco", "theme", "TCO"),
)


@pytest.fixture
def world(tmp_path):
    made = World([source("press"), source("vendor", owner="nvidia", publisher="press")], entities=ENTITIES,
                 path=str(tmp_path / "news.db"))  # fmt: skip
    sync_entities(made.db, ENTITIES, judged={"nvidia": (0.9, 20), "amd": (None, 2), "tco": (0.5, 8)})
    made.answer(*days(MONDAY, 20))
    made.add(MONDAY, "nvidia", number=3)
    made.add(MONDAY + timedelta(days=40), "tco", language="zh", number=2)
    made.add(MONDAY, tagged=False)
    made.roll_up()
    made.db.execute(
        "INSERT INTO source_state (source_id, error_count, ok_at, status) VALUES ('press', 0, ?, 'ok')", [iso(NOW)]
    )
    made.db.conn.commit()
    return made


def ask(*, public=False):
    links = Links("/", "https://news.example.org")
    return Ask("", {}, Site("https://news.example.org", public), links, NOW)


def test_the_size_is_that_of_the_tagged_articles(world):
    found = contents(world.db)

    assert (found.articles, found.languages) == (5, (("en", 3), ("zh", 2)))
    assert (found.first_month, found.last_month) == ("2026-01-01", "2026-02-01")
    assert (found.covered_since, found.last_answer) == (str(MONDAY), iso(NOW))
    assert (found.sources, found.publishers, found.owned) == (2, 1, 1)


def test_an_empty_database_is_told_of_without_an_error():
    found = load(connect(":memory:"), ask())

    assert (found.contents.articles, found.contents.covered_since, found.kinds, found.versions) == (0, None, (), ())
    assert "no source read yet" in found.citation


def test_every_pair_of_versions_is_found_once(world):
    world.db.execute("UPDATE articles SET tagger_version = '4' WHERE id = 2")
    world.db.execute("UPDATE articles SET taxonomy_version = 'u' WHERE id IN (2, 3)")

    assert [(one.tagger, one.taxonomy) for one in versions(world.db)] == [("3", "t"), ("3", "u"), ("4", "u")]


def test_names_with_few_judged_tags_have_no_precision_but_are_counted(world):
    company, theme = judged_kinds(world.db)

    assert [(one.id, one.tags, one.precision) for one in company.entities] == [("nvidia", 20, 0.9)]
    assert (company.kind, company.seldom, theme.kind, theme.seldom) == ("company", 1, "theme", 0)
    assert company.entities[0].lo == pytest.approx(0.699, abs=0.001)  # Wilson's interval of 18 in 20
    assert company.entities[0].hi == pytest.approx(0.972, abs=0.001)


def test_five_of_five_is_not_shown_as_certain():
    assert judged("x", "X", "company", 1.0, 5).lo < 0.6


def test_the_figures_of_kinds_are_those_that_are_shipped():
    shipped = load_precision(least=ENOUGH)

    found = {
        bar.judged.kind: (bar.judged.precision, bar.judged.tags) for bar in load(connect(":memory:"), ask()).overall
    }

    assert found == {kind: shipped[kind] for kind in ("company", "accelerator", "theme")}


def test_a_citation_says_what_made_the_figures_and_when(world):
    assert load(world.db, ask()).citation == (
        f"aiwire {__version__}, tagger 3 with lists t, sources read up to 2026-01-25,"
        " https://news.example.org/ (seen 2026-01-25)."
    )


def test_the_canned_query_reads_only_names_that_were_judged(world):
    plan = " ".join(row[3] for row in world.db.execute(f"EXPLAIN QUERY PLAN {ABOUT_THE_DATA.sql}"))

    assert "entities_judged" in plan
    assert "TEMP B-TREE" not in plan
    assert [row[1] for row in world.db.execute(ABOUT_THE_DATA.sql)] == ["NVIDIA <Corp>", "AMD", "TCO"]


async def test_the_page_has_definitions_figures_and_rights(world, tmp_path):
    answer = await make_datasette(tmp_path / "news.db").client.get("/news/about_the_data")
    tree = html.fromstring(answer.text)
    text = " ".join(tree.cssselect("main")[0].text_content().split())

    assert answer.status_code == 200
    assert [one.text for one in tree.cssselect("h1")] == ["About the data"]
    assert f"Too few if s + p is below {MIN_STORIES}" in text
    assert f"the momentum is at least {RISE}" in text
    assert "NVIDIA <Corp>" in text
    assert len(tree.cssselect("svg.precision[role=img][aria-label]")) == 5  # three kinds, two names
    assert re.search(r"aiwire correct", text)
    assert "style=" not in answer.text
    assert str(tmp_path) not in answer.text
    assert len(answer.content) < 100_000


async def test_csv_and_json_hold_what_the_page_shows(world, tmp_path):
    client = make_datasette(tmp_path / "news.db").client
    rows = (await client.get("/news/about_the_data.json?_shape=array")).json()

    assert rows[0] == {
        "kind": "company", "name": "NVIDIA <Corp>", "tag_precision": 0.9, "gold_tags": 20, "entity_id": "nvidia",
    }  # fmt: skip
    assert (await client.get("/news/about_the_data.csv")).text.count("\n") == 4


def test_a_public_copy_tells_its_rules_and_no_addresses(world):
    world.db.execute("INSERT INTO published VALUES (1, '2026-01-20T00:00:00Z', '0.1.0', 'excerpt', 200)")

    found = load(world.db, ask())

    assert found.is_public
    assert found.published.excerpt_chars == 200
