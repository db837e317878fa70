"""Rules that compare a part with what is known of it already, and with its sisters: the other parts of its family.

Hardware that is sold does not change, so what a refresh or a user brings should differ from what holds only where that
was wrong. A value that was thrown out before, or that of a sister, is most often a mistake of the source.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from db.reference.rules.types import Context, Row, Rule, holds, number
from db.reference.tables import FACT_UNITS

__all__ = ["SISTER_RULES"]

_NEAR = 0.01  # sources round: 3350 and 3352
_RATES = ("fp16_bf16_dense_tflops", "fp8_dense_tflops", "fp4_dense_tflops", "int8_dense_tops")
_OWN = (*_RATES, "memory_gb", "bandwidth_gbs", "tdp_w")  # what tells a part from its sisters
_MEMORY = re.compile(r"-(\d+)gb$")  # at the end of an id
_USABLE = 0.95  # of what the name says, what is left for programs: GH200 with 144 GB has 141
_FASTER = 1.5  # by which clocks and units that are switched off tell sisters of one chip apart, at most; sparse is 2
_DAYS = 300  # by which sources differ on a release: announced, delivered, sold everywhere
_BEFORE_ALL = 180  # days by which a part may be earlier than all others of its architecture
_FEW = 3

Key = tuple[str, str]


def _named_memory(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    for index, row in _judged(rows, "memory_gb"):
        value, named = number(row["value"]), _MEMORY.search(str(row["accelerator_id"]))
        if value is not None and named and not _USABLE * float(named[1]) <= value <= float(named[1]):
            yield index, f"memory_gb {value:g} of {row['accelerator_id']}: that is another part's"


def _not_rejected(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    rejected: dict[Key, list[Row]] = defaultdict(list)
    for row in (*context.tables.get("accelerator_facts", ()), *rows):
        if row["standing"] == "rejected" and not row.get("implausible"):
            rejected[_key(row)].append(row)
    for index, row in _judged(rows):
        for other in rejected[_key(row)]:
            if _alike(row, other):
                yield index, f"{row['fact']} {row['value']} was rejected: {other.get('note') or other['source']}"
                break


def _not_a_sisters(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    """A value that differs from what holds and is that of a sister was read from the wrong column."""
    held = _held(context)
    sisters = _sisters(context)
    for index, row in _judged(rows, *_OWN):
        part, fact = _key(row)
        value, before = number(row["value"]), number(held.get((part, fact)))
        if value is None or before is None or _is_near(value, before):
            continue
        for sister in sisters.get(part, ()):
            other = number(held.get((sister, fact)))
            if other is not None and _is_near(value, other):
                yield index, f"{fact} {value:g} is that of {sister}; {before:g} holds for {part}"
                break


def _sisters_rate(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    """A first rate of a part is not much above those of its sisters of the same architecture: they are one chip."""
    held = _held(context)
    for index, row in _judged(rows, *_RATES):
        part, fact = _key(row)
        value, architecture = number(row["value"]), held.get((part, "architecture"))
        rates = [
            rate
            for other in context.sisters(part)
            if architecture and held.get((other, "architecture")) == architecture
            if (rate := number(held.get((other, fact)))) is not None
        ]
        if value is not None and rates and value > _FASTER * max(rates):
            most = f"{value / max(rates):.2f} times the most of its sisters"
            yield index, f"{fact} {value:g} of {part} is {most}: it may be sparse"


def _release_near(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    held = _held(context)
    for index, row in _judged(rows, "release_date"):
        before, now = _first_day(held.get(_key(row))), _first_day(row["value"])
        if before and now and not _is_vague(row["value"], held.get(_key(row))) and abs((now - before).days) > _DAYS:
            yield index, f"release date {row['value']}, and {before} holds: a slip of the year?"


def _release_of_architecture(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    held = _held(context)
    dates: dict[str, dict[str, date]] = defaultdict(dict)
    for (part, fact), value in held.items():
        day = _first_day(value) if fact == "release_date" else None
        if day and (architecture := held.get((part, "architecture"))):
            dates[str(architecture)][part] = day
    for index, row in _judged(rows, "release_date"):
        part, now = str(row["accelerator_id"]), _first_day(row["value"])
        architecture = str(held.get((part, "architecture")))
        others = [day for other, day in dates[architecture].items() if other != part]
        if now and len(others) >= _FEW and (min(others) - now).days > _BEFORE_ALL and len(str(row["value"])) > 4:
            yield index, f"release date {row['value']}: the first other part of {architecture} is of {min(others)}"


def _judged(rows: Sequence[Row], *facts: str) -> Iterator[tuple[int, Row]]:
    """Yield the rows in use, of some facts if any are named."""
    for index, row in enumerate(rows):
        if row["standing"] == "used" and holds(row) and (not facts or row["fact"] in facts):
            yield index, row


def _held(context: Context) -> Mapping[Key, str | int | float | None]:
    return {_key(row): row["value"] for _, row in _judged(context.tables.get("accelerator_facts", ()))}


def _sisters(context: Context) -> Mapping[str, Sequence[str]]:
    """Return the other parts of a family, and of those whose names begin alike: L40 and L40S."""
    families = set(context.family_of.values())
    alike = {one: {two for two in families if one.startswith(two) or two.startswith(one)} for one in families}
    return {
        part: [other for other, of in context.family_of.items() if of in alike[family] and other != part]
        for part, family in context.family_of.items()
    }


def _key(row: Row) -> Key:
    return str(row["accelerator_id"]), str(row["fact"])


def _alike(one: Row, other: Row) -> bool:
    if FACT_UNITS.get(str(one["fact"])):
        return number(one["value"]) == number(other["value"])
    return one["value"] == other["value"]


def _is_near(value: float, other: float) -> bool:
    return abs(value - other) <= _NEAR * other


def _is_vague(*moments: object) -> bool:
    """Tell whether one of the moments is only a year."""
    return any(len(str(moment)) <= 4 for moment in moments)


def _first_day(moment: object) -> date | None:
    """Return the first day of a day, month or year in ISO form; None: it is no date."""
    text = str(moment)
    try:
        return date.fromisoformat(text + "-01-01"[: 10 - len(text)] if len(text) < 10 else text)
    except ValueError:
        return None


_FACTS = "accelerator_facts"

SISTER_RULES: tuple[Rule, ...] = (
    Rule("memory-as-named", _FACTS, "a part that is named by its memory has that, not a sister's", _named_memory),
    Rule("fact-not-rejected", _FACTS, "a figure that was thrown out does not come back unseen", _not_rejected),
    Rule("figure-not-a-sisters", _FACTS, "data sheets have columns side by side, and one slips", _not_a_sisters),
    Rule("rate-near-sisters", _FACTS, "sisters share a chip: twice their dense rate is sparse", _sisters_rate),
    Rule("release-not-moved", _FACTS, "a past release does not move by a year", _release_near),
    Rule("release-with-architecture", _FACTS, "no part is out before its architecture is", _release_of_architecture),
)
