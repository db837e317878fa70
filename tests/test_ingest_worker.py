"""Parsing in processes of their own: the limits hold, whatever a document does to its worker."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_site import heed_interrupts

from aiwire.exceptions import ExtractError, FetchError, OptOutError, ParseError, SourceError
from ingest import worker
from ingest.feeds.parse import parse_feed
from ingest.worker import ParserPool

URL = "https://example.org/feed"
FEED = b"<rss version='2.0'><channel><title>T</title><item><title>one</title></item></channel></rss>"
CATASTROPHE = (re.match, "(a+)+$", "a" * 60 + "b")  # hours of C code that lets no Python signal handler run


@pytest.fixture(scope="module")
def pool() -> Iterator[ParserPool]:
    with ParserPool(workers=1, timeout_s=1.0) as parsers:
        parsers.submit(URL, os.getpid).result()  # the import of the parsers is no part of any test
        yield parsers


def test_a_document_is_parsed_in_another_process(pool: ParserPool) -> None:
    feed = pool.submit(URL, parse_feed, FEED, url=URL).result()

    assert feed == parse_feed(FEED, url=URL)
    assert pool.submit(URL, os.getpid).result() != os.getpid()


def test_what_the_parser_says_of_a_document_comes_back(pool: ParserPool) -> None:
    pending = pool.submit(URL, parse_feed, b"<html></html>", url=URL)

    with pytest.raises(ParseError, match="an HTML page, not a feed") as caught:
        pending.result()

    assert caught.value.url == URL


@pytest.mark.parametrize(
    ("function", "args"),
    [pytest.param(time.sleep, (60,), id="asleep"), pytest.param(CATASTROPHE[0], CATASTROPHE[1:], id="busy in C")],
)
def test_a_call_that_hangs_ends_at_the_limit_and_the_next_one_works(pool: ParserPool, function: Any, args: Any) -> None:
    started = time.monotonic()
    pending = [pool.submit(URL, function, *args), pool.submit(URL, parse_feed, FEED)]

    with pytest.raises(ParseError, match="took longer than 1 s to read"):
        pending[0].result()
    titles = [entry.title for entry in pending[1].result().entries]

    assert titles == ["one"]
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("function", "args", "message"),
    [
        pytest.param(os._exit, (3,), "its reader ended with status 3", id="exits"),
        pytest.param(signal.raise_signal, (signal.SIGKILL,), "its reader ended with signal 9", id="killed"),
        pytest.param(bytearray, (3 << 30,), "needs more than 2 GiB of memory", id="memory"),
        pytest.param(int, ("x",), r"a fault of aiwire \(ValueError: invalid literal", id="unexpected error"),
    ],
)
def test_a_document_that_harms_its_worker_is_one_error(
    pool: ParserPool, function: Any, args: Any, message: str
) -> None:
    with pytest.raises(ParseError, match=message) as caught:
        pool.submit(URL, function, *args).result()

    assert caught.value.url == URL
    assert pool.submit(URL, parse_feed, FEED).result().title == "T"


def test_the_traceback_of_an_unexpected_error_is_logged(pool: ParserPool, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ParseError):
        pool.submit(URL, int, "x").result()

    assert "Traceback" in caplog.text
    assert URL in caplog.text


class Poison:
    """What cannot be unpickled: it breaks the worker before the task has begun."""

    def __reduce__(self) -> Any:
        return int, ("x",)


def test_a_pool_that_broke_down_is_replaced(pool: ParserPool) -> None:
    with pytest.raises(ParseError, match="broke down"):
        pool.submit(URL, repr, Poison()).result()

    assert pool.submit(URL, parse_feed, FEED).result().title == "T"


def test_a_task_that_was_lost_with_its_worker_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_LOST_S", 0.0)
    with ParserPool(workers=2, timeout_s=0.8) as parsers:
        parsers.submit(URL, os.getpid).result()
        other = parsers.submit(URL, time.sleep, 0.7)
        time.sleep(0.2)  # so that a task is running when the other worker breaks
        lost = parsers.submit(URL, repr, Poison())

        with pytest.raises(ParseError, match="its reader was lost"):
            lost.result()
        other.result()


def test_a_new_worker_has_the_parsers_already(pool: ParserPool) -> None:
    assert pool.submit(URL, eval, "'trafilatura' in __import__('sys').modules").result() is True


def test_workers_leave_ctrl_c_to_the_run(pool: ParserPool) -> None:
    assert signal.SIGINT in pool.submit(URL, signal.pthread_sigmask, signal.SIG_BLOCK, []).result()
    assert pool.submit(URL, signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN


def test_closing_does_not_wait_for_what_hangs() -> None:
    parsers = ParserPool(workers=1, timeout_s=60)
    running = parsers.submit(URL, time.sleep, 60)
    waiting = parsers.submit(URL, bytes.__len__, bytes(1_000_000))  # more than a pipe takes
    started = time.monotonic()

    parsers.close()

    assert time.monotonic() - started < 20
    for pending in (running, waiting):
        with pytest.raises(ParseError, match="not read, as the run ended before"):
            pending.result()
    with pytest.raises(RuntimeError, match="has been closed"):
        parsers.submit(URL, os.getpid)


def test_a_pool_that_was_never_used_starts_nothing() -> None:
    with ParserPool() as parsers:
        assert parsers._start is None


SCRIPT = """
import os, re, sys, time
from ingest.worker import ParserPool

