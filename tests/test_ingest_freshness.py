from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.types import FeedHints, NotModified, Response, SourceState
from ingest.schedule.freshness import MAX_HINT_S, Check, keep_hints, keep_rhythm

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
URL = "https://example.com/feed"
HOUR = 3600


def ok(**headers: str) -> Response:
    return Response(URL, URL, 200, {name.replace("_", "-"): value for name, value in headers.items()}, b"x")


def same(**headers: str) -> NotModified:
    return NotModified(URL, {name.replace("_", "-"): value for name, value in headers.items()})


def check(*new: datetime, first: bool = False) -> Check:
    return Check(entries=10, new=new, hints=None, first=first)


def ago(**values: float) -> datetime:
    return NOW - timedelta(**values)


def rhythm(state: SourceState, *new: datetime, first: bool = False) -> tuple[float | None, datetime | None]:
    after = keep_rhythm(state, check(*new, first=first), now=NOW)
    return after.new_gap_s, after.new_at


# ---------------------------------------------------------------- rhythm


def test_the_first_document_gives_the_median_gap_of_its_items() -> None:
    days = [ago(hours=2), ago(hours=40), ago(hours=6), ago(hours=10)]

    assert rhythm(SourceState("a"), *days, first=True) == (4 * HOUR, ago(hours=2))


def test_only_the_newest_items_of_a_first_document_count() -> None:
    lively = [ago(hours=n) for n in range(1, 21)]
    years_ago = [ago(days=300 * n) for n in range(1, 31)]

    assert rhythm(SourceState("a"), *years_ago, *lively, first=True) == (HOUR, ago(hours=1))


def test_items_without_a_date_of_their_own_give_no_rhythm() -> None:
    assert rhythm(SourceState("a"), NOW, NOW, NOW, first=True) == (None, NOW)
    assert rhythm(SourceState("a"), NOW, ago(days=3), first=True) == (None, ago(days=3))
    assert rhythm(SourceState("a"), first=True) == (None, NOW)


def test_items_of_one_moment_are_one_publication() -> None:
    batches = [ago(days=1)] * 8 + [ago(days=2)] * 9 + [ago(days=3)]

    assert rhythm(SourceState("a"), *batches, first=True) == (24 * HOUR, ago(days=1))


def test_the_time_since_the_last_new_item_is_shared_among_the_new_ones_and_smoothed() -> None:
    known = SourceState("a", new_gap_s=10 * HOUR, new_at=ago(hours=20))

    assert rhythm(known, NOW, ago(hours=1)) == (10 * HOUR, NOW)
    assert rhythm(known, ago(minutes=1)) == (12 * HOUR, NOW)
    assert rhythm(replace(known, new_gap_s=None), NOW, NOW) == (10 * HOUR, NOW)


def test_a_check_without_news_changes_nothing() -> None:
    known = SourceState("a", new_gap_s=10 * HOUR, new_at=ago(hours=20))

    assert rhythm(known) == (10 * HOUR, ago(hours=20))


def test_a_source_of_which_nothing_is_known_waits_for_news_from_now_on() -> None:
    assert rhythm(SourceState("a")) == (None, NOW)
    assert rhythm(SourceState("a"), NOW, NOW) == (None, NOW)


def test_a_clock_that_was_set_back_gives_no_negative_gap() -> None:
    ahead = SourceState("a", new_gap_s=10 * HOUR, new_at=NOW + timedelta(days=400))

    assert rhythm(ahead, NOW) == (10 * HOUR, NOW)


MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis wants naive bounds


@given(st.lists(MOMENTS, max_size=40), st.booleans(), st.none() | MOMENTS, st.none() | st.floats(0, 1e9))
def test_no_dates_give_a_gap_that_is_not_positive(
    new: list[datetime], first: bool, new_at: datetime | None, gap: float | None
) -> None:
    before = SourceState("a", new_at=new_at, new_gap_s=gap)

    after = keep_rhythm(before, check(*new, first=first), now=NOW)

    assert after.new_at is not None
    assert after.new_gap_s == gap or after.new_gap_s is None or after.new_gap_s > 0
    assert not first or after.new_at <= NOW


# ---------------------------------------------------------------- hints


def hint(
    answer: Response | NotModified, hints: FeedHints | None = None, *, before: SourceState | None = None
) -> object:
    after = keep_hints(before or SourceState("a"), answer, hints, now=NOW)
    return after.hint_s, after.hint_name


NONE = (None, None)


@pytest.mark.parametrize(
    ("cache_control", "expected"),
    [
        ("max-age=7200", (7200, "max-age")),
        ("public, Max-Age = 7200 , must-revalidate", (7200, "max-age")),
        ('max-age="7200"', (7200, "max-age")),
        ("max-age=60, max-age=7200", (60, "max-age")),
        ("s-maxage=7200", NONE),
        ("s-maxage=7200, max-age=60", (60, "max-age")),
        ("no-cache, max-age=7200", NONE),
        ("max-age=7200, no-store", NONE),
        ('no-cache="set-cookie, vary", max-age=7200', (7200, "max-age")),
        ("max-age=0", NONE),
        ("max-age=-5", NONE),
        ("max-age=7.5", NONE),
        ("max-age=٣٦٠٠", NONE),
        ("max-age", NONE),
        ("max-age=604800", (MAX_HINT_S, "max-age")),
        ("max-age=2147483648", NONE),
        ("max-age=" + "9" * 5000, NONE),
        ('"max-age=7200"', (7200, "max-age")),
        ("", NONE),
    ],
)
def test_max_age_counts_unless_the_answer_must_not_be_stored(cache_control: str, expected: object) -> None:
    assert hint(ok(cache_control=cache_control)) == expected


