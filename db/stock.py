"""Stock sentences: passages that a publisher repeats under unrelated stories.

A sentence is stock in an article if another article of the same source has it too, and the two are not versions of one
story; versions are articles that share half or more of the sentences of the shorter one. Only sentences of `MIN_CHARS`
or more count: short ones are repeated by chance. What rests on stock sentences alone is never what an article is about.

The verdict depends on which articles are stored, not on the order in which they came: every change of an article's
sentences settles its own flags and those of the articles that share a sentence with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

from sqlite_utils import Database

from aiwire.types import Sentence

__all__ = ["MIN_CHARS", "replace_sentences", "sentence_hash"]

MIN_CHARS = 40  # code points, after folding

# about = the tagger's verdict, unless every mention lies in a stock sentence
SETTLE_ABOUT_SQL = """
    UPDATE article_entities SET about = 1 - about
    WHERE article_id = ? AND about_in_text = 1 AND about = (
        EXISTS (SELECT 1 FROM mentions WHERE mentions.article_id = article_entities.article_id
            AND mentions.entity_id = article_entities.entity_id)
        AND NOT EXISTS (
            SELECT 1 FROM mentions WHERE mentions.article_id = article_entities.article_id
                AND mentions.entity_id = article_entities.entity_id
                AND NOT EXISTS (
                    SELECT 1 FROM sentences WHERE sentences.article_id = mentions.article_id
                        AND sentences.field = mentions.field AND sentences.start <= mentions.start
                        AND sentences."end" >= mentions."end" AND sentences.is_stock = 1
                )
        )
    )
"""


def sentence_hash(source_id: str, sentence: str) -> int | None:
    """Return the 64-bit signed hash of a sentence in its source, blind to case and spacing; None if it is too short."""
    folded = " ".join(sentence.split()).casefold()
    if len(folded) < MIN_CHARS:
        return None
    digest = blake2b(f"{source_id}\0{folded}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def replace_sentences(
    db: Database, article_id: int, *, source_id: str, title: str, text: str, sentences: Iterable[Sentence]
) -> set[int]:
    """Store the sentences of an article, whose tags are stored already, and settle what is stock.

    Part of the caller's transaction. Returns the other articles in which something stopped or started to be about.
    """
    before = _hashes(db, article_id)
    rows = []
    for sentence in sentences:
        words = (title if sentence.field == "title" else text)[sentence.start : sentence.end]
        if (hashed := sentence_hash(source_id, words)) is not None:
            rows.append((article_id, sentence.field, sentence.start, sentence.end, hashed))
    db.execute("DELETE FROM sentences WHERE article_id = ?", [article_id])
    db.conn.executemany(
        'INSERT INTO sentences (article_id, field, start, "end", hash, is_stock) VALUES (?, ?, ?, ?, ?, 0)', rows
    )
    touched = _Settling(db, article_id, before).settle()
    _settle_about(db, article_id)
    return {other for other in touched if _settle_about(db, other)}


class _Settling:
    """One settling of flags after the sentences of one article changed. Holds the sentence sets it has read."""

    def __init__(self, db: Database, article_id: int, before: frozenset[int]) -> None:
        self._db = db
        self._id = article_id
        self._before = before
        self._sets: dict[int, frozenset[int]] = {}

    def settle(self) -> set[int]:
        """Set the flags of the article and of those it shares a sentence with; return the others that changed."""
        after = self._hashes(self._id)
        changed = set()
        for hashed in after:
            for other in self._holders(hashed, is_stock=0):
                if not self._are_versions(self._id, other):
                    self._flag(other, hashed, is_stock=1)
                    changed.add(other)
            if self._has_support(self._id, hashed):
                self._flag(self._id, hashed, is_stock=1)
        if after != self._before:  # what the article supported before, it may support no longer
            for hashed in self._before:
                for other in self._holders(hashed, is_stock=1):
                    if not self._has_support(other, hashed):
                        self._flag(other, hashed, is_stock=0)
                        changed.add(other)
        return changed

    def _holders(self, hashed: int, *, is_stock: int) -> list[int]:
        """Return the other articles that have the sentence, flagged so."""
        rows = self._db.execute(
            "SELECT DISTINCT article_id FROM sentences WHERE hash = ? AND is_stock = ? AND article_id <> ?",
            [hashed, is_stock, self._id],
        )
        return [row[0] for row in rows.fetchall()]

    def _has_support(self, article_id: int, hashed: int) -> bool:
        """Tell whether an unrelated article has the sentence too; as a rule the first one asked is unrelated."""
        rows: Iterator[tuple[int]] = self._db.execute(
            "SELECT article_id FROM sentences WHERE hash = ? AND article_id <> ?", [hashed, article_id]
        )
        return any(not self._are_versions(article_id, other) for (other,) in rows)

    def _are_versions(self, one: int, other: int) -> bool:
        first, second = self._hashes(one), self._hashes(other)
        return 2 * len(first & second) >= min(len(first), len(second))

    def _hashes(self, article_id: int) -> frozenset[int]:
        if article_id not in self._sets:
            self._sets[article_id] = _hashes(self._db, article_id)
        return self._sets[article_id]

    def _flag(self, article_id: int, hashed: int, *, is_stock: int) -> None:
        self._db.execute(
            "UPDATE sentences SET is_stock = ? WHERE hash = ? AND is_stock = ? AND article_id = ?",
            [is_stock, hashed, 1 - is_stock, article_id],
        )


def _hashes(db: Database, article_id: int) -> frozenset[int]:
    return frozenset(row[0] for row in db.execute("SELECT hash FROM sentences WHERE article_id = ?", [article_id]))


def _settle_about(db: Database, article_id: int) -> bool:
    """Set `about` by the flags of the sentences; return whether it changed anywhere in the article."""
    return db.execute(SETTLE_ABOUT_SQL, [article_id]).rowcount > 0
