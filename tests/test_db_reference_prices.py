"""Prices of the reference: the shipped files keep every rule, and every rule catches what it is for."""

import csv
import json
import re
from collections import Counter
from datetime import date
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.reference.files import read_shipped, shipped_bytes
from db.reference.rules import RULES as EVERY_RULE
from db.reference.rules import check_rows
from db.reference.rules.prices import PRICE_RULES
from db.reference.rules.types import Context, InstanceType, Rule
from db.reference.tables import TABLES, key_of

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "reference"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
PRICES = ("cloud_prices", "hardware_prices", "api_prices")
RULES = {rule.name: rule for rule in PRICE_RULES}


@pytest.fixture(scope="module")
def shipped():
    return read_shipped({table: shipped_bytes(table) for table in TABLES})


@pytest.fixture(scope="module")
def models():
    text = resources.files("nlp").joinpath("data", "models.jsonl").read_text("utf-8")
    return frozenset(json.loads(line)["id"] for line in text.splitlines())


@pytest.fixture(scope="module")
def everything(shipped, models):
    return Context(shipped, models=models)


@pytest.mark.parametrize("rule", PRICE_RULES, ids=lambda rule: rule.name)
def test_the_shipped_prices_keep_the_rule(rule, shipped, everything):
    broken = [
        (shipped[rule.table][row] if row is not None else None, reason)
        for row, reason in rule.check(shipped[rule.table], everything)
    ]

    assert broken == []


# a small reference of its own: three clouds, a card and a system, two models

CONTEXT = Context(
    {
        "accelerator_families": [{"id": "acme-one"}, {"id": "acme-two"}, {"id": "acme-x100"}],
        "accelerators": [
            {"id": "acme-one-80gb", "family_id": "acme-one", "segment": "datacenter", "release_date": "2024-06"},
            {"id": "acme-two", "family_id": "acme-two", "segment": "datacenter", "release_date": None},
        ],
        "cloud_prices": [
            {
                "provider": provider,
                "accelerator_id": "acme-one-80gb",
                "gpu_count": 1,
                "ondemand_usd_per_gpu_hour": price,
            }
            for provider, price in (("cirrus", 2.0), ("cirrus", 2.5), ("stratus", 3.0), ("nimbus", 4.0))
        ]
        + [
            {
                "provider": "cumulus",
                "region": "north",
                "instance_type": "small",
                "accelerator_id": "acme-one-80gb",
                "gpu_count": 1,
                "ondemand_usd_per_gpu_hour": 6.0,
                "as_of": "2026-11-20",
            }
        ]
        + [
            {
                "provider": "cumulus",
                "region": region,
                "instance_type": "wide",
                "accelerator_id": "acme-one-80gb",
                "gpu_count": 8,
                "ondemand_usd_per_gpu_hour": price,
            }
            for region, price in (("south", 3.0), ("east", 3.4))
        ],
        "hardware_prices": [
            {"family_id": "acme-one", "kind": "street", "item": "card", "gpu_count": 1, "usd": usd, "source": source}
            for usd, source in ((30_000.0, "a shop"), (25_000.0, "another shop"))
        ]
        + [{"family_id": "acme-one", "kind": "system", "item": "rack", "gpu_count": 8, "usd": 400_000.0}]
        + [
            {
                "family_id": "acme-one",
                "accelerator_id": "acme-one-80gb",
                "kind": "list",
                "item": "module",
                "gpu_count": 1,
                "usd": 28_000.0,
                "price_date": "2025",
                "source": "https://acme.example/prices",
            }
        ],
        "api_prices": [
            *({"provider": "cassandra", "model": f"doom-{n}", "input_usd_per_mtok": float(n)} for n in (1, 2, 3, 4)),
            {"provider": "cassandra", "model": "riddle-1", "entity_id": "riddle", "input_usd_per_mtok": 1.0},
            {"provider": "oracle-at-delphi", "model": "pythia-1", "entity_id": "pythia", "input_usd_per_mtok": 2.0},
            {
                "provider": "oracle-at-delphi",
                "model": "pythia-2",
                "entity_id": "pythia",
                "input_usd_per_mtok": 3.0,
                "as_of": "2026-11-20",
            },
        ],
    },
    ranges={},
    known_rates=(),
    instance_types=(InstanceType("cumulus", re.compile("huge"), "acme-two", "https://cumulus.example/types"),),
    models=frozenset(["pythia"]),
)

