"""The tables of the rollups: their keys, and how rows get into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlite_utils import Database

from db.trends.periods import Grain

__all__ = ["CELLS", "PAIRS", "ROLLUPS", "TOTALS", "Counts", "Rollup", "Schema"]

Schema = Literal["main", "temp"]
Counts = Mapping[tuple[str, ...], tuple[int, ...]]  # rows: by key, what is counted


@dataclass(frozen=True, slots=True)
class Rollup:
    """A table that follows from articles and tags."""

    name: str
    key: tuple[str, ...]  # its primary key, in the order of the index
    counts: tuple[str, ...]  # the other columns

    def insert(self, db: Database, rows: Counts, *, schema: Schema = "main") -> None:
        """Add rows; those of the same keys are replaced."""
        columns = (*self.key, *self.counts)
        changes = ", ".join(f"{column} = excluded.{column}" for column in self.counts)
        db.conn.executemany(
            f"INSERT INTO {schema}.{self.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            f" ON CONFLICT DO UPDATE SET {changes}",
            [(*key, *rows[key]) for key in sorted(rows)],
        )

    def settle(self, db: Database, *, stored: Counts, wanted: Counts) -> None:
        """Make the stored rows the wanted ones, and write no row that is right."""
        if gone := stored.keys() - wanted.keys():
            found = " AND ".join(f"{column} = ?" for column in self.key)
            db.conn.executemany(f"DELETE FROM {self.name} WHERE {found}", sorted(gone))
        if changed := {key: counts for key, counts in wanted.items() if stored.get(key) != counts}:
            self.insert(db, changed)


def _cells(name: str) -> Rollup:
    return Rollup(
        name,
        ("entity_id", "segment", "period_start"),
        ("articles", "articles_about", "articles_owned", "stories", "publishers", "publishers_independent", "mentions"),
    )


CELLS: Mapping[Grain, Rollup] = {
    "day": _cells("trends_daily"),
    "week": _cells("trends_weekly"),
    "month": _cells("trends_monthly"),
}
TOTALS = Rollup(
    "period_totals",
    ("grain", "period_start", "segment"),
    ("articles_total", "stories_total", "publishers_active", "articles_full", "stories_full", "publishers_full"),
)
PAIRS = Rollup("cooccurrence_weekly", ("period_start", "entity_a", "entity_b"), ("articles", "stories"))
ROLLUPS = (*CELLS.values(), TOTALS, PAIRS)
