"""Tables as bytes: CSV, Parquet or JSON, written chunk by chunk. The same table gives the same bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal, get_args

import polars as pl

from db.exports.table import CHUNK_ROWS, REAL_DECIMALS, Column, Table, schema

__all__ = ["FORMATS", "Format", "write_table"]

Format = Literal["csv", "parquet", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
ROW_GROUP_ROWS = 100_000  # of Parquet: what a reader must hold at once
# A spreadsheet runs a cell that begins so, after what cannot be seen, too; the wide signs are those of CJK keyboards.
FORMULA = r"^(?:[\s\p{C}]*[=+\-@＝＋－＠]|[\t\r])"


def write_table(
    table: Table, out: BinaryIO, form: Format, *, excel: bool = False, step: Callable[[int], None] = lambda rows: None
) -> int:
    """Write all of `table` to `out` and return the number of rows.

    Reals have 6 decimals. A cell that is not known is empty (null): so are an empty text and a real that is no number.

    Args:
        table: its chunks are used up.
        out: CSV: UTF-8, LF, quoted where RFC 4180 wants it. JSON: an array, a row on each line.
        form: the format.
        excel: CSV with a byte order mark, without which Excel takes UTF-8 for something else.
        step: is told the number of rows of each chunk that was written.
    """
    rows = 0

    def chunks() -> Iterator[pl.DataFrame]:
        nonlocal rows
        for chunk in _merged(table.chunks):
            yield _clean(chunk)
            rows += chunk.height
            step(chunk.height)

    if form == "csv":
        _write_csv(table.columns, chunks(), out, excel=excel)
    elif form == "json":
        _write_json(chunks(), out)
    else:
        _write_parquet(table.columns, chunks(), out)
    return rows


def _merged(chunks: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the rows in chunks of about `CHUNK_ROWS`: a table may give one for each period, however small."""
    waiting: list[pl.DataFrame] = []
    for chunk in chunks:
        waiting.append(chunk)
        if sum(frame.height for frame in waiting) >= CHUNK_ROWS:
            yield pl.concat(waiting)
            waiting = []
    if waiting:
        yield pl.concat(waiting)


def _clean(chunk: pl.DataFrame) -> pl.DataFrame:
    reals, texts = pl.col(pl.Float64), pl.col(pl.String)
    rounded = reals.round(REAL_DECIMALS)
    return chunk.with_columns(
        pl.when(rounded.is_finite() & (rounded != 0)).then(rounded).when(rounded == 0).then(0.0),  # no NaN, no -0
        pl.when(texts != "").then(texts),
    )


def _write_csv(columns: Iterable[Column], chunks: Iterable[pl.DataFrame], out: BinaryIO, *, excel: bool) -> None:
    # an entity may be a column of its own, so the header is as suspect as the cells
    header = pl.DataFrame({column.name: [column.name] for column in columns})
    _without_formulas(header).write_csv(out, include_header=False, include_bom=excel)
    for chunk in chunks:
        _without_formulas(chunk).write_csv(
            out, include_header=False, float_precision=REAL_DECIMALS, float_scientific=False
        )


def _without_formulas(chunk: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before every text that a spreadsheet would run."""
    found = chunk.select(pl.col(pl.String).str.contains(FORMULA).any())  # much cheaper than to replace
    suspects = [column.name for column in found if column.item()]
    return chunk.with_columns(pl.col(suspects).str.replace(FORMULA, "'${0}"))


def _write_json(chunks: Iterable[pl.DataFrame], out: BinaryIO) -> None:
    out.write(b"[")
    before = b"\n"
    for chunk in chunks:
        lines = BytesIO()
        chunk.write_ndjson(lines)  # a line feed in a text is an escape: what is left is between rows
        out.write(before + lines.getvalue().rstrip(b"\n").replace(b"\n", b",\n"))
        before = b",\n"
    out.write(b"\n]\n")


def _write_parquet(columns: Iterable[Column], chunks: Iterable[pl.DataFrame], out: BinaryIO) -> None:
    """Write by way of a folder of parts: polars has no writer that takes one chunk after the other."""
    with tempfile.TemporaryDirectory(prefix="aiwire-") as folder:
        parts = [Path(folder, "0")]
        pl.DataFrame(schema=schema(columns)).write_ipc(parts[0])
        for number, chunk in enumerate(chunks, start=1):
            parts.append(Path(folder, str(number)))
            chunk.write_ipc(parts[-1], compression="lz4")
        pl.scan_ipc(parts).sink_parquet(out, row_group_size=ROW_GROUP_ROWS, maintain_order=True)
