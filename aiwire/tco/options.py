"""The options that are compared, and when each is paid."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, TypeGuard, get_args

from aiwire.exceptions import ConfigError
from aiwire.tco import formulas
from aiwire.tco.inputs import INPUTS, checked, missing
from aiwire.tco.results import OptionKind

__all__ = [
    "COMMITTED_MONTHS",
    "LARGEST_INSTANCE",
    "ROUNDING",
    "Api",
    "Buy",
    "Commitment",
    "Figures",
    "Option",
    "Payments",
    "Rent",
    "Stream",
    "is_instance_size",
    "known_figures",
    "payments",
]

Commitment = Literal["on-demand", "spot", "reserved-1y", "reserved-3y"]
COMMITTED_MONTHS: dict[Commitment, int] = {"reserved-1y": 12, "reserved-3y": 36}
LARGEST_INSTANCE = 10_000
ROUNDING = 1e-9  # months: 0.1 * 120 is 12 months, not a day in a thirteenth


@dataclass(frozen=True, slots=True)
class Buy:
    """Own the servers, in rooms of one's own or rented."""

    name: str = "buy"
    kind: ClassVar[OptionKind] = "buy"


@dataclass(frozen=True, slots=True)
class Rent:
    """Rent from a provider. Whole instances are paid: with 8 to an instance, 9 accelerators cost what 16 cost."""

    name: str
    commitment: Commitment = "on-demand"
    instance_gpus: int = 1
    kind: ClassVar[OptionKind] = "rent"


@dataclass(frozen=True, slots=True)
class Api:
    """Pay by the token."""

    name: str
    kind: ClassVar[OptionKind] = "api"


Option = Buy | Rent | Api


class Figures:
    """The figures as one option sees them: its own before the common ones. Keeps which of them were asked for."""

    def __init__(self, option: str, figures: Mapping[str, float]) -> None:
        self._prefix = f"{option}."
        self._figures = figures
        self.asked: set[str] = set()

    def get(self, name: str) -> float | None:
        """Return a figure; None: unknown."""
        key = own if (own := self._prefix + name) in self._figures else name
        self.asked.add(key)
        return self._figures.get(key)

    def __getitem__(self, name: str) -> float:
        """Return a figure that is needed.

        Raises:
            ConfigError: it is unknown; the message says what is accepted and how to give it.
        """
        if (value := self.get(name)) is None:
            # what each provider or model has of its own is asked for under its name
            raise missing(self._prefix + name if INPUTS[name].scope in ("rent", "api") else name)
        return value


@dataclass(frozen=True, slots=True)
class Stream:
    """A payment that goes on evenly, for some months (infinite: as long as the option is used)."""

    usd_per_month: float
    months: float = math.inf


@dataclass(frozen=True, slots=True)
class Payments:
    """When an option is paid, and for what."""

    horizon: float  # months
    upfront: float
    streams: tuple[Stream, ...]
    at_end: float  # of the horizon; negative: money comes back
    parts: dict[str, float]  # component -> its cost over the horizon
    capex: float

    @property
    def total(self) -> float:
        """Return what is paid over the horizon, all in all."""
        return self.paid_until(self.horizon) + self.at_end

    def paid_until(self, month: float) -> float:
        """Return what is paid until a moment, given in months, without what is due at the end of the horizon."""
        return self.upfront + sum(stream.usd_per_month * min(stream.months, month) for stream in self.streams)

    def monthly(self) -> tuple[float, ...]:
        """Return what is paid in each month; the last may be a part of one and holds what is due at the end."""
        whole = math.ceil(self.horizon - ROUNDING)
        ends = [0.0, *(float(month) for month in range(1, whole)), self.horizon]
        paid = [self.paid_until(end) for end in ends]
        months = [after - before for before, after in pairwise(paid)]
        months[-1] += self.at_end
        return tuple(months)


