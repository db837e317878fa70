"""What each source should have given in each period, and whether it did: behind `coverage_ok` and the panel.

The definition
    A source is covered in a period if it gave a good answer from a day before the period's end to a week after it
    (feeds still hold then what is of the period), and did not fall silent: where 7 or more articles were to be
    expected, it gave at least one. Expected of a source is the mean of the last 8 full periods in which it was covered.
    `ok` is a period in which the sources that are not covered make up at most 5 % of what is expected of all.
In detail
    The end of a period that still runs is the last good answer of anyone, and less is expected of it accordingly. While
    the week after a period runs, a source whose turn has not come (some are asked once a week) counts as answering if
    its last check, at most 8 days ago, was answered.
    Silence is judged over 7 days at least, so that no day is missed because it is a Sunday.
    Sources are expected from the period of their first good answer on; those that left sources.toml, or were switched
    off there, up to their last one. A dead source is expected as long as sources.toml wants it.
    As long as no expectation is known at all, sources count alike: 95 % of them must be covered. A period in which no
    source was covered is never ok.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from aiwire.types import parse_iso
from db.trends.periods import Span, spans
from db.trends.query import Panel, Vintage
from db.trends.reading import ArticleReader, StoredArticles
from db.trends.vintage import is_partial, load_vintage, looked_until

__all__ = ["Ledger", "SourceCoverage", "ledger", "load_ledger"]

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

BEFORE_DAYS, AFTER_DAYS = 1, 7  # of a period's end: when an answer speaks for it
TURN_DAYS = 8  # between two checks of a source that is asked least
EXPECTED_PERIODS = 8
SILENT_DAYS = 7
SILENT_ARTICLES = 7.0  # expected: where none comes of a Poisson process once in 1,100 times
MISSING_SHARE = 0.05
PANEL_PERIODS = 26

FIRST_SQL = "SELECT min(day) FROM coverage WHERE answers > 0 AND day <= ?"
GOOD_SQL = "SELECT day FROM coverage WHERE source_id = ? AND day <= ? AND answers > 0"
LAST_BAD_SQL = """
    SELECT day FROM coverage WHERE source_id = ? AND day <= ? AND answers = 0 ORDER BY day DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """One source in one period."""

    source_id: str
    checks: int  # requests for it, within the period
    answers: int  # good ones
    expected: float | None  # articles; None: it has no full period yet to go by
    articles: int  # dated ones that it gave
    covered: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """Sources in the periods since the first good answer of anyone: arrays of periods x sources."""

    spans: tuple[Span, ...]
    source_ids: tuple[str, ...]
    is_full: Flags  # of each period
    is_expected: Flags
    covered: Flags  # only where expected
    expected: Floats  # articles; NaN: not known
    articles: NDArray[np.int64]

    def ok(self) -> dict[date, bool]:
        """Return by the start of each period whether enough of what was to be expected was covered."""
        return {span.start: self._is_ok(at) for at, span in enumerate(self.spans)}

    def _is_ok(self, at: int) -> bool:
        wanted, covered = self.is_expected[at], self.covered[at]
        if not covered.any():
            return False
        weights = np.nan_to_num(self.expected[at])
        if not weights[wanted].sum():
            weights = np.ones(weights.shape)
        missing = float(weights[wanted & ~covered].sum())
        return missing <= MISSING_SHARE * float(weights[wanted].sum())

    def panel(self) -> tuple[Panel, tuple[Span, ...]]:
        """Return the sources that were covered in each of the last 26 full periods, and these periods.

        A period in which less than half of the sources were covered (the computer was off) says nothing of sources and
        is passed over.
        """
        full = np.flatnonzero(self.is_full)[-PANEL_PERIODS:]
        usual = [at for at in full if 2 * self.covered[at].sum() >= max(self.is_expected[at].sum(), 1)]
        if not usual:
            return Panel((), None, None), ()
        always = np.flatnonzero(self.covered[usual].all(axis=0))
        chosen = tuple(self.source_ids[n] for n in always)
        found = tuple(self.spans[at] for at in usual)
        return Panel(chosen, found[0], found[-1]), found


def ledger(db: Database, span: Span, now: datetime) -> list[SourceCoverage]:
    """Return the sources of which something was to be expected in the period, by id, and what they did."""
    vintage = load_vintage(db, now)
    found = load_ledger(db, span, vintage)
    if span not in found.spans:
        return []
    at = found.spans.index(span)
    asked: dict[str, tuple[int, int]] = {
        source_id: (checks, answers)
        for source_id, checks, answers in db.execute(
            "SELECT source_id, sum(checks), sum(answers) FROM coverage WHERE day >= ? AND day < ? GROUP BY source_id",
            [str(span.start), str(span.stop)],
        )
    }
    return [
        SourceCoverage(
            source_id,
            *asked.get(source_id, (0, 0)),
            None if np.isnan(found.expected[at, n]) else float(found.expected[at, n]),
            int(found.articles[at, n]),
            bool(found.covered[at, n]),
        )
        for n, source_id in enumerate(found.source_ids)
        if found.is_expected[at, n]
    ]


def load_ledger(db: Database, last: Span, vintage: Vintage, reader: ArticleReader | None = None) -> Ledger:
    """Return the ledger of the periods from the first good answer of anyone to `last`.

    Args:
        reader: of the articles; None: those of the database.
    """
    until = looked_until(vintage)
    if not until or vintage.first_answer > until:
        flags, counts = np.zeros((0, 0), bool), np.zeros((0, 0), np.int64)
        return Ledger((), (), np.zeros(0, bool), flags, flags, counts.astype(np.float64), counts)
    answers = _Answers.of(db, parse_iso(until))
    periods = tuple(spans(date.fromisoformat(vintage.first_answer[:10]), last.start, last.grain))
    articles = _articles(reader or StoredArticles(db), periods, answers.source_ids)
    return _judged(periods, answers, articles, vintage)


