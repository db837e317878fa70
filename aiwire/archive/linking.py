"""Stories of the whole archive: as `db.stories` and `db.story_groups` would have them for the same articles.

Candidates share a band; in one of more than `BAND_LIMIT` articles only pairs with one of the `BAND_LIMIT` longest. They
are found by DuckDB. Those that are linked to one another, however far, are one component: its stories depend on nothing
else. `aiwire.copies.is_copy` has the verdict, asked only where it decides something: once a text has its story, nobody
asks whether it is a copy of a third one. It depends on titles, texts and on whether the publisher is the same: what was
copied word for word is compared once.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from aiwire.archive.captures import insert_rows, rows_of
from aiwire.copies import Piece, is_copy, piece
from db.stories import BAND_LIMIT
from db.story_groups import Member, groups

__all__ = ["link_stories"]

ROOM = 2_000_000  # shingles held while texts are compared, about 100 bytes each

_BANDS_SQL = """
    CREATE TABLE bands AS
    WITH every AS (
        SELECT kept.id, kept.words, unnest(sketch_bands) AS band FROM part_articles JOIN kept USING (capture_id)
    )
    SELECT id, words, band FROM every
    WHERE band IN (SELECT band FROM every GROUP BY band HAVING min(id) <> max(id))
"""
_PAIRS_SQL = """
    CREATE TABLE pairs AS
    WITH ranked AS (
        SELECT id, band, row_number() OVER (PARTITION BY band ORDER BY words DESC, id) AS place FROM bands
    )
    SELECT DISTINCT least(longest.id, ranked.id) AS one, greatest(longest.id, ranked.id) AS other
    FROM ranked AS longest JOIN ranked USING (band) WHERE longest.place <= ? AND longest.id <> ranked.id
"""
# `text_of`: articles with the same title and text have the same number
_NODES_SQL = """
    CREATE TABLE nodes AS
    SELECT row_number() OVER (ORDER BY kept.id) - 1 AS node, kept.id, words, dated_at, publisher, capture_id,
        min(kept.id) OVER (PARTITION BY title, text_hash) AS text_of
    FROM kept JOIN sources ON sources.id = source_id
    WHERE kept.id IN (SELECT one FROM pairs UNION SELECT other FROM pairs)
"""
_NUMBERED_PAIRS_SQL = """
    SELECT ones.node, others.node FROM pairs
    JOIN nodes AS ones ON ones.id = one JOIN nodes AS others ON others.id = other
"""
_TEXTS_SQL = """
    SELECT nodes.text_of, title, text FROM part_articles JOIN nodes USING (capture_id) WHERE nodes.id = nodes.text_of
"""
_MEMBERS_SQL = """
    SELECT component, id, words, dated_at, publisher, text_of FROM nodes JOIN components USING (node)
    ORDER BY component, id
"""
_COMPONENT_PAIRS_SQL = """
    SELECT component, one, other FROM pairs JOIN nodes ON nodes.id = one JOIN components USING (node)
    ORDER BY component, one, other
