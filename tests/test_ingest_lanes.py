"""Who goes next: one at a time per lane, gaps, the biggest lane first, and a reason for everything left out."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aiwire.exceptions import FetchError
from aiwire.types import FetchResult, LaneState, NotModified, Request
from ingest.http.lanes import Job, Lanes, LeftOut
from ingest.http.limits import FetchLimits

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
LIMITS = FetchLimits(host_gap_s=1.0, retries=0)
REPLAY = FetchLimits().for_replay()


def ask(url: str, purpose: Any = "feed") -> Request:
    return Request(url=url, source_id=url, purpose=purpose)


def good(job: Job, *, ms: int = 10) -> FetchResult:
    return FetchResult(job.request, NotModified(job.request.url, {}), ms, 0)


def failed(job: Job, *, ms: int = 10, **values: Any) -> FetchResult:
    return FetchResult(job.request, FetchError(job.request.url, "no", **values), ms, 0)


def throttled(job: Job, seconds: str = "7200") -> FetchResult:
    return failed(job, reason="status", status=429, headers={"retry-after": seconds})


def take(lanes: Lanes, at: float) -> Job:
    job = lanes.take(at)
    assert job is not None
    return job


def only(results: list[FetchResult]) -> FetchResult:
    (result,) = results
    return result


A1, A2, A3, B1, B2, C1 = (
    ask(f"https://{name}") for name in ("a.com/1", "www.a.com/2", "a.com/3", "b.com/1", "b.com/2", "c.com/1")
)

# ---------------------------------------------------------------- order and gaps


def test_a_lane_gives_one_request_at_a_time_with_a_gap_between_starts() -> None:
    lanes = Lanes([A1, A2, B1], limits=LIMITS, now=NOW)

    first, other = take(lanes, 10.0), take(lanes, 10.1)
    assert (first.request, other.request) == (A1, B1)
    assert lanes.take(15.0) is None
    assert lanes.next_at() is None
    lanes.done(first, good(first), 10.2)
    assert lanes.take(10.99) is None
    assert 11.0 <= (lanes.next_at() or 0) <= 11.1
    second = take(lanes, 11.1)
    assert second.request == A2
    lanes.done(second, good(second), 12.0)
    lanes.done(other, good(other), 12.0)
    assert len(lanes) == 0
    assert lanes.take(99.0) is None
    assert lanes.left.total == 0


def test_subdomains_of_one_platform_share_a_lane_and_blogs_of_separate_owners_do_not() -> None:
    tumblr = [ask(f"https://{name}.tumblr.com/rss") for name in ("one", "two", "three")]
    github = [ask(f"https://{name}.github.io/feed") for name in ("one", "two")]
    lanes = Lanes(tumblr + github, limits=LIMITS, now=NOW)

    started = [job.lane for job in iter(lambda: lanes.take(0.0), None)]

    assert sorted(started) == ["one.github.io", "tumblr.com", "two.github.io"]


def test_the_lane_with_most_to_wait_for_goes_first_and_the_earliest_request_among_equals() -> None:
    slow = {"c.com": LaneState("c.com", latency_s=20.0)}
    lanes = Lanes([B1, C1, A1, A2, A3], limits=LIMITS, now=NOW, states=slow)

    order = [job.request for job in iter(lambda: lanes.take(0.0), None)]

    assert order == [C1, A1, B1]


@given(st.lists(st.sampled_from(["a.com", "b.com", "c.a.com", "127.0.0.1", "not a url"]), max_size=20))
def test_a_replay_keeps_the_order_and_no_state(hosts: list[str]) -> None:
    requests = [ask(f"http://{host}/{n}") for n, host in enumerate(hosts)]
    states = {"a.com": LaneState("a.com", blocked_until=NOW + timedelta(days=1), crawl_delay_s=9.0)}
    lanes, order = Lanes(requests, limits=REPLAY, now=NOW, states=states), []

    while (job := lanes.take(0.0)) is not None:
        result = only(lanes.done(job, throttled(job), 0.0))
        order.append(result.request)
        assert result.lane is None

    assert order == requests


def test_the_gap_holds_from_one_run_to_the_next() -> None:
    first = Lanes([A1], limits=LIMITS, now=NOW)
    job = take(first, 5.0)
    first.done(job, good(job), 5.5)

    second = Lanes([A2], limits=LIMITS, now=NOW, last_starts={key: at - 5.6 for key, at in first.last_starts().items()})

    assert second.take(0.3) is None
    assert take(second, 0.5).request == A2


def test_the_longest_crawl_delay_of_a_lane_counts_for_all_of_it() -> None:
    delays = {"https://a.com": 2.0, "https://www.a.com": 5.0}
    lanes = Lanes([A1, A2, A3], limits=LIMITS, now=NOW, crawl_delays=delays)
    job = take(lanes, 0.0)
    result = only(lanes.done(job, good(job), 0.1))

    assert result.lane is not None
    assert result.lane.crawl_delay_s == 5.0
    assert lanes.take(4.99) is None
    second = take(lanes, 5.3)
    lanes.learn_crawl_delay("https://www.a.com", None)
    lanes.done(second, good(second), 5.4)
    assert take(lanes, 7.5).request == A3


def test_a_very_long_crawl_delay_leaves_requests_to_later_runs_instead_of_holding_this_one_up() -> None:
    requests = [ask(f"https://a.com/{n}") for n in range(9)]
    lanes = Lanes(requests, limits=LIMITS, now=NOW, states={"a.com": LaneState("a.com", crawl_delay_s=300.0)})
    at, starts, result = 0.0, [], None

    while (job := lanes.take(at)) is not None:
        starts.append(at)
        result = only(lanes.done(job, good(job), at))
        at = lanes.next_at() or at

    assert result is not None
    assert result.lane is not None
    assert [round(later - earlier) // 300 for earlier, later in itertools.pairwise(starts)] == [1, 1]
    assert lanes.left == LeftOut(blocked=6)
    assert result.lane.blocked_until is not None
    assert 300 <= (result.lane.blocked_until - NOW).total_seconds() - starts[-1] <= 312
    assert result.lane.reason == "Crawl-delay of 300 s"


# ---------------------------------------------------------------- what is left out


def test_a_lane_has_so_many_requests_in_a_run_and_robots_txt_does_not_count() -> None:
    limits = replace(LIMITS, max_per_lane=2)
    rules = ask("https://a.com/robots.txt", "robots")
    unneeded = ask("https://www.a.com/robots.txt", "robots")
    lanes = Lanes([rules, A1, A3, unneeded, A2, B1], limits=limits, now=NOW)
    made, at = [], 0.0

    while lanes:
        job = lanes.take(at)
        if job is not None:
            made += [result.request for result in lanes.done(job, good(job), at)]
        at += 1.1

    assert [request for request in made if request != B1] == [rules, A1, A3]
    assert lanes.left == LeftOut(cap=1)


def test_a_blocked_lane_is_left_alone_until_its_time_has_come() -> None:
    states = {
        "a.com": LaneState("a.com", blocked_until=NOW + timedelta(seconds=1)),
        "b.com": LaneState("b.com", blocked_until=NOW),
    }
    lanes = Lanes([A1, A2, B1], limits=LIMITS, now=NOW, states=states)

    assert take(lanes, 0.0).request == B1
    assert lanes.take(100.0) is None
    assert lanes.left == LeftOut(blocked=2)


def test_an_answer_that_asks_for_less_blocks_the_lane_and_leaves_the_rest() -> None:
    lanes = Lanes([A1, A2, A3, B1, B2], limits=LIMITS, now=NOW)
    job = take(lanes, 0.0)

    result = only(lanes.done(job, throttled(job), 10.0))

    assert result.lane is not None
    assert result.lane.blocked_until == NOW + timedelta(hours=2, seconds=10)
    assert lanes.left == LeftOut(blocked=2)
    assert len(lanes) == 2  # the other lane goes on


def test_three_connection_failures_in_a_row_stop_a_lane() -> None:
    requests = [ask(f"https://a.com/{n}") for n in range(8)]
    lanes = Lanes(requests, limits=LIMITS, now=NOW)
    outcomes = [
        lambda job: failed(job, reason="connect"),
        lambda job: failed(job, reason="connect"),
        good,
        lambda job: failed(job, reason="connect"),
        lambda job: failed(job, reason="connect"),
        lambda job: failed(job, reason="connect"),
    ]
    states = []
    for n, outcome in enumerate(outcomes):
        job = take(lanes, 2.0 * n)
        states.append(only(lanes.done(job, outcome(job), 2.0 * n)).lane)

    assert all(state is not None and state.blocked_until is None for state in states[:5])
    assert states[5] is not None
    assert states[5].blocked_until == NOW + timedelta(minutes=10, seconds=10)
    assert states[5].reason == "3 connection failures in a row, the last: no"
    assert lanes.left == LeftOut(blocked=2)


def test_three_time_outs_in_a_row_stop_a_lane() -> None:
    requests = [ask(f"https://a.com/{n}") for n in range(12)]
    lanes = Lanes(requests, limits=LIMITS, now=NOW)
    reasons = ["timeout", "timeout", "connect", "timeout", "timeout", "broken", "timeout", "timeout", "timeout"]
    states, at = [], 0.0
    for reason in reasons:
        job = take(lanes, at)
        states.append(only(lanes.done(job, failed(job, reason=reason, ms=60_000), at + 60)).lane)
        at += 121

    assert all(state is not None and state.blocked_until is None for state in states[:-1])
    assert states[-1] is not None
    assert states[-1].blocked_until == NOW + timedelta(seconds=8 * 121 + 60, minutes=10)
    assert states[-1].reason == "3 time-outs in a row, the last: no"
    assert lanes.left == LeftOut(blocked=3)


def test_time_outs_that_were_to_be_tried_again_are_told_when_their_lane_is_stopped() -> None:
    lanes = Lanes([ask(f"https://a.com/{n}") for n in range(5)], limits=replace(LIMITS, retries=1), now=NOW)
    told = []
    for n in range(3):
        job = take(lanes, 50.0 * n)
        told += lanes.done(job, failed(job, reason="timeout", ms=20_000), 50.0 * n + 20)

    assert sorted(result.request.url for result in told) == [f"https://a.com/{n}" for n in range(3)]
    assert lanes.left == LeftOut(blocked=2)


def test_dead_names_do_not_stop_the_other_names_of_their_lane() -> None:
    lanes = Lanes([ask(f"https://{n}.tumblr.com/rss") for n in range(5)], limits=LIMITS, now=NOW)

    for n in range(5):
        job = take(lanes, 2.0 * n)
        lanes.done(job, failed(job, reason="dns"), 2.0 * n)

    assert lanes.left == LeftOut()


def test_one_dead_name_stops_its_lane_after_three_failures() -> None:
    lanes = Lanes([ask(f"https://dead.a.com/{n}") for n in range(5)], limits=LIMITS, now=NOW)

    for n in range(3):
        job = take(lanes, 2.0 * n)
        lanes.done(job, failed(job, reason="dns"), 2.0 * n)

    assert lanes.left == LeftOut(blocked=2)


def test_what_is_no_url_has_neither_gap_nor_state() -> None:
    lanes = Lanes([ask("nonsense"), ask("more nonsense")], limits=LIMITS, now=NOW)

    for _ in range(2):
        job = take(lanes, 0.0)
        assert only(lanes.done(job, failed(job, reason="url"), 0.0)).lane is None


# ---------------------------------------------------------------- second tries

AGAIN = replace(LIMITS, retries=1)


@pytest.mark.parametrize(
    ("values", "again"),
    [
        ({"reason": "broken"}, True),
        ({"reason": "timeout"}, True),
        ({"reason": "timeout", "ms": 60_000}, False),
        ({"reason": "status", "status": 502}, True),
        ({"reason": "status", "status": 504}, True),
        ({"reason": "status", "status": 502, "headers": {"retry-after": "5"}}, False),
        ({"reason": "status", "status": 500}, False),
        ({"reason": "status", "status": 503}, False),
        ({"reason": "status", "status": 429}, False),
        ({"reason": "status", "status": 403}, False),
        ({"reason": "status", "status": 404}, False),
        ({"reason": "connect"}, False),
        ({"reason": "dns"}, False),
        ({"reason": "encoding"}, False),
    ],
    ids=lambda value: "-".join(str(each) for each in value.values()) if isinstance(value, dict) else None,
)
def test_what_is_tried_again_in_the_same_run(values: dict[str, Any], again: bool) -> None:
    lanes = Lanes([A1], limits=AGAIN, now=NOW)
    job = take(lanes, 0.0)

    told = lanes.done(job, failed(job, **values), 0.1)

    assert (told == []) is again
    assert len(lanes) == again


def test_a_second_try_comes_at_the_end_of_the_lane_and_only_its_outcome_is_told() -> None:
    lanes = Lanes([A1, A2], limits=AGAIN, now=NOW)
    first = take(lanes, 0.0)
    assert lanes.done(first, failed(first, reason="broken"), 0.1) == []
    second = take(lanes, 1.1)
    assert only(lanes.done(second, good(second), 1.2)).retried is False
    assert lanes.take(1.9) is None
    again = take(lanes, 5.0)

    result = only(lanes.done(again, failed(again, reason="broken"), 5.1))

    assert (first.request, second.request, again.request) == (A1, A2, A1)
    assert result.retried is True
    assert not lanes


def test_a_second_try_waits_for_its_time_even_if_those_before_it_are_taken_out() -> None:
    lanes = Lanes([A1, A2], limits=AGAIN, now=NOW)
    first = take(lanes, 0.0)
    lanes.done(first, failed(first, reason="broken", ms=5000), 5.0)  # 1.25 s of smoothed latency: the gap

    assert lanes.remove("a.com", lambda request: request == A2) == [A2]
    assert lanes.take(6.2) is None
    assert take(lanes, 8.5).request == A1


def test_a_robots_txt_is_tried_again_before_the_others_that_wait_for_it() -> None:
    rules = ask("https://a.com/robots.txt", "robots")
    lanes = Lanes([rules, A1], limits=AGAIN, now=NOW)
    job = take(lanes, 0.0)
    lanes.done(job, failed(job, reason="broken"), 0.1)

    assert take(lanes, 5.0).request == rules


def test_there_is_no_second_try_in_a_lane_that_the_cap_has_cut() -> None:
    lanes = Lanes([A1, A2], limits=replace(AGAIN, max_per_lane=1), now=NOW)
    job = take(lanes, 0.0)

    assert only(lanes.done(job, failed(job, reason="broken"), 0.1)).retried is False


@pytest.mark.parametrize("how", ["blocked", "stopped", "stopped under way"])
def test_a_second_try_that_never_comes_leaves_the_first_outcome(how: str) -> None:
    lanes = Lanes([A1, A2], limits=AGAIN, now=NOW)
    first = take(lanes, 0.0)
    broken = failed(first, reason="broken")
    lanes.done(first, broken, 0.1)
    second = take(lanes, 2.0)

    if how == "blocked":
        told = lanes.done(second, throttled(second), 2.1)[1:]
    else:
        lanes.done(second, good(second), 2.1)
        if how == "stopped under way":
            take(lanes, 9.0)
        told = lanes.stop()

    assert only(told).outcome is broken.outcome
    assert only(told).retried is False
    assert lanes.left == LeftOut()
    assert not lanes


# ---------------------------------------------------------------- properties

HOSTS = ["a.com", "b.com", "x.b.com", "127.0.0.1", "127.0.0.1:81", "c.org"]
OUTCOMES = {
    "good": lambda job: good(job, ms=400),
    "slow": lambda job: good(job, ms=9000),
    "missing": lambda job: failed(job, reason="status", status=404),
    "broken": lambda job: failed(job, reason="broken"),
    "dead": lambda job: failed(job, reason="connect"),
    "drips": lambda job: failed(job, reason="timeout"),
    "throttled": throttled,
}


class AnyRun(RuleBasedStateMachine):
    """Requests start, end in any order and any way, while time goes by."""

    @initialize(
        hosts=st.lists(st.sampled_from(HOSTS), max_size=25),
        cap=st.sampled_from([None, 1, 4]),
        retries=st.integers(0, 1),
        delay=st.sampled_from([0.0, 0.5, 3.0]),
    )
    def begin(self, hosts: list[str], cap: int | None, retries: int, delay: float) -> None:
        self.requests = [ask(f"http://{host}/{n}") for n, host in enumerate(hosts)]
        limits = replace(LIMITS, max_per_lane=cap, retries=retries)
        states = {"c.org": LaneState("c.org", crawl_delay_s=delay)}
        self.lanes = Lanes(self.requests, limits=limits, now=NOW, states=states)
        self.gaps = {"c.org": max(1.0, delay)}
        self.at = 0.0
        self.jobs: list[Job] = []
        self.starts: dict[str, float] = {}
        self.told: list[Request] = []

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.at += seconds

    @rule()
    def start(self) -> None:
        job = self.lanes.take(self.at)
        if job is not None:
            assert job.lane not in {other.lane for other in self.jobs}
            assert self.at - self.starts.get(job.lane, -100.0) >= self.gaps.get(job.lane, 1.0)
            self.starts[job.lane] = self.at
            self.jobs.append(job)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), outcome=st.sampled_from(sorted(OUTCOMES)))
    def end(self, data: st.DataObject, outcome: str) -> None:
        job = self.jobs.pop(data.draw(st.integers(0, len(self.jobs) - 1)))
        self.told += [result.request for result in self.lanes.done(job, OUTCOMES[outcome](job), self.at)]

    @invariant()
    def nothing_is_lost_and_nothing_told_twice(self) -> None:
        if hasattr(self, "lanes"):
            assert len(set(self.told)) == len(self.told)
            assert len(self.told) + len(self.jobs) + len(self.lanes) + self.lanes.left.total == len(self.requests)

    def teardown(self) -> None:
        if not hasattr(self, "lanes"):
            return
        while self.lanes or self.jobs:
            self.start()
            for job in self.jobs:
                self.told += [result.request for result in self.lanes.done(job, good(job), self.at)]
            self.jobs.clear()
            self.at = max(self.at, self.lanes.next_at() or 0.0)
        assert len(self.told) + self.lanes.left.total == len(self.requests)


TestAnyRun = AnyRun.TestCase
TestAnyRun.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(
    hosts=st.lists(st.sampled_from(["a.com"] * 5 + [f"h{n}.com" for n in range(12)]), min_size=1, max_size=60),
    concurrency=st.integers(1, 16),
)
def test_a_run_lasts_as_long_as_its_biggest_lane_and_the_work_in_its_way(hosts: list[str], concurrency: int) -> None:
    lanes = Lanes([ask(f"https://{host}/{n}") for n, host in enumerate(hosts)], limits=LIMITS, now=NOW)
    under_way: list[tuple[float, int, Job]] = []
    at = 0.0

    while lanes or under_way:
        while len(under_way) < concurrency and (job := lanes.take(at)) is not None:
            heapq.heappush(under_way, (at + 0.1, job.position, job))
        next_at = lanes.next_at() if len(under_way) < concurrency else None
        if under_way and (next_at is None or under_way[0][0] <= next_at):
            at, _, job = heapq.heappop(under_way)
            lanes.done(job, good(job, ms=100), at)
        elif next_at is not None:
            at = next_at

    biggest = Counter(hosts).most_common(1)[0][1]
    assert at <= (biggest - 1) * 1.04 + 0.1 + 0.1 * len(hosts) / concurrency + 1e-6
