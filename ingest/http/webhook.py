"""Hand JSON over to a web address that a user has named: one POST through the guarded transport, nothing else.

The same addresses are refused as for feeds (`ingest.http.guard`), no redirect is followed and no answer is read beyond
its first bytes. The path and the query of such an address often hold its key, so errors show what `shown` leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2

from aiwire.exceptions import FetchError
from ingest.http.guard import AddressForbidden, Guard
from ingest.http.limits import FetchLimits
from ingest.http.network import NameNotFound, Resolver, network_transport, system_resolver
from ingest.urls import normalize_url

__all__ = ["check_url", "post_json", "shown"]

_ANSWER_BYTES = 65_536  # of an answer that nobody reads
_DRAIN_S = 1.0
_LONGEST_WORD = 15  # of a path that is shown whole: keys are longer
_KEPT = 3  # characters of a longer one


def post_json(
    url: str,
    payload: Any,
    *,
    user_agent: str,
    limits: FetchLimits,
    guard: Guard,
    headers: Mapping[str, str] | None = None,
    proxy: str | None = None,
    resolver: Resolver = system_resolver,
) -> None:
    """Send `payload` as JSON to `url`; an answer of 2xx is success, whatever it says.

    Args:
        url: http or https, without user name.
        payload: what `json.dumps` takes.
        user_agent: honest: who sends this.
        limits: of them the time-outs count; `total_s` is that of the whole exchange.
        headers: besides those of the content.
        proxy: as of `ingest.http.network.network_transport`.

    Raises:
        FetchError: it was not delivered, or nobody knows whether it was; `url` is as `shown`.
        ConfigError: the proxy is no URL of one.
    """
    check_url(url)
    body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")  # a lone surrogate has no UTF-8
    fields = {"User-Agent": user_agent, "Content-Type": "application/json", "Accept": "*/*"} | dict(headers or {})
    timeouts = {"connect": limits.connect_s, "read": limits.read_s, "write": limits.read_s, "pool": limits.total_s}
    request = httpx2.Request("POST", url.strip(), headers=fields, content=body, extensions={"timeout": timeouts})
    transport = network_transport(limits, guard=guard, proxy=proxy, resolver=resolver)
    with _as_fetch_error(shown(url), limits):
        status, location = asyncio.run(_send(request, transport, limits.total_s))
    if 300 <= status < 400:
        where = f" to {shown(location)}" if location else ""
        raise FetchError(
            shown(url), f"HTTP {status}, a redirect{where}: name the address that it leads to", reason="redirect"
        )
    if not 200 <= status < 300:
        raise FetchError(shown(url), _status_line(status), reason="status", status=status)


def check_url(url: str) -> None:
    """Check that something can be sent to `url`.

    Raises:
        FetchError: it is no http or https URL, or has a user name.
    """
    try:
        parts = urlsplit(url.strip())
        has_user = "@" in parts.netloc
        httpx2.URL(url.strip())
    except (ValueError, httpx2.InvalidURL) as e:
        raise FetchError("", "the webhook is not a URL; write https://host/path", reason="url") from e
    if has_user:
        raise FetchError(
            shown(url),
            "a user name or password is never sent; put a key into the path or the query, or use a command such as"
            " curl",
            reason="url",
        )
    if normalize_url(url) is None:
        raise FetchError(shown(url), "not an http or https URL", reason="url")


def shown(url: str) -> str:
    """Return a URL without what may be a secret: user name, query, fragment, and most of each long word of its path."""
    try:
        parts = urlsplit(url.strip())
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "(not a URL)"
    words = (word if len(word) <= _LONGEST_WORD else word[:_KEPT] + "…" for word in parts.path.split("/"))
    return f"{parts.scheme}://{host}{'/'.join(words)}{'?…' if parts.query else ''}"


async def _send(request: httpx2.Request, transport: httpx2.AsyncBaseTransport, total_s: float) -> tuple[int, str]:
    """Return status and `Location` of the answer.

    Raises:
        httpx2.TransportError: there was none.
        TimeoutError: nor within `total_s`.
    """
    async with asyncio.timeout(total_s), transport:
        answer = await transport.handle_async_request(request)
        await _drain(answer)
    return answer.status_code, answer.headers.get("location", "")


async def _drain(answer: httpx2.Response) -> None:
    """Take the first bytes of the answer, so that a server that still writes is not cut off; they say nothing to us."""
    left = _ANSWER_BYTES
    try:
        with contextlib.suppress(httpx2.TransportError, OSError):  # TimeoutError is one
            async with asyncio.timeout(_DRAIN_S), contextlib.aclosing(answer.aiter_raw()) as pieces:
                async for piece in pieces:
                    left -= len(piece)
                    if left < 0:
                        return
    finally:
        await answer.aclose()


@contextlib.contextmanager
def _as_fetch_error(url: str, limits: FetchLimits) -> Iterator[None]:
    """Turn failures of the transport into `FetchError`; only the address as it may be shown is in the message."""
    try:
        yield
    except AddressForbidden as e:
        raise FetchError(url, str(e), reason="address") from e
    except NameNotFound as e:
        raise FetchError(url, str(e), reason="dns") from e
    except httpx2.ConnectTimeout as e:
        raise FetchError(url, f"no connection within {limits.connect_s:g} s", reason="connect") from e
    except httpx2.TimeoutException as e:
        raise FetchError(url, f"no answer for {limits.read_s:g} s", reason="timeout") from e
    except (httpx2.ConnectError, httpx2.ProxyError) as e:
        raise FetchError(url, f"no connection: {e}", reason="connect") from e
    except httpx2.LocalProtocolError as e:
        raise FetchError(url, "cannot be asked for: a header or the address has odd characters", reason="url") from e
    except TimeoutError as e:
        raise FetchError(url, f"no whole answer within {limits.total_s:g} s", reason="timeout") from e
    except (httpx2.TransportError, OSError) as e:
        raise FetchError(url, f"connection lost: {str(e) or type(e).__name__}", reason="broken") from e


def _status_line(status: int) -> str:
    try:
        return f"HTTP {status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"
