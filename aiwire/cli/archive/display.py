"""How a job shows itself: a bar while it works, a report in words when it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aiwire.cli.common import console, printable, warn

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from aiwire.archive.assemble import Assembled
    from aiwire.archive.job import JobProgress, JobReport, Totals
    from aiwire.archive.ledger import Entry
    from aiwire.archive.values import Audit, Job, Shard, ShardFailure, ShardReport

__all__ = [
    "count_lines",
    "job_progress",
    "other_versions_line",
    "print_job_report",
    "quarantine_lines",
    "table_status",
    "tables_line",
]

_SHOWN = 10  # failures and quarantined records in a report; `archive status` has them all
_MIB = 1 << 20
_WHOLE_JOB_S = 30 * 86_400.0
_LINE_S = 60.0
_BEFORE_READING = ("language-raw", "irrelevant-raw", "language-fast", "irrelevant-fast")  # what an audit looks into


# ---------------------------------------------------------------- while it works


class _Bar:
    """Shards by their bytes, with the pages per second so far and the time that is left."""

    def __init__(self, display: RichProgress) -> None:
        self._display = display
        self._task: TaskID | None = None
        self._cores = 1
        self._by_bytes = False
        self._begun = time.monotonic()

    def started(self, todo: Sequence[Shard], done: int, cores: int, dashboard: str | None) -> None:
        self._begun, self._cores = time.monotonic(), max(1, cores)
        self._by_bytes = all(shard.size for shard in todo)
        total = sum(shard.size or 0 for shard in todo) if self._by_bytes else len(todo)
        self._task = self._display.add_task("shards", total=total, detail=f"{len(todo)} to do, {done} done before")

    def shard(self, outcome: ShardReport | ShardFailure, totals: Totals) -> None:
        if self._task is None:
            return
        figures = _figures(totals, time.monotonic() - self._begun, self._cores)
        self._display.update(
            self._task,
            completed=totals.stored_bytes if self._by_bytes else totals.shards,
            detail=f"{totals.shards} shards, {figures}",
        )

    def ended(self) -> None:
        self._display.stop()


class _Lines:
    """A line now and then, for a log."""

    def __init__(self) -> None:
        self._cores = 1
        self._todo = 0
        self._bytes = 0
        self._begun = self._told = time.monotonic()

    def started(self, todo: Sequence[Shard], done: int, cores: int, dashboard: str | None) -> None:
        self._begun = self._told = time.monotonic()
        self._cores, self._todo = max(1, cores), len(todo)
        self._bytes = sum(shard.size or 0 for shard in todo)

    def shard(self, outcome: ShardReport | ShardFailure, totals: Totals) -> None:
        now = time.monotonic()
        if now - self._told < _LINE_S:
            return
        self._told = now
        share = totals.stored_bytes / self._bytes if self._bytes else totals.shards / self._todo
        left = (now - self._begun) * (1 / share - 1) if share else 0.0
        figures = _figures(totals, now - self._begun, self._cores)
        warn(f"{totals.shards} of {self._todo} shards, {figures}; {left:.0f} s left")

    def ended(self) -> None:
        pass


def _figures(totals: Totals, seconds: float, cores: int) -> str:
    rate = totals.pages / max(seconds, 1e-9)
    failed = f"{totals.failed} failed, " if totals.failed else ""
    speed = f"{rate:,.0f} pages/s ({rate / cores:,.0f} per core)"
    return f"{failed}{totals.articles:,} articles of {totals.pages:,} pages, {speed}"


@contextmanager
def job_progress() -> Iterator[JobProgress]:
    """Yield a bar if stderr is a terminal, else a progress that tells a line a minute."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description:>9}"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    # a shard of 1 GB takes minutes: the speed is that of all shards so far, not of the last 30 s
    with RichProgress(*columns, console=console(), speed_estimate_period=_WHOLE_JOB_S) as display:
        yield _Bar(display)


