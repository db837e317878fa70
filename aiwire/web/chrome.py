"""What stands around every page: the site's name and its navigation; what the error pages know, too.

Datasette renders error pages without the values of `extra_template_vars`, so these are globals of the templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from datasette.utils import path_with_replaced_args

from aiwire.web import catalog, questions
from aiwire.web.cells import cell_class, shortened
from aiwire.web.compat import is_ours
from aiwire.web.links import Links, outside
from aiwire.web.pages.article_list import article_list
from aiwire.web.site import DATABASE_NAME, Site

if TYPE_CHECKING:
    from datasette.app import Datasette
    from datasette.utils.asgi import Request

__all__ = ["NavItem", "navigation", "template_globals"]

SITE_NAME = "aiwire"
ERRORS = {  # status -> heading, and what it means
    400: ("This cannot be answered", "The address asks for something that does not fit together: a column, a value or a"
          " query that is not valid."),
    403: ("Not open to readers", "This page or file is not shown here."),
    404: ("Nothing here", "There is no page at this address. It may have been mistyped, or what it showed may have left"
          " the archive."),
    405: ("Not offered", "This address cannot be used in that way."),
    429: ("Too many requests", "Please wait a little and ask again."),
    500: ("Something went wrong", "The page could not be made. The fault is ours and is in the server's log; trying"
          " again later may help."),
}  # fmt: skip
TOO_SLOW = ("This took too long", "The query was stopped at the time limit of this site. A narrower one — fewer rows, a"
            " shorter period, one entity — will do.")  # fmt: skip


@dataclass(frozen=True, slots=True)
class NavItem:
    """A link of the navigation."""

    label: str
    href: str
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """What an error page says."""

    status: int
    heading: str
    text: str
    has_detail: bool  # what Datasette says of it may be shown, too


@dataclass(frozen=True, slots=True)
class Fact:
    """Where data is from, or what may be done with it."""

    name: str
    text: str
    url: str | None  # None: it has none that a browser may be sent to


def template_globals(datasette: Datasette) -> dict[str, Any]:
    """Return what every template may use, whoever renders it."""
    links = Links(str(datasette.setting("base_url")))

    def has_news() -> bool:
        return is_ours(datasette)

    def site_nav(request: Request | None = None) -> tuple[NavItem, ...]:
        if not has_news():
            return others(links, [name for name in datasette.databases if name != "_internal"])
        if not request:  # an error page
            return navigation(links, "", {})
        return navigation(links, request.path, dict(parse_qsl(request.query_string)))

    return {
        "links": links, "site": Site.from_config(datasette.plugin_config("aiwire")),
        "database_label": lambda name: "Data" if name == DATABASE_NAME and has_news() else name,
        "site_name": SITE_NAME, "site_nav": site_nav, "has_news": has_news,
        "table_groups": catalog.table_groups, "query_groups": catalog.query_groups,
        "query_fields": questions.query_fields, "answer": questions.answer, "sql_lines": questions.sql_lines,
        "stacks": questions.stacks, "unknown_values": questions.unknown_values(datasette), "label": catalog.label,
        "cell_class": cell_class, "shortened": shortened, "all_rows": all_rows, "articles_of": article_list(datasette),
        "error_words": error_words, "about_facts": about_facts,
    }  # fmt: skip


def navigation(links: Links, path: str, args: Mapping[str, str]) -> tuple[NavItem, ...]:
    """Return the links to the parts of the site, the one that holds the page at `path` marked."""
    items = (
        ("Home", links.home()),
        ("News", links.query("articles", date_source__not="backlog")),
        ("Companies", links.query("entities", kind="company")),
        ("Accelerators", links.query("entities", kind="accelerator")),
        ("Themes", links.query("entities", kind="theme")),
        ("Compare", links.query("compare")),
        ("Buy or rent", links.query("tco")),
        ("Sources", links.query("sources")),
        ("About", links.query("about_the_data")),
    )
    return tuple(NavItem(label, href, _holds(href, links.home(), path, args)) for label, href in items)


def others(links: Links, names: list[str]) -> tuple[NavItem, ...]:
    """Return the links of a Datasette that does not serve our database."""
    return (NavItem("Home", links.home()), *(NavItem(name, links.path(name)) for name in names))


def all_rows(request: Request) -> str:
    """Return the address of a query's page with all of its rows."""
    path: str = path_with_replaced_args(request, {"_rows": "all"})
    return path


def error_words(status: int | None, title: str | None) -> ErrorWords:
    """Return what to say of an error.

    Args:
        status: of HTTP; None: Datasette gives none for what is forbidden.
        title: Datasette's own heading.
    """
    status = status or (403 if title == "Forbidden" else 500)
    is_slow = title == "SQL Interrupted"
    heading, text = TOO_SLOW if is_slow else ERRORS.get(status, ERRORS[400 if status < 500 else 500])
    return ErrorWords(status, heading, text, status < 500 and not is_slow)


def about_facts(metadata: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Return licence and source of a database, table or query, as far as its metadata has them."""
    found = (
        (name, metadata.get(key), metadata.get(f"{key}_url"))
        for name, key in (("Licence", "license"), ("Source", "source"), ("About", "about"))
    )
    return tuple(Fact(name, str(text or url), outside(url)) for name, text, url in found if text or url)


def _holds(href: str, home: str, path: str, args: Mapping[str, str]) -> bool:
    """Return whether a page is the one linked, the list it narrows, or a row of it."""
    parts = urlsplit(href)
    kind = dict(parse_qsl(parts.query)).get("kind")
    is_below = path.startswith(f"{parts.path}/") and parts.path != home and not kind
    return is_below or (path == parts.path and (not kind or args.get("kind") == kind))
