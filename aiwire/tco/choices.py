"""What other choices than ours do to the decision: a quarter more of an input that is 0 is still 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiwire.exceptions import ConfigError
from aiwire.tco.inputs import Input
from aiwire.tco.model import totals
from aiwire.tco.options import Option
from aiwire.tco.results import Choice, cheapest_of
from aiwire.tco.sensitivity import gap

__all__ = ["OTHERS", "choices"]

# input -> another value that is as likely, and what it means as a condition; docs/tco.md has the sources
OTHERS: dict[str, tuple[float, str]] = {
    "paid_idle_share": (1.0, "idle hours are paid too"),
    "residual_share": (0.3, "the hardware sells for 30% of its price"),
    "idle_fraction": (0.0, "idle servers are switched off"),
    "spares_share": (0.1, "one spare is bought for ten accelerators"),
    "network_share": (0.19, "a network of large clusters is bought"),
    "staff_usd_per_accelerator_year": (6250.0, "staff is paid as in a datacentre"),
    "licence_usd_per_accelerator_year": (4500.0, "software is licensed"),
    "colo_usd_per_kw_month": (150.0, "the room is rented"),
    "financed_share": (1.0, "all is paid by a loan"),
    "managed_share": (0.2, "managed services add 20%"),
    "rework_share": (0.2, "a fifth of the work on spot is done again"),
    "cached_share": (0.8, "most of the input is cached"),
}  # fmt: skip


def choices(inputs: Mapping[str, Input], options: Sequence[Option]) -> tuple[Choice, ...]:
    """Return what other choices do, one by one, all else the same: those first that change most.

    Tried is what nobody has given and nothing was measured for; what has no effect on these options is left out.

    Args:
        inputs: that the options need, by name, or by option and name.
        options: as for `aiwire.tco.model.compare`.
    """
    figures = {key: one.mid for key, one in inputs.items()}
    now = totals(figures, options)
    found = []
    for name, (value, meaning) in OTHERS.items():
        own = inputs.get(name)
        if own is None or own.given_by != "default" or (own.mid and own.trust != "choice"):
            continue
        then = _totals({**figures, name: value}, options)
        if then is not None and then != now:
            found.append(_choice(own, value, meaning, now, then, options))
    before = gap(now, options)
    return tuple(sorted(found, key=lambda one: (-abs(one.gap - before), one.name, one.tried)))


def _choice(
    own: Input, value: float, meaning: str, now: Mapping[str, float], then: Mapping[str, float],
    options: Sequence[Option],
) -> Choice:  # fmt: skip
    cheapest = cheapest_of(then)
    return Choice(
        name=own.name,
        value=own.mid,
        tried=value,
        meaning=meaning,
        gap=gap(then, options),
        cheapest=cheapest,
        flips=not set(cheapest_of(now)).issuperset(cheapest),
    )


def _totals(figures: Mapping[str, float], options: Sequence[Option]) -> dict[str, float] | None:
    """Return the totals; None: another choice needs what is not known, as the price of cached input."""
    try:
        return totals(figures, options)
    except ConfigError:
        return None