GOOD = {
    "cloud_prices": {
        "provider": "cumulus", "region": "north", "instance_type": "big", "accelerator_id": "acme-one-80gb",
        "gpu_count": 8, "ondemand_usd_per_gpu_hour": 3.2, "spot_usd_per_gpu_hour": 1.1,
        "reserved_1y_usd_per_gpu_hour": 2.4, "reserved_3y_usd_per_gpu_hour": 1.9, "price_date": "2026-03",
        "source": "https://cumulus.example/prices", "note": None, "as_of": "2026-11-23", "superseded_at": None,
        "implausible": None,
    },
    "hardware_prices": {
        "family_id": "acme-one", "accelerator_id": "acme-one-80gb", "kind": "list", "item": "card", "gpu_count": 1,
        "usd": 28_000.0, "usd_low": 27_000.0, "usd_high": 29_000.0, "price_date": "2025",
        "source": "https://acme.example/prices", "note": None, "as_of": "2026-11-23", "superseded_at": None,
        "implausible": None,
    },
    "api_prices": {
        "provider": "oracle-at-delphi", "model": "pythia-3", "entity_id": "pythia", "input_usd_per_mtok": 1.0,
        "cached_input_usd_per_mtok": 0.1, "output_usd_per_mtok": 5.0, "price_date": "2026-01-15",
        "source": "https://sibyl.example/prices", "note": None, "as_of": "2026-11-23", "superseded_at": None,
        "implausible": None,
    },
}  # fmt: skip

# an instance of the same provider that is in the reference already, so much cheaper that nothing else is wrong with it
SMALL = {"instance_type": "small", "gpu_count": 1, "spot_usd_per_gpu_hour": None, "reserved_1y_usd_per_gpu_hour": None,
         "reserved_3y_usd_per_gpu_hour": None}  # fmt: skip
