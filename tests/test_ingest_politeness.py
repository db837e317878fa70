"""How a server is treated after what it said: pure rules first, then whole runs against a real server."""

from __future__ import annotations

import itertools
import time
from asyncio import sleep
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import FetchError
from aiwire.types import FetchResult, LaneState, NotModified, Request, Response
from ingest.http.fetch import Fetcher, FetchLimits, LeftOut
from ingest.http.guard import Guard
from ingest.http.network import network_transport
from ingest.http.politeness import after_answer, after_no_answer, at_the_start, gap_between_starts, relaxed
from ingest.urls import host_key

if TYPE_CHECKING:
    import asyncio

    from conftest import Loopback, Seen

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
LIMITS = FetchLimits()
FRESH = LaneState("a.com")
HOUR = timedelta(hours=1)


def ask(url: str, **values: Any) -> Request:
    return Request(**{"url": url, "source_id": "s", "purpose": "feed"} | values)


def good(seconds: float) -> FetchResult:
    return FetchResult(ask("https://a.com/"), NotModified("https://a.com/", {}), round(1000 * seconds), 0)


def error(status: int | None, seconds: float = 0.1, **headers: str) -> FetchResult:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    failure = FetchError("https://a.com/", "no", reason="status", status=status, headers=named)
    return FetchResult(ask("https://a.com/"), failure, round(1000 * seconds), 0)


# ---------------------------------------------------------------- the gap


def test_the_gap_is_the_longest_of_what_asks_for_one() -> None:
    raised = replace(FRESH, gap_s=40.0, gap_until=NOW + HOUR)

    assert gap_between_starts(FRESH, LIMITS, NOW) == 1.0
    assert gap_between_starts(replace(FRESH, latency_s=3.5), LIMITS, NOW) == 3.5
    assert gap_between_starts(raised, LIMITS, NOW) == 40.0
    assert gap_between_starts(raised, LIMITS, NOW + HOUR) == 1.0
    assert gap_between_starts(replace(raised, latency_s=300.0), LIMITS, NOW) == 60.0
    assert gap_between_starts(replace(FRESH, crawl_delay_s=2.5), LIMITS, NOW) == 2.5
    assert gap_between_starts(replace(FRESH, crawl_delay_s=120.0), LIMITS, NOW) == 120.0
    assert gap_between_starts(replace(FRESH, crawl_delay_s=1e9), LIMITS, NOW) == 600.0
    assert gap_between_starts(FRESH, replace(LIMITS, host_gap_s=300.0), NOW) == 300.0


def test_good_answers_move_the_latency_and_errors_only_raise_it() -> None:
    state = replace(FRESH, latency_s=2.0)

    assert after_answer(FRESH, good(0.8), LIMITS, NOW).latency_s == 0.8
    assert after_answer(state, good(0.4), LIMITS, NOW).latency_s == pytest.approx(1.6)
    assert after_answer(state, good(4.0), LIMITS, NOW).latency_s == pytest.approx(2.5)
    assert after_answer(state, error(404, 0.1), LIMITS, NOW).latency_s == 2.0
    assert after_answer(state, error(None, 20.0), LIMITS, NOW).latency_s == pytest.approx(6.5)
    assert after_answer(FRESH, error(None, 20.0), LIMITS, NOW).latency_s == pytest.approx(5.0)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=30),
    st.floats(0, 30),
)
def test_the_latency_stays_within_what_was_seen(samples: list[tuple[bool, float]], start: float) -> None:
    state = replace(FRESH, latency_s=start)

    for is_good, seconds in samples:
        before = state.latency_s
        state = after_answer(state, good(seconds) if is_good else error(500, seconds), LIMITS, NOW)
        assert is_good or (state.latency_s or 0) >= (before or 0)

    assert state.latency_s is not None
    assert 0 <= state.latency_s <= max([start, *(seconds + 0.001 for _, seconds in samples)])


# ---------------------------------------------------------------- blocks


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7200", 2 * HOUR),
        ("60", HOUR / 2),
        ("Mon, 23 Nov 2026 09:00:00 GMT", 3 * HOUR),
        ("Mon, 23 Nov 2020 09:00:00 GMT", HOUR / 2),
        ("-5", HOUR / 2),
        ("1000000000", 7 * 24 * HOUR),
        ("soon", HOUR / 2),
        (None, HOUR / 2),
    ],
)
def test_too_many_requests_block_the_lane_for_as_long_as_the_server_says(header: str | None, wait: timedelta) -> None:
    result = error(429, **({"retry_after": header} if header else {}))

    state = after_answer(FRESH, result, LIMITS, NOW)

    assert state.blocked_until == NOW + wait
    assert state.reason is not None
    assert state.reason.startswith("HTTP 429: the server asks to be left alone, ")


