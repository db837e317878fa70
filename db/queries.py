"""The SQL of the canned queries: what `datasette_metadata.json` offers under `/news/<name>`.

Lists of articles are in the order of an index, so that they are as quick on a million articles as on ten. Datasette
hands parameters over as text, and an empty one where the reader gave none: every query has a sensible answer to that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from db.runs import GOOD_ANSWER_SQL
from db.trends import COUNTED_ROLES_SQL, DATED_SQL, LANGUAGE_SEGMENT_SQL, SIDE_SQL

__all__ = ["QUERIES", "CannedQuery", "metadata_queries"]

LIMIT = 100  # rows of a list of articles


@dataclass(frozen=True, slots=True)
class CannedQuery:
    """A named query with its parameters and an example of each."""

    name: str
    title: str
    description: str
    sql: str
    examples: dict[str, str] = field(default_factory=dict)  # parameter -> a value to try


# the words of a user as FTS5 strings: nothing in them is an operator, so nothing can be a syntax error (length() ends a
# text at a NUL, as FTS5 does)
FTS_SQL = """'"' || replace(replace(trim(substr(:q, 1, length(:q))), '"', ' '), ' ', '" "') || '"'"""

_LATEST = f"""
WITH picked AS (
    SELECT * FROM (
        SELECT id, dated_at, 0 AS is_backlog FROM articles
        WHERE :source_id = '' AND {DATED_SQL} ORDER BY dated_at DESC, id LIMIT {LIMIT}
    )
    UNION ALL
    SELECT * FROM (
        SELECT id, dated_at, 0 FROM articles
        WHERE source_id = :source_id AND {DATED_SQL} ORDER BY dated_at DESC, id LIMIT {LIMIT}
    )
    UNION ALL
    SELECT * FROM (
        SELECT id, dated_at, 1 FROM articles
        WHERE source_id = :source_id AND NOT {DATED_SQL} ORDER BY dated_at DESC, id LIMIT {LIMIT}
    )
)
SELECT articles.dated_at, articles.date_source, articles.title, sources.name AS source,
    (SELECT group_concat(entities.name, ', ') FROM article_entities
        JOIN entities ON entities.id = article_entities.entity_id
        WHERE article_entities.article_id = articles.id) AS tags,
    articles.url, articles.published_at, articles.id
FROM picked
CROSS JOIN articles ON articles.id = picked.id
JOIN sources ON sources.id = articles.source_id
ORDER BY picked.is_backlog, picked.dated_at DESC, picked.id
LIMIT {LIMIT}
"""

_ENTITY_NEWS = f"""
SELECT article_entities.dated_at, articles.date_source, articles.title, article_entities.evidence,
    sources.name AS source, articles.url, article_entities.about, article_entities.role,
    article_entities.count AS mentions, articles.published_at, articles.id
FROM article_entities
CROSS JOIN articles ON articles.id = article_entities.article_id
JOIN sources ON sources.id = articles.source_id
WHERE article_entities.entity_id = :entity_id AND (:about = '' OR article_entities.about = cast(:about AS integer))
ORDER BY article_entities.dated_at DESC, article_entities.article_id
LIMIT {LIMIT}
"""

_EVIDENCE = f"""
SELECT article_entities.dated_at, articles.date_source, articles.title, article_entities.evidence,
    sources.name AS source, articles.url, article_entities.about, article_entities.count AS mentions,
    article_entities.confidence, articles.published_at, articles.id
FROM article_entities
CROSS JOIN articles ON articles.id = article_entities.article_id
JOIN sources ON sources.id = articles.source_id
WHERE article_entities.entity_id = :entity_id
    AND article_entities.dated_at >= :week
    AND article_entities.dated_at < CASE :week WHEN '' THEN '~' ELSE date(:week, '+7 days') END
    AND article_entities.role IN {COUNTED_ROLES_SQL}
    AND {DATED_SQL}
    AND (:segment IN ('', 'all')
        OR :segment = {SIDE_SQL}
        OR :segment = {LANGUAGE_SEGMENT_SQL})
ORDER BY article_entities.dated_at DESC, article_entities.article_id
"""

# the denominators of an entity: a theme is looked for only in what is tagged in full
_TOTAL_SQL = "iif(entities.kind = 'theme', week_totals.articles_full, week_totals.articles_total)"

_TREND = f"""
SELECT week_totals.period_start, coalesce(trends_weekly.articles, 0) AS articles,
    coalesce(trends_weekly.articles_about, 0) AS articles_about, coalesce(trends_weekly.publishers, 0) AS publishers,
    {_TOTAL_SQL} AS articles_total,
    round(1.0 * coalesce(trends_weekly.articles, 0) / nullif({_TOTAL_SQL}, 0), 6) AS share_articles
