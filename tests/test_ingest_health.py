from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import ExtractError, FetchError, OptOutError, ParseError, SourceError
from aiwire.types import ErrorClass, SourceState
from ingest.feeds.parse import parse_feed
from ingest.schedule.health import classify, count_failure, count_success, retry_wait

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
URL = "https://example.com/feed"
HOUR, DAY = 3600, 86_400
WEEK = 7 * DAY


def failure(reason: Any, message: str = "x") -> FetchError:
    return FetchError(URL, message, reason=reason)


def status(code: int, **headers: str) -> FetchError:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return FetchError(URL, f"HTTP {code}", reason="status", status=code, headers=names)


def page_error() -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse_feed(b"<!doctype html><html><head><title>x</title></head><body><p>Hello</p></body></html>")
    return caught.value


# ---------------------------------------------------------------- classes


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *((failure(reason), "temp") for reason in ("dns", "connect", "broken", "timeout", "too-large", "encoding")),
        *((failure(reason), "refused") for reason in ("url", "address", "robots")),
        (failure("not-in-archive"), "absent"),
        (failure("redirect", "redirect loop"), "temp"),
        (failure("redirect", "more than 5 redirects"), "temp"),
        (failure("redirect", "HTTP 301 without a Location"), "temp"),
        *((status(code), "temp") for code in (300, 304, 400, 406, 408, 418, 500, 502, 503, 504, 522)),
        *((status(code), "blocked") for code in (401, 403, 451)),
        (status(404), "missing"),
        (status(410), "gone"),
        (status(429), "throttled"),
        (status(503, retry_after="60"), "throttled"),
        (status(403, retry_after="60"), "throttled"),
        (status(403, x_ratelimit_reset="60"), "throttled"),
        (status(403, cf_mitigated="challenge"), "blocked"),
        (status(503, cf_mitigated=" Challenge", retry_after="60"), "blocked"),
        (ParseError(URL, "not well-formed"), "parse"),
        (ParseError(URL, "plain text, not an HTML page"), "parse"),
        (ExtractError(URL, "x"), "parse"),
        (SourceError(URL, "internal error"), "parse"),
        (OptOutError(URL, "x"), "refused"),
    ],
)
def test_an_error_has_a_class(error: SourceError, kind: str) -> None:
    assert classify(error) == kind


def test_a_page_where_the_feed_was_means_that_the_feed_is_missing() -> None:
    assert classify(page_error()) == "missing"


# ---------------------------------------------------------------- counting

BEFORE = SourceState(
    "a", etag='"1"', last_modified="x", status="failing", error_class="temp", error_count=2, error_weight=1.0,
    error="older", failing_since=NOW - timedelta(days=2),
)  # fmt: skip


@pytest.mark.parametrize(
    ("error", "state", "kind", "weight"),
    [
        (failure("timeout"), "failing", "temp", 1.5),
        (status(429), "throttled", "throttled", 1.25),
        (status(403), "blocked", "blocked", 2.0),
        (status(404), "missing", "missing", 2.0),
        (failure("robots"), "failing", "refused", 2.0),
    ],
)
def test_a_failure_counts_with_the_weight_of_its_class(
    error: SourceError, state: Any, kind: ErrorClass, weight: float
) -> None:
    after = count_failure(BEFORE, error, now=NOW)

    assert after == replace(
        BEFORE, status=state, error_class=kind, error_count=3, error_weight=weight, error=error.message
    )


def test_the_first_failure_says_since_when() -> None:
    assert count_failure(SourceState("a"), failure("dns"), now=NOW).failing_since == NOW
    ahead = SourceState("a", failing_since=NOW + timedelta(days=9))
    assert count_failure(ahead, failure("dns"), now=NOW).failing_since == NOW


def test_a_document_that_could_not_be_read_is_fetched_whole_next_time() -> None:
    after = count_failure(BEFORE, ParseError(URL, "not well-formed"), now=NOW)

    assert (after.etag, after.last_modified, after.status, after.error_weight) == (None, None, "failing", 1.5)


def test_a_miss_in_an_archive_is_no_failure_of_the_source() -> None:
    error = failure("not-in-archive", "not in demo.warc.gz")

    after = count_failure(BEFORE, error, now=NOW)

    assert after == replace(BEFORE, error_class="absent", error="not in demo.warc.gz")


def row(*errors: tuple[float, SourceError], **values: Any) -> SourceState:
    """Return the state after failures, each so many hours after `NOW`."""
    state = SourceState("a", **values)
    for hours, error in errors:
        state = count_failure(state, error, now=NOW + timedelta(hours=hours))
    return state


