"""How much of a text leaves by its evidence: of an article whose text is not handed on, a share and no more.

The sentences that prove tags and prices may be half of a text together. A copy keeps the most telling ones, up to the
length of one excerpt or a share of the text, whichever is more, and leaves the others out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

__all__ = ["MOST_OF_TEXT_PERCENT", "choose", "mark_quotable"]

MOST_OF_TEXT_PERCENT = 15  # of its characters, all excerpts of an article together

# words of a text: what proves a tag best first; a title is published anyway, and costs nothing
CANDIDATES_SQL = """
    SELECT excerpted.article_id, chars, length(text) AS size, title, words
    FROM excerpted
    JOIN articles ON articles.id = excerpted.article_id
    JOIN (
        SELECT article_id, evidence AS words, 1 + about AS rank, salience FROM article_entities
        UNION ALL SELECT article_id, sentence, 1, 0.5 FROM prices
        UNION ALL SELECT article_id, quote, 0, 0 FROM prices
    ) AS named USING (article_id)
    WHERE words <> ''
    ORDER BY excerpted.article_id, rank DESC, salience DESC, length(words), words
"""


class Candidate(NamedTuple):
    """Words of an article that prove something."""

    article_id: int
    chars: int  # of one excerpt
    size: int  # of the text, characters
    title: str
    words: str


def mark_quotable(db: sqlite3.Connection) -> None:
    """Make the table `quotable`: the words that may be published, cut to `chars`, of each article in `excerpted`."""
    db.execute("CREATE TEMP TABLE quotable (article_id INTEGER, words TEXT, PRIMARY KEY (article_id, words))")
    candidates = (Candidate(*row) for row in db.execute(CANDIDATES_SQL))
    db.executemany("INSERT INTO quotable (article_id, words) VALUES (?, ?)", _chosen(candidates))


def _chosen(candidates: Iterable[Candidate]) -> Iterator[tuple[int, str]]:
    for article_id, group in groupby(candidates, key=itemgetter(0)):
        ranked = list(group)
        first = ranked[0]
        for words in choose([one.words for one in ranked], first.title, chars=first.chars, size=first.size):
            yield article_id, words


def choose(ranked: Iterable[str], title: str, *, chars: int, size: int) -> list[str]:
    """Return which words may be published, each once. Pure.

    Args:
        ranked: the most telling first.
        title: what stands in it is published anyway.
        chars: to which each of them will be cut.
        size: of the text, characters.
    """
    left = max(chars, size * MOST_OF_TEXT_PERCENT // 100)
    kept: list[str] = []
    for words in dict.fromkeys(ranked):
        cut = words[:chars]
        is_free = cut in title or any(cut in other[:chars] for other in kept)
        if is_free or len(cut) <= left:
            kept.append(words)
            left -= 0 if is_free else len(cut)
    return kept
