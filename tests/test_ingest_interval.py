from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.types import Source, SourceState
from ingest.schedule.interval import Timing, in_words, next_check, stable_share

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)  # a Monday
HOUR = 3600
SOURCE = Source(id="a", name="A", kind="feed", url="https://example.com/feed", publisher="a")
TIMING = Timing()
READ = SourceState("a", etag='"1"', full_at=NOW, body_bytes=100_000, new_at=NOW)


def waits(state: SourceState, source: Source = SOURCE, timing: Timing = TIMING) -> tuple[float, str]:
    due, why = next_check(source, state, now=NOW, timing=timing)
    return (due - NOW) / timedelta(hours=1), why


def state(**values: object) -> SourceState:
    return replace(READ, **values)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


@pytest.mark.parametrize(
    ("before", "hours", "why"),
    [
        pytest.param(state(), 1, "no rhythm of new items known yet: the least wait, 60 min", id="unknown"),
        pytest.param(
            state(new_gap_s=5 * HOUR), 2.3825, "new items every 5 h, half is 2.5 h; -4.7 % jitter", id="half the gap"
        ),
        pytest.param(
            state(new_gap_s=20 * 60), 1, "new items every 20 min, half is 10 min, raised to 60 min", id="at the floor"
        ),
        pytest.param(
            state(new_gap_s=7 * 24 * HOUR),
            24 * 0.953,
            "new items every 7 d, half is 3.5 d, at most 24 h; -4.7 % jitter",
            id="at the ceiling",
        ),
        pytest.param(
            state(new_gap_s=2.0 * HOUR + 1),
            1,
            "new items every 2 h, half is 60 min; jitter down to 60 min",
            id="never under the floor",
        ),
        pytest.param(
            state(new_at=ago(31), new_gap_s=1.0), 24 * 0.953, "nothing new for 31 d: once a day; -4.7 % jitter"
        ),
        pytest.param(
            state(new_at=ago(181), new_gap_s=1.0), 168 * 0.953, "nothing new for 181 d: once a week; -4.7 % jitter"
        ),
        pytest.param(state(new_at=NOW + timedelta(days=999), new_gap_s=1.0), 1, None, id="new from the future"),
        pytest.param(
            state(new_gap_s=5.2 * HOUR, hint_s=3 * HOUR, hint_name="max-age"),
            2.859,
            "new items every 5.2 h, half is 2.6 h; max-age of 3 h wins; -4.7 % jitter",
            id="a longer wish wins",
        ),
        pytest.param(
            state(new_gap_s=5 * HOUR, hint_s=2 * HOUR, hint_name="ttl"),
            2.3825,
            "new items every 5 h, half is 2.5 h; -4.7 % jitter",
            id="a shorter wish does not",
        ),
        pytest.param(
            state(new_at=ago(181), hint_s=24 * HOUR, hint_name="ttl"), 168 * 0.953, None, id="a wish speeds nothing up"
        ),
    ],
)
def test_the_wait_follows_the_rhythm_and_says_so(before: SourceState, hours: float, why: str | None) -> None:
    wait, said = waits(before)

    assert wait == pytest.approx(hours, abs=1 / HOUR)
    assert why is None or said == why


@pytest.mark.parametrize(
    ("values", "hours", "fault"),
    [
        pytest.param({"etag": None}, 24, "the server gives no validators; not under 64 KiB", id="none"),
        pytest.param({"etag": None, "body_bytes": 65_535}, 3, "the server gives no validators; under 64 KiB"),
        pytest.param({"etag": None, "body_bytes": 65_536}, 24, "the server gives no validators; not under 64 KiB"),
        pytest.param({"etag": None, "last_modified": "x"}, 1, None, id="a date is a validator"),
        pytest.param({"etag": None, "full_at": None}, 1, None, id="never read"),
        pytest.param({"unmoved": 2}, 1, None, id="twice the same"),
        pytest.param(
            {"unmoved": 3},
            24,
            "the server sent the same body 3 times despite its validators; not under 64 KiB",
            id="of no use",
        ),
    ],
)
def test_a_server_without_conditional_requests_is_asked_less(
    values: dict[str, object], hours: float, fault: str | None
) -> None:
    wait, why = waits(state(new_gap_s=1.0, **values))

    assert wait == hours
    assert why.endswith(f"raised to {in_words(hours * HOUR)}" + (f" ({fault})" if fault else ""))


