"""The trend table: tidy, zero-filled, deterministic, defensible cell by cell."""

import csv
import io
import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import duckdb
import pandas as pd
import pytest
from export_rows import KINDS, NOW, make_db, save, tag
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError, FetchError
from aiwire.types import (
    Entity,
    FetchResult,
    NotModified,
    Request,
    Response,
    Source,
    SourceState,
    SourceUpdate,
)
from db.connection import connect
from db.exports.request import ExportRequest
from db.exports.table import schema
from db.exports.trend_columns import SPREADABLE
from db.exports.trends import COLUMNS, table
from db.exports.write import made
from db.queries import QUERIES
from db.store import save_source, start_run, sync_entities, sync_sources

DEFAULT_WEEKS = 156
NAMES = [column.name for column in COLUMNS]
REQUEST = ExportRequest("trends", NOW, "http://127.0.0.1:8001/")
EVIDENCE = next(query for query in QUERIES if query.name == "evidence").sql


@pytest.fixture
def db():
    empty = make_db()
    yield empty
    empty.close()


def make(db, form="csv", **selection):
    """Return the bytes of an export and its sidecar."""
    request = replace(REQUEST, **selection)
    with made(db, request, form=form, excel=False, parameters={}, version="0") as export:
        return export.data.read(), json.loads(export.meta)


def export(db, **selection):
    data, meta = make(db, **selection)
    found = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert meta["rows"] == len(found)
    return found, data.decode()


@pytest.mark.parametrize("grain", ["day", "week", "month"])
def test_an_empty_database_gives_the_header_alone(db, grain):
    assert export(db, grain=grain) == ([], ",".join(NAMES) + "\n")
    assert export(db, grain=grain, wide="stories") == ([], "period_start\n")


def test_one_cell_in_full(db):
    save(db, "a", tag("nvidia", count=3), tag("tco", about=False))
    save(db, "b", source_id="vendor")

    rows, _ = export(db, precision={"company": (0.98765, 120), "tco": (0.5, 8)})

    assert list(rows[0]) == NAMES
    assert rows[0] == rows[0] | {
        "period_start": "2026-11-23", "period_end": "2026-11-29", "iso_week": "2026-W48", "grain": "week",
        "is_partial": "1", "entity_id": "nvidia", "entity_label": "NVIDIA", "entity_type": "company", "segment": "all",
        "articles": "1", "articles_about": "1", "stories": "1", "publishers": "1", "publishers_independent": "1",
        "mentions": "3", "articles_total": "2", "stories_total": "2", "publishers_active": "2",
        "share_articles": "0.500000", "share_stories": "0.500000", "share_lo": "0.094529", "share_hi": "0.905471",
        "owned_share": "0.000000", "share_panel": "", "stories_ma4": "", "momentum_4v4": "", "signal": "too_few",
        "signal_q": "", "burst_z": "", "theme_lift": "", "tag_precision": "0.987650", "tag_gold_n": "120",
        "evidence_id": "week/2026-11-23/nvidia/all",
        "evidence_url":
            "http://127.0.0.1:8001/news/evidence?entity_id=nvidia&grain=week&period=2026-11-23&segment=all",
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
    assert [r["evidence_id"] == "" for r in rows] == [r["articles"] == "0" for r in rows]


def test_without_since_three_years_are_written_and_with_it_everything(db):
    save(db, "old", tag("nvidia"), day=NOW - timedelta(weeks=400))
    save(db, "new", tag("nvidia"), day=NOW)

    recent, _ = export(db)
    everything, _ = export(db, since=date(2000, 1, 1))

    assert (len(recent), len(everything)) == (DEFAULT_WEEKS, 401)
    assert [sum(int(r["articles"]) for r in rows) for rows in (recent, everything)] == [1, 2]


def test_days_and_months_have_rows_of_their_own(db):
    save(db, "a", tag("nvidia"), day=NOW - timedelta(days=1))
    save(db, "b", tag("nvidia"), day=NOW - timedelta(days=25))

    days, _ = export(db, grain="day")
    months, _ = export(db, grain="month")

    assert [(r["period_start"], r["period_end"], r["articles"]) for r in months] == [
        ("2026-10-01", "2026-10-31", "1"),
        ("2026-11-01", "2026-11-30", "1"),
    ]
    assert len(days) == 26
    assert (days[-2]["evidence_id"], days[-2]["iso_week"]) == ("day/2026-11-22/nvidia/all", "2026-W47")
    assert {(r["grain"], r["iso_week"]) for r in months} == {("month", "")}


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
        ({"entities": ("???",)}, r"there is no entity '\?\?\?'"),
        ({"segment": "independant"}, "there is no segment 'independant'; did you mean 'independent'"),
        ({"segment": "lang:de"}, "there is no segment 'lang:de'; did you mean 'lang:en'"),
        ({"segment": "x"}, "there is no segment 'x'; choose from all, owned, independent, lang:en$"),
        ({"wide": "storys"}, "the column 'storys' cannot be spread out; did you mean 'stories'"),
        ({"wide": "entity_label"}, "the column 'entity_label' cannot be spread out; choose from articles, "),
        ({"wide": "stories", "segment": None}, "a wide table has one segment"),
    ],
)
def test_what_does_not_exist_is_an_error_that_names_the_nearest(db, selection, message):
    save(db, "a", tag("nvidia"))

    with pytest.raises(ConfigError, match=message):
        export(db, **selection)


