"""What is named together: one row per period and pair of entities, with how much more often than by chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from db.exports.request import ExportRequest
from db.exports.selection import check_entities
from db.exports.table import CHUNK_ROWS, Column, Table, schema
from db.exports.trend_columns import COLUMNS as TREND_COLUMNS
from db.trends.cooccurrence import MOST_NAMED, SPAN_SQL, count_pairs
from db.trends.counting import COUNTED_ROLES_SQL, DATED_SQL, STORY_SQL
from db.trends.periods import Span
from db.trends.query import Period, TrendsQuery, Vintage
from db.trends.series import load_periods
from db.trends.tables import CELLS
from db.trends.vintage import load_vintage

__all__ = ["COLUMNS", "KEY", "association", "table"]

# the stories that name each entity in articles that were tagged for themes
STORIES_FULL_SQL = f"""
    SELECT entity_id, count(DISTINCT {STORY_SQL})
    FROM articles INDEXED BY articles_dated
    CROSS JOIN article_entities INDEXED BY article_entities_article ON article_entities.article_id = articles.id
    WHERE articles.dated_at >= ? AND articles.dated_at < ? AND {DATED_SQL} AND articles.tag_scope = 'full'
        AND role IN {COUNTED_ROLES_SQL}
    GROUP BY entity_id
