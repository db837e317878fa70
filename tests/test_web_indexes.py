"""What a page asks of a large table it finds by an index: the plan of every statement of every page."""

import re
import sqlite3
from contextlib import closing

import pytest
from datasette import hookimpl
from datasette.plugins import pm
from site_archives import bench_module, make_archive

from aiwire.web.server import make_datasette

# tables that grow with the archive; what is as large as the lists or the reference may be read whole
GROWING = (
    "articles", "article_entities", "article_versions", "mentions", "prices", "stories", "trends_daily",
    "trends_weekly", "trends_monthly", "cooccurrence_weekly", "fetches", "coverage", "candidates", "sentences",
    "entity_signals", "runs", "story_bands", "story_links", "story_sketches",
)  # fmt: skip
SCAN = re.compile(r"^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?")
# Datasette's own: of each table of a file below 100 MB (NewsDatabase), each stopped after a few milliseconds; and of
# the list of articles, by the smallest index (2 to 8 ms on 200,000)
DATASETTES_COUNT = re.compile(r"select count\(\*\) from (\[\w+\]|articles)")
ALIAS = r"\b{table}\s+(?:AS\s+)?{name}\b"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A database as the benchmark makes it, with the statistics that plans are made by."""
    return make_archive(tmp_path_factory.mktemp("site") / "news.db", 2000, days=300)


@pytest.fixture
def pages(archive):
    return bench_module("bench_site").pages(archive)


class Listener:
    """Notes every statement that Datasette's connections run, with its values in it."""

    __name__ = "listener"  # Datasette takes plugins for modules

    def __init__(self):
        self.statements = []

    @hookimpl
    def prepare_connection(self, conn, database):
        if database == "news":
            conn.set_trace_callback(self.statements.append)


def _table_of(name, statement):
    """Return the growing table that a name in a plan stands for; None: it is none."""
    if name in GROWING:
        return name
    return next((table for table in GROWING if re.search(ALIAS.format(table=table, name=name), statement)), None)


def _flaws(conn, statement):
    """Yield what in the plan of a statement grows with the archive: a scan that no LIMIT cuts short."""
    if DATASETTES_COUNT.fullmatch(statement.strip()):
        return
    plan = conn.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
    sorted_parts = {parent for _, parent, _, step in plan if "TEMP B-TREE FOR ORDER BY" in step}
    is_cut = re.search(r"\bLIMIT\b", statement, re.IGNORECASE)
    for _, parent, _, step in plan:
        found = SCAN.match(step)
        if not found or not _table_of(found[1], statement):
            continue
        if not (is_cut and parent not in sorted_parts and (found[2] or not re.search("WHERE|ORDER", statement))):
            yield f"{step} in {' '.join(statement.split())[:300]}"


async def test_no_page_reads_a_growing_table_from_end_to_end(archive, pages):
    listener = Listener()
    pm.register(listener, "listener")
    datasette = make_datasette(archive)
    flaws = {}
    try:
        for name, path in pages.items():
            listener.statements.clear()
            answer = await datasette.client.get(path)
            asked = [one for one in listener.statements if re.match(r"\s*(SELECT|WITH)\b", one, re.IGNORECASE)]
            assert answer.status_code == 200, path
            assert asked, path
            with closing(sqlite3.connect(archive)) as conn:
                for function in ("aiwire_tco",):
                    conn.create_function(function, -1, lambda *values: "[]")
                found = sorted({flaw for statement in set(asked) for flaw in _flaws(conn, statement)})
            if found:
                flaws[name] = found
    finally:
        pm.unregister(listener)
        datasette.get_database("news").close()

    assert flaws == {}, "\n".join(f"{name}: {flaw}" for name, found in flaws.items() for flaw in found)


def test_the_check_sees_what_it_should(archive):
    with closing(sqlite3.connect(archive)) as conn:
        assert list(_flaws(conn, "SELECT count(*) FROM articles WHERE text LIKE '%x%'"))
        assert list(_flaws(conn, "SELECT id FROM articles AS a ORDER BY title LIMIT 5"))
        assert not list(_flaws(conn, "SELECT id FROM articles ORDER BY dated_at DESC, id LIMIT 5"))
        assert not list(_flaws(conn, "SELECT * FROM article_entities WHERE entity_id = 'nvidia' LIMIT 5"))
