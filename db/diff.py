"""What a retag changes: the tags and prices of articles before and after, compared. Pure but for `tag_rows`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlite_utils import Database

from db.connection import transaction

__all__ = ["Change", "Rows", "TagRow", "What", "changes", "rehearsal", "tag_rows"]

What = Literal[
    "gained",  # an article has the tag now
    "lost",
    "about-gained",  # an article is about it now, whether it had the tag or not
    "about-lost",
    "evidence",  # the tag stays and another sentence proves it
    "price-added",
    "price-removed",
    "price-changed",  # it stands at the same place, and something about it is told otherwise
]
_NOT_COMPARED = ("article_id", "position", "dated_at")  # of prices: where they stand is compared


class TagRow(NamedTuple):
    """A tag of an article."""

    name: str
    kind: str
    about: bool
    evidence: str


Price = dict[str, Any]  # columns of `prices`
_Place = tuple[int, str, int, int, int]  # article, field, start, end, and number among those at the same place


@dataclass(frozen=True, slots=True)
class Rows:
    """The tags and prices of some articles."""

    articles: Mapping[int, tuple[str, str]]  # URL and title
    tags: Mapping[tuple[int, str], TagRow]  # by article and entity
    prices: Mapping[_Place, Price]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is otherwise in one article."""

    what: What
    entity: str | None  # id; of a price: accelerator or product, if it has one
    name: str | None  # of the entity
    kind: str | None
    article_id: int
    url: str
    title: str
    sentence: str  # that proves the tag (if it is lost, proved it), or holds the price
    quote: str | None = None  # of a price


def tag_rows(db: Database, article_ids: Sequence[int]) -> Rows:
    """Return the tags and prices of articles as they are stored."""
    ids = json.dumps(list(article_ids))
    articles = db.execute(
        "SELECT id, url, title FROM articles WHERE id IN (SELECT value FROM json_each(?))", [ids]
    ).fetchall()
    tags = db.execute(
        """
        SELECT article_id, entity_id, entities.name, tags.kind, about, evidence
        FROM article_entities AS tags JOIN entities ON entities.id = entity_id
        WHERE article_id IN (SELECT value FROM json_each(?)) ORDER BY article_id, entity_id
        """,
        [ids],
    ).fetchall()
    prices = db.query(
        "SELECT * FROM prices WHERE article_id IN (SELECT value FROM json_each(?)) ORDER BY article_id, position", [ids]
    )
    return Rows(
        {article_id: (url, title) for article_id, url, title in articles},
        {(row[0], row[1]): TagRow(row[2], row[3], bool(row[4]), row[5]) for row in tags},
        _placed(prices),
    )


def _placed(prices: Iterator[Price]) -> dict[_Place, Price]:
    seen: Counter[tuple[int, str, int, int]] = Counter()
    placed = {}
    for price in prices:
        place = (price["article_id"], price["field"], price["start"], price["end"])
        placed[*place, seen[place]] = price
        seen[place] += 1
    return placed


def changes(before: Rows, after: Rows) -> Iterator[Change]:
    """Yield what is otherwise in the articles of `after`, by article and entity; prices last."""
    for key in sorted(before.tags.keys() | after.tags.keys()):
        old, new = before.tags.get(key), after.tags.get(key)
        row = new or old
        if row is not None and old != new:
            article_id, entity = key
            for changed in _of_tag(old, new):
                yield Change(changed, entity, row.name, row.kind, article_id, *after.articles[article_id], row.evidence)
    for place in sorted(before.prices.keys() | after.prices.keys()):
        was, now = before.prices.get(place), after.prices.get(place)
        price = now or was
        if price is not None and _told(was) != _told(now):
            what: What = "price-added" if was is None else "price-removed" if now is None else "price-changed"
            of = price["accelerator"] or price["product"]
            article_id = price["article_id"]
            yield Change(
                what, of, None, None, article_id, *after.articles[article_id], price["sentence"], price["quote"]
            )


def _of_tag(old: TagRow | None, new: TagRow | None) -> Iterator[What]:
    if old is None:
        yield "gained"
    if new is None:
        yield "lost"
    was, now = old is not None and old.about, new is not None and new.about
    if was != now:
        yield "about-gained" if now else "about-lost"
    if old is not None and new is not None and old.evidence != new.evidence:
        yield "evidence"


def _told(price: Price | None) -> Price | None:
    return price and {column: value for column, value in price.items() if column not in _NOT_COMPARED}


class _Undo(Exception):
    """Ends a rehearsal."""


@contextmanager
def rehearsal(db: Database) -> Iterator[None]:
    """Do what is inside in one transaction and undo it at the end: what it writes is seen inside only.

    Raises:
        TryLater: another program is writing.
    """
    with suppress(_Undo), transaction(db):
        yield
        raise _Undo
