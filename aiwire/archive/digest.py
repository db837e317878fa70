"""One number for all rows of an archive: the same pages, whatever ran where and in which order, have the same."""

from __future__ import annotations

import json
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from aiwire.archive.captures import rows_of
from aiwire.archive.schemas import ARCHIVE_TABLES, PARTITIONED
from aiwire.archive.tables import open_tables

__all__ = ["digest"]

_KEYS = {
    "articles": ("id",),
    "mentions": ("article_id", "field", "start", "end", "entity_id"),
    "article_entities": ("article_id", "entity_id"),
    "prices": ("article_id", "position"),
}
_PLACES = ("shard", "offset")  # where a page stood: a file that was moved changes no article


def digest(folder: Path) -> str:
    """Return the SHA-256 of the rows of articles, mentions, article_entities and prices, in the order of their keys.

    Raises:
        ConfigError: nothing was assembled in `folder`.
    """
    found = sha256()
    with closing(open_tables(folder)) as db:
        for table in PARTITIONED:
            columns = [f'"{column}"' for column in ARCHIVE_TABLES[table] if column not in _PLACES]
            keys = ", ".join(f'"{column}"' for column in ("day", *_KEYS[table]))
            found.update(f"{table}: {', '.join(columns)}\n".encode())
            for row in rows_of(db, f"SELECT {', '.join(columns)} FROM {table} ORDER BY {keys}"):  # noqa: S608 (ours)
                found.update(json.dumps(row, ensure_ascii=False).encode())
                found.update(b"\n")
    return found.hexdigest()
