"""The pages of the site: which template shows what, and the modules that bring its values together.

Each module has `load(db, ask)`, which returns one frozen dataclass: the template shows it as `page` and computes
nothing. SQL is in `db.pages`; here values get their links and charts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

from sqlite_utils import Database

from aiwire.web.links import Links
from aiwire.web.site import Site

__all__ = ["PAGES", "Ask", "Load", "loader"]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a page is asked for."""

    key: str  # of a row page: the key of the row, decoded; else ""
    args: Mapping[str, list[str]]  # of the query string
    site: Site
    links: Links
    now: datetime

    def first(self, name: str) -> str:
        """Return the first value of an argument, without spaces around it; "" if there is none."""
        values = self.args.get(name) or [""]
        return values[0].strip()


Load = Callable[[Database, Ask], Any]

PAGES = {  # template -> module
    "index.html": "home",
    "row-news-articles.html": "article",
    "row-news-entities.html": "entity",
    "row-news-sources.html": "source",
    "table-news-entities.html": "entities",
    "table-news-sources.html": "sources",
    "query-news-search.html": "search",
    "query-news-compare.html": "compare",
    "query-news-tco.html": "tco",
    "query-news-about_the_data.html": "about",
}


def loader(template: str) -> Load | None:
    """Return what loads the values of a template; None: it is none of ours, or shows no more than Datasette gives."""
    name = PAGES.get(template)
    if name is None:
        return None
    load: Load = import_module(f"aiwire.web.pages.{name}").load
    return load
