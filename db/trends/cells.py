"""Counting: what names an entity, newest first, becomes the cells of the periods and segments that it is in.

Refreshes and rebuilds count in this one way, so that they cannot differ. It is done here and not in SQL because it is
twice as quick: a tag is read once for all the periods and segments that it counts in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from sqlite_utils import Database

from db.trends.counting import CATEGORY_SEGMENT_SQL, LANGUAGE_SEGMENT_SQL, SIDE_SQL
from db.trends.periods import GRAINS, Grain, Span, span_at

__all__ = ["Key", "Plan", "Segments", "Stratum", "TagRow", "Voices", "cells", "keys_of", "span_of", "totals"]

Segments = Mapping[str, tuple[int, ...]]  # what is counted in a period, by segment


class Key(NamedTuple):
    """A period: its grain and first day (ISO)."""

    grain: Grain
    start: str


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity, which is quick: `Voices` makes each one once
class Voice:
    """Who speaks in an article, and the segments that it is in."""

    publisher: str
    is_owned: bool
    segments: tuple[str, ...]


class TagRow(NamedTuple):
    """An article that names an entity."""

    day: str  # ISO
    voice: Voice
    story: int
    about: int
    mentions: int


class Stratum(NamedTuple):
    """The tagged articles of one voice in a period."""

    voice: Voice
    is_full: int  # 1: tagged for themes, too
    stories: Collection[str]  # one per article


class Voices(dict[tuple[str, str | None], Voice]):
    """The voice of a source (id) in a language, read when it is first asked for. Holds until sources change."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db
        self._sources: dict[str, tuple[str, str, str | None]] = {}
        self._languages: dict[str | None, str] = {}

    def __missing__(self, key: tuple[str, str | None]) -> Voice:
        source_id, language = key
        publisher, side, category = self._sources.get(source_id) or self._source(source_id)
        segments = ("all", side, self._languages.get(language) or self._language(language))
        voice = self[key] = Voice(publisher, side == "owned", segments if category is None else (*segments, category))
        return voice

    def _source(self, source_id: str) -> tuple[str, str, str | None]:
        sql = f"SELECT publisher, {SIDE_SQL}, {CATEGORY_SEGMENT_SQL} FROM sources WHERE id = ?"
        publisher, side, category = self._sources[source_id] = self._db.execute(sql, [source_id]).fetchone()
        return publisher, side, category

    def _language(self, language: str | None) -> str:
        sql = f"SELECT {LANGUAGE_SEGMENT_SQL} FROM (SELECT ? AS language) AS articles"
        self._languages[language] = segment = str(self._db.execute(sql, [language]).fetchone()[0])
        return segment


@lru_cache(maxsize=4096)
def keys_of(day: str) -> tuple[Key, Key, Key]:
    """Return the day, the week and the month that hold an ISO day."""
    moment = date.fromisoformat(day)
    of_day, of_week, of_month = (Key(grain, span_at(moment, grain).start.isoformat()) for grain in GRAINS)
    return of_day, of_week, of_month


def span_of(key: Key) -> Span:
    """Return the period of a key."""
    return span_at(date.fromisoformat(key.start), key.grain)


@dataclass(frozen=True, slots=True)
class Plan:
    """Periods that are to be counted, and what must be read for that."""

    keys: frozenset[Key]
    bounds: tuple[tuple[str, str], ...]  # disjoint half-open ranges of ISO days that hold the periods, newest first

    @classmethod
    def of(cls, days: Collection[str]) -> Plan:
        """Return the plan for all periods that hold one of these ISO days."""
        keys = frozenset(key for day in days for key in keys_of(day))
        bounds: list[tuple[str, str]] = []
        for span in sorted(map(span_of, keys)):
            start, stop = span.start.isoformat(), span.stop.isoformat()
            if bounds and start <= bounds[-1][1]:
                before = bounds.pop()
                start, stop = before[0], max(before[1], stop)
            bounds.append((start, stop))
        return cls(keys, tuple(reversed(bounds)))

    def keys_of(self, day: str) -> tuple[Key, ...]:
        """Return the periods of the plan that hold an ISO day."""
        return tuple(key for key in keys_of(day) if key in self.keys)


def cells(tags: Iterable[TagRow], keys: Callable[[str], Collection[Key]]) -> Iterator[tuple[Key, Segments]]:
    """Yield what is counted of an entity in each period, in the order of `CELLS`, as soon as the period is over.

    Args:
        tags: of one entity, in the order of their days, either way round.
        keys: returns the periods that a day is counted in.
    """
    pending: dict[Key, dict[str, list[TagRow]]] = {}
    for day, of_day in groupby(tags, key=itemgetter(0)):
        wanted = keys(day)
        for key in [key for key in pending if key not in wanted]:
            yield key, _counted(pending.pop(key))
        found = [pending.setdefault(key, {}) for key in wanted]
        for tag in of_day:
            for segments in found:
                for segment in tag.voice.segments:
                    if segment in segments:
                        segments[segment].append(tag)
                    else:
                        segments[segment] = [tag]
    for key, segments in pending.items():
        yield key, _counted(segments)


def _counted(segments: Mapping[str, Collection[TagRow]]) -> Segments:
    most = segments["all"]
    counts = _cell(most)
    return {
        segment: counts if len(tags) == len(most) else _cell(tags)  # as many as there are: the same ones
        for segment, tags in segments.items()
    }


def _cell(tags: Iterable[TagRow]) -> tuple[int, ...]:
    _, voices, stories, about, mentions = zip(*tags, strict=True)
    heard = set(voices)
    return (
        len(voices),
        sum(about),
        sum([voice.is_owned for voice in voices]),
        len(set(stories)),
        len({voice.publisher for voice in heard}),
        len({voice.publisher for voice in heard if not voice.is_owned}),
        sum(mentions),
    )


def totals(strata: Iterable[Stratum]) -> Segments:
    """Return what is counted of all articles in a period, in the order of `TOTALS`."""
    segments: dict[str, list[Stratum]] = {}
    for stratum in strata:
        for segment in stratum.voice.segments:
            segments.setdefault(segment, []).append(stratum)
    return {
        segment: (*_total(found), *_total([stratum for stratum in found if stratum.is_full]))
        for segment, found in segments.items()
    }


def _total(strata: Collection[Stratum]) -> tuple[int, int, int]:
    articles = sum([len(stratum.stories) for stratum in strata])
    stories: set[str] = set().union(*(stratum.stories for stratum in strata))
    return articles, len(stories), len({stratum.voice.publisher for stratum in strata})
