"""An archive job: what is missing is done, the ledger tells what came of it, and running again does the rest.

What is done stands in the parts; the ledger follows them. So whatever dies at whatever moment, the next run finds the
parts that are there and goes on.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Protocol

from sqlite_utils import Database

from aiwire.archive.ledger import LEDGER, entries, open_ledger, quarantined, rebuild, record, sync
from aiwire.archive.parts import part_folder, read_report
from aiwire.archive.values import Audit, Job, Runner, Shard, ShardFailure, ShardReport
from aiwire.exceptions import ConfigError
from aiwire.lock import writer_lock
from aiwire.types import Source
from aiwire.types.archive import BadRecord
from aiwire.types.sources import ArticleRule, ListingRule, SitemapRule
from nlp.pipeline import TaggerConfig, versions
from nlp.relevance import RELEVANCE_VERSION

__all__ = ["JobProgress", "JobReport", "Totals", "job_version", "load_job", "quiet", "run_job", "save_job"]

EXTRACTION: Final = "1"  # raised when the same bytes would give other rows, whatever the lists say

# of a source, what says when it is asked and what is shown of it: no row of a part depends on it
_NOT_OF_ROWS: Final = (
    "every_minutes", "own_server", "full_text", "enabled", "excerpt_chars", "text_policy", "listing", "sitemap",
)  # fmt: skip
_NOT_IN_VERSION: Final = ("folder", "gazetteer", "storage", "page_timeout_s", "memory_limit_bytes")


class Make(Protocol):
    """Makes the part of a shard in a worker; it must be picklable: a function of a module."""

    def __call__(self, shard: Shard, job_file: Path) -> ShardReport:
        """Return the report of the part, made now or before."""
        ...


@dataclass(slots=True)
class Totals:
    """Sums over shards, so far."""

    shards: int = 0
    failed: int = 0
    stored_bytes: int = 0  # of these shards, as far as their sizes are known: what the time left is estimated by
    records: int = 0
    pages: int = 0
    articles: int = 0
    bad: int = 0
    rows: dict[str, int] = field(default_factory=dict)  # by table
    dropped: dict[str, int] = field(default_factory=dict)  # by reason
    audit: Audit = field(default_factory=Audit)
    bytes_read: int = 0
    html_bytes: int = 0
    worker_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0  # the highest of all workers

    def add(self, shard: Shard, outcome: ShardReport | ShardFailure) -> None:
        """Add a shard."""
        self.shards += 1
        self.stored_bytes += shard.size or 0
        if isinstance(outcome, ShardFailure):
            self.failed += 1
            return
        self.records += outcome.records
        self.pages += outcome.pages
        self.articles += outcome.articles
        self.bad += len(outcome.bad)
        for sums, counts in ((self.rows, outcome.rows), (self.dropped, outcome.dropped)):
            for name, count in counts.items():
                sums[name] = sums.get(name, 0) + count
        self.audit = Audit(self.audit.sampled + outcome.audit.sampled, self.audit.relevant + outcome.audit.relevant)
        self.bytes_read += outcome.bytes_read
        self.html_bytes += outcome.html_bytes
        self.worker_seconds += outcome.seconds
        self.cpu_seconds += outcome.cpu_seconds
        self.peak_rss_bytes = max(self.peak_rss_bytes, outcome.peak_rss_bytes)


class JobProgress(Protocol):
    """Who watches a job."""

    def started(self, todo: Sequence[Shard], done: int, cores: int, dashboard: str | None) -> None:
        """Work begins on these shards; `done` others of the plan need none."""

    def shard(self, outcome: ShardReport | ShardFailure, totals: Totals) -> None:
        """One shard has come to its end; `totals` are those of this run."""

    def ended(self) -> None:
        """There is nothing more to do, or the job was broken off."""


class _Quiet:
    def started(self, todo: Sequence[Shard], done: int, cores: int, dashboard: str | None) -> None:
        pass

    def shard(self, outcome: ShardReport | ShardFailure, totals: Totals) -> None:
        pass

    def ended(self) -> None:
        pass


quiet: JobProgress = _Quiet()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """What came of a job."""

    version: str
    cores: int
    seconds: float  # wall time of the work on shards, without the start of a cluster
    shards: int  # of the plan
    done: int  # in this run
    skipped: int  # done before
    failed: tuple[ShardFailure, ...]  # now, or for good in an earlier run
    bad: tuple[tuple[str, BadRecord], ...]  # quarantined, with the key of the shard
    totals: Totals  # of all shards of the plan
    run: Totals  # of this run alone: what rates are made from

    @property
    def pages_per_second(self) -> float:
        """Return the pages of this run per second of wall time."""
        return self.run.pages / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values, with rates."""
        return asdict(self) | {
            "bad": [{"shard": key} | asdict(record) for key, record in self.bad],
            "pages_per_second": round(self.pages_per_second, 2),
            "pages_per_second_per_core": round(self.pages_per_second / max(1, self.cores), 2),
        }


