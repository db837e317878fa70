"""The page of comparisons: what was asked for, and the figures of each in the last four weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from db.nearest import did_you_mean
from db.pages.entity import Signal, signal
from db.pages.entity_change import MONTH
from db.pages.refs import EntityRef
from db.pages.weeks import Calendar, Week, past_weeks, weeks
from db.queries.canned import LAST_WEEK_SQL
from db.queries.compare import ASKED_SQL, MOST_COMPARED
from db.trends.statistics import wilson

__all__ = ["Asked", "Compared", "asked", "compared", "most_named"]

NEAREST_AMONG, NEAREST_CHARS = 2_000, 60  # ids that a word is compared with, and how much of it
NAMES_OFFERED = 200

MOST_NAMED_SQL = f"""
    SELECT entities.id, entities.name, entities.kind FROM (
        SELECT entity_id FROM trends_weekly
        WHERE period_start = {LAST_WEEK_SQL} AND segment = 'all' ORDER BY articles DESC, entity_id LIMIT ?
    ) AS named
    CROSS JOIN entities ON entities.id = named.entity_id
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader gave, and what it names."""

    entities: tuple[EntityRef, ...]  # at most five, each once
    unknown: tuple[tuple[str, str], ...]  # words that name nothing, each with the nearest that does; "" if none is near
    repeated: tuple[str, ...]  # names that were given more than once
    left_out: tuple[str, ...]  # names beyond the fifth


@dataclass(frozen=True, slots=True)
class Compared:
    """One of those that are compared."""

    entity: EntityRef
    weeks: tuple[Week, ...]  # of the chart, oldest first
    voice: float | None  # its stories by the sum of the stories of all, 0..1, over the weeks of the chart
    stories: int  # of the last four weeks that are over
    total: int
    share: float | None
    lo: float | None  # 95 % interval
    hi: float | None
    voice_now: float | None  # of these weeks
    month: tuple[Week, ...]  # these weeks, oldest first; none: no week is over
    signal: Signal | None


def asked(db: Database, given: Mapping[str, str]) -> Asked:
    """Return what is compared.

    Args:
        given: entities, a list with commas; a to e, one each: ids or names.
    """
    values = {name: given.get(name, "") for name in ("entities", "a", "b", "c", "d", "e")}
    rows = db.execute(
        f"""
        WITH {ASKED_SQL}
        SELECT word, entities.id, entities.name, entities.kind
        FROM asked LEFT JOIN entities ON entities.id = asked.entity_id ORDER BY position
        """,
        values,
    ).fetchall()
    found: dict[str, EntityRef] = {}
    repeated: dict[str, str] = {}
    for _, entity_id, name, kind in rows:
        if entity_id in found:
            repeated[entity_id] = name
        elif entity_id is not None:
            found[entity_id] = EntityRef(entity_id, name, kind)
    chosen = list(found.values())
    unknown = dict.fromkeys(word for word, entity_id, *_ in rows if entity_id is None)
    return Asked(
        tuple(chosen[:MOST_COMPARED]), _with_nearest(db, tuple(unknown)[:MOST_COMPARED]), tuple(repeated.values()),
        tuple(one.name for one in chosen[MOST_COMPARED:]),
    )  # fmt: skip


def compared(db: Database, entities: Sequence[EntityRef], known: Calendar) -> tuple[Compared, ...]:
    """Return the figures of those that are compared, in the weeks of the calendar."""
    series = [weeks(db, one.id, one.kind, known) for one in entities]
    over = {period.span.start.isoformat() for period in past_weeks(known)[-MONTH:]}
    months = [tuple(week for week in values if week.start in over) for values in series]
    told = [sum(week.stories for week in values) for values in series]
    recent = [sum(week.stories for week in values) for values in months]
    found = []
    for one, values, month, stories, now in zip(entities, series, months, told, recent, strict=True):
        total = sum(week.total for week in month)
        interval = wilson(now, total)
        share, lo, hi = (now / total, float(interval.lo), float(interval.hi)) if total else (None, None, None)
        found.append(Compared(
            one, values, stories / sum(told) if sum(told) else None, now, total, share, lo, hi,
            now / sum(recent) if sum(recent) else None, month, signal(db, one.id),
        ))  # fmt: skip
    return tuple(found)


def most_named(db: Database, count: int = NAMES_OFFERED) -> tuple[EntityRef, ...]:
    """Return those that most articles of the last full week name."""
    return tuple(EntityRef(*row) for row in db.execute(MOST_NAMED_SQL, [count]))


def _with_nearest(db: Database, words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return words that name nothing with the question that names the nearest id."""
    return tuple((word, _nearest(db, word.lower().replace(" ", "-"))) for word in words)


def _nearest(db: Database, word: str) -> str:
    """Return the question that names the nearest of the ids with the same first letter: to weigh all takes too long."""
    ids = db.execute(
        f"SELECT id FROM entities WHERE id >= ? AND id < ? ORDER BY id LIMIT {NEAREST_AMONG}",
        [word[0], word[0] + "\U0010ffff"],
    )
    return did_you_mean(word[:NEAREST_CHARS], [entity_id for (entity_id,) in ids])
