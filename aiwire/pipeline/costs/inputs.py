"""Where each input of a cost comparison comes from: the user before the reference before the defaults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import cast

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from aiwire.pipeline.costs.defaults import fitted, server_size
from aiwire.pipeline.costs.evidence import Subject
from aiwire.pipeline.costs.rates import commitment_notes, ends_within, rate_notes
from aiwire.pipeline.costs.words import company_of
from aiwire.tco.inputs import INPUTS, Input, Trust
from aiwire.tco.options import Api, Buy, Option, Rent
from aiwire.tco.scenario import AskedOption, OwnOption, Scenario, asked
from aiwire.tco.scenario import Figure as Given
from db.reference import lookup
from db.reference.figures import Figure
from db.reference.lookup import CloudOffer, Part
from db.reference.purchase import purchase_price
from db.reference.quotes import maker_of

__all__ = ["Resolved", "resolve"]

USER = "given by the user"
NAMED = 20  # providers that an error names
MOST_OPTIONS = 20  # each is drawn thousands of times


@dataclass(slots=True)
class Resolved:
    """What is compared, with all inputs that are known, by name or by option and name."""

    part: Part
    options: list[Option] = field(default_factory=list)
    inputs: dict[str, Input] = field(default_factory=dict)
    subjects: dict[str, Subject] = field(default_factory=dict)  # of the inputs that the press quotes prices of
    models: dict[str, str | None] = field(default_factory=dict)  # option -> family of models that tags know
    notes: list[str] = field(default_factory=list)

    def is_given(self, key: str) -> bool:
        """Tell whether an input is there, for its option or for all."""
        return key in self.inputs or key.rpartition(".")[2] in self.inputs

    def add(self, key: str, value: Figure | None) -> None:
        """Take a figure of the reference, unless the user gave one."""
        if value is not None and not self.is_given(key):
            self.inputs[key] = Input(
                key, value.low, value.mid, value.high, INPUTS[key.rpartition(".")[2]].unit, "reference", value.source,
                value.dated, cast(Trust, value.trust), value.note,
            )  # fmt: skip


def resolve(db: Database, scenario: Scenario, *, today: date) -> Resolved:
    """Return the options of a scenario with every input that is known.

    What is left out is not known: the calculation says which input is missing, and how it is given.

    Raises:
        ConfigError: the accelerator, a provider, a model or a country is unknown, or nothing is asked for; the message
            says what there is.
    """
    if not scenario.accelerator and not scenario.part:
        raise ConfigError("which accelerator is not said: give --accelerator ID, as in --accelerator nvidia-h100")
    if not scenario.compare:
        raise ConfigError("nothing to compare: give --compare, as in --compare aws,aws:spot,api:openai/gpt-5")
    if len(scenario.compare) > MOST_OPTIONS:
        raise ConfigError(
            f"--compare: up to {MOST_OPTIONS} options, not {len(scenario.compare)}: compare fewer at once"
        )
    wanted = [asked(name) for name in scenario.compare]
    parts = lookup.parts(db, scenario.part or scenario.accelerator or "")
    _check_family(scenario, parts)
    of_family = lookup.offers(db, parts[0].family_id)
    offers = [offer for offer in of_family if offer.accelerator_id in _ids(parts)]
    resolved = Resolved(_chosen_part(parts, offers, wanted))
    if len(parts) > 1:
        resolved.notes.append(_why(resolved.part, parts, offers, wanted))
    _add_given(resolved, scenario)
    for option in wanted:
        own = scenario.options.get(option.name, OwnOption())
        kind = own.kind or option.kind
        if kind == "buy":
            _add_buy(db, resolved, scenario, today)
        elif kind == "rent":
            _check_part(option, own, offers, of_family, resolved.part)
            _add_rent(resolved, option, own, offers, scenario, today)
        else:
            _add_api(db, resolved, option, own, today)
    _add_defaults(db, resolved, server=server_size(resolved.part, offers))
    if "accelerator_usd" in resolved.subjects:
        factor = resolved.inputs["server_factor"].mid if "server_factor" in resolved.inputs else None
        resolved.subjects["accelerator_usd"] = Subject(server_factor=factor)
    return resolved


def _check_family(scenario: Scenario, parts: Sequence[Part]) -> None:
    if scenario.part and scenario.accelerator not in (None, scenario.part, parts[0].family_id):
        raise ConfigError(
            f"--part {scenario.part} is of the family {parts[0].family_id}, not of {scenario.accelerator}:"
            " leave one of them out"
        )


def _check_part(
    option: AskedOption, own: OwnOption, offers: Sequence[CloudOffer], of_family: Sequence[CloudOffer], part: Part
) -> None:
    """Refuse a provider that rents other parts of the family only, where one part was asked for."""
    if own.kind is not None or any(offer.provider == option.provider for offer in offers):
        return
    if others := sorted({offer.accelerator_id for offer in of_family if offer.provider == option.provider}):
        raise ConfigError(
            f"--compare {option.name}: {option.provider} has no offer of {part.id}, but of {', '.join(others)}:"
            f" name that part, or leave it open with --accelerator {part.family_id}"
        )


def _ids(parts: Iterable[Part]) -> set[str]:
    return {part.id for part in parts}


def _chosen_part(parts: Sequence[Part], offers: Sequence[CloudOffer], wanted: Sequence[AskedOption]) -> Part:
    """Return the part of a family that is meant: the one that most of the asked providers rent; of equals the one with
    most offers anywhere, then the one with more memory."""
    asked_of = {option.provider for option in wanted if option.kind == "rent"}
    providers = Counter(part for part, provider in {(o.accelerator_id, o.provider) for o in offers}
                        if provider in asked_of)  # fmt: skip
    all_offers = Counter(offer.accelerator_id for offer in offers)
    return min(parts, key=lambda part: (-providers[part.id], -all_offers[part.id], -(part.memory_gb or 0), part.id))


def _why(chosen: Part, parts: Sequence[Part], offers: Sequence[CloudOffer], wanted: Sequence[AskedOption]) -> str:
    asked_of = {option.provider for option in wanted if option.kind == "rent"}
    renting = sorted({o.provider for o in offers if o.accelerator_id == chosen.id and o.provider in asked_of})
    reason = f"the one to be had from {', '.join(renting)}" if renting else "the one with most offers to rent"
    others = ", ".join(part.id for part in parts if part.id != chosen.id)
    return f"part: {chosen.name} ({chosen.id}), {reason}; --part chooses another: {others}"


def _add_given(resolved: Resolved, scenario: Scenario) -> None:
    """Take what the user says."""
    options = set(scenario.compare)
    for key, value in scenario.given().items():
        option, _, name = key.rpartition(".")
        if option and option not in options:
            raise ConfigError(f"input {key}: {option!r} is not compared; there are: {', '.join(scenario.compare)}")
        if name not in INPUTS:
            lacks = "; `aiwire tco --inputs` lists them"
            raise ConfigError(f"there is no input {name!r}{lacks}")
        resolved.inputs[key] = _given(key, value)


def _given(key: str, value: Given) -> Input:
    unit = INPUTS[key.rpartition(".")[2]].unit
    return Input(key, value.low, value.mid, value.high, unit, "user", value.source or USER, value.date)


def _add_buy(db: Database, resolved: Resolved, scenario: Scenario, today: date) -> None:
    resolved.options.append(Buy())
    inputs = resolved.inputs
    if "system_usd" not in inputs:
        if not resolved.part.is_sold and "accelerator_usd" not in inputs:
            raise ConfigError(
                f"{resolved.part.name} ({resolved.part.id}) is not sold, only rented: leave buying out with --no-buy,"
                " or say what one would cost with --set accelerator_usd=VALUE"
            )
        resolved.add("accelerator_usd", purchase_price(db, resolved.part, today=today))
        if "accelerator_usd" not in inputs:
            raise _unknown(resolved.part, "accelerator_usd", "price")
        resolved.subjects["accelerator_usd"] = Subject()
    else:
        count = inputs.get("accelerators")
        resolved.subjects["system_usd"] = Subject(accelerators=count.mid if count else None)
    resolved.add("tdp_w", lookup.thermal_power(db, resolved.part))
    if "tdp_w" not in inputs:
        raise _unknown(resolved.part, "tdp_w", "power in watts")
    # a room whose rent holds the electricity needs no tariff
    if "usd_per_kwh" not in inputs and not ("colo_covers_power" in inputs and inputs["colo_covers_power"].mid):
        resolved.add("usd_per_kwh", lookup.tariff(db, scenario.country, today=today))
    resolved.subjects["usd_per_kwh"] = Subject(is_tariff=True, country=scenario.country)


def _unknown(part: Part, name: str, what: str) -> ConfigError:
    return ConfigError(
        f"no {what} of {part.name} ({part.id}) is known: give it with --set {name}=VALUE, or leave buying out with"
        " --no-buy"
    )


def _add_rent(
    resolved: Resolved, option: AskedOption, own: OwnOption, offers: Sequence[CloudOffer], scenario: Scenario,
    today: date,
) -> None:  # fmt: skip
    """Add a way of renting: the user's own, or an offer of a provider."""
    key = f"{option.name}.rate_usd_per_gpu_hour"
    gpus = own.instance_gpus or 1
    if own.kind is None and not resolved.is_given(key):
        found = _offers_of(option, offers, resolved.part, scenario.region)
        count = resolved.inputs.get("accelerators")
        chosen = lookup.rate(found, option.commitment, count=int(count.mid) if count else 1, today=today)
        if chosen is None:
            raise _no_rate(option, found)
        figure, offer = chosen
        if offer.accelerator_id != resolved.part.id:
            figure = replace(figure, note=f"{figure.note}; of {offer.accelerator_id}")
        resolved.add(key, figure)
        gpus = own.instance_gpus or offer.gpu_count
        wanted = int(count.mid) if count else None
        resolved.notes += rate_notes(option, offer, resolved.part, scenario, count=wanted, gpus=gpus)
    horizon = resolved.inputs.get("horizon_months")
    resolved.notes += commitment_notes(option, months=horizon.mid if horizon else 0.0)
    resolved.options.append(Rent(option.name, option.commitment, gpus))
    own_company = () if own.kind or not option.provider else (company_of(option.provider),)
    resolved.subjects[key] = Subject(commitment=option.commitment, companies=own_company)


