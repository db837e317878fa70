"""What the rollups say: the trend of an entity, what rose, what is named together, and where."""

from __future__ import annotations

from db.queries.canned import (
    ANSWERS_SQL,
    GRAIN_SQL,
    LAST_WEEK_SQL,
    LIMIT,
    SEGMENT_SQL,
    CannedQuery,
    partial_sql,
    start_sql,
    total_sql,
)
from db.trends.cooccurrence import MOST_NAMED
from db.trends.counting import COUNTED_ROLES_SQL, DATED_SQL, STORY_SQL

__all__ = ["COMPARE_WEEKS", "CO_MENTIONS", "SOURCE_LIFT", "TREND"]

ROSE = 75  # entities that a comparison of weeks lists
BASE_WEEKS = 26  # before a week, as for theme_lift in the exports

_CELL_COLUMNS = "period_start, articles, articles_about, stories, publishers"
_CELLS = "\n    UNION ALL\n    ".join(
    f"SELECT {_CELL_COLUMNS} FROM {table}"
    f" WHERE {GRAIN_SQL} = '{grain}' AND entity_id = :entity_id AND segment = {SEGMENT_SQL}"
    for grain, table in (("day", "trends_daily"), ("week", "trends_weekly"), ("month", "trends_monthly"))
)

TREND = CannedQuery(
    "trend",
    "Trend of an entity",
    "Articles and stories per period and their shares of all that are tagged (for a theme, of those tagged for themes),"
    " newest first, periods without any included.",
    f"""
WITH cells AS (
    {_CELLS}
)
SELECT period_totals.period_start, coalesce(cells.articles, 0) AS articles,
    coalesce(cells.articles_about, 0) AS articles_about, coalesce(cells.stories, 0) AS stories,
    coalesce(cells.publishers, 0) AS publishers, {total_sql("articles_total")} AS articles_total,
    {total_sql("stories_total")} AS stories_total,
    round(1.0 * coalesce(cells.articles, 0) / nullif({total_sql("articles_total")}, 0), 6) AS share_articles,
    round(1.0 * coalesce(cells.stories, 0) / nullif({total_sql("stories_total")}, 0), 6) AS share_stories
FROM entities
CROSS JOIN period_totals
LEFT JOIN cells ON cells.period_start = period_totals.period_start
WHERE entities.id = :entity_id AND period_totals.grain = {GRAIN_SQL} AND period_totals.segment = {SEGMENT_SQL}
ORDER BY period_totals.period_start DESC
""",
    {"entity_id": "nvidia", "grain": "week", "segment": "all"},
    {
        "entity_id": "id such as nvidia-h100",
        "grain": "day, week or month; empty for week",
        "segment": "all, owned, independent, lang:xx or category:xx; empty for all",
    },
)

LEAST_STORIES = 5  # of two weeks that are compared: fewer are chance


def _evidence_sql(week: str) -> str:
    return f"'/news/evidence?entity_id=' || named.entity_id || '&grain=week&period=' || {week}"


