"""Rules of what clouds ask for an accelerator and hour."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from db.reference.rules.bands import RATES, CloudPrices, is_judged
from db.reference.rules.names import families_named
from db.reference.rules.types import Context, Row, Rule, holds, number

__all__ = ["CLOUD_RULES"]

_TOLERANCE = 1.01  # what rounding to cents may do
_NO_DISCOUNT = 0.001  # spot so near to on-demand is on-demand, repeated
_MOST_OF_IT = 0.75  # from where on a price looks like that of the whole instance
_A_LITTLE_MORE = 1.33
_LARGE_INSTANCE = 8  # smaller ones differ less from each other than providers do
_ALIKE = 0.1  # how near a price comes to another times the accelerators if it is that of the whole instance
_ALMOST_EQUAL = 0.01  # to one that is larger than the smallest: prices of one list repeat to the cent
_OTHER_REGIONS = (0.55, 2.5)  # by the cheapest and the dearest of them; half is the price of a core, not of a chip
_FEW_REGIONS = 2
_AGREED = 2.0  # by which these differ at most, or they tell nothing about one more
_MARKETS = ("vast", "shadeform", "primeintellect")  # many sellers: their prices differ by more than regions
_FORMS = re.compile(r"sxm|pcie|nvl(?!ink)")
_OTHER_FORMS = {"sxm": ("-pcie", "-nvl"), "pcie": ("-sxm", "-nvl"), "nvl": ("-sxm", "-pcie")}  # in ids of parts
_SIZE = re.compile(r"(?<!\d)(\d+)gb")
_WHOLE = "it grows with the instance, so it looks like the price of the whole"


def _is_priced(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in enumerate(rows):
        prices = [number(row.get(rate)) for rate in RATES]
        if all(price is None for price in prices):
            yield i, "no price at all"
        for rate, price in zip(RATES, prices, strict=True):
            if price is not None and price <= 0:
                yield i, f"{rate} is {price:g}: nobody gives accelerators away, 0 stands for unknown"


def _in_band(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    prices = CloudPrices(context)
    for i, row in enumerate(rows):
        if not is_judged(row):
            continue
        band = prices.band(row)
        for rate in RATES:
            price = number(row.get(rate))
            if price is not None and (why := band.refuses(price)):
                yield i, f"{rate} {why}"


def _per_accelerator(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    prices = CloudPrices(context)
    sizes = _sizes([*context.tables.get("cloud_prices", ()), *rows])
    for i, row in enumerate(rows):
        price, count = number(row.get(RATES[0])), number(row.get("gpu_count"))
        if not is_judged(row) or price is None or not count or count < 2:
            continue
        smaller = [size for size in sizes[_part_of(row)] if size[0] < count]
        if smaller:
            for n, (fewer, other) in enumerate(smaller):
                if abs(price / other / (count / fewer) - 1) < (_ALMOST_EQUAL if n else _ALIKE):
                    yield i, f"${price:g} for one of {count:g}, ${other:g} for one of {fewer:g}: {_WHOLE}"
                    break
            continue  # it is in line with the provider's own smaller instances, however dear those are
        middle = prices.median_ondemand(row)
        if count >= _LARGE_INSTANCE and middle and _MOST_OF_IT <= price / middle / count <= _A_LITTLE_MORE:
            yield i, f"${price:g} for one of {count:g}, others ask ${middle:g}: {_WHOLE}"


def _spot_is_own(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in enumerate(rows):
        ondemand, spot = number(row.get(RATES[0])), number(row.get(RATES[1]))
        if is_judged(row) and ondemand and spot and abs(spot / ondemand - 1) < _NO_DISCOUNT:
            yield i, f"spot ${spot:g} is the on-demand price again: no discount is known, so leave it empty"


def _discounts(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in enumerate(rows):
        if not is_judged(row):
            continue
        ondemand, spot, year, three = (number(row.get(rate)) for rate in RATES)
        for what, price, than, limit in (
            ("spot", spot, "on demand", ondemand),
            ("reserved for a year", year, "on demand", ondemand),
            ("reserved for three years", three, "on demand", ondemand),
            ("reserved for three years", three, "for one", year),
        ):
            if price is not None and limit is not None and price > limit * _TOLERANCE:
                yield i, f"${price:g} {what} is more than ${limit:g} {than}"


def _part_of(row: Row) -> tuple[object, ...]:
    return (row.get("provider"), row.get("accelerator_id"), row.get("region"), row.get("price_date"))


def _sizes(rows: Sequence[Row]) -> dict[tuple[object, ...], list[tuple[float, float]]]:
    """Return counts and on-demand prices by provider, part, region and date, from the smallest and cheapest on."""
    found: dict[tuple[object, ...], set[tuple[float, float]]] = defaultdict(set)
    for row in rows:
        price, count = number(row.get(RATES[0])), number(row.get("gpu_count"))
        if is_judged(row) and price and count:
            found[_part_of(row)].add((count, price))
    return defaultdict(list, {part: sorted(sizes) for part, sizes in found.items()})


def _right_part(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    for i, row in enumerate(rows):
        if row.get("instance_type") and is_judged(row) and (wrong := _wrong_part(row, context)):
            yield i, f"{row.get('instance_type')} {wrong}"


def _wrong_part(row: Row, context: Context) -> str | None:
    """Return what the name of an instance says against its accelerator; None: nothing."""
    part, provider = str(row.get("accelerator_id")), row.get("provider")
    name = str(row.get("instance_type")).lower().removeprefix("standard_").replace(" ", "_")
    known = [one for one in context.instance_types if one.provider == provider and one.pattern.fullmatch(name)]
    if known:
        return None if known[0].accelerator_id == part else f"of {provider} has {known[0].accelerator_id}, not {part}"
    named = families_named(name, context.families)
    if named and context.family_of.get(part) in context.families - named:
        return f"names {', '.join(sorted(named))}, and {part} is none of it"
    form = _FORMS.search(name)
    if form and any(other in part for other in _OTHER_FORMS[form[0]]):
        return f"has the form {form[0].upper()}, which {part} has not"
    sizes, own = set(_SIZE.findall(name)), set(_SIZE.findall(part))
    sisters = {size for other in context.sisters(part) for size in _SIZE.findall(other)}
    if own and not own & sizes and sizes & sisters:
        return f"has {', '.join(sorted(sizes & sisters))} GB, {part} has not"
    return None


def _near_other_regions(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    regions: dict[tuple[object, ...], dict[object, float]] = defaultdict(dict)
    for row in context.tables.get("cloud_prices", ()):
        price = number(row.get(RATES[0]))
        if holds(row) and price and row.get("region") and row.get("instance_type"):
            regions[_offer(row)][row["region"]] = price
    cheaper, dearer = _OTHER_REGIONS
    for i, row in enumerate(rows):
        price = number(row.get(RATES[0]))
        others = [paid for region, paid in regions[_offer(row)].items() if region != row.get("region")]
        if not holds(row) or not price or not row.get("region") or row.get("provider") in _MARKETS:
            continue
        agreed = len(others) >= _FEW_REGIONS and max(others) <= _AGREED * min(others)
        if agreed and not cheaper * min(others) <= price <= dearer * max(others):
            yield i, f"${price:g}, and ${min(others):g} to ${max(others):g} in other regions: by core, or by instance?"


def _offer(row: Row) -> tuple[object, ...]:
    return tuple(row.get(column) for column in ("provider", "instance_type", "accelerator_id", "gpu_count"))


CLOUD_RULES = (
    Rule("cloud-price-above-0", "cloud_prices", "an offer has a price, and 0 in a catalogue means unknown", _is_priced),
    Rule(
        "cloud-price-in-band",
        "cloud_prices",
        "what other providers ask for the family tells what a price can be: a misread unit or currency falls out",
        _in_band,
    ),
    Rule(
        "cloud-price-per-accelerator",
        "cloud_prices",
        "catalogues price whole instances: one that was not divided by its accelerators is that many times too dear",
        _per_accelerator,
    ),
    Rule(
        "cloud-spot-not-on-demand",
        "cloud_prices",
        "catalogues repeat the on-demand price where they know no spot price",
        _spot_is_own,
    ),
    Rule(
        "cloud-discounts-are-discounts",
        "cloud_prices",
        "nobody pays more for being interrupted or bound; such rows have their columns mixed up",
        _discounts,
    ),
    Rule(
        "cloud-instance-has-part",
        "cloud_prices",
        "the name of an instance tells its accelerator; another's price is under a wrong id",
        _right_part,
    ),
    Rule(
        "cloud-price-near-other-regions",
        "cloud_prices",
        "regions of a provider differ by taxes and power, not by half: that is a core's price, or a half's",
        _near_other_regions,
    ),
)
