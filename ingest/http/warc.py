"""Record and replay of HTTP exchanges as WARC 1.1 (ISO 28500:2017), behind the transport seam of httpx2.

A replay is the same code path as a real run but for the transport. What failed without an answer (no connection, a
time-out before the headers) leaves no record: a replay reports it as not in the archive.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import io
import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import httpx2
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from aiwire.exceptions import ConfigError, FetchError
from aiwire.types import iso
from ingest.http.warcfile import SOFTWARE, Capture, StoredResponse, UrlKey, read_capture, read_captures, url_key

__all__ = ["Recorder", "RecordingTransport", "ReplayTransport", "Truncated"]

Truncated = Literal["length", "time", "disconnect", "unspecified"]  # WARC-Truncated (WARC 1.1, 5.13)
Headers = Sequence[tuple[bytes, bytes]]

_CHUNK = 65_536
_MAX_BYTES = 1 << 30  # of a body, where a request does not say how many it can use
_IN_304 = frozenset([b"etag", b"last-modified", b"cache-control", b"date", b"expires", b"vary", b"content-location"])
_HOP_BY_HOP = frozenset([b"transfer-encoding", b"connection", b"keep-alive", b"trailer", b"upgrade"])
_SECRET = frozenset([b"authorization", b"cookie", b"proxy-authorization", b"set-cookie", b"set-cookie2"])


# ---------------------------------------------------------------- replay


class ReplayTransport(httpx2.AsyncBaseTransport):
    """Answers every request from WARC files (.warc or .warc.gz) instead of the network.

    Of several captures of a URL it gives the newest that is not later than `at` (None: the newest), else the earliest.
    A capture that matches the request's If-None-Match or If-Modified-Since is answered 304. A URL that is in none of
    the files is a `FetchError` with the reason "not-in-archive". Only where the records are is kept in memory.

    Raises:
        ConfigError: a file is missing, is no WARC file or is cut short.
    """

    def __init__(self, paths: Iterable[Path], *, at: datetime | None = None) -> None:
        self._paths = tuple(paths)
        self._at = at
        self._captures: dict[UrlKey, list[Capture]] = {}
        self._newest: datetime | None = None
        for path in self._paths:
            for key, capture in read_captures(path):
                self._captures.setdefault(key, []).append(capture)
                self._newest = max(self._newest or capture.date, capture.date)
        for captures in self._captures.values():
            captures.sort(key=lambda capture: capture.date)  # stable: of two with one date, the later record counts

    @property
    def newest(self) -> datetime:
        """The newest WARC-Date of all response records: the clock of a replay.

        Raises:
            ConfigError: the files hold no response at all.
        """
        if self._newest is None:
            raise ConfigError(f"{self._names()}: no HTTP response in the archive")
        return self._newest

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer from the archive.

        Raises:
            FetchError: not-in-archive; too-large, if it is longer than the "max_bytes" among the request's extensions.
        """
        for capture in self._candidates(request.url):
            most = request.extensions.get("max_bytes", _MAX_BYTES)
            stored = read_capture(capture, max_bytes=most)
            if stored is None:
                raise FetchError(str(request.url), f"more than {most} bytes", reason="too-large")
            answer = _answer(capture.status, stored, request.headers.raw)
            if answer is not None:
                return answer
        message = f"not in the archive {self._names()}"
        raise FetchError(str(request.url), message, reason="not-in-archive")

    def _candidates(self, url: httpx2.URL) -> Iterator[Capture]:
        """Yield the captures of a URL, the one that fits `at` best first."""
        captures = self._captures.get(url_key(url), [])
        at = self._at
        yield from (capture for capture in reversed(captures) if at is None or capture.date <= at)
        yield from (capture for capture in captures if at is not None and capture.date > at)

    def _names(self) -> str:
        return ", ".join(path.name for path in self._paths)


