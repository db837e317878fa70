"""What the page of an article shows: the article, its tags and their places, prices, story, versions, corrections."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from db.corrections import all_corrections
from db.dates import UNDATED
from db.pages.refs import EntityRef

__all__ = [
    "MOST_PLACES",
    "MOST_PRICES",
    "MOST_SIBLINGS",
    "MOST_TEXT",
    "MOST_TITLE",
    "MOST_VERSIONS",
    "Article",
    "Corrected",
    "Place",
    "PriceQuoted",
    "Published",
    "Sibling",
    "Source",
    "Story",
    "Tag",
    "Version",
    "corrected",
    "places",
    "prices",
    "published",
    "read_article",
    "story",
    "tags",
    "versions",
]

# a page has room for less, whatever is stored
MOST_TEXT = 150_000  # code points
MOST_TITLE = 500
MOST_PLACES = 5_000  # of each field
MOST_PRICES = 30
MOST_SIBLINGS = 20
MOST_VERSIONS = 20
MOST_CORRECTIONS = 20


@dataclass(frozen=True, slots=True)
class Source:
    """Who brought an article, as far as its page says so."""

    id: str
    name: str
    owner: EntityRef | None  # whose own voice it is
    category: str | None
    licence: str | None
    text_policy: str | None  # full or excerpt; None: as the site's setting says

    @property
    def publisher(self) -> str:
        """Who publishes it: its owner, else the source itself."""
        return self.owner.name if self.owner else self.name


@dataclass(frozen=True, slots=True)
class Article:
    """An article without its tags. Times are ISO 8601, UTC."""

    source: Source
    id: int
    url: str
    canonical_url: str | None
    title: str
    author: str | None
    published_at: str | None  # as stated
    dated_at: str
    date_source: str
    date_flaw: str | None  # what is wrong with the stated date
    first_seen_at: str
    updated_at: str
    language: str | None
    text: str  # the first MOST_TEXT code points
    length: int  # of the whole text, code points
    text_hash: str
    text_origin: str
    page_state: str
    paywalled: int | None  # 1: its page says so; None: the page was not read
    rights: str | None
    tag_scope: str | None
    tagger_version: str | None
    taxonomy_version: str | None
    tagged_at: str | None
    story_id: int | None


@dataclass(frozen=True, slots=True)
class Tag:
    """What an article says of one entity."""

    entity: EntityRef
    listed: bool
    count: int
    salience: float
    about: bool
    role: str
    confidence: float
    evidence: str
    correction: str | None  # added or changed by a person


@dataclass(frozen=True, slots=True)
class Place:
    """Where an article names an entity."""

    entity: EntityRef
    field: str  # title or text
    start: int  # code points
    end: int
    rule: str
    confidence: float


@dataclass(frozen=True, slots=True)
class PriceQuoted:
    """A price in an article."""

    quote: str
    of: EntityRef | None  # the product if it is named, else the accelerator's family
    unit: str
    qualifier: str | None
    sentence: str
    is_implausible: bool


@dataclass(frozen=True, slots=True)
class Sibling:
    """An article that tells the same story."""

    id: int
    url: str
    title: str
    dated_at: str
    date_source: str
    source: str
    language: str | None

    @property
    def is_undated(self) -> bool:
        """Whether its date is only when it was first seen."""
        return self.date_source in UNDATED


@dataclass(frozen=True, slots=True)
class Story:
    """A story that several articles tell; the earliest leads it."""

    siblings: tuple[Sibling, ...]  # without the article itself, the earliest first, MOST_SIBLINGS at most
    leader: Sibling | None  # None: the article itself
    articles: int
    publishers: int


@dataclass(frozen=True, slots=True)
class Version:
    """An article as it stood before."""

    version: int  # 1 is the oldest
    title: str
    text: str | None  # of the newest one alone: its first MOST_TEXT code points
    text_hash: str
    published_at: str | None
    replaced_at: str


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a person has put right."""

    kind: str
    entity: EntityRef | None
    about: bool | None
    value: str
    evidence: str
    note: str
    made_at: str


@dataclass(frozen=True, slots=True)
class Published:
    """What a public copy says of itself."""

    made_at: str
    text_policy: str  # of sources that say nothing


def read_article(db: Database, article_id: int | str) -> Article | None:
    """Return an article; None: there is none. An id may be text, as an address has it."""
    row = db.execute(
        f"""
        SELECT articles.id, articles.url, canonical_url, substr(title, 1, {MOST_TITLE}),
            substr(author, 1, {MOST_TITLE}), published_at, dated_at, date_source, date_flaw,
            first_seen_at, updated_at, articles.language, substr(text, 1, {MOST_TEXT}), length(text), text_hash,
            text_origin, page_state, paywalled, rights, tag_scope, tagger_version, taxonomy_version, tagged_at,
            story_id, sources.id, sources.name, sources.category, sources.licence,
            sources.text_policy, sources.owner, entities.name, entities.kind
        FROM articles
        JOIN sources ON sources.id = articles.source_id
        LEFT JOIN entities ON entities.id = sources.owner
        WHERE articles.id = ?
        """,
        [article_id],
    ).fetchone()
    if row is None:
        return None
    *of_article, source_id, name, category, licence, policy, owner, owner_name, owner_kind = row
    voice = None if owner is None else EntityRef(owner, owner_name or owner, owner_kind or "company")
    source = Source(source_id, name, voice, category, licence, policy)
    return Article(source, *of_article)


