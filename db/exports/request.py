"""What a user asks of an export."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from db.trends.periods import Grain
from db.trends.query import Precision

__all__ = ["ExportRequest"]


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """Which rows of which table. A table has use for some of it; the command line offers only what it has use for."""

    table: str
    now: datetime  # as_of
    base_url: str  # where `aiwire serve` is reached
    grain: Grain = "week"
    since: date | None = None  # first day, UTC; of a rollup: its period is the first
    until: date | None = None  # last day, inclusive; of a rollup: its period is the last
    kinds: tuple[str, ...] = ()  # of entities; empty: all
    entities: tuple[str, ...] = ()  # ids; empty: all
    segment: str | None = "all"  # None: every one
    wide: str | None = None  # trends: the one column that is spread out, an entity each
    cell: str | None = None  # evidence: the evidence_id of a row of trends
    excerpt_chars: int = 300  # quoted of a sentence unless its source says otherwise; 0: nothing
    precision: Precision = field(default_factory=dict)