def test_no_cell_is_a_formula():
    db = make_db(label="=HYPERLINK(1)")
    save(db, "a", tag("nvidia"))

    [row], _ = export(db)

    assert row["entity_label"] == "'=HYPERLINK(1)"
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
@given(ARTICLES, st.sampled_from(["day", "week", "month"]))
def test_every_cell_is_what_its_evidence_shows_and_the_table_is_complete_and_sorted(articles, grain):
    db = make_db()
    for n, (entities, day, source_id, language, role) in enumerate(articles):
        save(db, str(n), *(tag(e, role=role) for e in entities), day=day, source_id=source_id, language=language)

    rows, text = export(db, segment=None, grain=grain)

    for row in rows:
        parameters = dict(parse_qsl(urlsplit(row["evidence_url"]).query))
        evidence = db.execute(EVIDENCE, {"with_id": "", "week": ""} | parameters).fetchall() if parameters else []
        assert len(evidence) == int(row["articles"])
    keys = [(r["period_start"], r["grain"], r["entity_id"], r["segment"]) for r in rows]
    assert keys == sorted(set(keys))
    periods, series = {k[0] for k in keys}, {k[2:] for k in keys}
    assert len(keys) == len(periods) * len(series)
    assert export(db, segment=None, grain=grain)[1] == text
    db.close()


@pytest.fixture
def months(db):
    """Forty weeks of news of three entities, from the oldest to the newest, each read on its day."""
    for week in reversed(range(40)):
        for number in range(2 + week % 5):
            entities = [name for place, name in enumerate(sorted(KINDS)) if (week + number + place) % 3]
            day = NOW - timedelta(weeks=week, days=number)
            save(db, f"{week}-{number}", *map(tag, entities), day=day, seen=NOW - timedelta(weeks=week))
    return db


@pytest.mark.parametrize("column", SPREADABLE)
def test_a_wide_table_is_the_pivot_of_the_long_one(months, column):
    long, wide = (pd.read_csv(io.BytesIO(make(months, wide=name)[0])) for name in (None, column))

    pivot = long.pivot(index="period_start", columns="entity_id", values=column).reset_index()

    pd.testing.assert_frame_equal(wide, pivot, check_names=False, check_dtype=False)
    assert len(wide) == long["period_start"].nunique() == 41
    assert wide.drop(columns="period_start").notna().any(axis=None)


def test_a_wide_table_says_what_its_columns_are(months):
    _, meta = make(months, wide="share_stories")

    assert (meta["table"], meta["wide"], meta["key"]) == ("trends_wide", "share_stories", ["period_start"])
    assert meta["entities"] == {"h100": "H100", "nvidia": "NVIDIA", "tco": "TCO"}
    assert meta["columns"]["nvidia"].startswith("NVIDIA: share_stories. ")
    assert meta["partial_periods"][-1] == "2026-11-23"


def test_pandas_reads_every_number_as_a_number_without_options(months):
    frame = pd.read_csv(io.BytesIO(make(months)[0]), parse_dates=["period_start"])

    assert pd.api.types.is_datetime64_any_dtype(frame["period_start"])
    for column in COLUMNS:
        if column.type in ("integer", "real", "boolean"):
            assert pd.api.types.is_numeric_dtype(frame[column.name]), column.name
    assert set(frame["signal"]) <= {"rising", "falling", "flat", "too_few"}


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_all_formats_hold_the_same_numbers_and_are_the_same_bytes_again(months, form, tmp_path):
    data, meta = make(months, form)
    path = tmp_path / f"trends.{form}"
    path.write_bytes(data)

    [found] = duckdb.sql(
        f"SELECT count(*), sum(stories)::int, round(sum(share_stories), 3), min(period_start)::date FROM '{path}'"
    ).fetchall()

    rows = pd.read_csv(io.BytesIO(make(months)[0]))
    expected = (len(rows), rows["stories"].sum(), round(rows["share_stories"].sum(), 3))
    assert found == (*expected, date(2026, 2, 16))
    assert make(months, form) == (data, meta)


