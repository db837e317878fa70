"""What a quarter more or less of each input does to the decision, all else the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from aiwire.tco.inputs import INPUTS
from aiwire.tco.model import totals, used_inputs
from aiwire.tco.options import Buy, Option, Rent, known_figures
from aiwire.tco.results import Sensitivity, cheapest_of

__all__ = ["CHANGE", "gap", "sensitivity"]

CHANGE = 0.25


def sensitivity(
    figures: Mapping[str, float | None], options: Sequence[Option], *, fixed: Collection[str] = ()
) -> tuple[Sensitivity, ...]:
    """Return what each input does that the options depend on, by falling effect; of one option's own as `aws.<input>`.

    Each is tried a quarter lower and a quarter higher, cut to what it may be; whole numbers are rounded. "All else the
    same" is meant: twice the accelerators still give the same tokens per second, a longer horizon leaves the residual
    value. An input of 0 stays 0, and has no effect: `aiwire.tco.choices` tries others.

    Args:
        figures: as for `aiwire.tco.model.compare`.
        options: as there.
        fixed: inputs that are not tried, as the calendar is no guess.

    Raises:
        ConfigError: as there.
    """
    known = known_figures(figures, options)
    found = [_tried(key, known, options) for key in used_inputs(known, options) if key not in fixed]
    return tuple(sorted(found, key=lambda one: (-one.effect, one.name)))


def gap(total: Mapping[str, float], options: Sequence[Option]) -> float:
    """Return by how much buying (else the first option) is dearer than the cheapest other; alone: what it costs.

    Args:
        total: of each option, USD.
        options: as they were asked for.
    """
    own = next((option.name for option in options if isinstance(option, Buy)), options[0].name)
    return total[own] - min((usd for name, usd in total.items() if name != own), default=0.0)


def _tried(key: str, figures: Mapping[str, float], options: Sequence[Option]) -> Sensitivity:
    spec, value = INPUTS[key.rpartition(".")[2]], figures[key]
    wanted = (value * (1 - CHANGE), value * (1 + CHANGE))
    low, high = (spec.clip(end) for end in wanted)
    gap_at_low, gap_at_high = (gap(totals({**figures, key: end}, options), options) for end in (low, high))
    flips = _flips(key, (low, high), figures, options)
    return Sensitivity(
        name=key,
        low=low,
        high=high,
        gap_at_low=gap_at_low,
        gap_at_high=gap_at_high,
        effect=abs(gap_at_high - gap_at_low),
        flips=flips,
        clipped=(low, high) != wanted,
        whole_instances=flips and key == "accelerators" and not _flips(key, (low, high), figures, _by_one(options)),
    )


def _flips(key: str, ends: Sequence[float], figures: Mapping[str, float], options: Sequence[Option]) -> bool:
    """Tell whether at one of the ends an option is the cheapest that is not now."""
    decided = set(cheapest_of(totals(figures, options)))
    return any(not decided.issuperset(cheapest_of(totals({**figures, key: end}, options))) for end in ends)


def _by_one(options: Sequence[Option]) -> list[Option]:
    """Return the options as if accelerators were rented one by one."""
    return [replace(option, instance_gpus=1) if isinstance(option, Rent) else option for option in options]
