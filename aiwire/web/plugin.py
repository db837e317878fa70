"""The hooks of Datasette that make the site: each one hands over to the module that knows.

Installed as a plugin, so that `datasette news.db` shows the same pages as `aiwire serve`, which adds settings and
limits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from datasette import hookimpl
from datasette.utils import tilde_decode
from markupsafe import Markup

from aiwire.web import cells, chrome, compat, costs, feeds, filters
from aiwire.web.article import citing
from aiwire.web.links import links_of
from aiwire.web.metadata import query_help
from aiwire.web.middleware.wrappers import wrapped
from aiwire.web.pages import Ask, loader
from aiwire.web.pages.search import results_function
from aiwire.web.reading import PageTimeout, read
from aiwire.web.site import DATABASE_NAME, Site

if TYPE_CHECKING:
    import sqlite3

    from datasette.app import Datasette
    from datasette.utils.asgi import Request
    from jinja2 import Environment

    from aiwire.web.middleware.asgi import App

__all__ = [
    "asgi_wrapper",
    "extra_template_vars",
    "get_metadata",
    "handle_exception",
    "prepare_connection",
    "prepare_jinja2_environment",
    "register_output_renderer",
    "render_cell",
    "startup",
]


@hookimpl
def startup(datasette: Datasette) -> Callable[[], Awaitable[None]]:
    """Look whether the database is ours, and get its metadata ready."""
    return lambda: compat.set_up(datasette)


@hookimpl(optionalhook=True)  # Datasette 1.0 has no such hook
def get_metadata(datasette: Datasette, key: str | None) -> dict[str, Any]:
    """Describe our tables, columns and canned queries."""
    return compat.metadata_of(datasette, key)


@hookimpl
def prepare_connection(conn: sqlite3.Connection, database: str, datasette: Datasette) -> None:
    """Teach our database's connections to compare costs."""
    if database == DATABASE_NAME:
        costs.register(conn, lambda: Site.from_config(datasette.plugin_config("aiwire")).now())


@hookimpl
def register_output_renderer(datasette: Datasette) -> list[dict[str, Any]]:
    """Give feeds as Atom, citations of articles as BibTeX and CSL-JSON."""
    return [*feeds.renderers(), *citing.renderers()]


@hookimpl
def asgi_wrapper(datasette: Datasette) -> Callable[[App], App]:
    """Put the rules of the profile, the gate and the guard of CSVs around all of Datasette."""
    return lambda app: wrapped(datasette, app)


@hookimpl
def prepare_jinja2_environment(env: Environment, datasette: Datasette) -> None:
    """Teach the templates our formats."""
    env.filters.update(filters.FILTERS)
    env.globals["query_help"] = query_help
    env.globals["results_of"] = results_function(datasette)
    env.globals.update(chrome.template_globals(datasette))


@hookimpl(trylast=True)  # another plugin may have more to say on a value
def render_cell(
    row: Any, value: Any, column: str, table: str | None, database: str, datasette: Datasette
) -> cells.Cell | Markup | None:
    """Show a value of our tables and queries with its links."""
    if database != DATABASE_NAME or not compat.is_ours(datasette):
        return None
    return cells.cell_of(row, value, column, table, datasette.setting("base_url"))


@hookimpl(tryfirst=True)
def handle_exception(datasette: Datasette, request: Request, exception: Exception) -> None:
    """Call what Datasette blames on itself but a reader has asked for (?_sort= of no column) a bad request."""
    from datasette.views.base import DatasetteError  # which needs a Datasette that is whole

    if isinstance(exception, DatasetteError) and exception.status == 500:
        exception.status = 400


@hookimpl
def extra_template_vars(
    template: str, database: str | None, request: Request | None, datasette: Datasette
) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Return the values of a page of ours as `page`; `site` and `links` for all templates."""

    async def variables() -> dict[str, Any]:
        site = Site.from_config(datasette.plugin_config("aiwire"))
        links = links_of(datasette, site, request)
        found: dict[str, Any] = {"site": site, "links": links, "page": None}
        found |= compat.variables_of(datasette, template, request)
        load = loader(template)
        if load is not None and request is not None and compat.is_ours(datasette):
            ask = Ask(_key(request), _args(request), site, links, site.now())
            try:
                found["page"] = await read(datasette, lambda db: load(db, ask))
            except PageTimeout:
                found["page_timeout"] = True
        return found

    return variables


def _key(request: Request) -> str:
    return str(tilde_decode(request.url_vars.get("pks") or ""))


def _args(request: Request) -> dict[str, list[str]]:
    return {key: request.args.getlist(key) for key in request.args}