def _offers_of(
    option: AskedOption, offers: Sequence[CloudOffer], part: Part, region: str | None
) -> Sequence[CloudOffer]:
    """Return the offers of a provider: of the part if it rents it, else of others of the family.

    Raises:
        ConfigError: it rents none, or none in that region.
    """
    own = [offer for offer in offers if offer.provider == option.provider]
    if not own:
        others = sorted({offer.provider for offer in offers})
        named = f"{', '.join(others[:NAMED])}{' …' if len(others) > NAMED else ''}"
        raise ConfigError(
            f"--compare {option.name}: no offer of {option.provider} for {part.family_id} is known; "
            + (f"known are {named}" if others else "nobody's is")
            + f"; or give its rate with --set {option.name}.rate_usd_per_gpu_hour=VALUE"
        )
    if region is not None:
        # an offer without a region holds in all of them
        here = [offer for offer in own if offer.region in (region, None)]
        if not here:
            regions = sorted({offer.region for offer in own if offer.region})
            raise ConfigError(f"--region {region}: {option.provider} has {', '.join(regions[:NAMED])}")
        own = here
    priced = [offer for offer in own if offer.prices[option.commitment] is not None]
    return [offer for offer in priced if offer.accelerator_id == part.id] or priced or own


def _no_rate(option: AskedOption, found: Sequence[CloudOffer]) -> ConfigError:
    ways = [way for way in lookup.COMMITMENTS if any(offer.prices[way] is not None for offer in found)]
    known = ", ".join(f"{option.provider}:{way}" for way in ways) or "none"
    return ConfigError(
        f"--compare {option.name}: no price {option.commitment} is known; known are: {known};"
        f" or give it with --set {option.name}.rate_usd_per_gpu_hour=VALUE"
    )


