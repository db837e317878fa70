"""The parts of a job made into one archive: one row per article, stories, partitions by day.

DuckDB does the work and spills what does not fit; texts are in Python only while two of them are compared. The same
parts make the same files, so a generation is named by a hash of them and made once. A crash anywhere leaves the tables
that were there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import polars as pl
from duckdb import DuckDBPyConnection

import aiwire
from aiwire.archive.captures import fold_captures, rows_of
from aiwire.archive.generations import current, new_generation, remove_others
from aiwire.archive.job import job_version
from aiwire.archive.linking import link_stories
from aiwire.archive.parts import done_parts, part_folder
from aiwire.archive.schemas import ARCHIVE_TABLES, PART_TABLES, PARTITIONED
from aiwire.archive.sites import made_source
from aiwire.archive.stock import settle_about
from aiwire.archive.tables import MEMORY_LIMIT, TABLES, connect, create_view, read_meta, tables_folder
from aiwire.archive.values import Job
from aiwire.lock import writer_lock
from db.language import normal_language
from nlp.gazetteer import load_lexicon

__all__ = ["Assembled", "assemble"]

_ASSEMBLY = 1  # raise it when the same parts make other rows

_FLUSH_ROWS = 5_000  # DuckDB holds so many rows of texts before it writes them, and cannot spill them

# columns of the archive's tables that are not those of the part
_MADE = {
    "articles": {
        "id": "kept.id", "url": "kept.url", "dated_at": "kept.dated_at", "first_seen_at": "kept.first_seen_at",
        "story_id": "coalesce(stories.story_id, kept.id)", "publisher": "sources.publisher", "day": "kept.day",
    },
    "mentions": {"article_id": "kept.id", "day": "kept.day"},
    "article_entities": {
        "article_id": "kept.id", "dated_at": "kept.dated_at", "day": "kept.day",
        "about": "part.about_in_text AND not_about.id IS NULL",
    },
    "prices": {"article_id": "kept.id", "dated_at": "kept.dated_at", "day": "kept.day"},
}  # fmt: skip
_JOINS = {
    "articles": "LEFT JOIN stories ON stories.id = kept.id JOIN sources ON sources.id = kept.source_id",
    "article_entities": "LEFT JOIN not_about ON not_about.id = kept.id AND not_about.entity_id = part.entity_id",
}
_ORDER = {
    "articles": "id",
    "mentions": 'article_id, field, start, "end", entity_id',
    "article_entities": "article_id, entity_id",
    "prices": "article_id, position",
}
_CAPTURES_SQL = """
    SELECT source_id, day, sum(pages)::BIGINT AS pages, sum(kept)::BIGINT AS kept, min(first_at) AS first_at,
        max(last_at) AS last_at
    FROM part_captures GROUP BY source_id, day ORDER BY source_id, day
"""
_SITES_SQL = "SELECT source_id, min(site) FROM part_captures GROUP BY source_id ORDER BY source_id"
_UNLISTED_SQL = """
    SELECT entity_id, min(kind), min(unlisted_name) FROM part_article_entities JOIN kept USING (capture_id)
    WHERE unlisted_name IS NOT NULL GROUP BY entity_id ORDER BY entity_id
