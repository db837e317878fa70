"""Many requests at once: threads, order, cancelling, and the network only where it may be used."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from exchanges import AGENT, FEED, LOCAL, QUICK, ask

from aiwire.exceptions import ConfigError, FetchError
from aiwire.types import FetchResult, Request, Response
from ingest.http import fetch
from ingest.http.fetch import Fetcher
from ingest.http.limits import FetchLimits
from ingest.http.network import network_transport

if TYPE_CHECKING:
    from conftest import Loopback

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def fetcher(limits: FetchLimits = QUICK, transport: httpx2.AsyncBaseTransport | None = None) -> Fetcher:
    """A fetcher over the transport, or over the network of this machine."""
    return Fetcher(limits, user_agent=AGENT, transport=transport or network_transport(limits, guard=LOCAL))


def fetch_all(asker: Fetcher, requests: Sequence[Request], **values: Any) -> Generator[FetchResult]:
    return asker.fetch_all(requests, now=NOW, **values)


@pytest.mark.parametrize("agent", ["李", "a\r\nCookie: id=1"])
def test_a_user_agent_that_cannot_be_sent_is_a_config_error(agent: str) -> None:
    with pytest.raises(ConfigError, match="only printable ASCII"):
        Fetcher(QUICK, user_agent=agent)


def test_unless_the_settings_say_more_only_public_addresses_are_asked(loopback: Loopback) -> None:
    url = loopback.reply("/x", FEED)

    (result,) = fetch_all(Fetcher(QUICK, user_agent=AGENT), [ask(url)])

    assert isinstance(result.outcome, FetchError)
    assert result.outcome.reason == "address"
    assert loopback.seen == []


def test_one_bad_host_does_not_stop_the_rest(loopback: Loopback) -> None:
    hosts = ["127.0.0.2", "127.0.0.1", "localhost"]
    loopback.reply("/x", FEED)
    requests = [ask(loopback.url("/x", host=host)) for host in hosts] + [ask("http://127.0.0.1:1/"), ask("nonsense")]

    results = list(fetch_all(fetcher(), requests))

    by_url = {result.request.url: result.outcome for result in results}
    assert len(results) == 5
    assert isinstance(by_url[loopback.url("/x")], Response)
    assert sum(isinstance(outcome, FetchError) for outcome in by_url.values()) == 3  # nobody listens on 127.0.0.2


def test_one_host_is_asked_one_at_a_time_with_a_gap_and_on_one_connection(loopback: Loopback) -> None:
    for n in range(4):
        loopback.reply(f"/{n}", FEED, delay=0.02)
    limits = replace(QUICK, host_gap_s=0.1)

    results = list(fetch_all(fetcher(limits), [ask(loopback.url(f"/{n}")) for n in range(4)]))

    starts = [seen.at for seen in loopback.seen]
    assert loopback.paths() == ["/0", "/1", "/2", "/3"]
    assert all(later - earlier > 0.09 for earlier, later in itertools.pairwise(starts))
    assert {seen.connection for seen in loopback.seen} == {1}
    assert len(results) == 4


class Echo(httpx2.AsyncBaseTransport):
    """Answers after a while; counts what is under way. For tests of the scheduling only."""

    def __init__(self, wait: float = 0.0) -> None:
        self.wait, self.now, self.most, self.asked = wait, 0, 0, 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.wait)
        finally:
            self.now -= 1
        return httpx2.Response(200, content=request.url.path.encode())


def many(count: int, hosts: int = 1000) -> list[Request]:
    return [ask(f"https://h{n % hosts}.example/{n}", source_id=str(n)) for n in range(count)]


def test_hosts_are_asked_side_by_side_up_to_the_limit() -> None:
    echo = Echo(wait=0.05)

    results = list(
        fetch_all(fetcher(replace(QUICK, concurrency=5), echo), [ask(f"https://h{n}.com/") for n in range(20)])
    )

    assert len(results) == 20
    assert echo.most == 5


def test_with_the_limits_of_a_replay_the_order_is_that_of_the_requests() -> None:
    requests = many(200, hosts=7)

    results = list(fetch_all(fetcher(FetchLimits().for_replay(), Echo()), requests))

    assert [result.request for result in results] == requests


def test_a_slow_caller_is_not_buried() -> None:
    echo = Echo()
    results = fetch_all(fetcher(replace(QUICK, concurrency=3), echo), [ask(f"https://h{n}.com/") for n in range(50)])
    next(results)
    time.sleep(0.2)

    assert echo.asked <= 7  # one taken, twice three waiting
    assert len(list(results)) == 49


def test_a_slow_caller_is_not_buried_in_bytes_either(monkeypatch: pytest.MonkeyPatch) -> None:
    class Big(Echo):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await super().handle_async_request(request)
            return httpx2.Response(200, content=bytes(60_000))

    monkeypatch.setattr(fetch, "_MAX_WAITING_BYTES", 150_000)
    big = Big()
    results = fetch_all(fetcher(replace(QUICK, concurrency=4), big), [ask(f"https://h{n}.com/") for n in range(20)])
    next(results)
    time.sleep(0.2)

    assert big.asked == 4  # three wait, of the eight that their number would allow
    assert len(list(results)) == 19


def test_closing_early_cancels_what_is_under_way_and_ends_the_thread() -> None:
    echo = Echo(wait=30.0)
    quick = Echo()

    class Mixed(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            return await (quick if request.url.host == "quick.com" else echo).handle_async_request(request)

    limits = replace(QUICK, total_s=60)
    results = fetch_all(fetcher(limits, Mixed()), [ask("https://quick.com/"), ask("https://slow.com/")])
    started = time.monotonic()
    next(results)
    results.close()

    assert time.monotonic() - started < 5
    assert echo.now == 0
    assert not any(thread.name == "aiwire-fetch" for thread in threading.enumerate())


def test_an_exception_of_the_caller_ends_the_thread() -> None:
    asker = fetcher(replace(QUICK, total_s=60), Echo())

    def interrupted() -> None:
        with contextlib.closing(fetch_all(asker, many(50))) as results:
            for _ in results:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(thread.name == "aiwire-fetch" for thread in threading.enumerate())


def test_a_generator_that_is_never_started_starts_nothing() -> None:
    echo = Echo()

    fetch_all(fetcher(QUICK, echo), many(5)).close()

    assert echo.asked == 0


def test_when_the_time_is_up_no_request_starts_and_those_under_way_are_cancelled() -> None:
    limits = replace(QUICK, concurrency=2)
    quick, slow = Echo(wait=0.02), Echo(wait=30)
    started = time.monotonic()

    some = list(fetch_all(fetcher(limits, quick), many(500), stop_after_s=0.5))
    none = list(fetch_all(fetcher(limits, slow), many(50), stop_after_s=0.1))

    assert 1 <= len(some) < 500
    assert none == []
    assert slow.asked == 2
    assert time.monotonic() - started < 10


def test_a_bug_in_the_loop_is_raised_in_the_caller() -> None:
    class Broken(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(fetch_all(fetcher(QUICK, Broken()), many(3)))


def test_one_fetcher_serves_several_runs(loopback: Loopback) -> None:
    url = loopback.reply("/x", FEED)
    asker = fetcher()

    def run() -> Iterator[object]:
        return (result.outcome for result in fetch_all(asker, [ask(url), ask(url + "?missing")]))

    assert [type(outcome) for outcome in run()] == [Response, FetchError]
    assert [type(outcome) for outcome in run()] == [Response, FetchError]
    assert list(fetch_all(asker, [])) == []
