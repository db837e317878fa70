"""Runs tasks in processes of this machine: `concurrent.futures`, a new process for one that died, a few tries each.

Every worker is a pool of its own with one process: when it dies, exactly its shard is to blame, and the others go on.
No worker outlives the run: on the way out they are killed, and each watches its parent, should that be killed.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

from aiwire.archive.outcomes import MAX_TRIES, Attempt, Backlog, failure, is_passing, pause_s, refusal
from aiwire.archive.values import Shard, ShardFailure, ShardReport

__all__ = ["ONE_THREAD", "WAKE_S", "LocalRunner"]

Outcome = tuple[Shard, ShardReport | ShardFailure]

_log = logging.getLogger(__name__)

# libraries that would start a thread for each core in each worker read these when they are loaded
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"), "1"
)
# Polars, once imported, has waits in C go on after Ctrl-C (SA_RESTART): Python sees it when the wait is over
WAKE_S = 0.5
_SPAWN = multiprocessing.get_context("spawn")  # a fork would copy our threads' locks


class LocalRunner:
    """Runs a function on shards in worker processes (see `aiwire.archive.values.Runner`).

    Args:
        workers: processes, each with one shard at a time.
        memory_limit_bytes: a process that has needed more is replaced after its shard; 0: never.
        max_tries: of one shard, before it is given up.
        first_pause_s: before a shard is tried again that failed for a cause that may pass; grows with each try.
    """

    def __init__(
        self, workers: int, *, memory_limit_bytes: int = 0, max_tries: int = MAX_TRIES, first_pause_s: float = 10.0
    ) -> None:
        self.cores = workers
        self.dashboard: str | None = None
        self._memory_limit_bytes = memory_limit_bytes
        self._max_tries = max_tries
        self._first_pause_s = first_pause_s

    def __call__(self, shards: Sequence[Shard], function: Callable[[Shard], ShardReport]) -> Iterator[Outcome]:
        """Yield every shard once with its outcome, as they come.

        Raises:
            ConfigError: the function raised it: no shard can be done with these settings.
        """
        workers = [_Worker() for _ in range(min(self.cores, len(shards)))]
        backlog = Backlog(shards)
        try:
            yield from self._run(backlog, workers, function)
        finally:
            for worker in workers:
                worker.kill()

    def _run(
        self, backlog: Backlog, workers: list[_Worker], function: Callable[[Shard], ShardReport]
    ) -> Iterator[Outcome]:
        under_way: dict[Future[ShardReport], tuple[_Worker, Attempt]] = {}
        idle = list(workers)
        while backlog or under_way:
            while idle and (attempt := backlog.take(time.monotonic())):
                worker = idle.pop()
                under_way[worker.begin(function, attempt.shard)] = (worker, attempt.next())
            pause = backlog.wait_s(time.monotonic()) if idle else None
            pause = WAKE_S if pause is None else min(pause, WAKE_S)
            if not under_way:
                time.sleep(pause)
                continue
            for future in wait(under_way, timeout=pause, return_when=FIRST_COMPLETED).done:
                worker, attempt = under_way.pop(future)
                idle.append(worker)
                if outcome := self._outcome(future, worker, attempt, backlog):
                    yield attempt.shard, outcome

    def _outcome(
        self, future: Future[ShardReport], worker: _Worker, attempt: Attempt, backlog: Backlog
    ) -> ShardReport | ShardFailure | None:
        """Return what became of an attempt; None if the shard has been put back for another one."""
        shard, tries = attempt.shard, attempt.tries
        error = future.exception()
        if error is None:
            report = replace(future.result(), tries=tries)
            if 0 < self._memory_limit_bytes < report.peak_rss_bytes:
                worker.kill()  # memory that a process has once had it seldom gives back
            return report
        if refused := refusal(error):
            raise refused from error
        if isinstance(error, BrokenProcessPool):
            worker.kill()
            _log.warning("shard  status=worker-died key=%s try=%d", shard.key, tries)
            if tries < self._max_tries:
                backlog.add(attempt)
                return None
            reason = f"its worker died {tries} times (killed for its memory, or a crash): see its journal; run again"
            return ShardFailure(shard.key, reason, final=False, died=True, tries=tries)
        if is_passing(error) and tries < self._max_tries:
            _log.info("shard  status=again key=%s try=%d exception=%s", shard.key, tries, error)
            backlog.add(attempt, at=time.monotonic() + pause_s(tries, self._first_pause_s))
            return None
        return failure(shard, error, tries)


class _Worker:
    """One process, and the pool that it is all of; started when there is something to do."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._processes: list[BaseProcess] = []

    def begin(self, function: Callable[[Shard], ShardReport], shard: Shard) -> Future[ShardReport]:
        """Have the process call the function; one that died while it was idle is replaced."""
        with _sheltered():
            if self._pool is not None:
                with contextlib.suppress(BrokenProcessPool):
                    return self._pool.submit(function, shard)
                self.kill()
            others = multiprocessing.active_children()
            self._pool = ProcessPoolExecutor(1, mp_context=_SPAWN, initializer=_set_up)
            future = self._pool.submit(function, shard)
            self._processes = [child for child in multiprocessing.active_children() if child not in others]
            return future

    def kill(self) -> None:
        """End the process, whatever it does."""
        for process in self._processes:
            process.kill()
        self._processes = []
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


@contextlib.contextmanager
def _sheltered() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back: a process that starts is to be known before we end, and to see neither."""
    resource_tracker.ensure_running()  # it would take the mask off again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _set_up() -> None:
    """Prepare a worker: one thread, deaf to Ctrl-C, which the whole terminal gets, and gone when its parent is."""
    os.environ.update(ONE_THREAD)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    threading.Thread(target=_end_with_parent, name="aiwire-parent", daemon=True).start()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