def test_the_users_interval_replaces_rhythm_hint_and_jitter() -> None:
    own = replace(SOURCE, every_minutes=90)

    assert waits(state(new_gap_s=99.0 * HOUR, hint_s=9 * HOUR, hint_name="ttl"), own) == (
        1.5,
        "every 90 min as sources.toml says",
    )


def test_the_users_interval_is_raised_to_the_floor_unless_the_server_is_his_own() -> None:
    often = replace(SOURCE, every_minutes=5)

    assert waits(state(), often) == (1, "every 5 min as sources.toml says, raised to 60 min")
    assert waits(state(etag=None), replace(often, own_server=True)) == (1 / 12, "every 5 min as sources.toml says")


def test_a_higher_floor_lifts_all_waits() -> None:
    two_days = Timing(floor_minutes=2 * 1440)

    assert waits(state(new_gap_s=1.0), timing=two_days)[0] == 48
    assert waits(state(new_gap_s=990.0 * HOUR), timing=two_days) == (
        48,
        "new items every 41.2 d, half is 20.6 d, at most 2 d",
    )


def test_a_replay_waits_for_the_floor_only() -> None:
    asleep = state(new_at=ago(900), hint_s=9 * HOUR, hint_name="ttl", skip_hours=tuple(range(24)), etag=None)

    assert waits(asleep, timing=Timing(floor_minutes=30, replay=True)) == (0.5, "a replay: again after 30 min")


# ---------------------------------------------------------------- hours and days to skip


@pytest.mark.parametrize(
    ("values", "hours", "moved"),
    [
        pytest.param({"skip_hours": (7,)}, 2, "; moved to Mon 08:00 UTC by skipHours", id="one hour"),
        pytest.param({"skip_hours": (6, 8)}, 1, "", id="other hours"),
        pytest.param({"skip_hours": (7, 8, 23)}, 3, "; moved to Mon 09:00 UTC by skipHours", id="two hours"),
        pytest.param({"skip_days": (0,)}, 18, "; moved to Tue 00:00 UTC by skipDays", id="a day"),
        pytest.param(
            {"skip_days": (0,), "skip_hours": (0,)}, 19, "; moved to Tue 01:00 UTC by skipDays and skipHours", id="both"
        ),
        pytest.param({"skip_days": (0, 1)}, 25, "; moved to Tue 07:00 UTC by skipDays", id="given up after a day"),
        pytest.param({"skip_hours": tuple(range(24))}, 25, "; moved to Tue 07:00 UTC by skipHours", id="all hours"),
        pytest.param({"skip_hours": (24, -1), "skip_days": (7, -1)}, 1, "", id="none that exist"),
    ],
)
def test_hours_and_days_to_skip_are_skipped_for_a_day_at_most(
    values: dict[str, object], hours: float, moved: str
) -> None:
    wait, why = waits(state(**values))

    assert wait == hours
    assert why == "no rhythm of new items known yet: the least wait, 60 min" + moved


def test_hours_to_skip_are_those_of_utc_whatever_the_zone_of_now() -> None:
    tokyo = datetime.fromisoformat("2026-11-23T15:00:00+09:00")

    due, why = next_check(SOURCE, state(skip_hours=(7,)), now=tokyo, timing=TIMING)

    assert due == NOW + timedelta(hours=2)
    assert why.endswith("moved to Mon 08:00 UTC by skipHours")


