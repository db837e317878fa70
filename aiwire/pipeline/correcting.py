"""Put articles right: keep or take back corrections, and bring the articles that are stored in line with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urldefrag

from sqlite_utils import Database

from aiwire.pipeline.progress import Progress, Silent
from aiwire.pipeline.session import Tag
from aiwire.types import ArticleText, Correction
from db.connection import transaction
from db.corrections import add_corrections, remove_corrections, said_tags
from db.store import article_text, known_articles, save_taggings
from db.tags import Touched, redate, regroup, settle
from ingest.urls import normalize_url

__all__ = ["Done", "article_url", "put_right", "stored_url"]


class Done(NamedTuple):
    """What a change of corrections came to."""

    changed: tuple[Correction, ...]  # that were kept or taken back
    articles: int  # of these, stored and put right by it
    idle: int  # stored, and as they were: such as without the tag that is to go


def put_right(
    db: Database,
    tag: Tag | None,
    *,
    add: Iterable[Correction] = (),
    undo: Collection[Correction] = (),
    now: datetime,
    progress: Progress | None = None,
) -> Done:
    """Keep the corrections of `add`, take back those of `undo`, and do it to the stored articles: all or nothing.

    Args:
        tag: tags the articles anew; None only where no correction is of a tag.
    """
    progress = progress or Silent()
    with transaction(db):
        remove_corrections(db, undo)
        changed = (*undo, *add_corrections(db, add))
        ids = {article.url: article.id for article in known_articles(db, {one.url for one in changed}).values()}
        of_date = {ids[one.url] for one in changed if one.kind == "wrong-date" and one.url in ids}
        of_story = {ids[one.url] for one in changed if one.kind == "wrong-story" and one.url in ids}
        elsewise = {ids[one.url] for one in changed if not one.is_of_tag and one.url in ids}
        of_tag = {ids[one.url] for one in changed if one.is_of_tag and one.url in ids}
        touched, idle = Touched(), 0
        for article_id in sorted(of_date):
            redate(db, article_id, touched=touched)
        for article_id in of_story:
            regroup(article_id, touched=touched)
        settle(db, touched)
        if of_tag:
            if tag is None:
                raise ValueError("corrections of tags need the tagger")
            progress.stage("articles", len(of_tag))
            before = {article_id: said_tags(db, article_id) for article_id in of_tag}
            tagged = tag(_texts(db, sorted(of_tag), progress))
            save_taggings(db, ((text.id, tagging) for text, tagging in tagged), now=now)
            idle = sum(said_tags(db, article_id) == before[article_id] for article_id in of_tag - elsewise)
    return Done(changed, len(ids) - idle, idle)


def _texts(db: Database, article_ids: Sequence[int], progress: Progress) -> Iterator[ArticleText]:
    """Yield the articles that have words; those without have no tags that could be wrong, and get none."""
    for article_id in article_ids:
        text = article_text(db, article_id)
        progress.step(text.source_id)
        if text.title or text.text:
            yield text


def stored_url(db: Database, address: str) -> str | None:
    """Return the URL under which the article at `address` is stored; None: it is not stored, or `address` is no URL.

    As in a run, http and https are one, and so are addresses with and without the slash at the end. A fragment counts
    where the article is stored with it: a changelog has one address and many articles.
    """
    spellings = list(dict.fromkeys(_spellings(address)))
    known = known_articles(db, spellings)
    return next((url for url in spellings if url in known), None)


def article_url(db: Database, address: str) -> str | None:
    """Return the URL of the article at `address` whether it is stored or still to come; None: it is no URL."""
    stored = stored_url(db, address)
    if stored is not None:
        return stored
    page, fragment = urldefrag(address.strip())
    normal = normalize_url(page)
    return address.strip() if normal and fragment else normal  # only we write fragments: it is as it will be stored


def _spellings(address: str) -> Iterator[str]:
    page, fragment = urldefrag(address.strip())
    normal = normalize_url(page)
    if normal is None:
        return
    yield address.strip()
    if fragment:
        yield f"{normal}#{fragment}"
    scheme, _, rest = normal.partition("://")
    path, mark, query = rest.partition("?")
    slashed = (path.removesuffix("/") if path.endswith("/") else path + "/") + mark + query
    for other in (scheme, "http" if scheme == "https" else "https"):
        yield from (f"{other}://{spelling}" for spelling in (rest, slashed))
