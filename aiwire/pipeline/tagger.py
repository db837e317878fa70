"""The tagger as the pipeline has it: a function over texts that can tell what it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from aiwire.pipeline.session import Tag
from aiwire.types import ArticleText, LexiconLine, Tagging

__all__ = ["Tagger"]


@dataclass(frozen=True, slots=True)
class Tagger:
    """Call it as a `Tag`."""

    tag: Tag
    versions: tuple[str, str]  # of the tagger and of its lists
    lines: Callable[[], Mapping[str, LexiconLine]]  # what the lists say (nlp.impact): asked when it is needed

    def __call__(self, texts: Iterable[ArticleText]) -> Iterator[tuple[ArticleText, Tagging]]:
        """Yield every article with its tags, in order."""
        return self.tag(texts)
