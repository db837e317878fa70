"""What lists on pages are made of: an entity or an article as far as a link to it needs."""

from __future__ import annotations

from dataclasses import dataclass

from db.dates import UNDATED

__all__ = ["ArticleRef", "EntityRef"]


@dataclass(frozen=True, slots=True)
class EntityRef:
    """A company, accelerator, theme, model or regulation."""

    id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class ArticleRef:
    """An article in a list."""

    id: int
    title: str
    url: str
    dated_at: str  # UTC
    date_source: str  # first_seen and backlog: not the publisher's
    source: str  # name
    source_id: str
    language: str | None  # BCP 47
    excerpt: str = ""  # a sentence of it, or the beginning of its text
    copies: int = 1  # articles of its story, itself included
    chips: tuple[EntityRef, ...] = ()  # what it is about first

    @property
    def is_undated(self) -> bool:
        """Whether its day is only when we came: no plausible date is stated."""
        return self.date_source in UNDATED
