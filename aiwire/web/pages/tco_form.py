"""The form of the page `tco`: what can be chosen, what was typed, and what holds where a field is left empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from aiwire.pipeline.costs.report import number
from aiwire.tco.inputs import INPUTS, Input, InputSpec
from aiwire.web.scenarios import EXAMPLE, FIGURES, part_of
from aiwire.web.wording import LABELS, provider_name
from db.pages.costs import api_models, countries, priced_families
from db.reference import lookup
from db.reference.figures import is_old
from db.reference.lookup import COMMITMENTS, CloudOffer, Commitment, Default

__all__ = ["Choice", "Field", "FieldGroup", "Form", "ProviderRow", "Rate", "form_of"]

_FIRST = ("usd_per_kwh", "accelerator_usd", "pue", "tokens_per_second", "output_share")  # asked for before "more"
SHOWN = 4  # providers that are seen without unfolding, at least
ENDLESS = 1e12  # a limit that only slips reach

_GROUPS = {"all": "All options", "buy": "Buying", "rent": "Renting", "api": "API"}
_NAMES = {
    "AL": "Albania", "AT": "Austria", "BA": "Bosnia and Herzegovina", "BE": "Belgium", "BG": "Bulgaria",
    "CY": "Cyprus", "CZ": "Czechia", "DE": "Germany", "DK": "Denmark", "EE": "Estonia", "ES": "Spain",
    "FI": "Finland", "FR": "France", "GB": "United Kingdom", "GE": "Georgia", "GR": "Greece", "HR": "Croatia",
    "HU": "Hungary", "IE": "Ireland", "IS": "Iceland", "IT": "Italy", "LI": "Liechtenstein", "LT": "Lithuania",
    "LU": "Luxembourg", "LV": "Latvia", "MD": "Moldova", "ME": "Montenegro", "MK": "North Macedonia", "MT": "Malta",
    "NL": "Netherlands", "NO": "Norway", "PL": "Poland", "PT": "Portugal", "RO": "Romania", "RS": "Serbia",
    "SE": "Sweden", "SI": "Slovenia", "SK": "Slovakia", "TR": "Türkiye", "UA": "Ukraine", "US": "United States",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry of a select."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A text field for a figure."""

    name: str
    label: str
    value: str  # as typed
    placeholder: str  # what holds if it is empty
    unit: str
    hint: str


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that belong together."""

    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """A way of renting from a provider, to be ticked."""

    option: str  # as `compare` names it
    name: str
    usd_per_gpu_hour: float  # as the comparison counts it
    part: str  # name of the part that it is of, where that is another than the one compared; else empty
    region: str | None
    is_old: bool  # of more than 18 months ago, and no newer one is known
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider with its ways of renting, in the order of `Form.ways`."""

    provider: str
    rates: tuple[Rate | None, ...]

    @property
    def is_chosen(self) -> bool:
        """Whether one of its ways is ticked."""
        return any(rate is not None and rate.is_chosen for rate in self.rates)


@dataclass(frozen=True, slots=True)
class Form:
    """All fields with what was typed."""

    accelerator: str
    families: tuple[Choice, ...]
    parts: tuple[Choice, ...]
    part: str  # name of the one that prices are of; empty: not known
    values: dict[str, str]  # of plain fields: count, utilisation, years, region, set
    countries: tuple[Choice, ...]
    is_bought: bool  # buying is ticked
    ways: tuple[str, ...]  # those that somebody offers
    providers: tuple[ProviderRow, ...]  # the ticked ones, and a few more
    more_providers: tuple[ProviderRow, ...]
    others: str  # what is compared and has no box: APIs, and what is not known
    models: tuple[str, ...]  # to choose from
    first: tuple[Field, ...]
    more: tuple[FieldGroup, ...]
    is_more_open: bool


