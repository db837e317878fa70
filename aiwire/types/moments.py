"""Moments: the one spelling of a point in time in tables and JSON."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["iso", "parse_iso"]


def iso(moment: datetime) -> str:
    """Return `moment` as the one spelling used in tables and JSON: `2026-11-23T06:00:00Z` (UTC, whole seconds)."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def parse_iso(text: str) -> datetime:
    """Return the aware UTC datetime of an ISO 8601 text; a text without offset is taken as UTC.

    Raises:
        ValueError: the text is not ISO 8601.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
