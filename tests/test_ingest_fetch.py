from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import brotli
import httpx2
import pytest
from backports import zstd

from aiwire.exceptions import ConfigError, FetchError
from aiwire.types import FetchResult, NotModified, Request, Response
from ingest.fetch import Fetcher, FetchLimits

if TYPE_CHECKING:
    from conftest import Loopback, Seen

AGENT = "aiwire/0.1 (+https://aiwire.example; contact=me@example.com)"
QUICK = FetchLimits(
    connect_s=10.0,
    read_s=10.0,
    total_s=20.0,
    max_wire_bytes=100_000,
    max_body_bytes=300_000,
    max_redirects=3,
    host_gap_s=0.0,
)
HASTY = replace(QUICK, read_s=0.3, total_s=0.8)
FEED = b"<rss><channel><title>x</title></channel></rss>" * 50


def ask(url: str, **values: Any) -> Request:
    return Request(**{"url": url, "source_id": "s", "purpose": "feed"} | values)


def fetch(request: Request | str, limits: FetchLimits = QUICK) -> FetchResult:
    asked = request if isinstance(request, Request) else ask(request)
    (result,) = Fetcher(limits, user_agent=AGENT).fetch_all([asked])
    assert result.request == asked
    return result


def body(url: str) -> bytes:
    outcome = fetch(url).outcome
    assert isinstance(outcome, Response), outcome
    return outcome.body


def failure(url: str, limits: FetchLimits = QUICK) -> tuple[str, str]:
    outcome = fetch(url, limits).outcome
    assert isinstance(outcome, FetchError), outcome
    assert "\n" not in str(outcome)
    assert outcome.__traceback__ is outcome.__cause__ is None
    return outcome.reason, outcome.message


def raw(*parts: bytes, pause: float = 0.0) -> Any:
    """A handler that writes these bytes, with a pause after each, and closes the connection."""

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        writer.close()

    return handler


# ---------------------------------------------------------------- what is sent and what comes back


def test_a_whole_answer_with_its_headers(loopback: Loopback) -> None:
    url = loopback.reply(
        "/feed?a=1", FEED, headers={"ETag": '"1"', "Content-Type": "application/rss+xml", "X-Two": "a"}
    )

    result = fetch(url + "#part")

    outcome = result.outcome
    assert isinstance(outcome, Response)
    assert replace(outcome, headers={}) == Response(url + "#part", url, 200, {}, FEED)
    assert outcome.headers["etag"] == '"1"'
    assert outcome.headers["content-type"] == "application/rss+xml"
    assert result.wire_bytes == len(FEED)
    assert 0 <= result.elapsed_ms < 20_000


def test_the_request_is_honest_and_carries_no_cookie_and_no_credential(loopback: Loopback) -> None:
    loopback.reply("/feed", FEED, headers={"Set-Cookie": "id=1"})
    url = loopback.url("/feed").replace("http://", "http://me:secret@")

    for _ in Fetcher(QUICK, user_agent=AGENT).fetch_all([ask(url), ask(url, purpose="page")]):
        pass

    feed, page = (seen.headers for seen in loopback.seen)
    assert feed == {
        "host": f"127.0.0.1:{loopback.port}",
        "user-agent": AGENT,
        "accept": "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, "
        "text/xml;q=0.9, */*;q=0.1",
        "accept-encoding": "gzip, br, zstd",
    }
    assert page["accept"] == "text/html, application/xhtml+xml, */*;q=0.1"
    assert not {"cookie", "authorization", "referer"} & page.keys()


@pytest.mark.parametrize("agent", ["李", "a\r\nCookie: id=1"])
def test_a_user_agent_that_cannot_be_sent_is_a_config_error(agent: str) -> None:
    with pytest.raises(ConfigError, match="only printable ASCII"):
        Fetcher(QUICK, user_agent=agent)


def test_validators_go_back_verbatim_and_a_304_is_not_modified(loopback: Loopback) -> None:
    url = loopback.reply("/feed", status="304 Not Modified", headers={"ETag": 'W/"n\xe9w"'})

    outcome = fetch(ask(url, etag='W/"\xe9"', last_modified="yesterday 25:00")).outcome

    assert loopback.seen[0].headers["if-none-match"] == 'W/"\xe9"'
    assert loopback.seen[0].headers["if-modified-since"] == "yesterday 25:00"
    assert isinstance(outcome, NotModified)
    assert outcome.headers["etag"] == 'W/"n\xe9w"'


