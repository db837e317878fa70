from __future__ import annotations

import math
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import FetchError, ParseError, SourceError
from aiwire.types import FeedHints, Hop, NotModified, Request, Response, Source, SourceState
from ingest.schedule import (
    Check,
    Timing,
    after_failure,
    after_success,
    is_due,
    move_of,
    overdue_ratio,
    request_for,
)

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
URL, NEW = "https://example.com/feed", "https://www.example.com/rss"
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
SOURCE = Source(id="a", name="A", kind="feed", url=URL, publisher="a")
TIMING = Timing()
NOTHING_NEW = Check(entries=10, new=(), hints=FeedHints(), first=False)
UNCHANGED = Check(entries=None, new=(), hints=None, first=False)


def ok(body: bytes = b"old", **headers: str) -> Response:
    return Response(URL, URL, 200, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def status(code: int, **headers: str) -> FetchError:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return FetchError(URL, f"HTTP {code}", reason="status", status=code, headers=names)


def read(state: SourceState, answer: Response | NotModified, check: Check, now: datetime = NOW) -> SourceState:
    return after_success(SOURCE, state, answer, check, now=now, timing=TIMING)


def fail(state: SourceState, error: SourceError, now: datetime = NOW, source: Source = SOURCE) -> SourceState:
    return after_failure(source, state, error, now=now, timing=TIMING)


FIRST = Check(
    entries=3,
    new=(NOW - timedelta(hours=2), NOW - timedelta(hours=8), NOW - timedelta(hours=14)),
    hints=FeedHints(ttl_s=1800, skip_hours=(2,), hub="https://hub.example/"),
    first=True,
)
READ = read(SourceState("a"), ok(etag='"1"', last_modified="Mon, odd", cache_control="max-age=14400"), FIRST)


# ---------------------------------------------------------------- one check


def test_the_first_answer_leaves_all_behind_that_the_next_check_needs() -> None:
    after = read(SourceState("a"), ok(etag='"1"', last_modified="Mon, odd", cache_control="max-age=14400"), FIRST)

    assert after == SourceState(
        "a",
        etag='"1"',
        last_modified="Mon, odd",
        body_hash="b602b1d58103aaa23299e7acbc3a0382",
        body_bytes=3,
        full_at=NOW,
        checked_at=NOW,
        ok_at=NOW,
        next_check_at=NOW + timedelta(hours=4) * 0.953 + timedelta(seconds=0.8),
        next_check_reason="new items every 6 h, half is 3 h; max-age of 4 h wins; -4.7 % jitter",
        new_gap_s=6 * 3600,
        new_at=NOW - timedelta(hours=2),
        hint_s=14400,
        hint_name="max-age",
        skip_hours=(2,),
        hub="https://hub.example/",
        entries=3,
        status="ok",
    )


def test_a_304_keeps_what_was_known_and_the_wait_too() -> None:
    later = NOW + timedelta(hours=4)

    after = read(READ, NotModified(URL, {}), UNCHANGED, later)

    assert after == replace(
        READ, checked_at=later, ok_at=later, next_check_at=READ.next_check_at and READ.next_check_at + 4 * HOUR
    )


def test_the_request_goes_out_with_the_validators_to_where_the_source_has_moved() -> None:
    listing = replace(SOURCE, kind="listing")

    assert request_for(SOURCE, SourceState("a"), NOW) == Request(URL, "a", "feed")
    assert request_for(SOURCE, READ, NOW + HOUR) == Request(URL, "a", "feed", etag='"1"', last_modified="Mon, odd")
    assert request_for(listing, replace(READ, moved_to=NEW), NOW + 2 * DAY) == Request(NEW, "a", "listing")


def test_a_failure_changes_only_what_speaks_of_failures_and_the_next_check() -> None:
    later = NOW + 4 * HOUR

    after = fail(READ, status(404), later)

    assert after == replace(
        READ,
        checked_at=later,
        next_check_at=later + 6 * HOUR,
        next_check_reason="HTTP 404, failure 1 in a row: again after 6 h",
        status="missing",
        error_class="missing",
        error_count=1,
        error_weight=1.0,
        error="HTTP 404",
        failing_since=later,
    )


def test_a_failure_waits_at_least_as_long_as_server_and_feed_asked_for() -> None:
    wish = replace(READ, hint_s=20 * 3600)
    own = replace(SOURCE, every_minutes=5, own_server=True)

    assert fail(wish, status(404)).next_check_at == NOW + 20 * HOUR
    assert fail(wish, status(429), source=own).next_check_at == NOW + HOUR / 2


def test_a_source_that_is_gone_is_not_asked_any_more_and_says_how_to() -> None:
    once = fail(READ, status(410))
    twice = fail(once, status(410), NOW + DAY)
    thrice = fail(twice, status(500), NOW + 3 * DAY)

    assert (once.status, once.next_check_at, is_due(SOURCE, once, NOW + DAY)) == ("missing", NOW + DAY, True)
    for state in (twice, thrice):
        assert (state.status, state.next_check_at, is_due(SOURCE, state, NOW + 999 * DAY)) == ("gone", None, False)
        assert (
            state.next_check_reason
            == "gone: HTTP 410 twice, a day apart; not asked any more, `aiwire run --force` asks"
        )
    assert read(thrice, ok(etag='"1"'), NOTHING_NEW, NOW + 4 * DAY).status == "ok"


def test_a_new_address_with_nothing_there_leads_back_to_the_old_one() -> None:
    state = replace(READ, moved_to=NEW)
    states = [state := fail(state, status(code), NOW + n * DAY) for n, code in enumerate((404, 410, 410))]

    assert [s.moved_to for s in states] == [NEW, NEW, None]
    assert (state.status, state.gone_at, state.etag) == ("missing", None, None)
    assert state.next_check_at == NOW + 2 * DAY + 3 * HOUR
    assert state.next_check_reason == f"nothing at {NEW} any more: {URL} again after 3 h"
    assert move_of(states[1], states[2], SOURCE) == (NEW, URL)


def test_a_replay_waits_for_the_floor_whatever_happens() -> None:
    replay = Timing(floor_minutes=30, replay=True)
    absent = FetchError(URL, "not in demo.warc.gz", reason="not-in-archive")

    missed, failed = (after_failure(SOURCE, READ, e, now=NOW, timing=replay) for e in (absent, status(403)))

    assert (missed.error_count, missed.status, missed.error) == (0, "ok", "not in demo.warc.gz")
    assert (missed.next_check_at, missed.next_check_reason) == (
        NOW + HOUR / 2,
        "not in the archive: again after 30 min",
    )
    assert (failed.error_count, failed.status) == (1, "blocked")
    assert (failed.next_check_at, failed.next_check_reason) == (
        NOW + HOUR / 2,
        "blocked in a replay: again after 30 min",
    )


def test_validators_that_a_broken_body_cost_do_not_count_against_the_server() -> None:
    big = replace(READ, body_bytes=100_000)

    broken = fail(big, ParseError(URL, "cut short"))

    assert (broken.etag, broken.last_modified) == (None, None)
    assert broken.next_check_at is not None
    assert broken.next_check_at - NOW < 6 * HOUR


# ---------------------------------------------------------------- due or not


@pytest.mark.parametrize(
    ("source", "state", "due"),
    [
        pytest.param(SOURCE, None, True, id="never checked"),
        pytest.param(SOURCE, SourceState("a"), True, id="no plan"),
        pytest.param(SOURCE, SourceState("a", next_check_at=NOW), True, id="now"),
        pytest.param(SOURCE, SourceState("a", next_check_at=NOW + timedelta(seconds=1)), False, id="later"),
        pytest.param(SOURCE, SourceState("a", status="gone"), False, id="gone"),
        pytest.param(replace(SOURCE, enabled=False), None, False, id="switched off"),
        pytest.param(
            SOURCE, SourceState("a", checked_at=NOW + HOUR, next_check_at=NOW + 2 * HOUR), False, id="clock an hour off"
        ),
        pytest.param(
            SOURCE, SourceState("a", checked_at=NOW + 2 * DAY, next_check_at=NOW + 3 * DAY), True, id="clock days off"
        ),
    ],
)
def test_a_source_is_due_when_its_time_has_come(source: Source, state: SourceState | None, due: bool) -> None:
    assert is_due(source, state, NOW) is due


def test_what_is_most_overdue_for_its_own_rhythm_comes_first() -> None:
    hourly = SourceState("a", checked_at=NOW - 4 * HOUR, next_check_at=NOW - 3 * HOUR)
    daily = SourceState("b", checked_at=NOW - 30 * HOUR, next_check_at=NOW - 6 * HOUR)
    early = SourceState("c", checked_at=NOW - HOUR, next_check_at=NOW + HOUR)
    odd = SourceState("d", checked_at=NOW + HOUR, next_check_at=NOW)

    assert [overdue_ratio(state, NOW) for state in (SourceState("n"), hourly, daily, odd, early)] == [
        math.inf, 3.0, 0.25, 0.0, -0.5,
    ]  # fmt: skip


# ---------------------------------------------------------------- any life of a source

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis wants naive bounds
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "etag": st.sampled_from(['"1"', 'W/"1"', '"2"', ""]),
        "last-modified": st.text(max_size=3),
        "cache-control": st.sampled_from(["no-cache", "max-age=99999999", "max-age=7000", "x"]),
        "expires": st.sampled_from(["0", "Mon, 23 Nov 2026 09:00:00 GMT"]),
    },
)
HINTS = st.builds(
    FeedHints,
    ttl_s=st.none() | st.integers(-1, 10**9),
    period_s=st.none() | st.integers(-1, 10**9),
    skip_hours=st.lists(st.integers(0, 23), max_size=24).map(tuple),
    skip_days=st.lists(st.integers(0, 6), max_size=7).map(tuple),
)
HOPS = st.lists(st.builds(Hop, st.just(URL), st.sampled_from([301, 302, 308])), max_size=2).map(tuple)
ANSWERS = st.one_of(
    st.builds(
        Response,
        st.just(URL),
        st.sampled_from([URL, NEW]),
        st.just(200),
        HEADERS,
        st.sampled_from([b"", b"x", b"y"]),
        HOPS,
    ),
    st.builds(NotModified, st.just(URL), HEADERS, st.sampled_from([URL, NEW]), HOPS),
)
CHECKS = st.builds(
    Check,
    entries=st.none() | st.integers(0, 50),
    new=st.lists(MOMENTS, max_size=5).map(tuple),
    hints=st.none() | HINTS,
    first=st.booleans(),
)
GOOD = st.tuples(ANSWERS, CHECKS)
BAD = st.sampled_from(
    [status(code) for code in (403, 404, 410, 500)]
    + [status(429, retry_after="9" * 9), FetchError(URL, "x", reason="dns"), FetchError(URL, "x", reason="robots")]
    + [ParseError(URL, "an HTML page"), ParseError(URL, "x"), SourceError(URL, "x")]
    + [FetchError(URL, "x", reason="not-in-archive")]
)
LIFE = st.lists(st.tuples(st.floats(-50, 500), GOOD | BAD), min_size=1, max_size=25)
FAILURE_FIELDS = ("error_class", "error_count", "error_weight", "error", "failing_since", "gone_at")
SOURCES = st.builds(
    replace, st.just(SOURCE), every_minutes=st.none() | st.integers(1, 10_080), own_server=st.booleans()
)


