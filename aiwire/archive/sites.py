"""Whose page is it? A source of the list where one is of the same site, else a source made of the site itself. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import urlsplit

from aiwire.types import Source
from ingest.sources import slug
from ingest.urls import host_key

__all__ = ["Sites", "made_source", "site_of"]

_HOSTS = 65_536  # whose sites are remembered; a gigabyte of news has some thousand


class Sites:
    """Finds the source of a page by its URL; what a page costs does not grow with the list.

    Args:
        sources: the list. A source of the page's registrable domain has its pages: among several the one whose host is
            the page's, or most of its end; then the one with more of its path; then the first by id.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        by_site: dict[str, list[_Listed]] = defaultdict(list)
        for source in sorted(sources, key=lambda one: one.id):
            by_site[host_key(source.url)].append(_Listed(source))
        self._by_site = dict(by_site)

    def source_of(self, url: str) -> Source:
        """Return the source of the page at `url`, which is normalized."""
        parts = urlsplit(url)
        listed = self._by_site.get(site_of(url))
        if not listed:
            return made_source(site_of(url))
        path = _segments(parts.path)
        return max(listed, key=lambda one: one.nearness(parts.hostname or "", path)).source


class _Listed:
    """A source of the list, and what a page is compared by."""

    def __init__(self, source: Source) -> None:
        parts = urlsplit(source.url)
        self.source = source
        self._host = _bare(parts.hostname or "")
        self._path = _segments(parts.path)

    def nearness(self, host: str, path: list[str]) -> tuple[int, int]:
        """Return how much of host and path a page shares: `max` takes the first of equals, and they stand by id."""
        bare = _bare(host)
        same_host = len(self._host) if bare == self._host or bare.endswith(f".{self._host}") else 0
        same_path = 0
        for one, other in zip(self._path, path, strict=False):
            if one != other:
                break
            same_path += 1
        return same_host, same_path


def site_of(url: str) -> str:
    """Return the registrable domain of a normalized URL (host:port where there is none)."""
    parts = urlsplit(url)
    return _site(f"{parts.scheme}://{parts.netloc}/")


@lru_cache(maxsize=_HOSTS)
def _site(origin: str) -> str:
    return host_key(origin)


@lru_cache(maxsize=_HOSTS)
def made_source(site: str) -> Source:
    """Return the source that stands for a site that is on no list.

    Its id is a slug of the site, with a digest where the slug would not tell it from another (`a-b.com`, `a.b.com`).
    """
    name = slug(site)
    if name != site.replace(".", "-") or "-" in site:
        name = f"{name}-{blake2b(site.encode(), digest_size=4).hexdigest()}"
    return Source(id=f"site-{name}", name=site, kind="archive", url=f"https://{site}/", publisher=site, enabled=False)


def _bare(host: str) -> str:
    return host.removeprefix("www.")


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]
