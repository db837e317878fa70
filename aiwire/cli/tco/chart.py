"""A cost comparison as the data of its chart."""

from __future__ import annotations

import numpy as np

from aiwire.charts.costs import CostLine, Costs, Crossing
from aiwire.pipeline.costs.costing import Costing
from aiwire.pipeline.costs.report import subject, terms
from aiwire.tco.bands import Band, bands
from aiwire.tco.results import OptionCost

__all__ = ["costs_of"]


def costs_of(costing: Costing) -> Costs:
    """Return the lines of all options with their ranges, and where buying has paid off."""
    options = costing.comparison.options
    inputs = {one.name: one for one in costing.inputs}
    ranges = bands(inputs, costing.options)
    horizon = inputs["horizon_months"].mid
    months = np.array([*range(len(options[0].monthly)), horizon], dtype=np.float64)
    lines = tuple(_line(one, ranges[one.name]) for one in options)
    own = next((one for one in options if one.kind == "buy"), None)
    crossings = sorted(
        (
            Crossing(
                found.months,
                float(np.interp(found.months, months, own.cumulative)),
                f"buying has cost no more than {found.other} from month {found.months:.1f} on",
            )
            for found in costing.comparison.break_even
            if own is not None and found.months  # 0: from the start
        ),
        key=lambda crossing: crossing.month,
    )
    return Costs(
        title=f"{subject(costing)}: what has been paid",
        subtitle=terms(costing),
        months=months,
        lines=lines,
        crossings=tuple(crossings),
        as_of=costing.as_of,
        range_name="inputs in their ranges: 80% of draws",
    )


def _line(option: OptionCost, band: Band) -> CostLine:
    """Return the line of an option; where its inputs reach to one side only, the band begins at the line."""
    values = np.array(option.cumulative)
    return CostLine(option.name, values, np.minimum(values, band[0]), np.maximum(values, band[1]))
