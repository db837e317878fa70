"""The tags of articles: written, cleared and moved as a whole, so that they always fit the text beside them.

What people have put right (`db.corrections`) is laid over all that is written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlite_utils import Database

from aiwire.types import Correction, Mention, Tag, Tagging, iso
from db import stock
from db.bands import settle_prices
from db.corrections import corrected, listed_entities, load_corrections
from db.dates import settle_date
from db.entities import add_unlisted, settle_unlisted
from db.stories import Unsettled, articles_of_sources, drop_sketch, replace_sketch, settle_stories
from db.trends import refresh_entities
from db.trends.periods import span_at

__all__ = [
    "Touched",
    "best_mention",
    "clear_tagging",
    "move_tags",
    "redate",
    "regroup",
    "republish",
    "settle",
    "touch",
    "write_tagging",
]

TABLES = ("mentions", "article_entities", "prices", "candidates")


@dataclass(slots=True)
class Touched:
    """What a transaction must settle before it ends."""

    days: dict[str, set[str]] = field(default_factory=dict)  # ISO -> entities whose counts there may have changed
    unlisted: set[str] = field(default_factory=set)  # entities that may be in no article now
    stories: Unsettled = field(default_factory=Unsettled)
    tags: int = 0  # written

    def add(self, day: str, entity_ids: Iterable[str]) -> None:
        self.days.setdefault(day, set()).update(entity_ids)

    @property
    def weeks(self) -> frozenset[str]:
        """The Mondays of the weeks whose counts may have changed."""
        return frozenset(span_at(date.fromisoformat(day), "week").start.isoformat() for day in self.days)


def touch(db: Database, article_id: int, *, touched: Touched) -> None:
    """Have the rollups of an article's day and entities computed again: call it before and after a change."""
    (day,) = db.execute("SELECT substr(dated_at, 1, 10) FROM articles WHERE id = ?", [article_id]).fetchone()
    rows = db.execute("SELECT entity_id FROM article_entities WHERE article_id = ?", [article_id])
    touched.add(day, (row[0] for row in rows))


def write_tagging(
    db: Database,
    article_id: int,
    tagging: Tagging,
    *,
    now: datetime,
    touched: Touched,
    renamed: bool = False,
    reworded: bool = False,
) -> None:
    """Replace all that is stored of an article's tags. Part of the caller's transaction, which ends with `settle`.

    Args:
        renamed: the transaction has given the article another title.
        reworded: the transaction has given the article another title, text or source.
    """
    url, source_id, title, text, dated_at = db.execute(
        "SELECT url, source_id, title, text, dated_at FROM articles WHERE id = ?", [article_id]
    ).fetchone()
    found = frozenset(tag.id for tag in tagging.tags)
    corrections = load_corrections(db, [url]).get(url, ())
    missing = {one.entity: one for one in corrections if one.kind == "missing-tag"}
    names = listed_entities(db, missing.keys() - found)
    tagging = corrected(tagging, corrections, title=title, text=text, names=names)
    hands = {entity_id: _Hand(one, entity_id not in found) for entity_id, one in missing.items()}
    _delete(db, article_id, touched)
    add_unlisted(db, tagging.tags)
    _insert_tags(db, article_id, tagging.tags, hands, dated_at=dated_at, texts={"title": title, "text": text})
    _insert_prices(db, article_id, tagging, dated_at=dated_at)
    db.conn.executemany(
        "INSERT INTO candidates (surface, looks_like, rule, article_id, sentence) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        [(c.surface, c.looks_like, c.rule, article_id, c.sentence) for c in tagging.candidates],
    )
    db.execute(
        "UPDATE articles SET tag_scope = ?, tagger_version = ?, taxonomy_version = ?, tagged_at = ? WHERE id = ?",
        [tagging.scope, tagging.tagger_version, tagging.taxonomy_version, iso(now), article_id],
    )
    changed = stock.replace_sentences(
        db, article_id, source_id=source_id, title=title, text=text, sentences=tagging.sentences, renamed=renamed
    )
    replace_sketch(db, article_id, tagging.sketch, unsettled=touched.stories, reworded=reworded)
    for other in (article_id, *changed):
        touch(db, other, touched=touched)
    touched.unlisted |= {tag.id for tag in tagging.tags if not tag.listed}
    touched.tags += len(tagging.tags)


def clear_tagging(db: Database, article_id: int, *, touched: Touched) -> None:
    """Take away tags that no longer fit the text: it is to be tagged later. Part of the caller's transaction."""
    (source_id,) = db.execute("SELECT source_id FROM articles WHERE id = ?", [article_id]).fetchone()
    _delete(db, article_id, touched)
    db.execute(
        "UPDATE articles SET tag_scope = NULL, tagger_version = NULL, taxonomy_version = NULL, tagged_at = NULL"
        " WHERE id = ?",
        [article_id],
    )
    drop_sketch(db, article_id, unsettled=touched.stories)
    for other in stock.replace_sentences(db, article_id, source_id=source_id, title="", text="", sentences=()):
        touch(db, other, touched=touched)


