"""How the pipeline tells that it moves on. The command line draws bars; tests and cron use `Silent`."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    def stage(self, name: str, total: int | None) -> None:
        """A new stage begins; `total` steps, or None if that is not known."""

    def step(self, detail: str) -> None:
        """One step of the stage is done."""


class Silent:
    """Progress that nobody watches."""

    def stage(self, name: str, total: int | None) -> None:
        pass

    def step(self, detail: str) -> None:
        pass
