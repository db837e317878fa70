"""datasette_metadata.json against a freshly migrated database, in both directions, through Datasette itself."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from datasette.app import Datasette
from datasette.database import Database as DatasetteDatabase

from aiwire.types import (
    ArticleUpdate,
    Entity,
    FetchResult,
    Mention,
    Price,
    Request,
    Response,
    Sketch,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from aiwire.web.metadata import all_queries, metadata, query_help
from aiwire.web.server import DATASETTE_SETTINGS
from db.connection import connect
from db.reference import load_reference
from db.store import save_source, start_run, sync_entities, sync_sources

PROJECT = Path(__file__).resolve().parents[1]
METADATA = json.loads((PROJECT / "datasette_metadata.json").read_text(encoding="utf-8"))
QUERIES = {query.name: query for query in all_queries()}
NEWS = METADATA["databases"]["news"]
TABLES = {name: table for name, table in NEWS["tables"].items() if "columns" in table}
SHOWN = [name for name, table in TABLES.items() if not table.get("hidden")]
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A database with a few rows in every table that pages show."""
    path = tmp_path_factory.mktemp("site") / "any.db"
    db = connect(path)
    load_reference(db)
    sync_sources(db, [Source("press", "Press", "feed", "https://press.example/", "press")])
    sync_entities(
        db,
        [
            Entity("nvidia", "company", "NVIDIA"),
            Entity("nvidia-h100", "accelerator", "H100", parent="nvidia"),
            Entity("edge", "theme", "Edge"),
        ],
    )
    db.execute("UPDATE entities SET gold_tags = 20, tag_precision = 0.9 WHERE id = 'nvidia'")
    start_run(db, "run", now=NOW)
    mention = Mention("text", 0, 6, "NVIDIA", 0, 20, "any", 0.9)
    tags = tuple(
        Tag(kind, name, name, (name,), 1, True, "subject", True, 0.5, 0.9, HOSTILE, (mention,))
        for name, kind in (("nvidia", "company"), ("nvidia-h100", "accelerator"), ("edge", "theme"))
    )
    price = Price("$2", 2.0, None, "USD", "gpu-hour", None, "nvidia-h100", "It is $2.", "text", 0, 2)
    text = "NVIDIA data centre. " + " ".join(f"It has {n} racks and {n * n} fans." for n in range(40))
    sketch = Sketch(words=300, bands=(1,))
    tagging = Tagging(tags, (price,), tagger_version="1", taxonomy_version="t", sketch=sketch)
    copies = [
        ArticleUpdate(
            f"https://example.org/{name}", None, f"Title {HOSTILE}", None, NOW, NOW, "published", "en", text, name,
            False, tagging,
        )
        for name in "ab"
    ]  # fmt: skip
    url = "https://press.example/"
    fetch = FetchResult(Request(url, "press", "feed"), Response(url, url, 200, {}, b""), 1, 1)
    state = SourceState("press", status="failing", error=HOSTILE)
    save_source(db, SourceUpdate(state, fetch, tuple(copies)), run_id=1, now=NOW)
    db.close()
    return path


@pytest.fixture
def datasette(path):
    site = Datasette([], settings=DATASETTE_SETTINGS | {"num_sql_threads": 1})
    site.add_database(DatasetteDatabase(site, path=str(path), is_mutable=True), name="news")
    return site


@pytest.fixture(scope="module")
def schema(path):
    """Table -> its columns, of all tables but the full-text index and the list of migrations."""
    db = connect(path)
    found = {
        name: [row[1] for row in db.execute(f'PRAGMA table_xinfo("{name}")')]
        for name in (*db.table_names(), *db.view_names())
        if not name.startswith("articles_fts") and name != "_sqlite_migrations"
    }
    db.close()
    return found


def test_every_table_and_every_column_is_described_and_nothing_else(schema):
    assert {name: list(table["columns"]) for name, table in TABLES.items()} == schema


