"""The statistics of trends on arrays. Pure, numpy alone.

Sources
    Interval of a share: Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference,
    J. Am. Stat. Assoc. 22, 209-212.
    Ratio of two shares: Katz, D. et al. (1978), Obtaining confidence intervals for the risk ratio in cohort studies,
    Biometrics 34, 469-474; with 0.5 and 1 added, so that it always exists: Walter, S. D. (1975), The distribution of
    Levin's measure of attributable risk, Biometrika 62, 371-374.
    Binomial tails: P(X >= k) = I_p(k, n - k + 1), the regularized incomplete beta function; its continued fraction by
    Lentz, W. J. (1976), Generating Bessel functions in Mie scattering calculations using continued fractions, Applied
    Optics 15, 668-671 (NIST DLMF 8.17.22).
    False discovery rate: Benjamini, Y., Hochberg, Y. (1995), Controlling the false discovery rate, J. R. Stat. Soc. B
    57, 289-300.
    More scatter than a Poisson count has: Pearson's chi-squared over its degrees of freedom, McCullagh, P., Nelder,
    J. A. (1989), Generalized linear models, 2nd ed., 4.5.2; median of a chi-squared: Wilson, E. B., Hilferty, M. M.
    (1931), The distribution of chi-square, PNAS 17, 684-688.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Interval",
    "Ratio",
    "adjusted",
    "binomial_p",
    "burst_z",
    "dispersion",
    "incomplete_beta",
    "momentum",
    "wilson",
]

Floats = NDArray[np.float64]

Z_95 = 1.96  # of a two-sided 95 % interval
MAD_SIGMA = 1.4826  # median absolute deviation -> standard deviation, of normal noise
ROUNDS = 5000  # of the continued fraction: enough for counts of ten million
ACCURACY = 1e-11


class Interval(NamedTuple):
    lo: Floats
    hi: Floats


class Ratio(NamedTuple):
    value: Floats
    lo: Floats
    hi: Floats


def wilson(k: ArrayLike, n: ArrayLike, z: float = Z_95) -> Interval:
    """Return the score interval of the share k / n, within 0 to 1; NaN where n is 0. A k over n counts as n."""
    trials = _positive(n)
    share = np.minimum(np.asarray(k, np.float64) / trials, 1.0)
    square = z * z / trials
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * np.sqrt(share * (1 - share) / trials + square / (4 * trials))
    # at the ends the formula gives 0 and 1 but for rounding
    return Interval(
        np.where(share == 0, 0.0, np.maximum(middle - half, 0.0)) * (trials / trials),
        np.where(share == 1, 1.0, np.minimum(middle + half, 1.0)) * (trials / trials),
    )


def momentum(s: ArrayLike, S: ArrayLike, p: ArrayLike, P: ArrayLike) -> Ratio:
    """Return how the share s of S compares with the share p of P, and its 95 % interval.

    ((s + 0.5) / (S + 1)) / ((p + 0.5) / (P + 1)): a doubled share gives about 2, a steady one 1.
    """
    now, all_now, before, all_before = (np.asarray(x, np.float64) for x in (s, S, p, P))
    value = (now + 0.5) / (all_now + 1) / ((before + 0.5) / (all_before + 1))
    variance = 1 / (now + 0.5) - 1 / (all_now + 1) + 1 / (before + 0.5) - 1 / (all_before + 1)
    factor = np.exp(Z_95 * np.sqrt(np.maximum(variance, 0.0)))
    return Ratio(value, value / factor, value * factor)


def binomial_p(k: ArrayLike, n: ArrayLike, p: ArrayLike) -> Floats:
    """Return the two-sided exact p-value of k successes in n trials of probability p: twice the smaller tail, capped.

    The arguments may be any non-negative reals with k <= n: the beta function goes between the whole numbers.
    """
    successes, trials, chance = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (k, n, p)))
    found = np.ones(successes.shape)
    open_ = (chance > 0) & (chance < 1) & (trials > 0)
    found[((chance <= 0) & (successes > 0)) | ((chance >= 1) & (successes < trials))] = 0.0
    k, n, p = successes[open_], trials[open_], chance[open_]
    above = k > n * p  # the tail on the side of k, from k on, by the fraction; the other one follows
    a, b, x = np.where(above, k, n - k), np.where(above, n - k, k) + 1, np.where(above, p, 1 - p)
    front = _beta_front(a, b, x)
    tail = front * _beta_fraction(a, b, x)
    of_k = front / (1 - x)  # the probability of k itself
    found[open_] = np.minimum(2 * np.minimum(tail, 1 - tail + of_k), 1.0)
    return found


def incomplete_beta(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Floats:
    """Return the regularized incomplete beta function I_x(a, b), for positive a and b, and x from 0 to 1."""
    alpha, beta, at = np.broadcast_arrays(*(np.asarray(value, np.float64) for value in (a, b, x)))
    found = np.where(at >= 1, 1.0, 0.0)
    inside = (at > 0) & (at < 1)
    a, b, x = alpha[inside], beta[inside], at[inside]
    mirrored = x > (a + 1) / (a + b + 2)  # the fraction converges fast on one side (DLMF 8.17.4)
    a, b, x = np.where(mirrored, b, a), np.where(mirrored, a, b), np.where(mirrored, 1 - x, x)
    part = _beta_front(a, b, x) * _beta_fraction(a, b, x)
    found[inside] = np.clip(np.where(mirrored, 1 - part, part), 0.0, 1.0)
    return found


def _beta_front(a: Floats, b: Floats, x: Floats) -> Floats:
    """Return x^a (1 - x)^b / (a B(a, b))."""
    log_beta = _log_gamma(a) + _log_gamma(b) - _log_gamma(a + b)
    return np.asarray(np.exp(a * np.log(x) + b * np.log1p(-x) - np.log(a) - log_beta), np.float64)


def _beta_fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    """Return the continued fraction of DLMF 8.17.22 by Lentz's method, for x up to about (a + 1) / (a + b + 2).

    There no denominator comes near 0. Values that have converged are left out of the further rounds.
    """
    whole = np.empty_like(x)
    open_ = np.arange(x.size)
    total = a + b
    c = np.ones_like(x)
    d = 1 / (1 - total * x / (a + 1))
    h = d.copy()
    for m in range(1, ROUNDS + 1):
        place = a + 2 * m
        even = m * (b - m) * x / ((place - 1) * place)
        odd = -(a + m) * (total + m) * x / (place * (place + 1))
        d, c = 1 / (1 + even * d), 1 + even / c
        h *= c * d
        d, c = 1 / (1 + odd * d), 1 + odd / c
        step = c * d
        h *= step
        done = np.abs(step - 1) < ACCURACY
        if done.all():
            break
        if done.sum() * 4 > done.size:  # to drop a few would cost more than to go on with them
            whole[open_[done]] = h[done]
            open_ = open_[~done]
            a, b, x, total, c, d, h = (value[~done] for value in (a, b, x, total, c, d, h))
    whole[open_] = h
    return whole


def _log_gamma(x: Floats) -> Floats:
    """Return ln(gamma(x)) for positive x, by Stirling's series (DLMF 5.11.1) from 8 up; correct to about 1e-13."""
    shift = np.zeros_like(x)
    for _ in range(8):
        small = x < 8
        if not small.any():
            break
        shift = shift + np.where(small, np.log(np.where(small, x, 1.0)), 0.0)
        x = np.where(small, x + 1, x)
    inverse = 1 / (x * x)
    series = 1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))
    return (x - 0.5) * np.log(x) - x + 0.5 * math.log(2 * math.pi) + series / x - shift


