"""Rules of prices: those of clouds and hardware are in modules of their own, those of APIs and of all three are here.

Shipped files, what a refresh has staged and users' rows are checked alike. A row that is known as implausible is not
held against the rules: its reason is in it. What a price can be follows from the other rows
(`db.reference.rules.bands`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from statistics import median

from db.reference.rules.bands import RATES, is_judged
from db.reference.rules.cloud import CLOUD_RULES
from db.reference.rules.hardware import HARDWARE_RULES
from db.reference.rules.types import Check, Context, Row, Rule, holds, number
from db.reference.superseding import is_users
from db.reference.tables import key_of

__all__ = ["PRICE_RULES"]

_OLDEST = "2006"  # the first cloud rents out machines; nothing that is compared here is older
_EARLY_DAYS = 366  # shops list a part up to a year before they can deliver it

_TOKEN_PRICES = ("input_usd_per_mtok", "cached_input_usd_per_mtok", "output_usd_per_mtok")
_TOKENS_BAND = (0.001, 900.0)  # a hundredth of the cheapest small model; half as much again as the dearest ($600)
_MOST_BY_INPUT = 20.0  # by what output is dearer than input, at most: 18 in the shipped list, mostly 2 to 8
_LEAST_BY_INPUT = 200.0  # and cached input cheaper: 120 in the shipped list
# by which the next reading differs at most. List prices of accelerators are halved at most, one of a model fell to a
# fifth, spot prices of one offer differ up to six times. Yuan or crowns taken for dollars are seven and ten times
_JUMP = dict.fromkeys(RATES, 4.0) | {"spot_usd_per_gpu_hour": 10.0} | dict.fromkeys(_TOKEN_PRICES, 6.0)
_FEW_MODELS = 4
_DEARER_THAN_ALL = 5.0  # than all other models of its provider: a new one may be the dearest, but not by far
_CHEAPER_THAN_ALL = 20.0
_WRONG_UNIT = 300.0  # from the middle of its family, a model is not so far off; a price per 1,000 tokens is 1,000 times


def _is_priced(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    low, high = _TOKENS_BAND
    for i, row in enumerate(rows):
        prices = {column: number(row.get(column)) for column in _TOKEN_PRICES}
        if all(price is None for price in prices.values()):
            yield i, "no price at all"
        for column, price in prices.items():
            if is_judged(row) and price is not None and not low <= price <= high:
                yield i, f"{column} ${price:g} is outside of ${low:g} to ${high:g} per 1M tokens"


def _in_order(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in enumerate(rows):
        if not is_judged(row):
            continue
        read, cached, written = (number(row.get(column)) for column in _TOKEN_PRICES)
        if read and cached and not read / _LEAST_BY_INPUT <= cached <= read:
            yield i, f"cached input ${cached:g} against input ${read:g}"
        if read and written and not read <= written <= read * _MOST_BY_INPUT:
            yield i, f"output ${written:g} against input ${read:g}"


def _in_unit(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    families: dict[object, list[float]] = defaultdict(list)
    for row in context.tables.get("api_prices", ()):
        price = number(row.get("input_usd_per_mtok"))
        if is_judged(row) and row.get("entity_id") and price:
            families[row["entity_id"]].append(price)
    middles = {family: median(prices) for family, prices in families.items()}
    for i, row in enumerate(rows):
        price, middle = number(row.get("input_usd_per_mtok")), middles.get(row.get("entity_id"))
        if is_judged(row) and price and middle and not 1 / _WRONG_UNIT <= price / middle <= _WRONG_UNIT:
            yield (
                i,
                f"input ${price:g}, ${middle:g} in the middle of {row['entity_id']}: per 1,000 tokens, or per token?",
            )


def _near_provider(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    prices: dict[object, dict[object, float]] = defaultdict(dict)
    for row in context.tables.get("api_prices", ()):
        price = number(row.get("input_usd_per_mtok"))
        if is_judged(row) and price:
            prices[row.get("provider")][row.get("model")] = price
    for i, row in enumerate(rows):
        price = number(row.get("input_usd_per_mtok"))
        others = [paid for model, paid in prices[row.get("provider")].items() if model != row.get("model")]
        if not is_judged(row) or not price or len(others) < _FEW_MODELS:
            continue
        low, high = min(others) / _CHEAPER_THAN_ALL, max(others) * _DEARER_THAN_ALL
        if not low <= price <= high:
            yield (
                i,
                f"input ${price:g}, and all others of {row.get('provider')} cost ${min(others):g} to ${max(others):g}",
            )


def _right_entity(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    held = context.tables.get("api_prices", ())
    names = {str(row["entity_id"]): str(row["entity_id"]).removesuffix("-llm") for row in held if row.get("entity_id")}
    words = {entity: re.compile(rf"(?<![a-z]){re.escape(name)}") for entity, name in names.items()}
    for i, row in enumerate(rows):
        entity, model = str(row.get("entity_id") or ""), str(row.get("model")).lower()
        named = {other for other, word in words.items() if word.search(model)}
        if is_judged(row) and entity and named and entity not in named:
            yield i, f"{row.get('model')} names {', '.join(sorted(named))}, not {entity}"


def _entity_known(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    if context.models is None:
        return
    for i, row in enumerate(rows):
        if row.get("entity_id") and row["entity_id"] not in context.models:
            yield i, f"tags know no family of models {row['entity_id']}"


def _part_known(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    for i, row in enumerate(rows):
        part = row.get("accelerator_id")
        if part and str(part) not in context.family_of:
            yield i, f"there is no part {part}"


def _dated(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    released = _releases(context)
    for i, row in enumerate(rows):
        dated, as_of = str(row.get("price_date") or ""), str(row.get("as_of") or "")
        ended = str(row.get("superseded_at") or "")
        if dated and dated < _OLDEST:
            yield i, f"dated {dated}: before anything of the kind was sold"
        if dated and dated > as_of:
            yield i, f"dated {dated}, but read on {as_of}: a price that is announced does not hold yet"
        if dated and ended and _before(ended, dated):
            yield i, f"superseded on {ended}, before its own date {dated}"
        release = released.get(str(row.get("accelerator_id")))
        if is_judged(row) and dated and release and _days_before(dated, release) > _EARLY_DAYS:
            yield i, f"dated {dated}, but {row['accelerator_id']} was released on {release}"


def _sourced(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for i, row in enumerate(rows):
        source = str(row.get("source") or "").strip()
        if not ("://" in source or "@" in source or " " in source or is_users(row)):
            yield i, f"source {source!r} is no address and no citation"


def _one_holds(table: str) -> Check:
    def check(rows: Sequence[Row], _: Context) -> Iterator[tuple[int | None, str]]:
        for key, times in Counter(key_of(table, row) for row in rows if holds(row)).items():
            if times > 1:
                yield None, f"{times} rows hold for {key}"

    return check


def _not_jumped(table: str, columns: Sequence[str]) -> Check:
    def check(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
        current = {key_of(table, row): row for row in context.tables.get(table, ()) if holds(row)}
        for i, row in enumerate(rows):
            before = current.get(key_of(table, row))
            if before is None or not holds(row):
                continue
            for column in columns:
                old, new = number(before.get(column)), number(row.get(column))
                if old and new and not 1 / _JUMP[column] <= new / old <= _JUMP[column]:
                    yield i, f"{column} ${new:g}, and ${old:g} on {before.get('as_of')}: cents, or another unit?"

    return check


def _releases(context: Context) -> dict[str, str]:
    """Return the release date of each part: a fact in use, or as the wide rows have it."""
    rows = context.tables.get("accelerators", ())
    released = {str(row["id"]): str(row["release_date"]) for row in rows if row.get("release_date")}
    for row in context.tables.get("accelerator_facts", ()):
        if row.get("fact") == "release_date" and row.get("standing") == "used" and holds(row):
            released[str(row["accelerator_id"])] = str(row["value"])
    return released


def _first_day(moment: str) -> date:
    """Return the first day of a date, month or year in ISO form."""
    year, month, day = (*(int(part) for part in moment.split("-")), 1, 1)[:3]
    return date(year, month, day)


def _days_before(moment: str, other: str) -> int:
    """Return how many days lie at least between two moments; 0 or less if they overlap or come in this order."""
    first, parts = _first_day(moment), moment.count("-")
    # the last day that it may mean: of the year, of the month, the day itself
    last = first + timedelta(days={0: 365, 1: 30, 2: 0}[parts])
    return (_first_day(other) - last).days


def _before(moment: str, other: str) -> bool:
    """Tell whether a moment is before another, as far as both say."""
    known = min(len(moment), len(other))
    return moment[:known] < other[:known]


API_RULES = (
    Rule("api-price-per-1m", "api_prices", "prices are per 1M tokens, and 0 stands for unknown", _is_priced),
    Rule(
        "api-prices-in-order",
        "api_prices",
        "reading from the cache is cheaper than reading, reading cheaper than writing: otherwise columns are mixed up",
        _in_order,
    ),
    Rule(
        "api-price-near-its-family",
        "api_prices",
        "a price per 1,000 tokens or per token is a thousandth or less of what the family's models cost",
        _in_unit,
    ),
    Rule(
        "api-entity-known",
        "api_prices",
        "the family of models is one that tags name, or news cannot be joined",
        _entity_known,
    ),
    Rule(
        "api-model-names-its-family",
        "api_prices",
        "a model that is named after another family counts for the wrong one",
        _right_entity,
    ),
    Rule(
        "api-price-near-its-provider",
        "api_prices",
        "a new model may be the dearest of its provider, but not by far: that is cents, or another currency",
        _near_provider,
    ),
)


_JUMPED = "a price that is many times another by the next reading is in another unit or currency"


def _common(table: str) -> tuple[Rule, ...]:
    """Return the rules that every table of prices has."""
    name = table.removesuffix("_prices")
    return (
        Rule(
            f"{name}-dates-in-order",
            table,
            "no price is from the future, from before its part, or ends before it began",
            _dated,
        ),
        Rule(f"{name}-source-said", table, "a figure that nobody can look up is not used", _sourced),
        Rule(f"{name}-one-holds", table, "of one offer at most one price is current", _one_holds(table), whole=True),
    )


PRICE_RULES: tuple[Rule, ...] = (
    *CLOUD_RULES,
    Rule("cloud-part-known", "cloud_prices", "an offer is of a part of the accelerator table", _part_known),
    Rule("cloud-price-not-jumped", "cloud_prices", _JUMPED, _not_jumped("cloud_prices", RATES)),
    *_common("cloud_prices"),
    *HARDWARE_RULES,
    *_common("hardware_prices"),
    *API_RULES,
    Rule("api-price-not-jumped", "api_prices", _JUMPED, _not_jumped("api_prices", _TOKEN_PRICES)),
    *_common("api_prices"),
)
