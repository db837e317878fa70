"""Published comparisons, calculated again, with their printed inputs and with those that give the printed results.

Curcio's LCOAI (arXiv:2509.02596) is not among them: its inputs are not published, its results can only be shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tco_figures import PLAIN

from aiwire.tco import formulas
from aiwire.tco.model import compare
from aiwire.tco.options import Api, Buy, Option, Rent
from aiwire.tco.results import BreakEven

FIXTURES = Path(__file__).parent / "data" / "tco_examples.json"
NOTES = Path(__file__).resolve().parents[2] / "shared" / "reference" / "tco_fixtures.json"


def fixture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in json.loads(FIXTURES.read_text()) if one["id"] == name)
    return found


# Pan et al. 2025: nine models against five APIs


@dataclass(frozen=True)
class PanInputs:
    hours: float
    watts: dict[str, float]
    prices: dict[str, list[float]]


def printed_inputs() -> PanInputs:
    printed = fixture("pan2025")["printed_inputs"]
    return PanInputs(printed["hours_per_month"], printed["watts"], printed["api_usd_per_mtok_in_out"])


def corrected_inputs() -> PanInputs:
    corrected = fixture("pan2025")["inputs_that_reproduce_the_table"]
    prices = printed_inputs().prices | corrected["api_usd_per_mtok_in_out"]
    return PanInputs(corrected["hours_per_month"], corrected["watts"], prices)


def break_even(row: dict[str, Any], prices: list[float], inputs: PanInputs, *, horizon: float = 12) -> BreakEven:
    """Return when buying has cost no more than the API, from the whole comparison with all other terms off."""
    figures = PLAIN | {
        "accelerators": row["n_gpu"],
        "system_usd": row["capex_usd"],
        "tdp_w": inputs.watts[row["gpu"]],
        "usd_per_kwh": fixture("pan2025")["printed_inputs"]["usd_per_kwh"],
        "hours_per_month": inputs.hours,
        "horizon_months": horizon,
        "tokens_per_second": row["tok_per_s"],
        "output_share": 2 / 3,
        "api.input_usd_per_mtok": prices[0],
        "api.output_usd_per_mtok": prices[1],
    }
    (found,) = compare(figures, (Buy(), Api("api"))).break_even
    return found


def break_even_months(row: dict[str, Any], prices: list[float], inputs: PanInputs) -> float:
    found = break_even(row, prices, inputs).unbounded_months
    assert found is not None
    return found


def agrees(found: float, printed: float) -> bool:
    """Say whether the result, rounded to the digits that are printed, is within one unit of the last of them."""
    shown = Decimal(str(printed))
    unit = Decimal(1).scaleb(int(shown.as_tuple().exponent))
    return abs(Decimal(found).quantize(unit) - shown) <= unit


def agreeing_cells(inputs: PanInputs) -> dict[str, int]:
    """Return how many cells agree, by API."""
    return {
        api: sum(
            agrees(break_even_months(row, prices, inputs), row["break_even_months_printed"][api])
            for row in fixture("pan2025")["rows"]
        )
        for api, prices in inputs.prices.items()
    }


def test_the_table_of_pan_has_45_cells() -> None:
    assert sum(len(row["break_even_months_printed"]) for row in fixture("pan2025")["rows"]) == 45


def test_all_45_cells_of_pan_come_out_of_the_corrected_inputs() -> None:
    assert sum(agreeing_cells(corrected_inputs()).values()) == 45


def test_only_3_of_45_cells_of_pan_come_out_of_the_printed_inputs() -> None:
    assert sum(agreeing_cells(printed_inputs()).values()) == 3


def test_28_cells_of_pan_come_out_of_the_printed_inputs_with_176_hours() -> None:
    assert sum(agreeing_cells(replace(printed_inputs(), hours=176)).values()) == 28


def test_36_cells_of_pan_come_out_when_the_a100_draws_300_w_and_the_rest_is_one_api() -> None:
    inputs = replace(printed_inputs(), hours=176, watts=corrected_inputs().watts)

    found = agreeing_cells(inputs)

    assert sum(found.values()) == 36
    assert found["Gemini 2.5 Pro"] == 0


def test_the_formula_alone_gives_the_same_months_as_the_whole_comparison() -> None:
    inputs = corrected_inputs()
    for row in fixture("pan2025")["rows"]:
        for api, (read, written) in inputs.prices.items():
            mtok = formulas.tokens(row["tok_per_s"], inputs.hours) / 1e6
            kw = formulas.server_kw(accelerators=row["n_gpu"], tdp_w=inputs.watts[row["gpu"]], chip_to_server=1)
            saving = mtok / 3 * read + 2 * mtok / 3 * written - kw * inputs.hours * 0.15
            whole = break_even_months(row, inputs.prices[api], inputs)
            assert formulas.break_even_time(row["capex_usd"], saving) == pytest.approx(whole, rel=1e-12)


def test_a_break_even_is_within_the_horizon_only_where_the_horizon_is_long_enough() -> None:
    inputs = corrected_inputs()
    row = fixture("pan2025")["rows"][0]  # 69.3 months

    short, long = (break_even(row, inputs.prices["GPT-5"], inputs, horizon=months) for months in (69, 70))

    assert short.months is None
    assert long.months == pytest.approx(short.unbounded_months, rel=1e-12)


# Lenovo: a system against instances of eight


def break_even_hours(capex: float, own_usd_per_hour: float, cloud_usd_per_hour: float) -> float:
    options: tuple[Option, ...] = (Buy(), Rent("cloud", instance_gpus=8))
    figures = PLAIN | {
        "accelerators": 8,
        "system_usd": capex,
        "other_usd_per_month": own_usd_per_hour * PLAIN["hours_per_month"],
        "horizon_months": 36,
        "cloud.rate_usd_per_gpu_hour": cloud_usd_per_hour / 8,
    }
    (found,) = compare(figures, options).break_even
    assert found.months is not None
    return found.months * PLAIN["hours_per_month"]


def test_the_three_break_evens_of_lenovo_2025_come_out_to_the_hour() -> None:
    one = fixture("lenovo2025")
    assert len(one["outputs"]) == 3
    for output in one["outputs"]:
        hours = break_even_hours(one["inputs"]["capex_usd"], one["inputs"]["onprem_usd_h"], output["cloud_usd_h"])
        assert abs(round(hours) - output["hours"]) <= output.get("tolerance", 0), output["tier"]


def test_the_break_even_of_lenovo_2026_comes_out_to_the_hour() -> None:
    one = fixture("lenovo2026")
    (output,) = one["outputs"]

    hours = break_even_hours(one["inputs"]["capex_usd"], one["inputs"]["onprem_usd_h"], one["inputs"]["cloud_usd_h"])

    assert abs(round(hours) - output["hours"]) <= output["tolerance"]
    assert hours / 730.5 == pytest.approx(output["months"], abs=0.05)


def test_the_same_boxes_need_far_longer_against_a_later_cloud_price() -> None:
    assert round(break_even_hours(833_806, 0.87, 55.04)) == 15_392
    assert round(break_even_hours(250_141.8, 6.37, 55.04)) == 5_140


# Uptime Institute: the cost of an hour by how much the cluster is used


def test_the_utilisation_curve_of_uptime_comes_out_within_a_tenth() -> None:
    printed = fixture("uptime2025")["outputs"]
    points = {0.08: printed["dedicated_at_8pct"], 0.40: printed["dedicated_at_40pct"]}
    cloud = printed["cloud_usd_per_unit_h"]
    # cost of a unit's hour in full use: the mean of what each printed point says
    said = [use * usd for use, usd in points.items()] + [printed["break_even_utilisation"] * cloud]
    full = sum(said) / len(said)

    for use, usd in points.items():
        owned = PLAIN | {
            "other_usd_per_month": full * PLAIN["hours_per_month"],
            "utilisation": use,
            "cloud.rate_usd_per_gpu_hour": cloud,
        }
        found = compare(owned, (Buy(), Rent("cloud")))
        assert found.options[0].usd_per_gpu_hour == pytest.approx(usd, rel=0.10)
        assert found.break_even[0].utilisation == pytest.approx(printed["break_even_utilisation"], rel=0.10)


# Epoch AI: power of a chip in its server


def test_the_power_of_a_chip_is_that_of_epoch() -> None:
    one = fixture("epoch_power")
    inputs, outputs = one["inputs"], one["outputs"]
    figures = PLAIN | {
        "tdp_w": inputs["tdp_kw"] * 1000,
        "chip_to_server": inputs["chip_to_server"],
        "load_fraction": inputs["tdp_fraction"],
        "pue": inputs["pue"],
        "usd_per_kwh": inputs["usd_per_kwh"],
    }

    (own,) = compare(figures, (Buy(),)).options

    assert own.usd_per_gpu_hour is not None
    assert round(own.usd_per_gpu_hour, 4) == outputs["usd_per_chip_h"]
    assert round(own.usd_per_gpu_hour / inputs["usd_per_kwh"], 4) == outputs["kw"]


@pytest.mark.skipif(not NOTES.is_file(), reason="needs ../shared, which users do not have")
def test_the_figures_are_those_of_our_notes():
    notes = {one["id"]: one for one in json.loads(NOTES.read_text())}
    ours = json.loads(FIXTURES.read_text())

    assert len(ours) == 5
    assert {one["id"]: {k: v for k, v in one.items() if k != "source"} for one in ours} == {
        one["id"]: {k: v for k, v in notes[one["id"]].items() if k in one and k != "source"} for one in ours
    }
