"""A limit on the CPU time of a piece of work, for tests of input made to be slow."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["cpu_under"]


@contextmanager
def cpu_under(seconds: float) -> Iterator[None]:
    """Fail if the block takes this thread longer. For what else would take minutes: no measurement of speed.

    What earlier tests left in memory is frozen: a collection that walks half a gigabyte of it is not the block's doing.
    """
    gc.collect()
    gc.freeze()
    started = time.thread_time()
    try:
        yield
        took = time.thread_time() - started
    finally:
        gc.unfreeze()
    assert took < seconds, f"{took:.1f} s of CPU, allowed are {seconds}"
