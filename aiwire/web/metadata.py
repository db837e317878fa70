"""What Datasette shows of our tables and queries: one dict, from two sources that are written by hand.

The words on tables and columns are in `datasette_metadata.json`, the canned queries in `db.queries` and
`aiwire.web.costs`. The file holds the queries, too, so that it can be given to a Datasette without our plugin (where
`tco` lacks its function); `tools/write_metadata.py` puts them there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from aiwire.paths import metadata_path
from aiwire.web.costs import TCO
from aiwire.web.site import DATABASE_NAME
from db.queries import QUERIES, CannedQuery

__all__ = ["Parameter", "QueryHelp", "all_queries", "metadata", "queries_as_metadata", "query_help", "without_clashes"]


# parameter -> table or query that lists its values: where to look when there is no answer
LISTED_IN = {
    "entity_id": "entities", "with_id": "entities", "theme": "entities", "accelerator": "accelerator_families",
    "accelerator_id": "accelerators", "source_id": "sources", "story_id": "copied_stories", "input": "tco_defaults",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a canned query."""

    name: str
    words: str  # what it takes
    example: str  # "": best left empty
    listed_in: str = ""  # table or query that lists what it may be

    @property
    def is_needed(self) -> bool:
        """Whether there is no answer without it: what an empty one means is not said."""
        return bool(self.words) and "empty" not in self.words and "the same as" not in self.words


@dataclass(frozen=True, slots=True)
class QueryHelp:
    """What a page says about a canned query, whatever the version of Datasette."""

    name: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    is_feed: bool  # can be had as .atom

    @property
    def example(self) -> str:
        """Return the query string to try, without the parameters whose example is to leave them empty."""
        return urlencode({one.name: one.example for one in self.parameters if one.example})

    @property
    def example_json(self) -> str:
        """Return the path of the example as a JSON array of objects: the same on all versions of Datasette."""
        return f"{DATABASE_NAME}/{self.name}.json?" + "&".join(filter(None, (self.example, "_shape=array")))


def all_queries() -> tuple[CannedQuery, ...]:
    """Return all canned queries, in the order in which lists show them."""
    return (*QUERIES, TCO)


def metadata() -> dict[str, Any]:
    """Return the metadata of a site: a new dict that the caller may change."""
    found: dict[str, Any] = json.loads(metadata_path().read_text(encoding="utf-8"))
    found["databases"][DATABASE_NAME]["queries"] = queries_as_metadata(all_queries())
    return found


def queries_as_metadata(queries: Iterable[CannedQuery]) -> dict[str, dict[str, Any]]:
    """Return canned queries as Datasette wants them in its metadata, and our own keys `examples` and `example_url`."""
    found = {}
    for query in queries:
        helped = _help(query)
        found[query.name] = {
            "title": query.title,
            "description": _described(query),
            "sql": query.sql.strip(),
            "params": list(query.examples),
            "hide_sql": True,
            "examples": query.examples,
            "example_url": f"/{helped.example_json}",
        }
    return found


def query_help(name: str | None) -> QueryHelp | None:
    """Return what there is to say about a canned query; None: it is none of ours."""
    return _helps().get(name or "")


def without_clashes(ours: dict[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return our metadata without what a user's own contradicts where the two are laid over each other.

    Datasette refuses a table with both `sort` and `sort_desc`: the user's one wins.
    """
    databases = theirs.get("databases")
    tables = ((databases if isinstance(databases, Mapping) else {}).get(DATABASE_NAME) or {}).get("tables") or {}
    for name, table in ours["databases"][DATABASE_NAME]["tables"].items():
        if {"sort", "sort_desc"} & set(tables.get(name) or {}):
            table.pop("sort", None)
            table.pop("sort_desc", None)
    return ours


@cache
def _helps() -> dict[str, QueryHelp]:
    return {query.name: _help(query) for query in all_queries()}


def _help(query: CannedQuery) -> QueryHelp:
    parameters = tuple(
        Parameter(name, query.words.get(name, ""), example, LISTED_IN.get(name, ""))
        for name, example in query.examples.items()
    )
    return QueryHelp(query.name, query.title, query.description, parameters, " AS atom_id" in query.sql)


def _described(query: CannedQuery) -> str:
    """Return the description with what each parameter takes: all that a page of Datasette's own shows."""
    told = "; ".join(f"{name}: {words}" for name, words in query.words.items())
    return f"{query.description} {told}." if told else query.description
