"""Lists of articles as feeds: the columns are named as in an Atom entry, `aiwire.web.feeds` writes them as one.

What is a copy of an earlier article is left out. The ids of entries are those of articles, which follow from their
URLs: the same in every feed, and in every database.
"""

from __future__ import annotations

from db.queries.canned import CannedQuery
from db.trends.counting import COUNTED_ROLES_SQL, DATED_SQL, STORY_SQL

__all__ = ["FEED", "FEED_OF_ENTITY", "FEED_OF_THEME", "TITLES_SQL"]

ENTRIES = 50

# query -> SQL for the title of its feed, with the same parameters; no row: it is of something that is not there
TITLES_SQL = {
    "feed": "SELECT 'AI-industry news'",
    "feed_of_entity": "SELECT name || ' in the news' FROM entities WHERE id = :entity_id",
    "feed_of_theme": "SELECT name || ' in the news' FROM entities WHERE id = :theme AND kind = 'theme'",
}

_COLUMNS = """articles.title AS atom_title, {evidence} AS atom_content, sources.name AS atom_author_name,
    iif(articles.date_source = 'first_seen', NULL, articles.dated_at) AS atom_published, articles.url AS atom_link,
    (SELECT group_concat(entity_id, ' ') FROM (
        SELECT entity_id FROM article_entities AS named WHERE named.article_id = articles.id AND named.about ORDER BY 1
    )) AS atom_categories, articles.language AS atom_language, articles.updated_at AS atom_updated,
    'tag:aiwire.invalid,2026:article/' || articles.id AS atom_id, articles.id AS article_id"""

_OF_ENTITY = f"""
SELECT {_COLUMNS.format(evidence="article_entities.evidence")}
FROM entities
CROSS JOIN article_entities ON article_entities.entity_id = entities.id
CROSS JOIN articles ON articles.id = article_entities.article_id
JOIN sources ON sources.id = articles.source_id
WHERE {{condition}} AND article_entities.role IN {COUNTED_ROLES_SQL} AND {DATED_SQL} AND {STORY_SQL} = articles.id
ORDER BY article_entities.dated_at DESC, article_entities.article_id
LIMIT {ENTRIES}
"""

_BEST_EVIDENCE = """coalesce((
        SELECT evidence FROM article_entities AS best WHERE best.article_id = articles.id AND best.evidence <> ''
        ORDER BY best.about DESC, best.confidence DESC, best.entity_id LIMIT 1
    ), '')"""

FEED = CannedQuery(
    "feed",
    "AI-industry news",
    f"The newest {ENTRIES} stories, each with the sentence that tells best what it is about: an Atom feed as"
    " /news/feed.atom. Copies of a story are left out.",
    f"""
WITH picked AS (
    SELECT id, dated_at FROM articles WHERE {DATED_SQL} AND {STORY_SQL} = articles.id ORDER BY dated_at DESC, id
    LIMIT {ENTRIES}
)
SELECT {_COLUMNS.format(evidence=_BEST_EVIDENCE)}
FROM picked
CROSS JOIN articles ON articles.id = picked.id
JOIN sources ON sources.id = articles.source_id
ORDER BY picked.dated_at DESC, picked.id
""",
)

FEED_OF_ENTITY = CannedQuery(
    "feed_of_entity",
    "News of a company, accelerator or theme as a feed",
    f"The newest {ENTRIES} stories that name an entity, each with the sentence that proves it: an Atom feed as"
    " /news/feed_of_entity.atom. Copies of a story are left out.",
    _OF_ENTITY.format(condition="entities.id = :entity_id"),
    {"entity_id": "nvidia"},
    {"entity_id": "id of a company, accelerator, theme, model or regulation, such as nvidia-h100"},
)

FEED_OF_THEME = CannedQuery(
    "feed_of_theme",
    "News of a theme as a feed",
    f"The newest {ENTRIES} stories on a theme of deployment, each with the sentence that proves it: an Atom feed as"
    " /news/feed_of_theme.atom. Copies of a story are left out.",
    _OF_ENTITY.format(condition="entities.id = :theme AND entities.kind = 'theme'"),
    {"theme": "edge"},
    {"theme": "id of a theme; the table entities with kind=theme lists them"},
)
