"""What a canned query is, and the SQL that several of them share."""

from __future__ import annotations

from dataclasses import dataclass, field

from db.runs import GOOD_ANSWER_SQL

__all__ = [
    "ANSWERS_SQL", "GRAIN_SQL", "LAST_WEEK_SQL", "LIMIT", "SEGMENT_SQL", "CannedQuery", "partial_sql", "start_sql",
    "stop_sql", "total_sql",
]  # fmt: skip

LIMIT = 100  # rows of a list


@dataclass(frozen=True, slots=True)
class CannedQuery:
    """A named query with its parameters and an example of each.

    A feed (`.atom`) has the columns atom_id, atom_title and atom_updated, and may have others that
    `aiwire.web.feeds` names.
    """

    name: str
    title: str
    description: str
    sql: str
    examples: dict[str, str] = field(default_factory=dict)  # parameter -> a value to try; "": best left empty
    words: dict[str, str] = field(default_factory=dict)  # parameter -> what it takes, and what empty means


# what a reader gave, or what holds where nothing was given
GRAIN_SQL = "coalesce(nullif(:grain, ''), 'week')"
SEGMENT_SQL = "coalesce(nullif(:segment, ''), 'all')"

# the newest full week, else the newest one: a week is full if a source answered after its end
LAST_WEEK_SQL = f"""(
        SELECT coalesce(
            max(CASE WHEN date(period_start, '+7 days') <= (
                SELECT max(fetched_at) FROM fetches WHERE {GOOD_ANSWER_SQL}
            ) THEN period_start END),
            max(period_start)
        )
        FROM period_totals WHERE grain = 'week' AND segment = 'all'
    )"""

# the one row `answers`: when sources answered first and last
ANSWERS_SQL = f"""answers AS (
    SELECT (SELECT min(fetched_at) FROM fetches WHERE {GOOD_ANSWER_SQL}) AS first_answer,
        (SELECT max(fetched_at) FROM fetches WHERE {GOOD_ANSWER_SQL}) AS last_answer
)"""


def partial_sql(week: str) -> str:
    """Return SQL that is 1 if a week is not over or was not looked at in full; beside it stands `answers`."""
    is_whole = f"first_answer <= {week} || 'T00:00:00Z' AND date({week}, '+7 days') || 'T00:00:00Z' <= last_answer"
    return f"iif({is_whole}, 0, 1)"


def start_sql(day: str, grain: str = "'week'") -> str:
    """Return SQL for the first day of the period that holds `day`; NULL, which fits no row, where that is nonsense."""
    return f"""CASE {grain}
        WHEN 'day' THEN date({day})
        WHEN 'week' THEN date({day}, 'weekday 0', '-6 days')
        WHEN 'month' THEN date({day}, 'start of month')
    END"""


def stop_sql(day: str, grain: str = "'week'") -> str:
    """Return SQL for the first day after the period that holds `day`."""
    return f"""CASE {grain}
        WHEN 'day' THEN date({day}, '+1 day')
        WHEN 'week' THEN date({day}, 'weekday 0', '+1 day')
        WHEN 'month' THEN date({day}, 'start of month', '+1 month')
    END"""


def total_sql(column: str, totals: str = "period_totals") -> str:
    """Return SQL for the denominator of an entity: a theme is looked for only in what is tagged in full.

    Args:
        column: of an entity that is no theme: articles_total, stories_total or publishers_active.
        totals: the table or its alias.
    """
    full = f"{column.partition('_')[0]}_full"
    return f"iif(entities.kind = 'theme', {totals}.{full}, {totals}.{column})"