def tags(db: Database, article_id: int) -> tuple[Tag, ...]:
    """Return what an article names: what it is about first, then the most salient."""
    rows = db.execute(
        """
        SELECT entity_id, coalesce(unlisted_name, name), entities.kind, listed, count, salience, about, role,
            confidence, evidence, correction
        FROM article_entities JOIN entities ON entities.id = entity_id
        WHERE article_id = ?
        ORDER BY about DESC, salience DESC, entity_id
        """,
        [article_id],
    ).fetchall()
    return tuple(
        Tag(EntityRef(key, name, kind), bool(listed), count, salience, bool(about), *rest)
        for key, name, kind, listed, count, salience, about, *rest in rows
    )


def places(db: Database, article_id: int, field: str) -> tuple[Place, ...]:
    """Return where a field names what, from its beginning; MOST_PLACES at most.

    Args:
        field: title or text.
    """
    rows = db.execute(
        f"""
        SELECT entity_id, name, kind, field, start, "end", rule, confidence
        FROM mentions JOIN entities ON entities.id = entity_id
        WHERE article_id = ? AND field = ?
        ORDER BY start, "end", entity_id LIMIT {MOST_PLACES}
        """,
        [article_id, field],
    ).fetchall()
    return tuple(Place(EntityRef(*row[:3]), *row[3:]) for row in rows)


def prices(db: Database, article_id: int) -> tuple[tuple[PriceQuoted, ...], int]:
    """Return the prices of an article in their order, MOST_PRICES at most, and how many it has."""
    rows = db.execute(
        f"""
        SELECT quote, entities.id, name, kind, unit, qualifier, sentence, implausible
        FROM prices LEFT JOIN entities ON entities.id = coalesce(product, accelerator)
        WHERE article_id = ? ORDER BY position LIMIT {MOST_PRICES}
        """,
        [article_id],
    ).fetchall()
    count = db.execute("SELECT count(*) FROM prices WHERE article_id = ?", [article_id]).fetchone()[0]
    quoted = tuple(
        PriceQuoted(quote, _ref(key, name, kind), unit, qualifier, sentence, bool(implausible))
        for quote, key, name, kind, unit, qualifier, sentence, implausible in rows
    )
    return quoted, count


def story(db: Database, article: Article) -> Story | None:
    """Return the story that an article shares with others; None: it tells one of its own, or is not tagged."""
    if article.story_id is None:
        return None
    row = db.execute("SELECT articles, publishers FROM stories WHERE id = ?", [article.story_id]).fetchone()
    if row is None or row[0] < 2:
        return None
    siblings = tuple(_siblings(db, "story_id = ? AND articles.id <> ?", [article.story_id, article.id]))
    leader = None
    if article.story_id != article.id:
        leader = next(iter(_siblings(db, "articles.id = ?", [article.story_id])), None)
    return Story(siblings, leader, *row)


def _siblings(db: Database, where: str, values: list[int]) -> list[Sibling]:
    rows = db.execute(
        f"""
        SELECT articles.id, articles.url, substr(title, 1, {MOST_TITLE}), dated_at, date_source, sources.name,
            articles.language
        FROM articles JOIN sources ON sources.id = source_id
        WHERE {where} ORDER BY dated_at, articles.id LIMIT {MOST_SIBLINGS}
        """,
        values,
    ).fetchall()
    return [Sibling(*row) for row in rows]


def versions(db: Database, article_id: int) -> tuple[Version, ...]:
    """Return how an article stood before, the newest first; MOST_VERSIONS at most."""
    rows = db.execute(
        f"""
        SELECT version, substr(title, 1, {MOST_TITLE}), NULL, text_hash, published_at, replaced_at
        FROM article_versions WHERE article_id = ? ORDER BY version DESC LIMIT {MOST_VERSIONS}
        """,
        [article_id],
    ).fetchall()
    found = [Version(*row) for row in rows]
    if found:
        newest = found[0]
        (text,) = db.execute(
            f"SELECT substr(text, 1, {MOST_TEXT}) FROM article_versions WHERE article_id = ? AND version = ?",
            [article_id, newest.version],
        ).fetchone()
        found[0] = Version(
            newest.version, newest.title, text, newest.text_hash, newest.published_at, newest.replaced_at
        )
    return tuple(found)


def corrected(db: Database, url: str) -> tuple[Corrected, ...]:
    """Return what was put right in the article at a URL; MOST_CORRECTIONS at most."""
    return tuple(
        Corrected(one.kind, _entity(db, one.entity), one.about, one.value, one.evidence, one.note, one.made_at)
        for one in all_corrections(db, url=url)[:MOST_CORRECTIONS]
    )


def _entity(db: Database, entity_id: str) -> EntityRef | None:
    row = db.execute("SELECT id, name, kind FROM entities WHERE id = ?", [entity_id]).fetchone()
    return EntityRef(*row) if row else None


def _ref(key: str | None, name: str, kind: str) -> EntityRef | None:
    return None if key is None else EntityRef(key, name, kind)


def published(db: Database) -> Published | None:
    """Return what a public copy says of itself; None: it is the database itself."""
    row = db.execute("SELECT made_at, text_policy FROM published").fetchone()
    return Published(*row) if row else None
