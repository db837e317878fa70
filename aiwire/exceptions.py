"""Every error that aiwire raises on purpose. A message says what is wrong and the remedy.

AiwireError
├── ConfigError          settings, sources.toml or a data file cannot be used         exit 2
├── InputError           an input file cannot be read                                 exit 2 (filters: 1)
├── TryLater             another run holds the lock, or our own network is down       exit 75
├── DatabaseError        the database cannot be opened, or is newer than this code    exit 2
└── SourceError          one source or page failed: a value in the report, never fatal
    ├── FetchError       .reason tells the class of failure
    ├── ParseError       the bytes are not a feed, or hold no entry that can be recovered
    ├── ExtractError     the bytes are not an HTML page
    └── OptOutError      the publisher reserves the page from text and data mining
"""

from __future__ import annotations

import copyreg
from collections.abc import Mapping
from typing import Any, Literal

__all__ = [
    "AiwireError",
    "ConfigError",
    "DatabaseError",
    "ExtractError",
    "FetchError",
    "FetchReason",
    "InputError",
    "OptOutError",
    "ParseError",
    "SourceError",
    "TryLater",
]

FetchReason = Literal[
    "dns",  # the name does not resolve
    "connect",  # no connection: refused, unreachable, no answer to the handshake
    "broken",  # a connection that broke, or an answer that is no HTTP
    "timeout",  # connect, read or total time-out
    "status",  # an HTTP status that is neither 2xx, 304 nor a redirect we follow
    "redirect",  # too many, a loop, or to a forbidden scheme
    "too-large",  # more bytes than the cap, on the wire or decoded
    "encoding",  # the content encoding is broken or cut short
    "url",  # not an http(s) URL
    "address",  # an address inside of our own or a reserved network
    "robots",  # its robots.txt forbids it
    "not-in-archive",  # a replay has no answer for this URL
]


class AiwireError(Exception):
    """Root of every error raised on purpose; `exit_status` is what the command line ends with."""

    exit_status = 2


class ConfigError(AiwireError):
    """Settings, the source list or a data file cannot be used."""


class InputError(AiwireError):
    """An input file cannot be read. The filters (parse, extract, tag-text) do the others and end with 1."""


class TryLater(AiwireError):
    """Nothing is wrong with the request, but not now (sysexits.h EX_TEMPFAIL)."""

    exit_status = 75


class DatabaseError(AiwireError):
    """The database cannot be opened or does not fit this version of aiwire."""


class SourceError(AiwireError):
    """One source or page failed. `url` is the resource."""

    exit_status = 1

    def __init__(self, url: str, message: str) -> None:
        super().__init__(message)
        self.url = url
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what pickle needs: errors come back from worker processes with all their fields."""
        # typeshed lacks __newobj__
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]

    def __str__(self) -> str:
        return f"{self.url}: {self.message}" if self.url else self.message


class FetchError(SourceError):
    """A request brought no usable body. `headers` (lower-case names) are those of the answer, if any came."""

    def __init__(
        self,
        url: str,
        message: str,
        *,
        reason: FetchReason,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(url, message)
        self.reason = reason
        self.status = status
        self.headers: Mapping[str, str] = headers or {}


class ParseError(SourceError):
    """The bytes are not a feed that can be read."""


class ExtractError(SourceError):
    """The bytes are not an HTML page."""


class OptOutError(SourceError):
    """The publisher reserves the page from text and data mining, and the settings say that this is obeyed."""
