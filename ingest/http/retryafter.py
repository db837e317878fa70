"""What a server says about being asked less: Retry-After and the headers of rate limits. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = ["LONGEST", "is_throttled", "retry_after"]

LONGEST = timedelta(days=7)  # nobody is left alone for longer because of one header
_SECONDS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_RESETS = ("ratelimit-reset", "x-ratelimit-reset")
_LEFT = ("ratelimit-remaining", "x-ratelimit-remaining")
_EPOCH = 1e9  # seconds; a larger number is no wait but a moment (x-ratelimit-reset is written both ways)


def is_throttled(status: int | None, headers: Mapping[str, str]) -> bool:
    """Return whether an answer means: you ask too often. Header names are in lower case.

    That is 429 always, 503 with Retry-After (RFC 9110 10.2.3), and 403 with Retry-After or with the reset time of a
    rate limit, unless the same answer says that requests are left. What the header holds does not matter.
    """
    match status:
        case 429:
            return True
        case 503:
            return "retry-after" in headers
        case 403:
            return "retry-after" in headers or (
                any(name in headers for name in _RESETS) and not any(_positive(headers.get(name)) for name in _LEFT)
            )
        case _:
            return False


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long the server asks to wait, from 0 to `LONGEST`; None if it does not say, or not legibly.

    Retry-After goes before the reset time of a rate limit. Seconds count from `now`, a date from the answer's own
    Date if it has one, so that a server whose clock is wrong is understood as well. A negative number and a date in
    the past are 0: the server says "now", and the caller's own minimum holds. Several values: the longest.

    Args:
        headers: of the answer, names in lower case.
        now: when the answer came, aware.
    """
    for name in ("retry-after", *_RESETS):
        if (wait := _wait(headers.get(name, ""), headers.get("date", ""), now)) is not None:
            return wait
    return None


def _wait(value: str, date: str, now: datetime) -> timedelta | None:
    numbers = [part.strip() for part in value.split(",")]
    if all(map(_SECONDS.fullmatch, numbers)):
        return max(_of_number(float(number), now) for number in numbers)
    until = _http_date(value)
    return None if until is None else _within_bounds((until - (_http_date(date) or now)).total_seconds())


def _of_number(seconds: float, now: datetime) -> timedelta:
    since_epoch = now.timestamp()
    return _within_bounds(seconds - since_epoch if _EPOCH < seconds < 2 * since_epoch else seconds)


def _within_bounds(seconds: float) -> timedelta:
    return timedelta(seconds=min(max(seconds, 0.0), LONGEST.total_seconds()))


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _positive(text: str | None) -> bool:
    return text is not None and text.strip().isascii() and text.strip().isdigit() and float(text) > 0
