"""Stock sentences of the whole archive, and what articles are not about because of them: as `db.stock` has it.

Only sentences that two articles of a source have can be stock. DuckDB finds those and settles the ones under many
titles; of the rest the versions of stories are compared here, source by source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from duckdb import DuckDBPyConnection

from aiwire.archive.captures import insert_rows, rows_of
from db.stock import STOCK_TITLES, Story, folded

__all__ = ["settle_about", "supported"]

_REPEATED_SQL = """
    CREATE TABLE repeated AS
    WITH every AS (
        SELECT kept.id, kept.source_id, field, start, "end", hash FROM part_sentences JOIN kept USING (capture_id)
    )
    FROM every WHERE hash IN (SELECT hash FROM every GROUP BY hash HAVING min(id) <> max(id))
"""
_TITLES_SQL = "SELECT id, title FROM kept WHERE id IN (SELECT id FROM repeated)"
_MANY_TITLES_SQL = """
    CREATE TABLE stock AS
    WITH everywhere AS (
        SELECT hash FROM repeated JOIN headings USING (id) GROUP BY hash HAVING count(DISTINCT heading) >= ?
    )
    SELECT DISTINCT id, hash FROM repeated WHERE hash IN (FROM everywhere)
"""
_OPEN_SQL = """
    CREATE TABLE undecided AS
    SELECT DISTINCT source_id, hash, id FROM repeated WHERE hash NOT IN (SELECT hash FROM stock)
"""
_HOLDERS_SQL = "FROM undecided ORDER BY source_id, hash, id"
_SENTENCES_SQL = """
    SELECT kept.source_id, kept.id, kept.title, field, hash FROM part_sentences JOIN kept USING (capture_id)
    WHERE kept.id IN (SELECT id FROM undecided) ORDER BY kept.source_id, kept.id, field, start
"""
# what is about by the text, and has mentions, all of them in stock sentences (`db.stock.SETTLE_ABOUT_SQL`)
_NOT_ABOUT_SQL = """
    CREATE TABLE not_about AS
    WITH places AS (SELECT DISTINCT id, field, start, "end" FROM repeated JOIN stock USING (id, hash)),
    mentioned AS (
        SELECT kept.id, entity_id, field, start, "end" FROM part_mentions JOIN kept USING (capture_id)
        WHERE kept.id IN (SELECT id FROM places)
    ),
    covered AS (
        SELECT DISTINCT mentioned.* FROM mentioned JOIN places ON places.id = mentioned.id
            AND places.field = mentioned.field AND places.start <= mentioned.start AND places."end" >= mentioned."end"
    )
    SELECT id, entity_id FROM mentioned LEFT JOIN covered USING (id, entity_id, field, start, "end")
    GROUP BY id, entity_id HAVING count(*) = count(covered.id)
"""


def settle_about(db: DuckDBPyConnection) -> None:
    """Make the table `not_about` (id, entity_id): what stands in nothing but stock sentences of an article.

    Args:
        db: with `part_sentences`, `part_mentions` and the table `kept`.
    """
    db.execute(_REPEATED_SQL)
    db.execute("CREATE TABLE headings (id BIGINT, heading VARCHAR)")
    insert_rows(db, "headings", ((article, folded(title)) for article, title in rows_of(db, _TITLES_SQL)))
    db.execute(_MANY_TITLES_SQL, [STOCK_TITLES])
    db.execute(_OPEN_SQL)
    insert_rows(db, "stock", _of_sources(db))
    db.execute(_NOT_ABOUT_SQL)
    for table in ("repeated", "headings", "undecided", "stock"):
        db.execute(f"DROP TABLE {table}")


def _of_sources(db: DuckDBPyConnection) -> Iterator[tuple[int, int]]:
    """Yield the articles and hashes of undecided sentences that are stock there; one source is in memory at a time."""
    sentences = groupby(rows_of(db, _SENTENCES_SQL), itemgetter(0))
    holders = groupby(rows_of(db, _HOLDERS_SQL), itemgetter(0))
    for (_, rows), (_, held) in zip(sentences, holders, strict=True):
        stories = dict(_stories(rows))
        known: dict[tuple[Story, Story], bool] = {}
        for (_, hashed), group in groupby(held, itemgetter(0, 1)):
            articles = [row[2] for row in group]
            unlike = supported({stories[article] for article in articles}, known)
            yield from ((article, hashed) for article in articles if stories[article] in unlike)


def _stories(rows: Iterable[tuple[str, int, str, str, int]]) -> Iterator[tuple[int, Story]]:
    """Yield the articles of a source with what they are compared by; equal ones are one object."""
    same: dict[Story, Story] = {}
    for (article, title), of_article in groupby(rows, itemgetter(1, 2)):
        story = Story.of(title, [(field, hashed) for *_, field, hashed in of_article])
        yield article, same.setdefault(story, story)


def supported(stories: set[Story], known: dict[tuple[Story, Story], bool]) -> set[Story]:
    """Return which of the different stories with one sentence have it from the publisher: another is no version of it.

    `known` keeps the verdicts: versions share many sentences.
    """

    def are_versions(one: Story, other: Story) -> bool:
        if (one, other) not in known:
            known[one, other] = known[other, one] = one.is_version_of(other)
        return known[one, other]

    return {one for one in stories if any(one is not other and not are_versions(one, other) for other in stories)}
