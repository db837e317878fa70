"""Write a file whole or not at all; what is no regular file (a pipe, a device) is written as it is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO, TypeVar

from aiwire.exceptions import ConfigError

__all__ = ["is_replaceable", "write_atomically", "write_bytes_atomically"]

T = TypeVar("T")
How = Mapping[str, Any]  # arguments of open()
_TEXT: How = {"mode": "w", "encoding": "utf-8", "newline": ""}
_BYTES: How = {"mode": "wb"}


def write_atomically(path: Path, write: Callable[[TextIO], T]) -> T:
    """Let `write` fill a file, which takes its name only when it is whole and on disk; return what `write` returns.

    A symbolic link stays, its target is written. What exists and is not replaceable is written directly.

    Raises:
        ConfigError: the file cannot be written there.
    """
    return _write(path, _TEXT, write)


def write_bytes_atomically(path: Path, write: Callable[[BinaryIO], T]) -> T:
    """Do as `write_atomically`, with bytes.

    Raises:
        ConfigError: the file cannot be written there.
    """
    return _write(path, _BYTES, write)


def is_replaceable(path: Path) -> bool:
    """Tell whether a new file may take the place of `path`: it is not there, or it is a regular file.

    Not replaceable: devices, FIFOs, folders, and the file that our own output or errors go to (`/dev/stdout`).
    """
    if not path.exists():
        return True
    return path.is_file() and not any(_is_open_as(path, descriptor) for descriptor in (1, 2))


def _is_open_as(path: Path, descriptor: int) -> bool:
    with suppress(OSError):  # the descriptor may be closed
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _write(path: Path, how: How, write: Callable[[Any], T]) -> T:
    try:
        if is_replaceable(path):
            return _replace(path.resolve(), how, write)
        with path.open(**how) as out:
            return write(out)
    except BrokenPipeError:  # the reader has seen enough: no fault of the path
        raise
    except (OSError, RuntimeError) as e:  # RuntimeError: what Path.resolve() raises for a loop of links
        if isinstance(e, RuntimeError) and "Symlink loop" not in str(e):
            raise
        why = e.strerror if isinstance(e, OSError) else "it is a loop of symbolic links"
        raise ConfigError(f"{path}: cannot be written ({why}); choose another file, or free some space") from e


def _replace(path: Path, how: How, write: Callable[[Any], T]) -> T:
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, **how) as out:
            result = write(out)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(_mode(path))
        Path(temporary).replace(path)
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return result


def _mode(path: Path) -> int:
    """Return the permissions for `path`: those it has, else those of a new file (mkstemp gives none to others)."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
