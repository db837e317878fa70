"""What a plausibility rule is and what it may look at.

Here and not in `rules`, so that the modules with the rules and the list of all rules do not import each other.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources

__all__ = [
    "Check",
    "Context",
    "FamilyRange",
    "InstanceType",
    "KnownRate",
    "Row",
    "Rule",
    "Violation",
    "holds",
    "number",
]

Value = str | int | float | None
Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class FamilyRange:
    """What a part of a family, or one part of a wide family, can have, ends included; None: no source says it."""

    family_id: str
    accelerator_id: str | None  # of whose own the range is; None: of all parts of the family
    memory_gb_low: float | None
    memory_gb_high: float | None
    bandwidth_gbs_low: float | None
    bandwidth_gbs_high: float | None
    tdp_w_low: float | None
    tdp_w_high: float | None
    source: str


@dataclass(frozen=True, slots=True)
class KnownRate:
    """A rate of a part that must not stand in a column of dense tensor rates."""

    accelerator_id: str
    rate: str  # sparse (with structured sparsity) or vector (of the ordinary arithmetic units)
    precision: str  # fp16_bf16, fp8, fp4 or int8
    tflops: float  # TOPS for int8
    source: str


@dataclass(frozen=True, slots=True)
class InstanceType:
    """Instances of a provider and the part that is in them."""

    provider: str
    pattern: re.Pattern[str]  # of the whole name, in small letters, `_` for spaces, without Azure's `standard_`
    accelerator_id: str
    source: str


@cache
def _shipped_ranges() -> Mapping[tuple[str, str | None], FamilyRange]:
    ranges = (_range(row) for row in _shipped("family_ranges"))
    return {(known.family_id, known.accelerator_id): known for known in ranges}


def _range(row: Mapping[str, str]) -> FamilyRange:
    memory = (_real(row["memory_gb_low"]), _real(row["memory_gb_high"]))
    bandwidth = (_real(row["bandwidth_gbs_low"]), _real(row["bandwidth_gbs_high"]))
    power = (_real(row["tdp_w_low"]), _real(row["tdp_w_high"]))
    return FamilyRange(row["family_id"], row["accelerator_id"] or None, *memory, *bandwidth, *power, row["source"])


@cache
def _shipped_instances() -> Sequence[InstanceType]:
    return tuple(
        InstanceType(row["provider"], re.compile(row["pattern"]), row["accelerator_id"], row["source"])
        for row in _shipped("instance_types")
    )


@cache
def _shipped_rates() -> Sequence[KnownRate]:
    return tuple(
        KnownRate(row["accelerator_id"], row["rate"], row["precision"], float(row["tflops"]), row["source"])
        for row in _shipped("known_rates")
    )


def _shipped(name: str) -> list[dict[str, str]]:
    text = resources.files("db.reference").joinpath("data", f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def _real(cell: str) -> float | None:
    return float(cell) if cell else None


@dataclass(frozen=True)
class Context:
    """What rules compare rows with: the rows that hold now, by table, and what the shipped files know."""

    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    # by family and part; part None: of the whole family
    ranges: Mapping[tuple[str, str | None], FamilyRange] = field(default_factory=_shipped_ranges)
    known_rates: Sequence[KnownRate] = field(default_factory=_shipped_rates)
    instance_types: Sequence[InstanceType] = field(default_factory=_shipped_instances)
    gazetteer: frozenset[str] | None = None  # families that tags can name; None: not asked
    models: frozenset[str] | None = None  # families of models that tags can name; None: not asked

    @cached_property
    def family_of(self) -> Mapping[str, str]:
        """Part -> its family."""
        return {str(row["id"]): str(row["family_id"]) for row in self.tables.get("accelerators", ())}

    def sisters(self, part: str) -> Sequence[str]:
        """Return the other parts of a part's family."""
        return [other for other in self._parts_of.get(self.family_of.get(part, ""), ()) if other != part]

    @cached_property
    def _parts_of(self) -> Mapping[str, Sequence[str]]:
        parts: dict[str, list[str]] = {}
        for part, family in self.family_of.items():
            parts.setdefault(family, []).append(part)
        return parts

    def range_of(self, part: str) -> FamilyRange | None:
        """Return what a part can have: its own range, else that of its family; None: neither is known."""
        family = self.family_of.get(part, "")
        return self.ranges.get((family, part)) or self.ranges.get((family, None))

    @cached_property
    def families(self) -> frozenset[str]:
        """The ids of all families."""
        return frozenset(str(row["id"]) for row in self.tables.get("accelerator_families", ()))


# yields the index of a row, or None for what no single row is to blame for, and what is wrong with it
Check = Callable[[Sequence[Row], Context], Iterator[tuple[int | None, str]]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is true of every good row of a table."""

    name: str
    table: str
    why: str
    check: Check
    whole: bool = False  # can only be asked of the whole table, not of some staged rows


@dataclass(frozen=True, slots=True)
class Violation:
    """A row that breaks a rule."""

    row: int | None  # index in the rows that were checked; None: no single row is to blame
    rule: str
    reason: str


def holds(row: Row) -> bool:
    """Tell whether a row is in use: not superseded, not known as implausible."""
    return not row.get("superseded_at") and not row.get("implausible")


def number(value: Value) -> float | None:
    """Return a value as a number; None: it is none, or there is no value."""
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
