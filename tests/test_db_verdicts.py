"""The verdicts of the newest full week: those of the export of trends, kept in a table that pages read."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trend_rows import MONDAY, World, days, moment, source

from aiwire.cli.database import writable
from aiwire.config import Settings
from aiwire.types import Entity
from db.connection import connect, transaction
from db.trends.query import TrendsQuery
from db.trends.series import load_trends
from db.trends.verdicts import NAMED_WEEKS, newest_verdicts, refresh_verdicts

COLUMNS = {
    "signal": "signal", "stories": "stories", "share": "share_stories", "momentum": "momentum_4v4",
    "momentum_lo": "momentum_lo", "momentum_hi": "momentum_hi", "q": "signal_q",
}  # fmt: skip


def world(weeks, counts, *, path=":memory:"):
    """Articles per week of each entity; the source answers every day from before them to the Monday after them."""
    made = World(path=str(path))
    made.answer(*days(MONDAY - timedelta(days=1), 7 * weeks + 2))
    for entity_id, numbers in counts.items():
        for week, number in enumerate(numbers):
            if number:
                made.add(MONDAY + timedelta(weeks=week), entity_id, number=number)
    made.roll_up()
    return made


def stored(db):
    return db.execute("SELECT entity_id, week, signal, stories, coverage_ok FROM entity_signals ORDER BY 1").fetchall()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=14))
def test_a_verdict_is_the_row_of_the_newest_full_week_in_the_export(counts):
    names = ("nvidia", "h100", "tco")
    db = world(len(counts), dict(zip(names, zip(*counts, strict=True), strict=True))).db
    now = moment(MONDAY + timedelta(weeks=len(counts)), 7)

    found = {one.series.entity_id: one for one in newest_verdicts(db)}

    trends = load_trends(db, TrendsQuery(now))
    full = [rows for rows in trends.rows() if not rows.period.is_partial]
    for at, series in enumerate(trends.series):
        one, row = found.pop(series.entity_id), full[-1]
        assert (one.week, one.coverage_ok) == (row.period.span, row.period.coverage_ok)
        for name, column in COLUMNS.items():
            value = row.columns[column][at]
            expected = value if isinstance(value, str) else None if value != value else pytest.approx(value, abs=1e-6)
            assert getattr(one, name) == expected
    assert found == {}


def test_a_share_that_grows_is_rising_and_the_table_says_so():
    db = world(20, {"nvidia": [10] * 16 + [30] * 4, "h100": [20] * 20}).db

    assert refresh_verdicts(db)

    week = str(MONDAY + timedelta(weeks=19))
    assert stored(db) == [("h100", week, "falling", 20, 1), ("nvidia", week, "rising", 30, 1)]
    kinds, share = db.execute("SELECT kind, share_stories FROM entity_signals WHERE entity_id = 'nvidia'").fetchone()
    assert (kinds, share) == ("company", 0.6)


def test_a_second_look_writes_nothing():
    db = world(9, {"nvidia": [3] * 9}).db
    refresh_verdicts(db)
    before = db.conn.total_changes

    assert not refresh_verdicts(db)
    assert db.conn.total_changes == before


def test_without_a_full_week_there_is_no_verdict_and_old_ones_go():
    made = world(9, {"nvidia": [3] * 9})
    refresh_verdicts(made.db)
    with transaction(made.db):
        made.db.execute("DELETE FROM fetches")

    assert refresh_verdicts(made.db)
    assert stored(made.db) == []
    assert newest_verdicts(connect(":memory:")) == ()


def test_who_was_not_named_for_half_a_year_has_none():
    last = [1] + [0] * (NAMED_WEEKS - 1)
    db = world(NAMED_WEEKS + 1, {"nvidia": [0, *last], "h100": [*last, 0], "tco": [1] * (NAMED_WEEKS + 1)}).db

    assert [one.series.entity_id for one in newest_verdicts(db)] == ["nvidia", "tco"]


def test_the_clock_does_not_matter_and_an_earlier_one_takes_an_earlier_week():
    db = world(10, {"nvidia": [3] * 10}).db
    newest = MONDAY + timedelta(weeks=9)

    assert {one.week.start for one in newest_verdicts(db)} == {newest}
    assert {one.week.start for one in newest_verdicts(db, now=moment(date(2030, 1, 1)))} == {newest}
    assert {one.week.start for one in newest_verdicts(db, now=moment(newest))} == {newest - timedelta(weeks=1)}


def test_a_week_in_which_a_big_source_was_silent_is_not_covered():
    made = World([source("press"), source("wire")])
    made.answer(*days(MONDAY, 7 * 10 + 1))
    for week in range(10):
        made.add(MONDAY + timedelta(weeks=week), "nvidia", number=5)
        if week < 9:
            made.add(MONDAY + timedelta(weeks=week), "nvidia", number=20, source_id="wire")
    made.roll_up()
    refresh_verdicts(made.db)

    assert [row[-1] for row in stored(made.db)] == [0]


def test_a_segment_is_judged_by_itself():
    made = World([source("press"), source("vendor", owner="nvidia")])
    made.answer(*days(MONDAY, 7 * 9 + 1))
    for week in range(9):
        made.add(MONDAY + timedelta(weeks=week), "nvidia", number=4, source_id="vendor")
        made.add(MONDAY + timedelta(weeks=week), "h100", number=6)
    made.roll_up()

    owned = newest_verdicts(made.db, "owned")

    assert [(one.series.entity_id, one.stories, one.share) for one in owned] == [("nvidia", 4, 1.0)]
    assert newest_verdicts(made.db, "lang:xx") == ()


def test_an_entity_that_goes_takes_its_verdict_along():
    made = World(entities=(Entity("nvidia", "company", "NVIDIA"),))
    made.db.execute("INSERT INTO entities (id, kind, name, listed) VALUES ('x', 'company', 'X', 0)")
    made.db.execute(
        "INSERT INTO entity_signals (entity_id, kind, week, signal, stories, coverage_ok)"
        " VALUES ('x', 'company', '2026-01-05', 'flat', 1, 1)"
    )
    made.db.conn.commit()

    with transaction(made.db):
        made.db.execute("DELETE FROM entities WHERE id = 'x'")

    assert stored(made.db) == []


def test_every_command_that_writes_leaves_the_verdicts_right(tmp_path):
    path = tmp_path / "news.db"
    made = world(9, {"nvidia": [3] * 9}, path=path)
    made.db.close()
    here = Settings(db=path)

    with writable(here) as db, transaction(db):
        db.execute("UPDATE sources SET name = 'Press & Co'")
    filled = stored(connect(path))

    with writable(here) as db, transaction(db):
        db.execute("DELETE FROM trends_weekly")

    assert [row[0] for row in filled] == ["nvidia"]
    assert stored(connect(path)) == []


def test_a_command_that_fails_leaves_them_for_the_next(tmp_path):
    path = tmp_path / "news.db"
    world(9, {"nvidia": [3] * 9}, path=path).db.close()

    def fail():
        with writable(Settings(db=path)) as db:
            with transaction(db):
                db.execute("UPDATE sources SET name = 'Press & Co'")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert stored(connect(path)) == []
