"""From staged rows to the tables: judged by the rules, compared with what holds, written in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from aiwire.types import iso
from db.connection import transaction
from db.reference.changes import Changes, compare, of_the_past
from db.reference.files import read_shipped, shipped_bytes
from db.reference.observations import write_rows
from db.reference.rules import Context, check_rows
from db.reference.staging import discard, forget_validators
from db.reference.superseding import CATALOGS, IMPORT, unsaid
from db.reference.tables import IDENTITIES, OBSERVATIONS, SHIPPED, TABLES, Row, Value, observations_of

__all__ = [
    "ACCEPTED",
    "Scope",
    "accepted",
    "apply_changes",
    "changes_of",
    "confirm",
    "is_accepted",
    "judged",
    "known_ids",
    "load_context",
    "shipped_context",
]

ACCEPTED = "accepted, although "  # in the note of a user's row that breaks rules: the user knows better

_COPIES = ("skypilot-org/skypilot-catalog", "src/gpuhunt/providers")  # in the sources of shipped copies


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows are a document's own, so that they end when it no longer has them."""

    table: str
    origin: str  # of the rows that it brings
    provider: str | None = None  # of a catalogue's document; None: it is a list of any providers

    @property
    def name(self) -> str:
        """The document's name in `reference_sources`."""
        return f"{self.origin}/{self.provider}" if self.provider else self.origin.replace(IMPORT, "import/")

    def has(self, row: Mapping[str, Value]) -> bool:
        """Return whether a row that holds ends when the document lacks it.

        A catalogue speaks for its provider: a cloud that was asked for in the other catalogue before, and shipped
        copies of either, are its own, too. Shipped prices from elsewhere (an article, a price list) are not.
        """
        if self.provider is None:
            return row["origin"] == self.origin
        if row["provider"] != self.provider:
            return False
        if row["origin"] == SHIPPED:
            return any(catalog in str(row["source"]) for catalog in _COPIES)
        return row["origin"] in CATALOGS


def load_context(
    db: Database, gazetteer: frozenset[str] | None = None, models: frozenset[str] | None = None
) -> Context:
    """Return what rules compare rows with: the rows that hold now.

    Args:
        gazetteer: families of accelerators that tags can name; None: not asked.
        models: families of models that tags can name; None: not asked.
    """
    tables = {table: _rows(db, table) for table in TABLES}
    for table in OBSERVATIONS:
        tables[table] = [row for row in tables[table] if row["implausible"] is None]
    return Context(tables, gazetteer=gazetteer, models=models)


def shipped_context(gazetteer: frozenset[str] | None = None, models: frozenset[str] | None = None) -> Context:
    """Return the rows of the shipped files, as `load_context` does those of a database.

    Raises:
        ConfigError: a file is not as it should be.
    """
    return Context(read_shipped({table: shipped_bytes(table) for table in TABLES}), gazetteer=gazetteer, models=models)


def known_ids(context: Context) -> dict[str, set[str]]:
    """Return the ids that rows may refer to, by table."""
    return {table: {str(row["id"]) for row in context.tables[table]} for table in IDENTITIES}


def judged(table: str, rows: Sequence[Row], context: Context) -> list[Row]:
    """Return the rows, those that break a rule with the reasons in `implausible`."""
    reasons: dict[int, list[str]] = {}
    for violation in check_rows(table, rows, context):
        if violation.row is not None:
            reasons.setdefault(violation.row, []).append(f"{violation.rule}: {violation.reason}")
    return [row | {"implausible": "; ".join(reasons[i]) if i in reasons else None} for i, row in enumerate(rows)]


def is_accepted(row: Mapping[str, Value]) -> bool:
    """Tell whether a user took a row, imported or refreshed, although it breaks rules."""
    return row.get("origin", SHIPPED) != SHIPPED and ACCEPTED in str(row.get("note"))


def accepted(rows: Iterable[Row]) -> list[Row]:
    """Return rows that were judged as such that count; that somebody said so stays with them, in their notes."""
    return [_accepted(row) if row.get("implausible") else row for row in rows]


