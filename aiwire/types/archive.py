"""What stands in web archives, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aiwire.types.tagging import Tagging

__all__ = ["ArchivedArticle", "BadRecord", "CapturedPage", "PassedRecord", "PassedWhy"]

PassedWhy = Literal[
    "not-response",  # a request, metadata or revisit record, or what says who made the file
    "not-http",  # an answer to another protocol: DNS, FTP
    "status",  # not 200
    "not-html",  # an image, a feed, a PDF
]


@dataclass(frozen=True, slots=True)
class CapturedPage:
    """An HTML page that somebody fetched: decoded from its transfer and content coding, not from its charset."""

    url: str  # as it was asked for
    captured_at: datetime  # UTC
    headers: dict[str, str]  # of the answer, names in lower case, without the codings that were undone
    body: bytes
    offset: int  # of its record in the shard: byte of the file as it is stored; of JSON lines the number of the line
    number: int = 0  # of its record among those of the shard, which is its own: in one gzip stream all have one offset


@dataclass(frozen=True, slots=True)
class PassedRecord:
    """A whole record that holds no page for us."""

    why: PassedWhy
    offset: int


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be read, or that took a worker down: what is quarantined."""

    offset: int
    reason: str  # in words, with what was found
    url: str | None = None  # None: not known


@dataclass(frozen=True, slots=True)
class ArchivedArticle:
    """An article as a run would have stored it, had it fetched the page when it was captured, without tags."""

    url: str  # normalized: the identity of an article
    source_id: str
    captured_at: datetime
    title: str
    author: str | None
    published_at: datetime | None  # as stated
    dated_at: datetime  # the date that counts: published_at, or captured_at if that is absent or absurd
    date_source: str  # the rung of the page that gave it, or first_seen
    date_flaw: str | None  # why a stated date does not count: future, absurd
    language: str | None  # BCP 47, as `db.language.normal_language` has it
    text: str
    canonical_url: str | None
    paywalled: bool
    rights: str | None
    tagging: Tagging | None = None
