"""Kill `aiwire watch run` at every step that leaves a trace, finish it, and look whether all came once.

    python tests/kill_watch.py FOLDER

FOLDER holds `news.db` with a watch `gpu` that delivers to feed.xml, feed.json, feed.txt and, by a command, into the
file log (a line of JSON for each digest, with AIWIRE_BATCH). Prints JSON: for each kill what was found wrong, if
anything. A step is a statement of SQL that writes or ends a transaction, a renamed file, a started process, or
something printed.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiwire.pipeline.handover  # before the forks, which need not load it again
import aiwire.pipeline.watching
import db.reference
from aiwire.cli import main as aiwire_main

LOADED = (aiwire.pipeline.handover, aiwire.pipeline.watching, db.reference)

KILLED = 77
NOW = "2026-11-23T06:00:00Z"
WRITES = ("INSERT", "UPDATE", "DELETE", "COMMIT", "RELEASE")
FILES = ("feed.xml", "feed.json", "feed.txt")


def watch_run(stop_before: int | None) -> int:
    """Run `aiwire watch run` in a child; return its exit status, or KILLED.

    Args:
        stop_before: the step before which the child dies; None: none.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    step = _stepper(stop_before)
    sys.addaudithook(lambda event, args: step() if event in ("os.rename", "subprocess.Popen") else None)
    connect = sqlite3.connect

    def traced(*args: Any, **more: Any) -> sqlite3.Connection:
        connection = connect(*args, **more)
        connection.set_trace_callback(lambda sql: step() if sql.lstrip().startswith(WRITES) else None)
        return connection

    sqlite3.connect = traced  # type: ignore[assignment]  # a connection that counts its statements stands in
    sys.stdout = Printed(step)
    sys.argv = ["aiwire", "watch", "run", "--now", NOW]
    status = 1
    try:
        aiwire_main()
    except SystemExit as e:
        status = int(e.code or 0)
        sys.stdout.flush()
    finally:
        os._exit(status)


class Printed(io.TextIOWrapper):
    """Standard output into the file stdout; each writing to it is a step."""

    def __init__(self, step: Callable[[], None]) -> None:
        super().__init__(Path("stdout").open("ab"), encoding="utf-8")  # noqa: SIM115 - for the life of the process
        self._step = step

    def write(self, text: str) -> int:
        self._step()
        return super().write(text)


def _stepper(stop_before: int | None) -> Callable[[], None]:
    steps = 0

    def step() -> None:
        nonlocal steps
        if steps == stop_before:
            os._exit(KILLED)
        steps += 1

    return step


def wrongs(wanted: set[str]) -> list[str]:
    """Return what is wrong in the current folder, where all of the titles `wanted` are to be told."""
    found = []
    with sqlite3.connect("news.db") as db:
        batches = db.execute("SELECT items, done_at FROM watch_batches ORDER BY id").fetchall()
    told = [item["title"] for items, _ in batches for item in json.loads(items)["stories"]]
    if sorted(told) != sorted(wanted):
        found.append(f"the outbox has {sorted(told)}")
    if any(done_at is None for _, done_at in batches):
        found.append("a batch is not done")
    for name in FILES:
        text = "\n".join(_lines(name))
        found += [f"{name}: {text.count(title)} times {title}" for title in wanted if text.count(title) != 1]
    digests = set(_lines("log"))
    ids = [json.loads(digest)["batch"] for digest in digests]
    if len(ids) != len(set(ids)):
        found.append(f"one id for different digests: {ids}")
    sent = [item["title"] for digest in digests for item in json.loads(digest)["stories"]]
    if sorted(sent) != sorted(wanted):
        found.append(f"the command got {sorted(sent)}")
    found += [f"never printed: {title}" for title in wanted if title not in "".join(_lines("stdout"))]
    return found


def _lines(name: str) -> list[str]:
    """Return the lines of a file that hold something; none if it is not there."""
    path = Path(name)
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line] if path.exists() else []


def main() -> None:
    base, wanted = Path(sys.argv[1]).resolve(), set(sys.argv[2:])
    report: dict[int, list[str]] = {}
    stop_before, status = 0, KILLED
    while status == KILLED:
        with tempfile.TemporaryDirectory(dir=base.parent) as folder:
            shutil.copytree(base, folder, dirs_exist_ok=True)
            os.chdir(folder)
            status = watch_run(stop_before)
            if status == KILLED:
                again = watch_run(None)
                twice = watch_run(None)
                report[stop_before] = [*([f"exit {again}, {twice}"] if again or twice else []), *wrongs(wanted)]
            os.chdir(base)
        stop_before += 1
    wrong = {step: found for step, found in report.items() if found}
    sys.stdout.write(json.dumps({"kills": len(report), "wrong": wrong}) + "\n")


if __name__ == "__main__":
    main()
