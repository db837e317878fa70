"""How far the newest counts can be trusted: what was asked of sources, when, and what they answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Literal

from sqlite_utils import Database

from aiwire.types import iso

__all__ = ["CoverageDay", "CoverageWeek", "Notice", "by_week", "coverage_notice", "days_of_all", "days_of_sources"]

STALE_AFTER = timedelta(hours=26)  # every source is asked once a day; two hours are grace
UNDER_WAY = timedelta(hours=3)  # a run that began earlier and has no end was killed
NAMED = 3  # sources that a notice names
UNREAD = ("gone", "blocked", "missing", "failing")  # status of a source that could not be read

UNREAD_SQL = f"""
    SELECT sources.id, name, failing_since FROM sources JOIN source_state ON source_id = sources.id
    WHERE enabled = 1 AND active = 1 AND status IN {UNREAD} ORDER BY failing_since IS NULL, failing_since, sources.id
"""
WANTED_SQL = "SELECT count(*) FROM sources WHERE enabled = 1 AND active = 1"
# all rows have the same week, and say the same of it
WEEK_SQL = "SELECT week, coverage_ok FROM entity_signals ORDER BY entity_id LIMIT 1"
RUN_SQL = "SELECT status, started_at FROM runs WHERE id = (SELECT max(id) FROM runs)"
DAYS_SQL = "SELECT day, count(*), sum(answers > 0) FROM coverage WHERE day >= ? AND day <= ? GROUP BY day"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a reader must know before trusting the newest counts."""

    text: str  # sentences
    severity: Literal["info", "warn"]
    source_ids: tuple[str, ...]  # that could not be read


@dataclass(frozen=True, slots=True)
class CoverageDay:
    """What was asked on one day, UTC, and answered: sources of all, or requests of one source."""

    day: date
    asked: int
    answered: int

    @property
    def share(self) -> float | None:
        """Share that was answered, 0..1; None: nothing was asked."""
        return self.answered / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class CoverageWeek:
    """The days of a week summed up."""

    start: date  # Monday
    days: int  # on which something was asked
    asked: int
    answered: int

    @property
    def share(self) -> float | None:
        """Share that was answered, 0..1; None: nothing was asked."""
        return self.answered / self.asked if self.asked else None


def coverage_notice(db: Database, now: datetime) -> Notice | None:
    """Return what speaks against the newest counts; None: nothing does."""
    (last_ok,) = db.execute("SELECT max(ok_at) FROM source_state").fetchone()
    if last_ok is None:
        return Notice("No source has been read yet: there is nothing to count.", "warn", ())
    unread = db.execute(UNREAD_SQL).fetchall()
    week = db.execute(WEEK_SQL).fetchone()
    is_short = week is not None and not week[1]
    is_stale = last_ok < iso(now - STALE_AFTER)
    said = [
        f"Nothing was read since {last_ok[:10]} {last_ok[11:16]} UTC: what came later is not counted."
        if is_stale
        else "",
        f"The week from {week[0]} is not fully covered: its counts are too low." if is_short else "",
        _unread(unread, int(db.execute(WANTED_SQL).fetchone()[0])) if unread else "",
        "A run is under way: the newest counts still grow." if _is_running(db, now) else "",
    ]
    text = " ".join(filter(None, said))
    return Notice(text, "warn" if is_stale or is_short else "info", tuple(row[0] for row in unread)) if text else None


def days_of_all(db: Database, first: date, last: date) -> tuple[CoverageDay, ...]:
    """Return of each day how many sources were asked and how many of them answered; days without a request: zeros."""
    found = {day: (asked, answered) for day, asked, answered in db.execute(DAYS_SQL, [str(first), str(last)])}
    return _filled(found, first, last)


def days_of_sources(
    db: Database, source_ids: Iterable[str], first: date, last: date
) -> dict[str, tuple[CoverageDay, ...]]:
    """Return of each source and day how many requests for it were made and answered; days without: zeros."""
    sql = "SELECT day, checks, answers FROM coverage WHERE source_id = ? AND day >= ? AND day <= ?"
    return {
        source_id: _filled(
            {row[0]: row[1:] for row in db.execute(sql, [source_id, str(first), str(last)])}, first, last
        )
        for source_id in source_ids
    }


def by_week(days: Iterable[CoverageDay]) -> tuple[CoverageWeek, ...]:
    """Return the days summed up by ISO week, in their order."""
    weeks = groupby(days, key=lambda one: one.day - timedelta(days=one.day.weekday()))
    found = []
    for start, group in weeks:
        of_week = tuple(group)
        found.append(
            CoverageWeek(
                start,
                sum(one.asked > 0 for one in of_week),
                sum(one.asked for one in of_week),
                sum(one.answered for one in of_week),
            )
        )
    return tuple(found)


def _filled(found: Mapping[str, tuple[int, int]], first: date, last: date) -> tuple[CoverageDay, ...]:
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return tuple(CoverageDay(day, *found.get(day.isoformat(), (0, 0))) for day in days)


def _unread(rows: list[tuple[str, str, str | None]], wanted: int) -> str:
    named = ", ".join(name + (f" (since {since[:10]})" if since else "") for _, name, since in rows[:NAMED])
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return f"{len(rows)} of {wanted} sources could not be read: {named}{more}."


def _is_running(db: Database, now: datetime) -> bool:
    row = db.execute(RUN_SQL).fetchone()
    return row is not None and row[0] == "running" and row[1] >= iso(now - UNDER_WAY)
