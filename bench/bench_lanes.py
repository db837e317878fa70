"""Time a run over 500 simulated feeds on 200 hosts, and compare it with the shortest time that politeness allows.

A server of our own answers on the addresses 127.0.0.1 to 127.0.0.200 (Linux has all of 127.0.0.0/8). How many feeds a
host has follows Zipf's law, 53 on the largest; latencies are log-normal with a median of 250 ms and a sigma of 0.8. The
first run gets every body, the second one nothing but 304.

The lower bound is that of the lane that takes longest: its requests one after the other, each start at least the gap
and the latency of the one before after that, with no time lost in between.

usage: python bench/bench_lanes.py [--feeds N] [--hosts N] [--largest N] [--gap S] [--speed X] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from aiwire.types import LaneState, NotModified, Request, Response
from ingest.http.fetch import Fetcher, FetchLimits
from ingest.http.guard import Guard
from ingest.http.network import network_transport

TARGET = 1.05
MEDIAN_S, SIGMA = 0.25, 0.8
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
BODY = b"<rss version='2.0'><channel><title>One of many</title></channel></rss>" * 100


@dataclass(frozen=True, slots=True)
class Feed:
    host: int  # 127.0.0.host
    path: str
    latency_s: float


def make_plan(feeds: int, hosts: int, largest: int, speed: float) -> list[Feed]:
    """Return the feeds in a random order that is the same every time; latencies are divided by `speed`."""
    rng = random.Random(8)
    plan = []
    for host, count in enumerate(zipf_counts(feeds, hosts, largest), start=1):
        for number in range(count):
            latency = rng.lognormvariate(0, SIGMA) * MEDIAN_S / speed
            plan.append(Feed(host, f"/{host}/{number}?us={latency * 1e6:.0f}", latency))
    rng.shuffle(plan)
    return plan


def zipf_counts(feeds: int, hosts: int, largest: int) -> list[int]:
    """Return how many feeds each host has: the k-th largest / k^s, at least 1, with the s that gives the sum."""

    def counts(s: float) -> list[int]:
        return [max(1, round(largest / k**s)) for k in range(1, hosts + 1)]

    low, high = 0.0, 8.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(counts(middle)) > feeds else (low, middle)
    found = counts(high)
    for k in itertools.islice(itertools.cycle(range(1, hosts)), feeds - sum(found)):
        found[k] += 1
    return found


def lower_bound(plan: list[Feed], gap: float) -> float:
    """Return the seconds that the slowest lane takes if nothing else holds it up."""
    lanes = defaultdict[int, list[float]](list)
    for feed in plan:
        lanes[feed.host].append(feed.latency_s)
    return max(sum(max(gap, latency) for latency in lane[:-1]) + lane[-1] for lane in lanes.values())


async def serve() -> None:
    """Answer every GET after the time that its URL asks for, with 304 if the client has the body."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(int(head.split(b" ", 2)[1].partition(b"?us=")[2]) / 1e6)
                if b"if-none-match" in head.lower():
                    writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')
                else:
                    writer.write(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: %d\r\n\r\n' % len(BODY) + BODY)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "0.0.0.0", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await asyncio.to_thread(sys.stdin.read)  # until the parent goes


@contextlib.contextmanager
def server() -> Iterator[int]:
    """Run the server in a process of its own, so that it costs the client no CPU; give its port."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.terminate()


def measure(plan: list[Feed], gap: float) -> list[dict[str, float]]:
    """Return what each of two runs took and brought."""
    limits = replace(FetchLimits(), host_gap_s=gap, max_per_lane=None)
    bound, runs = lower_bound(plan, gap), []
    lanes: dict[str, LaneState] = {}
    etags: dict[str, str] = {}
    with server() as port:
        for _ in range(2):
            fetcher = Fetcher(
                limits,
                user_agent="aiwire-bench",
                transport=network_transport(limits, guard=Guard(("127.0.0.0/8",))),
            )
            urls = [f"http://127.0.0.{feed.host}:{port}{feed.path}" for feed in plan]
            requests = [Request(url, url, "feed", etag=etags.get(url)) for url in urls]
            wall, cpu = time.perf_counter(), time.process_time()
            results = list(fetcher.fetch_all(requests, now=NOW, lanes=lanes))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            lanes |= {result.lane.lane: result.lane for result in results if result.lane}
            bodies = [result for result in results if isinstance(result.outcome, Response)]
            etags |= {result.request.url: '"1"' for result in bodies}
            runs.append(
                {
                    "wall_s": round(wall, 2),
                    "ratio": round(wall / bound, 3),
                    "cpu_s": round(cpu, 2),
                    "bodies": len(bodies),
                    "not_modified": sum(isinstance(result.outcome, NotModified) for result in results),
                }
            )
    return runs


def main() -> int:
    parser = argparse.ArgumentParser(description="Wall time of a run over many feeds, beside its lower bound.")
    parser.add_argument("--feeds", type=int, default=500)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--largest", type=int, default=53)
    parser.add_argument("--gap", type=float, default=1.0)
    parser.add_argument("--speed", type=float, default=1.0, help="divide the latencies by this")
    parser.add_argument("--target", type=float, default=TARGET, help="exit status 1 above this ratio")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(serve())
        return 0
    plan = make_plan(args.feeds, args.hosts, args.largest, args.speed)
    first, second = measure(plan, args.gap)
    result = {
        "feeds": len(plan),
        "hosts": len({feed.host for feed in plan}),
        "sum_of_latencies_s": round(sum(feed.latency_s for feed in plan), 1),
        "lower_bound_s": round(lower_bound(plan, args.gap), 2),
        **{f"first_{name}": value for name, value in first.items()},
        **{f"second_{name}": value for name, value in second.items()},
        "target_ratio": args.target,
    }
    sys.stdout.write(
        json.dumps(result) + "\n" if args.json else "\n".join(f"{k:28} {v}" for k, v in result.items()) + "\n"
    )
    return int(first["ratio"] > args.target or second["ratio"] > args.target or second["bodies"] > 0)


if __name__ == "__main__":
    sys.exit(main())
