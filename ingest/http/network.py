"""The transport that talks to real servers: addresses are checked as connections are made (`ingest.http.guard`).

Built on the connection pool of httpcore2, whose `network_backend` is the public place for that. HTTP/1.1 only: with one
request at a time per host HTTP/2 has nothing to multiplex, cost more CPU where it was measured, and is one more parser
that a hostile server can talk to.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore2
import httpx2

from aiwire.exceptions import ConfigError
from ingest.http.guard import Guard
from ingest.http.limits import FetchLimits

__all__ = ["HeadTooLarge", "NameNotFound", "Resolver", "network_transport", "system_resolver"]

Resolver = Callable[[str, int], Sequence[str]]  # host, port: its addresses; blocks; raises OSError

_IDLE_CONNECTIONS = 128  # kept open for the next request of their lane
_IDLE_S = 30.0  # longer than the gap of most lanes, shorter than servers keep a silent connection
_MAX_ADDRESSES = 4  # of one host that are tried
_MAX_HEAD_BYTES = 65_536  # status line and header fields of an answer
_MAX_HEADER_FIELDS = 500
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_CONTENT_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,18})[ \t,\r\n]", re.IGNORECASE)
_CHUNKED = re.compile(rb"\ntransfer-encoding:[^\n]*chunked", re.IGNORECASE)
_END_OF_CHUNKS = b"0\r\n\r\n"


class NameNotFound(httpx2.ConnectError):
    """The host's name does not resolve. The message says whether for good or for the moment."""


class HeadTooLarge(httpx2.RemoteProtocolError):
    """The header of an answer has more bytes or more fields than we read."""


def system_resolver(host: str, port: int) -> list[str]:
    """Return the addresses of a host as the system resolves it, the preferred first (RFC 6724).

    Raises:
        OSError: it has none, or nobody could be asked.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def network_transport(
    limits: FetchLimits, *, guard: Guard, proxy: str | None = None, resolver: Resolver = system_resolver
) -> httpx2.AsyncBaseTransport:
    """Return the transport that talks to real servers.

    Args:
        proxy: `http://[user:password@]host:port` that everything goes through, None for none. The proxy resolves the
            names of servers; the guard then only sees how a host looks.

    Raises:
        ConfigError: the proxy is no such URL.
    """
    return _NetworkTransport(limits, guard, proxy, resolver)


class _NetworkTransport(httpx2.AsyncBaseTransport):
    """httpx2's requests over httpcore2's pool; its errors come as those of httpx2."""

    def __init__(self, limits: FetchLimits, guard: Guard, proxy: str | None, resolver: Resolver) -> None:
        self._proxy_guard = guard if proxy else None
        pool: dict[str, Any] = {
            "ssl_context": httpx2.create_ssl_context(),
            "max_connections": limits.concurrency + _IDLE_CONNECTIONS,
            "max_keepalive_connections": _IDLE_CONNECTIONS,
            "keepalive_expiry": _IDLE_S,
            # Behind a proxy the only connections are those to the proxy, which the settings name.
            "network_backend": _Backend(None if proxy else guard, resolver, limits.concurrency),
        }
        self._pool = _proxied(proxy, pool) if proxy else httpcore2.AsyncConnectionPool(**pool)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request.

        Raises:
            httpx2.TransportError: there was no answer; `AddressForbidden`, `NameNotFound` and `HeadTooLarge` are some.
        """
        url = request.url
        if self._proxy_guard is not None:
            self._proxy_guard.check_unresolved(url.host, url.port or (443 if url.scheme == "https" else 80))
        asked = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=await request.aread(),
            extensions=request.extensions,
        )
        with _errors_of_httpx2():
            answer = await self._pool.handle_async_request(asked)
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        """Close every connection; the transport can still be used."""
        await self._pool.aclose()


def _proxied(proxy: str, pool: dict[str, Any]) -> httpcore2.AsyncConnectionPool:
    remedy = (
        "the setting 'proxy' is no URL of an HTTP proxy; write http://host:port"  # without it: it may hold a password
    )
    try:
        parsed = httpx2.Proxy(proxy)
    except (ValueError, httpx2.InvalidURL) as e:
        raise ConfigError(remedy) from e
    if parsed.url.scheme not in ("http", "https") or not parsed.url.host:
        raise ConfigError(remedy)
    url = parsed.url
    proxy_url = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/")
    return httpcore2.AsyncHTTPProxy(proxy_url, proxy_auth=parsed.raw_auth, **pool)


