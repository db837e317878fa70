"""Every export is kept: its bytes once, under their hash, and a record of what was asked for and when.

    <sha256>.zst                               the bytes of an export, or of its sidecar, compressed
    20261123T060000Z-trends-1a2b3c4d5e6f.json  a record: time, table, parameters, hashes, size

Each file takes its name when it is whole, the bytes before the record: what a record names is there, and two exports at
once do no harm. Nothing is ever deleted here.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from aiwire.exceptions import ConfigError
from aiwire.types import iso, parse_iso
from db.files import write_atomically, write_bytes_atomically

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor, ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdCompressor, ZstdDecompressor, ZstdError

__all__ = ["Record", "find", "keep", "restore"]

logger = logging.getLogger(__name__)

PIECE = 1 << 20  # bytes read at a time
LEVEL = 1  # of zstd: a weekly CSV shrinks to an eighth; higher levels save little and cost more than the export
HASH = re.compile(r"[0-9a-f]{64}")

Parameters = Mapping[str, Any]  # ready for JSON: what the user gave, by the names of the options


@dataclass(frozen=True, slots=True)
class Record:
    """One export that was kept."""

    made_at: str  # ISO
    table: str
    parameters: Parameters
    sha256: str
    bytes: int
    rows: int
    meta_sha256: str  # of its sidecar
    aiwire: str  # version

    @property
    def name(self) -> str:
        short = sha256(json.dumps([self.parameters, self.sha256, self.meta_sha256]).encode()).hexdigest()[:12]
        return f"{_stamp(self.made_at)}-{self.table}-{short}.json"


def keep(folder: Path, record: Record, data: BinaryIO, meta: bytes) -> None:
    """Keep an export in `folder`, which is made if it is not there.

    Raises:
        ConfigError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ConfigError(f"{folder}: cannot be made ({e.strerror}); set `exports` to a folder you may write in") from e
    _keep_bytes(folder, record.sha256, data)
    _keep_bytes(folder, record.meta_sha256, BytesIO(meta))
    text = json.dumps(asdict(record), ensure_ascii=False, indent=2) + "\n"
    write_atomically(folder / record.name, lambda out: out.write(text))


def find(folder: Path, table: str, parameters: Parameters, *, until: datetime) -> Record:
    """Return the newest export of `table` with these parameters that was made up to `until`.

    Raises:
        ConfigError: there is none; the message says what there is.
    """
    later: Record | None = None
    others: list[Record] = []
    for record in _newest_first(folder, table):
        if record.parameters != parameters:
            others.append(record)
        elif record.made_at <= iso(until):
            return record
        else:
            later = record
    none = f"no export of {table} like this was kept up to {iso(until)}"
    if later is not None:
        raise ConfigError(f"{none}; the nearest later one is of {later.made_at}: --as-of {later.made_at}")
    if others:
        newest = others[0]
        raise ConfigError(
            f"{none}; {folder} holds {len(others)} of {table} with other options, the newest of {newest.made_at} with"
            f" {_options(newest.parameters)}"
        )
    raise ConfigError(f"{none}; {folder} holds none of {table}: every export is kept there from its first on")


def restore(folder: Path, digest: str, out: BinaryIO) -> None:
    """Write what was kept under the hash `digest` to `out`.

    Raises:
        ConfigError: it is not there any more, or not what it was; some of it may have been written.
    """
    path = folder / f"{digest}.zst"
    remedy = "put it back from a backup, or name an earlier or later export with --as-of"
    hashed = sha256()
    try:
        with path.open("rb") as packed:
            for piece in _unpacked(packed):
                hashed.update(piece)
                out.write(piece)
    except ZstdError as e:
        raise ConfigError(f"{path}: is damaged ({e}); {remedy}") from e
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: the bytes of this export are gone; {remedy}") from e
    if hashed.hexdigest() != digest:
        raise ConfigError(f"{path}: is damaged (its hash is {hashed.hexdigest()}); {remedy}")


def _is_whole(path: Path, digest: str) -> bool:
    """Tell whether the bytes are kept, undamaged."""
    try:
        with Path(os.devnull).open("wb") as nowhere:
            restore(path.parent, digest, nowhere)
    except ConfigError:
        return False
    return True


def _keep_bytes(folder: Path, digest: str, data: BinaryIO) -> None:
    path = folder / f"{digest}.zst"
    if path.exists() and _is_whole(path, digest):
        return

    def pack(out: BinaryIO) -> None:
        compressor = ZstdCompressor(level=LEVEL)
        for piece in iter(partial(data.read, PIECE), b""):
            out.write(compressor.compress(piece))
        out.write(compressor.flush())

    write_bytes_atomically(path, pack)


def _unpacked(packed: BinaryIO) -> Iterator[bytes]:
    decompressor = ZstdDecompressor()
    for piece in iter(partial(packed.read, PIECE), b""):
        yield decompressor.decompress(piece, max_length=PIECE)
        while not decompressor.needs_input and not decompressor.eof:
            yield decompressor.decompress(b"", max_length=PIECE)
        if decompressor.eof:
            return


def _newest_first(folder: Path, table: str) -> Iterator[Record]:
    """Yield the records of a table; of two of the same second the one written last comes first."""
    paths = [path for path in folder.glob(f"*-{table}-*.json") if path.is_file()]
    for path in sorted(paths, key=lambda path: (path.name.split("-")[0], path.stat().st_mtime_ns), reverse=True):
        try:
            yield _record(json.loads(path.read_text(encoding="utf-8")), table)
        except (OSError, ValueError, TypeError) as e:
            logger.warning("%s: is no record of an export: %s", path, e)


def _record(found: Any, table: str) -> Record:
    """Return the record in a JSON file; one of a newer aiwire may say more.

    Raises:
        ValueError, TypeError: it is none.
    """
    if not isinstance(found, dict):
        raise TypeError("no object")
    known = {field.name for field in fields(Record)}
    record = Record(**{name: value for name, value in found.items() if name in known})
    if record.table != table or not all(HASH.fullmatch(one) for one in (record.sha256, record.meta_sha256)):
        raise ValueError("another table, or no hashes")
    parse_iso(record.made_at)
    return record


def _stamp(moment: str) -> str:
    return moment.replace("-", "").replace(":", "")


def _options(parameters: Parameters) -> str:
    """Return parameters as they are given on the command line."""
    words = []
    for name, value in parameters.items():
        for one in value if isinstance(value, list) else [value]:
            words.append(f"--{name}" if one is True else f"--{name} {one}")
    return " ".join(words) or "no option"
