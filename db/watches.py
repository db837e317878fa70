"""Watches: named filters, what each has been told, and the outbox from which it is delivered.

`write_batch` keeps what is new and that it was told in one transaction; `mark_delivered` notes each delivery that is
done. What lies between may be cut off anywhere: the batch is still there, and only what is not noted is done again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, get_args

from sqlite_utils import Database

from aiwire.types import EntityKind, iso
from db.connection import transaction

__all__ = [
    "DELIVERY_KINDS",
    "STDOUT",
    "WHAT",
    "Batch",
    "Delivery",
    "DeliveryKind",
    "News",
    "NewsKind",
    "Watch",
    "WatchFilter",
    "What",
    "add_watch",
    "all_watches",
    "items_of",
    "mark_delivered",
    "mark_looked",
    "newest_batches",
    "note_signals",
    "pending_batches",
    "pending_counts",
    "remove_watch",
    "told_signals",
    "write_batch",
]

What = Literal["stories", "prices", "signals"]
NewsKind = Literal["story", "price", "signal"]
DeliveryKind = Literal["atom", "json-file", "text-file", "command", "webhook"]
WHAT: tuple[What, ...] = get_args(What)
DELIVERY_KINDS: tuple[DeliveryKind, ...] = get_args(DeliveryKind)
STDOUT = "stdout"  # the delivery that every watch has: what was printed
LISTS: dict[NewsKind, What] = {"story": "stories", "price": "prices", "signal": "signals"}  # of a batch


@dataclass(frozen=True, slots=True)
class WatchFilter:
    """What is of interest: all that is given must fit."""

    since: str  # ISO moment: of what was there when the watch was made, nothing that is dated earlier
    entities: tuple[str, ...] = ()  # any of these; empty: whatever it names
    kinds: tuple[EntityKind, ...] = ()  # any entity of one of these; empty: of all kinds
    about_only: bool = False  # an article must be about the entity, not only name it
    segment: str = "all"  # or owned, independent, lang:xx, category:xx
    words: str = ""  # all of them must stand in title or text
    price_units: tuple[str, ...] = ()  # empty: all
    what: tuple[What, ...] = WHAT
    signals: tuple[str, ...] = ()  # told of; empty: every change

    @property
    def names_entities(self) -> bool:
        return bool(self.entities or self.kinds)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where digests go."""

    kind: DeliveryKind
    target: tuple[str, ...]  # a path, a URL, or program and arguments

    @property
    def key(self) -> str:
        """What notes that it is done; it does not repeat a target that may hold a key of its own."""
        digest = blake2b("\0".join(self.target).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
        return f"{self.kind}:{digest}"


@dataclass(frozen=True, slots=True)
class Watch:
    """A named filter, and where its news goes."""

    name: str
    filter: WatchFilter
    made_at: str  # ISO
    deliveries: tuple[Delivery, ...] = ()
    looked_at: str | None = None  # ISO; None: never


class News(NamedTuple):
    """One thing that is new to a watch."""

    kind: NewsKind
    at: str  # ISO moment or day by which it is sorted
    item: Mapping[str, Any]  # as it stands in the batch
    keys: Mapping[str, str]  # what must not be told again, each with its value: of a signal, what was told


@dataclass(frozen=True, slots=True)
class Batch:
    """What was found new at one look."""

    number: int
    watch: str
    made_at: str  # ISO
    items: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)  # by `WHAT`
    delivered: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """The same at each try, and never another batch's: a watch that is made again begins at other moments."""
        moment = self.made_at.replace("-", "").replace(":", "")
        return f"{self.watch}.{moment}.{self.number}"

    def __len__(self) -> int:
        return sum(map(len, self.items.values()))


# ---------------------------------------------------------------- watches


def all_watches(db: Database) -> list[Watch]:
    """Return the watches by name."""
    rows = db.execute("SELECT name, filter, deliveries, made_at, looked_at FROM watches ORDER BY name").fetchall()
    return [
        Watch(
            name=name,
            filter=_filter(json.loads(said)),
            deliveries=tuple(Delivery(one["kind"], tuple(one["target"])) for one in json.loads(deliveries)),
            made_at=made_at,
            looked_at=looked_at,
        )
        for name, said, deliveries, made_at, looked_at in rows
    ]


def _filter(said: Mapping[str, Any]) -> WatchFilter:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
    return WatchFilter(**values)


def add_watch(db: Database, watch: Watch) -> None:
    """Keep a new watch. Part of the caller's transaction, or one of its own.

    Raises:
        sqlite3.IntegrityError: there is one of that name.
    """
    with transaction(db):
        db.execute(
            "INSERT INTO watches (name, filter, deliveries, made_at) VALUES (?, ?, ?, ?)",
            [watch.name, json.dumps(asdict(watch.filter)), json.dumps([asdict(one) for one in watch.deliveries]),
             watch.made_at],
        )  # fmt: skip