def test_a_304_that_nobody_asked_for_is_an_error(loopback: Loopback) -> None:
    url = loopback.reply("/feed", status="304 Not Modified")

    assert failure(url) == ("status", "HTTP 304 Not Modified")


@pytest.mark.parametrize(
    ("header", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress), ("zstd", zstd.compress)],
)
def test_every_encoding_comes_decoded(loopback: Loopback, header: str, pack: Any) -> None:
    url = loopback.reply("/feed", pack(FEED), headers={"Content-Encoding": header})

    result = fetch(url)

    assert isinstance(result.outcome, Response)
    assert result.outcome.body == FEED
    assert result.wire_bytes == len(pack(FEED))


def test_chunked_and_close_delimited_bodies_and_all_gzip_members(loopback: Loopback) -> None:
    packed = gzip.compress(b"one") + gzip.compress(b"two")
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, packed[n : n + 1]) for n in range(len(packed))) + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    loopback.script("/chunked", raw(head + chunks))
    loopback.script("/closed", raw(b"HTTP/1.1 200 OK\r\n\r\nall of it"))

    assert body(loopback.url("/chunked")) == b"onetwo"
    assert body(loopback.url("/closed")) == b"all of it"


@pytest.mark.parametrize("status", ["204 No Content", "205 Reset Content", "200 OK"])
def test_an_empty_answer_is_an_empty_body(loopback: Loopback, status: str) -> None:
    url = loopback.reply("/feed", status=status, headers={"Content-Encoding": "gzip"})

    assert body(url) == b""


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("404 nope", "HTTP 404 Not Found"),
        ("410 Gone", "HTTP 410 Gone"),
        ("300 Multiple Choices", "HTTP 300 Multiple Choices"),
        ("503 Busy", "HTTP 503 Service Unavailable"),
        ("799 What", "HTTP 799"),
    ],
)
def test_other_statuses_are_errors_with_their_number(loopback: Loopback, status: str, message: str) -> None:
    url = loopback.reply("/feed", b"x" * 200_000, status=status)

    outcome = fetch(url).outcome

    assert isinstance(outcome, FetchError)
    assert (outcome.reason, outcome.status, outcome.message, outcome.url) == ("status", int(status[:3]), message, url)


# ---------------------------------------------------------------- redirects


def test_redirects_are_followed_and_every_hop_is_told(loopback: Loopback) -> None:
    loopback.reply("/a", b"moved", status="301 Moved", headers={"Location": "/b?x=1#there"})
    loopback.reply("/b?x=1", status="302 Found", headers={"Location": loopback.url("/ü", host="localhost")})
    final = loopback.reply("/%C3%BC", FEED)

    outcome = fetch(loopback.url("/a")).outcome

    assert isinstance(outcome, Response)
    assert outcome.url == loopback.url("/a")
    assert outcome.final_url == final.replace("127.0.0.1", "localhost")
    assert outcome.hops == (loopback.url("/a"), loopback.url("/b?x=1"))
    assert outcome.body == FEED
    assert loopback.seen[0].connection == loopback.seen[1].connection


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("/a", "redirect loop"),
        ("file:///etc/passwd", "redirect to 'file:///etc/passwd', not an http or https URL"),
        ("javascript:alert(1)", "redirect to 'javascript:alert(1)', not an http or https URL"),
        ("http://[::1/", "redirect to 'http://[::1/', which is no URL"),
        ("http://a..b/", "redirect to 'http://a..b/', not an http or https URL"),
        ("", "HTTP 302 without a Location"),
        ("/" + "b" * 70_000, None),
    ],
)
def test_a_redirect_to_nowhere_is_an_error(loopback: Loopback, location: str, message: str | None) -> None:
    url = loopback.reply("/a", status="302 Found", headers={"Location": location})

    reason, text = failure(url)

    assert reason == "redirect"
    assert message is None or text == message


def test_too_many_redirects_are_an_error(loopback: Loopback) -> None:
    for n in range(10):
        loopback.reply(f"/{n}", status="307 Temporary Redirect", headers={"Location": f"/{n + 1}"})

    assert failure(loopback.url("/0")) == ("redirect", "more than 3 redirects")
    assert loopback.paths() == ["/0", "/1", "/2", "/3"]


