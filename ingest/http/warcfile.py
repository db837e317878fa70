"""Reading WARC files (ISO 28500:2017, 1.0 and 1.1; .warc or .warc.gz): where the HTTP responses are, and what they say.

warcio parses the record headers. Its archive iterator is not used: it takes a gzip member that is cut short or damaged
for the end of the file, writes on stderr, and reads lines of any length. Files are read piece by piece: what is no WARC
file, or a bomb in one, takes no more memory than a small record.
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
from typing import TYPE_CHECKING, BinaryIO

import httpx2
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders

from aiwire.exceptions import ConfigError
from aiwire.types import parse_iso
from ingest.http.decode import GZIP_MAGIC
from ingest.http.stored import dechunked, is_plain, split_http

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["SOFTWARE", "Capture", "StoredResponse", "UrlKey", "read_capture", "read_captures", "url_key"]

SOFTWARE = "aiwire"  # in the warcinfo of our own archives: their payloads are exactly what came over the wire
UrlKey = tuple[bytes, bytes, int | None, bytes]

_OURS = re.compile(rb"(?m)^software: %s\b" % SOFTWARE.encode())
_CHUNK = 65_536
_MAX_HEAD = 1 << 20  # of a record, or of the HTTP message in it: what is longer is neither
_FIRST = 1 << 16  # of a block: where a status line is, or what says which program wrote the file
_MAX_LENGTH_DIGITS = 20  # int() refuses thousands


class _Damaged(Exception):
    """The bytes are not a whole WARC file; the message says why."""


@dataclass(frozen=True, slots=True)
class Capture:
    """Where one response record is: at `offset` in the file, or `start` bytes into the gzip member that is there."""

    path: Path
    offset: int
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


def read_capture(capture: Capture, *, max_bytes: int) -> StoredResponse | None:
    """Return the stored response of a capture; None if its payload is longer than `max_bytes`.

    Archivers store payloads decoded and dechunked, and leave the headers as they were: where that shows, the headers
    are put right, so that the result is an answer that a server could have given.
    """
    with capture.path.open("rb") as file:
        file.seek(capture.offset)
        stream = io.BufferedReader(_Member(file, capture.offset), _CHUNK) if capture.packed else file
        _skip(stream, capture.start)
        record = next(_records(stream, most=max_bytes + _MAX_HEAD))
    _, headers, body = split_http(record.block)
    if record.has_more or len(body) > max_bytes:
        return None
    fields = {name.lower(): value for name, value in headers}
    if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
        body = dechunked(body)
    dropped = {b"transfer-encoding"}
    if not capture.exact:
        encoding = fields.get(b"content-encoding")
        if encoding and is_plain(body, encoding.decode("latin-1")):
            dropped.add(b"content-encoding")
        length = b"%d" % len(body)
        headers = [(name, length if name.lower() == b"content-length" else value) for name, value in headers]
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    return StoredResponse(kept, body, record.head.get_header("WARC-Truncated"))


def _captures(file: BinaryIO, path: Path) -> Iterator[tuple[UrlKey, Capture]]:
    """Yield the key and the place of every HTTP response record, and check that the file is whole."""
    packed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    exact = False
    for offset, stream in _members(file) if packed else [(0, file)]:
        for record in _records(stream, most=_FIRST):
            kind = record.head.get_header("WARC-Type")
            if kind == "warcinfo":
                exact = _OURS.search(record.block) is not None
            status = _status_of(record) if kind == "response" else None
            if status is None:
                continue
            place = (offset, record.start) if packed else (record.start, 0)
            with contextlib.suppress(httpx2.InvalidURL):  # nobody can ask for it
                key = url_key(httpx2.URL(record.head.get_header("WARC-Target-URI")))
                yield key, Capture(path, *place, packed, _date_of(record), status, exact)


# ---------------------------------------------------------------- gzip


class _Member(io.RawIOBase):
    """One gzip member of a file, unpacked as it is read."""

    def __init__(self, file: BinaryIO, begin: int) -> None:
        self._file = file
        self._begin = begin
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer with what comes next and return its size; 0 at the end of the member."""
        room = memoryview(buffer).cast("B")
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._file.read(_CHUNK)
            if not packed:
                raise _endless(self._begin)
            try:
                plain = self._inflate.decompress(packed, len(room))
            except zlib.error as e:
                raise _Damaged(f"damaged after byte {self._begin}: {e}; record it again") from e
            if plain:
                room[: len(plain)] = plain
                return len(plain)
        return 0

    @property
    def end(self) -> int:
        """Where in the file the member ends, once it has been read."""
        return self._file.tell() - len(self._inflate.unused_data)


