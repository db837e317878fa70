"""Pages that do harm: extractors that do it where the URL says so, and attempts at a shard in their own process."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

from aiwire.archive.values import Shard
from aiwire.types import Extracted
from ingest.pages.extract import extract_page

__all__ = ["FAULTS", "attempt", "begin", "harming"]

BAD = "/harm/"  # in the URL of the page


def hang_in_python(url: str) -> None:
    while True:
        time.sleep(0.01)


def hang_in_c(url: str) -> None:
    """Hold the interpreter in a regular expression that backtracks for years."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def kill_itself(url: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def exit_at_once(url: str) -> None:
    os._exit(3)


def eat_memory(url: str) -> None:
    eaten = []
    while True:
        eaten.append(bytearray(16 << 20))


def crash(url: str) -> None:
    raise ZeroDivisionError("seven by nought")


FAULTS = {fault.__name__: fault for fault in (hang_in_python, hang_in_c, kill_itself, exit_at_once, eat_memory, crash)}


class harming:
    """An extractor that does harm at the page whose URL says so."""

    def __init__(self, fault: str) -> None:
        self._fault = fault

    def __call__(self, body: bytes, **known: Any) -> Extracted:
        if BAD in known["url"]:
            FAULTS[self._fault](known["url"])
        return extract_page(body, **known)


class waiting:
    """An extractor that tells that it is at the page, and stays there."""

    def __init__(self, told: Path) -> None:
        self._told = told

    def __call__(self, body: bytes, **known: Any) -> Extracted:
        if BAD in known["url"]:
            self._told.touch()
            time.sleep(60)
        return extract_page(body, **known)


def begin(shard: Shard, job_file: Path, extract: Any = extract_page) -> multiprocessing.process.BaseProcess:
    """Start an attempt at a shard."""
    process = multiprocessing.get_context("spawn").Process(target=_make, args=(shard, job_file, extract))
    process.start()
    return process


def attempt(shard: Shard, job_file: Path, extract: Any = extract_page) -> int | None:
    """Attempt a shard; return the exit code of the process."""
    process = begin(shard, job_file, extract)
    process.join(40)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError("the attempt did not end")
    return process.exitcode


def _make(shard: Shard, job_file: Path, extract: Any) -> None:
    from aiwire.archive.shard import make_part

    make_part(shard, job_file, extract=extract)
