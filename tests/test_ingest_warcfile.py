"""Archives that are too large, or no archives at all: reading them takes little memory."""

from __future__ import annotations

import gzip
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aiwire.exceptions import ConfigError, FetchError
from aiwire.types import FetchResult, Request, Response
from ingest.http.fetch import Fetcher
from ingest.http.limits import FetchLimits
from ingest.http.warc import ReplayTransport

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
URL = "http://a.example/"
ZEROS = bytes(64 << 20)
HEAD = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\nWARC-Date: 2026-11-23T06:00:00Z\r\n"


def record(body: bytes) -> bytes:
    """A response record with this body."""
    length = len(b"HTTP/1.1 200 OK\r\n\r\n") + len(body)
    return HEAD + b"Content-Length: %d\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" % length + body + b"\r\n\r\n"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content, 1, mtime=0) if path.suffix == ".gz" else content)
    return path


def opened(path: Path) -> tuple[str, int]:
    """Return what opening an archive comes to, and the most bytes that it has in memory at a time."""
    told = "whole"
    tracemalloc.start()
    try:
        ReplayTransport([path])
    except ConfigError as e:
        told = str(e).removeprefix(f"{path}: ")
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return told, peak


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(ZEROS, "no WARC file, or damaged: no record at byte 0", id="no record"),
        pytest.param(HEAD + b"A: " + ZEROS, "no WARC file, or damaged: no record at byte 0", id="one endless field"),
        pytest.param(HEAD + b"A: b\r\n" * 4_000_000, "no WARC file, or damaged: no record at byte 0", id="fields"),
        pytest.param(HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", "cut short", id="endless length"),
        pytest.param(record(ZEROS), "whole", id="a long record"),
    ],
)
@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_a_file_of_any_size_takes_little_memory(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    said, peak = opened(written(tmp_path / name, content))

    assert said.startswith(told)
    assert peak < 16 << 20


def replayed(path: Path) -> FetchResult:
    limits = FetchLimits(max_wire_bytes=100_000, max_body_bytes=300_000).for_replay()
    fetcher = Fetcher(limits, user_agent="x", transport=ReplayTransport([path]))
    (result,) = fetcher.fetch_all([Request(URL, "s", "feed")], now=NOW)
    return result


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_a_body_beyond_the_caps_is_not_taken_from_an_archive(tmp_path: Path, name: str) -> None:
    fits = replayed(written(tmp_path / name, record(bytes(100_000)))).outcome
    others = [replayed(written(tmp_path / name, record(body))).outcome for body in (bytes(300_001), ZEROS)]

    assert isinstance(fits, Response)
    assert fits.body == bytes(100_000)
    for other in others:
        assert isinstance(other, FetchError)
        assert (other.reason, other.message) == ("too-large", "more than 300000 bytes")