@pytest.mark.parametrize(
    ("result", "blocks"),
    [
        (error(503, retry_after="10"), True),
        (error(503), False),
        (error(403, x_ratelimit_reset="10"), True),
        (error(403), False),
        (error(500), False),
        (good(1.0), False),
    ],
    ids=["503-retry-after", "503", "403-rate-limit", "403", "500", "304"],
)
def test_which_answers_block_a_lane(result: FetchResult, blocks: bool) -> None:
    assert (after_answer(FRESH, result, LIMITS, NOW).blocked_until is not None) is blocks


def test_after_a_block_the_gap_is_raised_for_a_day_and_halves_with_each_clean_run() -> None:
    state = after_answer(FRESH, error(429, retry_after="7200"), LIMITS, NOW)
    until = NOW + 26 * HOUR
    later = at_the_start(state, NOW + 3 * HOUR)

    gaps = []
    while later.gap_s is not None:
        gaps.append(later.gap_s)
        later = relaxed(later, LIMITS)

    assert (state.gap_s, state.gap_until) == (30.0, until)
    assert gaps == [30.0, 15.0, 7.5, 3.75, 1.875]
    assert later == LaneState("a.com", latency_s=state.latency_s)
    assert at_the_start(state, until) == later
    assert at_the_start(state, NOW + 3 * HOUR).blocked_until is None


def test_a_server_that_complains_again_gets_twice_the_gap_up_to_the_cap() -> None:
    once = after_answer(replace(FRESH, latency_s=20.0), error(429, 20.0), LIMITS, NOW)
    twice = after_answer(once, error(429), LIMITS, NOW)

    assert (once.gap_s, twice.gap_s) == (40.0, 60.0)


def test_no_connection_blocks_for_ten_minutes_with_the_last_error() -> None:
    failure = FetchError("https://a.com/", "no connection: refused", reason="connect")

    state = after_no_answer(FRESH, failure, NOW)

    assert state.blocked_until == NOW + timedelta(minutes=10)
    assert state.reason == "3 connection failures in a row, the last: no connection: refused"


def test_time_outs_block_as_long_and_in_words_of_their_own() -> None:
    failure = FetchError("https://a.com/", "no whole answer within 60 s", reason="timeout")

    state = after_no_answer(FRESH, failure, NOW)

    assert state.blocked_until == NOW + timedelta(minutes=10)
    assert state.reason == "3 time-outs in a row, the last: no whole answer within 60 s"


# ---------------------------------------------------------------- whole runs

QUICK = FetchLimits(host_gap_s=0.08, total_s=20.0, read_s=10.0, robots=False, retries=0)


def fetcher(limits: FetchLimits = QUICK, **values: Any) -> Fetcher:
    transport = network_transport(limits, guard=Guard(("127.0.0.0/8", "localhost")))
    return Fetcher(limits, user_agent="aiwire/0.1 (+https://aiwire.example)", transport=transport, **values)


def gaps(seen: list[Seen]) -> list[float]:
    return [later.at - earlier.at for earlier, later in itertools.pairwise(seen)]


def test_53_feeds_on_one_host_start_one_gap_apart(loopback: Loopback) -> None:
    limits = replace(QUICK, host_gap_s=0.03, max_per_lane=None)
    requests = [ask(loopback.reply(f"/{n}", b"x")) for n in range(53)]
    started = time.monotonic()

    results = list(fetcher(limits).fetch_all(requests, now=NOW))

    assert len(results) == 53
    begin = loopback.seen[0].at
    assert all(seen.at - begin > 0.03 * n - 0.1 for n, seen in enumerate(loopback.seen))  # 0.1: the first may be late
    assert time.monotonic() - started < 10


def test_the_lane_cap_leaves_the_last_ones_and_says_so(loopback: Loopback) -> None:
    requests = [ask(loopback.reply(f"/{n}", b"x")) for n in range(5)]
    some = fetcher(replace(QUICK, max_per_lane=3))

    results = list(some.fetch_all(requests, now=NOW))

    assert [result.request for result in results] == requests[:3]
    assert loopback.paths() == ["/0", "/1", "/2"]
    assert some.left == LeftOut(cap=2)


