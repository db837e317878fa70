"""Two to five names beside each other, week by week: what the page of comparisons draws, and what its CSV holds."""

from __future__ import annotations

from db.queries.canned import ANSWERS_SQL, CannedQuery, partial_sql, total_sql

__all__ = ["ASKED_SQL", "COMPARE", "DEFAULT_WEEKS", "MOST_COMPARED", "MOST_WEEKS"]

MOST_COMPARED, DEFAULT_WEEKS, MOST_WEEKS = 5, 52, 156
WORDS = 50  # that are looked at: a list can be of any length

# a list with commas as a JSON array: json_quote escapes what needs it, and no escape holds a comma
_LIST_SQL = "'[' || replace(json_quote(substr(:entities, 1, 2000)), ',', '\",\"') || ']'"
_KINDS_SQL = "('company', 'accelerator', 'theme', 'model', 'regulation')"

# the words that were given, in their order, each with the id of what it names (NULL: nothing): an id, or a name as it
# is written
ASKED_SQL = f"""words AS (
    SELECT key AS position, trim(value) AS word FROM json_each({_LIST_SQL})
    UNION ALL SELECT 2001, trim(:a) UNION ALL SELECT 2002, trim(:b) UNION ALL SELECT 2003, trim(:c)
    UNION ALL SELECT 2004, trim(:d) UNION ALL SELECT 2005, trim(:e)
), asked AS (
    SELECT position, word, coalesce(
        (SELECT id FROM entities WHERE id = lower(word)),
        (SELECT id FROM entities WHERE kind IN {_KINDS_SQL} AND name = word),
        (SELECT id FROM entities WHERE id = replace(lower(word), ' ', '-'))
    ) AS entity_id
    FROM words WHERE word <> '' ORDER BY position LIMIT {WORDS}
)"""

COMPARE = CannedQuery(
    "compare",
    "Compare names week by week",
    "One row per week and name. share_stories: share of all stories of the week (of a theme, of those tagged for"
    " themes); share_of_voice: its stories by the sum of the stories of all that are compared, in which a story that"
    " names two counts twice; is_partial: 1 if the week is not over or was not looked at in full.",
    f"""
WITH {ASKED_SQL}, chosen AS (
    SELECT entity_id, min(position) AS position FROM asked WHERE entity_id IS NOT NULL
    GROUP BY entity_id ORDER BY 2 LIMIT {MOST_COMPARED}
), {ANSWERS_SQL}, ends AS (
    SELECT max(
        (SELECT max(period_start) FROM period_totals WHERE grain = 'week' AND segment = 'all'),
        coalesce(date(last_answer, 'weekday 0', '-6 days'), '')
    ) AS newest
    FROM answers
), window AS (
    SELECT date(newest, printf('-%d days', 7 * (
        CASE WHEN cast(:weeks AS integer) BETWEEN 1 AND {MOST_WEEKS} THEN cast(:weeks AS integer)
            ELSE {DEFAULT_WEEKS} END - 1
    ))) AS since
    FROM ends
), counted AS (
    SELECT period_totals.period_start, entities.id AS entity_id, entities.name, chosen.position,
        coalesce(trends_weekly.stories, 0) AS stories, {total_sql("stories_total")} AS stories_total
    FROM window
    CROSS JOIN period_totals ON grain = 'week' AND period_totals.period_start >= since
        AND period_totals.segment = 'all'
    CROSS JOIN chosen
    CROSS JOIN entities ON entities.id = chosen.entity_id
    LEFT JOIN trends_weekly ON trends_weekly.entity_id = entities.id AND trends_weekly.segment = 'all'
        AND trends_weekly.period_start = period_totals.period_start
)
SELECT period_start, entity_id, name, stories, stories_total,
    round(1.0 * stories / nullif(stories_total, 0), 6) AS share_stories,
    round(1.0 * stories / nullif(sum(stories) OVER (PARTITION BY period_start), 0), 6) AS share_of_voice,
    {partial_sql("period_start")} AS is_partial
FROM counted CROSS JOIN answers
ORDER BY period_start DESC, position
""",
    {"entities": "nvidia,amd,intel", "weeks": "", "a": "", "b": "", "c": "", "d": "", "e": ""},
    {
        "entities": "two to five ids, with commas between them",
        "weeks": f"how many; empty for {DEFAULT_WEEKS}, at most {MOST_WEEKS}",
        **dict.fromkeys("abcde", "one id or name, beside those in entities; empty for none"),
    },
)
