"""A cost comparison from a scenario and the reference: inputs found, options compared, articles heard as witnesses."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypedDict

from sqlite_utils import Database

from aiwire.pipeline.costs.evidence import SetAside, weigh
from aiwire.pipeline.costs.inputs import Resolved, resolve
from aiwire.tco import formulas
from aiwire.tco.choices import choices
from aiwire.tco.inputs import Input
from aiwire.tco.model import compare, used_inputs
from aiwire.tco.options import Buy, Option
from aiwire.tco.results import Choice, Comparison, Sensitivity, Uncertainty
from aiwire.tco.scenario import Scenario
from aiwire.tco.sensitivity import sensitivity
from aiwire.tco.uncertainty import uncertainty
from aiwire.types import iso
from db.reference import lookup
from db.reference.lookup import Part
from db.reference.quotes import Quote, quotes

__all__ = ["Costing", "Energy", "Press", "cost"]


@dataclass(frozen=True, slots=True)
class Energy:
    """What owning draws in a year, cooling of the building included."""

    kwh_per_year: float
    kg_co2e_per_year: float | None  # None: the grid's carbon is not known
    carbon_source: str | None
    carbon_dated: str | None  # year
    carbon_note: str | None


@dataclass(frozen=True, slots=True)
class Press:
    """What was heard: how far back, and what could not be compared."""

    months: int  # 0: no articles were asked
    set_aside: tuple[SetAside, ...]


@dataclass(frozen=True, slots=True)
class Costing:
    """A comparison with all that it rests on."""

    scenario: Scenario
    part: Part
    options: tuple[Option, ...]
    inputs: tuple[Input, ...]  # those that the result depends on
    unused: tuple[str, ...]  # given by the user, without effect on these options
    comparison: Comparison
    sensitivity: tuple[Sensitivity, ...]
    choices: tuple[Choice, ...]  # others than ours, and what they do
    uncertainty: Uncertainty
    energy: Energy | None  # None: nothing is bought
    press: Press
    notes: tuple[str, ...]
    as_of: str  # ISO time


def cost(db: Database, scenario: Scenario, *, now: datetime, press_months: int, newest_quotes: int = -1) -> Costing:
    """Compare the options of a scenario with what the database knows.

    Args:
        db: with the reference tables, and articles if `press_months` is not 0.
        scenario: as given; its figures go before those of the reference, which go before the defaults.
        now: prices are judged old or not at this time, and articles are of the months before it.
        press_months: how far back articles are asked for prices; 0: not at all.
        newest_quotes: so many prices in articles are heard of each input at most; -1: all.

    Raises:
        ConfigError: an input is missing, unknown or may not have its value, or there is nothing to compare.
    """
    resolved = resolve(db, scenario, today=now.date())
    figures = {key: value.mid for key, value in resolved.inputs.items()}
    comparison = compare(figures, resolved.options)
    used = {key: resolved.inputs[key] for key in _shown(resolved)}
    heard, aside = _hear(db, resolved, used, now=now, months=press_months, newest=newest_quotes)
    return Costing(
        scenario=scenario,
        part=resolved.part,
        options=tuple(resolved.options),
        inputs=tuple(heard.values()),
        unused=tuple(key for key, one in resolved.inputs.items() if one.given_by == "user" and key not in used),
        comparison=comparison,
        sensitivity=sensitivity(figures, resolved.options, fixed=_calendar(resolved)),
        choices=choices(resolved.inputs, resolved.options),
        uncertainty=_drawn(tuple(used.values()), tuple(resolved.options)),
        energy=_energy(db, scenario, resolved, figures, now),
        press=Press(press_months, aside),
        notes=tuple(resolved.notes),
        as_of=iso(now),
    )


class _When(TypedDict):
    """Which quotes are heard."""

    since: datetime
    until: datetime
    newest: int


@lru_cache(maxsize=64)
def _drawn(inputs: tuple[Input, ...], options: tuple[Option, ...]) -> Uncertainty:
    """Return the ranges; kept, as thousands of draws are most of the work, and a site is asked the same again."""
    return uncertainty({one.name: one for one in inputs}, options)


def _shown(resolved: Resolved) -> list[str]:
    """Return the inputs that a result depends on: those of the costs, and the throughput that gives costs per token.

    A loan that only the high end of a range takes up needs its interest, too.
    """
    used = {"tokens_per_second"}
    for end in ("low", "mid", "high"):
        used |= set(used_inputs({key: getattr(one, end) for key, one in resolved.inputs.items()}, resolved.options))
    return [key for key in resolved.inputs if key in used]


def _calendar(resolved: Resolved) -> tuple[str, ...]:
    """Return what is no guess unless the user made it one: a month has its hours."""
    return () if resolved.inputs["hours_per_month"].given_by == "user" else ("hours_per_month",)


def _hear(
    db: Database, resolved: Resolved, used: Mapping[str, Input], *, now: datetime, months: int, newest: int
) -> tuple[dict[str, Input], tuple[SetAside, ...]]:
    """Return the inputs with the articles that support or contradict them, and the quotes that cannot be compared."""
    heard = dict(used)
    aside: list[SetAside] = []
    if months:
        for key, subject in resolved.subjects.items():
            if key in used:
                found = _quotes(db, resolved, key, now=now, months=months, newest=newest)
                heard[key], left_out = weigh(used[key], subject, found)
                aside += left_out
    return heard, _once(aside, heard.values())


def _once(aside: Iterable[SetAside], heard: Iterable[Input]) -> tuple[SetAside, ...]:
    """Return each quote once, and none that counts for another input."""
    seen = {(item.url, item.quote, item.sentence) for one in heard for item in one.evidence}
    kept = []
    for one in aside:
        key = (one.quote.url, one.quote.quote, one.quote.sentence)
        if key not in seen:
            seen.add(key)
            kept.append(one)
    return tuple(kept)


def _quotes(db: Database, resolved: Resolved, key: str, *, now: datetime, months: int, newest: int) -> list[Quote]:
    """Return what articles quote as the price that an input is."""
    option, _, name = key.rpartition(".")
    asked: _When = {"since": _months_before(now, months), "until": now, "newest": newest}
    family = resolved.part.family_id
    if name == "accelerator_usd":
        return quotes(db, ("card", "server", "system"), **asked, accelerator=family)
    if name == "system_usd":
        return quotes(db, ("server", "system"), **asked, accelerator=family)
    if name == "rate_usd_per_gpu_hour":
        return quotes(db, ("gpu-hour",), **asked, accelerator=family)
    if name == "usd_per_kwh":
        return quotes(db, ("kwh",), **asked)
    model = resolved.models.get(option)
    return quotes(db, ("1M-tokens",), **asked, product=model) if model else []


def _energy(
    db: Database, scenario: Scenario, resolved: Resolved, figures: Mapping[str, float], now: datetime
) -> Energy | None:
    if not any(isinstance(option, Buy) for option in resolved.options):
        return None
    servers = formulas.server_kw(
        accelerators=figures["accelerators"], tdp_w=figures["tdp_w"], chip_to_server=figures["chip_to_server"]
    )
    drawn = formulas.drawn_kw(
        servers, utilisation=figures["utilisation"], load=figures["load_fraction"], idle=figures["idle_fraction"],
        pue=figures["pue"],
    )  # fmt: skip
    kwh = drawn * figures["hours_per_month"] * 12
    found = lookup.carbon(db, scenario.country, today=now.date()) if scenario.country else None
    if found is None:
        return Energy(kwh, None, None, None, None)
    return Energy(kwh, kwh * found.mid / 1000, found.source, found.dated, found.note)


def _months_before(moment: datetime, months: int) -> datetime:
    """Return the same day so many months earlier, or the last of its month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