# rule -> what is wrong with a row, and the words that must be in the reason
CAUGHT = [
    ("cloud-price-above-0", {"spot_usd_per_gpu_hour": 0.0}, "0 stands for unknown"),
    (
        "cloud-price-above-0",
        dict.fromkeys([column for column in GOOD["cloud_prices"] if column.endswith("_hour")]),
        "no price at all",
    ),
    ("cloud-price-in-band", {"ondemand_usd_per_gpu_hour": 98.32}, "what other providers ask for acme-one"),
    ("cloud-price-in-band", {"reserved_3y_usd_per_gpu_hour": 0.02}, "outside of"),
    ("cloud-price-in-band", {"accelerator_id": "acme-two", "ondemand_usd_per_gpu_hour": 98.32}, "the class datacenter"),
    ("cloud-price-per-accelerator", {"ondemand_usd_per_gpu_hour": 24.0}, "the price of the whole"),
    ("cloud-spot-not-on-demand", {"spot_usd_per_gpu_hour": 3.2}, "on-demand price again"),
    ("cloud-discounts-are-discounts", {"spot_usd_per_gpu_hour": 3.5}, "$3.5 spot is more than $3.2 on demand"),
    ("cloud-discounts-are-discounts", {"reserved_1y_usd_per_gpu_hour": 3.5}, "for a year is more than"),
    ("cloud-discounts-are-discounts", {"reserved_3y_usd_per_gpu_hour": 2.5}, "more than $2.4 for one"),
    ("cloud-price-not-jumped", {**SMALL, "ondemand_usd_per_gpu_hour": 0.55}, "$0.55, and $6 on 2026-11-20"),
    ("cloud-part-known", {"accelerator_id": "acme-three"}, "there is no part acme-three"),
    ("cloud-dates-in-order", {"price_date": "2026-12-01"}, "announced"),
    ("cloud-dates-in-order", {"price_date": "2022"}, "was released on 2024-06"),
    ("cloud-dates-in-order", {"superseded_at": "2025-12-31"}, "before its own date 2026-03"),
    ("cloud-source-said", {"source": "internet"}, "no address and no citation"),
    ("cloud-instance-has-part", {"instance_type": "huge"}, "huge of cumulus has acme-two, not acme-one-80gb"),
    ("cloud-instance-has-part", {"instance_type": "gpu_8x_x100"}, "names acme-x100"),
    (
        "cloud-price-near-other-regions",
        {"instance_type": "wide", "region": "west", "ondemand_usd_per_gpu_hour": 1.5},
        "$3 to $3.4 in other regions",
    ),
    ("hardware-names-its-family", {"item": "card X100"}, "acme-x100, not acme-one"),
    ("hardware-names-its-family", {"source": "https://shop.example/acme-x100-card/"}, "acme-x100, not acme-one"),
    ("hardware-system-not-as-one", {"usd": 399_000.0, "usd_low": None, "usd_high": None}, "the price of the whole?"),
    ("hardware-system-not-as-one", {"kind": "system", "item": "rack"}, "a rack with 8 costs $400,000"),
    ("hardware-no-bare-die", {"source": "https://parts.example/AD102-301-A1"}, "AD102-301-A1 is a chip"),
    ("hardware-price-not-moved", {"item": "module", "usd": 43_750.0}, "$28,000 by the same source, of 2025"),
    ("hardware-price-above-0", {"usd": 0.0, "usd_low": None, "usd_high": None}, "0 or less"),
    ("hardware-price-above-0", {"usd": None, "usd_high": None}, "neither a price nor both ends"),
    ("hardware-price-above-0", {"usd_low": 28_500.0}, "not in order"),
    ("hardware-price-in-band", {"usd": 2_800_000.0}, "other prices of acme-one"),
    ("hardware-price-in-band", {"family_id": "acme-two", "usd_low": 27.0}, "the class datacenter"),
    ("hardware-price-no-share-of-a-system", {"usd": 50_000.0}, "the price of a rack divided by 8"),
    ("hardware-part-of-family", {"family_id": "acme-two"}, "is not a part of acme-two"),
    ("hardware-part-of-family", {"family_id": "acme-three", "accelerator_id": None}, "there is no family acme-three"),
    ("hardware-dates-in-order", {"price_date": "2004", "accelerator_id": None}, "before anything of the kind was sold"),
    ("hardware-source-said", {"source": "web"}, "no address"),
    ("api-price-per-1m", {"output_usd_per_mtok": 5_000.0}, "outside of"),
    (
        "api-price-per-1m",
        {"input_usd_per_mtok": None, "cached_input_usd_per_mtok": None, "output_usd_per_mtok": None},
        "no price at all",
    ),
    ("api-prices-in-order", {"cached_input_usd_per_mtok": 1.5}, "cached input $1.5 against input $1"),
    ("api-prices-in-order", {"output_usd_per_mtok": 0.5}, "output $0.5"),
    ("api-prices-in-order", {"output_usd_per_mtok": 25.0}, "output $25"),
    ("api-price-near-its-family", {"input_usd_per_mtok": 0.001}, "per 1,000 tokens"),
    ("api-price-not-jumped", {"model": "pythia-2", "input_usd_per_mtok": 0.25}, "$0.25, and $3 on 2026-11-20"),
    ("api-entity-known", {"entity_id": "sphinx"}, "tags know no family of models sphinx"),
    ("api-model-names-its-family", {"model": "riddle-2"}, "riddle-2 names riddle, not pythia"),
    ("api-price-near-its-provider", {"provider": "cassandra", "input_usd_per_mtok": 100.0}, "cost $1 to $4"),
    ("api-dates-in-order", {"price_date": "2027-01-01"}, "announced"),
    ("api-source-said", {"source": "sibyl"}, "no address"),
]


@pytest.mark.parametrize(("name", "wrong", "said"), CAUGHT, ids=lambda value: value if isinstance(value, str) else None)
def test_the_rule_catches_what_it_is_for_and_names_the_row(name, wrong, said):
    rule = RULES[name]
    good = GOOD[rule.table]

    assert check_rows(rule.table, [good], CONTEXT) == []
    [(row, reason)] = list(rule.check([good, good | wrong], CONTEXT))
    assert (row, said in reason) == (1, True), reason


