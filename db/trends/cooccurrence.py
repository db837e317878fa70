"""Which entities are named together, week by week, over all articles (no other segments).

A pair counts once per article that names both as subject or mention. An article that so names more than `MOST_NAMED`
entities is a list, not news: it counts for no pair.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from itertools import combinations, groupby
from operator import itemgetter

from sqlite_utils import Database

from db.trends.cells import Key, span_of
from db.trends.counting import COUNTED_ROLES_SQL, DATED_SQL, STORY_SQL
from db.trends.tables import PAIRS, Counts, Schema

__all__ = ["MOST_NAMED", "SPAN_SQL", "count_pairs", "fill_pairs", "refresh_pairs"]

MOST_NAMED = 60  # counted entities of one article; its pairs grow with the square

# article, story and entity, article by article. CROSS JOIN fixes the order: the articles of a time first
SPAN_SQL = f"""
    SELECT articles.id, {STORY_SQL}, others.entity_id
    FROM articles INDEXED BY articles_dated
    CROSS JOIN article_entities AS others INDEXED BY article_entities_article ON others.article_id = articles.id
    WHERE articles.dated_at >= :start AND articles.dated_at < :stop AND {DATED_SQL}
        AND others.role IN {COUNTED_ROLES_SQL}
"""

# the same, only articles that name one of some entities
SOME_SQL = f"""
    WITH named AS MATERIALIZED (
        SELECT DISTINCT tags.article_id, tags.dated_at
        FROM json_each(:entities) AS some
        CROSS JOIN article_entities AS tags INDEXED BY article_entities_entity ON tags.entity_id = some.value
        WHERE tags.dated_at >= :start AND tags.dated_at < :stop AND tags.role IN {COUNTED_ROLES_SQL}
    )
    SELECT articles.id, {STORY_SQL}, others.entity_id
    FROM named
    CROSS JOIN articles INDEXED BY articles_dated ON articles.dated_at = named.dated_at
        AND articles.id = named.article_id
    CROSS JOIN article_entities AS others INDEXED BY article_entities_article ON others.article_id = articles.id
    WHERE {DATED_SQL} AND others.role IN {COUNTED_ROLES_SQL}
"""

STORED_SQL = """
    SELECT period_start, entity_a, entity_b, articles, stories
    FROM json_each(:entities) CROSS JOIN cooccurrence_weekly ON period_start = :start AND entity_a = value
    UNION
    SELECT period_start, entity_a, entity_b, articles, stories
    FROM json_each(:entities) CROSS JOIN cooccurrence_weekly INDEXED BY cooccurrence_weekly_b
        ON entity_b = value AND period_start = :start
"""


def refresh_pairs(db: Database, week: str, entity_ids: Collection[str]) -> None:
    """Count anew the pairs of a week (its Monday, ISO) that hold one of the entities. Part of the caller's
    transaction."""
    values = {"entities": json.dumps(sorted(entity_ids)), "start": week, "stop": _stop(week)}
    found = count_pairs(db.execute(SOME_SQL, values))
    stored = {tuple(row[:3]): tuple(row[3:]) for row in db.execute(STORED_SQL, values)}
    named = frozenset(entity_ids)
    wanted = {pair: counts for pair, counts in found.items() if not named.isdisjoint(pair)}
    PAIRS.settle(db, stored=stored, wanted=_of_week(week, wanted))


def fill_pairs(db: Database, week: str, schema: Schema = "main") -> None:
    """Count all pairs of a week (its Monday, ISO) that has none yet. Part of the caller's transaction."""
    found = count_pairs(db.execute(SPAN_SQL, {"start": week, "stop": _stop(week)}))
    PAIRS.insert(db, _of_week(week, found), schema=schema)


def count_pairs(rows: Iterable[tuple[int, int, str]]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return articles and stories by pair, the lesser id first.

    Args:
        rows: article, story and entity; those of an article follow each other.
    """
    stories: dict[tuple[str, str], list[int]] = {}
    for (_, story), named in groupby(rows, key=itemgetter(0, 1)):
        entity_ids = sorted([row[2] for row in named])
        if len(entity_ids) <= MOST_NAMED:
            for pair in combinations(entity_ids, 2):
                stories.setdefault(pair, []).append(story)
    return {pair: (len(found), len(set(found))) for pair, found in stories.items()}


def _of_week(week: str, pairs: dict[tuple[str, str], tuple[int, int]]) -> Counts:
    return {(week, *pair): counts for pair, counts in pairs.items()}


def _stop(week: str) -> str:
    return span_of(Key("week", week)).stop.isoformat()
