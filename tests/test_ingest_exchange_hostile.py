"""Answers that are too large, too slow, cut, broken or lies."""

from __future__ import annotations

import asyncio
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
from exchanges import FEED, HASTY, QUICK, ask, body, failure, fetch, fetch_in_turn, kept_open, raw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiwire.exceptions import FetchError
from aiwire.types import NotModified, Response
from ingest.http.exchange import fetch_one

if TYPE_CHECKING:
    from conftest import Handler, Loopback, Seen

# ---------------------------------------------------------------- too large


@pytest.mark.parametrize(
    ("header", "pack"),
    [("gzip", gzip.compress), ("br", brotli.compress), ("zstd", zstd.compress), ("deflate", zlib.compress)],
)
def test_a_bomb_is_too_large(loopback: Loopback, header: str, pack: Any) -> None:
    url = loopback.reply("/bomb", pack(bytes(20_000_000)), headers={"Content-Encoding": header})

    assert failure(url) == ("too-large", "more than 300000 bytes unpacked")


def test_a_body_that_grows_out_of_proportion_is_a_bomb_before_it_reaches_the_cap(loopback: Loopback) -> None:
    packed = brotli.compress(bytes(20_000_000))
    url = loopback.reply("/bomb", packed, headers={"Content-Encoding": "br"})

    reason, message = failure(url, replace(QUICK, max_body_bytes=10**8))

    assert reason == "too-large"
    assert message.startswith("a decompression bomb: ")


def test_too_many_bytes_on_the_wire_are_too_large_announced_or_not(loopback: Loopback) -> None:
    announced = loopback.reply("/announced", bytes(100_001))
    endless = loopback.script("/endless", raw(b"HTTP/1.1 200 OK\r\n\r\n", *[bytes(10_000)] * 100))
    fits = loopback.reply("/fits", bytes(100_000))

    assert failure(announced) == ("too-large", "more than 100000 bytes (declared: 100001)")
    assert failure(endless) == ("too-large", "more than 100000 bytes")
    assert len(body(fits)) == 100_000


def test_endless_chunks_are_too_large(loopback: Loopback) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    url = loopback.script("/feed", raw(head, *[b"2710\r\n" + bytes(10_000) + b"\r\n"] * 100))

    assert failure(url) == ("too-large", "more than 100000 bytes")


