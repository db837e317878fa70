"""Cells of catalogues -> values. Pure; what cannot be a value raises `BadCellError` with the reason."""

from __future__ import annotations

import re

__all__ = ["NO_CURRENCY", "BadCellError", "count_of", "gigabytes_of", "memory_of", "name_of", "price_of"]

MAX_PRICE = 1_000_000.0  # US dollars an hour for one instance; the largest TPU slice costs about 25,000
MAX_COUNT = 100_000  # accelerators in one instance; the largest TPU slice has 8,960
MAX_NAME = 120  # characters
_MEMORY_GB = (1.0, 2_000.0)  # of one accelerator; outside of it a figure is plainly wrong

NO_CURRENCY = "the currency of the price is not said, and it may not be the US dollar"

# float() also takes 1_000, inf and the digits of other scripts
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{0,20})?(?:[eE][+-]?[0-9]{1,2})?")
_MISSING = frozenset(["", "nan", "none", "null", "n/a", "-"])


class BadCellError(ValueError):
    """A cell holds no value of its kind; the message says what it holds."""


def price_of(cell: str) -> float | None:
    """Return a price in US dollars; None: blank or 0.00, which catalogues write where they have none.

    Raises:
        BadCellError: negative, not finite, no number, or beyond any instance's price.
    """
    if cell.casefold() in _MISSING:
        return None
    value = _number(cell, "price")
    if value < 0:
        raise BadCellError(f"negative price {cell}")
    if value > MAX_PRICE:
        raise BadCellError(f"price {cell} is beyond that of any instance")
    return value or None


def count_of(cell: str) -> int:
    """Return how many accelerators an instance has; 0: none.

    Raises:
        BadCellError: a part of an accelerator, negative, too many, or no number.
    """
    if cell.casefold() in _MISSING:
        return 0
    value = _number(cell, "count")
    if value < 0 or value > MAX_COUNT:
        raise BadCellError(f"count {cell} of accelerators")
    if not value.is_integer():
        raise BadCellError(f"a part of an accelerator: count {cell}")
    return int(value)


def gigabytes_of(cell: str) -> float | None:
    """Return memory in GB; None: not said, 0, or no number (it is a hint only, and no row is lost for it)."""
    return memory_of(float(cell)) if _NUMBER.fullmatch(cell) else None


def memory_of(gigabytes: float) -> float | None:
    """Return the memory of one accelerator in GB, or None if the figure is plainly wrong (0 is: not said)."""
    low, high = _MEMORY_GB
    return round(gigabytes, 1) if low <= gigabytes <= high else None


def name_of(cell: str, what: str) -> str | None:
    """Return a name, None if blank.

    Raises:
        BadCellError: too long, or with control characters.
    """
    if len(cell) > MAX_NAME or not cell.isprintable():
        raise BadCellError(f"no usable {what}: {cell[:40]!r}")
    return cell or None


def _number(cell: str, what: str) -> float:
    if not _NUMBER.fullmatch(cell):
        raise BadCellError(f"no {what}: {cell[:40]!r}")
    return float(cell)
