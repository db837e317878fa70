"""Weekly rollups: how much is written about what, kept up to date in the transaction that changes it.

What counts
    An article counts once per entity, in the ISO week (Monday to Sunday, UTC) of its `dated_at`, if it names the entity
    as subject or mention. A company that is only quoted (role `source`) or only the place where something was posted
    (role `venue`) is not counted: it says nothing of that company.
    The denominator (`articles_total`) is the tagged articles of the same week and segment; for themes, which are looked
    for in some languages only, those of them that were tagged in full (`articles_full`). Articles not tagged yet are in
    neither number, nor is a source's undated backlog (`date_source` backlog): nobody knows its week.
Segments
    `all`; `owned` (the source is a vendor's own voice) and `independent`, which together are `all`; `lang:xx`, one per
    language of the articles (`lang:und`: not known).
Shares, labels and whether a week is complete are computed at export: they follow from these tables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlite_utils import Database

from db.connection import transaction

__all__ = [
    "COUNTED_ROLES_SQL",
    "DATED_SQL",
    "LANGUAGE_SEGMENT_SQL",
    "SIDE_SQL",
    "rebuild",
    "refresh_entities",
    "refresh_weeks",
]

COUNTED_ROLES_SQL = "('subject', 'mention')"

DATED_SQL = "articles.date_source <> 'backlog'"  # else its week is only when we came

# lang:xx from a BCP 47 tag, by its primary subtag
LANGUAGE_SEGMENT_SQL = (
    "'lang:' || lower(coalesce(nullif(substr(replace(articles.language, '_', '-') || '-', 1,"
    " instr(replace(articles.language, '_', '-') || '-', '-') - 1), ''), 'und'))"
)

# what an article is in besides `all`
SIDE_SQL = "CASE WHEN sources.owner IS NULL THEN 'independent' ELSE 'owned' END"


def _by_segment(columns: str) -> str:
    """Return SQL that gives each row of `found` once per segment; `found` is read once, the tables behind it too."""
    return " UNION ALL ".join(
        f"SELECT {columns}, {segment} AS segment FROM found" for segment in ("'all'", "side", "language_segment")
    )


# the tagged articles of the week
ARTICLES_SQL = f"""
    SELECT articles.id, sources.publisher, articles.tag_scope IS 'full' AS is_full, {SIDE_SQL} AS side,
        {LANGUAGE_SEGMENT_SQL} AS language_segment
    FROM articles JOIN sources ON sources.id = articles.source_id
    WHERE articles.week = :week AND articles.tagger_version IS NOT NULL AND {DATED_SQL}
"""

TOTALS_SQL = f"""
    INSERT INTO week_totals (period_start, segment, articles_total, publishers_active, articles_full, publishers_full)
    WITH found AS MATERIALIZED ({ARTICLES_SQL})
    SELECT :week, segment, count(*), count(DISTINCT publisher), sum(is_full),
        count(DISTINCT iif(is_full, publisher, NULL))
    FROM ({_by_segment("publisher, is_full")}) GROUP BY segment
"""

# CROSS JOIN fixes the order: a week's articles first
WEEK_SQL = f"""
    INSERT INTO trends_weekly (entity_id, segment, period_start, articles, articles_about, publishers, mentions)
    WITH found AS MATERIALIZED ({ARTICLES_SQL})
    SELECT entity_id, segment, :week, count(*), sum(about), count(DISTINCT publisher), sum(count)
    FROM ({_by_segment("id, publisher")}) AS cells
    CROSS JOIN article_entities ON article_entities.article_id = cells.id
    WHERE role IN {COUNTED_ROLES_SQL}
    GROUP BY entity_id, segment
"""

# CROSS JOIN fixes the order: an entity's articles of the week first
ENTITY_SQL = f"""
    INSERT INTO trends_weekly (entity_id, segment, period_start, articles, articles_about, publishers, mentions)
    WITH found AS MATERIALIZED (
        SELECT article_entities.about, article_entities.count, sources.publisher, {SIDE_SQL} AS side,
            {LANGUAGE_SEGMENT_SQL} AS language_segment
        FROM article_entities
        CROSS JOIN articles ON articles.id = article_entities.article_id
        JOIN sources ON sources.id = articles.source_id
        WHERE article_entities.entity_id = :entity_id AND article_entities.dated_at >= :week
            AND article_entities.dated_at < date(:week, '+7 days') AND article_entities.role IN {COUNTED_ROLES_SQL}
            AND {DATED_SQL}
    )
    SELECT :entity_id, segment, :week, count(*), sum(about), count(DISTINCT publisher), sum(count)
    FROM ({_by_segment("about, count, publisher")}) GROUP BY segment
"""

# every segment of a row has a total: naming them makes the whole primary key known
DELETE_ENTITY_SQL = """
    DELETE FROM trends_weekly WHERE entity_id = :entity_id AND period_start = :week
        AND segment IN (SELECT segment FROM week_totals WHERE period_start = :week)
"""


def refresh_weeks(db: Database, weeks: Collection[str]) -> None:
    """Roll up whole weeks (Mondays, `YYYY-MM-DD`) anew. Part of the caller's transaction."""
    for week in sorted(weeks):
        db.execute("DELETE FROM trends_weekly WHERE period_start = ?", [week])
        db.execute(WEEK_SQL, {"week": week})
        _refresh_totals(db, week)


def refresh_entities(db: Database, weeks: Mapping[str, Collection[str]]) -> None:
    """Roll up anew the entities of changed articles, by week. Part of the caller's transaction.

    Much quicker than `refresh_weeks` where few of a week's articles change; the outcome is the same.
    """
    for week, entities in sorted(weeks.items()):
        for entity_id in sorted(entities):
            cell = {"week": week, "entity_id": entity_id}
            db.execute(DELETE_ENTITY_SQL, cell)
            db.execute(ENTITY_SQL, cell)
        _refresh_totals(db, week)


def _refresh_totals(db: Database, week: str) -> None:
    db.execute("DELETE FROM week_totals WHERE period_start = ?", [week])
    db.execute(TOTALS_SQL, {"week": week})


def rebuild(db: Database) -> int:
    """Roll up everything anew, in one transaction, and return how many weeks: the rows equal those of the refreshes."""
    with transaction(db):
        weeks = [row[0] for row in db.execute("SELECT DISTINCT week FROM articles").fetchall()]
        db.execute("DELETE FROM trends_weekly")
        db.execute("DELETE FROM week_totals")
        refresh_weeks(db, weeks)
    return len(weeks)