def test_a_429_stops_the_lane_and_its_state_keeps_the_next_run_away(loopback: Loopback) -> None:
    first = ask(loopback.reply("/a", status="429 Slow Down", headers={"Retry-After": "3600"}))
    second = ask(loopback.reply("/b", b"x"))
    both = fetcher()

    (result,) = both.fetch_all([first, second], now=NOW)
    lanes = {host_key(first.url): result.lane} if result.lane else {}
    again = list(both.fetch_all([second], now=NOW + timedelta(minutes=59), lanes=lanes))
    left = both.left
    later = list(fetcher().fetch_all([second], now=NOW + timedelta(minutes=61), lanes=lanes))

    assert loopback.paths() == ["/a", "/b"]
    assert again == []
    assert left == LeftOut(blocked=1)
    assert isinstance(later[0].outcome, Response)
    assert later[0].lane is not None
    assert later[0].lane.blocked_until is None
    assert later[0].lane.gap_s == 15.0


def test_a_gap_is_kept_between_two_calls_of_one_fetcher(loopback: Loopback) -> None:
    url = loopback.reply("/", b"x")
    limits = replace(QUICK, host_gap_s=0.2)
    one = fetcher(limits)

    for _ in range(3):
        list(one.fetch_all([ask(url)], now=NOW))

    assert min(gaps(loopback.seen)) > 0.1


def test_a_broken_connection_is_tried_once_more_and_told_once(loopback: Loopback) -> None:
    tries: list[Seen] = []

    async def breaks_once(seen: Seen, writer: asyncio.StreamWriter) -> None:
        tries.append(seen)
        if len(tries) > 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
        else:
            writer.write(b"nonsense\r\n\r\n")
            writer.close()

    url = loopback.script("/", breaks_once)

    (result,) = fetcher(replace(QUICK, retries=1)).fetch_all([ask(url)], now=NOW)

    assert isinstance(result.outcome, Response)
    assert result.retried
    assert len(tries) == 2
    assert gaps(tries)[0] > 0.04


def test_when_the_time_is_up_before_a_second_try_the_first_outcome_is_told(loopback: Loopback) -> None:
    broken = ask(loopback.reply("/a", status="502 Bad Gateway"))
    slow = ask(loopback.reply("/b", b"x", delay=5.0))
    waits = ask(loopback.reply("/c", b"x"))
    some = fetcher(replace(QUICK, retries=1))

    (result,) = some.fetch_all([broken, slow, waits], now=NOW, stop_after_s=0.5)

    assert isinstance(result.outcome, FetchError)
    assert (result.outcome.status, result.retried) == (502, False)
    assert some.left == LeftOut(time=2)


def test_three_refused_connections_stop_a_lane_for_this_run(unused_port: int) -> None:
    requests = [ask(f"http://127.0.0.1:{unused_port}/{n}") for n in range(5)]
    some = fetcher(replace(QUICK, host_gap_s=0.0))

    results = list(some.fetch_all(requests, now=NOW))

    assert len(results) == 3
    assert some.left == LeftOut(blocked=2)
    assert results[-1].lane is not None
    assert results[-1].lane.blocked_until is not None
    assert timedelta(minutes=9) < results[-1].lane.blocked_until - NOW < timedelta(minutes=11)


def test_a_host_whose_pages_drip_holds_a_run_for_three_time_outs_and_no_longer(loopback: Loopback) -> None:
    async def drips(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await sleep(0.05)

    requests = [ask(loopback.script(f"/{n}", drips)) for n in range(12)]
    some = fetcher(replace(QUICK, total_s=0.3, retries=1))
    started = time.monotonic()

    results = list(some.fetch_all(requests, now=NOW))

    assert time.monotonic() - started < 3 < 12 * 0.3
    assert [result.outcome.reason for result in results if isinstance(result.outcome, FetchError)] == ["timeout"] * 3
    assert some.left == LeftOut(blocked=9)
    assert results[-1].lane is not None
    assert results[-1].lane.reason == "3 time-outs in a row, the last: no whole answer within 0.3 s"


def test_the_results_of_a_replay_have_no_lane(loopback: Loopback) -> None:
    requests = [ask(loopback.reply("/a", status="429 No")), ask(loopback.reply("/b", b"x"))]

    results = list(fetcher(QUICK.for_replay()).fetch_all(requests, now=NOW))

    assert [result.lane for result in results] == [None, None]


def test_the_default_network_refuses_addresses_inside(loopback: Loopback) -> None:
    url = loopback.reply("/", b"secret")

    (result,) = Fetcher(QUICK, user_agent="x").fetch_all([ask(url)], now=NOW)

    assert isinstance(result.outcome, FetchError)
    assert result.outcome.reason == "address"
    assert loopback.seen == []
