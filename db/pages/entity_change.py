"""What changed about an entity since last month, and what is named together with it, by how much more than chance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from sqlite_utils import Database

from db.exports.cooccurrence import association
from db.pages.refs import EntityRef
from db.pages.weeks import Calendar, Week, full_weeks, past_weeks
from db.trends.counting import COUNTED_ROLES_SQL, DATED_SQL, STORY_SQL
from db.trends.statistics import momentum, wilson

__all__ = ["MONTH", "Beside", "Change", "Month", "NewSource", "Pairs", "change", "pairs"]

MONTH = 4  # weeks
PER_KIND, MOST_BESIDE = 5, 12
NEW_PAIRS, NEW_SOURCES = 8, 8
LEAST_STORIES = 2  # in common: one proves nothing
NEW_WEEKS = 26  # before the last four: a pair is new if none of them has it
EARLIER_TAGS = 2_000  # before the eight weeks, in which a source is looked for
EARLIER_ARTICLES = 20  # of a source before the eight weeks: with fewer, "for the first time" says nothing

_SUMMED_SQL = """beside AS (
        SELECT entity_b AS other, stories FROM json_each(:weeks)
        CROSS JOIN cooccurrence_weekly ON period_start = json_each.value AND entity_a = :entity_id
        UNION ALL
        SELECT entity_a, stories FROM json_each(:weeks)
        CROSS JOIN cooccurrence_weekly INDEXED BY cooccurrence_weekly_b
            ON entity_b = :entity_id AND period_start = json_each.value
    ), summed AS (
        SELECT other, sum(stories) AS stories FROM beside GROUP BY other HAVING sum(stories) >= :least
    )"""
PAIRS_SQL = f"""
    WITH {_SUMMED_SQL}, ranked AS (
        SELECT entities.id, entities.name, entities.kind, summed.stories,
            row_number() OVER (PARTITION BY entities.kind ORDER BY summed.stories DESC, entities.id) AS place
        FROM summed CROSS JOIN entities ON entities.id = summed.other
    )
    SELECT id, name, kind, stories FROM ranked WHERE place <= {PER_KIND}
    ORDER BY stories DESC, id LIMIT {MOST_BESIDE}
"""
NEW_PAIRS_SQL = f"""
    WITH before AS MATERIALIZED (SELECT value AS start FROM json_each(:before)), {_SUMMED_SQL}, fresh AS (
        SELECT other, stories FROM summed
        WHERE NOT EXISTS (
            SELECT 1 FROM before CROSS JOIN cooccurrence_weekly ON period_start = before.start
                AND entity_a = min(:entity_id, other) AND entity_b = max(:entity_id, other)
        )
        ORDER BY stories DESC, other LIMIT {NEW_PAIRS}
    )
    SELECT entities.id, entities.name, entities.kind, fresh.stories
    FROM fresh CROSS JOIN entities ON entities.id = fresh.other
    ORDER BY fresh.stories DESC, fresh.other
"""
STORIES_SQL = """
    SELECT trends_weekly.entity_id, sum(stories) FROM json_each(:entities) AS some
    CROSS JOIN json_each(:weeks) AS chosen
    CROSS JOIN trends_weekly ON trends_weekly.entity_id = some.value AND segment = 'all'
        AND period_start = chosen.value
    GROUP BY trends_weekly.entity_id
"""
# of one entity, in the articles that were tagged for themes; a story counts once a week, as in the rollups
STORIES_FULL_SQL = f"""
    SELECT sum(stories) FROM (
        SELECT count(DISTINCT {STORY_SQL}) AS stories FROM json_each(:weeks)
        CROSS JOIN article_entities ON article_entities.entity_id = :entity_id
            AND article_entities.dated_at >= json_each.value
            AND article_entities.dated_at < date(json_each.value, '+7 days')
        CROSS JOIN articles INDEXED BY articles_dated
            ON articles.dated_at = article_entities.dated_at AND articles.id = article_entities.article_id
        WHERE article_entities.role IN {COUNTED_ROLES_SQL} AND {DATED_SQL} AND articles.tag_scope = 'full'
        GROUP BY json_each.key
    )
"""
TOTALS_SQL = """
    SELECT sum(stories_total), sum(stories_full) FROM json_each(:weeks)
    CROSS JOIN period_totals ON grain = 'week' AND period_start = json_each.value AND segment = 'all'
