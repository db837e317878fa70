"""Many requests at once, for a caller that takes the results one by one.

The event loop runs in a thread of its own, so that parsing, tagging and saving in the caller's thread never hold up a
socket, and the caller needs no `async`. All network access of aiwire starts here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable

import httpx2

from aiwire.exceptions import ConfigError
from aiwire.types import FetchResult, Request
from ingest.exchange import FetchLimits, fetch_one
from ingest.lanes import Lanes

__all__ = ["FetchLimits", "Fetcher", "network_transport"]

log = logging.getLogger(__name__)


def network_transport(limits: FetchLimits) -> httpx2.AsyncBaseTransport:
    """Return the transport that talks to real servers."""
    pool = httpx2.Limits(max_connections=limits.concurrency, max_keepalive_connections=limits.concurrency)
    return httpx2.AsyncHTTPTransport(http2=True, limits=pool)


class Fetcher:
    """Fetches over one transport: the network, an archive (`ReplayTransport`) or both (`RecordingTransport`).

    Args:
        user_agent: honest: who asks, and where to learn more.
        transport: None: the network.

    Raises:
        ConfigError: the user agent cannot stand in a header.
    """

    def __init__(
        self,
        limits: FetchLimits | None = None,
        *,
        user_agent: str,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        if not (user_agent.isascii() and user_agent.isprintable()):
            raise ConfigError(
                f"user agent {user_agent!r}: only printable ASCII can be sent; check the setting 'contact'"
            )
        self._limits = limits or FetchLimits()
        self._user_agent = user_agent
        self._transport = transport or network_transport(self._limits)

    def fetch_all(self, requests: Iterable[Request], *, stop_after_s: float | None = None) -> Generator[FetchResult]:
        """Yield a result for each request, as they arrive; with a concurrency of 1 and no gap, in their order.

        After `stop_after_s` seconds no request starts and those under way are cancelled: they are not yielded.
        Closing the generator cancels what is under way and waits for the thread to end; where the caller may raise,
        wrap it in `contextlib.closing`, so that this happens at once and not when the traceback is dropped.
        """
        run = _Run(self._transport, list(requests), self._limits, self._user_agent, stop_after_s)
        thread = threading.Thread(target=run.main, name="aiwire-fetch", daemon=True)
        thread.start()
        try:
            while (item := run.results.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                run.taken()
                yield item
        finally:
            run.cancel()
            thread.join()


class _Run:
    """One `fetch_all`: the half that lives in the thread of the event loop, and its two ways across."""

    def __init__(
        self,
        transport: httpx2.AsyncBaseTransport,
        requests: list[Request],
        limits: FetchLimits,
        user_agent: str,
        stop_after_s: float | None,
    ) -> None:
        self.results: queue.SimpleQueue[FetchResult | BaseException | None] = queue.SimpleQueue()  # None: the end
        self._transport = transport
        self._limits = limits
        self._user_agent = user_agent
        self._lanes = Lanes(requests, gap_s=limits.host_gap_s)
        self._stop_after_s = stop_after_s
        self._under_way = 0
        self._untaken = 0  # under way or in the queue: bounded, so that a slow caller is not buried
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    # -- called in the caller's thread

    def taken(self) -> None:
        """The caller has taken a result: one more may be fetched."""
        self._call(self._on_taken)

    def cancel(self) -> None:
        """Stop everything that is under way; nothing happens if all is done."""
        self._started.wait()
        if self._task is not None:
            self._call(self._task.cancel)

    def _call(self, function: Callable[[], object]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: all is done
                self._loop.call_soon_threadsafe(function)

    # -- called in the loop's thread

    def main(self) -> None:
        """Run the loop to its end. The last item in the queue is None, after an exception if there was one."""
        try:
            asyncio.run(self._main())
        except asyncio.CancelledError:
            log.debug("fetch cancelled  unstarted=%d", len(self._lanes))
        except BaseException as e:  # noqa: BLE001  # a bug: raised again in the caller's thread
            self.results.put(e)
        finally:
            self._started.set()
            self.results.put(None)

    async def _main(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._started.set()
        try:
            async with asyncio.timeout(self._stop_after_s), asyncio.TaskGroup() as group:
                await self._dispatch(group)
        except TimeoutError:
            log.info("fetch stopped  reason=max-seconds unstarted=%d", len(self._lanes))
        except ExceptionGroup as e:
            raise e.exceptions[0] from None  # the first says what is wrong; the others follow from it
        finally:
            await self._transport.aclose()

    async def _dispatch(self, group: asyncio.TaskGroup) -> None:
        """Start every request when its turn comes."""
        while self._lanes:
            has_room = self._under_way < self._limits.concurrency and self._untaken < 2 * self._limits.concurrency
            job = self._lanes.take(time.monotonic()) if has_room else None
            if job is None:
                await self._sleep(until=self._lanes.next_at() if has_room else None)
                continue
            self._under_way += 1
            self._untaken += 1
            group.create_task(self._work(*job))

    async def _work(self, lane: str, request: Request) -> None:
        result = await fetch_one(self._transport, request, limits=self._limits, user_agent=self._user_agent)
        self._lanes.done(lane)
        self._under_way -= 1
        self.results.put(result)
        self._wake.set()

    def _on_taken(self) -> None:
        self._untaken -= 1
        self._wake.set()

    async def _sleep(self, *, until: float | None) -> None:
        """Wait until something has happened, or until that time."""
        self._wake.clear()
        timeout = None if until is None else max(0.0, until - time.monotonic())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout)
