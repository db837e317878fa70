"""The sources: whose voice each is, what may be quoted of it, and what it gave in the last full period."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlite_utils import Database

from db.exports.article_columns import PUBLISHER
from db.exports.request import ExportRequest
from db.exports.table import Column, Table, frames
from db.trends.coverage import ledger
from db.trends.periods import Span, span_at
from db.trends.query import Vintage
from db.trends.vintage import is_partial, load_vintage, looked_until

__all__ = ["COLUMNS", "KEY", "table"]

_NO_PERIOD = "no period is full yet"
_NOT_EXPECTED = f"nothing was to be expected of it there, or {_NO_PERIOD}"

COLUMNS = (
    Column("source_id", "text", "", "As in sources.toml."),
    Column("name", "text", "", "Name to show."),
    Column("kind", "text", "", "feed, listing (an HTML page that lists articles) or sitemap."),
    Column("url", "text", "URL", "Of the feed or page, as in sources.toml."),
    PUBLISHER,
    Column("owner", "text", "", "entity_id of the company whose own voice it is.", null="independent"),
    Column("category", "text", "", "Such as lab, chips, cloud, press or research.", null="not stated"),
    Column("language", "text", "BCP 47", "Of its articles.", null="as each feed or page declares"),
    Column("licence", "text", "", "Of the texts, in words, as sources.toml has it.", null="not stated"),
    Column(
        "excerpt_chars", "integer", "code points", "How much exports quote of a sentence of its articles; 0: nothing.",
        "the source's own in sources.toml, else the setting",
    ),
    Column("enabled", "boolean", "0 or 1", "1: sources.toml wants it checked."),
    Column("active", "boolean", "0 or 1", "1: still in sources.toml."),
    Column("first_answer_at", "text", "ISO time, UTC", "First good answer: read, or not modified.", null="none yet"),
    Column("last_answer_at", "text", "ISO time, UTC", "Last good answer.", null="none yet"),
    Column("articles", "integer", "articles", "All its articles in the database."),
    Column("period_start", "date", "ISO date", "First day of the last full period, UTC.", null=_NO_PERIOD),
    Column("period_end", "date", "ISO date", "Its last day, inclusive.", null=_NO_PERIOD),
    Column("checks", "integer", "requests", "Requests for the source itself in that period.", null=_NOT_EXPECTED),
    Column("answers", "integer", "requests", "Of these, good answers.", null=_NOT_EXPECTED),
    Column(
        "articles_expected", "real", "articles", "Articles that it should have given in that period.",
        "mean of up to 8 full periods before, in which it was covered", null="nothing to go by yet",
    ),
    Column("articles_given", "integer", "articles", "Dated articles that it gave in that period.", null=_NOT_EXPECTED),
    Column(
        "covered", "boolean", "0 or 1", "1: it answered at the end of that period and, against its habit, did not fall"
        " silent; coverage_ok of trends rests on this.", null=_NOT_EXPECTED,
    ),
)  # fmt: skip
KEY = ("source_id",)


def _answer_sql(end: str) -> str:
    """Return SQL for the first (`min`) or last (`max`) good answer of a source: two steps, each in an index."""
    return f"""
        SELECT {end}(at) FROM (
            SELECT {end}(fetched_at) AS at FROM fetches
            WHERE source_id = sources.id AND purpose IN ('feed', 'listing', 'sitemap')
                AND outcome IN ('ok', 'not-modified')
            UNION ALL SELECT {end}(fetched_at) FROM fetches WHERE source_id = sources.id AND purpose = 'archive'
        )
    """


SOURCES_SQL = f"""
    SELECT id, name, kind, url, publisher, owner, category, language, licence, coalesce(excerpt_chars, ?), enabled,
        active,
        ({_answer_sql("min")}),
        ({_answer_sql("max")}),
        (SELECT count(*) FROM articles WHERE source_id = sources.id)
    FROM sources ORDER BY id
"""
RULES = {
    "rows": "one per source that is in sources.toml or was; without --until, the period is the last full one",
}


def table(db: Database, request: ExportRequest) -> Table:
    """Return the sources; read within the caller's snapshot."""
    span = _last_full(request, load_vintage(db, request.now))
    rows = _rows(db, span, request)
    return Table("sources", COLUMNS, KEY, frames(COLUMNS, rows), RULES, "Sources")


def _last_full(request: ExportRequest, vintage: Vintage) -> Span | None:
    """Return the last full period, not after `until`; None: there is none."""
    looked = looked_until(vintage)
    if not looked:
        return None
    span = span_at(date.fromisoformat(looked[:10]), request.grain).back(1)
    if request.until is not None:
        span = min(span, span_at(request.until, request.grain))
    return None if is_partial(span, vintage) else span


def _rows(db: Database, span: Span | None, request: ExportRequest) -> Iterator[tuple[Any, ...]]:
    found = {} if span is None else {one.source_id: one for one in ledger(db, span, request.now)}
    days = (None, None) if span is None else (span.start.isoformat(), span.end.isoformat())
    for source_id, *rest in db.execute(SOURCES_SQL, [request.excerpt_chars]):
        one = found.get(source_id)
        covered = (
            (None,) * 5 if one is None else (one.checks, one.answers, one.expected, one.articles, int(one.covered))
        )
        yield (source_id, *rest, *days, *covered)
