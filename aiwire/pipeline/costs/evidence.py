"""Which articles support an input of a cost comparison, and which contradict it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiwire.pipeline.costs.words import accelerators_in, countries_in, country_of_address, providers_in, ways_in
from aiwire.tco.inputs import Evidence, Input
from db.reference.quotes import Quote

__all__ = ["SetAside", "Subject", "weigh"]

TOLERANCE = 0.25  # of the value: a range may be narrower than what anybody knows
NEAR = 24  # characters beside a price in which "input" or "output" belongs to it

_SYSTEMS = ("server", "system")

# what follows a model's name makes it another model: GPT-5.2, GPT-5 mini, Claude Opus 4.1
_OTHER_MODEL = r"(?![\w]|[.\-‑ ]?(?:\d|mini\b|nano\b|micro\b|lite\b|pro\b|flash\b|turbo\b|max\b|codex\b|chat\b))"
# what providers add to a model's name and the press does not: -preview, -latest, -20250514, -001
_SUFFIX = re.compile(r"(?:-(?:preview|latest|exp|\d{3}|\d{4}-\d{2}-\d{2}|\d{2}-\d{2}|\d{8}))+$")
_SPECIAL = re.compile(r"\b(?:audio|images?|video|batch)\b", re.I)  # tokens with a price of their own
_CLAUSE = re.compile(r"[$€£¥,;(]|\band\b")
_DIRECTIONS = {"input_usd_per_mtok": "input", "cached_input_usd_per_mtok": "cached", "output_usd_per_mtok": "output"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What an input is the price of."""

    model: str | None = None  # as its provider calls it
    commitment: str | None = None  # on-demand, reserved-1y, reserved-3y or spot
    companies: tuple[str, ...] | None = None  # ids of who sells it; empty: nobody known; None: anybody may
    accelerators: float | None = None  # whose price it is when they are bought as a system; None: not known
    server_factor: float | None = None  # of a price of bare parts: what their system costs by it
    is_tariff: bool = False
    country: str | None = None  # of a tariff, ISO 3166-1 alpha-2


@dataclass(frozen=True, slots=True)
class SetAside:
    """A price in the press that is shown, but counts neither for nor against an input."""

    input: str
    quote: Quote
    reason: str


def weigh(value: Input, subject: Subject, quotes: Sequence[Quote]) -> tuple[Input, tuple[SetAside, ...]]:
    """Return the input with the articles that speak for or against it, and the quotes that cannot be compared.

    A quote supports an input if it lies in its range, ends included, or is at most a quarter away from its value. Of a
    quoted range some part must. The price of a system counts by its accelerators, and its amount is given so.
    """
    aside, evidence = [], []
    for quote in quotes:
        if (reason := _not_comparable(value, subject, quote)) is not None:
            aside.append(SetAside(value.name, quote, reason))
        else:
            same = _in_unit_of(subject, quote)
            evidence.append(
                Evidence(
                    quote.url, quote.title, quote.publisher, quote.dated_at, quote.quote, quote.sentence, same.amount,
                    _supports(value, same),
                )
            )  # fmt: skip
    return replace(value, evidence=tuple(evidence)), tuple(aside)


def _in_unit_of(subject: Subject, quote: Quote) -> Quote:
    """Return a quote whose amount is what the input is a price of: of a system, its part."""
    count = accelerators_in(quote.sentence) if quote.unit in _SYSTEMS else None
    if count is None:
        return quote
    wanted = 1 / subject.server_factor if subject.server_factor else subject.accelerators or count
    most = None if quote.amount_max is None else quote.amount_max * wanted / count
    return replace(quote, amount=quote.amount * wanted / count, amount_max=most)


def _supports(value: Input, quote: Quote) -> bool:
    low, high = min(value.low, value.mid * (1 - TOLERANCE)), max(value.high, value.mid * (1 + TOLERANCE))
    least, most = quote.amount, quote.amount if quote.amount_max is None else quote.amount_max
    if quote.qualifier == "from":  # it may cost more
        most = max(most, high)
    if quote.qualifier == "up-to":
        least = min(least, low)
    return least <= high and most >= low


