"""The trend CSV: tidy, zero-filled, deterministic, defensible cell by cell."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from aiwire.types import (
    ArticleUpdate,
    Entity,
    FetchResult,
    Request,
    Response,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from db.connection import connect
from db.export import DEFAULT_WEEKS, TREND_COLUMNS, TrendsQuery, export_trends, trends_meta, write_atomically
from db.queries import QUERIES
from db.store import save_source, start_run, sync_entities, sync_sources

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)  # a Monday
KINDS = {"nvidia": "company", "tco": "theme", "h100": "accelerator"}
QUERY = TrendsQuery(now=NOW, base_url="http://127.0.0.1:8001/")
EVIDENCE = next(query for query in QUERIES if query.name == "evidence").sql


def tag(entity_id, *, role="subject", about=True, count=1):
    return Tag(KINDS[entity_id], entity_id, entity_id, (entity_id,), count, about, role, True, 0.5, 0.9, "", ())


def make_db(*, label="NVIDIA"):
    db = connect(":memory:")
    sync_sources(db, [
        Source("press", "Press", "feed", "https://press.example/", "press"),
        Source("vendor", "Vendor", "feed", "https://vendor.example/", "vendor", owner="nvidia"),
    ])  # fmt: skip
    names = {"nvidia": label}
    sync_entities(db, [Entity(i, kind, names.get(i, i.upper())) for i, kind in KINDS.items()])
    start_run(db, "run", now=NOW)
    return db


def save(db, name, *tags, day=NOW, source_id="press", language="en", seen=NOW):
    url = f"https://example.org/{name}"
    tagging = Tagging(tags, tagger_version="1.0", taxonomy_version="abc")
    update = ArticleUpdate(url, None, name, None, day, day, "published", language, "text", f"{tags}", False, tagging)
    fetch = FetchResult(Request(url, source_id, "feed"), Response(url, url, 200, {}, b""), 1, 1)
    save_source(db, SourceUpdate(SourceState(source_id), fetch, (update,)), run_id=1, now=seen)


@pytest.fixture
def db():
    empty = make_db()
    yield empty
    empty.close()


def export(db, precision=None, **selection):
    out = io.StringIO(newline="")
    rows = export_trends(db, out, replace(QUERY, **selection), precision=precision or {})
    text = out.getvalue()
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(found) == rows
    return found, text


def test_an_empty_database_gives_the_header_alone(db):
    assert export(db) == ([], ",".join(TREND_COLUMNS) + "\n")


def test_one_cell_in_full(db):
    save(db, "a", tag("nvidia", count=3), tag("tco", about=False))
    save(db, "b", source_id="vendor")

    rows, _ = export(db, precision={"company": (0.98765, 120), "tco": (0.5, 8)})

    assert rows[0] == {
        "period_start": "2026-11-23", "period_end": "2026-11-29", "iso_week": "2026-W48", "grain": "week",
        "is_partial": "1", "entity_id": "nvidia", "entity_label": "NVIDIA", "entity_type": "company", "segment": "all",
        "articles": "1", "articles_about": "1", "publishers": "1", "mentions": "3", "articles_total": "2",
        "publishers_active": "2", "share_articles": "0.500000", "tag_precision": "0.9877", "tag_gold_n": "120",
        "evidence_url": "http://127.0.0.1:8001/news/evidence?entity_id=nvidia&week=2026-11-23&segment=all",
        "taxonomy_version": "abc", "tagger_version": "1.0", "as_of": "2026-11-23T06:00:00Z",
    }  # fmt: skip
    assert (rows[1]["entity_id"], rows[1]["articles_about"], rows[1]["tag_gold_n"]) == ("tco", "0", "8")


def test_weeks_without_a_mention_are_zero_and_weeks_without_an_article_have_no_share(db):
    save(db, "a", tag("nvidia"), day=NOW - timedelta(weeks=3))
    save(db, "b", tag("tco"), day=NOW - timedelta(weeks=1))

    rows, _ = export(db)

    found = [(r["period_start"], r["entity_id"], r["articles"], r["articles_total"], r["share_articles"]) for r in rows]
    assert found == [
        ("2026-11-02", "nvidia", "1", "1", "1.000000"),
        ("2026-11-02", "tco", "0", "1", "0.000000"),
        ("2026-11-09", "nvidia", "0", "0", ""),
        ("2026-11-09", "tco", "0", "0", ""),
        ("2026-11-16", "nvidia", "0", "1", "0.000000"),
        ("2026-11-16", "tco", "1", "1", "1.000000"),
        ("2026-11-23", "nvidia", "0", "0", ""),  # the last request was in this week
        ("2026-11-23", "tco", "0", "0", ""),
    ]
    assert [r["evidence_url"] == "" for r in rows] == [r["articles"] == "0" for r in rows]


def test_without_since_three_years_are_written_and_with_it_everything(db):
    save(db, "old", tag("nvidia"), day=NOW - timedelta(weeks=400))
    save(db, "new", tag("nvidia"), day=NOW)

    recent, _ = export(db)
    everything, _ = export(db, since=date(2000, 1, 1))

    assert (len(recent), len(everything)) == (DEFAULT_WEEKS, 401)
    assert [sum(int(r["articles"]) for r in rows) for rows in (recent, everything)] == [1, 2]


def test_a_week_is_partial_until_it_is_over_and_before_the_first_fetch(db):
    first_seen = NOW - timedelta(days=10)  # Friday of the week of 9 November
    for weeks in range(4):
        save(db, f"a{weeks}", tag("nvidia"), day=NOW - timedelta(weeks=weeks), seen=first_seen)

    rows, _ = export(db)

    assert {r["period_start"]: r["is_partial"] for r in rows} == {
        "2026-11-02": "1", "2026-11-09": "1", "2026-11-16": "0", "2026-11-23": "1",
    }  # fmt: skip


def test_iso_weeks_over_the_turn_of_the_year(db):
    for day in (datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 4, tzinfo=UTC)):
        save(db, day.isoformat(), tag("nvidia"), day=day)

    rows, _ = export(db)

    assert [(r["period_start"], r["period_end"], r["iso_week"]) for r in rows] == [
        ("2026-12-28", "2027-01-03", "2026-W53"),
        ("2027-01-04", "2027-01-10", "2027-W01"),
    ]


def test_a_selection_by_window_kind_entity_and_segment(db):
    for weeks in range(4):
        save(db, f"a{weeks}", tag("nvidia"), tag("tco"), day=NOW - timedelta(weeks=weeks))

    def keys(**selection):
        return {(r["period_start"], r["entity_id"], r["segment"]) for r in export(db, **selection)[0]}

    window = {"since": date(2026, 11, 11), "until": date(2026, 11, 22)}
    assert keys(kinds=("theme",), **window) == {("2026-11-09", "tco", "all"), ("2026-11-16", "tco", "all")}
    assert keys(entities=("nvidia",), since=date(2026, 11, 23)) == {("2026-11-23", "nvidia", "all")}
    assert keys(segment=None, entities=("tco",), since=date(2026, 11, 23)) == {
        ("2026-11-23", "tco", "all"), ("2026-11-23", "tco", "independent"), ("2026-11-23", "tco", "lang:en"),
    }  # fmt: skip
    assert keys(segment="owned") == set()
    assert keys(since=date(2027, 1, 1)) == set()


@pytest.mark.parametrize("label", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])
def test_no_cell_is_a_formula(label):
    db = make_db(label=label)
    save(db, "a", tag("nvidia"))

    [row], _ = export(db)

    assert row["entity_label"] == f"'{label}"
    db.close()


def test_quotes_commas_and_lines_survive_the_csv():
    label = 'a "b", c\nd — 英伟达'
    db = make_db(label=label)
    save(db, "a", tag("nvidia"))

    [row], text = export(db)

    assert row["entity_label"] == label
    assert "\r" not in text
    db.close()


def test_a_retagged_part_shows_both_vintages(db):
    save(db, "a", tag("nvidia"))
    db.execute("UPDATE articles SET taxonomy_version = 'zzz'")
    save(db, "b", tag("nvidia"))

    assert export(db)[0][0]["taxonomy_version"] == "abc+zzz"


ARTICLES = st.lists(
    st.tuples(
        st.sets(st.sampled_from(sorted(KINDS))),
        st.integers(0, 30).map(lambda days: NOW - timedelta(days=days)),
        st.sampled_from(["press", "vendor"]),
        st.sampled_from(["en", "zh-CN", None]),
        st.sampled_from(["subject", "mention", "source", "venue"]),
    ),
    max_size=10,
)


@settings(max_examples=40, deadline=None)
@given(ARTICLES)
def test_every_cell_is_what_its_evidence_shows_and_the_table_is_complete_and_sorted(articles):
    db = make_db()
    for n, (entities, day, source_id, language, role) in enumerate(articles):
        save(db, str(n), *(tag(e, role=role) for e in entities), day=day, source_id=source_id, language=language)

    rows, text = export(db, segment=None)

    for row in rows:
        parameters = dict(parse_qsl(urlsplit(row["evidence_url"]).query))
        evidence = db.execute(EVIDENCE, parameters).fetchall() if parameters else []
        assert len(evidence) == int(row["articles"])
    keys = [(r["period_start"], r["grain"], r["entity_id"], r["segment"]) for r in rows]
    assert keys == sorted(set(keys))
    weeks, series = {k[0] for k in keys}, {k[2:] for k in keys}
    assert len(keys) == len(weeks) * len(series)
    assert export(db, segment=None)[1] == text
    db.close()


def test_an_export_reads_one_moment_whatever_is_written_meanwhile(tmp_path):
    path = tmp_path / "news.db"
    connect(path).close()
    db, writer = connect(path), connect(path)
    sync_sources(writer, [Source("press", "Press", "feed", "https://press.example/", "press")])
    sync_entities(writer, [Entity(i, kind, i) for i, kind in KINDS.items()])
    start_run(writer, "run", now=NOW)
    save(writer, "a", tag("nvidia"))

    class SlowFile(io.StringIO):
        def write(self, text):
            if "nvidia" in text:  # the first row: the rest has not been read yet
                save(writer, f"more{self.tell()}", tag("nvidia"), tag("tco"), day=NOW - timedelta(weeks=2))
            return super().write(text)

    out = SlowFile(newline="")
    assert export_trends(db, out, QUERY, precision={}) == 1
    assert export_trends(db, io.StringIO(), QUERY, precision={}) == 6
    db.close()
    writer.close()


def test_the_sidecar_describes_the_columns_of_the_file(db):
    save(db, "a", tag("nvidia"))

    meta = json.loads(json.dumps(trends_meta(db, QUERY)))

    assert list(meta["columns"]) == list(TREND_COLUMNS) == list(export(db)[0][0])
    assert (meta["first_week"], meta["as_of"], meta["selection"]["segment"]) == (
        "2026-11-23",
        "2026-11-23T06:00:00Z",
        "all",
    )


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path):
    path = tmp_path / "trends.csv"
    path.write_text("before")

    def broken(out):
        out.write("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_atomically(path, broken)
    assert path.read_text() == "before"

    assert write_atomically(path, lambda out: out.write("a\nb\n")) == 4
    assert path.read_bytes() == b"a\nb\n"
    assert [p.name for p in tmp_path.iterdir()] == ["trends.csv"]


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "other").touch()

    write_atomically(tmp_path / "trends.csv", lambda out: out.write(""))

    assert (tmp_path / "trends.csv").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigError, match=r"x\.csv: cannot be written \(No such file or directory\)"):
        write_atomically(tmp_path / "no" / "x.csv", lambda out: out.write(""))