"""
# by date: the articles of a few weeks lie together there, those of an id anywhere
SOURCES_SQL = f"""
    SELECT articles.source_id, count(*) FILTER (WHERE article_entities.dated_at >= :middle),
        count(*) FILTER (WHERE article_entities.dated_at < :middle)
    FROM article_entities
    CROSS JOIN articles INDEXED BY articles_dated
        ON articles.dated_at = article_entities.dated_at AND articles.id = article_entities.article_id
    WHERE article_entities.entity_id = :entity_id AND article_entities.dated_at >= :since
        AND article_entities.dated_at < :stop AND role IN {COUNTED_ROLES_SQL} AND {DATED_SQL}
    GROUP BY articles.source_id
"""
EARLIER_SQL = f"""
    SELECT articles.source_id, count(*) FROM (
        SELECT article_id, dated_at FROM article_entities WHERE entity_id = :entity_id AND dated_at < :since
        ORDER BY dated_at DESC, article_id LIMIT {EARLIER_TAGS}
    ) AS picked
    CROSS JOIN articles INDEXED BY articles_dated
        ON articles.dated_at = picked.dated_at AND articles.id = picked.article_id
    GROUP BY articles.source_id
"""

KNOWN_SQL = f"""
    SELECT count(*) FROM (
        SELECT 1 FROM articles INDEXED BY articles_source_dated
        WHERE source_id = ? AND dated_at < ? AND {DATED_SQL} LIMIT {EARLIER_ARTICLES}
    )
"""


@dataclass(frozen=True, slots=True)
class Beside:
    """What is named together with an entity."""

    entity: EntityRef
    stories: int  # that name both
    lift: float | None  # how many times as many as chance would bring
    lo: float | None  # 95 % interval
    hi: float | None


@dataclass(frozen=True, slots=True)
class Pairs:
    """What is named together with an entity in some weeks, by kind."""

    since: str  # Monday, ISO
    until: str  # the last day
    weeks: int
    is_full: bool  # False: nobody looked at these weeks from their beginning
    beside: tuple[Beside, ...]  # the most stories first, of each kind a few


@dataclass(frozen=True, slots=True)
class Month:
    """Four weeks of an entity."""

    since: str
    until: str  # the last day
    stories: int
    articles: int
    total: int
    share: float | None
    lo: float | None
    hi: float | None
    publishers: int  # families of sources
    independent: int  # of these, with an article that is in no vendor's own voice
    coverage_ok: bool


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source that names an entity for the first time as far as it was looked back, and that is long known here."""

    id: str
    name: str
    articles: int


@dataclass(frozen=True, slots=True)
class Change:
    """The last four full weeks against the four before."""

    now: Month
    before: Month
    momentum: float  # share by share
    lo: float
    hi: float
    new_pairs: tuple[tuple[EntityRef, int], ...]  # named together in so many stories, and in no week before
    pair_weeks: int  # how many weeks were looked at for that
    new_sources: tuple[NewSource, ...]
    looked_back: int | None  # articles before the eight weeks that were looked at; None: all there are


def pairs(db: Database, entity_id: str, kind: str, known: Calendar) -> Pairs | None:
    """Return what is named together with an entity in the last four weeks; None if no week is over."""
    chosen = past_weeks(known)[-MONTH:]
    if not chosen:
        return None
    starts = [period.span.start.isoformat() for period in chosen]
    values = {"entity_id": entity_id, "weeks": json.dumps(starts), "least": LEAST_STORIES}
    picked = [(EntityRef(*row[:3]), int(row[3])) for row in db.execute(PAIRS_SQL, values)]
    beside = _lifted(db, EntityRef(entity_id, "", kind), picked, starts)
    is_full = not any(period.is_partial for period in chosen)
    return Pairs(starts[0], chosen[-1].span.end.isoformat(), len(chosen), is_full, beside)


def change(db: Database, entity_id: str, values: Sequence[Week], known: Calendar) -> Change | None:
    """Return what changed in the last four full weeks; None if there are no eight full weeks.

    Args:
        values: of the entity, in the weeks of `known`.
    """
    chosen = full_weeks(known)[-2 * MONTH :]
    if len(chosen) < 2 * MONTH:
        return None
    starts = [period.span.start.isoformat() for period in chosen]
    middle, stop = starts[MONTH], chosen[-1].span.stop.isoformat()
    sources = db.execute(
        SOURCES_SQL, {"entity_id": entity_id, "since": starts[0], "middle": middle, "stop": stop}
    ).fetchall()
    told = {row[0]: row[1:] for row in db.execute("SELECT id, name, publisher, owner FROM sources")}
    by_start = {week.start: week for week in values}
    now, before = (
        _month([by_start[start] for start in part], {row[0] for row in sources if row[column]}, told)
        for column, part in ((1, starts[MONTH:]), (2, starts[:MONTH]))
    )
    ratio = momentum(now.stories, now.total, before.stories, before.total)
    earlier = dict(db.execute(EARLIER_SQL, {"entity_id": entity_id, "since": starts[0]}).fetchall())
    looked = sum(earlier.values())
    fresh = sorted((-late, told[source][0], source) for source, late, early in sources
                   if late and not early and source not in earlier and _is_known(db, source, starts[0]))  # fmt: skip
    new_pairs, pair_weeks = _new_pairs(db, entity_id, starts[MONTH:], known)
    return Change(
        now, before, float(ratio.value), float(ratio.lo), float(ratio.hi), new_pairs, pair_weeks,
        tuple(NewSource(source, name, -late) for late, name, source in fresh[:NEW_SOURCES]),
        looked if looked == EARLIER_TAGS else None,
    )  # fmt: skip


