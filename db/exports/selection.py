"""The filters of an export in SQL: days, segment, kinds and entities, the same for every table of articles."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from db.exports.request import ExportRequest
from db.nearest import did_you_mean
from db.trends.counting import COUNTED_ROLES_SQL

__all__ = ["SIDES", "bounds", "check_entities", "checked_segment", "entity_condition", "names_condition"]

SIDES = ("all", "owned", "independent")  # the segments that every database knows
Values = dict[str, str]


def bounds(request: ExportRequest) -> Values:
    """Return `start` and `stop` of a half-open range of `dated_at`, UTC; open ends are before and after all times."""
    is_open = request.until is None or request.until == date.max
    return {
        "start": request.since.isoformat() if request.since else "",
        "stop": "~" if is_open or request.until is None else (request.until + timedelta(days=1)).isoformat(),
    }


def check_entities(db: Database, entity_ids: Iterable[str]) -> None:
    """Check that the ids are known.

    Raises:
        ConfigError: one is not; the message names the nearest.
    """
    for entity_id in entity_ids:
        if not db.execute("SELECT 1 FROM entities WHERE id = ?", [entity_id]).fetchone():
            known = (row[0] for row in db.execute("SELECT id FROM entities ORDER BY id"))
            near = did_you_mean(entity_id.lower(), known) or "see the ids with `aiwire export entities`"
            raise ConfigError(f"there is no entity {entity_id!r}; {near}")


def checked_segment(db: Database, segment: str | None) -> str:
    """Return a segment as it is spelled in the tables; "" for every one (None).

    Raises:
        ConfigError: there is no such segment; the message names the nearest.
    """
    if segment is None:
        return ""
    rows = db.execute("SELECT DISTINCT segment FROM period_totals WHERE grain = 'month' ORDER BY 1")
    spelled: dict[str, str] = {one.lower(): one for one in (*SIDES, *(row[0] for row in rows))}
    if segment.lower() not in spelled:
        near = did_you_mean(segment.lower(), spelled) or f"choose from {', '.join(spelled.values())}"
        raise ConfigError(f"there is no segment {segment!r}; {near}")
    return spelled[segment.lower()]


def entity_condition(request: ExportRequest, id_sql: str, kind_sql: str) -> tuple[str, Values]:
    """Return SQL that is true of the entities asked for, and its values; `1` if all are."""
    conditions: list[str] = []
    values: Values = {}
    for name, column, asked in (("entity", id_sql, request.entities), ("kind", kind_sql, request.kinds)):
        if asked:
            named = {f"{name}{place}": value for place, value in enumerate(asked)}
            conditions.append(f"{column} IN ({', '.join(f':{key}' for key in named)})")
            values |= named
    return " AND ".join(conditions) or "1", values


def names_condition(request: ExportRequest) -> tuple[str, Values]:
    """Return SQL that is true of an article (`articles.id`) that names an entity asked for, and its values."""
    condition, values = entity_condition(request, "named.entity_id", "named.kind")
    if not values:
        return "1", {}
    return (
        "EXISTS (SELECT 1 FROM article_entities AS named WHERE named.article_id = articles.id"
        f" AND named.role IN {COUNTED_ROLES_SQL} AND {condition})",
        values,
    )