class _Body(httpx2.AsyncByteStream):
    """The body of an answer, as it comes."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._answer.stream, AsyncIterable)  # noqa: S101  # what an async pool gives
        with _errors_of_httpx2():
            async for piece in self._answer.stream:
                yield piece

    async def aclose(self) -> None:
        await self._answer.aclose()


@contextlib.contextmanager
def _errors_of_httpx2() -> Iterator[None]:
    """Turn the errors of httpcore2 into those of httpx2, which have the same names."""
    try:
        yield
    except (
        httpcore2.TimeoutException,
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.ProxyError,
        httpcore2.UnsupportedProtocol,
    ) as e:
        raise getattr(httpx2, type(e).__name__)(str(e)) from e


# ---------------------------------------------------------------- connections


class _Backend(httpcore2.AsyncNetworkBackend):
    """Opens connections: resolves, has the addresses checked, connects to exactly one of those.

    Nothing resolves the name again, so a name that answers otherwise the second time (DNS rebinding) gains nothing.
    """

    def __init__(self, guard: Guard | None, resolver: Resolver, concurrency: int) -> None:
        self._guard = guard
        self._resolver = resolver
        # Threads of our own: the loop's default executor has six on two cores, which six dead names would hold up.
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="aiwire-dns")
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Return a connection to a host.

        Raises:
            NameNotFound: the name does not resolve.
            AddressForbidden: it resolves to forbidden addresses only.
            httpcore2.ConnectError: nobody answers at any of its addresses.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + (timeout or 60.0)
        addresses = await self._addresses(host, port, ends)
        if self._guard is not None:
            addresses = self._guard.admitted(host, port, addresses)
        chosen = _in_turn(addresses)[:_MAX_ADDRESSES]
        for left, address in zip(range(len(chosen), 0, -1), chosen, strict=True):
            share = max(0.1, (ends - loop.time()) / left)  # of the time, so that one dead address leaves some to others
            try:
                stream = await self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as e:
                if left == 1:
                    raise _told(e, address) from e
            else:
                return _Stream(stream)
        raise httpcore2.ConnectError("no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: no URL of the outside leads to a socket file."""
        raise httpcore2.ConnectError("Unix sockets are not used")

    async def sleep(self, seconds: float) -> None:
        """Wait, as the pool asks to between retries of its own."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int, ends: float) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(ends):
                found = await loop.run_in_executor(self._threads, self._resolver, host, port)
        except TimeoutError as e:
            raise NameNotFound(f"the name {host} was not resolved in time (name server down or slow)") from e
        except (OSError, UnicodeError) as e:
            temporary = isinstance(e, socket.gaierror) and e.errno == socket.EAI_AGAIN
            text = "cannot be resolved at the moment" if temporary else "does not exist, or has no address"
            raise NameNotFound(f"the name {host} {text}") from e
        if not found:
            raise NameNotFound(f"the name {host} has no address")
        return found


def _in_turn(addresses: Sequence[str]) -> list[str]:
    """Return the addresses with the two families in turn, so that a broken IPv6 costs one try (RFC 8305 4)."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    other = [address for address in addresses if address not in first]
    pairs = itertools.zip_longest(first, other)
    return [address for pair in pairs for address in pair if address is not None]


def _told(error: Exception, address: str) -> Exception:
    """Return the same error with the system's words for its cause."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, OSError) and cause.errno and not isinstance(error, httpcore2.ConnectTimeout):
        return httpcore2.ConnectError(f"{os.strerror(cause.errno)} ({address})")
    return error


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection that watches the size of the answers on it.

    A header that grows without end is cut off. A connection on which a server has sent more than its answer (a wrong
    Content-Length, a body after 304) is not used again: the rest would pass for the start of the next answer.
    """

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner
        self._head: bytearray | None = bytearray()  # None: the head has come, this is the body
        self._interim_bytes = 0  # of answers that only announce one (1xx)
        self._left: int | None = None  # bytes of the body to come; None: it is chunked, or ends with the connection
        self._tail = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._inner.read(max_bytes, timeout)
        if self._head is None:
            self._saw_body(data)
        else:
            seen = len(self._head)
            self._head += data
            self._look_for_end_of_head(max(0, seen - 3))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._head, self._interim_bytes, self._left, self._tail = bytearray(), 0, None, b""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return _Stream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """As the inner stream; "is_readable", by which the pool knows a dead connection, also after too many bytes."""
        return (info == "is_readable" and not self._is_clean()) or self._inner.get_extra_info(info)

    def _look_for_end_of_head(self, begin: int) -> None:
        """Go over to the body if the head is whole; interim answers (1xx) come before it."""
        assert self._head is not None  # noqa: S101  # the callers look
        while (end := _END_OF_HEAD.search(self._head, begin)) is not None:
            head, rest = bytes(self._head[: end.end()]), bytes(self._head[end.end() :])
            _check_head(self._interim_bytes + len(head), head.count(b"\n") - 2)
            status = head[9:12]  # after "HTTP/1.1 "
            if status[:1] == b"1":
                self._head, begin = bytearray(rest), 0
                self._interim_bytes += len(head)
                continue
            self._head, self._left = None, _length_of_body(status, head)
            self._saw_body(rest)
            return
        _check_head(len(self._head), 0)

    def _saw_body(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-len(_END_OF_CHUNKS) :]
        if self._left is not None:
            self._left -= len(data)

    def _is_clean(self) -> bool:
        """Return whether the last byte that came is the last one of an answer."""
        return self._left == 0 if self._left is not None else self._tail == _END_OF_CHUNKS


def _check_head(size: int, fields: int) -> None:
    if size > _MAX_HEAD_BYTES:
        raise HeadTooLarge(f"a header of more than {_MAX_HEAD_BYTES} bytes")
    if fields > _MAX_HEADER_FIELDS:
        raise HeadTooLarge(f"more than {_MAX_HEADER_FIELDS} header fields")


def _length_of_body(status: bytes, head: bytes) -> int | None:
    """Return how many bytes follow the head of an answer to a GET (RFC 9112 6.3), None if it does not say."""
    if status in (b"204", b"304"):
        return 0
    length = _CONTENT_LENGTH.search(head)
    return int(length[1]) if length and not _CHUNKED.search(head) else None
