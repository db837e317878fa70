"""What an error of a task means, and which task is next: what all runners share. Pure: the caller tells the time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aiwire.archive.values import Shard, ShardFailure
from aiwire.exceptions import ConfigError, InputError, TryLater

__all__ = ["MAX_TRIES", "Attempt", "Backlog", "failure", "is_passing", "pause_s", "refusal"]

MAX_TRIES: Final = 5
_PAUSE_S = 10.0  # before the second try; each further one waits three times as long: 10, 30, 90, 270 s
_PASSING = (TryLater, OSError, MemoryError)  # the network, a full disk, a crowded machine: may be over soon


@dataclass(frozen=True, slots=True)
class Attempt:
    """A shard and how often it has been tried before."""

    shard: Shard
    tries: int = 0

    def next(self) -> Attempt:
        """Return the attempt after this one."""
        return Attempt(self.shard, self.tries + 1)


class Backlog:
    """Tasks that wait to be begun: those that are due in their order, others when their pause is over."""

    def __init__(self, shards: Iterable[Shard]) -> None:
        self._due = deque(Attempt(shard) for shard in shards)
        self._later: list[tuple[float, int, Attempt]] = []
        self._added = 0  # keeps the heap from comparing attempts

    def __len__(self) -> int:
        return len(self._due) + len(self._later)

    def add(self, attempt: Attempt, *, at: float = 0.0) -> None:
        """Put a task back, to be begun at the moment `at` or after; 0: behind those that are due."""
        if at:
            self._added += 1
            heapq.heappush(self._later, (at, self._added, attempt))
        else:
            self._due.append(attempt)

    def take(self, now: float) -> Attempt | None:
        """Return the next task and forget it; None if none is due."""
        while self._later and self._later[0][0] <= now:
            self._due.append(heapq.heappop(self._later)[2])
        return self._due.popleft() if self._due else None

    def wait_s(self, now: float) -> float | None:
        """Return how long it takes until a task is due; None if none waits for its time."""
        if self._due:
            return 0.0
        return max(0.0, self._later[0][0] - now) if self._later else None


def is_passing(error: BaseException) -> bool:
    """Return whether another try may succeed without anybody's doing."""
    return isinstance(error, _PASSING)


def pause_s(tries: int, first_s: float = _PAUSE_S) -> float:
    """Return how long to wait after so many tries, in seconds."""
    return first_s * float(3 ** (tries - 1))


def failure(shard: Shard, error: BaseException, tries: int) -> ShardFailure:
    """Return what to tell of a shard that is given up for an error that its function raised."""
    if isinstance(error, InputError | TryLater):
        reason = str(error)
    elif is_passing(error):
        reason = f"{type(error).__name__}: {error}; run again when its cause has gone"
    else:
        reason = f"a fault of aiwire, please report it with the shard: {type(error).__name__}: {error}"
    return ShardFailure(shard.key, reason, final=isinstance(error, InputError), tries=tries)


def refusal(error: BaseException) -> ConfigError | None:
    """Return what ends the whole job, as every shard would meet it: settings, or a worker that lacks our code."""
    if isinstance(error, ConfigError):
        return error
    if isinstance(error, ImportError):
        return ConfigError(
            f"a worker cannot import what the job needs ({error}); install the same aiwire on every machine with"
            " `pip install 'aiwire[archive]'`"
        )
    return None
