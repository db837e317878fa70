"""What is sent and what comes back, and where redirects lead."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import brotli
import pytest
from backports import zstd
from exchanges import AGENT, FEED, QUICK, ask, body, error, failure, fetch, fetch_in_turn, raw

from aiwire.exceptions import FetchError
from aiwire.types import Hop, NotModified, Response
from ingest.http.exchange import FetchLimits

if TYPE_CHECKING:
    from conftest import Loopback


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


def test_the_request_is_honest_and_carries_no_cookie_no_credential_and_no_referrer(loopback: Loopback) -> None:
    loopback.reply("/moved", status="302 Found", headers={"Set-Cookie": "id=1", "Location": "/feed"})
    loopback.reply("/feed", FEED, headers={"Set-Cookie": "id=2"})
    url = loopback.url("/moved").replace("http://", "http://me:secret@")

    fetch_in_turn(ask(url), ask(url))

    assert loopback.paths() == ["/moved", "/feed", "/moved", "/feed"]
    assert [seen.headers for seen in loopback.seen] == [
        {
            "host": f"127.0.0.1:{loopback.port}",
            "user-agent": AGENT,
            "accept": "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, "
            "text/xml;q=0.9, */*;q=0.1",
            "accept-encoding": "gzip, br, zstd",
        }
    ] * 4


@pytest.mark.parametrize(
    ("purpose", "first"),
    [
        ("feed", "application/atom+xml"),
        ("page", "text/html"),
        ("listing", "text/html"),
        ("sitemap", "application/xml"),
        ("robots", "text/plain"),
    ],
)
def test_what_is_wanted_is_declared(loopback: Loopback, purpose: str, first: str) -> None:
    fetch(ask(loopback.reply("/x", b"text"), purpose=purpose))

    accepted = loopback.seen[0].headers["accept"].split(", ")
    assert accepted[0] == first
    assert accepted[-1] == "*/*;q=0.1"


def test_validators_go_back_verbatim_and_a_304_is_not_modified(loopback: Loopback) -> None:
    url = loopback.reply("/feed", status="304 Not Modified", headers={"ETag": 'W/"n\xe9w"'})

    outcome = fetch(ask(url, etag='W/"\xe9"', last_modified="yesterday 25:00")).outcome

    assert loopback.seen[0].headers["if-none-match"] == 'W/"\xe9"'
    assert loopback.seen[0].headers["if-modified-since"] == "yesterday 25:00"
    assert isinstance(outcome, NotModified)
    assert outcome.headers["etag"] == 'W/"n\xe9w"'
    assert (outcome.final_url, outcome.hops) == ("", ())


def test_a_304_after_redirects_tells_the_way(loopback: Loopback) -> None:
    moved = loopback.reply("/old", status="301 Moved", headers={"Location": "/new"})
    url = loopback.reply("/new", status="304 Not Modified")

    outcome = fetch(ask(moved, etag='"1"')).outcome

    assert isinstance(outcome, NotModified)
    assert (outcome.url, outcome.final_url, outcome.hops) == (moved, url, (Hop(moved, 301),))


def test_a_304_that_nobody_asked_for_is_an_error(loopback: Loopback) -> None:
    url = loopback.reply("/feed", status="304 Not Modified")

    assert failure(url) == ("status", "HTTP 304 Not Modified")


def test_answers_of_every_kind_leave_the_connection_to_the_next_request(loopback: Loopback) -> None:
    unchanged = ask(loopback.reply("/same", status="304 Not Modified"), etag='"1"')
    missing = ask(loopback.url("/missing"))
    moved = ask(loopback.reply("/moved", b"here", status="301 Moved", headers={"Location": "/feed"}))
    whole = ask(loopback.reply("/feed", FEED))
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    async def answer(seen: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + chunked)

    hinted = ask(loopback.script("/chunked", answer))
    fetch_in_turn(unchanged, unchanged, missing, moved, whole, hinted, whole)

    assert len(loopback.seen) == 8
    assert {seen.connection for seen in loopback.seen} == {1}


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


@pytest.mark.parametrize("content_type", [None, "text/html", "application/octet-stream", "nonsense"])
def test_a_body_comes_whatever_type_it_is_said_to_have(loopback: Loopback, content_type: str | None) -> None:
    url = loopback.reply("/feed", FEED, headers={"Content-Type": content_type} if content_type else {})

    outcome = fetch(url).outcome

    assert isinstance(outcome, Response)
    assert outcome.body == FEED
    assert outcome.headers.get("content-type") == content_type


@pytest.mark.parametrize("status", ["204 No Content", "205 Reset Content", "200 OK"])
def test_an_empty_answer_is_an_empty_body(loopback: Loopback, status: str) -> None:
    url = loopback.reply("/feed", status=status, headers={"Content-Encoding": "gzip"})

    assert body(url) == b""


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("404 nope", "HTTP 404 Not Found"),
        ("410 Gone", "HTTP 410 Gone"),
        ("206 Partial", "HTTP 206 Partial Content"),
        ("300 Multiple Choices", "HTTP 300 Multiple Choices"),
        ("503 Busy", "HTTP 503 Service Unavailable"),
        ("799 What", "HTTP 799"),
    ],
)
def test_other_statuses_are_errors_with_their_number_and_headers(loopback: Loopback, status: str, message: str) -> None:
    url = loopback.reply("/feed", b"x" * 200_000, status=status, headers={"Retry-After": "120"})

    outcome = error(url)

    assert (outcome.reason, outcome.status, outcome.message, outcome.url) == ("status", int(status[:3]), message, url)
    assert outcome.headers["retry-after"] == "120"


def test_an_error_whose_page_never_ends_is_that_error_and_no_time_out(loopback: Loopback) -> None:
    url = loopback.script("/feed", raw(b"HTTP/1.1 404 Not Found\r\n\r\n", *[b"x"] * 100, pause=0.1))

    assert failure(url, replace(QUICK, total_s=4.0)) == ("status", "HTTP 404 Not Found")


# ---------------------------------------------------------------- sitemaps and robots.txt


@pytest.mark.parametrize("header", [None, "gzip"])
def test_a_packed_sitemap_file_is_unpacked(loopback: Loopback, header: str | None) -> None:
    packed = gzip.compress(b"<urlset/>")
    sent = gzip.compress(packed) if header else packed
    url = loopback.reply("/sitemap.xml.gz", sent, headers={"Content-Encoding": header} if header else {})

    outcome = fetch(ask(url, purpose="sitemap")).outcome

    assert isinstance(outcome, Response)
    assert outcome.body == b"<urlset/>"


def test_a_packed_sitemap_file_has_the_caps_of_every_body(loopback: Loopback) -> None:
    cut = loopback.reply("/cut.xml.gz", gzip.compress(FEED)[:-9])
    bomb = loopback.reply("/bomb.xml.gz", gzip.compress(bytes(400_000)))

    assert failure(ask(cut, purpose="sitemap")) == ("encoding", "broken gzip body: cut short")
    assert failure(ask(bomb, purpose="sitemap")) == ("too-large", "more than 300000 bytes unpacked")


def test_the_body_of_a_feed_is_not_unpacked_unasked(loopback: Loopback) -> None:
    packed = gzip.compress(FEED)

    assert body(loopback.reply("/feed.xml.gz", packed)) == packed


@pytest.mark.parametrize(("header", "pack"), [(None, bytes), ("gzip", gzip.compress), ("br", brotli.compress)])
def test_of_a_long_robots_txt_the_first_part_is_kept(loopback: Loopback, header: str | None, pack: Any) -> None:
    text = b"".join(b"Disallow: /%d\n" % n for n in range(20_000))
    url = loopback.reply("/robots.txt", pack(text), headers={"Content-Encoding": header} if header else {})
    limits = replace(QUICK, max_body_bytes=100_000, truncate_body=True)

    outcome = fetch(ask(url, purpose="robots"), limits).outcome

    assert isinstance(outcome, Response)
    assert outcome.body == text[:100_000]


def test_an_endless_robots_txt_is_read_no_further_than_wanted(loopback: Loopback) -> None:
    url = loopback.script("/robots.txt", raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 10_000] * 500))
    limits = replace(QUICK, max_body_bytes=50_000, truncate_body=True)

    result = fetch(ask(url, purpose="robots"), limits)

    assert isinstance(result.outcome, Response)
    assert result.outcome.body == b"x" * 50_000
    assert result.wire_bytes < 200_000


def test_a_short_robots_txt_that_is_cut_is_an_error_all_the_same(loopback: Loopback) -> None:
    url = loopback.script("/robots.txt", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nDisallow: /"))

    assert failure(ask(url, purpose="robots"), replace(QUICK, truncate_body=True))[0] == "encoding"


# ---------------------------------------------------------------- redirects


def test_redirects_are_followed_and_every_hop_is_told(loopback: Loopback) -> None:
    loopback.reply("/a", b"moved", status="301 Moved", headers={"Location": "/b?x=1#there"})
    loopback.reply("/b?x=1", status="302 Found", headers={"Location": loopback.url("/ü", host="localhost")})
    final = loopback.reply("/%C3%BC", FEED)

    outcome = fetch(loopback.url("/a")).outcome

    assert isinstance(outcome, Response)
    assert outcome.url == loopback.url("/a")
    assert outcome.final_url == final.replace("127.0.0.1", "localhost")
    assert outcome.hops == (Hop(loopback.url("/a"), 301), Hop(loopback.url("/b?x=1"), 302))
    assert outcome.body == FEED


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("/a", "redirect loop"),
        ("file:///etc/passwd", "redirect to 'file:///etc/passwd', not an http or https URL"),
        ("javascript:alert(1)", "redirect to 'javascript:alert(1)', not an http or https URL"),
        ("gopher://127.0.0.1:25/", "redirect to 'gopher://127.0.0.1:25/', not an http or https URL"),
        ("http://[::1/", "redirect to 'http://[::1/', which is no URL"),
        ("http://a..b/", "redirect to 'http://a..b/', not an http or https URL"),
        ("", "HTTP 302 without a Location"),
        ("/" + "b" * 20_000, "redirect to a URL of 20001 characters"),
    ],
    ids=["loop", "file", "javascript", "gopher", "bad-ipv6", "bad-host", "none", "long"],
)
def test_a_redirect_to_nowhere_is_an_error(loopback: Loopback, location: str, message: str) -> None:
    url = loopback.reply("/a", status="302 Found", headers={"Location": location})

    assert failure(url) == ("redirect", message)
    assert loopback.paths() == ["/a"]


def test_too_many_redirects_are_an_error(loopback: Loopback) -> None:
    for n in range(10):
        loopback.reply(f"/{n}", status="307 Temporary Redirect", headers={"Location": f"/{n + 1}"})

    assert failure(loopback.url("/0")) == ("redirect", "more than 3 redirects")
    assert loopback.paths() == ["/0", "/1", "/2", "/3"]


def test_the_caller_is_asked_before_every_url_that_a_redirect_leads_to(loopback: Loopback) -> None:
    loopback.reply("/a", status="301 Moved", headers={"Location": "/b"})
    loopback.reply("/b", status="301 Moved", headers={"Location": "/forbidden"})
    loopback.reply("/forbidden", FEED)
    checked: list[str] = []

    async def check(url: str) -> None:
        checked.append(url)
        if url.endswith("/forbidden"):
            raise FetchError(url, "robots.txt forbids it", reason="robots")

    outcome = error(loopback.url("/a"), check_hop=check)

    assert (outcome.reason, outcome.url) == ("robots", loopback.url("/forbidden"))
    assert checked == [loopback.url("/b"), loopback.url("/forbidden")]
    assert loopback.paths() == ["/a", "/b"]


def test_the_limits_of_a_replay_have_no_politeness() -> None:
    limits = FetchLimits(max_wire_bytes=7).for_replay()

    assert limits == FetchLimits(
        concurrency=1, host_gap_s=0, max_gap_s=0, max_per_lane=None, retries=0, robots=False, max_wire_bytes=7
    )