def job_version(job: Job) -> str:
    """Return what names the rows that a job makes: another one means that a part has to be made again.

    Raises:
        ConfigError: the lists cannot be used.
    """
    tagger, taxonomy = versions(TaggerConfig(gazetteer=job.gazetteer, spacy_model=job.spacy_model))
    rules = _plain(job)
    for name in _NOT_IN_VERSION:
        del rules[name]
    rules["languages"] = sorted(job.languages)
    rules["sources"] = [{k: v for k, v in source.items() if k not in _NOT_OF_ROWS} for source in rules["sources"]]
    rules |= {"relevance": RELEVANCE_VERSION, "extraction": EXTRACTION}
    digest = blake2b(json.dumps(rules, sort_keys=True).encode(), digest_size=4).hexdigest()
    return f"{tagger}-{taxonomy[:8]}-{digest}"


def save_job(job: Job) -> Path:
    """Write the job where workers read it, `jobs/<version>.json` in its folder, and return the path."""
    path = job.folder / "jobs" / f"{job_version(job)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", suffix=".tmp", delete=False) as file:
        try:
            json.dump(_plain(job), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
            if not job.storage:  # else it may hold a key, which is for the user alone
                Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return path


def load_job(path: Path) -> Job:
    """Return the job that `save_job` has written.

    Raises:
        ConfigError: it is not there, or cannot be read.
    """
    try:
        plain = json.loads(path.read_bytes())
        return Job(
            **plain
            | {
                "folder": Path(plain["folder"]),
                "gazetteer": tuple(map(Path, plain["gazetteer"])),
                "languages": tuple(plain["languages"]),
                "sources": tuple(map(_source, plain["sources"])),
            }
        )
    except OSError as e:
        raise ConfigError(
            f"{path}: a worker cannot read the job ({e.strerror}); every machine must see the folder under this path"
        ) from e
    except (ValueError, TypeError, KeyError) as e:
        raise ConfigError(f"{path}: is no job of this aiwire ({e}); install the same version on every machine") from e


def run_job(
    job: Job, shards: Sequence[Shard], runner: Runner, *, progress: JobProgress, now: datetime, make: Make | None = None
) -> JobReport:
    """Do what is missing of the shards and return what there is now.

    Args:
        job: what is done to every shard.
        shards: the plan; others that the ledger knows stay as they are.
        runner: who does the work.
        progress: who watches.
        now: the time of the start, of which `finished_at` in the ledger is made.
        make: makes the part of a shard; None: `aiwire.archive.shard.make_part`.

    Raises:
        ConfigError: no shard can be done with these settings, or on these workers.
        TryLater: another job works in the folder, or the cluster is gone.
        DatabaseError: the ledger cannot be written.
    """
    if make is None:
        from aiwire.archive.shard import make_part  # it imports this module

        make = make_part
    job.folder.mkdir(parents=True, exist_ok=True)
    with writer_lock(job.folder / LEDGER), open_ledger(job.folder) as (db, is_new):
        job_file = save_job(job)
        version = job_file.stem
        if is_new:
            rebuild(db, _all_reports(job.folder, version))
        sync(db, shards, version)
        todo = _missing(db, job.folder, shards, version, now)
        task = partial(make, job_file=job_file)
        run, seconds = _work(db, todo, len(shards) - len(todo), version, runner, task, progress, now)
        return _report(db, shards, version, runner.cores, run, seconds)


def _work(
    db: Database,
    todo: Sequence[Shard],
    done: int,
    version: str,
    runner: Runner,
    task: Callable[[Shard], ShardReport],
    progress: JobProgress,
    now: datetime,
) -> tuple[Totals, float]:
    """Have the shards done, each entered as its outcome comes; return sums and seconds."""
    run = Totals()
    begun = time.monotonic()
    progress.started(todo, done, runner.cores, runner.dashboard)
    try:
        if todo:
            outcomes = runner(todo, task)
            with closing(outcomes) if isinstance(outcomes, Generator) else nullcontext():  # ends its workers
                for shard, outcome in outcomes:
                    record(db, shard, version, outcome, now + timedelta(seconds=time.monotonic() - begun))
                    run.add(shard, outcome)
                    progress.shard(outcome, run)
    finally:
        progress.ended()
    return run, time.monotonic() - begun


def _missing(db: Database, folder: Path, shards: Sequence[Shard], version: str, now: datetime) -> list[Shard]:
    """Return the shards that have to be done, the largest first: else a worker is left alone with it at the end."""
    known = entries(db, (shard.key for shard in shards))
    there = {path.name for path in _parts(folder)}
    missing = []
    for shard in shards:
        part = part_folder(folder, shard.key, version)
        entry = known[shard.key]
        if entry.is_settled(shard, version) and (entry.state == "failed" or part.name in there):
            continue
        report = read_report(part) if part.name in there else None
        if report is not None and report.version == version and report.fingerprint == shard.fingerprint:
            record(db, shard, version, report, now)  # made just before a job was killed
        else:
            missing.append(shard)
    return sorted(missing, key=lambda shard: -(shard.size or 0))


def _report(db: Database, shards: Sequence[Shard], version: str, cores: int, run: Totals, seconds: float) -> JobReport:
    keys = [shard.key for shard in shards]
    known = entries(db, keys)
    bad = quarantined(db, keys)
    failed = [_failure(known[key].error, key, known[key].is_final, known[key].tries)
              for key in keys if known[key].state == "failed"]  # fmt: skip
    totals = Totals()
    for shard in shards:
        if (report := known[shard.key].report) is not None:
            totals.add(shard, report)
    totals.bad = len(bad)
    totals.shards, totals.failed = len(shards), len(failed)
    return JobReport(
        version=version,
        cores=cores,
        seconds=seconds,
        shards=len(shards),
        done=run.shards - run.failed,
        skipped=len(shards) - len(failed) - (run.shards - run.failed),
        failed=tuple(failed),
        bad=tuple(bad),
        totals=totals,
        run=run,
    )


def _failure(reason: str | None, key: str, final: bool, tries: int) -> ShardFailure:
    return ShardFailure(key, reason or "", final=final, tries=tries)


def _all_reports(folder: Path, version: str) -> Iterable[ShardReport]:
    """Return the report of every shard that has a part, of this version if it has one."""
    reports: dict[str, ShardReport] = {}
    for path in _parts(folder):
        report = read_report(path)
        if report is not None and (report.key not in reports or report.version == version):
            reports[report.key] = report
    return reports.values()


def _parts(folder: Path) -> list[Path]:
    parts = folder / "parts"
    return [path for path in parts.iterdir() if not path.name.startswith(".")] if parts.is_dir() else []


def _plain(job: Job) -> dict[str, Any]:
    """Return a job as JSON has it."""
    plain: dict[str, Any] = {name: getattr(job, name) for name in Job.__slots__}
    plain["sources"] = [asdict(source) for source in job.sources]
    plain["storage"] = dict(job.storage)
    plain["languages"] = list(job.languages)
    plain["folder"] = str(job.folder)
    plain["gazetteer"] = [str(path) for path in job.gazetteer]
    return plain


def _source(plain: Mapping[str, Any]) -> Source:
    rules = {"listing": ListingRule, "sitemap": SitemapRule, "article": ArticleRule}
    made = {name: rule(**plain[name]) for name, rule in rules.items() if plain[name] is not None}
    return Source(**{**plain, **made})
