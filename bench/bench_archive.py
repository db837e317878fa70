"""Measure archive jobs on 24 shards of real pages, 500 MB of HTML under changed addresses (`archive_shards.py`).

rows        one digest of all rows from: one process, 2 processes, Dask with 2 workers, Dask with a worker killed, a job
            that was killed as a whole and run again, the shards in another order.
speed       2 workers at least 1.5 times as fast as one; the job on Dask, without the start of its cluster, at most 1.15
            times as long as on the pool (the best of two each, in turns). The slower run of the pool stands against the
            one of a single process.
memory      a worker never above 600 MB, by what the workers say of themselves and by what the system counts.
also told   pages a second and a core, CPU of the stages, the recall of the filters by the audit.

--torture   damaged shards instead: what is wrong is quarantined with its reason, all other rows are exact.
--plan      one month of CC-NEWS on paper, from what was measured last in this folder (`archive_plan.py`).

usage: python bench/bench_archive.py [--folder DIR] [--mib N] [--shards N] [--once] [--torture | --plan] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from archive_plan import Measured, add_options, assumed_from, told
from archive_runs import Call, Outcome, finished, is_busy, kill_job, kill_worker, part_reports, totals
from archive_shards import SHARED, Scale, make

from aiwire.archive.assemble import assemble
from aiwire.archive.digest import digest
from aiwire.archive.funnel import Funnel, recall
from aiwire.archive.job import load_job
from aiwire.archive.values import Audit, Job
from aiwire.types.archive import CapturedPage
from ingest.archive.opening import open_shard
from ingest.archive.records import read_pages

SPEED_UP, DASK_BOUND, MEMORY_BOUND = 1.5, 1.15, 600 * 10**6
POOL_1, POOL_2, DASK_2 = ("--workers", "1"), ("--workers", "2"), ("--dask", "2")
AUDIT = 0.2  # of the dropped pages are read all the same: there are few
FIGURES = "figures.json"
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report."""

    name: str
    value: str
    is_met: bool = True

    def __str__(self) -> str:
        return f"{self.name:34} {self.value}{'' if self.is_met else '  MISSED'}"


@dataclass(frozen=True, slots=True)
class Ran:
    """One job, as far as figures need it; its folder is gone but for the first."""

    name: str
    outcome: Outcome
    digest: str
    rss: int  # of the largest worker, by its own report
    busy: float | None  # percent of the machine that others used before, if it was too much


# ---------------------------------------------------------------- jobs


@dataclass(frozen=True, slots=True)
class Bench:
    """Where it runs, and on what."""

    work: Path
    files: tuple[Path, ...]
    more: tuple[str, ...]

    def run(self, name: str, how: tuple[str, ...], *, keep: bool = False, seed: int | None = None) -> Ran:
        """Run a job to its end in a folder of its own."""
        return self._ended(name, self._call(name, how, seed), keep=keep)

    def run_with_a_kill(self, name: str, how: tuple[str, ...]) -> Ran:
        """Run a job of which one worker is killed."""
        call = self._call(name, how, None)
        return self._ended(name, call, outcome=finished(call, kill_worker(self._some)))

    def run_again(self, name: str, how: tuple[str, ...]) -> tuple[Ran, int, int]:
        """Kill a job and run it again; return also the parts that were there, and what the second run did."""
        call = self._call(name, how, None)
        finished(call, kill_job(self._some))
        before = {part["key"]: part["worker"] for part in part_reports(call.folder)}
        outcome = finished(call)
        after = {part["key"]: part["worker"] for part in part_reports(call.folder)}
        redone = sum(after[key] != worker for key, worker in before.items())
        return self._ended(name, call, outcome=outcome), len(before), redone

    @property
    def _some(self) -> int:
        return len(self.files) // 4

    def _call(self, name: str, how: tuple[str, ...], seed: int | None) -> Call:
        files = self.files if seed is None else tuple(random.Random(seed).sample(self.files, len(self.files)))
        folder = self.work / name.replace(" ", "-").replace(",", "") / "archive"
        shutil.rmtree(folder.parent, ignore_errors=True)
        return Call(how, files, folder, self.more)

    def _ended(self, name: str, call: Call, *, outcome: Outcome | None = None, keep: bool = False) -> Ran:
        busy = is_busy() if outcome is None else None
        print(f"{name} …", file=sys.stderr, flush=True)
        outcome = outcome or finished(call)
        rss = max(part["peak_rss_bytes"] for part in part_reports(call.folder))
        ran = Ran(name, outcome, digest(call.folder), rss, busy)
        if not keep:
            shutil.rmtree(call.folder.parent)
        return ran


