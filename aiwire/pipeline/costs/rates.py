"""What is to be said beside a provider's rate: where it is paid, for which part, in which pieces. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date

from aiwire.pipeline.costs.defaults import SERVER
from aiwire.tco.scenario import AskedOption, Scenario
from db.reference.lookup import CloudOffer, Part

__all__ = ["commitment_notes", "ends_within", "is_in", "rate_notes"]

TERMS = {"reserved-1y": 12, "reserved-3y": 36}  # months


def rate_notes(
    option: AskedOption, offer: CloudOffer, part: Part, scenario: Scenario, *, count: int | None, gpus: int
) -> Iterator[str]:
    """Yield what an offer is not that was asked for.

    Args:
        count: how many accelerators are wanted; None: not said.
        gpus: how many an instance has.
    """
    if offer.accelerator_id != part.id:
        yield f"{option.name}: its rate is of {offer.accelerator_id}; none of {part.id} is known there"
    if option.commitment == "spot":
        yield f"{option.name}: its rate is of one moment: a spot price changes, and instances are taken back"
    if scenario.country and not scenario.region and offer.region and not is_in(offer.region, scenario.country):
        yield (
            f"{option.name}: its rate is of {offer.region}, the cheapest, while {scenario.country} was asked for;"
            " --region takes another"
        )
    if count is None:
        return
    if gpus < min(count, SERVER):
        yield (
            f"{option.name}: its rate is of an instance with {gpus}, taken {-(-count // gpus):,} times: nothing says"
            " that so many are to be had at once, or in one place"
        )


def commitment_notes(option: AskedOption, *, months: float) -> Iterator[str]:
    """Yield what a reservation costs beyond the months that are counted."""
    term = TERMS.get(option.commitment)
    if term and months % term:
        paid = math.ceil(months / term) * term
        yield f"{option.name}: {paid} months are paid for {months:g}: a reservation runs to its end"


def ends_within(note: str | None, today: date, months: float) -> str | None:
    """Return the ISO date on which a model retires, by the note of its price, if that is within so many months."""
    found = re.search(r"retires on (\d{4}-\d\d-\d\d)", note or "")
    if found is None or (date.fromisoformat(found[1]) - today).days > months * 8766 / 12 / 24:
        return None
    return found[1]


def is_in(region: str, country: str) -> bool:
    """Tell whether a region names a country, as us-east-1, eastus and "Florida, US, NA" do; eu-west-2 names none."""
    return re.search(rf"(?:^|[^a-z]|east|west|central|north|south){country}\d*(?:[^a-z]|$)", region, re.I) is not None
