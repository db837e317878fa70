"""What `assemble` makes lies in a folder of its own, whole or not at all; the link `tables` tells which one counts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiwire.archive.tables import TABLES

__all__ = ["current", "new_generation", "remove_others"]

_FOLDER = "generations"


def current(folder: Path) -> str | None:
    """Return the name of the generation that counts; None: there is none."""
    link = folder / TABLES
    return link.resolve().name if link.is_symlink() and link.is_dir() else None


@contextmanager
def new_generation(folder: Path, name: str) -> Iterator[Path]:
    """Give a folder to be filled; then it is the generation `name`, and counts. After an error it is gone.

    The caller holds the lock of the tables: what is unfinished was left by a process that is no more.
    """
    generations = folder / _FOLDER
    generations.mkdir(parents=True, exist_ok=True)
    remove_others(folder, keep={name, current(folder)})
    unfinished = generations / f".{name}.tmp"
    unfinished.mkdir()
    try:
        yield unfinished
        os.sync()  # thousands of small files: all at once, before anything says that they are there
        if (generations / name).exists():  # whole, but no link led to it any more
            shutil.rmtree(generations / name)
        unfinished.rename(generations / name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    _link(folder, name)


def _link(folder: Path, name: str) -> None:
    """Lead `tables` to a generation, from one moment to the next."""
    fresh = folder / f".{TABLES}.tmp"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path(_FOLDER) / name, target_is_directory=True)
    fresh.replace(folder / TABLES)


def remove_others(folder: Path, *, keep: set[str | None]) -> None:
    """Remove the generations that do not count any more, and what was left unfinished."""
    for found in (folder / _FOLDER).iterdir():
        if found.name not in keep:
            shutil.rmtree(found)
