"""How a job shows itself: a bar while it works, a report in words when it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aiwire.cli.common import console, printable

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from aiwire.archive.assemble import Assembled
    from aiwire.archive.job import JobProgress, JobReport, Totals
    from aiwire.archive.values import Audit, Job, Shard, ShardFailure, ShardReport

__all__ = ["count_lines", "job_progress", "print_job_report", "quarantine_lines", "table_status", "tables_line"]

_SHOWN = 10  # failures and quarantined records in a report; `archive status` has them all
_MIB = 1 << 20
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
        rate = totals.pages / max(time.monotonic() - self._begun, 1e-9)
        failed = f", {totals.failed} failed" if totals.failed else ""
        self._display.update(
            self._task,
            completed=totals.stored_bytes if self._by_bytes else totals.shards,
            detail=f"{totals.shards} shards{failed}, {totals.articles:,} articles of {totals.pages:,} pages,"
            f" {rate:,.0f} pages/s ({rate / self._cores:,.0f} per core)",
        )

    def ended(self) -> None:
        self._display.stop()


@contextmanager
def job_progress() -> Iterator[JobProgress]:
    """Yield a bar if stderr is a terminal, else a silent progress."""
    if not sys.stderr.isatty():
        from aiwire.archive.job import quiet

        yield quiet
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
    with RichProgress(*columns, console=console()) as display:
        yield _Bar(display)


def table_status(what: str) -> AbstractContextManager[object]:
    """Return a spinner with these words, on a terminal; else nothing."""
    return console().status(what) if sys.stderr.isatty() else nullcontext()


# ---------------------------------------------------------------- when it is done


def print_job_report(report: JobReport, assembled: Assembled, job: Job) -> None:
    """Print what came of a job, its figures first, what went wrong last."""
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

    if not dropped:
        return "recall of the filter: 1, as it dropped no page unread"
    found = recall(articles, audit, share, dropped)
    if found.value is None:
        return f"recall of the filter: not known, as none of {dropped:,} dropped pages was read (--audit {share:g})"
    return (
        f"recall of the filter: {found.value:.3f} (95 %: {found.lo:.3f} to {found.hi:.3f}), from {audit.sampled}"
        f" dropped pages that were read all the same, of which {audit.relevant} should have been kept"
    )


def tables_line(assembled: Assembled, folder: Path) -> str:
    """Return what the tables hold and where they are."""
    return (
        f"{assembled.articles:,} articles in {assembled.stories:,} stories ({assembled.folded:,} captures of the same"
        f" URL folded): {folder / 'tables'}"
    )


def quarantine_lines(rows: Iterable[tuple[str, int, str | None, str]], *, most: int | None = None) -> list[str]:
    """Return a line for each record in quarantine; at most `most`, and how many more there are."""
    lines = [
        f"quarantined: {key} at {offset}{f' ({url})' if url else ''}: {reason}" for key, offset, url, reason in rows
    ]
    if most is None or len(lines) <= most:
        return lines
    return [*lines[:most], f"… and {len(lines) - most} more: `aiwire archive status --quarantine` lists them"]
