"""What the reference knows of one question: current, plausible values, each with its range, source and date.

A row that was superseded or found implausible is never used. What the user imported goes before what ships; of several
the newest is preferred. A price without a date goes behind those of the last 18 months and before older ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any, Literal

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from db.reference.figures import (
    USABLE,
    Figure,
    aged,
    and_note,
    end_of,
    ends_of,
    is_old,
    is_yours,
    rows_of,
    undated,
)

__all__ = [
    "COMMITMENTS",
    "ApiPrice",
    "CloudOffer",
    "Commitment",
    "Default",
    "Part",
    "api_price",
    "carbon",
    "defaults",
    "offers",
    "parts",
    "rate",
    "tariff",
    "thermal_power",
]

Commitment = Literal["on-demand", "reserved-1y", "reserved-3y", "spot"]
COMMITMENTS: tuple[Commitment, ...] = ("on-demand", "reserved-1y", "reserved-3y", "spot")

NAMED, GUESSES = 12, 3  # alternatives that an error names, and guesses at what was meant


@dataclass(frozen=True, slots=True)
class Default(Figure):
    """What is taken where nobody says otherwise."""

    name: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the accelerator table."""

    id: str
    family_id: str
    name: str
    memory_gb: float | None
    segment: str = "datacenter"

    @property
    def is_sold(self) -> bool:
        """Whether others than its maker can own one; what is said to be its price is else an estimate of its cost."""
        return self.segment not in ("cloud-only", "internal")


@dataclass(frozen=True, slots=True)
class CloudOffer:
    """An instance type of a provider in a region; US dollars per accelerator and hour, None where there is no price."""

    provider: str
    region: str | None
    instance_type: str | None
    accelerator_id: str
    gpu_count: int
    prices: dict[Commitment, float | None]
    dated: str | None  # ISO; None: the source does not say of when the price is
    read: str  # ISO day on which the source was read
    source: str
    note: str | None
    is_yours: bool = False  # imported by the user


@dataclass(frozen=True, slots=True)
class ApiPrice:
    """Prices of a model, US dollars per 1M tokens; None: not known."""

    provider: str
    model: str
    entity_id: str | None  # the model's family as tags name it
    input: Figure
    cached_input: Figure | None
    output: Figure


def parts(db: Database, accelerator: str) -> list[Part]:
    """Return the part with this id, or the parts of the family with this id.

    Raises:
        ConfigError: there is neither; the nearest ids are named.
    """
    rows = db.execute(
        "SELECT id, family_id, name, memory_gb, segment FROM accelerators"
        " WHERE id = :id OR family_id = :id ORDER BY id",
        {"id": accelerator},
    ).fetchall()
    if rows:
        found = [Part(*row) for row in rows]
        own = [part for part in found if part.id == accelerator]  # a part may be called like its family
        return found if any(part.family_id == accelerator for part in found) else own
    known = sorted({id_ for row in db.execute("SELECT id, family_id FROM accelerators") for id_ in row})
    raise ConfigError(
        f"--accelerator: there is no part or family {accelerator!r}; {_nearest(accelerator, known)}"
        " `aiwire reference show ID` tells what is known of one"
    )


def thermal_power(db: Database, part: Part) -> Figure | None:
    """Return the power of one accelerator in watts; None: no source says it.

    Where sources differ, all of them make the range.
    """
    rows = rows_of(
        db,
        f"""
        SELECT CAST(value AS REAL) AS watts, standing, source, as_of FROM accelerator_facts
        WHERE accelerator_id = ? AND fact = 'tdp_w' AND standing IN ('used', 'differs') AND {USABLE}
        ORDER BY standing DESC
        """,
        [part.id],
    )
    used = [row for row in rows if row["standing"] == "used"]
    if not used:
        return None
    low, high = ends_of([row["watts"] for row in rows])
    others = [f"{row['watts']:g} W ({row['source']})" for row in rows if row["standing"] == "differs"]
    note = f"of {part.name}" + (f"; others say {', '.join(others)}" if others else "")
    return Figure(low, used[0]["watts"], high, used[0]["source"], used[0]["as_of"], note=note)


def offers(db: Database, family_id: str) -> list[CloudOffer]:
    """Return what can be rented of a family: current and plausible."""
    columns = ", ".join(_rate_column(commitment) for commitment in COMMITMENTS)
    rows = rows_of(
        db,
        f"""
        SELECT provider, region, instance_type, accelerator_id, gpu_count, {columns},
            cloud_prices.price_date, cloud_prices.as_of, cloud_prices.source, note, cloud_prices.origin
        FROM accelerators CROSS JOIN cloud_prices ON cloud_prices.accelerator_id = accelerators.id
        WHERE accelerators.family_id = ? AND {USABLE}
        ORDER BY provider, accelerator_id, cloud_prices.id
        """,
        [family_id],
    )
    return [
        CloudOffer(
            row["provider"], row["region"], row["instance_type"], row["accelerator_id"], row["gpu_count"],
            {commitment: row[_rate_column(commitment)] for commitment in COMMITMENTS}, row["price_date"], row["as_of"],
            row["source"], row["note"], is_yours(row),
        )
        for row in rows
    ]  # fmt: skip


