"""Script: fetch the URLs given, with the default limits; for each, the peak memory so far (KiB) and what came of it."""

from __future__ import annotations

import asyncio
import resource
import sys

from aiwire.exceptions import FetchError
from aiwire.types import Request
from ingest.http.exchange import fetch_one
from ingest.http.guard import Guard
from ingest.http.limits import FetchLimits
from ingest.http.network import network_transport


async def main(urls: list[str]) -> None:
    limits = FetchLimits()
    transport = network_transport(limits, guard=Guard(["127.0.0.1"]))
    for url in urls:
        result = await fetch_one(transport, Request(url, "s", "feed"), limits=limits, user_agent="test")
        outcome = result.outcome
        told = f"{outcome.reason}: {outcome.message}" if isinstance(outcome, FetchError) else "whole"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sys.stdout.write(f"{peak}\t{told}\n")
    await transport.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
