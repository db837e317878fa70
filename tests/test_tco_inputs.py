"""Which values inputs may have, and what is said of those they may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tco_figures import PLAIN

from aiwire.exceptions import ConfigError
from aiwire.tco.inputs import INPUTS, checked, missing
from aiwire.tco.model import compare
from aiwire.tco.options import Buy, Rent


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"horizon_months": 0}, r"input horizon_months is 0; accepted is a number above 0, at most 240, in months"),
        ({"horizon_months": 241}, r"horizon_months is 241"),
        ({"utilisation": 0}, r"input utilisation is 0; accepted is a number above 0, at most 1, in share of hours"),
        ({"utilisation": 60}, r"utilisation is 60; accepted is a number above 0, at most 1"),
        ({"accelerators": 0}, r"accelerators is 0; accepted is a whole number from 1 to 1,000,000"),
        ({"accelerators": 7.5}, r"accelerators is 7.5; accepted is a whole number"),
        ({"accelerators": True}, r"accelerators is True"),
        (
            {"colo_covers_power": 0.5},
            r"colo_covers_power is 0.5; accepted is a whole number from 0 to 1",
        ),
        ({"usd_per_kwh": -0.1}, r"usd_per_kwh is -0.1; accepted is a number from 0 to 1e\+12, in USD/kWh"),
        ({"pue": 0.9}, r"pue is 0.9; accepted is a number from 1 to 3"),
        ({"tdp_w": 0}, r"tdp_w is 0; accepted is a number above 0, at most 1e\+12, in W"),
        ({"network_share": 1}, r"network_share is 1; accepted"),
        ({"accelerator_usd": float("nan")}, r"accelerator_usd is nan; accepted is a number"),
        ({"accelerator_usd": float("inf")}, r"accelerator_usd is inf"),
        ({"accelerator_usd": 10**400}, r"accelerator_usd is 1000"),
        ({"utilisation": 1e-300}, r"utilisation is 1e-300; accepted is a number above 0"),
        ({"accelerator_usd": "30000"}, r"accelerator_usd is '30000'"),
        ({"tokens_per_second": 0}, r"tokens_per_second is 0; accepted is a number above 0"),
        ({"utilization": 0.5}, r"there is no input 'utilization'; did you mean 'utilisation'\?"),
        ({"colour": 1}, r"there is no input 'colour'; there are: accelerators, utilisation"),
        ({"aws.utilisation": 0.5}, r"utilisation is the same for all options: give it without 'aws'"),
    ],
)
def test_a_value_that_is_not_accepted_is_refused_with_what_is(figures: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked(figures)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("azure.rate_usd_per_gpu_hour", r"no option is called 'azure'; there are: buy, aws"),
        ("aws.pue", r"pue is for options of the kind buy, not rent"),
    ],
)
def test_a_figure_of_no_option_is_refused(key: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compare(PLAIN | {"aws.rate_usd_per_gpu_hour": 1, key: 1.0}, (Buy(), Rent("aws")))


def test_figures_that_are_unknown_are_left_out() -> None:
    assert checked({"pue": 1.2, "tdp_w": None}) == {"pue": 1.2}


def test_zero_is_a_price() -> None:
    assert checked({"accelerator_usd": 0, "usd_per_kwh": 0.0}) == {"accelerator_usd": 0.0, "usd_per_kwh": 0.0}


@given(st.sampled_from(sorted(INPUTS)), st.floats(-1e12, 1e13) | st.floats(-10, 10))
def test_a_value_is_accepted_or_refused_as_its_limits_say(name: str, value: float) -> None:
    spec = INPUTS[name]
    inside = spec.low + (1e-9 if spec.above_low else 0) <= value <= spec.high
    if inside and (not spec.whole or value == int(value)):
        assert checked({name: value}) == {name: value}
    else:
        with pytest.raises(ConfigError, match=name):
            checked({name: value})


@given(st.sampled_from(sorted(INPUTS)), st.floats(1e-9, 1e13))
def test_a_clipped_value_is_accepted(name: str, value: float) -> None:
    spec = INPUTS[name]
    clipped = spec.clip(value)

    assert checked({name: clipped}) == {name: clipped}


@pytest.mark.parametrize(
    ("key", "flag"),
    [
        ("usd_per_kwh", "--tariff VALUE"),
        ("tdp_w", "--set tdp_w=VALUE"),
        ("aws.rate_usd_per_gpu_hour", "--set aws.rate_usd_per_gpu_hour=VALUE"),
    ],
)
def test_a_missing_input_says_how_to_give_it(key: str, flag: str) -> None:
    assert flag in str(missing(key))
