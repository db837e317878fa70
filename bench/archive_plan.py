"""One month of CC-NEWS on paper: each figure follows from one that bench_archive.py measured or a named assumption.

usage: python bench/bench_archive.py --plan [--folder DIR] [--files N] [--pages N] [--core-usd N] …
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ASSUMED", "Assumed", "Measured", "Need", "add_options", "assumed_from", "need", "told"]

GB = 1e9
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What the plan takes from the benchmark."""

    pages: int
    read: int  # pages that got past the filters and were read carefully
    articles: int
    stored_bytes: int  # of the shards, gzipped
    html_bytes: int
    parquet_bytes: int  # of the tables
    look_cpu_s: float  # reading the shards, and the filters, on all pages
    cpu_s: float  # of all of it, in the workers
    core_s: float  # workers times the time of the job: what is paid for
    article_tables_s: float  # linking copies and writing tables, by one process: what an article more costs
    peak_bytes: int  # of a worker


@dataclass(frozen=True, slots=True)
class Assumed:
    """What nobody measured here; each has its source in `add_options`."""

    pages: int  # a month
    gb_per_file: float
    files: int | None  # None: what the pages take at the measured bytes a page
    pages_per_file: int | None  # None: the measured pages a GB
    core_usd: float
    cores: tuple[int, ...]
    shares: tuple[float, ...]  # of the pages that are read carefully


@dataclass(frozen=True, slots=True)
class Need:
    """What a month takes, if this share of its pages is read carefully."""

    share: float
    core_hours: float
    hours: tuple[float, ...]  # by number of cores
    usd: float


ASSUMED = Assumed(11_700_000, 1.0, None, None, 0.0425, (2, 16, 128), (0.2, 0.05))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options by which an assumption is replaced."""
    plan = parser.add_argument_group("assumptions of --plan")
    plan.add_argument(
        "--pages", type=int, default=ASSUMED.pages,
        help="pages a month [default: 11.7 million, the documents of the dumps of March to May 2024 by the dataset card"
        " of maxidl/FineNews-unfiltered on Hugging Face, which is made of CC-NEWS]",
    )  # fmt: skip
    plan.add_argument(
        "--gb-per-file", type=float, default=ASSUMED.gb_per_file,
        help="[default: 1, by ../shared/docs/performance.md, section 5]",
    )  # fmt: skip
    plan.add_argument("--pages-per-file", type=int, help="[default: as measured: pages a GB of shards]")
    plan.add_argument("--files", type=int, help="files a month, instead of --pages")
    plan.add_argument(
        "--core-usd", type=float, default=ASSUMED.core_usd,
        help="of one virtual core for an hour [default: 0.0425, a c5.2xlarge on demand by the example prices of the EC2"
        " Auto Scaling user guide: 0.34 USD for 8; its spot price there is half]",
    )  # fmt: skip
    plan.add_argument("--cores", type=int, nargs="+", default=list(ASSUMED.cores), help="[default: 2 16 128]")
    plan.add_argument(
        "--shares", type=float, nargs="*", default=list(ASSUMED.shares),
        help="of the pages that get past the filters, beside the measured one [default: 0.2 0.05]",
    )  # fmt: skip


def assumed_from(given: argparse.Namespace) -> Assumed:
    """Return the assumptions as they were given."""
    return Assumed(
        given.pages, given.gb_per_file, given.files, given.pages_per_file, given.core_usd, tuple(given.cores),
        tuple(given.shares),
    )  # fmt: skip


def pages_per_file(measured: Measured, assumed: Assumed) -> float:
    """Return the pages of a file."""
    if assumed.pages_per_file is not None:
        return assumed.pages_per_file
    return measured.pages / measured.stored_bytes * GB * assumed.gb_per_file


def pages_a_month(measured: Measured, assumed: Assumed) -> float:
    """Return the pages of a month."""
    return assumed.pages if assumed.files is None else assumed.files * pages_per_file(measured, assumed)


def need(measured: Measured, assumed: Assumed, share: float) -> Need:
    """Return what a month takes, if this share of its pages is read carefully.

    A page costs a look (reading the file, the filters); one that gets past them costs all the rest: extraction,
    tagging, writing. Cores wait, too: for files, and for the last shard; so much longer than its CPU time the measured
    job took.
    """
    look = measured.look_cpu_s / measured.pages
    careful = (measured.cpu_s - measured.look_cpu_s) / measured.read
    waiting = measured.core_s / measured.cpu_s
    pages = pages_a_month(measured, assumed)
    hours = pages * (look + share * careful) * waiting / HOUR
    return Need(share, hours, tuple(hours / cores for cores in assumed.cores), hours * assumed.core_usd)


def told(measured: Measured, assumed: Assumed) -> Iterator[str]:
    """Yield the lines of the plan, each with where it comes from."""
    pages, a_file = pages_a_month(measured, assumed), pages_per_file(measured, assumed)
    stored = pages / a_file * assumed.gb_per_file
    mine = measured.read / measured.pages
    yield "one month of CC-NEWS on paper"
    yield f"  pages            {pages:14,.0f}  {'assumed' if assumed.files is None else 'files x pages a file'}"
    yield f"  pages a file     {a_file:14,.0f}  {'assumed' if assumed.pages_per_file else 'measured, pages a GB'}"
    yield f"  files            {pages / a_file:14,.0f}  of {assumed.gb_per_file:g} GB: {stored:,.0f} GB to read"
    look = 1000 * measured.look_cpu_s / measured.pages
    yield f"  CPU ms a look    {look:14.1f}  measured, a page: reading the file, filters"
    careful = 1000 * (measured.cpu_s - measured.look_cpu_s) / measured.read
    yield f"  CPU ms a reading {careful:14.1f}  measured, a page that gets past them: all the rest"
    yield f"  waiting          {measured.core_s / measured.cpu_s:14.2f}  measured: time of the cores by CPU time"
    columns = "".join(f"{f'hours on {cores}':>14}" for cores in assumed.cores)
    yield f"  {'read carefully':>17}{'core-hours':>14}{columns}{'USD':>10}{'GB out':>10}"
    a_read = measured.parquet_bytes / measured.read
    for share in (mine, *assumed.shares):
        found = need(measured, assumed, share)
        hours = "".join(f"{one:14,.1f}" for one in found.hours)
        out = pages * share * a_read / GB
        kind = "as measured" if share == mine else "assumed"
        yield f"  {share:16.1%} {found.core_hours:14,.0f}{hours}{found.usd:10,.0f}{out:10,.1f}  {kind}"
    yield f"  USD: {assumed.core_usd:g} an hour of a virtual core; GB out: Parquet, {a_read / 1000:.1f} kB a page read"
    linking = measured.article_tables_s * pages * measured.articles / measured.pages / HOUR
    yield f"  tables           {linking:14,.1f}  hours of one process, if an article more costs what it cost here"
    most = max(assumed.cores)
    rate = stored * GB / (need(measured, assumed, min([mine, *assumed.shares])).core_hours / most * HOUR) / 1e6
    yield f"  network          {rate:14,.0f}  MB/s that {most} cores read at most"
    memory = measured.peak_bytes / (1 << 20)
    yield f"  memory a worker  {memory:14,.0f}  MiB, measured; {most} workers: {most * memory / 1024:,.0f} GiB"
