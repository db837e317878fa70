"""One request over real sockets, for the tests of the exchange with a server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiwire.exceptions import FetchError
from aiwire.types import FetchResult, Request, Response
from ingest.http.exchange import CheckHop, fetch_one
from ingest.http.guard import Guard
from ingest.http.limits import FetchLimits
from ingest.http.network import network_transport

if TYPE_CHECKING:
    from conftest import Handler, Seen

AGENT = "aiwire/0.1 (+https://aiwire.example; contact=me@example.com)"
QUICK = FetchLimits(
    connect_s=10.0,
    read_s=10.0,
    total_s=20.0,
    max_wire_bytes=100_000,
    max_body_bytes=300_000,
    max_redirects=3,
    host_gap_s=0.0,
)
HASTY = replace(QUICK, read_s=0.3, total_s=0.8)
LOCAL = Guard(["127.0.0.0/8", "localhost"])
FEED = b"<rss><channel><title>x</title></channel></rss>" * 50


def ask(url: str, **values: Any) -> Request:
    return Request(**{"url": url, "source_id": "s", "purpose": "feed"} | values)


def fetch_in_turn(
    *requests: Request,
    limits: FetchLimits = QUICK,
    guard: Guard = LOCAL,
    check_hop: CheckHop | None = None,
    **network: Any,
) -> list[FetchResult]:
    """Return the results of these requests, sent one after the other over one transport."""

    async def run() -> list[FetchResult]:
        transport = network_transport(limits, guard=guard, **network)
        try:
            return [
                await fetch_one(transport, request, limits=limits, user_agent=AGENT, check_hop=check_hop)
                for request in requests
            ]
        finally:
            await transport.aclose()

    return asyncio.run(run())


def fetch(request: Request | str, limits: FetchLimits = QUICK, **values: Any) -> FetchResult:
    asked = request if isinstance(request, Request) else ask(request)
    (result,) = fetch_in_turn(asked, limits=limits, **values)
    assert result.request == asked
    return result


def body(url: str, **values: Any) -> bytes:
    outcome = fetch(url, **values).outcome
    assert isinstance(outcome, Response), outcome
    return outcome.body


def error(request: Request | str, limits: FetchLimits = QUICK, **values: Any) -> FetchError:
    outcome = fetch(request, limits, **values).outcome
    assert isinstance(outcome, FetchError), outcome
    assert "\n" not in str(outcome)
    assert outcome.__traceback__ is outcome.__cause__ is None
    return outcome


def failure(request: Request | str, limits: FetchLimits = QUICK, **values: Any) -> tuple[str, str]:
    """Return reason and message."""
    outcome = error(request, limits, **values)
    return outcome.reason, outcome.message


def raw(*parts: bytes, pause: float = 0.0) -> Handler:
    """A handler that writes these bytes, with a pause after each, and closes the connection."""

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        writer.close()

    return handler


def kept_open(answer: bytes) -> Handler:
    """A handler that writes these bytes in one piece and leaves the connection open."""

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return handler
