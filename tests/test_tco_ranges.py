"""What inputs do to the decision one by one, and what they do together."""

from __future__ import annotations

import dataclasses
from statistics import quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tco_figures import OPTIONS, PLAIN, figures, without_options

from aiwire.exceptions import ConfigError
from aiwire.tco.choices import OTHERS, choices
from aiwire.tco.inputs import INPUTS, Input
from aiwire.tco.model import compare, used_inputs
from aiwire.tco.options import Api, Buy, Rent
from aiwire.tco.results import Comparison, Sensitivity, cheapest_of
from aiwire.tco.sensitivity import sensitivity
from aiwire.tco.uncertainty import draw, uncertainty

DECISION = PLAIN | {
    "accelerators": 8,
    "utilisation": 0.5,
    "horizon_months": 36,
    "system_usd": 300_000,
    "aws.rate_usd_per_gpu_hour": 3.0,
    "lambda.rate_usd_per_gpu_hour": 5.0,
}
RENTED = (Buy(), Rent("aws"), Rent("lambda"))


def named(found: tuple[Sensitivity, ...], name: str) -> Sensitivity:
    return next(one for one in found if one.name == name)


def best(found: Comparison) -> set[str]:
    return set(cheapest_of({one.name: one.total for one in found.options}))


def gap(found: Comparison) -> float:
    own, *others = found.options
    return own.total - min(other.total for other in others)


# one by one


@settings(max_examples=25)
@given(figures())
def test_each_effect_is_what_two_comparisons_say(drawn: dict[str, float]) -> None:
    before = compare(drawn, OPTIONS)
    for one in sensitivity(drawn, OPTIONS):
        low, high = (compare(drawn | {one.name: end}, OPTIONS) for end in (one.low, one.high))
        assert one.gap_at_low == pytest.approx(gap(low))
        assert one.gap_at_high == pytest.approx(gap(high))
        assert one.effect == abs(one.gap_at_high - one.gap_at_low)
        assert one.flips == any(not best(before).issuperset(best(end)) for end in (low, high))


@given(figures())
def test_all_used_inputs_are_tried_and_come_by_falling_effect(drawn: dict[str, float]) -> None:
    found = sensitivity(drawn, OPTIONS)

    assert {one.name for one in found} == set(used_inputs(drawn, OPTIONS))
    assert [one.effect for one in found] == sorted((one.effect for one in found), reverse=True)


@given(figures())
def test_inputs_are_tried_a_quarter_off_unless_they_may_not(drawn: dict[str, float]) -> None:
    for one in sensitivity(drawn, OPTIONS):
        value, spec = drawn[one.name], INPUTS[one.name.rpartition(".")[2]]
        assert spec.low <= one.low <= one.high <= spec.high
        assert one.clipped or (one.low, one.high) == (value * 0.75, value * 1.25)


def test_a_rate_that_decides_is_said_to_flip_the_decision() -> None:
    # 300,000 against 315,576 of aws: a quarter less of its rate and renting is the cheaper
    found = sensitivity(DECISION, RENTED)

    rate = named(found, "aws.rate_usd_per_gpu_hour")
    assert (rate.low, rate.high, rate.flips, rate.clipped) == (2.25, 3.75, True, False)
    assert rate.gap_at_low == pytest.approx(300_000 - 0.75 * 315_576)
    assert rate.gap_at_high == pytest.approx(300_000 - 1.25 * 315_576)
    assert not named(found, "lambda.rate_usd_per_gpu_hour").flips
    assert named(found, "lambda.rate_usd_per_gpu_hour").effect == 0


def test_ends_are_cut_to_what_an_input_may_be_and_whole_numbers_stay_whole() -> None:
    found = sensitivity(DECISION | {"utilisation": 0.9, "accelerators": 9}, RENTED)

    use, count, pue = (named(found, name) for name in ("utilisation", "accelerators", "pue"))
    assert (use.low, use.high, use.clipped) == (0.675, 1, True)
    assert (count.low, count.high, count.clipped) == (7, 11, True)
    assert (pue.low, pue.clipped) == (1, True)


