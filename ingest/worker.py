"""Parsing in processes of their own: a document may hang, crash or fill the memory of its worker, never the run.

A worker that exceeds the wall limit is killed and replaced (pebble). It has a second clock of its own (`setitimer`,
whose default action needs no Python to run), so that it also ends when it hangs in C code after the run was killed.
Workers come from a fork server that has imported the parsers: a new one costs milliseconds, and the threads and
sockets of the run are never forked.

Ctrl-C and SIGTERM may come at any moment, also while workers start: none of them is left behind, and none finds that
what it was to share with the run has gone.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from concurrent.futures.thread import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker, synchronize
from multiprocessing.context import ForkServerContext
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from aiwire.exceptions import ParseError, SourceError

__all__ = ["ParserFault", "ParserPool", "Pending"]

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

# What the workers' server imports once; a name that is not installed is passed over by multiprocessing itself.
_PRELOAD = [
    "ingest.feeds.parse",
    "feedparser",
    "lxml.etree",
    "ingest.pages.extract",
    "trafilatura",
    "ingest.sites.listing",
    "bs4",
]
_MEMORY_BYTES = 2 << 30  # address space of a worker; the largest allowed document needs a tenth of it
_SECOND_CLOCK_S = 0.5  # after the wall limit
_END_S = 5.0  # how long the end of a pool is waited for; a worker that hangs takes 3 s of it
_LOST_S = 30.0  # and twice the wall limit without any task done: a task has been lost with its worker


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[T]):
    """What a worker sends back: always something that pickle can read again."""

    value: T | None = None
    error: SourceError | None = None
    fault: str | None = None  # an error that is none of ours: its traceback
    memory: bool = False  # the memory cap was reached


class _Context(ForkServerContext):
    """Starts the workers of one pool, and keeps its locks until all of them have ended.

    A pool drops its locks before it ends its workers: one that is just starting would look for them in vain, and say so
    on stderr.
    """

    def __init__(self) -> None:
        super().__init__()
        self._locks: list[synchronize.RLock] = []

    def RLock(self) -> synchronize.RLock:
        """Return a new lock between processes."""
        lock = super().RLock()
        self._locks.append(lock)
        return lock


class ParserFault(ParseError):
    """A fault of ours that a document brings out: its source has failed, and somebody must mend it."""


class ParserPool:
    """Worker processes that call functions on documents, each call within `timeout_s` seconds of wall time.

    A context manager; the workers start with the first task. Safe to use from several threads.

    Args:
        workers: how many processes; 0: one less than the cores that this process may use, at least one.
        timeout_s: how long one call may take, from its start in the worker on.
    """

    def __init__(self, *, workers: int = 0, timeout_s: float = 30.0) -> None:
        self._workers = workers or max(1, _cores() - 1)
        self._timeout_s = timeout_s
        self._start: concurrent.futures.Future[ProcessPool] | None = None  # the pool, or its beginning
        self._lock = threading.Lock()
        self._open: set[concurrent.futures.Future[Any]] = set()
        self._closed = False
        self._moved_at = time.monotonic()  # when a task was last submitted to an idle pool, or done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, url: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]:
        """Return a handle to the call of `function` in a worker; function, arguments and result must be picklable.

        Args:
            url: whose document it is, for the message of an error.

        Raises:
            RuntimeError: the pool has been closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the parser pool has been closed")
            pool = self._running()
            if not self._open:
                self._moved_at = time.monotonic()
            future = pool.schedule(_call, (function, args, kwargs, self._timeout_s), timeout=self._timeout_s)
            self._open.add(future)
        future.add_done_callback(self._done)
        return Pending(url, future, self)

    def close(self) -> None:
        """End the workers, whatever they do. Handles of tasks that were not done raise `ParseError`."""
        with self._lock:
            self._closed = True
            start, self._start = self._start, None
            left = list(self._open)
        if start is not None and start.exception() is None:
            _end(start.result())
        for future in left:
            future.cancel()
            # One that was running when its worker was stopped cannot be cancelled any more.
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                future.set_exception(concurrent.futures.CancelledError())

    def _running(self) -> ProcessPool:
        """Return a pool with running workers: the one that we have, or one in place of a pool that broke down."""
        if self._start is not None and self._start.exception() is None:
            pool = self._start.result()
            if pool.active:
                return pool
            _end(pool)
        # Not in this thread: Ctrl-C is raised in the main one, and a start that it broke off could not be undone.
        starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aiwire-parsers")
        self._start = starter.submit(_started, self._workers)
        starter.shutdown(wait=False)
        return self._start.result()

    def _done(self, future: concurrent.futures.Future[Any]) -> None:
        self._moved_at = time.monotonic()
        self._open.discard(future)

    def _wait(self, future: concurrent.futures.Future[Any]) -> bool:
        """Wait until a task is done; return False if it has been lost."""
        patience = 2 * self._timeout_s + _LOST_S
        while not future.done() and (left := self._moved_at + patience - time.monotonic()) > 0:
            concurrent.futures.wait((future,), timeout=left)
        return future.done()


