"""Canned queries as Atom feeds: /news/feed.atom and its like.

A query is a feed if it has the columns atom_id, atom_title and atom_updated; it may have atom_published, atom_link,
atom_content, atom_author_name, atom_language, atom_categories (parted by spaces) and article_id. All of it is a
stranger's text: only links to http and https get out, content is text and never markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from aiwire.atom import TAG, Entry, Feed, written
from aiwire.web.compat import is_ours
from aiwire.web.links import Links, links_of, outside
from aiwire.web.metadata import QueryHelp, query_help
from aiwire.web.site import DATABASE_NAME, Site
from db.queries import TITLES_SQL

if TYPE_CHECKING:
    from datasette.app import Datasette
    from datasette.utils.asgi import Request

__all__ = ["renderers"]

CONTENT_TYPE = "application/atom+xml; charset=utf-8"
NEEDED = frozenset(["atom_id", "atom_title", "atom_updated"])
LONG_AGO = "1970-01-01T00:00:00Z"  # when a feed changed that has never had an entry: the same at every request

Row = Mapping[str, Any]


def renderers() -> list[dict[str, Any]]:
    """Return the output renderers of feeds for the hook register_output_renderer."""
    return [{"extension": "atom", "render": render_atom, "can_render": can_render_atom}]


def can_render_atom(columns: Sequence[str]) -> bool:
    """Return whether what has these columns is a feed."""
    return set(columns) >= NEEDED


async def render_atom(
    datasette: Datasette, columns: Sequence[str], rows: Sequence[Row], query_name: str | None, request: Request
) -> dict[str, Any]:
    """Return the answer to a request for a feed: status, headers and body."""
    helped = query_help(query_name) if is_ours(datasette) else None
    if helped is None or not helped.is_feed:
        return _refused(400, "This is not a feed. Feeds are /news/feed.atom, /news/feed_of_entity.atom?entity_id=nvidia"
                             " and /news/feed_of_theme.atom?theme=edge.")  # fmt: skip
    if not can_render_atom(columns):
        return _refused(503, "The database took too long to answer. Try again in a minute.")
    given = {one.name: request.args.get(one.name) or "" for one in helped.parameters}
    title = (await datasette.get_database(DATABASE_NAME).execute(TITLES_SQL[helped.name], given)).first()
    if title is None:
        return _refused(404, f"Nothing is known under this id. An example is /news/{helped.name}.atom?{helped.example}")
    links = links_of(datasette, Site.from_config(datasette.plugin_config("aiwire")), request)
    return _answer(written(feed(helped, given, title[0], rows, links)), request)


def feed(helped: QueryHelp, given: Mapping[str, str], title: str, rows: Sequence[Row], links: Links) -> Feed:
    """Return the feed of a query that has run.

    Args:
        given: its parameters.
    """
    entries = [_entry(row, links) for row in map(dict, rows)]
    return Feed(
        id=TAG + quote(helped.name) + (f"?{urlencode(given)}" if given else ""),
        title=f"aiwire: {title}",
        updated=max((entry.updated for entry in entries), default=LONG_AGO),
        entries=entries,
        subtitle=helped.description,
        self_url=links.absolute(links.query(helped.name, extension="atom", **given)),
        page_url=links.absolute(links.entity(*given.values()) if given else links.home()),
    )


def _entry(row: Row, links: Links) -> Entry:
    ours = links.absolute(links.article(row["article_id"]))
    theirs = outside(row["atom_link"])
    return Entry(
        id=row["atom_id"],
        title=row["atom_title"].strip() or "(no title)",
        updated=row["atom_updated"],
        url=theirs or ours,
        related=ours if theirs else "",
        published=row["atom_published"] or "",
        author=row["atom_author_name"],
        content=row["atom_content"],
        language=row["atom_language"] or "",
        categories=(row["atom_categories"] or "").split(),
    )


def _answer(body: str, request: Request) -> dict[str, Any]:
    """Return a feed, or that the reader has it already.

    Only the ETag says so: an entry that is corrected, or found late, changes the feed and not its newest date.
    """
    digest = blake2b(body.encode(), digest_size=12).hexdigest()
    headers = {"ETag": f'"{digest}"'}
    known = {tag.strip().removeprefix("W/") for tag in (request.headers.get("if-none-match") or "").split(",")}
    if known & {"*", headers["ETag"]}:
        return {"body": "", "status_code": 304, "headers": headers, "content_type": CONTENT_TYPE}
    return {"body": body, "status_code": 200, "headers": headers, "content_type": CONTENT_TYPE}


def _refused(status: int, words: str) -> dict[str, Any]:
    return {"body": words + "\n", "status_code": status, "content_type": "text/plain; charset=utf-8"}