def test_a_flip_by_whole_instances_alone_is_marked() -> None:
    # 300,000 against 315,576 by eights: with ten, sixteen are rented, with six still eight
    eights = (Buy(), Rent("aws", instance_gpus=8), Rent("lambda", instance_gpus=8))
    dear = DECISION | {"system_usd": 500_000}

    assert named(sensitivity(dear, eights), "accelerators").whole_instances
    assert named(sensitivity(dear, eights), "accelerators").flips
    assert not named(sensitivity(dear, RENTED), "accelerators").flips
    own_fault = sensitivity(DECISION | {"system_usd": 380_000}, RENTED)  # ten at any size of instance
    assert (named(own_fault, "accelerators").flips, named(own_fault, "accelerators").whole_instances) == (True, False)
    assert not [one for one in sensitivity(DECISION, eights) if one.whole_instances and one.name != "accelerators"]


def test_equals_share_the_draws_and_their_tie_is_no_decision_to_flip() -> None:
    same = DECISION | {"system_usd": 900_000, "lambda.rate_usd_per_gpu_hour": 3.0}
    inputs = {name: Input(name, value, value, value, "", "user", "made for this test") for name, value in same.items()}

    assert [one.cheapest_in for one in uncertainty(inputs, RENTED, draws=10).ranges] == [0, 0.5, 0.5]
    assert not named(sensitivity(same, RENTED), "utilisation").flips


@given(st.dictionaries(st.text(min_size=1), st.floats(-1e9, 1e9), min_size=1))
def test_the_cheapest_are_all_that_cost_the_least(totals: dict[str, float]) -> None:
    found = cheapest_of(totals)

    assert min(totals, key=lambda name: totals[name]) in found
    assert all(totals[name] == pytest.approx(min(totals.values()), rel=1e-9, abs=1e-6) for name in found)


# choices


def chosen(**changes: Input) -> dict[str, Input]:
    found = {
        name: Input(name, v, v, v, "", "default", "made for this test", trust="choice") for name, v in DECISION.items()
    }
    return found | changes


def test_each_choice_says_what_a_comparison_with_it_says() -> None:
    before = set(best(compare(DECISION, RENTED)))
    found = choices(chosen(), RENTED)

    assert {"paid_idle_share", "residual_share", "managed_share"} <= {one.name for one in found}
    for one in found:
        after = compare(DECISION | {one.name: one.tried}, RENTED)
        assert one.gap == pytest.approx(gap(after))
        assert set(one.cheapest) == best(after)
        assert one.flips == (not before.issuperset(one.cheapest))


def test_what_is_given_or_measured_or_needs_what_is_not_known_is_not_tried() -> None:
    given_one = dataclasses.replace(chosen()["paid_idle_share"], given_by="user")
    measured = dataclasses.replace(chosen()["idle_fraction"], mid=0.5, high=0.5, trust="good")

    tried = {one.name for one in choices(chosen(paid_idle_share=given_one, idle_fraction=measured), RENTED)}

    assert tried.isdisjoint({"paid_idle_share", "idle_fraction", "cached_share"})
    assert "residual_share" in tried


def test_all_other_choices_are_ones_that_inputs_may_have() -> None:
    assert all(INPUTS[name].low <= value <= INPUTS[name].high for name, (value, _) in OTHERS.items())


def test_what_is_fixed_is_not_tried() -> None:
    tried = {one.name for one in sensitivity(DECISION, RENTED)}
    assert {one.name for one in sensitivity(DECISION, RENTED, fixed=("hours_per_month",))} == tried - {
        "hours_per_month"
    }


def test_without_buying_the_first_option_is_held_against_the_others() -> None:
    rented = without_options(DECISION, but=("aws", "lambda"))
    found = sensitivity(rented, (Rent("lambda"), Rent("aws")))

    assert named(found, "lambda.rate_usd_per_gpu_hour").gap_at_high > 0


