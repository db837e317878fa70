"""Tag what is stored: articles that have no tags yet or tags of an older tagger, or all of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from sqlite_utils import Database

from aiwire.pipeline.progress import Progress, Silent
from aiwire.pipeline.run import Tag
from aiwire.types import ArticleText, Tagging
from db.store import count_texts, save_taggings, texts

__all__ = ["BATCH", "tag_stored"]

BATCH = 200  # articles per transaction


def tag_stored(
    db: Database,
    tag: Tag,
    *,
    stale_for: tuple[str, str] | None,
    now: datetime,
    progress: Progress | None = None,
) -> int:
    """Tag stored articles in batches, each one transaction, and return how many.

    `stale_for` (tagger version, taxonomy version): only articles tagged by another; None: all of them. Cut anywhere,
    the next call goes on: what is tagged is no longer stale.
    """
    progress = progress or Silent()
    progress.stage("articles", count_texts(db, stale_for=stale_for))
    done = 0
    for batch in _batches(tag(texts(db, stale_for=stale_for))):
        save_taggings(db, [(text.id, tagging) for text, tagging in batch], now=now)
        done += len(batch)
        for text, _ in batch:
            progress.step(text.source_id)
    return done


def _batches(tagged: Iterator[tuple[ArticleText, Tagging]]) -> Iterator[list[tuple[ArticleText, Tagging]]]:
    while batch := list(islice(tagged, BATCH)):
        yield batch