LATER = "Mon, 23 Nov 2026 08:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"expires": LATER}, (7200, "Expires")),
        ({"expires": LATER, "date": "Mon, 23 Nov 2026 07:30:00 GMT"}, (1800, "Expires")),
        ({"expires": LATER, "date": "today"}, (7200, "Expires")),
        ({"expires": LATER, "cache_control": "public"}, NONE),
        ({"expires": LATER, "cache_control": "no-cache"}, NONE),
        ({"expires": "Mon, 23 Nov 2026 05:00:00 GMT"}, NONE),
        ({"expires": "0"}, NONE),
        ({"expires": "-1"}, NONE),
        ({"expires": "Thu, 01 Jan 9999 00:00:00 GMT"}, NONE),
        ({"expires": "Mon, 23 Nov 2026 08:00:00 +9999"}, NONE),
        ({}, NONE),
    ],
)
def test_expires_counts_from_the_servers_own_clock_and_only_without_cache_control(
    headers: dict[str, str], expected: object
) -> None:
    assert hint(ok(**headers)) == expected


def test_the_longest_wish_wins_and_is_named() -> None:
    answer = ok(cache_control="max-age=3600")

    assert hint(answer, FeedHints(ttl_s=1800, period_s=900)) == (3600, "max-age")
    assert hint(answer, FeedHints(ttl_s=7200, period_s=900)) == (7200, "ttl")
    assert hint(answer, FeedHints(ttl_s=7200, period_s=30 * 86_400)) == (MAX_HINT_S, "sy:updatePeriod")
    assert hint(answer, FeedHints(ttl_s=-7, period_s=10**12)) == (3600, "max-age")


def test_a_304_without_a_word_on_freshness_keeps_what_was_said() -> None:
    by_header = SourceState("a", hint_s=7200, hint_name="max-age", skip_hours=(3,), skip_days=(6,), hub="https://hub")

    after = keep_hints(by_header, same(etag='"1"'), None, now=NOW)

    assert after == by_header


def test_a_304_with_new_headers_replaces_the_older_ones_but_not_what_the_feed_said() -> None:
    by_header = SourceState("a", hint_s=7200, hint_name="max-age")
    by_feed = SourceState("a", hint_s=7200, hint_name="ttl")

    assert hint(same(cache_control="max-age=60"), before=by_header) == (60, "max-age")
    assert hint(same(cache_control="no-cache"), before=by_header) == NONE
    assert hint(same(cache_control="max-age=60"), before=by_feed) == (7200, "ttl")
    assert hint(same(cache_control="no-cache"), before=by_feed) == (7200, "ttl")
    assert hint(same(cache_control="max-age=9000"), before=by_feed) == (9000, "max-age")


def test_a_new_document_replaces_all_hints() -> None:
    before = SourceState("a", hint_s=7200, hint_name="ttl", skip_hours=(3,), skip_days=(6,), hub="https://hub")

    assert keep_hints(before, ok(), FeedHints(skip_hours=(1, 2)), now=NOW) == SourceState("a", skip_hours=(1, 2))


def test_the_same_body_sent_whole_keeps_what_the_feed_said_and_not_what_older_headers_did() -> None:
    assert hint(ok(), None, before=SourceState("a", hint_s=7200, hint_name="ttl")) == (7200, "ttl")
    assert hint(ok(), None, before=SourceState("a", hint_s=7200, hint_name="max-age")) == NONE


VALUES = st.text(max_size=40) | st.from_regex(
    r"(no-cache|max-age|s-maxage)(=[-\"]?\d{1,20}\"?)?(, .*)?", fullmatch=True
)
DATES = st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d [+-]\d{4}")
SECONDS = st.none() | st.integers(-(10**12), 10**12)


@given(
    st.fixed_dictionaries({}, optional={"cache-control": VALUES, "expires": DATES, "date": DATES}),
    st.none() | st.builds(FeedHints, ttl_s=SECONDS, period_s=SECONDS),
    st.booleans(),
)
def test_no_header_and_no_feed_makes_a_hint_that_is_not_sensible(
    headers: dict[str, str], hints: FeedHints | None, not_modified: bool
) -> None:
    answer = NotModified(URL, headers) if not_modified else Response(URL, URL, 200, headers, b"x")

    after = keep_hints(SourceState("a"), answer, hints, now=NOW)

    assert (after.hint_s is None) == (after.hint_name is None)
    assert after.hint_s is None or 0 < after.hint_s <= MAX_HINT_S