@pytest.mark.parametrize(
    ("state", "expected", "since"),
    [
        pytest.param(row((0, status(410))), "missing", 0, id="once"),
        pytest.param(row((0, status(410)), (23.9, status(410))), "missing", 0, id="twice, not a day apart"),
        pytest.param(row((0, status(410)), (24, status(410))), "gone", 0, id="twice, a day apart"),
        pytest.param(row((0, status(410)), (1, failure("dns")), (24, status(410))), "gone", 0, id="no answer between"),
        pytest.param(row((0, status(410)), (1, status(404)), (24, status(410))), "missing", 24, id="404 between"),
        pytest.param(row((0, status(410)), (24, status(410)), (25, failure("dns"))), "gone", 0, id="gone stays gone"),
        pytest.param(row((0, status(410)), (-99, status(410))), "missing", -99, id="clock set back"),
        pytest.param(row((0, status(410)), (24, status(410)), moved_to="https://x/"), "missing", None, id="moved"),
    ],
)
def test_410_twice_a_day_apart_means_gone(state: SourceState, expected: str, since: float | None) -> None:
    assert state.status == expected
    assert state.gone_at == (None if since is None else NOW + timedelta(hours=since))


def test_a_replay_never_concludes_that_a_source_is_gone() -> None:
    once = row((0, status(410)))

    assert count_failure(once, status(410), now=NOW + timedelta(days=2), replay=True).status == "missing"


# ---------------------------------------------------------------- waiting


def wait(error: SourceError, *, count: int = 1, weight: float, base: float = HOUR, **values: Any) -> tuple[float, str]:
    values = {"failing_since": NOW} | values
    failed = SourceState("a", error_count=count, error_weight=weight, **values)
    least = values.pop("hint_s", 0)
    result = retry_wait(failed, error, base_s=base, least_s=max(base, least), now=NOW)
    return result.seconds, result.why


@pytest.mark.parametrize("count", range(1, 30))
def test_the_wait_after_a_temporary_error_doubles_with_its_weight_and_parts_those_that_failed_at_once(
    count: int,
) -> None:
    before, whole = (min(HOUR * 2**weight, WEEK) for weight in ((count - 1) / 2, count / 2))
    waits = [
        retry_wait(
            SourceState(f"s{n}", error_count=count, error_weight=count / 2, failing_since=NOW),
            failure("timeout"), base_s=HOUR, least_s=HOUR, now=NOW,
        ).seconds
        for n in range(20)
    ]  # fmt: skip

    assert all(before <= seconds <= whole + 1 for seconds in waits)
    assert before == WEEK or len(set(waits)) > 10


def test_the_wait_says_what_happened_and_how_often() -> None:
    assert wait(status(500), count=3, weight=1.5)[1].startswith("HTTP 500, failure 3 in a row: again after ")
    assert wait(failure("dns"), weight=0.5)[1].startswith("dns, failure 1 in a row: again after ")
    assert wait(ParseError(URL, "x"), weight=0.5)[1].startswith("not readable, failure 1 in a row: again after ")
    assert wait(page_error(), weight=1.0)[1] == "a page instead of a feed, failure 1 in a row: again after 6 h"
    assert wait(SourceError(URL, "x"), weight=0.5)[1].startswith("failed, failure 1 in a row: again after ")


@pytest.mark.parametrize(
    ("error", "weight", "seconds"),
    [
        *((status(403), weight, seconds) for weight, seconds in ((1, 6 * HOUR), (2, DAY), (3, 3 * DAY), (4, WEEK))),
        (status(403), 99.5, WEEK),
        *((status(404), weight, seconds) for weight, seconds in ((1, 6 * HOUR), (2.75, DAY), (3, WEEK), (9, WEEK))),
    ],
)
def test_a_source_that_refuses_us_or_is_missing_is_asked_again_in_steps(
    error: SourceError, weight: float, seconds: int
) -> None:
    assert wait(error, weight=weight)[0] == seconds


@pytest.mark.parametrize(
    ("headers", "weight", "seconds"),
    [
        pytest.param({}, 0.25, HOUR * 2**0.25, id="no word"),
        pytest.param({"retry_after": "120"}, 0.25, HOUR * 2**0.25, id="less than usual"),
        pytest.param({"retry_after": "7200"}, 0.25, 7200, id="two hours"),
        pytest.param({"retry_after": "Mon, 23 Nov 2026 09:00:00 GMT"}, 0.25, 3 * HOUR, id="a date"),
        pytest.param({"retry_after": "9" * 10}, 0.25, WEEK, id="absurd"),
        pytest.param({"retry_after": "-5"}, 1.0, 2 * HOUR, id="again and again"),
    ],
)
def test_a_server_that_is_asked_too_often_gets_what_it_asks_for(
    headers: dict[str, str], weight: float, seconds: float
) -> None:
    assert wait(status(429, **headers), weight=weight)[0] == pytest.approx(seconds, abs=1)


def test_a_throttled_source_rests_half_an_hour_even_if_the_user_asks_it_each_minute() -> None:
    assert wait(status(429), weight=0.25, base=60) == (1800, "HTTP 429, failure 1 in a row: again after 30 min")


