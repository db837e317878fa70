"""Cells: the counts of an entity, or of two together, in one period and segment, and where their evidence is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from aiwire.exceptions import ConfigError
from db.trends.periods import GRAINS, Grain, Span, span_at

__all__ = ["Cell", "parse_cell"]

EXAMPLE = "week/2026-11-16/nvidia-h100/all"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the trends; with `with_id` one of the co-occurrence: articles that name both."""

    span: Span
    entity_id: str
    segment: str = "all"
    with_id: str = ""  # the other one of a pair, the greater id

    @property
    def evidence_id(self) -> str:
        """`<grain>/<first day>/<entity>/<segment>`, of a pair `<entity>+<entity>`: ids are of a-z, 0-9 and hyphens."""
        entities = f"{self.entity_id}+{self.with_id}" if self.with_id else self.entity_id
        return f"{self.span.grain}/{self.span.start}/{entities}/{self.segment}"

    def evidence_url(self, base_url: str) -> str:
        """Return the address of the page that lists the articles."""
        pair = {"with_id": self.with_id} if self.with_id else {}
        asked = {"entity_id": self.entity_id, **pair, "grain": self.span.grain, "period": self.span.start.isoformat(),
                 "segment": self.segment}  # fmt: skip
        return f"{base_url.rstrip('/')}/news/evidence?{urlencode(asked)}"


def parse_cell(evidence_id: str) -> Cell:
    """Return the cell of an `evidence_id`.

    Raises:
        ConfigError: it is none, or its day is not the first of a period.
    """
    wrong = f"{evidence_id!r} is no evidence_id"
    remedy = f"copy one from the column evidence_id of an export, such as {EXAMPLE}"
    parts = evidence_id.strip().split("/", maxsplit=3)
    if len(parts) < 4 or not all(parts):
        raise ConfigError(f"{wrong}: it has four parts, grain/period/entity/segment; {remedy}")
    grain, day, entities, segment = parts
    entity_id, _, with_id = entities.partition("+")
    try:
        span = span_at(date.fromisoformat(day), _grain(grain))
    except (ValueError, OverflowError) as e:
        raise ConfigError(f"{wrong}: {e}; {remedy}") from e
    if span.start.isoformat() != day:
        raise ConfigError(f"{wrong}: no {grain} begins on {day}; the one that holds it is {grain}/{span.start}")
    return Cell(span, entity_id, segment, with_id)


def _grain(word: str) -> Grain:
    for grain in GRAINS:
        if word == grain:
            return grain
    raise ValueError(f"{word!r} is not day, week or month")
