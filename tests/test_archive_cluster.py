"""Tests of the Dask runner, with real schedulers and workers on 127.0.0.1."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="needs the extra [archive]")

from archive_tasks import calls, shards, work

from aiwire.archive.cluster import DaskRunner
from aiwire.archive.values import ShardFailure, ShardReport
from aiwire.exceptions import ConfigError, TryLater

TESTS = str(Path(__file__).parent)


def outcomes(runner: DaskRunner, folder: Path, *deeds: str) -> dict[str, ShardReport | ShardFailure]:
    found = [(shard.key, outcome) for shard, outcome in runner(shards(*deeds), partial(work, folder=folder))]
    assert len({key for key, _ in found}) == len(found)
    return dict(found)


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command of Dask in a process group of its own, and end the group."""
    environment = os.environ | {"PYTHONPATH": TESTS, "PYTHONWARNINGS": "ignore"}
    with (folder / "dask.log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            yield started
        finally:
            end(started)


def end(started: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def scheduler(folder: Path, port: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return process(folder, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")


def worker(folder: Path, port: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return process(
        folder, "worker", f"tcp://127.0.0.1:{port}", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1",
        "--memory-limit", "0",
    )  # fmt: skip


def test_a_cluster_of_this_machine_does_every_shard_and_ends_with_the_runner(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with DaskRunner(workers=2, memory_limit_bytes=600 << 20, first_pause_s=0.05, max_tries=3) as runner:
        assert runner.cores == 2
        assert runner.dashboard is not None
        assert runner.dashboard.startswith("http://127.0.0.1:")
        found = outcomes(runner, tmp_path, *["slow"] * 8, "die-once", "network-once", "network", "missing", "bug")

    failures = {key: (o.final, o.tries, o.reason) for key, o in found.items() if isinstance(o, ShardFailure)}
    assert len(found) == 13
    assert failures == {
        "s010": (False, 3, "network: the connection broke"),
        "s011": (True, 1, "missing: there is no such file"),
        "s012": (False, 1, "a fault of aiwire, please report it with the shard: KeyError: 'nobody thought of this'"),
    }
    assert found["s009"].tries == 2
    assert {key for key, _ in calls(tmp_path)} == set(found)
    wait_for(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for _, pid in calls(tmp_path)))
    assert capfd.readouterr() == ("", "")


def test_a_shard_that_always_kills_is_given_up_and_its_company_is_not_blamed(tmp_path: Path) -> None:
    with DaskRunner(workers=2) as runner:
        found = outcomes(runner, tmp_path, "die", *["slow"] * 5)

    killer = found.pop("s000")
    assert isinstance(killer, ShardFailure)
    assert (killer.died, killer.final) == (True, False)
    assert all(isinstance(outcome, ShardReport) for outcome in found.values())


def test_settings_that_no_worker_can_use_end_the_job(tmp_path: Path) -> None:
    with DaskRunner(workers=2) as runner, pytest.raises(ConfigError, match="the lists cannot be used"):
        outcomes(runner, tmp_path, "ok", "settings", *["slow"] * 4)


def test_workers_that_are_killed_and_come_back_lose_nothing(tmp_path: Path) -> None:
    port = free_port()
    with scheduler(tmp_path, port), worker(tmp_path, port) as first, DaskRunner(address=f"tcp://127.0.0.1:{port}") as r:
        running = r(shards(*["slow"] * 10), partial(work, folder=tmp_path))
        found = {shard.key: outcome for shard, outcome in islice(running, 3)}
        end(first)
        time.sleep(3)
        with worker(tmp_path, port):
            found |= {shard.key: outcome for shard, outcome in running}

    assert len(found) == 10
    assert all(isinstance(outcome, ShardReport) for outcome in found.values())


def test_a_scheduler_that_starts_anew_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    deeds = ["slow"] * 10
    found: list[tuple[str, object]] = []
    with (
        scheduler(tmp_path, port) as first,
        worker(tmp_path, port),
        DaskRunner(address=f"tcp://127.0.0.1:{port}", patience_s=20) as runner,
    ):
        running = runner(shards(*deeds), partial(work, folder=tmp_path))
        found += [(shard.key, outcome) for shard, outcome in islice(running, 3)]
        end(first)
        time.sleep(1)
        with scheduler(tmp_path, port), worker(tmp_path, port):
            found += [(shard.key, outcome) for shard, outcome in running]

    assert Counter(key for key, _ in found) == Counter(f"s{n:03}" for n in range(10))
    assert all(isinstance(outcome, ShardReport) for _, outcome in found)


def test_a_scheduler_that_stays_away_ends_the_job_for_now(tmp_path: Path) -> None:
    port = free_port()
    with (
        scheduler(tmp_path, port) as only,
        worker(tmp_path, port),
        DaskRunner(address=f"tcp://127.0.0.1:{port}", patience_s=2) as runner,
    ):
        running = runner(shards(*["slow"] * 10), partial(work, folder=tmp_path))
        next(running)
        end(only)
        with pytest.raises(TryLater, match="has not answered for 2 s"):
            list(running)


def test_a_cluster_that_stays_without_workers_ends_the_job_for_now(tmp_path: Path) -> None:
    port = free_port()
    with (
        scheduler(tmp_path, port),
        DaskRunner(address=f"tcp://127.0.0.1:{port}", patience_s=1) as runner,
        pytest.raises(TryLater, match="no worker for 1 s"),
    ):
        outcomes(runner, tmp_path, "ok")


def test_an_address_without_a_scheduler_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiwire.archive.cluster._CONNECT_S", 0.5)
    with pytest.raises(ConfigError, match="start one with `dask scheduler`"):
        DaskRunner(address=f"tcp://127.0.0.1:{free_port()}").__enter__()


SCRIPT = """
import sys
from functools import partial
from pathlib import Path
sys.path.insert(0, {tests!r})

if __name__ == "__main__":
    from archive_tasks import shards, work
    from aiwire.archive.cluster import DaskRunner
    try:
        with DaskRunner(workers=2) as runner:
            for _ in runner(shards(*["long"] * 4), partial(work, folder=Path(sys.argv[1]))):
                pass
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_of_this_machine_survives_the_run(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "job.py"
    script.write_text(SCRIPT.format(tests=TESTS))
    job = subprocess.Popen(
        [sys.executable, "-P", str(script), str(tmp_path)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(lambda: len(calls(tmp_path)) == 2)

    if number == signal.SIGINT:
        os.killpg(job.pid, number)  # as a terminal does: to the workers, too
    else:
        job.kill()
    _, told = job.communicate(timeout=15)

    if number == signal.SIGINT:  # of a process that was killed, Python's own resource tracker tells
        assert (job.returncode, told) == (130, "")
    wait_for(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for _, pid in calls(tmp_path)))