def known_figures(figures: Mapping[str, float | None], options: Sequence[Option]) -> dict[str, float]:
    """Return the figures that are known, when they and the options have been seen to be ones that can be compared.

    Raises:
        ConfigError: there is no option, two have one name, two buy, or one has what it may not have; a figure may not
            have its value, or belongs to no option.
    """
    _check_options(options)
    known = checked(figures)
    kinds = {option.name: option.kind for option in options}
    for key in known:
        owner, _, name = key.rpartition(".")
        if owner and owner not in kinds:
            raise ConfigError(f"input {key}: no option is called {owner!r}; there are: {', '.join(kinds)}")
        if owner and kinds[owner] != INPUTS[name].scope:
            raise ConfigError(
                f"input {key}: {name} is for options of the kind {INPUTS[name].scope}, not {kinds[owner]}"
            )
    return known


def _check_options(options: Sequence[Option]) -> None:
    if not options:
        raise ConfigError("nothing to compare: name at least one option, buy or a provider or api:MODEL")
    names = [option.name for option in options]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"option {twice[0]!r} is there twice: give each a name of its own")
    if sum(isinstance(option, Buy) for option in options) > 1:
        raise ConfigError("buying is there twice: compare two ways of buying in two scenarios")
    for option in options:
        if isinstance(option, Rent):
            _check_rent(option)


def _check_rent(option: Rent) -> None:
    if option.commitment not in get_args(Commitment):
        raise ConfigError(
            f"option {option.name}: commitment {option.commitment!r}; accepted: {', '.join(get_args(Commitment))}"
        )
    if not is_instance_size(option.instance_gpus):
        raise ConfigError(
            f"option {option.name}: instances of {option.instance_gpus!r} accelerators; "
            f"accepted is a whole number from 1 to {LARGEST_INSTANCE}"
        )


