"""Stock sentences: passages that a publisher repeats under unrelated stories.

A sentence is stock in an article if another article of the same source has it too, and the two are not versions of one
story. Versions share at least `VERSION_SHARE` of the text's sentences of the shorter one, and also the title (case and
spacing aside) or the shorter one's first sentence: short unrelated articles share much of their text with a long
passage, but not how they begin. A sentence that stands under `STOCK_TITLES` or more different titles is stock in all.
Only sentences of `MIN_CHARS` or more count: short ones are repeated by chance. What rests on stock sentences alone is
never what an article is about.

The verdict depends on which articles are stored, not on the order in which they came: every change of an article's
sentences or title settles its own flags and those of the articles that share a sentence with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b

from sqlite_utils import Database

from aiwire.types import Sentence

__all__ = ["MIN_CHARS", "STOCK_TITLES", "VERSION_SHARE", "Story", "folded", "replace_sentences", "sentence_hash"]

MIN_CHARS = 40  # code points, after folding
VERSION_SHARE = Fraction(4, 5)  # of the shorter article's sentences
STOCK_TITLES = 3  # different titles under which no one story stands

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
    words = folded(sentence)
    if len(words) < MIN_CHARS:
        return None
    digest = blake2b(f"{source_id}\0{words}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def replace_sentences(
    db: Database,
    article_id: int,
    *,
    source_id: str,
    title: str,
    text: str,
    sentences: Iterable[Sentence],
    renamed: bool = False,
) -> set[int]:
    """Store the sentences of an article, whose tags are stored already, and settle what is stock.

    Part of the caller's transaction. Returns the other articles in which something stopped or started to be about.

    Args:
        renamed: the article has another title than when its sentences were settled last.
    """
    before = _story(db, article_id)
    rows = []
    for sentence in sentences:
        words = (title if sentence.field == "title" else text)[sentence.start : sentence.end]
        if (hashed := sentence_hash(source_id, words)) is not None:
            rows.append((article_id, sentence.field, sentence.start, sentence.end, hashed))
    db.execute("DELETE FROM sentences WHERE article_id = ?", [article_id])
    db.conn.executemany(
        'INSERT INTO sentences (article_id, field, start, "end", hash, is_stock) VALUES (?, ?, ?, ?, ?, 0)', rows
    )
    touched = _Settling(db, article_id, before, renamed=renamed).settle()
    _settle_about(db, article_id)
    return {other for other in touched if _settle_about(db, other)}


@dataclass(frozen=True, slots=True)
class Story:
    """What an article is compared by."""

    title: str  # folded
    held: frozenset[int]  # hashes of all its sentences, the title's too
    text: frozenset[int]  # of the text's
    first: int | None  # of the text's first

    @classmethod
    def of(cls, title: str, sentences: Iterable[tuple[str, int]]) -> Story:
        """Return what there is to compare of an article; `sentences`: field and hash, in the order of the text."""
        rows = list(sentences)
        text = [hashed for field, hashed in rows if field == "text"]
        return cls(folded(title), frozenset(row[1] for row in rows), frozenset(text), text[0] if text else None)

    def is_version_of(self, other: Story) -> bool:
        """Tell whether both are versions of one story; symmetric."""
        shortest = min(len(self.text), len(other.text))
        if len(self.text & other.text) < VERSION_SHARE * shortest:
            return False
        return self.title == other.title or any(
            one.first in two.text for one, two in ((self, other), (other, self)) if len(one.text) == shortest
        )


class _Settling:
    """One settling of flags after the sentences or the title of one article changed. Holds the stories it has read."""

    def __init__(self, db: Database, article_id: int, before: Story, *, renamed: bool) -> None:
        self._db = db
        self._id = article_id
        self._stories: dict[int, Story] = {}
        self._after = self._story(article_id)
        # the sentences that the article may support no longer in others: none if it is what it was
        self._before = before.held if renamed or before != self._after else frozenset()

    def settle(self) -> set[int]:
        """Set the flags of the article and of those it shares a sentence with; return the others that changed."""
        after = self._after.held
        changed: set[int] = set()
        for hashed in after | self._before:
            others = self._holders(hashed, limit=1)
            if not others:
                continue
            if self._has_many_titles(hashed):
                changed.update(self._holders(hashed, is_stock=0))
                self._db.execute("UPDATE sentences SET is_stock = 1 WHERE hash = ? AND is_stock = 0", [hashed])
                continue
            changed |= self._settle_pairs(hashed, is_held=hashed in after)
        return changed

    def _settle_pairs(self, hashed: int, *, is_held: bool) -> set[int]:
        """Settle a sentence by who is a version of whom; return the others that changed."""
        changed = set()
        if is_held:
            for other in self._holders(hashed, is_stock=0):
                if not self._are_versions(self._id, other):
                    self._flag(other, hashed, is_stock=1)
                    changed.add(other)
            if self._has_support(self._id, hashed):
                self._flag(self._id, hashed, is_stock=1)
        if hashed in self._before:
            for other in self._holders(hashed, is_stock=1):
                if not self._has_support(other, hashed):
                    self._flag(other, hashed, is_stock=0)
                    changed.add(other)
        return changed

    def _holders(self, hashed: int, *, is_stock: int | None = None, limit: int = -1) -> list[int]:
        """Return the other articles that have the sentence, flagged so."""
        rows = self._db.execute(
            """
            SELECT DISTINCT article_id FROM sentences
            WHERE hash = ? AND is_stock IN (?, ?) AND article_id <> ? LIMIT ?
            """,
            [hashed, *((0, 1) if is_stock is None else (is_stock, is_stock)), self._id, limit],
        )
        return [row[0] for row in rows.fetchall()]

    def _has_many_titles(self, hashed: int) -> bool:
        """Tell whether the sentence stands under `STOCK_TITLES` different titles; as a rule the first ones are."""
        rows = self._db.execute(
            "SELECT title FROM sentences CROSS JOIN articles ON articles.id = article_id WHERE hash = ?", [hashed]
        )
        titles: set[str] = set()
        for (title,) in rows:
            titles.add(folded(title))
            if len(titles) == STOCK_TITLES:
                return True
        return False

    def _has_support(self, article_id: int, hashed: int) -> bool:
        """Tell whether an unrelated article has the sentence too; as a rule the first one asked is unrelated."""
        rows = self._db.execute(
            "SELECT article_id FROM sentences WHERE hash = ? AND article_id <> ?", [hashed, article_id]
        )
        return any(not self._are_versions(article_id, other) for (other,) in rows)

    def _are_versions(self, one: int, other: int) -> bool:
        return self._story(one).is_version_of(self._story(other))

    def _story(self, article_id: int) -> Story:
        if article_id not in self._stories:
            self._stories[article_id] = _story(self._db, article_id)
        return self._stories[article_id]

    def _flag(self, article_id: int, hashed: int, *, is_stock: int) -> None:
        self._db.execute(
            "UPDATE sentences SET is_stock = ? WHERE hash = ? AND is_stock = ? AND article_id = ?",
            [is_stock, hashed, 1 - is_stock, article_id],
        )


def _story(db: Database, article_id: int) -> Story:
    (title,) = db.execute("SELECT title FROM articles WHERE id = ?", [article_id]).fetchone()
    rows = db.execute("SELECT field, hash FROM sentences WHERE article_id = ? ORDER BY field, start", [article_id])
    return Story.of(title, rows.fetchall())


def folded(words: str) -> str:
    """Return words without what versions of them may differ in: case and spacing."""
    return " ".join(words.split()).casefold()


def _settle_about(db: Database, article_id: int) -> bool:
    """Set `about` by the flags of the sentences; return whether it changed anywhere in the article."""
    return db.execute(SETTLE_ABOUT_SQL, [article_id]).rowcount > 0