# ---------------------------------------------------------------- caps, cut and broken answers


@pytest.mark.parametrize(
    ("header", "pack"),
    [("gzip", gzip.compress), ("br", brotli.compress), ("zstd", zstd.compress), ("deflate", zlib.compress)],
)
def test_a_bomb_is_too_large(loopback: Loopback, header: str, pack: Any) -> None:
    url = loopback.reply("/bomb", pack(bytes(20_000_000)), headers={"Content-Encoding": header})

    assert failure(url) == ("too-large", "more than 300000 bytes unpacked")


def test_too_many_bytes_on_the_wire_are_too_large_announced_or_not(loopback: Loopback) -> None:
    announced = loopback.reply("/announced", bytes(100_001))
    endless = loopback.script("/endless", raw(b"HTTP/1.1 200 OK\r\n\r\n", *[bytes(10_000)] * 100))
    fits = loopback.reply("/fits", bytes(100_000))

    assert failure(announced) == ("too-large", "more than 100000 bytes (declared: 100001)")
    assert failure(endless) == ("too-large", "more than 100000 bytes")
    assert len(body(fits)) == 100_000


def test_a_truncated_gzip_body_is_an_error_and_not_half_a_body(loopback: Loopback) -> None:
    url = loopback.reply("/feed", gzip.compress(FEED)[:-20], headers={"Content-Encoding": "gzip"})

    assert failure(url) == ("encoding", "broken gzip body: cut short")


@pytest.mark.parametrize(
    ("header", "start"), [("gzip", "broken gzip body"), ("compress", "unknown content encoding 'compress'")]
)
def test_a_wrong_encoding_label_is_an_error(loopback: Loopback, header: str, start: str) -> None:
    url = loopback.reply("/feed", FEED, headers={"Content-Encoding": header})

    reason, message = failure(url)

    assert reason == "encoding"
    assert message.startswith(start)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", id="length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", id="chunked"),
    ],
)
def test_a_connection_that_closes_early_is_an_error_and_not_half_a_body(loopback: Loopback, answer: bytes) -> None:
    reason, message = failure(loopback.script("/feed", raw(answer)))

    assert reason == "encoding"
    assert message.startswith("cut short: ")


