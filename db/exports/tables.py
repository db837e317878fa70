"""The tables there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlite_utils import Database

from db.exports import articles, cooccurrence, entities, evidence, price_history, prices, sources, trends
from db.exports.request import ExportRequest
from db.exports.table import Column, Table

__all__ = ["COLUMNS", "MAKERS", "Maker"]

Maker = Callable[[Database, ExportRequest], Table]

MAKERS: Mapping[str, Maker] = {
    "trends": trends.table,
    "cooccurrence": cooccurrence.table,
    "prices": prices.table,
    "price_history": price_history.table,
    "evidence": evidence.table,
    "articles": articles.table,
    "entities": entities.table,
    "sources": sources.table,
}

COLUMNS: Mapping[str, tuple[Column, ...]] = {  # for the dictionary
    "trends": trends.COLUMNS,
    "trends_wide": trends.WIDE_COLUMNS,
    "cooccurrence": cooccurrence.COLUMNS,
    "prices": prices.COLUMNS,
    "price_history": price_history.COLUMNS,
    "evidence": evidence.COLUMNS,
    "articles": articles.COLUMNS,
    "entities": entities.COLUMNS,
    "sources": sources.COLUMNS,
}
