"""What the options may cost when every input is somewhere between its low and its high value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aiwire.exceptions import ConfigError
from aiwire.tco.inputs import INPUTS, Input
from aiwire.tco.model import totals
from aiwire.tco.options import Option, known_figures
from aiwire.tco.results import Range, Uncertainty, cheapest_of

__all__ = ["DRAWS", "SEED", "draw", "uncertainty"]

DRAWS = 2000
SEED = 20_260_101  # fixed: the same inputs give the same ranges

_Ends = Mapping[str, tuple[float, float]]


def uncertainty(
    inputs: Mapping[str, Input], options: Sequence[Option], *, draws: int = DRAWS, seed: int = SEED
) -> Uncertainty:
    """Return the range of each option, and how often it is the cheapest.

    Each draw takes every input from its range (`draw`), independently of the others. All options of one draw see the
    same inputs.

    Args:
        inputs: by name, or by option and name where it holds for one option only (`aws.rate_usd_per_gpu_hour`).
        options: as for `aiwire.tco.model.compare`.
        draws: how many, at least 1.
        seed: of the random numbers.

    Raises:
        ConfigError: an input is missing, may not have one of its values, or they are not in order.
    """
    lows, mids, highs = _ordered(inputs, options)
    ends = {key: (lows[key], highs[key]) for key in mids if lows[key] < highs[key]}
    drawn = draw(inputs, draws=draws, seed=seed)
    found = [totals(mids | {key: values[i] for key, values in drawn.items()}, options) for i in range(draws)]
    wins = _wins(found)
    ranges = tuple(_range(option, mids, ends, found, wins.get(option.name, 0.0) / draws) for option in options)
    return Uncertainty(ranges, draws, seed)


def _wins(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return in how many draws each option is the cheapest; equals share a draw."""
    wins: dict[str, float] = defaultdict(float)
    for total in found:
        cheapest = cheapest_of(total)
        for name in cheapest:
            wins[name] += 1 / len(cheapest)
    return wins


def _ordered(
    inputs: Mapping[str, Input], options: Sequence[Option]
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Return the low, mid and high values, each seen to be allowed, and in order."""
    lows, mids, highs = (
        known_figures({key: getattr(one, end) for key, one in inputs.items()}, options)
        for end in ("low", "mid", "high")
    )
    for key, mid in mids.items():
        if not lows[key] <= mid <= highs[key]:
            raise ConfigError(
                f"input {key} is {lows[key]:g}, {mid:g}, {highs[key]:g}; accepted is low, mid, high in rising order"
            )
    return lows, mids, highs


def draw(inputs: Mapping[str, Input], *, draws: int = DRAWS, seed: int = SEED) -> dict[str, list[float]]:
    """Return the drawn values of each input whose low and high differ; whole numbers are rounded.

    The mid value is the median: one draw in two lies below it and one above, the nearer the likelier (half a triangle
    on each side). A plain triangle would draw most values from the longer side, and lean to it.

    Args:
        inputs: by name; low, mid and high in rising order.
        draws: how many values of each.
        seed: of the random numbers. The order of `inputs` makes no difference.
    """
    generator = np.random.default_rng(seed)
    drawn: dict[str, NDArray[np.float64]] = {}
    for key in sorted(inputs):
        one = inputs[key]
        if one.low < one.high:
            values = _spread(one, generator.random(draws))
            drawn[key] = np.round(values) if INPUTS[key.rpartition(".")[2]].whole else values
    return {key: values.tolist() for key, values in drawn.items()}


def _spread(one: Input, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values below which these shares (0 to 1) of all draws lie."""
    below = one.mid - (one.mid - one.low) * (1 - np.sqrt(np.minimum(2 * shares, 1)))
    above = (one.high - one.mid) * (1 - np.sqrt(np.minimum(2 * (1 - shares), 1)))
    return np.asarray(below + above, dtype=np.float64)


def _range(
    option: Option, mids: dict[str, float], ends: _Ends, found: Sequence[Mapping[str, float]], cheapest_in: float
) -> Range:
    drawn = [total[option.name] for total in found]
    p10, p50, p90 = (float(value) for value in np.percentile(drawn, (10, 50, 90)))
    return Range(
        name=option.name,
        lowest=_extreme(option, mids, ends, sign=1),
        highest=_extreme(option, mids, ends, sign=-1),
        p10=p10,
        p50=p50,
        p90=p90,
        cheapest_in=cheapest_in,
    )


def _extreme(option: Option, mids: dict[str, float], ends: _Ends, *, sign: int) -> float:
    """Return the least total (`sign` 1) or the greatest (-1) that the ends of the inputs give.

    Each input is put to the end that helps, again and again until none does: whether an end is the cheaper one may hang
    on another input (a higher price to resell for, or more idle hours at another idle power).
    """
    figures = dict(mids)
    best = sign * totals(figures, (option,))[option.name]
    helped = True
    while helped:
        helped = False
        for key, both in ends.items():
            for end in both:
                if (usd := sign * totals({**figures, key: end}, (option,))[option.name]) < best:
                    best, helped = usd, True
                    figures[key] = end
    return sign * best
