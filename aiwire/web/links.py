"""Addresses of the site's pages, and of what lies outside."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from datasette.utils import tilde_encode

from aiwire.paths import package_file
from aiwire.web.site import DATABASE_NAME, Site

if TYPE_CHECKING:
    from datasette.app import Datasette
    from datasette.utils.asgi import Request

__all__ = ["Links", "links_of", "outside"]


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses as pages link them: paths below where Datasette is mounted."""

    mount: str = "/"  # Datasette's own setting base_url: the path before all others, with a slash at its end
    origin: str = ""  # scheme and host, for links that leave the site: "https://news.example.org"; no slash at its end

    def path(self, path: str) -> str:
        """Return the address of a path of the site: "about" or "news/search?q=x"."""
        return self.mount + path.lstrip("/")

    def home(self) -> str:
        """Return the address of the first page."""
        return self.mount

    def article(self, article_id: int, *, extension: str = "") -> str:
        """Return the address of an article, or of one of its other forms: extension="bib", "csl" or "json"."""
        return self.row("articles", str(article_id), extension=extension)

    def entity(self, entity_id: str, *, extension: str = "") -> str:
        """Return the address of a company, accelerator, theme, model or regulation."""
        return self.row("entities", entity_id, extension=extension)

    def row(self, table: str, key: str, *, extension: str = "") -> str:
        """Return the address of a row with a key of one column."""
        dotted = f".{extension}" if extension else ""
        return self.path(f"{DATABASE_NAME}/{tilde_encode(table)}/{tilde_encode(key)}{dotted}")

    def query(self, name: str, /, *, extension: str = "", **values: object) -> str:
        """Return the address of a canned query or a table with its parameters; empty ones are left out.

        A browser saves a CSV (`_dl`), rather than to show it.
        """
        given = {key: str(value) for key, value in values.items() if value not in (None, "")}
        if extension == "csv":
            given["_dl"] = "1"
        dotted = f".{extension}" if extension else ""
        return self.path(f"{DATABASE_NAME}/{tilde_encode(name)}{dotted}") + (f"?{urlencode(given)}" if given else "")

    def asset(self, name: str) -> str:
        """Return the address of one of our static files: a new one whenever the file is another.

        Raises:
            OSError: there is no such file.
        """
        return self.path(f"-/static-plugins/aiwire/{name}?v={_digest(name)}")

    def absolute(self, path: str) -> str:
        """Return an address of the site, as one of the methods gave it, with scheme and host: for feeds, citations."""
        return self.origin + path


def outside(url: object) -> str | None:
    """Return a stranger's address if a browser may be sent there: http or https with a host; else None."""
    if not isinstance(url, str) or any(ord(c) <= 32 or ord(c) == 127 for c in url):
        return None
    try:
        parts = urlsplit(url)
        return url if parts.scheme.lower() in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


@lru_cache
def _digest(name: str) -> str:
    return hashlib.sha256(package_file("web", "static", name).read_bytes()).hexdigest()[:12]


def links_of(datasette: Datasette, site: Site, request: Request | None) -> Links:
    """Return the addresses of the site as this request should see them."""
    mount = str(datasette.setting("base_url"))
    if site.base_url:
        return Links(mount, site.base_url)
    host = request.headers.get("host", "") if request is not None else ""
    return Links(mount, f"{request.scheme}://{host}" if request is not None and host else "")
