"""What the commands of an archive share: its folder, and whether what it needs is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aiwire.exceptions import ConfigError

if TYPE_CHECKING:
    from aiwire.archive.values import Job

__all__ = ["check_extra", "folder_option", "last_job"]

NEEDED = ("dask", "distributed", "duckdb", "fsspec", "obstore", "resiliparse")

F = TypeVar("F", bound=Callable[..., Any])


def folder_option(command: F) -> F:
    """Add --folder, where an archive job keeps all that it makes."""
    return click.option(
        "--folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("archive"),
        show_default=True,
        help="Folder of what the job makes; on a cluster one that every worker sees under this path.",
    )(command)


def check_extra() -> None:
    """Check that the extra is installed.

    Raises:
        ConfigError: it is not; the message says how to install it.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"archives need {', '.join(missing)}: install the extra with `pip install 'aiwire[archive]'` (in a checkout"
            " `pip install '.[archive]'`)"
        )


def last_job(folder: Path) -> tuple[Job, str]:
    """Return the job that ran last in a folder, and its version.

    Raises:
        ConfigError: there was none.
    """
    from aiwire.archive.job import load_job

    jobs = sorted((folder / "jobs").glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not jobs:
        raise ConfigError(f"{folder}: no archive job ran there; begin with `aiwire archive run … --folder {folder}`")
    return load_job(jobs[-1]), jobs[-1].stem
