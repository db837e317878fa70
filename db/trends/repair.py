"""Checks and repairs: are the stored rollups what a rebuild gives?"""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from db.transactions import transaction
from db.trends.rollup import fill
from db.trends.tables import ROLLUPS, Rollup

__all__ = ["Compared", "compare"]


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of counting everything anew."""

    weeks: int  # that there are
    differing: int  # rows that are, or were, stored otherwise, not at all, or needlessly


def compare(db: Database, *, mend: bool) -> Compared:
    """Count everything anew in temporary tables, compare it with what is stored, and if asked, put that right.

    One transaction; without `mend` one that only reads. What is right is not written again.
    """
    with transaction(db) if mend else db.atomic():
        for rollup in ROLLUPS:
            _make_temporary(db, rollup)
        weeks = fill(db, "temp")
        differing = sum((_mend if mend else _differing)(db, rollup) for rollup in ROLLUPS)
        for rollup in ROLLUPS:
            db.execute(f"DROP TABLE temp.{rollup.name}")
    return Compared(weeks, differing)


def _make_temporary(db: Database, rollup: Rollup) -> None:
    columns = [
        *(f"{name} TEXT NOT NULL" for name in rollup.key),
        *(f"{name} INTEGER NOT NULL" for name in rollup.counts),
    ]
    db.execute(
        f"CREATE TEMP TABLE {rollup.name} ({', '.join(columns)}, PRIMARY KEY ({', '.join(rollup.key)})) WITHOUT ROWID"
    )


def _mend(db: Database, rollup: Rollup) -> int:
    columns = ", ".join((*rollup.key, *rollup.counts))
    wrong = f"REPLACE INTO main.{rollup.name} ({columns}) SELECT {columns} {_wrong_or_missing(rollup)}"
    return db.execute(f"DELETE {_needless(rollup)}").rowcount + db.execute(wrong).rowcount


def _differing(db: Database, rollup: Rollup) -> int:
    sql = f"SELECT (SELECT count(*) {_needless(rollup)}) + (SELECT count(*) {_wrong_or_missing(rollup)})"
    return int(db.execute(sql).fetchone()[0])


def _needless(rollup: Rollup) -> str:
    return f"""
        FROM main.{rollup.name} AS stored
        WHERE NOT EXISTS (SELECT 1 FROM temp.{rollup.name} AS counted WHERE {_equal(rollup.key)})
    """


def _wrong_or_missing(rollup: Rollup) -> str:
    return f"""
        FROM temp.{rollup.name} AS counted
        WHERE NOT EXISTS (
            SELECT 1 FROM main.{rollup.name} AS stored WHERE {_equal((*rollup.key, *rollup.counts))}
        )
    """


def _equal(columns: tuple[str, ...]) -> str:
    return " AND ".join(f"stored.{column} = counted.{column}" for column in columns)