@pytest.mark.parametrize("answer", [b"", b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x16\x03\x01"])
def test_what_is_no_http_answer_is_a_broken_connection(loopback: Loopback, answer: bytes) -> None:
    assert failure(loopback.script("/feed", raw(answer)))[0] == "broken"


# ---------------------------------------------------------------- time-outs and connections


def test_a_server_that_says_nothing_times_out(loopback: Loopback) -> None:
    assert failure(loopback.reply("/feed", FEED, delay=2.0), HASTY) == ("timeout", "no data for 0.3 s")


def test_a_slow_loris_ends_at_the_total_time_out(loopback: Loopback) -> None:
    url = loopback.script("/feed", raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 100, pause=0.1))
    started = time.monotonic()

    assert failure(url, HASTY) == ("timeout", "no whole answer within 0.8 s")
    assert time.monotonic() - started < 5.0


def test_no_connection_is_a_connection_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        reason, message = failure(f"http://127.0.0.1:{unused.getsockname()[1]}/")

    assert reason == "connect"
    assert message.startswith("no connection: ")


@pytest.mark.parametrize(
    "url", ["", "ftp://example.com/", "http://[::1/", "http://a b/", "http://" + "a" * 64 + ".example/"]
)
def test_what_is_no_url_is_not_asked_for(url: str) -> None:
    assert failure(url) == ("url", "not an http or https URL")


def test_tls_with_a_plain_server_is_a_connection_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        reason, message = failure(f"https://127.0.0.1:{server.getsockname()[1]}/")
        thread.join()

    assert reason == "connect"
    assert message.startswith("no connection: ")


# ---------------------------------------------------------------- many at once


def test_one_bad_host_does_not_stop_the_rest(loopback: Loopback) -> None:
    hosts = ["127.0.0.2", "127.0.0.1", "localhost"]
    loopback.reply("/x", FEED)
    requests = [ask(loopback.url("/x", host=host)) for host in hosts] + [ask("http://127.0.0.1:1/"), ask("nonsense")]

    results = list(Fetcher(QUICK, user_agent=AGENT).fetch_all(requests))

    by_url = {result.request.url: result.outcome for result in results}
    assert len(results) == 5
    assert isinstance(by_url[loopback.url("/x")], Response)
    assert sum(isinstance(outcome, FetchError) for outcome in by_url.values()) == 3  # nobody listens on 127.0.0.2


def test_one_host_is_asked_one_at_a_time_with_a_gap_and_on_one_connection(loopback: Loopback) -> None:
    for n in range(4):
        loopback.reply(f"/{n}", FEED, delay=0.02)
    limits = replace(QUICK, host_gap_s=0.1)

    results = list(Fetcher(limits, user_agent=AGENT).fetch_all([ask(loopback.url(f"/{n}")) for n in range(4)]))

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

    results = list(Fetcher(replace(QUICK, concurrency=5), user_agent=AGENT, transport=echo).fetch_all(
        [ask(f"https://h{n}.com/") for n in range(20)]
    ))  # fmt: skip

    assert len(results) == 20
    assert echo.most == 5


def test_with_the_limits_of_a_replay_the_order_is_that_of_the_requests() -> None:
    requests = many(200, hosts=7)

    results = list(Fetcher(FetchLimits().for_replay(), user_agent=AGENT, transport=Echo()).fetch_all(requests))

    assert [result.request for result in results] == requests


def test_a_slow_caller_is_not_buried() -> None:
    echo = Echo()
    results = Fetcher(replace(QUICK, concurrency=3), user_agent=AGENT, transport=echo).fetch_all(
        [ask(f"https://h{n}.com/") for n in range(50)]
    )
    next(results)
    time.sleep(0.2)

    assert echo.asked <= 7  # one taken, twice three waiting
    assert len(list(results)) == 49


def test_closing_early_cancels_what_is_under_way_and_ends_the_thread() -> None:
    echo = Echo(wait=30.0)
    quick = Echo()

    class Mixed(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            return await (quick if request.url.host == "quick.com" else echo).handle_async_request(request)

    limits = replace(QUICK, total_s=60)
    results = Fetcher(limits, user_agent=AGENT, transport=Mixed()).fetch_all(
        [ask("https://quick.com/"), ask("https://slow.com/")]
    )
    started = time.monotonic()
    next(results)
    results.close()

    assert time.monotonic() - started < 5
    assert echo.now == 0
    assert not any(thread.name == "aiwire-fetch" for thread in threading.enumerate())


def test_an_exception_of_the_caller_ends_the_thread() -> None:
    fetcher = Fetcher(replace(QUICK, total_s=60), user_agent=AGENT, transport=Echo())

    def interrupted() -> None:
        with contextlib.closing(fetcher.fetch_all(many(50))) as results:
            for _ in results:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(thread.name == "aiwire-fetch" for thread in threading.enumerate())


def test_a_generator_that_is_never_started_starts_nothing() -> None:
    echo = Echo()

    Fetcher(QUICK, user_agent=AGENT, transport=echo).fetch_all(many(5)).close()

    assert echo.asked == 0


def test_when_the_time_is_up_no_request_starts_and_those_under_way_are_cancelled() -> None:
    limits = replace(QUICK, concurrency=2)
    quick, slow = Echo(wait=0.02), Echo(wait=30)
    started = time.monotonic()

    some = list(Fetcher(limits, user_agent=AGENT, transport=quick).fetch_all(many(500), stop_after_s=0.5))
    none = list(Fetcher(limits, user_agent=AGENT, transport=slow).fetch_all(many(50), stop_after_s=0.1))

    assert 1 <= len(some) < 500
    assert none == []
    assert slow.asked == 2
    assert time.monotonic() - started < 10


def test_a_bug_in_the_loop_is_raised_in_the_caller() -> None:
    class Broken(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(Fetcher(QUICK, user_agent=AGENT, transport=Broken()).fetch_all(many(3)))


def test_one_fetcher_serves_several_runs(loopback: Loopback) -> None:
    url = loopback.reply("/x", FEED)
    fetcher = Fetcher(QUICK, user_agent=AGENT)

    def run() -> Iterator[object]:
        return (result.outcome for result in fetcher.fetch_all([ask(url), ask(url + "?missing")]))

    assert [type(outcome) for outcome in run()] == [Response, FetchError]
    assert [type(outcome) for outcome in run()] == [Response, FetchError]
    assert list(fetcher.fetch_all([])) == []
