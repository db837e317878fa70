"""The shipped files into the database."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from sqlite_utils import Database

from db.connection import transaction
from db.reference.files import read_shipped, shipped_bytes
from db.reference.observations import follow, write_dropping
from db.reference.parts import wide_row, write_parts
from db.reference.tables import IDENTITIES, OBSERVATIONS, SHIPPED, TABLES, Row

__all__ = ["load_reference", "row_counts"]


def load_reference(db: Database) -> None:
    """Bring the shipped files into the database; what is loaded already is left alone.

    What was refreshed or imported stays. A row that a new file no longer has ends, but is kept. New tables mean new
    bands: the prices that articles quote are judged again (`db.bands`).

    Raises:
        ConfigError: a data file is not as it should be; the message names file and line.
    """
    contents = {table: shipped_bytes(table) for table in TABLES}
    wanted = {table: sha256(content).hexdigest() for table, content in contents.items()}
    loaded = dict(db.execute("SELECT name, sha256 FROM reference_files").fetchall())
    changed = {table for table in TABLES if loaded.get(f"{table}.csv") != wanted[table]}
    if not changed and len(loaded) == len(wanted):
        return
    rows = read_shipped(contents)
    with transaction(db):
        if changed & set(IDENTITIES):
            _write_families(db, rows["accelerator_families"])
            _write_identities(db, rows["accelerators"], rows["accelerator_families"])
        for table in OBSERVATIONS:
            if table in changed:
                write_dropping(db, table, rows[table], origin=SHIPPED)
        follow(db, changed)
        db.execute("DELETE FROM reference_files")
        db.conn.executemany(
            "INSERT INTO reference_files (name, sha256, rows) VALUES (?, ?, ?)",
            [(f"{table}.csv", wanted[table], len(rows[table])) for table in TABLES],
        )


def row_counts(db: Database) -> dict[str, int]:
    """Return how many rows each reference table holds, by table."""
    return {table: int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in TABLES}


def _write_families(db: Database, families: Sequence[Row]) -> None:
    """Write the families; one that is no longer in the file stays, for others' rows may name it."""
    columns = tuple(TABLES["accelerator_families"])
    db.conn.executemany(
        f"INSERT INTO accelerator_families ({', '.join(columns)}) VALUES ({', '.join(f':{name}' for name in columns)})"
        f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in columns)}",
        families,
    )


def _write_identities(db: Database, parts: Sequence[Row], families: Sequence[Row]) -> None:
    """Write the parts without any fact: what follows from `accelerator_facts` is added by `follow`."""
    by_id = {family["id"]: family for family in families}
    write_parts(db, [wide_row(part, [], by_id[part["family_id"]]) for part in parts])