def _not_comparable(value: Input, subject: Subject, quote: Quote) -> str | None:
    """Return why a quote says nothing about the input; None: it does."""
    if quote.is_implausible:
        return "implausible: outside what the reference makes likely"
    if quote.currency != "USD":
        return f"in {quote.currency}: only US dollars are compared"
    if quote.unit in _SYSTEMS:
        return _other_system(subject, quote)
    if subject.is_tariff:
        return _other_country(subject.country, quote)
    if subject.companies is not None and (reason := _other_company(subject.companies, quote)) is not None:
        return reason
    if subject.commitment is not None:
        return _other_way(subject.commitment, quote)
    if subject.model is not None:
        return _other_token(value.name.rsplit(".", 1)[-1], subject.model, quote)
    return None


def _other_system(subject: Subject, quote: Quote) -> str | None:
    if accelerators_in(quote.sentence) is None:
        return f"price of a {quote.unit}: how many accelerators are in it is not said"
    if subject.server_factor is None and subject.accelerators is None:
        return f"price of a {quote.unit}: how many accelerators are wanted is not known"
    return None


def _other_country(country: str | None, quote: Quote) -> str | None:
    """Return why a tariff is not that of a country: another is named, or none and the page is of none, either."""
    named = countries_in(quote.sentence) or countries_in(quote.title)
    if not named and (own := country_of_address(quote.url)) is not None:
        named = {own}
    if not named:
        return "of no stated country"
    if country is None:
        return f"of {', '.join(sorted(named))}, and no country was asked for"
    return None if named == {country} else f"of {', '.join(sorted(named))}, not of {country} alone"


def _other_company(own: Sequence[str], quote: Quote) -> str | None:
    """Return whose price it may be instead: of another company in the sentence or, if none is there, in the title."""
    in_sentence = {*quote.companies, *providers_in(quote.sentence)}
    if others := in_sentence.difference(own):
        return f"the sentence names {', '.join(sorted(others))}"
    in_title = {*quote.title_companies, *providers_in(quote.title)}
    if not in_sentence and in_title and in_title.isdisjoint(own):
        return f"the title names {', '.join(sorted(in_title))}"
    return None


def _other_way(commitment: str, quote: Quote) -> str | None:
    """Return why a price is not one of this way of renting; what does not say how counts as on demand alone."""
    asked = "reserved" if commitment.startswith("reserved") else commitment
    said = {quote.qualifier} if quote.qualifier in ("spot", "reserved", "on-demand") else ways_in(quote.sentence)
    if said == {asked}:
        return None
    if said:
        return f"a price {' or '.join(sorted(map(str, said)))}, not {commitment}"
    return None if asked == "on-demand" else f"does not say that it is {asked}"


def _other_token(name: str, model: str, quote: Quote) -> str | None:
    if not _names(model, quote.sentence):
        return f"the sentence does not name {model}"
    if special := _SPECIAL.search(_before(quote)):
        return f"price of {special[0].casefold()} tokens"
    direction = _direction(quote)
    if direction is None:
        return "does not say whether of input or output"
    return None if direction == _DIRECTIONS[name] else f"price of {direction} tokens"


def _names(model: str, sentence: str) -> bool:
    """Tell whether a sentence names this model, and not one whose name goes on."""
    words = re.split(r"[-_ /]+", _SUFFIX.sub("", model))
    return re.search(r"(?<!\w)" + r"[-‑_. ]?".join(map(re.escape, words)) + _OTHER_MODEL, sentence, re.I) is not None


def _before(quote: Quote) -> str:
    """Return the words right before a price, of the same clause."""
    before, found, _ = quote.sentence.partition(quote.quote)
    return _CLAUSE.split(before[-NEAR:])[-1] if found else ""


def _direction(quote: Quote) -> str | None:
    """Return which tokens a quote is the price of: by its own words, those behind it, or those before it."""
    behind = quote.sentence.partition(quote.quote)[2][:NEAR]
    for place in (quote.quote, _CLAUSE.split(behind)[0], _before(quote)):
        if found := re.search(r"\b(cached?|input|output)\b", place, re.I):
            word = found[0].casefold()
            return "cached" if word.startswith("cache") else word
    return None
