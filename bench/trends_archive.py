"""Make a database such as years of runs leave behind, for bench_trends.py: 5 years of 300 sources.

Which entity an article names follows Zipf's law. A tenth of the articles are copies of others. Every article has the
sketch of a text of its own; what is stored as its text is short, as nothing that is measured reads the texts of old
articles, but of those that are compared with new ones: they are added with their real texts (`Known`).

Rows go straight into the tables of our own schema, sorted by their keys; secondary indexes are dropped before and made
again as they were. The rollups are left to `db.trends.rebuild`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aiwire.types import Entity, Sketch, Source, iso
from db.connection import Database, connect
from db.store import start_run, sync_entities, sync_sources

VERSION = 1  # of what is made here
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
DAYS = 5 * 365
SOURCES, PUBLISHERS = 300, 250
KINDS = ("company",) * 12 + ("accelerator",) * 4 + ("model",) * 2 + ("theme", "regulation")
TAGS_MEAN = 4.0  # entities an article names
COPIES = 0.1
BANDS, SHARED_BANDS = 50, 40  # of a sketch, and those that a copy shares
REACH = 2000  # articles between a text and its copy, at most
CHUNK = 200_000  # rows in memory as Python objects
ROLES, ROLE_SHARES = ("subject", "mention", "source", "venue"), (0.4, 0.5, 0.07, 0.03)
LANGUAGES, LANGUAGE_SHARES = ("en", "zh", "de", "fr"), (0.85, 0.08, 0.04, 0.03)
WORDS = ["supply", "power", "memory", "rack", "network", "chip", "price", "order", "wafer", "token", "lease", "market"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much there is."""

    articles: int
    mentions: int
    entities: int


@dataclass(frozen=True, slots=True)
class Known:
    """A stored article with its real text, as new ones are compared with it."""

    title: str
    text: str
    sketch: Sketch


@dataclass(frozen=True, slots=True)
class Articles:
    """One entry per article, ascending by id."""

    ids: Ints
    seconds: Ints  # since the epoch
    sources: Ints  # number of the source
    languages: Ints
    words: Ints
    roots: Ints  # position of the article that it is a copy of; its own: a text of its own


def entities(count: int) -> list[Entity]:
    """Return the entities, the most frequent first; kinds are mixed."""
    kinds = np.random.default_rng(2).choice(KINDS, size=count).tolist()
    return [Entity(f"entity-{n:04}", kind, f"Entity {n}") for n, kind in enumerate(kinds)]


def sources() -> list[Source]:
    """Return the sources: a fifth are vendors' own voices, some publishers have several."""
    categories = ("press", "chips", "cloud", "lab", None)
    return [
        Source(
            f"source-{n:03}",
            f"Source {n}",
            "feed",
            f"https://s{n}.example/feed",
            f"publisher-{n % PUBLISHERS:03}",
            owner="entity-0000" if n % 5 == 0 else None,
            category=categories[n % len(categories)],
        )
        for n in range(SOURCES)
    ]


def zipf(rng: np.random.Generator, entities: int, size: int) -> Ints:
    """Return numbers of entities; that of rank k comes with a probability in proportion to 1/k."""
    weights = np.cumsum(1 / np.arange(1, entities + 1))
    return np.searchsorted(weights / weights[-1], rng.random(size)).astype(np.int64)


def make(path: Path, size: Scale, known: Sequence[Known]) -> None:
    """Make the database. Nothing of it is kept if it is cut short."""
    rng = np.random.default_rng(5)
    part = path.with_suffix(".part")
    for old in (part, part.with_name(part.name + "-wal"), part.with_name(part.name + "-shm")):
        old.unlink(missing_ok=True)
    db = connect(part)
    sync_sources(db, sources())
    sync_entities(db, entities(size.entities))
    start_run(db, "run", now=NOW)
    for pragma in ("foreign_keys = OFF", "journal_mode = OFF", "synchronous = OFF", "cache_size = -2000000"):
        db.execute(f"PRAGMA {pragma}")
    made = _articles(rng, size.articles)
    with without_indexes(db):
        _add_articles(db, made, rng)
        _add_tags(db, made, rng, size)
        bands = _add_sketches(db, made, rng)
        _add_bands(db, made, bands)
        _add_stories(db, made)
        _add_known(db, known)
        _add_ledger(db)
    db.conn.commit()
    db.close()
    part.replace(path)


