"""What the page of an accelerator family shows of the reference: its parts, and their prices in three voices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlite_utils import Database

from db.price_history import VoiceMonth
from db.queries.prices import BY_MONTH_SQL
from db.reference.figures import OLD_MONTHS, USABLE

__all__ = [
    "Fact", "HardwarePrice", "HourMonth", "Offer", "Part", "Quoted", "Said", "hardware_prices", "hours",
    "offers", "offers_in_all", "parts", "quoted",
]  # fmt: skip

OFFERS, HARDWARE, QUOTED = 15, 60, 60  # shown at most: the best, the newest

HourMonth = VoiceMonth  # what one voice says of a month, US dollars per GPU-hour

_TERMS = {
    "on demand": "ondemand_usd_per_gpu_hour",
    "spot": "spot_usd_per_gpu_hour",
    "reserved 1 year": "reserved_1y_usd_per_gpu_hour",
    "reserved 3 years": "reserved_3y_usd_per_gpu_hour",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What one source says of a fact."""

    value: str
    source: str
    note: str | None
    read_on: str  # ISO day


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of a part: the value in use, and what other sources say instead."""

    used: Said
    unit: str | None
    differs: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a family, with those of its facts that a source states."""

    id: str
    name: str
    facts: dict[str, Fact]  # by column of accelerators


@dataclass(frozen=True, slots=True)
class Offer:
    """The cheapest that a provider asks by one way of renting."""

    provider: str
    term: str  # on demand, spot, reserved 1 year, reserved 3 years
    usd_per_gpu_hour: float
    part: str  # name
    region: str | None
    instance_type: str | None
    gpu_count: int  # in the instance
    price_date: str | None  # ISO; None: the source does not date it
    read_on: str
    source: str
    is_old: bool  # SQLite has 0 or 1; dated, or read, more than 18 months ago


@dataclass(frozen=True, slots=True)
class HardwarePrice:
    """What a card, board or system was sold for."""

    price_date: str | None  # ISO date, month or year; None: not dated
    kind: str  # launch, list, street, system or estimate
    item: str
    gpu_count: int
    usd: float | None  # of the item
    usd_low: float | None
    usd_high: float | None
    read_on: str
    source: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Quoted:
    """A price that an article quotes."""

    article_id: int
    title: str
    publisher: str
    dated_at: str
    quote: str
    amount: float
    amount_max: float | None
    currency: str
    unit: str
    is_implausible: bool  # 0 or 1 of SQLite


def parts(db: Database, family_id: str) -> tuple[Part, ...]:
    """Return the parts of a family with their facts: current and plausible ones."""
    names = dict(
        db.execute(
            "SELECT id, name FROM accelerators WHERE family_id = ? ORDER BY release_date IS NULL, release_date, name",
            [family_id],
        ).fetchall()
    )
    rows = db.execute(
        f"""
        SELECT accelerator_id, fact, value, unit, standing, accelerator_facts.source, accelerator_facts.note,
            accelerator_facts.as_of
        FROM accelerators CROSS JOIN accelerator_facts ON accelerator_facts.accelerator_id = accelerators.id
        WHERE family_id = ? AND standing IN ('used', 'differs') AND {USABLE}
        """,
        [family_id],
    ).fetchall()
    used: dict[tuple[str, str], tuple[Said, str | None]] = {}
    others: dict[tuple[str, str], list[Said]] = {}
    for part, fact, value, unit, standing, *said in rows:
        if standing == "used":
            used[part, fact] = Said(value, *said), unit
        else:
            others.setdefault((part, fact), []).append(Said(value, *said))
    facts: dict[str, dict[str, Fact]] = {part: {} for part in names}
    for (part, fact), (value, unit) in used.items():
        facts[part][fact] = Fact(value, unit, tuple(others.get((part, fact), ())))
    return tuple(Part(part, name, facts[part]) for part, name in names.items())


