"""What the parts of an archive job hand to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from aiwire.config import OptOuts
from aiwire.types import Source
from aiwire.types.archive import BadRecord

__all__ = ["Audit", "Job", "Runner", "Shard", "ShardFailure", "ShardReport", "ShardState"]

ShardState = Literal["pending", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of an archive: one task."""

    key: str  # its file name and eight digits of a hash of `url`: safe as a name of a folder, unique in a job
    url: str  # an absolute path, s3://… or https://…
    size: int | None  # bytes; None: the server does not say
    fingerprint: str  # other bytes under the same address have another one


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is done to every shard. All of it but `folder`, `storage` and the limits is in `version`."""

    folder: Path  # of the archive's output, absolute: every worker must see it
    languages: tuple[str, ...] = ("en", "zh")  # primary subtags that are kept; empty: all
    everything: bool = False  # no filter for relevance
    audit: float = 0.01  # share of the pages dropped by language or relevance that are read all the same, to measure
    sources: tuple[Source, ...] = ()  # pages of their sites are theirs; others belong to a source made of the site
    opt_outs: OptOuts = "obey"
    gazetteer: tuple[Path, ...] = ()  # the user's files, absolute
    spacy_model: str = ""
    storage: Mapping[str, str] = field(default_factory=dict)  # options for fsspec: anon, endpoint_url, …
    max_page_bytes: int = 5 << 20  # decoded; what is read of it takes some 25 times as much memory
    page_timeout_s: float = 60.0
    memory_limit_bytes: int = 600 << 20  # of one worker process


@dataclass(frozen=True, slots=True)
class Audit:
    """Of the pages that were dropped, those that were read all the same."""

    sampled: int = 0
    relevant: int = 0  # of these: what a filter should have kept


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardReport:
    """What came of a shard: stands in `report.json` of its part and, summed up, in the table `shards`."""

    key: str
    version: str
    fingerprint: str
    records: int = 0
    pages: int = 0  # HTML answers with status 200
    articles: int = 0  # rows
    rows: Mapping[str, int] = field(default_factory=dict)  # by table
    dropped: Mapping[str, int] = field(default_factory=dict)  # by reason: `PassedWhy` and `DropReason`
    bad: tuple[BadRecord, ...] = ()  # quarantined records
    audit: Audit = Audit()
    bytes_read: int = 0  # of the file as it is stored
    html_bytes: int = 0  # of the pages, decoded
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0  # of the worker, so far
    worker: str = ""  # host:pid
    tries: int = 1  # that it took, by the runner's count


@dataclass(frozen=True, slots=True)
class ShardFailure:
    """A shard that could not be processed at all; it may be tried again."""

    key: str
    reason: str
    final: bool  # no later try changes it: the file is not there, is no archive
    died: bool = False  # the worker disappeared
    tries: int = 1  # that were made


class Runner(Protocol):
    """Runs one function on many shards, in whatever order, and comes back whatever becomes of a worker."""

    @property
    def cores(self) -> int:
        """How many workers there are."""
        ...

    @property
    def dashboard(self) -> str | None:
        """The address to watch it at, if there is one."""
        ...

    def __call__(
        self, shards: Sequence[Shard], function: Callable[[Shard], ShardReport]
    ) -> Iterator[tuple[Shard, ShardReport | ShardFailure]]:
        """Yield every shard once with its outcome, as they come."""
        ...
