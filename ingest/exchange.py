"""One GET: conditional headers, redirects, caps and time-outs, decoding, and every failure as a `FetchError`.

Redirects are followed here and not by the client, so that each hop can be checked. The transport is used without a
client around it: no cookie, no credential and no referrer is ever sent, because nothing here knows how.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import logging
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace

import httpx2

from aiwire.exceptions import FetchError
from aiwire.types import FetchResult, NotModified, Request, Response
from ingest.decode import ACCEPT_ENCODING, BodyDecoder
from ingest.urls import normalize_url

__all__ = ["FetchLimits", "fetch_one"]

log = logging.getLogger(__name__)

MIB = 2**20
_ACCEPT_FEED = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
)
_ACCEPT_PAGE = "text/html, application/xhtml+xml, */*;q=0.1"
_REDIRECTS = frozenset([301, 302, 303, 307, 308])  # RFC 9110 15.4
_DRAIN_BYTES = 65_536  # of a body that nobody reads: enough to keep the connection, too little to waste time on


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How long, how much, how many. Seconds and bytes."""

    connect_s: float = 10.0
    read_s: float = 20.0  # between two pieces of an answer
    total_s: float = 60.0  # one request with all its redirects
    max_wire_bytes: int = 8 * MIB  # of one body as it is sent
    max_body_bytes: int = 15 * MIB  # of one body, unpacked
    max_redirects: int = 5
    concurrency: int = 16  # requests under way at a time
    host_gap_s: float = 1.0  # between the starts of two requests to one host

    def for_replay(self) -> FetchLimits:
        """One at a time and no gaps: an archive needs no politeness, and results come in the order of the requests."""
        return replace(self, concurrency=1, host_gap_s=0.0)


@dataclass(slots=True)
class _Exchange:
    """What one request needs on its way through the hops."""

    transport: httpx2.AsyncBaseTransport
    request: Request
    limits: FetchLimits
    headers: list[tuple[bytes, bytes]]
    wire_bytes: int = 0


async def fetch_one(
    transport: httpx2.AsyncBaseTransport, request: Request, *, limits: FetchLimits, user_agent: str
) -> FetchResult:
    """Return the outcome of one request; nothing that a server or a network can do makes it raise."""
    started = time.monotonic()
    exchange = _Exchange(transport, request, limits, _request_headers(request, user_agent))
    outcome: Response | NotModified | FetchError
    try:
        async with asyncio.timeout(limits.total_s):
            outcome = await _follow(exchange)
    except TimeoutError:
        outcome = FetchError(request.url, f"no whole answer within {limits.total_s:g} s", reason="timeout")
    except FetchError as e:
        outcome = e
    if isinstance(outcome, FetchError):
        log.debug("fetch failed  reason=%s url=%s", outcome.reason, request.url, exc_info=outcome)
        # A value from here on: it must not keep alive the frames that it came through, and their buffers.
        outcome.__traceback__ = outcome.__cause__ = outcome.__context__ = None
    return FetchResult(request, outcome, round((time.monotonic() - started) * 1000), exchange.wire_bytes)


def _request_headers(request: Request, user_agent: str) -> list[tuple[bytes, bytes]]:
    headers = {
        "User-Agent": user_agent,
        "Accept": _ACCEPT_FEED if request.purpose == "feed" else _ACCEPT_PAGE,
        "Accept-Encoding": ACCEPT_ENCODING,
    }
    if request.etag:
        headers["If-None-Match"] = request.etag
    if request.last_modified:
        headers["If-Modified-Since"] = request.last_modified
    # Latin-1 gives back the bytes of a validator as they came (`_headers_of`).
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]


async def _follow(exchange: _Exchange) -> Response | NotModified:
    """Send the request and follow redirects to the answer.

    Raises:
        FetchError: there is no answer that can be used.
    """
    url = _checked_url(exchange.request.url)
    hops: list[str] = []
    while True:
        response = await _send(exchange, url)
        try:
            if response.status_code not in _REDIRECTS:
                return await _answer(exchange, response, url, hops)
            await _drain(exchange, response)
        finally:
            await response.aclose()
        hops.append(str(url))
        url = _redirect_target(url, response)
        if str(url) in hops:
            raise FetchError(str(url), "redirect loop", reason="redirect")
        if len(hops) > exchange.limits.max_redirects:
            raise FetchError(str(url), f"more than {exchange.limits.max_redirects} redirects", reason="redirect")


async def _send(exchange: _Exchange, url: httpx2.URL) -> httpx2.Response:
    limits = exchange.limits
    timeouts = {"connect": limits.connect_s, "read": limits.read_s, "write": limits.read_s, "pool": limits.total_s}
    request = httpx2.Request("GET", url, headers=exchange.headers, extensions={"timeout": timeouts})
    with _as_fetch_error(str(url), limits, in_body=False):
        return await exchange.transport.handle_async_request(request)


