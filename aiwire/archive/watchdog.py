"""What becomes of a page that hangs, fills the memory or takes its worker down: it is left out, and nothing else is.

An attempt at a shard keeps a journal: a line before each page, a mark behind it. A page that takes too long ends its
worker from a thread of C (`faulthandler`), whatever holds the interpreter, and its journal tells so. The next attempt
reads what its forerunners left: it leaves out the page that took too long once, or at which two attempts ended. One may
have been ended from outside, and its page be innocent.

An attempt holds a lock on its journal (flock(2)): one without a lock is of an attempt that has ended. A shard that is
done leaves none behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import fcntl
import glob
import os
import re
import resource
import socket
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiwire.archive.values import Job, Shard
from aiwire.types.archive import CapturedPage

__all__ = ["Watchdog", "clear_journals", "peak_rss"]

_DEATHS = 2  # of attempts at one page: a single one may be chance
_SPARE = 128 << 20  # bytes that a page may take even where its worker is at its limit
_PAGE_LINE = re.compile(rb"(\d{1,20}) ")
_BEHIND = b".\n"
_TIMEOUT = b"Timeout ("  # how the dump of faulthandler begins
_MAX_URL = 1000  # bytes of it in a line


class Watchdog:
    """Watches over one attempt at a shard. A context manager.

    Args:
        job: its folder, how long a page may take and how much memory a worker may have.
        shard: what is attempted.
        version: of the job.
    """

    def __init__(self, job: Job, shard: Shard, version: str) -> None:
        self._job = job
        self._mark = f"{shard.fingerprint!r}\n".encode()
        self._folder = job.folder / "journals"
        self._name = f"{shard.key}.{version}"
        self._path: Path | None = None
        self._journal = -1
        self.blamed: dict[int, str] = {}  # by number: why a page is left out

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.blamed = self._judged()
        self._path, self._journal = self._opened()
        with contextlib.suppress(OSError):  # a file system without locks: at worst a page is blamed for a living worker
            fcntl.flock(self._journal, fcntl.LOCK_EX)
        os.write(self._journal, self._mark)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the attempt: one that ends by itself, with an error or without, blames no page."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._journal)

    @contextlib.contextmanager
    def page(self, page: CapturedPage) -> Iterator[None]:
        """Watch over the work on one page.

        Raises:
            MemoryError: the page needs more than the worker may have.
        """
        url = page.url.encode("ascii", "replace")[:_MAX_URL]
        os.write(self._journal, b"%d %s\n" % (page.number, url))
        faulthandler.dump_traceback_later(self._job.page_timeout_s, exit=True, file=self._journal)
        try:
            with _capped(self._job.memory_limit_bytes):
                yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            os.write(self._journal, _BEHIND)

    def _opened(self) -> tuple[Path, int]:
        """Return a new file: an earlier process may have had our number, and its journal is evidence."""
        stem = f"{self._name}.{socket.gethostname()}-{os.getpid()}"
        for n in count():
            path = self._folder / f"{stem}-{n}.journal"
            with contextlib.suppress(FileExistsError):
                return path, os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o644)
        raise AssertionError("count() does not end")

    def _judged(self) -> dict[int, str]:
        """Return the pages that attempts before this one have shown to be bad, and why."""
        deaths: Counter[int] = Counter()
        blamed = {}
        for path in _journals(self._folder, self._name):
            left = _left(path, self._mark)
            if left is None:
                continue
            number, has_timed_out = left
            deaths[number] += 1
            if has_timed_out:
                blamed[number] = f"took longer than {self._job.page_timeout_s:g} s to read"
        dead = {n: "its worker died each time that it was read" for n, times in deaths.items() if times >= _DEATHS}
        return dead | blamed


def clear_journals(job_folder: Path, key: str, version: str) -> None:
    """Remove what attempts at a shard have left, now that it is done."""
    for path in _journals(job_folder / "journals", f"{key}.{version}"):
        path.unlink(missing_ok=True)


def _journals(folder: Path, name: str) -> Iterator[Path]:
    return folder.glob(f"{glob.escape(name)}.*.journal")


def _left(path: Path, mark: bytes) -> tuple[int, bool] | None:
    """Return the page at which an attempt ended, and whether it took too long.

    None: the attempt is still under way, ended between two pages, or was at a file of other bytes.
    """
    try:
        with path.open("rb") as file:
            if _is_locked(file.fileno()):
                return None
            told = file.read()
    except FileNotFoundError:  # its attempt has just ended
        return None
    first, *lines = told.splitlines(keepends=True) or [b""]
    if first != mark:
        return None
    number: int | None = None
    for line in lines:
        if line.startswith(_TIMEOUT):
            return None if number is None else (number, True)
        if begun := _PAGE_LINE.match(line):
            number = int(begun[1])
        elif line == _BEHIND:
            number = None
    return None if number is None else (number, False)


def _is_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    return False


# ---------------------------------------------------------------- memory

_PAGE_BYTES: Final = resource.getpagesize()
_CROWDED = 0.75  # of the limit resident: what earlier pages have left behind is given back first
_MARGIN = 48 << 20  # bytes below the limit for what is done between the pages: Parquet, gzip


@contextlib.contextmanager
def _capped(limit: int) -> Iterator[None]:
    """Hold the process below `limit` bytes of memory for the block; what asks for more gets a MemoryError.

    The system limits what is asked for (RLIMIT_DATA), not what is resident, so what is free below `limit` is added to
    what has been asked for so far. Code that does not ask Python ends the process instead.
    """
    used = _memory()
    if used is not None and used[0] > _CROWDED * limit:
        _give_back()
        used = _memory()
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if used is None:
        yield
        return
    resident, asked = used
    cap = asked + max(limit - _MARGIN - resident, _SPARE)
    resource.setrlimit(resource.RLIMIT_DATA, (cap if hard == resource.RLIM_INFINITY else min(cap, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _give_back() -> None:
    """Have the C library return what is free to the system: it keeps what large pages have torn to pieces."""
    with contextlib.suppress(AttributeError):  # another C library than GNU's
        ctypes.CDLL(None).malloc_trim(0)


def _memory() -> tuple[int, int] | None:
    """Return the bytes that are resident, and those of private memory that were asked for; None: cannot be told."""
    try:
        fields = Path("/proc/self/statm").read_bytes().split()
    except OSError:  # not Linux: the time limit still stands
        return None
    return int(fields[1]) * _PAGE_BYTES, int(fields[5]) * _PAGE_BYTES


def peak_rss() -> int:
    """Return the most bytes that this process had resident at a time.

    Of Linux's own count: `getrusage` begins with that of the process which started this one.
    """
    with contextlib.suppress(OSError):
        if found := re.search(rb"(?m)^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_bytes()):
            return int(found[1]) << 10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if os.uname().sysname == "Darwin" else peak << 10