_NODE = 8  # accelerators of a usual server: as much may be rented by who wants one


def rate(
    found: Sequence[CloudOffer], commitment: Commitment, *, count: int, today: date
) -> tuple[Figure, CloudOffer] | None:
    """Return the rate of the cheapest of the best dated offers for `count` accelerators, and that offer; None: none.

    Instances are rented whole: an instance of 8 for one accelerator costs eight times its rate. Where it is rented is
    the user's choice and no uncertainty: there is no range, and the note names the dearest region.
    """
    priced = [(offer, price) for offer in found if (price := offer.prices[commitment]) is not None]
    if not priced:
        return None
    # a pod of a thousand is no offer to somebody who wants eight, as long as there are smaller ones
    priced = [each for each in priced if _rented(each[0], count) <= max(2 * count, _NODE)] or priced
    standing = min(_standing(offer, today) for offer, _ in priced)
    alike = [(offer, price) for offer, price in priced if _standing(offer, today) == standing]
    best, price = min(
        alike, key=lambda each: (_rented(each[0], count) * each[1], each[0].region or "", each[0].instance_type or "")
    )
    note = ", ".join(part for part in (*_places(best), _dearest(best, price, alike, count), best.note) if part)
    trust = "fair" if commitment == "spot" else "good"  # a spot price is that of a moment
    figure = Figure(price, price, price, best.source, best.dated, trust, note)
    if best.dated is None:
        figure = undated(figure, read=best.read)
    return aged(figure, today, since=best.dated or best.read), best


def _standing(offer: CloudOffer, today: date) -> tuple[int, int]:
    """Return the place of an offer among others by its date: the user's own, dated lately, undated, old; the newest."""
    rank = 0 if offer.is_yours else 2 if offer.dated is None else 3 if is_old(offer.dated, today) else 1
    return rank, -end_of(offer.dated or offer.read).toordinal()


def _places(offer: CloudOffer) -> tuple[str, ...]:
    return (
        f"instance {offer.instance_type}" if offer.instance_type else "",
        f"in {offer.region}" if offer.region else "",
        f"{offer.gpu_count} to an instance",
    )


def _dearest(best: CloudOffer, least: float, alike: Sequence[tuple[CloudOffer, float]], count: int) -> str:
    """Return in words what the dearest of these costs elsewhere; empty: nothing is dearer."""
    most = max(
        ((offer, price) for offer, price in alike if _rented(offer, count) == _rented(best, count)),
        key=lambda each: each[1],
    )
    return f"the dearest is {most[1]:g} in {most[0].region}" if most[1] > least and most[0].region else ""


def api_price(db: Database, provider: str | None, model: str, *, today: date) -> ApiPrice:
    """Return what a model costs by the token: its newest price.

    Args:
        provider: None: any, if only one offers the model.

    Raises:
        ConfigError: nobody offers it, several do, or a price is missing; the message names the nearest, or who does.
    """
    rows = rows_of(
        db,
        f"""
        SELECT provider, model, entity_id, input_usd_per_mtok, cached_input_usd_per_mtok, output_usd_per_mtok,
            coalesce(price_date, as_of) AS dated, price_date, as_of, source, note, origin
        FROM api_prices WHERE model = :model AND (:provider IS NULL OR provider = :provider) AND {USABLE}
        """,
        {"provider": provider, "model": model},
    )
    sellers = sorted({row["provider"] for row in rows})
    asked = f"api:{provider}/{model}" if provider else f"api:{model}"
    if not rows:
        known = db.execute(f"SELECT provider, model FROM api_prices WHERE {USABLE}").fetchall()
        near = _nearest(f"{provider}/{model}" if provider else model,
                        [f"{seller}/{name}" if provider else name for seller, name in known])  # fmt: skip
        raise ConfigError(
            f"--compare {asked}: no price of it is known; {near} or import it with"
            " `aiwire reference import my.csv --table api_prices`"
        )
    if len(sellers) > 1:
        raise ConfigError(f"--compare {asked}: {', '.join(sellers)} sell it; write one, as in api:{sellers[0]}/{model}")
    row = max(rows, key=lambda row: (is_yours(row), end_of(row["dated"])))

    def figure(column: str) -> Figure | None:
        if (value := row[column]) is None:
            return None
        trust = "good" if is_yours(row) else "fair"  # price lists that others keep, read second-hand
        found = Figure(value, value, value, row["source"], row["price_date"], trust, row["note"])
        if found.dated is None:
            found = undated(found, read=row["as_of"])
        # a price may hold for years: it is old if nobody has looked since
        return aged(found, today, since=row["as_of"])

    read, written = figure("input_usd_per_mtok"), figure("output_usd_per_mtok")
    if read is None or written is None:
        raise ConfigError(
            f"--compare {asked}: its price of {'input' if read is None else 'output'} is not known;"
            " give it in a scenario file, as input_usd_per_mtok and output_usd_per_mtok below [options]"
        )
    return ApiPrice(row["provider"], model, row["entity_id"], read, figure("cached_input_usd_per_mtok"), written)


