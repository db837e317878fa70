"""Rules of tariffs, carbon, defaults and shapes: the shipped files keep them, and each catches what it is for."""

import pytest

from db.reference import read_rows
from db.reference.files import shipped_bytes
from db.reference.rules import Context, check_rows
from db.reference.rules.costs import COST_RULES

TARIFF = {"country": "DE", "year": 2024, "sector": "industrial", "usd_per_kwh": 0.2, "as_of": "2026-11-23"}
CARBON = {"country": "DE", "year": 2024, "g_co2e_per_kwh": 380.0, "as_of": "2026-11-23"}
DEFAULT = {"name": "pue", "applies_to": "", "low": 1.1, "mid": 1.25, "high": 1.5}
SHAPE = {"name": "m", "params_b": 70.0, "layers": 80, "kv_heads": 8, "head_dim": 128}
GOOD = {"electricity_prices": TARIFF, "grid_carbon": CARBON, "tco_defaults": DEFAULT, "model_shapes": SHAPE}
OTHERS = Context(
    {
        "electricity_prices": [TARIFF | {"country": "ES", "year": 2023}],
        "model_shapes": [SHAPE | {"name": "released"}],
    }
)
MAINTENANCE = {"name": "maintenance_share", "unit": "share of capital per year", "low": 0.01, "mid": 0.1, "high": 0.15}
WRONG = {
    "tariff-in-band": [{"usd_per_kwh": 20.0}, {"usd_per_kwh": 200.0}, {"usd_per_kwh": 0.002}],
    "tariff-near-other-years": [{"country": "ES", "usd_per_kwh": 0.6}, {"country": "ES", "usd_per_kwh": 0.07}],
    "tariff-year": [{"year": 2031}, {"year": 24}],
    "carbon-in-band": [{"g_co2e_per_kwh": 0.38}, {"g_co2e_per_kwh": 38_000.0}],
    "carbon-year": [{"year": 2027}],
    "default-in-order": [{"mid": 1.6}, {"low": 1.3}],
    "default-share": [MAINTENANCE | {"mid": 10.0, "high": None}, MAINTENANCE | {"high": 15.0}],
    "shape-dimensions": [{"name": "other-8b"}, {"params_b": 70_553.0}, {"kv_heads": 96}, {"layers": 8192}],
    "shape-unchanged": [{"name": "released", "kv_heads": 64}, {"name": "released", "params_b": 8.03}],
    "shape-whole": [{"kv_lora_rank": 512}, {"head_dim": None}, {"full_layers": 90}, {"active_params_b": 71.0}],
}
CASES = [(name, change) for name, changes in WRONG.items() for change in changes]
BY_NAME = {rule.name: rule for rule in COST_RULES}


@pytest.mark.parametrize("rule", COST_RULES, ids=lambda rule: rule.name)
def test_the_shipped_files_keep_the_rule(rule):
    rows = read_rows(rule.table, shipped_bytes(rule.table), name=rule.table)

    assert rows
    assert list(rule.check(rows, Context({rule.table: rows}))) == []


@pytest.mark.parametrize(("name", "change"), CASES)
def test_the_rule_catches_what_it_is_for_and_names_the_row(name, change):
    rule = BY_NAME[name]
    good = GOOD[rule.table]

    found = check_rows(rule.table, [good, good | {"name": "other", "country": "FR"} | change], OTHERS)

    assert [(one.row, one.rule) for one in found] == [(1, name)]


@pytest.mark.parametrize("table", GOOD)
def test_of_one_thing_one_row_holds(table):
    good = GOOD[table]

    twice = check_rows(table, [good, good], Context())
    history = check_rows(table, [good | {"superseded_at": "2026-01-01"}, good], Context())

    assert [one.row for one in twice] == [1]
    assert twice[0].rule.endswith("-one-holds")
    assert history == []


def test_what_is_known_as_implausible_is_not_held_against_anybody():
    row = TARIFF | {"usd_per_kwh": 20.0, "implausible": "cents"}

    assert check_rows("electricity_prices", [row], Context()) == []


@pytest.mark.parametrize(
    ("name", "params"), [("mixtral-8x7b", 46.7), ("qwen2.5-7b", 7.62), ("qwen3-235b-a22b", 235.1), ("yi-1.5-34b", 34.4)]
)
def test_a_name_that_tells_the_parameters_is_read_as_it_is_meant(name, params):
    assert check_rows("model_shapes", [SHAPE | {"name": name, "params_b": params}], OTHERS) == []


def test_a_tariff_may_rise_by_half_and_a_country_may_be_new():
    dearer = TARIFF | {"country": "ES", "usd_per_kwh": 0.3}

    assert check_rows("electricity_prices", [dearer, TARIFF | {"country": "IS", "usd_per_kwh": 0.05}], OTHERS) == []


def test_every_rule_has_a_case():
    assert {name for name in BY_NAME if not name.endswith("-one-holds")} == set(WRONG)
