from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import brotli
import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from aiwire.exceptions import ConfigError, FetchError
from aiwire.types import FetchResult, Hop, NotModified, Request, Response
from ingest.http.fetch import Fetcher
from ingest.http.guard import Guard
from ingest.http.limits import FetchLimits
from ingest.http.network import network_transport
from ingest.http.warc import Recorder, RecordingTransport, ReplayTransport

if TYPE_CHECKING:
    from conftest import Loopback, Seen

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
URL = "https://example.com/feed"
FEED = b"<rss><channel><title>x</title></channel></rss>" * 50
LIMITS = FetchLimits(max_wire_bytes=100_000, max_body_bytes=300_000, host_gap_s=0.0)


def ask(url: str = URL, **values: Any) -> Request:
    return Request(**{"url": url, "source_id": "s", "purpose": "feed"} | values)


def replayed(paths: Path | list[Path], *requests: Request, at: datetime | None = None) -> list[Any]:
    transport = ReplayTransport([paths] if isinstance(paths, Path) else paths, at=at)
    fetcher = Fetcher(LIMITS.for_replay(), user_agent="x", transport=transport)
    return [result.outcome for result in fetcher.fetch_all(requests, now=NOW)]


def recorded(path: Path, requests: Iterable[Request], limits: FetchLimits = LIMITS) -> list[FetchResult]:
    with Recorder(path, now=NOW) as recorder:
        transport = RecordingTransport(network_transport(limits, guard=Guard(["127.0.0.1"])), recorder)
        return list(Fetcher(limits, user_agent="x", transport=transport).fetch_all(requests, now=NOW))


def archive(path: Path, *bodies: bytes, headers: Iterable[tuple[bytes, bytes]] = (), **values: Any) -> Path:
    """Record these bodies under `URL`, a day apart."""
    with Recorder(path, now=NOW) as recorder:
        for n, body in enumerate(bodies):
            recorder.write(
                **{"url": URL, "status": 200, "headers": list(headers), "body": body} | values,
                date=NOW.replace(day=1 + n),
            )
    return path


