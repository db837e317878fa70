"""Citations of stored articles, and their downloads: `/news/articles/<id>.bib` and `.csl` as output renderers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from datasette.utils import tilde_decode
from datasette.utils.asgi import Response

from aiwire.web.article.citations import Citation, Proof, bibtex, csl_json, with_first
from aiwire.web.compat import is_ours
from aiwire.web.links import Links, links_of, outside
from aiwire.web.reading import PageTimeout, read
from aiwire.web.site import DATABASE_NAME, Site
from db.dates import UNDATED
from db.pages.article import Article, Tag, read_article, tags

if TYPE_CHECKING:
    from datasette.app import Datasette
    from datasette.utils.asgi import Request
    from sqlite_utils import Database

__all__ = ["citation", "renderers"]

MOST_ID = 200  # characters of an entity's id that is asked for
MOST_NAMED = 20  # tags that an answer in words names
_FORMATS: dict[str, tuple[str, Callable[[Citation], str]]] = {
    "bib": ("application/x-bibtex; charset=utf-8", bibtex),
    "csl": ("application/vnd.citationstyles.csl+json; charset=utf-8", csl_json),
}


def citation(article: Article, found: Iterable[Tag], links: Links, *, first: str = "") -> Citation:
    """Return what the citations of an article say.

    Args:
        found: its tags, the most important first.
        first: the entity whose sentence is to stand first; "": that of the first tag.

    Raises:
        KeyError: no sentence of that entity is stored.
    """
    proofs = tuple(
        Proof(tag.entity.id, tag.entity.name, tag.entity.kind, tag.evidence, tag.confidence, tag.about)
        for tag in found
        if tag.evidence.strip()  # a public copy leaves some out
    )
    return Citation(
        id=article.id,
        title=article.title,
        author=article.author,
        source=article.source.name,
        publisher=article.source.publisher,
        is_own_voice=article.source.owner is not None,
        category=article.source.category,
        url=outside(article.url),
        permalink=links.absolute(links.article(article.id)),
        dated_at=None if article.date_source in UNDATED else article.dated_at,
        first_seen_at=article.first_seen_at,
        language=article.language,
        text_hash=article.text_hash,
        tagger_version=article.tagger_version,
        taxonomy_version=article.taxonomy_version,
        as_of=article.tagged_at or article.updated_at,
        proofs=with_first(proofs, first) if first else proofs,
    )


def renderers() -> list[dict[str, Any]]:
    """Return the output renderers, for Datasette's hook."""
    return [
        {"extension": extension, "render": _renderer(extension), "can_render": _is_article} for extension in _FORMATS
    ]


def _is_article(database: str, table: str | None, view_name: str) -> bool:
    return (database, table, view_name) == (DATABASE_NAME, "articles", "row")


def _renderer(extension: str) -> Callable[..., Any]:
    content_type, write = _FORMATS[extension]

    async def render(
        datasette: Datasette, request: Request, database: str, table: str | None, view_name: str
    ) -> Response:
        if not (_is_article(database, table, view_name) and is_ours(datasette)):
            return Response.text(f"Only an article has a .{extension}: /news/articles/<id>.{extension}\n", status=404)
        first = str(request.args.get("evidence") or "").strip()
        if len(first) > MOST_ID:
            return Response.text("evidence is the id of an entity, such as nvidia\n", status=400)
        links = links_of(datasette, Site.from_config(datasette.plugin_config("aiwire")), request)
        key = str(tilde_decode(request.url_vars["pks"]))
        try:
            found = await read(datasette, lambda db: _cited(db, key, links, first))
        except PageTimeout:
            return Response.text("The database is busy; try again.\n", status=503)
        if isinstance(found, str):
            return Response.text(found, status=404)
        name = f"{found.key}.{'json' if extension == 'csl' else extension}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(write(found), content_type=content_type, headers=headers)

    return render


def _cited(db: Database, key: str, links: Links, first: str) -> Citation | str:
    """Return the citation of an article, or in words why there is none."""
    article = read_article(db, key)
    if article is None:
        return "There is no such article.\n"
    named = tags(db, article.id)
    try:
        return citation(article, named, links, first=first)
    except KeyError:
        ids = ", ".join([tag.entity.id for tag in named if tag.evidence.strip()][:MOST_NAMED]) or "none"
        return f"The article has no tag {first!r} with a sentence. It has: {ids}\n"
