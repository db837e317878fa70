"""Stories: which stored articles are copies of one text. Articles are linked, never merged or deleted.

Who is compared
    Articles whose sketches (`aiwire.types.Sketch`) share a band. A band of templates may have thousands of articles: in
    one of more than `BAND_LIMIT`, only the `BAND_LIMIT` longest are compared with the others, so that no save reads the
    texts of all. The longest are the centres of stories (`db.story_groups`), so that a text that was copied more often
    than that is still one story; two short copies in a crowd of templates that share no other band are not found.
Who is a copy
    The verdict on the two texts (`aiwire.copies.is_copy`), kept in `story_links` both ways.
Which story
    `db.story_groups`. Articles that are tagged have one, alone or not, and no other article has. Its id is that of the
    earliest article, its leader.

All of that depends on the stored articles and corrections alone, never on the order in which they came: the steps below
are taken for those that changed and all that they are linked to. Sketches are kept as taggings are written, stories are
settled once at the end of the transaction.
"""

from __future__ import annotations

import json
import struct
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from sqlite_utils import Database

from aiwire.copies import Piece, is_copy, piece
from aiwire.types import OWN_STORY, Sketch
from db.story_groups import Member, groups

__all__ = ["BAND_LIMIT", "Unsettled", "articles_of_sources", "drop_sketch", "replace_sketch", "settle_stories"]

BAND_LIMIT = 20
CHUNK = 500  # ids in one query
ROOM = 500_000  # shingles held while copies are looked for, about 100 bytes each

_HOLDERS_SQL = "SELECT article_id FROM story_bands WHERE band = ? ORDER BY words DESC, article_id LIMIT ?"
_NEXT_SQL = "SELECT words, article_id FROM story_bands WHERE band = ? ORDER BY words DESC, article_id LIMIT 1 OFFSET ?"
_SHARED_SQL = """
    SELECT article_id FROM json_each(?) AS wanted CROSS JOIN story_bands ON story_bands.band = wanted.value LIMIT ?
"""
_TEXT_SQL = "SELECT title, publisher, text FROM articles JOIN sources ON sources.id = source_id WHERE articles.id = ?"
_MEMBERS_SQL = """
    SELECT articles.id, words, dated_at, publisher, story_id FROM json_each(?) AS wanted
    CROSS JOIN story_sketches ON story_sketches.article_id = wanted.value
    CROSS JOIN articles ON articles.id = wanted.value
    CROSS JOIN sources ON sources.id = articles.source_id
"""
_LINKS_SQL = """
    SELECT article_id, other_id FROM json_each(?) AS wanted
    CROSS JOIN story_links ON story_links.article_id = wanted.value
"""
# the siblings that people have given to articles: NULL if it is not stored, itself if it tells a story of its own
_SAID_SQL = f"""
    SELECT articles.id, iif(corrections.value = '{OWN_STORY}', articles.id, siblings.id) FROM json_each(?) AS wanted
    CROSS JOIN articles ON articles.id = wanted.value
    CROSS JOIN corrections ON corrections.url = articles.url AND kind = 'wrong-story'
    LEFT JOIN articles AS siblings ON siblings.url = corrections.value
"""
# articles whose corrections name these
_NAMED_SQL = """
    SELECT others.id FROM json_each(?) AS wanted
    CROSS JOIN articles ON articles.id = wanted.value
    CROSS JOIN corrections ON corrections.value = articles.url AND kind = 'wrong-story'
    CROSS JOIN articles AS others ON others.url = corrections.url
"""
_TOGETHER_SQL = """
    SELECT others.id FROM json_each(?) AS wanted
    CROSS JOIN articles ON articles.id = wanted.value
    CROSS JOIN articles AS others ON others.story_id = articles.story_id
"""
_STORY_SQL = """
    INSERT INTO stories (id, articles, publishers, first_at, last_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET articles = excluded.articles, publishers = excluded.publishers,
        first_at = excluded.first_at, last_at = excluded.last_at
    WHERE (stories.articles, stories.publishers, stories.first_at, stories.last_at)
        IS NOT (excluded.articles, excluded.publishers, excluded.first_at, excluded.last_at)
"""


@dataclass(slots=True)
class Unsettled:
    """What a transaction has changed of articles, and their stories do not say yet."""

    compare: set[int] = field(default_factory=set)  # articles whose copies may be others
    outrun: set[int] = field(default_factory=set)  # those that are compared with fewer now
    group: set[int] = field(default_factory=set)  # those whose story may be another one, or may say otherwise

    def __bool__(self) -> bool:
        return bool(self.compare or self.outrun or self.group)


# ---------------------------------------------------------------- sketches


