"""The trends of an archive: the rows of `aiwire export trends`, equal to the last byte, from Parquet.

DuckDB counts what is large (`counting`). What is small (sources, entities, on which days pages were captured, and the
rollups of the grain that is asked for) goes into a database in memory, from which the code of `db.trends` makes the
rows: there is one definition of every column.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from shutil import copyfileobj
from typing import Any

import duckdb

from aiwire.archive.counting import ParquetArticles, cells, prepare, totals
from aiwire.archive.tables import open_tables
from aiwire.exceptions import ConfigError
from aiwire.types import Source
from db.connection import Database, connect
from db.exports import trends
from db.exports.request import ExportRequest
from db.exports.write import Made, deliver, made, write_dictionary
from db.exports.writers import Format
from db.runs import start_run
from db.sources import add_sources
from db.transactions import transaction
from db.trends.series import load_extent
from db.trends.tables import CELLS, TOTALS

__all__ = ["made_trends", "write_trends"]

logger = logging.getLogger(__name__)

# what the database has of the small tables once all articles of the archive are loaded
SOURCES_SQL = """
    SELECT id, name, kind, url, publisher, owner, language, category, licence, is_listed FROM sources
    WHERE id IN (SELECT source_id FROM articles) ORDER BY id
"""
ENTITIES = ("id", "kind", "name", "category", "description", "parent", "country", "ticker", "listed")
ENTITIES_SQL = """
    SELECT id, kind, name, category, description, parent, country, ticker, listed::INTEGER FROM entities ORDER BY id
"""
COVERAGE = ("source_id", "day", "checks", "answers")
COVERAGE_SQL = """
    SELECT source_id, day, pages, pages FROM captures WHERE source_id IN (SELECT source_id FROM articles)
    ORDER BY source_id, day
"""
FETCHES = ("run_id", "source_id", "fetched_at", "url", "purpose", "outcome", "wire_bytes", "elapsed_ms", "entries",
           "new", "changed")  # fmt: skip
# the first and the last good answer: nothing is asked of those between them
ANSWERS_SQL = """
    WITH answers AS (FROM captures WHERE source_id IN (SELECT source_id FROM articles))
    SELECT source_id, last_at, '', 'archive', 'ok', 0, 0, 0, 0, 0 FROM answers
    WHERE last_at IN ((SELECT min(last_at) FROM answers), (SELECT max(last_at) FROM answers))
"""


@contextmanager
def made_trends(
    folder: Path,
    request: ExportRequest,
    *,
    form: Format,
    excel: bool,
    version: str,
    parameters: Mapping[str, Any] | None = None,
    step: Callable[[int], None] = lambda rows: None,
) -> Iterator[Made]:
    """Count the trends of an archive and yield their bytes, which are gone after the block.

    Args:
        folder: of the archive.
        request: which rows.
        form: the format.
        excel: a CSV with a byte order mark.
        version: of aiwire.
        parameters: what the user gave, ready for JSON, for the sidecar.
        step: is told the number of rows of each chunk that was read.

    Raises:
        ConfigError: the archive has no tables, or damaged ones; there is no such entity, segment or column; no room for
            temporary files.
    """
    with closing(open_tables(folder)) as tables, closing(connect(":memory:")) as db:
        reader = ParquetArticles(tables)
        try:
            _fill(db, tables, request, reader)
            making = made(
                db, request, form=form, excel=excel, parameters=parameters or {}, version=version, step=step,
                maker=partial(trends.table, reader=reader),
            )  # fmt: skip
            with making as export:
                yield export
        except duckdb.OutOfMemoryException as e:
            raise ConfigError(
                f"{folder}: the trends need more memory or disk than there is ({_first_line(e)}); free some space there"
            ) from e
        except duckdb.Error as e:
            raise ConfigError(
                f"{folder}: the tables cannot be read ({_first_line(e)}); if they were made anew just now, do it again,"
                " else make them anew with `aiwire archive tables`"
            ) from e


def write_trends(
    folder: Path,
    request: ExportRequest,
    output: Path | None,
    *,
    form: Format,
    excel: bool,
    version: str,
    parameters: Mapping[str, Any] | None = None,
) -> int:
    """Write the trends of an archive to `output` with sidecar and dictionary, or to stdout; return the number of rows.

    A device or pipe gets the rows alone. The arguments are those of `made_trends`.

    Raises:
        ConfigError: as `made_trends`; a file cannot be written there.
    """
    with made_trends(folder, request, form=form, excel=excel, version=version, parameters=parameters) as export:
        if output is None:
            with suppress(BrokenPipeError):  # the reader has seen enough
                copyfileobj(export.data, sys.stdout.buffer)
                sys.stdout.buffer.flush()
        elif deliver(export, output) and (why_not := write_dictionary(output.parent)):
            logger.warning("%s", why_not)
        return export.record.rows


def _fill(db: Database, tables: duckdb.DuckDBPyConnection, request: ExportRequest, reader: ParquetArticles) -> None:
    """Put what is small into the database, and the rollups that the request needs."""
    run_id = start_run(db, "archive trends", now=request.now)
    prepare(tables, request.grain)
    cell = CELLS[request.grain]
    with transaction(db):
        add_sources(db, _sources(tables))
        _insert(db, "entities", ENTITIES, tables.execute(ENTITIES_SQL).fetchall())
        _insert(db, "coverage", COVERAGE, tables.execute(COVERAGE_SQL).fetchall())
        _insert(db, "fetches", FETCHES, ((run_id, *row) for row in tables.execute(ANSWERS_SQL).fetchall()))
        _insert(db, TOTALS.name, (*TOTALS.key, *TOTALS.counts), ((request.grain, *row) for row in totals(tables)))
        db.execute(f"DROP INDEX {cell.name}_period")  # which serves pages, and would take as long as the rows
        periods, segments = load_extent(db, trends.query_of(request), reader)
        _insert(db, cell.name, (*cell.key, *cell.counts), cells(tables, periods, segments))


def _sources(tables: duckdb.DuckDBPyConnection) -> Iterator[Source]:
    """Yield the sources that have an article: loading the archive adds no others."""
    for source_id, name, kind, url, publisher, owner, language, category, licence, is_listed in tables.execute(
        SOURCES_SQL
    ).fetchall():
        yield Source(
            id=source_id, name=name, kind=kind, url=url, publisher=publisher, owner=owner, language=language,
            category=category, licence=licence, enabled=is_listed,
        )  # fmt: skip


def _insert(db: Database, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    places = ", ".join("?" * len(columns))
    db.conn.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)  # noqa: S608 (names of our own)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
