"""What counts, in SQL: which articles and tags are in the trends, and in which segments.

An article counts once per entity, in the period (UTC) of its `dated_at`, if it names the entity as subject or mention.
A company that is only quoted (role `source`) or only the place where something was posted (role `venue`) is not
counted: it says nothing of that company. Articles not tagged yet are in no number, nor is a source's undated backlog
(`date_source` backlog): nobody knows its period.

Segments: `all`; `owned` (the source is a vendor's own voice) and `independent`, which together are `all`; `lang:xx`,
one per language of the articles (`lang:und`: not known); `category:xx`, one per category of the sources, where they
have one.
"""

from __future__ import annotations

__all__ = ["CATEGORY_SEGMENT_SQL", "COUNTED_ROLES_SQL", "DATED_SQL", "LANGUAGE_SEGMENT_SQL", "SIDE_SQL", "STORY_SQL"]

COUNTED_ROLES_SQL = "('subject', 'mention')"

DATED_SQL = "articles.date_source <> 'backlog'"  # else its week is only when we came

STORY_SQL = "coalesce(articles.story_id, articles.id)"  # not sketched yet: a story of its own

# lang:xx from a BCP 47 tag, by its primary subtag
LANGUAGE_SEGMENT_SQL = (
    "'lang:' || lower(coalesce(nullif(substr(replace(articles.language, '_', '-') || '-', 1,"
    " instr(replace(articles.language, '_', '-') || '-', '-') - 1), ''), 'und'))"
)

# what an article is in besides `all`
SIDE_SQL = "CASE WHEN sources.owner IS NULL THEN 'independent' ELSE 'owned' END"

CATEGORY_SEGMENT_SQL = "'category:' || sources.category"  # NULL: in none