"""
TITLES = {"day": "Daily", "week": "Weekly", "month": "Monthly"}
Z_95 = 1.96

_OF_TRENDS = {column.name: column for column in TREND_COLUMNS}
_FITTING = " If one of the two is a theme, only in articles that were tagged for themes."


def _entity_columns(side: str, which: str) -> tuple[Column, ...]:
    return (
        Column(f"entity_{side}", "text", "", f"Stable id of {which}."),
        Column(f"label_{side}", "text", "", "Its name; may change."),
        Column(f"type_{side}", "text", "", "company, accelerator, theme, model or regulation."),
    )


COLUMNS = (
    *(_OF_TRENDS[name] for name in ("period_start", "period_end", "iso_week", "grain", "is_partial", "coverage_ok")),
    *_entity_columns("a", "the entity whose id comes first in the alphabet"),
    *_entity_columns("b", "the other entity"),
    Column("articles_both", "integer", "articles", "Articles that name both as subject or mention."),
    Column("stories_both", "integer", "stories", "Different stories that these articles tell."),
    Column("stories_a", "integer", "stories", "Stories that name entity_a." + _FITTING),
    Column("stories_b", "integer", "stories", "Stories that name entity_b." + _FITTING),
    Column("stories_total", "integer", "stories", "Stories of all tagged articles of the period." + _FITTING),
    Column(
        "lift", "real", "ratio", "How many times more stories name both than if one had nothing to do with the other.",
        "(stories_both * stories_total) / (stories_a * stories_b)",
    ),
    Column(
        "lift_lo", "real", "ratio",
        "Lower end of the 95 % interval of lift: where it is below 1, the two may be together by chance.",
        "x = stories_both: (1 - 1/(9*x) - 1.96/(3*sqrt(x)))^3 * lift",
    ),
    Column(
        "lift_hi", "real", "ratio", "Upper end of it.",
        "y = stories_both + 1: (1 - 1/(9*y) + 1.96/(3*sqrt(y)))^3 * y/stories_both * lift",
    ),
    Column(
        "npmi", "real", "-1 to 1",
        "Normalized pointwise mutual information: 0 by chance, 1 if one is never named without the other.",
        "log2(lift) / -log2(stories_both / stories_total)", null="every story names both",
    ),
    Column("evidence_id", "text", "", "Name of this row for the export of evidence.",
           "grain/period_start/entity_a+entity_b/all"),
    Column("evidence_url", "text", "URL", "Page that lists the articles of this row with their sentences."),
    *(_OF_TRENDS[name] for name in ("taxonomy_version", "tagger_version", "as_of")),
)  # fmt: skip
KEY = ("period_start", "grain", "entity_a", "entity_b")
RULES = {
    "rows": "one per pair that an article of the period names; a pair without a row was named by none",
    "lists": f"an article that names more than {MOST_NAMED} entities is a list and counts in no pair",
    "entities": "of an entity asked for: pairs that hold it; of kinds: pairs of two entities each of which is of one of"
    " these kinds, or is asked for",
    "interval": "the 95 % limits of a Poisson count for stories_both (Byar's approximation) over what chance would"
    " have: a single story proves nothing; of pairs that have nothing to do with each other, one in 40 has a lift_lo"
    " above 1",
    "segment": "all articles",
}  # fmt: skip


def table(db: Database, request: ExportRequest) -> Table:
    """Return the pairs of each period; call it, and read its chunks, within one snapshot of the database.

    Raises:
        ConfigError: there is no such entity, or a segment other than `all` is asked for.
    """
    if request.segment is None or request.segment.lower() != "all":
        raise ConfigError("pairs are counted in all articles alone: leave --segment away")
    check_entities(db, request.entities)
    periods = load_periods(db, TrendsQuery(request.now, request.grain, request.since, request.until))
    chunks = _chunks(db, request, periods, load_vintage(db, request.now))
    title = f"{TITLES[request.grain]} co-occurrence in AI-industry news"
    return Table("cooccurrence", COLUMNS, KEY, chunks, RULES, title)


def association(
    both: NDArray[Any], named_a: NDArray[Any], named_b: NDArray[Any], total: NDArray[Any]
) -> Mapping[str, NDArray[np.float64]]:
    """Return lift, its 95 % interval and NPMI of pairs of which at least one story names both. Pure.

    The interval is that of a Poisson count for the stories that name both, by Byar's approximation of the exact limits
    (Breslow and Day 1987, Statistical Methods in Cancer Research II, p. 69), over the expected count, which is taken as
    known. The delta method for the logarithm would be narrower, and far too narrow for pairs of one or two stories,
    which most are. NPMI is of Bouma (2009), "Normalized (pointwise) mutual information in collocation extraction"; NaN
    where every story names both.
    """
    x, a, b, n = (counts.astype(np.float64) for counts in (both, named_a, named_b, total))
    expected = a * b / n
    lift, more = x / expected, x + 1
    lowest = x * (1 - 1 / (9 * x) - Z_95 / (3 * np.sqrt(x))) ** 3
    highest = more * (1 - 1 / (9 * more) + Z_95 / (3 * np.sqrt(more))) ** 3
    with np.errstate(divide="ignore", invalid="ignore"):
        npmi = np.where(x == n, np.nan, np.log(lift) / -np.log(x / n))
    return {"lift": lift, "lift_lo": lowest / expected, "lift_hi": highest / expected, "npmi": npmi}


def _chunks(
    db: Database, request: ExportRequest, periods: Sequence[Period], vintage: Vintage
) -> Iterator[pl.DataFrame]:
    entities = pl.DataFrame(
        db.execute("SELECT id, name, kind FROM entities").fetchall(), schema=["id", "label", "type"], orient="row"
    )
    for period in periods:
        pairs = _asked_for(_pairs(db, period.span), entities, request)
        if not pairs.is_empty():
            counted = _counted(db, period.span, pairs)
            yield from _frame(counted, period, vintage, request).iter_slices(CHUNK_ROWS)


def _pairs(db: Database, span: Span) -> pl.DataFrame:
    """Return the pairs of a period in the order of the key: of a week as they are stored, of others counted now."""
    if span.grain == "week":
        rows = db.execute(
            """
            SELECT entity_a, entity_b, articles, stories FROM cooccurrence_weekly WHERE period_start = ?
            ORDER BY entity_a, entity_b
            """,
            [span.start.isoformat()],
        ).fetchall()
    else:
        found = count_pairs(db.execute(SPAN_SQL, {"start": span.start.isoformat(), "stop": span.stop.isoformat()}))
        rows = [(*pair, *found[pair]) for pair in sorted(found)]
    types = {"entity_a": pl.String(), "entity_b": pl.String(), "articles_both": pl.Int64(), "stories_both": pl.Int64()}
    return pl.DataFrame(rows, schema=types, orient="row")


def _asked_for(pairs: pl.DataFrame, entities: pl.DataFrame, request: ExportRequest) -> pl.DataFrame:
    """Return the pairs that fit the filters, with what their entities are."""
    for side in "ab":
        of_side = entities.rename({name: f"{name}_{side}" for name in entities.columns})
        pairs = pairs.join(of_side, left_on=f"entity_{side}", right_on=f"id_{side}", maintain_order="left")
    if request.entities:
        pairs = pairs.filter(pl.any_horizontal(pl.col("entity_a", "entity_b").is_in(request.entities)))
    if request.kinds:
        pairs = pairs.filter(
            *(pl.col(f"type_{side}").is_in(request.kinds) | pl.col(f"entity_{side}").is_in(request.entities)
              for side in "ab")
        )  # fmt: skip
    return pairs


def _counted(db: Database, span: Span, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs with their counts: where one is a theme, all of them in what was tagged for themes."""
    start = span.start.isoformat()
    total, total_full = db.execute(
        "SELECT stories_total, stories_full FROM period_totals WHERE (grain, period_start, segment) = (?, ?, 'all')",
        [span.grain, start],
    ).fetchone()
    cells = CELLS[span.grain].name
    stories = _by_entity(
        db, f"SELECT entity_id, stories FROM {cells} WHERE period_start = ? AND segment = 'all'", [start]
    )
    is_full = (pl.col("type_a") == "theme") | (pl.col("type_b") == "theme")
    stories_full = _by_entity(db, STORIES_FULL_SQL, [start, span.stop.isoformat()])
    for side in "ab":
        for name, counts in ((f"any_{side}", stories), (f"full_{side}", stories_full)):
            of_side = counts.rename({"stories": name})
            pairs = pairs.join(of_side, how="left", left_on=f"entity_{side}", right_on="id", maintain_order="left")
    counted = pairs.with_columns(
        stories_a=pl.when(is_full).then("full_a").otherwise("any_a"),
        stories_b=pl.when(is_full).then("full_b").otherwise("any_b"),
        stories_total=pl.when(is_full).then(total_full).otherwise(total),
    )
    return counted.with_columns(
        pl.Series(name, values, nan_to_null=True)
        for name, values in association(
            *(counted[f"stories_{name}"].to_numpy() for name in ("both", "a", "b", "total"))
        ).items()
    )


