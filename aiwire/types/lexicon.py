"""What the lists say of an entity, short enough to be kept beside the articles that were tagged by it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LexiconLine"]


class LexiconLine(NamedTuple):
    """All that matters for tagging of one entity, or of something that concerns every article."""

    digest: str  # another one: something has changed
    surfaces: tuple[str, ...]  # what a text must hold, in lower case, for a change to concern it; sorted
