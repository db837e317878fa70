"""The list that every step registers in, and the way a step runs its statements."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

__all__ = ["MIGRATIONS", "execute"]

MIGRATIONS = Migrations("aiwire")


def execute(db: Database, *statements: str) -> None:
    """Run statements within the step's own transaction, which executescript() would commit."""
    for statement in statements:
        db.execute(statement)
