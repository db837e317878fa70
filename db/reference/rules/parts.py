"""Rules of parts, families and of the form of facts; what the figures may be is in `figures`."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

from db.reference.rules.figures import FIGURE_RULES
from db.reference.rules.sisters import SISTER_RULES
from db.reference.rules.types import Check, Context, Row, Rule, holds, number
from db.reference.superseding import is_users
from db.reference.tables import FACT_UNITS

__all__ = ["PART_RULES"]

_STANDINGS = ("used", "differs", "rejected")
_STATUSES = ("announced", "released", "available", "discontinued", "cancelled")
_SEGMENTS = ("datacenter", "workstation", "consumer", "cloud-only", "edge", "internal")
_KINDS = ("product", "series", "architecture", "system")
_MEMORY = re.compile(r"HBM(2e?|3e?|4)?|GDDR(5X?|6X?|7)|LPDDR(4X?|5X?)|DRAM|HiBL 1\.0")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SOURCE_LENGTH = 300
# an address, or repository@commit:path, or at least author and title: one or two words cannot be looked up
_CITED = re.compile(r"https?://\S+\.\S+|\S+@[0-9a-f]{7,40}:|\S+\s+\S+\s+\S+")
_OLDEST = date(2010, 1, 1)  # no part of the tables is older; an earlier date is a slip


def _each(wrong: Callable[[Row, Context], str | None]) -> Check:
    """Make a check of a function that says what is wrong with a single row."""

    def check(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
        for index, row in enumerate(rows):
            if reason := wrong(row, context):
                yield index, reason

    return check


def _one_of(column: str, accepted: Sequence[str]) -> Check:
    def wrong(row: Row, _: Context) -> str | None:
        return None if row[column] in accepted else f"{column} '{row[column]}' is none of {', '.join(accepted)}"

    return _each(wrong)


def _unique(column: str) -> Check:
    def check(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
        seen: set[object] = set()
        for index, row in enumerate(rows):
            if row[column] in seen:
                yield index, f"{column} '{row[column]}' was there before"
            seen.add(row[column])

    return check


def _id_form(row: Row, _: Context) -> str | None:
    return None if _ID.fullmatch(str(row["id"])) else f"id '{row['id']}' must be small letters, digits and hyphens"


def _family_known(row: Row, context: Context) -> str | None:
    return None if row["family_id"] in context.families else f"family '{row['family_id']}' is not known"


def _told_apart(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    counted = Counter((row["family_id"], row.get("variant")) for row in rows)
    for index, row in enumerate(rows):
        if counted[row["family_id"], row.get("variant")] > 1:
            yield index, f"variant '{row.get('variant') or ''}' is that of another part of {row['family_id']}, too"


def _taggable(rows: Sequence[Row], context: Context) -> Iterator[tuple[int | None, str]]:
    if context.gazetteer is None:
        return
    for index, row in enumerate(rows):
        if row["id"] not in context.gazetteer:
            yield index, f"no name of '{row['id']}' is in the gazetteer: news about it would not join"
    for missing in sorted(context.gazetteer - {str(row["id"]) for row in rows}):
        yield None, f"the gazetteer tags '{missing}', which is not among the families"


def _part_known(row: Row, context: Context) -> str | None:
    known = row["accelerator_id"] in context.family_of
    return None if known else f"part '{row['accelerator_id']}' is not known"


def _unit(row: Row, _: Context) -> str | None:
    unit = FACT_UNITS.get(str(row["fact"]))
    return None if (row.get("unit") or None) == unit else f"unit of {row['fact']} must be {unit or 'empty'}"


def _value(row: Row, _: Context) -> str | None:
    fact, value = str(row["fact"]), row["value"]
    if FACT_UNITS.get(fact):
        amount = number(value)
        finite = amount is not None and 0 < amount < float("inf")
        return None if finite else f"{fact} '{value}' is no number above 0; what is unknown is left out"
    if not isinstance(value, str) or not value.strip():
        return f"{fact} has no value; what is unknown is left out"
    if fact == "status" and value not in _STATUSES:
        return f"status '{value}' is none of {', '.join(_STATUSES)}"
    if fact == "memory_type" and not _MEMORY.fullmatch(value):
        return f"memory type '{value}' is none that is known"
    return None


def _source(row: Row, _: Context) -> str | None:
    source = str(row.get("source") or "")
    if len(source) > _SOURCE_LENGTH:
        return f"source is longer than {_SOURCE_LENGTH} characters"
    if is_users(row) or _CITED.search(source):
        return None
    return f"source '{source}' cannot be looked up: address, file or citation"


def _rejected_why(row: Row, _: Context) -> str | None:
    needed = row["standing"] == "rejected" and not row.get("note")
    return "is rejected, and note does not say why" if needed else None


def _release(row: Row, _: Context) -> str | None:
    if row["fact"] != "release_date" or row["standing"] == "rejected":
        return None
    day = _first_day(str(row["value"]))
    if day is None:
        return f"release date '{row['value']}' is no day, month or year"
    if not _OLDEST <= day <= date.fromisoformat(str(row["as_of"])):
        return f"release date {row['value']} is before {_OLDEST.year} or after the day on which the source was read"
    return None


def _first_day(text: str) -> date | None:
    """Return the first day of a day, month or year in ISO form."""
    try:
        return date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return None


def _ended(row: Row, _: Context) -> str | None:
    ended = row.get("superseded_at")
    too_early = ended is not None and ended != "" and str(ended) < str(row["as_of"])
    return f"was superseded on {ended}, before it was read on {row['as_of']}" if too_early else None


def _one_used(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    seen: set[tuple[object, object]] = set()
    for index, row in enumerate(rows):
        key = (row["accelerator_id"], row["fact"])
        if row["standing"] == "used" and holds(row):
            if key in seen:
                yield index, f"{row['fact']} of {row['accelerator_id']} is in use twice"
            seen.add(key)


def _differs(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    """A differing value needs one that is in use and is another."""
    used = {(row["accelerator_id"], row["fact"]): row for row in rows if row["standing"] == "used" and holds(row)}
    for index, row in enumerate(rows):
        if row["standing"] != "differs" or not holds(row):
            continue
        other = used.get((row["accelerator_id"], row["fact"]))
        if other is None:
            yield index, f"{row['fact']} of {row['accelerator_id']} differs from nothing: no source is in use"
        elif _same(row, other):
            yield index, f"{row['fact']} of {row['accelerator_id']} is {row['value']} in the source in use, too"


def _same(row: Row, other: Row) -> bool:
    if FACT_UNITS.get(str(row["fact"])):
        return number(row["value"]) == number(other["value"])
    return row["value"] == other["value"]


def _announced(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    facts: Mapping[object, dict[object, object]] = defaultdict(dict)
    for row in rows:
        if row["standing"] == "used" and holds(row):
            facts[row["accelerator_id"]][row["fact"]] = row["value"]
    for index, row in enumerate(rows):
        announced = row["fact"] == "status" and row["value"] == "announced" and row["standing"] == "used"
        if announced and holds(row) and "release_date" in facts[row["accelerator_id"]]:
            yield index, f"{row['accelerator_id']} is only announced, but has a release date that is past"


def _power_term(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    used = [(index, row) for index, row in enumerate(rows) if row["standing"] == "used" and holds(row)]
    power = {row["accelerator_id"]: row["source"] for _, row in used if row["fact"] == "tdp_w"}
    for index, row in used:
        if row["fact"] == "tdp_term" and power.get(row["accelerator_id"]) != row["source"]:
            yield index, f"the word for the power of {row['accelerator_id']} is not of the source of its watts"


_FAMILIES, _PARTS, _FACTS = "accelerator_families", "accelerators", "accelerator_facts"

PART_RULES: tuple[Rule, ...] = (
    Rule("family-id-once", _FAMILIES, "an id names one family", _unique("id")),
    Rule(
        "family-kind", _FAMILIES, "product, series, architecture or system: what a name covers", _one_of("kind", _KINDS)
    ),
    Rule("family-source", _FAMILIES, "a name that nobody can look up may be ours alone", _each(_source)),
    Rule("family-taggable", _FAMILIES, "news join by family: both lists must have it", _taggable, whole=True),
    Rule("part-id-once", _PARTS, "an id names one part", _unique("id")),
    Rule("part-id-form", _PARTS, "ids are typed on the command line and stand in addresses", _each(_id_form)),
    Rule("part-family", _PARTS, "a part without a known family joins nothing", _each(_family_known)),
    Rule("part-segment", _PARTS, "bands of power and prices depend on it", _one_of("segment", _SEGMENTS)),
    Rule("part-told-apart", _PARTS, "two parts of a family must not look the same", _told_apart, whole=True),
    Rule("fact-part", _FACTS, "a fact is of a part that is known", _each(_part_known)),
    Rule("fact-name", _FACTS, "a fact is a column of accelerators", _one_of("fact", tuple(FACT_UNITS))),
    Rule("fact-standing", _FACTS, "in use, differing or rejected", _one_of("standing", _STANDINGS)),
    Rule("fact-unit", _FACTS, "TB/s taken for GB/s are a thousand times off", _each(_unit)),
    Rule("fact-value", _FACTS, "unknown is left out: never 0, never a word where a number belongs", _each(_value)),
    Rule("fact-source", _FACTS, "a figure that nobody can look up is worth nothing", _each(_source)),
    Rule("fact-rejected-why", _FACTS, "a figure is not thrown out without a reason", _each(_rejected_why)),
    Rule("fact-release-date", _FACTS, "release is in the past of the source and not before 2010", _each(_release)),
    Rule("fact-ended-after-read", _FACTS, "a value ends after the day on which it was read", _each(_ended)),
    Rule("fact-used-once", _FACTS, "one value of a fact is in use, not two", _one_used),
    Rule("fact-differs", _FACTS, "a conflict has two sides: a value in use and another", _differs, whole=True),
    Rule("fact-announced", _FACTS, "what is only announced has no release behind it", _announced, whole=True),
    Rule("fact-power-term", _FACTS, "TDP, TGP and board power are not the same watts", _power_term, whole=True),
    *FIGURE_RULES,
    *SISTER_RULES,
)
