"""CSV out of the rollups: tidy (one row per week, entity and segment), deterministic, written whole or not at all."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeVar
from urllib.parse import urlencode

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from aiwire.types import iso

__all__ = ["TREND_COLUMNS", "Precision", "TrendsQuery", "export_trends", "trends_meta", "write_atomically"]

T = TypeVar("T")
Precision = Mapping[str, tuple[float | None, int]]  # by entity id or kind: precision in the gold set, labels measured

# name -> what it says, with its unit; in the order of the file
TREND_COLUMNS = {
    "period_start": "first day of the week: Monday, ISO date, UTC",
    "period_end": "last day of the week, inclusive: Sunday",
    "iso_week": "ISO 8601 name of the week; a label, not for sorting across years by number",
    "grain": "length of the period: week",
    "is_partial": "1: the week is not over at as_of, or began before the first fetch; its counts may be too low",
    "entity_id": "stable id",
    "entity_label": "name, may change",
    "entity_type": "company, accelerator, theme, model or regulation",
    "segment": "which articles: all, owned (a vendor's own voice), independent, lang:xx",
    "articles": "articles that name the entity as subject or mention; each counts once",
    "articles_about": "of these, articles that are about it",
    "publishers": "publisher families of these articles",
    "mentions": "places in these articles; for drill-down, not for ranking",
    "articles_total": "all tagged articles of the same week and segment: the denominator",
    "publishers_active": "publisher families of all tagged articles of the same week and segment",
    "share_articles": "articles / articles_total, 0 to 1; empty if the denominator is 0",
    "tag_precision": "precision of such tags in the gold set, 0 to 1; empty if not measured",
    "tag_gold_n": "labels behind tag_precision; empty if not measured",
    "evidence_url": "page that lists the articles of this row with their evidence sentences; empty if there are none",
    "taxonomy_version": "gazetteer and lexicon that tagged the articles in the database; several joined by +",
    "tagger_version": "code that tagged them; several joined by +",
    "as_of": "time of the export, UTC",
}
DEFAULT_WEEKS = 156  # three years: a feed's one article of 1998 must not make a million rows of zeros
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run such a cell


@dataclass(frozen=True, slots=True)
class TrendsQuery:
    """Which rows: the weeks that hold `since` to `until`, both inclusive, and which entities and segment."""

    now: datetime
    base_url: str  # where `aiwire serve` is reached
    since: date | None = None  # None: the last `DEFAULT_WEEKS` weeks; never before the first tagged article
    until: date | None = None  # None: to the last tagged article or request
    kinds: tuple[str, ...] = ()  # empty: all
    entities: tuple[str, ...] = ()  # ids; empty: all
    segment: str | None = "all"  # None: every one


class _Row(NamedTuple):
    articles: int
    about: int
    publishers: int
    mentions: int


class _Series(NamedTuple):
    entity_id: str
    segment: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Vintage:
    """What is the same in every row."""

    first_fetch: str  # ISO date; "" without articles
    taxonomy: str
    tagger: str
    as_of: str


def export_trends(db: Database, out: TextIO, query: TrendsQuery, *, precision: Precision) -> int:
    """Write the weekly trends as CSV and return the number of rows, the header not counted.

    Every entity with a row in the window has one in each of its weeks, zeros included. Sorted by week, entity, segment.
    Same database and same query: same bytes. `out` must be opened with newline="".
    """
    writer = csv.writer(out, lineterminator="\n")  # RFC 4180 quoting; LF as all our files
    writer.writerow(TREND_COLUMNS)
    rows = 0
    with _snapshot(db):
        weeks = _weeks(db, query)
        series = _series(db, query, weeks)
        vintage = _vintage(db, query)
        for week in weeks:
            writer.writerows(_week_rows(db, week, series, query=query, vintage=vintage, precision=precision))
            rows += len(series)
    return rows


def trends_meta(db: Database, query: TrendsQuery) -> dict[str, Any]:
    """Return what the reader of the CSV must know to use it, for the file beside it."""
    with _snapshot(db):
        weeks = _weeks(db, query)
        vintage = _vintage(db, query)
    return {
        "title": "Weekly trends in AI-industry news",
        "columns": TREND_COLUMNS,
        "key": ["period_start", "grain", "entity_id", "segment"],
        "week": "ISO 8601: Monday 00:00 to Sunday 24:00, UTC; an article is in the week of its publication date, or of"
        " the day it was first seen where that is absent, before 1995 or more than a day ahead",
        "counting": "an article counts once for every entity it names, so shares do not sum to 1; a company that is"
        " only quoted, or where something was posted, is not counted; copies of a text on other sites are",
        "zero": "the entity was looked for in every tagged article of the week and not found",
        "empty": "unknown, or a share whose denominator is 0",
        "languages": "English is tagged in full, other languages for names only: their themes are not counted",
        "text_cells": "a text that begins with = + - or @ has an apostrophe before it, so that no spreadsheet runs it",
        "timezone": "UTC",
        "encoding": "UTF-8, lines end in LF, RFC 4180 quoting",
        "first_week": weeks[0] if weeks else None,
        "last_week": weeks[-1] if weeks else None,
        "window": f"without `since` the last {DEFAULT_WEEKS} weeks; never before the first article",
        "first_fetch": vintage.first_fetch or None,
        "selection": {"kinds": query.kinds, "entities": query.entities, "segment": query.segment},
        "taxonomy_version": vintage.taxonomy,
        "tagger_version": vintage.tagger,
        "as_of": vintage.as_of,
    }


def write_atomically(path: Path, write: Callable[[TextIO], T]) -> T:
    """Let `write` fill a file, which takes its name only when it is whole and on disk; return what `write` returns.

    Raises:
        ConfigError: the file cannot be written there.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            result = write(out)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(_mode(path))
        Path(temporary).replace(path)
    except OSError as e:
        raise ConfigError(f"{path}: cannot be written ({e.strerror}); choose another file, or free some space") from e
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return result