@pytest.mark.parametrize("part", [METADATA, NEWS], ids=["site", "database"])
def test_the_site_says_what_it_is(part):
    assert all(part[key] for key in ("title", "description", "license", "source", "about"))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_says_what_it_is_whose_and_from_where(name):
    table = TABLES[name]

    assert all(table[key] for key in ("title", "description", "license", "source", "size"))
    assert all(len(description) >= 3 for description in table["columns"].values())
    # what Datasette 0.65 and 1.0 both know: units are gone, and rights are the reader's own to give
    known = {
        "title",
        "description",
        "license",
        "license_url",
        "source",
        "source_url",
        "columns",
        "facets",
        "facet_size",
        "sort",
        "sort_desc",
        "size",
        "label_column",
        "hidden",
    }
    assert set(table) <= known


@pytest.mark.parametrize("name", TABLES)
def test_facets_orders_and_labels_are_columns(name, schema):
    table = TABLES[name]
    used = [*table.get("facets", ()), *(table[key] for key in ("sort", "sort_desc", "label_column") if key in table)]

    assert set(used) <= set(schema[name])
    assert not {"sort", "sort_desc"} <= set(table)


def test_every_table_that_others_refer_to_has_a_label(path):
    db = connect(path)
    targets = {key[0] for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
               for key in db.execute('SELECT "table" FROM pragma_foreign_key_list(?)', [name]).fetchall()}  # fmt: skip
    db.close()

    assert {name for name in targets if "label_column" not in TABLES[name]} == set()


BIG = (
    "articles", "stories", "article_entities", "mentions", "prices", "sentences", "candidates", "trends_daily",
    "trends_weekly", "trends_monthly", "cooccurrence_weekly", "story_sketches", "story_bands", "story_links", "fetches",
)  # fmt: skip


@pytest.mark.parametrize("name", BIG)
def test_the_order_of_a_big_table_is_that_of_an_index(name, path):
    table = TABLES[name]
    column = table.get("sort") or table.get("sort_desc")
    if column is None:
        return  # by its primary key
    direction = "DESC" if "sort_desc" in table else ""
    db = connect(path)
    plan = [
        row[3]
        for row in db.execute(f'EXPLAIN QUERY PLAN SELECT * FROM "{name}" ORDER BY "{column}" {direction} LIMIT 51')
    ]
    db.close()

    assert [step for step in plan if step == "USE TEMP B-TREE FOR ORDER BY"] == []


@pytest.mark.parametrize("name", BIG)
def test_a_facet_of_a_big_table_reads_an_index_only(name, path):
    db = connect(path)
    plans = [
        db.execute(
            f'EXPLAIN QUERY PLAN SELECT "{column}" AS value, count(*) AS n FROM (SELECT * FROM "{name}")'
            f' WHERE "{column}" IS NOT NULL GROUP BY "{column}" ORDER BY n DESC, value LIMIT 16'
        ).fetchall()[0][3]
        for column in TABLES[name].get("facets", ())
    ]
    db.close()

    assert [step for step in plans if "USING COVERING INDEX" not in step] == []


def test_bookkeeping_is_hidden():
    assert {name for name, table in NEWS["tables"].items() if table.get("hidden")} == {
        "sentences", "story_sketches", "story_bands", "story_links", "stated_dates", "lexicon", "reference_files",
        "reference_staged", "watches", "watch_batches", "watch_items", "lanes", "robots", "source_items", "published",
        "loaded_articles",
        "_sqlite_migrations",
    }  # fmt: skip


def test_values_under_a_licence_of_their_own_are_named_with_it():
    licence = TABLES["accelerators"]["license"]

    assert "ml-engineering" in licence
    assert "CC BY-SA 4.0" in licence


def test_the_file_is_what_the_code_makes():
    """If it fails: python tools/write_metadata.py"""
    check = subprocess.run(
        [sys.executable, "tools/write_metadata.py", "--check"], cwd=PROJECT, capture_output=True, text=True, check=False
    )

    assert check.stderr == ""
    assert check.returncode == 0
    assert metadata() == METADATA


