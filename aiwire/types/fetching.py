"""What goes over the network and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aiwire.exceptions import FetchError, SourceError

__all__ = [
    "FetchResult",
    "Hop",
    "LaneState",
    "NotModified",
    "Purpose",
    "Request",
    "Response",
    "RobotsFile",
]

Purpose = Literal[
    "feed",
    "listing",
    "sitemap",
    "page",  # of an article
    "robots",
    "discovery",  # of a site's front page: where has its feed gone?
    "archive",  # of nobody: pages that others fetched, one row of history for each day of a source
    "catalog",  # of prices: an address that stands in the settings
]


@dataclass(frozen=True, slots=True)
class Hop:
    """A redirect on the way to an answer."""

    url: str  # that answered with it
    status: int  # 301, 302, 303, 307 or 308


@dataclass(frozen=True, slots=True)
class Request:
    """One URL that is wanted, and for what."""

    url: str
    source_id: str
    purpose: Purpose
    article_id: int | None = None  # for purpose "page"
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A whole body, decoded from its content encoding; header names in lower case."""

    url: str  # as asked
    final_url: str  # after redirects
    status: int
    headers: dict[str, str]
    body: bytes
    hops: tuple[Hop, ...] = ()  # in order


@dataclass(frozen=True, slots=True)
class NotModified:
    """304: what we have is current. The headers may carry new validators."""

    url: str  # as asked
    headers: dict[str, str]
    final_url: str = ""  # after redirects; "" if there were none
    hops: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The outcome of one request, whatever it was: an expected failure is a value here, never raised."""

    request: Request
    outcome: Response | NotModified | FetchError
    elapsed_ms: int
    wire_bytes: int  # body bytes received, before decoding
    unreadable: SourceError | None = None  # put in later: why the body could not be parsed or extracted
    lane: LaneState | None = None  # of the request's lane after it; None in a replay
    retried: bool = False  # the outcome is that of a second try in the same run
    robots: str | None = None  # what forbids the URL in a robots.txt already known; a feed is fetched all the same


@dataclass(frozen=True, slots=True)
class LaneState:
    """How one server is to be treated: kept between runs."""

    lane: str  # registrable domain, or host:port (ingest.urls.host_key)
    latency_s: float | None = None  # smoothed
    gap_s: float | None = None  # raised gap between two starts after the server asked for less
    gap_until: datetime | None = None  # until when the raised gap counts
    crawl_delay_s: float | None = None  # of its robots.txt
    blocked_until: datetime | None = None  # no request before
    reason: str | None = None  # of the block or the raised gap, in words


@dataclass(frozen=True, slots=True)
class RobotsFile:
    """The robots.txt of one origin as it was last read (RFC 9309)."""

    origin: str  # scheme://host[:port]
    fetched_at: datetime  # when it was last read, or first failed
    status: int | None  # of the answer that `body` is from; None: never answered
    body: str  # "" unless status is 2xx; of an older answer where the last try failed
    error: str | None = None  # of the last try