@pytest.mark.parametrize("table", PRICES)
def test_of_one_offer_at_most_one_price_may_hold(table):
    good = GOOD[table]
    [rule] = [rule for rule in PRICE_RULES if rule.table == table and rule.whole]
    later = good | {"superseded_at": "2026-11-20"}

    assert list(rule.check([good, later, good | {"implausible": "no"}], CONTEXT)) == []
    [(row, reason)] = list(rule.check([good, dict(good), later], CONTEXT))
    assert row is None
    assert reason.startswith("2 rows hold for")


def test_every_rule_has_a_case():
    assert {name for name, *_ in CAUGHT} == {rule.name for rule in PRICE_RULES if not rule.whole}
    assert len(RULES) == len(PRICE_RULES)
    assert all(rule.why for rule in PRICE_RULES)


def test_the_readme_lists_every_rule():
    readme = resources.files("db.reference").joinpath("README.md").read_text("utf-8")

    assert [rule.name for rule in EVERY_RULE if f"- `{rule.name}`: " not in readme] == []


def test_what_is_known_as_implausible_is_held_against_no_rule():
    known = GOOD["cloud_prices"] | {"ondemand_usd_per_gpu_hour": 98.32, "implausible": "the price of eight"}

    assert check_rows("cloud_prices", [known], CONTEXT) == []


def test_a_price_is_not_judged_by_its_own_provider_nor_by_implausible_rows():
    row = GOOD["cloud_prices"] | {"ondemand_usd_per_gpu_hour": 98.32}
    own = [row] * 9
    doubtful = [row | {"provider": "fog", "implausible": "?"}, row | {"provider": "mist", "implausible": "?"}]
    tables = CONTEXT.tables | {"cloud_prices": [*CONTEXT.tables["cloud_prices"], *own, *doubtful]}
    context = Context(tables, ranges={}, known_rates=())

    assert list(RULES["cloud-price-in-band"].check([row], context))


def test_an_empty_reference_refuses_only_what_no_accelerator_costs():
    nothing = Context({"accelerators": CONTEXT.tables["accelerators"]}, ranges={}, known_rates=())
    row = GOOD["cloud_prices"]

    assert not list(RULES["cloud-price-in-band"].check([row | {"ondemand_usd_per_gpu_hour": 98.32}], nothing))
    assert list(RULES["cloud-price-in-band"].check([row | {"ondemand_usd_per_gpu_hour": 983.2}], nothing))


def test_a_dear_provider_with_small_instances_at_the_same_rate_is_only_dear():
    rule = RULES["cloud-price-per-accelerator"]
    large = GOOD["cloud_prices"] | {"ondemand_usd_per_gpu_hour": 24.0}
    small = large | {"instance_type": "small", "gpu_count": 1}

    assert list(rule.check([large], CONTEXT))
    assert not list(rule.check([large, small], CONTEXT))
    assert list(rule.check([large, small | {"ondemand_usd_per_gpu_hour": 3.0}], CONTEXT))


@given(
    price=st.floats(0.01, 100), count=st.sampled_from([2, 4, 8, 16]), provider=st.sampled_from(["cirrus", "cumulus"])
)
def test_an_instance_price_is_found_by_the_providers_own_single_accelerator(price, count, provider):
    one = GOOD["cloud_prices"] | {"provider": provider, "gpu_count": 1, "ondemand_usd_per_gpu_hour": price}
    whole = one | {"gpu_count": count, "ondemand_usd_per_gpu_hour": price * count}
    right = one | {"gpu_count": count}
    rule: Rule = RULES["cloud-price-per-accelerator"]

    assert [row for row, _ in rule.check([one, whole], CONTEXT)] == [1]
    assert list(rule.check([one, right], CONTEXT)) == []


def test_a_price_is_not_held_against_regions_that_do_not_agree_nor_against_other_sellers_of_a_market():
    rule = RULES["cloud-price-near-other-regions"]
    cheap = GOOD["cloud_prices"] | {"instance_type": "wide", "region": "west", "ondemand_usd_per_gpu_hour": 1.5}
    rows = CONTEXT.tables["cloud_prices"]
    dear = [row | {"ondemand_usd_per_gpu_hour": 9.0} if row.get("region") == "east" else row for row in rows]
    market = [row | {"provider": "vast"} for row in rows]

    assert list(rule.check([cheap], CONTEXT))
    assert not list(rule.check([cheap], Context(CONTEXT.tables | {"cloud_prices": dear})))
    assert not list(rule.check([cheap | {"provider": "vast"}], Context(CONTEXT.tables | {"cloud_prices": market})))


