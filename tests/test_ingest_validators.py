from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import FetchError, ParseError, SourceError
from aiwire.types import NotModified, Response, Source, SourceState
from ingest.schedule import Timing, after_failure, request_for
from ingest.schedule.validators import forget_refused_validators, is_the_same_body, keep_validators, wants_whole

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
URL = "https://example.com/feed"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ok(body: bytes = b"old", **headers: str) -> Response:
    return Response(URL, URL, 200, {name.replace("_", "-"): value for name, value in headers.items()}, body)


READ = keep_validators(SourceState("a"), ok(etag='"1"', last_modified="Mon"), now=NOW - HOUR)
READ = replace(READ, checked_at=NOW - HOUR)


def test_validators_are_stored_verbatim_with_what_the_body_was() -> None:
    after = keep_validators(SourceState("a"), ok(etag='W/"  1', last_modified="Tue, 1 Foo 2026"), now=NOW)

    assert after == SourceState(
        "a",
        etag='W/"  1',
        last_modified="Tue, 1 Foo 2026",
        body_hash="b602b1d58103aaa23299e7acbc3a0382",
        body_bytes=3,
        full_at=NOW,
    )


def test_a_200_without_validators_clears_them_and_a_304_keeps_or_renews_them() -> None:
    full = keep_validators(READ, ok(), now=NOW)
    same = keep_validators(READ, NotModified(URL, {}), now=NOW)
    renewed = keep_validators(READ, NotModified(URL, {"etag": '"2"'}), now=NOW)

    assert (full.etag, full.last_modified, full.full_at) == (None, None, NOW)
    assert same == READ
    assert (renewed.etag, renewed.last_modified, renewed.full_at) == ('"2"', "Mon", NOW - HOUR)


def test_validators_are_renewed_even_if_the_body_is_the_same() -> None:
    after = keep_validators(READ, ok(etag='"2"'), now=NOW)

    assert (after.etag, after.last_modified, after.body_hash) == ('"2"', None, READ.body_hash)


def test_the_same_body_again_despite_validators_is_counted_until_a_304_or_another_body() -> None:
    once = keep_validators(READ, ok(etag='"2"'), now=NOW)
    twice = keep_validators(once, ok(etag='"3"'), now=NOW)

    assert (once.unmoved, twice.unmoved) == (1, 2)
    assert keep_validators(twice, NotModified(URL, {}), now=NOW).unmoved == 0
    assert keep_validators(twice, ok(b"new", etag='"4"'), now=NOW).unmoved == 0
    assert keep_validators(replace(twice, etag=None), ok(), now=NOW).unmoved == 2  # nothing was sent: proves nothing


@pytest.mark.parametrize(
    ("etag", "body", "trusted"),
    [
        pytest.param('"1"', b"new", False, id="strong etag, other body"),
        pytest.param('"1"', b"old", True, id="strong etag, same body"),
        pytest.param('"2"', b"new", True, id="other etag, other body"),
        pytest.param("1", b"new", False, id="an etag without quotes is a strong one all the same"),
    ],
)
def test_a_strong_etag_that_stands_for_two_bodies_is_a_lie(etag: str, body: bytes, trusted: bool) -> None:
    before = replace(READ, etag="1") if etag == "1" else READ

    assert keep_validators(before, ok(body, etag=etag), now=NOW).validators_trusted is trusted


def test_a_weak_etag_may_stand_for_bodies_that_differ_a_little() -> None:
    before = keep_validators(SourceState("a"), ok(etag='W/"1"'), now=NOW - HOUR)

    assert keep_validators(before, ok(b"new", etag='W/"1"'), now=NOW).validators_trusted


def test_a_304_that_hid_another_body_is_found_out_by_asking_without_validators() -> None:
    weak = keep_validators(SourceState("a"), ok(etag='W/"1"', last_modified="Mon"), now=NOW - 2 * DAY)
    dated = replace(weak, etag=None)

    assert wants_whole(weak, NOW)
    assert not keep_validators(weak, ok(b"new", etag='W/"1"', last_modified="Mon"), now=NOW).validators_trusted
    assert not keep_validators(dated, ok(b"new", last_modified="Mon"), now=NOW).validators_trusted
    assert keep_validators(weak, ok(b"new", etag='W/"2"', last_modified="Tue"), now=NOW).validators_trusted
    assert keep_validators(weak, ok(b"old", etag='W/"1"', last_modified="Mon"), now=NOW).validators_trusted
    assert keep_validators(dated, ok(b"new"), now=NOW).validators_trusted


def test_trust_that_is_lost_does_not_come_back_with_one_good_answer() -> None:
    lied = replace(READ, validators_trusted=False)

    assert not keep_validators(lied, ok(b"new", etag='"2"'), now=NOW).validators_trusted


@pytest.mark.parametrize(("length", "kept"), [(1_000, True), (1_001, False)])
def test_a_validator_that_is_too_long_to_be_sent_back_counts_as_none(length: int, kept: bool) -> None:
    long = '"' + "x" * (length - 2) + '"'

    full = keep_validators(READ, ok(etag=long, last_modified="Tue"), now=NOW)
    same = keep_validators(READ, NotModified(URL, {"etag": long, "last-modified": long}), now=NOW)

    assert (full.etag, full.last_modified) == (long if kept else None, "Tue")
    assert (same.etag, same.last_modified) == ((long, long) if kept else ('"1"', "Mon"))