def test_a_frame_has_the_columns_that_are_described(months):
    frames = [*table(months, REQUEST).chunks, *table(months, replace(REQUEST, wide="signal")).chunks]

    assert dict(frames[0].schema) == schema(COLUMNS)
    assert [str(kind) for kind in frames[-1].dtypes] == ["Date", "String", "String", "String"]


def test_every_computed_number_can_be_computed_again_from_the_file(months):
    frame = pd.read_csv(io.BytesIO(make(months)[0]))

    checked = 0
    for _, rows in frame.groupby("entity_id"):
        full = rows[rows["is_partial"] == 0].reset_index()
        for at in range(25, len(full)):
            last, before, base = full[at - 3 : at + 1], full[at - 7 : at - 3], full[max(at - 26, 0) : at]["stories"]
            row = full.loc[at]
            s, p = last["stories"].sum(), before["stories"].sum()
            all_s, all_p = last["stories_total"].sum(), before["stories_total"].sum()
            momentum = ((s + 0.5) / (all_s + 1)) / ((p + 0.5) / (all_p + 1))
            spread = 1.96 * (1 / (s + 0.5) - 1 / (all_s + 1) + 1 / (p + 0.5) - 1 / (all_p + 1)) ** 0.5
            mad = (base - base.median()).abs().median()
            assert [row[name] for name in ("momentum_4v4", "momentum_lo", "momentum_hi", "stories_ma4", "burst_z",
                                           "share_stories", "share_articles")] == pytest.approx([
                momentum, momentum * math.exp(-spread), momentum * math.exp(spread), last["stories"].mean(),
                (row["stories"] - base.median()) / max(1.4826 * mad, base.median() ** 0.5, 1),
                row["stories"] / row["stories_total"], row["articles"] / row["articles_total"],
            ], abs=1e-6)  # fmt: skip
            checked += 1
    assert checked > 30


def test_an_export_reads_one_moment_whatever_is_written_meanwhile(tmp_path):
    path = tmp_path / "news.db"
    connect(path).close()
    db, writer = connect(path), connect(path)
    sync_sources(writer, [Source("press", "Press", "feed", "https://press.example/", "press")])
    sync_entities(writer, [Entity(i, kind, i) for i, kind in KINDS.items()])
    start_run(writer, "run", now=NOW)
    save(writer, "a", tag("nvidia"))

    def meanwhile(rows):
        save(writer, "b", tag("nvidia"), tag("tco"), day=NOW - timedelta(weeks=2))
        sync_sources(writer, [Source("press", "Press", "feed", "https://press.example/new", "press")])

    request = {"form": "csv", "excel": False, "parameters": {}, "version": "0"}
    with made(db, REQUEST, **request) as before, made(db, REQUEST, **request, step=meanwhile) as during:
        assert (during.data.read(), during.meta) == (before.data.read(), before.meta)
    with made(db, REQUEST, **request) as after:
        assert (before.record.rows, after.record.rows) == (1, 6)
    db.close()
    writer.close()


def test_the_sidecar_describes_the_columns_of_the_file(db):
    save(db, "a", tag("nvidia"))

    _, meta = make(db)

    assert list(meta["columns"]) == NAMES == list(export(db)[0][0])
    assert (meta["first_week"], meta["last_week"], meta["as_of"], meta["selection"]["segment"]) == (
        "2026-11-23", "2026-11-23", "2026-11-23T06:00:00Z", "all",
    )  # fmt: skip
    assert all(meta["types"][name] for name in NAMES)
    for column in COLUMNS:
        if column.type in ("integer", "real"):
            assert meta["units"][column.name]
        if column.type == "real":
            assert meta["formulas"][column.name]
            assert meta["nulls"][column.name]


def test_only_columns_that_may_be_empty_say_what_that_means(months):
    frame = pd.read_csv(io.BytesIO(make(months, segment=None)[0]))

    _, meta = make(months)

    assert set(frame.columns[frame.isna().any()]) <= set(meta["nulls"])


def test_the_sidecar_says_how_the_numbers_are_made_and_from_what(db):
    save(db, "a", tag("nvidia"))

    data, meta = make(db)

    for key in ("licence", "tag_precision", "languages", "week", "date", "dedupe", "counting", "zero", "empty",
                "timezone", "encoding", "text_cells", "signal", "window", "title"):  # fmt: skip
        assert meta[key], key
    assert (meta["first_answer"], meta["sources"]["number"]) == ("2026-11-23T06:00:00Z", 2)
    assert (meta["bytes"], meta["rows"], meta["format"]) == (len(data), 1, "csv")
    sync_sources(db, [Source("press", "Press", "feed", "https://press.example/new", "press")])
    assert make(db)[1]["sources"]["sha256"] != meta["sources"]["sha256"]
