"""What the page about the data says of this database: its size, its versions, how good its tags are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from sqlite_utils import Database

from db.queries.about import ABOUT_THE_DATA
from db.trends.statistics import wilson

__all__ = [
    "Contents",
    "Judged",
    "JudgedKind",
    "Published",
    "ReferenceFile",
    "ReferenceSource",
    "Versions",
    "contents",
    "judged",
    "judged_kinds",
    "published",
    "reference_files",
    "reference_read_at",
    "reference_sources",
    "versions",
]

LANGUAGE = "lang:"  # start of the segments of languages
VERSIONS_MOST = 20

MONTHS_SQL = """
    SELECT segment, sum(articles_total) FROM period_totals
    WHERE grain = 'month' AND (segment = 'all' OR segment LIKE 'lang:%') GROUP BY segment
"""
ENDS_SQL = """
    SELECT (SELECT min(period_start) FROM period_totals WHERE grain = 'month' AND segment = 'all'),
        (SELECT max(period_start) FROM period_totals WHERE grain = 'month' AND segment = 'all'),
        (SELECT day FROM coverage WHERE answers > 0 ORDER BY day LIMIT 1),
        (SELECT max(ok_at) FROM source_state)
"""
SOURCES_SQL = """
    SELECT count(*), count(DISTINCT publisher), count(owner)
    FROM sources WHERE enabled = 1 AND active = 1
"""
# one step in the index for each pair of versions
VERSION_SQL = """
    SELECT tagger_version, taxonomy_version FROM articles INDEXED BY articles_tagged
    WHERE (tagger_version, taxonomy_version) > (?, ?) ORDER BY tagger_version, taxonomy_version LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in the database."""

    articles: int  # tagged and dated
    languages: tuple[tuple[str, int], ...]  # and their articles, the most first
    first_month: str | None  # ISO day; None: there is no tagged article
    last_month: str | None
    covered_since: str | None  # first day with a good answer: from then on nobody looking is known
    last_answer: str | None
    sources: int  # in use
    publishers: int
    owned: int  # sources in a vendor's own voice


@dataclass(frozen=True, slots=True)
class Versions:
    """What tagged articles: more than one while a new version has not seen all of them."""

    tagger: str
    taxonomy: str


@dataclass(frozen=True, slots=True)
class Judged:
    """An entity of which tags were judged by hand."""

    id: str
    name: str
    kind: str
    tags: int
    precision: float  # 0..1
    lo: float  # 95 % interval
    hi: float


@dataclass(frozen=True, slots=True)
class JudgedKind:
    """The entities of a kind."""

    kind: str
    entities: tuple[Judged, ...]  # of which enough tags were judged, the most first
    seldom: int  # others, of which a few were


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """A file of reference figures that came with the program."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ReferenceSource:
    """A catalogue or price list that is asked for news."""

    name: str
    url: str
    applied_at: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Published:
    """How this public copy was made."""

    made_at: str
    text_policy: str
    excerpt_chars: int


def contents(db: Database) -> Contents:
    """Return the size and the reach of what was read, from the totals of the months."""
    articles = dict(db.execute(MONTHS_SQL).fetchall())
    spoken = [(name.removeprefix(LANGUAGE), count) for name, count in articles.items() if name.startswith(LANGUAGE)]
    return Contents(
        articles.get("all", 0),
        tuple(sorted(spoken, key=lambda one: (-one[1], one[0]))),
        *db.execute(ENDS_SQL).fetchone(),
        *db.execute(SOURCES_SQL).fetchone(),
    )


def versions(db: Database) -> tuple[Versions, ...]:
    """Return the versions of tagger and lists that tagged what is stored."""
    found: list[Versions] = []
    at = ("", "")
    while len(found) < VERSIONS_MOST and (row := db.execute(VERSION_SQL, at).fetchone()) is not None:
        at = row
        found.append(Versions(*row))
    return tuple(found)


def judged(entity_id: str, name: str, kind: str, precision: float, tags: int) -> Judged:
    """Return a share of judged tags with its interval (Wilson 1927)."""
    interval = wilson(np.array([precision * tags]), np.array([tags]))
    return Judged(entity_id, name, kind, tags, precision, float(interval.lo[0]), float(interval.hi[0]))


def judged_kinds(db: Database) -> tuple[JudgedKind, ...]:
    """Return the rows of the canned query by kind."""
    rows = db.execute(ABOUT_THE_DATA.sql).fetchall()
    found = []
    for kind, group in groupby(rows, key=lambda row: str(row[0])):
        of_kind = list(group)
        known = [row for row in of_kind if row[2] is not None]
        entities = tuple(judged(entity_id, name, kind, share, tags) for _, name, share, tags, entity_id in known)
        found.append(JudgedKind(kind, entities, len(of_kind) - len(known)))
    return tuple(found)


def reference_files(db: Database) -> tuple[ReferenceFile, ...]:
    """Return the files of reference figures as they were loaded."""
    return tuple(
        ReferenceFile(*row) for row in db.execute("SELECT name, rows, sha256 FROM reference_files ORDER BY name")
    )


def reference_sources(db: Database) -> tuple[ReferenceSource, ...]:
    """Return the catalogues and price lists that were asked, the one applied last first."""
    sql = "SELECT name, url, applied_at, outcome FROM reference_sources ORDER BY applied_at DESC, name"
    return tuple(ReferenceSource(*row) for row in db.execute(sql))


def reference_read_at(db: Database) -> str | None:
    """Return the newest day on which a source of the accelerators' figures was read."""
    (day,) = db.execute("SELECT max(as_of) FROM accelerators").fetchone()
    return None if day is None else str(day)


def published(db: Database) -> Published | None:
    """Return how this public copy was made; None: it is no copy."""
    row = db.execute("SELECT made_at, text_policy, excerpt_chars FROM published").fetchone()
    return None if row is None else Published(*row)
