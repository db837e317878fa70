"""The articles behind a number, sentence by sentence: what `evidence_url` opens, and what the evidence export reads."""

from __future__ import annotations

from db.queries.canned import GRAIN_SQL, CannedQuery, start_sql, stop_sql
from db.trends.cooccurrence import MOST_NAMED
from db.trends.counting import CATEGORY_SEGMENT_SQL, COUNTED_ROLES_SQL, DATED_SQL, LANGUAGE_SEGMENT_SQL, SIDE_SQL

__all__ = ["CELL_SQL", "EVIDENCE", "SEGMENT_CONDITION_SQL"]

# of an article and its source: it is in :segment, which is '' or 'all' for every article
SEGMENT_CONDITION_SQL = (
    f"(:segment IN ('', 'all') OR :segment = {SIDE_SQL} OR :segment = {LANGUAGE_SEGMENT_SQL}"
    f" OR :segment = {CATEGORY_SEGMENT_SQL})"
)

# the tags that a cell of the rollups counts, but for its period; with :with_id, those that a pair of entities counts
CELL_SQL = f"""FROM article_entities
CROSS JOIN articles ON articles.id = article_entities.article_id
JOIN sources ON sources.id = articles.source_id
WHERE article_entities.entity_id = :entity_id
    AND article_entities.role IN {COUNTED_ROLES_SQL}
    AND {DATED_SQL}
    AND {SEGMENT_CONDITION_SQL}
    AND (:with_id = '' OR (
        EXISTS (
            SELECT 1 FROM article_entities AS other
            WHERE other.article_id = articles.id AND other.entity_id = :with_id AND other.role IN {COUNTED_ROLES_SQL}
        ) AND (
            SELECT count(*) FROM article_entities AS named
            WHERE named.article_id = articles.id AND named.role IN {COUNTED_ROLES_SQL}
        ) <= {MOST_NAMED}
    ))"""

LISTED = 1_000  # articles of all time, which no number counts: all sentences of tens of thousands take seconds
_PERIOD_SQL = "coalesce(nullif(:period, ''), :week)"  # `week` is what links in exports of version 0.1 have

EVIDENCE = CannedQuery(
    "evidence",
    "Evidence behind a number",
    "The articles that one row of an export counts, one row each, with the sentence that proves the tag best and all"
    " sentences that name the entity, a line each: all articles, up to 10,000; the page says so if there are more."
    f" Without a period the newest {LISTED:,}.",
    f"""
SELECT article_entities.dated_at, articles.date_source, articles.title, article_entities.evidence,
    coalesce((
        SELECT group_concat(sentence, char(10)) FROM (
            SELECT replace(trim(substr(
                iif(field = 'title', articles.title, articles.text), sent_start + 1, max(sent_end) - sent_start
            )), char(10), ' ') AS sentence
            FROM mentions
            WHERE mentions.article_id = articles.id AND mentions.entity_id IN (:entity_id, :with_id)
            GROUP BY field, sent_start ORDER BY field = 'text', sent_start
        )
    ), article_entities.evidence) AS sentences,
    sources.name AS source, articles.url, article_entities.about, article_entities.count AS mentions,
    article_entities.confidence, coalesce(articles.story_id, articles.id) AS story_id, articles.published_at,
    articles.id
{CELL_SQL}
    AND article_entities.dated_at >= iif({_PERIOD_SQL} = '', '', {start_sql(_PERIOD_SQL, GRAIN_SQL)})
    AND article_entities.dated_at < iif({_PERIOD_SQL} = '', '~', {stop_sql(_PERIOD_SQL, GRAIN_SQL)})
ORDER BY article_entities.dated_at DESC, article_entities.article_id
LIMIT iif({_PERIOD_SQL} = '', {LISTED}, -1)
""",
    {"entity_id": "nvidia", "with_id": "", "grain": "week", "period": "", "segment": "all", "week": ""},
    {
        "entity_id": "id such as nvidia-h100",
        "with_id": "another entity that the articles name, too; empty for any",
        "grain": "day, week or month; empty for week",
        "period": f"a day in it, such as 2026-11-16; empty for the newest {LISTED:,} articles of all time",
        "segment": "all, owned, independent, lang:xx or category:xx; empty for all",
        "week": "the same as period, in links of older exports",
    },
)
