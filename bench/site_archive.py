"""Make a database such as two years of a large site leave behind, for bench_site.py: texts, tags, prices, reference.

Names, kinds and the reference are those that aiwire ships, so that every page has all its parts. Which entity an
article names follows Zipf's law; the first ones are fixed. Texts are made-up sentences; each mention stands where it
says. Rows go straight into the tables of our own schema; the rollups are left to `db.trends.rebuild`, as in
trends_archive.py.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from trends_archive import BANDS, LANGUAGES, NOW, SOURCES, sources, without_indexes, zipf

from aiwire.types import Entity, iso
from db.connection import Database, connect
from db.reference.load import load_reference
from db.store import start_run, sync_entities, sync_sources
from db.trends import rebuild
from db.trends.verdicts import refresh_verdicts
from nlp.gazetteer import load_lexicon

__all__ = ["FIRST", "Scale", "make", "stamp"]

VERSION = 2  # of what is made here
DAYS = 2 * 365
FIRST = ("nvidia", "openai", "nvidia-h100", "data-sovereignty", "microsoft", "on-premises", "amd-mi300x", "tco")
NAMED = 3000  # entities that are named at all
TAGS = 5  # entities that an article names, at most one more than the mean
VOCABULARY, PHRASES = 20_000, 30_000
VERSIONS, COPIES, ENGLISH = 0.05, 0.1, 0.85  # of the articles
ABOUT, PRICED = 0.4, 0.2  # of the tags; of the articles that name an accelerator
WORDS = [
    "supply", "power", "memory", "rack", "network", "chip", "order", "wafer", "token", "lease", "market", "price",
    "cluster", "inference", "training", "budget", "regulator", "customer", "contract", "vendor", "cooling", "server",
    "grid", "software", "latency", "region", "audit", "licence", "storage", "pilot",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scale:
    """How much there is."""

    articles: int
    mentions: int


def listed() -> list[Entity]:
    """Return the entities that aiwire ships, those of `FIRST` first, the others in an order of their own."""
    known = {entity.id: entity for entity in load_lexicon().entities}
    rest = sorted(known.keys() - set(FIRST))
    random.Random(7).shuffle(rest)
    return [known[key] for key in (*FIRST, *rest)][:NAMED]


def make(path: Path, size: Scale) -> None:
    """Make the database. Nothing of it is kept if it is cut short."""
    part = path.with_suffix(".part")
    for old in (part, part.with_name(part.name + "-wal"), part.with_name(part.name + "-shm")):
        old.unlink(missing_ok=True)
    db = connect(part)
    entities = listed()
    sync_sources(db, sources())
    sync_entities(db, load_lexicon().entities)
    load_reference(db)
    start_run(db, "run", now=NOW)
    for pragma in ("foreign_keys = OFF", "journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
        db.execute(f"PRAGMA {pragma}")
    with without_indexes(db):
        _add_articles(db, entities, size)
        _add_sketches(db)
        _add_ledger(db)
    db.conn.commit()
    rebuild(db)
    refresh_verdicts(db)
    db.execute("ANALYZE")
    db.conn.commit()
    db.close()
    part.replace(path)


Spans = list[tuple[int, int, int, int]]
_Found = tuple[Entity, Spans]


@dataclass(frozen=True, slots=True)
class _Head:
    """What an article is to be."""

    id: int
    root: int  # the article that leads its story
    at: int  # seconds since the epoch
    source: int
    mentions: int


@dataclass(frozen=True, slots=True)
class _Made:
    """One article with all that is found in it, as rows of their tables."""

    article: tuple[object, ...]
    tags: list[tuple[object, ...]]
    mentions: list[tuple[object, ...]]
    price: tuple[object, ...] | None
    version: tuple[object, ...] | None


def _add_articles(db: Database, entities: list[Entity], size: Scale) -> None:
    batch: list[_Made] = []
    for made in _articles(entities, size):
        batch.append(made)
        if len(batch) == 10_000:
            _insert(db, batch)
            batch = []
    _insert(db, batch)
    db.execute(
        """
        INSERT INTO stories (id, articles, publishers, first_at, last_at)
        SELECT story_id, count(*), count(DISTINCT publisher), min(dated_at), max(dated_at)
        FROM articles JOIN sources ON sources.id = source_id GROUP BY story_id
        """
    )


def _insert(db: Database, batch: list[_Made]) -> None:
    db.conn.executemany(
        """
        INSERT INTO articles (id, url, source_id, title, published_at, dated_at, week, date_source, first_seen_at,
            updated_at, language, text, text_hash, text_origin, entry_hash, page_state, page_attempts, tag_scope,
            tagger_version, taxonomy_version, tagged_at, story_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, 'published', ?, ?, ?, ?, ?, 'feed', 'x', 'none', 0, ?, '3', 'bench', ?, ?)
        """,
        [made.article for made in batch],
    )
    db.conn.executemany(
        """
        INSERT INTO article_entities (article_id, entity_id, dated_at, kind, count, salience, about, about_in_text,
            role, confidence, surfaces, evidence, best_field, best_start, best_end)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0.9, ?, ?, 'text', ?, ?)
        """,
        [row for made in batch for row in made.tags],
    )
    db.conn.executemany(
        """
        INSERT INTO mentions (article_id, field, start, "end", entity_id, surface, sent_start, sent_end, rule,
            confidence) VALUES (?, 'text', ?, ?, ?, ?, ?, ?, 'any', 0.9)
        """,
        [row for made in batch for row in made.mentions],
    )
    db.conn.executemany(
        """
        INSERT INTO prices (article_id, position, dated_at, accelerator, quote, amount, currency, unit, qualifier,
            sentence, field, start, "end") VALUES (?, 0, ?, ?, ?, ?, 'USD', 'gpu-hour', 'on-demand', ?, 'text', 0, 1)
        """,
        [made.price for made in batch if made.price],
    )
    db.conn.executemany(
        """
        INSERT INTO article_versions (article_id, version, title, text, text_hash, published_at, replaced_at)
        VALUES (?, 1, ?, ?, 'x', ?, ?)
        """,
        [made.version for made in batch if made.version],
    )


def _articles(entities: list[Entity], size: Scale) -> Iterator[_Made]:
    rng, chance = np.random.default_rng(5), random.Random(5)
    ids = np.sort(np.unique(rng.integers(1, 1 << 52, size=size.articles + size.articles // 1000 + 9))[: size.articles])
    stop = int(NOW.timestamp())
    seconds = rng.integers(stop - DAYS * 86_400, stop, size=size.articles).tolist()
    weights = 1 / np.arange(3, SOURCES + 3)
    of = rng.choice(SOURCES, size=size.articles, p=weights / weights.sum()).tolist()
    places = np.linspace(0, size.mentions, size.articles + 1).astype(int)
    counts = np.diff(places).tolist()
    named = zipf(rng, len(entities), size.articles * TAGS).reshape(size.articles, TAGS).tolist()
    phrases = _phrases(rng)
    recent: list[int] = []  # those that the next one may be a copy of
    for one, at, source, count, numbers in zip(ids.tolist(), seconds, of, counts, named, strict=True):
        root = one
        if recent and chance.random() < COPIES:
            root = chance.choice(recent)
        else:
            recent = [*recent[-200:], one]
        of_it = [entities[n] for n in dict.fromkeys(numbers)]
        yield _article(chance, phrases, _Head(one, root, at, source, count), of_it)


def _phrases(rng: np.random.Generator) -> list[str]:
    """Return phrases of 12 words, which are as frequent as those of a language: by Zipf's law (Mandelbrot 1953)."""
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    made = ["".join(rng.choice(syllables, size=rng.integers(2, 5))) for _ in range(VOCABULARY)]
    made[3 : 3 + 7 * len(WORDS) : 7] = WORDS  # known ones among the frequent
    weights = 1 / (np.arange(VOCABULARY) + 2.7)
    picked = rng.choice(VOCABULARY, size=(PHRASES, 12), p=weights / weights.sum())
    return [" ".join(made[n] for n in row) for row in picked.tolist()]


