from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import FetchError, ParseError, SourceError
from aiwire.types import NotModified, Response, Source, SourceState
from ingest.schedule import MAX_DELAY, after_failure, after_success, is_due

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
URL = "https://example.com/feed"
BEFORE = SourceState(
    source_id="a", etag='W/"1"', last_modified="yesterday, odd format", error_count=3, error="HTTP 500",
    ok_at=NOW - timedelta(days=1),
)  # fmt: skip
SOURCE = Source(id="a", name="A", kind="feed", url=URL, publisher="a")


def ok(**headers: str) -> Response:
    return Response(url=URL, final_url=URL, status=200, headers=headers, body=b"x")


def test_a_success_stores_the_validators_verbatim_and_clears_the_error() -> None:
    answer = ok(etag='W/"2"', **{"last-modified": "Tue, 1 Foo 2026"})

    assert after_success(BEFORE, answer, now=NOW, every_minutes=90) == SourceState(
        source_id="a",
        etag='W/"2"',
        last_modified="Tue, 1 Foo 2026",
        checked_at=NOW,
        ok_at=NOW,
        next_check_at=NOW + timedelta(minutes=90),
        next_check_reason="every 90 min",
    )


def test_a_200_without_validators_clears_them_and_a_304_keeps_them() -> None:
    full = after_success(BEFORE, ok(), now=NOW, every_minutes=60)
    same = after_success(BEFORE, NotModified(URL, {}), now=NOW, every_minutes=60)
    renewed = after_success(BEFORE, NotModified(URL, {"etag": '"3"'}), now=NOW, every_minutes=60)

    assert (full.etag, full.last_modified) == (None, None)
    assert (same.etag, same.last_modified, same.next_check_reason) == (BEFORE.etag, BEFORE.last_modified, "every 1 h")
    assert (renewed.etag, renewed.last_modified) == ('"3"', BEFORE.last_modified)


def test_a_failure_waits_longer_each_time_and_says_why() -> None:
    error = FetchError(URL, "HTTP 503 Service Unavailable", reason="status", status=503)

    state = after_failure(BEFORE, error, now=NOW, every_minutes=60)

    assert state == dataclasses.replace(
        BEFORE,
        checked_at=NOW,
        next_check_at=NOW + timedelta(hours=8),
        next_check_reason="status 503, failure 4 in a row: again after 8 h",
        error_count=4,
        error="HTTP 503 Service Unavailable",
    )


def test_the_first_failure_keeps_the_usual_interval() -> None:
    error = FetchError(URL, "no connection", reason="connect")

    state = after_failure(SourceState("a"), error, now=NOW, every_minutes=60)

    assert state.next_check_at == NOW + timedelta(hours=1)
    assert state.next_check_reason == "connect, failure 1 in a row: again after 1 h"


def test_a_document_that_could_not_be_parsed_is_fetched_whole_next_time() -> None:
    state = after_failure(BEFORE, ParseError(URL, "no feed"), now=NOW, every_minutes=60)

    assert (state.etag, state.last_modified, state.error_count) == (None, None, 4)
    assert state.next_check_reason == "not readable as a feed, failure 4 in a row: again after 8 h"


def test_a_miss_in_an_archive_is_no_failure_of_the_source() -> None:
    error = FetchError(URL, "not in demo.warc.gz", reason="not-in-archive")

    state = after_failure(BEFORE, error, now=NOW, every_minutes=60)

    assert state == dataclasses.replace(
        BEFORE,
        checked_at=NOW,
        next_check_at=NOW + timedelta(hours=1),
        next_check_reason="not in the archive; every 1 h",
        error="not in demo.warc.gz",
    )


ERRORS = st.sampled_from(
    [
        FetchError(URL, "x", reason="timeout"),
        FetchError(URL, "x", reason="status", status=404),
        ParseError(URL, "x"),
        SourceError(URL, "x"),
    ]
)
MINUTES = st.integers(1, 7 * 1440)


@given(ERRORS, MINUTES, st.integers(0, 10_000))
def test_the_wait_is_never_under_the_interval_nor_over_a_week_and_never_shrinks(
    error: SourceError, every: int, failures: int
) -> None:
    def wait(count: int) -> timedelta:
        state = after_failure(SourceState("a", error_count=count), error, now=NOW, every_minutes=every)
        assert state.next_check_at is not None
        return state.next_check_at - NOW

    assert timedelta(minutes=every) <= wait(failures) <= MAX_DELAY
    assert wait(failures) <= wait(failures + 1)


@given(MINUTES, st.integers(1, 10))
def test_a_success_resets_the_wait(every: int, failures: int) -> None:
    state = SourceState("a", error_count=failures, error="x")

    state = after_success(state, ok(), now=NOW, every_minutes=every)

    assert (state.error_count, state.error, state.next_check_at) == (0, None, NOW + timedelta(minutes=every))


@pytest.mark.parametrize(
    ("source", "state", "due"),
    [
        (SOURCE, None, True),
        (SOURCE, SourceState("a"), True),
        (SOURCE, SourceState("a", next_check_at=NOW), True),
        (SOURCE, SourceState("a", next_check_at=NOW + timedelta(seconds=1)), False),
        (dataclasses.replace(SOURCE, enabled=False), None, False),
    ],
)
def test_a_source_is_due_when_its_time_has_come(source: Source, state: SourceState | None, due: bool) -> None:
    assert is_due(source, state, NOW) is due
