"""Datasette over one database, always under the name `news` whatever its file is called.

Two profiles. Local: this machine's own site over the database that a run writes, all of Datasette open. Public: a copy
that `aiwire publish` made, for strangers.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import socket
import tempfile
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import uvicorn

from aiwire.exceptions import ConfigError, DatabaseError
from aiwire.types import iso
from aiwire.web.middleware.asgi import App
from aiwire.web.middleware.security import host_of
from aiwire.web.middleware.switch import Switch
from aiwire.web.pages import PAGES
from aiwire.web.site import DATABASE_NAME, Site

if TYPE_CHECKING:
    from datasette.app import Datasette

    from db.publish import Policy

__all__ = [
    "DATABASE_NAME",
    "DATASETTE_SETTINGS",
    "PUBLIC_SETTINGS",
    "Address",
    "make_datasette",
    "public_copy",
    "serve",
    "warm_up",
]

logger = logging.getLogger(__name__)

DATASETTE_SETTINGS: dict[str, Any] = {
    "suggest_facets": False,  # costs 16 to 27 times the page on a big table
    "default_page_size": 50,
    "default_facet_size": 15,
    "facet_time_limit_ms": 1000,
    "sql_time_limit_ms": 2000,
    "num_sql_threads": 8,  # with 3, six slow queries hold up every cheap page
    "max_returned_rows": 10000,  # /news/evidence must show every article behind a number
    "max_csv_mb": 0,  # no limit: Datasette would end a longer file in the middle, with an error as its last line
    "cache_size_kb": 65536,
}
PUBLIC_SETTINGS: dict[str, Any] = DATASETTE_SETTINGS | {
    "default_allow_sql": False,  # and ?_where= with it
    "allow_download": False,
    "allow_csv_stream": False,
    "allow_facet": False,  # of a reader's own choice; those of the metadata stay
    "sql_time_limit_ms": 1000,
    "facet_time_limit_ms": 300,
    "trace_debug": False,
    "template_debug": False,
    "default_cache_ttl": 60,  # seconds that a cache in front may keep a page
    "cache_size_kb": 16384,  # of each thread, twice while a newer copy is taken up
}
# pages with parameters are endless, and say what others say
PUBLIC_ROBOTS = "User-agent: *\nDisallow: /*?\nDisallow: /-/"
WAL = b"\x02\x02"  # bytes 18 and 19 of the file: https://sqlite.org/fileformat.html 1.3.3


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str = "127.0.0.1"
    port: int = 8001


def make_datasette(db: Path, site: Site | None = None, *, hosts: Collection[str] = ()) -> Datasette:
    """Return Datasette on the database file `db`, with our settings; the plugin adds pages and metadata.

    Args:
        db: the database, or a public copy of one.
        site: its address, its clock, and who sees it.
        hosts: names that it answers to beside those of this machine and of its address.

    Raises:
        ConfigError: the site is public, and the file is no public copy.
        DatabaseError: there is no such file, or it is not a database of ours, or this user cannot read beside a writer.
    """
    from datasette.app import Datasette
    from datasette.database import Database

    from aiwire.web.middleware.short_datasette import ShortDatasette
    from db.connection import open_existing
    from db.publish import copy_made_at

    site = site or Site()
    _check_readable(db)
    open_existing(db).close()
    made_at = copy_made_at(db)
    if site.is_public and made_at is None:
        raise ConfigError(f"{db}: is no public copy; make one with `aiwire publish DIR`, and serve DIR/news.db")
    parts = urlsplit(site.base_url)
    settings = (PUBLIC_SETTINGS if site.is_public else DATASETTE_SETTINGS) | {"base_url": f"{parts.path}/"}
    datasette = (ShortDatasette if site.is_public else Datasette)(
        [],
        metadata={"plugins": _plugins(site, hosts)},
        settings=settings,
        inspect_data=_inspected(db, made_at) if site.is_public else None,
    )
    datasette.remove_database("_memory")  # which it adds where no file is given
    datasette.add_database(Database(datasette, path=str(db), is_mutable=not site.is_public), name=DATABASE_NAME)
    return datasette


def serve(db: Path, site: Site, address: Address) -> None:
    """Serve until interrupted; a public copy that is replaced is taken up.

    Raises:
        ConfigError: the port is taken; or as `make_datasette`.
        DatabaseError: see `make_datasette`.
    """
    hosts = (address.host,)
    datasette = make_datasette(db, site, hosts=hosts)
    _check_port(address)
    app: App = Switch(db, lambda: make_datasette(db, site, hosts=hosts)) if site.is_public else datasette.app()
    threading.Thread(target=_settle, daemon=True).start()
    uvicorn.run(
        app,
        host=address.host,
        port=address.port,
        log_level="info",
        lifespan="on",
        server_header=False,
    )


@contextmanager
def public_copy(db: Path, policy: Policy) -> Iterator[Path]:
    """Yield a public copy: `db` itself if it is one, else one that is made of it and lasts as long as the block.

    Raises:
        ConfigError, DatabaseError, TryLater: see `db.publish.publish`.
    """
    from db.connection import open_existing
    from db.publish import copy_made_at, publish

    _check_readable(db)
    open_existing(db).close()
    if copy_made_at(db) is not None:
        yield db
        return
    with tempfile.TemporaryDirectory(prefix="aiwire-public-") as folder:
        yield publish(db, Path(folder), policy).path


def warm_up() -> None:
    """Import what makes the pages, beside the server's start: the first reader would wait for it, for over a second."""
    for name in PAGES.values():
        import_module(f"aiwire.web.pages.{name}")


