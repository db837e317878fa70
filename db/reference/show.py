"""A part, or the parts of a family, with all that is known of them: facts one by one, prices, sources."""

from __future__ import annotations

from typing import Any

from sqlite_utils import Database

from aiwire.exceptions import InputError
from db.connection import connect
from db.nearest import did_you_mean
from db.reference.load import load_reference
from db.reference.tables import FACT_UNITS

__all__ = ["describe"]

_FACTS = """
    SELECT fact, value, unit, standing, source, note, as_of, implausible FROM accelerator_facts
    WHERE accelerator_id = ? AND superseded_at IS NULL
"""
_STANDINGS = ("used", "differs", "rejected")
_CLOUD_PRICES = """
    SELECT provider, instance_type, region, gpu_count, ondemand_usd_per_gpu_hour, spot_usd_per_gpu_hour,
           reserved_1y_usd_per_gpu_hour, reserved_3y_usd_per_gpu_hour, price_date, as_of, source, note, implausible
    FROM cloud_prices WHERE accelerator_id = ? AND superseded_at IS NULL
    ORDER BY implausible IS NOT NULL,
             coalesce(ondemand_usd_per_gpu_hour, reserved_1y_usd_per_gpu_hour, reserved_3y_usd_per_gpu_hour) IS NULL,
             ondemand_usd_per_gpu_hour IS NULL, ondemand_usd_per_gpu_hour, provider, region, instance_type, gpu_count
"""
_HARDWARE_PRICES = """
    SELECT accelerator_id, kind, item, gpu_count, usd, usd_low, usd_high, price_date, as_of, source, note, implausible
    FROM hardware_prices
    WHERE family_id = ? AND (accelerator_id = ? OR accelerator_id IS NULL) AND superseded_at IS NULL
    ORDER BY coalesce(price_date, as_of) DESC, kind, item, source
"""


def describe(accelerator: str, db: Database | None = None) -> list[dict[str, Any]]:
    """Return the parts with this id or family id: JSON objects.

    Each has the columns of `accelerators`, and in lists what holds now: `facts` (each with value, unit, standing and
    source; those that differ or were rejected, too), `cloud_prices` (cheapest on demand first) and `hardware_prices`
    (newest first; `accelerator_id` None: of the family, not of this part alone). What is implausible says why, stands
    among the others and must not be calculated with.

    Args:
        accelerator: id of a part or family.
        db: a database with loaded reference tables; None: the shipped files alone.

    Raises:
        InputError: there is neither such a part nor such a family with parts, or the tables are empty.
    """
    if db is not None:
        return _described(db, accelerator)
    shipped = connect(":memory:")
    try:
        load_reference(shipped)
        return _described(shipped, accelerator)
    finally:
        shipped.close()


def _described(db: Database, accelerator: str) -> list[dict[str, Any]]:
    parts = list(db.query("SELECT * FROM accelerators WHERE ? IN (id, family_id) ORDER BY id", [accelerator]))
    if not parts:
        raise InputError(_unknown(db, accelerator))
    return [
        part
        | {
            "facts": sorted(db.query(_FACTS, [part["id"]]), key=_by_fact),
            "cloud_prices": list(db.query(_CLOUD_PRICES, [part["id"]])),
            "hardware_prices": list(db.query(_HARDWARE_PRICES, [part["family_id"], part["id"]])),
        }
        for part in parts
    ]


def _by_fact(row: dict[str, Any]) -> tuple[int, int, str, str]:
    return list(FACT_UNITS).index(row["fact"]), _STANDINGS.index(row["standing"]), row["source"], row["value"]


def _unknown(db: Database, accelerator: str) -> str:
    known = [row[0] for row in db.execute("SELECT id FROM accelerators UNION SELECT family_id FROM accelerators")]
    if not known:
        return "the reference is not loaded; run `aiwire reference load`"
    hint = did_you_mean(accelerator, known) or "`aiwire reference show nvidia-h100` shows one that is"
    return f"no accelerator or family with parts is called {accelerator!r}; {hint}"
