"""The verdict on each entity in the newest full week: rising, falling, flat or too few stories to say.

Watches tell of it when it changes, and pages show it: these read it from `entity_signals`, which every command that
writes brings up to date at its end. The table follows from the rollups and from what sources answered, not from the
clock: the newest full week is the one before the last good answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from sqlite_utils import Database

from aiwire.types import parse_iso
from db.transactions import transaction
from db.trends.coverage import load_ledger
from db.trends.periods import Span, span_at, spans
from db.trends.query import Series, Vintage
from db.trends.signals import HISTORY, signals
from db.trends.stored import load_cells, load_totals
from db.trends.vintage import is_partial, load_vintage, looked_until

__all__ = ["NAMED_WEEKS", "Verdict", "newest_verdicts", "refresh_verdicts"]

NAMED_WEEKS = 26  # up to the newest full one: entities that none of them names have no verdict

_AFTER_ALL = datetime.max.replace(microsecond=0, tzinfo=UTC)  # the last good answer is before it
_DIGITS = 6  # of what is stored, so that it is the same with every build of numpy
_COLUMNS = (
    "entity_id", "kind", "week", "signal", "stories", "share_stories", "momentum", "momentum_lo", "momentum_hi",
    "signal_q", "coverage_ok",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the newest full week says of an entity in a segment. Definitions: docs/trends.md."""

    series: Series
    week: Span
    signal: str  # rising, falling, flat or too_few
    stories: int  # of that week
    share: float | None  # 0..1, of all stories of the week; None: there were none
    momentum: float | None  # share of the last 4 full weeks by that of the 4 before; None: there are fewer
    momentum_lo: float | None  # 95 % interval
    momentum_hi: float | None
    q: float | None  # false discovery rate at which the signal would still be called; None: not judged
    coverage_ok: bool  # the sources that should have answered in that week did


def newest_verdicts(db: Database, segment: str = "all", *, now: datetime = _AFTER_ALL) -> tuple[Verdict, ...]:
    """Return the verdict on every entity that was named of late, sorted by id; none if no week is full yet.

    Args:
        segment: as it is spelled in the tables.
        now: answers and weeks after it are not there yet.
    """
    vintage = load_vintage(db, now)
    weeks = _full_weeks(db, vintage)
    cells = load_cells(db, weeks, [segment]) if weeks else None
    if cells is None or not cells.series:
        return ()
    week, totals = weeks[-1], load_totals(db, weeks, [segment])
    group = np.array([totals.groups[segment, one.kind == "theme"] for one in cells.series], np.int64)
    found = signals(cells.stories, totals.stories, group, np.zeros_like(group))
    whole = totals.stories[-1][group]
    named = np.flatnonzero(cells.named(max(len(weeks) - NAMED_WEEKS, 0))).tolist()
    is_covered = load_ledger(db, week, vintage).ok().get(week.start, False)
    return tuple(
        Verdict(
            cells.series[at],
            week,
            str(found.signal[at]),
            stories := int(cells.stories[-1][at]),
            _known(stories / int(whole[at])) if whole[at] else None,
            _known(found.momentum[at]),
            _known(found.lo[at]),
            _known(found.hi[at]),
            _known(found.q[at]),
            is_covered,
        )
        for at in named
    )


def refresh_verdicts(db: Database) -> bool:
    """Bring `entity_signals` in line with the rollups, in one transaction; return whether anything had changed.

    Raises:
        TryLater, DatabaseError: it cannot be written.
    """
    rows = [
        (one.series.entity_id, one.series.kind, one.week.start.isoformat(), one.signal, one.stories, one.share,
         one.momentum, one.momentum_lo, one.momentum_hi, one.q, int(one.coverage_ok))
        for one in newest_verdicts(db)
    ]  # fmt: skip
    columns = ", ".join(_COLUMNS)
    if db.execute(f"SELECT {columns} FROM entity_signals ORDER BY entity_id").fetchall() == rows:
        return False
    with transaction(db):
        db.execute("DELETE FROM entity_signals")
        places = ", ".join("?" * len(_COLUMNS))
        db.conn.executemany(f"INSERT INTO entity_signals ({columns}) VALUES ({places})", rows)
    return True


def _full_weeks(db: Database, vintage: Vintage) -> tuple[Span, ...]:
    """Return the full weeks that a signal looks back over, the oldest first: none before the first tagged article."""
    looked = looked_until(vintage)
    (first,) = db.execute(
        "SELECT min(period_start) FROM period_totals WHERE grain = 'week' AND segment = 'all'"
    ).fetchone()
    if not looked or first is None:
        return ()
    newest = span_at(parse_iso(looked).date(), "week").back(1)  # it ended on the Monday of the last answer, or before
    earliest = max(date.fromisoformat(first), newest.back(HISTORY - 1).start)
    return tuple(week for week in spans(earliest, newest.start, "week") if not is_partial(week, vintage))


def _known(value: float) -> float | None:
    """Return a number as it is stored; NaN is unknown."""
    number = float(value)
    return round(number, _DIGITS) if number == number else None