def test_endless_empty_time_is_a_time_out_even_in_tiny_chunks(loopback: Loopback) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    url = loopback.script("/feed", raw(head, *[b"1\r\nx\r\n"] * 100, pause=0.05))

    assert failure(url, HASTY) == ("timeout", "no whole answer within 0.8 s")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (b"".join(b"X-%d: 1\r\n" % n for n in range(1_000)), "more than 500 header fields"),
        (b"X-Long: " + b"a" * 66_000 + b"\r\n", "a header of more than 65536 bytes"),
        (b"X-Long: " + b"a" * 2_000_000 + b"\r\n", "a header of more than 65536 bytes"),
        (b"Set-Cookie: a=" + b"b" * 200 + b"\r\n", None),
    ],
    ids=["many", "64k", "2m", "usual"],
)
def test_a_huge_header_is_too_large_and_a_usual_one_is_read(
    loopback: Loopback, fields: bytes, message: str | None
) -> None:
    url = loopback.script("/feed", raw(b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: 2\r\n\r\nhi"))

    if message is None:
        assert body(url) == b"hi"
    else:
        assert failure(url) == ("too-large", message)


def test_a_header_that_never_ends_stops_at_the_cap(loopback: Loopback) -> None:
    url = loopback.script("/feed", raw(b"HTTP/1.1 200 OK\r\n", *[b"X-A: " + b"b" * 995 + b"\r\n"] * 2_000))

    assert failure(url)[0] == "too-large"


def test_announcements_without_end_stop_at_the_cap(loopback: Loopback) -> None:
    url = loopback.script("/feed", raw(*[b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100] * 100))

    assert failure(url) == ("too-large", "a header of more than 65536 bytes")


def test_a_header_in_single_bytes_is_read_in_time(loopback: Loopback) -> None:
    head = b"HTTP/1.1 200 OK\r\nX-Fill: %s\r\nContent-Length: 2\r\n\r\nhi" % (b"a" * 3_000)

    async def slowly(seen: Seen, writer: asyncio.StreamWriter) -> None:
        for n in range(len(head)):
            writer.write(head[n : n + 1])
            await writer.drain()
            await asyncio.sleep(0)

    assert body(loopback.script("/feed", slowly)) == b"hi"


def test_a_url_that_no_server_need_take_is_not_asked_for(loopback: Loopback) -> None:
    reason, message = failure(loopback.url("/" + "a" * 9_000))

    assert reason == "url"
    assert message.endswith(" characters; up to 8000 are asked for")
    assert loopback.seen == []


# ---------------------------------------------------------------- cut, mislabelled, broken


def test_a_truncated_gzip_body_is_an_error_and_not_half_a_body(loopback: Loopback) -> None:
    url = loopback.reply("/feed", gzip.compress(FEED)[:-20], headers={"Content-Encoding": "gzip"})

    assert failure(url) == ("encoding", "broken gzip body: cut short")
    assert len(loopback.seen) == 1  # asked once: what was cut short is for the next run


@pytest.mark.parametrize("header", ["gzip", "zstd", "none", "UTF-8"])
def test_a_plain_feed_with_a_wrong_label_is_taken_as_it_is(loopback: Loopback, header: str) -> None:
    url = loopback.reply("/feed", FEED, headers={"Content-Encoding": header})

    assert body(url) == FEED
    assert len(loopback.seen) == 1


def in_turn(*handlers: Handler) -> Handler:
    """A handler that gives its work to these, one after the other."""
    turns: Iterator[Handler] = itertools.chain(handlers, itertools.repeat(handlers[-1]))

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await next(turns)(seen, writer)

    return handler


def answer(data: bytes, *fields: str) -> Handler:
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(data)}", *fields, "", ""]
    return kept_open("\r\n".join(head).encode() + data)


@pytest.mark.parametrize(("header", "sent"), [("br", FEED), ("gzip", b"\x1f\x8bnonsense" * 9), ("compress", FEED)])
def test_a_broken_encoding_is_asked_for_again_without_any(loopback: Loopback, header: str, sent: bytes) -> None:
    broken = answer(sent, f"Content-Encoding: {header}")
    url = loopback.script("/feed", in_turn(broken, answer(FEED)))

    result = fetch(ask(url, etag='"1"'))

    assert isinstance(result.outcome, Response)
    assert result.outcome.body == FEED
    assert result.outcome.hops == ()
    assert [seen.headers["accept-encoding"] for seen in loopback.seen] == ["gzip, br, zstd", "identity"]
    assert {seen.headers["if-none-match"] for seen in loopback.seen} == {'"1"'}


@pytest.mark.parametrize(
    ("header", "start"), [("br", "broken br body"), ("compress", "unknown content encoding 'compress'")]
)
def test_a_second_broken_encoding_is_an_error(loopback: Loopback, header: str, start: str) -> None:
    url = loopback.reply("/feed", FEED, headers={"Content-Encoding": header})

    reason, message = failure(url)

    assert reason == "encoding"
    assert message.startswith(start)
    assert len(loopback.seen) == 2


def test_the_second_try_has_no_time_of_its_own(loopback: Loopback) -> None:
    slow = raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 100, pause=0.1)
    url = loopback.script("/feed", in_turn(answer(FEED, "Content-Encoding: br"), slow))

    assert failure(url, HASTY) == ("timeout", "no whole answer within 0.8 s")


def test_too_many_encodings_on_top_of_each_other_are_an_error(loopback: Loopback) -> None:
    url = loopback.reply("/feed", FEED, headers={"Content-Encoding": ", ".join(["gzip"] * 50)})

    assert failure(url) == ("encoding", "more than 3 content encodings on top of each other")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", id="length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", id="chunked"),
    ],
)
def test_a_connection_that_closes_early_is_an_error_and_not_half_a_body(loopback: Loopback, sent: bytes) -> None:
    reason, message = failure(loopback.script("/feed", raw(sent)))

    assert reason == "encoding"
    assert message.startswith("cut short: ")


POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" + POISON, id="length"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n" + POISON, id="304"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + POISON, id="chunked"),
        pytest.param(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" + POISON, id="404"),
    ],
)
def test_what_comes_after_an_answer_is_never_taken_for_the_next_one(loopback: Loopback, first: bytes) -> None:
    lying = ask(loopback.script("/first", kept_open(first)), etag='"1"')
    honest = ask(loopback.reply("/second", FEED))

    _, second = fetch_in_turn(lying, honest)

    assert isinstance(second.outcome, Response)
    assert second.outcome.body == FEED
    assert [seen.connection for seen in loopback.seen] == [1, 2]