def _answer(status: int, stored: StoredResponse, asked: Headers) -> httpx2.Response | None:
    """Return the answer that a stored response is to these request headers; None if it is none.

    A 304 that was recorded for other validators is none: the request must not lose what it never had. One that names no
    validators (a server need not repeat Last-Modified) is believed.
    """
    if status == 200 and _is_current(asked, stored.headers):
        return httpx2.Response(304, headers=[(k, v) for k, v in stored.headers if k.lower() in _IN_304])
    if status == 304 and not (
        _is_current(asked, stored.headers) or (_validators(asked) and not _validators(stored.headers))
    ):
        return None
    return httpx2.Response(status, headers=stored.headers, stream=_StoredBody(stored))


def _is_current(asked: Headers, stored: Headers) -> bool:
    """Return whether the stored answer is what the client has: If-None-Match wins (RFC 9110 13.2.2)."""
    etag, modified = _field(stored, b"etag"), _field(stored, b"last-modified")
    wanted, since = _field(asked, b"if-none-match"), _field(asked, b"if-modified-since")
    if wanted is not None:
        return wanted == b"*" or (etag is not None and bool(_opaque_tags(etag) & _opaque_tags(wanted)))
    return since is not None and since == modified


def _validators(headers: Headers) -> bool:
    names = (b"etag", b"last-modified", b"if-none-match", b"if-modified-since")
    return any(_field(headers, name) is not None for name in names)


def _field(headers: Headers, name: bytes) -> bytes | None:
    return next((value.strip() for key, value in headers if key.lower() == name), None)


def _opaque_tags(value: bytes) -> set[bytes]:
    """Return the entity tags of a list for the weak comparison (RFC 9110 8.8.3.2); an unquoted one as it is."""
    return set(re.findall(rb'"[^"]*"', value)) or {value.removeprefix(b"W/")}


class _StoredBody(httpx2.AsyncByteStream):
    """The payload of a record. One that was cut when it was recorded ends as it did then: with an error."""

    def __init__(self, stored: StoredResponse) -> None:
        self._body = stored.body
        self._truncated = stored.truncated

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for begin in range(0, len(self._body), _CHUNK):
            yield self._body[begin : begin + _CHUNK]
        if self._truncated == "time":
            raise httpx2.ReadTimeout("the recording ends here: time was up")
        if self._truncated:
            raise httpx2.RemoteProtocolError(f"the recording ends here (WARC-Truncated: {self._truncated})")


# ---------------------------------------------------------------- record


