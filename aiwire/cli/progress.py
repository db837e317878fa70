"""Progress bars for the pipeline: on a terminal only, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiwire.cli.common import console
from aiwire.pipeline.progress import Progress, Silent

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

__all__ = ["bars"]


class _Bars:
    """One bar per stage of the pipeline."""

    def __init__(self, display: RichProgress) -> None:
        self._display = display
        self._task: TaskID | None = None

    def stage(self, name: str, total: int | None) -> None:
        self._task = self._display.add_task(name, total=total, detail="")

    def step(self, detail: str) -> None:
        if self._task is not None:
            self._display.update(self._task, advance=1, detail=detail[:40])


@contextmanager
def bars() -> Iterator[Progress]:
    """Yield bars if stderr is a terminal, else a silent progress."""
    if not sys.stderr.isatty():
        yield Silent()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description:>9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    with RichProgress(*columns, console=console()) as display:
        yield _Bars(display)
