"""What the rollups say: the trend of an entity, what rose, what is named together, and where."""

from __future__ import annotations

from db.queries.canned import GRAIN_SQL, LAST_WEEK_SQL, LIMIT, SEGMENT_SQL, CannedQuery, start_sql, total_sql
from db.trends.cooccurrence import MOST_NAMED
from db.trends.counting import COUNTED_ROLES_SQL, DATED_SQL, STORY_SQL

__all__ = ["COMPARE_WEEKS", "CO_MENTIONS", "SOURCE_LIFT", "TREND"]

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
    " newest first, periods without any included. entity_id; grain: day, week or month, empty for week; segment: as in"
    " trends_weekly, empty for all.",
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
)

COMPARE_WEEKS = CannedQuery(
    "compare_weeks",
    "What rose between two weeks",
    "Entities by the difference in their share of a week's articles, 0.01 being one article in a hundred; stories count"
    " copies of a text once. week, before: days in them, empty for the last full week and the one before it; kind:"
    " company, accelerator, theme, model or regulation, empty for all.",
    f"""
WITH weeks AS (
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
), shares AS (
    SELECT entities.id, entities.name, entities.kind, named.articles, named.articles_before, named.stories,
        named.stories_before,
        1.0 * named.articles / nullif({total_sql("articles_total", "now")}, 0) AS share,
        1.0 * named.articles_before / nullif({total_sql("articles_total", "past")}, 0) AS share_before
    FROM compared
    CROSS JOIN named
    JOIN entities ON entities.id = named.entity_id
    LEFT JOIN period_totals AS now ON now.grain = 'week' AND now.period_start = this AND now.segment = 'all'
    LEFT JOIN period_totals AS past ON past.grain = 'week' AND past.period_start = before AND past.segment = 'all'
    WHERE :kind = '' OR entities.kind = :kind
)
SELECT shares.id, name, kind, round(share - share_before, 6) AS difference, round(share, 6) AS share_articles,
    round(share_before, 6) AS share_before, articles, articles_before, stories, stories_before, this AS week, before
FROM shares CROSS JOIN compared
ORDER BY share - share_before IS NULL, share - share_before DESC, articles DESC, shares.id
LIMIT {LIMIT}
""",
    {"week": "", "before": "", "kind": ""},
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
    f" of the two is a theme. Articles that name more than {MOST_NAMED} entities are lists, and left out."
    " entity_id; period: a day of the week, empty for the last full one.",
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
)

SOURCE_LIFT = CannedQuery(
    "source_lift",
    "Which sources name an entity more than they used to",
    "Source by source: how many of its articles of a week name an entity, and how many would if it named it as often"
    f" as in the {BASE_WEEKS} weeks before; lift is the one divided by the other. The sources that add most come first."
    " Of a theme, only articles tagged for themes count. entity_id; period: a day of the week, empty for the last full"
    " one.",
    f"""
WITH weeks AS (
    SELECT entities.id AS entity_id, entities.kind, this, date(this, '+7 days') AS stop,
        date(this, '-{7 * BASE_WEEKS} days') AS base
    FROM (SELECT iif(:period = '', {LAST_WEEK_SQL}, {start_sql(":period")}) AS this) CROSS JOIN entities
    WHERE entities.id = :entity_id
), published AS (
    SELECT source_id, count(*) FILTER (WHERE dated_at >= this) AS articles,
        count(*) FILTER (WHERE dated_at < this) AS articles_before
    FROM weeks CROSS JOIN articles INDEXED BY articles_dated ON dated_at >= base AND dated_at < stop
    WHERE tagger_version IS NOT NULL AND {DATED_SQL} AND (kind <> 'theme' OR tag_scope = 'full')
    GROUP BY source_id
), named AS (
    SELECT source_id, count(*) FILTER (WHERE articles.dated_at >= this) AS articles,
        count(*) FILTER (WHERE articles.dated_at < this) AS articles_before
    FROM weeks
    CROSS JOIN article_entities ON article_entities.entity_id = weeks.entity_id
        AND article_entities.dated_at >= base AND article_entities.dated_at < stop
    CROSS JOIN articles INDEXED BY articles_dated
        ON articles.dated_at = article_entities.dated_at AND articles.id = article_entities.article_id
    WHERE role IN {COUNTED_ROLES_SQL} AND {DATED_SQL} AND (weeks.kind <> 'theme' OR tag_scope = 'full')
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
)