def replace_sketch(
    db: Database, article_id: int, sketch: Sketch | None, *, unsettled: Unsettled, reworded: bool = False
) -> None:
    """Keep the sketch of an article that is tagged now; None: it is a copy of nothing.

    Part of the caller's transaction, which ends with `settle_stories`. The same sketch of the same words is no change.

    Args:
        reworded: the transaction has given the article another title, text or source.
    """
    sketch = sketch or Sketch(0, ())
    unsettled.group.add(article_id)
    kept = _sketch(db, article_id)
    if reworded or kept != sketch:
        unsettled.compare.add(article_id)
    if kept == sketch:
        return
    if kept is not None:
        _delete(db, article_id, kept, unsettled)
    bands = struct.pack(f"<{len(sketch.bands)}i", *sketch.bands)
    db.execute(
        "INSERT INTO story_sketches (article_id, words, bands) VALUES (?, ?, ?)", [article_id, sketch.words, bands]
    )
    db.conn.executemany(
        "INSERT INTO story_bands (band, words, article_id) VALUES (?, ?, ?)",
        ((band, sketch.words, article_id) for band in sketch.bands),
    )
    unsettled.outrun |= _next_in_line(db, article_id, sketch)


def drop_sketch(db: Database, article_id: int, *, unsettled: Unsettled) -> None:
    """Take an article out of its story until it is tagged again. Part of the caller's transaction, as above."""
    kept = _sketch(db, article_id)
    if kept is not None:
        _delete(db, article_id, kept, unsettled)
        unsettled.compare.add(article_id)


def articles_of_sources(db: Database, source_ids: Iterable[str]) -> Iterator[int]:
    """Yield the articles of sources that are in stories: all to be compared when a source's publisher is another."""
    for source_id in source_ids:
        rows = db.execute(
            "SELECT id FROM articles CROSS JOIN story_sketches ON article_id = id WHERE source_id = ?", [source_id]
        )
        yield from (row[0] for row in rows.fetchall())


def _sketch(db: Database, article_id: int) -> Sketch | None:
    row = db.execute("SELECT words, bands FROM story_sketches WHERE article_id = ?", [article_id]).fetchone()
    return None if row is None else Sketch(row[0], struct.unpack(f"<{len(row[1]) // 4}i", row[1]))


def _delete(db: Database, article_id: int, kept: Sketch, unsettled: Unsettled) -> None:
    unsettled.compare |= _next_in_line(db, article_id, kept)
    db.conn.executemany(
        "DELETE FROM story_bands WHERE band = ? AND words = ? AND article_id = ?",
        ((band, kept.words, article_id) for band in kept.bands),
    )
    db.execute("DELETE FROM story_sketches WHERE article_id = ?", [article_id])


def _next_in_line(db: Database, article_id: int, sketch: Sketch) -> set[int]:
    """Return those that an article keeps from being among the `BAND_LIMIT` longest of its bands."""
    if not _is_crowded(db, sketch.bands):
        return set()
    found = set()
    for band in sketch.bands:
        row = db.execute(_NEXT_SQL, [band, BAND_LIMIT]).fetchone()
        if row is not None and (-sketch.words, article_id) < (-row[0], row[1]):
            found.add(row[1])
    return found


def _is_crowded(db: Database, bands: Collection[int]) -> bool:
    """Tell whether a band may have more than `BAND_LIMIT` articles, given that one has them all."""
    most = len(bands) + BAND_LIMIT
    return len(db.execute(_SHARED_SQL, [json.dumps(bands), most]).fetchall()) == most


# ---------------------------------------------------------------- copies


