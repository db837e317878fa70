"""Rows 10 to 18 of our list of 27 things that a reader of feeds must do right in HTTP: bodies that are packed, cut, too
large, too slow, mislabelled, or not what they were.

Each row is tried with whole runs, as rows 1 to 9 are in test_http_rules.py. Beside the source that misbehaves there is
a neighbour that does not: its articles come whatever happens.
"""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import brotli
import pytest
from backports import zstd
from http_site import HOUR, XML, Cron, answer, item, lines, numbered, rss, statuses

from aiwire.pipeline.report import SourceLine

if TYPE_CHECKING:
    from conftest import Handler, Seen

MIB = 2**20
NAMES = numbered(10)
WHOLE = rss(*(item(name, text=f"{name} says something else about NVIDIA. " * 20) for name in NAMES))
Pack = Callable[[bytes], bytes]


def failed_beside_a_neighbour(cron: Cron) -> SourceLine:
    """Run once; return the line of /feed, which brought nothing, while the other source brought its article."""
    cron.server.reply("/fine", rss("fine"))
    report = cron.run(cron.feed(), cron.feed("/fine", id="fine", host="fine.example"))
    assert statuses(report) == {"s": "failed", "fine": "ok"}
    assert cron.titles() == ["fine"]
    assert (cron.state().ok_at, cron.state().error_count) == (None, 1)
    assert cron.state().etag is None  # else a 304 would hide for ever what was never read
    return lines(report)["s"]


def scripted(*parts: bytes, pause: float = 0.0, endless: bytes = b"", close: bool = True) -> Handler:
    """A handler that writes these bytes one after the other, then `endless` again and again."""

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        while endless:
            writer.write(endless)
            await writer.drain()
            await asyncio.sleep(pause)
        if close:
            writer.close()

    return handler


# ---------------------------------------------------------------- codings


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("br", brotli.compress), ("zstd", zstd.compress), ("deflate", zlib.compress)],
)
def test_row_10_a_packed_feed_is_read_whole(cron: Cron, coding: str, pack: Pack) -> None:
    packed = pack(WHOLE)
    cron.server.reply("/feed", packed, headers={"Content-Encoding": coding})

    line = cron.line(cron.feed())

    assert (line.status, line.new, cron.titles()) == ("ok", 10, NAMES)
    assert cron.asked("accept-encoding") == ["gzip, br, zstd"]
    assert cron.db.execute("SELECT wire_bytes FROM fetches").fetchall() == [(len(packed),)]


def test_row_10_all_members_of_a_gzip_body_are_read(cron: Cron) -> None:
    members = gzip.compress(WHOLE[:500]) + gzip.compress(WHOLE[500:3000]) + gzip.compress(WHOLE[3000:])
    cron.server.reply("/feed", members, headers={"Content-Encoding": "gzip"})

    line = cron.line(cron.feed())

    assert (line.status, line.warning, cron.titles()) == ("ok", None, NAMES)


def test_row_10_a_wrong_label_on_plain_text_does_no_harm(cron: Cron) -> None:
    cron.server.reply("/feed", WHOLE, headers={"Content-Encoding": "gzip"})

    assert (cron.line(cron.feed()).status, cron.titles()) == ("ok", NAMES)
    assert len(cron.server.seen) == 1


def test_row_10_a_body_in_another_coding_than_its_label_is_asked_for_once_more_unpacked(cron: Cron) -> None:
    async def wrong_if_packed(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.headers["accept-encoding"] == "identity":
            writer.write(answer(WHOLE))
        else:
            writer.write(answer(gzip.compress(WHOLE), Content_Encoding="br"))

    cron.server.script("/feed", wrong_if_packed)

    assert (cron.line(cron.feed()).status, cron.titles()) == ("ok", NAMES)
    assert cron.asked("accept-encoding") == ["gzip, br, zstd", "identity"]


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("br", brotli.compress), ("zstd", zstd.compress), ("deflate", zlib.compress)],
)
def test_row_10_a_packed_body_that_is_cut_is_an_error_and_not_half_the_news(
    cron: Cron, coding: str, pack: Pack
) -> None:
    cron.server.reply("/feed", pack(WHOLE)[:-5], headers={"Content-Encoding": coding, "ETag": '"1"'})
    line = failed_beside_a_neighbour(cron)
    cron.server.reply("/feed", pack(WHOLE), headers={"Content-Encoding": coding, "ETag": '"1"'})

    again = cron.line(cron.feed(), after=3 * HOUR)

    assert "cut short" in (line.error or "")
    assert ("encoding", None) in cron.fetches()
    assert (again.status, again.new) == ("ok", 10)


