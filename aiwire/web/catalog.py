"""How the tables and the canned queries of a database are listed, and how columns are called. Pure.

Works on any database: tables and queries that it does not know stand in one last group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Group", "Listed", "label", "query_groups", "table_groups"]

Item = Mapping[str, Any] | object  # a table or query: a dict in Datasette 0.65, an object in 1.0
TABLE_GROUPS = (
    ("News", "Articles as publishers gave them, and the stories that several of them tell.",
     ("articles", "stories", "article_versions", "sources", "source_health")),
    ("Tags", "Who and what is named where, each with its sentence.",
     ("entities", "article_entities", "mentions", "prices", "aliases", "candidates", "corrections")),
    ("Trends", "How often an entity is in the news, beside how much news there was.",
     ("entity_signals", "trends_daily", "trends_weekly", "trends_monthly", "cooccurrence_weekly", "period_totals")),
    ("Reference", "What accelerators are, and what hardware, clouds, models and electricity cost.",
     ("accelerator_sheet", "accelerators", "accelerator_facts", "accelerator_families", "price_history",
      "cloud_prices_now", "cloud_prices", "hardware_prices", "api_prices", "model_shapes", "electricity_prices",
      "grid_carbon", "tco_defaults", "reference_sources")),
    ("Bookkeeping", "What was asked when, and what came of it.",
     ("runs", "fetches", "coverage", "source_state", "source_moves", "source_items", "lanes", "robots",
      "published")),
)  # fmt: skip
QUERY_GROUPS = (
    ("News", "", ("search", "latest", "entity_news", "copied_stories", "story", "evidence")),
    ("Trends", "", ("compare", "trend", "compare_weeks", "co_mentions", "source_lift")),
    ("Hardware and prices", "", (
        "tco", "accelerators_with_memory", "facts_of_accelerator", "disputed_facts", "price_history_of",
        "price_months", "cloud_price_table", "hardware_price_table", "api_price_table", "prices_quoted", "energy",
        "cost_defaults", "reference_changes",
    )),
    ("Feeds", "", ("feed", "feed_of_entity", "feed_of_theme")),
    ("How well it works", "", ("about_the_data", "source_trouble", "source_coverage")),
)  # fmt: skip
LABELS = {
    "q": "Words", "entity_id": "Entity", "with_id": "Named together with", "about": "About it",
    "memory_gb": "Memory in GB, at least", "id": "id", "dated_at": "Date", "date_source": "Dated by", "url": "Original",
    "published_at": "Date as stated", "is_lead": "Leads",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """A table, view or query in a list."""

    name: str
    title: str
    text: str  # what is in it
    count: int | None = None  # rows; None: not known, or a view or query
    is_table: bool = False
    is_hidden: bool = False
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Tables or queries for one purpose."""

    title: str
    text: str
    items: tuple[Listed, ...]


def table_groups(
    tables: Iterable[Item], views: Iterable[Item], metadata: Mapping[str, Any], hidden: bool
) -> tuple[Group, ...]:
    """Return the tables and views of a database by what they are for.

    Args:
        tables: as Datasette's database page has them.
        views: the same.
        metadata: of the database.
        hidden: those that are usually left out stand in the list, too.
    """
    words = metadata.get("tables") or {}
    listed = [_listed(table, words, is_table=True) for table in map(_said, tables) if hidden or not table.get("hidden")]
    listed += [
        _listed(view, words) for view in map(_said, views) if hidden or not _words(words, view["name"]).get("hidden")
    ]
    return _grouped(listed, TABLE_GROUPS, "Other tables")


def query_groups(queries: Iterable[Item]) -> tuple[Group, ...]:
    """Return the canned queries of a database by what they answer, each with the first sentence on it."""
    listed = [_listed_query(query) for query in queries]
    return _grouped(listed, QUERY_GROUPS, "Other queries")


def label(name: str) -> str:
    """Return the name of a column or parameter in words: "Source", "Price date"."""
    if name in LABELS:
        return LABELS[name]
    words = re.sub(r"(?<=\w)_(id|at)$", "", name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _said(item: Item) -> Mapping[str, Any]:
    return item if isinstance(item, Mapping) else vars(item)


def _listed_query(query: Item) -> Listed:
    said = _said(query)
    name, text = said["name"], str(said.get("description") or "").strip()
    first = re.split(r"(?<=\.)\s+", text, maxsplit=1)[0]
    return Listed(name, said.get("title") or name, first, is_private=bool(said.get("private")))


def _words(words: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return words.get(name) or {}


def _listed(table: Mapping[str, Any], words: Mapping[str, Any], *, is_table: bool = False) -> Listed:
    name = table["name"]
    said = _words(words, name)
    return Listed(
        name, said.get("title") or name, said.get("description") or ", ".join(table.get("columns") or ()),
        table.get("count"), is_table, bool(table.get("hidden")), bool(table.get("private")),
    )  # fmt: skip


def _grouped(
    listed: Sequence[Listed], groups: Sequence[tuple[str, str, tuple[str, ...]]], rest: str
) -> tuple[Group, ...]:
    by_name = {item.name: item for item in listed}
    made = [
        Group(title, text, tuple(by_name[name] for name in names if name in by_name)) for title, text, names in groups
    ]
    known = {name for _, _, names in groups for name in names}
    others = tuple(item for item in listed if item.name not in known)
    made = [group for group in made if group.items]
    return (*made, Group(rest if made else "", "", others)) if others else tuple(made)
