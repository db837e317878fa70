"""Lists of articles: the latest, those of an entity, and the copies of a story."""

from __future__ import annotations

from db.queries.canned import LIMIT, CannedQuery
from db.trends.counting import DATED_SQL

__all__ = ["COPIED_STORIES", "ENTITY_NEWS", "LATEST", "STORY"]

LATEST = CannedQuery(
    "latest",
    "Latest articles",
    "The newest 100 articles with their tags.",
    f"""
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
""",
    {"source_id": ""},
    {
        "source_id": "of one source, those that came undated in its first answer last; empty for all sources, without"
        " those"
    },
)


def _named_sql(condition: str) -> str:
    """Return SQL for the articles that name an entity, newest first out of an index; nothing is read but indexes."""
    return f"""SELECT article_entities.article_id, article_entities.dated_at
        FROM article_entities
        CROSS JOIN articles INDEXED BY articles_counted ON articles.id = article_entities.article_id
        WHERE article_entities.entity_id = :entity_id
            AND (:about = '' OR article_entities.about = cast(:about AS integer)) AND {condition}
        ORDER BY article_entities.dated_at DESC, article_entities.article_id"""


ENTITY_NEWS = CannedQuery(
    "entity_news",
    "News of a company, accelerator or theme",
    "The newest 100 articles that name an entity, each with the sentence that proves it; those that came undated in the"
    " first answer of their source last.",
    f"""
WITH dated AS MATERIALIZED (
    {_named_sql(DATED_SQL)} LIMIT {LIMIT}
), picked AS (
    SELECT *, 0 AS is_backlog FROM dated
    UNION ALL
    SELECT * FROM (
        SELECT *, 1 FROM ({_named_sql(f"NOT {DATED_SQL}")} LIMIT (SELECT {LIMIT} - count(*) FROM dated))
    )
)
SELECT article_entities.dated_at, articles.date_source, articles.title, article_entities.evidence,
    sources.name AS source, articles.url, article_entities.about, article_entities.role,
    article_entities.count AS mentions, articles.published_at, articles.id
FROM picked
CROSS JOIN article_entities
    ON article_entities.article_id = picked.article_id AND article_entities.entity_id = :entity_id
CROSS JOIN articles ON articles.id = picked.article_id
JOIN sources ON sources.id = articles.source_id
ORDER BY picked.is_backlog, picked.dated_at DESC, picked.article_id
""",
    {"entity_id": "nvidia", "about": ""},
    {
        "entity_id": "id of a company, accelerator, theme, model or regulation, such as nvidia-h100",
        "about": "1 for articles about it, 0 for the others; empty for both",
    },
)

# INDEXED BY: the newest come first out of that index, and copies are not so rare that the search would be long
_NEWEST_COPIED_SQL = (
    "SELECT id FROM stories INDEXED BY stories_newest WHERE stories.articles > 1 ORDER BY first_at DESC, id LIMIT 1"
)

COPIED_STORIES = CannedQuery(
    "copied_stories",
    "Stories with copies",
    "The newest 100 stories that more than one article tells, with the article that leads: the earliest. copies: all of"
    " its articles; publishers: families of sources. The query story lists the copies of a story_id.",
    f"""
SELECT stories.first_at, stories.last_at, articles.title, stories.articles AS copies, stories.publishers,
    sources.name AS source, articles.url, articles.date_source, stories.id AS story_id
FROM stories INDEXED BY stories_newest
CROSS JOIN articles ON articles.id = stories.id
JOIN sources ON sources.id = articles.source_id
WHERE stories.articles > 1
ORDER BY stories.first_at DESC, stories.id
LIMIT {LIMIT}
""",
)

STORY = CannedQuery(
    "story",
    "Copies of a story",
    "The articles that tell one story, in the order of their dates: the first one leads. They are linked because their"
    " texts are near-identical; each stays an article of its own. The query copied_stories lists stories.",
    f"""
SELECT articles.dated_at, articles.date_source, articles.title, sources.name AS source, sources.publisher,
    articles.id = articles.story_id AS is_lead, story_sketches.words, articles.url, articles.published_at, articles.id
FROM articles AS asked
CROSS JOIN articles ON articles.story_id = asked.story_id
JOIN sources ON sources.id = articles.source_id
LEFT JOIN story_sketches ON story_sketches.article_id = articles.id
WHERE asked.id = iif(:story_id = '', ({_NEWEST_COPIED_SQL}), cast(:story_id AS integer))
ORDER BY articles.dated_at, articles.id
""",
    {"story_id": ""},
    {"story_id": "id of any of its articles; empty for the newest story that has copies"},
)
