"""The inputs of a cost comparison: their names, units and limits, and where each value came from.

A name means the same in scenario files, on the command line, in `tco_defaults` and in results. What holds for one
option only has its name before it, with a dot: `aws.rate_usd_per_gpu_hour`.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, TypeGuard

from aiwire.exceptions import ConfigError

__all__ = [
    "HOURS_PER_MONTH",
    "INPUTS",
    "Evidence",
    "GivenBy",
    "Input",
    "InputSpec",
    "Scope",
    "Trust",
    "checked",
    "missing",
]

HOURS_PER_MONTH = 8766 / 12  # of a Julian year: 730.5

GivenBy = Literal["user", "reference", "default"]
Trust = Literal["given", "good", "fair", "weak", "choice"]  # choice: ours, neither measured nor sourced
Scope = Literal["all", "buy", "rent", "api"]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What an input means and which values it may have (ends included unless `above_low`)."""

    name: str
    unit: str
    meaning: str
    scope: Scope
    low: float = 0.0
    high: float = 1e12  # beyond it a number is a slip
    above_low: bool = False  # the low end itself is refused
    optional: bool = False  # may be unknown; what needs it says so
    whole: bool = False  # 8, not 7.5

    def accepts(self) -> str:
        """Say in words which values it may have."""
        kind = "a whole number" if self.whole else "a number"
        if self.above_low:
            return f"{kind} above {self.low:,g}, at most {self.high:,.12g}"
        return f"{kind} from {self.low:,g} to {self.high:,.12g}"

    def clip(self, value: float) -> float:
        """Return the nearest value within its limits, the low end included, whole if it has to be."""
        nearest = min(max(value, self.low), self.high)
        return float(round(nearest)) if self.whole else nearest


@dataclass(frozen=True, slots=True)
class Evidence:
    """An article that quotes a figure for an input."""

    url: str
    title: str
    publisher: str
    dated_at: str  # ISO
    quote: str  # the words of the price
    sentence: str
    amount: float  # in the input's unit
    supports: bool  # False: it contradicts


@dataclass(frozen=True, slots=True)
class Input:
    """A value with its range and its footnote."""

    name: str
    low: float
    mid: float  # what is calculated with
    high: float
    unit: str
    given_by: GivenBy
    source: str
    as_of: str | None = None  # date of the value; None: timeless, or the user's
    trust: Trust = "given"
    note: str | None = None
    evidence: tuple[Evidence, ...] = ()


def _spec(name: str, unit: str, scope: Scope, meaning: str, **limits: float | bool) -> InputSpec:
    return InputSpec(name, unit, meaning, scope, **limits)  # type: ignore[arg-type]  # of which mypy knows only the union