class Pending(Generic[T]):
    """A call that has been handed to a worker."""

    def __init__(self, url: str, future: concurrent.futures.Future[_Outcome[T]], pool: ParserPool) -> None:
        self._url = url
        self._future = future
        self._pool = pool

    def result(self) -> T:
        """Return what the function returned; wait for it if need be.

        Raises:
            SourceError: what the function raised.
            ParseError: the call took too long, too much memory or its process down.
            ParserFault: it ended in an unexpected error.
        """
        if not self._pool._wait(self._future):
            raise self._failed("its reader was lost: try again later")
        try:
            outcome = self._future.result()
        except TimeoutError as e:
            raise self._too_slow() from e
        except ProcessExpired as e:
            if e.exitcode == -signal.SIGALRM:
                raise self._too_slow() from e
            ended = f"signal {-e.exitcode}" if e.exitcode < 0 else f"status {e.exitcode}"
            raise self._failed(f"its reader ended with {ended}: look at the document, it may be hostile") from e
        except concurrent.futures.CancelledError as e:
            raise self._failed("not read, as the run ended before: it is read in the next run") from e
        except BrokenProcessPool as e:
            raise self._failed("the reading processes broke down: try again later") from e
        return self._unpacked(outcome)

    def _unpacked(self, outcome: _Outcome[T]) -> T:
        if outcome.error is not None:
            raise outcome.error
        if outcome.memory:
            raise self._failed(f"needs more than {_MEMORY_BYTES >> 30} GiB of memory to read: drop the source")
        if outcome.fault is not None:
            _log.error("parsing  status=failed url=%s\n%s", self._url, outcome.fault)
            last = outcome.fault.strip().rpartition("\n")[2]
            raise ParserFault(self._url, f"a fault of aiwire ({last[:200]}): please report it with the document")
        return outcome.value  # type: ignore[return-value]  # None only where T has it

    def _too_slow(self) -> ParseError:
        limit = f"{self._pool._timeout_s:g} s"
        return self._failed(f"took longer than {limit} to read: look at the document, it may be hostile")

    def _failed(self, message: str) -> ParseError:
        return ParseError(self._url, message)


def _started(workers: int) -> ProcessPool:
    context = _Context()
    context.set_forkserver_preload(_PRELOAD)
    with _sheltered():
        forkserver.ensure_running()
    pool = ProcessPool(max_workers=workers, initializer=_set_up, context=context)
    if not pool.active:
        raise RuntimeError("the parser processes cannot be started: see the log")
    return pool


@contextlib.contextmanager
def _sheltered() -> Iterator[None]:
    """Start a process that Ctrl-C and SIGTERM do not reach and that imports nothing from the working directory.

    They go to all processes of a terminal or of a service, but the run alone decides what they mean. A folder `db` or a
    file `bs4.py` where the user stands must not be taken for ours.
    """
    resource_tracker.ensure_running()  # it would take the mask off again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    safe_path = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if safe_path is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = safe_path
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(pool: ProcessPool) -> None:
    """End the workers and the threads of a pool.

    An exception that a signal raises can leave the lock of a task locked for ever, and a thread of the pool waiting for
    it: such a thread is left behind, and the interpreter ends what workers there still are.
    """
    pool.stop()  # type: ignore[no-untyped-call]  # pebble types only a part
    ender = threading.Thread(target=pool.join, name="aiwire-parsers-end", daemon=True)
    ender.start()
    ender.join(_END_S)


def _call(function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any], timeout_s: float) -> _Outcome[T]:
    """Call `function` in the worker, under the worker's own clock."""
    signal.setitimer(signal.ITIMER_REAL, timeout_s + _SECOND_CLOCK_S)
    try:
        return _Outcome(value=function(*args, **kwargs))
    except SourceError as e:
        return _Outcome(error=e)
    except MemoryError:
        return _Outcome(memory=True)
    except Exception:  # noqa: BLE001  many libraries read the documents; none of their errors may end a run
        return _Outcome(fault=traceback.format_exc())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _set_up() -> None:
    """Prepare a worker: its clock kills, its pool may end it, its memory is capped."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        import resource  # not on every platform

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        cap = _MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(_MEMORY_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_AS, (cap, hard))
    except (ImportError, ValueError, OSError):  # macOS refuses some values; the wall limit still stands
        _log.debug("worker  status=without-memory-cap")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
