"""What changed between two versions of a text, word by word: sentences that changed, within bounds. Pure.

difflib takes quadratic time, so sentences are compared first and words only within a pair that is small enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

__all__ = ["Changes", "Run", "changes"]

MOST_SENTENCES = 400  # of either text, after what is equal at both ends
MOST_WORDS = 200  # of either sentence of a pair; longer ones are shown as replaced
MOST_PAIRS = 12  # that are compared word by word
# a word with the spaces behind it; a character of CJK, which is not parted by spaces
_WORDS = re.compile(r"(?:[\u2e80-\U0010ffff]|[^\W\u2e80-\U0010ffff]+|[^\w\s])\s*|.", re.S)

_SENTENCE_ENDS = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n")

Change = Literal["same", "gone", "new"]


@dataclass(frozen=True, slots=True)
class Run:
    """Words of a sentence that stayed, went or came."""

    change: Change
    words: str


@dataclass(frozen=True, slots=True)
class Changes:
    """Sentences that changed, in their order."""

    sentences: tuple[tuple[Run, ...], ...]
    is_whole: bool  # False: there are more than are shown


def changes(before: str, after: str, *, most: int) -> Changes:
    """Return what changed between two texts.

    Args:
        most: characters that are shown.
    """
    found: list[tuple[Run, ...]] = []
    left = most
    old, new = _middle(_sentences(before), _sentences(after))
    is_cut = max(len(old), len(new)) > MOST_SENTENCES
    for runs in _changed(old[:MOST_SENTENCES], new[:MOST_SENTENCES]):
        left -= sum(len(run.words) for run in runs)
        if left < 0:
            return Changes(tuple(found) or (tuple(_cut(runs, most)),), is_whole=False)
        found.append(runs)
    return Changes(tuple(found), not is_cut)


def _sentences(text: str) -> list[str]:
    """Return a text's sentences, roughly; lines end them, too."""
    return [words for part in _SENTENCE_ENDS.split(text) if (words := part.strip())]


def _middle(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    """Return two lists without what is equal at their beginnings and ends."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return old[start : len(old) - end], new[start : len(new) - end]


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[Run, ...]]:
    """Yield the sentences that changed."""
    pairs = 0
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        for gone, came in zip_longest(old[a:b], new[c:d], fillvalue=""):
            pairs += 1
            yield tuple(_runs(gone, came, by_word=pairs <= MOST_PAIRS))


def _runs(gone: str, came: str, *, by_word: bool) -> Iterator[Run]:
    before, after = _WORDS.findall(gone), _WORDS.findall(came)
    if not (gone and came and by_word and max(len(before), len(after)) <= MOST_WORDS):
        yield from _replaced(gone, came)
        return
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if matcher.quick_ratio() < 0.4:  # another sentence, not another wording
        yield from _replaced(gone, came)
        return
    for what, a, b, c, d in matcher.get_opcodes():
        if what == "equal":
            yield Run("same", "".join(before[a:b]))
        else:
            yield from _replaced("".join(before[a:b]), "".join(after[c:d]))


def _replaced(gone: str, came: str) -> Iterator[Run]:
    if gone:
        yield Run("gone", gone)
    if came:
        yield Run("new", came)


def _cut(runs: Sequence[Run], most: int) -> Iterator[Run]:
    """Yield the beginning of a sentence that is longer than is shown."""
    share = max(most // max(len(runs), 1), 1)
    for run in runs:
        words = run.words if len(run.words) <= share else run.words[:share] + "…"
        yield Run(run.change, words)