def table_status(what: str) -> AbstractContextManager[object]:
    """Return a spinner with these words, on a terminal; else nothing."""
    return console().status(what) if sys.stderr.isatty() else nullcontext()


# ---------------------------------------------------------------- when it is done


def print_job_report(report: JobReport, assembled: Assembled, job: Job) -> None:
    """Print what came of a job, its figures first, what went wrong last."""
    from aiwire.archive.ledger import entries, read_ledger

    failed = len(report.failed)
    lines = [f"{report.done} shards done in {report.seconds:.1f} s, {report.skipped} done before, {failed} failed"]
    if report.run.pages:
        lines.append(
            f"{report.pages_per_second:,.1f} pages/s, {report.pages_per_second / max(1, report.cores):,.1f} per core;"
            f" a worker used at most {report.run.peak_rss_bytes / _MIB:,.0f} MiB"
        )
    lines += count_lines(
        records=report.totals.records, pages=report.totals.pages, articles=report.totals.articles,
        dropped=report.totals.dropped, audit=report.totals.audit, share=job.audit,
    )  # fmt: skip
    lines.append(tables_line(assembled, job.folder))
    with read_ledger(job.folder) as db:
        lines += filter(None, [other_versions_line(entries(db).values(), report.version)])
    lines += quarantine_lines(((key, one.offset, one.url, one.reason) for key, one in report.bad), most=_SHOWN)
    lines += [f"failed: {one.key}: {one.reason}" for one in report.failed[:_SHOWN]]
    for line in lines:
        click.echo(printable(line))


def count_lines(
    *, records: int, pages: int, articles: int, dropped: Mapping[str, int], audit: Audit, share: float
) -> Iterator[str]:
    """Yield what was read, what of it was dropped and why, and what the audit says of that."""
    yield f"{records:,} records, {pages:,} pages, {articles:,} articles kept"
    if dropped:
        by_count = sorted(dropped.items(), key=lambda item: (-item[1], item[0]))
        yield "dropped: " + ", ".join(f"{count:,} {reason}" for reason, count in by_count)
    yield _recall_line(articles, sum(dropped.get(reason, 0) for reason in _BEFORE_READING), audit, share)


def _recall_line(articles: int, dropped: int, audit: Audit, share: float) -> str:
    from aiwire.archive.funnel import recall

    what = "recall of the filter before reading"
    if not dropped:
        return f"{what}: no page was dropped unread"
    if not audit.sampled:
        return f"{what}: not known, as none of {dropped:,} pages that it dropped was read (--audit {share:g})"
    of_them = f"of {audit.sampled} of its {dropped:,} drops that were read all the same, {audit.relevant} were relevant"
    found = recall(articles, audit, share, dropped)
    if found.value is None:
        return f"{what}: nothing was kept; {of_them}"
    return f"{what}: {found.value:.3f} (95 %: {found.lo:.3f} to {found.hi:.3f}); {of_them}"


def tables_line(assembled: Assembled, folder: Path) -> str:
    """Return what the tables hold and where they are."""
    return (
        f"{assembled.articles:,} articles in {assembled.stories:,} stories ({assembled.folded:,} captures of the same"
        f" URL folded): {folder / 'tables'}"
    )


def other_versions_line(entries: Iterable[Entry], version: str) -> str | None:
    """Return how many shards are in no table as another job has made them; None if there are none."""
    others = sum(entry.version != version for entry in entries)
    if not others:
        return None
    return (
        f"{others} more shards were made with other options or lists and are in no table: run them again with these"
        f" ({version})"
    )


def quarantine_lines(rows: Iterable[tuple[str, int, str | None, str]], *, most: int | None = None) -> list[str]:
    """Return a line for each record in quarantine; at most `most`, and how many more there are."""
    lines = [
        f"quarantined: {key} at {offset}{f' ({url})' if url else ''}: {reason}" for key, offset, url, reason in rows
    ]
    if most is None or len(lines) <= most:
        return lines
    return [*lines[:most], f"… and {len(lines) - most} more: `aiwire archive status --quarantine` lists them"]
