"""Run `aiwire archive run` for bench_archive.py: watch the memory of its processes, kill some, read what it left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

__all__ = ["Call", "Outcome", "finished", "is_busy", "kill_job", "kill_worker", "part_reports", "totals"]

EVERY_S = 0.1  # between two looks at the processes
PATIENCE_S = 3600.0
QUIET = 10.0  # percent of all cores that others use, above which figures of speed say little
WORKER_BYTES = 100 << 20  # a child with more than that has the tagger in memory

Meddling = Callable[[psutil.Process, Path], bool]  # process of the job, its folder -> whether it is done with it


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the command: who does the work, on what, where to."""

    how: tuple[str, ...]  # --workers 2, …
    files: tuple[Path, ...]
    folder: Path
    more: tuple[str, ...] = ()  # options of every call


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call."""

    status: int  # negative: killed by this signal
    wall_s: float
    job_s: float  # as the job itself says: without the start of the interpreter, of a cluster, and without the tables
    sampled_peak: int  # bytes of the largest worker, as the system counts them
    own_peak: int  # ... of the coordinating process
    told: Mapping[str, Any] = field(default_factory=dict)  # its JSON


def is_busy() -> float | None:
    """Return how much of the machine others use, in percent, if that is too much to measure speed."""
    used = psutil.cpu_percent(interval=1)
    return used if used > QUIET else None


def finished(call: Call, meddle: Meddling | None = None) -> Outcome:
    """Run a call to its end, or until `meddle` has killed it.

    Raises:
        SystemExit: it failed; what it said is on stderr.
    """
    call.folder.parent.mkdir(parents=True, exist_ok=True)
    said, errors = call.folder.parent / "stdout.json", call.folder.parent / "stderr.txt"
    command = [
        sys.executable, "-P", "-m", "aiwire", "archive", "run", *map(str, call.files), "--folder", str(call.folder),
        *call.how, *call.more, "--json",
    ]  # fmt: skip
    began = time.monotonic()
    with said.open("wb") as out, errors.open("wb") as err:
        job = subprocess.Popen(command, stdout=out, stderr=err, cwd=call.folder.parent, start_new_session=True)
        try:
            watched = _watch(job, call.folder, meddle)
        finally:
            _end(job)
    wall = time.monotonic() - began
    status = job.returncode
    if status not in (0, -signal.SIGKILL):
        raise SystemExit(f"{' '.join(call.how)}: ended with {status}\n{errors.read_text()[-4000:]}")
    told = json.loads(said.read_text()) if status == 0 else {}
    return Outcome(status, wall, float(told.get("seconds", 0.0)), *watched, told)


def _watch(job: subprocess.Popen[bytes], folder: Path, meddle: Meddling | None) -> tuple[int, int]:
    """Wait for a job; return the peak memory of the largest worker and its own."""
    process = psutil.Process(job.pid)
    worker = own = 0
    stop = time.monotonic() + PATIENCE_S
    while job.poll() is None:
        if time.monotonic() > stop:
            raise SystemExit(f"the job takes longer than {PATIENCE_S:.0f} s")
        try:
            own = max(own, process.memory_info().rss)
            worker = max([worker, *(child.memory_info().rss for child in process.children(recursive=True))])
            if meddle is not None and meddle(process, folder):
                meddle = None
        except psutil.NoSuchProcess:
            pass  # it ended while we looked
        time.sleep(EVERY_S)
    if meddle is not None:
        raise SystemExit("the job was done before anything was killed: give it more to do (--mib)")
    return worker, own


def _end(job: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a job: workers that outlive it, if it was killed itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(job.pid, signal.SIGKILL)
    job.wait()


# ---------------------------------------------------------------- kills


def kill_worker(after: int) -> Meddling:
    """Return what kills the busiest worker once so many shards are done."""

    def meddle(process: psutil.Process, folder: Path) -> bool:
        if len(_done(folder)) < after:
            return False
        workers = [child for child in process.children(recursive=True) if child.memory_info().rss > WORKER_BYTES]
        if not workers:
            return False
        max(workers, key=lambda child: child.cpu_times().user).kill()
        return True

    return meddle


def kill_job(after: int) -> Meddling:
    """Return what kills the coordinating process and all of its workers at once, when so many shards are done."""

    def meddle(process: psutil.Process, folder: Path) -> bool:
        if len(_done(folder)) < after:
            return False
        os.killpg(process.pid, signal.SIGKILL)
        return True

    return meddle


# ---------------------------------------------------------------- what is left


def _done(folder: Path) -> list[Path]:
    """Return the parts that are whole."""
    parts = folder / "parts"
    return [path for path in parts.iterdir() if not path.name.startswith(".")] if parts.is_dir() else []


def part_reports(folder: Path) -> list[dict[str, Any]]:
    """Return what each shard's report says."""
    return [json.loads((part / "report.json").read_text()) for part in sorted(_done(folder))]


def totals(reports: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the sums of what the reports count."""
    names = ("records", "pages", "articles", "bytes_read", "html_bytes", "seconds", "cpu_seconds")
    return {name: sum(report[name] for report in reports) for name in names}