def remove_watch(db: Database, name: str) -> None:
    """Forget a watch, what it was told, and what is still to be delivered."""
    with transaction(db):
        for table in ("watch_items", "watch_batches"):
            db.execute(f"DELETE FROM {table} WHERE watch = ?", [name])
        db.execute("DELETE FROM watches WHERE name = ?", [name])


def mark_looked(db: Database, name: str, *, now: datetime) -> None:
    """Note that a watch has looked at everything up to `now`. Part of the caller's transaction."""
    db.execute("UPDATE watches SET looked_at = ? WHERE name = ?", [iso(now), name])


# ---------------------------------------------------------------- what was told


def write_batch(db: Database, watch: str, news: Sequence[News], *, now: datetime) -> Batch:
    """Put what is new into the outbox, and note that it was told. Part of the caller's transaction."""
    items = items_of(news)
    cursor = db.execute(
        "INSERT INTO watch_batches (watch, made_at, items, delivered) VALUES (?, ?, ?, '[]')",
        [watch, iso(now), _json(items)],
    )
    number = int(cursor.lastrowid or 0)
    db.conn.executemany(
        "INSERT OR REPLACE INTO watch_items (watch, kind, key, value, batch_id) VALUES (?, ?, ?, ?, ?)",
        [(watch, one.kind, key, value, number) for one in news for key, value in one.keys.items()],
    )
    return Batch(number, watch, iso(now), items)


def items_of(news: Iterable[News]) -> dict[str, list[Mapping[str, Any]]]:
    """Return news as a batch holds it."""
    items: dict[str, list[Mapping[str, Any]]] = {what: [] for what in WHAT}
    for one in news:
        items[LISTS[one.kind]].append(one.item)
    return items


def told_signals(db: Database, watch: str) -> dict[str, str]:
    """Return the last signal of each entity in its segment (`entity/segment`) that was told of before."""
    rows = db.execute("SELECT key, value FROM watch_items WHERE watch = ? AND kind = 'signal'", [watch])
    return dict(rows.fetchall())


def note_signals(db: Database, watch: str, signals: Mapping[str, str]) -> None:
    """Note signals that have changed to one that the watch does not tell of. Part of the caller's transaction."""
    db.conn.executemany(
        "UPDATE watch_items SET value = ? WHERE watch = ? AND kind = 'signal' AND key = ?",
        [(value, watch, key) for key, value in signals.items()],
    )


# ---------------------------------------------------------------- outbox


def pending_batches(db: Database, watch: str) -> Iterator[Batch]:
    """Yield what is not delivered everywhere, the oldest first; what is yielded may be marked meanwhile."""
    after = -1
    while rows := _batches(db, "watch = ? AND done_at IS NULL AND id > ? ORDER BY id LIMIT 1", [watch, after]):
        yield from rows
        after = rows[-1].number


def pending_counts(db: Database) -> dict[str, int]:
    """Return how many batches of each watch are not delivered everywhere; those with none are left out."""
    rows = db.execute("SELECT watch, count(*) FROM watch_batches WHERE done_at IS NULL GROUP BY watch")
    return dict(rows.fetchall())


def newest_batches(db: Database, watch: str, *, items: int, up_to: int | None = None) -> list[Batch]:
    """Return the newest batches that hold so many items together, the newest first.

    Args:
        items: the last batch may go beyond it.
        up_to: number of the newest one that counts; None: all count.
    """
    found: list[Batch] = []
    before = up_to
    while sum(map(len, found)) < items:
        rows = _batches(db, "watch = ? AND (? IS NULL OR id <= ?) ORDER BY id DESC LIMIT 1", [watch, before, before])
        if not rows:
            break
        found += rows
        before = rows[0].number - 1
    return found


def _batches(db: Database, where: str, values: Sequence[Any]) -> list[Batch]:
    rows = db.execute(f"SELECT id, watch, made_at, items, delivered FROM watch_batches WHERE {where}", values)
    return [
        Batch(number, watch, made_at, json.loads(items), frozenset(json.loads(delivered)))
        for number, watch, made_at, items, delivered in rows.fetchall()
    ]


def mark_delivered(db: Database, batch: Batch, key: str, *, of: Iterable[str], now: datetime) -> Batch:
    """Note at once that a delivery is done, and with the last one that the batch is; return the batch as it is then.

    Args:
        key: of the delivery that is done.
        of: the keys of all deliveries of the watch.
    """
    delivered = batch.delivered | {key}
    is_done = delivered >= frozenset(of)
    with transaction(db):
        db.execute(
            "UPDATE watch_batches SET delivered = ?, done_at = ? WHERE id = ?",
            [_json(sorted(delivered)), iso(now) if is_done else None, batch.number],
        )
    return Batch(batch.number, batch.watch, batch.made_at, batch.items, delivered)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