def is_instance_size(value: object) -> TypeGuard[int]:
    """Say whether an instance may have so many accelerators."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_INSTANCE


def payments(option: Option, figures: Figures) -> Payments:
    """Return when an option is paid, and for what. The figures are taken as they are: `checked` has seen them.

    Raises:
        ConfigError: a figure that is needed is unknown.
    """
    if isinstance(option, Buy):
        return _buy(figures)
    if isinstance(option, Rent):
        return _rent(option, figures)
    return _api(figures)


def _buy(figures: Figures) -> Payments:
    horizon = figures["horizon_months"]
    assets = _assets(figures)
    capital = sum(assets.values())
    financed = figures["financed_share"] * capital
    loan, interest, owed = _loan(financed, figures) if financed else (Stream(0.0), 0.0, 0.0)
    residual = figures["residual_share"] * capital
    running = _running_usd_per_month(capital, figures)
    return Payments(
        horizon=horizon,
        upfront=capital - financed,
        streams=(Stream(sum(running.values())), loan),
        at_end=owed - residual,
        parts=assets
        | {"residual value": -residual, "interest": interest}
        | {name: usd * horizon for name, usd in running.items()},
        capex=capital - residual,
    )


def _assets(figures: Figures) -> dict[str, float]:
    """Return what is bought before the first month."""
    factor = figures["server_factor"]
    if (servers := figures.get("system_usd")) is None:
        servers = figures["accelerators"] * figures["accelerator_usd"] * factor
    return {
        "servers": servers,
        "network": formulas.network_usd(servers, figures["network_share"]),
        "storage": figures["storage_usd"],
        "spares": servers / factor * figures["spares_share"],  # bare parts, without the servers around them
    }


def _loan(principal: float, figures: Figures) -> tuple[Stream, float, float]:
    """Return the instalments, the interest until the horizon, and what is owed then (and paid back at once)."""
    horizon, months, rate = figures["horizon_months"], figures["loan_months"], figures["interest_rate"]
    instalment = formulas.loan_instalment(principal, yearly_rate=rate, months=months)
    owed = formulas.loan_balance(principal, yearly_rate=rate, months=months, paid_months=horizon)
    return Stream(instalment, months), instalment * min(months, horizon) + owed - principal, owed


def _running_usd_per_month(capital: float, figures: Figures) -> dict[str, float]:
    """Return what owning costs in a month, by component."""
    count = figures["accelerators"]
    servers = formulas.server_kw(accelerators=count, tdp_w=figures["tdp_w"], chip_to_server=figures["chip_to_server"])
    return {
        "power": 0.0 if figures["colo_covers_power"] else _power_usd_per_month(servers, figures),
        "colocation": servers * figures["colo_usd_per_kw_month"],
        "maintenance": capital * figures["maintenance_share"] / 12,
        "staff": count * figures["staff_usd_per_accelerator_year"] / 12,
        "licences": count * figures["licence_usd_per_accelerator_year"] / 12,
        "other": figures["other_usd_per_month"],
    }


def _power_usd_per_month(servers_kw: float, figures: Figures) -> float:
    drawn = formulas.drawn_kw(
        servers_kw,
        utilisation=figures["utilisation"],
        load=figures["load_fraction"],
        idle=figures["idle_fraction"],
        pue=figures["pue"],
    )
    return drawn * figures["hours_per_month"] * figures["usd_per_kwh"]


def _rent(option: Rent, figures: Figures) -> Payments:
    horizon = figures["horizon_months"]
    instances = math.ceil(figures["accelerators"] / option.instance_gpus)
    at_once = instances * option.instance_gpus * figures["rate_usd_per_gpu_hour"]  # USD in an hour of all
    rent = at_once * figures["hours_per_month"] * _PAID_SHARE[option.commitment](figures)
    running = {
        "compute": rent,
        "storage": figures["storage_gb"] * figures["storage_usd_per_gb_month"],
        "egress": figures["egress_gb_per_month"] * figures["egress_usd_per_gb"],
        "managed services": rent * figures["managed_share"],
    }
    unused = rent * _unused_months(option.commitment, horizon)
    managed = unused * figures["managed_share"]  # a share of all rent that is paid, and this is
    parts = {name: usd * horizon for name, usd in running.items()} | {"commitment beyond the end": unused}
    parts["managed services"] += managed
    return Payments(horizon, 0.0, (Stream(sum(running.values())),), at_end=unused + managed, parts=parts, capex=0.0)


def _paid_on_demand(figures: Figures) -> float:
    return figures["utilisation"] + (1 - figures["utilisation"]) * figures["paid_idle_share"]


def _paid_spot(figures: Figures) -> float:
    return _paid_on_demand(figures) + figures["utilisation"] * figures["rework_share"]


def _paid_reserved(figures: Figures) -> float:
    return 1.0


# commitment -> the share of all hours that is paid
_PAID_SHARE: dict[Commitment, Callable[[Figures], float]] = {
    "on-demand": _paid_on_demand,
    "spot": _paid_spot,
    "reserved-1y": _paid_reserved,
    "reserved-3y": _paid_reserved,
}


def _unused_months(commitment: Commitment, horizon: float) -> float:
    """Return the months after the horizon that are paid all the same: commitments are for whole years."""
    term = COMMITTED_MONTHS.get(commitment)
    return max(0.0, math.ceil(horizon / term - ROUNDING) * term - horizon) if term else 0.0


def _api(figures: Figures) -> Payments:
    horizon = figures["horizon_months"]
    count = formulas.tokens(figures["tokens_per_second"], figures["hours_per_month"] * figures["utilisation"])
    cached_share = figures["cached_share"]
    fresh, cached, written = formulas.split_tokens(
        count / 1e6, output_share=figures["output_share"], cached_share=cached_share
    )
    running = {
        "input tokens": fresh * figures["input_usd_per_mtok"],
        # only who counts on the cache needs its price
        "cached input tokens": cached * figures["cached_input_usd_per_mtok"] if cached_share else 0.0,
        "output tokens": written * figures["output_usd_per_mtok"],
    }
    parts = {name: usd * horizon for name, usd in running.items()}
    return Payments(horizon, 0.0, (Stream(sum(running.values())),), at_end=0.0, parts=parts, capex=0.0)