def test_the_wish_of_a_server_is_named() -> None:
    assert wait(status(429, retry_after="7200"), weight=0.25)[1] == (
        "HTTP 429, failure 1 in a row, the server asks for 2 h: again after 2 h"
    )
    assert wait(status(500, retry_after="7200"), weight=0.5) == (
        7200,
        "HTTP 500, failure 1 in a row, the server asks for 2 h: again after 2 h",
    )


def test_after_the_first_410_the_second_is_awaited_for_a_day() -> None:
    assert wait(status(410), weight=0, gone_at=NOW)[0] == DAY
    assert wait(status(410), count=2, weight=0, gone_at=NOW - timedelta(hours=20))[0] == 4 * HOUR
    assert wait(status(410), weight=0, moved_to="https://x/")[0] == DAY


def test_a_source_that_fails_for_three_months_is_asked_weekly() -> None:
    three_months = NOW - timedelta(days=91)

    assert wait(failure("dns"), count=99, weight=0.5, failing_since=three_months) == (
        WEEK,
        "dns, failure 99 in a row, for 91 d: once a week",
    )


ERRORS = st.sampled_from(
    [failure("timeout"), failure("robots"), status(403), status(404), status(410), status(429), ParseError(URL, "x")]
)


@given(ERRORS, st.floats(0, 1e6), st.integers(1, 10_000), st.floats(60, WEEK), st.floats(60, WEEK), st.integers(0, 200))
def test_no_failure_waits_less_than_a_success_or_more_than_a_week(
    error: SourceError, weight: float, count: int, base: float, least: float, days: int
) -> None:
    weight += {"missing": 1, "blocked": 1}.get(classify(error), 0)
    since = NOW - timedelta(days=days)
    failed = SourceState("a", error_count=count, error_weight=weight, failing_since=since, gone_at=since)

    result = retry_wait(failed, error, base_s=base, least_s=max(base, least), now=NOW)

    assert max(base, least) <= result.seconds <= WEEK


@given(ERRORS.filter(lambda error: classify(error) != "gone"), st.integers(1, 60), st.floats(60, WEEK))
def test_the_wait_never_shrinks_from_one_failure_to_the_next(error: SourceError, count: int, base: float) -> None:
    def after(failures: int) -> float:
        state = SourceState("a", etag='"1"')
        for _ in range(failures):
            state = count_failure(state, error, now=NOW)
        return retry_wait(state, error, base_s=base, least_s=base, now=NOW).seconds

    assert after(count) <= after(count + 1)


# ---------------------------------------------------------------- successes


def test_a_success_leaves_nothing_of_the_failures() -> None:
    failed = row((0, status(404)), (1, failure("dns")), (2, status(410)), entries=5, new_gap_s=9.0)

    assert count_success(failed, 5, now=NOW) == SourceState("a", status="ok", entries=5, new_gap_s=9.0)
    assert count_success(failed, None, now=NOW) == SourceState("a", status="ok", entries=5, new_gap_s=9.0)


@pytest.mark.parametrize(
    ("before", "entries", "suspicious"),
    [
        (None, 0, False),
        (0, 0, False),
        (1, 0, True),
        (4, 0, True),
        (4, 1, False),
        (5, 1, True),
        (6, 2, False),
        (100, 20, True),
        (100, 21, False),
        (20, 100, False),
    ],
)
def test_a_document_that_shrinks_to_almost_nothing_is_suspicious(
    before: int | None, entries: int, suspicious: bool
) -> None:
    after = count_success(SourceState("a", entries=before), entries, now=NOW)

    assert after == SourceState(
        "a",
        status="suspicious" if suspicious else "ok",
        suspicious_since=NOW if suspicious else None,
        entries=before if suspicious else entries,
    )


SHRUNK = SourceState("a", status="suspicious", suspicious_since=NOW - timedelta(days=7), entries=100)


def test_a_normal_document_ends_the_suspicion() -> None:
    assert count_success(SHRUNK, 90, now=NOW) == SourceState("a", status="ok", entries=90)


def test_what_stays_small_for_more_than_a_week_is_the_new_size() -> None:
    later = NOW + timedelta(seconds=1)

    assert count_success(SHRUNK, 1, now=NOW) == SHRUNK
    assert count_success(SHRUNK, 1, now=later) == SourceState("a", status="ok", entries=1)


def test_a_document_that_did_not_change_is_as_suspicious_as_before() -> None:
    failed = count_failure(SHRUNK, failure("dns"), now=NOW)

    assert count_success(failed, None, now=NOW + timedelta(days=9)) == SHRUNK


def test_a_suspicion_from_the_future_begins_now() -> None:
    ahead = replace(SHRUNK, suspicious_since=NOW + timedelta(days=99))

    assert count_success(ahead, 1, now=NOW) == replace(SHRUNK, suspicious_since=NOW)