def _accepted(row: Row) -> Row:
    note = "; ".join(str(text) for text in (row.get("note"), f"{ACCEPTED}{row['implausible']}") if text)
    return row | {"implausible": None, "note": note}


def changes_of(db: Database, scope: Scope, rows: Sequence[Mapping[str, Value]], *, day: str) -> Changes:
    """Return what applying these rows would change.

    Args:
        day: ISO date on which they were read: what was read later does not end by them. What an older document has
            and a later one lacks is of the past.
    """
    staged = [
        row | {"origin": scope.origin, "superseded_at": None}
        for each in rows for row in observations_of(scope.table, each)
    ]  # fmt: skip
    current = [row for row in _rows(db, scope.table) if row["implausible"] is None]
    is_list = scope.provider is None
    changes = compare(
        scope.table, staged, current, replaces=is_list,
        is_own=lambda row: scope.has(row) and (is_list or str(row["as_of"]) <= day),
    )  # fmt: skip
    return of_the_past(changes, later) if (later := _read_later(db, scope, day)) else changes


def apply_changes(db: Database, name: str, scope: Scope, changes: Changes, *, day: str, now: datetime) -> None:
    """Write the changes of a document, end what it no longer has, and take its rows out of the staging: all or nothing.

    Args:
        name: of the document in `reference_sources`.
        day: ISO date on which it was read.

    Raises:
        DatabaseError: the database cannot be written; nothing has changed then.
    """
    with transaction(db):
        gone = [] if _read_later(db, scope, day) else _gone(db, scope, changes, day)
        days = {int(row["id"] or 0): day for row in gone}
        write_rows(db, scope.table, changes.said, origin=scope.origin, gone=days)
        forget_validators(db, _clouds(scope, changes), but=name)
        discard(db, name)
        db.execute(
            "UPDATE reference_sources SET applied_at = max(coalesce(applied_at, ''), ?) WHERE name = ?",
            [iso(now), name],
        )


def confirm(db: Database, scope: Scope, *, day: str) -> None:
    """Note that a document still says what was applied of it.

    Args:
        day: ISO date on which it said so.
    """
    with transaction(db):
        own = [row for row in _said(db, scope) if row["origin"] == scope.origin]
        still = [row | {"as_of": day, "superseded_at": None} for row in own]
        write_rows(db, scope.table, still, origin=scope.origin)


def _clouds(scope: Scope, changes: Changes) -> set[str]:
    """Return the clouds of which others' prices may hold again, or have ended: their documents must be read anew."""
    return {str(row["provider"]) for row in changes.ended if "provider" in row} | {scope.provider or ""}


def _read_later(db: Database, scope: Scope, day: str) -> str | None:
    """Return the later day on which the document was applied already; None: this is its newest state."""
    row = db.execute("SELECT applied_at FROM reference_sources WHERE name = ?", [scope.name]).fetchone()
    applied = str(row[0] or "")[: len(day)] if row else ""
    return applied if applied > day else None


def _gone(db: Database, scope: Scope, changes: Changes, day: str) -> list[Row]:
    """Return the stored rows that the document no longer says, be they implausible, or beneath an import.

    Rows of a list go whatever their dates: a new file of it is the whole list.
    """
    stored = [row for row in _said(db, scope) if scope.provider is None or str(row["as_of"]) <= day]
    return unsaid(scope.table, stored, changes.said)


def _said(db: Database, scope: Scope) -> list[Row]:
    """Return the stored rows that the document said when it was last applied."""
    return [row for row in db.query(f"SELECT * FROM {scope.table} WHERE gone_at IS NULL ORDER BY id") if scope.has(row)]


def _rows(db: Database, table: str) -> list[Row]:
    """Return the rows of a table that no other took the place of."""
    where = "WHERE superseded_at IS NULL" if table in OBSERVATIONS else ""
    return list(db.query(f"SELECT * FROM {table} {where} ORDER BY id"))
