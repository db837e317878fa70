"""Tests of an archive job: what is missing is done, whatever ended the run before."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="needs the extra [archive]")

from archive_tasks import calls, make, shards

from aiwire.archive.job import JobReport, Totals, job_version, load_job, quiet, run_job, save_job
from aiwire.archive.ledger import LEDGER, entries, quarantined, read_ledger
from aiwire.archive.local import LocalRunner
from aiwire.archive.plan import shard_key, shards_of
from aiwire.archive.values import Job, Shard, ShardFailure, ShardReport
from aiwire.exceptions import ConfigError, TryLater
from aiwire.lock import writer_lock
from aiwire.types import Source
from aiwire.types.sources import ArticleRule, ListingRule

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SOURCE = Source(
    "s", "S", "listing", "https://s.example/", "s", listing=ListingRule("li"), article=ArticleRule(text="article")
)


def run(folder: Path, *deeds: str, workers: int = 2) -> JobReport:
    runner = LocalRunner(workers, max_tries=2, first_pause_s=0.05)
    return run_job(Job(folder=folder), shards(*deeds), runner, progress=quiet, now=NOW, make=make)


def states(folder: Path) -> dict[str, str]:
    with read_ledger(folder) as db:
        return {key: entry.state for key, entry in entries(db).items()}


# ---------------------------------------------------------------- the job as a value


def test_a_job_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    job = Job(folder=tmp_path, sources=(SOURCE,), gazetteer=(), storage={"anon": "true"}, languages=("en",))

    path = save_job(job)

    assert load_job(path) == job
    assert path == tmp_path / "jobs" / f"{job_version(job)}.json"
    assert path.stat().st_mode & 0o077 == 0  # options of the storage may be secret
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_job_that_cannot_be_read_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="every machine must see the folder"):
        load_job(tmp_path / "absent.json")
    (tmp_path / "odd.json").write_text("[]")
    with pytest.raises(ConfigError, match="install the same version"):
        load_job(tmp_path / "odd.json")


def test_the_version_names_what_rows_depend_on_and_nothing_else(tmp_path: Path) -> None:
    job = Job(folder=tmp_path, sources=(SOURCE,))
    same = (
        replace(job, folder=tmp_path / "x"),
        replace(job, memory_limit_bytes=1),
        replace(job, storage={"anon": "true"}),
        replace(job, sources=(replace(SOURCE, every_minutes=7, enabled=False),)),
        replace(job, languages=("zh", "en")),
    )
    other = (
        replace(job, languages=("en",)),
        replace(job, everything=True),
        replace(job, audit=0.5),
        replace(job, opt_outs="strict"),
        replace(job, max_page_bytes=1),
        replace(job, sources=()),
        replace(job, sources=(replace(SOURCE, article=None),)),
    )

    assert {job_version(one) for one in same} == {job_version(job)}
    assert len({job_version(one) for one in (job, *other)}) == 1 + len(other)


# ---------------------------------------------------------------- running it


def test_a_job_does_every_shard_and_running_again_does_nothing(tmp_path: Path) -> None:
    first = run(tmp_path, "ok", "ok", "ok")
    again = run(tmp_path, "ok", "ok", "ok")

    assert (first.done, first.skipped, first.failed, first.run.pages) == (3, 0, (), 30)
    assert (again.done, again.skipped, again.run.shards, again.totals.pages) == (0, 3, 0, 30)
    assert len(calls(tmp_path)) == 3
    assert [key for key, _ in first.bad] == ["s000", "s001", "s002"]
    assert json.loads(json.dumps(first.to_json()))["totals"]["articles"] == 3


def test_shards_that_fail_are_told_with_their_reason_and_stop_nobody(tmp_path: Path) -> None:
    report = run(tmp_path, "ok", "missing", "network", "ok")
    again = run(tmp_path, "ok", "missing", "network", "ok")

    assert [(f.key, f.final, f.tries) for f in report.failed] == [("s001", True, 1), ("s002", False, 2)]
    assert states(tmp_path) == {"s000": "done", "s001": "failed", "s002": "failed", "s003": "done"}
    assert [f.key for f in again.failed] == ["s001", "s002"]
    # what is final is not asked again while the bytes are the same
    assert Counter(key for key, _ in calls(tmp_path)) == {"s000": 1, "s001": 1, "s002": 4, "s003": 1}


def test_an_older_version_and_other_bytes_are_done_again(tmp_path: Path) -> None:
    run(tmp_path, "ok", "ok")
    plan = shards("ok", "ok")
    runner = LocalRunner(1)

    changed = run_job(Job(folder=tmp_path), [replace(plan[0], fingerprint="new"), plan[1]], runner,
                      progress=quiet, now=NOW, make=make)  # fmt: skip
    newer = run_job(Job(folder=tmp_path, everything=True), plan, runner, progress=quiet, now=NOW, make=make)

    assert (changed.done, changed.skipped) == (1, 1)
    assert (newer.done, newer.skipped) == (2, 0)


def test_shards_of_an_earlier_plan_stay_in_the_ledger(tmp_path: Path) -> None:
    run(tmp_path, "ok", "ok", "ok")
    report = run(tmp_path, "ok")

    assert list(states(tmp_path)) == ["s000", "s001", "s002"]
    assert (report.shards, report.totals.pages) == (1, 10)


def test_a_part_that_is_gone_is_made_again(tmp_path: Path) -> None:
    version = run(tmp_path, "ok", "ok").version
    shutil.rmtree(tmp_path / "parts" / f"s001.{version}")

    assert run(tmp_path, "ok", "ok").done == 1


@pytest.mark.parametrize("damage", ["lost", "garbage"])
def test_a_ledger_that_is_lost_is_made_again_from_the_parts(tmp_path: Path, damage: str) -> None:
    run(tmp_path, "ok", "ok", "ok")
    (tmp_path / LEDGER).unlink() if damage == "lost" else (tmp_path / LEDGER).write_bytes(b"x" * 5000)

    report = run(tmp_path, "ok", "ok")

    assert (report.done, report.skipped) == (0, 2)
    assert states(tmp_path) == {"s000": "done", "s001": "done", "s002": "done"}
    with read_ledger(tmp_path) as db:
        assert [key for key, _ in quarantined(db)] == ["s000", "s001", "s002"]


def test_two_jobs_in_one_folder_are_refused(tmp_path: Path) -> None:
    with writer_lock(tmp_path / LEDGER), pytest.raises(TryLater):
        run(tmp_path, "ok")


def test_the_largest_shards_come_first_and_who_watches_sees_all(tmp_path: Path) -> None:
    plan = [replace(shard, size=size) for shard, size in zip(shards(*["ok"] * 3), (1, None, 5), strict=True)]
    seen: list[object] = []

    class Watching:
        def started(self, todo: Sequence[Shard], done: int, cores: int, dashboard: str | None) -> None:
            seen.append(([shard.key for shard in todo], done, cores, dashboard))

        def shard(self, outcome: ShardReport | ShardFailure, totals: Totals) -> None:
            seen.append((outcome.key, totals.shards, totals.stored_bytes, totals.pages))

        def ended(self) -> None:
            seen.append("ended")

    run_job(Job(folder=tmp_path), plan, LocalRunner(1), progress=Watching(), now=NOW, make=make)

    assert seen == [
        (["s002", "s000", "s001"], 0, 1, None),
        ("s002", 1, 5, 10), ("s000", 2, 6, 20), ("s001", 3, 6, 30),
        "ended",
    ]  # fmt: skip


def test_settings_that_no_worker_can_use_end_the_job_and_what_was_done_counts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        run(tmp_path, "ok", "settings", workers=1)

    assert states(tmp_path) == {"s000": "done", "s001": "pending"}


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})

if __name__ == "__main__":
    import test_archive_job

    test_archive_job.run(Path(sys.argv[1]), *["slow"] * 12)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_job_that_is_killed_goes_on_where_it_was(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "archive"
    script = tmp_path / "job.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent)))
    job = subprocess.Popen([sys.executable, "-P", str(script), str(folder)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while len(calls(folder)) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    job.send_signal(number)
    job.wait(10)
    before = Counter(key for key, _ in calls(folder))
    assert 5 <= len(before) < 12

    report = run(folder, *["slow"] * 12)

    assert set(states(folder).values()) == {"done"}
    assert (report.done + report.skipped, report.totals.articles, report.failed) == (12, 12, ())
    assert report.skipped >= 3  # all but what was under way
    with read_ledger(folder) as db:
        assert len(quarantined(db)) == 12


# ---------------------------------------------------------------- the plan


def test_a_plan_has_every_file_once_and_those_that_are_missing_too(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    for name in ("b.warc.gz", "a.warc"):
        (tmp_path / "w" / name).write_bytes(name.encode())
    (tmp_path / "list").write_text("w/a.warc\nw/absent.warc\n")

    planned = shards_of(
        [str(tmp_path / "w"), str(tmp_path / "w" / "a.warc"), f"@{tmp_path / 'list'}"], base=str(tmp_path), storage={}
    )

    assert [(shard.url.removeprefix(f"{tmp_path}/"), shard.size) for shard in planned] == [
        ("w/a.warc", 6), ("w/b.warc.gz", 9), ("w/absent.warc", None),
    ]  # fmt: skip
    assert [bool(shard.fingerprint) for shard in planned] == [True, True, False]


def test_keys_are_names_of_files_that_tell_the_shards_apart() -> None:
    keys = [shard_key(url) for url in ("/a/x.warc.gz", "/b/x.warc.gz", "https://h.example/p/x?q=1", "s3://b/.ü name")]

    assert [key.rpartition("-")[0] for key in keys] == ["x.warc.gz", "x.warc.gz", "x", "_name"]
    assert len(set(keys)) == 4
    assert all(len(key.rpartition("-")[2]) == 8 for key in keys)
    assert keys[0] == shard_key("/a/x.warc.gz")


def test_a_folder_without_shards_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        shards_of([str(tmp_path)], storage={})
