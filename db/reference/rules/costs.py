"""Rules of what a cost comparison takes beside prices of hardware: tariffs, carbon, defaults, shapes of models."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from db.reference.rules.types import Check, Context, Row, Rule, holds, number

__all__ = ["COST_RULES"]

# US dollars: the cheapest and the dearest non-household tariffs of the shipped file are 0.03 and 0.32; twice that is an
# island's. Cents read as dollars, or a price per MWh, are a hundred times off, most other currencies ten times
_TARIFF = (0.01, 0.65)
# grams: a kWh of lignite alone is some 1,100 to 1,300 (IPCC 2014, WG III, annex III, table A.III.2)
_CARBON = (0.5, 1_500.0)
_FIRST_YEAR = 1990
_OTHER_YEARS = 2.5  # by which a tariff leaves those of the country's other years: 2022 was twice 2020
_SHARE = 1.5  # the most that a share is: shares of power may be above 1
_NAMED_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)b(?![a-z])")  # llama-3.1-70b, but not mixtral-8x7b
_AS_NAMED = (0.75, 1.25)  # names round: qwen2.5-7b has 7.6 billion
_DIMENSIONS = {"layers": (1, 200), "kv_heads": (1, 64), "head_dim": (32, 576), "params_b": (0.01, 5_000)}
_FIXED = ("params_b", "layers", "kv_heads", "head_dim", "kv_lora_rank")
_HALF_AS_MUCH = 1.5  # by which a shape that was published may be corrected


def _band(column: str, low: float, high: float, unit: str) -> Check:
    def check(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
        for i, row in _judged(rows):
            value = number(row.get(column))
            if value is not None and not low <= value <= high:
                yield i, f"{column} {value:g} is not between {low:g} and {high:g} {unit}"

    return check


def _year(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in _judged(rows):
        year, read = number(row.get("year")), str(row.get("as_of") or "")[:4]
        if year is None or year < _FIRST_YEAR or (read.isdigit() and year > int(read)):
            yield i, f"the year {row.get('year')} is not between {_FIRST_YEAR} and the day on which it was read"


def _in_order(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in _judged(rows):
        given = [value for value in (number(row.get(end)) for end in ("low", "mid", "high")) if value is not None]
        if given != sorted(given):
            yield i, f"low, mid and high are not in order: {', '.join(f'{value:g}' for value in given)}"


def _shape(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in _judged(rows):
        has_heads = bool(row.get("kv_heads")) and bool(row.get("head_dim"))
        if has_heads == bool(row.get("kv_lora_rank")):
            yield i, "either kv_heads and head_dim, or kv_lora_rank says what the cache holds"
        layers = number(row.get("layers")) or 0
        some = (number(row.get("full_layers")) or 0) + (number(row.get("state_layers")) or 0)
        if some > layers:
            yield i, f"{some:g} layers of two kinds are more than the model has ({layers:g})"
        params, active = number(row.get("params_b")), number(row.get("active_params_b"))
        if params is not None and active is not None and active > params:
            yield i, f"{active:g} billion parameters at work are more than the model has ({params:g})"


def _near_other_years(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    tariffs: dict[tuple[object, object], dict[object, float]] = defaultdict(dict)
    for row in context.tables.get("electricity_prices", ()):
        price = number(row.get("usd_per_kwh"))
        if holds(row) and price:
            tariffs[row.get("country"), row.get("sector")][row.get("year")] = price
    for i, row in _judged(rows):
        price = number(row.get("usd_per_kwh"))
        years = tariffs[row.get("country"), row.get("sector")]
        others = [paid for year, paid in years.items() if year != row.get("year")]
        if price and others and not min(others) / _OTHER_YEARS <= price <= max(others) * _OTHER_YEARS:
            yield i, f"${price:g}, and ${min(others):g} to ${max(others):g} in other years: another currency?"


def _is_share(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in _judged(rows):
        unit = str(row.get("unit") or "")
        if "share" not in unit and not unit.startswith("per "):
            continue
        for end in ("low", "mid", "high"):
            value = number(row.get(end))
            if value is not None and value > _SHARE:
                yield i, f"{end} {value:g} of {row.get('name')} is a {unit}: {value:g} % is {value / 100:g}"


def _dimensions(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in _judged(rows):
        for column, (low, high) in _DIMENSIONS.items():
            value = number(row.get(column))
            if value is not None and not low <= value <= high:
                yield i, f"{column} {value:g} is not between {low:g} and {high:g}, as of all models that are known"
        params, named = number(row.get("params_b")), _NAMED_SIZE.search(str(row.get("name") or ""))
        if params is not None and named and not _AS_NAMED[0] <= params / float(named[1]) <= _AS_NAMED[1]:
            yield i, f"{params:g} billion parameters, and {row.get('name')} says {named[1]}"


def _unchanged(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    held = {row.get("name"): row for row in context.tables.get("model_shapes", ()) if holds(row)}
    for i, row in _judged(rows):
        before = held.get(row.get("name"))
        if before is None or not holds(row):
            continue
        for column in _FIXED:
            old, new = number(before.get(column)), number(row.get(column))
            if old and new and not 1 / _HALF_AS_MUCH < new / old < _HALF_AS_MUCH:
                yield i, f"{column} {new:g}, and {old:g} holds: a model that is out does not change its shape"


def _one_holds(columns: Sequence[str]) -> Check:
    def check(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
        seen: set[tuple[object, ...]] = set()
        for i, row in enumerate(rows):
            key = tuple(row.get(column) for column in columns)
            if holds(row) and key in seen:
                yield i, f"{' '.join(str(part) for part in key if part)} is there twice"
            elif holds(row):
                seen.add(key)

    return check


def _judged(rows: Sequence[Row]) -> Iterator[tuple[int, Row]]:
    """Yield the rows that nobody has found implausible yet."""
    return ((i, row) for i, row in enumerate(rows) if not row.get("implausible"))


def _rules(table: str, *rules: tuple[str, str, Check]) -> tuple[Rule, ...]:
    return tuple(Rule(name, table, why, check) for name, why, check in rules)


COST_RULES = (
    *_rules(
        "electricity_prices",
        ("tariff-in-band", "cents read as dollars, or dollars per MWh, are a hundred times off",
         _band("usd_per_kwh", *_TARIFF, "US dollars")),
        ("tariff-year", "a tariff is of a year that has begun", _year),
        ("tariff-near-other-years", "currencies slip; in the worst year tariffs doubled", _near_other_years),
        ("tariff-one-holds", "of a country, sector and year one tariff holds",
         _one_holds(("country", "sector", "year"))),
    ),
    *_rules(
        "grid_carbon",
        ("carbon-in-band", "nothing that is burnt emits more than lignite, and kilograms are a thousand times off",
         _band("g_co2e_per_kwh", *_CARBON, "grams")),
        ("carbon-year", "a figure is of a year that has begun", _year),
        ("carbon-one-holds", "of a country and year one figure holds", _one_holds(("country", "year"))),
    ),
    *_rules(
        "tco_defaults",
        ("default-in-order", "a range goes from low over mid to high", _in_order),
        ("default-share", "a share is written 0.1, not 10 (percent)", _is_share),
        ("default-one-holds", "of an input one default holds for a family", _one_holds(("name", "applies_to"))),
    ),
    *_rules(
        "model_shapes",
        ("shape-whole", "from a contradictory shape no memory can be reckoned", _shape),
        ("shape-dimensions", "parameters are in billions, and a name that says how many is right", _dimensions),
        ("shape-unchanged", "all heads taken for those of the cache are eight times too many", _unchanged),
        ("shape-one-holds", "a name means one model", _one_holds(("name",))),
    ),
)  # fmt: skip
