"""Is a text that does not say its language English? Told by its script and by the commonest English words. Pure."""

from __future__ import annotations

import re

__all__ = ["looks_english"]

_SAMPLE = 4000  # characters from the start: enough to tell
_ENOUGH = 40  # words from which their share says something; a headline is taken as English
_FUNCTION_WORDS = frozenset(
    [
        "the",
        "of",
        "and",
        "to",
        "is",
        "are",
        "that",
        "with",
        "this",
        "it",
        "its",
        "for",
        "from",
        "have",
        "has",
        "been",
        "which",
        "their",
        "they",
        "you",
    ]
)
_LEAST_SHARE = 0.05  # English prose has 25 % and more, lists of names still 5 %; other languages under 3 %
_MOST_OTHER_LETTERS = 0.3  # of the letters, outside Latin script
_WORD = re.compile(r"[^\W\d_]+")


def looks_english(text: str) -> bool:
    """Return False for a text in another script, or with hardly any of the words that no English text does without."""
    words = _WORD.findall(text[:_SAMPLE].lower())
    letters = sum(map(len, words))
    if letters and sum(letter > "\u024f" for word in words for letter in word) > _MOST_OTHER_LETTERS * letters:
        return False
    return len(words) < _ENOUGH or sum(word in _FUNCTION_WORDS for word in words) >= _LEAST_SHARE * len(words)
