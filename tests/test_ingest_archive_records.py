"""Whole archives: what is a page, what is passed, and where it is."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import brotli
import pytest
from archive_records import HTML, block, by_member, read, record, summary
from hypothesis import given
from hypothesis import strategies as st

from aiwire.types.archive import BadRecord, CapturedPage, PassedRecord
from ingest.archive.records import read_pages
from ingest.http.stored import dechunked
from ingest.http.warcfile import read_captures

PAGES = Path(__file__).resolve().parents[1].parent / "shared" / "replay" / "pages.warc.gz"
MOMENT = datetime(2026, 11, 20, 6, tzinfo=UTC)
BODY = b"<!doctype html><p>" + bytes(range(32, 127)) * 40


def page(data: bytes) -> CapturedPage:
    (item,) = read(data)
    assert isinstance(item, CapturedPage)
    return item


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_page_has_its_address_date_headers_and_bytes(version: str, packed: type[bytes]) -> None:
    found = page(packed(record(block(BODY, "ETag: x", "X-A: 1", "X-A: 2"), version=version)))

    headers = {"etag": "x", "x-a": "1, 2", "content-type": "text/html"}
    assert found == CapturedPage("https://a.example/1", MOMENT, headers, BODY, 0)


RECORDS = [record(block(HTML % n), url=f"https://a.example/{n}") for n in range(5)]
OFFSETS = [sum(len(one) for one in RECORDS[:n]) for n in range(5)]
MEMBERS = [sum(len(gzip.compress(one, mtime=0)) for one in RECORDS[:n]) for n in range(5)]
WHOLE = b"".join(RECORDS)


@pytest.mark.parametrize(
    ("data", "offsets"),
    [
        pytest.param(WHOLE, OFFSETS, id="plain"),
        pytest.param(by_member(RECORDS), MEMBERS, id="a member for each record"),
        pytest.param(gzip.compress(WHOLE), [0] * 5, id="one member for all"),
        pytest.param(by_member([WHOLE[i : i + 100] for i in range(0, len(WHOLE), 100)]), None, id="members anywhere"),
        pytest.param(by_member([WHOLE, b""]) + bytes(512), [0] * 5, id="an empty member and padding at the end"),
        pytest.param(WHOLE.replace(b"\r\n\r\nWARC", b"WARC"), None, id="no lines between records"),
    ],
)
def test_records_are_found_however_they_are_packed(data: bytes, offsets: list[int] | None) -> None:
    items = read(data)

    assert [getattr(item, "url", item) for item in items] == [f"https://a.example/{n}" for n in range(5)]
    if offsets is not None:
        assert [item.offset for item in items] == offsets


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(record(b"software: x\r\n", kind="warcinfo"), "not-response", id="warcinfo"),
        pytest.param(record(b"GET / HTTP/1.1\r\n\r\n", kind="request"), "not-response", id="request"),
        pytest.param(record(block(b""), kind="revisit"), "not-response", id="revisit"),
        pytest.param(record(b"a: b\r\n", kind="metadata"), "not-response", id="metadata"),
        pytest.param(record(HTML, kind="resource"), "not-response", id="resource"),
        pytest.param(record(b"20261120\na.example. 1 IN A 1.2.3.4\n", url="dns:a.example"), "not-http", id="dns"),
        pytest.param(record(b"220 hello", url="ftp://a.example/x"), "not-http", id="ftp"),
        pytest.param(record(block(BODY, status="404 Not Found")), "status", id="404"),
        pytest.param(record(block(b"", "Location: /b", status="301 Moved")), "status", id="301"),
        pytest.param(record(block(BODY, content_type="image/png")), "not-html", id="an image"),
        pytest.param(record(block(b"<rss/>", content_type=None)), "not-html", id="no type, a feed"),
        pytest.param(record(block(b"", content_type=None)), "not-html", id="no type, nothing"),
        pytest.param(record(block(bytes(9_000_000), content_type="video/mp4")), "not-html", id="a long video"),
    ],
)
def test_what_is_no_page_is_passed_with_its_reason(data: bytes, why: str) -> None:
    assert read(data) == read(gzip.compress(data)) == [PassedRecord(why, 0)]  # type: ignore[arg-type]  # of parametrize


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(record(block(BODY), date="yesterday"), "WARC-Date 'yesterday' is no date", id="date"),
        pytest.param(record(block(BODY), date=""), "WARC-Date '' is no date", id="no date"),
        pytest.param(record(block(BODY), url=""), "no WARC-Target-URI", id="no address"),
        pytest.param(record(block(BODY), kind=""), "no WARC-Type", id="no type"),
        pytest.param(record(b"hello"), "no HTTP answer: it begins with b'hello'", id="no HTTP"),
        pytest.param(record(block(bytes(300_000))), "too large: a record of 300044 bytes", id="a large record"),
        pytest.param(record(block(bytes(240_000))), "too large: a page of 240000 bytes", id="a large page"),
        pytest.param(
            record(block(gzip.compress(bytes(99_000_000)), "Content-Encoding: gzip")),
            "more than 200000 bytes unpacked", id="a gzip bomb",
        ),
        pytest.param(
            record(block(brotli.compress(bytes(99_000_000)), "Content-Encoding: br")),
            "more than 200000 bytes unpacked", id="a brotli bomb",
        ),
        pytest.param(
            record(block(gzip.compress(BODY)[:-9], "Content-Encoding: gzip")), "broken gzip body: cut short", id="cut",
        ),
        pytest.param(record(block(b"\0\1", "Content-Encoding: br")), "broken br body", id="no brotli"),
    ],
)  # fmt: skip
def test_a_whole_record_that_cannot_be_used_says_why_and_the_next_is_read(data: bytes, reason: str) -> None:
    bad, good = read(by_member([data, RECORDS[1]]))

    assert isinstance(bad, BadRecord)
    assert bad.reason.startswith(reason)
    assert isinstance(good, CapturedPage)


def chunked(body: bytes) -> bytes:
    return b"%x;a=b\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (7, body[:7], len(body) - 7, body[7:])


@pytest.mark.parametrize(
    ("payload", "headers"),
    [
        pytest.param(chunked(BODY), ["Transfer-Encoding: chunked"], id="chunks"),
        pytest.param(BODY, ["Transfer-Encoding: chunked"], id="stored without its chunks"),
        pytest.param(gzip.compress(BODY), ["Content-Encoding: gzip"], id="gzip"),
        pytest.param(chunked(brotli.compress(BODY)), ["transfer-encoding: Chunked", "content-encoding: br"], id="both"),
        pytest.param(BODY, ["Content-Encoding: gzip", "Content-Length: 77"], id="stored decoded, gzip"),
        pytest.param(BODY, ["Content-Encoding: br"], id="stored decoded, br"),
        pytest.param(BODY, ["Content-Encoding: deflate"], id="stored decoded, deflate"),
        pytest.param(BODY, ["Content-Encoding: exotic"], id="stored decoded, unknown"),
        pytest.param(BODY, ["X-Crawler-Content-Encoding: gzip"], id="as Common Crawl stores it"),
    ],
)
def test_transfer_and_content_coding_are_undone_if_they_are_there(payload: bytes, headers: list[str]) -> None:
    found = page(record(block(payload, *headers)))

    assert found.body == BODY
    assert {"content-encoding", "transfer-encoding"}.isdisjoint(found.headers)
    assert found.headers.get("content-length", str(len(BODY))) == str(len(BODY))


def test_what_the_archiver_cut_off_is_a_page_as_far_as_it_goes() -> None:
    packed = gzip.compress(BODY, 0)[:2000]

    found = page(record(block(packed, "Content-Encoding: gzip"), extra=b"WARC-Truncated: length\r\n"))

    assert len(found.body) > 1000
    assert BODY.startswith(found.body)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("<https://a.example/b>", "https://a.example/b"),
        ("https://a.example/é".encode(), "https://a.example/é"),
        ("https://a.example/é".encode("latin-1"), "https://a.example/%E9"),
        (b"https://a.example/\r\n b", "https://a.example/ b"),
    ],
    ids=["brackets", "UTF-8", "other bytes", "folded"],
)
def test_addresses_are_read_as_they_are_written(written: str | bytes, url: str) -> None:
    raw = written if isinstance(written, bytes) else written.encode()

    assert page(record(block(BODY), url="URL").replace(b"URL", raw, 1).replace(raw, b"URI", 0)).url == url


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("2026-11-20T06:00:00.123456789Z", datetime(2026, 11, 20, 6, 0, 0, 123456, UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_dates_of_warc_1_1_may_be_finer_or_coarser(date: str, moment: datetime) -> None:
    assert page(record(block(BODY), date=date, version="1.1")).captured_at == moment


def line(**values: object) -> bytes:
    whole = {"url": "https://a.example/1", "captured_at": "2026-11-20T06:00:00Z", "html": "<p>é</p>"} | values
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode() + b"\n"


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_lines_of_json_are_pages_in_utf_8(packed: type[bytes]) -> None:
    data = line() + b"\n" + line(headers={"ETag": "x", "Content-Type": "text/html; charset=gbk"}, status=200)

    kind = {"content-type": "text/html; charset=utf-8"}
    assert read(packed(data)) == [
        CapturedPage("https://a.example/1", MOMENT, kind, "<p>é</p>".encode(), 1),
        CapturedPage("https://a.example/1", MOMENT, kind | {"etag": "x"}, "<p>é</p>".encode(), 3),
    ]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        pytest.param(line(url=None), 'no "url"', id="no address"),
        pytest.param(line(html=None), 'no "html"', id="no page"),
        pytest.param(line(captured_at="now"), "\"captured_at\" 'now' is no date", id="no date"),
        pytest.param(line(html="x" * 200_001), "too large: a page of 200001 bytes", id="a large page"),
        pytest.param(line(html="x" * 9_000_000), "too large: a line of more than", id="a large line"),
        pytest.param(b"{nonsense\n" * 1000, "no JSON: ", id="no JSON"),
        pytest.param(b"[" * 100_000 + b"\n", "no JSON: ", id="deep JSON"),
        pytest.param(b"[]\n", "no JSON object", id="no object"),
    ],
)
def test_a_bad_line_is_told_once_and_the_others_are_read(bad: bytes, told: str) -> None:
    first, wrong, last = read(line() + bad + line(html="\ud800"))

    assert isinstance(first, CapturedPage)
    assert isinstance(wrong, BadRecord)
    assert (wrong.offset, wrong.reason.startswith(told)) == (2, True)
    assert isinstance(last, CapturedPage)
    assert last.body == b"?"


def test_lines_of_json_that_are_no_page_are_passed() -> None:
    data = line(status=404) + line(headers={"content-type": "image/png"}) + line(url="dns:a.example")

    assert summary(data) == ["status", "not-html", "not-http"]


@given(st.binary(max_size=300), st.lists(st.integers(1, 60), max_size=9))
def test_chunks_of_any_size_give_the_payload_back(body: bytes, sizes: list[int]) -> None:
    coded, at = b"", 0
    for size in sizes:
        if body[at : at + size]:
            coded += b"%X\r\n%b\r\n" % (len(body[at : at + size]), body[at : at + size])
        at += size
    if body[at:]:
        coded += b"%x\r\n%b\r\n" % (len(body[at:]), body[at:])

    assert dechunked(coded + b"0\r\n\r\n") == body


@pytest.mark.skipif(not PAGES.exists(), reason="needs ../shared/replay, which users do not have")
def test_a_real_archive_is_read_as_the_replay_reads_it() -> None:
    with PAGES.open("rb") as file:
        items = list(read_pages(file, PAGES.name, max_page_bytes=15 << 20))

    assert [item.offset for item in items] == [capture.offset for _, capture in read_captures(PAGES)]
    assert not [item for item in items if isinstance(item, BadRecord)]


def test_nothing_is_read_before_it_is_asked_for() -> None:
    class Once(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            Once.reads += 1
            return super().read(size)

    items = read_pages(Once(by_member(RECORDS * 50_000)), "x", max_page_bytes=1000)
    next(items)

    assert Once.reads <= 3