def test_an_option_alone_is_held_against_nothing() -> None:
    (own,) = [one for one in sensitivity(without_options(DECISION), (Buy(),)) if one.name == "system_usd"]

    assert (own.gap_at_low, own.gap_at_high, own.flips) == (225_000, 375_000, False)


# together


def ranges(low: float, high: float, **only: tuple[float, float]) -> dict[str, Input]:
    """Return the inputs of the decision, each from `low` to `high` times its value, or as `only` says."""
    found = {}
    for name, value in DECISION.items():
        spec = INPUTS[name.rpartition(".")[2]]
        ends = only.get(name, (value, value) if only else (spec.clip(value * low), spec.clip(value * high)))
        found[name] = Input(name, ends[0], value, ends[1], spec.unit, "user", "made for this test")
    return found


@settings(max_examples=25, deadline=None)
@given(figures(), st.floats(0, 0.5), st.floats(0, 0.5), st.integers(0, 1000))
def test_the_draws_lie_between_the_lowest_and_the_highest(
    drawn: dict[str, float], less: float, more: float, seed: int
) -> None:
    inputs = {}
    for name, value in drawn.items():
        spec = INPUTS[name.rpartition(".")[2]]
        low, high = spec.clip(value * (1 - less)), spec.clip(value * (1 + more))
        inputs[name] = Input(name, low or value, value, high, spec.unit, "user", "made for this test")

    found = uncertainty(inputs, OPTIONS, draws=20, seed=seed)

    mid = compare(drawn, OPTIONS)
    for one, option in zip(found.ranges, mid.options, strict=True):
        edge = 1e-6 + 1e-9 * sum(abs(usd) for usd in option.parts.values()) * 100
        assert one.lowest - edge <= one.p10 <= one.p50 <= one.p90 <= one.highest + edge
        assert one.lowest - edge <= option.total <= one.highest + edge
    assert sum(one.cheapest_in for one in found.ranges) == pytest.approx(1)


def test_the_lowest_and_highest_are_those_of_every_input_at_its_cheaper_and_dearer_end() -> None:
    found = uncertainty(ranges(0.9, 1.1), RENTED)

    own, aws, _ = found.ranges
    # rent: count, use, months, hours and rate all lower, or all higher; 744 hours are the most a month has
    assert aws.lowest == pytest.approx(7 * 3 * 0.9 * 730.5 * 0.9 * 0.5 * 0.9 * 36 * 0.9)
    assert aws.highest == pytest.approx(9 * 3 * 1.1 * 744 * 0.5 * 1.1 * 36 * 1.1)
    assert (own.lowest, own.highest) == (pytest.approx(270_000), pytest.approx(330_000))


def test_an_input_that_only_helps_with_another_is_found_at_its_cheaper_end() -> None:
    # busier servers draw less here: the cheaper end of the utilisation is the higher one
    inputs = ranges(1, 1, utilisation=(0.25, 0.75))
    change = {"usd_per_kwh": 1.0, "load_fraction": 0.0, "idle_fraction": 1.0, "tdp_w": 1000.0}
    inputs |= {
        name: dataclasses.replace(inputs[name], low=value, mid=value, high=value) for name, value in change.items()
    }

    own = uncertainty(inputs, RENTED).ranges[0]

    year = 8 * 730.5 * 36  # kWh at full idle power
    assert (own.lowest, own.highest) == (pytest.approx(300_000 + year * 0.25), pytest.approx(300_000 + year * 0.75))


def test_inputs_without_a_range_give_one_result() -> None:
    found = uncertainty(ranges(1, 1), RENTED)

    for one, option in zip(found.ranges, compare(DECISION, RENTED).options, strict=True):
        assert one.lowest == one.p10 == one.p50 == one.p90 == one.highest == option.total
    assert [one.cheapest_in for one in found.ranges] == [1, 0, 0]


