"""The wide row of each part: its identity, and the facts that are in use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlite_utils import Database

from db.reference.tables import FACT_UNITS, TABLES, Row, Value

__all__ = ["rebuild_parts", "wide_row"]

_IDENTITY = tuple(TABLES["accelerators"])
UNKNOWN_STATUS = "unknown"


def wide_row(identity: Mapping[str, Value], facts: Iterable[Row], family: Mapping[str, Value]) -> Row:
    """Return the row of a part in `accelerators`.

    Args:
        identity: its columns of `accelerators.csv`.
        facts: what holds in `accelerator_facts` of it.
        family: its row in `accelerator_families`: source and date of a part of which no fact is known.
    """
    known = sorted(facts, key=lambda row: (list(FACT_UNITS).index(str(row["fact"])), str(row["source"])))
    used = {str(row["fact"]): row for row in known if row["standing"] == "used"}
    price = used.get("launch_price_usd")
    return {
        **{column: identity[column] for column in _IDENTITY},
        **{fact: _typed(fact, used) for fact in FACT_UNITS},
        "status": used["status"]["value"] if "status" in used else UNKNOWN_STATUS,
        "price_note": price["note"] if price else None,
        "sources": _sources(used) or family["source"],
        "conflicts": _conflicts(known, used),
        "as_of": max((str(row["as_of"]) for row in used.values()), default=family["as_of"]),
    }


def rebuild_parts(db: Database) -> None:
    """Make the rows of all parts anew from their facts. Part of the caller's transaction."""
    families = {row["id"]: row for row in db.query("SELECT * FROM accelerator_families")}
    facts: dict[str, list[Row]] = defaultdict(list)
    for row in db.query("SELECT * FROM accelerator_facts WHERE superseded_at IS NULL AND implausible IS NULL"):
        facts[row["accelerator_id"]].append(row)
    parts = list(db.query(f"SELECT {', '.join(_IDENTITY)} FROM accelerators"))
    write_parts(db, [wide_row(part, facts[part["id"]], families[part["family_id"]]) for part in parts])


def write_parts(db: Database, rows: Iterable[Row]) -> None:
    """Write rows of parts in the place of those with their ids. Part of the caller's transaction."""
    for row in rows:
        sets = ", ".join(f"{column} = excluded.{column}" for column in row if column != "id")
        db.execute(
            f"INSERT INTO accelerators ({', '.join(row)}) VALUES ({', '.join(f':{column}' for column in row)})"
            f" ON CONFLICT (id) DO UPDATE SET {sets}",
            row,
        )


def _typed(fact: str, used: Mapping[str, Row]) -> Value:
    if fact not in used:
        return None
    value = used[fact]["value"]
    return float(value) if FACT_UNITS[fact] and value is not None else value


def _sources(used: Mapping[str, Row]) -> str:
    """Return `fact,fact: source | fact: source`."""
    facts: dict[Value, list[str]] = defaultdict(list)
    for fact, row in used.items():
        facts[row["source"]].append(fact)
    return " | ".join(f"{','.join(names)}: {source}" for source, names in facts.items())


def _conflicts(known: Iterable[Row], used: Mapping[str, Row]) -> str | None:
    """Return `fact: value (source) | value (source); fact: ...`, the value in use first; None: no source differs."""
    differing: dict[str, list[Row]] = defaultdict(list)
    for row in known:
        if row["standing"] == "differs":
            differing[str(row["fact"])].append(row)
    said = {fact: [*filter(None, [used.get(fact)]), *rows] for fact, rows in differing.items()}
    return "; ".join(f"{fact}: {_said(rows)}" for fact, rows in said.items()) or None


def _said(rows: Iterable[Row]) -> str:
    return " | ".join(f"{row['value']} ({row['source']})" for row in rows)