def zlib_bomb() -> bytes:
    return gzip.compress(bytes(64 * MIB), compresslevel=6)


def brotli_bomb() -> bytes:
    packer = brotli.Compressor(quality=3)
    return b"".join([*(packer.process(bytes(16 * MIB)) for _ in range(4)), packer.finish()])


def zstd_bomb() -> bytes:
    return zstd.compress(bytes(64 * MIB), level=1)


def test_row_10_decompression_bombs_are_too_large_and_the_run_goes_on(cron: Cron) -> None:
    bombs = {"gzip": zlib_bomb(), "br": brotli_bomb(), "zstd": zstd_bomb()}
    for coding, bomb in bombs.items():
        cron.server.reply(f"/{coding}", bomb, headers=XML | {"Content-Encoding": coding})
    cron.server.reply("/fine", rss("fine"))
    bad = [cron.feed(f"/{coding}", id=coding) for coding in bombs]

    report = cron.run(*bad, cron.feed("/fine", id="fine"))

    assert max(map(len, bombs.values())) < 100_000
    assert statuses(report) == {"gzip": "failed", "br": "failed", "zstd": "failed", "fine": "ok"}
    assert all("bomb" in (lines(report)[coding].error or "") for coding in bombs)
    assert cron.fetches() == [*[("too-large", None)] * 3, ("ok", 200)]


# ---------------------------------------------------------------- time and size


@pytest.mark.parametrize("where", ["head", "body"])
def test_row_11_one_byte_at_a_time_ends_at_the_total_time_out(cron: Cron, where: str) -> None:
    cron.limits = replace(cron.limits, read_s=5.0, total_s=1.0)
    head = b"" if where == "head" else b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
    endless = b"X" if where == "head" else b" "
    cron.server.script("/feed", scripted(head, pause=0.05, endless=endless))
    began = time.monotonic()

    line = failed_beside_a_neighbour(cron)

    assert line.error == "no whole answer within 1 s"
    assert ("timeout", None) in cron.fetches()
    assert time.monotonic() - began < 20
    assert cron.server.paths().count("/feed") == 1


def test_row_12_chunks_without_end_stop_at_the_cap(cron: Cron) -> None:
    cron.limits = replace(cron.limits, max_wire_bytes=200_000)
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    cron.server.script("/feed", scripted(head, endless=chunk))

    line = failed_beside_a_neighbour(cron)

    assert line.error == "more than 200000 bytes"
    (wire_bytes,) = cron.db.execute("SELECT wire_bytes FROM fetches WHERE outcome = 'too-large'").fetchone()
    assert 200_000 < wire_bytes < 400_000


def test_row_13_a_body_shorter_than_its_length_is_an_error_even_if_it_parses(cron: Cron) -> None:
    cron.server.script("/feed", scripted(answer(WHOLE, Content_Length=str(len(WHOLE) + 100), ETag='"1"')))

    line = failed_beside_a_neighbour(cron)

    assert "cut short" in (line.error or "")


def test_row_13_what_comes_after_the_length_is_never_the_answer_to_the_next_request(cron: Cron) -> None:
    smuggled = answer(WHOLE) + answer(rss("forged"))
    cron.server.script("/feed", scripted(smuggled, close=False))
    cron.server.reply("/fine", rss("fine"))

    report = cron.run(cron.feed(), cron.feed("/fine", id="fine"))

    assert statuses(report) == {"s": "ok", "fine": "ok"}
    assert cron.titles() == ["fine", *NAMES]
    assert len({seen.connection for seen in cron.server.seen}) == 2


def test_row_13_a_length_far_over_the_cap_is_not_even_begun(cron: Cron) -> None:
    cron.server.script("/feed", scripted(answer(WHOLE, Content_Length=str(10**12)), close=False))

    line = failed_beside_a_neighbour(cron)

    assert "declared: 1000000000000" in (line.error or "")
    assert ("too-large", None) in cron.fetches()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ("".join(f"X-{n}: y\r\n" for n in range(1000)), "more than 500 header fields"),
        (f"X: {'y' * 65_536}\r\n", "a header of more than 65536 bytes"),
    ],
    ids=["1000-fields", "64-KiB"],
)
def test_row_14_a_huge_header_is_refused(cron: Cron, fields: str, error: str) -> None:
    head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(WHOLE)}\r\nETag: "1"\r\n{fields}\r\n'
    cron.server.script("/feed", scripted(head.encode() + WHOLE))

    assert failed_beside_a_neighbour(cron).error == error
    assert ("too-large", None) in cron.fetches()