def look(files: Sequence[Path], folder: Path) -> tuple[float, int]:
    """Read all pages and ask the filters; return the CPU seconds and the pages that are worth reading."""
    job = Job(folder=folder)
    funnel, worth = Funnel(job), 0
    began = time.process_time()
    for path in files:
        with open_shard(str(path), job.storage) as stream:
            for found in read_pages(stream, path.name, max_page_bytes=job.max_page_bytes):
                worth += isinstance(found, CapturedPage) and funnel.before_reading(found) is None
    return time.process_time() - began, worth


# ---------------------------------------------------------------- figures


def measure(bench: Bench, *, once: bool) -> tuple[list[Figure], Measured]:
    """Run all jobs and return what they showed."""
    one = bench.run("one process", POOL_1, keep=True)
    pools, dasks = [bench.run("2 processes", POOL_2)], [bench.run("Dask, 2 workers", DASK_2)]
    if not once:
        dasks.append(bench.run("Dask, 2 workers, again", DASK_2))
        pools.append(bench.run("2 processes, again", POOL_2))
    killed = bench.run_with_a_kill("Dask, a worker killed", DASK_2)
    again, there, redone = bench.run_again("job killed and run again", POOL_2)
    other = bench.run("another order", POOL_2, seed=5)
    runs = [one, *pools, *dasks, killed, again, other]
    folder = bench.work / "one-process" / "archive"
    tables_s, article_s = _assembled_again(folder)
    figures = [
        *_digests(runs),
        Figure("rows: tables made again", (again_digest := digest(folder))[:16], again_digest == one.digest),
        Figure("  of the killed job", f"{there} shards were done, {redone} of them done again", redone == 0),
        *_speed(one, pools, dasks),
        Figure("linking copies, writing tables", f"{tables_s:.1f} s, {1000 * article_s:.1f} ms an article more"),
        *_memory(runs),
        *_counts(folder, one, pools),
    ]
    measured = _measured(bench, folder, one, min(pools, key=lambda ran: ran.outcome.job_s), article_s)
    return [*figures, *_stages(measured)], measured


def _digests(runs: Sequence[Ran]) -> Iterator[Figure]:
    first = runs[0].digest
    for ran in runs:
        yield Figure(f"rows: {ran.name}", ran.digest[:16], ran.digest == first)


def _speed(one: Ran, pools: Sequence[Ran], dasks: Sequence[Ran]) -> Iterator[Figure]:
    for ran in (one, *pools, *dasks):
        busy = f"; others used {ran.busy:.0f} % of the machine before: not quiet" if ran.busy else ""
        yield Figure(f"seconds: {ran.name}", f"{ran.outcome.job_s:.1f} of {ran.outcome.wall_s:.1f} in all{busy}")
    gain = one.outcome.job_s / max(ran.outcome.job_s for ran in pools)
    yield Figure("2 workers by one", f"{gain:.2f} x (at least {SPEED_UP:g})", gain >= SPEED_UP)
    cost = min(ran.outcome.job_s for ran in dasks) / min(ran.outcome.job_s for ran in pools)
    yield Figure("time on Dask by the pool's", f"{cost:.2f} x (at most {DASK_BOUND:g})", cost <= DASK_BOUND)