class Recorder:
    """Writes HTTP exchanges to one WARC 1.1 file, each record its own gzip member if the name ends in `.gz`.

    The same exchanges give the same bytes. The file has the name NAME.part until it is closed; a run that ends with an
    exception leaves it there, whole records only, so that a crash can be looked into and never passes for a recording.
    Cookies and credentials are left out, as are transfer codings: the payload is what the content coding gave.

    Args:
        now: WARC-Date of all records that name no other.

    Raises:
        ConfigError: the file cannot be written.
    """

    def __init__(self, path: Path, *, now: datetime) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._now = now
        self._count = 0
        with self._writing():
            self._file = self._part.open("wb")
        self._writer = WARCWriter(self._file, gzip=path.suffix == ".gz", warc_version="1.1")
        info = f"software: {SOFTWARE}\r\nformat: WARC File Format 1.1\r\n".encode()
        self._write_record("warcinfo", info, content_type="application/warc-fields", date=now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            self._file.close()

    def write(
        self,
        *,
        url: str,
        status: int,
        headers: Headers,
        body: bytes,
        reason: bytes = b"",
        request_headers: Headers = (),
        date: datetime | None = None,
        truncated: Truncated | None = None,
    ) -> None:
        """Write one exchange: the response, and the GET that it answers.

        Args:
            body: as it came over the wire, still in its content encoding.
            truncated: why the body is not whole.

        Raises:
            ConfigError: the file cannot be written (any more).
        """
        target = httpx2.URL(url)
        block = b"HTTP/1.1 %d %s\r\n%s\r\n" % (status, reason, _header_lines(headers)) + body
        extra = {"WARC-Target-URI": url, "WARC-Payload-Digest": _digest(body)}
        if truncated:
            extra["WARC-Truncated"] = truncated
        response_id = self._write_record(
            "response", block, content_type="application/http; msgtype=response", date=date, extra=extra
        )
        self._write_record(
            "request",
            b"GET %s HTTP/1.1\r\n%s\r\n" % (target.raw_path, _header_lines(request_headers)),
            content_type="application/http; msgtype=request",
            date=date,
            extra={"WARC-Target-URI": url, "WARC-Payload-Digest": _digest(b""), "WARC-Concurrent-To": response_id},
        )

    def close(self) -> None:
        """Finish the file and give it its name."""
        if not self._file.closed:
            with self._writing():
                self._file.close()
                self._part.replace(self.path)

    def _write_record(
        self, kind: str, block: bytes, *, content_type: str, date: datetime | None, extra: dict[str, str] | None = None
    ) -> str:
        self._count += 1
        stamp = iso(date or self._now)
        name = f"{kind} {self._count} {stamp} {hashlib.sha256(block).hexdigest()}"
        record_id = f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}>"
        fields = {"WARC-Type": kind, "WARC-Record-ID": record_id, "WARC-Date": stamp, **(extra or {})}
        fields["WARC-Block-Digest"] = _digest(block)
        head = StatusAndHeaders("", list(fields.items()), protocol="WARC/1.1")
        # With no parsed HTTP head, warcio writes the block byte for byte (else it would re-encode header values).
        record = ArcWarcRecord("warc", kind, head, io.BytesIO(block), None, content_type, len(block))
        with self._writing():
            self._writer.write_record(record)
        return record_id

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise ConfigError(f"{self.path}: cannot be written: {e.strerror}") from e


def _header_lines(headers: Headers) -> bytes:
    skipped = _SECRET | _HOP_BY_HOP
    return b"".join(b"%s: %s\r\n" % (name, value) for name, value in headers if name.lower() not in skipped)


def _digest(data: bytes) -> str:
    sha1 = hashlib.sha1(data, usedforsecurity=False).digest()  # what WARC tools expect; it guards nothing
    return "sha1:" + base64.b32encode(sha1).decode("ascii")


class RecordingTransport(httpx2.AsyncBaseTransport):
    """Passes requests on and records every answer as its body is read; closing it leaves the recorder open."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, recorder: Recorder) -> None:
        self._inner = inner
        self._recorder = recorder

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the inner transport's answer, with a body that records itself."""
        response = await self._inner.handle_async_request(request)

        def save(body: bytes, truncated: Truncated | None) -> None:
            self._recorder.write(
                url=str(request.url),
                status=response.status_code,
                reason=response.reason_phrase.encode("ascii", "ignore"),
                headers=response.headers.raw,
                body=body,
                request_headers=request.headers.raw,
                truncated=truncated,
            )

        assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101  # what async transports give
        stream = _RecordedBody(response.stream, save)
        return httpx2.Response(
            response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
        )

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


class _RecordedBody(httpx2.AsyncByteStream):
    """Keeps what passes through; writes it when the stream is closed, which the reader does once, whole body or not."""

    def __init__(self, inner: httpx2.AsyncByteStream, save: Callable[[bytes, Truncated | None], None]) -> None:
        self._inner = inner
        self._save: Callable[[bytes, Truncated | None], None] | None = save
        self._parts: list[bytes] = []
        self._truncated: Truncated | None = "length"  # the reader has had enough, unless we learn better

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._inner:
                self._parts.append(part)
                yield part
        except (httpx2.TimeoutException, asyncio.CancelledError):
            self._truncated = "time"
            raise
        except httpx2.TransportError:
            self._truncated = "disconnect"
            raise
        self._truncated = None

    async def aclose(self) -> None:
        await self._inner.aclose()
        if self._save is not None:
            save, self._save = self._save, None
            save(b"".join(self._parts), self._truncated)
