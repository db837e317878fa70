"""Records of web archives as tests make them, byte by byte, so that they can be made wrong."""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence

from aiwire.types.archive import BadRecord, CapturedPage, PassedRecord
from ingest.archive.records import read_pages

__all__ = ["CAP", "HTML", "block", "by_member", "read", "record", "summary"]

CAP = 200_000  # bytes of a page, in tests
HTML = b"<!doctype html><html><body><p>page %d</p></body></html>"


def block(body: bytes, *headers: str, status: str = "200 OK", content_type: str | None = "text/html") -> bytes:
    """An HTTP answer."""
    lines = [f"HTTP/1.1 {status}", *headers, *([f"Content-Type: {content_type}"] if content_type else [])]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def record(
    content: bytes, *, url: str = "https://a.example/1", kind: str = "response", length: int | None = None,
    version: str = "1.0", date: str = "2026-11-20T06:00:00Z", extra: bytes = b"",
) -> bytes:  # fmt: skip
    """A WARC record; `length` is what it says of its block."""
    size = len(content) if length is None else length
    head = f"WARC/{version}\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}\r\n"
    return head.encode() + extra + f"Content-Length: {size}\r\n\r\n".encode() + content + b"\r\n\r\n"


def by_member(records: Sequence[bytes]) -> bytes:
    """A gzip file with a member for each record."""
    return b"".join(gzip.compress(one, mtime=0) for one in records)


def read(data: bytes, *, cap: int = CAP) -> list[CapturedPage | PassedRecord | BadRecord]:
    """What is read from these bytes."""
    return list(read_pages(io.BytesIO(data), "shard.warc.gz", max_page_bytes=cap))


def summary(data: bytes) -> list[str]:
    """What is read from these bytes, in a word each: the URL's path of a page, why a record was passed, or "bad"."""
    words = []
    for item in read(data):
        match item:
            case CapturedPage():
                words.append(item.url.rpartition("/")[2])
            case PassedRecord():
                words.append(item.why)
            case BadRecord():
                words.append("bad")
    return words
