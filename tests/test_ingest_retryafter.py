"""Retry-After and its relatives: what they say, whatever they hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.http.retryafter import LONGEST, is_throttled, retry_after

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7200 ", 7200),
        ("1.5", 1.5),
        ("0", 0),
        ("-5", 0),
        ("1000000000", LONGEST.total_seconds()),
        ("9" * 5000, LONGEST.total_seconds()),
        ("60, 120", 120),
        ("Mon, 23 Nov 2026 08:00:00 GMT", 7200),
        ("Monday, 23-Nov-26 08:00:00 GMT", 7200),
        ("Mon Nov 23 08:00:00 2026", 7200),
        ("Mon, 23 Nov 2020 08:00:00 GMT", 0),
        ("Mon, 23 Nov 9999 08:00:00 GMT", LONGEST.total_seconds()),
        (str(int(NOW.timestamp()) + 900), 900),
        ("", None),
        ("soon", None),
        ("1e3", None),
        ("١٢", None),
        ("Mon, 99 Nov 2026 08:00:00 GMT", None),
    ],
)
def test_every_value_of_retry_after_has_a_meaning(value: str, seconds: float | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)

    assert retry_after({"retry-after": value}, NOW) == expected


def test_a_date_is_measured_against_the_clock_of_the_server_that_wrote_it() -> None:
    wrong_by_a_day = {"date": "Sun, 22 Nov 2026 06:00:00 GMT", "retry-after": "Sun, 22 Nov 2026 07:00:00 GMT"}

    assert retry_after(wrong_by_a_day, NOW) == timedelta(hours=1)
    assert retry_after(wrong_by_a_day | {"date": "yesterday"}, NOW) == timedelta(0)


def test_the_reset_of_a_rate_limit_counts_where_there_is_no_retry_after() -> None:
    as_a_moment = {"x-ratelimit-reset": str(int(NOW.timestamp()) + 600)}

    assert retry_after(as_a_moment, NOW) == timedelta(minutes=10)
    assert retry_after({"ratelimit-reset": "30"}, NOW) == timedelta(seconds=30)
    assert retry_after(as_a_moment | {"retry-after": "60"}, NOW) == timedelta(minutes=1)
    assert retry_after(as_a_moment | {"retry-after": "soon"}, NOW) == timedelta(minutes=10)
    assert retry_after({}, NOW) is None


@pytest.mark.parametrize(
    ("status", "headers", "throttled"),
    [
        (429, {}, True),
        (503, {"retry-after": "5"}, True),
        (503, {"retry-after": "soon"}, True),
        (503, {}, False),
        (403, {"retry-after": "5"}, True),
        (403, {"x-ratelimit-reset": "5"}, True),
        (403, {"ratelimit-reset": "5", "ratelimit-remaining": "0"}, True),
        (403, {"x-ratelimit-reset": "5", "x-ratelimit-remaining": "57"}, False),
        (403, {}, False),
        (301, {"retry-after": "5"}, False),
        (None, {"retry-after": "5"}, False),
    ],
)
def test_which_answers_mean_that_we_ask_too_often(status: int | None, headers: dict[str, str], throttled: bool) -> None:
    assert is_throttled(status, headers) is throttled


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "date", "x-ratelimit-reset", "ratelimit-reset", "x-ratelimit-remaining"]),
        st.text(max_size=40)
        | st.integers().map(str)
        | st.floats().map(str)
        | st.datetimes(timezones=st.just(UTC)).map(lambda moment: format_datetime(moment, usegmt=True)),
    )
)
def test_no_header_crashes_or_leaves_the_bounds(headers: dict[str, str]) -> None:
    wait = retry_after(headers, NOW)

    assert wait is None or timedelta(0) <= wait <= LONGEST
    assert is_throttled(403, headers) in (True, False)
