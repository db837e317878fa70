"""Parts of an archive for tests, written as a worker writes them, and the database that holds the same articles."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import db_rows

from aiwire.archive.job import job_version
from aiwire.archive.parts import PartWriter
from aiwire.archive.rows import article_rows
from aiwire.archive.values import Job, Shard, ShardReport
from aiwire.types import ArticleUpdate, Price, Source, SourceState, SourceUpdate
from aiwire.types.archive import ArchivedArticle
from db.connection import connect
from db.store import save_source, start_run, sync_entities, sync_sources
from nlp.similarity import sketch

DAY = datetime(2026, 11, 16, 9, tzinfo=UTC)
SOURCES = (
    Source("press", "Press", "feed", "https://press.example/feed", "press"),
    Source("mirror", "Mirror", "feed", "https://mirror.example/feed", "press"),
    Source("wire", "Wire", "feed", "https://wire.example/feed", "wire", language="EN-us", category="press"),
)


def job_of(folder: Path, **more) -> Job:
    return Job(folder=folder, sources=SOURCES, **more)


def archived(name, text, *, title=None, source="press", at=DAY, dated=True, unlisted=(), **more):
    """Return a tagged article; `dated`: the publisher states the moment `at`, else nothing."""
    title = f"Title of {name}" if title is None else title
    tagging = replace(db_rows.tag(title, text, unlisted=unlisted), sketch=sketch(title, text), prices=_prices(text))
    values = {
        "url": f"https://{source}.example/{name}", "source_id": source, "captured_at": at + timedelta(hours=1),
        "title": title, "author": None, "published_at": at if dated else None,
        "dated_at": at if dated else at + timedelta(hours=1), "date_source": "published" if dated else "first_seen",
        "date_flaw": None, "language": "en", "text": text, "canonical_url": None, "paywalled": False, "rights": None,
        "tagging": tagging,
    }  # fmt: skip
    return ArchivedArticle(**(values | more))


def _prices(text):
    start = text.find("$2 an hour")
    if start < 0:
        return ()
    return (Price("$2 an hour", 2.0, None, "USD", "gpu-hour", None, "nvidia-h100", text, "text", start, start + 10),)


def write_part(job: Job, key: str, articles=(), *, captures=(), fingerprint="bytes") -> None:
    """Write the part of a shard; the place of an article in `articles` is its offset."""
    shard, version = Shard(key, f"/shards/{key}", 1, fingerprint), job_version(job)
    with PartWriter(job.folder, shard, version) as writer:
        for offset, article in enumerate(articles):
            writer.add(article_rows(article, article.tagging, shard=key, offset=offset, number=offset))
        writer.add_captures(list(captures))
        writer.commit(ShardReport(key=key, version=version, fingerprint=fingerprint, articles=len(articles)))


def database_of(articles, entities=db_rows.ENTITIES):
    """Return a database into which the articles were saved, one transaction each, in the order given."""
    db = connect(":memory:")
    sync_sources(db, SOURCES)
    sync_entities(db, entities)
    start_run(db, "run", now=DAY)
    for one in articles:
        update = ArticleUpdate(
            one.url, None, one.title, one.author, one.published_at, one.dated_at, one.date_source, one.language,
            one.text, "hash", False, one.tagging,
        )  # fmt: skip
        answer = db_rows.answer(source_id=one.source_id)
        save_source(db, SourceUpdate(SourceState(one.source_id), answer, (update,)), run_id=1, now=one.captured_at)
    return db
