"""Damaged archives, through the job and its processes: what is wrong is quarantined, and all other rows are exact."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

pytest.importorskip("resiliparse", reason="needs the extra [archive]")

from archive_part_rows import part_of, report_of, rows_by_url
from archive_shards_small import write_damaged, write_warc

from aiwire.archive.job import quiet, run_job
from aiwire.archive.local import LocalRunner
from aiwire.archive.plan import shards_of
from aiwire.archive.values import Job

NOW = datetime(2026, 11, 23, 21, tzinfo=UTC)
NAMES = (
    "cut-member.warc.gz", "cut-end.warc.gz", "flipped-bytes.warc.gz", "length-too-long.warc.gz",
    "length-far-too-long.warc.gz", "length-too-short.warc.gz", "length-too-long.warc", "length-far-too-long.warc",
    "length-too-short.warc", "dns.warc.gz", "bomb.warc.gz", "payload-bomb.warc.gz", "large-page.warc.gz",
    "bad-lines.jsonl", "empty.warc.gz", "no-archive.warc.gz",
)  # fmt: skip


def _run(folder, paths):
    job = Job(folder=folder)
    shards = shards_of([str(path) for path in paths], base=None, storage={})
    return run_job(job, shards, LocalRunner(2, memory_limit_bytes=job.memory_limit_bytes), progress=quiet, now=NOW)


@pytest.fixture(scope="module")
def tortured(tmp_path_factory):
    """Run the damaged files, and beside each what is good in it alone."""
    work = tmp_path_factory.mktemp("torture")
    damaged = {one.path.name: one for one in write_damaged(work / "damaged")}
    (work / "clean").mkdir()
    for name, one in damaged.items():
        write_warc(work / "clean" / f"{name}.good.warc", one.good)
    paths = [one.path for one in damaged.values()] + sorted((work / "clean").iterdir())
    return damaged, _run(work / "job", paths), work / "job"


def test_damage_makes_no_shard_fail(tortured):
    damaged, report, _ = tortured

    assert set(NAMES) == damaged.keys()
    assert (report.done, report.failed) == (2 * len(NAMES), ())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_wrong_is_quarantined_with_its_reason(tortured, name):
    damaged, _, folder = tortured
    one, report = damaged[name], report_of(part_of(folder, name))

    assert len(report["bad"]) + report["dropped"].get(one.passed, 0) >= one.bad
    assert len(report["bad"]) <= max(one.bad, 1)
    assert all(" " in bad["reason"] and bad["reason"].isprintable() for bad in report["bad"])


@pytest.mark.parametrize("name", NAMES)
def test_all_other_rows_are_exact(tortured, name):
    damaged, _, folder = tortured
    rows, wanted = (rows_by_url(part_of(folder, of)) for of in (name, f"{name}.good.warc"))

    assert {row["url"] for row in rows["articles"]} == {page.url for page in damaged[name].good}
    assert rows == wanted