def _article(chance: random.Random, phrases: list[str], head: _Head, named: list[Entity]) -> _Made:
    """Write an article: each mention in a sentence of its own, between sentences that name nothing."""
    text, found = _text(chance, phrases, head.mentions, named)
    moment = iso(datetime.fromtimestamp(head.at, UTC))
    title = chance.choice(phrases).capitalize()
    return _Made(
        _row(chance, head, moment, title, text),
        [_tag(chance, head.id, moment, text, entity, spans) for entity, spans in found],
        [
            (head.id, start, end, entity.id, entity.name, first, last)
            for entity, spans in found
            for start, end, first, last in spans
        ],
        _price(chance, head.id, moment, named),
        (head.id, title, text[:-80], moment, moment) if chance.random() < VERSIONS else None,
    )


def _text(chance: random.Random, phrases: list[str], count: int, named: list[Entity]) -> tuple[str, list[_Found]]:
    """Return a text, and where in it each entity stands: start and end, and those of its sentence."""
    parts: list[str] = []
    length = 0
    found: dict[str, _Found] = {entity.id: (entity, []) for entity in named[:count]}
    for n in range(count):
        entity = named[n % len(named)]
        sentence = f"{entity.name} {chance.choice(phrases)}."
        filler = f"The {chance.choice(phrases)} {chance.choice(phrases)}."
        found[entity.id][1].append((length, length + len(entity.name), length, length + len(sentence)))
        parts += [sentence, filler]
        length += len(sentence) + len(filler) + 2
    paragraphs = [" ".join(parts[k : k + 6]) for k in range(0, len(parts), 6)]
    return "\n".join(paragraphs), list(found.values())


