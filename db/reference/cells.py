"""How a cell of a reference file is read: text in, a checked value out, or a ValueError that says what is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from difflib import get_close_matches

__all__ = [
    "Reader",
    "Value",
    "count",
    "country",
    "day",
    "moment",
    "one_of",
    "real",
    "real_or_zero",
    "slug",
    "text",
    "text_up_to",
    "whole",
    "year",
]

Value = str | int | float | None
Reader = Callable[[str], Value]

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_SLUG = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_MOMENT = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
# controls, other ends of lines, and what turns the direction of writing: text that is shown as something else
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_MOST = 1e15  # larger than any price, rate or count there is: a slip of the keyboard
_YEARS = range(1940, 2101)


def text(cell: str) -> str:
    """Return words as they are: one line."""
    if _CONTROL.search(cell):
        raise ValueError("must be one line without control characters or marks of direction")
    return cell


def text_up_to(most: int) -> Reader:
    """Return a reader of words with at most so many characters."""

    def read(cell: str) -> str:
        if len(cell) > most:
            raise ValueError(f"has {len(cell)} characters; at most {most} are kept")
        return text(cell)

    return read


def slug(cell: str) -> str:
    """Return a name as ids have it: nvidia-h100, aws."""
    if not _SLUG.fullmatch(cell):
        raise ValueError("must be small letters and digits, joined by - . or _")
    return cell


def real(cell: str) -> float:
    """Return a number above 0."""
    if (value := _number(cell)) <= 0:
        raise ValueError("must be greater than 0; leave it empty if it is unknown")
    return value


def real_or_zero(cell: str) -> float:
    """Return a number from 0 up, where 0 means something."""
    if (value := _number(cell)) < 0:
        raise ValueError("must not be below 0")
    return value


def count(cell: str) -> int:
    """Return a whole number from 1 up."""
    if (value := whole(cell)) < 1:
        raise ValueError("must be 1 or more")
    return value


def whole(cell: str) -> int:
    """Return a whole number from 0 up."""
    if not _WHOLE.fullmatch(cell):
        raise ValueError("must be a whole number")
    if (value := int(cell)) < 0:
        raise ValueError("must not be below 0")
    return value


def day(cell: str) -> str:
    """Return an ISO date."""
    if not (_MOMENT.fullmatch(cell) and len(cell) == len("2026-11-23")):
        raise ValueError("must be a date such as 2026-11-23")
    return moment(cell)


def moment(cell: str) -> str:
    """Return an ISO date, or as much of one as is known: 2026-11-23, 2026-11 or 2026."""
    try:
        if not _MOMENT.fullmatch(cell) or date.fromisoformat((cell + "-01-01")[:10]).year not in _YEARS:
            raise ValueError
    except ValueError:
        raise ValueError("must be a date that exists, such as 2026-11-23, 2026-11 or 2026") from None
    return cell


def year(cell: str) -> int:
    """Return a year."""
    if len(cell) != len("2026") or not _WHOLE.fullmatch(cell) or int(cell) not in _YEARS:
        raise ValueError(f"must be a year from {_YEARS[0]} to {_YEARS[-1]}")
    return int(cell)


def country(cell: str) -> str:
    """Return a country's code."""
    if not re.fullmatch("[A-Z]{2}", cell):
        raise ValueError("must be two capital letters of ISO 3166-1, such as DE")
    return cell


def one_of(*words: str) -> Reader:
    """Return a reader of one of some words."""

    def read(cell: str) -> str:
        if cell not in words:
            near = get_close_matches(cell, words, n=1)
            raise ValueError(f"must be one of {', '.join(words)}" + (f"; did you mean {near[0]}?" if near else ""))
        return cell

    return read


def _number(cell: str) -> float:
    if not _NUMBER.fullmatch(cell):
        raise ValueError("must be a number such as 1234.5: no thousands separators, no unit, a point for decimals")
    if abs(value := float(cell)) > _MOST:
        raise ValueError("is too large to be true")
    return value
