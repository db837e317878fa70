"""Whether an excerpt says more than the title above it. Pure."""

from __future__ import annotations

import re

__all__ = ["is_echo"]

NEW_WORDS = 0.3  # share of an excerpt's words that the title must lack, or it only says the title once more

WORD = re.compile(r"\w+")


def is_echo(title: str, text: str) -> bool:
    """Tell whether a text says hardly more than a title, be it in another order, or nothing at all."""
    words = WORD.findall(text.casefold())
    known = set(WORD.findall(title.casefold()))
    return sum(word not in known for word in words) < NEW_WORDS * len(words) or not words
