"""Writing observations into their tables: what is new is added, what it takes the place of keeps its dates."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from sqlite_utils import Database

from db.articles import ID_BITS
from db.bands import settle_prices
from db.reference.parts import rebuild_parts
from db.reference.superseding import dropped, settle
from db.reference.tables import IDENTITIES, KEYS, TABLES, VALUES, Key, Row, Value, key_of, observations_of

__all__ = ["WriteCounts", "end_rows", "follow", "write", "write_dropping", "write_rows"]

# whose rows bands of plausible prices follow from
_PRICED = {
    *("accelerators", "accelerator_facts"),  # families of parts, launch prices
    *("cloud_prices", "hardware_prices", "api_prices", "electricity_prices"),
}


@dataclass(frozen=True, slots=True)
class WriteCounts:
    """What became of the rows of one call."""

    added: int = 0  # new in the table, be they of the past or implausible
    superseded: int = 0  # held before, and do not any more
    renewed: int = 0  # stored before, with another reading now

    @property
    def is_nothing(self) -> bool:
        """Whether the table is as it was."""
        return not (self.added or self.superseded or self.renewed)


def write_rows(
    db: Database,
    table: str,
    rows: Iterable[Mapping[str, Value]],
    *,
    origin: str,
    gone: Mapping[int, str] | None = None,
) -> WriteCounts:
    """Write observations of an origin; what says something new takes the place of what held (`superseding`).

    Parts and the verdicts on quoted prices follow. Part of the caller's transaction.

    Args:
        table: one of `tables.OBSERVATIONS`.
        rows: as `files.read_rows` gives them; columns that are not there are NULL.
        origin: `shipped`, the name of a catalogue or price list that was refreshed, or `import:NAME`.
        gone: ids of rows that their source no longer has -> ISO date on which it was seen. What ranks next holds.
    """
    counts = write(db, table, rows, origin=origin, gone=gone)
    if not counts.is_nothing:
        follow(db, {table})
    return counts


def end_rows(db: Database, table: str, ids: Iterable[int], *, on: str) -> int:
    """End rows, because their source no longer has them, and return how many held. Part of the caller's transaction.

    Args:
        on: ISO date from which they no longer hold.
    """
    return write_rows(db, table, (), origin="", gone=dict.fromkeys(ids, on)).superseded


def follow(db: Database, tables: Iterable[str]) -> None:
    """Bring up to date what follows from tables that changed. Part of the caller's transaction."""
    changed = set(tables)
    if changed & {"accelerator_facts", *IDENTITIES}:
        rebuild_parts(db)
    if changed & _PRICED:
        settle_prices(db)


def write_dropping(db: Database, table: str, rows: list[Row], *, origin: str) -> WriteCounts:
    """Write all rows of a file: those of the same origin that it lacks end. What follows is left to the caller."""
    rows = [observation for row in rows for observation in observations_of(table, row)]
    return write(db, table, rows, origin=origin, gone=dropped(table, _stored(db, table), rows))


def write(
    db: Database,
    table: str,
    rows: Iterable[Mapping[str, Value]],
    *,
    origin: str,
    gone: Mapping[int, str] | None = None,
) -> WriteCounts:
    """Write observations; what follows from them is left to the caller."""
    columns = tuple(TABLES[table])
    new: dict[Key, list[Row]] = defaultdict(list)
    for row in (observation for each in rows for observation in observations_of(table, each)):
        new[key_of(table, row)].append({column: row.get(column) for column in columns} | {"origin": origin})
    stored: dict[Key, dict[int, Row]] = defaultdict(dict)
    for row in _stored(db, table):
        stored[key_of(table, row)][_id(row)] = row
    taken = {row for rows_of_key in stored.values() for row in rows_of_key}
    ending = [key for key, rows_of_key in stored.items() if gone and not gone.keys().isdisjoint(rows_of_key)]
    added, changed, superseded = [], [], 0
    for key in dict.fromkeys((*new, *ending)):
        for row in settle(table, list(stored[key].values()), new.get(key, ()), gone=gone):
            if "id" not in row:
                added.append(row | {"id": _free_id(table, row, taken)})
            elif row != (before := stored[key][_id(row)]):
                changed.append(row)
                superseded += before["superseded_at"] is None and row["superseded_at"] is not None
    names = ("id", "origin", "read_since", "gone_at", *columns)
    db.conn.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})", added
    )
    db.conn.executemany(
        f"UPDATE {table} SET origin = :origin, source = :source, note = :note, as_of = :as_of,"
        " read_since = :read_since, gone_at = :gone_at, superseded_at = :superseded_at, implausible = :implausible"
        " WHERE id = :id",
        changed,
    )
    return WriteCounts(len(added), superseded, len(changed) - superseded)


def _stored(db: Database, table: str) -> list[Row]:
    return list(db.query(f"SELECT * FROM {table} ORDER BY id"))


def _id(row: Row) -> int:
    return int(row["id"] or 0)


def _free_id(table: str, row: Row, taken: set[int]) -> int:
    """Return the id of a new row: bits of a hash of what it says, whatever the order of writing."""
    said = [row[column] for column in (*KEYS[table], *VALUES[table], "origin", "as_of")]
    text = json.dumps([table, *said, bool(row["implausible"])], ensure_ascii=False)
    wanted = int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> (64 - ID_BITS)
    while wanted in taken:
        wanted += 1
    taken.add(wanted)
    return wanted