FROM entities
CROSS JOIN week_totals
LEFT JOIN trends_weekly ON trends_weekly.entity_id = entities.id AND trends_weekly.segment = week_totals.segment
    AND trends_weekly.period_start = week_totals.period_start
WHERE entities.id = :entity_id AND week_totals.segment = CASE :segment WHEN '' THEN 'all' ELSE :segment END
ORDER BY week_totals.period_start DESC
"""

# a week is full if a source answered after its end
_COMPARE_WEEKS = f"""
WITH answered AS (
    SELECT max(fetched_at) AS last FROM fetches WHERE {GOOD_ANSWER_SQL}
), weeks AS (
    SELECT coalesce(
        nullif(:week, ''),
        max(CASE WHEN date(period_start, '+7 days') <= last THEN period_start END),
        max(period_start)
    ) AS this FROM answered CROSS JOIN week_totals WHERE segment = 'all'
), compared AS (
    SELECT this, coalesce(nullif(:before, ''), date(this, '-7 days')) AS before FROM weeks
), named AS (
    SELECT entity_id, max(CASE period_start WHEN this THEN articles ELSE 0 END) AS articles,
        max(CASE period_start WHEN before THEN articles ELSE 0 END) AS articles_before
    FROM compared CROSS JOIN trends_weekly ON period_start IN (this, before) AND segment = 'all'
    GROUP BY entity_id
), totals AS (
    SELECT max(CASE period_start WHEN this THEN articles_total END) AS total,
        max(CASE period_start WHEN this THEN articles_full END) AS total_full,
        max(CASE period_start WHEN before THEN articles_total END) AS before_total,
        max(CASE period_start WHEN before THEN articles_full END) AS before_full
    FROM compared CROSS JOIN week_totals ON period_start IN (this, before) AND segment = 'all'
), shares AS (
    SELECT entities.id, entities.name, entities.kind, named.articles, named.articles_before,
        1.0 * named.articles / nullif(iif(entities.kind = 'theme', total_full, total), 0) AS share,
        1.0 * named.articles_before / nullif(iif(entities.kind = 'theme', before_full, before_total), 0)
            AS share_before
    FROM named CROSS JOIN totals JOIN entities ON entities.id = named.entity_id
    WHERE :kind = '' OR entities.kind = :kind
)
SELECT shares.id, name, kind, round(share - share_before, 6) AS difference, round(share, 6) AS share_articles,
    round(share_before, 6) AS share_before, articles, articles_before, this AS week, before
FROM shares CROSS JOIN compared
ORDER BY share - share_before IS NULL, share - share_before DESC, articles DESC, shares.id
LIMIT {LIMIT}
"""

_PRICES_QUOTED = f"""
WITH picked AS (
    SELECT * FROM (
        SELECT article_id, position, dated_at FROM prices WHERE :accelerator = ''
        ORDER BY dated_at DESC, article_id LIMIT {LIMIT}
    )
    UNION ALL
    SELECT * FROM (
        SELECT article_id, position, dated_at FROM prices WHERE accelerator = :accelerator
        ORDER BY dated_at DESC, article_id LIMIT {LIMIT}
    )
)
SELECT prices.dated_at, articles.date_source, prices.accelerator, prices.product, prices.amount, prices.amount_max,
    prices.currency, prices.unit, prices.qualifier, prices.implausible, prices.sentence, articles.title,
    articles.url, articles.published_at, articles.id
FROM picked
CROSS JOIN prices ON prices.article_id = picked.article_id AND prices.position = picked.position
JOIN articles ON articles.id = prices.article_id
ORDER BY picked.dated_at DESC, picked.article_id, picked.position
"""

_CLOUD_PRICE_TABLE = """
SELECT accelerators.name AS accelerator, accelerators.memory_gb, cloud_prices.provider, cloud_prices.region,
    cloud_prices.instance_type, cloud_prices.gpu_count, cloud_prices.ondemand_usd_per_gpu_hour,
    cloud_prices.spot_usd_per_gpu_hour, cloud_prices.price_date, cloud_prices.as_of AS read_on,
    'https://github.com/' || source_repo || '/blob/' || source_commit || '/' || source_path AS source,
    cloud_prices.note, cloud_prices.accelerator_id
