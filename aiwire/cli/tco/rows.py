"""A cost comparison for other programs: one JSON object, or CSV with a figure per row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from aiwire.pipeline.costs.costing import Costing
from aiwire.pipeline.costs.report import cheapest, headline, without_range
from aiwire.tco.inputs import INPUTS, Input
from aiwire.tco.results import OptionCost, Sensitivity
from aiwire.tco.scenario import dump

__all__ = ["COLUMNS", "as_csv_text", "as_object"]

COLUMNS = (
    "section", "option", "name", "period", "value", "low", "high", "unit", "source", "as_of", "trust", "remark",
)  # fmt: skip

_FORMULA = re.compile(r"\s*[=+\-@]|[\t\r]")  # a spreadsheet would run a text that begins so

Row = dict[str, Any]


def as_object(costing: Costing) -> dict[str, Any]:
    """Return everything as a JSON object; money is US dollars, time is months."""
    inputs = {one.name: one for one in costing.inputs}
    return {
        "as_of": costing.as_of,
        "scenario": dump(costing.scenario),  # TOML: what was asked for, to ask again
        "headline": headline(costing),
        "part": asdict(costing.part),
        "country": costing.scenario.country,
        "region": costing.scenario.region,
        "horizon_months": inputs["horizon_months"].mid,
        "cheapest": costing.comparison.cheapest,
        "cheapest_equals": list(cheapest(costing)),  # with it those that cost the same
        "options": [asdict(option) for option in costing.comparison.options],
        "break_even": [asdict(one) for one in costing.comparison.break_even],
        "sensitivity": [asdict(one) for one in costing.sensitivity],
        "choices": [asdict(one) for one in costing.choices],
        "uncertainty": asdict(costing.uncertainty),
        "without_range": without_range(costing),  # prices that count as certain
        "energy": None if costing.energy is None else asdict(costing.energy),
        "inputs": [asdict(one) for one in costing.inputs],
        "press": asdict(costing.press),
        "notes": list(costing.notes),
        "unused": list(costing.unused),
    }


def as_csv_text(costing: Costing) -> str:
    """Return everything as tidy CSV: `COLUMNS`, an empty cell where nothing is known or meant."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in _rows(costing):
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


def _rows(costing: Costing) -> Iterator[Row]:
    for option in costing.comparison.options:
        yield from _option(option)
    for even in costing.comparison.break_even:
        for name in ("months", "unbounded_months", "utilisation"):
            unit = "share of hours" if name == "utilisation" else "months"
            yield {"section": "break-even", "option": even.other, "name": name, "value": getattr(even, name),
                   "unit": unit}  # fmt: skip
    for found in costing.sensitivity:
        yield {
            "section": "sensitivity", "name": found.name, "unit": "USD", "value": found.effect,
            "low": found.gap_at_low, "high": found.gap_at_high, "remark": _flips(found),
        }  # fmt: skip
    for choice in costing.choices:
        yield {
            "section": "choice", "option": " ".join(choice.cheapest), "name": choice.name, "value": choice.tried,
            "unit": INPUTS[choice.name].unit, "remark": "flips" if choice.flips else "",
        }  # fmt: skip
    for one in costing.uncertainty.ranges:
        for name, value, low, high in (("total", one.p50, one.p10, one.p90), ("ends", None, one.lowest, one.highest)):
            yield {"section": "range", "option": one.name, "name": name, "value": value, "low": low, "high": high,
                   "unit": "USD"}  # fmt: skip
        yield {"section": "range", "option": one.name, "name": "cheapest_in", "value": one.cheapest_in,
               "unit": "share of draws"}  # fmt: skip
    yield from _energy(costing)
    for given in costing.inputs:
        yield from _input(given)
    for aside in costing.press.set_aside:
        yield {
            "section": "set-aside", "name": aside.input, "period": aside.quote.dated_at, "value": aside.quote.amount,
            "high": aside.quote.amount_max, "unit": f"{aside.quote.currency}/{aside.quote.unit}",
            "source": aside.quote.url, "remark": aside.reason,
        }  # fmt: skip


def _flips(found: Sensitivity) -> str:
    return ("flips, whole instances" if found.whole_instances else "flips") if found.flips else ""


def _option(option: OptionCost) -> Iterator[Row]:
    head = {"section": "option", "option": option.name, "unit": "USD"}
    for name in ("upfront", "total", "capex", "opex"):
        yield head | {"name": name, "value": getattr(option, name)}
    yield head | {"name": "usd_per_gpu_hour", "value": option.usd_per_gpu_hour, "unit": "USD/GPU-hour"}
    yield head | {"name": "usd_per_mtok", "value": option.usd_per_mtok, "unit": "USD/1M tokens"}
    for name, value in option.parts.items():
        yield head | {"section": "part", "name": name, "value": value}
    for month, value in enumerate(option.monthly, start=1):
        yield head | {"section": "month", "name": "monthly", "period": month, "value": value}
    for month, value in enumerate(option.cumulative):
        yield head | {"section": "month", "name": "cumulative", "period": month, "value": value}


def _energy(costing: Costing) -> Iterator[Row]:
    if costing.energy is not None:
        yield {"section": "energy", "name": "energy", "value": costing.energy.kwh_per_year, "unit": "kWh/year"}
        yield {
            "section": "energy", "name": "carbon", "value": costing.energy.kg_co2e_per_year, "unit": "kg CO2e/year",
            "source": costing.energy.carbon_source, "as_of": costing.energy.carbon_dated,
        }  # fmt: skip


def _input(value: Input) -> Iterator[Row]:
    option, _, name = value.name.rpartition(".")
    yield {
        "section": "input", "option": option, "name": name, "value": value.mid, "low": value.low, "high": value.high,
        "unit": value.unit, "source": value.source, "as_of": value.as_of, "trust": value.trust,
        "remark": value.given_by,
    }  # fmt: skip
    for item in value.evidence:
        yield {
            "section": "evidence", "option": option, "name": name, "period": item.dated_at, "value": item.amount,
            "unit": value.unit, "source": item.url, "remark": "supports" if item.supports else "contradicts",
        }  # fmt: skip
