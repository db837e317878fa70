"""What a run did, as values: one line per source, counts, and how it ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from aiwire.types import iso

__all__ = ["PageCounts", "RunReport", "SourceLine"]

LineStatus = Literal["ok", "not-modified", "unchanged", "suspicious", "failed", "not-in-archive"]


@dataclass(frozen=True, slots=True)
class SourceLine:
    """The outcome for one source, whatever it was."""

    id: str
    status: LineStatus
    entries: int = 0  # in the document; a feed that was published empty has 0 and is no error
    new: int = 0
    changed: int = 0
    error: str | None = None
    warning: str | None = None  # the document was damaged but could be read


@dataclass(slots=True)
class PageCounts:
    fetched: int = 0
    failed: int = 0
    reserved: int = 0  # from text and data mining, by their publishers: their texts were not taken
    not_in_archive: int = 0
    left: int = 0  # still pending after the run


@dataclass(slots=True)
class RunReport:
    """Filled while the run goes on. `internal_errors` counts bugs, each of which is also a failed line."""

    now: datetime
    run_id: int
    sources_known: int = 0
    sources_due: int = 0
    lines: list[SourceLine] = field(default_factory=list)
    pages: PageCounts = field(default_factory=PageCounts)
    articles_new: int = 0
    articles_changed: int = 0
    versions: int = 0
    weeks: set[str] = field(default_factory=set)
    deferred: int = 0  # requests that were put off: to be polite, or as a site asked for it
    stopped: bool = False  # --max-seconds ran out; what is left stays due
    internal_errors: int = 0
    seconds: float = 0.0

    def count(self, status: LineStatus) -> int:
        return sum(line.status == status for line in self.lines)

    @property
    def failed(self) -> int:
        """Number of sources that failed; an address that a replay's archive lacks counts too."""
        return self.count("failed") + self.count("not-in-archive")

    @property
    def status(self) -> Literal["done", "stopped"]:
        return "stopped" if self.stopped else "done"

    def to_json(self) -> dict[str, Any]:
        """Return the report for machines; the same keys on every run."""
        return {
            "run_id": self.run_id,
            "now": iso(self.now),
            "status": self.status,
            "seconds": round(self.seconds, 3),
            "sources": {
                "known": self.sources_known,
                "due": self.sources_due,
                "ok": self.count("ok"),
                "not_modified": self.count("not-modified"),
                "unchanged": self.count("unchanged"),
                "suspicious": self.count("suspicious"),
                "failed": self.count("failed"),
                "not_in_archive": self.count("not-in-archive"),
                "empty": sum(line.status == "ok" and line.entries == 0 for line in self.lines),
            },
            "articles": {"new": self.articles_new, "changed": self.articles_changed, "versions": self.versions},
            "pages": asdict(self.pages),
            "deferred": self.deferred,
            "weeks_rolled_up": len(self.weeks),
            "internal_errors": self.internal_errors,
            "lines": [asdict(line) for line in self.lines],
        }
