"""Whole scenarios, calculated a second time: plain arithmetic from the text of the formulas, month by month.

Nothing of `aiwire.tco` is used on this side, and no closed form where a loop says the same. Numbers are written out:
what a function here takes is only what differs between scenarios.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import pytest
from tco_plain import Told, even_for_good, even_use, even_within, loan, payments

from aiwire.tco.model import compare
from aiwire.tco.options import Api, Buy, Option, Rent
from aiwire.tco.results import Comparison, OptionCost

CENT = 0.005
Telling = Callable[[float], Told]  # what an option costs at a utilisation


@dataclass(frozen=True)
class Scenario:
    """Figures and options, and what the options cost by plain arithmetic; the first one buys."""

    figures: Mapping[str, float]
    options: tuple[Option, ...]
    told: Mapping[str, Telling]

    def found(self) -> Comparison:
        return compare(self.figures, self.options)

    def of(self, name: str) -> Told:
        return self.told[name](self.figures["utilisation"])


def cost_of(found: Comparison, name: str) -> OptionCost:
    return next(option for option in found.options if option.name == name)


# Nine accelerators for 18 and a half months, with a loan for three years

EVERYTHING: dict[str, float] = {
    "accelerators": 9,
    "utilisation": 0.55,
    "horizon_months": 18.5,
    "hours_per_month": 730.5,
    "tokens_per_second": 9000,
    "output_share": 0.25,
    "accelerator_usd": 27_500,
    "server_factor": 1.64,
    "network_share": 0.19,
    "storage_usd": 60_000,
    "spares_share": 0.05,
    "residual_share": 0.30,
    "financed_share": 0.60,
    "interest_rate": 0.08,
    "loan_months": 36,
    "tdp_w": 700,
    "chip_to_server": 1.82,
    "load_fraction": 0.75,
    "idle_fraction": 0.30,
    "pue": 1.3,
    "usd_per_kwh": 0.18,
    "colo_usd_per_kw_month": 120,
    "colo_covers_power": 0,
    "maintenance_share": 0.08,
    "staff_usd_per_accelerator_year": 6250,
    "licence_usd_per_accelerator_year": 4500,
    "other_usd_per_month": 900,
    "paid_idle_share": 0.25,
    "rework_share": 0.15,
    "storage_gb": 40_000,
    "storage_usd_per_gb_month": 0.023,
    "egress_gb_per_month": 5_000,
    "egress_usd_per_gb": 0.09,
    "managed_share": 0.12,
    "cached_share": 0.4,
    "aws.rate_usd_per_gpu_hour": 6.88,
    "lambda:reserved-1y.rate_usd_per_gpu_hour": 2.99,
    "spot.rate_usd_per_gpu_hour": 2.10,
    "api:large.input_usd_per_mtok": 1.25,
    "api:large.cached_input_usd_per_mtok": 0.125,
    "api:large.output_usd_per_mtok": 10.0,
}
OPTIONS = (
    Buy(),
    Rent("aws", instance_gpus=8),
    Rent("lambda:reserved-1y", "reserved-1y", instance_gpus=8),
    Rent("spot", "spot"),
    Api("api:large"),
)
AROUND = {"storage": 40_000 * 0.023 * 18.5, "egress": 5_000 * 0.09 * 18.5}
AROUND_MONTH = 40_000 * 0.023 + 5_000 * 0.09


def bought(use: float, *, loan_months: int = 36, yearly_rate: float = 0.08) -> Told:
    servers = 9 * 27_500 * 1.64
    network = servers * 0.19 / (1 - 0.19)
    spares = 9 * 27_500 * 0.05
    capital = servers + network + 60_000 + spares
    instalment, interest, owed = loan(0.6 * capital, yearly_rate, loan_months, 18.5)
    kw = 9 * 700 * 1.82 / 1000
    running = {
        "power": kw * (use * 0.75 + (1 - use) * 0.30) * 1.3 * 730.5 * 0.18,
        "colocation": kw * 120,
        "maintenance": capital * 0.08 / 12,
        "staff": 9 * 6250 / 12,
        "licences": 9 * 4500 / 12,
        "other": 900.0,
    }
    return Told(
        horizon=18.5,
        parts={
            "servers": servers,
            "network": network,
            "storage": 60_000.0,
            "spares": spares,
            "residual value": -0.30 * capital,
            "interest": interest,
            **{name: usd * 18.5 for name, usd in running.items()},
        },
        month=lambda n: sum(running.values()) + (instalment if n <= loan_months else 0),
        at_once=0.4 * capital,
        at_end=owed - 0.30 * capital,
    )


def on_demand(use: float) -> Told:
    rent = 16 * 6.88 * 730.5 * (use + (1 - use) * 0.25)  # nine are two instances of eight
    parts = {"compute": rent * 18.5, "managed services": rent * 0.12 * 18.5, **AROUND}
    return Told(18.5, parts, lambda _: rent * 1.12 + AROUND_MONTH)


def reserved_for_a_year(use: float) -> Told:
    rent = 16 * 2.99 * 730.5  # used or not, to the end of the second year
    parts = {
        "compute": rent * 18.5,
        "commitment beyond the end": rent * 5.5,
        "managed services": rent * 0.12 * 24,  # of all rent that is paid
        **AROUND,
    }
    return Told(18.5, parts, lambda _: rent * 1.12 + AROUND_MONTH, at_end=rent * 1.12 * 5.5)


def spot(use: float) -> Told:
    rent = 9 * 2.10 * 730.5 * (use + use * 0.15 + (1 - use) * 0.25)
    parts = {"compute": rent * 18.5, "managed services": rent * 0.12 * 18.5, **AROUND}
    return Told(18.5, parts, lambda _: rent * 1.12 + AROUND_MONTH)


def api_large(use: float) -> Told:
    mtok = 9000 * 3600 * 730.5 * use / 1_000_000  # in a month
    month = {
        "input tokens": mtok * 0.75 * 0.6 * 1.25,
        "cached input tokens": mtok * 0.75 * 0.4 * 0.125,
        "output tokens": mtok * 0.25 * 10,
    }
    return Told(18.5, {name: usd * 18.5 for name, usd in month.items()}, lambda _: sum(month.values()))


TOLD: dict[str, Telling] = {
    "buy": bought, "aws": on_demand, "lambda:reserved-1y": reserved_for_a_year, "spot": spot, "api:large": api_large,
}  # fmt: skip

# Sixteen in a rented room whose rent holds the electricity, for 30 months, with a loan for four years; the servers have
# a price of their own, and options have figures of their own

ROOM: dict[str, float] = {
    "accelerators": 16,
    "utilisation": 0.7,
    "horizon_months": 30,
    "hours_per_month": 720,
    "tokens_per_second": 14_000,
    "output_share": 0.3,
    "system_usd": 520_000,
    "accelerator_usd": 99_000,  # without effect: the servers' price is known
    "server_factor": 1.5,
    "network_share": 0.12,
    "storage_usd": 25_000,
    "spares_share": 0.04,
    "residual_share": 0.2,
    "financed_share": 0.8,
    "interest_rate": 0.06,
    "loan_months": 48,
    "tdp_w": 1000,
    "chip_to_server": 1.7,
    "load_fraction": 0.8,
    "idle_fraction": 0.2,
    "pue": 1.15,
    "usd_per_kwh": 0.22,
    "colo_usd_per_kw_month": 180,
    "colo_covers_power": 1,
    "maintenance_share": 0.05,
    "staff_usd_per_accelerator_year": 5000,
    "licence_usd_per_accelerator_year": 1200,
    "other_usd_per_month": 350,
    "paid_idle_share": 0.4,
    "rework_share": 0.25,
    "storage_gb": 20_000,
    "storage_usd_per_gb_month": 0.02,
    "egress_gb_per_month": 8_000,
    "egress_usd_per_gb": 0.08,
    "managed_share": 0.1,
    "cached_share": 0.6,
    "gcp.rate_usd_per_gpu_hour": 3.2,
    "gcp.egress_gb_per_month": 2_000,
    "gcp:reserved-3y.rate_usd_per_gpu_hour": 1.9,
    "market.rate_usd_per_gpu_hour": 1.3,
    "market.managed_share": 0.0,
    "market.paid_idle_share": 0.05,
    "api:big.input_usd_per_mtok": 0.5,
    "api:big.cached_input_usd_per_mtok": 0.05,
    "api:big.output_usd_per_mtok": 4.5,
    "api:small.cached_share": 0.0,  # and so it needs no price of cached tokens
    "api:small.input_usd_per_mtok": 0.4,
    "api:small.output_usd_per_mtok": 1.6,
}
ROOM_OPTIONS = (
    Buy("ours"),
    Rent("gcp", instance_gpus=10),
    Rent("gcp:reserved-3y", "reserved-3y", instance_gpus=4),
    Rent("market", "spot", instance_gpus=16),
    Api("api:big"),
    Api("api:small"),
)


def ours(use: float, *, months: int = 30, residual: float = 0.2, covers_power: bool = True) -> Told:
    network = 520_000 * 0.12 / 0.88
    spares = 520_000 / 1.5 * 0.04  # bare parts
    capital = 520_000 + network + 25_000 + spares
    instalment, interest, owed = loan(0.8 * capital, 0.06, 48, months)
    kw = 16 * 1000 * 1.7 / 1000
    running = {
        "colocation": kw * 180,
        "maintenance": capital * 0.05 / 12,
        "staff": 16 * 5000 / 12,
        "licences": 16 * 1200 / 12,
        "other": 350.0,
    }
    if not covers_power:
        running["power"] = kw * (use * 0.8 + (1 - use) * 0.2) * 1.15 * 720 * 0.22
    return Told(
        horizon=months,
        parts={
            "servers": 520_000.0,
            "network": network,
            "storage": 25_000.0,
            "spares": spares,
            "residual value": -residual * capital,
            "interest": interest,
            **{name: usd * months for name, usd in running.items()},
        },
        month=lambda n: sum(running.values()) + (instalment if n <= 48 else 0),
        at_once=0.2 * capital,
        at_end=owed - residual * capital,
    )


def gcp(use: float, *, months: int = 30) -> Told:
    rent = 20 * 3.2 * 720 * (use + (1 - use) * 0.4)  # sixteen are two instances of ten
    month = {"compute": rent, "managed services": rent * 0.1, "storage": 20_000 * 0.02, "egress": 2_000 * 0.08}
    return Told(months, {name: usd * months for name, usd in month.items()}, lambda _: sum(month.values()))


def reserved_for_three_years(use: float, *, months: int = 30, paid: int = 36) -> Told:
    rent = 16 * 1.9 * 720
    parts = {
        "compute": rent * months,
        "commitment beyond the end": rent * (paid - months),
        "managed services": rent * 0.1 * paid,
        "storage": 20_000 * 0.02 * months,
        "egress": 8_000 * 0.08 * months,
    }
    month = rent * 1.1 + 20_000 * 0.02 + 8_000 * 0.08
    return Told(months, parts, lambda _: month, at_end=rent * 1.1 * (paid - months))


def market(use: float, *, months: int = 30) -> Told:
    rent = 16 * 1.3 * 720 * (use * 1.25 + (1 - use) * 0.05)
    month = {"compute": rent, "storage": 20_000 * 0.02, "egress": 8_000 * 0.08}
    return Told(months, {name: usd * months for name, usd in month.items()}, lambda _: sum(month.values()))


def api_big(use: float, *, months: int = 30) -> Told:
    mtok = 14_000 * 3600 * 720 * use / 1_000_000
    month = {
        "input tokens": mtok * 0.7 * 0.4 * 0.5,
        "cached input tokens": mtok * 0.7 * 0.6 * 0.05,
        "output tokens": mtok * 0.3 * 4.5,
    }
    return Told(months, {name: usd * months for name, usd in month.items()}, lambda _: sum(month.values()))


def api_small(use: float, *, months: int = 30) -> Told:
    mtok = 14_000 * 3600 * 720 * use / 1_000_000
    month = {"input tokens": mtok * 0.7 * 0.4, "output tokens": mtok * 0.3 * 1.6}
    return Told(months, {name: usd * months for name, usd in month.items()}, lambda _: sum(month.values()))


ROOM_TOLD: dict[str, Telling] = {
    "ours": ours, "gcp": gcp, "gcp:reserved-3y": reserved_for_three_years, "market": market, "api:big": api_big,
    "api:small": api_small,
}  # fmt: skip


def a_month_into_the_fourth_year() -> Scenario:
    """Return the second scenario with power on the bill, three years and a month, and a good price at the end."""
    told: dict[str, Telling] = {name: partial(telling, months=37) for name, telling in ROOM_TOLD.items()}
    told["gcp:reserved-3y"] = partial(reserved_for_three_years, months=37, paid=72)
    told["ours"] = partial(ours, months=37, residual=0.35, covers_power=False)
    figures = ROOM | {"horizon_months": 37, "residual_share": 0.35, "colo_covers_power": 0}
    return Scenario(figures, ROOM_OPTIONS, told)


SCENARIOS = {
    "everything": Scenario(EVERYTHING, OPTIONS, TOLD),
    "a loan of a year": Scenario(
        EVERYTHING | {"loan_months": 12}, OPTIONS, TOLD | {"buy": partial(bought, loan_months=12)}
    ),
    "a loan without interest": Scenario(
        EVERYTHING | {"interest_rate": 0.0}, OPTIONS, TOLD | {"buy": partial(bought, yearly_rate=0.0)}
    ),
    "a rented room": Scenario(ROOM, ROOM_OPTIONS, ROOM_TOLD),
    "a month into the fourth year": a_month_into_the_fourth_year(),
}
EVERY_OPTION = [(scenario, name) for scenario, one in SCENARIOS.items() for name in one.told]
EVERY_OTHER = [(scenario, name) for scenario, name in EVERY_OPTION if name not in ("buy", "ours")]


@pytest.fixture(scope="module")
def found() -> dict[str, Comparison]:
    return {name: scenario.found() for name, scenario in SCENARIOS.items()}


@pytest.mark.parametrize(("scenario", "name"), EVERY_OPTION)
def test_an_option_costs_what_plain_arithmetic_says(found: dict[str, Comparison], scenario: str, name: str) -> None:
    told, option = SCENARIOS[scenario].of(name), cost_of(found[scenario], name)

    assert {part: usd for part, usd in option.parts.items() if usd} == pytest.approx(
        {part: usd for part, usd in told.parts.items() if usd}, abs=CENT
    )
    assert option.total == pytest.approx(told.total, abs=CENT)
    assert option.upfront == pytest.approx(told.at_once, abs=CENT)
    assert list(option.monthly) == pytest.approx(payments(told), abs=CENT)
    assert option.upfront + sum(option.monthly) == pytest.approx(told.total, abs=CENT)
    assert option.cumulative[0] == option.upfront
    assert option.cumulative[-1] == pytest.approx(told.total, abs=CENT)


@pytest.mark.parametrize(("scenario", "name"), EVERY_OPTION)
def test_capital_is_hardware_less_what_it_sells_for_and_all_else_is_operation(
    found: dict[str, Comparison], scenario: str, name: str
) -> None:
    told, option = SCENARIOS[scenario].of(name), cost_of(found[scenario], name)
    hardware = ("servers", "network", "storage", "spares", "residual value") if option.kind == "buy" else ()
    capital = sum(told.parts[part] for part in hardware)

    assert option.capex == pytest.approx(capital, abs=CENT)
    assert option.opex == pytest.approx(told.total - capital, abs=CENT)


@pytest.mark.parametrize(("scenario", "name"), EVERY_OPTION)
def test_an_hour_of_work_and_a_million_tokens_bear_all_costs(
    found: dict[str, Comparison], scenario: str, name: str
) -> None:
    told, option, figures = SCENARIOS[scenario].of(name), cost_of(found[scenario], name), SCENARIOS[scenario].figures
    hours = figures["utilisation"] * figures["hours_per_month"] * figures["horizon_months"]
    mtok = figures["tokens_per_second"] * 3600 * hours / 1_000_000

    # by the hour of those that are wanted, not of all that are paid
    of_an_hour = None if option.kind == "api" else pytest.approx(told.total / hours / figures["accelerators"], abs=1e-9)
    assert option.usd_per_gpu_hour == of_an_hour
    assert option.usd_per_mtok == pytest.approx(told.total / mtok, abs=1e-9)


@pytest.mark.parametrize(("scenario", "name"), EVERY_OTHER)
def test_buying_breaks_even_where_the_sums_of_all_payments_meet(
    found: dict[str, Comparison], scenario: str, name: str
) -> None:
    one = SCENARIOS[scenario]
    buying = one.options[0].name
    even = next(even for even in found[scenario].break_even if even.other == name)

    assert near(even.months, even_within(one.of(buying), one.of(name)))
    assert near(even.unbounded_months, even_for_good(one.of(buying), one.of(name)))
    assert near(even.utilisation, even_use(one.told[buying], one.told[name]))


def near(value: float | None, other: float | None) -> bool:
    return value == other if value is None or other is None else abs(value - other) < 1e-6


def test_the_cheapest_is_the_one_of_the_least_total(found: dict[str, Comparison]) -> None:
    for name, scenario in SCENARIOS.items():
        assert found[name].cheapest == min(scenario.told, key=lambda option: scenario.of(option).total)


def test_these_scenarios_have_every_kind_of_break_even() -> None:
    """Else the comparison above could pass without having compared it."""
    kinds: set[str] = set()
    for scenario, name in EVERY_OTHER:
        one = SCENARIOS[scenario]
        own, other = one.of(one.options[0].name), one.of(name)
        within, for_good = even_within(own, other), even_for_good(own, other)
        use = even_use(one.told[one.options[0].name], one.told[name])
        kinds |= {
            "not within" if within is None else "at the end" if within == own.horizon else "within",
            "never" if for_good is None else "for good, later" if for_good > own.horizon else "for good, soon",
            "in no use" if use is None else "from some use" if 0 < use < 1 else "in any use",
        }

    assert kinds == {
        "not within", "at the end", "within", "never", "for good, later", "for good, soon",
        "in no use", "from some use", "in any use",
    }  # fmt: skip


def test_totals_that_can_be_checked_by_hand(found: dict[str, Comparison]) -> None:
    # 20 x 3.20 x 720 x 0.82 = 37,785.60 of rent, 3,778.56 for services, 400 and 160: 42,124.16 a month
    assert cost_of(found["a rented room"], "gcp").total == pytest.approx(1_263_724.80, abs=CENT)
    # 16 x 1.90 x 720 = 21,888 of rent and 2,188.80 for services for 36 months, 400 and 640 for 30
    assert cost_of(found["a rented room"], "gcp:reserved-3y").total == pytest.approx(897_964.80, abs=CENT)


def test_the_share_of_managed_services_is_of_all_whole_years_that_are_paid() -> None:
    figures = {
        "accelerators": 10, "horizon_months": 30, "hours_per_month": 730.5, "utilisation": 0.6, "managed_share": 0.1,
        "storage_gb": 10_000, "storage_usd_per_gb_month": 0.02, "egress_gb_per_month": 1_000,
        "egress_usd_per_gb": 0.095, "rate_usd_per_gpu_hour": 2.5, "paid_idle_share": 0.25,
    }  # fmt: skip
    reserved = cost_of(compare(figures, [Rent("it", "reserved-1y")]), "it")

    rent = 10 * 2.5 * 730.5
    assert reserved.total == pytest.approx(rent * 36 * 1.1 + (200 + 95) * 30, abs=CENT)
    assert reserved.total == pytest.approx(732_045.00, abs=CENT)
