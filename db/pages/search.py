"""What the search page shows: hits with the words marked, how they were found, and whom the words name."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db.dates import UNDATED
from db.pages.chips import NONE, Chips, chips_of
from db.pages.excerpts import is_echo
from db.pages.refs import EntityRef
from db.queries.search import GIVEN_SQL, PAGE_SIZE, PLAN_SQL, SEARCH

__all__ = [
    "Found",
    "Hit",
    "Parts",
    "entity_named",
    "found_of",
    "names",
    "parts_of",
    "passages_of",
    "search",
    "sources",
    "untexted",
]

OPENED, CLOSED = "\ue000", "\ue001"  # private use: they stand for nothing in a text
TOKENIZER = "porter unicode61 remove_diacritics 2"  # of articles_fts
PASSAGE = 1_000  # characters: the time that snippet() takes grows with the square of the hits
MOST_READ = 20_000  # characters of a text that are looked through for the best passage
MOST_MARKED = 1_000  # characters: a longer title is shown without marks
SNIPPET_WORDS = 30
TITLES_SQL = f"SELECT rowid, highlight(titles, 0, '{OPENED}', '{CLOSED}') FROM titles WHERE titles MATCH ?"
RANKED_SQL = "SELECT article_id, rowid FROM passages WHERE passages MATCH ? ORDER BY bm25(passages), rowid"
SNIPPETS_SQL = f"""
    SELECT article_id, is_first, snippet(passages, 0, '{OPENED}', '{CLOSED}', ' … ', {SNIPPET_WORDS})
    FROM passages WHERE passages MATCH ? AND rowid IN (SELECT value FROM json_each(?))
"""
MOST_NAMED = 4
EXCERPT_CHARS = 400

NAMED_SQL = f"""
    SELECT DISTINCT entities.id, entities.name, entities.kind FROM (
        SELECT asked.key, aliases.entity_id
        FROM json_each(:spellings) AS asked CROSS JOIN aliases ON aliases.surface = asked.value
        UNION ALL
        SELECT asked.key, entities.id
        FROM json_each(:spellings) AS asked CROSS JOIN entities ON entities.id = asked.value
    ) AS found
    CROSS JOIN entities ON entities.id = found.entity_id
    ORDER BY found.key, entities.listed DESC, entities.id LIMIT {MOST_NAMED}
