"""What accelerators cost, in three voices: a row per price, with its source and whether it is to be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlite_utils import Database

from db.exports.article_columns import EXCERPT
from db.exports.evidence import excerpt
from db.exports.request import ExportRequest
from db.exports.selection import bounds, entity_condition
from db.exports.table import Column, Table, frames
from db.price_history import check_family

__all__ = ["COLUMNS", "KEY", "table"]

COLUMNS = (
    Column("observation", "text", "", "Which price: hardware, cloud or press, and its id."),
    Column("family_id", "text", "", "Family of accelerators, such as nvidia-h100."),
    Column("accelerator_id", "text", "", "The part.", null="only the family is said"),
    Column("voice", "text", "", "reference (what hardware was sold for), cloud (offers to rent) or press (quoted)."),
    Column(
        "kind", "text", "",
        "launch, list, street, system, estimate; on-demand, spot, reserved-1y, reserved-3y; of the press its"
        " qualifier, or quoted.",
    ),
    Column("unit", "text", "", "gpu-hour, card (one accelerator), system (whole), or what an article says."),
    Column("price_date", "text", "ISO date, month or year", "Date of the price.", null="not dated"),
    Column(
        "held_until", "text", "ISO date, month or year", "Last day on which it is known to have held.",
        formula="of the cloud: the date of the offer's next dated price, if it has one; else price_date; of one that is"
        " not dated superseded_at, else as_of; of others price_date",
        null="not dated",
    ),
    Column("is_dated", "boolean", "0 or 1", "0: the source gives no date, price_date is when it was read, if known."),
    Column("usd", "real", "US dollars per unit", "The price.", null="in another currency, or only a range"),
    Column("usd_low", "real", "US dollars per unit", "Of a range, the low end.", null="not a range in US dollars"),
    Column("usd_high", "real", "US dollars per unit", "Of a range, the high end.", null="not a range in US dollars"),
    Column("amount", "real", "currency", "As told, for all that is sold.", null="only a range"),
    Column("amount_max", "real", "currency", "High end of a range in an article.", null="none"),
    Column("currency", "text", "ISO 4217", "Of amount; nothing is converted."),
    Column("gpu_count", "integer", "accelerators", "In what is sold.", null="an article"),
    Column("provider", "text", "", "Cloud.", null="not of the cloud"),
    Column("region", "text", "", "As the provider names it.", null="not said"),
    Column("item", "text", "", "What is sold.", null="not said"),
    Column("is_plausible", "boolean", "0 or 1", "0: shown, never used."),
    Column("why_not", "text", "", "Why it is not plausible.", null="it is"),
    Column("superseded_at", "text", "ISO date", "Day on which another value took its place.", null="none did"),
    Column("as_of", "text", "ISO date", "Day on which the source was read."),
    Column("source", "text", "", "Address or citation."),
    Column("article_id", "integer", "", "The article.", null="not of the press"),
    *(replace(column, null="not of the press, or nothing may be quoted") for column in EXCERPT),
    Column("note", "text", "", "What to be careful about.", null="nothing is noted"),
)  # fmt: skip
KEY = ("family_id", "observation")
RULES = {
    "rows": "one per price of a family: implausible and overtaken ones too, told by is_plausible and superseded_at",
    "days": "a price is of a day if it held then: price_date to held_until; with --since or --until only dated ones",
}


def table(db: Database, request: ExportRequest) -> Table:
    """Return the prices asked for; read within the caller's snapshot.

    Raises:
        ConfigError: there is no such entity, family or part.
    """
    rows = _rows(db, replace(request, entities=tuple(_family(db, asked) for asked in request.entities)))
    return Table("price_history", COLUMNS, KEY, frames(COLUMNS, rows), RULES, "Prices of accelerators in three voices")


def _family(db: Database, asked: str) -> str:
    """Return the family that is meant: of an entity its id; a database without articles has families and no entities.

    Raises:
        ConfigError: it is neither an entity nor a family nor a part; the message names the nearest.
    """
    if db.execute("SELECT 1 FROM entities WHERE id = ?", [asked]).fetchone():
        return asked
    return check_family(db, asked)


def _rows(db: Database, request: ExportRequest) -> Iterator[tuple[Any, ...]]:
    is_asked, values = entity_condition(request, "family_id", "'accelerator'")
    is_bounded = request.since is not None or request.until is not None
    found = db.execute(
        f"""
        SELECT observation, family_id, accelerator_id, voice, kind, unit, price_date, held_until, is_dated, usd,
            usd_low, usd_high, amount, amount_max, currency, gpu_count, provider, region, item, is_plausible, why_not,
            superseded_at, as_of, source, note, article_id, sentence,
            (SELECT excerpt_chars FROM articles JOIN sources ON sources.id = source_id WHERE articles.id = article_id)
        FROM price_history
        WHERE ({is_asked}) AND (NOT :is_bounded OR (held_until >= :start AND price_date < :stop))
        ORDER BY family_id, observation
        """,
        {**bounds(request), "is_bounded": is_bounded, **values},
    )
    for *head, note, article_id, sentence, chars in found:
        words, is_cut = excerpt(sentence, chars, request.excerpt_chars) if sentence is not None else (None, None)
        yield (*head, article_id, words, is_cut if is_cut is None else int(is_cut), note)