def _articles(rng: np.random.Generator, count: int) -> Articles:
    ids = np.unique(rng.integers(1, 1 << 52, size=count + count // 1000 + 1))
    ids = np.sort(rng.permutation(ids)[:count])
    stop = int(NOW.timestamp())
    seconds = rng.integers(stop - DAYS * 86_400, stop, size=count)
    words = np.clip(rng.lognormal(6.3, 0.6, size=count), 60, 5000).astype(np.int64)
    in_time = np.lexsort((ids, seconds))
    place = np.empty(count, dtype=np.int64)  # of each article in the order of time
    place[in_time] = np.arange(count)
    parent = np.arange(count)
    copies = np.flatnonzero(rng.random(count) < COPIES)
    parent[copies] = in_time[np.maximum(place[copies] - rng.integers(1, REACH, size=len(copies)), 0)]
    while not np.array_equal(parent, parent[parent]):  # a copy of a copy is one of the first text
        parent = parent[parent]
    is_copy = parent != np.arange(count)
    words[is_copy] = words[parent[is_copy]] * 9 // 10  # the first text is the longest
    weights = 1 / np.arange(3, SOURCES + 3)
    return Articles(
        ids,
        seconds,
        rng.choice(SOURCES, size=count, p=weights / weights.sum()),
        rng.choice(len(LANGUAGES), size=count, p=LANGUAGE_SHARES),
        words,
        parent,
    )


def _times(seconds: Ints) -> list[str]:
    return np.char.add(seconds.astype("datetime64[s]").astype(str), "Z").tolist()


def _mondays(seconds: Ints) -> list[str]:
    days = seconds // 86_400
    return (days - (days + 3) % 7).astype("datetime64[D]").astype(str).tolist()  # day 0 was a Thursday


def _add_articles(db: Database, made: Articles, rng: np.random.Generator) -> None:
    phrases = [" ".join(rng.choice(WORDS, size=7)) for _ in range(5000)]
    for chunk in _chunks(len(made.ids)):
        ids, sources, languages = (a[chunk].tolist() for a in (made.ids, made.sources, made.languages))
        times, weeks = _times(made.seconds[chunk]), _mondays(made.seconds[chunk])
        roots = made.ids[made.roots[chunk]].tolist()
        picked = rng.integers(len(phrases), size=(len(ids), 2)).tolist()
        rows = (
            (
                one, f"https://s{source}.example/{one:013x}", f"source-{source:03}", phrases[a].capitalize(),
                at, at, week, at, at, LANGUAGES[language], f"{phrases[a]} {phrases[b]} {one}.",
                f"{one:032x}", f"{one:x}", "names" if language else "full", at, root,
            )
            for one, source, language, at, week, root, (a, b) in zip(
                ids, sources, languages, times, weeks, roots, picked, strict=True
            )
        )  # fmt: skip
        db.conn.executemany(
            """
            INSERT INTO articles (id, url, source_id, title, published_at, dated_at, week, date_source, first_seen_at,
                updated_at, language, text, text_hash, text_origin, entry_hash, page_state, page_attempts, tag_scope,
                tagger_version, taxonomy_version, tagged_at, story_id)
            VALUES (?, ?, ?, ?, ?, ?, ?, 'published', ?, ?, ?, ?, ?, 'feed', ?, 'none', 0, ?, '3', 'bench', ?, ?)
            """,
            rows,
        )


def _add_tags(db: Database, made: Articles, rng: np.random.Generator, size: Scale) -> None:
    kinds = [entity.kind for entity in entities(size.entities)]
    is_theme = np.array([kind == "theme" for kind in kinds])
    owners = np.repeat(np.arange(len(made.ids)), 1 + rng.poisson(TAGS_MEAN - 1, size=len(made.ids)))
    keys = np.unique(owners * size.entities + zipf(rng, size.entities, len(owners)))
    article, entity = keys // size.entities, keys % size.entities
    keep = ~(is_theme[entity] & (made.languages[article] > 0))  # themes are looked for in English only
    article, entity = article[keep], entity[keep]
    counts = 1 + rng.multinomial(size.mentions - len(article), np.full(len(article), 1 / len(article)))
    for chunk in _chunks(len(article)):
        _add_tag_chunk(db, made, rng, article[chunk], entity[chunk], counts[chunk], kinds)


def _add_tag_chunk(
    db: Database, made: Articles, rng: np.random.Generator, article: Ints, entity: Ints, counts: Ints, kinds: list[str]
) -> None:
    ids, named, times = made.ids[article].tolist(), entity.tolist(), _times(made.seconds[article])
    roles = rng.choice(len(ROLES), size=len(ids), p=ROLE_SHARES).tolist()
    about = rng.random(len(ids)).tolist()
    db.conn.executemany(
        """
        INSERT INTO article_entities (article_id, entity_id, dated_at, kind, count, salience, about, about_in_text,
            role, confidence, surfaces, evidence, best_field, best_start, best_end)
        VALUES (?, ?, ?, ?, ?, 0.5, ?, ?, ?, 0.9, ?, ?, 'text', 0, 8)
        """,
        (
            (
                one, f"entity-{n:04}", at, kinds[n], count, is_about, is_about, ROLES[role], f'["Entity {n}"]',
                f"Entity {n} ordered more of it.",
            )
            for one, n, at, count, role, is_about in zip(
                ids, named, times, counts.tolist(), roles, (int(x < 0.5) for x in about), strict=True
            )
        ),
    )  # fmt: skip
    tag = np.repeat(np.arange(len(article)), counts)
    start = (np.arange(len(tag)) * 16).tolist()  # in no order of the text, but each its own
    db.conn.executemany(
        """
        INSERT INTO mentions (article_id, field, start, "end", entity_id, surface, sent_start, sent_end, rule,
            confidence)
        VALUES (?, 'text', ?, ?, ?, ?, ?, ?, 'any', 0.9)
        """,
        (
            (one, at, at + 8, f"entity-{n:04}", f"Entity {n}", at, at + 15)
            for one, n, at in zip(made.ids[article[tag]].tolist(), entity[tag].tolist(), start, strict=True)
        ),
    )


def _add_sketches(db: Database, made: Articles, rng: np.random.Generator) -> NDArray[np.int32]:
    """Add a sketch for each article, and return their bands: random ones, but for copies."""
    bands = rng.integers(-(1 << 31), 1 << 31, size=(len(made.ids), BANDS), dtype=np.int32)
    copies = np.flatnonzero(made.roots != np.arange(len(made.ids)))
    bands[copies, :SHARED_BANDS] = bands[made.roots[copies], :SHARED_BANDS]
    bands.sort(axis=1)
    for chunk in _chunks(len(made.ids)):
        packed = bands[chunk].astype("<i4")
        db.conn.executemany(
            "INSERT INTO story_sketches (article_id, words, bands) VALUES (?, ?, ?)",
            (
                (one, words, row.tobytes())
                for one, words, row in zip(made.ids[chunk].tolist(), made.words[chunk].tolist(), packed, strict=True)
            ),
        )
    return bands


def _add_bands(db: Database, made: Articles, bands: NDArray[np.int32]) -> None:
    """Add the rows of story_bands in the order of their key, a range of bands after the other."""
    edges = np.linspace(-(1 << 31), 1 << 31, num=max(2, bands.size // (5 * CHUNK)), dtype=np.int64)
    for low, high in pairwise(edges.tolist()):
        article, column = np.nonzero((bands >= low) & (bands < high))
        keys = bands[article, column]
        order = np.lexsort((article, -made.words[article], keys))
        rows = np.stack([keys[order].astype(np.int64), made.words[article[order]], made.ids[article[order]]], axis=1)
        again = np.r_[False, (rows[1:] == rows[:-1]).all(axis=1)]
        db.conn.executemany("INSERT INTO story_bands (band, words, article_id) VALUES (?, ?, ?)", rows[~again].tolist())


def _add_stories(db: Database, made: Articles) -> None:
    publishers = np.unique(made.roots * PUBLISHERS + made.sources % PUBLISHERS) // PUBLISHERS
    roots, articles = np.unique(made.roots, return_counts=True)
    _, heard = np.unique(publishers, return_counts=True)
    last = np.zeros(len(made.ids), dtype=np.int64)
    np.maximum.at(last, made.roots, made.seconds)
    for chunk in _chunks(len(roots)):
        of = roots[chunk]
        columns = (made.ids[of].tolist(), articles[chunk].tolist(), heard[chunk].tolist())
        db.conn.executemany(
            "INSERT INTO stories (id, articles, publishers, first_at, last_at) VALUES (?, ?, ?, ?, ?)",
            zip(*columns, _times(made.seconds[of]), _times(last[of]), strict=True),
        )
    copies = np.flatnonzero(made.roots != np.arange(len(made.ids)))
    pairs = np.stack([made.ids[copies], made.ids[made.roots[copies]]], axis=1)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    db.conn.executemany("INSERT INTO story_links (article_id, other_id) VALUES (?, ?)", both.tolist())


def _add_known(db: Database, known: Iterable[Known]) -> None:
    """Add articles of a month ago with their texts, that name nothing."""
    at = NOW - timedelta(days=30)
    monday = (at - timedelta(days=at.weekday())).date()
    for n, one in enumerate(known):
        article_id = (1 << 52) + n
        db.execute(
            """
            INSERT INTO articles (id, url, source_id, title, published_at, dated_at, week, date_source, first_seen_at,
                updated_at, language, text, text_hash, text_origin, entry_hash, page_state, page_attempts, tag_scope,
                tagger_version, taxonomy_version, tagged_at, story_id)
            VALUES (:id, :url, 'source-299', :title, :at, :at, :week, 'published', :at, :at, 'en', :text, :hash, 'feed',
                :hash, 'none', 0, 'full', '3', 'bench', :at, :id)
            """,
            {
                "id": article_id, "url": f"https://s299.example/known/{n}", "title": one.title, "at": iso(at),
                "week": monday.isoformat(), "text": one.text, "hash": f"{article_id:032x}",
            },
        )  # fmt: skip
        bands = one.sketch.bands
        db.execute(
            "INSERT INTO story_sketches (article_id, words, bands) VALUES (?, ?, ?)",
            [article_id, one.sketch.words, struct.pack(f"<{len(bands)}i", *bands)],
        )
        db.conn.executemany(
            "INSERT INTO story_bands (band, words, article_id) VALUES (?, ?, ?)",
            [(band, one.sketch.words, article_id) for band in bands],
        )
        db.execute(
            "INSERT INTO stories (id, articles, publishers, first_at, last_at) VALUES (?, 1, 1, ?, ?)",
            [article_id, iso(at), iso(at)],
        )


def _add_ledger(db: Database) -> None:
    """Let every source have answered every hour of all those years."""
    first = (NOW - timedelta(days=DAYS)).date()
    days = [(first + timedelta(days=n)).isoformat() for n in range(DAYS + 1)]
    rows = [(f"source-{n:03}", day) for n in range(SOURCES) for day in days]
    db.conn.executemany("INSERT INTO coverage (source_id, day, checks, answers) VALUES (?, ?, 24, 24)", rows)
    db.conn.executemany(
        """
        INSERT INTO fetches (run_id, source_id, url, purpose, outcome, wire_bytes, elapsed_ms, entries, new, changed,
            fetched_at)
        VALUES (1, ?, 'https://s.example/feed', 'feed', 'ok', 0, 0, 0, 0, 0, ?)
        """,
        [
            (f"source-{n:03}", iso(at))
            for at in (NOW - timedelta(days=DAYS), NOW - timedelta(minutes=5))
            for n in range(SOURCES)
        ],
    )


@contextmanager
def without_indexes(db: Database) -> Iterator[None]:
    """Drop the secondary indexes, and make them again at the end, as they were."""
    found = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN"
        " ('articles', 'article_entities', 'mentions', 'stories', 'story_bands', 'story_links', 'coverage', 'fetches')"
    ).fetchall()
    for name, _ in found:
        db.execute(f"DROP INDEX {name}")
    yield
    for _, sql in found:
        db.execute(sql)


def _chunks(count: int) -> Iterator[slice]:
    for start in range(0, count, CHUNK):
        yield slice(start, start + CHUNK)


def stamp(size: Scale, known: int) -> str:
    """Return what a kept database must say to be used again: how it was made, and its schema."""
    fresh = connect(":memory:")
    schema = [row[0] for row in fresh.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")]
    return json.dumps({"version": VERSION, **asdict(size), "known": known, "schema": schema})
