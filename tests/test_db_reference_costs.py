"""The shipped tables of tariffs, grid carbon, defaults and model shapes: one test per rule."""

import csv
from collections import Counter
from io import StringIO

import pytest

from aiwire.tco.inputs import INPUTS
from aiwire.tco.memory import Serving, needed
from aiwire.tco.shapes import ModelShape
from db.reference.files import read_rows, shipped_bytes
from db.reference.tables import KEYS
from nlp.gazetteer import load_lexicon

TABLES = ("electricity_prices", "grid_carbon", "tco_defaults", "model_shapes")
# what only the user can say; what else has no default comes from other tables, and is optional until it is needed
ASKED_FOR = {"accelerators", "utilisation", "horizon_months"}
# without a price of its own to be had: the error says how to give one
FIRST_READ = "2026"  # nothing was read before
WITHOUT_TARIFF = ("JP", "CN", "IN", "CA", "AU", "KR", "SG")


def rows_of(table):
    return read_rows(table, shipped_bytes(table), name=f"{table}.csv")


@pytest.fixture(scope="module")
def tariffs():
    return {(row["country"], row["year"]): row for row in rows_of("electricity_prices")}


@pytest.fixture(scope="module")
def defaults():
    return {(row["name"], row["applies_to"]): row for row in rows_of("tco_defaults")}


@pytest.fixture(scope="module")
def shapes():
    return {row["name"]: row for row in rows_of("model_shapes")}


@pytest.mark.parametrize("table", TABLES)
def test_every_row_says_where_it_is_from_and_when_that_was_read(table):
    assert all(row["source"] and row["as_of"] >= FIRST_READ for row in rows_of(table))


@pytest.mark.parametrize("table", TABLES)
def test_every_source_can_be_found_again(table):
    """A commit, a release or our own choice: nothing that points nowhere."""
    marks = ("@", "PyPI ", "Julian year", "aiwire: a choice", "public note")
    assert [row["source"] for row in rows_of(table) if not any(mark in row["source"] for mark in marks)] == []


@pytest.mark.parametrize("table", TABLES)
def test_of_one_thing_there_is_one_row_and_it_holds(table):
    rows = rows_of(table)
    assert max(Counter(tuple(row[column] for column in KEYS[table]) for row in rows).values()) == 1
    assert all(row["superseded_at"] is None and row["implausible"] is None for row in rows)


@pytest.mark.parametrize("table", TABLES)
def test_files_are_sorted_but_for_the_defaults_which_follow_the_inputs(table):
    content = list(csv.reader(StringIO(shipped_bytes(table).decode())))[1:]
    first = [cells[0] for cells in content]
    order = list(INPUTS).index if table == "tco_defaults" else str
    assert first == sorted(first, key=order)


# electricity


def test_tariffs_are_dollars_and_not_cents_or_megawatt_hours(tariffs):
    assert {key: row["usd_per_kwh"] for key, row in tariffs.items() if not 0.03 <= row["usd_per_kwh"] <= 0.45} == {}


def test_tariffs_are_of_years_that_are_over(tariffs):
    assert {year for _, year in tariffs} == set(range(2019, 2026))


def test_the_industrial_tariff_of_the_united_states_has_all_years(tariffs):
    assert [tariffs["US", year]["usd_per_kwh"] for year in range(2019, 2026)] == [
        0.0681, 0.0667, 0.0718, 0.0832, 0.0806, 0.0771, 0.0826,
    ]  # fmt: skip


def test_european_tariffs_are_the_mean_of_both_half_years_in_dollars(tariffs):
    """Germany 2024: EUR 0.2328 and 0.2359, 0.9242 EUR to the dollar."""
    assert tariffs["DE", 2024]["usd_per_kwh"] == round((0.2328 + 0.2359) / 2 / 0.9242, 4)


def test_a_year_of_which_one_half_is_known_has_no_tariff(tariffs):
    """Iceland reported the first half of 2024 only, the United Kingdom that of 2020."""
    assert ("IS", 2023) in tariffs
    assert ("IS", 2024) not in tariffs
    assert ("GB", 2020) not in tariffs


def test_a_tariff_that_was_converted_says_at_which_rate(tariffs):
    converted = [row for row in tariffs.values() if row["country"] != "US"]
    assert all("EUR 0." in row["note"] and "USD at 0." in row["note"] and "FRED" in row["note"] for row in converted)


def test_a_country_without_a_source_has_no_tariff(tariffs):
    assert {country for country, _ in tariffs}.isdisjoint(WITHOUT_TARIFF)


# grid carbon


def test_carbon_is_grams_and_never_zero(tariffs):
    """A grid without any emissions is one that nobody measured: the Central African Republic is left out."""
    grids = {row["country"]: row["g_co2e_per_kwh"] for row in rows_of("grid_carbon")}
    assert {country: grams for country, grams in grids.items() if not 5 <= grams <= 1400} == {}
    assert "CF" not in grids
    assert len(grids) >= 200
    assert {country for country, _ in tariffs} - grids.keys() == {"LI"}


# defaults


def test_every_default_is_of_an_input_and_in_its_unit(defaults):
    assert [row["name"] for row in defaults.values() if row["unit"] != INPUTS[row["name"]].unit] == []


def test_defaults_are_in_order_and_within_what_their_input_accepts(defaults):
    for (name, _), row in defaults.items():
        spec = INPUTS[name]
        low, high = (row["mid"] if row[end] is None else row[end] for end in ("low", "high"))
        assert spec.low <= low <= row["mid"] <= high <= spec.high, name


