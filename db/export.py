"""CSV out of the rollups: tidy (one row per week, entity and segment), deterministic, written whole or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from urllib.parse import urlencode

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from aiwire.types import iso
from db.files import is_replaceable, write_atomically
from db.runs import GOOD_ANSWER_SQL

__all__ = ["TREND_COLUMNS", "Precision", "TrendsQuery", "export_trends", "trends_meta", "write_trends"]

Precision = Mapping[str, tuple[float | None, int]]  # by entity id or kind: precision in the gold set, labels measured

# name -> what it says, with its unit; in the order of the file
TREND_COLUMNS = {
    "period_start": "first day of the week: Monday, ISO date, UTC",
    "period_end": "last day of the week, inclusive: Sunday",
    "iso_week": "ISO 8601 name of the week; a label, not for sorting across years by number",
    "grain": "length of the period: week",
    "is_partial": "1: the week ends after as_of or after the last good answer of a source, or began before the first;"
    " its counts may be too low",
    "entity_id": "stable id",
    "entity_label": "name, may change",
    "entity_type": "company, accelerator, theme, model or regulation",
    "segment": "which articles: all, owned (a vendor's own voice), independent, lang:xx",
    "articles": "articles that name the entity as subject or mention; each counts once",
    "articles_about": "of these, articles that are about it",
    "publishers": "publisher families of these articles",
    "mentions": "places in these articles; for drill-down, not for ranking",
    "articles_total": "tagged articles of the same week and segment: the denominator; of a theme, only articles that"
    " were tagged for themes, too",
    "publishers_active": "publisher families of the articles of articles_total",
    "share_articles": "articles / articles_total, 0 to 1; empty if the denominator is 0",
    "tag_precision": "share of such tags that were right in labelled texts, 0 to 1; empty if not measured",
    "tag_gold_n": "judged tags behind tag_precision; empty if not measured",
    "evidence_url": "page that lists the articles of this row with their evidence sentences; empty if there are none",
    "taxonomy_version": "gazetteer and lexicon that tagged the articles in the database, as tx-HASH; several joined"
    " by +",
    "tagger_version": "code that tagged them, as tagger-VERSION; several joined by +",
    "as_of": "time of the export, UTC",
}
DEFAULT_WEEKS = 156  # three years: a feed's one article of 1998 must not make a million rows of zeros
FORMULA_STARTS = ("=", "+", "-", "@")  # a spreadsheet runs such a cell, after white space, too
# column -> how it is computed
FORMULAS = {
    "share_articles": "articles / articles_total of the same row, rounded to 6 decimals",
    "tag_precision": "right tags / judged tags (tag_gold_n), rounded to 4 decimals",
}
SIDES = ("all", "owned", "independent")  # segments besides lang:xx
# what holds for every file
CONVENTIONS = {
    "week": "ISO 8601: Monday 00:00 to Sunday 24:00, UTC; an article is in the week of its publication date, or of"
    " the day it was first seen where that is absent, before 1995 or more than a day ahead; what a source held"
    " without such a date when it was first read is in no week",
    "counting": "an article counts once for every entity it names, so shares do not sum to 1; a company that is"
    " only quoted, or where something was posted, is not counted; copies of a text on other sites are",
    "zero": "the entity was looked for in every article that articles_total counts, and not found",
    "empty": "unknown, or a share whose denominator is 0",
    "languages": "names are looked for in every language, themes in English only: articles_total, publishers_active"
    " and share_articles of a theme count only the articles that were tagged for themes",
    "tag_precision": "measured by `aiwire evaluate` on texts labelled by hand and shipped with the tagger: the"
    " entity's own figure where there is one, else that of its kind; tag_gold_n tags were judged",
    "text_cells": "a text that begins with = + - or @, white space aside, has an apostrophe before it, so that no"
    " spreadsheet runs it",
    "timezone": "UTC",
    "encoding": "UTF-8, lines end in LF, RFC 4180 quoting",
    "window": f"without `since` the last {DEFAULT_WEEKS} weeks; never before the first article",
}


@dataclass(frozen=True, slots=True)
class TrendsQuery:
    """Which rows: the weeks that hold `since` to `until`, both inclusive, and which entities and segment."""

    now: datetime
    base_url: str  # where `aiwire serve` is reached
    since: date | None = None  # None: the last `DEFAULT_WEEKS` weeks; never before the first tagged article
    until: date | None = None  # None: to the last tagged article or good answer
    kinds: tuple[str, ...] = ()  # empty: all
    entities: tuple[str, ...] = ()  # ids, each of which has rows; empty: all that are named in the window
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

    first_answer: str  # ISO; "" if no source ever gave a good answer
    last_answer: str
    taxonomy: str
    tagger: str
    as_of: str


def export_trends(db: Database, out: TextIO, query: TrendsQuery, *, precision: Precision) -> int:
    """Write the weekly trends as CSV and return the number of rows, the header not counted.

    Every entity that is named in the window, or asked for by its id, has a row in each of its weeks, zeros included.
    Sorted by week, entity, segment. Same database and same query: same bytes. `out` must be opened with newline="".

    Raises:
        ConfigError: there is no such entity or segment.
    """
    writer = csv.writer(out, lineterminator="\n")  # RFC 4180 quoting; LF as all our files
    rows = 0
    with _snapshot(db):
        query = _checked(db, query)
        writer.writerow(TREND_COLUMNS)
        weeks = _weeks(db, query)
        series = _series(db, query, weeks)
        vintage = _vintage(db, query)
        for week in weeks:
            writer.writerows(_week_rows(db, week, series, query=query, vintage=vintage, precision=precision))
            rows += len(series)
    return rows


def trends_meta(db: Database, query: TrendsQuery) -> dict[str, Any]:
    """Return what the reader of the CSV must know to use it, for the file beside it.

    Raises:
        ConfigError: there is no such entity or segment.
    """
    with _snapshot(db):
        query = _checked(db, query)
        weeks = _weeks(db, query)
        vintage = _vintage(db, query)
        sources = _sources(db)
    return {
        "title": "Weekly trends in AI-industry news",
        "licence": "CC0-1.0 for the counts; the texts behind them belong to their publishers",
        "columns": TREND_COLUMNS,
        "formulas": FORMULAS,
        "key": ["period_start", "grain", "entity_id", "segment"],
        **CONVENTIONS,
        "first_week": weeks[0] if weeks else None,
        "last_week": weeks[-1] if weeks else None,
        "first_answer": vintage.first_answer or None,
        "last_answer": vintage.last_answer or None,
        "sources": sources,
        "selection": {"kinds": query.kinds, "entities": query.entities, "segment": query.segment},
        "taxonomy_version": vintage.taxonomy,
        "tagger_version": vintage.tagger,
        "as_of": vintage.as_of,
    }


def write_trends(db: Database, path: Path, query: TrendsQuery, *, precision: Precision) -> int:
    """Write the CSV to `path` and `trends_meta` to its `.meta.json`, both of one moment; return the number of rows.

    A path that is no regular file (a pipe, a device) gets the CSV alone.

    Raises:
        ConfigError: a file cannot be written there, or there is no such entity or segment.
    """
    has_sidecar = is_replaceable(path)

    def fill(out: TextIO) -> int:
        rows = export_trends(db, out, query, precision=precision)
        if has_sidecar:
            meta = json.dumps(trends_meta(db, query), ensure_ascii=False, indent=2) + "\n"
            write_atomically(path.with_suffix(".meta.json"), lambda beside: beside.write(meta))
        return rows

    with _snapshot(db):
        return write_atomically(path, fill)


@contextmanager
def _snapshot(db: Database) -> Iterator[None]:
    """Read everything as of one moment, whatever a run writes meanwhile."""
    with db.atomic():
        yield


def _weeks(db: Database, query: TrendsQuery) -> list[str]:
    """Return every Monday of the window.

    No week before the first tagged article (nobody looked), and none after the last one or the last good answer,
    whichever is later (nobody has looked yet).
    """
    first, last = db.execute("SELECT min(period_start), max(period_start) FROM week_totals").fetchone()
    if first is None:
        return []
    answered = (_answers(db)[1] or last)[:10]
    stop = max(date.fromisoformat(last), _monday(date.fromisoformat(answered)))
    if query.until:
        stop = min(stop, _monday(query.until))
    earliest = _monday(query.since) if query.since else stop - timedelta(weeks=DEFAULT_WEEKS - 1)
    start = max(date.fromisoformat(first), earliest)
    return [(start + timedelta(weeks=n)).isoformat() for n in range((stop - start).days // 7 + 1)]


def _series(db: Database, query: TrendsQuery, weeks: list[str]) -> list[_Series]:
    """Return the entities and segments in the order of the file: those asked for, else those in the window."""
    if not weeks:
        return []
    if query.entities:
        return _series_asked_for(db, query, weeks)
    kinds = ", ".join("?" * len(query.kinds))
    found = db.execute(
        f"""
        SELECT DISTINCT trends_weekly.entity_id, trends_weekly.segment, entities.name, entities.kind
        FROM trends_weekly JOIN entities ON entities.id = trends_weekly.entity_id
        WHERE period_start BETWEEN ? AND ? AND (? IS NULL OR segment = ?)
            {f"AND entities.kind IN ({kinds})" if kinds else ""}
        """,
        [weeks[0], weeks[-1], query.segment, query.segment, *query.kinds],
    )
    return sorted(_Series(*row) for row in found)


def _series_asked_for(db: Database, query: TrendsQuery, weeks: list[str]) -> list[_Series]:
    segments = (
        [query.segment]
        if query.segment
        else [
            row[0]
            for row in db.execute(
                "SELECT DISTINCT segment FROM week_totals WHERE period_start BETWEEN ? AND ?", [weeks[0], weeks[-1]]
            )
        ]
    )
    marks = ", ".join("?" * len(query.entities))
    entities = db.execute(f"SELECT id, name, kind FROM entities WHERE id IN ({marks})", list(query.entities)).fetchall()
    return sorted(
        _Series(entity_id, segment, name, kind)
        for entity_id, name, kind in entities
        for segment in segments
        if not query.kinds or kind in query.kinds
    )


def _checked(db: Database, query: TrendsQuery) -> TrendsQuery:
    """Return the query with its segment as it is spelled in the tables.

    Raises:
        ConfigError: there is no such entity or segment; the message names the nearest.
    """
    for entity_id in query.entities:
        if not db.execute("SELECT 1 FROM entities WHERE id = ?", [entity_id]).fetchone():
            known = [row[0] for row in db.execute("SELECT id FROM entities ORDER BY id")]
            near = _nearest(entity_id.lower(), known) or "see the ids with `aiwire serve` under /news/entities"
            raise ConfigError(f"there is no entity {entity_id!r}; {near}")
    if query.segment is None:
        return query
    segment = query.segment.lower()
    known = [*SIDES, *(row[0] for row in db.execute("SELECT DISTINCT segment FROM week_totals ORDER BY 1"))]
    if segment not in known:
        near = _nearest(segment, known) or f"choose from {', '.join(dict.fromkeys(known))}"
        raise ConfigError(f"there is no segment {query.segment!r}; {near}")
    return replace(query, segment=segment)


def _nearest(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def _answers(db: Database) -> tuple[str, str]:
    """Return when the first and the last good answer of a source came; "" if none did."""
    first, last = db.execute(f"SELECT min(fetched_at), max(fetched_at) FROM fetches WHERE {GOOD_ANSWER_SQL}").fetchone()
    return first or "", last or ""


def _sources(db: Database) -> dict[str, Any]:
    """Return the number of sources and a hash of all that the table says of them."""
    rows = list(db.query("SELECT * FROM sources ORDER BY id"))
    listed = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return {
        "number": len(rows),
        "sha256": sha256(listed.encode()).hexdigest(),
        "hashed": "rows of the table sources, by id, as a JSON array of objects without spaces, UTF-8",
    }


def _vintage(db: Database, query: TrendsQuery) -> _Vintage:
    first, last = _answers(db)
    versions = db.execute(
        "SELECT DISTINCT tagger_version, taxonomy_version FROM articles WHERE tagger_version IS NOT NULL"
    ).fetchall()
    return _Vintage(
        first_answer=first,
        last_answer=last,
        # prefixes: a hash such as 1234e567, or version 1.0, would be read as a number
        taxonomy="+".join(sorted({f"tx-{taxonomy}" for _, taxonomy in versions})),
        tagger="+".join(sorted({f"tagger-{tagger}" for tagger, _ in versions})),
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
    totals = _totals(db, week)
    start = date.fromisoformat(week)
    year, number, _ = start.isocalendar()
    period = [
        week, (start + timedelta(days=6)).isoformat(), f"{year}-W{number:02}", "week",
        str(int(_is_partial(start, vintage))),
    ]  # fmt: skip
    for one in series:
        row = counts.get((one.entity_id, one.segment), _Row(0, 0, 0, 0))
        total, active = totals.get((one.segment, one.kind == "theme"), (0, 0))
        yield [
            *period, _text(one.entity_id), _text(one.label), one.kind, one.segment,
            *(str(count) for count in row), str(total), str(active),
            f"{row.articles / total:.6f}" if total else "",
            *_precision(precision, one), _evidence_url(query.base_url, one, week) if row.articles else "",
            _text(vintage.taxonomy), _text(vintage.tagger), vintage.as_of,
        ]  # fmt: skip


def _totals(db: Database, week: str) -> dict[tuple[str, bool], tuple[int, int]]:
    """Return articles and publishers of the week, by segment and whether only those tagged for themes are counted."""
    totals = {}
    for segment, articles, publishers, articles_full, publishers_full in db.execute(
        """
        SELECT segment, articles_total, publishers_active, articles_full, publishers_full
        FROM week_totals WHERE period_start = ?
        """,
        [week],
    ):
        totals[segment, False], totals[segment, True] = (articles, publishers), (articles_full, publishers_full)
    return totals


def _is_partial(start: date, vintage: _Vintage) -> bool:
    """Tell whether the week is not over, was not looked at to its end, or not from its beginning."""
    begins, ends = (f"{day}T00:00:00Z" for day in (start, start + timedelta(weeks=1)))
    if not vintage.first_answer:
        return True
    return ends > min(vintage.as_of, vintage.last_answer) or begins < vintage.first_answer


def _precision(precision: Precision, one: _Series) -> tuple[str, str]:
    """Return precision and number of labels of the entity, else of its kind, else nothing."""
    value, labels = precision.get(one.entity_id) or precision.get(one.kind) or (None, 0)
    return ("", "") if value is None else (f"{value:.4f}", str(labels))


def _evidence_url(base_url: str, one: _Series, week: str) -> str:
    query = urlencode({"entity_id": one.entity_id, "week": week, "segment": one.segment})
    return f"{base_url.rstrip('/')}/news/evidence?{query}"


def _text(value: str) -> str:
    """Return a text cell that no spreadsheet takes for a formula."""
    return f"'{value}" if value.lstrip().startswith(FORMULA_STARTS) or value.startswith(("\t", "\r")) else value


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
