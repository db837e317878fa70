"""Dates: what feeds write is read, and nothing that they do not write is made up."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.dates import from_struct, parse_date

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-03-05T10:00:00Z", "2024-03-05T10:00:00"),
        ("2024-03-05T10:00:00.123+08:00", "2024-03-05T02:00:00.123000"),
        ("2024-03-05", "2024-03-05T00:00:00"),
        ("20240305", "2024-03-05T00:00:00"),
        ("2024-03-05T24:00:00Z", "2024-03-06T00:00:00"),
        ("2024-03-05T10:00:00-05:00Z", "2024-03-05T15:00:00"),
        ("Tue, 05 Mar 2024 10:00:00 GMT", "2024-03-05T10:00:00"),
        ("Tue, 5 Mar 24 10:00 -0800", "2024-03-05T18:00:00"),
        ("Tue, 05 Mar 2024 10:00:00-0800", "2024-03-05T18:00:00"),
        ("Tue, 05 Mar 2024 10:00:00 EST", "2024-03-05T15:00:00"),
        ("Fri, 05 Jul 2024 10:00:00 America/Los_Angeles", "2024-07-05T17:00:00"),
        ("March 5th, 2024 at 3pm ET", "2024-03-05T20:00:00"),
        ("July 5, 2024, 3:09 p.m. PT", "2024-07-05T22:09:00"),
        ("2026-01-02T03:04:05 PST", "2026-01-02T11:04:05"),
        ("Tue Mar  5 10:00:00 PST 2024", "2024-03-05T18:00:00"),
        ("Thu Nov 12 2020 17:00:00 GMT+0000 (Coordinated Universal Time)", "2020-11-12T17:00:00"),
        ("1520932969", "2018-03-13T09:22:49"),
        ("1520932969000", "2018-03-13T09:22:49"),
        ("2024年3月5日 10:30", "2024-03-05T10:30:00"),
        ("5. März 2024", "2024-03-05T00:00:00"),
        ("12 de março de 2024", "2024-03-12T00:00:00"),
        ("mar., 01 déc. 2020 16:11:02 +0000", "2020-12-01T16:11:02"),
        ("30.10.23", "2023-10-30T00:00:00"),
        ("10/30/23 21:55:58", "2023-10-30T21:55:58"),
        ("26/06/2020", "2020-06-26T00:00:00"),
        ("03/04/2020", "2020-03-04T00:00:00"),
        ("May 2, 2023 · 5 min read", "2023-05-02T00:00:00"),
        ("Nov. 2020", "2020-11-01T00:00:00"),
    ],
)
def test_a_date_is_read_as_it_was_meant(text: str, moment: str) -> None:
    assert parse_date(text) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        "Monday",
        "12",
        "2024",
        "March",
        "May 5",
        "10:30",
        "3 days ago",
        "just now",
        "5 min read",
        "1.2.3.2024",
        "Decision 5, 2024",
    ],
)
def test_a_text_without_a_whole_date_gives_none(text: str | None) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2024-13-45",
        "April 31, 2024",
        "13/14/2024",
        "00/00/0000",
        "1989-12-31",
        "2101-01-01",
        "0001-01-01T00:00:00Z",
        "9" * 300,
    ],
)
def test_an_impossible_or_absurd_date_gives_none(text: str) -> None:
    assert parse_date(text) is None


def test_a_tuple_of_feedparser_counts_only_if_the_text_holds_a_whole_date() -> None:
    parsed = time.gmtime(1_520_932_969)

    assert from_struct(parsed, "12") is None
    assert from_struct(None, "2018-03-13") is None
    assert from_struct(parsed, "2018. 03. 13. 오전 9:22") == datetime(2018, 3, 13, 9, 22, 49, tzinfo=UTC)


FIRST, LAST = datetime.fromisoformat("1990-01-03"), datetime.fromisoformat("2100-12-30")


@given(st.datetimes(FIRST, LAST), st.integers(-14 * 60, 14 * 60))
@settings(max_examples=150, deadline=None)
def test_what_rfc_822_and_iso_8601_write_is_read_back(moment: datetime, offset: int) -> None:
    aware = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))

    assert parse_date(format_datetime(aware)) == aware
    assert parse_date(aware.isoformat()) == aware


@given(st.text(alphabet="0123456789:/-+,. TZamptuesdyjnGMT年月日", max_size=40) | st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_raises_and_every_date_is_in_range(text: str) -> None:
    found = parse_date(text)

    assert found is None or (found.tzinfo is UTC and 1990 <= found.year <= 2100)


@needs_shared
def test_every_date_of_the_conformance_list_is_read() -> None:
    cases = json.loads((SHARED / "conformance/miniflux/date/cases.json").read_text("utf-8"))
    exact = [case for case in cases["exact"] if case["input"].strip()]  # the first pair was extracted wrongly

    assert [text for text in cases["must_parse"] if parse_date(text) is None] == []
    assert {case["input"]: parse_date(case["input"]) for case in exact} == {
        case["input"]: datetime.fromtimestamp(case["unix"], UTC) for case in exact
    }
