"""Articles as a user names them on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiwire.cli.common import warn
from aiwire.exceptions import InputError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from db.corrections import Target

__all__ = ["stored_article", "warn_of_articles_without_story"]


def stored_article(db: Database, address: str, *, hint: str = "") -> Target:
    """Return the article at a URL or with an id.

    Args:
        hint: what else can be done if it is not stored, after a semicolon.

    Raises:
        InputError: it is not stored.
    """
    from aiwire.pipeline.correcting import stored_url
    from db.corrections import target

    if address.isdecimal() and address.isascii() and len(address) < 19:
        found = target(db, article_id=int(address))
    else:
        url = stored_url(db, address)
        found = None if url is None else target(db, url=url)
    if found is None:
        raise InputError(
            f"there is no article {address!r}; give the URL or the id of one (/news/search of `aiwire serve` has both)"
            + hint
        )
    return found


def warn_of_articles_without_story(db: Database) -> None:
    """Say so if articles are counted as stories of their own only because nobody has looked for their copies."""
    from db.story_list import count_without_story

    if number := count_without_story(db, tagged=True):
        warn(f"{number} articles were tagged before there were stories and count as one each; run `aiwire tag` once")
