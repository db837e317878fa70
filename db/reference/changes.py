"""What applying the staged rows of a document would change: a comparison with the rows that hold now. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from db.reference.superseding import observed_on, outranks
from db.reference.tables import SHIPPED, VALUES, Key, Value, key_of

__all__ = ["CellChange", "ChangedRow", "Changes", "compare", "of_the_past"]

Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class CellChange:
    """One value that would be another. `ratio` is new / old; None: one of them is no number above 0."""

    column: str
    old: Value
    new: Value
    ratio: float | None


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row that holds and the one that would take its place."""

    old: Row
    new: Row
    cells: tuple[CellChange, ...]

    @property
    def size(self) -> float:
        """How large the largest change is, up or down alike: |ln ratio|; 0 for words and for what one side lacks."""
        return max((abs(math.log(cell.ratio)) for cell in self.cells if cell.ratio), default=0.0)


@dataclass(frozen=True, slots=True)
class Changes:
    """What would become of each row: of the staged ones, and of those that hold and are the document's own."""

    added: tuple[Row, ...] = ()
    changed: tuple[ChangedRow, ...] = ()  # the largest change first
    unchanged: tuple[Row, ...] = ()  # the staged ones: they say no more than that it is still so
    outranked: tuple[Row, ...] = ()  # differ from a row that counts for more: they hold when it is gone
    past: tuple[Row, ...] = ()  # earlier prices of what another staged row, or a later document, has another one of
    implausible: tuple[Row, ...] = ()  # kept with the reason that is in them, never used
    ended: tuple[Row, ...] = ()  # rows that hold, but the document no longer has
    suspicious: str | None = None  # why this looks like a broken document; None: it does not

    @property
    def said(self) -> tuple[Row, ...]:
        """The staged rows."""
        new = (change.new for change in self.changed)
        return (*self.past, *self.added, *new, *self.unchanged, *self.outranked, *self.implausible)


def compare(
    table: str,
    staged: Iterable[Row],
    current: Iterable[Row],
    *,
    is_own: Callable[[Row], bool],
    replaces: bool = False,
) -> Changes:
    """Compare the rows of a document with those that hold.

    A document without a row that can be used, or that has lost more than half of its own, is suspicious: a broken
    export looks like that, and few providers drop half of what they sell in a day. Shipped rows count as lost, too,
    but only where the document has no other offer of that part and number: the copy may be old, or name offers and
    regions otherwise.

    Args:
        staged: rows of the document with their origin; of several with one key the newest is compared. One with a
            reason in `implausible` changes nothing.
        current: rows that hold, at most one of a key: all that share a key with a staged one, and the document's own.
        is_own: whether a row that holds came from this document, so that it ends with it.
        replaces: its own rows end in any case, if they are not in it, even those with newer dates.
    """
    held = {key_of(table, row): row for row in current}
    implausible, newest, past = _sorted_out(table, staged)
    seen = {key_of(table, row) for row in implausible} | newest.keys()
    added, changed, unchanged, outranked = [], [], [], []
    for key, row in newest.items():
        old = held.get(key)
        if old is None:
            added.append(row)
        elif not (cells := _differences(table, old, row)):
            unchanged.append(row)
        elif outranks(old, row) and not (replaces and is_own(old)):
            outranked.append(row)
        else:
            changed.append(ChangedRow(old, row, cells))
    ended = [row for row in held.values() if is_own(row) and key_of(table, row) not in seen]
    sold = {_sold(row) for row in (*implausible, *newest.values())}
    lost = [row for row in ended if not (_is_shipped(row) and _sold(row) in sold)]
    return Changes(
        tuple(added),
        tuple(sorted(changed, key=lambda change: -change.size)),
        tuple(unchanged),
        tuple(outranked),
        tuple(past),
        tuple(implausible),
        tuple(ended),
        _suspicion(
            before=sum(map(is_own, held.values())),
            lost=len(lost),
            shipped=sum(map(_is_shipped, lost)),
            is_empty=not seen,
        ),
    )


def of_the_past(changes: Changes, later: str) -> Changes:
    """Return what an older document would change: nothing that holds.

    Args:
        later: ISO date on which the document was read again; what it has alone had gone by then.
    """
    past = (*changes.past, *changes.added, *(change.new for change in changes.changed))
    return replace(
        changes, added=(), changed=(), past=_ended(past, later), outranked=_ended(changes.outranked, later),
        ended=(), suspicious=None,
    )  # fmt: skip


def _ended(rows: Iterable[Row], on: str) -> tuple[Row, ...]:
    return tuple({**row, "superseded_at": on} for row in rows)


def _sorted_out(table: str, staged: Iterable[Row]) -> tuple[list[Row], dict[Key, Row], list[Row]]:
    """Return the implausible rows, the newest of each key among the others, and those that are older."""
    implausible, newest, past = [], dict[Key, Row](), []
    for row in staged:
        key = key_of(table, row)
        if row.get("implausible"):
            implausible.append(row)
        elif key not in newest:
            newest[key] = row
        elif observed_on(row) > observed_on(newest[key]):
            past.append(newest[key])
            newest[key] = row
        else:
            past.append(row)
    return implausible, newest, past


def _differences(table: str, old: Row, new: Row) -> tuple[CellChange, ...]:
    return tuple(
        CellChange(column, old.get(column), new.get(column), _ratio(old.get(column), new.get(column)))
        for column in VALUES[table]
        if old.get(column) != new.get(column)
    )


def _ratio(old: Value, new: Value) -> float | None:
    if isinstance(old, str) or isinstance(new, str) or not old or not new or old < 0 or new < 0:
        return None
    ratio = new / old
    return ratio if 0 < ratio < math.inf else None


def _is_shipped(row: Row) -> bool:
    """Return whether a row is of the shipped copy of the document."""
    return row.get("origin") == SHIPPED


def _sold(row: Row) -> tuple[Value, Value]:
    """Return what an offer is about, whatever the provider calls it: the part, and how many."""
    return row.get("accelerator_id"), row.get("gpu_count")


def _suspicion(*, before: int, lost: int, shipped: int, is_empty: bool) -> str | None:
    if is_empty:
        return "it has no row that can be used" + (f", and had {before} before" if before else "")
    if 2 * lost > before:
        of_ours = f", {shipped} of them shipped, and sells nothing like these" if shipped else ""
        return f"it lacks {lost} of the {before} rows that it had before{of_ours}"
    return None