COMPARE_WEEKS = CannedQuery(
    "compare_weeks",
    "What rose between two weeks",
    "Names by how many percentage points their share of all stories of a week (of a theme, of those tagged for themes)"
    " is above that of another week: from 2% to 5% are 3 points. Names with few stories in both weeks are left out:"
    " their shares go up and down by chance, and even those of the others do (the verdicts rising and falling on the"
    " pages of names take that into account). is_partial: 1 if a week is not over or was not looked at in full;"
    " evidence: address of the articles that are counted.",
    f"""
WITH {ANSWERS_SQL}, weeks AS (
    SELECT iif(:week = '', {LAST_WEEK_SQL}, {start_sql(":week")}) AS this
), compared AS (
    SELECT this, iif(:before = '', date(this, '-7 days'), {start_sql(":before")}) AS before FROM weeks
), named AS (
    SELECT entity_id, max(CASE period_start WHEN this THEN articles ELSE 0 END) AS articles,
        max(CASE period_start WHEN before THEN articles ELSE 0 END) AS articles_before,
        max(CASE period_start WHEN this THEN stories ELSE 0 END) AS stories,
        max(CASE period_start WHEN before THEN stories ELSE 0 END) AS stories_before
    FROM compared CROSS JOIN trends_weekly ON period_start IN (this, before) AND segment = 'all'
    GROUP BY entity_id
    HAVING max(stories) >= iif(:least = '', {LEAST_STORIES}, cast(:least AS INTEGER))
), shares AS (
    SELECT entities.id AS entity_id, entities.name, entities.kind, named.articles, named.articles_before, named.stories,
        named.stories_before,
        1.0 * named.stories / nullif({total_sql("stories_total", "now")}, 0) AS share,
        1.0 * named.stories_before / nullif({total_sql("stories_total", "past")}, 0) AS share_before
    FROM compared
    CROSS JOIN named
    JOIN entities ON entities.id = named.entity_id
    LEFT JOIN period_totals AS now ON now.grain = 'week' AND now.period_start = this AND now.segment = 'all'
    LEFT JOIN period_totals AS past ON past.grain = 'week' AND past.period_start = before AND past.segment = 'all'
    WHERE :kind = '' OR entities.kind = :kind
)
SELECT entity_id, name, kind, round(100 * (share - share_before), 4) AS percentage_points,
    round(share, 6) AS share_stories, round(share_before, 6) AS share_before, stories, stories_before, articles,
    articles_before, this AS week, before, {partial_sql("this")} AS is_partial,
    {partial_sql("before")} AS is_partial_before, {_evidence_sql("this")} AS evidence,
    {_evidence_sql("before")} AS evidence_before
FROM (
    SELECT * FROM shares
    ORDER BY share - share_before IS NULL, share - share_before DESC, stories DESC, entity_id LIMIT {ROSE}
) AS named CROSS JOIN compared CROSS JOIN answers
ORDER BY share - share_before IS NULL, share - share_before DESC, stories DESC, entity_id
""",
    {"week": "", "before": "", "kind": "", "least": ""},
    {
        "week": "a day in it, such as 2026-11-16; empty for the last full week",
        "before": "a day in the week to compare it with; empty for the one before it",
        "kind": "company, accelerator, theme, model or regulation; empty for all",
        "least": f"stories that a name has in one of the weeks at least; empty for {LEAST_STORIES}",
    },
)


def _stories_full_sql(entity: str) -> str:
    """Return SQL for the stories of an entity in the week's articles that are tagged in full: what a theme compares."""
    return f"""(
            SELECT count(DISTINCT {STORY_SQL})
            FROM article_entities
            CROSS JOIN articles INDEXED BY articles_dated
                ON articles.dated_at = article_entities.dated_at AND articles.id = article_entities.article_id
            WHERE article_entities.entity_id = {entity} AND article_entities.dated_at >= this
                AND article_entities.dated_at < date(this, '+7 days')
                AND article_entities.role IN {COUNTED_ROLES_SQL} AND {DATED_SQL} AND articles.tag_scope = 'full'
        )"""


def _stories_sql(entity: str) -> str:
    return f"""iif(with_theme, {_stories_full_sql(entity)}, (
            SELECT stories FROM trends_weekly
            WHERE trends_weekly.entity_id = {entity} AND segment = 'all' AND trends_weekly.period_start = this
        ))"""


CO_MENTIONS = CannedQuery(
    "co_mentions",
    "What is named together with an entity",
    "The 100 entities that most stories of a week name beside this one. lift: how many times more stories name both"
    " than chance would have it; stories_a: of the entity asked for; counts are of articles tagged for themes, if one"
    f" of the two is a theme. Articles that name more than {MOST_NAMED} entities are lists, and left out.",
    f"""
WITH weeks AS (
    SELECT iif(:period = '', {LAST_WEEK_SQL}, {start_sql(":period")}) AS this
), beside AS (
    SELECT entity_b AS other, articles, stories FROM weeks CROSS JOIN cooccurrence_weekly
    WHERE entity_a = :entity_id AND period_start = this
    UNION ALL
    SELECT entity_a, articles, stories FROM weeks CROSS JOIN cooccurrence_weekly
    WHERE entity_b = :entity_id AND period_start = this
), picked AS (
    SELECT beside.*, entities.name, entities.kind, asked.kind = 'theme' OR entities.kind = 'theme' AS with_theme
    FROM beside
    JOIN entities ON entities.id = beside.other
    JOIN entities AS asked ON asked.id = :entity_id
    ORDER BY stories DESC, other LIMIT {LIMIT}
), counted AS (
    SELECT picked.*, this, iif(with_theme, stories_full, stories_total) AS stories_total,
        {_stories_sql(":entity_id")} AS stories_a,
        {_stories_sql("other")} AS stories_b
    FROM weeks CROSS JOIN picked
    JOIN period_totals ON grain = 'week' AND period_totals.period_start = this AND segment = 'all'
)
SELECT other AS id, name, kind, articles AS articles_both, stories AS stories_both,
    round(1.0 * stories * stories_total / nullif(stories_a * stories_b, 0), 6) AS lift,
    stories_a, stories_b, stories_total, this AS week
FROM counted
ORDER BY stories DESC, other
""",
    {"entity_id": "nvidia", "period": ""},
    {"entity_id": "id such as nvidia-h100", "period": "a day of the week; empty for the last full one"},
)

