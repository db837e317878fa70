"""Captures of one URL folded into one article: which one counts, since when it is known, under which id.

The newest capture counts, unless its text is less than half as long as what was there before: that is a wall, not an
edit (as `aiwire.pipeline.pages` has it of a page that is read again). The first one gives the URL and `first_seen_at`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection

from aiwire.pipeline.pages import MUCH_LESS
from db.articles import article_id

__all__ = ["fold_captures", "insert_rows", "rows_of"]

_CHUNK = 50_000  # rows in Python at a time

_CAPTURED_SQL = """
    CREATE TABLE captured AS
    SELECT capture_id, url_key, url, captured_at, shard, "offset", length(text) AS characters FROM part_articles
"""
# a capture is the state after those before it; of URLs with one capture nothing has to be folded
_FOLDED_SQL = """
    CREATE TABLE folded AS
    WITH seen_again AS (SELECT url_key FROM captured GROUP BY url_key HAVING count(*) > 1),
    runs AS (
        SELECT arg_min(url, (captured_at, shard, "offset", capture_id)) AS url, min(captured_at) AS first_seen_at,
            list({'capture': capture_id, 'size': characters} ORDER BY captured_at, shard, "offset", capture_id)
                AS captures
        FROM captured WHERE url_key IN (FROM seen_again) GROUP BY url_key
    )
    SELECT url, first_seen_at, list_reduce(captures, lambda before, now:
        CASE WHEN now.size < before.size * ? THEN before ELSE now END).capture AS capture_id
    FROM runs
    UNION ALL
    SELECT url, captured_at, capture_id FROM captured WHERE url_key NOT IN (FROM seen_again)
"""
_KEPT_SQL = """
    CREATE TABLE kept AS
    SELECT *, substr(dated_at, 1, 10) AS day FROM (
        SELECT ids.id, folded.url, folded.first_seen_at, folded.capture_id, source_id, title, text_hash,
            CASE WHEN date_source = 'first_seen' THEN folded.first_seen_at ELSE dated_at END AS dated_at,
            coalesce(sketch_words, 0) AS words
        FROM folded JOIN ids ON ids.url = folded.url
        JOIN part_articles ON part_articles.capture_id = folded.capture_id
    )
"""


def fold_captures(db: DuckDBPyConnection) -> int:
    """Make the table `kept`, one row per article, of the view `part_articles`; return how many captures there were."""
    db.execute(_CAPTURED_SQL)
    db.execute(_FOLDED_SQL, [MUCH_LESS])
    _give_ids(db)
    db.execute(_KEPT_SQL)
    ((captures,),) = rows_of(db, "SELECT count(*) FROM captured")
    for table in ("captured", "folded", "ids"):
        db.execute(f"DROP TABLE {table}")
    return int(captures)


def _give_ids(db: DuckDBPyConnection) -> None:
    """Make the table `ids`. Of URLs whose hashes are equal the first keeps it, the others take the next free ones."""
    db.execute("CREATE TABLE ids (url VARCHAR, id BIGINT)")
    insert_rows(db, "ids", ((url, article_id(url)) for (url,) in rows_of(db, "SELECT url FROM folded")))
    late = "SELECT url, id FROM ids QUALIFY row_number() OVER (PARTITION BY id ORDER BY url) > 1 ORDER BY url"
    for url, wanted in list(rows_of(db, late)):
        free = wanted
        while db.execute("SELECT 1 FROM ids WHERE id = ? LIMIT 1", [free]).fetchone():
            free += 1
        db.execute("UPDATE ids SET id = ? WHERE url = ?", [free, url])


def rows_of(db: DuckDBPyConnection, sql: str, values: object = None) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query, some thousands in memory at a time, however many there are."""
    with closing(db.cursor()) as cursor:  # the connection itself may be asked other things meanwhile
        cursor.execute(sql, values)
        while chunk := cursor.fetchmany(2_000):
            yield from chunk


def insert_rows(db: DuckDBPyConnection, table: str, rows: Iterable[tuple[int | str, ...]]) -> None:
    """Add rows of whole numbers and texts to a table, by columns: one INSERT a row would take minutes."""
    left = iter(rows)
    while chunk := list(islice(left, _CHUNK)):
        columns = {
            f"c{number}": np.array(column, dtype=np.int64 if isinstance(column[0], int) else object)
            for number, column in enumerate(zip(*chunk, strict=True))
        }
        db.register("inserted", columns)
        db.execute(f"INSERT INTO {table} FROM inserted")
        db.unregister("inserted")
