"""One GET: conditional headers, redirects, caps and time-outs, decoding, and every failure as a `FetchError`.

Redirects are followed here and not by the client, so that each hop can be checked: its scheme here, its robots.txt by
the caller, its address by the transport (`ingest.http.guard`). The transport is used without a client around it: no
cookie, no credential and no referrer is ever sent, because nothing here knows how.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import httpx2

from aiwire.exceptions import FetchError
from aiwire.types import FetchResult, Hop, NotModified, Purpose, Request, Response
from ingest.http.decode import ACCEPT_ENCODING, GZIP_MAGIC, BodyDecoder, CodingError, decode_body
from ingest.http.guard import AddressForbidden
from ingest.http.limits import FetchLimits
from ingest.http.network import HeadTooLarge, NameNotFound
from ingest.urls import normalize_url

__all__ = ["FetchLimits", "fetch_one"]

log = logging.getLogger(__name__)

CheckHop = Callable[[str], Awaitable[None]]  # raises FetchError if the URL must not be asked for

_ACCEPT_PAGE = "text/html, application/xhtml+xml, */*;q=0.1"
_ACCEPT: dict[Purpose, str] = {
    "feed": "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, "
    "text/xml;q=0.9, */*;q=0.1",
    "listing": _ACCEPT_PAGE,
    "page": _ACCEPT_PAGE,
    "sitemap": "application/xml, text/xml, application/gzip;q=0.9, application/x-gzip;q=0.9, text/plain;q=0.5, "
    "*/*;q=0.1",
    "robots": "text/plain, */*;q=0.1",
    "discovery": _ACCEPT_PAGE,
    "catalog": "text/csv, text/plain;q=0.5, */*;q=0.1",
}
_REDIRECTS = frozenset([301, 302, 303, 307, 308])  # RFC 9110 15.4
_DRAIN_BYTES = 65_536  # of a body that nobody reads: enough to keep the connection, too little to waste time on
_DRAIN_S = 1.0
_MAX_LENGTH_DIGITS = 20  # int() refuses thousands
_MAX_URL_CHARS = 8_000  # the length that every server should take (RFC 9110 4.1)


@dataclass(slots=True)
class _Exchange:
    """What one request needs on its way through the hops."""

    transport: httpx2.AsyncBaseTransport
    request: Request
    limits: FetchLimits
    headers: dict[str, str]
    check_hop: CheckHop | None
    hops: list[Hop] = field(default_factory=list)
    wire_bytes: int = 0


async def fetch_one(
    transport: httpx2.AsyncBaseTransport,
    request: Request,
    *,
    limits: FetchLimits,
    user_agent: str,
    check_hop: CheckHop | None = None,
) -> FetchResult:
    """Return the outcome of one request; nothing that a server or a network can do makes it raise.

    Args:
        check_hop: awaited before each URL that a redirect leads to is asked for, within the total time-out; the
            `FetchError` that it raises is the outcome.
    """
    started = time.monotonic()
    exchange = _Exchange(transport, request, limits, _request_headers(request, user_agent), check_hop)
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


def _request_headers(request: Request, user_agent: str) -> dict[str, str]:
    headers = {"User-Agent": user_agent, "Accept": _ACCEPT[request.purpose], "Accept-Encoding": ACCEPT_ENCODING}
    if request.etag:
        headers["If-None-Match"] = request.etag
    if request.last_modified:
        headers["If-Modified-Since"] = request.last_modified
    return headers


async def _follow(exchange: _Exchange) -> Response | NotModified:
    """Send the request and follow redirects to the answer.

    Raises:
        FetchError: there is no answer that can be used.
    """
    url = _checked_url(exchange.request.url)
    while True:
        response = await _send(exchange, url)
        try:
            if response.status_code not in _REDIRECTS:
                return await _answer(exchange, response, url)
            await _drain(exchange, response)
            target = _redirect_target(url, response)
        except CodingError as e:
            if exchange.headers["Accept-Encoding"] == "identity":
                raise FetchError(e.url, e.message, reason=e.reason, headers=_headers_of(response)) from e
            log.info("fetch asks again without content encoding  url=%s error=%s", url, e)
            exchange.headers["Accept-Encoding"] = "identity"
            continue
        except FetchError as e:
            e.headers = _headers_of(response)
            raise
        finally:
            await response.aclose()
        exchange.hops.append(Hop(str(url), response.status_code))
        url = target
        await _check_hop(exchange, str(url))


async def _check_hop(exchange: _Exchange, url: str) -> None:
    if url in {hop.url for hop in exchange.hops}:
        raise FetchError(url, "redirect loop", reason="redirect")
    if len(exchange.hops) > exchange.limits.max_redirects:
        raise FetchError(url, f"more than {exchange.limits.max_redirects} redirects", reason="redirect")
    if exchange.check_hop is not None:
        await exchange.check_hop(url)


async def _send(exchange: _Exchange, url: httpx2.URL) -> httpx2.Response:
    limits = exchange.limits
    timeouts = {"connect": limits.connect_s, "read": limits.read_s, "write": limits.read_s, "pool": limits.total_s}
    # Latin-1 gives back the bytes of a validator as they came (`_headers_of`).
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in exchange.headers.items()]
    most = max(limits.max_wire_bytes, limits.max_body_bytes)  # for an archive, which may hold a body unpacked
    request = httpx2.Request("GET", url, headers=headers, extensions={"timeout": timeouts, "max_bytes": most})
    with _as_fetch_error(str(url), limits, in_body=False):
        return await exchange.transport.handle_async_request(request)


async def _answer(exchange: _Exchange, response: httpx2.Response, url: httpx2.URL) -> Response | NotModified:
    request, status, hops = exchange.request, response.status_code, tuple(exchange.hops)
    if status == 304 and (request.etag or request.last_modified):
        await _drain(exchange, response)
        return NotModified(request.url, _headers_of(response), str(url) if hops else "", hops)
    if not 200 <= status < 300 or status == 206:  # a part is as little use as none, and nobody asked for one
        await _drain(exchange, response)
        raise FetchError(str(url), _status_line(response), reason="status", status=status)
    body = await _body(exchange, response, str(url))
    if request.purpose == "sitemap" and body.startswith(GZIP_MAGIC):  # a .xml.gz file, sent as the file that it is
        body = decode_body(body, "gzip", max_bytes=exchange.limits.max_body_bytes, url=str(url))
    return Response(request.url, str(url), status, _headers_of(response), body, hops)


async def _body(exchange: _Exchange, response: httpx2.Response, url: str) -> bytes:
    """Read and unpack the whole body; half a body is an error, unless the limits ask for the first part only."""
    limits = exchange.limits
    decoder = BodyDecoder(
        response.headers.get("content-encoding"),
        max_bytes=limits.max_body_bytes,
        url=url,
        truncate=limits.truncate_body,
    )
    declared = _declared_length(response)
    if declared is not None and declared > limits.max_wire_bytes and not limits.truncate_body:
        raise FetchError(url, f"more than {limits.max_wire_bytes} bytes (declared: {declared})", reason="too-large")
    parts, size = [], 0
    with _as_fetch_error(url, limits, in_body=True):
        async with contextlib.aclosing(_chunks(response)) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                exchange.wire_bytes += len(chunk)
                parts.append(decoder.decode(chunk))
                if decoder.full:
                    return b"".join(parts)
                if size > limits.max_wire_bytes:
                    raise FetchError(url, f"more than {limits.max_wire_bytes} bytes", reason="too-large")
    if declared is not None and size != declared:
        raise FetchError(url, f"cut short: {size} of {declared} bytes came", reason="encoding")
    decoder.finish()
    if decoder.mislabelled:
        log.info("fetch took a body as it is, which was labelled as packed  url=%s", url)
    return b"".join(parts)


async def _drain(exchange: _Exchange, response: httpx2.Response) -> None:
    """Read a little of a body that nobody needs, so that the connection can be used again and a recording has it."""
    left = _DRAIN_BYTES
    # Status and headers are all that is wanted; a broken body behind them changes nothing.
    with contextlib.suppress(httpx2.TransportError, OSError):
        async with asyncio.timeout(_DRAIN_S), contextlib.aclosing(_chunks(response)) as chunks:
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
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_LENGTH_DIGITS
    return int(text) if is_number and "transfer-encoding" not in response.headers else None


def _headers_of(response: httpx2.Response) -> dict[str, str]:
    """Return the header fields by lower-case name, repeated ones joined (RFC 9110 5.3), each byte as one character.

    Lines of X-Robots-Tag stay apart by line feeds: the crawler that one names counts for that line alone.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joint = "\n" if name == "x-robots-tag" else ", "
        headers[name] = f"{headers[name]}{joint}{value}" if name in headers else value
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
    if len(url) > _MAX_URL_CHARS:
        raise FetchError(url, f"a URL of {len(url)} characters; up to {_MAX_URL_CHARS} are asked for", reason="url")
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
    if len(location) > _MAX_URL_CHARS:
        raise FetchError(str(url), f"redirect to a URL of {len(location)} characters", reason="redirect")
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
    except AddressForbidden as e:
        raise FetchError(url, _one_line(e), reason="address") from e
    except NameNotFound as e:
        raise FetchError(url, _one_line(e), reason="dns") from e
    except HeadTooLarge as e:
        raise FetchError(url, _one_line(e), reason="too-large") from e
    except httpx2.ProxyError as e:
        raise FetchError(url, f"no connection through the proxy: {_one_line(e)}", reason="connect") from e
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
