"""The stored rollups of a window as arrays: cells and totals of successive periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from db.trends.periods import Span
from db.trends.query import Series
from db.trends.tables import CELLS, TOTALS

__all__ = ["Cells", "Totals", "load_cells", "load_totals"]

Ints = NDArray[np.int64]
Counts = NDArray[np.int32]

# the rows of an entity in a segment lie together, in the order of the primary key; no text, which would take twice as
# long to read
CELLS_SQL = """
    SELECT entities.rowid, CAST(replace(cells.period_start, '-', '') AS INTEGER), {counts}
    FROM entities CROSS JOIN {table} AS cells ON cells.entity_id = entities.id
    WHERE cells.segment = ? AND cells.period_start BETWEEN ? AND ?
"""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells that are not empty: period after period."""

    series: tuple[Series, ...]  # sorted by entity and segment: those with a cell, and those asked for
    starts: Ints  # where the cells of each period begin, and where the last ones end
    place: Counts  # number in `series`, of each cell
    counts: Mapping[str, Counts]  # column -> of each cell
    stories: Counts  # periods x series: the one column that is needed of many periods at a time

    def named(self, first: int) -> NDArray[np.bool_]:
        """Return which series have a cell in period number `first` or later."""
        found = np.zeros(len(self.series), bool)
        found[self.place[self.starts[first] :]] = True
        return found

    def row(self, period: int, column: str) -> Ints:
        """Return a column of one period, zeros filled in: one number per series."""
        part = slice(self.starts[period], self.starts[period + 1])
        row = np.zeros(len(self.series), np.int64)
        row[self.place[part]] = self.counts[column][part]
        return row


@dataclass(frozen=True, slots=True)
class Totals:
    """The denominators: arrays of periods x groups, where a group is a segment, once for themes and once for others."""

    groups: Mapping[tuple[str, bool], int]  # segment, of themes -> number
    articles: Ints
    stories: Ints
    publishers: Ints


def load_cells(
    db: Database, periods: Sequence[Span], segments: Sequence[str], asked: Sequence[tuple[str, str]] = ()
) -> Cells:
    """Return the cells of successive periods in these segments.

    Args:
        asked: entities and segments that are in `series` even without a cell.
    """
    table = CELLS[periods[0].grain]
    sql = CELLS_SQL.format(table=table.name, counts=", ".join(f"cells.{name}" for name in table.counts))
    window = str(periods[0].start), str(periods[-1].start)
    parts = []
    for number, segment in enumerate(segments):
        numbers = np.fromiter(chain.from_iterable(db.execute(sql, [segment, *window])), np.int64)
        rows = numbers.reshape(-1, 2 + len(table.counts))
        parts.append(np.column_stack([np.full(len(rows), number), rows]).astype(np.int32))
    cells = np.concatenate([np.zeros((0, 3 + len(table.counts)), np.int32), *parts])
    return _sorted(db, cells, periods, segments, asked, table.counts)


def _sorted(
    db: Database,
    cells: Counts,
    periods: Sequence[Span],
    segments: Sequence[str],
    asked: Sequence[tuple[str, str]],
    names: Sequence[str],
) -> Cells:
    """Bring cells into the order of periods, and series into that of their keys.

    Args:
        cells: rows of number of the segment, rowid of the entity, day as a number, counts.
    """
    entities = {row[0]: row[1:] for row in db.execute("SELECT rowid, id, name, kind FROM entities")}
    rowids = {row[0]: rowid for rowid, row in entities.items()}
    code = cells[:, 1].astype(np.int64) * len(segments) + cells[:, 0]
    wanted = [rowids[entity_id] * len(segments) + segments.index(segment) for entity_id, segment in asked]
    found = np.unique(np.concatenate([code, np.array(wanted, np.int64)]))
    keys = [(entities[at // len(segments)][0], segments[at % len(segments)]) for at in found.tolist()]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    place = np.zeros(len(keys), np.int32)
    place[order] = np.arange(len(keys))
    period = np.searchsorted([int(span.start.strftime("%Y%m%d")) for span in periods], cells[:, 2])
    by_period = np.argsort(period, kind="stable")
    where, when = place[np.searchsorted(found, code)][by_period], period[by_period]
    counts = {name: cells[by_period, 3 + n] for n, name in enumerate(names)}
    stories = np.zeros((len(periods), len(keys)), np.int32)
    stories[when, where] = counts["stories"]
    return Cells(
        tuple(
            Series(entity_id, segment, *entities[rowids[entity_id]][1:])
            for entity_id, segment in (keys[at] for at in order)
        ),
        np.searchsorted(when, np.arange(len(periods) + 1)),
        where,
        counts,
        stories,
    )


def load_totals(db: Database, periods: Sequence[Span], segments: Sequence[str]) -> Totals:
    """Return the denominators of successive periods in the segments named; 0 where nothing is stored."""
    groups = {
        (segment, of_themes): n * 2 + of_themes for n, segment in enumerate(segments) for of_themes in (False, True)
    }
    columns = TOTALS.counts
    found = np.zeros((len(columns), len(periods), len(segments)), np.int64)
    numbers = {str(span.start): at for at, span in enumerate(periods)}
    places = {segment: n for n, segment in enumerate(segments)}
    for start, segment, *values in db.execute(
        f"""
        SELECT period_start, segment, {", ".join(columns)} FROM {TOTALS.name}
        WHERE grain = ? AND period_start BETWEEN ? AND ?
        """,
        [periods[0].grain, str(periods[0].start), str(periods[-1].start)],
    ):
        if segment in places:
            found[:, numbers[start], places[segment]] = values
    pairs = (("articles_total", "articles_full"), ("stories_total", "stories_full"),
             ("publishers_active", "publishers_full"))  # fmt: skip
    whole = [
        np.stack([found[columns.index(name)] for name in pair], axis=2).reshape(len(periods), -1) for pair in pairs
    ]
    return Totals(groups, *whole)
