"""Tell a headline in title case, where capitals say nothing, from a sentence. Pure."""

from __future__ import annotations

import re

__all__ = ["CJK", "is_title_case"]

CJK = "\u2e80"  # from here on letters are not parted by spaces and have no capitals

# words that keep their small letter in a headline
_SMALL_WORDS = frozenset(
    ("and", "but", "for", "nor", "the", "with", "from", "into", "over", "than", "that", "upon", "onto", "amid", "via",
     "per", "off", "out", "its", "are", "was", "not", "has", "can", "vs")
)  # fmt: skip
_LONGER_WORD = re.compile(r"(?<![\w'’])[^\W\d_]{3,}")


def is_title_case(sentence: str) -> bool:
    """Return whether capitals say nothing in `sentence`: as in a headline, hardly a word after the first is without.

    A headline has no full stop; a short sentence full of names has. Chinese and Japanese have no capitals: names in
    Latin letters stand out there.
    """
    if sentence.endswith((".", ".”", '."')):
        return False
    words = _LONGER_WORD.findall(sentence)[1:]
    small = sum(1 for w in words if w.islower() and w not in _SMALL_WORDS)
    capital = sum(1 for w in words if w[0].isupper())
    return capital >= 2 and small * 8 <= capital and not any(c >= CJK for c in sentence)
