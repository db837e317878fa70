"""How each source is: its state, its history in numbers, and the start of a document that could not be read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, get_type_hints

from sqlite_utils import Database

from aiwire.types import ErrorClass, LiveKind, SourceStatus, parse_iso

__all__ = ["HealthRow", "HealthStatus", "body_sample", "health_row", "health_rows"]

HealthStatus = Literal[
    SourceStatus,
    "empty",  # ok, but it has never had an entry, and no article is of it
    "off",  # sources.toml does not want it checked
]


@dataclass(frozen=True, slots=True)
class HealthRow:
    """One source of the view `source_health`, its columns in their order."""

    status: HealthStatus
    source_id: str
    error: str | None  # of the last check; None after a success
    failing_since: datetime | None
    next_check_at: datetime | None  # None: due now
    next_check_reason: str | None
    name: str
    kind: LiveKind  # sources of web archives are in no sources.toml
    url: str  # as sources.toml has it
    publisher: str
    category: str | None
    error_class: ErrorClass | None
    last_outcome: str | None  # of the last request, as `fetches` has it: ok, not-modified, unreadable, or a FetchReason
    error_count: int  # failures since the last success
    first_read_at: datetime | None  # first good answer
    last_ok_at: datetime | None
    last_checked_at: datetime | None
    last_new_at: datetime | None  # when something new was last found, or its own date in the first answer
    entries: int | None  # in the last document that was not suspicious; of a sitemap, in the newest that had any
    new_gap_hours: float | None  # smoothed, between two new items
    articles: int
    new_per_week: float  # since the first answer, at most in the 28 days before the newest request of all sources
    not_modified_share: float | None  # 0..1, of the good answers in the 30 days before the source's newest request
    p50_latency_ms: int | None  # median of the same answers
    validators_trusted: bool  # False: the server said "not modified" of a document that had changed
    suggestion: str | None  # an address that would work better
    moved_to: str | None  # what is asked instead of `url`
    hub: str | None  # WebSub hub that the feed names
    robots: str | None  # what in robots.txt forbids the address that was asked last
    enabled: bool


_FIELDS = tuple(field.name for field in fields(HealthRow))
_SLOW = ("not_modified_share", "p50_latency_ms")
_HINTS = get_type_hints(HealthRow)
_MOMENTS = frozenset(name for name in _FIELDS if _HINTS[name] == datetime | None)
_TRUTHS = frozenset(name for name in _FIELDS if _HINTS[name] is bool)


def health_rows(db: Database, *, quick: bool = False) -> list[HealthRow]:
    """Return every source that is in sources.toml, in the view's order: those in trouble first, switched off last.

    Args:
        quick: leave out what reads every request of 30 days: not_modified_share and p50_latency_ms are None.
    """
    columns = [f"NULL AS {name}" if quick and name in _SLOW else name for name in _FIELDS]
    return [_row(found) for found in db.execute(f"SELECT {', '.join(columns)} FROM source_health").fetchall()]


def health_row(db: Database, source_id: str) -> HealthRow | None:
    """Return one source; None: it is not in sources.toml."""
    sql = f"SELECT {', '.join(_FIELDS)} FROM source_health WHERE source_id = ?"
    found = db.execute(sql, [source_id]).fetchone()
    return None if found is None else _row(found)


def body_sample(db: Database, source_id: str) -> bytes | None:
    """Return the start of the source's last document if that could not be read, else None.

    Raises:
        LookupError: there is no such source.
    """
    row = db.execute(
        "SELECT sample FROM sources LEFT JOIN source_state ON source_id = sources.id WHERE sources.id = ?", [source_id]
    ).fetchone()
    if row is None:
        raise LookupError(source_id)
    return None if row[0] is None else bytes(row[0])


def _row(columns: tuple[Any, ...]) -> HealthRow:
    return HealthRow(*map(_from_column, _FIELDS, columns))


def _from_column(name: str, value: Any) -> Any:
    if name in _MOMENTS:
        return None if value is None else parse_iso(value)
    return bool(value) if name in _TRUTHS else value
