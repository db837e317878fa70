"""Small databases and updates for the tests of `db`: a tagger by plain search, articles, answers, pages."""

import re
from datetime import UTC, datetime

from aiwire.types import (
    Alias,
    ArticleUpdate,
    Entity,
    Extracted,
    FetchResult,
    Mention,
    Page,
    PageUpdate,
    Request,
    Response,
    Sentence,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from db.connection import connect
from db.store import (
    known_articles,
    save_source,
    start_run,
    sync_entities,
    sync_sources,
)

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
ENTITIES = (
    Entity("nvidia", "company", "NVIDIA", aliases=(Alias("NVIDIA", "any"),)),
    Entity("reuters", "company", "Reuters"),
    Entity("nvidia-h100", "accelerator", "NVIDIA H100", parent="nvidia", aliases=(Alias("H100", "any"),)),
    Entity("tco", "theme", "TCO", category="economics"),
)
NAMES = {"NVIDIA": "nvidia", "H100": "nvidia-h100", "Reuters": "reuters", "TCO": "tco"}
KINDS = {"nvidia": "company", "nvidia-h100": "accelerator", "reuters": "company", "tco": "theme"}


def sentences_of(text, field="text"):
    return [Sentence(field, m.start(), m.end()) for m in re.finditer(r"[^.\n]+\.?", text)]


def tag(title, text, *, version="1", unlisted=()):
    """Tag by plain search: enough of a tagger to see what the database does with its findings."""
    sentences = sentences_of(title, "title") + sentences_of(text)
    words = {"title": title, "text": text}
    tags = []
    for name, entity_id in (NAMES | {name: name.lower() for name in unlisted}).items():
        mentions = tuple(
            Mention(s.field, s.start + m.start(), s.start + m.end(), name, s.start, s.end, "any", 0.9)
            for s in sentences
            for m in re.finditer(name, words[s.field][s.start : s.end])
        )
        if mentions:
            first = mentions[0]
            tags.append(
                Tag(
                    kind=KINDS.get(entity_id, "company"),
                    id=entity_id,
                    name=name,
                    surfaces=(name,),
                    count=len(mentions),
                    about=True,
                    role="source" if entity_id == "reuters" else "subject",
                    listed=entity_id in KINDS,
                    salience=0.5,
                    confidence=0.9,
                    evidence=words[first.field][first.sent_start : first.sent_end].strip(),
                    mentions=mentions,
                )
            )
    return Tagging(tuple(tags), sentences=tuple(sentences), tagger_version=version, taxonomy_version="t")


def article(name, text="NVIDIA sells the H100.", *, title=None, day=NOW, tagged=True, wants_page=False, **more):
    title = f"Title of {name}" if title is None else title
    values = {
        "url": f"https://example.org/{name}", "guid": name, "title": title, "author": None, "published_at": day,
        "dated_at": day, "date_source": "published", "language": "en", "text": text,
        "entry_hash": f"{title}|{text}|{day}", "wants_page": wants_page,
        "tagging": tag(title, text) if tagged else None,
    }  # fmt: skip
    return ArticleUpdate(**(values | more))


def answer(url="https://example.org/feed", source_id="example", purpose="feed", article_id=None, outcome=None):
    request = Request(url, source_id, purpose, article_id)
    return FetchResult(request, outcome or Response(url, url, 200, {}, b"body"), elapsed_ms=5, wire_bytes=4)


def save(db, *articles, source_id="example", now=NOW, run_id=1):
    state = SourceState(source_id, etag='"1"', checked_at=now, ok_at=now)
    update = SourceUpdate(state, answer(source_id=source_id), articles, entries=len(articles))
    return save_source(db, update, run_id=run_id, now=now)


def make_db(path=":memory:"):
    db = connect(path)
    sync_sources(db, [
        Source("example", "Example", "feed", "https://example.org/feed", "example"),
        Source("vendor", "Vendor", "feed", "https://vendor.example/feed", "vendor", owner="nvidia"),
        Source("mirror", "Mirror", "feed", "https://mirror.example/feed", "example"),
    ])  # fmt: skip
    sync_entities(db, ENTITIES)
    if not db.execute("SELECT 1 FROM runs").fetchone():
        start_run(db, "run", now=NOW)
    return db


def one(db, sql, *values):
    return db.execute(sql, values).fetchone()


def page_update(article_id, text, *, title="Title of a", state="fetched", **more):
    values = {
        "article_id": article_id,
        "page": Page(state, 1, NOW, None, None),
        "fetch": answer("https://example.org/a", purpose="page", article_id=article_id),
        "extracted": Extracted(None, "https://example.org/canon", title, None, None, None, "en", text, False),
        "text_origin": "page",
        "title": title,
        "tagging": tag(title, text),
    }
    return PageUpdate(**(values | more))


def id_of(db, name="a"):
    return known_articles(db, [f"https://example.org/{name}"])[f"https://example.org/{name}"].id


def save_many(path):
    """Save 60 answers of three articles each; those that are stored are skipped."""
    db = make_db(path)
    start_run(db, "run", now=NOW)
    stock = "This very passage on the TCO of NVIDIA cards stands under everything."
    for n in range(60):
        batch = (
            article(f"{n}-{i}", f"Story {n} {i} is on the H100.\n{stock}\nEnd of {n} {i}, at last.") for i in range(3)
        )
        save(db, *batch, run_id=1)
    db.close()