# what the files must have, beyond the rules


def test_history_is_a_chain_each_price_ends_when_the_next_begins(shipped):
    for table, longest in (("cloud_prices", 10), ("api_prices", 3)):
        chains = {}
        for row in shipped[table]:
            if not row["implausible"]:
                chains.setdefault(key_of(table, row), []).append(row)
        assert max(len(chain) for chain in chains.values()) >= longest
        for chain in chains.values():
            chain.sort(key=lambda row: (row["superseded_at"] or "9", row["price_date"] or row["as_of"]))
            for earlier, later in pairwise(chain):
                assert earlier["superseded_at"] == (later["price_date"] or later["as_of"]), earlier


def test_spot_prices_that_repeat_the_on_demand_price_were_left_out(shipped):
    repeated = [row for row in shipped["cloud_prices"] if "repeats the on-demand price" in (row["note"] or "")]

    assert len(repeated) == 4
    assert {row["spot_usd_per_gpu_hour"] for row in repeated} == {None}


def test_known_traps_are_kept_but_never_used(shipped):
    reasons = Counter(row["implausible"] for row in shipped["hardware_prices"] if row["implausible"])
    eighth = [row for row in shipped["hardware_prices"] if row["gpu_count"] == 1 and row["usd"] == 44489.88]

    assert eighth == []  # a system in euro, divided by eight
    assert sum(times for reason, times in reasons.items() if "euro" in reason) == 7
    assert sum(times for reason, times in reasons.items() if "is about the" in reason) == 2
    machines = [row for row in shipped["cloud_prices"] if "without" in str(row["implausible"]) or row["implausible"]]
    assert {row["provider"] for row in machines} <= {"gcp", "lambda"}


def test_what_the_lists_could_not_verify_or_is_of_another_thing_is_never_used(shipped):
    doubtful = {row["model"] for row in shipped["api_prices"] if row["implausible"]}
    dies = [row for row in shipped["hardware_prices"] if "AD102-301" in row["source"]]

    assert doubtful == {
        "gemini-pro", "gemma-2-27b-it", "gpt-oss-120b", "gpt-oss-20b", "minimax-01", "minimax-m1", "sonar-pro-search",
        "mistral-small-24b-instruct-2501", "mistral-small-3.1-24b-instruct",
    }  # fmt: skip
    assert [bool(row["implausible"]) for row in dies] == [True]


def test_a_model_that_is_retired_has_no_price_that_holds(shipped):
    retired = [row for row in shipped["api_prices"] if "retired on" in (row["note"] or "")]

    assert len(retired) >= 50
    assert {"gpt-4", "deepseek-chat", "mistral-medium-2312"} <= {row["model"] for row in retired}
    assert [row for row in retired if f"retired on {row['superseded_at']}" not in row["note"]] == []


def held(shipped, table):
    return [row for row in shipped[table] if not row["superseded_at"] and not row["implausible"]]


def test_what_a_later_listing_of_the_same_offer_contradicts_has_ended(shipped):
    offers = held(shipped, "cloud_prices")
    old = [row for row in offers if row["provider"] == "lambda" and row["price_date"] == "2024-09-01"]
    vague = [row for row in offers if row["region"] in ("East US", "US", "Europe") and row["provider"] == "aws"]

    assert (old, vague) == ([], [])
    ended = [row["provider"] for row in shipped["cloud_prices"] if "ended by" in (row["note"] or "")]
    assert ended.count("oblivus") >= 8


def test_the_readme_says_how_much_was_ended_and_left_unused(shipped):
    readme = resources.files("db.reference").joinpath("README.md").read_text("utf-8")
    notes = {table: [row["note"] or "" for row in shipped[table]] for table in PRICES}
    ended = sum("ended by " in note and "ended by later rows" not in note for note in notes["cloud_prices"])
    retired = sum("retired on" in note for note in notes["api_prices"])
    share_alike = sum(row["source"].startswith("stas00/ml-engineering") for row in shipped["accelerator_facts"])

    assert f"{ended} rows, whose notes name what ended them" in readme
    assert f"{retired} prices end on the day" in readme
    assert f"{share_alike} rows of `accelerator_facts.csv`" in readme


