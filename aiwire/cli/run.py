"""run, fetch and trends: the commands that fill the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aiwire import __version__
from aiwire.cli.articles import warn_of_articles_without_story
from aiwire.cli.common import Context, common_options, print_json, tagger_options, warn
from aiwire.cli.database import writable
from aiwire.cli.progress import bars
from aiwire.cli.tagging import prepared_tagger, tagger_config
from aiwire.config import Settings
from aiwire.exceptions import ConfigError

if TYPE_CHECKING:
    from aiwire.pipeline.report import RunReport
    from ingest.http.fetch import Fetcher
    from ingest.http.warc import ReplayTransport

__all__ = [
    "fetch",
    "open_fetcher",
    "print_report",
    "run",
    "run_sources",
    "trends",
]

MANY_SOURCES = 50  # from so many on, whoever asks ought to say who it is

F = TypeVar("F", bound=Callable[..., Any])


def _run_options(command: F) -> F:
    options = (
        click.option(
            "--sources", type=click.Path(path_type=Path, dir_okay=False), help="Source list [default: sources.toml]."
        ),
        click.option(
            "--force", is_flag=True, help="Take sources that are not due, too, and read what did not change again."
        ),
        click.option(
            "--max-seconds", type=click.FloatRange(min=0), help="Stop after that long; what is left stays due."
        ),
        click.option(
            "--max-per-lane",
            type=click.IntRange(min=1),
            help="Requests to one site in one run, of sources and of pages each; what is left stays due.",
        ),
        click.option("--strict", is_flag=True, help="Exit status 1 if a source failed."),
        click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout."),
        click.option(
            "--record",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Write every HTTP exchange to this .warc.gz.",
        ),
        click.option(
            "--replay",
            type=click.Path(path_type=Path, dir_okay=False),
            multiple=True,
            help="Answer from this .warc.gz instead of the network (may be repeated).",
        ),
        click.option(
            "--metrics-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Write figures of the run for node_exporter's textfile collector.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_run_options
@tagger_options
@common_options
def run(context: Context, **options: Any) -> None:
    """All that is due: fetch, parse, extract, tag, save, roll up. What cron calls.

    \b
    Examples:
      aiwire run
      aiwire run --force --json --strict
      aiwire run --replay news.warc.gz --db replay.db
    """
    _run(context, command="run", **options)


@click.command()
@_run_options
@common_options
def fetch(context: Context, **options: Any) -> None:
    """Only fetch, parse, extract and save; `aiwire tag` does the rest.

    \b
    Example:
      aiwire fetch && aiwire tag
    """
    _run(context, command="fetch", **options)


def _run(
    context: Context,
    *,
    command: str,
    strict: bool,
    as_json: bool,
    sources: Path | None,
    metrics_file: Path | None,
    **options: Any,
) -> None:
    if metrics_file is not None and not metrics_file.absolute().parent.is_dir():
        raise ConfigError(f"{metrics_file}: there is no such folder; make it first")
    report = run_sources(context, command=command, **options)
    print_report(report, as_json=as_json)
    if metrics_file is not None:
        _write_metrics(metrics_file, report, context)
    if report.internal_errors or (strict and report.failed):
        raise SystemExit(1)


def _write_metrics(path: Path, report: RunReport, context: Context) -> None:
    """Write the figures; what was asked for first is done, so that they cannot be written is exit status 1."""
    from aiwire.metrics import render, write_metrics
    from db.connection import open_existing
    from db.health import health_rows

    db = open_existing(context.settings.db)
    try:
        write_metrics(path, render(report, health_rows(db), finished_at=context.now))
    except ConfigError as e:
        warn(str(e))
        raise SystemExit(1) from e
    finally:
        db.close()


def run_sources(
    context: Context,
    *,
    command: str = "run",
    force: bool = False,
    max_seconds: float | None = None,
    max_per_lane: int | None = None,
    record: Path | None = None,
    replay: tuple[Path, ...] = (),
) -> RunReport:
    """Do one run over the source list of the settings and return its report. `fetch` leaves the tags for later."""
    if record and replay:
        raise click.UsageError("--record and --replay exclude each other")
    from aiwire.pipeline.run import Run, RunOptions
    from ingest.http.warc import ReplayTransport
    from ingest.sources import load_sources
    from ingest.worker import ParserPool

    if max_seconds is not None and not max_seconds >= 0:
        raise click.UsageError("--max-seconds wants a number of seconds")
    settings = context.settings
    if max_per_lane is not None:
        settings = replace(settings, max_per_lane=max_per_lane)
    listed = load_sources(settings.sources)
    if not settings.contact and not replay and sum(source.enabled for source in listed) > MANY_SOURCES:
        warn(f"please set 'contact' in aiwire.toml: {len(listed)} publishers cannot tell who asks them")
    archive = ReplayTransport(replay, at=context.given_now) if replay else None
    now = context.given_now or (archive.newest if archive else context.now)
    with ExitStack() as stack:
        db = stack.enter_context(writable(settings))  # the lock first: a run that finds it held must touch no recording
        tagger = prepared_tagger(db, tagger_config(settings)) if command != "fetch" else None
        fetcher = stack.enter_context(open_fetcher(settings, archive, record, now))
        options = RunOptions(
            now=now,
            force=force,
            replay=archive is not None,
            max_seconds=max_seconds,
            check_every_minutes=settings.check_every_minutes,
            full_text_below_words=settings.full_text_below_words,
            pages_per_run=settings.pages_per_run,
            opt_outs=settings.opt_outs,
        )
        parsers = ParserPool(workers=settings.parse_workers, timeout_s=settings.parse_timeout_s)
        stack.enter_context(parsers)
        progress = stack.enter_context(bars())
        report = Run(db, listed, fetcher, tagger, options, parsers=parsers, progress=progress)(command)
        if command == "run":
            warn_of_articles_without_story(db)
        return report


@contextmanager
def open_fetcher(
    settings: Settings, archive: ReplayTransport | None, record: Path | None, now: datetime
) -> Iterator[Fetcher]:
    """Yield a fetcher over the archive, or over the network, recording if that is wanted."""
    from ingest.http.fetch import Fetcher
    from ingest.http.guard import Guard
    from ingest.http.limits import FetchLimits
    from ingest.http.network import network_transport
    from ingest.http.warc import Recorder, RecordingTransport

    s = settings
    agent = f"aiwire/{__version__}" + (f" (+{s.contact})" if s.contact else "")
    limits = FetchLimits(
        connect_s=s.connect_timeout_s,
        read_s=s.read_timeout_s,
        total_s=s.total_timeout_s,
        max_wire_bytes=int(s.max_wire_mib * 2**20),
        max_body_bytes=int(s.max_body_mib * 2**20),
        concurrency=s.concurrency,
        host_gap_s=s.host_gap_s,
        max_per_lane=s.max_per_lane,
    )
    strict = s.opt_outs == "strict"
    if archive is not None:
        yield Fetcher(limits.for_replay(), user_agent=agent, transport=archive)
        return
    network = network_transport(limits, guard=Guard(s.allow_hosts), proxy=s.proxy or None)
    if record is None:
        yield Fetcher(limits, user_agent=agent, transport=network, strict_opt_outs=strict)
        return
    with Recorder(record, now=now) as recorder:
        transport = RecordingTransport(network, recorder)
        yield Fetcher(limits, user_agent=agent, transport=transport, strict_opt_outs=strict)


@click.command()
@click.option("--check", is_flag=True, help="Only compare, write nothing; exit status 1 if rows differ.")
@common_options
def trends(context: Context, check: bool) -> None:
    """Count all trends anew from the tags. A run keeps them current; this is for repairs and checks.

    Says how many rows were stored otherwise: none should be.

    \b
    Examples:
      aiwire trends
      aiwire trends --check
    """
    from db.connection import open_existing
    from db.trends.repair import compare

    if check:
        with closing(open_existing(context.settings.db)) as db:
            found = compare(db, mend=False)
        if found.differing:
            rows = "1 row differs" if found.differing == 1 else f"{found.differing} rows differ"
            warn(f"trends of {_weeks(found.weeks)}: {rows} from what the tags say; run `aiwire trends`")
            raise SystemExit(1)
        click.echo(f"trends of {_weeks(found.weeks)} counted anew; they are as stored")
        return
    with writable(context.settings, create=False) as db:
        found = compare(db, mend=True)
    were = "row differed and was" if found.differing == 1 else "rows differed and were"
    said = f"{found.differing} {were} put right" if found.differing else "they were as stored"
    click.echo(f"trends of {_weeks(found.weeks)} rolled up anew; {said}")


def _weeks(number: int) -> str:
    return f"{number} week" + ("s" if number != 1 else "")


def print_report(report: RunReport, *, as_json: bool) -> None:
    """Print what a run did: JSON on stdout, or a few lines with the failed sources on stderr."""
    if as_json:
        print_json(report.to_json())
        return
    for line in report.lines:
        if line.error:
            warn(f"{line.id}: {line.error}")
    click.echo("\n".join(_summary(report)))


def _summary(report: RunReport) -> Iterator[str]:
    pages = report.pages
    empty = [line.id for line in report.lines if line.status == "ok" and not line.entries]
    suspicious = [line.id for line in report.lines if line.status == "suspicious"]
    damaged = [line.id for line in report.lines if line.status == "ok" and line.warning]
    same = report.count("not-modified") + report.count("unchanged")
    yield (
        f"sources: {report.sources_due} of {report.sources_known} due, {report.count('ok') + len(suspicious)} read, "
        f"{same} not modified, {report.count('failed')} failed, {report.count('not-in-archive')} not in the archive"
    )
    if suspicious:
        yield f"suspicious, as they have shrunk: {', '.join(suspicious)} (nothing was taken away)"
    if empty:
        yield f"published empty: {', '.join(empty)}"
    if damaged:
        yield f"damaged, but read: {', '.join(damaged)} (--json tells what was wrong)"
    yield (
        f"articles: {report.articles_new} new, {report.articles_changed} changed, {report.versions} earlier texts kept"
    )
    reserved = f"{pages.reserved} reserved by their publishers, " if pages.reserved else ""
    yield (
        f"pages: {pages.fetched} read, {pages.failed} failed, {reserved}{pages.not_in_archive} not in the archive, "
        f"{max(0, pages.left - pages.not_in_archive)} left for later"
    )
    if report.deferred:
        yield f"put off, to ask no site too much: {report.deferred} requests; the next run takes them"
    yield f"{report.status} in {report.seconds:.1f} s, {len(report.weeks)} weeks rolled up"