def _members(file: BinaryIO) -> Iterator[tuple[int, BinaryIO]]:
    """Yield the offset and the content of each gzip member; it must be read to its end before the next one."""
    begin, size = 0, file.seek(0, io.SEEK_END)
    while begin < size:
        file.seek(begin)
        member = _Member(file, begin)
        yield begin, io.BufferedReader(member, _CHUNK)
        begin = member.end


# ---------------------------------------------------------------- records


@dataclass(frozen=True, slots=True)
class _Record:
    start: int  # in its stream
    head: StatusAndHeaders
    block: bytes  # as much of it as was wanted
    has_more: bool  # of its block


def _records(stream: BinaryIO, *, most: int) -> Iterator[_Record]:
    """Yield the WARC records of a stream, with up to `most` bytes of their blocks, and read it to its end."""
    at, found = 0, False
    while line := stream.readline(_MAX_HEAD):
        start, at = at, at + len(line)
        if not line.strip():
            continue  # two empty lines end a record
        fields = _read_fields(stream, line, start)
        head, length = _parsed(line, fields, start)
        block = stream.read(min(length, most))
        if len(block) < min(length, most):
            raise _endless(start)
        yield _Record(start, head, block, length > most)
        if not _skip(stream, length - len(block)):
            raise _endless(start)
        at, found = at + len(fields) + length, True
    if not found:
        raise _Damaged("no WARC file: it is empty")


def _read_fields(stream: BinaryIO, first: bytes, start: int) -> bytes:
    """Return the lines after the first one of a record's head, with the empty one that ends it."""
    if not first.startswith(b"WARC/"):
        raise _no_record(start)
    lines, size = list[bytes](), 0
    while line := stream.readline(_MAX_HEAD):
        lines.append(line)
        size += len(line)
        if size > _MAX_HEAD:
            raise _no_record(start)
        if not line.strip():
            return b"".join(lines)
    raise _endless(start)


def _parsed(first: bytes, fields: bytes, start: int) -> tuple[StatusAndHeaders, int]:
    """Return the fields of a record's head and the length of its block."""
    loader = ArcWarcRecordLoader(verify_http=False)
    try:
        record = loader.parse_record_stream(io.BytesIO(fields), first, known_format="warc", no_record_parse=True)
    except (ArchiveLoadFailed, EOFError, ValueError) as e:
        raise _no_record(start) from e
    length = record.rec_headers.get_header("Content-Length") or ""
    if not (length.isascii() and length.isdigit() and len(length) <= _MAX_LENGTH_DIGITS):
        raise _endless(start)
    return record.rec_headers, int(length)


def _skip(stream: BinaryIO, size: int) -> bool:
    """Read so many bytes; return whether there were so many."""
    while size > 0 and (skipped := stream.read(min(size, _CHUNK))):
        size -= len(skipped)
    return size <= 0


def _no_record(at: int) -> _Damaged:
    return _Damaged(f"no WARC file, or damaged: no record at byte {at}")


def _endless(at: int) -> _Damaged:
    return _Damaged(f"cut short: the record at byte {at} has no end; record it again")


def _status_of(record: _Record) -> int | None:
    """Return the HTTP status of a response record, None if it is no answer to an HTTP request (DNS, FTP)."""
    if not (record.head.get_header("WARC-Target-URI") or "").startswith(("http:", "https:")):
        return None
    status, _, _ = split_http(record.block)
    return status


def _date_of(record: _Record) -> datetime:
    text = record.head.get_header("WARC-Date") or ""
    try:
        return parse_iso(text)
    except ValueError as e:
        raise _Damaged(f"damaged: WARC-Date {text!r} is no date; record it again") from e
