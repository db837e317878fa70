"""The statistics of trends: known values, brute force over whole numbers, and properties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.trends.statistics import (
    adjusted,
    binomial_p,
    burst_z,
    dispersion,
    incomplete_beta,
    momentum,
    wilson,
)

COUNTS = st.integers(0, 400)
CHANCES = st.floats(1e-4, 1 - 1e-4)


def tail(n, p, counts):
    """The probability of these counts of successes, summed up one by one."""
    return math.fsum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in counts)


@pytest.mark.parametrize(
    ("k", "n", "lo", "hi"),
    [
        (5, 10, 0.236590, 0.763410),  # R: prop.test(5, 10, correct = FALSE)
        (0, 10, 0.0, 0.277540),
        (10, 10, 0.722460, 1.0),
        (1, 1000, 0.000177, 0.005642),
        (0, 1, 0.0, 0.793457),
    ],
)
def test_the_interval_of_a_share_has_known_values(k, n, lo, hi):
    assert wilson(k, n).lo == pytest.approx(lo, abs=1e-5)
    assert wilson(k, n).hi == pytest.approx(hi, abs=1e-5)


def test_there_is_no_interval_of_nothing():
    found = wilson([0, 3, 0], [0, 0, 4])

    assert np.isnan(found.lo).tolist() == np.isnan(found.hi).tolist() == [True, True, False]


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 4))
def test_at_the_ends_of_the_interval_the_share_lies_just_z_deviations_off(pair, z):
    k, n = pair
    found = wilson(k, n, z)

    assert 0 <= found.lo <= k / n <= found.hi <= 1
    for end in (float(found.lo), float(found.hi)):
        if 0 < end < 1 and k not in (0, n):  # Wilson's own equation
            assert (end - k / n) ** 2 == pytest.approx(z * z * end * (1 - end) / n, rel=1e-6)


def test_more_stories_than_there_are_count_as_all():
    assert wilson(12, 10).hi == 1.0
    assert wilson(12, 10).lo == wilson(10, 10).lo


def test_momentum_by_hand():
    found = momentum(20, 1000, 10, 1000)

    assert found.value == pytest.approx((20.5 / 1001) / (10.5 / 1001))
    width = 1.96 * math.sqrt(1 / 20.5 - 1 / 1001 + 1 / 10.5 - 1 / 1001)
    assert found.lo == pytest.approx(found.value * math.exp(-width))
    assert found.hi == pytest.approx(found.value * math.exp(width))


@given(COUNTS, COUNTS, st.integers(0, 10**5), st.integers(0, 10**5))
def test_momentum_always_exists_within_its_interval_and_turns_over_with_its_sides(s, p, more_s, more_p):
    found, turned = momentum(s, s + more_s, p, p + more_p), momentum(p, p + more_p, s, s + more_s)

    assert 0 < found.lo <= found.value <= found.hi < math.inf
    assert found.value * turned.value == pytest.approx(1)
    assert found.lo * turned.hi == pytest.approx(1)


@given(st.integers(1, 200), st.data(), CHANCES)
def test_the_beta_function_is_the_tail_of_a_binomial(n, data, p):
    k = data.draw(st.integers(1, n))

    assert incomplete_beta(k, n - k + 1, p) == pytest.approx(tail(n, p, range(k, n + 1)), rel=1e-9, abs=1e-250)


@given(st.floats(0.01, 1e5), st.floats(0.01, 1e5), st.floats(0, 1))
def test_the_beta_function_has_its_symmetry_and_its_bounds(a, b, x):
    found = float(incomplete_beta(a, b, x))

    assert 0 <= found <= 1
    if x == 1 - (1 - x):  # no rounding in the reflection
        assert found + incomplete_beta(b, a, 1 - x) == pytest.approx(1, abs=1e-8)


def test_the_beta_function_has_known_values():
    found = incomplete_beta([2, 0.5, 1, 5, 10, 3], [3, 0.5, 1, 5, 10, 4], [0.5, 0.5, 0.3, 0.5, 0, 1])

    assert found == pytest.approx([0.6875, 0.5, 0.3, 0.5, 0, 1])


@settings(max_examples=300)
@given(st.integers(0, 300), st.data(), CHANCES)
def test_the_p_value_is_twice_the_smaller_tail(n, data, p):
    k = data.draw(st.integers(0, n))
    smaller = min(tail(n, p, range(k, n + 1)), tail(n, p, range(k + 1)))

    assert binomial_p(k, n, p) == pytest.approx(min(2 * smaller, 1), rel=1e-8, abs=1e-250)


def test_p_values_at_the_edges():
    found = binomial_p([0, 0, 5, 5, 10, 0], [0, 10, 10, 10, 10, 10], [0.5, 0.0, 0.0, 1.0, 1.0, 1.0])

    assert found.tolist() == [1, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("k", "deviations", "p"), [(10**6, 0, 1.0), (10**6 + 1414, 2, 0.0455), (10**6 - 2121, 3, 0.0027)]
)
def test_large_counts_are_nearly_normal(k, deviations, p):
    assert binomial_p(k, 2 * 10**6, 0.5) == pytest.approx(p, rel=0.01), f"{deviations} standard deviations"


@given(st.integers(1, 60), st.data(), st.floats(0.05, 0.95), st.floats(1, 5))
def test_counts_between_whole_numbers_lie_between_their_p_values(n, data, p, factor):
    k = data.draw(st.integers(0, n))
    found = [float(binomial_p(k / part, n / part, p)) for part in (1.0, factor, factor + 1)]

    assert all(0 <= value <= 1 for value in found)
    if abs(k - n * p) > 2 * math.sqrt(n):  # the same share of less is less surprising
        assert found[0] <= found[1] <= found[2]


def test_adjusted_p_values_of_the_paper():
    """Benjamini and Hochberg (1995), 3.2: at 0.05 their procedure finds four of the fifteen."""
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1,
    ]
    found = adjusted(p)

    assert found[:5].tolist() == pytest.approx([0.0015, 0.003, 0.0095, 0.035625, 0.0603])
    assert (found <= 0.05).sum() == 4


def test_what_was_not_tested_is_not_in_the_table():
    assert adjusted([0.01, math.nan, 0.02]).tolist() == pytest.approx([0.02, math.nan, 0.02], nan_ok=True)
    assert adjusted([math.nan]).tolist() == pytest.approx([math.nan], nan_ok=True)
    assert adjusted([]).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.01, 0.5))
def test_what_is_adjusted_below_a_rate_is_what_the_procedure_finds(p, rate):
    ranked = sorted(p)
    found = [limit for rank, limit in enumerate(ranked, 1) if limit * len(p) / rank <= rate]  # the step-up procedure
    bound = max(found, default=-1)

    assert (adjusted(p) <= rate).tolist() == [value <= bound for value in p]


def test_a_burst_is_told_in_robust_deviations_with_two_floors():
    base = np.array([[10, 0, 100], [12, 0, 100], [8, 0, 100], [14, 0, 100], [10, 5, 100]])
    found = burst_z([20, 4, 130], base)

    assert found.tolist() == pytest.approx([10 / math.sqrt(10), 4, 3])  # MAD 2: 2.97; MAD 0; MAD 0 and sqrt(100)
    assert burst_z([30], np.array([[0], [10], [20], [10], [40]])) == pytest.approx(20 / (1.4826 * 10))


def scatter(counts, weight=1e-9, tables=None):
    totals = np.full((len(counts), 1), 10_000)
    series = counts.shape[1]
    tables = np.zeros(series, int) if tables is None else tables
    return dispersion(counts, totals, np.zeros(series, int), tables, weight)


def test_scatter_is_one_for_poisson_counts_and_what_it_is_for_others():
    random = np.random.default_rng(5)
    mean, ratio = 20, 3.0
    poisson = random.poisson(mean, (48, 2_000))
    negative = random.negative_binomial(mean / (ratio - 1), 1 / ratio, (48, 2_000))

    assert scatter(poisson, weight=1e9) == pytest.approx(1, abs=0.02)  # the median of the table alone
    assert scatter(negative, weight=1e9) == pytest.approx(ratio, rel=0.05)
    assert np.median(scatter(negative)) == pytest.approx(ratio, rel=0.05)  # each by itself


def test_scatter_is_pearsons_chi_squared_over_its_degrees_of_freedom():
    counts = np.array([[30, 5], [10, 5], [50, 5]])
    totals = np.array([[1000], [2000], [1500]])
    expected = totals * counts.sum(0) / totals.sum()
    chi2 = ((counts - expected) ** 2 / expected).sum(0)

    found = dispersion(counts, totals, np.zeros(2, int), np.array([0, 1]), 0.0)

    assert found[0] == pytest.approx(chi2[0] / 2)


def test_no_series_is_steadier_than_poisson_and_one_without_counts_is_as_its_table():
    steady = np.full((20, 3), 7)
    steady[:, 2] = 0
    wild = np.tile([[1], [40]], (10, 3))
    found = scatter(np.hstack([steady, wild]), weight=1.0, tables=np.array([0, 0, 0, 1, 1, -1]))

    assert found[:3].tolist() == [1, 1, 1]
    assert found[3] == found[4] > 15
    assert found[5] == 1  # in no table
