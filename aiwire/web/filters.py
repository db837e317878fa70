"""How values are written on pages: the filters of the templates. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from aiwire.web.links import outside

__all__ = ["FILTERS"]

DASH = "—"  # for what is not known


def day(moment: str | None) -> str:
    """Return the day of an ISO time: "2026-11-23"."""
    return moment[:10] if moment else DASH


def minute(moment: str | None) -> str:
    """Return an ISO time to the minute: "2026-11-23 06:00 UTC"."""
    return f"{moment[:10]} {moment[11:16]} UTC" if moment and len(moment) >= 16 else day(moment)


def number(value: float | None, decimals: int | None = None) -> str:
    """Return a number with thousands parted; up to 4 digits that say something, unless decimals are given."""
    if value is None or value != value:
        return DASH
    if decimals is not None:
        return f"{value:,.{decimals}f}"
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"


def percent(value: float | None, decimals: int = 1) -> str:
    """Return a share of 0..1 as a percentage: "4.2%"."""
    return DASH if value is None or value != value else f"{value * 100:.{decimals}f}%"


def usd(value: float | None) -> str:
    """Return an amount of US dollars: "$2.99", "$1,234" from a thousand on."""
    if value is None or value != value:
        return DASH
    sign = "-" if value < 0 else ""
    return f"{sign}${abs(value):,.0f}" if abs(value) >= 1000 else f"{sign}${abs(value):,.2f}"


def counted(count: int, one: str, more: str | None = None) -> str:
    """Return a number with its noun: "1 article", "1,204 articles"."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def commands(text: str) -> Markup:
    """Return a sentence with what stands between backticks as code: "try `aiwire run`"."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one without its partner is no mark
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts)
    )


def stamp(moment: datetime) -> str:
    """Return a time to the minute: "2026-11-23 06:00 UTC"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


FILTERS: dict[str, Callable[..., Any]] = {
    "commands": commands, "counted": counted, "day": day, "minute": minute, "number": number, "outside": outside,
    "percent": percent, "stamp": stamp, "usd": usd,
}  # fmt: skip
