"""The whole export: rows and what describes them, of one moment; kept, then written whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj
from typing import Any, BinaryIO, cast

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from aiwire.types import iso
from db.exports.kept import PIECE, Record, restore
from db.exports.meta import DICTIONARY_HEADER, dictionary, sidecar, sources_hash
from db.exports.request import ExportRequest
from db.exports.tables import COLUMNS, MAKERS, Maker
from db.exports.writers import Format, write_table
from db.files import is_replaceable, write_bytes_atomically

__all__ = ["Made", "deliver", "made", "restored", "write_dictionary"]

IN_MEMORY = 8 << 20  # bytes of an export that need no file


@dataclass(frozen=True, slots=True)
class Made:
    """An export that is ready: `data` is at its beginning whenever somebody asks for it."""

    record: Record
    meta: bytes
    file: BinaryIO

    @property
    def data(self) -> BinaryIO:
        self.file.seek(0)
        return self.file


@contextmanager
def made(
    db: Database,
    request: ExportRequest,
    *,
    form: Format,
    excel: bool,
    parameters: Mapping[str, Any],
    version: str,
    step: Callable[[int], None] = lambda rows: None,
    maker: Maker | None = None,
) -> Iterator[Made]:
    """Read the table in one snapshot and yield its bytes, which are gone after the block.

    Args:
        db: read only.
        request: which rows of which table.
        form: the format.
        excel: a CSV with a byte order mark.
        parameters: what the user gave, ready for JSON.
        version: of aiwire.
        step: is told the number of rows of each chunk that was read.
        maker: makes the table; None: that of the tables of the database.

    Raises:
        ConfigError: there is no such entity, segment, column or cell, or no room for temporary files.
    """
    with _scratch() as file:
        with _room(), db.atomic():
            table = (maker or MAKERS[request.table])(db, request)
            rows = write_table(table, file, form, excel=excel, step=step)
            sources = sources_hash(db)
        digest, size = _hashed(file)
        written = {"format": form, "parameters": parameters, "rows": rows, "bytes": size, "sha256": digest}
        meta = sidecar(table, request, sources, written, version=version).encode()
        made_at, meta_digest = iso(request.now), sha256(meta).hexdigest()
        yield Made(Record(made_at, request.table, parameters, digest, size, rows, meta_digest, version), meta, file)


@contextmanager
def restored(folder: Path, record: Record) -> Iterator[Made]:
    """Yield an export as it was kept in `folder`.

    Raises:
        ConfigError: it is gone or damaged, or there is no room for temporary files.
    """
    with _scratch() as file:
        meta = BytesIO()
        with _room():
            restore(folder, record.sha256, file)
        restore(folder, record.meta_sha256, meta)
        yield Made(record, meta.getvalue(), file)


def deliver(export: Made, path: Path) -> bool:
    """Write the export to `path` and what describes it to its `.meta.json`; tell whether it has that file beside it.

    A path that is no regular file (a pipe, a device) gets the rows alone.

    Raises:
        ConfigError: a file cannot be written there.
    """
    has_sidecar = is_replaceable(path)

    def fill(out: BinaryIO) -> None:
        copyfileobj(export.data, out, PIECE)
        if has_sidecar:
            write_bytes_atomically(_sidecar_of(path), lambda beside: beside.write(export.meta))

    write_bytes_atomically(path, fill)
    return has_sidecar


def _sidecar_of(path: Path) -> Path:
    """Return `x.meta.json` for `x.csv`, but `x.parquet.meta.json` for `x.parquet`: they may stand side by side."""
    return path.with_suffix(".meta.json") if path.suffix in (".csv", "") else path.with_name(f"{path.name}.meta.json")


def write_dictionary(folder: Path) -> str:
    """Write `dictionary.csv`, which describes every column of every table, and return why not; "" if it is there.

    A file of that name that is not ours stays as it is.
    """
    path = folder / "dictionary.csv"
    content = dictionary(COLUMNS)
    try:
        if path.exists():
            with path.open("rb") as file:
                if file.readline() != DICTIONARY_HEADER.encode():
                    return f"{path}: is another file, which stays; the columns are described in the .meta.json"
                if file.read() == content.removeprefix(DICTIONARY_HEADER.encode()):
                    return ""
        write_bytes_atomically(path, lambda out: out.write(content))
    except (OSError, ConfigError) as e:
        return f"{path}: the columns cannot be described there ({e})"
    return ""


@contextmanager
def _scratch() -> Iterator[BinaryIO]:
    """Yield a nameless file: whatever happens, nothing is left of it."""
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        yield cast(BinaryIO, file)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as e:
        folder = tempfile.gettempdir()
        raise ConfigError(
            f"{folder}: an export cannot be made there ({e.strerror or e}); free some space, or name another folder in"
            " TMPDIR"
        ) from e


def _hashed(file: BinaryIO) -> tuple[str, int]:
    """Return SHA-256 and size in bytes."""
    file.seek(0)
    hashed, size = sha256(), 0
    for piece in iter(partial(file.read, PIECE), b""):
        hashed.update(piece)
        size += len(piece)
    return hashed.hexdigest(), size