def _add_api(db: Database, resolved: Resolved, option: AskedOption, own: OwnOption, today: date) -> None:
    """Add a model that is paid by the token: the user's own, or one with a known price."""
    names = ("input_usd_per_mtok", "output_usd_per_mtok")
    resolved.options.append(Api(option.name))
    if own.kind is not None or all(resolved.is_given(f"{option.name}.{name}") for name in names):
        return
    price = lookup.api_price(db, option.provider, option.model or "", today=today)
    resolved.add(f"{option.name}.input_usd_per_mtok", price.input)
    resolved.add(f"{option.name}.cached_input_usd_per_mtok", price.cached_input)
    resolved.add(f"{option.name}.output_usd_per_mtok", price.output)
    resolved.models[option.name] = price.entity_id
    horizon = resolved.inputs.get("horizon_months")
    if horizon and (ends := ends_within(price.input.note, today, horizon.mid)):
        resolved.notes.append(f"{option.name}: its provider says that the model retires on {ends}, before the end")
    companies = (company_of(price.provider), *maker_of(db, price.entity_id))
    for name in (*names, "cached_input_usd_per_mtok"):
        resolved.subjects[f"{option.name}.{name}"] = Subject(model=price.model, companies=companies)


def _add_defaults(db: Database, resolved: Resolved, *, server: int) -> None:
    """Take the defaults for all that nobody has given."""
    count = resolved.inputs.get("accelerators")
    wanted = count.high if count else 1
    for name, general in lookup.defaults(db, resolved.part.family_id).items():
        if name in INPUTS and name not in resolved.inputs:
            default = fitted(general, resolved.part, accelerators=wanted, server=server)
            resolved.inputs[name] = Input(
                name, default.low, default.mid, default.high, INPUTS[name].unit, "default", default.source,
                default.dated, cast(Trust, default.trust), default.note,
            )  # fmt: skip
