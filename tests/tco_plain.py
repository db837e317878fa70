"""What an option costs, told by plain arithmetic: month after month, and where a formula would do, a loop or a search.

Nothing of `aiwire.tco` is used on this side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

__all__ = ["Told", "even_for_good", "even_use", "even_within", "loan", "payments"]

LONG = 12_000  # months: as good as for ever


@dataclass(frozen=True)
class Told:
    """What an option costs over a horizon."""

    horizon: float  # months
    parts: dict[str, float]
    month: Callable[[int], float]  # what is paid in the n-th month, if it goes on; 1: the first
    at_once: float = 0.0
    at_end: float = 0.0  # due at the end of the horizon, whatever went on

    @property
    def total(self) -> float:
        return sum(self.parts.values())


def loan(principal: float, yearly_rate: float, months: int, until: float) -> tuple[float, float, float]:
    """Return the instalment, the interest until a moment, and what is owed then: the account is kept month by month."""
    rate = yearly_rate / 12
    instalment = principal * rate / (1 - 1 / (1 + rate) ** months) if rate else principal / months
    balance, interest = principal, 0.0
    for n in range(months):
        share = min(1.0, max(0.0, until - n))  # of this month: a part of it bears its part of both
        interest += balance * rate * share
        balance += (balance * rate - instalment) * share
    return instalment, interest, balance


def payments(told: Told) -> list[float]:
    """Return what is paid in each month of the horizon, with what is due at its end."""
    whole = int(told.horizon)
    months = [told.month(n) for n in range(1, whole + 1)]
    if told.horizon > whole:
        months.append((told.horizon - whole) * told.month(whole + 1))
    return [*months[:-1], months[-1] + told.at_end]


def even_within(own: Told, other: Told) -> float | None:
    """Return from when to the end of the horizon the first has cost no more; None: at the end it has cost more."""
    if own.total > other.total:
        return None
    whole = int(own.horizon)
    gaps = _gaps(own, other, whole + 1)
    moments = [float(n) for n in range(whole + 1)]
    if own.horizon > whole:
        moments.append(own.horizon)
        gaps[whole + 1] = gaps[whole] + (gaps[whole + 1] - gaps[whole]) * (own.horizon - whole)
    if gaps[len(moments) - 1] > 0:  # only what is due at the end decides
        return own.horizon
    return _last_crossing(moments, gaps)


def even_for_good(own: Told, other: Told) -> float | None:
    """Return from when on the first has cost no more, if all goes on for ever and nothing is sold; None: never."""
    gaps = _gaps(own, other, LONG)
    if gaps[-1] > 0 or gaps[-1] > gaps[-2]:
        return None
    return _last_crossing([float(n) for n in range(LONG + 1)], gaps)


def even_use(own: Callable[[float], Told], other: Callable[[float], Told]) -> float | None:
    """Return the utilisation from which the first costs no more over the horizon, by halving; None: not even at 1."""
    if own(1).total > other(1).total:
        return None
    if own(0).total <= other(0).total:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(60):
        use = (low + high) / 2
        if own(use).total <= other(use).total:
            high = use
        else:
            low = use
    return high


def _gaps(own: Told, other: Told, months: int) -> list[float]:
    """Return by how much the first has cost more, at the start and after each month."""
    differences = [own.month(n) - other.month(n) for n in range(1, months + 1)]
    return list(accumulate(differences, initial=own.at_once - other.at_once))


def _last_crossing(moments: list[float], gaps: list[float]) -> float:
    """Return when the gap closes for the last time, on straight lines between the moments; 0: there never was one."""
    found = 0.0
    for n in range(len(moments) - 1):
        if gaps[n] > 0 >= gaps[n + 1]:
            found = moments[n] + (moments[n + 1] - moments[n]) * gaps[n] / (gaps[n] - gaps[n + 1])
    return found