INPUTS: dict[str, InputSpec] = {
    spec.name: spec
    for spec in (
        _spec("accelerators", "accelerators", "all", "How many are wanted.", low=1, high=1e6, whole=True),
        _spec("utilisation", "share of hours", "all", "Part of all hours in which they work.", high=1, above_low=True),
        _spec("horizon_months", "months", "all", "How long costs are counted.", above_low=True, high=240),
        _spec("hours_per_month", "hours", "all", "Hours in which they could work.", above_low=True, high=744),
        _spec(
            "tokens_per_second", "tokens/s", "all",
            "Of all accelerators together while they work, input and output added up.", above_low=True, optional=True,
        ),
        _spec("output_share", "share of tokens", "all", "Part that the model writes.", high=1, optional=True),
        # buy: capital
        _spec("accelerator_usd", "USD", "buy", "Price of one accelerator.", optional=True),
        _spec("server_factor", "ratio", "buy", "Price of a server by the price of its accelerators.", low=1, high=10),
        _spec("system_usd", "USD", "buy", "Price of all servers, instead of the two above.", optional=True),
        _spec("network_share", "share of hardware", "buy", "Of servers and network together.", high=0.9),
        _spec("storage_usd", "USD", "buy", "Storage, bought once."),
        _spec("spares_share", "share of accelerators", "buy", "Bought in reserve, as bare parts.", high=1),
        _spec("residual_share", "share of capital", "buy", "What the hardware sells for at the end.", high=1),
        _spec("financed_share", "share of capital", "buy", "Part that is paid by a loan.", high=1),
        _spec("interest_rate", "per year", "buy", "Nominal, of that loan.", high=1),
        _spec("loan_months", "months", "buy", "Paid back in equal instalments.", low=1, high=240, whole=True),
        # buy: operation
        _spec("tdp_w", "W", "buy", "Thermal design power of one accelerator.", above_low=True, optional=True),
        _spec("chip_to_server", "ratio", "buy", "Power of a server by the power of its accelerators.", low=1, high=5),
        _spec("load_fraction", "share of power", "buy", "Drawn while working.", high=1.5),
        _spec("idle_fraction", "share of power", "buy", "Drawn while idle.", high=1.5),
        _spec("pue", "ratio", "buy", "Power of the building by that of its computers.", low=1, high=3),
        _spec("usd_per_kwh", "USD/kWh", "buy", "Tariff.", optional=True),
        _spec("colo_usd_per_kw_month", "USD/kW-month", "buy", "Rent of a room, by the power of the servers."),
        _spec("colo_covers_power", "0 or 1", "buy", "Whether that rent holds the electricity.", high=1, whole=True),
        _spec("maintenance_share", "share of capital per year", "buy", "Contracts and repairs.", high=1),
        _spec("staff_usd_per_accelerator_year", "USD/year", "buy", "Staff, by accelerator."),
        _spec("licence_usd_per_accelerator_year", "USD/year", "buy", "Software, by accelerator."),
        _spec("other_usd_per_month", "USD/month", "buy", "Lines, insurance, whatever else."),
        # rent; each provider has its own rate
        _spec("rate_usd_per_gpu_hour", "USD/GPU-hour", "rent", "Price of an accelerator's hour.", optional=True),
        _spec("paid_idle_share", "share of idle hours", "rent", "Idle hours that are paid all the same.", high=1),
        _spec("rework_share", "share of hours", "rent", "Spot: done again after interruptions.", high=10),
        _spec("storage_gb", "GB", "rent", "Stored at the provider."),
        _spec("storage_usd_per_gb_month", "USD/GB-month", "rent", "For storing it."),
        _spec("egress_gb_per_month", "GB/month", "rent", "Leaving the provider."),
        _spec("egress_usd_per_gb", "USD/GB", "rent", "For letting it leave."),
        _spec("managed_share", "share of rent", "rent", "Added for managed services.", high=5),
        # api; each model has its own prices
        _spec("input_usd_per_mtok", "USD/1M tokens", "api", "Tokens that are read.", optional=True),
        _spec("cached_input_usd_per_mtok", "USD/1M tokens", "api", "Tokens read from the cache.", optional=True),
        _spec("output_usd_per_mtok", "USD/1M tokens", "api", "Tokens that are written.", optional=True),
        _spec("cached_share", "share of input", "api", "Part of the input that is in the provider's cache.", high=1),
    )
}  # fmt: skip

_LEAST = 1e-9  # of what is above 0: products of smaller numbers vanish

_FLAGS = {  # what the command line has of its own for an input
    "accelerators": "--count",
    "utilisation": "--utilisation",
    "horizon_months": "--years",
    "usd_per_kwh": "--tariff",
    "tokens_per_second": "--tokens-per-second",
    "output_share": "--output-share",
}
_OTHER_UNITS = {"horizon_months": f" (--years counts in years: up to {INPUTS['horizon_months'].high / 12:g})"}


def missing(key: str) -> ConfigError:
    """Return the error that says which input is needed, what is accepted and how to give it."""
    option, _, name = key.rpartition(".")
    spec = INPUTS[name]
    flag = f"{_FLAGS[name]} VALUE" if key in _FLAGS else f"--set {key}=VALUE"
    table = f'[options."{option}"]' if option else "[inputs]"
    return ConfigError(
        f"input {key} is unknown: {spec.meaning.rstrip('.')}, in {spec.unit}; accepted is {spec.accepts()}; "
        f"give it with {flag}{_OTHER_UNITS.get(name, '')}, or as {name} under {table} in a scenario file"
    )


def checked(figures: Mapping[str, float | None]) -> dict[str, float]:
    """Return the figures that are known (None: unknown), each within its limits.

    Args:
        figures: by name, or by option and name: `pue`, `aws.rate_usd_per_gpu_hour`.

    Raises:
        ConfigError: an unknown name, no number, or a value that the input may not have; says what is accepted.
    """
    return {key: _checked(key, value) for key, value in figures.items() if value is not None}


def _checked(key: str, value: object) -> float:
    option, _, name = key.rpartition(".")
    if (spec := INPUTS.get(name)) is None:
        near = get_close_matches(name, INPUTS, n=1)
        raise ConfigError(
            f"there is no input {name!r}; "
            + (f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(INPUTS)}")
        )
    if option and spec.scope == "all":
        raise ConfigError(f"input {name} is the same for all options: give it without {option!r}")
    if not _is_accepted(value, spec):
        shown = repr(value).removesuffix(".0") if isinstance(value, float) else reprlib.repr(value)
        raise ConfigError(
            f"input {key} is {shown}; accepted is {spec.accepts()}, in {spec.unit}{_OTHER_UNITS.get(name, '')}"
        )
    return float(value)


def _is_accepted(value: object, spec: InputSpec) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):  # True would count as 1
        return False
    low = spec.low + _LEAST if spec.above_low else spec.low
    return low <= value <= spec.high and not (spec.whole and value != round(value))  # NaN is in no range