def foreign(path: Path, *, headers: list[tuple[str, str]], body: bytes, version: str = "1.0") -> Path:
    """Write an archive as other programs do."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=path.suffix == ".gz", warc_version=version)
        head = StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1")
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "other"}))
        writer.write_record(
            writer.create_warc_record(URL, "response", payload=io.BytesIO(body), length=len(body), http_headers=head)
        )
        dns = writer.create_warc_record("dns:example.com", "response", payload=io.BytesIO(b"1.2.3.4"), length=7)
        writer.write_record(dns)
    return path


# ---------------------------------------------------------------- record -> replay


def test_what_was_recorded_is_replayed_the_same(loopback: Loopback, tmp_path: Path) -> None:
    packed = gzip.compress(FEED)
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (packed[:9], packed[9:])) + b"0\r\n\r\n"

    async def send_chunked(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" + chunked)

    odd = {"ETag": 'W/"\xe9"', "Set-Cookie": "id=1", "X-Tab": "a\tb", "Link": "<a>; rel=b"}
    loopback.reply("/plain", FEED, headers=odd)
    loopback.reply("/gzip", packed, headers={"Content-Encoding": "gzip"})
    loopback.reply("/br", brotli.compress(FEED), headers={"Content-Encoding": "br"})
    loopback.reply("/zstd", zstd.compress(FEED), headers={"Content-Encoding": "zstd"})
    loopback.reply("/empty", status="204 No Content")
    loopback.script("/chunked", send_chunked)
    loopback.reply("/moved", b"gone", status="301 Moved", headers={"Location": "/plain"})
    loopback.reply("/broken", packed[:-9], headers={"Content-Encoding": "gzip"})
    loopback.reply("/mislabelled", FEED, headers={"Content-Encoding": "gzip"})
    loopback.reply("/nonsense", FEED, headers={"Content-Encoding": "br"})

    async def send_better_unpacked(seen: Seen, writer: asyncio.StreamWriter) -> None:
        wrong = b"Content-Encoding: br\r\n" if "br" in seen.headers["accept-encoding"] else b""
        writer.write(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (wrong, len(FEED)) + FEED)

    loopback.script("/second-try", send_better_unpacked)
    paths = ["/plain", "/gzip", "/br", "/zstd", "/empty", "/chunked", "/moved", "/missing", "/broken", "/mislabelled"]
    paths += ["/nonsense", "/second-try"]
    requests = [ask(loopback.url(path)) for path in paths]

    live = {result.request: result.outcome for result in recorded(tmp_path / "a.warc.gz", requests)}
    again = dict(zip(requests, replayed(tmp_path / "a.warc.gz", *requests), strict=True))

    kinds = {path: type(live[request]) for path, request in zip(paths, requests, strict=True)}
    assert {path for path, kind in kinds.items() if kind is FetchError} == {"/missing", "/broken", "/nonsense"}
    for request in requests:
        assert same(again[request]) == same(live[request])
    assert again[requests[0]].headers["etag"] == 'W/"\xe9"'
    assert "set-cookie" not in again[requests[0]].headers
    assert again[requests[6]].hops == (Hop(loopback.url("/moved"), 301),)


def same(outcome: Any) -> Any:
    """What must be equal: all but the headers that are no part of the payload, and for errors what they say."""
    if isinstance(outcome, FetchError):
        return str(outcome), outcome.reason, outcome.status
    left_out = ("set-cookie", "transfer-encoding")
    return replace(outcome, headers={name: v for name, v in outcome.headers.items() if name not in left_out})


def test_a_body_that_was_cut_ends_the_same_way_again(loopback: Loopback, tmp_path: Path) -> None:
    async def slow(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await writer.drain()
        await asyncio.sleep(2)

    async def early(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    loopback.script("/slow", slow)
    loopback.script("/early", early)
    loopback.reply("/bomb", gzip.compress(bytes(20_000_000)), headers={"Content-Encoding": "gzip"})
    requests = [ask(loopback.url(path)) for path in ("/slow", "/early", "/bomb")]

    live = {
        result.request: result.outcome
        for result in recorded(tmp_path / "a.warc.gz", requests, replace(LIMITS, read_s=0.3))
    }

    reasons = [live[request].reason for request in requests]  # all of them failed
    assert reasons == ["timeout", "encoding", "too-large"]
    assert [outcome.reason for outcome in replayed(tmp_path / "a.warc.gz", *requests)] == reasons


def test_a_failed_connection_is_not_in_the_archive(tmp_path: Path) -> None:
    request = ask("http://127.0.0.1:1/")

    (live,) = recorded(tmp_path / "a.warc.gz", [request])
    (again,) = replayed(tmp_path / "a.warc.gz", request)

    assert isinstance(live.outcome, FetchError)
    assert (live.outcome.reason, again.reason) == ("connect", "not-in-archive")
    assert str(again) == "http://127.0.0.1:1/: not in the archive a.warc.gz"


def test_a_recorded_conditional_exchange_is_replayed_only_to_whom_it_fits(loopback: Loopback, tmp_path: Path) -> None:
    url = loopback.reply("/feed", status="304 Not Modified", headers={"ETag": '"1"'})
    conditional = ask(url, etag='"1"')
    recorded(tmp_path / "a.warc.gz", [conditional])

    requests = conditional, ask(url), ask(url, etag='"2"')

    with_validator, without, other = replayed(tmp_path / "a.warc.gz", *requests)

    assert with_validator == NotModified(url, {"etag": '"1"', "content-length": "0"})
    assert without.reason == other.reason == "not-in-archive"


def test_a_recorded_304_without_validators_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    with Recorder(path, now=NOW) as recorder:
        recorder.write(url=URL, status=304, headers=[], body=b"")

    assert isinstance(replayed(path, ask(last_modified="Mon"))[0], NotModified)
    assert replayed(path, ask())[0].reason == "not-in-archive"


def test_a_recorded_304_gives_way_to_an_older_whole_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    with Recorder(path, now=NOW) as recorder:
        recorder.write(url=URL, status=200, headers=[(b"ETag", b'"1"')], body=b"x", date=NOW.replace(day=1))
        recorder.write(url=URL, status=304, headers=[(b"ETag", b'"1"')], body=b"")

    assert replayed(path, ask())[0].body == b"x"
    assert isinstance(replayed(path, ask(etag='"1"'))[0], NotModified)


def test_a_recording_is_a_sound_warc_file(loopback: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    url = loopback.reply("/x?y=1", FEED, headers={"Set-Cookie": "id=1"})
    recorded(path, [ask(url)])

    with path.open("rb") as file:
        records = [
            (
                record.rec_type,
                record.rec_headers.protocol,
                dict(record.rec_headers.headers),
                record.content_stream().read(),
            )
            for record in ArchiveIterator(file, check_digests="raise")
        ]
    assert [record[:2] for record in records] == [(kind, "WARC/1.1") for kind in ("warcinfo", "response", "request")]
    assert all(record[2]["WARC-Date"] == "2026-11-23T06:00:00Z" for record in records)
    assert records[1][3] == FEED
    assert records[2][2]["WARC-Concurrent-To"] == records[1][2]["WARC-Record-ID"]
    assert b"id=1" not in gzip.decompress(path.read_bytes())
    assert b"GET /x?y=1 HTTP/1.1\r\n" in gzip.decompress(path.read_bytes())
    checker = Checker(type("Options", (), {"inputs": [str(path)], "verbose": False})())
    assert not checker.process_all()


def test_the_same_exchanges_give_the_same_bytes(tmp_path: Path) -> None:
    one = archive(tmp_path / "1.warc.gz", b"a", b"b", headers=[(b"ETag", b'"1"')])
    two = archive(tmp_path / "2.warc.gz", b"a", b"b", headers=[(b"ETag", b'"1"')])

    assert one.read_bytes() == two.read_bytes()
    with gzip.open(one) as file:
        ids = [line for line in file if line.startswith(b"WARC-Record-ID")]
    assert len(ids) == len(set(ids)) == 5


def test_a_run_that_breaks_leaves_no_file_under_the_real_name(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"

    def breaks() -> None:
        with Recorder(path, now=NOW) as recorder:
            recorder.write(url=URL, status=200, headers=[], body=b"x")
            assert not path.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        breaks()
    assert not path.exists()
    assert replayed(tmp_path / "a.warc.gz.part", ask())[0].body == b"x"


def test_a_recorder_that_cannot_write_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no/a\.warc\.gz: cannot be written: No such file"):
        Recorder(tmp_path / "no" / "a.warc.gz", now=NOW)


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
@given(
    st.lists(
        st.binary(max_size=60) | st.sampled_from([b"WARC/1.0\r\n\r\n", b"\r\n\r\n", b"5\r\nhello\r\n"]),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_survive_packed_or_not(tmp_path: Path, name: str, bodies: list[bytes]) -> None:
    path = archive(tmp_path / name, *bodies)
    transport = ReplayTransport([path])

    assert transport.newest == NOW.replace(day=len(bodies))
    for n, body in enumerate(bodies):
        assert replayed(path, ask(), at=NOW.replace(day=1 + n))[0].body == body


# ---------------------------------------------------------------- which capture


def test_the_newest_capture_that_is_not_later_counts_else_the_earliest(tmp_path: Path) -> None:
    later = archive(tmp_path / "later.warc.gz", b"1", b"2", b"3")
    path = tmp_path / "early.warc.gz"
    with Recorder(path, now=NOW) as recorder:
        recorder.write(url=URL + "#top", status=200, headers=[], body=b"0", date=datetime(2020, 1, 1, tzinfo=UTC))
    both = [later, path]

    assert replayed(both, ask())[0].body == b"3"
    assert replayed(both, ask(), at=NOW.replace(day=2, hour=7))[0].body == b"2"
    assert replayed(both, ask(), at=datetime(2021, 1, 1, tzinfo=UTC))[0].body == b"0"
    assert replayed(both, ask(), at=datetime(2000, 1, 1, tzinfo=UTC))[0].body == b"0"
    assert ReplayTransport(both).newest == NOW.replace(day=3)


def test_urls_are_compared_as_httpx_normalizes_them_without_fragment(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.warc.gz", b"x", url="https://Example.com:443/a/../feed?q=ö#x")

    hit, other_query = replayed(path, ask("https://example.com/feed?q=%C3%B6#y"), ask("https://example.com/feed"))

    assert hit.body == b"x"
    assert other_query.reason == "not-in-archive"


@pytest.mark.parametrize(
    ("asked", "stored", "current"),
    [
        ({"etag": '"1"'}, {b"ETag": b'"1"'}, True),
        ({"etag": 'W/"1"'}, {b"ETag": b'"1"'}, True),
        ({"etag": '"1"'}, {b"ETag": b'W/"1"'}, True),
        ({"etag": '"0", W/"1"'}, {b"ETag": b'"1"'}, True),
        ({"etag": "*"}, {}, True),
        ({"etag": "bare"}, {b"ETag": b"bare"}, True),
        ({"etag": '"2"'}, {b"ETag": b'"1"'}, False),
        ({"etag": '"1"'}, {}, False),
        ({"last_modified": "Mon"}, {b"Last-Modified": b"Mon"}, True),
        ({"last_modified": "Mon"}, {b"Last-Modified": b"Tue"}, False),
        ({"last_modified": "Mon"}, {}, False),
        ({"etag": '"2"', "last_modified": "Mon"}, {b"ETag": b'"1"', b"Last-Modified": b"Mon"}, False),
        ({"etag": '"1"', "last_modified": "Tue"}, {b"ETag": b'"1"', b"Last-Modified": b"Mon"}, True),
        ({}, {b"ETag": b'"1"'}, False),
    ],
)
def test_a_stored_answer_that_the_client_has_is_a_304(
    tmp_path: Path, asked: dict[str, str], stored: dict[bytes, bytes], current: bool
) -> None:
    path = archive(tmp_path / "a.warc.gz", b"x", headers=[*stored.items(), (b"Server", b"s")])

    (outcome,) = replayed(path, ask(**asked))

    if current:
        assert outcome == NotModified(URL, {k.decode().lower(): v.decode() for k, v in stored.items()})
    else:
        assert outcome.body == b"x"


@pytest.mark.parametrize("etag", [b'"\xe9"', b'"\xc3\xa9"', b'W/"a b"', b"bare"])
def test_validators_come_back_byte_for_byte(tmp_path: Path, etag: bytes) -> None:
    path = archive(tmp_path / "a.warc.gz", b"x", headers=[(b"ETag", etag)])

    (first,) = replayed(path, ask())
    (second,) = replayed(path, ask(etag=first.headers["etag"]))

    assert first.headers["etag"].encode("latin-1") == etag
    assert isinstance(second, NotModified)


# ---------------------------------------------------------------- archives of other programs, broken ones


def test_a_payload_that_an_archiver_stored_decoded_loses_its_encoding(tmp_path: Path) -> None:
    headers = [("Content-Encoding", "gzip"), ("Content-Length", "17"), ("Content-Type", "text/xml")]
    path = foreign(tmp_path / "a.warc.gz", headers=headers, body=FEED)

    (outcome,) = replayed(path, ask())

    assert outcome.body == FEED
    assert outcome.headers == {"content-length": str(len(FEED)), "content-type": "text/xml"}


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_payload_that_is_stored_packed_and_chunked_is_read(tmp_path: Path, version: str) -> None:
    packed = gzip.compress(FEED)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    headers = [("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")]
    path = foreign(tmp_path / "a.warc", headers=headers, body=chunked, version=version)

    assert replayed(path, ask())[0].body == FEED


def error_of(path: Path) -> str:
    try:
        ReplayTransport([path])
    except ConfigError as e:
        return str(e)
    return ""


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_a_file_that_is_cut_short_anywhere_is_named(tmp_path: Path, name: str) -> None:
    whole = archive(tmp_path / name, b"first" * 50, b"second").read_bytes()
    cut = tmp_path / f"cut-{name}"
    messages = []
    for size in range(0, len(whole), 7):
        cut.write_bytes(whole[:size])
        messages.append(error_of(cut))

    wrong = [message for message in messages if message]
    assert all(message.startswith(f"{cut}: ") and "\n" not in message for message in wrong)
    assert len(messages) - len(wrong) <= 8  # a cut between two records, or in the empty lines after one


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no WARC file: it is empty"),
        (b"hello world\n", "no WARC file, or damaged: no record at byte 0"),
        (b"<html>\n" * 100, "no WARC file, or damaged: no record at byte 0"),
        (gzip.compress(b"hello\n", mtime=0), "no WARC file, or damaged: no record at byte 0"),
        (b"\x1f\x8bnothing", "damaged after byte 0"),
        (b"WARC/1.0\r\nWARC-Type: response\r\n\r\n", "cut short: the record at byte 0 has no end"),
        (
            b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\nWARC-Date: today\r\n"
            b"Content-Length: 19\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\r\n\r\n",
            "damaged: WARC-Date 'today' is no date",
        ),
    ],
)
def test_what_is_no_warc_file_is_named(
    tmp_path: Path, content: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        ReplayTransport([path])
    assert str(caught.value).startswith(f"{path}: {message}")
    assert capsys.readouterr() == ("", "")


def test_records_of_one_gzip_member_are_found_in_it(tmp_path: Path) -> None:
    plain = archive(tmp_path / "a.warc", b"first", b"second")
    packed = tmp_path / "one.warc.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))

    bodies = [replayed(packed, ask(), at=NOW.replace(day=day))[0].body for day in (1, 2)]

    assert bodies == [b"first", b"second"]


def test_a_damaged_byte_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = archive(tmp_path / "a.warc.gz", b"first" * 50, b"second")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)

    with pytest.raises(ConfigError, match="damaged"):
        ReplayTransport([path])
    assert capsys.readouterr() == ("", "")


def test_a_missing_file_and_an_archive_without_answers_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.warc: no such file"):
        ReplayTransport([tmp_path / "none.warc"])
    with pytest.raises(ConfigError, match="cannot be read"):
        ReplayTransport([tmp_path])
    with pytest.raises(ConfigError, match=r"a\.warc\.gz: no HTTP response"):
        _ = ReplayTransport([archive(tmp_path / "a.warc.gz")]).newest


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
def test_the_shared_archives_answer_every_source() -> None:
    import tomllib

    folder = SHARED / "replay"
    urls = [source["url"] for source in tomllib.loads((folder / "sources.toml").read_text())["source"]]
    outcomes = replayed([folder / "feeds.warc.gz", folder / "pages.warc.gz"], *map(ask, urls))

    assert len(outcomes) == 96
    big = [outcome for outcome in outcomes if isinstance(outcome, FetchError)]
    assert {outcome.reason for outcome in big} <= {"too-large"}  # the limits of these tests are small
    assert sum(isinstance(outcome, Response) for outcome in outcomes) > 60
    assert ReplayTransport([folder / "anthropic-1.warc.gz"]).newest == datetime(2025, 9, 17, 6, tzinfo=UTC)
