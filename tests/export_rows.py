"""A small database for the tests of exports, with entities, sources and articles given tag by tag."""

from datetime import UTC, datetime

from aiwire.types import (
    ArticleUpdate,
    Entity,
    FetchResult,
    Request,
    Response,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from db.connection import connect
from db.store import save_source, start_run, sync_entities, sync_sources

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)  # a Monday
KINDS = {"nvidia": "company", "tco": "theme", "h100": "accelerator"}


def tag(entity_id, *, role="subject", about=True, count=1):
    """Return what the tagger would give for an entity that it found `count` times."""
    return Tag(KINDS[entity_id], entity_id, entity_id, (entity_id,), count, about, role, True, 0.5, 0.9, "", ())


def make_db(path=":memory:", *, label="NVIDIA"):
    """Return a new database with the three entities, a source of the press and one of a vendor, and a run."""
    db = connect(path)
    sync_sources(db, [
        Source("press", "Press", "feed", "https://press.example/", "press"),
        Source("vendor", "Vendor", "feed", "https://vendor.example/", "vendor", owner="nvidia"),
    ])  # fmt: skip
    names = {"nvidia": label}
    sync_entities(db, [Entity(i, kind, names.get(i, i.upper())) for i, kind in KINDS.items()])
    start_run(db, "run", now=NOW)
    return db


def save(db, name, *tags, day=NOW, source_id="press", language="en", seen=NOW, scope="full"):
    """Store an article of a day, as if its source had just been read."""
    url = f"https://example.org/{name}"
    tagging = Tagging(tags, scope=scope, tagger_version="1.0", taxonomy_version="12e4")
    update = ArticleUpdate(url, None, name, None, day, day, "published", language, "text", f"{tags}", False, tagging)
    fetch = FetchResult(Request(url, source_id, "feed"), Response(url, url, 200, {}, b""), 1, 1)
    save_source(db, SourceUpdate(SourceState(source_id), fetch, (update,)), run_id=1, now=seen)
