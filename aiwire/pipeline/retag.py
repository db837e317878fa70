"""Tag what is stored: articles that have no tags yet or tags of an older tagger or lexicon, or all of them.

Where only the lexicon has changed, and it is known what it said before (`db.lexicon`), only the articles that the
change concerns (`nlp.impact`) are tagged again; of the others it is noted that their tags hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlite_utils import Database

from aiwire.pipeline.diff import Watch
from aiwire.pipeline.progress import Progress, Silent
from aiwire.pipeline.tagger import Tagger
from aiwire.types import ArticleText, Tagging
from db.diff import changes, tag_rows
from db.lexicon import TaggedArticle, all_of_version, keep_lexicon, kept_lexicon, kept_version, tagged_by, take_over
from db.store import count_texts, save_taggings, texts
from nlp.impact import Impact

__all__ = ["BATCH", "Retagged", "keep_first_lexicon", "tag_stored"]

BATCH = 200  # articles per transaction


@dataclass(frozen=True, slots=True)
class Retagged:
    """What became of the articles that were out of date, or of all."""

    looked_at: int
    tagged: int

    @property
    def unchanged(self) -> int:
        """Articles that the change of the lexicon does not concern."""
        return self.looked_at - self.tagged


def tag_stored(
    db: Database,
    tagger: Tagger,
    *,
    stale_for: tuple[str, str] | None,
    now: datetime,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Retagged:
    """Tag stored articles in batches, each one transaction. The rows are those of a run into a new database.

    `stale_for` (tagger version, taxonomy version): only articles tagged by another; None: all of them. Cut anywhere,
    the next call goes on: what is tagged is no longer stale.

    Args:
        watch: gets what changes, article by article. Each is compared just before and after it is tagged; where that
            makes a sentence of other articles a stock one, or no longer, their `about` changes unseen.
    """
    progress = progress or Silent()
    looked_at = count_texts(db, stale_for=stale_for)
    progress.stage("articles", looked_at)
    if stale_for is not None:
        _pass_over(db, tagger, progress)
    tagged = 0
    for batch in _batches(tagger(texts(db, stale_for=stale_for))):
        ids = [text.id for text, _ in batch]
        before = tag_rows(db, ids) if watch else None
        save_taggings(db, [(text.id, tagging) for text, tagging in batch], now=now)
        if watch and before:
            for change in changes(before, tag_rows(db, ids)):
                watch(change)
        tagged += len(batch)
        for text, _ in batch:
            progress.step(text.source_id)
    _keep(db, tagger)
    return Retagged(looked_at, tagged)


def keep_first_lexicon(db: Database, tagger: Tagger) -> None:
    """Keep what the lists say if no article is tagged by others: from then on a change retags what it concerns."""
    if all_of_version(db, tagger.versions[1]):
        _keep(db, tagger)


def _keep(db: Database, tagger: Tagger) -> None:
    version = tagger.versions[1]
    if kept_version(db) != version:
        keep_lexicon(db, version, tagger.lines())


def _pass_over(db: Database, tagger: Tagger, progress: Progress) -> None:
    """Note of the articles that the change of the lists does not concern that their tags hold.

    Only of articles whose lists are the kept ones: of others nobody knows what has changed since.
    """
    tagger_version, version = tagger.versions
    before = kept_version(db)
    if before is None or before == version:
        return
    impact = Impact.between(kept_lexicon(db), tagger.lines())
    if impact.everything:
        return
    for articles in tagged_by(db, tagger_version, before):
        untouched = [article for article in articles if not _concerns(impact, article)]
        take_over(db, [article.id for article in untouched], version)
        for article in untouched:
            progress.step(article.source_id)


def _concerns(impact: Impact, article: TaggedArticle) -> bool:
    # a tag that a person has added is made of what the lists say of its entity, whatever the text says
    if not impact.entities.isdisjoint(article.corrected):
        return True
    return impact.touches(article.title, article.text, has_price=article.has_price)


def _batches(tagged: Iterator[tuple[ArticleText, Tagging]]) -> Iterator[list[tuple[ArticleText, Tagging]]]:
    while batch := list(islice(tagged, BATCH)):
        yield batch
