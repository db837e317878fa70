"""Tests of the local runner, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from archive_tasks import calls, shards, work

from aiwire.archive.local import LocalRunner
from aiwire.archive.outcomes import Attempt, Backlog
from aiwire.archive.values import ShardFailure, ShardReport
from aiwire.exceptions import ConfigError


def outcomes(runner: LocalRunner, folder: Path, *deeds: str) -> dict[str, ShardReport | ShardFailure]:
    found = [(shard.key, outcome) for shard, outcome in runner(shards(*deeds), partial(work, folder=folder))]
    assert len({key for key, _ in found}) == len(found)
    return dict(found)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def gone_within(pids: set[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(is_running, pids))


def test_every_shard_comes_back_once_and_processes_are_used_again(tmp_path: Path) -> None:
    found = outcomes(LocalRunner(2), tmp_path, *["ok"] * 12)

    assert sorted(found) == [f"s{n:03}" for n in range(12)]
    assert all(isinstance(outcome, ShardReport) and outcome.tries == 1 for outcome in found.values())
    assert 1 <= len({pid for _, pid in calls(tmp_path)}) <= 2
    assert gone_within({pid for _, pid in calls(tmp_path)}, 5)


def test_a_worker_that_dies_is_replaced_and_only_its_shard_tried_again(tmp_path: Path) -> None:
    found = outcomes(LocalRunner(2), tmp_path, "die-once", *["slow"] * 6, "die-once")

    assert {key: outcome.tries for key, outcome in found.items() if outcome.tries > 1} == {"s000": 2, "s007": 2}
    assert Counter(key for key, _ in calls(tmp_path)) == Counter({f"s{n:03}": 1 for n in range(8)}) + Counter(
        ["s000", "s007"]
    )


def test_a_shard_that_always_kills_is_given_up_and_its_company_is_not_blamed(tmp_path: Path) -> None:
    found = outcomes(LocalRunner(2, max_tries=3), tmp_path, "die", *["slow"] * 5)

    killer = found.pop("s000")
    assert isinstance(killer, ShardFailure)
    assert (killer.died, killer.final, killer.tries) == (True, False, 3)
    assert "died 3 times" in killer.reason
    assert all(isinstance(outcome, ShardReport) and outcome.tries == 1 for outcome in found.values())


def test_errors_are_tried_again_or_given_up_as_their_kind_asks(tmp_path: Path) -> None:
    runner = LocalRunner(2, max_tries=3, first_pause_s=0.05)

    found = outcomes(runner, tmp_path, "network-once", "network", "missing", "bug", "ok")

    failures = {key: (o.final, o.tries, o.reason) for key, o in found.items() if isinstance(o, ShardFailure)}
    assert failures == {
        "s001": (False, 3, "network: the connection broke"),
        "s002": (True, 1, "missing: there is no such file"),
        "s003": (
            False,
            1,
            "a fault of aiwire, please report it with the shard: KeyError: 'nobody thought of this'",
        ),
    }
    assert found["s000"].tries == 2


def test_settings_that_no_worker_can_use_end_the_job(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the lists cannot be used"):
        outcomes(LocalRunner(2), tmp_path, "ok", "settings", "long")

    assert gone_within({pid for _, pid in calls(tmp_path)}, 5)


def test_leaving_early_leaves_no_worker_behind(tmp_path: Path) -> None:
    running = LocalRunner(2)(shards("ok", "long", "long"), partial(work, folder=tmp_path))
    next(running)

    running.close()  # type: ignore[attr-defined]  # a generator

    assert gone_within({pid for _, pid in calls(tmp_path)}, 5)


def test_a_process_that_needed_too_much_memory_is_replaced(tmp_path: Path) -> None:
    found = list(LocalRunner(1, memory_limit_bytes=1)(shards("ok", "ok", "ok"), partial(fat, folder=tmp_path)))

    assert len(found) == 3
    assert len({pid for _, pid in calls(tmp_path)}) == 3


def fat(shard: object, folder: Path) -> ShardReport:
    from dataclasses import replace

    return replace(work(shard, folder), peak_rss_bytes=2)  # type: ignore[arg-type]  # one that has no state


SCRIPT = """
import sys
from functools import partial
from pathlib import Path
sys.path.insert(0, {tests!r})
from archive_tasks import shards, work
from aiwire.archive.local import LocalRunner

if __name__ == "__main__":
    for _ in LocalRunner(2)(shards(*["long"] * 4), partial(work, folder=Path(sys.argv[1]))):
        pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_survives_the_run(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "job.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent)))
    job = subprocess.Popen([sys.executable, "-P", str(script), str(tmp_path)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while len(calls(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)

    os.kill(job.pid, number)
    _, told = job.communicate(timeout=10)

    assert len(calls(tmp_path)) == 2
    assert gone_within({pid for _, pid in calls(tmp_path)}, 5)
    assert told.count("Traceback") == (number == signal.SIGINT), told


def test_a_backlog_gives_what_is_due_and_keeps_the_rest_for_its_time() -> None:
    first, second = shards("ok", "ok")
    backlog = Backlog([first])
    backlog.add(Attempt(second, 1), at=10.0)

    assert backlog.wait_s(3.0) == 0.0
    assert backlog.take(3.0) == Attempt(first)
    assert backlog.take(3.0) is None
    assert (len(backlog), backlog.wait_s(3.0)) == (1, 7.0)
    assert backlog.take(10.0) == Attempt(second, 1)
    assert (len(backlog), backlog.wait_s(10.0)) == (0, None)