FROM cloud_prices JOIN accelerators ON accelerators.id = cloud_prices.accelerator_id
WHERE :accelerator_id = '' OR accelerators.id = :accelerator_id OR accelerators.family_id = :accelerator_id
ORDER BY cloud_prices.ondemand_usd_per_gpu_hour IS NULL, cloud_prices.ondemand_usd_per_gpu_hour, cloud_prices.id
"""

_SEARCH = f"""
SELECT articles.id, articles.dated_at, articles.published_at, articles.date_source, articles.title,
    sources.name AS source, snippet(articles_fts, 1, '', '', ' … ', 30) AS excerpt, articles.url
FROM articles_fts
CROSS JOIN articles ON articles.id = articles_fts.rowid
JOIN sources ON sources.id = articles.source_id
WHERE articles_fts MATCH {FTS_SQL}
ORDER BY articles_fts.rank
LIMIT {LIMIT}
"""

# what is well, switched off, or was never asked yet is left out
_WORST_FIRST = ("gone", "blocked", "missing", "failing", "suspicious", "empty", "throttled")
_PLACES_SQL = " ".join(f"WHEN '{status}' THEN {place}" for place, status in enumerate(_WORST_FIRST))

_SOURCE_TROUBLE = f"""
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
"""

QUERIES = (
    CannedQuery(
        "latest",
        "Latest articles",
        "The newest 100 articles with their tags. source_id: of one source, those that came undated in its first answer"
        " last; empty: of all sources, without those.",
        _LATEST,
        {"source_id": ""},
    ),
    CannedQuery(
        "search",
        "Search",
        "The 100 best matches of all the words in titles and texts. q: words; empty: nothing.",
        _SEARCH,
        {"q": "data centre"},
    ),
    CannedQuery(
        "entity_news",
        "News of a company, accelerator or theme",
        "The newest 100 articles that name an entity, each with the sentence that proves it. entity_id: such as"
        " nvidia-h100; about: 1 for articles about it, 0 for the others, empty for both.",
        _ENTITY_NEWS,
        {"entity_id": "nvidia", "about": ""},
    ),
    CannedQuery(
        "evidence",
        "Evidence behind a number",
        "The articles that one row of trends_weekly counts, each with its evidence sentence: all of them, up to 10,000;"
        " the page says so if there are more. entity_id; week: a Monday, empty for all weeks; segment: all, owned,"
        " independent or lang:xx, empty for all.",
        _EVIDENCE,
        {"entity_id": "nvidia", "week": "", "segment": "all"},
    ),
    CannedQuery(
        "trend",
        "Weekly trend of an entity",
        "Articles per week and their share of all tagged articles (for a theme, of those tagged for themes), newest"
        " first, weeks without any included. entity_id; segment: empty for all.",
        _TREND,
        {"entity_id": "nvidia", "segment": "all"},
    ),
    CannedQuery(
        "compare_weeks",
        "What rose between two weeks",
        "Entities by the difference in their share of a week's articles, 0.01 being one article in a hundred. week,"
        " before: Mondays, empty for the last full week and the one before it; kind: company, accelerator, theme,"
        " model or regulation, empty for all.",
        _COMPARE_WEEKS,
        {"week": "", "before": "", "kind": ""},
    ),
    CannedQuery(
        "prices_quoted",
        "Prices that articles quote",
        "The newest 100 prices in their own currency, with the sentence. product: the model or company whose price it"
        " is, where no accelerator is named; implausible: 1 outside what the reference tables make likely, 0 inside,"
        " empty if they say nothing. accelerator: family id such as nvidia-h100; empty for all.",
        _PRICES_QUOTED,
        {"accelerator": ""},
    ),
    CannedQuery(
        "cloud_price_table",
        "Cloud prices of an accelerator",
        "Offers in US dollars per GPU and hour, cheapest first, those without an on-demand price last. price_date: as"
        " the source dates the price; read_on: when the source was read. accelerator_id: a part or a family such as"
        " nvidia-h100; empty for all.",
        _CLOUD_PRICE_TABLE,
        {"accelerator_id": "nvidia-h100"},
    ),
    CannedQuery(
        "source_trouble",
        "Sources that need a hand",
        "Every source that is not well, worst first: what is wrong, since when, when it is asked again (empty: in the"
        " next run, or never if it is gone) and why then. On the command line, aiwire sources doctor adds what helps.",
        _SOURCE_TROUBLE,
    ),
)


def metadata_queries() -> dict[str, dict[str, Any]]:
    """Return the `queries` of the database `news` in `datasette_metadata.json`: a test keeps that file equal to it."""
    return {
        query.name: {
            "title": query.title,
            "description": query.description,
            "sql": query.sql.strip(),
            "params": list(query.examples),
            "hide_sql": True,
        }
        for query in QUERIES
    }