def test_every_input_has_a_default_or_is_asked_for_or_comes_from_elsewhere(defaults):
    general = {name for name, family in defaults if not family}
    without = {name for name, spec in INPUTS.items() if name not in general and not spec.optional}
    assert without == ASKED_FOR


def test_what_applies_to_one_family_also_has_a_default_for_all(defaults):
    families = {row["id"] for row in rows_of("accelerator_families")}
    for name, family in defaults:
        assert (name, "") in defaults
        assert not family or family in families


def test_a_choice_is_called_one_and_nothing_else_is(defaults):
    for row in defaults.values():
        assert (row["trust"] == "choice") == row["source"].startswith("aiwire: a choice"), row["name"]


def test_what_is_left_out_costs_nothing(defaults):
    off = ("storage_usd", "financed_share", "colo_usd_per_kw_month", "other_usd_per_month", "paid_idle_share",
           "rework_share", "storage_gb", "egress_gb_per_month", "cached_share", "managed_share", "spares_share",
           "residual_share", "licence_usd_per_accelerator_year")  # fmt: skip
    assert {name: defaults[name, ""]["mid"] for name in off} == dict.fromkeys(off, 0)


def test_a_choice_has_no_range(defaults):
    """What is ours to choose is yours to change; as a range it would move the draws to one side."""
    chosen = [row for row in defaults.values() if row["trust"] == "choice"]
    assert {row[end] for row in chosen for end in ("low", "high")} == {None}


def test_what_cannot_be_looked_up_is_called_so_and_never_trusted(defaults):
    unnamed = [row for row in defaults.values() if "public note" in f"{row['source']} {row['note']}"]
    assert len(unnamed) >= 5
    for row in unnamed:
        assert row["trust"] in ("weak", "choice")
        assert "unnamed public note" in f"{row['source']} {row['note']}"
        assert "cannot be looked up" in f"{row['source']} {row['note']}"


@pytest.mark.parametrize(
    ("name", "family", "low", "mid", "high"),
    [
        ("server_factor", "", 1.54, 1.64, 1.69),
        ("server_factor", "nvidia-a100", 1.54, 1.66, 1.69),
        ("chip_to_server", "nvidia-h100", 1.6667, round(10.2 / 8 / 0.7, 4), 2.03125),
        ("chip_to_server", "nvidia-a100", 1.6667, 6.5 / 8 / 0.4, 2.03125),
        ("load_fraction", "", 0.43, 0.75, 1),
        ("load_fraction", "google-tpu", 0.43, 0.43, 0.75),
        ("pue", "", 1.1, 1.25, 1.5),
        ("network_share", "", None, 0.19, None),
        ("residual_share", "", None, 0, None),
        ("maintenance_share", "", 0.01, 0.10, 0.15),
        ("staff_usd_per_accelerator_year", "", 225_000 / 3 / 100, 0.25 * 200_000 / 8, 500_000 / 50),
        ("hours_per_month", "", None, 365.25 * 24 / 12, None),
    ],
)
def test_defaults_are_what_their_sources_say(defaults, name, family, low, mid, high):
    row = defaults[name, family]
    assert (row["low"], row["mid"], row["high"]) == (low, mid, high)


# shapes


def test_every_shape_is_one_that_memory_can_be_reckoned_with(shapes):
    for row in shapes.values():
        columns = ("name", "params_b", "layers", "kv_heads", "head_dim", "kv_lora_rank", "rope_head_dim", "window",
                   "full_layers", "max_context")  # fmt: skip
        shape = ModelShape(**{column: row[column] for column in columns}, state_layers=row["state_layers"] or 0)
        assert needed(shape, Serving()).total_gb > row["params_b"] * 2


def test_no_shape_has_both_kinds_of_cache(shapes):
    assert [name for name, row in shapes.items() if row["kv_lora_rank"] and row["kv_heads"]] == []


def test_fewer_parameters_are_at_work_than_there_are(shapes):
    assert [
        n for n, row in shapes.items() if row["active_params_b"] and row["active_params_b"] >= row["params_b"]
    ] == []


def test_every_family_of_models_is_one_that_tags_name(shapes):
    known = {entity.id for entity in load_lexicon().entities if entity.kind == "model"}
    assert {row["entity_id"] for row in shapes.values()} <= known


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("llama-3.1-8b", 8.03), ("llama-3.1-70b", 70.6), ("llama-3.1-405b", 405.9), ("mixtral-8x7b", 46.7),
        ("mixtral-8x22b", 140.6), ("qwen2.5-72b", 72.7), ("qwen3-32b", 32.8), ("qwen3-30b-a3b", 30.5),
        ("qwen3-235b-a22b", 235.1), ("deepseek-v3", 671.0), ("kimi-k2", 1026), ("gpt-oss-20b", 20.9),
        ("gpt-oss-120b", 116.8), ("gemma-2-27b", 27.2), ("phi-4", 14.7), ("mistral-nemo-12b", 12.2),
    ],
)  # fmt: skip
def test_counted_parameters_agree_with_what_the_makers_publish(shapes, name, billions):
    assert shapes[name]["params_b"] == pytest.approx(billions, rel=0.005)


def test_well_known_open_models_are_there(shapes):
    assert len(shapes) >= 40
    makers = {"llama", "qwen", "mistral", "mixtral", "deepseek-llm", "kimi", "glm", "gpt", "gemma", "phi"}
    assert makers <= {row["entity_id"] for row in shapes.values()}
