"""What catalogues of prices bring."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Catalog", "Offer", "SkippedRow"]


@dataclass(frozen=True, slots=True)
class Offer:
    """One instance type in one region. Prices are US dollars per accelerator and hour; None: not said."""

    provider: str  # slug: aws, lambda ...
    instance_type: str | None
    region: str | None
    accelerator: str  # as the catalogue writes it
    memory_gb: float | None  # of one accelerator, as the catalogue has it; None: not said, or plainly wrong
    gpu_count: int
    ondemand: float | None = None
    spot: float | None = None  # the lowest of the zones
    reserved_1y: float | None = None
    reserved_3y: float | None = None
    price_date: str | None = None  # ISO date; None: the catalogue does not date it
    note: str | None = None


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row of a catalogue that is no offer of ours, and why."""

    line: int  # 1 is the head
    reason: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """One document of a catalogue as it was read."""

    offers: tuple[Offer, ...]
    skipped: tuple[SkippedRow, ...] = ()  # rows without an accelerator are no loss and are not listed
    rows: int = 0  # in the document
