"""Our database as Datasette sees it: its schema is read once, and nothing is counted that takes long to count.

Datasette asks for tables, columns and keys again for each page, table by table: half of the time of a page with our
number of tables.
"""

from __future__ import annotations

import copy
import time
from typing import Any

from datasette.database import Database

__all__ = ["NewsDatabase", "of"]

# they refer to articles, but have no index to count by: Datasette counts all that refers to a row on the row's page
UNCOUNTED = frozenset(["story_bands", "story_links", "story_sketches", "sentences"])
COUNTED_BYTES = 100 * 1024 * 1024  # of a file whose tables are counted for the list of tables, as on Datasette's home
SCHEMA_S = 5.0  # how long a schema is taken for unchanged

Keys = dict[str, dict[str, list[dict[str, str]]]]


class NewsDatabase(Database):  # type: ignore[misc]  # Datasette has no types
    """A database with a memory for its schema, whose bookkeeping refers to nothing."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._schema: dict[tuple[str, ...], Any] = {}
        self._schema_version: int | None = None
        self._looked_at = float("-inf")

    async def table_names(self) -> list[str]:
        """Return the names of all tables."""
        return list(await self._remembered("table_names"))

    async def view_names(self) -> list[str]:
        """Return the names of all views."""
        return list(await self._remembered("view_names"))

    async def hidden_table_names(self) -> list[str]:
        """Return the names of the tables that lists leave out."""
        return list(await self._remembered("hidden_table_names"))

    async def table_columns(self, table: str) -> list[str]:
        """Return the columns of a table."""
        return list(await self._remembered("table_columns", table))

    async def table_column_details(self, table: str) -> list[Any]:
        """Return the columns of a table with their types."""
        return list(await self._remembered("table_column_details", table))

    async def primary_keys(self, table: str) -> list[str]:
        """Return the columns of a table's primary key."""
        return list(await self._remembered("primary_keys", table))

    async def fts_table(self, table: str) -> str | None:
        """Return the full-text index of a table; None: it has none."""
        found: str | None = await self._remembered("fts_table", table)
        return found

    async def foreign_keys_for_table(self, table: str) -> list[dict[str, str]]:
        """Return what a table refers to."""
        return copy.deepcopy(list(await self._remembered("foreign_keys_for_table", table)))

    async def get_all_foreign_keys(self) -> Keys:
        """Return the foreign keys by table: incoming and outgoing ones."""
        found: Keys = await self._remembered("get_all_foreign_keys")
        return {
            table: {
                "incoming": [dict(key) for key in keys["incoming"] if key["other_table"] not in UNCOUNTED],
                "outgoing": [dict(key) for key in keys["outgoing"]],
            }
            for table, keys in found.items()
        }

    async def table_counts(self, limit: int = 10) -> dict[str, int | None]:
        """Return the number of rows of each table; None: not counted. A published copy brings its counts along."""
        if self.is_mutable and self.size > COUNTED_BYTES:
            return dict.fromkeys(await self.table_names())
        counts: dict[str, int | None] = await super().table_counts(limit)
        return counts

    async def _remembered(self, name: str, *args: str) -> Any:
        """Return what Datasette's own method of that name says of the schema as it is, or was a moment ago."""
        await self._forget_if_changed()
        key = (name, *args)
        if key not in self._schema:
            self._schema[key] = await getattr(Database, name)(self, *args)
        return self._schema[key]

    async def _forget_if_changed(self) -> None:
        if time.monotonic() < self._looked_at + SCHEMA_S:
            return
        version = (await self.execute("PRAGMA schema_version")).rows[0][0]
        if version != self._schema_version:
            self._schema, self._schema_version = {}, version
        self._looked_at = time.monotonic()


def of(database: Any) -> NewsDatabase:
    """Return one that stands for a plain `datasette.database.Database` that nothing has been read from yet."""
    return NewsDatabase(database.ds, path=database.path, is_mutable=database.is_mutable)
