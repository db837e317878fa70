"""tag: tag again what is stored; and the tagger as every command makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aiwire.cli.common import Context, common_options
from aiwire.cli.database import writable
from aiwire.cli.progress import bars

if TYPE_CHECKING:
    from sqlite_utils import Database

    from aiwire.pipeline.run import Tag

__all__ = ["prepared_tagger", "tag"]


def prepared_tagger(db: Database) -> Tag:
    """Return the tagger as a function, its entities and aliases brought into the database."""
    from db.store import sync_entities
    from nlp.gazetteer import load_lexicon
    from nlp.pipeline import load_tagger, tag_articles

    nlp = load_tagger()
    sync_entities(db, load_lexicon().entities)
    return lambda texts: tag_articles(nlp, texts)


@click.command()
@click.option(
    "--all", "everything", is_flag=True, help="Retag every article, not only what is untagged or out of date."
)
@common_options
def tag(context: Context, everything: bool) -> None:
    """Tag the stored articles that have no tags, or tags of an older tagger or lexicon.

    \b
    Example:
      aiwire tag --all
    """
    from aiwire.pipeline.retag import tag_stored
    from nlp.pipeline import versions

    with writable(context.settings, create=False) as db:
        tagger = prepared_tagger(db)
        with bars() as progress:
            done = tag_stored(
                db, tagger, stale_for=None if everything else versions(), now=context.now, progress=progress
            )
    click.echo(f"{done} articles tagged")
