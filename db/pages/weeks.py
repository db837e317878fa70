"""The weeks that charts show: how far each can be trusted, and what an entity was in it, zeros included."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock

from sqlite_utils import Database

from aiwire.types import iso
from db.trends.coverage import load_ledger
from db.trends.periods import Span, span_at, spans
from db.trends.query import Period, Vintage
from db.trends.statistics import wilson
from db.trends.vintage import ANSWERS_SQL, is_partial, looked_until

__all__ = ["MOST_WEEKS", "Calendar", "Week", "calendar", "full_weeks", "past_weeks", "weeks"]

MOST_WEEKS = 156
KEPT = 8  # verdicts on coverage that are remembered

# two subqueries: each end is one step in an index
ENDS_SQL = """
    SELECT (SELECT min(period_start) FROM period_totals WHERE grain = 'week' AND segment = 'all'),
        (SELECT max(period_start) FROM period_totals WHERE grain = 'week' AND segment = 'all')
"""
TOTALS_SQL = """
    SELECT period_start, stories_total, stories_full FROM period_totals
    WHERE grain = 'week' AND segment = 'all' AND period_start BETWEEN ? AND ?
"""
CELLS_SQL = """
    SELECT period_start, stories, articles FROM trends_weekly
    WHERE entity_id = ? AND segment = 'all' AND period_start BETWEEN ? AND ?
"""


@dataclass(frozen=True, slots=True)
class Week:
    """An entity in one week."""

    start: str  # Monday, ISO
    stories: int
    articles: int
    total: int  # stories that were tagged; of a theme, those tagged for themes
    share: float | None  # of stories, 0..1; None: there were none
    lo: float | None  # 95 % interval (Wilson 1927)
    hi: float | None
    is_partial: bool  # not over, not looked at to its end, or not from its beginning
    coverage_ok: bool  # the sources that should have answered did
    evidence: str  # key of the cell: week/2026-11-16/nvidia/all


@dataclass(frozen=True, slots=True)
class Calendar:
    """Weeks that follow each other, oldest first, and when anybody looked."""

    periods: tuple[Period, ...]
    first_answer: str  # ISO; "": no source ever gave a good answer
    last_answer: str


def calendar(db: Database, now: datetime, count: int) -> Calendar:
    """Return the last `count` weeks up to the last article or good answer, none before the first tagged article."""
    vintage = _vintage(db, now)
    first, last = db.execute(ENDS_SQL).fetchone()
    if first is None:
        return Calendar((), vintage.first_answer, vintage.last_answer)
    stop = max(date.fromisoformat(last), date.fromisoformat((vintage.last_answer or last)[:10]))
    newest = span_at(stop, "week")
    window = tuple(spans(max(date.fromisoformat(first), newest.back(count - 1).start), newest.start, "week"))
    ok = _coverage(db, newest, vintage)
    periods = tuple(Period(span, is_partial(span, vintage), ok.get(span.start, False)) for span in window)
    return Calendar(periods, vintage.first_answer, vintage.last_answer)


def full_weeks(known: Calendar) -> tuple[Period, ...]:
    """Return the weeks that were looked at from beginning to end."""
    return tuple(period for period in known.periods if not period.is_partial)


def past_weeks(known: Calendar) -> tuple[Period, ...]:
    """Return the weeks that a good answer came after, whether anybody looked at them from their beginning or not."""
    return tuple(period for period in known.periods if period.span.stop.isoformat() <= known.last_answer[:10])


def weeks(db: Database, entity_id: str, kind: str, known: Calendar) -> tuple[Week, ...]:
    """Return an entity's values in each week, oldest first.

    Args:
        kind: of the entity: a theme is looked for only in what is tagged in full.
    """
    if not known.periods:
        return ()
    ends = [known.periods[0].span.start.isoformat(), known.periods[-1].span.start.isoformat()]
    totals = {start: full if kind == "theme" else of_all for start, of_all, full in db.execute(TOTALS_SQL, ends)}
    cells = {start: (stories, articles) for start, stories, articles in db.execute(CELLS_SQL, [entity_id, *ends])}
    starts = [period.span.start.isoformat() for period in known.periods]
    counts = [cells.get(start, (0, 0)) for start in starts]
    interval = wilson([stories for stories, _ in counts], [totals.get(start, 0) for start in starts])
    return tuple(
        _week(entity_id, period, count, totals.get(start, 0), (float(lo), float(hi)))
        for period, start, count, lo, hi in zip(known.periods, starts, counts, interval.lo, interval.hi, strict=True)
    )


def _week(entity_id: str, period: Period, count: Sequence[int], total: int, interval: tuple[float, float]) -> Week:
    start = period.span.start.isoformat()
    stories, articles = count
    share, lo, hi = (stories / total, *interval) if total else (None, None, None)
    evidence = f"week/{start}/{entity_id}/all"
    return Week(start, stories, articles, total, share, lo, hi, period.is_partial, period.coverage_ok, evidence)


def _vintage(db: Database, now: datetime) -> Vintage:
    """Return when sources were read; what tagged the articles is left out: it takes a walk through all of them."""
    first, last = db.execute(ANSWERS_SQL).fetchone()
    return Vintage("", "", iso(now), first or "", last or "")


_remembered: OrderedDict[tuple[object, ...], dict[date, bool]] = OrderedDict()
_lock = Lock()


def _coverage(db: Database, newest: Span, vintage: Vintage) -> dict[date, bool]:
    """Return `coverage_ok` of each week. Remembered until a source is asked again: it counts all articles anew."""
    (path,) = db.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()
    (fetches,) = db.execute("SELECT max(id) FROM fetches").fetchone()
    key = (path, fetches, newest, vintage.first_answer, looked_until(vintage))
    with _lock:
        if path and key in _remembered:
            return _remembered[key]
    found = load_ledger(db, newest, vintage).ok()
    with _lock:
        _remembered[key] = found
        while len(_remembered) > KEPT:
            _remembered.popitem(last=False)
    return found