def _articles(reader: ArticleReader, periods: tuple[Span, ...], source_ids: tuple[str, ...]) -> NDArray[np.int64]:
    """Return how many dated articles each source gave in each period, tagged or not: periods x sources."""
    places = {source_id: n for n, source_id in enumerate(source_ids)}
    found = np.zeros((len(periods), len(source_ids)), np.int64)
    for at, source_id, articles in reader.per_source(periods):
        found[at, places[source_id]] = articles
    return found


@dataclass(frozen=True, slots=True)
class _Answers:
    """On which days which source answered, up to the last good answer of anyone: arrays of days x sources."""

    source_ids: tuple[str, ...]
    is_wanted: Flags  # by sources.toml, today
    first_day: date
    last: datetime  # good answer of anyone
    good: NDArray[np.int64]  # good answers before each day, from the first one on, summed up
    first_good: NDArray[np.int64]  # day of each source's first good answer, counted from `first_day`; none: far ahead
    last_good: NDArray[np.int64]  # none: -1
    last_bad: NDArray[np.int64]  # last day of checks without a good answer; none: -1

    @classmethod
    def of(cls, db: Database, last: datetime) -> _Answers:
        sources = db.execute("SELECT id, enabled AND active FROM sources ORDER BY id").fetchall()
        until = last.date()
        (first,) = db.execute(FIRST_SQL, [str(until)]).fetchone()
        first_day = until if first is None else date.fromisoformat(first)
        numbers = {str(first_day + timedelta(days=n)): n for n in range((until - first_day).days + 1)}
        good = np.zeros((len(numbers), len(sources)), bool)
        last_bad = np.full(len(sources), -1, np.int64)
        for n, (source_id, _) in enumerate(sources):
            asked = [source_id, str(until)]
            good[[numbers[day] for (day,) in db.execute(GOOD_SQL, asked)], n] = True
            for (day,) in db.execute(LAST_BAD_SQL, asked):
                last_bad[n] = numbers.get(day, -1)
        is_any = good.any(0)
        return cls(
            tuple(source_id for source_id, _ in sources),
            np.array([bool(wanted) for _, wanted in sources], bool),
            first_day,
            last,
            np.vstack([np.zeros((1, len(sources)), np.int64), np.cumsum(good, axis=0, dtype=np.int64)]),
            np.where(is_any, good.argmax(0), np.iinfo(np.int64).max),
            np.where(is_any, len(good) - 1 - good[::-1].argmax(0), -1),
            last_bad,
        )

    def day(self, day: date) -> int:
        """Return the number of a day: its row in the arrays."""
        return (day - self.first_day).days

    def speak_for(self, span: Span) -> Flags:
        """Return which sources have answered so that they speak for a period."""
        today = self.day(self.last.date())
        end = min(self.day(span.stop), today)
        after = self.day(span.stop) + AFTER_DAYS
        lowest, highest = (min(max(day, 0), today + 1) for day in (end - BEFORE_DAYS, after))
        found: Flags = self.good[highest] > self.good[lowest]
        if after > today:
            found = found | ((self.last_good >= today - TURN_DAYS) & (self.last_good > self.last_bad))
        return found

    def is_expected(self, span: Span) -> Flags:
        """Return the sources that should have given something."""
        end = min(self.day(span.stop), self.day(self.last.date()))
        left = ~self.is_wanted & (self.last_good < end - BEFORE_DAYS)
        flags: Flags = (self.first_good < self.day(span.stop)) & ~left
        return flags

    def elapsed(self, start: date, stop: date) -> float:
        """Return the share of a stretch of time, 0 to 1, up to the last good answer."""
        over = self.last - datetime(start.year, start.month, start.day, tzinfo=UTC)
        return min(max(over / (stop - start), 0.0), 1.0)


def _judged(periods: tuple[Span, ...], answers: _Answers, articles: NDArray[np.int64], vintage: Vintage) -> Ledger:
    """Judge period after period: what is expected rests on the periods before that were covered."""
    shape = articles.shape
    covered, is_expected = np.zeros(shape, bool), np.zeros(shape, bool)
    expected = np.full(shape, np.nan)
    is_full = np.array([not is_partial(span, vintage) for span in periods], bool)
    given = np.full((EXPECTED_PERIODS, len(answers.source_ids)), np.nan)  # in the last covered periods, newest first
    for at, span in enumerate(periods):
        known = ~np.isnan(given)
        expected[at] = np.where(known.any(0), np.nansum(given, 0) / np.maximum(known.sum(0), 1), np.nan)
        is_expected[at] = answers.is_expected(span)
        silent = _is_silent(expected[at], articles[: at + 1], span, answers)
        covered[at] = is_expected[at] & answers.speak_for(span) & ~silent
        if is_full[at]:
            counts = covered[at] & (answers.first_good <= answers.day(span.start))
            given[1:, counts] = given[:-1, counts]
            given[0, counts] = articles[at, counts]
    return Ledger(periods, answers.source_ids, is_full, is_expected, covered, expected, articles)


def _is_silent(expected: Floats, articles: NDArray[np.int64], span: Span, answers: _Answers) -> Flags:
    """Tell which sources gave nothing where there should have been something.

    Args:
        articles: of the periods up to this one.
    """
    periods = SILENT_DAYS if span.grain == "day" else 1
    start = span.stop - timedelta(days=periods) if span.grain == "day" else span.start
    due = np.nan_to_num(expected) * periods * answers.elapsed(start, span.stop)
    flags: Flags = (due >= SILENT_ARTICLES) & (articles[-periods:].sum(0) == 0)
    return flags
