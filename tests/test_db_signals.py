"""Signals: what is called rising or falling, and how seldom wrongly. The simulations are seeded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.trends.signals import HISTORY, SIGNAL_Q, burst, moving_average, signals

ENTITIES, WEEKS = 1_000, 52
ZIPF = 200 / np.arange(1, ENTITIES + 1)
MIX = np.random.default_rng(1).choice([0.5, 3.0, 10.0, 50.0], ENTITIES)


def called(stories, totals=None, *, first=0):
    """Return periods x series: whether each row is called rising or falling; one segment."""
    totals = stories.sum(axis=1, keepdims=True) if totals is None else totals
    one = np.zeros(stories.shape[1], int)
    rows = [
        np.isin(signals(stories[: at + 1], totals[: at + 1], one, one).signal, ["rising", "falling"])
        for at in range(first, len(stories))
    ]
    return np.array(rows)


def of(stories, totals, tables=None):
    """The newest period of series that are given one by one, as lists."""
    series = np.array(stories).T
    group = np.zeros(series.shape[1], int)
    return signals(series, np.array(totals)[:, None], group, group if tables is None else np.array(tables))


def test_a_steady_series_is_flat_with_momentum_one():
    found = of([[7] * 20], [700] * 20)

    assert found.momentum[0] == pytest.approx(1)
    assert found.lo[0] < 1 < found.hi[0]
    assert (found.signal[0], found.q[0], found.noise[0]) == ("flat", 1, 1)


def test_a_share_counts_and_not_the_volume():
    found = of([[10] * 16 + [20] * 4, [10] * 20], [1000] * 16 + [2000] * 4)

    assert found.momentum.tolist() == pytest.approx([1, 0.5], rel=0.02)
    assert found.signal.tolist() == ["flat", "falling"]


def test_fewer_than_eight_full_periods_or_stories_are_too_few():
    seven, eight = of([[50] * 7], [500] * 7), of([[50] * 8, [1] * 8, [1] * 7 + [0]], [500] * 8)

    assert (seven.signal[0], np.isnan(seven.momentum[0]), np.isnan(seven.q[0])) == ("too_few", True, True)
    assert eight.signal.tolist() == ["flat", "flat", "too_few"]
    assert np.isnan(eight.q).tolist() == np.isnan(eight.noise).tolist() == [False, False, True]
    assert not np.isnan(eight.momentum).any()


def test_what_rises_against_its_base_but_not_of_late_is_flat():
    """Doubled twelve periods ago: the base says so still, the last eight do not."""
    found = of([[20] * 30 + [40] * 12], [1000] * 42)

    assert found.q[0] < 0.01
    assert found.signal[0] == "flat"


def test_more_stories_than_there_are_count_as_all():
    """A person put a theme on articles that are not tagged for themes."""
    found = of([[5] * 20, [3] * 20], [0] * 12 + [3] * 8)

    assert found.signal.tolist() == ["flat", "flat"]
    assert found.momentum == pytest.approx(1)


def test_only_a_year_of_weeks_counts():
    old = [500] * 10
    with_old, without = of([old + [10] * HISTORY], [1000] * (10 + HISTORY)), of([[10] * HISTORY], [1000] * HISTORY)

    assert (with_old.q, with_old.noise) == (without.q, without.noise)


def test_every_segment_is_a_table_of_its_own():
    rising = [10] * 16 + [17] * 4
    alone = of([rising], [1000] * 20)
    beside = of([rising] + [[10] * 20] * 50, [1000] * 20, [0] + [1] * 50)
    together = of([rising] + [[10] * 20] * 50, [1000] * 20)

    assert beside.q[0] == pytest.approx(alone.q[0])
    assert alone.q[0] < SIGNAL_Q
    assert together.q[0] == pytest.approx(min(51 * alone.q[0], 1))


def test_too_few_of_late_are_in_the_table_all_the_same():
    """Who is judged must not depend on how the stories fall, or chance finds would choose themselves."""
    rising, silent = [10] * 16 + [17] * 4, [1] * 16 + [0] * 4
    found = of([rising, silent], [1000] * 20)

    assert found.signal[1] == "too_few"
    assert np.isnan(found.q[1])
    assert found.q[0] == pytest.approx(2 * of([rising], [1000] * 20).q[0])


def test_the_scatter_of_a_series_makes_its_signal_harder():
    calm = of([[10] * 40 + [20] * 4], [1000] * 44)
    wild = of([[0, 20] * 20 + [20] * 4], [1000] * 44)

    assert calm.signal[0] == "rising"
    assert wild.noise[0] > 5
    assert wild.signal[0] == "flat"


@settings(max_examples=60)
@given(st.integers(8, 60), st.integers(1, 6), st.integers(0, 2**31))
def test_signals_do_not_depend_on_the_order_of_series_and_are_always_told(periods, series, seed):
    random = np.random.default_rng(seed)
    stories = random.poisson(random.choice([0.2, 3, 40]), (periods, series))
    totals = stories.sum(axis=1, keepdims=True) + random.integers(0, 3)
    group, order = np.zeros(series, int), random.permutation(series)
    found, turned = signals(stories, totals, group, group), signals(stories[:, order], totals, group, group)

    assert set(found.signal) <= {"rising", "falling", "flat", "too_few"}
    assert found.signal[order].tolist() == turned.signal.tolist()
    np.testing.assert_allclose(found.q[order], turned.q)
    assert not np.isnan(found.q[found.signal != "too_few"]).any()


def test_a_moving_average_needs_four_periods():
    assert np.isnan(moving_average(np.array([[1], [2], [3]])))
    assert moving_average(np.array([[100], [1], [2], [3], [4]])) == pytest.approx(2.5)


def test_a_burst_needs_eight_periods_before_and_looks_at_26():
    quiet = np.full((8, 1), 4)
    assert np.isnan(burst(np.vstack([quiet[1:], [[10]]])))
    assert burst(np.vstack([quiet, [[10]]])) == pytest.approx(3)
    assert burst(np.vstack([np.full((30, 1), 99), np.full((26, 1), 4), [[10]]])) == pytest.approx(3)


@pytest.mark.parametrize("last", [5_300, 4_700])
def test_a_sure_change_that_is_not_worth_telling_is_no_signal(last):
    stories = np.vstack([np.full((40, 1), 5_000), np.full((4, 1), last)])
    totals = np.full((44, 1), 100_000)
    one = np.zeros(1, int)

    found = signals(stories, totals, one, one)

    assert found.q[0] < 1e-6
    assert found.signal[0] == "flat"


@pytest.mark.parametrize(("before", "p", "s"), [(1, 30, 40), (90, 60, 46)])
def test_a_signal_needs_a_momentum_whose_interval_leaves_one_out(before, p, s):
    """An old step is not called again by a chance step in the same direction."""
    weeks = [before] * 40 + [p // 4] * 4 + [s // 4] * 4
    stories, one = np.array(weeks)[:, None], np.zeros(1, int)

    found = signals(stories, np.full((48, 1), 10_000), one, one)

    assert found.q[0] <= 0.10
    assert found.lo[0] < 1 < found.hi[0]
    assert found.signal[0] == "flat"


# --- simulations


def noise(rates, *, seed, periods=WEEKS, volume=None):
    mean = np.tile(rates, (periods, 1)) * (1 if volume is None else volume[:, None])
    return np.random.default_rng(seed).poisson(mean)


@pytest.mark.parametrize(
    ("rates", "seed"),
    [
        pytest.param(rates, seed, id=f"{name}-{seed}")
        for name, rates in (("0.5", 0.5), ("3", 3.0), ("10", 10.0), ("50", 50.0), ("zipf", ZIPF), ("mix", MIX))
        for seed in (1, 2)
    ],
)
def test_flat_noise_is_called_in_at_most_one_week_of_ten(rates, seed):
    weeks = called(noise(np.broadcast_to(rates, ENTITIES), seed=seed)).any(axis=1)

    assert weeks.mean() <= 0.10


@pytest.mark.parametrize("rate", [3.0, 10.0, 50.0])
def test_flat_noise_after_a_year_is_called_in_at_most_one_week_of_ten(rate):
    stories = noise(np.full(ENTITIES, rate), seed=7, periods=HISTORY + WEEKS)

    assert called(stories, first=HISTORY).any(axis=1).mean() <= 0.10


def test_flat_shares_of_a_volume_that_goes_up_and_down_are_no_signal():
    random = np.random.default_rng(3)
    volume = random.gamma(8, 1 / 8, WEEKS) * np.linspace(1, 3, WEEKS)  # holidays, and a list of sources that grows

    assert called(noise(MIX, seed=4, volume=volume)).any(axis=1).mean() <= 0.10


def test_noise_of_twice_and_a_half_the_variance_is_seldom_called():
    """News come in clusters: without `noise` three weeks of four would have a false call."""
    stories = np.random.default_rng(6).negative_binomial(10 / 1.5, 1 / 2.5, (HISTORY + WEEKS, ENTITIES))

    assert called(stories, first=HISTORY).mean() * ENTITIES < 0.3  # rows a week


@pytest.mark.parametrize(("rates", "before"), [(10.0, 48), (ZIPF, 48)])
def test_a_doubling_of_ten_a_week_is_found_within_four_weeks(rates, before):
    found, runs = 0, 200
    for seed in range(runs):
        mean = np.tile(np.broadcast_to(rates, ENTITIES), (before + 4, 1))
        mean[:, 0] = 10
        mean[-4:, 0] = 20
        stories = np.random.default_rng(10_000 + seed).poisson(mean)
        found += called(stories, first=before)[:, 0].any()

    assert found / runs >= 0.80
