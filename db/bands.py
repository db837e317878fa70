"""Which prices that articles quote can be right: bands in US dollars per unit, from the reference tables.

A price outside its band is kept and shown with `implausible` 1: the text may be wrong, or the tagger may have read a
unit wrongly. 0 is inside; NULL means that there is no band (unit `other`, an unknown currency, an empty table). The
verdict depends on the price and the reference tables alone, never on the order of the articles: it is made when prices
are written, and made again for all of them when the tables change.

    gpu-hour        all prices of the family in `cloud_prices`; of all families where it has none
    instance-hour   the same, up to an instance of `_MOST_CHIPS` accelerators; without an accelerator from nothing up
    card            prices of the family in `hardware_prices` by accelerator, but of whole systems, and launch prices
                    in `accelerators`; of all families where it has none
    1M-tokens       `api_prices`; where it is empty `_OBSERVED`
    others          `_OBSERVED`, widened to what `hardware_prices` (server, system) and `electricity_prices` (kwh) have

What was overtaken counts, as articles tell old prices too; what is implausible itself does not. Each band is widened,
because the prices of a few providers are not all prices there are: the factors are `_WIDER` and, for a used card,
`_USED_CARD`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlite_utils import Database

__all__ = ["Bands", "load_bands", "settle_prices"]

_WIDER = 4.0  # the press tells H100 prices from some $1.50 to $15 an hour, a scarce year and a glut apart
_USED_CARD = 40.0  # an old data-centre card goes for a few per cent of its launch price; a guess on the safe side
_MOST_CHIPS = 16  # twice the eight of the largest GPU instances in cloud_prices (its one TPU pod of 1,920 left aside)

Band = tuple[float, float]

# orders of magnitude in US dollars, set by hand in November 2026: the reference tables know too little of these units,
# and no source is claimed for them beyond what stands beside each
_OBSERVED: dict[str, Band] = {
    "server": (1_000.0, 600_000.0),  # a small one; more than the $300,000 that the press tells for eight H200
    "system": (60.0, 4_000_000.0),  # a board computer; a rack of 72 GPUs, told at $3 million and more
    "month": (0.4, 30_000.0),  # below the cheapest plans; above an 8-GPU instance (p4d at $32.77 an hour, 730 hours)
    "1M-tokens": (
        0.002,
        600.0,
    ),  # half the cheapest cached input that we have met; four times the dearest output ($150)
    "kwh": (0.02, 0.6),  # what industry pays at the least, and households at the most
}

# US dollars for one unit, coarse, of 2024 to 2026: good enough for a band that is sixteen times as high as low. Never
# stored, never shown.
_DOLLARS = {
    "USD": 1.0, "EUR": 1.1, "GBP": 1.3, "CHF": 1.15, "CNY": 0.14, "HKD": 0.128, "TWD": 0.031, "JPY": 0.0067,
    "KRW": 0.00072, "INR": 0.012, "AUD": 0.65, "CAD": 0.72, "SGD": 0.75, "BRL": 0.18,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bands:
    """Lowest and highest plausible price in US dollars, by family; the key None holds that of all families together."""

    gpu_hour: dict[str | None, Band] = field(default_factory=dict)
    card: dict[str | None, Band] = field(default_factory=dict)
    other: dict[str, Band] = field(default_factory=lambda: dict(_OBSERVED))  # by unit, before it is widened

    def band(self, unit: str, family: str | None) -> Band | None:
        """Return the band of a unit, for an accelerator family if one is given; None if there is none."""
        if unit == "gpu-hour":
            return _of(self.gpu_hour, family)
        if unit == "instance-hour":
            hour = _of(self.gpu_hour, family)
            return hour and (hour[0] if family else 0.0, hour[1] * _MOST_CHIPS)
        if unit == "card":
            return _of(self.card, family)
        observed = self.other.get(unit)
        return observed and (observed[0] / _WIDER, observed[1] * _WIDER)

    def implausible(
        self, unit: str, family: str | None, currency: str, amount: float, amount_max: float | None
    ) -> int | None:
        """Return 1 if an end of the price lies outside its band, 0 if none does, None if there is no band."""
        band, rate = self.band(unit, family), _DOLLARS.get(currency)
        if band is None or rate is None:
            return None
        low, high = amount * rate, (amount if amount_max is None else amount_max) * rate
        return int(not band[0] <= low <= high <= band[1])


def load_bands(db: Database) -> Bands:
    """Return the bands that follow from the reference tables in the database."""
    other = dict(_OBSERVED)
    for unit, low, high in db.execute(_OTHER_SQL).fetchall():
        if low is not None:
            known = other[unit]
            other[unit] = (low, high) if unit == "1M-tokens" else (min(low, known[0]), max(high, known[1]))
    return Bands(
        _widened(db.execute(_HOURS_SQL).fetchall(), _WIDER),
        _widened(db.execute(_CARDS_SQL).fetchall(), _USED_CARD),
        other,
    )


_HOURS_SQL = """
    SELECT family_id, min(price), max(price) FROM (
        SELECT accelerator_id, ondemand_usd_per_gpu_hour AS price, implausible FROM cloud_prices
        UNION ALL SELECT accelerator_id, spot_usd_per_gpu_hour, implausible FROM cloud_prices
        UNION ALL SELECT accelerator_id, reserved_1y_usd_per_gpu_hour, implausible FROM cloud_prices
        UNION ALL SELECT accelerator_id, reserved_3y_usd_per_gpu_hour, implausible FROM cloud_prices
    ) JOIN accelerators ON accelerators.id = accelerator_id
    WHERE price IS NOT NULL AND implausible IS NULL GROUP BY family_id
