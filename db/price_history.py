"""The prices of an accelerator family in three voices: reference, cloud and press. Read only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from db.nearest import did_you_mean
from db.queries.prices import PRICE_MONTHS

__all__ = ["COLUMNS", "TERMS", "VOICES", "VoiceMonth", "check_family", "months", "observations", "terms_of"]

VOICES = ("reference", "cloud", "press")
TERMS = ("on-demand", "spot", "reserved")  # on-demand: all that is neither of the others
COLUMNS = (
    "observation", "price_date", "held_until", "is_dated", "voice", "kind", "unit", "usd", "usd_low", "usd_high",
    "amount", "amount_max", "currency", "gpu_count", "provider", "region", "item", "family_id", "accelerator_id",
    "is_plausible", "why_not", "superseded_at", "as_of", "source", "article_id", "sentence", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VoiceMonth:
    """What one voice says of one month, in US dollars; implausible prices and other currencies left out."""

    month: str  # 2026-11
    voice: str
    prices: int
    lowest: float
    median: float
    highest: float
    undated: int  # of the prices: read in that month, and not dated by their source


def check_family(db: Database, family: str) -> str:
    """Return the id of the family that is meant: a part stands for its family.

    Raises:
        ConfigError: there is none; the message names the nearest.
    """
    found = db.execute(
        "SELECT id FROM accelerator_families WHERE id = :id UNION SELECT family_id FROM accelerators WHERE id = :id",
        {"id": family},
    ).fetchone()
    if found is not None:
        return str(found[0])
    known = (row[0] for row in db.execute("SELECT id FROM accelerator_families ORDER BY id"))
    hint = did_you_mean(family, known) or "`aiwire export price-history` has all that have a price"
    raise ConfigError(f"no accelerator family is called {family!r}; {hint}")


def observations(db: Database, family: str, *, unit: str = "", since: str = "") -> list[dict[str, Any]]:
    """Return every price of a family, the newest first, those without a date last; implausible ones with the reason.

    Args:
        family: id such as nvidia-h100.
        unit: gpu-hour, card, system ...; empty: all.
        since: ISO date; prices that held on it or later. Undated ones are left out then.
    """
    cursor = db.execute(
        f"""
        SELECT {", ".join(COLUMNS)} FROM price_history
        WHERE family_id = :family AND (:unit = '' OR unit = :unit) AND (:since = '' OR held_until >= :since)
        ORDER BY price_date DESC, voice, kind, usd, source, observation
        """,
        {"family": family, "unit": unit, "since": since},
    )
    return [dict(zip(COLUMNS, row, strict=True)) for row in cursor]


def months(db: Database, family: str, unit: str, terms: str = TERMS[0]) -> list[VoiceMonth]:
    """Return what each voice says month by month, the newest first; of prices on those `TERMS` only."""
    asked = {"accelerator": family, "unit": unit, "terms": terms}
    return [VoiceMonth(*row) for row in db.execute(PRICE_MONTHS.sql, asked).fetchall()]


def terms_of(kind: str) -> str:
    """Return on which of the `TERMS` a price of this kind is."""
    return "spot" if kind == "spot" else "reserved" if kind.startswith("reserved") else TERMS[0]