def _mode(path: Path) -> int:
    """Return the permissions for `path`: those it has, else those of a new file (mkstemp gives none to others)."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


@contextmanager
def _snapshot(db: Database) -> Iterator[None]:
    """Read everything as of one moment, whatever a run writes meanwhile."""
    with db.atomic():
        yield


def _weeks(db: Database, query: TrendsQuery) -> list[str]:
    """Return every Monday of the window.

    No week before the first tagged article (nobody looked), and none after the last one or the last request, whichever
    is later (nobody has looked yet).
    """
    first, last = db.execute("SELECT min(period_start), max(period_start) FROM week_totals").fetchone()
    if first is None:
        return []
    asked = db.execute("SELECT coalesce(max(substr(fetched_at, 1, 10)), ?) FROM fetches", [last]).fetchone()[0]
    stop = max(date.fromisoformat(last), _monday(date.fromisoformat(asked)))
    if query.until:
        stop = min(stop, _monday(query.until))
    earliest = _monday(query.since) if query.since else stop - timedelta(weeks=DEFAULT_WEEKS - 1)
    start = max(date.fromisoformat(first), earliest)
    return [(start + timedelta(weeks=n)).isoformat() for n in range((stop - start).days // 7 + 1)]


def _series(db: Database, query: TrendsQuery, weeks: list[str]) -> list[_Series]:
    """Return the entities and segments with a row in the window, in the order of the file."""
    if not weeks:
        return []
    kinds, entities = ", ".join("?" * len(query.kinds)), ", ".join("?" * len(query.entities))
    found = db.execute(
        f"""
        SELECT DISTINCT trends_weekly.entity_id, trends_weekly.segment, entities.name, entities.kind
        FROM trends_weekly JOIN entities ON entities.id = trends_weekly.entity_id
        WHERE period_start BETWEEN ? AND ? AND (? IS NULL OR segment = ?)
            {f"AND entities.kind IN ({kinds})" if kinds else ""}
            {f"AND entities.id IN ({entities})" if entities else ""}
        """,
        [weeks[0], weeks[-1], query.segment, query.segment, *query.kinds, *query.entities],
    )
    return sorted(_Series(*row) for row in found)


def _vintage(db: Database, query: TrendsQuery) -> _Vintage:
    first_fetch = db.execute("SELECT min(first_seen_at) FROM articles").fetchone()[0] or ""
    versions = db.execute(
        "SELECT DISTINCT tagger_version, taxonomy_version FROM articles WHERE tagger_version IS NOT NULL"
    ).fetchall()
    return _Vintage(
        first_fetch=first_fetch[:10],
        taxonomy="+".join(sorted({taxonomy for _, taxonomy in versions})),
        tagger="+".join(sorted({tagger for tagger, _ in versions})),
        as_of=iso(query.now),
    )


def _week_rows(
    db: Database,
    week: str,
    series: list[_Series],
    *,
    query: TrendsQuery,
    vintage: _Vintage,
    precision: Precision,
) -> Iterator[list[str]]:
    """Yield the rows of one week, in the order of `series`."""
    counts = {
        (row[0], row[1]): _Row(*row[2:])
        for row in db.execute(
            """
            SELECT entity_id, segment, articles, articles_about, publishers, mentions
            FROM trends_weekly WHERE period_start = ?
            """,
            [week],
        )
    }
    totals = {
        row[0]: (row[1], row[2])
        for row in db.execute(
            "SELECT segment, articles_total, publishers_active FROM week_totals WHERE period_start = ?", [week]
        )
    }
    start = date.fromisoformat(week)
    year, number, _ = start.isocalendar()
    period = [
        week, (start + timedelta(days=6)).isoformat(), f"{year}-W{number:02}", "week",
        str(int(_is_partial(start, query.now, vintage.first_fetch))),
    ]  # fmt: skip
    for one in series:
        row = counts.get((one.entity_id, one.segment), _Row(0, 0, 0, 0))
        total, active = totals.get(one.segment, (0, 0))
        yield [
            *period, _text(one.entity_id), _text(one.label), one.kind, one.segment,
            *(str(count) for count in row), str(total), str(active),
            f"{row.articles / total:.6f}" if total else "",
            *_precision(precision, one), _evidence_url(query.base_url, one, week) if row.articles else "",
            _text(vintage.taxonomy), _text(vintage.tagger), vintage.as_of,
        ]  # fmt: skip


def _is_partial(start: date, now: datetime, first_fetch: str) -> bool:
    over = datetime.combine(start + timedelta(weeks=1), time(), UTC) <= now
    return not over or start.isoformat() < first_fetch


def _precision(precision: Precision, one: _Series) -> tuple[str, str]:
    """Return precision and number of labels of the entity, else of its kind, else nothing."""
    value, labels = precision.get(one.entity_id) or precision.get(one.kind) or (None, 0)
    return ("", "") if value is None else (f"{value:.4f}", str(labels))


def _evidence_url(base_url: str, one: _Series, week: str) -> str:
    query = urlencode({"entity_id": one.entity_id, "week": week, "segment": one.segment})
    return f"{base_url.rstrip('/')}/news/evidence?{query}"


def _text(value: str) -> str:
    """Return a text cell that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
