"""Prices that articles quote, as witnesses for or against a figure of the reference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlite_utils import Database

from aiwire.types import iso

__all__ = ["Quote", "maker_of", "quotes"]

# makers of what is priced, and who reports it: their names say nothing about who sells at the price
_OTHERS = ("chips", "foundry", "memory", "media", "analyst", "bank", "investor", "consultancy")
_COMPANIES = f"""
    SELECT json_group_array(DISTINCT entities.id) FROM mentions JOIN entities ON entities.id = mentions.entity_id
    WHERE mentions.article_id = prices.article_id AND entities.kind = 'company'
        AND coalesce(category, '') NOT IN ({", ".join(f"'{category}'" for category in _OTHERS)})
"""
_IN_SENTENCE = "AND mentions.field = prices.field AND sent_start <= prices.start AND sent_end > prices.start"

# which column of `prices` a subject is in
_SUBJECTS = {"accelerator": "prices.accelerator = :subject", "product": "prices.product = :subject", "any": "1"}


@dataclass(frozen=True, slots=True)
class Quote:
    """A price as an article has it."""

    url: str
    title: str
    publisher: str  # name of the source
    dated_at: str  # ISO time of the article
    quote: str  # the words
    sentence: str
    amount: float  # in its own currency; low end of a range
    amount_max: float | None
    currency: str  # ISO 4217
    unit: str
    qualifier: str | None
    is_implausible: int  # 1: outside what the reference makes likely
    companies: tuple[str, ...] = ()  # ids of those that the sentence names; makers of chips and the press left out
    title_companies: tuple[str, ...] = ()  # ids of those that the title names, likewise


def quotes(
    db: Database, units: Sequence[str], *, since: datetime, until: datetime, accelerator: str | None = None,
    product: str | None = None, newest: int = -1,
) -> list[Quote]:  # fmt: skip
    """Return what articles quote in these units, newest first; of the copies of a story the earliest speaks.

    Args:
        accelerator: family that it must be the price of.
        product: family of models that it must be the price of.
        newest: so many prices are looked at, copies included; -1: all.
    """
    which = "accelerator" if accelerator else "product" if product else "any"
    rows = db.execute(
        f"""
        SELECT articles.url, articles.title, sources.name, prices.dated_at, quote, sentence, amount, amount_max,
            currency, unit, qualifier, coalesce(implausible, 0), ({_COMPANIES} {_IN_SENTENCE}),
            ({_COMPANIES} AND mentions.field = 'title'), coalesce(articles.story_id, articles.id)
        FROM prices JOIN articles ON articles.id = prices.article_id JOIN sources ON sources.id = articles.source_id
        WHERE {_SUBJECTS[which]} AND prices.dated_at >= :since AND prices.dated_at <= :until
            AND unit IN ({", ".join(f":unit{n}" for n in range(len(units)))})
        ORDER BY prices.dated_at DESC, prices.article_id, prices.position LIMIT :newest
        """,
        {"subject": accelerator or product, "since": iso(since), "until": iso(until), "newest": newest}
        | {f"unit{n}": unit for n, unit in enumerate(units)},
    ).fetchall()
    first: dict[tuple[object, ...], Quote] = {}
    for row in sorted(rows, key=lambda row: row[3]):  # by time: the first of the copies of a story speaks
        *plain, companies, title_companies, story = row
        quote = replace(Quote(*plain), companies=_ids(companies), title_companies=_ids(title_companies))
        first.setdefault((story, quote.unit, quote.currency, quote.amount, quote.amount_max, quote.qualifier), quote)
    return sorted(first.values(), key=lambda quote: quote.dated_at, reverse=True)


def maker_of(db: Database, entity_id: str | None) -> tuple[str, ...]:
    """Return the id of the company that a model or part is of; empty: none is known."""
    found = db.execute("SELECT parent FROM entities WHERE id = ? AND parent IS NOT NULL", [entity_id]).fetchone()
    return tuple(found) if found else ()


def _ids(listed: str) -> tuple[str, ...]:
    return tuple(sorted(json.loads(listed)))