def _memory(runs: Sequence[Ran]) -> Iterator[Figure]:
    bound = f"MB (below {MEMORY_BOUND / 1e6:.0f})"
    rss, seen = max(ran.rss for ran in runs), max(ran.outcome.sampled_peak for ran in runs)
    yield Figure("peak memory of a worker", f"{rss / 1e6:.0f} {bound}, by its report", rss < MEMORY_BOUND)
    yield Figure("peak memory of a worker", f"{seen / 1e6:.0f} {bound}, as the system counts", seen < MEMORY_BOUND)
    own = max(ran.outcome.own_peak for ran in runs)
    yield Figure("peak memory of the coordinator", f"{own / 1e6:.0f} MB")


def _counts(folder: Path, one: Ran, pools: Sequence[Ran]) -> Iterator[Figure]:
    reports = part_reports(folder)
    sums = totals(reports)
    dropped: Counter[str] = Counter()
    for part in reports:
        dropped.update(part["dropped"])
    fastest = min(ran.outcome.job_s for ran in pools)
    yield Figure("shards", f"{len(reports)}, {sums['bytes_read'] / MIB:.0f} MiB")
    yield Figure("pages", f"{sums['pages']:,.0f}, {sums['html_bytes'] / MIB:.0f} MiB of HTML")
    yield Figure("articles kept", f"{sums['articles']:,.0f} ({sums['articles'] / sums['pages']:.1%} of the pages)")
    yield Figure("dropped", ", ".join(f"{count:,} {why}" for why, count in dropped.most_common()) or "none")
    yield Figure("pages a second", f"{sums['pages'] / one.outcome.job_s:.1f} with one process")
    a_core = sums["pages"] / fastest / 2
    yield Figure("pages a second", f"{2 * a_core:.1f} with two: {a_core:.1f} a core")
    audit = Audit(*(sum(part["audit"][name] for part in reports) for name in ("sampled", "relevant")))
    early = sum(count for why, count in dropped.items() if why.endswith(("-raw", "-fast")))
    found = recall(int(sums["articles"]), audit, AUDIT, early)
    value = "unknown" if found.value is None else f"{found.value:.3f} ({found.lo:.3f} to {found.hi:.3f})"
    yield Figure("recall of the filters", f"{value}; {audit.sampled} dropped pages read, {audit.relevant} relevant")


def _assembled_again(folder: Path) -> tuple[float, float]:
    """Make the tables of a job anew; return the seconds, and how many of them an article more costs."""
    (job_file,) = (folder / "jobs").glob("*.json")
    job, part = load_job(job_file), min((folder / "parts").iterdir(), key=lambda path: path.stat().st_mtime)
    (folder / "tables").unlink()
    shutil.rmtree(folder / "generations")
    for name in ("warm-up", "one-part"):  # the lists are read once in a process
        small = folder.with_name(name)
        shutil.copytree(part, small / "parts" / part.name)
        few_s, few = _assembled(replace(job, folder=small))
    all_s, articles = _assembled(job)
    return all_s, max(0.0, all_s - few_s) / max(1, articles - few)


def _assembled(job: Job) -> tuple[float, int]:
    began = time.monotonic()
    articles = assemble(job).articles
    return time.monotonic() - began, articles


def _measured(bench: Bench, folder: Path, one: Ran, two: Ran, article_s: float) -> Measured:
    look_s, worth = look(bench.files, folder)
    sums = totals(part_reports(folder))
    parquet = sum(path.stat().st_size for path in (folder / "generations").rglob("*.parquet"))
    return Measured(
        pages=int(sums["pages"]), read=worth, articles=int(sums["articles"]), stored_bytes=int(sums["bytes_read"]),
        html_bytes=int(sums["html_bytes"]), parquet_bytes=parquet, look_cpu_s=look_s, cpu_s=sums["cpu_seconds"],
        core_s=2 * two.outcome.job_s, article_tables_s=article_s, peak_bytes=one.rss,
    )  # fmt: skip


def _stages(measured: Measured) -> Iterator[Figure]:
    careful = measured.cpu_s - measured.look_cpu_s
    yield Figure("CPU: reading, filters", f"{1000 * measured.look_cpu_s / measured.pages:.1f} ms a page")
    yield Figure("CPU: all the rest", f"{1000 * careful / measured.read:.1f} ms a page of {measured.read:,} read")


