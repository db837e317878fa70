"""Names of accelerators as catalogues of prices write them -> ids of parts.

`data/catalog_names.csv`: a row holds for the catalogue, the provider and the instance types that it names (empty: all),
and for offers whose accelerators have about its memory (empty: any). Where a catalogue does not tell the variants of a
family apart and nothing else does, the most common one is taken and the row's note says so.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["NameRow", "Part", "choose", "name_rows", "plain_name", "resolve"]

_MEMORY_TOLERANCE = 0.10  # relative: GB and GiB of one memory differ by 7 %
_NOT_ALNUM = re.compile(r"[^a-z0-9]+")
_VENDOR_WORDS = re.compile(r"^(?:(?:nvidia|amd|google|intel|habana|geforce|tesla|instinct|aws)[ _-]+)+")


@dataclass(frozen=True, slots=True)
class Part:
    """What a name stands for."""

    accelerator_id: str
    note: str | None = None  # what was assumed; goes into the row's note


@dataclass(frozen=True, slots=True)
class NameRow:
    """One line of the file."""

    catalog: str  # skypilot or gpuhunt; empty: both
    provider: str  # slug; empty: all
    instance: str  # what the instance type must contain, in lower case; empty: anything
    name: str  # as `plain_name` gives it
    memory_gb: float | None  # of one accelerator, as catalogues have it; None: whatever it is
    accelerator_id: str
    note: str | None

    @property
    def precision(self) -> tuple[int, bool, bool]:
        """How much must be true for the row to hold: what decides between rows."""
        return len(self.instance), bool(self.provider), bool(self.catalog)


def plain_name(name: str) -> str:
    """Return a name without vendor, blanks and marks: `RTX PRO 6000`, `RTX-PRO-6000` and `RTXPRO6000` are one."""
    return _NOT_ALNUM.sub("", _VENDOR_WORDS.sub("", name.casefold()))


def resolve(
    catalog: str, name: str, memory_gb: float | None, *, provider: str | None = None, instance_type: str | None = None
) -> Part | None:
    """Return the part that an offer is about; None: no part is called that, or several are and nothing tells which.

    Args:
        catalog: `skypilot` or `gpuhunt`.
        name: of the accelerator, as the catalogue writes it.
        memory_gb: of one accelerator, as the catalogue has it; None: not said.
        provider: slug of the cloud.
        instance_type: as the catalogue writes it: it often says the form factor.
    """
    return choose(_by_name().get(plain_name(name), ()), catalog, memory_gb, provider or "", instance_type or "")


def choose(
    rows: Sequence[NameRow], catalog: str, memory_gb: float | None, provider: str, instance_type: str
) -> Part | None:
    """Return the part of the most precise of the rows of a name that hold, by memory if there are several."""
    instance = instance_type.casefold()
    holding = [
        row
        for row in rows
        if row.catalog in ("", catalog)
        and row.provider in ("", provider)
        and row.instance in instance
        and _fits(row.memory_gb, memory_gb)
    ]
    if not holding:
        return None
    best = max(row.precision for row in holding)
    rows = [row for row in holding if row.precision == best]
    if memory_gb is not None:
        nearest = min(_distance(row, memory_gb) for row in rows)
        rows = [row for row in rows if _distance(row, memory_gb) == nearest]
    if len({row.accelerator_id for row in rows}) != 1:
        return None
    return Part(rows[0].accelerator_id, rows[0].note)


@cache
def name_rows() -> tuple[NameRow, ...]:
    """Return the lines of `data/catalog_names.csv`."""
    text = resources.files("db.reference").joinpath("data", "catalog_names.csv").read_text("utf-8")
    return tuple(_row(cells) for cells in csv.DictReader(io.StringIO(text, newline=""), strict=True))


@cache
def _by_name() -> Mapping[str, Sequence[NameRow]]:
    groups: defaultdict[str, list[NameRow]] = defaultdict(list)
    for row in name_rows():
        groups[row.name].append(row)
    return dict(groups)


def _row(cells: Mapping[str, str]) -> NameRow:
    return NameRow(
        cells["catalog"],
        cells["provider"],
        cells["instance"].casefold(),
        plain_name(cells["name"]),
        float(cells["memory_gb"]) if cells["memory_gb"] else None,
        cells["accelerator_id"],
        cells["note"] or None,
    )


def _fits(expected: float | None, said: float | None) -> bool:
    if expected is None or said is None:
        return True
    return abs(said - expected) <= _MEMORY_TOLERANCE * expected


def _distance(row: NameRow, memory_gb: float) -> float:
    return abs(memory_gb - row.memory_gb) if row.memory_gb is not None else 0.0