def offers(db: Database, family_id: str, *, today: date) -> tuple[Offer, ...]:
    """Return the cheapest offer that holds of each provider and way of renting: old ones last, then the cheapest."""
    limit = _months_before(today, OLD_MONTHS)
    rows = db.execute(
        " UNION ALL ".join(_cheapest_sql(term, column) for term, column in _TERMS.items()),
        {"family": family_id, "old": limit},
    ).fetchall()
    found = sorted((Offer(*row) for row in rows), key=_rank)
    best: dict[tuple[str, str], Offer] = {}
    for one in found:  # an old price says nothing where the provider has a new one
        best.setdefault((one.provider, one.term), one)
    return tuple(best.values())[:OFFERS]


def offers_in_all(db: Database, family_id: str) -> int:
    """Return how many offers of a family hold: instance types by region."""
    (count,) = db.execute(
        "SELECT count(*) FROM accelerators CROSS JOIN cloud_prices ON accelerator_id = accelerators.id"
        f" WHERE family_id = ? AND {USABLE}",
        [family_id],
    ).fetchone()
    return int(count)


def _rank(offer: Offer) -> tuple[bool, float, str, str]:
    return offer.is_old, offer.usd_per_gpu_hour, offer.provider, offer.term


def _cheapest_sql(term: str, column: str) -> str:
    """Return SQL for the row with the least price of each provider: SQLite takes the other columns from that row."""
    return f"""
        SELECT provider, '{term}', min({column}), accelerators.name, region, instance_type, gpu_count, price_date,
            cloud_prices.as_of, cloud_prices.source, coalesce(price_date, cloud_prices.as_of) < :old AS is_old
        FROM accelerators CROSS JOIN cloud_prices ON accelerator_id = accelerators.id
        WHERE family_id = :family AND {USABLE} AND {column} IS NOT NULL
        GROUP BY provider, is_old"""


def _months_before(day: date, months: int) -> str:
    """Return the ISO day so many months earlier, the 28th at the latest."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, 28)).isoformat()


def hardware_prices(db: Database, family_id: str) -> tuple[HardwarePrice, ...]:
    """Return what hardware of a family was sold for, newest first, those without a date last."""
    rows = db.execute(
        f"""
        SELECT price_date, kind, item, gpu_count, usd, usd_low, usd_high, as_of, source, note FROM hardware_prices
        WHERE family_id = ? AND {USABLE} ORDER BY price_date DESC LIMIT {HARDWARE}
        """,
        [family_id],
    ).fetchall()
    return tuple(HardwarePrice(*row) for row in rows)


# as the canned query price_months has it, on demand; but nothing is read of the articles, which may be thousands
_HOURS_SQL = f"""
WITH RECURSIVE told AS (
    SELECT voice, usd, substr(price_date, 1, 7) AS month, substr(held_until, 1, 7) AS last, is_dated
    FROM price_history
    WHERE family_id = :family AND voice = 'cloud' AND kind = 'on-demand' AND is_plausible AND length(price_date) >= 7
    UNION ALL
    SELECT 'press', coalesce((amount + amount_max) / 2, amount), substr(dated_at, 1, 7), substr(dated_at, 1, 7), 1
    FROM prices
    WHERE accelerator = :family AND unit = 'gpu-hour' AND currency = 'USD' AND implausible IS NOT 1
        AND coalesce(qualifier, '') <> 'spot' AND coalesce(qualifier, '') NOT LIKE 'reserved%'
){BY_MONTH_SQL}"""


def hours(db: Database, family_id: str) -> tuple[HourMonth, ...]:
    """Return what each voice says of an hour on demand, month by month, the oldest first."""
    rows = db.execute(_HOURS_SQL, {"family": family_id}).fetchall()
    return tuple(VoiceMonth(*row) for row in reversed(rows))


def quoted(db: Database, family_id: str) -> tuple[Quoted, ...]:
    """Return the newest prices of a family that articles quote."""
    rows = db.execute(
        f"""
        SELECT articles.id, articles.title, sources.name, prices.dated_at, quote, amount, amount_max, currency, unit,
            implausible IS 1
        FROM prices CROSS JOIN articles ON articles.id = prices.article_id
        CROSS JOIN sources ON sources.id = articles.source_id
        WHERE prices.accelerator = ? ORDER BY prices.dated_at DESC, prices.article_id LIMIT {QUOTED}
        """,
        [family_id],
    ).fetchall()
    return tuple(Quoted(*row) for row in rows)
