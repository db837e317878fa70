"""Datasette over one database, always under the name `news` whatever its file is called, on this machine only."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from aiwire.config import Settings
from aiwire.exceptions import ConfigError
from aiwire.paths import metadata_path, package_file

if TYPE_CHECKING:
    from datasette.app import Datasette

__all__ = ["DATABASE_NAME", "DATASETTE_SETTINGS", "make_datasette", "serve"]

DATABASE_NAME = "news"
HOST = "127.0.0.1"

DATASETTE_SETTINGS: dict[str, Any] = {
    "suggest_facets": False,  # costs 16 to 27 times the page on a big table
    "default_page_size": 50,
    "default_facet_size": 15,
    "facet_time_limit_ms": 1000,
    "sql_time_limit_ms": 2000,
    "num_sql_threads": 8,  # with 3, six slow queries hold up every cheap page
    "max_returned_rows": 10000,  # /news/evidence must show every article behind a number
    "cache_size_kb": 65536,
}


def make_datasette(db: Path) -> Datasette:
    """Return Datasette on the database file `db`, with our metadata and settings.

    Raises:
        DatabaseError: there is no such file, or it is not a database of ours.
    """
    from datasette.app import Datasette
    from datasette.database import Database

    from db.connection import open_existing

    open_existing(db).close()
    metadata = json.loads(metadata_path().read_text(encoding="utf-8"))
    metadata["extra_css_urls"] = ["/aiwire/site.css"]
    static = [("aiwire", str(package_file("web", "static")))]
    datasette = Datasette([], metadata=metadata, settings=DATASETTE_SETTINGS, static_mounts=static)
    datasette.remove_database("_memory")  # which it adds where no file is given
    datasette.add_database(Database(datasette, path=str(db), is_mutable=True), name=DATABASE_NAME)
    return datasette


def serve(settings: Settings) -> None:
    """Serve until interrupted.

    Raises:
        ConfigError: the port is taken.
        DatabaseError: see `make_datasette`.
    """
    datasette = make_datasette(settings.db)
    _check_port(settings.port)
    uvicorn.run(datasette.app(), host=HOST, port=settings.port, log_level="info", lifespan="on")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as e:
            raise ConfigError(f"port {port} is taken ({e.strerror}); give another with --port") from e