"""


def link_stories(db: DuckDBPyConnection, folder: Path) -> None:
    """Make the table `stories` (id, story_id) of those articles that may have copies; any other is its own story.

    Args:
        db: with `part_articles`, `sources` and the table `kept`.
        folder: where the texts that are compared may lie for a while.
    """
    db.execute(_BANDS_SQL)
    db.execute(_PAIRS_SQL, [BAND_LIMIT])
    db.execute("DROP TABLE bands")
    db.execute(_NODES_SQL)
    db.execute("CREATE TABLE components (node BIGINT, component BIGINT)")
    insert_rows(db, "components", enumerate(_components(db)))
    db.execute("CREATE TABLE stories (id BIGINT, story_id BIGINT)")
    with closing(sqlite3.connect(folder / "texts.db")) as store:
        insert_rows(db, "stories", _stories(db, _Verdicts(_Texts(store, rows_of(db, _TEXTS_SQL)))))
    for table in ("pairs", "nodes", "components"):
        db.execute(f"DROP TABLE {table}")


def _components(db: DuckDBPyConnection) -> Iterator[int]:
    """Yield for each node the least one that pairs connect it with, however far."""
    ((count,),) = rows_of(db, "SELECT count(*) FROM nodes")
    above = array("q", range(count))

    def top(node: int) -> int:
        while above[node] != node:
            above[node] = above[above[node]]
            node = above[node]
        return node

    for one, other in rows_of(db, _NUMBERED_PAIRS_SQL):
        first, second = top(one), top(other)
        above[max(first, second)] = min(first, second)
    return map(top, range(count))


class _Node(NamedTuple):
    """An article that may have copies."""

    member: Member
    text: int  # the same number: the same title and text


def _stories(db: DuckDBPyConnection, verdicts: _Verdicts) -> Iterator[tuple[int, int]]:
    """Yield articles with their stories, one component after the other."""
    members = groupby(rows_of(db, _MEMBERS_SQL), itemgetter(0))
    pairs = groupby(rows_of(db, _COMPONENT_PAIRS_SQL), itemgetter(0))
    for (_, rows), (_, edges) in zip(members, pairs, strict=True):
        nodes = {row[1]: _Node(Member(row[2], row[3], row[4], None), row[5]) for row in rows}
        near: dict[int, list[int]] = {}
        for _, one, other in edges:
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
        for group in _grouped(nodes, near, verdicts):
            yield from ((article, group[0]) for article in group)


def _grouped(nodes: Mapping[int, _Node], near: Mapping[int, list[int]], verdicts: _Verdicts) -> list[list[int]]:
    placed: set[int] = set()  # in a story

    def copies(centre: int) -> Iterator[int]:
        placed.add(centre)
        for other in near[centre]:
            if other not in placed and verdicts.are_copies(nodes[centre], nodes[other]):
                placed.add(other)
                yield other

    return groups({article: node.member for article, node in nodes.items()}, copies, {})


class _Texts:
    """Titles and texts by number, on disk: a component of templates may have more of them than there is room for."""

    def __init__(self, store: sqlite3.Connection, texts: Iterator[tuple[int, str, str]]) -> None:
        self._store = store
        store.execute("PRAGMA journal_mode = OFF")
        store.execute("PRAGMA synchronous = OFF")  # it is thrown away
        store.execute("CREATE TABLE texts (number INTEGER PRIMARY KEY, title TEXT, text TEXT)")
        store.executemany("INSERT INTO texts VALUES (?, ?, ?)", texts)

    def __getitem__(self, number: int) -> tuple[str, str]:
        title, text = self._store.execute("SELECT title, text FROM texts WHERE number = ?", [number]).fetchone()
        return title, text


class _Verdicts:
    """Who is a copy of whom; holds the last texts as far as there is room."""

    def __init__(self, texts: _Texts) -> None:
        self._texts = texts
        self._held: OrderedDict[int, Piece] = OrderedDict()
        self._shingles = 0
        self._known: OrderedDict[tuple[int, int, bool], bool] = OrderedDict()

    def are_copies(self, one: _Node, other: _Node) -> bool:
        same = one.member.publisher == other.member.publisher  # all that counts of publishers
        key = (min(one.text, other.text), max(one.text, other.text), same)
        if key not in self._known:
            first, second = self._piece(one.text), self._piece(other.text)
            self._known[key] = is_copy(first, second if same else replace(second, publisher="another"))
            if len(self._known) > ROOM:
                self._known.popitem(last=False)
        return self._known[key]

    def _piece(self, number: int) -> Piece:
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        title, text = self._texts[number]
        found = self._held[number] = piece(title, "", text)
        self._shingles += len(found.shingles)
        while self._shingles > ROOM and len(self._held) > 1:
            _, old = self._held.popitem(last=False)
            self._shingles -= len(old.shingles)
        return found
