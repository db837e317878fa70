"""Which accelerator a name of a product or instance means, where it says so: `H100` in `gpu_8x_h100_sxm5`."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["families_named"]

# h100, l40s, mi300x: numbers alone mean anything, and a2 or t4 are series of instances, too
_TELLING = re.compile(r"[a-z]{1,2}\d{2,4}[a-z]{0,2}")


def families_named(text: str, families: frozenset[str]) -> frozenset[str]:
    """Return the families that a text names; nothing if it names none.

    Args:
        text: a name or an address; `8xH100` and `1H100.80S` name the H100, `GH100` and `H1000` do not.
        families: ids of all families.
    """
    found = set(_pattern(families).findall(text.lower()))
    return frozenset(family for family in families if _short(family) in found)


@cache
def _pattern(families: frozenset[str]) -> re.Pattern[str]:
    names = sorted({name for family in families if (name := _short(family))}, key=len, reverse=True)
    return re.compile(rf"(?<![a-z])(?<!-v)({'|'.join(names) or '(?!)'})(?=$|[^a-z0-9]|x\d)")


@cache
def _short(family: str) -> str | None:
    """Return what is left of an id without its vendor, if that tells the family: `nvidia-h100` -> `h100`."""
    name = family.partition("-")[2]
    return name if _TELLING.fullmatch(name) else None
