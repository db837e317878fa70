"""Runs tasks on Dask: on a cluster that is there, or on one of this machine that lives as long as the runner.

Dask schedules, moves a shard whose worker is gone to another one, and shows it all on its dashboard. Here is what it
leaves to its clients: a connection that is lost, and a scheduler that starts anew and knows nothing of us. What had no
outcome is then submitted again; a part that has been made meanwhile makes that a look at its report.

    https://distributed.dask.org/en/stable/resilience.html
    https://distributed.dask.org/en/stable/killed.html
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Self

from aiwire.archive.local import ONE_THREAD, WAKE_S
from aiwire.archive.outcomes import MAX_TRIES, Attempt, Backlog, failure, is_passing, pause_s, refusal
from aiwire.archive.values import Shard, ShardFailure, ShardReport
from aiwire.exceptions import ConfigError, TryLater

__all__ = ["DaskRunner"]

Outcome = tuple[Shard, ShardReport | ShardFailure]

_log = logging.getLogger(__name__)

_WINDOW: Final = 2000  # tasks that the scheduler knows of at once: enough for any cluster, and little to submit again
_CONNECT_S: Final = 30.0
_RESULT_S: Final = 60.0  # for one report to come from its worker
_LOOK_S: Final = 2.0  # between two looks at who is there
_ALONE: Final = "its worker died {} times, the last ones with no other shard beside it: see its journal; run again"
# Dask's own measures against a worker that grows stop it from working: aiwire bounds its memory itself, page by page,
# and the nanny only ends what has grown beyond that
_MEMORY_SLACK: Final = 1.25
_CONFIG: Final[dict[str, Any]] = {
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.profile.enabled": False,  # looks into every worker 100 times a second
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.worker.daemon": True,
}
_NO_BOKEH_PAGE: Final = "info/main/workers.html"  # what the scheduler shows if bokeh is not installed
_LOGGERS: Final = ("distributed", "distributed.client", "distributed.gc", "bokeh", "tornado", "tornado.application")


class _Lost(Exception):
    """The scheduler has forgotten us, or is gone."""


class DaskRunner:
    """Runs a function on shards on Dask workers (see `aiwire.archive.values.Runner`). A context manager.

    Args:
        address: of a scheduler, such as tcp://10.0.0.5:8786; None: a cluster is started on this machine.
        workers: processes of that cluster.
        memory_limit_bytes: of each of them; 0: none.
        dashboard_address: [HOST]:PORT where that cluster's dashboard listens; None: a free port of 127.0.0.1.
        max_tries: of one shard, before it is given up.
        first_pause_s: before a shard is tried again that failed for a cause that may pass; grows with each try.
        patience_s: how long a cluster may be without scheduler, or without workers, before the job is broken off.

    Raises:
        ConfigError: Dask is not installed, or there is no scheduler at the address.
    """

    def __init__(
        self,
        *,
        address: str | None = None,
        workers: int | None = None,
        memory_limit_bytes: int = 0,
        dashboard_address: str | None = None,
        max_tries: int = MAX_TRIES,
        first_pause_s: float = 10.0,
        patience_s: float = 600.0,
    ) -> None:
        self.cores = workers or 1
        self._address = address
        self._memory_limit_bytes = memory_limit_bytes
        self._dashboard_address = dashboard_address
        self._max_tries = max_tries
        self._first_pause_s = first_pause_s
        self._patience_s = patience_s
        self._dask = _installed()
        self._closing = contextlib.ExitStack()
        self._client: Any = None
        self._submitted = 0  # makes the names of tasks: a scheduler may still know the earlier ones
        self._seen_at = 0.0  # when there was a worker last
        self._looked_at = 0.0

    def __enter__(self) -> Self:
        self._closing.enter_context(_quiet_logs())
        try:
            if self._address is None:
                self._start_cluster()
            try:
                self._client = self._connected(_CONNECT_S)
            except OSError as e:
                raise ConfigError(
                    f"no Dask scheduler answers at {self._address} ({e}); start one with `dask scheduler`, or check the"
                    " address"
                ) from e
            self._look()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disconnect()
        self._closing.close()

    @property
    def dashboard(self) -> str | None:
        """Return the address to watch the cluster at."""
        if self._client is None:
            return None
        link = str(self._client.dashboard_link)
        if self._address is None and find_spec("bokeh") is None:
            return link.removesuffix("status") + _NO_BOKEH_PAGE
        return link

    def __call__(self, shards: Sequence[Shard], function: Callable[[Shard], ShardReport]) -> Iterator[Outcome]:
        """Yield every shard once with its outcome, as they come.

        Raises:
            ConfigError: the function raised it, or no worker can import it: no shard can be done.
            TryLater: the scheduler, or all workers, stayed away for longer than the patience.
        """
        tasks = _Tasks(Backlog(shards))
        self._seen_at = time.monotonic()
        while tasks:
            try:
                yield from self._session(tasks, function)
            except _Lost:
                _log.warning("cluster  status=lost address=%s under_way=%d", self._address, len(tasks.under_way))
                tasks.put_back()
                self._reconnect()
            finally:
                self._cancel(tasks)

    def _session(self, tasks: _Tasks, function: Callable[[Shard], ShardReport]) -> Iterator[Outcome]:
        """Submit and collect until all is done.

        Raises:
            _Lost: the connection has gone; what has no outcome is still among the tasks.
        """
        ended: SimpleQueue[Any] = SimpleQueue()
        while tasks:
            while len(tasks.under_way) < _WINDOW and (attempt := tasks.take(time.monotonic())):
                self._submit(tasks, attempt, function, ended)
            pause = tasks.backlog.wait_s(time.monotonic()) if len(tasks.under_way) < _WINDOW else None
            try:
                future = ended.get(timeout=max(0.01, WAKE_S if pause is None else min(pause, WAKE_S)))
            except Empty:
                self._look()
                continue
            attempt = tasks.under_way[future]
            outcome = self._outcome(future, attempt, tasks)
            if tasks.under_way.pop(future, None) and outcome:
                yield attempt.shard, outcome

    def _submit(
        self, tasks: _Tasks, attempt: Attempt, function: Callable[[Shard], ShardReport], ended: SimpleQueue[Any]
    ) -> None:
        self._submitted += 1
        key = ("shard", attempt.shard.key, self._submitted)  # the dashboard groups by the first
        try:
            future = self._client.submit(function, attempt.shard, key=key, pure=False)
            tasks.under_way[future] = attempt
            future.add_done_callback(ended.put)
        except (OSError, RuntimeError, self._dask.CancelledError) as e:  # its client is closed, or closing
            if attempt not in tasks.under_way.values():
                tasks.backlog.add(attempt)
            raise _Lost from e

    def _outcome(self, future: Any, attempt: Attempt, tasks: _Tasks) -> ShardReport | ShardFailure | None:
        """Return what became of an attempt; None if the shard has been put back for another one.

        Raises:
            _Lost: the future is cancelled, as all are when the connection has gone.
        """
        if future.status == "cancelled":
            raise _Lost
        if future.status == "error":
            return self._failed(future.exception(timeout=_RESULT_S), attempt, tasks)
        try:
            report: ShardReport = future.result(timeout=_RESULT_S)
        except TimeoutError:  # its worker went away with the report: the next one finds the part
            tasks.backlog.add(attempt)
            return None
        except (OSError, self._dask.CancelledError) as e:
            raise _Lost from e
        except Exception as e:  # noqa: BLE001  the worker is gone, and the next one had an error: whatever it is
            return self._failed(e, attempt, tasks)
        return replace(report, tries=attempt.tries + 1)

    def _failed(self, error: BaseException, attempt: Attempt, tasks: _Tasks) -> ShardFailure | None:
        shard, tries = attempt.shard, attempt.tries + 1
        if refused := refusal(error):
            raise refused from error
        if isinstance(error, self._dask.scheduler.KilledWorker):
            tries = attempt.tries + error.allowed_failures + 1
            _log.warning("shard  status=workers-died key=%s deaths=%d", shard.key, tries)
            if attempt is tasks.alone:
                return ShardFailure(shard.key, _ALONE.format(tries), final=False, died=True, tries=tries)
            tasks.suspects.append(Attempt(shard, tries))  # or one that waited on the same worker
            return None
        if is_passing(error) and tries < self._max_tries:
            _log.info("shard  status=again key=%s try=%d exception=%s", shard.key, tries, error)
            tasks.backlog.add(attempt.next(), at=time.monotonic() + pause_s(tries, self._first_pause_s))
            return None
        return failure(shard, error, tries)

    # ---------------------------------------------------------------- the cluster

    def _start_cluster(self) -> None:
        config = _CONFIG | {"distributed.nanny.environ": ONE_THREAD}
        import dask

        self._closing.enter_context(dask.config.set(config))
        cluster = self._dask.LocalCluster(
            n_workers=self.cores,
            threads_per_worker=1,
            processes=True,
            memory_limit=int(self._memory_limit_bytes * _MEMORY_SLACK) or None,
            dashboard_address=self._dashboard_address or "127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        )
        self._closing.callback(_suppressed, cluster.close, 10)
        self._cluster = cluster

    def _connected(self, timeout_s: float) -> Any:
        where = self._cluster if self._address is None else self._address
        return self._dask.Client(where, timeout=timeout_s, set_as_default=False)

    def _reconnect(self) -> None:
        """Connect anew.

        Raises:
            TryLater: it was in vain for too long.
        """
        self._disconnect()
        until = time.monotonic() + self._patience_s
        while (left := until - time.monotonic()) > 0:
            try:
                self._client = self._connected(min(left, _CONNECT_S))
            except (OSError, ValueError) as e:  # ValueError: it went away in the middle of the greeting
                _log.info("cluster  status=unreachable address=%s exception=%s", self._address, e)
                time.sleep(min(1.0, max(0.0, until - time.monotonic())))
            else:
                self._seen_at = time.monotonic()
                return
        raise TryLater(
            f"the Dask scheduler {self._address} has not answered for {self._patience_s:g} s; what is done is kept:"
            " start it again and run the same command"
        )

    def _disconnect(self) -> None:
        if self._client is not None:
            _suppressed(self._client.close, 5)
            self._client = None

    def _look(self) -> None:
        """See whether the connection holds and how many workers there are.

        Raises:
            _Lost: the connection has gone.
            TryLater: there has been no worker for too long.
        """
        now = time.monotonic()
        if now - self._looked_at < _LOOK_S:
            return
        self._looked_at = now
        if self._client.status != "running":
            raise _Lost
        try:
            cores = sum(self._client.nthreads().values())
        except (OSError, self._dask.CancelledError) as e:
            raise _Lost from e
        if cores:
            self._seen_at = now
            self.cores = cores
        elif now - self._seen_at > self._patience_s and self._seen_at:
            raise TryLater(
                f"the Dask scheduler {self._address} has had no worker for {self._patience_s:g} s; what is done is"
                " kept: start some with `dask worker` and run the same command"
            )

    def _cancel(self, tasks: _Tasks) -> None:
        """Take back what nobody waits for any more."""
        if tasks.under_way and self._client is not None:
            _suppressed(self._client.cancel, list(tasks.under_way))
            tasks.under_way.clear()


class _Tasks:
    """What is to be done, is under way, or has to be done with no other beside it."""

    def __init__(self, backlog: Backlog) -> None:
        self.backlog = backlog
        self.under_way: dict[Any, Attempt] = {}  # by future
        self.suspects: deque[Attempt] = deque()  # their workers died; perhaps for another shard that waited there
        self.alone: Attempt | None = None

    def __bool__(self) -> bool:
        return bool(self.backlog or self.under_way or self.suspects)

    def take(self, now: float) -> Attempt | None:
        """Return the next task; a suspect when nothing else is left, and one at a time."""
        if attempt := self.backlog.take(now):
            return attempt
        if self.backlog or self.under_way or not self.suspects:
            return None
        self.alone = self.suspects.popleft()
        return self.alone

    def put_back(self) -> None:
        """Have all that is under way done again."""
        for attempt in self.under_way.values():
            if attempt is self.alone:
                self.suspects.append(attempt)
            else:
                self.backlog.add(attempt)
        self.under_way.clear()


def _installed() -> Any:
    """Return the package `distributed`.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import distributed
        import distributed.scheduler
    except ImportError as e:
        raise ConfigError(
            f"a Dask cluster needs the extra ({e}): install it with `pip install 'aiwire[archive]'`"
        ) from e
    return distributed


def _suppressed(close: Callable[..., Any], *args: object) -> None:
    """Call what ends something; that it is gone already is no news."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        close(*args)


@contextlib.contextmanager
def _quiet_logs() -> Iterator[None]:
    """Keep what Dask tells of lost workers and connections from the terminal; with -v its warnings are shown."""
    level = logging.WARNING if logging.getLogger("aiwire").isEnabledFor(logging.INFO) else logging.CRITICAL
    before = {}
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        before[name] = (logger.level, logger.handlers[:], logger.propagate)
        logger.setLevel(level)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = True
    try:
        yield
    finally:
        for name, (old, handlers, propagates) in before.items():
            logger = logging.getLogger(name)
            logger.setLevel(old)
            logger.handlers[:] = handlers
            logger.propagate = propagates
