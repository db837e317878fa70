"""Days, ISO weeks and months: they part time, and agree with Python's calendar and SQLite's."""

import sqlite3
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.trends.periods import GRAINS, Span, span_at, spans

DAYS = st.dates(date(1970, 1, 1), date(2199, 12, 31))
GRAIN = st.sampled_from(GRAINS)


@given(DAYS, GRAIN)
def test_a_day_is_in_one_period_which_all_its_days_name(day, grain):
    span = span_at(day, grain)

    assert span.start <= day <= span.end < span.stop
    days = [span.start + timedelta(n) for n in range((span.stop - span.start).days)]
    assert {span_at(one, grain) for one in days} == {span}


@given(DAYS, GRAIN)
def test_periods_follow_each_other_without_gap_or_overlap(day, grain):
    span = span_at(day, grain)

    assert span.next().start == span.stop
    assert span.next().back(1) == span
    assert span.back(0) == span


@given(DAYS, st.integers(0, 400), GRAIN)
def test_the_periods_between_two_days_are_all_that_hold_one_of_them(first, length, grain):
    last = first + timedelta(length)

    found = list(spans(first, last, grain))

    assert found == sorted({span_at(first + timedelta(n), grain) for n in range(length + 1)})
    assert list(spans(last, first - timedelta(1), grain)) in ([], [span_at(last, grain)])


@given(DAYS)
def test_a_week_is_that_of_the_iso_calendar_and_of_sqlite(day):
    span = span_at(day, "week")

    year, week, weekday = day.isocalendar()
    assert (span.iso_week, (day - span.start).days) == (f"{year}-W{week:02}", weekday - 1)
    assert span_at(day, "day").iso_week == span.iso_week
    with sqlite3.connect(":memory:") as db:
        (monday,) = db.execute("SELECT date(?, 'weekday 0', '-6 days')", [day.isoformat()]).fetchone()
    db.close()
    assert monday == span.start.isoformat()


@given(DAYS)
def test_a_month_runs_from_its_first_day_to_the_next_ones_and_is_in_no_one_week(day):
    span = span_at(day, "month")

    assert (span.start.day, span.stop.day, span.iso_week) == (1, 1, "")
    assert (span.start.year, span.start.month) == (day.year, day.month)


@pytest.mark.parametrize(
    ("day", "label", "start", "end"),
    [
        ("2026-12-28", "2026-W53", "2026-12-28", "2027-01-03"),
        ("2027-01-03", "2026-W53", "2026-12-28", "2027-01-03"),
        ("2027-01-04", "2027-W01", "2027-01-04", "2027-01-10"),
        ("2024-12-30", "2025-W01", "2024-12-30", "2025-01-05"),
        ("2026-11-22", "2026-W47", "2026-11-16", "2026-11-22"),
        ("2026-11-23", "2026-W48", "2026-11-23", "2026-11-29"),
    ],
)
def test_weeks_at_the_turn_of_a_year_and_of_a_week(day, label, start, end):
    span = span_at(date.fromisoformat(day), "week")

    assert (span.iso_week, span.start, span.end) == (label, date.fromisoformat(start), date.fromisoformat(end))


def test_a_leap_february_has_29_days():
    assert span_at(date(2028, 2, 10), "month") == Span(date(2028, 2, 1), date(2028, 3, 1), "month")
