"""How wide the range of each option is, month after month: what a chart shades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aiwire.tco.inputs import Input, checked
from aiwire.tco.options import Figures, Option, payments
from aiwire.tco.uncertainty import DRAWS, SEED, draw

__all__ = ["Band", "bands"]

Floats = NDArray[np.float64]
Band = tuple[Floats, Floats]  # 10th and 90th percentile of what is paid until each month


def bands(
    inputs: Mapping[str, Input], options: Sequence[Option], *, draws: int = DRAWS, seed: int = SEED
) -> dict[str, Band]:
    """Return the range of each option's cumulative cost, from month 0 to the horizon, by name of the option.

    The draws are those of `aiwire.tco.uncertainty`: the last values are its p10 and p90. A range of the horizon itself
    is left out, as it would shift the months.

    Args:
        inputs: as for `uncertainty`; all that the options need are known.
        options: as there.

    Raises:
        ConfigError: an input is missing or may not have its value.
    """
    mids = checked({key: one.mid for key, one in inputs.items()})
    drawn = {key: values for key, values in draw(inputs, draws=draws, seed=seed).items() if key != "horizon_months"}
    found = {}
    for option in options:
        paid = [_paid(option, mids | {key: values[i] for key, values in drawn.items()}) for i in range(draws)]
        low, high = np.percentile(np.array(paid), (10, 90), axis=0)
        found[option.name] = (low, high)
    return found


def _paid(option: Option, figures: Mapping[str, float]) -> Floats:
    """Return what has been paid at the start and at the end of each month."""
    due = payments(option, Figures(option.name, figures))
    return np.cumsum([due.upfront, *due.monthly()], dtype=np.float64)