def move_tags(db: Database, article_id: int, *, touched: Touched) -> None:
    """Carry the article's date over to its tags. Part of the caller's transaction."""
    (dated_at,) = db.execute("SELECT dated_at FROM articles WHERE id = ?", [article_id]).fetchone()
    for table in ("article_entities", "prices"):
        db.execute(
            f"UPDATE {table} SET dated_at = ? WHERE article_id = ? AND dated_at <> ?",
            [dated_at, article_id, dated_at],
        )
    regroup(article_id, touched=touched)  # the earliest article leads a story
    touch(db, article_id, touched=touched)


def redate(db: Database, article_id: int, *, touched: Touched) -> None:
    """Bring the article's date in line with its corrections, and its tags with it. Part of the caller's transaction."""
    (url,) = db.execute("SELECT url FROM articles WHERE id = ?", [article_id]).fetchone()
    touch(db, article_id, touched=touched)
    settle_date(db, article_id, url)
    move_tags(db, article_id, touched=touched)


def regroup(article_id: int, *, touched: Touched) -> None:
    """Have it asked again which story the article is in: its date, or what people have put right, is another."""
    touched.stories.group.add(article_id)


def republish(db: Database, source_ids: Iterable[str], *, touched: Touched) -> None:
    """Bring stories in line with sources whose publisher is another one now. Part of the caller's transaction.

    The rollups of these sources' own days are left to the caller.
    """
    touched.stories.compare.update(articles_of_sources(db, source_ids))


def settle(db: Database, touched: Touched) -> None:
    """Bring stories, rollups and unlisted names up to date with what was written. Part of the caller's transaction."""
    for article_id in settle_stories(db, touched.stories):
        touch(db, article_id, touched=touched)
    refresh_entities(db, touched.days)
    settle_unlisted(db, touched.unlisted)


def _delete(db: Database, article_id: int, touched: Touched) -> None:
    touch(db, article_id, touched=touched)
    touched.unlisted |= {
        row[0]
        for row in db.execute(
            """
            SELECT entities.id FROM article_entities JOIN entities ON entities.id = article_entities.entity_id
            WHERE article_id = ? AND listed = 0
            """,
            [article_id],
        )
    }
    for table in TABLES:
        db.execute(f"DELETE FROM {table} WHERE article_id = ?", [article_id])


@dataclass(frozen=True, slots=True)
class _Hand:
    """What a person has to do with a tag."""

    correction: Correction
    is_added: bool  # the tagger has not found it

    @property
    def says_about(self) -> bool:
        return self.correction.about is not None

    @property
    def word(self) -> str | None:
        if self.is_added:
            return "added"
        return "changed" if self.says_about or self.correction.evidence else None


def _insert_tags(
    db: Database,
    article_id: int,
    tags: tuple[Tag, ...],
    hands: Mapping[str, _Hand],
    *,
    dated_at: str,
    texts: dict[str, str],
) -> None:
    rows = []
    for tag in tags:
        hand = hands.get(tag.id)
        has_gone = hand is not None and not any(tag.evidence in words for words in texts.values())
        best = None if has_gone else best_mention(tag, texts)
        place = (None, None, None) if best is None else (best.field, best.start, best.end)
        open_to_stock = tag.about and not (hand and hand.says_about)  # stock sentences do not overrule a person
        rows.append(
            (article_id, tag.id, dated_at, tag.kind, tag.count, tag.salience, int(tag.about), int(open_to_stock),
             tag.role, tag.confidence, json.dumps(tag.surfaces, ensure_ascii=False), tag.evidence, *place,
             None if tag.listed else tag.name, hand and hand.word)
        )  # fmt: skip
    db.conn.executemany(
        """
        INSERT INTO article_entities (article_id, entity_id, dated_at, kind, count, salience, about, about_in_text,
            role, confidence, surfaces, evidence, best_field, best_start, best_end, unlisted_name, correction)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        rows,
    )
    db.conn.executemany(
        """
        INSERT INTO mentions (article_id, field, start, "end", entity_id, surface, sent_start, sent_end, rule,
            confidence, part)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
        """,
        [
            (article_id, m.field, m.start, m.end, tag.id, m.surface, m.sent_start, m.sent_end, m.rule, m.confidence,
             m.part)
            for tag in tags
            for m in tag.mentions
        ],
    )  # fmt: skip


def _insert_prices(db: Database, article_id: int, tagging: Tagging, *, dated_at: str) -> None:
    db.conn.executemany(
        """
        INSERT INTO prices (article_id, position, dated_at, accelerator, quote, amount, amount_max, currency, unit,
            qualifier, sentence, field, start, "end", product)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
            (article_id, position, dated_at, p.accelerator, p.quote, p.amount, p.amount_max, p.currency, p.unit,
             p.qualifier, p.sentence, p.field, p.start, p.end, p.product)
            for position, p in enumerate(tagging.prices)
        ],
    )  # fmt: skip
    if tagging.prices:
        settle_prices(db, article_id)


def best_mention(tag: Tag, texts: Mapping[str, str]) -> Mention | None:
    """Return the surest mention in the sentence that proves the tag, else the surest one; the earliest of equals."""

    def rank(mention: Mention) -> tuple[bool, float, bool, int]:
        sentence = texts[mention.field][mention.sent_start : mention.sent_end].strip()
        proves = bool(sentence) and (sentence in tag.evidence or tag.evidence in sentence)
        return (not proves, -mention.confidence, mention.field == "text", mention.start)

    return min(tag.mentions, key=rank, default=None)
