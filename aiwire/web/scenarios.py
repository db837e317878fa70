"""Scenarios of a cost comparison as the query string of an address, and back; as a command line."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from aiwire.pipeline.costs.asking import country_of, figure_of, setting_of
from aiwire.pipeline.costs.rates import is_in
from aiwire.tco.inputs import INPUTS, checked
from aiwire.tco.scenario import Figure, Scenario, asked
from db.reference import lookup
from db.reference.figures import is_old
from db.reference.lookup import CloudOffer, Part
from db.reference.purchase import purchase_price

__all__ = [
    "EXAMPLE", "FIELDS", "FIGURES", "MOST_OPTIONS", "NOTHING", "address_of", "command_of", "fitted", "part_of",
    "scenario_of",
]  # fmt: skip

# what a field has that an address leaves out: a first visit shows an example, not an empty page
EXAMPLE = {"accelerator": "nvidia-h100", "count": "8", "utilisation": "0.6", "years": "3", "country": "DE"}
FIGURES = tuple(name for name in INPUTS if name not in ("accelerators", "horizon_months", "utilisation"))
FIELDS = ("accelerator", "part", "count", "compare", "utilisation", "years", "country", "region", "set", *FIGURES)
NOTHING = "-"  # as `compare`: nothing, where an empty field means what is best
MOST_OPTIONS = 12  # each is drawn thousands of times
LONGEST = 600  # characters of a field
RENTED = 3  # providers that are compared where nobody says which

_MARKETPLACES = ("salad", "vast")  # machines of many owners: compared where they are asked for
_CONTINENTS = {  # as providers name regions -> continent
    "EU": re.compile(r"^(?:eu-|europe|fin-|norway|sweden|germany|france|belgium)|, EU$", re.I),
    "NA": re.compile(r"^(?:us\b|ca-|canada|northamerica|(?:east|west|central|north|south) ?us)|, NA$", re.I),
    "AS": re.compile(r"^(?:ap-|asia|japan|korea)|, AS$", re.I),
}
_OUTSIDE_EUROPE = {"CA": "NA", "MX": "NA", "US": "NA", "CN": "AS", "IN": "AS", "JP": "AS", "KR": "AS", "SG": "AS",
                   "TW": "AS"}  # fmt: skip
_CITIES = {"amsterdam": "NL", "stockholm": "SE", "fin-": "FI", "norway": "NO", "canada": "CA", "belgium": "BE"}

_SHORT = {"count": "accelerators", "years": "horizon_months", "utilisation": "utilisation"}
_MONTHS = {"years": 12.0}


def scenario_of(db: Database, given: Mapping[str, Sequence[str]], *, today: date) -> Scenario:
    """Return the scenario that an address asks for; what it leaves out is as in `EXAMPLE`.

    Args:
        given: values of each field of `FIELDS`; others are no business of ours. Several of `compare` add up.
        today: prices are judged old or not on this day, where it is not said who is compared.

    Raises:
        ConfigError: a value is not accepted, or too much is asked for at once; the message says what is accepted.
    """
    texts = {name: _text(name, given[name]) for name in FIELDS if name in given}
    texts = {name: text for name, text in texts.items() if text}
    if "part" not in texts or "accelerator" in texts:
        texts = EXAMPLE | texts
    else:
        texts = {name: text for name, text in EXAMPLE.items() if name != "accelerator"} | texts
    if "compare" in texts:
        compare = _names(texts["compare"].split(","))
    else:
        compare = _best(db, texts.get("part") or texts["accelerator"], country_of(texts["country"]), today)
    figures = {name: figure_of(name, texts[name]) for name in FIGURES if name in texts}
    figures |= dict(setting_of(text) for text in texts.get("set", "").split())
    scenario = Scenario(
        accelerator=texts.get("accelerator"),
        part=texts.get("part"),
        count=int(_number("count", texts["count"])),
        years=_number("years", texts["years"]),
        utilisation=_number("utilisation", texts["utilisation"]),
        country=country_of(texts["country"]),
        region=texts.get("region"),
        compare=compare,
        figures=figures,
    )
    if twice := [name for name, full in _SHORT.items() if full in figures]:
        raise ConfigError(f"{twice[0]} is a field of its own: leave {_SHORT[twice[0]]} out of set")
    return scenario


def _text(name: str, values: Sequence[str]) -> str:
    text = ",".join(value.strip() for value in values if value.strip()) if name == "compare" else values[0].strip()
    if len(text) > LONGEST:
        raise ConfigError(f"{name} has {len(text):,} characters; accepted are up to {LONGEST}")
    return text


def _number(name: str, text: str) -> float:
    """Return the number of a field with a short name.

    Raises:
        ConfigError: it is none, or not accepted for its input.
    """
    full = _SHORT[name]
    try:
        value = float(text)
    except ValueError:
        unit = "years" if name in _MONTHS else INPUTS[full].unit
        raise ConfigError(f"{name} is {text!r}; accepted is a number, in {unit}") from None
    checked({full: value * _MONTHS.get(name, 1.0)})
    return value


def _names(entries: Iterable[str]) -> tuple[str, ...]:
    """Return what is compared, buying first, each once.

    Raises:
        ConfigError: an entry is none, or there are too many.
    """
    names = dict.fromkeys(entry.strip() for entry in entries if entry.strip() not in ("", NOTHING))
    if len(names) > MOST_OPTIONS:
        raise ConfigError(f"compare: up to {MOST_OPTIONS} options, not {len(names)}: compare fewer at once")
    for name in names:
        asked(name)
    return tuple(sorted(names, key=lambda name: name != "buy"))


def _best(db: Database, accelerator: str, country: str, today: date) -> tuple[str, ...]:
    """Return what is compared where nobody says: buying, and the cheapest providers in or near a country.

    Raises:
        ConfigError: there is no such accelerator.
    """
    part, offers = part_of(db, accelerator)
    rates = sorted(
        (is_old(offer.dated or offer.read, today), _distance(offer.region, country), price, offer.provider)
        for offer in offers
        if offer.accelerator_id == part.id
        and offer.provider not in _MARKETPLACES
        and (price := offer.prices["on-demand"]) is not None
    )
    providers = tuple(dict.fromkeys(provider for *_, provider in rates))[:RENTED]
    return (*(("buy",) if _can_be_bought(db, part, today) else ()), *providers)


def part_of(db: Database, accelerator: str) -> tuple[Part, list[CloudOffer]]:
    """Return the part of a family that most offers are of, or the part itself, with the offers of the family's parts.

    Raises:
        ConfigError: there is no such accelerator.
    """
    parts = lookup.parts(db, accelerator)
    offers = lookup.offers(db, parts[0].family_id)
    rented = Counter(offer.accelerator_id for offer in offers if offer.prices["on-demand"] is not None)
    return min(parts, key=lambda one: (-rented[one.id], -(one.memory_gb or 0), one.id)), offers


def _can_be_bought(db: Database, part: Part, today: date) -> bool:
    return part.is_sold and bool(purchase_price(db, part, today=today) and lookup.thermal_power(db, part))


def _distance(region: str | None, country: str) -> int:
    """Return how far a region is: 0 in the country, 1 on its continent, 2 not known, 3 elsewhere."""
    if region is None:
        return 2
    if is_in(region, country) or any(_CITIES[word] == country for word in _CITIES if word in region.casefold()):
        return 0
    found = next((continent for continent, names in _CONTINENTS.items() if names.search(region)), None)
    return 2 if found is None else 1 if found == _OUTSIDE_EUROPE.get(country, "EU") else 3


def fitted(
    db: Database, given: Mapping[str, Sequence[str]], *, before: str, today: date
) -> tuple[dict[str, Sequence[str]], tuple[str, ...]]:
    """Return what was typed with another accelerator chosen, less what does not fit it; and what that was.

    Args:
        given: values of each field, of a form that showed the parts and offers of the family `before`.
        before: id of that family.
        today: offers are old or not on this day.

    Raises:
        ConfigError: there is no such accelerator.
    """
    family = given.get("accelerator", [""])[0].strip()
    if not family or family == before:
        return dict(given), ()
    kept, left_out = dict(given), []
    parts = {part.id: part for part in lookup.parts(db, family)}
    if (part := kept.get("part", [""])[0].strip()) and part not in parts:
        del kept["part"]
        left_out.append(part)
    chosen, offers = part_of(db, kept.get("part", [family])[0])
    rented = {f"{offer.provider}:{way}" for offer in offers for way, usd in offer.prices.items() if usd is not None}
    names = [name.strip() for value in kept.get("compare", []) for name in value.split(",") if name.strip()]
    fits = [name for name in names if _fits(name, rented, _can_be_bought(db, chosen, today))]
    gone = [name for name in names if name not in fits]
    if set(fits) <= {"buy", NOTHING} and gone:
        del kept["compare"]  # nobody is left to rent it from: those near are taken
    elif gone:
        kept["compare"] = fits
    settings = kept.get("set", [""])[0].split()
    kept["set"] = [" ".join(one for one in settings if one.rpartition("=")[0].rpartition(".")[0] not in gone)]
    return kept, (*left_out, *gone)


def _fits(name: str, rented: set[str], is_sold: bool) -> bool:
    """Tell whether an entry of `compare` can be had of an accelerator."""
    if name == "buy":
        return is_sold
    return name == NOTHING or name.startswith("api:") or (name if ":" in name else f"{name}:on-demand") in rented


def address_of(scenario: Scenario) -> dict[str, str]:
    """Return the fields of the address that asks for a scenario: `scenario_of` gives it back."""
    plain = {name: getattr(scenario, name) for name in ("accelerator", "part", "country", "region")}
    numbers = {name: getattr(scenario, name) for name in _SHORT}
    common = {key: _written(figure) for key, figure in scenario.figures.items() if "." not in key}
    own = " ".join(f"{key}={_written(figure)}" for key, figure in scenario.figures.items() if "." in key)
    found = plain | {name: f"{value:.12g}" for name, value in numbers.items() if value is not None}
    found |= {"compare": ",".join(scenario.compare) or NOTHING} | common | {"set": own}
    return {name: text for name, text in found.items() if text}


def command_of(scenario: Scenario) -> str:
    """Return the command line that asks for the same."""
    said = ["aiwire", "tco"]
    for name in ("accelerator", "part", "count", "utilisation", "years", "country", "region"):
        if (value := getattr(scenario, name)) is not None:
            said += [f"--{name}", value if isinstance(value, str) else f"{value:.12g}"]
    others = [name for name in scenario.compare if name != "buy"]
    if others:
        said += ["--compare", ",".join(others)]
    if "buy" not in scenario.compare:
        said.append("--no-buy")
    elif not others:
        said += ["--compare", "buy"]
    for key, figure in scenario.figures.items():
        said += ["--set", f"{key}={_written(figure)}"]
    return shlex.join(said)


def _written(figure: Figure) -> str:
    ends = (figure.low, figure.mid, figure.high)
    return f"{figure.mid:.12g}" if len(set(ends)) == 1 else ":".join(f"{end:.12g}" for end in ends)