# scalar subqueries: joined with the row of weeks, SQLite builds Bloom filters of whole tables first
_COUNTS_SQL = """count(*) FILTER (WHERE articles.dated_at >= (SELECT this FROM weeks)) AS articles,
        count(*) FILTER (WHERE articles.dated_at < (SELECT this FROM weeks)) AS articles_before"""
_FULL_OF_THEME_SQL = "((SELECT NOT of_theme FROM weeks) OR tag_scope = 'full')"

SOURCE_LIFT = CannedQuery(
    "source_lift",
    "Which sources name an entity more than they used to",
    "Source by source: how many of its articles of a week name an entity, and how many would if it named it as often"
    f" as in the {BASE_WEEKS} weeks before; lift is the one divided by the other. The sources that add most come first."
    " Of a theme, only articles tagged for themes count.",
    f"""
WITH weeks AS MATERIALIZED (
    SELECT entities.kind = 'theme' AS of_theme, this, date(this, '+7 days') AS stop,
        date(this, '-{7 * BASE_WEEKS} days') AS base
    FROM (SELECT iif(:period = '', {LAST_WEEK_SQL}, {start_sql(":period")}) AS this) CROSS JOIN entities
    WHERE entities.id = :entity_id
), published AS (
    SELECT source_id, {_COUNTS_SQL}
    FROM articles INDEXED BY articles_dated
    WHERE articles.dated_at >= (SELECT base FROM weeks) AND articles.dated_at < (SELECT stop FROM weeks)
        AND tagger_version IS NOT NULL AND {DATED_SQL} AND {_FULL_OF_THEME_SQL}
    GROUP BY source_id
), named AS (
    SELECT source_id, {_COUNTS_SQL}
    FROM article_entities
    CROSS JOIN articles INDEXED BY articles_dated
        ON articles.dated_at = article_entities.dated_at AND articles.id = article_entities.article_id
    WHERE article_entities.entity_id = :entity_id AND article_entities.dated_at >= (SELECT base FROM weeks)
        AND article_entities.dated_at < (SELECT stop FROM weeks)
        AND role IN {COUNTED_ROLES_SQL} AND {DATED_SQL} AND {_FULL_OF_THEME_SQL}
    GROUP BY source_id
), compared AS (
    SELECT published.source_id, coalesce(named.articles, 0) AS articles, published.articles AS articles_total,
        coalesce(named.articles_before, 0) AS articles_before, published.articles_before AS articles_total_before,
        1.0 * published.articles * coalesce(named.articles_before, 0) / nullif(published.articles_before, 0) AS expected
    FROM published LEFT JOIN named ON named.source_id = published.source_id
    WHERE published.articles > 0
)
SELECT sources.name AS source, articles, round(expected, 3) AS expected,
    round(articles / nullif(expected, 0), 6) AS lift, articles_total, articles_before, articles_total_before,
    this AS week, compared.source_id
FROM compared CROSS JOIN weeks JOIN sources ON sources.id = compared.source_id
ORDER BY articles - coalesce(expected, 0) DESC, articles DESC, compared.source_id
LIMIT {LIMIT}
""",
    {"entity_id": "nvidia", "period": ""},
    {"entity_id": "id such as nvidia-h100", "period": "a day of the week; empty for the last full one"},
)