def _is_known(db: Database, source_id: str, day: str) -> bool:
    """Tell whether enough is stored of a source from before a day to say what it did not write of then."""
    (count,) = db.execute(KNOWN_SQL, [source_id, day]).fetchone()
    return int(count) >= EARLIER_ARTICLES


def _month(values: Sequence[Week], sources: set[str], told: Mapping[str, tuple[str, str, str | None]]) -> Month:
    stories, total = sum(week.stories for week in values), sum(week.total for week in values)
    interval = wilson(stories, total)
    share, lo, hi = (stories / total, float(interval.lo), float(interval.hi)) if total else (None, None, None)
    return Month(
        values[0].start, (date.fromisoformat(values[-1].start) + timedelta(days=6)).isoformat(), stories,
        sum(week.articles for week in values), total, share, lo, hi,
        len({told[source][1] for source in sources}),
        len({told[source][1] for source in sources if told[source][2] is None}),
        all(week.coverage_ok for week in values),
    )  # fmt: skip


def _new_pairs(
    db: Database, entity_id: str, starts: Sequence[str], known: Calendar
) -> tuple[tuple[tuple[EntityRef, int], ...], int]:
    """Return what is newly named together with an entity, in how many stories, and in how many weeks before not."""
    weeks = [start for period in known.periods if (start := period.span.start.isoformat()) < starts[0]][-NEW_WEEKS:]
    values = {"entity_id": entity_id, "weeks": json.dumps(starts), "before": json.dumps(weeks), "least": LEAST_STORIES}
    rows = db.execute(NEW_PAIRS_SQL, values)
    return tuple((EntityRef(*row[:3]), int(row[3])) for row in rows), len(weeks)


def _lifted(
    db: Database, own: EntityRef, picked: Sequence[tuple[EntityRef, int]], starts: Sequence[str]
) -> tuple[Beside, ...]:
    """Return pairs with how much more often than by chance they are named together. With a theme in a pair, all its
    counts are of articles tagged for themes."""
    if not picked:
        return ()
    total, full = db.execute(TOTALS_SQL, {"weeks": json.dumps(starts)}).fetchone()
    ids = [own.id, *(other.id for other, _ in picked)]
    named = dict(db.execute(STORIES_SQL, {"entities": json.dumps(ids), "weeks": json.dumps(starts)}).fetchall())
    with_theme = [own.kind == "theme" or other.kind == "theme" for other, _ in picked]
    fitting = {
        one.id: _stories_full(db, one, starts, named) if full != total else named.get(one.id, 0)
        for one in _needed([own, *(other for other, _ in picked)], with_theme)
    }
    of_own = np.array([(fitting if theme else named).get(own.id, 0) for theme in with_theme])
    of_other = np.array(
        [(fitting if theme else named).get(other.id, 0) for (other, _), theme in zip(picked, with_theme, strict=True)]
    )
    totals = np.array([full if theme else total for theme in with_theme])
    # an article that was corrected since may leave a pair without its ends
    found = association(np.array([stories for _, stories in picked]), np.maximum(of_own, 1), np.maximum(of_other, 1),
                        np.maximum(totals, 1))  # fmt: skip
    return tuple(
        Beside(other, stories, float(lift), float(lo), float(hi))
        for (other, stories), lift, lo, hi in zip(
            picked, found["lift"], found["lift_lo"], found["lift_hi"], strict=True
        )
    )


def _needed(ends: Sequence[EntityRef], with_theme: Sequence[bool]) -> list[EntityRef]:
    """Return the ends of pairs with a theme."""
    own, *others = ends
    chosen = [other for other, theme in zip(others, with_theme, strict=True) if theme]
    return [own, *chosen] if chosen else []


def _stories_full(db: Database, one: EntityRef, starts: Sequence[str], named: Mapping[str, int]) -> int:
    if one.kind == "theme":  # is looked for nowhere else
        return named.get(one.id, 0)
    (stories,) = db.execute(STORIES_FULL_SQL, {"entity_id": one.id, "weeks": json.dumps(starts)}).fetchone()
    return int(stories or 0)
