"""All rows of a database, for comparison: what "the same rows" means."""

from __future__ import annotations

from sqlite_utils import Database

__all__ = ["NOT_COMPARED_COLUMNS", "NOT_COMPARED_TABLES", "dump_rows"]

# two databases have the same rows if all but these are equal
NOT_COMPARED_TABLES = frozenset(("runs", "fetches", "coverage", "source_state", "lanes", "robots", "loaded_articles"))
NOT_COMPARED_COLUMNS = frozenset({"as_of", "tagged_at"})


def dump_rows(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table, sorted, by table: what must be equal for two databases to have the same rows.

    Left out: runs, fetches, coverage (all count requests), source_state, lanes and robots; loaded_articles, which says
    what came out of an archive; the columns as_of and tagged_at; the full-text index and the bookkeeping of SQLite and
    sqlite-utils, which follow from the rest.
    """
    dump = {}
    for table in sorted(db.table_names()):
        if table in NOT_COMPARED_TABLES or table.startswith(("articles_fts", "sqlite_", "_sqlite_")):
            continue
        columns = [
            f'"{row[1]}"'
            for row in db.execute(f'PRAGMA table_xinfo("{table}")')  # xinfo lists generated columns too
            if row[1] not in NOT_COMPARED_COLUMNS
        ]
        rows = db.execute(f'SELECT {", ".join(columns)} FROM "{table}"').fetchall()
        dump[table] = sorted(rows, key=repr)
    return dump
