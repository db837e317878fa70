"""What a comparison must be like whatever the figures."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tco_figures import MONEY, OPTIONS, PLAIN, figures, without_options

from aiwire.exceptions import ConfigError
from aiwire.tco.model import compare, used_inputs
from aiwire.tco.options import Api, Buy, Option, Rent
from aiwire.tco.results import BreakEven, Comparison, OptionCost

PRICES = [
    name for name in MONEY if name not in ("rate_usd_per_gpu_hour", "system_usd") and not name.endswith("_per_mtok")
] + [
    "aws.rate_usd_per_gpu_hour",
    "lambda:reserved-1y.rate_usd_per_gpu_hour",
    "spot.rate_usd_per_gpu_hour",
    "api:large.input_usd_per_mtok",
    "api:large.cached_input_usd_per_mtok",
    "api:large.output_usd_per_mtok",
]


def near(usd: float, *, scale: float) -> float:
    """Wrap a sum of money for comparing: to a part in a billion of the sums that it is made of."""
    return pytest.approx(usd, abs=1e-6 + 1e-9 * abs(scale))  # type: ignore[no-any-return]  # pytest says Any


def option_of(found: Comparison, name: str) -> OptionCost:
    return next(option for option in found.options if option.name == name)


def paid_by(option: OptionCost) -> float:
    return sum(abs(usd) for usd in option.parts.values())


# sums


@given(figures())
def test_the_total_is_the_sum_of_the_parts_of_all_payments_and_of_capex_and_opex(drawn: dict[str, float]) -> None:
    for option in compare(drawn, OPTIONS).options:
        total = near(option.total, scale=paid_by(option))
        assert sum(option.parts.values()) == total
        assert option.upfront + sum(option.monthly) == total
        assert option.cumulative[-1] == total
        assert option.capex + option.opex == total


@given(figures())
def test_what_has_been_paid_never_shrinks_but_by_the_sale_at_the_end(drawn: dict[str, float]) -> None:
    for option in compare(drawn, OPTIONS).options:
        assert len(option.cumulative) == len(option.monthly) + 1
        assert all(before <= after + 1e-6 for before, after in pairwise(option.cumulative[:-1]))
        assert option.kind == "buy" or option.monthly[-1] >= -1e-6


@given(figures())
def test_the_cheapest_has_the_least_total(drawn: dict[str, float]) -> None:
    found = compare(drawn, OPTIONS)

    assert option_of(found, found.cheapest).total == min(option.total for option in found.options)


# how the result moves with its inputs


@given(figures(), st.floats(0.01, 1).map(lambda use: round(use, 6)))
def test_more_utilisation_never_makes_owning_dearer_per_hour_of_work(drawn: dict[str, float], other: float) -> None:
    less, more = sorted((drawn["utilisation"], other))
    drawn = without_options(drawn)

    (rare,) = compare(drawn | {"utilisation": less}, (Buy(),)).options
    (often,) = compare(drawn | {"utilisation": more}, (Buy(),)).options

    assert rare.usd_per_gpu_hour is not None
    assert often.usd_per_gpu_hour is not None
    assert often.usd_per_gpu_hour <= rare.usd_per_gpu_hour * (1 + 1e-9) + 1e-9


@given(figures(), st.sampled_from(PRICES), st.floats(1, 10))
def test_a_higher_price_never_makes_an_option_cheaper(drawn: dict[str, float], name: str, factor: float) -> None:
    before = compare(drawn, OPTIONS)
    after = compare(drawn | {name: drawn[name] * factor}, OPTIONS)

    for cheap, dear in zip(before.options, after.options, strict=True):
        assert dear.total >= cheap.total - 1e-9 * paid_by(dear) - 1e-6


@given(figures(), st.floats(0.1, 10))
def test_in_another_currency_all_totals_scale_and_the_decision_stays(drawn: dict[str, float], rate: float) -> None:
    converted = {key: value * rate if key.rpartition(".")[2] in MONEY else value for key, value in drawn.items()}

    before, after = compare(drawn, OPTIONS), compare(converted, OPTIONS)

    for here, there in zip(before.options, after.options, strict=True):
        assert there.total == near(here.total * rate, scale=paid_by(there))
        assert list(there.monthly) == pytest.approx([usd * rate for usd in here.monthly], rel=1e-6, abs=1e-3)


@given(figures(), st.integers(2, 5))
def test_twice_the_instances_cost_twice_the_rent(drawn: dict[str, float], times: int) -> None:
    options = (Rent("aws", instance_gpus=8),)
    rented = without_options(drawn, but=("aws",)) | {"accelerators": 8.0, "storage_gb": 0.0, "egress_gb_per_month": 0.0}

    (once,) = compare(rented, options).options
    (more,) = compare(rented | {"accelerators": 8.0 * times}, options).options

    assert more.total == near(once.total * times, scale=more.total)


def test_nine_accelerators_in_instances_of_eight_cost_what_sixteen_cost() -> None:
    rented = PLAIN | {"aws.rate_usd_per_gpu_hour": 3}
    nine, sixteen, eight = (
        compare(rented | {"accelerators": count}, (Rent("aws", instance_gpus=8),)).options[0].total
        for count in (9, 16, 8)
    )

    assert nine == sixteen == 2 * eight


@pytest.mark.parametrize(("months", "paid"), [(0.5, 12), (12, 12), (0.1 * 120, 12), (12.5, 24), (24, 24), (37, 48)])
def test_a_commitment_of_a_year_is_paid_for_whole_years(months: float, paid: int) -> None:
    rented = PLAIN | {"horizon_months": months, "hours_per_month": 100, "lambda.rate_usd_per_gpu_hour": 1}

    (reserved,) = compare(rented, (Rent("lambda", "reserved-1y"),)).options

    assert reserved.total == pytest.approx(paid * 100)


def test_a_commitment_of_three_years_is_paid_to_its_end() -> None:
    rented = PLAIN | {"horizon_months": 24, "hours_per_month": 100, "lambda.rate_usd_per_gpu_hour": 1}

    (reserved,) = compare(rented, (Rent("lambda", "reserved-3y"),)).options

    assert reserved.parts["commitment beyond the end"] == pytest.approx(1_200)
    assert reserved.total == pytest.approx(3_600)
    assert reserved.monthly[-1] == pytest.approx(1_300)


def test_half_a_month_is_paid_by_half() -> None:
    (own,) = compare(PLAIN | {"other_usd_per_month": 100, "horizon_months": 2.5}, (Buy(),)).options

    assert own.monthly == pytest.approx((100, 100, 50))
    assert own.cumulative == pytest.approx((0, 100, 200, 250))


def test_a_horizon_of_less_than_a_month_has_one_payment() -> None:
    (own,) = compare(PLAIN | {"other_usd_per_month": 100, "horizon_months": 0.25}, (Buy(),)).options

    assert own.monthly == pytest.approx((25,))


def test_a_loan_without_interest_moves_payments_but_costs_nothing() -> None:
    bought = PLAIN | {"system_usd": 1200, "horizon_months": 6}
    (cash,) = compare(bought, (Buy(),)).options
    (loan,) = compare(bought | {"financed_share": 1, "interest_rate": 0, "loan_months": 12}, (Buy(),)).options

    assert loan.total == pytest.approx(cash.total) == pytest.approx(1200)
    assert (cash.upfront, loan.upfront) == (1200, 0)
    assert loan.monthly == pytest.approx(
        (100, 100, 100, 100, 100, 700)
    )  # the half that is owed is paid back at the end


def test_a_price_for_all_servers_takes_the_place_of_that_of_its_accelerators() -> None:
    bought = PLAIN | {"accelerator_usd": 999_999, "server_factor": 2, "system_usd": 1000, "spares_share": 0.1}

    (own,) = compare(bought, (Buy(),)).options

    assert own.parts["servers"] == 1000
    assert own.parts["spares"] == pytest.approx(50)  # of the half of it that is accelerators


def test_where_the_rent_of_the_room_holds_the_electricity_no_tariff_is_needed() -> None:
    bought = {key: value for key, value in PLAIN.items() if key != "usd_per_kwh"} | {"colo_covers_power": 1}

    assert compare(bought, (Buy(),)).options[0].parts["power"] == 0


# break-even


def gap_at(found: Comparison, other: str, month: float) -> float:
    """Return by how much buying has cost more, on straight lines between the ends of months."""
    own, option = option_of(found, "buy"), option_of(found, other)
    whole = min(int(month), len(own.monthly) - 1)
    part = month - whole
    gaps = [a - b for a, b in zip(own.cumulative, option.cumulative, strict=True)]
    return gaps[whole] + (gaps[whole + 1] - gaps[whole]) * part


@settings(max_examples=200)
@given(figures())
def test_at_the_break_even_both_have_cost_the_same_and_from_then_on_buying_no_more(drawn: dict[str, float]) -> None:
    drawn = drawn | {"horizon_months": float(int(drawn["horizon_months"]) + 1)}  # whole: straight within each month
    found = compare(drawn, OPTIONS)
    own = option_of(found, "buy")
    for even in found.break_even:
        scale = paid_by(own) + paid_by(option_of(found, even.other))
        horizon = drawn["horizon_months"]
        gap_at_end = own.total - option_of(found, even.other).total
        if even.months is None:
            assert gap_at_end > 0
            continue
        assert gap_at_end <= 0
        assert 0 <= even.months <= horizon
        later = range(int(even.months) + 1, int(horizon))
        assert all(gap_at(found, even.other, month) <= 1e-6 + 1e-9 * scale for month in later)
        if 0 < even.months <= horizon - 1:
            assert gap_at(found, even.other, even.months) == near(0, scale=scale)


@settings(max_examples=200)
@given(figures())
def test_a_longer_horizon_finds_the_unbounded_break_even(drawn: dict[str, float]) -> None:
    drawn = without_options(drawn, but=("aws", "api:large")) | {"residual_share": 0.0}
    options = (Buy(), Rent("aws", instance_gpus=8), Api("api:large"))
    for even in compare(drawn, options).break_even:
        longest = compare(drawn | {"horizon_months": 240.0}, options)
        (late,) = (one for one in longest.break_even if one.other == even.other)
        if even.unbounded_months is None:
            slope = option_of(longest, "buy").monthly[-1] - option_of(longest, even.other).monthly[-1]
            assert slope >= -1e-9 * paid_by(option_of(longest, "buy"))
        elif even.unbounded_months < 240:
            assert late.months == pytest.approx(even.unbounded_months, rel=1e-6, abs=1e-6)


@settings(max_examples=200)
@given(figures())
def test_at_the_break_even_utilisation_both_cost_the_same_and_above_it_buying_no_more(drawn: dict[str, float]) -> None:
    for even in compare(drawn, OPTIONS).break_even:
        if even.utilisation is None:
            assert gap(drawn | {"utilisation": 1.0}, even) > 0
        else:
            assert gap(drawn | {"utilisation": 1.0}, even) <= 0
            if even.utilisation > 0.001:
                there = compare(drawn | {"utilisation": even.utilisation}, OPTIONS)
                scale = paid_by(option_of(there, "buy")) + paid_by(option_of(there, even.other))
                assert gap(drawn | {"utilisation": even.utilisation}, even) == near(0, scale=scale)


def gap(drawn: dict[str, float], even: BreakEven) -> float:
    found = compare(drawn, OPTIONS)
    return option_of(found, "buy").total - option_of(found, even.other).total


@given(figures())
def test_only_buying_has_capital(drawn: dict[str, float]) -> None:
    for option in compare(drawn, OPTIONS).options:
        if option.kind != "buy":
            assert (option.upfront, option.capex) == (0, 0)


def test_what_costs_nothing_is_never_undercut() -> None:
    bought = PLAIN | {"system_usd": 1000, "aws.rate_usd_per_gpu_hour": 0, "tokens_per_second": 1, "output_share": 0.5}
    free = bought | {"api.input_usd_per_mtok": 0, "api.output_usd_per_mtok": 0}

    found = compare(free, (Buy(), Rent("aws"), Api("api")))

    assert found.break_even == (BreakEven("aws", None, None, None), BreakEven("api", None, None, None))
    assert found.cheapest == "aws"


def test_what_is_had_for_nothing_has_paid_off_at_once() -> None:
    (even,) = compare(PLAIN | {"aws.rate_usd_per_gpu_hour": 1}, (Buy(), Rent("aws"))).break_even

    assert even == BreakEven("aws", 0.0, 0.0, 0.0)


@pytest.mark.parametrize("scale", [1, 0.0001])  # cents decide like dollars
def test_a_sale_that_decides_breaks_even_at_the_end_of_the_horizon_only(scale: float) -> None:
    bought = PLAIN | {"system_usd": 1000 * scale, "residual_share": 0.5, "hours_per_month": 100}

    (even,) = compare(bought | {"aws.rate_usd_per_gpu_hour": 0.5 * scale}, (Buy(), Rent("aws"))).break_even

    assert even.months == 12  # 1000 less 500 against 600
    assert even.unbounded_months == pytest.approx(20)


@pytest.mark.parametrize("scale", [1, 0.0001])
def test_instalments_that_are_dearer_than_the_rent_are_earned_back_after_the_last(scale: float) -> None:
    # 100 a month for ten months against a rent of 50: 500 behind then, made up for by month 20
    bought = PLAIN | {"system_usd": 1000 * scale, "financed_share": 1, "interest_rate": 0, "loan_months": 10}
    rented = bought | {"horizon_months": 36, "hours_per_month": 100, "aws.rate_usd_per_gpu_hour": 0.5 * scale}

    (even,) = compare(rented, (Buy(), Rent("aws"))).break_even

    assert even.months == pytest.approx(20)
    assert even.unbounded_months == pytest.approx(20)


@pytest.mark.parametrize("scale", [1, 0.0001])
def test_what_is_earned_back_before_the_loan_ends_stays_so(scale: float) -> None:
    # 500 at once and 50 a month for ten months against 150: even at month 5
    bought = PLAIN | {"system_usd": 1000 * scale, "financed_share": 0.5, "interest_rate": 0, "loan_months": 10}
    rented = bought | {"horizon_months": 36, "hours_per_month": 100, "aws.rate_usd_per_gpu_hour": 1.5 * scale}

    (even,) = compare(rented, (Buy(), Rent("aws"))).break_even

    assert even.months == pytest.approx(5)
    assert even.unbounded_months == pytest.approx(5)


def test_instalments_that_cost_no_more_than_the_rent_have_paid_off_at_once() -> None:
    bought = PLAIN | {"system_usd": 1000, "financed_share": 1, "interest_rate": 0, "loan_months": 10}
    rented = bought | {"horizon_months": 36, "hours_per_month": 100, "aws.rate_usd_per_gpu_hour": 1}

    (even,) = compare(rented, (Buy(), Rent("aws"))).break_even

    assert (even.months, even.unbounded_months) == (0, 0)


def test_buying_that_grows_dearer_than_the_rent_in_the_end_never_breaks_even_for_good() -> None:
    free = PLAIN | {"other_usd_per_month": 110, "hours_per_month": 100, "aws.rate_usd_per_gpu_hour": 1}
    (even,) = compare(free, (Buy(), Rent("aws"))).break_even

    assert even == BreakEven("aws", None, None, None)


def test_without_buying_there_is_no_break_even() -> None:
    assert compare(PLAIN | {"aws.rate_usd_per_gpu_hour": 1}, (Rent("aws"),)).break_even == ()


# options and what they need


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "nothing to compare"),
        ((Rent("aws"), Rent("aws")), "'aws' is there twice"),
        ((Buy(), Buy("again")), "buying is there twice"),
        ((Rent("aws", "reserved"),), "accepted: on-demand, spot, reserved-1y, reserved-3y"),
        ((Rent("aws", instance_gpus=0),), "accepted is a whole number from 1"),
        ((Rent("aws", instance_gpus=True),), "accepted is a whole number from 1"),
    ],
)
def test_options_that_cannot_be_compared_are_refused(options: tuple[Option, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compare(PLAIN | {"aws.rate_usd_per_gpu_hour": 1}, options)


@pytest.mark.parametrize("name", sorted(set(PLAIN) - {"accelerator_usd", "server_factor"}))
def test_every_input_that_is_missing_is_named_with_what_is_accepted_and_how_to_give_it(name: str) -> None:
    everything = PLAIN | {"aws.rate_usd_per_gpu_hour": 1, "spot.rate_usd_per_gpu_hour": 1}
    # of what is switched off, nothing more is asked
    on = {"financed_share": 1, "interest_rate": 0.1, "loan_months": 12, "tokens_per_second": 1, "output_share": 1}
    api = {"api.input_usd_per_mtok": 1, "api.output_usd_per_mtok": 1}
    known = everything | on | api | {"system_usd": 1}
    options = (Buy(), Rent("aws"), Rent("spot", "spot"), Api("api"))
    compare(known, options)

    with pytest.raises(ConfigError, match=rf"input (\w+\.)?{name} is unknown: .*accepted is a .*; give it with --"):
        compare({key: value for key, value in known.items() if key != name}, options)


def test_a_rate_that_is_missing_is_asked_for_under_the_name_of_its_option() -> None:
    with pytest.raises(ConfigError, match=r'aws\.rate_usd_per_gpu_hour=VALUE.*under \[options\."aws"\]'):
        compare(PLAIN, (Rent("aws"),))


def test_the_price_of_cached_tokens_is_needed_only_where_tokens_are_cached() -> None:
    api = PLAIN | {
        "tokens_per_second": 1, "output_share": 0.5, "api.input_usd_per_mtok": 1, "api.output_usd_per_mtok": 1
    }  # fmt: skip
    assert compare(api, (Api("api"),)).options[0].usd_per_mtok == pytest.approx(1)

    with pytest.raises(ConfigError, match=r"api\.cached_input_usd_per_mtok is unknown"):
        compare(api | {"cached_share": 0.1}, (Api("api"),))


@pytest.mark.parametrize("name", ["utilisation", "hours_per_month", "accelerators"])
def test_what_only_the_cost_of_an_hour_of_work_needs_is_asked_for_too(name: str) -> None:
    room = PLAIN | {"system_usd": 1, "colo_covers_power": 1, "aws.rate_usd_per_gpu_hour": 1}

    for options in ((Buy(),), (Rent("aws", "reserved-1y"),)):
        figures_of = {key: value for key, value in room.items() if "." not in key or options[0].name == "aws"}
        assert name in used_inputs(figures_of, options)
        with pytest.raises(ConfigError, match=f"input {name} is unknown"):
            compare({key: value for key, value in figures_of.items() if key != name}, options)


def test_inputs_that_do_nothing_are_not_among_those_that_are_used() -> None:
    known = PLAIN | {"system_usd": 1000, "rework_share": 0.1, "aws.rate_usd_per_gpu_hour": 1}

    used = used_inputs(known, (Buy(), Rent("aws")))

    assert {"system_usd", "utilisation", "aws.rate_usd_per_gpu_hour", "paid_idle_share"} <= set(used)
    # the price of the servers is said, nothing is financed, nothing is spot, nothing is an API
    assert not {"accelerator_usd", "loan_months", "rework_share", "cached_share"} & set(used)
