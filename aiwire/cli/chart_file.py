"""The file of a chart: its format, what matplotlib must not see, and how it is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from aiwire.exceptions import ConfigError

if TYPE_CHECKING:
    from aiwire.charts.render import Format

__all__ = ["forget_backend", "kind_of", "write_chart"]


def kind_of(path: Path) -> Format:
    """Return the format that a file name asks for.

    Raises:
        ConfigError: it is no format of ours.
    """
    suffix = path.suffix.lower()
    if suffix not in (".svg", ".png"):
        raise ConfigError(f"{path}: a chart is an .svg or a .png; name the file so")
    return "svg" if suffix == ".svg" else "png"


def forget_backend() -> None:
    """Take MPLBACKEND out of the environment: matplotlib does not load with one that it does not know; we use none.

    To be called before `aiwire.charts` is imported.
    """
    os.environ.pop("MPLBACKEND", None)


def write_chart(path: Path, data: bytes) -> None:
    """Write a chart whole or not at all.

    Raises:
        ConfigError: the file cannot be written there.
    """
    from db.files import write_bytes_atomically

    write_bytes_atomically(path, lambda out: out.write(data))
