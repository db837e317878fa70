"""The trends: one row per period, entity and segment, zeros included; or, wide, one column of it, an entity each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import numpy as np
import polars as pl
from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from db.exports.request import ExportRequest
from db.exports.table import CHUNK_ROWS, Column, Table, schema
from db.exports.trend_columns import COLUMNS, KEY, RULES, SPREADABLE
from db.trends.query import PeriodRows, TrendsQuery
from db.trends.reading import ArticleReader
from db.trends.series import Trends, load_trends
from db.trends.signals import SIGNAL_Q

__all__ = ["COLUMNS", "WIDE_COLUMNS", "query_of", "table"]

TITLES = {"day": "Daily", "week": "Weekly", "month": "Monthly"}
WIDE_ROWS = 100  # periods of one data frame
WIDE_COLUMNS = (
    COLUMNS[0],
    Column(
        "<entity_id>", "real", "that of the column",
        "Each further column is an entity, with its values of the one column of trends that was asked for.",
        formula="the pivot of trends: its rows by period_start, its columns by entity_id", null="as in trends",
    ),
)  # fmt: skip


def table(db: Database, request: ExportRequest, reader: ArticleReader | None = None) -> Table:
    """Return the trends; call it, and read its chunks, within one snapshot of the database.

    Args:
        db: sources, entities, answers and rollups.
        request: which rows.
        reader: of the articles behind the rollups; None: those of the database.

    Raises:
        ConfigError: there is no such entity or segment, or no such column to spread out.
    """
    spread = _spread(request)
    trends = load_trends(db, query_of(request), reader)
    title = f"{TITLES[request.grain]} trends in AI-industry news"
    if spread is None:
        return Table("trends", COLUMNS, KEY, _chunks(trends, request), RULES, title, _meta(trends, request))
    columns = (
        COLUMNS[0],
        *(replace(spread, name=series.entity_id, description=f"{series.label}: {spread.name}. {spread.description}")
          for series in trends.series),
    )  # fmt: skip
    meta = _meta(trends, request) | {
        "wide": spread.name,
        "entities": {series.entity_id: series.label for series in trends.series},
        "partial_periods": [str(period.span.start) for period in trends.periods if period.is_partial],
    }
    chunks = _wide_chunks(trends, columns, spread.name)
    return Table("trends_wide", columns, ("period_start",), chunks, RULES, f"{title}: {spread.name}", meta)


def query_of(request: ExportRequest) -> TrendsQuery:
    """Return what a request asks of the trends."""
    return TrendsQuery(
        request.now,
        grain=request.grain,
        since=request.since,
        until=request.until,
        kinds=request.kinds,
        entities=request.entities,
        segment=request.segment,
    )


def _spread(request: ExportRequest) -> Column | None:
    """Return the column that is to be spread out; None: none."""
    if request.wide is None:
        return None
    if request.segment is None:
        raise ConfigError("a wide table has one segment: name it, or leave --segment away for all articles")
    if request.wide in SPREADABLE:
        return next(column for column in COLUMNS if column.name == request.wide)
    near = get_close_matches(request.wide, SPREADABLE, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(SPREADABLE)}"
    raise ConfigError(f"the column {request.wide!r} cannot be spread out; {hint}")


def _chunks(trends: Trends, request: ExportRequest) -> Iterator[pl.DataFrame]:
    fixed = _fixed(trends, request)
    for rows in trends.rows():
        for start in range(0, fixed.height, CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            yield _frame(rows, part, fixed[part], trends, request)


def _fixed(trends: Trends, request: ExportRequest) -> pl.DataFrame:
    """Return what a series has in every period, and the ends of its evidence_url, between which the period stands."""
    precision = [
        request.precision.get(one.entity_id) or request.precision.get(one.kind) or (None, 0) for one in trends.series
    ]
    return pl.DataFrame(
        {
            "entity_id": [one.entity_id for one in trends.series],
            "entity_label": [one.label for one in trends.series],
            "entity_type": [one.kind for one in trends.series],
            "segment": [one.segment for one in trends.series],
            "tag_precision": [value for value, _ in precision],
            "tag_gold_n": [None if value is None else labels for value, labels in precision],
            "url_head": [urlencode({"entity_id": one.entity_id, "grain": request.grain}) for one in trends.series],
            "url_tail": [urlencode({"segment": one.segment}) for one in trends.series],
        },
        schema_overrides={"tag_precision": pl.Float64, "tag_gold_n": pl.Int64},
    )


def _frame(rows: PeriodRows, part: slice, fixed: pl.DataFrame, trends: Trends, request: ExportRequest) -> pl.DataFrame:
    span, vintage = rows.period.span, trends.vintage
    counts = {name: values[part] for name, values in rows.columns.items()}
    counts["signal"] = counts["signal"].tolist()
    cell = f"{span.grain}/{span.start}/"
    url = f"{request.base_url.rstrip('/')}/news/evidence?"
    has_articles = pl.col("articles") > 0
    return (
        pl.DataFrame(counts)
        .hstack(fixed)
        .select(
            pl.lit(span.start).alias("period_start"),
            pl.lit(span.end).alias("period_end"),
            pl.lit(span.iso_week).alias("iso_week"),
            pl.lit(span.grain).alias("grain"),
            pl.lit(vintage.taxonomy).alias("taxonomy_version"),
            pl.lit(vintage.tagger).alias("tagger_version"),
            pl.lit(vintage.as_of).alias("as_of"),
            pl.when(has_articles)
            .then(pl.concat_str(pl.lit(cell), "entity_id", pl.lit("/"), "segment"))
            .alias("evidence_id"),
            pl.when(has_articles)
            .then(pl.concat_str(pl.lit(url), "url_head", pl.lit(f"&period={span.start}&"), "url_tail"))
            .alias("evidence_url"),
            pl.all(),
        )
        .select(pl.col(name).cast(kind) for name, kind in schema(COLUMNS).items())
    )


def _wide_chunks(trends: Trends, columns: tuple[Column, ...], name: str) -> Iterator[pl.DataFrame]:
    types = schema(columns)
    every = trends.rows()
    while batch := list(islice(every, WIDE_ROWS)):
        values = np.array([rows.columns[name] for rows in batch])  # periods x entities
        data: dict[str, list[Any]] = {columns[0].name: [rows.period.span.start for rows in batch]}
        data |= {series.entity_id: values[:, at].tolist() for at, series in enumerate(trends.series)}
        yield pl.DataFrame(data, schema=types)


def _meta(trends: Trends, request: ExportRequest) -> dict[str, Any]:
    vintage, panel = trends.vintage, trends.panel
    starts = [str(period.span.start) for period in trends.periods]
    first, last = (starts[0], starts[-1]) if starts else (None, None)
    weeks = {"first_week": first, "last_week": last} if request.grain == "week" else {}
    return {
        "grain": request.grain,
        "first_period": first,
        "last_period": last,
        **weeks,
        "first_answer": vintage.first_answer or None,
        "last_answer": vintage.last_answer or None,
        "panel": {
            "sources": panel.source_ids,
            "first_period": str(panel.first.start) if panel.first else None,
            "last_period": str(panel.last.start) if panel.last else None,
        },
        "false_discovery_rate": SIGNAL_Q,
        "taxonomy_version": vintage.taxonomy,
        "tagger_version": vintage.tagger,
    }
