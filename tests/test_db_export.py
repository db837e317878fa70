"""The trend CSV: tidy, zero-filled, deterministic, defensible cell by cell."""

import csv
import io
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError, FetchError
from aiwire.types import (
    ArticleUpdate,
    Entity,
    FetchResult,
    NotModified,
    Request,
    Response,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from db import export as export_module
from db.connection import connect
from db.export import DEFAULT_WEEKS, TREND_COLUMNS, TrendsQuery, export_trends, trends_meta, write_trends
from db.files import write_atomically
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


def save(db, name, *tags, day=NOW, source_id="press", language="en", seen=NOW, scope="full"):
    url = f"https://example.org/{name}"
    tagging = Tagging(tags, scope=scope, tagger_version="1.0", taxonomy_version="12e4")
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
        "taxonomy_version": "tx-12e4", "tagger_version": "tagger-1.0", "as_of": "2026-11-23T06:00:00Z",
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


def answer(db, moment, outcome):
    source = Request("https://press.example/", "press", "feed")
    save_source(db, SourceUpdate(SourceState("press"), FetchResult(source, outcome, 1, 1)), run_id=1, now=moment)


@pytest.mark.parametrize(
    ("outcome", "now", "partial"),
    [
        pytest.param(NotModified("u", {}), NOW, {"16": "0", "23": "1"}, id="looked at after its end"),
        pytest.param(FetchError("u", "no", reason="timeout"), NOW, {"16": "1"}, id="no good answer since"),
        pytest.param(NotModified("u", {}), NOW - timedelta(days=1), {"16": "1", "23": "1"}, id="not over at as_of"),
    ],
)
def test_a_week_is_partial_until_a_source_answered_after_its_end_and_before_the_first_answer(db, outcome, now, partial):
    first = NOW - timedelta(days=10)  # Friday of the week of 9 November
    for weeks in range(1, 4):
        save(db, f"a{weeks}", tag("nvidia"), day=NOW - timedelta(weeks=weeks), seen=first)
    answer(db, NOW, outcome)

    rows, _ = export(db, now=now)

    found = {r["period_start"][-2:]: r["is_partial"] for r in rows}
    assert found == {"02": "1", "09": "1"} | partial


def test_a_page_that_was_read_is_no_answer_of_a_source(db):
    save(db, "a", tag("nvidia"), day=NOW - timedelta(weeks=1), seen=NOW - timedelta(weeks=2))
    page = FetchResult(Request("u", "press", "page"), Response("u", "u", 200, {}, b""), 1, 1)
    save_source(db, SourceUpdate(SourceState("press"), page), run_id=1, now=NOW)

    assert export(db)[0][-1]["is_partial"] == "1"


def test_a_share_of_a_theme_is_of_the_articles_that_are_tagged_for_themes(db):
    save(db, "a", tag("tco"), tag("nvidia"))
    save(db, "b", tag("nvidia"), language="zh", scope="names", source_id="vendor")

    rows, _ = export(db, segment=None, entities=("tco", "nvidia"))

    found = {
        (r["entity_id"], r["segment"]): (r["articles_total"], r["publishers_active"], r["share_articles"]) for r in rows
    }
    assert found["nvidia", "all"] == ("2", "2", "1.000000")
    assert found["tco", "all"] == ("1", "1", "1.000000")
    assert found["tco", "lang:zh"] == ("0", "0", "")


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
    assert keys(segment="LANG:EN", entities=("h100", "tco"), since=date(2026, 11, 23)) == {
        ("2026-11-23", "h100", "lang:en"), ("2026-11-23", "tco", "lang:en"),  # h100 is in no article
    }  # fmt: skip
    assert keys(entities=("h100",), kinds=("theme",)) == set()
    assert keys(since=date(2027, 1, 1)) == set()


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"entities": ("nvidia", "nvidai")}, "there is no entity 'nvidai'; did you mean 'nvidia'"),
        ({"entities": ("???",)}, r"there is no entity '\?\?\?'; see the ids with `aiwire serve`"),
        ({"segment": "independant"}, "there is no segment 'independant'; did you mean 'independent'"),
        ({"segment": "lang:de"}, "there is no segment 'lang:de'; did you mean 'lang:en'"),
        ({"segment": "x"}, "there is no segment 'x'; choose from all, owned, independent, lang:en$"),
    ],
)
def test_an_unknown_entity_or_segment_is_an_error_that_names_the_nearest(db, selection, message):
    save(db, "a", tag("nvidia"))

    with pytest.raises(ConfigError, match=message):
        export(db, **selection)
    with pytest.raises(ConfigError, match=message):
        trends_meta(db, replace(QUERY, **selection))