def test_the_draws_between_equal_sides_are_those_of_a_triangle() -> None:
    found = uncertainty(ranges(1, 1, system_usd=(200_000, 400_000)), RENTED, draws=20_000)

    own = found.ranges[0]
    # triangle over 200,000, 300,000 and 400,000: a tenth lies below 200,000 + sqrt(0.1 * 200,000 * 100,000)
    assert own.p10 == pytest.approx(200_000 + (0.1 * 200_000 * 100_000) ** 0.5, rel=0.005)
    assert own.p50 == pytest.approx(300_000, rel=0.005)
    # buying is the cheapest where it costs less than 315,576
    assert own.cheapest_in == pytest.approx(1 - (400_000 - 315_576) ** 2 / (200_000 * 100_000), abs=0.01)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_half_of_the_draws_lie_on_each_side_of_the_value(below: float, above: float) -> None:
    """However uneven the sides are: draws that fall to the longer side more often would lean to it."""
    mid = 1e6
    inputs = ranges(1, 1, system_usd=(mid - below, mid + above))
    inputs["system_usd"] = dataclasses.replace(inputs["system_usd"], mid=mid)

    values = draw(inputs, draws=4000).get("system_usd", [mid])

    assert mid - below <= min(values) <= max(values) <= mid + above
    assert quantiles([*values, mid], n=2)[0] == pytest.approx(mid, abs=0.02 * max(below, above) + 1e-6)


def test_the_percentiles_are_those_of_the_draws() -> None:
    inputs = ranges(1, 1, system_usd=(200_000, 400_000))
    deciles = quantiles(draw(inputs)["system_usd"], n=10, method="inclusive")  # buying costs what the system costs

    own = uncertainty(inputs, RENTED).ranges[0]

    assert (own.p10, own.p50, own.p90) == (
        pytest.approx(deciles[0]),
        pytest.approx(deciles[4]),
        pytest.approx(deciles[8]),
    )


def test_only_inputs_that_have_a_range_are_drawn_and_whole_ones_whole() -> None:
    drawn = draw(ranges(1, 1, accelerators=(4, 16), pue=(1, 1.2)), draws=50)

    assert set(drawn) == {"accelerators", "pue"}
    assert all(value == int(value) and 4 <= value <= 16 for value in drawn["accelerators"])
    assert all(1 <= value <= 1.2 for value in drawn["pue"])
    assert {len(values) for values in drawn.values()} == {50}


def test_the_same_inputs_give_the_same_ranges_in_any_order() -> None:
    inputs = ranges(0.8, 1.2)
    turned = dict(reversed(inputs.items()))

    assert uncertainty(inputs, RENTED) == uncertainty(turned, RENTED)


def test_another_seed_gives_other_draws_and_the_same_ends() -> None:
    one, other = (uncertainty(ranges(0.8, 1.2), RENTED, seed=seed).ranges[1] for seed in (1, 2))

    assert one.p50 != other.p50
    assert (one.lowest, one.highest) == (other.lowest, other.highest)


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ((0.6, 0.9), "utilisation is 0.6, 0.5, 0.9; accepted is low, mid, high in rising order"),
        ((0.0, 0.9), "utilisation is 0; accepted is a number above 0"),
        ((0.4, 1.9), "utilisation is 1.9; accepted"),
    ],
)
def test_a_range_that_is_not_accepted_is_refused(ends: tuple[float, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        uncertainty(ranges(1, 1, utilisation=ends), RENTED)


def test_an_input_that_only_some_draws_need_is_asked_for() -> None:
    api = PLAIN | {"tokens_per_second": 10, "output_share": 0.5, "a.input_usd_per_mtok": 1, "a.output_usd_per_mtok": 2}
    inputs = {name: Input(name, value, value, value, "", "user", "made for this test") for name, value in api.items()}
    inputs["cached_share"] = dataclasses.replace(inputs["cached_share"], high=0.5)

    with pytest.raises(ConfigError, match=r"a\.cached_input_usd_per_mtok is unknown"):
        uncertainty(inputs, (Api("a"),))