class _Pieces:
    """The texts that are compared, the last ones held as far as there is room."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._held: OrderedDict[int, Piece] = OrderedDict()
        self._shingles = 0

    def __getitem__(self, article_id: int) -> Piece:
        if article_id in self._held:
            self._held.move_to_end(article_id)
            return self._held[article_id]
        title, publisher, text = self._db.execute(_TEXT_SQL, [article_id]).fetchone()
        found = self._held[article_id] = piece(title, publisher, text)
        self._shingles += len(found.shingles)
        while self._shingles > ROOM and len(self._held) > 1:
            _, old = self._held.popitem(last=False)
            self._shingles -= len(old.shingles)
        return found


def _compare(db: Database, unsettled: Unsettled) -> None:
    """Link the articles to their copies, all anew; of those that were outrun, undo the links that no longer hold."""
    pieces = _Pieces(db)
    done: set[int] = set()  # their links are what they should be
    for article_id in sorted(unsettled.compare):
        before = _copies(db, article_id)
        kept = _sketch(db, article_id)
        reach = set() if kept is None else _reach(db, article_id, kept.bands) - done
        after = (before & done) | {other for other in reach if is_copy(pieces[article_id], pieces[other])}
        _unlink(db, article_id, before - after)
        _link(db, article_id, after - before)
        done.add(article_id)
    for article_id in sorted(unsettled.outrun - done):
        before = _copies(db, article_id)
        kept = _sketch(db, article_id) if before else None
        if kept is not None:
            _unlink(db, article_id, before - _reach(db, article_id, kept.bands))


def _copies(db: Database, article_id: int) -> set[int]:
    return {row[0] for row in db.execute("SELECT other_id FROM story_links WHERE article_id = ?", [article_id])}


def _reach(db: Database, article_id: int, bands: Collection[int]) -> set[int]:
    """Return the articles that this one is compared with, itself left out."""
    if not _is_crowded(db, bands):
        found = {row[0] for row in db.execute(_SHARED_SQL, [json.dumps(bands), -1])}
    else:
        found = set()
        for band in bands:
            longest = [row[0] for row in db.execute(_HOLDERS_SQL, [band, BAND_LIMIT])]
            found.update(longest)
            if len(longest) == BAND_LIMIT and article_id in longest:
                found.update(row[0] for row in db.execute(_HOLDERS_SQL, [band, -1]))
    found.discard(article_id)
    return found


def _link(db: Database, article_id: int, others: Iterable[int]) -> None:
    db.conn.executemany("INSERT INTO story_links (article_id, other_id) VALUES (?, ?)", _both_ways(article_id, others))


def _unlink(db: Database, article_id: int, others: Iterable[int]) -> None:
    db.conn.executemany("DELETE FROM story_links WHERE article_id = ? AND other_id = ?", _both_ways(article_id, others))


def _both_ways(article_id: int, others: Iterable[int]) -> Iterator[tuple[int, int]]:
    for other in others:
        yield article_id, other
        yield other, article_id


# ---------------------------------------------------------------- stories


def settle_stories(db: Database, unsettled: Unsettled) -> set[int]:
    """Bring links and stories up to date; return the articles that are in another story than before, or in none.

    Part of the caller's transaction.
    """
    if not unsettled:
        return set()
    changed = unsettled.compare | unsettled.outrun | unsettled.group
    seeds = changed | _rows(db, _TOGETHER_SQL, changed)  # whom it may leave behind
    _compare(db, unsettled)
    members, linked, siblings = _region(db, seeds)
    found = groups(members, lambda one: _copies(db, one) if one in linked else (), siblings)
    return _store(db, members, found, untagged=seeds - members.keys())


def _region(db: Database, seeds: Collection[int]) -> tuple[dict[int, Member], set[int], dict[int, int]]:
    """Return the tagged articles that are linked to `seeds`, by texts or by hand, however far.

    Also which of them have copies, and the siblings that were given to them, where they are tagged.
    """
    members: dict[int, Member] = {}
    linked: set[int] = set()
    said: dict[int, int | None] = {}
    seen, ahead = set(seeds), set(seeds)
    while ahead:
        ids = [ahead.pop() for _ in range(min(CHUNK, len(ahead)))]
        found = {row[0]: Member(*row[1:]) for row in db.execute(_MEMBERS_SQL, [json.dumps(ids)])}
        members |= found
        near = _rows(db, _NAMED_SQL, found)
        for article_id, other in db.execute(_LINKS_SQL, [json.dumps(list(found))]):
            linked.add(article_id)
            near.add(other)
        own = dict(db.execute(_SAID_SQL, [json.dumps(list(found))]).fetchall())
        near.update(other for other in own.values() if other is not None)
        said |= own
        ahead |= near - seen
        seen |= near
    siblings = {one: other for one, other in said.items() if other is not None and other in members}
    return members, linked, siblings


def _store(db: Database, members: dict[int, Member], found: list[list[int]], *, untagged: Collection[int]) -> set[int]:
    """Write the stories of articles; return the articles whose story is another one now, or that have none any more."""
    left = _with_story(db, untagged)
    moved: list[tuple[int | None, int]] = [(None, article_id) for article_id in left]
    stale = {one.story_id for one in members.values()} | set(left.values())
    for group in found:
        leader = group[0]
        publishers = len({members[one].publisher for one in group})
        first_at, last_at = members[leader].dated_at, members[group[-1]].dated_at
        db.execute(_STORY_SQL, [leader, len(group), publishers, first_at, last_at])
        moved += ((leader, one) for one in group if members[one].story_id != leader)
        stale.discard(leader)
    db.conn.executemany("UPDATE articles SET story_id = ? WHERE id = ?", moved)
    db.conn.executemany("DELETE FROM stories WHERE id = ?", ((one,) for one in stale if one is not None))
    return {article_id for _, article_id in moved}


def _with_story(db: Database, article_ids: Iterable[int]) -> dict[int, int]:
    """Return the stories of those articles that are in one, by article."""
    sql = """
        SELECT articles.id, story_id FROM json_each(?) AS wanted CROSS JOIN articles ON articles.id = wanted.value
        WHERE story_id IS NOT NULL
    """
    return {row[0]: row[1] for chunk in _chunks(article_ids) for row in db.execute(sql, [chunk])}


def _rows(db: Database, sql: str, article_ids: Iterable[int]) -> set[int]:
    """Return the ids that a query finds for articles."""
    return {row[0] for chunk in _chunks(article_ids) for row in db.execute(sql, [chunk])}


def _chunks(article_ids: Iterable[int]) -> Iterator[str]:
    """Yield ids as JSON arrays of at most `CHUNK`."""
    ids = iter(article_ids)
    while chunk := list(islice(ids, CHUNK)):
        yield json.dumps(chunk)
