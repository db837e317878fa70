"""Defaults that do not hold for all: the network of one server, the staff of cards outside datacentres. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from db.reference.lookup import CloudOffer, Default, Part

__all__ = ["SERVER", "fitted", "server_size"]

SERVER = 8  # accelerators of a server where no larger one is known
_DATACENTER = ("datacenter", "cloud-only", "internal")
_OF_DATACENTERS = ("staff_usd_per_accelerator_year", "licence_usd_per_accelerator_year")
_CHOICE = "aiwire: a choice, nothing is measured"


def server_size(part: Part, offers: Iterable[CloudOffer]) -> int:
    """Return how many of a part stand in one server: as in its largest instance, at least 8."""
    if not part.is_sold:  # instances of these may be slices of a whole room
        return SERVER
    return max((SERVER, *(offer.gpu_count for offer in offers if offer.accelerator_id == part.id)))


def fitted(default: Default, part: Part, *, accelerators: float, server: int) -> Default:
    """Return a default as it holds for so many of this part.

    Args:
        accelerators: how many are wanted, at most.
        server: how many stand in one.
    """
    if default.name == "network_share" and accelerators <= server:
        return _zero(
            default,
            f"{accelerators:,.0f} in one server of {server} need no network of their own; for more servers"
            f" {_range(default)}, {default.source}",
        )
    if default.name in _OF_DATACENTERS and part.segment not in _DATACENTER:
        return _zero(
            default, f"of {part.segment} cards nothing is known; of a datacentre's: {_range(default)}, {default.source}"
        )
    return default


def _zero(default: Default, note: str) -> Default:
    return replace(default, low=0.0, mid=0.0, high=0.0, trust="choice", source=_CHOICE, note=note)


def _range(default: Default) -> str:
    return (
        f"{default.mid:g} ({default.low:g} to {default.high:g})" if default.low < default.high else f"{default.mid:g}"
    )
