"""archive run: shards in, tables out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiwire.cli.archive.common import check_extra, folder_option
from aiwire.cli.archive.display import job_progress, print_job_report, table_status
from aiwire.cli.common import Context, common_options, print_json, tagger_options, warn
from aiwire.config import Settings
from aiwire.exceptions import ConfigError

if TYPE_CHECKING:
    from aiwire.archive.values import Job, Runner
    from aiwire.types import Source

__all__ = ["run"]

_MIB = 1 << 20
_ADDRESS = re.compile(r"(?:[a-z]{2,6}://)?[^\s/]+:\d{1,5}")
_SUBTAG = re.compile(r"[A-Za-z]{2,3}")  # ISO 639, which BCP 47 begins with


@click.command()
@click.argument("shards", nargs=-1, required=True)
@folder_option
@click.option("--workers", type=click.IntRange(1), help="Processes on this machine [default: one for each core].")
@click.option("--dask", type=click.IntRange(1), metavar="N", help="A Dask cluster of N workers on this machine.")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler that runs already, such as tcp://10.0.0.5:8786.")
@click.option(
    "--dashboard",
    metavar="[HOST]:PORT",
    help="Where the dashboard of --dask listens [default: a free port of 127.0.0.1].",
)
@click.option(
    "--sources", type=click.Path(path_type=Path, dir_okay=False),
    help="Source list, whose sites keep their publisher, owner and category [default: sources.toml, if there].",
)  # fmt: skip
@click.option(
    "--language", "languages", multiple=True, default=("en", "zh"), show_default=True, metavar="SUBTAG",
    help="Keep pages in this language (may be repeated); all: in every one.",
)  # fmt: skip
@click.option("--everything", is_flag=True, help="Keep articles on whatever topic, not only those on AI.")
@click.option(
    "--audit", type=click.FloatRange(0, 1), default=0.01, show_default=True, metavar="SHARE",
    help="Read this share of the dropped pages all the same, to measure how many were dropped wrongly.",
)  # fmt: skip
@click.option("--base", metavar="ADDRESS", help="What the lines of a list of paths (@FILE, warc.paths.gz) are below.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N shards.")
@click.option(
    "--storage", multiple=True, metavar="KEY=VALUE",
    help="An option of the storage, such as anon=true or endpoint_url=https://s3.example.org (may be repeated).",
)  # fmt: skip
@click.option(
    "--memory-limit", "memory_mib", type=click.IntRange(300, 1 << 20), default=600, show_default=True, metavar="MIB",
    help="Of one worker process.",
)  # fmt: skip
@click.option(
    "--page-mib", type=click.IntRange(1, 256), default=5, show_default=True, help="A larger page is not read."
)
@click.option(
    "--page-seconds", type=click.FloatRange(1, 3600), default=60, show_default=True,
    help="A page that takes longer is put into quarantine.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")
@tagger_options
@common_options
def run(
    context: Context, shards: tuple[str, ...], folder: Path, sources: Path | None, as_json: bool, base: str | None,
    limit: int | None, workers: int | None, dask: int | None, scheduler: str | None, dashboard: str | None,
    **options: Any,
) -> None:  # fmt: skip
    """Read archives: extract and tag the articles of SHARDS, link their copies, write tables as Parquet.

    SHARDS are WARC files (.warc, .warc.gz) or JSON lines of pages, folders of them, s3:// or https:// addresses, and
    lists of any of these: @FILE, or Common Crawl's warc.paths.gz with --base. A shard that is done is not done again,
    unless it or the tagger has changed; a damaged record, or one that takes a worker down, is put into quarantine.

    \b
    Examples:
      aiwire archive run warcs/ --folder archive
      aiwire archive run warc.paths.gz --base https://data.commoncrawl.org/ --limit 4 --workers 2
      aiwire archive run s3://bucket/crawl/*.warc.gz --storage anon=true --scheduler tcp://10.0.0.5:8786 --json
    """
    if sum(option is not None for option in (workers, dask, scheduler)) > 1:
        raise click.UsageError("--workers, --dask and --scheduler exclude each other: give one of them")
    if dashboard is not None and dask is None:
        raise click.UsageError("--dashboard is that of --dask: another scheduler has its own")
    if scheduler is not None and not _ADDRESS.fullmatch(scheduler):
        raise ConfigError(f"--scheduler {scheduler}: wants the address that `dask scheduler` prints, tcp://HOST:PORT")
    check_extra()
    from aiwire.archive.assemble import assemble
    from aiwire.archive.job import run_job
    from aiwire.archive.plan import shards_of

    job = _job(context.settings, folder, listed=sources is not None, **options)
    with table_status("looking at the shards"):
        planned = shards_of(shards, base=base, storage=job.storage)[:limit]
    with _runner(job, workers=workers, dask=dask, scheduler=scheduler, dashboard=dashboard) as runner:
        if runner.dashboard:
            warn(f"dashboard: {runner.dashboard}")
        with job_progress() as progress:
            report = run_job(job, planned, runner, progress=progress, now=context.now)
    with table_status("linking copies, writing tables"):
        assembled = assemble(job)
    if as_json:
        print_json(report.to_json() | {"tables": asdict(assembled) | {"folded": assembled.folded}})
    else:
        print_job_report(report, assembled, job)
    if report.failed:
        raise SystemExit(1)


@contextmanager
def _runner(
    job: Job, *, workers: int | None, dask: int | None, scheduler: str | None, dashboard: str | None
) -> Iterator[Runner]:
    from aiwire.archive.local import LocalRunner

    if dask is None and scheduler is None:
        yield LocalRunner(workers or len(os.sched_getaffinity(0)), memory_limit_bytes=job.memory_limit_bytes)
        return
    from aiwire.archive.cluster import DaskRunner

    with DaskRunner(
        address=scheduler, workers=dask, memory_limit_bytes=job.memory_limit_bytes, dashboard_address=dashboard
    ) as runner:
        yield runner


def _job(
    settings: Settings, folder: Path, *, listed: bool, languages: tuple[str, ...], everything: bool, audit: float,
    storage: tuple[str, ...], memory_mib: int, page_mib: int, page_seconds: float,
) -> Job:  # fmt: skip
    from aiwire.archive.values import Job

    return Job(
        folder=folder.absolute(),
        languages=_languages(languages),
        everything=everything,
        audit=audit,
        sources=_sources(settings, listed=listed),
        opt_outs=settings.opt_outs,
        gazetteer=tuple(path.absolute() for path in settings.gazetteer),
        spacy_model=settings.spacy_model,
        storage=dict(map(_pair, storage)),
        max_page_bytes=page_mib * _MIB,
        page_timeout_s=page_seconds,
        memory_limit_bytes=memory_mib * _MIB,
    )


def _languages(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the primary subtags that are kept; none: all languages."""
    if given == ("all",):
        return ()
    for language in given:
        if not _SUBTAG.fullmatch(language):
            raise ConfigError(f"--language {language}: wants the code of a language, such as en or zh, or all (alone)")
    return tuple(sorted({language.lower() for language in given}))


def _sources(settings: Settings, *, listed: bool) -> tuple[Source, ...]:
    """Return the listed sources; none if no list was named and there is none."""
    from ingest.sources import load_sources

    if not listed and not settings.sources.exists():
        return ()
    return tuple(load_sources(settings.sources))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ConfigError(f"--storage {text}: wants KEY=VALUE, such as anon=true")
    return key, value
