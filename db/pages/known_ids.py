"""Whether an id that a reader gave is one of ours: a count of zero for it is true, or it is mistyped."""

from __future__ import annotations

from sqlite_utils import Database

__all__ = ["LISTS", "is_known"]

LISTS = {  # table that lists ids -> whether an id is in it
    "entities": "SELECT EXISTS (SELECT 1 FROM entities WHERE id = :id)",
    "sources": "SELECT EXISTS (SELECT 1 FROM sources WHERE id = :id)",
    "accelerator_families": "SELECT EXISTS (SELECT 1 FROM accelerator_families WHERE id = :id)",
    "accelerators": (  # parts; a query that takes one takes a family, too
        "SELECT EXISTS (SELECT 1 FROM accelerators WHERE id = :id)"
        " OR EXISTS (SELECT 1 FROM accelerator_families WHERE id = :id)"
    ),
}


def is_known(db: Database, table: str, key: str) -> bool:
    """Return whether a table of LISTS has an id."""
    (found,) = db.execute(LISTS[table], {"id": key}).fetchone()
    return bool(found)