def adjusted(p: ArrayLike) -> Floats:
    """Return the p-values of a table adjusted by Benjamini and Hochberg: the rows with q <= r have at most a share r of
    false ones on average. NaN: not in the table."""
    values = np.asarray(p, np.float64)
    q = np.full(values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")[::-1]]  # the largest first
    ranks = np.arange(tested.size, 0, -1)
    q[order] = np.minimum(np.minimum.accumulate(values[order] * tested.size / ranks), 1.0)
    return q


def dispersion(
    counts: NDArray[Any], totals: NDArray[Any], group: NDArray[Any], tables: NDArray[Any], weight: float
) -> Floats:
    """Return how many times as much as Poisson noise each series scatters around a steady share of the totals; least 1.

    A series is too short to be judged by itself alone: the median of the frequent ones of its table weighs as much as
    `weight` degrees of freedom of its own.

    Args:
        counts: periods x series.
        totals: periods x groups, of which the counts are a share.
        group: of each series, a column of `totals`.
        tables: one number per series, the same for those that are judged together; below 0: in none.
        weight: degrees of freedom.
    """
    sums = counts.sum(0)
    known = (sums > 0) & (tables >= 0)
    # sum of (x - e)^2 / e with e = totals * sums / all sums, multiplied out; period by period, to need little memory
    inverse = 1 / np.maximum(totals, 1)
    scaled = np.zeros(sums.shape)
    for row, factor in zip(counts, inverse, strict=True):
        scaled += row.astype(np.float64) ** 2 * factor[group]
    chi2 = np.where(known, scaled * totals.sum(0)[group] / np.maximum(sums, 1) - sums, 0.0)
    degrees = np.maximum((totals > 0).sum(0) - 1.0, 1.0)[group]
    of_median = chi2 / (degrees * (1 - 2 / (9 * degrees)) ** 3)  # 1 in the middle of a table of Poisson noise
    frequent = known & (sums >= len(counts))  # of one a period on average; of fewer the median says little
    common = np.ones(sums.shape)
    for table in np.unique(tables[frequent]):
        common[tables == table] = max(float(np.median(of_median[frequent & (tables == table)])), 1.0)
    return np.where(known, np.maximum((weight * common + chi2) / (weight + degrees), 1.0), common)


def burst_z(x: ArrayLike, base: NDArray[Any]) -> Floats:
    """Return how far each count stands out from its base, in robust standard deviations.

    (x - median) / max(1.4826 MAD, sqrt(median), 1): at least the noise of a Poisson count, and at least 1.

    Args:
        x: one count per series.
        base: counts of the periods before, one column per series.
    """
    median = np.median(base, axis=0)
    spread = MAD_SIGMA * np.median(np.abs(base - median), axis=0)
    floor = np.maximum(np.sqrt(median), 1.0)
    return np.asarray((np.asarray(x, np.float64) - median) / np.maximum(spread, floor), np.float64)


def _positive(n: ArrayLike) -> Floats:
    values = np.asarray(n, np.float64)
    return np.where(values > 0, values, np.nan)