def _settle() -> None:
    """Warm up, and leave what lives as long as the server out of garbage collections: they took 50 to 100 ms each."""
    warm_up()
    gc.collect()
    gc.freeze()


def _plugins(site: Site, hosts: Collection[str]) -> dict[str, dict[str, Any]]:
    parts = urlsplit(site.base_url)
    ours: dict[str, Any] = {
        "base_url": f"{parts.scheme}://{parts.netloc}" if parts.netloc else "",  # the path is Datasette's own setting
        "public": site.is_public,
        "hosts": sorted(host_of(site.base_url) | {host.lower() for host in hosts}),
    }
    if site.fixed_now is not None:
        ours["now"] = iso(site.fixed_now)
    robots = {"literal": PUBLIC_ROBOTS} if site.is_public else {}
    return {"aiwire": ours, "datasette-block-robots": robots}


def _inspected(db: Path, made_at: str | None) -> dict[str, Any] | None:
    """Return the counts that `aiwire publish` wrote beside a copy, if they are of this one."""
    from db.publish import INSPECT_NAME

    try:
        found = json.loads(db.with_name(INSPECT_NAME).read_text(encoding="utf-8"))
        copy = found[DATABASE_NAME]
        is_of_this = copy["made_at"] == made_at and copy["size"] == db.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {DATABASE_NAME: copy} if is_of_this else None


def _check_readable(db: Path) -> None:
    """Refuse what would break as soon as no run has the database open: to read it, SQLite writes beside it.

    https://sqlite.org/wal.html#readonly
    """
    try:
        with db.open("rb") as file:
            is_wal = file.read(20)[18:] == WAL
    except OSError:
        return  # said by who opens it
    if is_wal and not (os.access(db.parent, os.W_OK) and os.access(db, os.W_OK)):
        raise DatabaseError(
            f"{db}: this user may read it, but not write in {db.parent}, which SQLite needs to read beside a run; serve"
            " as the user of `aiwire run`, or serve a copy: `aiwire publish DIR` as that user, then `aiwire serve"
            " --public --db DIR/news.db`"
        )


def _check_port(address: Address) -> None:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as e:
        what = f"port {address.port} of {address.host}"
        raise ConfigError(f"cannot listen on {what} ({e.strerror}); give another with --port, or --host") from e