# ---------------------------------------------------------------- jitter and words


def test_the_jitter_of_a_source_is_always_the_same_and_spreads_many() -> None:
    shares = [stable_share(f"source-{n}") for n in range(1000)]

    assert stable_share("a") == stable_share("a")
    assert [sum(low / 10 <= share < (low + 1) / 10 for share in shares) for low in range(10)] == pytest.approx(
        [100] * 10, abs=40
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"), (59, "59 s"), (60, "1 min"), (5400, "90 min"), (7199, "120 min"), (7200, "2 h"), (9360, "2.6 h"),
        (86_400, "24 h"), (172_800, "2 d"), (216_000, "2.5 d"), (604_800, "7 d"),
    ],
)  # fmt: skip
def test_a_duration_is_put_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis wants naive bounds
STATES = st.builds(
    SourceState,
    source_id=st.text(max_size=8),
    etag=st.none() | st.just('"1"'),
    full_at=st.none() | MOMENTS,
    body_bytes=st.none() | st.integers(0, 10**7),
    unmoved=st.integers(0, 5),
    new_gap_s=st.none() | st.floats(0, 1e9),
    new_at=st.none() | MOMENTS,
    hint_s=st.none() | st.integers(1, 86_400),
    hint_name=st.just("ttl"),
    skip_hours=st.lists(st.integers(0, 23)).map(tuple),
    skip_days=st.lists(st.integers(0, 6)).map(tuple),
)
FLOORS = st.integers(1, 7 * 1440)
SOURCES = st.builds(
    replace, st.just(SOURCE), every_minutes=st.none() | st.integers(1, 7 * 1440), own_server=st.booleans()
)


@given(SOURCES, STATES, MOMENTS, FLOORS, st.booleans())
def test_the_next_check_is_never_under_the_floor_nor_over_a_week_and_a_tenth(
    source: Source, before: SourceState, now: datetime, floor: int, replay: bool
) -> None:
    source = replace(source, id=before.source_id)

    due, why = next_check(source, before, now=now, timing=Timing(floor, replay))
    again = next_check(source, before, now=now, timing=Timing(floor, replay))

    least = min(floor, source.every_minutes or floor) if source.own_server else floor
    assert now + timedelta(minutes=floor if replay else least) <= due <= now + timedelta(days=7.7)
    assert again == (due, why)


@given(STATES, MOMENTS)
def test_a_wait_is_in_no_hour_or_day_to_skip_or_a_day_longer_or_at_the_end(before: SourceState, now: datetime) -> None:
    source = replace(SOURCE, id=before.source_id)
    unskipped, _ = next_check(source, replace(before, skip_hours=(), skip_days=()), now=now, timing=TIMING)

    due, _ = next_check(source, before, now=now, timing=TIMING)

    allowed = due.hour not in before.skip_hours and due.weekday() not in before.skip_days
    assert unskipped <= due
    assert allowed or due == min(unskipped + timedelta(days=1), now + timedelta(days=7.7))


@given(STATES, MOMENTS)
def test_the_reason_holds_what_a_user_needs_to_check_the_wait(before: SourceState, now: datetime) -> None:
    source = replace(SOURCE, id=before.source_id)

    due, why = next_check(source, replace(before, skip_hours=(), skip_days=()), now=now, timing=TIMING)

    named = [
        float(n) * {"s": 1, "min": 60, "h": 3600, "d": 86_400}[u] for n, u in re.findall(r"([\d.]+) (s|min|h|d)\b", why)
    ]
    named += [86_400 * ("once a day" in why), 7 * 86_400 * ("once a week" in why)]
    percent = re.search(r"([+-][\d.]+) % jitter", why)
    factor = 1 + float(percent[1]) / 100 if percent else 1
    assert any((due - now).total_seconds() == pytest.approx(wait * factor, rel=0.05, abs=61) for wait in named)