"""

Parts = tuple[tuple[str, bool], ...]  # a text in pieces; True: a piece that was searched for


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that was found."""

    id: int
    dated_at: str  # UTC
    date_source: str  # first_seen and backlog: not the publisher's
    title: Parts
    source: str
    source_id: str
    excerpt: Parts
    url: str
    language: str | None
    chips: tuple[EntityRef, ...]

    @property
    def is_undated(self) -> bool:
        """Whether its day is only when we came: no plausible date is stated."""
        return self.date_source in UNDATED

    @property
    def plain_title(self) -> str:
        """The title in one piece."""
        return _plain(self.title)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits, and how it came about."""

    way: str  # hits: all were filtered; newest: out of an index; cjk: texts were read; none: no word to look for
    hits: int  # articles that have the words, at most one more than are ranked; of way newest without words 0
    since: str | None  # ISO; None: what was given is no date
    stop: str | None
    floor: str  # of way newest: no article from before was looked at; "": all were
    page: tuple[Hit, ...]
    has_next: bool


def search(db: Database, asked: Mapping[str, str]) -> Found:
    """Return a page of hits.

    Args:
        asked: parameters of the canned query `search`; those not given are empty.
    """
    cursor = db.execute(SEARCH.sql, _given(asked))
    columns = [column[0] for column in cursor.description]
    return found_of(db, [dict(zip(columns, row, strict=True)) for row in cursor], asked)


def found_of(db: Database, rows: Sequence[Any], asked: Mapping[str, str]) -> Found:
    """Return a page of hits out of the rows of the canned query `search`; the search is not run once more.

    Args:
        rows: each gives its columns by name.
        asked: the parameters that the query was run with; those not given are empty.
    """
    given = _given(asked)
    words, since, stop = db.execute(GIVEN_SQL, given).fetchone()
    if rows:
        way, hits, floor = (rows[0][column] for column in ("way", "hits", "back_to"))
    else:
        way, hits, floor = db.execute(PLAN_SQL, given).fetchone()
    shown = rows[:PAGE_SIZE]
    ids = [row["id"] for row in shown]
    chips, marked = chips_of(db, ids), _marked(db, shown, words)
    page = tuple(_hit(row, marked, chips.get(row["id"], NONE)) for row in shown)
    return Found(way, hits, since, stop, floor or "", page, len(rows) > PAGE_SIZE)


def _given(asked: Mapping[str, str]) -> dict[str, str]:
    return {**dict.fromkeys(SEARCH.examples, ""), **asked}


@dataclass(frozen=True, slots=True)
class Marked:
    """Titles and excerpts with the words marked, by the ids of articles; those without any of the words are not in."""

    titles: Mapping[int, str]
    excerpts: Mapping[int, str]


def _marked(db: Database, rows: Sequence[Any], words: str | None) -> Marked:
    """Return the titles and the best passages of the found articles with the words marked.

    A full-text index of these few passages is made in memory: the index of all would gather all that begins with some
    letters, or all places of the words of a phrase, for each of them.
    """
    if words is None or not rows:
        return Marked({}, {})
    titles = [(row["id"], title) for row in rows if len(title := _as_text(row["title"])) <= MOST_MARKED]
    with closing(sqlite3.connect(":memory:")) as few:
        few.execute(f"CREATE VIRTUAL TABLE titles USING fts5(title, tokenize='{TOKENIZER}')")
        few.executemany("INSERT INTO titles (rowid, title) VALUES (?, ?)", titles)
        few.execute(
            "CREATE VIRTUAL TABLE passages"
            f" USING fts5(text, article_id UNINDEXED, is_first UNINDEXED, tokenize='{TOKENIZER}')"
        )
        few.executemany("INSERT INTO passages (text, article_id, is_first) VALUES (?, ?, ?)", _passages(db, rows))
        best: dict[int, int] = {}
        for article_id, passage in few.execute(RANKED_SQL, [words]):
            best.setdefault(article_id, passage)
        excerpts = {
            article_id: snippet if is_first or snippet.startswith(" …") else f"… {snippet}"
            for article_id, is_first, snippet in few.execute(SNIPPETS_SQL, [words, json.dumps(list(best.values()))])
        }
        return Marked(dict(few.execute(TITLES_SQL, [words]).fetchall()), excerpts)


def _passages(db: Database, rows: Sequence[Any]) -> Iterator[tuple[str, int, bool]]:
    """Yield (passage, id of its article, does it need no dots before it): of the texts, and what the query has cut."""
    texts = db.execute(
        f"SELECT articles.id, substr(articles.text, 1, {MOST_READ}) FROM json_each(?) AS asked"
        " CROSS JOIN articles ON articles.id = asked.value",
        [json.dumps([row["id"] for row in rows])],
    )
    for article_id, text in texts:
        for place, passage in enumerate(passages_of(text)):
            yield passage, article_id, place == 0
    for row in rows:
        yield _as_text(row["excerpt"])[:PASSAGE], row["id"], True


def passages_of(text: str) -> Iterator[str]:
    """Yield a text in pieces of at most `PASSAGE` characters, cut between two words where it can be."""
    start = 0
    while start < len(text):
        stop = start + PASSAGE
        if stop < len(text):
            stop = text.rfind(" ", start + PASSAGE // 2, stop) + 1 or stop
        yield text[start:stop]
        start = stop


def _hit(row: Any, marked: Marked, chips: Chips) -> Hit:
    heading = parts_of(marked.titles.get(row["id"], _as_text(row["title"])))
    shown = _shortened(parts_of(marked.excerpts.get(row["id"]) or _as_text(row["excerpt"])))
    if _plain(shown) in _plain(heading) or is_echo(_plain(heading), _plain(shown)):
        shown = ()
    return Hit(
        int(row["id"]), row["dated_at"], row["date_source"], heading, row["source"], row["source_id"], shown,
        _as_text(row["url"]), row["language"] or None, chips.entities,
    )  # fmt: skip


def _plain(parts: Parts) -> str:
    return "".join(text for text, _ in parts).strip()


def _as_text(value: object) -> str:
    return "" if value is None else str(value)


def parts_of(text: str) -> Parts:
    """Return a text in pieces: those between marks were searched for. A mark without its fellow is dropped."""
    return tuple(_pieces(text))


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    for place, piece in enumerate(re.split(f"{OPENED}([^{OPENED}{CLOSED}]*){CLOSED}", text)):
        words = piece.replace(OPENED, "").replace(CLOSED, "")
        if words:
            yield words, place % 2 == 1


def _shortened(parts: Parts) -> Parts:
    """Return the first pieces up to `EXCERPT_CHARS`: a language without spaces makes snippets long."""
    kept: list[tuple[str, bool]] = []
    left = EXCERPT_CHARS
    for text, is_found in parts:
        kept.append((text if len(text) <= left else text[:left] + " …", is_found))
        left -= len(text)
        if left <= 0:
            break
    return tuple(kept)


def names(db: Database, words: str) -> tuple[EntityRef, ...]:
    """Return those that the words as a whole name, however they are written large and small."""
    name = " ".join(words.replace('"', " ").split())
    if not name or len(name) > 100:
        return ()
    spellings = [name, name.lower(), name.upper(), name.title(), name.capitalize(), name.lower().replace(" ", "-")]
    rows = db.execute(NAMED_SQL, {"spellings": json.dumps(list(dict.fromkeys(spellings)))}).fetchall()
    return tuple(EntityRef(*row) for row in rows)


def entity_named(db: Database, entity_id: str) -> EntityRef | None:
    """Return an entity by its id; None: there is none."""
    row = db.execute("SELECT id, name, kind FROM entities WHERE id = ?", [entity_id]).fetchone()
    return None if row is None else EntityRef(*row)


def untexted(db: Database) -> tuple[int, int] | None:
    """Return of how many sources a public copy has no texts, and how many there are; None: this is no such copy."""
    row = db.execute(
        "SELECT count(*) FILTER (WHERE coalesce(sources.text_policy, published.text_policy) <> 'full'), count(*)"
        " FROM published CROSS JOIN sources WHERE sources.active = 1 HAVING count(*) > 0"
    ).fetchone()
    return None if row is None else (row[0], row[1])


def sources(db: Database) -> tuple[tuple[str, str], ...]:
    """Return id and name of the sources that are read, by name."""
    return tuple(db.execute("SELECT id, name FROM sources WHERE active = 1 ORDER BY lower(name), id").fetchall())
