"""Trends: rollups kept by every transaction (`rollup`, `cooccurrence`), what each source gave (`coverage`), and what
is computed from them when somebody asks (`statistics`, `series`)."""

from db.trends.counting import (
    CATEGORY_SEGMENT_SQL,
    COUNTED_ROLES_SQL,
    DATED_SQL,
    LANGUAGE_SEGMENT_SQL,
    SIDE_SQL,
    STORY_SQL,
)
from db.trends.rollup import rebuild, refresh_days, refresh_entities

__all__ = [
    "CATEGORY_SEGMENT_SQL",
    "COUNTED_ROLES_SQL",
    "DATED_SQL",
    "LANGUAGE_SEGMENT_SQL",
    "SIDE_SQL",
    "STORY_SQL",
    "rebuild",
    "refresh_days",
    "refresh_entities",
]
