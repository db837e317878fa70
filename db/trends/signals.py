"""What the newest of a row of full periods says against those before it: moving average, momentum, signal, burst. Pure.

A signal compares the last 4 full periods with the up to 48 before them, the base: 4 against 4 alone could not find a
doubling of 10 stories a week among 1,000 entities within 4 weeks. Under the hypothesis that nothing has changed, the s
stories of the last 4 are of the s + b as many as the share S / (S + B) of all stories says; the p-value is the exact
binomial one, two-sided, of s and s + b both divided by `noise`, since news come in clusters. Benjamini and Hochberg's
procedure goes over every entity of the segment with s + b >= 8: who is in must not depend on how the s + b fall on the
two, or chance finds would choose themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.trends.statistics import adjusted, binomial_p, burst_z, dispersion, momentum

__all__ = [
    "BURST_BASE",
    "BURST_LEAST",
    "HISTORY",
    "MIN_STORIES",
    "SIGNAL_Q",
    "WINDOW",
    "Signals",
    "burst",
    "moving_average",
    "signals",
]

Floats = NDArray[np.float64]

WINDOW = 4  # periods of a moving average, and of each side of the momentum
BASE = 48  # periods before the window at most: with it a year of weeks
HISTORY = BASE + WINDOW  # full periods that a signal looks back over, its own included
BURST_BASE, BURST_LEAST = 26, 8  # periods before a burst: at most, at least
MIN_STORIES = 8  # fewer say nothing
SIGNAL_Q = 0.10  # false discovery rate
RISE, FALL = 1.25, 0.8  # momentum that is worth telling
COMMON_WEIGHT = 96.0  # degrees of freedom: at a full base the scatter of a series itself counts one third


@dataclass(frozen=True, slots=True)
class Signals:
    """One value per series; NaN where there are fewer than 8 full periods, of `q` and `noise` also where too_few."""

    momentum: Floats
    lo: Floats
    hi: Floats
    signal: NDArray[np.object_]
    q: Floats
    noise: Floats  # by how much the base scatters more than Poisson counts: the square of a ratio of deviations


def signals(stories: NDArray[Any], totals: NDArray[Any], group: NDArray[Any], tables: NDArray[Any]) -> Signals:
    """Return the momentum and the signal of every series in the newest period.

    Args:
        stories: full periods x series, the oldest first; the newest `HISTORY` count.
        totals: all stories, full periods x groups.
        group: of each series, its column of `totals`.
        tables: one number per series, the same for those that are judged together: the segment.
    """
    if len(stories) < 2 * WINDOW:
        return _unknown(stories.shape[1])
    stories, totals = stories[-HISTORY:], totals[-HISTORY:]
    s, p, b = stories[-WINDOW:].sum(0), stories[-2 * WINDOW : -WINDOW].sum(0), stories[:-WINDOW].sum(0)
    # at least the own ones: a person may have put a theme on an article that is not tagged for themes
    all_s, all_p, all_b = (
        np.maximum(part.sum(0)[group], own)
        for part, own in ((totals[-WINDOW:], s), (totals[-2 * WINDOW : -WINDOW], p), (totals[:-WINDOW], b))
    )
    ratio = momentum(s, all_s, p, all_p)
    judged = s + b >= MIN_STORIES
    noise = dispersion(stories[:-WINDOW], totals[:-WINDOW], group, np.where(judged, tables, -1), COMMON_WEIGHT)
    p_value = np.full(s.shape, np.nan)
    chance = all_s[judged] / (all_s + all_b)[judged]
    p_value[judged] = binomial_p(s[judged] / noise[judged], (s + b)[judged] / noise[judged], chance)
    q = np.full(s.shape, np.nan)
    for table in np.unique(tables[judged]):
        q[tables == table] = adjusted(p_value[tables == table])
    enough = s + p >= MIN_STORIES
    found = enough & (q <= SIGNAL_Q)
    signal = np.full(s.shape, "too_few", object)
    signal[enough] = "flat"
    signal[found & (ratio.value >= RISE) & (ratio.lo > 1)] = "rising"
    signal[found & (ratio.value <= FALL) & (ratio.hi < 1)] = "falling"
    return Signals(*ratio, signal, np.where(enough, q, np.nan), np.where(enough, noise, np.nan))


def _unknown(size: int) -> Signals:
    empty = np.full(size, np.nan)
    return Signals(empty, empty, empty, np.full(size, "too_few", object), empty, empty)


def moving_average(stories: NDArray[Any]) -> Floats:
    """Return the mean of the last 4 full periods (rows); NaN if there are fewer."""
    if len(stories) < WINDOW:
        return np.full(stories.shape[1], np.nan)
    return np.asarray(stories[-WINDOW:].mean(0), np.float64)


def burst(stories: NDArray[Any]) -> Floats:
    """Return `burst_z` of the newest full period (row) over those before it; NaN if these are fewer than 8."""
    base = stories[-BURST_BASE - 1 : -1]
    if len(base) < BURST_LEAST:
        return np.full(stories.shape[1], np.nan)
    return burst_z(stories[-1], base)
