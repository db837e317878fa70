"""Every number leads to its evidence: the page and the export have exactly the articles that a cell counts."""

from collections import Counter
from datetime import date
from urllib.parse import urlsplit

import polars as pl
import pytest
from counted_rows import NOW, fill_at_random
from db_rows import make_db

from aiwire.exceptions import ConfigError
from aiwire.web.server import make_datasette
from db.connection import open_existing
from db.exports import evidence
from db.exports.cells import Cell, parse_cell
from db.exports.request import ExportRequest
from db.trends.cooccurrence import MOST_NAMED
from db.trends.periods import span_at

TABLES = {"day": "trends_daily", "week": "trends_weekly", "month": "trends_monthly"}


@pytest.fixture(scope="module", params=(1, 2, 3))
def path(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("evidence") / f"{request.param}.db"
    db = make_db(path)
    fill_at_random(db, request.param)
    db.close()
    return path


@pytest.fixture
def db(path):
    opened = open_existing(path)
    yield opened
    opened.close()


@pytest.fixture
def site(path):
    return make_datasette(path)


def cells(db):
    """Every non-zero cell of all grains and segments, and its number of articles; of the names of a list, a few."""
    for grain, table in TABLES.items():
        for entity_id, segment, start, articles in db.execute(
            f"SELECT entity_id, segment, period_start, articles FROM {table}"
            " WHERE entity_id NOT LIKE 'corp%' OR entity_id IN ('corp0', 'corp1', 'corp4', 'corp69')"
        ):
            yield Cell(span_at(date.fromisoformat(start), grain), entity_id, segment), articles


def pairs(db):
    for a, b, start, articles in db.execute(
        "SELECT entity_a, entity_b, period_start, articles FROM cooccurrence_weekly"
    ):
        yield Cell(span_at(date.fromisoformat(start), "week"), a, with_id=b), articles


async def page(site, cell):
    """The rows of the page that the cell's evidence_url opens."""
    url = urlsplit(cell.evidence_url("http://127.0.0.1:8001/"))
    answer = await site.client.get(f"{url.path}.json?{url.query}&_shape=array")
    assert answer.status_code == 200
    return answer.json()


def export(db, **asked):
    request = ExportRequest("evidence", NOW, "http://127.0.0.1:8001", **asked)
    with db.atomic():
        return [row for frame in evidence.table(db, request).chunks for row in frame.iter_rows(named=True)]


async def test_the_page_of_a_cell_has_exactly_the_articles_that_it_counts(db, site):
    counts = dict(cells(db))
    segments = {cell.segment for cell in counts}

    pages = {cell: await page(site, cell) for cell in counts}

    assert {"all", "owned", "independent", "lang:en", "lang:und", "category:Chips/racks & co"} <= segments
    assert {cell: len(rows) for cell, rows in pages.items()} == counts
    assert all(len({row["id"] for row in rows}) == len(rows) for rows in pages.values())


async def test_the_page_of_a_pair_has_exactly_the_articles_that_it_counts(db, site):
    counts = dict(pairs(db))

    pages = {cell: await page(site, cell) for cell in counts}

    assert len(counts) > 5
    assert {cell: len(rows) for cell, rows in pages.items()} == counts


def test_the_export_of_a_cell_has_exactly_the_articles_that_it_counts(db):
    counts = dict(cells(db)) | dict(pairs(db))

    for cell, articles in counts.items():
        rows = export(db, cell=cell.evidence_id)
        assert len({row["article_id"] for row in rows}) == articles, cell.evidence_id
        assert {row["entity_id"] for row in rows} == {cell.entity_id, cell.with_id or cell.entity_id}
        assert {row["evidence_id"] for row in rows} == {cell.evidence_id}


def test_an_article_that_is_a_list_is_no_evidence_of_a_pair(db):
    named = Counter(
        dict(
            db.execute(
                "SELECT article_id, count(*) FROM article_entities WHERE role IN ('subject', 'mention') GROUP BY 1"
            ).fetchall()
        )
    )
    lists = {article_id for article_id, count in named.items() if count > MOST_NAMED}

    shown = {row["article_id"] for cell, _ in pairs(db) for row in export(db, cell=cell.evidence_id)}

    assert lists
    assert shown
    assert not shown & lists


async def test_the_page_has_every_sentence_in_the_order_of_the_text(db, site):
    for cell, _ in cells(db):
        if cell.segment != "all" or cell.span.grain != "month":
            continue
        for row in await page(site, cell):
            title, text = db.execute("SELECT title, text FROM articles WHERE id = ?", [row["id"]]).fetchone()
            found = db.execute(
                "SELECT DISTINCT field = 'text', sent_start, sent_end FROM mentions"
                " WHERE article_id = ? AND entity_id = ? ORDER BY 1, 2",
                [row["id"], cell.entity_id],
            ).fetchall()
            assert row["sentences"].split("\n") == [
                (title, text)[where][low:high].strip() for where, low, high in found
            ]
            assert row["evidence"] in row["sentences"]


def test_without_a_cell_there_is_a_row_for_every_mention(db):
    rows = export(db)

    stored = db.execute('SELECT article_id, entity_id, field, start, "end" FROM mentions').fetchall()
    assert Counter(tuple(row[key] for key in evidence.KEY[1:]) for row in rows) == Counter(stored)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    assert frame.sort(evidence.KEY).equals(frame)


def test_a_sentence_is_what_stands_between_its_offsets(db):
    texts = {row[0]: row[1:] for row in db.execute("SELECT id, title, text FROM articles")}

    for row in export(db, excerpt_chars=100_000):
        words = texts[row["article_id"]][row["field"] == "text"]
        assert row["sentence"] == words[row["sent_start"] : row["sent_end"]]
        assert row["surface"] == words[row["start"] : row["end"]]
        assert row["sentence_id"] == f"{row['article_id']}:{row['field']}:{row['sent_start']}"
        assert row["excerpt_cut"] == 0


def test_the_evidence_id_of_a_mention_is_that_of_the_row_that_counts_it(db):
    by_cell = {}
    for row in export(db):
        by_cell.setdefault(row["evidence_id"], set()).add(row["article_id"])
    uncounted = by_cell.pop(None)

    weeks = {cell.evidence_id: n for cell, n in cells(db) if cell.segment == "all" and cell.span.grain == "week"}
    assert {key: len(articles) for key, articles in by_cell.items() if key in weeks} == weeks
    assert all("/corp" in key for key in by_cell.keys() - weeks.keys())
    assert uncounted  # Reuters is only quoted, and some articles came undated


@pytest.mark.parametrize("segment", ["owned", "lang:en", "category:press"])
def test_a_segment_has_the_evidence_ids_of_its_rows(db, segment):
    by_cell = Counter()
    for key in {(row["evidence_id"], row["article_id"]) for row in export(db, segment=segment)}:
        by_cell[key[0]] += 1
    by_cell.pop(None, None)

    weeks = {cell.evidence_id: n for cell, n in cells(db) if cell.segment == segment and cell.span.grain == "week"}
    assert {key: n for key, n in by_cell.items() if key in weeks} == weeks
    assert all("/corp" in key for key in by_cell.keys() - weeks.keys())
    assert weeks


def test_filters_leave_rows_out_and_change_none(db):
    everything = export(db)

    some = export(db, since=date(2026, 12, 30), until=date(2027, 1, 2), kinds=("company",), entities=("nvidia", "tco"))

    assert some == [
        row for row in everything if "2026-12-30" <= row["dated_at"] < "2027-01-03" and row["entity_id"] == "nvidia"
    ]
    assert 0 < len(some) < len(everything)
    assert export(db, until=date.max) == everything


@pytest.mark.parametrize(
    ("evidence_id", "message"),
    [
        ("", "four parts"),
        ("nvidia", "four parts"),
        ("week/2026-12-28/nvidia", "four parts"),
        ("week/2026-12-28//all", "four parts"),
        ("year/2026-01-01/nvidia/all", "'year' is not day, week or month"),
        ("week/nonsense/nvidia/all", "such as week/2026-11-16/nvidia-h100/all"),
        ("week/9999-12-31/nvidia/all", "such as week/2026-11-16/nvidia-h100/all"),
        ("week/2026-12-29/nvidia/all", "no week begins on 2026-12-29; the one that holds it is week/2026-12-28"),
        ("week/20261228/nvidia/all", "no week begins on 20261228"),
        ("week/2026-12-28/nvidea/all", "no entity 'nvidea'; did you mean 'nvidia'"),
        ("week/2026-12-28/nvidia+nobody-at-all/all", "no entity 'nobody-at-all'"),
        ("week/2026-12-28/nvidia/lang:xx", "no segment 'lang:xx'"),
    ],
)
def test_what_is_no_cell_is_a_clear_error(db, evidence_id, message):
    with pytest.raises(ConfigError, match="(?s)" + message.replace("+", r"\+")):
        export(db, cell=evidence_id)


def test_a_cell_and_other_filters_do_not_go_together(db):
    with pytest.raises(ConfigError, match="leave out --since"):
        export(db, cell="week/2026-12-28/nvidia/all", since=date(2026, 1, 1))


def test_a_cell_that_counts_nothing_has_no_rows(db):
    assert export(db, cell="week/1999-12-27/nvidia/all") == []


def test_an_evidence_id_and_its_cell_are_one(db):
    for cell, _ in (*cells(db), *pairs(db)):
        assert parse_cell(cell.evidence_id) == cell