def test_tables_are_as_large_and_broad_as_they_claim(shipped):
    providers = {table: {row["provider"] for row in shipped[table]} for table in ("cloud_prices", "api_prices")}

    assert {"aws", "azure", "gcp", "oci", "lambda", "runpod", "vast", "verda"} <= providers["cloud_prices"]
    assert {"openai", "anthropic", "google", "mistral", "deepseek", "aws", "x-ai", "cohere"} <= providers["api_prices"]
    assert {row["kind"] for row in shipped["hardware_prices"]} == {"launch", "list", "street", "system", "estimate"}
    reserved = [row for row in shipped["cloud_prices"] if row["reserved_3y_usd_per_gpu_hour"]]
    assert len(reserved) >= 50


def test_every_price_says_where_it_is_from_and_when_it_was_read(shipped):
    for table in PRICES:
        for row in shipped[table]:
            assert 10 < len(row["source"]) <= 300
            assert date.fromisoformat(row["as_of"]) >= date(2026, 1, 1)  # nothing was read before
            assert (row["price_date"] or "") <= row["as_of"]  # nobody reads the price of a day to come


@pytest.mark.parametrize(
    ("provider", "model", "prices"),
    [
        ("openai", "gpt-5", (1.25, 0.125, 10.0)),
        ("anthropic", "claude-sonnet-4-0", (3.0, 0.3, 15.0)),
        ("anthropic", "claude-opus-4-0", (15.0, 1.5, 75.0)),
        ("google", "gemini-2.5-pro", (1.25, 0.125, 10.0)),
    ],
)
def test_api_prices_that_a_paper_prints_are_the_same_here(shipped, provider, model, prices):
    [row] = [
        row
        for row in shipped["api_prices"]
        if (row["provider"], row["model"]) == (provider, model) and not row["superseded_at"]
    ]

    assert tuple(row[column] for column in row if column.endswith("_mtok")) == prices


@needs_shared
def test_no_figure_of_the_price_history_was_mistyped(shipped):
    with (SHARED / "gpu_price_history_epoch.csv").open(encoding="utf-8") as file:
        history = list(csv.DictReader(file))
    columns = ("ondemand_usd_chip_hour", "cud1y_usd_chip_hour", "cud3y_usd_chip_hour")
    rates = {tuple(float(row[column]) if row[column] else None for column in columns) for row in history}
    bought = {float(row["purchase_usd"]) for row in history if row["purchase_usd"]}
    from_it = "epoch-research/training-cost-trends@263c40a159307e917213d1dc433c617e47d55bfe:data/Hardware prices.csv"

    rented = [row for row in shipped["cloud_prices"] if row["source"].startswith(from_it)]
    sold = [row for row in shipped["hardware_prices"] if row["source"].startswith(from_it) and row["usd_low"] is None]

    assert len(rented) >= 250
    for row in rented:
        assert tuple(row[f"{c}_usd_per_gpu_hour"] for c in ("ondemand", "reserved_1y", "reserved_3y")) in rates, row
    assert len(sold) >= 80
    for row in sold:  # the file prints the price of one accelerator, some rounded from the total that its note has
        assert min(abs(row["usd"] / row["gpu_count"] - price) for price in bought) < 0.03, row


@needs_shared
def test_no_figure_of_the_catalogues_was_mistyped(shipped):
    with (SHARED / "cloud_prices.csv").open(encoding="utf-8") as file:
        read = {
            (row["provider"], row["instance_type"], row["accelerator_id"], row["ondemand_usd_per_gpu_hour"])
            for row in csv.DictReader(file)
            if row["gpu_count"] != "0"
        }
    ours = {
        (row["provider"], row["instance_type"], row["accelerator_id"], row["ondemand_usd_per_gpu_hour"] or 0.0)
        for row in shipped["cloud_prices"]
    }

    missing = {row for row in read if (*row[:3], float(row[3] or 0)) not in ours}
    assert {row[0] for row in missing} <= {"seeweb", "gcp"}  # left out: currency not said; TPU v2 to v4, host machines