# ---------------------------------------------------------------- refused


def status(number: int) -> FetchError:
    return FetchError(URL, f"HTTP {number}", reason="status", status=number)


@pytest.mark.parametrize(
    ("error", "forgotten"),
    [
        pytest.param(status(400), True, id="400"),
        pytest.param(status(413), True, id="413"),
        pytest.param(status(431), True, id="431"),
        pytest.param(status(404), False, id="404"),
        pytest.param(status(503), False, id="503"),
        pytest.param(FetchError(URL, "no connection", reason="connect"), False, id="no connection"),
        pytest.param(ParseError(URL, "no feed"), False, id="no answer of a server"),
    ],
)
def test_validators_with_which_a_request_is_refused_are_forgotten(error: SourceError, forgotten: bool) -> None:
    after = forget_refused_validators(READ, error, now=NOW)

    assert after == (replace(READ, etag=None, last_modified=None) if forgotten else READ)


def test_validators_that_were_not_sent_are_not_to_blame() -> None:
    overdue = replace(READ, full_at=NOW - 3 * DAY)

    assert wants_whole(overdue, NOW)
    assert forget_refused_validators(overdue, status(431), now=NOW) == overdue


def test_the_request_after_a_refusal_goes_without_validators() -> None:
    source = Source(id="a", name="a", kind="feed", url=URL, publisher="a")

    failed = after_failure(source, READ, status(431), now=NOW, timing=Timing())
    again = request_for(source, failed, NOW + HOUR)

    assert request_for(source, READ, NOW).etag == '"1"'
    assert (again.etag, again.last_modified) == (None, None)
    assert (failed.error_count, failed.error) == (1, "HTTP 431")


# ---------------------------------------------------------------- asking without


def silent(full: timedelta, *, checked: timedelta = HOUR, **values: object) -> SourceState:
    state = SourceState("a", etag='"1"', full_at=NOW - full, checked_at=NOW - checked)
    return replace(state, **values)


@pytest.mark.parametrize(
    ("state", "whole"),
    [
        pytest.param(silent(DAY), False, id="a day of 304"),
        pytest.param(silent(DAY + HOUR / 2), True, id="more than a day"),
        pytest.param(silent(DAY + HOUR / 2, new_gap_s=12 * 3600.0), False, id="shorter than four usual gaps"),
        pytest.param(silent(2 * DAY + HOUR / 2, new_gap_s=12 * 3600.0), True, id="longer than four usual gaps"),
        pytest.param(silent(DAY + 2 * HOUR), False, id="tried an hour ago, in vain"),
        pytest.param(silent(DAY + 26 * HOUR, checked=3 * HOUR), True, id="tried a day ago, in vain"),
        pytest.param(silent(DAY + HOUR / 2, etag=None), False, id="nothing to leave out"),
        pytest.param(silent(DAY + HOUR / 2, new_at=NOW - 9 * DAY), False, id="a whole body has found it quiet for 8 d"),
        pytest.param(silent(8 * DAY, new_at=NOW - 15 * DAY), True, id="quiet for as long again"),
        pytest.param(silent(30 * DAY + HOUR / 2, new_at=NOW - 300 * DAY), True, id="dormant: monthly"),
        pytest.param(silent(DAY, full_at=None), True, id="no whole body on record"),
        pytest.param(silent(-DAY), True, id="a whole body from the future"),
        pytest.param(silent(DAY, checked=-DAY), False, id="a check from the future"),
        pytest.param(
            silent(DAY + HOUR / 2, validators_trusted=False, new_gap_s=86_400.0), True, id="not trusted: once a day"
        ),
        pytest.param(silent(DAY / 2, validators_trusted=False), False, id="not trusted: conditional between"),
    ],
)
def test_a_long_row_of_304_is_doubted(state: SourceState, whole: bool) -> None:
    assert wants_whole(state, NOW) is whole


@given(st.lists(st.floats(0.5, 40), min_size=1, max_size=60), st.floats(0, 1e6), st.booleans(), st.booleans())
def test_a_server_that_only_says_304_is_asked_whole_at_most_once_a_day(
    hours: list[float], gap: float, trusted: bool, answers: bool
) -> None:
    state = SourceState("a", etag='"1"', full_at=NOW, checked_at=NOW, new_gap_s=gap, validators_trusted=trusted)
    now, tries = NOW, list[datetime]()
    for wait in hours:
        now += timedelta(hours=wait)
        if wants_whole(state, now):
            tries.append(now)
            state = keep_validators(state, ok(etag='"1"'), now=now) if answers else state
        state = replace(state, checked_at=now)

    assert len(tries) <= (now - NOW) / DAY
    assert not answers or all(later - earlier > DAY for earlier, later in itertools.pairwise(tries))


# ---------------------------------------------------------------- the same body


def test_a_body_is_known_again_but_is_weighed_again_while_the_source_is_suspicious() -> None:
    assert is_the_same_body(READ, b"old")
    assert not is_the_same_body(READ, b"new")
    assert not is_the_same_body(SourceState("a"), b"")
    assert not is_the_same_body(replace(READ, suspicious_since=NOW), b"old")
