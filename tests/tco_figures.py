"""Figures of cost comparisons: with every term switched off, and drawn at random."""

from __future__ import annotations

from hypothesis import strategies as st

from aiwire.tco.inputs import INPUTS
from aiwire.tco.options import Api, Buy, Rent

__all__ = ["MONEY", "OPTIONS", "PLAIN", "figures", "without_options"]

# one accelerator in full use for a year, which costs nothing and draws nothing
PLAIN: dict[str, float] = {
    "accelerators": 1,
    "utilisation": 1,
    "horizon_months": 12,
    "hours_per_month": 730.5,
    "accelerator_usd": 0,
    "server_factor": 1,
    "network_share": 0,
    "storage_usd": 0,
    "spares_share": 0,
    "residual_share": 0,
    "financed_share": 0,
    "tdp_w": 1,
    "chip_to_server": 1,
    "load_fraction": 1,
    "idle_fraction": 1,
    "pue": 1,
    "usd_per_kwh": 0,
    "colo_usd_per_kw_month": 0,
    "colo_covers_power": 0,
    "maintenance_share": 0,
    "staff_usd_per_accelerator_year": 0,
    "licence_usd_per_accelerator_year": 0,
    "other_usd_per_month": 0,
    "paid_idle_share": 0,
    "rework_share": 0,
    "storage_gb": 0,
    "storage_usd_per_gb_month": 0,
    "egress_gb_per_month": 0,
    "egress_usd_per_gb": 0,
    "managed_share": 0,
    "cached_share": 0,
}

OPTIONS = (
    Buy(),
    Rent("aws", instance_gpus=8),
    Rent("lambda:reserved-1y", "reserved-1y"),
    Rent("spot", "spot", instance_gpus=4),
    Api("api:large"),
)

# what money is said in, so that all of it can be scaled
MONEY = tuple(name for name, spec in INPUTS.items() if spec.unit.startswith("USD"))

_RANGES: dict[str, tuple[float, float]] = {
    "utilisation": (0.01, 1),
    "horizon_months": (0.5, 72),
    "hours_per_month": (1, 744),
    "tokens_per_second": (1, 1e6),
    "output_share": (0, 1),
    "accelerator_usd": (0, 60_000),
    "server_factor": (1, 3),
    "network_share": (0, 0.5),
    "storage_usd": (0, 1e6),
    "spares_share": (0, 0.2),
    "residual_share": (0, 0.5),
    "financed_share": (0, 1),
    "interest_rate": (0, 0.2),
    "tdp_w": (50, 1500),
    "chip_to_server": (1, 3),
    "load_fraction": (0, 1),
    "idle_fraction": (0, 1),
    "pue": (1, 2),
    "usd_per_kwh": (0, 1),
    "colo_usd_per_kw_month": (0, 300),
    "maintenance_share": (0, 0.2),
    "staff_usd_per_accelerator_year": (0, 10_000),
    "licence_usd_per_accelerator_year": (0, 5_000),
    "other_usd_per_month": (0, 5_000),
    "paid_idle_share": (0, 1),
    "rework_share": (0, 1),
    "storage_gb": (0, 1e5),
    "storage_usd_per_gb_month": (0, 0.1),
    "egress_gb_per_month": (0, 1e5),
    "egress_usd_per_gb": (0, 0.2),
    "managed_share": (0, 0.5),
    "cached_share": (0, 1),
    "aws.rate_usd_per_gpu_hour": (0, 20),
    "lambda:reserved-1y.rate_usd_per_gpu_hour": (0, 20),
    "spot.rate_usd_per_gpu_hour": (0, 20),
    "api:large.input_usd_per_mtok": (0, 50),
    "api:large.cached_input_usd_per_mtok": (0, 5),
    "api:large.output_usd_per_mtok": (0, 100),
}
_WHOLE: dict[str, tuple[int, int]] = {"accelerators": (1, 64), "loan_months": (1, 60), "colo_covers_power": (0, 1)}


def _round(value: float) -> float:
    """Cut to what a user could write: differences of 1e-300 are no part of the question."""
    return round(value, 6)


def figures() -> st.SearchStrategy[dict[str, float]]:
    """Draw all figures that `OPTIONS` need."""
    return st.fixed_dictionaries(
        {name: st.floats(low, high).map(_round) for name, (low, high) in _RANGES.items()}
        | {name: st.integers(low, high).map(float) for name, (low, high) in _WHOLE.items()}
    )


def without_options(drawn: dict[str, float], *, but: tuple[str, ...] = ()) -> dict[str, float]:
    """Return the common figures, and of the options' own only those of `but`."""
    return {key: value for key, value in drawn.items() if "." not in key or key.rpartition(".")[0] in but}
