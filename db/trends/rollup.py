"""Rollups of days, ISO weeks and months, kept up to date by the transaction that changes an article.

What counts is said in `db.trends.counting`. A refresh counts anew the cells of the entities that a transaction touched,
from the indexes of tags and articles, without reading a text, and writes what differs; a rebuild counts everything in
the same way.

The denominators (`period_totals`) are the tagged articles of the same period and segment, and the stories they tell;
for themes, which are looked for in some languages only, those of them that were tagged in full (`*_full`).
Shares, labels, and whether a period is complete are computed at export: they follow from these tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlite_utils import Database

from db.transactions import transaction
from db.trends import cooccurrence
from db.trends.cells import Key, Plan, Segments, Stratum, TagRow, Voices, cells, keys_of, span_of, totals
from db.trends.counting import COUNTED_ROLES_SQL, DATED_SQL, STORY_SQL
from db.trends.periods import GRAINS, Grain
from db.trends.tables import CELLS, ROLLUPS, TOTALS, Counts, Schema

__all__ = ["fill", "is_to_fill", "rebuild", "refresh_days", "refresh_entities"]

EVER = ("", "~")  # before and after every ISO time

# CROSS JOIN fixes the order: the tags of an entity first. Articles are found by time, not by id alone: those of a
# period lie side by side in the index, while ids are hashes
TAGS_SQL = f"""
    SELECT substr(article_entities.dated_at, 1, 10), articles.source_id, articles.language, {STORY_SQL},
        article_entities.about, article_entities.count
    FROM article_entities INDEXED BY article_entities_entity
    CROSS JOIN articles INDEXED BY articles_dated ON articles.dated_at = article_entities.dated_at
        AND articles.id = article_entities.article_id
    WHERE article_entities.entity_id = ? AND article_entities.dated_at >= ? AND article_entities.dated_at < ?
        AND article_entities.role IN {COUNTED_ROLES_SQL} AND {DATED_SQL}
    ORDER BY article_entities.dated_at DESC
"""

# a row per article would take three times as long
STRATA_SQL = f"""
    SELECT source_id, language, tag_scope IS 'full', group_concat({STORY_SQL})
    FROM articles INDEXED BY articles_dated
    WHERE dated_at >= ? AND dated_at < ? AND tagger_version IS NOT NULL AND {DATED_SQL}
    GROUP BY 1, 2, 3
"""

# every segment of a cell has a total: naming them makes the whole primary key known
STORED_SQL = """
    SELECT segment, {counts} FROM {table} WHERE entity_id = ? AND period_start = ?
        AND segment IN (SELECT segment FROM period_totals WHERE grain = ? AND period_start = ?)
"""

# the entities of the articles of a time; that some are only quoted does no harm
NAMED_SQL = """
    SELECT DISTINCT article_entities.entity_id
    FROM articles INDEXED BY articles_dated
    CROSS JOIN article_entities INDEXED BY article_entities_article ON article_entities.article_id = articles.id
    WHERE articles.dated_at >= ? AND articles.dated_at < ?
"""

# without those of primary keys
INDEXES_SQL = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"


def refresh_entities(db: Database, days: Mapping[str, Collection[str]]) -> None:
    """Count the entities of changed articles anew, and the totals. Part of the caller's transaction.

    Args:
        days: by day of `dated_at` (ISO), the entities whose counts may have changed in the day, its week or its month:
            those that the changed articles named before, and those that they name now.
    """
    voices = Voices(db)
    touched: dict[str, set[str]] = {}
    for day, entity_ids in days.items():
        for entity_id in entity_ids:
            touched.setdefault(entity_id, set()).add(day)
    plans: dict[frozenset[str], Plan] = {}
    for entity_id in sorted(touched):
        of_entity = frozenset(touched[entity_id])
        if of_entity not in plans:
            plans[of_entity] = Plan.of(of_entity)
        _refresh_cells(db, entity_id, plans[of_entity], voices)
    for key in sorted({key for day in days for key in keys_of(day)}):  # after the cells, whose segments they know
        _refresh_totals(db, key, voices)
    weeks: dict[str, set[str]] = {}
    for day, entity_ids in days.items():
        weeks.setdefault(keys_of(day)[1].start, set()).update(entity_ids)
    for week, entity_ids in sorted(weeks.items()):
        cooccurrence.refresh_pairs(db, week, entity_ids)


def refresh_days(db: Database, days: Collection[str]) -> None:
    """Count whole days (ISO), their weeks and their months anew. Part of the caller's transaction."""
    plan = Plan.of(days)
    named = {row[0] for bounds in plan.bounds for row in db.execute(NAMED_SQL, bounds)}
    for key in plan.keys:
        sql = f"SELECT DISTINCT entity_id FROM {CELLS[key.grain].name} WHERE period_start = ?"
        named |= {row[0] for row in db.execute(sql, [key.start])}
    refresh_entities(db, dict.fromkeys(days, named))