def tariff(db: Database, country: str | None, *, today: date) -> Figure:
    """Return what a kWh costs in US dollars: as the user imported it, else for industry, of the newest year.

    Raises:
        ConfigError: none is stored for that country, or none was named; the message says how to give one.
    """
    rows = rows_of(
        db,
        f"SELECT country, year, sector, usd_per_kwh, origin, source, note FROM electricity_prices WHERE {USABLE}"
        " ORDER BY country",
        [],
    )
    known = sorted({row["country"] for row in rows})
    own = [row for row in rows if row["country"] == (country or "").upper()]
    if not own:
        asked = f"no tariff is stored for country {country!r}" if country else "which tariff is not said"
        raise ConfigError(
            f"{asked}: give it with --tariff USD_PER_KWH, or --country CODE (there are: {', '.join(known) or 'none'}),"
            " or import some with `aiwire reference import my.csv --table electricity_prices`"
        )
    newest = max(own, key=_tariff_rank)
    note = f"{newest['country']}, {newest['sector']}, {newest['year']}" + and_note(newest["note"])
    price = newest["usd_per_kwh"]
    figure = Figure(price, price, price, newest["source"], str(newest["year"]), note=note)
    return aged(figure, today, is_market=False)


def carbon(db: Database, country: str, *, today: date) -> Figure | None:
    """Return the grams of CO2 equivalent that a kWh of the country's grid stands for; None: not known."""
    rows = rows_of(
        db,
        f"SELECT year, g_co2e_per_kwh, source, note FROM grid_carbon WHERE country = ? AND {USABLE}"
        " ORDER BY year DESC LIMIT 1",
        [country.upper()],
    )
    for row in rows:
        grams = row["g_co2e_per_kwh"]
        figure = Figure(grams, grams, grams, row["source"], str(row["year"]), note=row["note"])
        return aged(figure, today, is_market=False)
    return None


def defaults(db: Database, family_id: str) -> dict[str, Default]:
    """Return what is taken where nobody says otherwise, by name of the input.

    What is said of the family goes before what is said of its series (google-tpu: of google-tpu-v5p), and that before
    what is said of all.
    """
    rows = rows_of(
        db,
        f"""
        SELECT name, low, mid, high, unit, trust, source, note, as_of FROM tco_defaults
        WHERE (applies_to IN ('', :family) OR substr(:family, 1, length(applies_to) + 1) = applies_to || '-')
            AND {USABLE}
        ORDER BY length(applies_to), as_of
        """,
        {"family": family_id},
    )
    return {
        row["name"]: Default(
            row["mid"] if row["low"] is None else row["low"], row["mid"],
            row["mid"] if row["high"] is None else row["high"], row["source"], row["as_of"], row["trust"], row["note"],
            row["name"], row["unit"],
        )
        for row in rows
    }  # fmt: skip


def _tariff_rank(row: dict[str, Any]) -> tuple[bool, bool, int]:
    """Return by what a tariff is preferred: the user's own, one that businesses pay, a new one."""
    return is_yours(row), row["sector"] in ("industrial", "non-household"), row["year"]


def _rented(offer: CloudOffer, count: int) -> int:
    """Return how many accelerators are paid for `count` of them: whole instances."""
    return -(-count // offer.gpu_count) * offer.gpu_count


def _rate_column(commitment: Commitment) -> str:
    return commitment.replace("-", "_").replace("on_demand", "ondemand") + "_usd_per_gpu_hour"


def _nearest(asked: str, known: Iterable[str]) -> str:
    """Return in words what may have been meant, or what there is."""
    names = sorted(set(known))
    inside = sorted((name for name in names if asked.casefold() in name.casefold()), key=len)
    near = (get_close_matches(asked.casefold(), names, n=GUESSES, cutoff=0.75) or inside)[:GUESSES]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there are {', '.join(names[:NAMED])}{' …' if len(names) > NAMED else ''};" if names else "there is none;"
