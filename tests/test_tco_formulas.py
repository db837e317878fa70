"""The formulas one by one, at their edges too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.tco import formulas


@pytest.mark.parametrize(
    ("extra", "saving", "time"),
    [
        (100, 0.5, 200),
        (100, 0, None),  # nothing is saved
        (100, -1, None),
        (0, 0, 0),  # nothing is to be earned back
        (-1, 0, 0),
        (0, 0.5, 0),
        (0.5, 0.5, 1),
        (0, -0.5, None),  # cheaper at first, dearer for good
        (-100, -0.5, None),
    ],
)
def test_a_higher_price_is_earned_back_where_something_is_saved(
    extra: float, saving: float, time: float | None
) -> None:
    assert formulas.break_even_time(extra, saving) == time


@pytest.mark.parametrize(
    ("idle", "full", "use"),
    [
        (22, -44, 1 / 3),  # Uptime Institute: 22 owned against 66 in the cloud
        (0.5, -0.5, 0.5),
        (0.5, 0, 1),  # the same in full use only
        (0, -1, 0),
        (-5, -1, 0),  # cheaper at any use
        (-5, 0.5, None),  # dearer when it is used
        (5, 5, None),
        (0, 0, 0),
    ],
)
def test_owning_is_cheaper_from_the_utilisation_at_which_the_lines_meet(
    idle: float, full: float, use: float | None
) -> None:
    assert formulas.break_even_utilisation(idle, full) == (None if use is None else pytest.approx(use))


def test_an_instalment_is_that_of_the_annuity_tables() -> None:
    # 100,000 at 6 % over 60 months: 1,933.28
    assert formulas.loan_instalment(100_000, yearly_rate=0.06, months=60) == pytest.approx(1933.28, abs=0.005)
    assert formulas.loan_instalment(1200, yearly_rate=0, months=12) == 100


MONEY = st.floats(1, 1e9)
RATES = st.just(0.0) | st.floats(0.001, 1)
TERMS = st.integers(1, 240)


@given(MONEY, RATES, TERMS)
def test_a_loan_is_owed_whole_at_first_and_paid_back_at_the_end(usd: float, rate: float, months: int) -> None:
    first, last, after = (
        formulas.loan_balance(usd, yearly_rate=rate, months=months, paid_months=paid)
        for paid in (0, months - 1e-9, months + 1)
    )

    assert first == usd
    assert last == pytest.approx(0, abs=usd * 1e-6)
    assert after == 0


@given(MONEY, RATES, TERMS, st.floats(0, 1), st.floats(0, 1))
def test_less_is_owed_the_longer_is_paid(usd: float, rate: float, months: int, one: float, other: float) -> None:
    early, late = (
        formulas.loan_balance(usd, yearly_rate=rate, months=months, paid_months=months * part)
        for part in sorted((one, other))
    )

    assert late <= early * (1 + 1e-9) + usd * 1e-9


@given(MONEY, RATES, TERMS)
def test_interest_is_what_the_instalments_are_more_than_the_loan(usd: float, rate: float, months: int) -> None:
    instalment = formulas.loan_instalment(usd, yearly_rate=rate, months=months)
    owed, interest = usd, 0.0
    for _ in range(months):
        interest += owed * rate / 12
        owed += owed * rate / 12 - instalment

    assert instalment * months - usd == pytest.approx(interest, rel=1e-6, abs=usd * 1e-9)


@given(st.floats(0, 1e15), st.floats(0, 1), st.floats(0, 1))
def test_split_tokens_add_up(count: float, output_share: float, cached_share: float) -> None:
    fresh, cached, written = formulas.split_tokens(count, output_share=output_share, cached_share=cached_share)

    assert fresh + cached + written == pytest.approx(count)
    assert min(fresh, cached, written) >= 0
    assert written == pytest.approx(count * output_share)


@given(st.floats(0, 1e9), st.floats(0, 0.9))
def test_a_network_has_its_share_of_servers_and_network(servers: float, share: float) -> None:
    network = formulas.network_usd(servers, share)

    assert network == pytest.approx((servers + network) * share)
