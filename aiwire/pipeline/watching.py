"""Watches: look for what is new, and deliver it by way of an outbox.

Looking is one transaction: what is new goes into the outbox, and that it was told is noted with it. Then each delivery
of each waiting batch is made, the oldest batch first, and noted at once. Whatever is cut off, the next call delivers
what is not noted: files come out the same, commands and webhooks may get a batch twice, under the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from sqlite_utils import Database

from aiwire.pipeline.handover import FILE_KINDS
from aiwire.types import iso
from db.connection import transaction
from db.watch_news import Signal, changed_signals, fresh_news, signals
from db.watches import (
    STDOUT,
    Batch,
    Delivery,
    News,
    Watch,
    items_of,
    mark_delivered,
    mark_looked,
    note_signals,
    pending_batches,
    write_batch,
)

__all__ = ["BATCH_ITEMS", "Delivered", "Look", "deliver", "look", "mark_printed", "preview"]

BATCH_ITEMS = 500  # the most in one digest

HandOver = Callable[[Delivery, Batch], str | None]  # delivers a batch; returns what went wrong
WriteFile = Callable[[Delivery], str | None]  # writes a file anew; returns what went wrong
T = TypeVar("T")


@dataclass(slots=True)
class Look:
    """What looking needs. Signals are the same for all watches of a segment, so they are computed once."""

    now: datetime
    base_url: str  # where `aiwire serve` is reached
    excerpt_chars: int
    _signals: dict[str, list[Signal]] = field(default_factory=dict)

    def signals(self, db: Database, segment: str) -> list[Signal]:
        """Return the signals of the newest full week in a segment."""
        if segment not in self._signals:
            self._signals[segment] = signals(db, segment, now=self.now, base_url=self.base_url)
        return self._signals[segment]


class Delivered(NamedTuple):
    """What came of delivering the batches of a watch."""

    unprinted: list[Batch]  # the oldest first
    waiting: int  # batches that some delivery failed to take
    problems: list[str]


# ---------------------------------------------------------------- looking


def look(db: Database, watch: Watch, needs: Look) -> None:
    """Put what is new to a watch into its outbox.

    Raises:
        ConfigError: the segment is no longer there.
        TryLater: another program goes on writing.
    """
    with transaction(db):
        news, unsaid = _news(db, watch, needs)
        for batch in _parted(news, BATCH_ITEMS):
            write_batch(db, watch.name, _newest_first(batch), now=needs.now)
        note_signals(db, watch.name, unsaid)
        mark_looked(db, watch.name, now=needs.now)


def preview(db: Database, watch: Watch, needs: Look) -> list[Batch]:
    """Return what `look` would put into the outbox, as batches without number; nothing is written."""
    with db.atomic():
        news, _ = _news(db, watch, needs)
        return [
            Batch(0, watch.name, iso(needs.now), items_of(_newest_first(batch))) for batch in _parted(news, BATCH_ITEMS)
        ]


def _news(db: Database, watch: Watch, needs: Look) -> tuple[Iterator[News], dict[str, str]]:
    """Return what is new, the oldest first, and the signals that have changed without being news."""
    fresh = fresh_news(db, watch, excerpt_chars=needs.excerpt_chars)
    if "signals" not in watch.filter.what:
        return fresh, {}
    changed, unsaid = changed_signals(db, watch, needs.signals(db, watch.filter.segment))
    return chain(fresh, changed), unsaid


def _newest_first(news: list[News]) -> list[News]:
    return sorted(news, key=lambda one: one.at, reverse=True)


def _parted(things: Iterator[T], size: int) -> Iterator[list[T]]:
    while part := list(islice(things, size)):
        yield part


# ---------------------------------------------------------------- delivering


def deliver(db: Database, watch: Watch, hand_over: HandOver, write_file: WriteFile, *, now: datetime) -> Delivered:
    """Make the deliveries of a watch that are not noted as done.

    After a delivery has failed, the later batches wait behind it, so that it gets them in their order.
    """
    failed: dict[str, str] = {}
    unprinted: list[Batch] = []
    waiting = 0
    for batch in pending_batches(db, watch.name):
        for delivery in watch.deliveries:
            if delivery.key in batch.delivered or delivery.key in failed:
                continue
            problem = hand_over(delivery, batch)
            if problem is None:
                batch = mark_delivered(db, batch, delivery.key, of=_keys(watch), now=now)
            else:
                failed[delivery.key] = f"{delivery.kind}: {problem}"
        waiting += not batch.delivered >= _keys(watch) - {STDOUT}
        if STDOUT not in batch.delivered:
            unprinted.append(batch)
    for delivery in watch.deliveries:
        if delivery.kind in FILE_KINDS and delivery.key not in failed and not Path(delivery.target[0]).exists():
            problem = write_file(delivery)
            if problem is not None:
                failed[delivery.key] = f"{delivery.kind}: {problem}"
    return Delivered(unprinted, waiting, list(failed.values()))


def mark_printed(db: Database, watch: Watch, batches: list[Batch], *, now: datetime) -> None:
    """Note that batches were printed."""
    with transaction(db):
        for batch in batches:
            mark_delivered(db, batch, STDOUT, of=_keys(watch), now=now)


def _keys(watch: Watch) -> frozenset[str]:
    return frozenset((STDOUT, *(delivery.key for delivery in watch.deliveries)))
