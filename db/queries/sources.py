"""Sources: those that need a hand, and what each gave."""

from __future__ import annotations

from db.queries.canned import GRAIN_SQL, LAST_WEEK_SQL, CannedQuery, start_sql, stop_sql
from db.trends.counting import DATED_SQL

__all__ = ["SOURCE_COVERAGE", "SOURCE_TROUBLE"]

# what is well, switched off, or was never asked yet is left out
_WORST_FIRST = ("gone", "blocked", "missing", "failing", "suspicious", "empty", "throttled")
_PLACES_SQL = " ".join(f"WHEN '{status}' THEN {place}" for place, status in enumerate(_WORST_FIRST))

SOURCE_TROUBLE = CannedQuery(
    "source_trouble",
    "Sources that need a hand",
    "Every source that is not well, worst first: what is wrong, since when, when it is asked again (empty: in the"
    " next run, or never if it is gone) and why then. On the command line, aiwire sources doctor adds what helps.",
    f"""
SELECT status, name AS source,
    coalesce(error, CASE status
        WHEN 'empty' THEN 'it has never had an entry'
        WHEN 'suspicious' THEN 'its document has shrunk to almost nothing'
    END) AS error,
    coalesce(failing_since, CASE status
        WHEN 'empty' THEN first_read_at
        WHEN 'suspicious' THEN (
            SELECT suspicious_since FROM source_state WHERE source_state.source_id = source_health.source_id
        )
    END) AS since,
    next_check_at, next_check_reason, source_id
FROM source_health
WHERE status IN {_WORST_FIRST}
ORDER BY CASE status {_PLACES_SQL} END, since, source_id
""",
)

SOURCE_COVERAGE = CannedQuery(
    "source_coverage",
    "What each source gave",
    "Source by source: how often it was asked in a period, how many answers were good, and how many dated articles it"
    " gave, beside the mean of the eight periods before: those that gave least of what they use to come first. The"
    " export of sources says which of them count as covered.",
    f"""
WITH asked AS (
    SELECT iif(:period = '', {LAST_WEEK_SQL}, :period) AS day
), spans AS (
    SELECT {start_sql("day", GRAIN_SQL)} AS start, {stop_sql("day", GRAIN_SQL)} AS stop,
        CASE {GRAIN_SQL}
            WHEN 'day' THEN date(day, '-8 days')
            WHEN 'week' THEN date(day, 'weekday 0', '-62 days')
            WHEN 'month' THEN date(day, 'start of month', '-8 months')
        END AS base
    FROM asked
), given AS (
    SELECT sources.id AS source_id, sources.name AS source, publisher, sources.enabled, sources.active, start, stop,
        (SELECT sum(checks) FROM coverage
            WHERE coverage.source_id = sources.id AND day >= start AND day < stop) AS checks,
        (SELECT sum(answers) FROM coverage
            WHERE coverage.source_id = sources.id AND day >= start AND day < stop) AS answers,
        (SELECT max(day) FROM coverage WHERE coverage.source_id = sources.id AND answers > 0) AS last_answer,
        (SELECT count(*) FROM articles
            WHERE source_id = sources.id AND dated_at >= start AND dated_at < stop AND {DATED_SQL}) AS articles,
        (SELECT count(*) FROM articles
            WHERE source_id = sources.id AND dated_at >= base AND dated_at < start AND {DATED_SQL}) / 8.0
            AS articles_before
    FROM spans CROSS JOIN sources
    WHERE start IS NOT NULL
)
SELECT source, publisher, coalesce(checks, 0) AS checks, coalesce(answers, 0) AS answers, last_answer, articles,
    round(articles_before, 2) AS articles_before, enabled, active, start AS period_start,
    date(stop, '-1 day') AS period_end, source_id
FROM given
ORDER BY articles - articles_before, source_id
""",
    {"grain": "week", "period": ""},
    {
        "grain": "day, week or month; empty for week",
        "period": "a day in it, such as 2026-11-16; empty for the last full week's Monday",
    },
)
