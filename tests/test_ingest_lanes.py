from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiwire.types import Request
from ingest.lanes import Lanes


def ask(url: str) -> Request:
    return Request(url=url, source_id=url, purpose="feed")


A1, A2, B1, C1 = (ask(f"https://{name}") for name in ("a.com/1", "www.a.com/2", "b.com/1", "c.com/1"))


def test_a_lane_gives_one_request_at_a_time_with_a_gap_between_starts() -> None:
    lanes = Lanes([A1, A2, B1], gap_s=1.0)

    assert lanes.take(10.0) == ("a.com", A1)
    assert lanes.take(10.1) == ("b.com", B1)
    assert lanes.take(10.2) is None
    assert lanes.next_at() is None
    lanes.done("a.com")
    assert lanes.take(10.9) is None
    assert lanes.next_at() == 11.0
    assert lanes.take(11.0) == ("a.com", A2)
    lanes.done("a.com")
    lanes.done("b.com")
    assert len(lanes) == 0
    assert lanes.take(99.0) is None


def test_the_earliest_request_of_the_free_lanes_goes_first() -> None:
    lanes = Lanes([A1, A2, B1, C1], gap_s=0.0)

    first = lanes.take(0.0)
    lanes.done("a.com")

    assert first == ("a.com", A1)
    assert lanes.take(0.0) == ("a.com", A2)
    assert lanes.take(0.0) == ("b.com", B1)


@given(st.lists(st.sampled_from(["a.com", "b.com", "c.a.com", "127.0.0.1", "not a url"]), max_size=20))
def test_one_at_a_time_without_gaps_keeps_the_order(hosts: list[str]) -> None:
    requests = [ask(f"http://{host}/{n}") for n, host in enumerate(hosts)]
    lanes, order = Lanes(requests, gap_s=0.0), []

    while (job := lanes.take(0.0)) is not None:
        order.append(job[1])
        lanes.done(job[0])

    assert order == requests
    assert not lanes
