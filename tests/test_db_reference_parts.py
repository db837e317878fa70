"""The parts that ship: every rule holds, and every rule catches what it is there for."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.reference.files import read_shipped, shipped_bytes
from db.reference.rules import RULES, check_all, check_rows
from db.reference.rules.parts import PART_RULES
from db.reference.rules.types import Context, Rule
from db.reference.tables import FACT_UNITS, TABLES
from nlp.gazetteer import DATA

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")

PARTS = "accelerators"
FACTS = "accelerator_facts"
H100 = "nvidia-h100-sxm5-80gb"
H200 = "nvidia-h200-sxm-141gb"
RATES = ("fp16_bf16_dense_tflops", "fp8_dense_tflops", "fp4_dense_tflops", "int8_dense_tops")

Raw = dict[str, Any]


@cache
def shipped() -> Context:
    gazetteer = (DATA / "accelerators.jsonl").read_text("utf-8").splitlines()
    tables = read_shipped({table: shipped_bytes(table) for table in TABLES})
    return Context(tables, gazetteer=frozenset(json.loads(line)["id"] for line in gazetteer))


def rows_of(table: str) -> list[Raw]:
    return [dict(row) for row in shipped().tables[table]]


def used(part: str, fact: str) -> Raw:
    (row,) = [r for r in rows_of(FACTS) if (r["accelerator_id"], r["fact"], r["standing"]) == (part, fact, "used")]
    return row


def broken(rule: str, table: str, rows: list[Raw]) -> list[str]:
    """Return what a rule says of a whole table."""
    return [v.reason for v in check_rows(table, rows, shipped(), whole=True) if v.rule == rule]


@pytest.mark.parametrize("rule", PART_RULES, ids=lambda rule: rule.name)
def test_shipped_rows_keep_the_rule(rule: Rule) -> None:
    rows = rows_of(rule.table)

    assert len(rows) > 100
    assert broken(rule.name, rule.table, rows) == []


# rule -> a change that makes one shipped row break it, and what the rule then says
Change = Callable[[], tuple[list[Raw], str]]


def with_fact(part: str, fact: str, standing: str = "used", /, **change: object) -> list[Raw]:
    """Return all facts, that one changed."""
    rows = rows_of(FACTS)
    row = next(r for r in rows if (r["accelerator_id"], r["fact"], r["standing"]) == (part, fact, standing))
    row.update(change)
    return rows


def with_row(table: str, row_id: str, /, **change: object) -> list[Raw]:
    rows = rows_of(table)
    next(r for r in rows if r["id"] == row_id).update(change)
    return rows


def with_more(table: str, row: Mapping[str, object], /, **change: object) -> list[Raw]:
    return [*rows_of(table), {**row, **change}]


CAUGHT: dict[str, Change] = {
    "family-id-once": lambda: (
        with_more("accelerator_families", rows_of("accelerator_families")[0]),
        "'alibaba-hanguang-800' was there before",
    ),
    "family-kind": lambda: (with_row("accelerator_families", "nvidia-h100", kind="card"), "kind 'card' is none of"),
    "family-source": lambda: (
        with_row("accelerator_families", "nvidia-h100", source="NVIDIA"),
        "source 'NVIDIA' cannot be looked up",
    ),
    "family-taggable": lambda: (
        with_row("accelerator_families", "nvidia-h100", id="nvidia-h1000"),
        "no name of 'nvidia-h1000' is in the gazetteer",
    ),
    "part-id-once": lambda: (with_more(PARTS, rows_of(PARTS)[0]), "'nvidia-p40' was there before"),
    "part-id-form": lambda: (with_row(PARTS, H100, id="NVIDIA H100"), "must be small letters"),
    "part-family": lambda: (with_row(PARTS, H100, family_id="nvidia-h1000"), "'nvidia-h1000' is not known"),
    "part-segment": lambda: (with_row(PARTS, H100, segment="server"), "segment 'server' is none of"),
    "part-told-apart": lambda: (with_row(PARTS, H100, variant="PCIe 80GB"), "is that of another part"),
    "fact-part": lambda: (with_fact(H100, "tdp_w", accelerator_id="nvidia-h1000"), "'nvidia-h1000' is not known"),
    "fact-name": lambda: (with_fact(H100, "tdp_w", fact="watts"), "fact 'watts' is none of"),
    "fact-standing": lambda: (with_fact(H100, "tdp_w", standing="best"), "standing 'best' is none of"),
    "fact-unit": lambda: (with_fact(H100, "bandwidth_gbs", unit="TB/s"), "unit of bandwidth_gbs must be GB/s"),
    "fact-value": lambda: (with_fact(H100, "fp8_dense_tflops", value="0"), "no number above 0"),
    "fact-source": lambda: (with_fact(H100, "tdp_w", source="Epoch"), "source 'Epoch' cannot be looked up"),
    "fact-rejected-why": lambda: (
        with_fact(H100, "launch_price_usd", "rejected", note=None),
        "note does not say why",
    ),
    "fact-release-date": lambda: (with_fact(H100, "release_date", value="2027-01-01"), "after the day"),
    "fact-ended-after-read": lambda: (
        with_fact(H100, "tdp_w", superseded_at="2024-01-01"),
        "was superseded on 2024-01-01, before it was read",
    ),
    "fact-used-once": lambda: (
        with_more(FACTS, used(H100, "tdp_w"), value="699", source="https://example.org/h100"),
        "tdp_w of nvidia-h100-sxm5-80gb is in use twice",
    ),
    "fact-differs": lambda: (
        with_more(FACTS, used(H100, "tdp_w"), value="700.0", standing="differs"),
        "in the source in use, too",
    ),
    "fact-announced": lambda: (with_fact(H100, "status", value="announced"), "release date that is past"),
    "fact-power-term": lambda: (
        with_fact(H100, "tdp_w", source="https://example.org/h100"),
        "not of the source of its watts",
    ),
    "rate-not-sparse": lambda: (with_fact(H100, "fp8_dense_tflops", value="3958"), "is the sparse rate 3957.8"),
    "rate-not-vector": lambda: (with_fact(H100, "fp16_bf16_dense_tflops", value="133.8"), "is the vector rate 133.8"),
    "rate-not-doubled": lambda: (with_fact("nvidia-l4", "int8_dense_tops", value="484"), "is twice the 242"),
    "rate-in-band": lambda: (with_fact("meta-mtia-v2", "int8_dense_tops", value="354000"), "outside of 1 to 50000"),
    "figure-not-jumped": lambda: (with_fact("nvidia-l4", "tdp_w", value="7.2"), "the 72 that holds"),
    "rate-ratios": lambda: (with_fact(H100, "fp8_dense_tflops", value="3300"), "3.34 times fp16_bf16_dense_tflops"),
    "memory-in-range": lambda: (with_fact("nvidia-b200-sxm-180gb", "memory_gb", value="90"), "outside of 180 to 192"),
    "bandwidth-in-range": lambda: (with_fact("amd-mi300x", "bandwidth_gbs", value="10300"), "the range of amd-mi300x"),
    "power-in-band": lambda: (with_fact("nvidia-rtx-4090", "tdp_w", value="4500"), "outside of 20 to 700 W"),
    "power-in-range": lambda: (with_fact("nvidia-b200-sxm-180gb", "tdp_w", value="2700"), "the range of nvidia-b200"),
    "memory-as-named": lambda: (with_fact("nvidia-a100-sxm4-80gb", "memory_gb", value="40"), "that is another part's"),
    "fact-not-rejected": lambda: (with_fact("amd-mi300x", "bandwidth_gbs", value="10300"), "10300 was rejected"),
    "figure-not-a-sisters": lambda: (with_fact("nvidia-l40s", "tdp_w", value="300"), "300 is that of nvidia-l40;"),
    "rate-near-sisters": lambda: (
        with_more(FACTS, used(H200, RATES[0]), accelerator_id="nvidia-h200-nvl-141gb", value="1671"),
        "1.69 times the most of its sisters",
    ),
    "release-not-moved": lambda: (with_fact(H100, "release_date", value="2021-03-22"), "a slip of the year?"),
    "release-with-architecture": lambda: (
        with_fact(H100, "release_date", value="2021-03-22"),
        "the first other part of Hopper",
    ),
    "launch-price-in-band": lambda: (with_fact(H100, "launch_price_usd", value="300000"), "for one part"),
}


def test_every_rule_of_parts_has_a_row_that_it_catches() -> None:
    assert set(CAUGHT) | {"range-known"} == {rule.name for rule in PART_RULES}  # that one has a test of its own
    assert [name for name, count in Counter(rule.name for rule in RULES).items() if count > 1] == []


@pytest.mark.parametrize("name", CAUGHT)
def test_the_rule_catches_what_it_is_there_for(name: str) -> None:
    (rule,) = [rule for rule in PART_RULES if rule.name == name]
    rows, said = CAUGHT[name]()

    reasons = broken(name, rule.table, rows)

    assert any(said in reason for reason in reasons), reasons


def test_a_family_without_a_range_is_told() -> None:
    context = Context(shipped().tables, ranges={})

    found = [v for v in check_rows(FACTS, [used(H100, "memory_gb")], context, whole=True) if v.rule == "range-known"]

    assert [v.reason for v in found] == ["no range is known for memory_gb of nvidia-h100: nothing would catch a slip"]


def test_a_part_that_the_gazetteer_alone_knows_is_told_without_a_row() -> None:
    families = [row for row in rows_of("accelerator_families") if row["id"] != "nvidia-h100"]

    (violation,) = [
        v for v in check_rows("accelerator_families", families, shipped(), whole=True) if v.rule == "family-taggable"
    ]

    assert (violation.row, "'nvidia-h100'" in violation.reason) == (None, True)


def test_a_single_new_fact_is_judged_against_those_that_hold() -> None:
    sparse = {**used("nvidia-l4", "fp16_bf16_dense_tflops"), "value": "242", "source": "https://example.org/l4.pdf"}

    rules = {v.rule for v in check_rows(FACTS, [sparse], shipped())}

    assert rules == {"rate-not-doubled", "rate-ratios"}


def test_what_is_known_as_implausible_or_superseded_is_not_judged_again() -> None:
    sparse = {**used(H100, "fp8_dense_tflops"), "value": "3958"}

    assert check_rows(FACTS, [sparse], shipped()) != []
    assert check_rows(FACTS, [{**sparse, "implausible": "sparse"}], shipped()) == []
    assert check_rows(FACTS, [{**sparse, "superseded_at": "2026-12-01"}], shipped()) == []


def judged_figures() -> Iterator[Raw]:
    for row in rows_of(FACTS):
        if row["standing"] == "used" and row["fact"] in ("memory_gb", "bandwidth_gbs", "tdp_w", *RATES):
            yield row


@settings(deadline=None)  # each reads all facts; a busy machine needs longer
@given(row=st.sampled_from(list(judged_figures())), factor=st.sampled_from([1000, 0.001, 100, 0.01]))
def test_a_slip_of_the_unit_is_caught_in_every_figure_of_every_part(row: Raw, factor: float) -> None:
    slipped = {**row, "value": repr(float(row["value"]) * factor)}

    assert check_rows(FACTS, [slipped], shipped()) != []


@settings(deadline=None)
@given(
    row=st.sampled_from([row for row in judged_figures() if row["fact"] not in RATES]),
    factor=st.sampled_from([1000, 0.001]),
)
def test_a_slip_of_the_unit_is_caught_in_what_is_said_to_differ_too(row: Raw, factor: float) -> None:
    slipped = {**row, "standing": "differs", "value": repr(float(row["value"]) * factor)}

    assert check_rows(FACTS, [slipped], shipped()) != []


@pytest.mark.parametrize(
    ("fact", "value", "rules"),
    [
        ("tdp_w", "70000", {"power-in-band", "power-in-range"}),
        ("tdp_w", "1400", {"power-in-range"}),
        ("tdp_w", "720", set()),
        ("memory_gb", "8000", {"memory-in-range"}),
        ("bandwidth_gbs", "3.35", {"bandwidth-in-range"}),
        ("bandwidth_gbs", "3352", set()),
        (RATES[0], "989000", {"rate-in-band"}),
        ("launch_price_usd", "300000", {"launch-price-in-band"}),
    ],
)
def test_what_differs_is_judged_by_bands_and_ranges_and_no_other_rule(fact: str, value: str, rules: set[str]) -> None:
    row = {**used(H100, fact), "standing": "differs", "value": value}

    assert {v.rule for v in check_rows(FACTS, [row], shipped())} == rules


@settings(deadline=None)
@given(row=st.sampled_from([row for row in judged_figures() if row["fact"] in RATES]))
def test_twice_a_dense_rate_is_caught_for_every_part(row: Raw) -> None:
    doubled = {**row, "value": repr(2 * float(row["value"]))}

    assert "rate-not-doubled" in {v.rule for v in check_rows(FACTS, [doubled], shipped())}


def test_all_shipped_tables_together_have_no_violation_of_a_part() -> None:
    tables = {"accelerator_families", PARTS, FACTS}

    assert [(table, v) for table, v in check_all(shipped()) if table in tables] == []


def test_a_slip_in_a_part_of_which_nothing_is_known_yet_is_caught_by_its_family() -> None:
    context = Context({**shipped().tables, FACTS: []})

    for fact, value in (("memory_gb", "8"), ("bandwidth_gbs", "3.35"), ("tdp_w", "5600"), (RATES[0], "989000")):
        assert check_rows(FACTS, [{**used(H100, fact), "value": value}], context) != [], fact
        assert check_rows(FACTS, [used(H100, fact)], context) == [], fact


def test_there_are_as_many_parts_and_facts_as_promised() -> None:
    standings = Counter(row["standing"] for row in rows_of(FACTS))

    assert len(rows_of(PARTS)) >= 240
    assert standings["used"] >= 2000
    assert standings["differs"] >= 50
    assert standings["rejected"] >= 30
    assert {row["fact"] for row in rows_of(FACTS)} == set(FACT_UNITS)


@pytest.mark.parametrize(
    ("part", "fact", "value"),
    [
        (H100, "fp8_dense_tflops", "1979"),
        (H100, "tdp_w", "700"),
        ("nvidia-h200-sxm-141gb", "bandwidth_gbs", "4800"),
        ("nvidia-b200-sxm-180gb", "memory_gb", "180"),
        ("nvidia-gb300", "fp4_dense_tflops", "15000"),
        ("amd-mi300x", "bandwidth_gbs", "5300"),
        ("amd-mi325x", "memory_gb", "256"),
        ("amd-mi300a", "memory_gb", "128"),
        ("intel-gaudi3", "fp16_bf16_dense_tflops", "1677"),
        ("nvidia-l40s", "tdp_w", "350"),
        ("nvidia-l40", "fp8_dense_tflops", "362"),
        ("amd-mi325x", "fp16_bf16_dense_tflops", "1307"),
        ("google-tpu-v5p", "bandwidth_gbs", "2760"),
        ("aws-trainium1", "int8_dense_tops", "380"),
        ("nvidia-rubin", "status", "announced"),
        ("nvidia-p40", "status", "released"),
        ("nvidia-l40s", "release_date", "2023"),
        ("baidu-kunlun-k200", "release_date", "2020"),
        ("nvidia-gh200-144gb", "memory_gb", "144"),
        ("huawei-ascend-910b", "memory_gb", "64"),
        ("nvidia-b300-sxm", "tdp_w", "1400"),
        ("google-tpu-v3", "tdp_w", "262"),
        ("google-tpu-v4", "tdp_w", "192"),
        ("amd-mi250x", "tdp_w", "500"),
        ("amd-mi250x", "tdp_term", "thermal design power"),
    ],
)
def test_figures_that_lists_have_wrong_are_right_here(part: str, fact: str, value: str) -> None:
    assert used(part, fact)["value"] == value


@pytest.mark.parametrize(
    ("part", "fact", "standing", "values"),
    [
        ("nvidia-b300-sxm", "memory_gb", "differs", {"268", "270", "287.5"}),
        ("nvidia-b300-sxm", "tdp_w", "differs", {"1000", "1300"}),
        ("nvidia-gh200-144gb", "memory_gb", "differs", {"141"}),
        ("nvidia-h200-sxm-141gb", "release_date", "differs", {"2024-11-18"}),
        ("huawei-ascend-910b", "memory_gb", "differs", {"32"}),
        ("huawei-ascend-910c", "tdp_w", "rejected", {"310"}),
        ("google-tpu-v4", "tdp_w", "rejected", {"170"}),
        ("google-tpu-v7", "tdp_w", "rejected", {"980"}),
        ("nvidia-b300-sxm", "tdp_w", "rejected", {"1750"}),
        ("nvidia-b200-sxm-180gb", "memory_gb", "rejected", {"90"}),
        ("amd-mi300x", "bandwidth_gbs", "rejected", {"10300"}),
        ("amd-mi325x", "memory_gb", "rejected", {"288"}),
        ("nvidia-a100-sxm4-40gb", "memory_type", "differs", {"HBM2e"}),
        ("meta-mtia-v2", "fp16_bf16_dense_tflops", "rejected", {"5.53"}),
    ],
)
def test_what_other_sources_say_stays_visible(part: str, fact: str, standing: str, values: set[str]) -> None:
    found = [r for r in rows_of(FACTS) if (r["accelerator_id"], r["fact"], r["standing"]) == (part, fact, standing)]

    assert {row["value"] for row in found} == values
    assert all(row["source"] for row in found)


def test_available_is_only_what_a_source_of_this_year_offers() -> None:
    offered = [row for row in rows_of(FACTS) if row["fact"] == "status" and row["value"] == "available"]

    assert offered
    assert [row for row in offered if "2026" not in row["note"]] == []


def test_nothing_in_use_is_from_a_source_whose_licence_could_bind_us() -> None:
    gpl = [row for row in rows_of(FACTS) if "InferenceX" in row["source"]]

    assert {row["standing"] for row in gpl} == {"differs"}


def test_no_rate_of_a_part_is_without_its_unit_and_no_source_names_a_place_that_readers_cannot_open() -> None:
    for row in rows_of(FACTS):
        assert not any(word in f"{row['source']} {row['note'] or ''}" for word in ("/work", "/tmp", "stored ")), row


def test_known_rates_and_ranges_are_of_parts_and_families_that_exist_and_are_in_order() -> None:
    families = {row["family_id"] for row in rows_of(PARTS)}

    for rate in shipped().known_rates:
        assert rate.accelerator_id in shipped().family_of, rate
        assert rate.rate in ("sparse", "vector"), rate
        assert rate.precision in ("fp16_bf16", "fp8", "fp4", "int8"), rate
        assert 0 < rate.tflops < 100_000, rate
        assert rate.source, rate
    for (family, part), known in shipped().ranges.items():
        assert family in families, known
        assert part is None or shipped().family_of[part] == family, known
        assert known.source, known
        for low, high in (
            (known.memory_gb_low, known.memory_gb_high),
            (known.bandwidth_gbs_low, known.bandwidth_gbs_high),
            (known.tdp_w_low, known.tdp_w_high),
        ):
            assert (low is None) == (high is None), known
            assert low is None or high is None or 0 < low <= high, known


@pytest.mark.parametrize(
    ("part", "fact", "value"),
    [
        ("google-tpu-v5e", "memory_gb", "32"),
        ("nvidia-h100-pcie-80gb", "bandwidth_gbs", "3350"),
        ("nvidia-h100-pcie-80gb", "tdp_w", "700"),
        ("nvidia-l40s", "tdp_w", "300"),
    ],
)
def test_a_sisters_figure_is_caught_in_the_shipped_file_too_where_the_wrong_value_is_what_holds(
    part: str, fact: str, value: str
) -> None:
    rows = with_fact(part, fact, value=value)

    found = check_rows(FACTS, rows, Context({**shipped().tables, FACTS: rows}), whole=True)

    assert f"{fact.partition('_')[0].replace('tdp', 'power')}-in-range" in {v.rule for v in found}


@settings(deadline=None)
@given(data=st.data())
def test_a_figure_of_any_sister_is_caught(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from([row for row in judged_figures() if row["fact"] not in RATES]))
    family = shipped().family_of[row["accelerator_id"]]
    others = [
        float(other["value"])
        for other in judged_figures()
        if other["fact"] == row["fact"]
        and shipped().family_of[other["accelerator_id"]] == family
        and abs(float(other["value"]) / float(row["value"]) - 1) > 0.02
    ]
    if others:
        assert check_rows(FACTS, [{**row, "value": repr(data.draw(st.sampled_from(others)))}], shipped()) != []


def test_a_date_of_which_only_the_year_is_known_moves_to_a_day_of_it_unhindered() -> None:
    year = {**used(H100, "release_date"), "value": "2022"}

    assert check_rows(FACTS, [year], shipped()) == []


def test_what_stands_in_the_table_of_instances_is_what_the_offers_have() -> None:
    offers = [row for row in rows_of("cloud_prices") if row["instance_type"]]
    matched = [
        row
        for row in offers
        for known in shipped().instance_types
        if known.provider == row["provider"]
        and known.pattern.fullmatch(row["instance_type"].lower().replace(" ", "_"))
        and known.accelerator_id == row["accelerator_id"]
    ]

    assert {known.accelerator_id for known in shipped().instance_types} <= set(shipped().family_of)
    assert {known.source for known in shipped().instance_types if not known.source.strip()} == set()
    assert len(matched) > 60


@needs_shared
def test_every_figure_of_the_research_file_is_still_there_or_visibly_replaced() -> None:
    """A figure of the wide file may be in use, differ, be rejected or superseded: it is never silently gone."""
    replaced = {("amd-rx-7900-xtx", "tdp_w"), ("amd-mi300x", RATES[0]), ("amd-mi325x", RATES[0])}
    numbers = [fact for fact, unit in FACT_UNITS.items() if unit and fact != "launch_price_usd"]
    known = {(row["accelerator_id"], row["fact"], row["value"]): row for row in rows_of(FACTS)}
    missing = []
    with (SHARED / "reference" / "accelerators.csv").open(encoding="utf-8", newline="") as file:
        for wide in csv.DictReader(file):
            for fact in numbers:
                row = known.get((wide["id"], fact, wide[fact]))
                if wide[fact] and row is None:
                    missing.append((wide["id"], fact, wide[fact]))
                elif row is not None and (wide["id"], fact) in replaced:
                    assert row["standing"] == "differs", row
    assert missing == []