# ---------------------------------------------------------------- torture


def torture(work: Path) -> list[Figure]:
    """Run damaged shards, and the same without what is wrong with them; return what became of each."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from archive_part_rows import part_of, report_of, rows_by_url
    from archive_shards_small import write_damaged, write_warc

    damaged = write_damaged(work / "damaged")
    (work / "clean").mkdir()
    for one in damaged:
        write_warc(work / "clean" / f"{one.path.name}.warc", one.good)
    folder, clean = work / "job" / "archive", work / "clean-job" / "archive"
    outcome = finished(Call(POOL_2, tuple(one.path for one in damaged), folder))
    finished(Call(POOL_2, tuple(sorted((work / "clean").iterdir())), clean))
    figures = []
    for one in damaged:
        part = part_of(folder, one.path.name)
        report, rows = report_of(part), rows_by_url(part)
        exact = rows == rows_by_url(part_of(clean, f"{one.path.name}.warc"))
        found = len(report["bad"]) + report["dropped"].get(one.passed, 0)
        said = [f"byte {bad['offset']:,}: {bad['reason']}" for bad in report["bad"]]
        if one.passed in report["dropped"]:
            said.append(f"{report['dropped'][one.passed]} dropped: {one.passed}")
        rest = f"{len(rows['articles'])} other articles {'exact' if exact else 'DIFFER'}"
        figures.append(
            Figure(one.path.name, f"{rest}; {'; '.join(said) or 'nothing told'}", exact and found >= one.bad)
        )
    peak = outcome.sampled_peak
    told = f"{peak / 1e6:.0f} MB (below {MEMORY_BOUND / 1e6:.0f})"
    return [*figures, Figure("peak memory of a worker", told, peak < MEMORY_BOUND)]


# ---------------------------------------------------------------- report


def run(given: argparse.Namespace, work: Path) -> list[Figure]:
    """Measure what was asked for, and keep what a plan needs."""
    if given.torture:
        with tempfile.TemporaryDirectory(prefix="torture-", dir=work) as folder:
            return torture(Path(folder))
    shards = work / "shards"
    made = make(shards, Scale(given.mib, given.shards), given.shared)
    sources = given.shared / "replay" / "sources.toml"
    more = ("--audit", str(AUDIT), *(("--sources", str(sources)) if sources.exists() else ()))
    began = time.monotonic()
    figures, measured = measure(
        Bench(work / "jobs", tuple(shards / name for name in made.files), more), once=given.once
    )
    print(f"{time.monotonic() - began:.0f} s in all", file=sys.stderr)
    (work / FIGURES).write_text(json.dumps(asdict(measured)))
    return figures


def plan(given: argparse.Namespace, work: Path) -> None:
    """Print the plan.

    Raises:
        SystemExit: nothing was measured in this folder.
    """
    path = work / FIGURES
    if not path.exists():
        raise SystemExit(f"{path}: not there; measure first, with the same --folder")
    for line in told(Measured(**json.loads(path.read_text())), assumed_from(given)):
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "aiwire-bench-archive",
        help="where shards and figures are kept [default: aiwire-bench-archive in the folder of temporary files]",
    )  # fmt: skip
    parser.add_argument("--mib", type=int, default=500, help="of HTML [default: 500]")
    parser.add_argument("--shards", type=int, default=24)
    parser.add_argument("--shared", type=Path, default=SHARED, help="where pages/ and replay/ are")
    parser.add_argument("--once", action="store_true", help="each speed is measured once, not as the best of two")
    parser.add_argument("--torture", action="store_true")
    parser.add_argument("--plan", action="store_true")
    parser.add_argument("--json", action="store_true")
    add_options(parser)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.plan:
        plan(given, given.folder)
        return
    figures = run(given, given.folder)
    if given.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=1))
    else:
        print(*figures, sep="\n")
    if not all(figure.is_met for figure in figures):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