def _tag(chance: random.Random, one: int, moment: str, text: str, entity: Entity, spans: Spans) -> tuple[object, ...]:
    is_about = int(chance.random() < ABOUT)
    start, end, first, last = spans[0]
    return (
        one, entity.id, moment, entity.kind, len(spans), round(chance.random(), 3), is_about, is_about,
        chance.choices(("subject", "mention", "source"), (4, 5, 1))[0], json.dumps([entity.name]), text[first:last],
        start, end,
    )  # fmt: skip


def _price(chance: random.Random, one: int, moment: str, named: list[Entity]) -> tuple[object, ...] | None:
    family = next((entity.id for entity in named if entity.kind == "accelerator"), None)
    if family is None or chance.random() > PRICED:
        return None
    amount = round(chance.uniform(1, 8), 2)
    return one, moment, family, f"${amount} per GPU-hour", amount, f"It costs ${amount} per GPU-hour."


def _row(chance: random.Random, head: _Head, moment: str, title: str, text: str) -> tuple[object, ...]:
    day = datetime.fromtimestamp(head.at, UTC).date()
    monday = (day - timedelta(days=day.weekday())).isoformat()
    language = "en" if chance.random() < ENGLISH else chance.choice(LANGUAGES[1:])
    return (
        head.id, f"https://s{head.source}.example/{head.id:013x}", f"source-{head.source:03}", title, moment, moment,
        monday, moment, moment, language, text, f"{head.id:032x}", "full" if language == "en" else "names", moment,
        head.root,
    )  # fmt: skip


def _add_sketches(db: Database) -> None:
    """Give every article the 50 keys by which its copies are looked for: random ones."""
    ids = [row[0] for row in db.execute("SELECT id FROM articles ORDER BY id")]
    bands = np.random.default_rng(9).integers(-(1 << 31), 1 << 31, size=(len(ids), BANDS), dtype=np.int32)
    db.conn.executemany(
        "INSERT INTO story_sketches (article_id, words, bands) VALUES (?, 300, ?)",
        ((one, row.astype("<i4").tobytes()) for one, row in zip(ids, bands, strict=True)),
    )
    order = np.argsort(bands, axis=None, kind="stable")
    articles = np.array(ids)
    for chunk in np.array_split(order, max(1, len(order) // 500_000)):
        rows = zip(bands.ravel()[chunk].tolist(), articles[chunk // BANDS].tolist(), strict=True)
        db.conn.executemany("INSERT OR IGNORE INTO story_bands (band, words, article_id) VALUES (?, 300, ?)", rows)


def _add_ledger(db: Database) -> None:
    """Let every source have answered every day, and be asked as often as a site asks in a month."""
    first = (NOW - timedelta(days=DAYS)).date()
    days = [(first + timedelta(days=n)).isoformat() for n in range(DAYS + 1)]
    db.conn.executemany(
        "INSERT INTO coverage (source_id, day, checks, answers) VALUES (?, ?, 24, 24)",
        [(f"source-{n:03}", day) for n in range(SOURCES) for day in days],
    )
    moments = [NOW - timedelta(days=DAYS), *(NOW - timedelta(minutes=5, hours=h) for h in range(30 * 24, -1, -1))]
    db.conn.executemany(
        """
        INSERT INTO fetches (run_id, source_id, url, purpose, outcome, status, wire_bytes, elapsed_ms, entries, new,
            changed, fetched_at) VALUES (1, ?, 'https://s.example/feed', 'feed', 'ok', 200, 900, 80, 20, 1, 0, ?)
        """,
        [(f"source-{n:03}", iso(at)) for at in moments for n in range(SOURCES)],
    )
    asked = iso(NOW - timedelta(minutes=5))
    db.conn.executemany(
        """
        INSERT INTO source_state (source_id, status, checked_at, ok_at, next_check_at, error_count, entries)
        VALUES (?, 'ok', ?, ?, ?, 0, 20)
        """,
        [(f"source-{n:03}", asked, asked, asked) for n in range(SOURCES)],
    )
    db.execute("UPDATE runs SET finished_at = :at, status = 'done'", {"at": iso(NOW)})


def stamp(size: Scale) -> str:
    """Return what a kept database must say to be used again: how it was made, and its schema."""
    fresh = connect(":memory:")
    schema = [row[0] for row in fresh.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")]
    return json.dumps({"version": VERSION, **asdict(size), "schema": schema})