def form_of(
    db: Database, typed: Mapping[str, str], compare: Sequence[str], used: Mapping[str, Input], *, accelerator: str,
    today: date, part: str | None,
) -> Form:  # fmt: skip
    """Return the form.

    Args:
        typed: what was typed, by field.
        compare: what is ticked.
        used: inputs of the comparison, which empty fields stand for; empty if nothing could be compared.
        accelerator: family or part that offers and parts are listed of; one that is unknown has none.
        today: offers are old or not on this day.
        part: id of the part that is compared; None: nothing could be compared.
    """
    parts, offers, chosen = _known(db, accelerator, part or typed.get("part") or accelerator)
    family = parts[0].family_id if parts else accelerator
    if typed.get("part") in {one.id for one in parts}:
        offers = [offer for offer in offers if offer.accelerator_id == typed["part"]]
    ways = [way for way in COMMITMENTS if any(offer.prices[way] is not None for offer in offers)]
    asked = _Asked(chosen, {one.id: one.name for one in parts}, typed.get("region"), _count(typed), compare, today)
    providers = _providers(offers, ways, asked)
    shown = [row for row in providers if row.is_chosen]
    shown += [row for row in providers if not row.is_chosen][: max(0, SHOWN - len(shown))]
    boxes = {"buy"} | {rate.option for row in providers for rate in row.rates if rate}
    empty: dict[str, Default | Input] = {**lookup.defaults(db, family), **used}
    groups = tuple(_groups(typed, empty))
    return Form(
        accelerator=family,
        families=_families(db, family),
        parts=tuple(Choice(one.id, one.name, one.id == typed.get("part")) for one in parts),
        part=asked.names.get(chosen, ""),
        values={
            name: typed.get(name) or EXAMPLE.get(name, "")
            for name in ("count", "utilisation", "years", "region", "set")
        },
        countries=_countries(db, typed.get("country") or EXAMPLE["country"]),
        is_bought="buy" in compare,
        ways=tuple(ways),
        providers=tuple(row for row in providers if row in shown),
        more_providers=tuple(row for row in providers if row not in shown),
        others=",".join(name for name in compare if name not in boxes),
        models=tuple(f"api:{provider}/{model}" for provider, model in api_models(db)),
        first=tuple(_field(name, typed, empty) for name in _FIRST),
        more=groups,
        is_more_open=any(typed.get(name) for name in (*FIGURES, "set", "region")),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What prices of renting are asked for."""

    part: str  # id
    names: dict[str, str]  # of the family's parts, by id
    region: str | None
    count: int
    compare: Sequence[str]
    today: date


def _known(db: Database, accelerator: str, part: str) -> tuple[list[lookup.Part], list[CloudOffer], str]:
    """Return the parts and offers of a family, and the id of the part that prices are shown of."""
    try:
        family = lookup.parts(db, accelerator)[0].family_id
    except ConfigError:  # said beside the form
        return [], [], ""
    parts = lookup.parts(db, family)
    chosen, offers = part_of(db, part if part in {one.id for one in parts} else family)
    return parts, offers, chosen.id


def _count(typed: Mapping[str, str]) -> int:
    """Return how many are wanted; as in the example where that is no number."""
    text = typed.get("count") or EXAMPLE["count"]
    return int(text) if text.isdecimal() and len(text) < 8 and int(text) else int(EXAMPLE["count"])


def _families(db: Database, family: str) -> tuple[Choice, ...]:
    found = tuple(Choice(one, name, one == family) for one, name in priced_families(db))
    # one that is not among them stays in the form as it was typed
    return found if any(one.is_chosen for one in found) else (Choice(family, family, True), *found)


def _countries(db: Database, country: str) -> tuple[Choice, ...]:
    chosen = country.upper()
    found = tuple(
        Choice(code, f"{_NAMES.get(code, code)} ({code}): ${usd:.3f}/kWh, {year}", code == chosen)
        for code, year, usd in countries(db)
    )
    ordered = tuple(sorted(found, key=lambda one: one.text))
    return ordered if any(one.is_chosen for one in found) else (Choice(country, country, True), *ordered)


def _providers(offers: Iterable[CloudOffer], ways: Sequence[Commitment], asked: _Asked) -> list[ProviderRow]:
    """Return the providers, the cheapest on demand first; old prices are last."""
    by_provider: dict[str, list[CloudOffer]] = {}
    for offer in offers:
        by_provider.setdefault(offer.provider, []).append(offer)
    rows = [
        ProviderRow(provider_name(provider), tuple(_rate(provider, way, own, asked) for way in ways))
        for provider, own in by_provider.items()
    ]
    return sorted((row for row in rows if any(row.rates)), key=_dearness)


def _dearness(row: ProviderRow) -> tuple[bool, float, str]:
    first = row.rates[0]
    return (first.is_old, first.usd_per_gpu_hour, row.provider) if first else (True, float("inf"), row.provider)


def _rate(provider: str, way: Commitment, own: Sequence[CloudOffer], asked: _Asked) -> Rate | None:
    """Return a way of renting at the price that the comparison takes: of the part if the provider rents it."""
    here = [offer for offer in own if offer.region in (asked.region, None)] if asked.region else own
    priced = [offer for offer in here or own if offer.prices[way] is not None]
    priced = [offer for offer in priced if offer.accelerator_id == asked.part] or priced
    found = lookup.rate(priced, way, count=asked.count, today=asked.today)
    if found is None:
        return None
    figure, offer = found
    option = provider if way == "on-demand" else f"{provider}:{way}"
    other = asked.names.get(offer.accelerator_id, "") if offer.accelerator_id != asked.part else ""
    return Rate(
        option, f"{provider_name(provider)}, {way}", figure.mid, other, offer.region,
        is_old(offer.dated or offer.read, asked.today), option in asked.compare or f"{provider}:{way}" in asked.compare,
    )  # fmt: skip


def _groups(typed: Mapping[str, str], empty: Mapping[str, Default | Input]) -> Iterable[FieldGroup]:
    for scope, title in _GROUPS.items():
        names = [name for name in FIGURES if INPUTS[name].scope == scope and name not in _FIRST]
        if names:
            yield FieldGroup(title, tuple(_field(name, typed, empty) for name in names))


def _field(name: str, typed: Mapping[str, str], empty: Mapping[str, Default | Input]) -> Field:
    spec = INPUTS[name]
    return Field(
        name, LABELS[name], typed.get(name, ""), _placeholder(name, empty.get(name)), spec.unit,
        f"{spec.meaning} {_limits(spec)}.",
    )  # fmt: skip


def _limits(spec: InputSpec) -> str:
    """Return what an input may be, in few words."""
    if spec.high >= ENDLESS:
        return f"Above {spec.low:,g}" if spec.above_low else f"{spec.low:,g} or more"
    ends = f"Above {spec.low:,g}, up" if spec.above_low else f"From {spec.low:,g}"
    return f"{ends} to {spec.high:,g}{', whole' if spec.whole else ''}"


def _placeholder(name: str, found: Default | Input | None) -> str:
    """Return what an empty field stands for."""
    if found is not None:
        ends = f" ({number(found.low)} to {number(found.high)})" if found.low < found.high else ""
        return f"{number(found.mid)}{ends}"
    if name in ("usd_per_kwh", "accelerator_usd", "tdp_w") or name.endswith(("per_gpu_hour", "per_mtok")):
        return "from the reference"
    return "not given"
