"""What a refresh of the reference found and did, as values: one line per document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from aiwire.types import iso
from db.reference.changes import Changes

__all__ = ["DocumentLine", "LineOutcome", "RefreshReport"]

LineOutcome = Literal["staged", "not-modified", "broken", "vanished", "failed", "not-in-archive", "put-off"]
_GOOD = ("staged", "not-modified")


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """The outcome for one document, whatever it was."""

    name: str
    url: str
    table: str
    outcome: LineOutcome
    error: str | None = None
    rows: int = 0  # in the document; 0 if it was not modified
    skipped: Mapping[str, int] = field(default_factory=dict)  # reason -> rows of the document
    unknown: Mapping[str, int] = field(default_factory=dict)  # name that no part has -> offers
    changes: Changes | None = None  # None: nothing that could be compared was read
    applied: bool = False

    @property
    def failed(self) -> bool:
        return self.outcome not in _GOOD

    @property
    def held_back(self) -> bool:
        """Whether its changes are applied only if that is asked for, as it looks broken."""
        return self.changes is not None and self.changes.suspicious is not None and not self.applied

    def to_json(self) -> dict[str, Any]:
        changes = self.changes or Changes()
        return {
            "name": self.name,
            "url": self.url,
            "table": self.table,
            "outcome": self.outcome,
            "error": self.error,
            "applied": self.applied,
            "suspicious": changes.suspicious,
            "rows": self.rows,
            "skipped": dict(self.skipped),
            "unknown": dict(self.unknown),
            "counts": counts(changes),
            "added": [dict(row) for row in changes.added],
            "changed": [
                {"old": dict(change.old), "new": dict(change.new), "cells": [asdict(cell) for cell in change.cells]}
                for change in changes.changed
            ],
            "outranked": [dict(row) for row in changes.outranked],
            "past": [dict(row) for row in changes.past],
            "implausible": [dict(row) for row in changes.implausible],
            "ended": [dict(row) for row in changes.ended],
        }


@dataclass(slots=True)
class RefreshReport:
    """Filled while the refresh goes on. `internal_errors` counts bugs, each of which is also a failed line."""

    now: datetime
    apply: bool
    lines: list[DocumentLine] = field(default_factory=list)
    internal_errors: int = 0

    @property
    def failed(self) -> int:
        return sum(line.failed for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        """Return the report for machines; the same keys on every refresh."""
        each = [counts(line.changes or Changes()) for line in self.lines]
        return {
            "now": iso(self.now),
            "apply": self.apply,
            "documents": {
                "asked": len(self.lines),
                "read": sum(line.outcome == "staged" for line in self.lines),
                "not_modified": sum(line.outcome == "not-modified" for line in self.lines),
                "failed": self.failed,
                "held_back": sum(line.held_back for line in self.lines),
                "applied": sum(line.applied for line in self.lines),
            },
            "rows": {name: sum(one[name] for one in each) for name in counts(Changes())},
            "internal_errors": self.internal_errors,
            "lines": [line.to_json() for line in self.lines],
        }


def counts(changes: Changes) -> dict[str, int]:
    """Return how many rows would be added, changed and so on."""
    names = ("added", "changed", "unchanged", "outranked", "past", "implausible", "ended")
    return {name: len(getattr(changes, name)) for name in names}
