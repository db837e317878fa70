"""The Datasette of a public site: not in `shortpages`, which our plugin needs, and Datasette loads that plugin."""

from __future__ import annotations

from typing import Any

from datasette.app import Datasette
from datasette.database import Results

from aiwire.web.middleware.shortpages import most_rows

__all__ = ["ShortDatasette"]


class ShortDatasette(Datasette):  # type: ignore[misc]  # Datasette has no types
    """A Datasette whose queries give back no more rows than a page may have."""

    async def execute(self, *args: Any, **options: Any) -> Results:
        """Return what Datasette does; cut, and said to be, where a page asks for it."""
        found = await super().execute(*args, **options)
        most = most_rows()
        if most is None or len(found.rows) <= most:
            return found
        return Results(found.rows[:most], True, found.description)
