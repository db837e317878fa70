"""What a site is told when it starts: its address, its clock, whether strangers see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiwire.types import parse_iso

__all__ = ["DATABASE_NAME", "Site"]

DATABASE_NAME = "news"


@dataclass(frozen=True, slots=True)
class Site:
    """Settings of the pages: the configuration of the plugin `aiwire` in Datasette."""

    base_url: str = ""  # scheme, host and path of the site, for links that leave it; empty: as the request came in
    is_public: bool = False  # strangers see it
    fixed_now: datetime | None = None  # its clock stands still (--now)

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | None) -> Site:
        """Return the site that a plugin configuration describes; a key that is not there has its default."""
        config = config or {}
        now = config.get("now")
        return cls(
            base_url=str(config.get("base_url", "")).rstrip("/"),
            is_public=bool(config.get("public", False)),
            fixed_now=parse_iso(str(now)) if now else None,
        )

    def now(self) -> datetime:
        """Return the time of the site's clock, UTC."""
        return self.fixed_now or datetime.now(UTC)