async def _answer(
    exchange: _Exchange, response: httpx2.Response, url: httpx2.URL, hops: list[str]
) -> Response | NotModified:
    request, status = exchange.request, response.status_code
    if status == 304 and (request.etag or request.last_modified):
        return NotModified(request.url, _headers_of(response))
    if not 200 <= status < 300:
        await _drain(exchange, response)
        raise FetchError(str(url), _status_line(response), reason="status", status=status)
    body = await _body(exchange, response, str(url))
    return Response(request.url, str(url), status, _headers_of(response), body, tuple(hops))


async def _body(exchange: _Exchange, response: httpx2.Response, url: str) -> bytes:
    """Read and unpack the whole body; half a body is an error."""
    limits = exchange.limits
    decoder = BodyDecoder(response.headers.get("content-encoding"), max_bytes=limits.max_body_bytes, url=url)
    declared = _declared_length(response)
    if declared is not None and declared > limits.max_wire_bytes:
        raise FetchError(url, f"more than {limits.max_wire_bytes} bytes (declared: {declared})", reason="too-large")
    parts, size = [], 0
    with _as_fetch_error(url, limits, in_body=True):
        async with contextlib.aclosing(_chunks(response)) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                exchange.wire_bytes += len(chunk)
                if size > limits.max_wire_bytes:
                    raise FetchError(url, f"more than {limits.max_wire_bytes} bytes", reason="too-large")
                parts.append(decoder.decode(chunk))
    if declared is not None and size != declared:
        raise FetchError(url, f"cut short: {size} of {declared} bytes came", reason="encoding")
    decoder.finish()
    return b"".join(parts)


async def _drain(exchange: _Exchange, response: httpx2.Response) -> None:
    """Read a little of a body that nobody needs, so that the connection can be used again and a recording has it."""
    left = _DRAIN_BYTES
    # Status and headers are all that is wanted; a broken body behind them changes nothing.
    with contextlib.suppress(httpx2.TransportError, OSError):
        async with contextlib.aclosing(_chunks(response)) as chunks:
            async for chunk in chunks:
                exchange.wire_bytes += len(chunk)
                left -= len(chunk)
                if left < 0:
                    return


async def _chunks(response: httpx2.Response) -> AsyncGenerator[bytes]:
    """Yield the body as it is on the wire, without the transfer coding but in its content coding."""
    assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101  # what async transports give
    pieces = aiter(response.stream)
    try:
        async for piece in pieces:
            yield piece
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


def _declared_length(response: httpx2.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and "transfer-encoding" not in response.headers else None


def _headers_of(response: httpx2.Response) -> dict[str, str]:
    """Return the header fields by lower-case name, repeated ones joined (RFC 9110 5.3), each byte as one character."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _status_line(response: httpx2.Response) -> str:
    """Return e.g. "HTTP 404 Not Found", in the standard's words and not the server's."""
    status = response.status_code
    try:
        return f"HTTP {status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


# ---------------------------------------------------------------- URLs


def _checked_url(url: str) -> httpx2.URL:
    if normalize_url(url) is None:
        raise FetchError(url, "not an http or https URL", reason="url")
    try:
        return _bare(httpx2.URL(url.strip()))
    except httpx2.InvalidURL as e:
        raise FetchError(url, f"not a URL: {e}", reason="url") from e


def _bare(url: httpx2.URL) -> httpx2.URL:
    """Return the URL without what is never sent: fragment, user name and password."""
    return url.copy_with(fragment=None, userinfo=b"")


def _redirect_target(url: httpx2.URL, response: httpx2.Response) -> httpx2.URL:
    location = response.headers.get("location", "")
    if not location:
        raise FetchError(str(url), f"HTTP {response.status_code} without a Location", reason="redirect")
    try:
        target = _bare(url.join(location))
    except httpx2.InvalidURL as e:
        raise FetchError(str(url), f"redirect to {location[:200]!r}, which is no URL", reason="redirect") from e
    if normalize_url(str(target)) is None:
        raise FetchError(str(url), f"redirect to {location[:200]!r}, not an http or https URL", reason="redirect")
    return target


# ---------------------------------------------------------------- errors


@contextlib.contextmanager
def _as_fetch_error(url: str, limits: FetchLimits, *, in_body: bool) -> Iterator[None]:
    """Turn the failures of httpx2 and of the socket into `FetchError`: the only place that knows them."""
    try:
        yield
    except httpx2.ConnectTimeout as e:
        raise FetchError(url, f"no connection within {limits.connect_s:g} s", reason="connect") from e
    except httpx2.TimeoutException as e:
        raise FetchError(url, f"no data for {limits.read_s:g} s", reason="timeout") from e
    except (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, httpx2.InvalidURL) as e:
        raise FetchError(url, f"cannot be asked for: {_one_line(e)}", reason="url") from e
    except httpx2.RemoteProtocolError as e:
        if in_body:
            raise FetchError(url, f"cut short: {_one_line(e)}", reason="encoding") from e
        raise FetchError(url, f"no valid HTTP answer: {_one_line(e)}", reason="broken") from e
    except TimeoutError:
        raise  # of asyncio.timeout: the total time is up
    except httpx2.ConnectError as e:
        raise FetchError(url, f"no connection: {_one_line(e)}", reason="connect") from e
    except (httpx2.TransportError, OSError) as e:
        raise FetchError(url, f"connection lost: {_one_line(e)}", reason="broken") from e


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
