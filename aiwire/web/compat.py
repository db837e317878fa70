"""Our metadata as a plugin of Datasette 0.65 and of 1.0, which keep it in different places.

0.65 asks for it (the hook get_metadata) and finds the canned queries in it. 1.0 has no such hook: descriptions are rows
of its internal database, canned queries are stored queries, facets and orders belong to its configuration; all are set
when it starts. On both, what a user gives himself goes over ours, key by key.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from datasette.utils import tilde_decode
from sqlite_utils import Database

from aiwire.web import database
from aiwire.web.metadata import metadata, without_clashes
from aiwire.web.site import DATABASE_NAME
from db.migrations import MIGRATIONS

if TYPE_CHECKING:
    from datasette.app import Datasette
    from datasette.utils.asgi import Request

__all__ = ["is_ours", "metadata_of", "set_up", "variables_of"]

logger = logging.getLogger(__name__)

# of a table in the metadata: what 1.0 reads from its configuration, as its own datasette.utils.move_table_config does
CONFIGURED = ("hidden", "sort", "sort_desc", "size", "label_column", "facets", "facet_size", "fts_table", "fts_pk")

_ours: WeakKeyDictionary[Datasette, dict[str, Any]] = WeakKeyDictionary()


async def set_up(datasette: Datasette) -> None:
    """Get the metadata ready for a Datasette that starts, if its database `news` is one of ours."""
    if DATABASE_NAME not in datasette.databases:
        return
    plain = datasette.databases[DATABASE_NAME]
    if plain.path is None:
        return
    news = database.of(plain)  # asked instead of the plain one, for Datasette keeps connections by name
    news.name, news.route = plain.name, plain.route
    if not await _has_our_schema(news):
        return
    # in the place of the plain one: lists of databases keep their order
    datasette.databases = {name: news if db is plain else db for name, db in datasette.databases.items()}
    _print_no_variables()
    if _is_of_0(datasette):
        _ours[datasette] = without_clashes(metadata(), datasette.metadata())  # ours is not in it yet
    else:
        _ours[datasette] = without_clashes(metadata(), datasette.config or {})
        await _store(datasette, _ours[datasette])


def is_ours(datasette: Datasette) -> bool:
    """Return whether the database `news` has the schema that our pages read; False before Datasette has started."""
    return datasette in _ours


def metadata_of(datasette: Datasette, key: str | None) -> dict[str, Any]:
    """Return what the hook get_metadata of 0.65 adds; Datasette lays the user's own over it.

    It is the same dict each time, for it is asked for dozens of times a page, and to lay the same over it once more
    changes nothing.
    """
    if key == "tables":  # only rights are looked up so: ours have none, and Datasette would copy all of it per table
        return {}
    return _ours.get(datasette, {})


def variables_of(datasette: Datasette, template: str, request: Request | None) -> dict[str, Any]:
    """Return what templates have in 0.65 and lack in 1.0: the name of a canned query, plugins' links on a table."""
    if _is_of_0(datasette) or request is None:
        return {}
    if template.startswith("query"):
        return {"canned_query": tilde_decode(request.url_vars.get("table") or "")}
    return {"table_actions": list}


def _is_of_0(datasette: Datasette) -> bool:
    return hasattr(datasette, "metadata")


def _print_no_variables() -> None:
    """Keep Datasette from printing all local variables at every error, a 404 too: it takes up to a second of service.

    Errors of ours (500) still go to stderr with their traceback.
    """
    from datasette import handle_exception  # imported before Datasette is whole, it would register without its hook

    handle_exception.rich = None


async def _has_our_schema(db: database.NewsDatabase) -> bool:
    found = {step.name for step in await db.execute_fn(lambda conn: MIGRATIONS.applied(Database(conn)))}
    known = {step.name for step in MIGRATIONS.pending(Database(memory=True))}
    if found and found != known:
        older = (
            f"an older aiwire: run `aiwire run --db {db.path}` once" if found < known else "a newer aiwire: upgrade it"
        )
        logger.warning("the database %s is of %s; until then it is shown without our pages", db.path, older)
    return found == known


async def _store(datasette: Datasette, ours: Mapping[str, Any]) -> None:
    """Set in a Datasette 1.0 what the user has not set."""
    site = await datasette.get_instance_metadata()
    for key, value in _words(ours, but=("databases",)).items():
        if key not in site:
            await datasette.set_instance_metadata(key, value)
    news = ours["databases"][DATABASE_NAME]
    about = await datasette.get_database_metadata(DATABASE_NAME)
    for key, value in _words(news, but=("tables", "queries")).items():
        if key not in about:
            await datasette.set_database_metadata(DATABASE_NAME, key, value)
    for name, table in news["tables"].items():
        await _store_table(datasette, name, table)
    for name, query in news["queries"].items():
        await _store_query(datasette, name, query)
    datasette.config = _configured(datasette.config or {}, news["tables"])


async def _store_table(datasette: Datasette, name: str, table: Mapping[str, Any]) -> None:
    said = await datasette.get_resource_metadata(DATABASE_NAME, name)
    for key, value in _words(table, but=("columns", *CONFIGURED)).items():
        if key not in said:
            await datasette.set_resource_metadata(DATABASE_NAME, name, key, value)
    for column, words in table.get("columns", {}).items():
        if "description" not in await datasette.get_column_metadata(DATABASE_NAME, name, column):
            await datasette.set_column_metadata(DATABASE_NAME, name, column, "description", words)


async def _store_query(datasette: Datasette, name: str, query: Mapping[str, Any]) -> None:
    known = await datasette.get_query(DATABASE_NAME, name)
    if known is None or known.source == "plugin":
        await datasette.add_query(
            DATABASE_NAME, name, query["sql"], title=query["title"], description=query["description"],
            hide_sql=query["hide_sql"], parameters=query["params"],
            is_trusted=True,  # it runs where arbitrary SQL is off, as a canned query does
        )  # fmt: skip


def _configured(config: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with what ours says of tables below what the user's says."""
    databases = dict(config.get("databases") or {})
    news = dict(databases.get(DATABASE_NAME) or {})
    theirs = news.get("tables") or {}
    ours = {name: {key: table[key] for key in CONFIGURED if key in table} for name, table in tables.items()}
    news["tables"] = {name: ours.get(name, {}) | (theirs.get(name) or {}) for name in {**ours, **theirs}}
    return {**config, "databases": databases | {DATABASE_NAME: news}}


def _words(part: Mapping[str, Any], *, but: tuple[str, ...]) -> dict[str, str]:
    return {key: str(value) for key, value in part.items() if key not in but}
