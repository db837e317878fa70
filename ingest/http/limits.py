"""How long, how much, how many: the limits of one run of the fetcher."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["FetchLimits"]

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """Seconds and bytes."""

    # one request
    connect_s: float = 10.0  # name and connection together
    read_s: float = 20.0  # between two pieces of an answer
    total_s: float = 60.0  # one request with all its redirects
    max_wire_bytes: int = 8 * MIB  # of one body as it is sent
    max_body_bytes: int = 15 * MIB  # of one body, unpacked
    truncate_body: bool = False  # keep the first max_body_bytes of a longer body; else it is an error
    max_redirects: int = 5
    # one run
    concurrency: int = 16  # requests under way at a time
    host_gap_s: float = 1.0  # least time between the starts of two requests to one host
    max_gap_s: float = 60.0  # cap of a gap that has grown
    max_per_lane: int | None = 30  # requests to one host; None: all of them
    retries: int = 1  # of a request whose connection broke
    robots: bool = True  # whether robots.txt is asked and obeyed

    def for_replay(self) -> FetchLimits:
        """Return limits without politeness, which an archive needs none of; results come in the order of requests."""
        return replace(self, concurrency=1, host_gap_s=0.0, max_gap_s=0.0, max_per_lane=None, retries=0, robots=False)