"""
_CARDS_SQL = """
    SELECT family_id, min(price), max(price) FROM (
        SELECT family_id, launch_price_usd AS price FROM accelerators
        UNION ALL SELECT family_id, coalesce(usd_low, usd) / gpu_count FROM hardware_prices
        WHERE kind <> 'system' AND implausible IS NULL
        UNION ALL SELECT family_id, coalesce(usd_high, usd) / gpu_count FROM hardware_prices
        WHERE kind <> 'system' AND implausible IS NULL
    )
    WHERE price IS NOT NULL GROUP BY family_id
"""
_OTHER_SQL = """
    SELECT '1M-tokens', min(price), max(price) FROM (
        SELECT input_usd_per_mtok AS price, implausible FROM api_prices
        UNION ALL SELECT cached_input_usd_per_mtok, implausible FROM api_prices
        UNION ALL SELECT output_usd_per_mtok, implausible FROM api_prices
    )
    WHERE price > 0 AND implausible IS NULL
    UNION ALL
    SELECT unit, min(coalesce(usd_low, usd)), max(coalesce(usd_high, usd)) FROM hardware_prices, (
        SELECT 'server' AS unit UNION ALL SELECT 'system'
    )
    WHERE (gpu_count > 1 OR kind = 'system') AND implausible IS NULL GROUP BY unit
    UNION ALL
    SELECT 'kwh', min(usd_per_kwh), max(usd_per_kwh) FROM electricity_prices WHERE implausible IS NULL
"""


def settle_prices(db: Database, article_id: int | None = None) -> None:
    """Judge the prices of an article, or all, by the reference tables as they are. Part of the caller's transaction."""
    bands = load_bands(db)
    rows = db.execute(
        """
        SELECT unit, accelerator, currency, amount, amount_max, implausible, article_id, position FROM prices
        WHERE :id IS NULL OR article_id = :id
        """,
        {"id": article_id},
    ).fetchall()
    judged = ((bands.implausible(*row[:5]), *row[5:]) for row in rows)
    db.conn.executemany(
        "UPDATE prices SET implausible = ? WHERE article_id = ? AND position = ?",
        [(verdict, article, position) for verdict, was, article, position in judged if verdict != was],
    )


def _of(bands: dict[str | None, Band], family: str | None) -> Band | None:
    return bands.get(family, bands.get(None))


def _widened(rows: list[tuple[str, float, float]], lower: float) -> dict[str | None, Band]:
    """Return the band of each family and, under None, of all."""
    if not rows:
        return {}
    everything = (None, min(row[1] for row in rows), max(row[2] for row in rows))
    return {family: (low / lower, high * _WIDER) for family, low, high in [*rows, everything]}