def one(source: Source, state: SourceState, event: Any, now: datetime, timing: Timing) -> SourceState:
    if isinstance(event, SourceError):
        return after_failure(source, state, event, now=now, timing=timing)
    answer, check = event
    return after_success(source, state, answer, check, now=now, timing=timing)


@given(SOURCES, LIFE, st.integers(1, 10_080), st.booleans())
def test_whatever_happens_the_next_check_is_within_its_bounds_and_explained(
    source: Source, life: list[tuple[float, Any]], floor: int, replay: bool
) -> None:
    state, now, timing = SourceState("a"), NOW, Timing(floor, replay)
    least = timedelta(minutes=min(floor, source.every_minutes or floor) if source.own_server else floor)
    for hours, event in life:
        now += timedelta(seconds=round(hours * 3600))
        state = one(source, state, event, now, timing)

        assert state.checked_at == now
        assert state.next_check_reason
        assert request_for(source, state, now).url in (URL, NEW)
        if state.status == "gone":
            assert state.next_check_at is None
            continue
        assert state.next_check_at is not None
        longest = WEEK if isinstance(event, SourceError) else 1.1 * WEEK
        assert now + least <= state.next_check_at <= now + longest
        assert not is_due(source, state, now)


@given(LIFE, GOOD)
def test_a_success_after_any_life_leaves_nothing_of_its_failures(life: list[tuple[float, Any]], good: Any) -> None:
    state, now = SourceState("a"), NOW
    for hours, event in life:
        now += timedelta(hours=hours)
        state = one(SOURCE, state, event, now, TIMING)

    state = one(SOURCE, state, good, now + HOUR, TIMING)

    blank = SourceState("a")
    assert {name: getattr(state, name) for name in FAILURE_FIELDS} == {
        name: getattr(blank, name) for name in FAILURE_FIELDS
    }
    assert state.status in ("ok", "suspicious")
    assert (state.status == "suspicious") == (state.suspicious_since is not None)


@given(LIFE)
def test_one_state_does_not_depend_on_when_it_is_worked_out(life: list[tuple[float, Any]]) -> None:
    def end() -> SourceState:
        state, now = SourceState("a"), NOW
        for hours, event in life:
            now += timedelta(hours=hours)
            state = one(SOURCE, state, event, now, TIMING)
        return state

    first, second = end(), end()

    assert all(getattr(first, field.name) == getattr(second, field.name) for field in fields(SourceState))
