"""An entity's page: what it is, what is known of its tags, its signal, what belongs to it, prices quoted for it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from db.pages.refs import EntityRef
from db.pages.weeks import Week, weeks

__all__ = ["Entity", "QuotedPrice", "Signal", "Week", "children", "entity", "prices", "signal", "weeks"]

CHILDREN = 120
ALIASES = 200
PRICES = 10


@dataclass(frozen=True, slots=True)
class Entity:
    """What the lists say of an entity."""

    id: str
    kind: str
    name: str
    category: str | None
    description: str | None
    parent: EntityRef | None
    country: str | None  # ISO 3166-1 alpha-2
    ticker: str | None
    is_listed: bool  # False: found in a text, on no list of ours
    tag_precision: float | None  # 0..1, in labelled texts
    gold_tags: int | None  # how many of its tags were judged
    aliases: tuple[str, ...]  # other ways it is written

    @property
    def ref(self) -> EntityRef:
        return EntityRef(self.id, self.name, self.kind)


@dataclass(frozen=True, slots=True)
class Signal:
    """The verdict on the newest full week."""

    word: str  # rising, falling, flat or too_few
    week: str  # Monday, ISO
    stories: int
    momentum: float | None
    lo: float | None
    hi: float | None
    q: float | None
    coverage_ok: bool


@dataclass(frozen=True, slots=True)
class QuotedPrice:
    """A price that an article names for a model or for what a company sells."""

    article_id: int
    title: str
    source: str
    dated_at: str
    amount: float
    amount_max: float | None
    currency: str
    unit: str
    qualifier: str | None
    sentence: str
    is_implausible: int  # 1: outside what the reference makes likely


def entity(db: Database, entity_id: str) -> Entity | None:
    """Return an entity; None if there is none."""
    row = db.execute(
        """
        SELECT entities.id, entities.kind, entities.name, entities.category, entities.description, parents.id,
            parents.name, parents.kind, entities.country, entities.ticker, entities.listed, entities.tag_precision,
            entities.gold_tags
        FROM entities LEFT JOIN entities AS parents ON parents.id = entities.parent
        WHERE entities.id = ?
        """,
        [entity_id],
    ).fetchone()
    if row is None:
        return None
    found, kind, name, category, description, parent_id, parent_name, parent_kind, country, ticker, *rest = row
    listed, precision, judged = rest
    aliases = [
        surface
        for (surface,) in db.execute(
            f"SELECT surface FROM aliases WHERE entity_id = ? ORDER BY surface LIMIT {ALIASES}", [entity_id]
        )
    ]
    parent = EntityRef(parent_id, parent_name, parent_kind) if parent_id is not None else None
    others = tuple(alias for alias in aliases if alias != name)
    return Entity(found, kind, name, category, description, parent, country, ticker, bool(listed), precision, judged,
                  others)  # fmt: skip


def signal(db: Database, entity_id: str) -> Signal | None:
    """Return the newest verdict on an entity; None if none was passed."""
    row = db.execute(
        """
        SELECT signal, week, stories, momentum, momentum_lo, momentum_hi, signal_q, coverage_ok FROM entity_signals
        WHERE entity_id = ?
        """,
        [entity_id],
    ).fetchone()
    if row is None:
        return None
    word, week, stories, momentum, lo, hi, q, coverage_ok = row
    return Signal(word, week, stories, momentum, lo, hi, q, bool(coverage_ok))


def children(db: Database, entity_id: str) -> tuple[EntityRef, ...]:
    """Return what belongs to a company, by kind and name: what it makes, what it owns."""
    rows = db.execute(
        f"SELECT id, name, kind FROM entities WHERE parent = ? ORDER BY kind, name LIMIT {CHILDREN}", [entity_id]
    )
    return tuple(EntityRef(*row) for row in rows)


def prices(db: Database, entity_id: str) -> tuple[QuotedPrice, ...]:
    """Return the newest prices that articles quote for a model or company."""
    rows = db.execute(
        f"""
        SELECT articles.id, articles.title, sources.name, prices.dated_at, amount, amount_max, currency, unit,
            qualifier, sentence, coalesce(implausible, 0)
        FROM prices
        CROSS JOIN articles ON articles.id = prices.article_id
        JOIN sources ON sources.id = articles.source_id
        WHERE prices.product = ?
        ORDER BY prices.dated_at DESC, prices.article_id LIMIT {PRICES}
        """,
        [entity_id],
    )
    return tuple(QuotedPrice(*row) for row in rows)
