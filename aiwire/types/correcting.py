"""What a person has put right in an article: kept through retags and fetches, exchanged as CSV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["OWN_STORY", "Correction", "CorrectionKind"]

CorrectionKind = Literal["wrong-tag", "missing-tag", "wrong-date", "wrong-story"]
OWN_STORY = "own"  # value of `wrong-story`: the article tells a story of its own


@dataclass(frozen=True, slots=True)
class Correction:
    """One decision on one article. It holds before the article is stored, too: it is kept by URL."""

    url: str  # of the article, normalized
    kind: CorrectionKind
    entity: str = ""  # id, for the kinds on tags; else empty
    about: bool | None = None  # missing-tag: whether the article is about it; None: as the tagger would say
    value: str = ""  # wrong-date: the right one (ISO 8601); wrong-story: URL of an article of the right one, or `own`
    evidence: str = ""  # missing-tag: the sentence of the article that proves it
    note: str = ""  # why, in words
    made_at: str = ""  # ISO 8601, UTC

    @property
    def is_of_tag(self) -> bool:
        """Whether it speaks of a tag: then it has an entity, and the article's tags depend on it."""
        return self.kind in ("wrong-tag", "missing-tag")
