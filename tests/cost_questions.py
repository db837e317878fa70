"""A cost comparison asked of the small reference of `cost_rows`, and its answer by name."""

from dataclasses import replace
from datetime import UTC, datetime

from aiwire.pipeline.costs.costing import cost
from aiwire.tco.scenario import Figure, Scenario

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ASKED = Scenario(
    accelerator="nvidia-h100", count=8, years=3, utilisation=0.6, country="DE", compare=("buy", "aws", "lambda")
)


def run(db, scenario=ASKED, *, months=12, **changes):
    return cost(db, replace(scenario, **changes), now=NOW, press_months=months)


def figures(**values):
    return {name.replace("__", "."): Figure(value, value, value) for name, value in values.items()}


def inputs(costing):
    return {one.name: one for one in costing.inputs}
