"""What a shard leaves behind: a folder of Parquet files and `report.json`, whole or not there at all.

A part is written under a name of its process and renamed when every byte is on the disk. Two workers may make the same
part: the first one counts, they are equal.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import polars as pl

from aiwire.archive.rows import Row, Rows
from aiwire.archive.schemas import PART_TABLES
from aiwire.archive.values import Audit, Shard, ShardReport
from aiwire.types.archive import BadRecord

__all__ = ["PartWriter", "done_parts", "part_folder", "read_report", "remove_superseded"]

REPORT = "report.json"
_ARTICLES = 500  # rows of `articles` in one file
_TEXT_CHARS = 32 << 20  # of their texts
_STALE_S = 86_400.0  # a folder of an unknown process that nothing was written to for so long is left over
_BESIDE: Final = tuple(table for table in PART_TABLES if table != "captures")  # those with rows of articles
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
_TRIES = 10  # of workers that take the place of a part from each other


def part_folder(job_folder: Path, key: str, version: str) -> Path:
    """Return where the part of a shard is, or will be."""
    return job_folder / "parts" / f"{key}.{version}"


def read_report(folder: Path) -> ShardReport | None:
    """Return the report of a part; None if the part is not there, or is none of this version's."""
    try:
        told = json.loads((folder / REPORT).read_bytes())
        told["bad"] = tuple(BadRecord(**one) for one in told["bad"])
        told["audit"] = Audit(**told["audit"])
        return ShardReport(**told)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def done_parts(job_folder: Path, version: str) -> dict[str, ShardReport]:
    """Return the reports of all parts of a version by the key of the shard, in its order."""
    found = (read_report(folder) for folder in _folders(job_folder / "parts"))
    reports = [report for report in found if report is not None and report.version == version]
    return {report.key: report for report in sorted(reports, key=lambda one: one.key)}


def remove_superseded(job_folder: Path, key: str, version: str) -> int:
    """Remove the parts of a shard that other versions have made; return how many there were."""
    removed = 0
    for folder in _folders(job_folder / "parts"):
        if not folder.name.startswith(f"{key}.") or folder.name == f"{key}.{version}":
            continue
        report = read_report(folder)  # the name alone may be that of a longer key
        if report is not None and report.key == key:
            removed += _discard(folder)
    return removed


class PartWriter:
    """Writes the part of one shard. A context manager: what was not committed when it ends is removed.

    Args:
        job_folder: of the job; `parts` is made in it.
        shard: whose part it is.
        version: of the job.
    """

    def __init__(self, job_folder: Path, shard: Shard, version: str) -> None:
        self._shard = shard
        self._final = part_folder(job_folder, shard.key, version)
        self._folder = self._final.with_name(_temporary(self._final.name))
        self._waiting: Rows = {table: [] for table in _BESIDE}
        self._chars = 0
        self._files = 0
        self.rows: dict[str, int] = dict.fromkeys(PART_TABLES, 0)  # written or waiting, by table

    def __enter__(self) -> Self:
        self._final.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)  # of an earlier process with our number
        self._folder.mkdir()
        _remove_stale(self._final.parent, now=self._folder.stat().st_mtime)  # the clock of the file system
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, rows: Rows) -> bool:
        """Take the rows of one article; return whether that filled a file, which was written."""
        for table, found in rows.items():
            self._waiting[table] += found
            self.rows[table] += len(found)
        text = list(PART_TABLES["articles"]).index("text")
        self._chars += sum(len(str(row[text])) for row in rows.get("articles", ()))
        is_full = len(self._waiting["articles"]) >= _ARTICLES or self._chars >= _TEXT_CHARS
        if is_full:
            self._flush()
        return is_full

    def add_captures(self, rows: list[Row]) -> None:
        """Write the rows of the table `captures`: once, when the shard has been read."""
        self.rows["captures"] = len(rows)
        self._write("captures", 0, rows)

    def commit(self, report: ShardReport) -> ShardReport:
        """Give the part its name; return the report that counts: that of another worker if it was quicker.

        Raises:
            OSError: the file system is full, or refuses.
        """
        if any(self._waiting.values()) or not self._files:
            self._flush()
        with (self._folder / REPORT).open("w", encoding="utf-8") as file:
            json.dump(asdict(report), file, ensure_ascii=True, indent=1)
            file.flush()
            os.fsync(file.fileno())
        _sync(self._folder)
        counted = self._rename(report)
        _sync(self._final.parent)
        return counted

    def _flush(self) -> None:
        for table, rows in self._waiting.items():
            self._write(table, self._files, rows)
        self._files += 1
        self._waiting = {table: [] for table in _BESIDE}
        self._chars = 0

    def _write(self, table: str, number: int, rows: list[Row]) -> None:
        path = self._folder / f"{table}-{number:05}.parquet"
        pl.DataFrame(rows, schema=dict(PART_TABLES[table]), orient="row").write_parquet(path, compression="zstd")
        _sync(path)

    def _rename(self, report: ShardReport) -> ShardReport:
        for _ in range(_TRIES):
            try:
                self._folder.rename(self._final)
            except OSError as e:
                if e.errno not in _TAKEN:
                    raise
            else:
                return report
            other = read_report(self._final)
            if other is not None and other.fingerprint == report.fingerprint:
                return other
            _discard(self._final)  # of other bytes; should we end here, the shard is done again
        raise OSError(errno.EBUSY, f"{self._final}: other workers keep replacing this part; run the job again")


def _temporary(name: str) -> str:
    return f".{name}.{socket.gethostname()}-{os.getpid()}.tmp"


def _folders(parts: Path) -> Iterator[Path]:
    """Yield the folders that are parts, by name."""
    with contextlib.suppress(FileNotFoundError):
        yield from sorted(folder for folder in parts.iterdir() if not folder.name.startswith("."))


def _remove_stale(parts: Path, *, now: float) -> None:
    """Remove what processes that are no more have left: of this machine at once, of others after a day."""
    for folder in parts.glob(".*.tmp"):
        with contextlib.suppress(FileNotFoundError):  # another worker removes it, or has just renamed it
            if _is_left_over(folder, now=now):
                shutil.rmtree(folder, ignore_errors=True)


def _is_left_over(folder: Path, *, now: float) -> bool:
    rest, _, pid = folder.name.removesuffix(".tmp").rpartition("-")
    if rest.endswith(f".{socket.gethostname()}") and pid.isdecimal() and not _is_running(int(pid)):
        return True
    return now - folder.stat().st_mtime > _STALE_S


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _discard(folder: Path) -> bool:
    """Remove a part so that half of it never looks like a whole one; return whether it was there."""
    away = folder.with_name(_temporary(f"{folder.name}.old"))
    shutil.rmtree(away, ignore_errors=True)
    try:
        folder.rename(away)
    except FileNotFoundError:
        return False
    shutil.rmtree(away, ignore_errors=True)
    return True


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