@pytest.mark.parametrize("label", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", " =1", "\n+1", "\u00a0@x"])
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

    assert export(db)[0][0]["taxonomy_version"] == "tx-12e4+tx-zzz"


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


def test_the_sidecar_says_how_the_numbers_are_made_and_from_what(db):
    save(db, "a", tag("nvidia"))

    meta = trends_meta(db, QUERY)

    ratios = {name for name, says in TREND_COLUMNS.items() if ", 0 to 1" in says}
    assert set(meta["formulas"]) == ratios == {"share_articles", "tag_precision"}
    assert all(meta[key] for key in ("licence", "tag_precision", "languages"))
    assert (meta["first_answer"], meta["sources"]["number"]) == ("2026-11-23T06:00:00Z", 2)
    sync_sources(db, [Source("press", "Press", "feed", "https://press.example/new", "press")])
    assert trends_meta(db, QUERY)["sources"]["sha256"] != meta["sources"]["sha256"]


def test_csv_and_sidecar_are_written_together_and_of_one_moment(tmp_path, monkeypatch):
    path = tmp_path / "news.db"
    db, writer = connect(path), connect(path)
    sync_sources(writer, [Source("press", "Press", "feed", "https://press.example/", "press")])
    sync_entities(writer, [Entity(i, kind, i) for i, kind in KINDS.items()])
    start_run(writer, "run", now=NOW)
    save(writer, "a", tag("nvidia"))
    meta = export_module.trends_meta

    def slow(*args):
        save(writer, "b", tag("nvidia"), day=NOW - timedelta(weeks=5))
        return meta(*args)

    monkeypatch.setattr(export_module, "trends_meta", slow)
    assert write_trends(db, tmp_path / "trends.csv", QUERY, precision={}) == 1

    assert json.loads((tmp_path / "trends.meta.json").read_text())["first_week"] == "2026-11-23"
    assert len((tmp_path / "trends.csv").read_text().splitlines()) == 2
    db.close()
    writer.close()


def test_a_device_or_pipe_is_written_as_it_is_and_has_no_sidecar(db, tmp_path):
    save(db, "a", tag("nvidia"))
    fifo = tmp_path / "fifo.csv"
    os.mkfifo(fifo)
    got = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_text()))
    reader.start()

    write_trends(db, fifo, QUERY, precision={})
    reader.join(5)

    assert got == [export(db)[1]]
    assert [p.name for p in tmp_path.iterdir()] == ["fifo.csv"]
    assert fifo.is_fifo()
    assert write_atomically(Path("/dev/null"), lambda out: out.write("x")) == 1
    assert Path("/dev/null").is_char_device()
    with pytest.raises(ConfigError, match=r"/dev/full: cannot be written \(No space left on device\)"):
        write_atomically(Path("/dev/full"), lambda out: out.write("x"))
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path, there):
    (tmp_path / "data").mkdir()
    target, link = tmp_path / "data" / "real.csv", tmp_path / "link.csv"
    if there:
        target.write_text("before")
    link.symlink_to(target)

    write_atomically(link, lambda out: out.write("after"))

    assert (link.is_symlink(), target.is_symlink(), target.read_text()) == (True, False, "after")


def test_a_loop_of_links_is_a_clear_error(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    with pytest.raises(ConfigError, match="a: cannot be written"):
        write_atomically(tmp_path / "a", lambda out: out.write(""))


def test_dev_stdout_is_written_even_where_it_leads_to_a_file(tmp_path):
    code = (
        "from pathlib import Path\nfrom db.files import write_atomically\n"
        "write_atomically(Path('/dev/stdout'), lambda out: out.write('rows\\n'))"
    )
    with (tmp_path / "out.csv").open("w") as out:
        subprocess.run([sys.executable, "-P", "-c", code], stdout=out, check=True)
        assert os.fstat(out.fileno()).st_ino == (tmp_path / "out.csv").stat().st_ino

    assert (tmp_path / "out.csv").read_text() == "rows\n"


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
