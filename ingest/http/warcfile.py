"""Reading WARC files (ISO 28500:2017, 1.0 and 1.1; .warc or .warc.gz): where the HTTP responses are, and what they say.

warcio parses the record headers. Its archive iterator is not used: it takes a gzip member that is cut short or damaged
for the end of the file, and writes on stderr.
"""

from __future__ import annotations

import contextlib
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import httpx2
from warcio.bufferedreaders import ChunkedDataReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader

from aiwire.exceptions import ConfigError, FetchError
from aiwire.types import parse_iso
from ingest.http.decode import GZIP_MAGIC, BodyDecoder

__all__ = ["SOFTWARE", "Capture", "StoredResponse", "UrlKey", "read_capture", "read_captures", "url_key"]

SOFTWARE = "aiwire"  # in the warcinfo of our own archives: their payloads are exactly what came over the wire
UrlKey = tuple[bytes, bytes, int | None, bytes]

_OURS = re.compile(rb"(?m)^software: %s\b" % SOFTWARE.encode())
_CHUNK = 65_536
_PLAIN_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*[<{\[]")  # XML, HTML or JSON that is not compressed
_MAX_DECODED = 1 << 30


class _Damaged(Exception):
    """The bytes are not a whole WARC file; the message says why."""


@dataclass(frozen=True, slots=True)
class Capture:
    """Where one response record is: the bytes `offset..offset+length` of the file, and `start` within them unpacked."""

    path: Path
    offset: int
    length: int
    start: int
    packed: bool
    date: datetime
    status: int
    exact: bool  # recorded by us: the payload is what came over the wire


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """What a response record holds: the payload without transfer coding, still in its content coding."""

    headers: list[tuple[bytes, bytes]]
    body: bytes
    truncated: str | None  # WARC-Truncated: why the body is not whole


def url_key(url: httpx2.URL) -> UrlKey:
    """Return what makes two URLs one resource: all but the fragment, as httpx2 normalizes it."""
    return url.raw_scheme, url.raw_host, url.port, url.raw_path


def read_captures(path: Path) -> list[tuple[UrlKey, Capture]]:
    """Return the place of every HTTP response record, having read the file to its end.

    Raises:
        ConfigError: the file is missing, is no WARC file, is damaged or cut short.
    """
    try:
        with path.open("rb") as file:
            return list(_captures(file, path))
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: no such file") from e
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}") from e
    except _Damaged as e:
        raise ConfigError(f"{path}: {e}") from e


def read_capture(capture: Capture) -> StoredResponse:
    """Return the stored response of a capture.

    Archivers store payloads decoded and dechunked, and leave the headers as they were: where that shows, the headers
    are put right, so that the result is an answer that a server could have given.
    """
    with capture.path.open("rb") as file:
        file.seek(capture.offset)
        data = file.read(capture.length)
    plain = zlib.decompress(data, zlib.MAX_WBITS | 16) if capture.packed else data
    _, _, record = next(_records(plain[capture.start :]))
    _, headers, body = _split_http(record.raw_stream.read())
    fields = {name.lower(): value for name, value in headers}
    if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
        body = ChunkedDataReader(io.BytesIO(body)).read()  # gives a payload that is stored without chunks as it is
    dropped = {b"transfer-encoding"}
    if not capture.exact:
        encoding = fields.get(b"content-encoding")
        if encoding and _is_plain(body, encoding.decode("latin-1")):
            dropped.add(b"content-encoding")
        length = b"%d" % len(body)
        headers = [(name, length if name.lower() == b"content-length" else value) for name, value in headers]
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    return StoredResponse(kept, body, record.rec_headers.get_header("WARC-Truncated"))


def _captures(file: BinaryIO, path: Path) -> Iterator[tuple[UrlKey, Capture]]:
    """Yield the key and the place of every HTTP response record, and check that the file is whole."""
    packed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    exact = False
    for offset, length, data in _members(file) if packed else _whole(file):
        for start, end, record in _records(data):
            kind = record.rec_headers.get_header("WARC-Type")
            if kind == "warcinfo":
                exact = _OURS.search(record.raw_stream.read()) is not None
            status = _status_of(record) if kind == "response" else None
            if status is None:
                continue
            place = (offset, length, start) if packed else (start, end - start, 0)
            with contextlib.suppress(httpx2.InvalidURL):  # nobody can ask for it
                key = url_key(httpx2.URL(record.rec_headers.get_header("WARC-Target-URI")))
                yield key, Capture(path, *place, packed, _date_of(record), status, exact)


def _members(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Yield offset, length and content of each gzip member."""
    member, parts, begin, end = zlib.decompressobj(zlib.MAX_WBITS | 16), list[bytes](), 0, 0
    rest = b""
    try:
        while chunk := rest or file.read(_CHUNK):
            parts.append(member.decompress(chunk))
            rest = member.unused_data
            end += len(chunk) - len(rest)
            if member.eof:
                yield begin, end - begin, b"".join(parts)
                member, parts, begin = zlib.decompressobj(zlib.MAX_WBITS | 16), [], end
    except zlib.error as e:
        raise _Damaged(f"damaged after byte {begin}: {e}; record it again") from e
    if begin != end:
        raise _Damaged(f"cut short: the record at byte {begin} has no end; record it again")


def _whole(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    data = file.read()
    yield 0, len(data), data


def _records(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Yield start, end and warcio's record for each WARC record in the bytes.

    The record's HTTP head is not parsed yet: its stream stands at the start of its block.
    """
    stream = io.BytesIO(data)
    if not data.strip():
        raise _Damaged("no WARC file: it is empty")
    while line := stream.readline():
        if not line.strip():
            continue  # two empty lines end a record
        start = stream.tell() - len(line)
        try:
            loader = ArcWarcRecordLoader(verify_http=False)
            record = loader.parse_record_stream(stream, line, known_format="warc", no_record_parse=True)
        except (ArchiveLoadFailed, EOFError, ValueError) as e:
            raise _Damaged(f"no WARC file, or damaged: no record at byte {start}") from e
        length = record.rec_headers.get_header("Content-Length") or ""
        end = stream.tell() + int(length) if length.isascii() and length.isdigit() else -1
        if end < 0 or end > len(data):
            raise _Damaged(f"cut short: the record at byte {start} has no end; record it again")
        yield start, end, record
        stream.seek(end)


def _status_of(record: Any) -> int | None:
    """Return the HTTP status of a response record, None if it is no answer to an HTTP request (DNS, FTP)."""
    if not (record.rec_headers.get_header("WARC-Target-URI") or "").startswith(("http:", "https:")):
        return None
    status, _, _ = _split_http(record.raw_stream.read())
    return status


def _split_http(block: bytes) -> tuple[int | None, list[tuple[bytes, bytes]], bytes]:
    """Return status, header fields and payload of an HTTP message. In bytes: validators must come back verbatim."""
    head, *body = re.split(rb"\r?\n\r?\n", block, maxsplit=1)
    status_line, *lines = re.sub(rb"\r?\n[ \t]+", b" ", head).splitlines() or [b""]  # unfolded (RFC 9112 5.2)
    status = re.match(rb"HTTP/[0-9.]+ +([1-9][0-9]{2})(?: |$)", status_line)
    pairs = (line.partition(b":") for line in lines if b":" in line)
    headers = [(name.strip(), value.strip()) for name, _, value in pairs]
    return int(status[1]) if status else None, headers, b"".join(body)


def _date_of(record: Any) -> datetime:
    text = record.rec_headers.get_header("WARC-Date") or ""
    try:
        return parse_iso(text)
    except ValueError as e:
        raise _Damaged(f"damaged: WARC-Date {text!r} is no date; record it again") from e


def _is_plain(body: bytes, encoding: str) -> bool:
    """Return whether an archiver has stored the payload decoded and left the Content-Encoding header in place."""
    if not _PLAIN_START.match(body):
        return False
    try:
        decoder = BodyDecoder(encoding, max_bytes=_MAX_DECODED)
        decoder.decode(body)
        decoder.finish()
    except FetchError:
        return True
    return decoder.mislabelled
