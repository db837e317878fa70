"""The list of articles: rows that Datasette has picked by its filters, shown as a feed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from aiwire.web.reading import PageTimeout, read
from db.pages.article_list import refs_of
from db.pages.refs import ArticleRef

if TYPE_CHECKING:
    from datasette.app import Datasette

__all__ = ["article_list"]


def article_list(datasette: Datasette) -> Callable[[Iterable[Any]], Awaitable[tuple[ArticleRef, ...] | None]]:
    """Return the function of the templates that gives the articles of Datasette's rows; None: it took too long."""

    async def articles_of(rows: Iterable[Any]) -> tuple[ArticleRef, ...] | None:
        ids = [int(row["id"]) for row in rows]
        try:
            return await read(datasette, lambda db: refs_of(db, ids))
        except PageTimeout:
            return None

    return articles_of