def test_row_14_a_large_header_of_honest_size_is_read(cron: Cron) -> None:
    cron.server.reply("/feed", WHOLE, headers={f"X-{n}": "y" * 100 for n in range(200)})

    assert cron.line(cron.feed()).status == "ok"


# ---------------------------------------------------------------- what the bytes are


@pytest.mark.parametrize("kind", [None, "text/html", "application/octet-stream", "image/png", "text/plain; charset=?"])
def test_row_15_a_feed_is_known_by_its_bytes_and_not_by_its_content_type(cron: Cron, kind: str | None) -> None:
    cron.server.reply("/feed", WHOLE, headers={"Content-Type": kind} if kind else {})

    line = cron.line(cron.feed())

    assert (line.status, line.new, line.warning) == ("ok", 10, None)


def test_row_16_an_error_page_with_200_is_no_feed_and_takes_nothing_away(cron: Cron) -> None:
    feed = cron.feed()
    cron.server.reply("/feed", WHOLE, headers={"ETag": '"1"'})
    cron.run(feed)
    before = cron.rows("articles", "source_items")
    page = b"<!doctype html><html><head><title>Oops</title></head><body><h1>Be right back</h1></body></html>"
    cron.server.reply("/feed", page, headers=XML | {"ETag": '"page"'})
    wrong = cron.line(feed, after=HOUR)
    wronged, kept, sample = cron.state(), cron.rows("articles", "source_items"), _sample(cron)
    cron.server.reply("/feed", WHOLE, headers={"ETag": '"1"'})

    right = cron.line(feed, after=6 * HOUR)

    assert wrong.status == "failed"
    assert (wrong.error or "").startswith("an HTML page, not a feed")
    assert (wronged.status, wronged.error_class, wronged.entries) == ("missing", "missing", 10)
    assert sample == page
    assert cron.asked() == [None, '"1"', '"1"']  # never the page's own: a 304 to that would pass for news
    assert kept == before
    assert (right.status, cron.state().status, cron.rows("articles")["articles"]) == (
        "unchanged", "ok", before["articles"],
    )  # fmt: skip


def _sample(cron: Cron) -> object:
    return cron.db.execute("SELECT sample FROM source_state").fetchone()[0]


@pytest.mark.parametrize("body", [b"", b" \r\n\t "], ids=["nothing", "blank"])
def test_row_17_an_empty_200_is_no_feed_and_takes_nothing_away(cron: Cron, body: bytes) -> None:
    feed = cron.feed()
    cron.server.reply("/feed", WHOLE, headers={"ETag": '"1"'})
    cron.run(feed)
    before = cron.rows("articles", "source_items")
    cron.server.reply("/feed", body, headers={"ETag": '"empty"'})

    empty = cron.line(feed, after=HOUR)
    cron.run(feed, after=2 * HOUR)

    assert (empty.status, cron.state().entries) == ("failed", 10)
    assert (empty.error or "").startswith("an empty document")
    assert cron.rows("articles", "source_items") == before
    assert cron.asked() == [None, '"1"', None]


def test_row_18_a_feed_that_loses_four_fifths_is_suspicious_until_it_is_whole_again(cron: Cron) -> None:
    feed = cron.feed()
    cron.server.reply("/feed", WHOLE, headers={"ETag": '"1"'})
    cron.run(feed)
    before = cron.rows("articles", "source_items")
    cron.server.reply("/feed", rss(*NAMES[:2]), headers={"ETag": '"2"'})
    shrunk = cron.line(feed, after=HOUR)
    doubted, kept = cron.state(), cron.rows("source_items")
    cron.server.reply("/feed", WHOLE, headers={"ETag": '"3"'})

    whole = cron.line(feed, after=HOUR)

    assert (shrunk.status, shrunk.warning) == ("suspicious", "suspicious: 2 entries, 10 before; nothing was taken away")
    assert (doubted.status, doubted.entries, doubted.error_count) == ("suspicious", 10, 0)
    assert kept["source_items"] == before["source_items"]
    assert (whole.status, whole.entries, whole.new, cron.state().status) == ("ok", 10, 0, "ok")
    assert cron.titles() == NAMES


@pytest.mark.parametrize(("left", "status"), [(2, "suspicious"), (3, "ok"), (0, "suspicious")])
def test_row_18_what_counts_as_shrunk_is_a_fifth_or_less(cron: Cron, left: int, status: str) -> None:
    cron.server.reply("/feed", WHOLE)
    cron.run(cron.feed())
    cron.server.reply("/feed", rss(*NAMES[:left]))

    assert cron.line(cron.feed(), after=3 * HOUR).status == status
    assert cron.titles() == NAMES