def main():
    pool = ParserPool(workers=2, timeout_s=2.0)
    pids = set()
    while len(pids) < 2:
        pids |= {pending.result() for pending in [pool.submit("u", os.getpid) for _ in range(2)]}
    if sys.argv[1] == "busy":
        pool.submit("u", re.match, "(a+)+$", "a" * 60 + "b")
        time.sleep(0.3)
    print(*pids, flush=True)
    time.sleep(60)

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_no_worker_outlives_a_run_that_was_killed(state: str, tmp_path: Path) -> None:
    (tmp_path / "bs4.py").write_text("raise SystemExit('imported from the working directory')")
    script = tmp_path / "run" / "script.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), state]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        pids = [int(pid) for pid in run.stdout.readline().split()]
        run.kill()
        end = time.monotonic() + 10
        while any(map(_alive, pids)) and time.monotonic() < end:
            time.sleep(0.05)
        errors = run.stderr.read()

    assert len(pids) == 2
    assert not any(map(_alive, pids))
    assert "Traceback" not in errors


INTERRUPTED = """
import sys, time
from ingest.worker import ParserPool

def main():
    try:
        with ParserPool(workers=2) as pool:
            print("starts", flush=True)
            for _ in range(100):
                pool.submit("u", abs, -1).result()
            time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)

if __name__ == "__main__":
    main()
"""


def test_ctrl_c_at_any_moment_of_the_start_ends_the_pool_without_a_word(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    ends = []
    for n in range(12):
        with subprocess.Popen(
            [sys.executable, str(script)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_interrupts,
        ) as run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(0.05 * n)
            run.send_signal(signal.SIGINT)
            ends.append((*run.communicate(timeout=30), run.returncode))  # what workers write on stderr is waited for

    assert ends == [("interrupted\n", "", 0)] * 12


def test_a_lock_that_ctrl_c_has_left_locked_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_END_S", 0.3)
    parsers = ParserPool(workers=1, timeout_s=0.2)
    future = parsers.submit(URL, time.sleep, 60)._future
    while not future.running():
        time.sleep(0.01)
    with future._condition:
        time.sleep(0.6)  # a thread of the pool wants to say that time was up
        started = time.monotonic()

        parsers.close()

        assert time.monotonic() - started < 20


def test_a_worker_is_ended_by_its_pool_and_not_with_the_run(pool: ParserPool) -> None:
    assert signal.SIGTERM not in pool.submit(URL, signal.pthread_sigmask, signal.SIG_BLOCK, []).result()
    server = int(pool.submit(URL, os.getppid).result())
    os.kill(server, signal.SIGTERM)  # which comes to all processes of a service

    with pytest.raises(ParseError, match="took longer"):
        pool.submit(URL, time.sleep, 60).result()
    assert pool.submit(URL, os.getppid).result() == server


def _alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text() if Path("/proc").is_dir() else os.kill(pid, 0) is None
    except (OSError, ProcessLookupError):
        return False


def test_a_run_ends_without_a_word_on_stderr(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import time\nfrom ingest.worker import ParserPool\n"
        "if __name__ == '__main__':\n"
        "    with ParserPool(workers=2) as pool:\n"
        "        print(pool.submit('u', abs, -1).result())\n"
        "    ParserPool(workers=1).submit('u', time.sleep, 30)\n"  # never closed
    )

    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


@pytest.mark.parametrize(
    "error",
    [
        ParseError(URL, "no feed"),
        ExtractError("", "no page"),
        OptOutError(URL, "reserved"),
        FetchError(URL, "HTTP 429", reason="status", status=429, headers={"retry-after": "9"}),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_an_error_keeps_its_fields_on_the_way_between_processes(error: SourceError, protocol: int) -> None:
    error.add_note("seen by a worker")

    copy = pickle.loads(pickle.dumps(error, protocol))

    assert type(copy) is type(error)
    assert (copy.__dict__, copy.args, str(copy)) == (error.__dict__, error.args, str(error))