def test_there_are_many_canned_queries_and_each_name_is_one_query():
    assert len(QUERIES) == len(all_queries()) >= 12


@pytest.mark.parametrize("name", QUERIES)
def test_a_canned_query_says_what_it_is_and_what_each_parameter_takes(name):
    query, helped, said = QUERIES[name], query_help(name), NEWS["queries"][name]

    assert len(said["title"]) >= 3
    assert len(helped.description) >= 40
    assert _parameters(query.sql) == set(query.examples) == set(said["params"])
    assert all(len(one.words) >= 4 or f"{one.name}:" in helped.description for one in helped.parameters)
    assert all(f"{one.name}:" in said["description"] for one in helped.parameters)
    assert all(one.listed_in in {"", *TABLES, *QUERIES} for one in helped.parameters)
    # what 1.0 knows, and two keys of ours that it may drop
    assert set(said) == {"title", "description", "sql", "params", "hide_sql", "examples", "example_url"}


def _parameters(sql):
    return set(re.findall(r":([a-z_]+)", re.sub(r"'[^']*'", "", sql)))


def test_no_query_of_a_stranger_has_help():
    assert query_help("nobody") is None
    assert query_help(None) is None


@pytest.mark.parametrize("name", QUERIES)
async def test_the_example_of_a_canned_query_is_an_array_of_objects(name, datasette):
    url = NEWS["queries"][name]["example_url"]

    answer = await datasette.client.get(url)

    assert "_shape=array" in url
    assert answer.status_code == 200
    assert isinstance(answer.json(), list)


async def test_the_front_page_shows_our_tables_and_queries(datasette):
    page = (await datasette.client.get("/news")).text

    assert all(f'href="/news/{name}"' in page for name in SHOWN)
    assert all(f'href="/news/{name}">' not in page for name in TABLES if name not in SHOWN)
    assert all(f'href="/news/{name}"' in page for name in QUERIES)
    assert "_sqlite_migrations</a>" not in page


@pytest.mark.parametrize("name", TABLES)
async def test_every_table_page_opens_with_its_facets(name, datasette):
    page = await datasette.client.get(f"/news/{name}")
    data = (await datasette.client.get(f"/news/{name}.json?_shape=objects")).json()

    assert page.status_code == 200
    assert HOSTILE not in page.text
    assert set(TABLES[name].get("facets", ())) == set(data["facet_results"])
    assert not data.get("facets_timed_out")


@pytest.mark.parametrize("name", QUERIES)
async def test_every_canned_query_runs_with_its_example_and_with_nothing(name, datasette):
    examples = QUERIES[name].examples
    if name == "compare_weeks":  # of the few articles here
        examples = {**examples, "least": "1"}

    page = await datasette.client.get(f"/news/{name}", params=examples)
    bare = await datasette.client.get(f"/news/{name}")
    rows = (await datasette.client.get(f"/news/{name}.json", params={**examples, "_shape": "array"})).json()
    odd = await datasette.client.get(f"/news/{name}", params=dict.fromkeys(examples, "\"'; -- * NEAR(\0"))

    assert (page.status_code, bare.status_code, odd.status_code) == (200, 200, 200)
    assert rows
    assert HOSTILE not in page.text + odd.text


async def test_a_list_that_is_cut_says_so(path):
    site = Datasette([], settings={"num_sql_threads": 1, "max_returned_rows": 1})
    site.add_database(DatasetteDatabase(site, path=str(path), is_mutable=True), name="news")

    page = await site.client.get("/news/cloud_price_table", params={"accelerator_id": "nvidia-h100"})

    assert "There are more rows" in page.text


async def test_names_instead_of_ids_lead_to_what_a_row_refers_to(datasette):
    page = (await datasette.client.get("/news/articles")).text

    assert '<a href="/news/sources/press">Press</a>' in page
