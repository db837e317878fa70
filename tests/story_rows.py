"""Stories for tests: texts that are compared by their letters, a database, what it tells."""

import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple
from unittest.mock import patch

from aiwire.pipeline.correcting import put_right
from aiwire.types import (
    OWN_STORY,
    ArticleUpdate,
    Correction,
    Entity,
    FetchResult,
    Request,
    Response,
    Sketch,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from db import stories
from db.connection import connect
from db.store import known_articles, save_source, start_run, sync_entities, sync_sources

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
STORY_TABLES = ("stories", "story_sketches", "story_bands", "story_links")
SOURCES = {"press": "press", "wire": "wire", "copier": "press"}  # id -> publisher


class Piece(NamedTuple):
    title: str
    publisher: str
    shingles: frozenset[str]


def piece(title, publisher, text):
    return Piece(title, publisher, frozenset(text))


def is_copy(one, other):
    """Whether most letters of the shorter text are in the longer one; within a publisher the titles must agree."""
    if one.publisher == other.publisher and one.title != other.title:
        return False
    return len(one.shingles & other.shingles) > 0.5 * min(len(one.shingles), len(other.shingles))


def sketch(text):
    """Return a sketch that shares a band with that of every text that has a letter in common."""
    return Sketch(len(text), tuple(sorted(map(ord, set(text)))))


@contextmanager
def letters(limit=100):
    """Compare by letters: every way in which texts can be alike is a few letters away."""
    with (
        patch.object(stories, "piece", piece),
        patch.object(stories, "is_copy", is_copy),
        patch.object(stories, "BAND_LIMIT", limit),
    ):
        yield


def make_db():
    db = connect(":memory:")
    sync_sources(db, sources())
    sync_entities(db, [Entity("nvidia", "company", "NVIDIA")])
    start_run(db, "run", now=NOW)
    return db


def sources(publishers=SOURCES, *, without=()):
    return [
        Source(name, name, "feed", f"https://{name}.example/", publisher)
        for name, publisher in publishers.items()
        if name not in without
    ]


def url_of(name):
    return f"https://example.org/{name}"


def tagging(text):
    tag = Tag("company", "nvidia", "NVIDIA", ("NVIDIA",), 1, True, "subject", True, 0.5, 0.9, "", ())
    return Tagging((tag,), tagger_version="1", taxonomy_version="t", sketch=sketch(text))


def update(name, text, *, title="Title", day=NOW, tagged=True):
    said = f"{title}|{text}|{day}|{tagged}"
    return ArticleUpdate(
        url_of(name),
        None,
        title,
        None,
        day,
        day,
        "published",
        "en",
        text,
        said,
        False,
        tagging(text) if tagged else None,
    )


def save(db, *updates, source="press"):
    fetch = FetchResult(Request("https://f.example/", source, "feed"), Response("", "", 200, {}, b""), 1, 1)
    return save_source(db, SourceUpdate(SourceState(source), fetch, updates), run_id=1, now=NOW)


def id_of(db, name):
    return known_articles(db, [url_of(name)])[url_of(name)].id


def told(db):
    """Return the stories as sets of names; the leader of each stands first."""
    rows = db.execute(
        "SELECT substr(url, 21), story_id FROM articles WHERE story_id IS NOT NULL"
        " ORDER BY id <> story_id, dated_at, id"
    )
    found = {}
    for name, story_id in rows.fetchall():
        found.setdefault(story_id, []).append(name)
    return sorted("".join(names) for names in found.values())


def say(db, name, other):
    value = OWN_STORY if other == OWN_STORY else url_of(other)
    put_right(
        db, None, add=[Correction(url_of(name), "wrong-story", value=value, made_at="2026-11-23T06:00:00Z")], now=NOW
    )


def unsay(db, name):
    put_right(db, None, undo=[Correction(url_of(name), "wrong-story")], now=NOW)


def statements(db, action):
    """Return the SQL on stories that an action runs, without that of the rollups, which read `story_id` too."""
    seen = []
    db.conn.set_trace_callback(seen.append)
    action()
    db.conn.set_trace_callback(None)
    ours = re.compile(
        r"\s*(SELECT|INSERT|UPDATE|DELETE)(?=.*stor(y|ies))(?!.*(coalesce|trends|period|cooccur))", re.DOTALL
    )
    return [sql for sql in seen if ours.match(sql)]
