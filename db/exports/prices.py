"""The prices that articles quote: one row per observation, in its own currency, with its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlite_utils import Database

from db.exports.article_columns import (
    ARTICLE_ID,
    DATED_AT,
    EXCERPT,
    OWNED,
    PUBLISHER,
    SOURCE_ID,
    STORY_ID,
    TITLE,
    URL,
)
from db.exports.evidence import excerpt
from db.exports.request import ExportRequest
from db.exports.selection import bounds, check_entities, checked_segment, entity_condition
from db.exports.table import Column, Table, frames
from db.queries.evidence import SEGMENT_CONDITION_SQL
from db.trends.counting import STORY_SQL

__all__ = ["COLUMNS", "KEY", "table"]

COLUMNS = (
    DATED_AT,
    ARTICLE_ID,
    Column("position", "integer", "", "Place among the prices of the article; 0 is the first."),
    URL,
    TITLE,
    SOURCE_ID,
    PUBLISHER,
    OWNED,
    STORY_ID,
    Column(
        "is_duplicate", "boolean", "0 or 1",
        "1: an earlier row says the same in the same story, in this file or before it.",
        "same story_id, quote, unit, accelerator_id and product_id; the earliest of them by dated_at, article_id and"
        " position has 0",
    ),
    Column(
        "accelerator_id", "text", "", "Family that the price is of, such as nvidia-h100.",
        null="the text names none",
    ),
    Column("accelerator_label", "text", "", "Its name; may change.", null="as accelerator_id"),
    Column(
        "product_id", "text", "", "Model or company whose price it is.", null="an accelerator's price, or not said",
    ),
    Column("product_label", "text", "", "Its name; may change.", null="as product_id"),
    Column("amount", "real", "currency per unit", "The price in its own currency; of a range, the low end."),
    Column("amount_max", "real", "currency per unit", "Of a range, the high end.", null="not a range"),
    Column("currency", "text", "ISO 4217", "Of amount; nothing is converted."),
    Column(
        "unit", "text", "",
        "What is paid for: gpu-hour, instance-hour, card, server, system, month, 1M-tokens, kwh or other.",
    ),
    Column(
        "qualifier", "text", "", "from, up-to, list, street, spot, reserved or on-demand.", null="the text says none",
    ),
    Column(
        "implausible", "boolean", "0 or 1", "1: outside what the reference tables make likely.",
        null="they say nothing of it",
    ),
    Column("quote", "text", "", "The words of the price."),
    *EXCERPT,
    Column("field", "text", "", "Where the quote is: title or text."),
    Column("start", "integer", "code points", "First character of the quote in its field."),
    Column("end", "integer", "code points", "After its last character."),
)  # fmt: skip
KEY = ("dated_at", "article_id", "position")
RULES = {
    "rows": "one per price that an article quotes; of a kind or entity: prices of such an accelerator or product",
    "currency": "amounts are as quoted: neither converted nor adjusted for inflation",
}


def table(db: Database, request: ExportRequest) -> Table:
    """Return the prices asked for; read within the caller's snapshot.

    Raises:
        ConfigError: there is no such entity or segment.
    """
    check_entities(db, request.entities)
    rows = _rows(db, request, checked_segment(db, request.segment))
    return Table("prices", COLUMNS, KEY, frames(COLUMNS, rows), RULES, "Prices quoted in articles")


def _rows(db: Database, request: ExportRequest, segment: str) -> Iterator[tuple[Any, ...]]:
    of_accelerator, values = entity_condition(request, "accelerators.id", "accelerators.kind")
    of_product, _ = entity_condition(request, "products.id", "products.kind")
    found = db.execute(
        f"""
        SELECT prices.dated_at, prices.article_id, prices.position, articles.url, title, sources.id,
            sources.publisher, sources.owner IS NOT NULL, {STORY_SQL},
            EXISTS (
                SELECT 1 FROM articles AS copies
                CROSS JOIN prices AS earlier ON earlier.article_id = copies.id
                WHERE (copies.id = articles.id OR copies.story_id = articles.story_id)
                    AND (earlier.dated_at, earlier.article_id, earlier.position)
                        < (prices.dated_at, prices.article_id, prices.position)
                    AND earlier.quote = prices.quote AND earlier.unit = prices.unit
                    AND earlier.accelerator IS prices.accelerator AND earlier.product IS prices.product
            ),
            accelerators.id, accelerators.name, products.id, products.name, amount, amount_max, currency, unit,
            qualifier, implausible, quote, sentence, field, start, "end", sources.excerpt_chars
        FROM prices INDEXED BY prices_dated
        JOIN articles ON articles.id = prices.article_id
        JOIN sources ON sources.id = articles.source_id
        LEFT JOIN entities AS accelerators ON accelerators.id = prices.accelerator
        LEFT JOIN entities AS products ON products.id = prices.product
        WHERE prices.dated_at >= :start AND prices.dated_at < :stop AND {SEGMENT_CONDITION_SQL}
            AND (({of_accelerator}) OR ({of_product}))
        ORDER BY prices.dated_at, prices.article_id, prices.position
        """,
        {**bounds(request), "segment": segment, **values},
    )
    for *head, sentence, field, start, end, chars in found:
        words, is_cut = excerpt(sentence, chars, request.excerpt_chars)
        yield (*head, words, int(is_cut), field, start, end)
