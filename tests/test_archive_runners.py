"""The same shards by every runner: the same rows, in whatever order and by however many workers."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("distributed", reason="needs the extra [archive]")
pytest.importorskip("resiliparse", reason="needs the extra [archive]")

from archive_shards_small import small_archive

from aiwire.archive.cluster import DaskRunner
from aiwire.archive.job import quiet, run_job
from aiwire.archive.local import LocalRunner
from aiwire.archive.plan import shards_of
from aiwire.archive.schemas import PART_TABLES
from aiwire.archive.values import Job, Runner

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def rows_made(shards: Path, folder: Path, runner: Runner, *, backwards: bool = False) -> tuple[str, int]:
    """Return a digest of all rows of all parts, and how many articles there are."""
    planned = shards_of([str(shards)], storage={})
    job = Job(folder=folder)
    report = run_job(job, planned[::-1] if backwards else planned, runner, progress=quiet, now=NOW)
    assert (report.done, report.failed) == (len(planned), ())
    assert 0 < report.totals.peak_rss_bytes < 600 << 20
    found = sha256()
    for table in PART_TABLES:
        for path in sorted((folder / "parts").glob(f"*/{table}-*.parquet")):
            found.update(f"{path.parent.name}/{path.name}\n{pl.read_parquet(path).rows()!r}\n".encode())
    return found.hexdigest(), report.totals.articles


def test_every_runner_makes_the_same_rows(tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    small_archive(shards)

    alone = rows_made(shards, tmp_path / "one", LocalRunner(1))
    two = rows_made(shards, tmp_path / "two", LocalRunner(2, memory_limit_bytes=600 << 20), backwards=True)
    with DaskRunner(workers=2, memory_limit_bytes=600 << 20) as runner:
        dask = rows_made(shards, tmp_path / "dask", runner)

    assert alone[1] > 0
    assert alone == two == dask