def _by_entity(db: Database, sql: str, values: list[str]) -> pl.DataFrame:
    rows = db.execute(sql, values).fetchall()
    return pl.DataFrame(rows, schema={"id": pl.String(), "stories": pl.Int64()}, orient="row")


def _frame(counted: pl.DataFrame, period: Period, vintage: Vintage, request: ExportRequest) -> pl.DataFrame:
    span = period.span
    a, b = pl.col("entity_a"), pl.col("entity_b")  # ids need no quoting in an address
    page, where = f"{request.base_url.rstrip('/')}/news/evidence?entity_id=", f"&grain={span.grain}&period={span.start}"
    frame = counted.with_columns(
        period_start=pl.lit(span.start),
        period_end=pl.lit(span.end),
        iso_week=pl.lit(span.iso_week),
        grain=pl.lit(span.grain),
        is_partial=pl.lit(int(period.is_partial)),
        coverage_ok=pl.lit(int(period.coverage_ok)),
        evidence_id=pl.concat_str(pl.lit(f"{span.grain}/{span.start}/"), a, pl.lit("+"), b, pl.lit("/all")),
        evidence_url=pl.concat_str(pl.lit(page), a, pl.lit("&with_id="), b, pl.lit(f"{where}&segment=all")),
        taxonomy_version=pl.lit(vintage.taxonomy),
        tagger_version=pl.lit(vintage.tagger),
        as_of=pl.lit(vintage.as_of),
    )
    return frame.select(pl.col(name).cast(kind) for name, kind in schema(COLUMNS).items())