def rebuild(db: Database) -> int:
    """Count everything anew in one transaction and return how many weeks; the rows equal those of the refreshes."""
    with transaction(db):
        indexes = [row for rollup in ROLLUPS for row in db.execute(INDEXES_SQL, [rollup.name])]
        for name, _ in indexes:  # made of all rows at once they take a fraction of the time
            db.execute(f"DROP INDEX {name}")
        for rollup in ROLLUPS:
            db.execute(f"DELETE FROM {rollup.name}")
        weeks = fill(db)
        for _, sql in indexes:
            db.execute(sql)
    return weeks


def is_to_fill(db: Database) -> bool:
    """Tell whether the rollups are still empty though there is something to count, as after a migration."""
    counted = f"SELECT 1 FROM articles INDEXED BY articles_dated WHERE tagger_version IS NOT NULL AND {DATED_SQL}"
    sql = f"SELECT NOT EXISTS (SELECT 1 FROM period_totals) AND EXISTS ({counted})"
    return bool(db.execute(sql).fetchone()[0])


def fill(db: Database, schema: Schema = "main") -> int:
    """Count everything into the empty tables of a schema and return how many weeks. Part of the caller's transaction.

    Memory: the tags of one entity's busiest month, and one week's pairs.
    """
    voices = Voices(db)
    for (entity_id,) in db.execute("SELECT id FROM entities ORDER BY id"):
        found: dict[Grain, dict[tuple[str, ...], tuple[int, ...]]] = {grain: {} for grain in GRAINS}
        for key, segments in cells(_tags(db, entity_id, EVER, voices), keys_of):
            found[key.grain].update(_celled(entity_id, key, segments))
        for grain, rollup in CELLS.items():
            rollup.insert(db, found[grain], schema=schema)
    weeks = []
    for key in _periods(db):
        if counted := _totals(db, key, voices):
            TOTALS.insert(db, _keyed(key, counted), schema=schema)
            weeks += [key.start] if key.grain == "week" else []
    for week in weeks:
        cooccurrence.fill_pairs(db, week, schema)
    return len(weeks)


def _refresh_cells(db: Database, entity_id: str, plan: Plan, voices: Voices) -> None:
    found = {
        key: segments
        for bounds in plan.bounds
        for key, segments in cells(_tags(db, entity_id, bounds, voices), plan.keys_of)
    }
    for key in plan.keys:
        rollup = CELLS[key.grain]
        sql = STORED_SQL.format(counts=", ".join(rollup.counts), table=rollup.name)
        stored = {row[0]: row[1:] for row in db.execute(sql, [entity_id, key.start, *key])}
        rollup.settle(db, stored=_celled(entity_id, key, stored), wanted=_celled(entity_id, key, found.get(key, {})))


def _celled(entity_id: str, key: Key, segments: Segments) -> Counts:
    return {(entity_id, name, key.start): counts for name, counts in segments.items()}


def _refresh_totals(db: Database, key: Key, voices: Voices) -> None:
    sql = f"SELECT segment, {', '.join(TOTALS.counts)} FROM period_totals WHERE grain = ? AND period_start = ?"
    stored = {row[0]: row[1:] for row in db.execute(sql, key)}
    TOTALS.settle(db, stored=_keyed(key, stored), wanted=_keyed(key, _totals(db, key, voices)))


def _keyed(key: Key, segments: Segments) -> Counts:
    return {(*key, name): counts for name, counts in segments.items()}


def _tags(db: Database, entity_id: str, bounds: tuple[str, str], voices: Voices) -> Iterator[TagRow]:
    for day, source_id, language, story, about, mentions in db.execute(TAGS_SQL, [entity_id, *bounds]):
        yield TagRow(day, voices[source_id, language], story, about, mentions)


def _totals(db: Database, key: Key, voices: Voices) -> Segments:
    span = span_of(key)
    rows = db.execute(STRATA_SQL, [span.start.isoformat(), span.stop.isoformat()])
    return totals(
        Stratum(voices[source_id, language], is_full, stories.split(","))
        for source_id, language, is_full, stories in rows
    )


def _periods(db: Database) -> list[Key]:
    """Return all periods that hold an article, in order."""
    days = db.execute("SELECT DISTINCT substr(dated_at, 1, 10) FROM articles INDEXED BY articles_dated")
    return sorted({key for (day,) in days for key in keys_of(day)})