"""


@dataclass(frozen=True, slots=True)
class Assembled:
    """What the tables of an archive hold."""

    generation: str
    captures: int  # of pages that were kept
    articles: int
    stories: int
    rows: Mapping[str, int]  # by table
    is_new: bool = True  # False: the parts are those that the tables were made of

    @property
    def folded(self) -> int:
        """Captures of pages that had been captured before."""
        return self.captures - self.articles


def assemble(
    job: Job, *, progress: Callable[[str], None] = lambda step: None, memory_limit_bytes: int = MEMORY_LIMIT
) -> Assembled:
    """Make the tables of all parts of the job's version, unless they were made already.

    Parts may come meanwhile: those that are there at the beginning count.

    Args:
        progress: is told each step as it begins.
        memory_limit_bytes: what DuckDB may hold; the rest spills into the archive's folder.

    Raises:
        ConfigError: the gazetteer cannot be read.
        TryLater: another process makes the tables of this archive.
    """
    version = job_version(job)
    job.folder.mkdir(parents=True, exist_ok=True)
    with writer_lock(job.folder / TABLES):
        parts = {key: report.fingerprint for key, report in done_parts(job.folder, version).items()}
        generation = _generation(parts, version)
        is_new = current(job.folder) != generation
        if is_new:
            with new_generation(job.folder, generation) as tables:
                folders = [part_folder(job.folder, key, version) for key in parts]
                counts = _make(job, folders, tables, progress, memory_limit_bytes)
                meta = {"generation": generation, "version": version, "aiwire": aiwire.__version__, "parts": parts,
                        "counts": counts}  # fmt: skip
                (tables / "meta.json").write_text(json.dumps(meta, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        remove_others(job.folder, keep={generation})
        return _assembled(job.folder, is_new=is_new)


def _assembled(folder: Path, *, is_new: bool) -> Assembled:
    meta = read_meta(tables_folder(folder))
    counts = meta["counts"]
    return Assembled(
        meta["generation"], counts["captures"], counts["articles"], counts["stories"], counts["rows"], is_new
    )  # fmt: skip


def _generation(parts: Mapping[str, str], version: str) -> str:
    said = json.dumps([_ASSEMBLY, version, sorted(parts.items())])
    return blake2b(said.encode(), digest_size=8).hexdigest()


def _make(
    job: Job, parts: Sequence[Path], tables: Path, progress: Callable[[str], None], memory_limit_bytes: int
) -> dict[str, object]:
    """Write all tables; return how many rows of what there are."""
    work = tables / ".work"
    work.mkdir()
    with closing(connect(work, memory_limit_bytes=memory_limit_bytes, database=work / "work.duckdb")) as db:
        for name, columns in PART_TABLES.items():
            found = (file for part in parts for file in sorted(part.glob(f"{name}-*.parquet")))
            create_view(db, f"part_{name}", list(found), columns)
        progress("captures")
        _write_sources(db, job, tables / "sources.parquet")
        captures = fold_captures(db)
        progress("stories")
        link_stories(db, work)
        progress("stock sentences")
        settle_about(db)
        progress("tables")
        _write_entities(db, job, tables / "entities.parquet")
        _copy(db, _CAPTURES_SQL, tables / "captures.parquet")
        rows = {table: _write_partitioned(db, table, tables / table) for table in PARTITIONED}
        ((own_stories,),) = rows_of(db, "SELECT count(DISTINCT story_id) - count(*) FROM stories")
    shutil.rmtree(work)
    articles = rows["articles"]
    return {"captures": captures, "articles": articles, "stories": articles + own_stories, "rows": rows}


def _write_partitioned(db: DuckDBPyConnection, table: str, folder: Path) -> int:
    """Write a table, one file a day, sorted; return how many rows it has."""
    folder.mkdir()
    made = _MADE[table]
    columns = ", ".join(
        f'{made.get(column, f"""part."{column}" """)} AS "{column}"' for column in ARCHIVE_TABLES[table]
    )
    sql = f"""
        SELECT {columns} FROM part_{table} AS part JOIN kept ON kept.capture_id = part.capture_id
        {_JOINS.get(table, "")} ORDER BY day, {_ORDER[table]}
    """  # noqa: S608 (names of our own)
    ((threads,),) = rows_of(db, "SELECT current_setting('threads')")
    db.execute("SET threads = 1")  # several would write several files a day, each a part of the order
    db.execute(f"SET partitioned_write_flush_threshold = {_FLUSH_ROWS}")
    rows = _copy(db, sql, folder, "PARTITION_BY (day), FILENAME_PATTERN 'part-{i}', OVERWRITE_OR_IGNORE")
    db.execute(f"SET threads = {threads}")
    return rows


def _copy(db: DuckDBPyConnection, sql: str, path: Path, *options: str) -> int:
    target = str(path).replace("'", "''")
    written = db.execute(f"COPY ({sql}) TO '{target}' ({', '.join(('FORMAT parquet', 'COMPRESSION zstd', *options))})")
    ((rows,),) = written.fetchall()
    return int(rows)


def _write_sources(db: DuckDBPyConnection, job: Job, path: Path) -> None:
    """Write the sources of the list and those made of sites; they are the table `sources`, too."""
    listed = {source.id: source for source in job.sources}
    sources = listed | {
        source_id: made_source(site) for source_id, site in rows_of(db, _SITES_SQL) if source_id not in listed
    }
    rows = [
        (one.id, one.name, one.kind, one.url, one.publisher, one.owner, normal_language(one.language), one.category,
         one.licence, one.id in listed)
        for _, one in sorted(sources.items())
    ]  # fmt: skip
    _write_rows(rows, "sources", path)
    create_view(db, "sources", [path], ARCHIVE_TABLES["sources"])


def _write_entities(db: DuckDBPyConnection, job: Job, path: Path) -> None:
    """Write the entities of the lists and those that articles name besides, as `db.entities` would have them."""
    listed = {one.id: one for one in load_lexicon(gazetteer=job.gazetteer).entities}
    rows: list[tuple[object, ...]] = [
        (e.id, e.kind, e.name, e.category, e.description, e.parent, e.country, e.ticker, True) for e in listed.values()
    ]
    rows += (
        (entity_id, kind, name, None, None, None, None, None, False)
        for entity_id, kind, name in rows_of(db, _UNLISTED_SQL)
        if entity_id not in listed
    )
    _write_rows(sorted(rows, key=lambda row: str(row[0])), "entities", path)


def _write_rows(rows: Sequence[tuple[object, ...]], table: str, path: Path) -> None:
    pl.DataFrame(rows, schema=dict(ARCHIVE_TABLES[table]), orient="row").write_parquet(path, compression="zstd")