@pytest.mark.parametrize(
    "length", ["-1", "1e3", "5, 6", "9" * 30, "0x10"], ids=["negative", "float", "two", "huge", "hex"]
)
def test_a_length_that_is_none_is_an_error(loopback: Loopback, length: str) -> None:
    url = loopback.script("/feed", raw(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nhello".encode()))

    assert failure(url)[0] in {"broken", "too-large"}


@pytest.mark.parametrize(
    "sent",
    [b"", b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x16\x03\x01", b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"],
    ids=["nothing", "text", "status", "tls", "field"],
)
def test_what_is_no_http_answer_is_a_broken_connection(loopback: Loopback, sent: bytes) -> None:
    assert failure(loopback.script("/feed", raw(sent)))[0] == "broken"


# ---------------------------------------------------------------- time-outs and connections


def test_a_server_that_says_nothing_times_out(loopback: Loopback) -> None:
    assert failure(loopback.reply("/feed", FEED, delay=2.0), HASTY) == ("timeout", "no data for 0.3 s")


def test_a_slow_loris_ends_at_the_total_time_out(loopback: Loopback) -> None:
    url = loopback.script("/feed", raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 100, pause=0.1))
    started = time.monotonic()

    assert failure(url, HASTY) == ("timeout", "no whole answer within 0.8 s")
    assert time.monotonic() - started < 5.0


def test_redirects_share_one_total_time_out(loopback: Loopback) -> None:
    for n in range(4):
        loopback.reply(f"/{n}", status="302 Found", headers={"Location": f"/{n + 1}"}, delay=0.25)

    assert failure(loopback.url("/0"), HASTY) == ("timeout", "no whole answer within 0.8 s")


def test_no_connection_is_a_connection_error_in_the_words_of_the_system(unused_port: int) -> None:
    reason, message = failure(f"http://127.0.0.1:{unused_port}/")

    assert (reason, message) == ("connect", "no connection: Connection refused (127.0.0.1)")


@pytest.mark.parametrize(
    "url", ["", "ftp://example.com/", "http://[::1/", "http://a b/", "http://" + "a" * 64 + ".example/"]
)
def test_what_is_no_url_is_not_asked_for(url: str) -> None:
    assert failure(url) == ("url", "not an http or https URL")


def test_tls_with_a_plain_server_is_a_connection_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reply() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=reply)
        thread.start()
        reason, message = failure(f"https://127.0.0.1:{server.getsockname()[1]}/")
        thread.join()

    assert reason == "connect"
    assert message.startswith("no connection: ")


# ---------------------------------------------------------------- anything at all

FIELDS = st.lists(
    st.tuples(
        st.sampled_from([b"Content-Encoding", b"Content-Length", b"Location", b"ETag", b"Transfer-Encoding", b"X"]),
        st.one_of(
            st.sampled_from([b"gzip", b"br, zstd", b"7", b"9" * 5_000, b"http://[", b"//\xff/", b"http://\xc3\xbc:0/"]),
            st.binary(max_size=20),
        ),
    ),
    max_size=4,
)


class Fixed(httpx2.AsyncBaseTransport):
    """Gives one answer to every request: what an archive of somebody else's may hold."""

    def __init__(self, status: int, fields: list[tuple[bytes, bytes]], content: bytes) -> None:
        self._status, self._fields, self._content = status, fields, content

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(self._status, headers=self._fields, stream=httpx2.ByteStream(self._content))


@given(status=st.sampled_from([200, 204, 206, 301, 302, 304, 404, 599]), fields=FIELDS, content=st.binary(max_size=99))
@settings(max_examples=300, deadline=None)
def test_no_answer_makes_the_exchange_raise(status: int, fields: list[tuple[bytes, bytes]], content: bytes) -> None:
    request = ask("https://example.com/feed", etag='"1"')

    result = asyncio.run(fetch_one(Fixed(status, fields, content), request, limits=QUICK, user_agent="x"))

    assert type(result.outcome) in {Response, NotModified, FetchError}


@given(
    sent=st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda status, fields, content: (
                b"HTTP/1.1 %d \r\n" % status + b"".join(b"%s: %s\r\n" % pair for pair in fields) + b"\r\n" + content
            ),
            st.integers(100, 599),
            FIELDS,
            st.binary(max_size=50),
        ),
    )
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_of_a_server_make_the_exchange_raise(loopback: Loopback, sent: bytes) -> None:
    url = loopback.script("/feed", raw(sent))

    result = fetch(ask(url, etag='"1"'), HASTY)

    assert type(result.outcome) in {Response, NotModified, FetchError}
