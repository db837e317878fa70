"""What is new to a watch: by what its filter matches now and what it was told before, so that nothing hangs on a clock.

Which articles are looked at
    Those that are tagged: of what was there when the watch was made, those dated since its start (`filter.since`); of
    what comes later, those that come at most `LATE_DAYS` after their date, or `FIRST_DAYS` in the first answer of a
    source or out of a web archive, the rest of which is backlog. A page that is read later, or a list that has
    changed, makes an article match that did not before: it is new then.
Told once
    A story if none of its articles was told: a new copy is no news, nor another leader. A price if no article of its
    story told the same words of the same unit. A signal until it changes.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from sqlite_utils import Database

from aiwire.types import iso, parse_iso
from db.exports.cells import Cell
from db.trends.counting import (
    CATEGORY_SEGMENT_SQL,
    COUNTED_ROLES_SQL,
    DATED_SQL,
    LANGUAGE_SEGMENT_SQL,
    SIDE_SQL,
    STORY_SQL,
)
from db.watches import News, Watch, told_signals

__all__ = [
    "FIRST_DAYS",
    "LATE_DAYS",
    "Signal",
    "changed_signals",
    "fresh_news",
    "full_text_query",
    "signals",
]

FIRST_DAYS = 7  # of the first answer of a source, and of what is there when a watch is made
LATE_DAYS = 31  # between the date of an article and its coming
MAX_COPIES = 20  # of a story that are listed
MAX_ENTITIES = 5  # of a story whose evidence is quoted

_FIRST_READ_SQL = """
    SELECT fetched_at FROM fetches
    WHERE fetches.source_id = articles.source_id AND purpose IN ('feed', 'listing', 'sitemap')
        AND outcome IN ('ok', 'not-modified')
    ORDER BY fetched_at LIMIT 1
"""
# of what was loaded out of an archive: first_seen_at is when others fetched it
_LOADED_SQL = "SELECT loaded_at FROM loaded_articles WHERE article_id = articles.id"
_IN_TIME_SQL = f"""
    CASE WHEN coalesce(({_LOADED_SQL}), articles.first_seen_at) <= :begin THEN articles.dated_at >= :start
    WHEN ({_LOADED_SQL}) IS NOT NULL
        THEN articles.dated_at >= strftime('%Y-%m-%dT%H:%M:%SZ', ({_LOADED_SQL}), '-{FIRST_DAYS} days')
    ELSE articles.dated_at >= strftime('%Y-%m-%dT%H:%M:%SZ', articles.first_seen_at,
        iif(articles.first_seen_at <= ({_FIRST_READ_SQL}), '-{FIRST_DAYS} days', '-{LATE_DAYS} days')) END
"""
_ARTICLE_SQL = f"""
    articles.tagger_version IS NOT NULL AND {DATED_SQL}
    AND (:segment = 'all' OR :segment IN ({SIDE_SQL}, {LANGUAGE_SEGMENT_SQL}, {CATEGORY_SEGMENT_SQL}))
    AND {_IN_TIME_SQL}
"""
_OF_KINDS_SQL = "entities.kind IN (SELECT value FROM json_each(:kinds))"
_OF_ENTITIES_SQL = "IN (SELECT value FROM json_each(:entities))"
_TOLD_SQL = "SELECT 1 FROM watch_items WHERE watch = :watch AND watch_items.kind = '{kind}' AND key = {key}"


class _Story(NamedTuple):
    """A story that is new, and the article that stands for it: the earliest of those that match."""

    at: str
    story: int
    article: int


class _Price(NamedTuple):
    """A price that is new, and its keys in all articles of the story that match."""

    at: str
    item: dict[str, Any]
    keys: dict[str, str]


@dataclass(frozen=True, slots=True)
class Signal:
    """The verdict on an entity in the newest full week."""

    entity: str
    name: str
    kind: str
    segment: str
    week: str  # Monday
    signal: str  # rising, falling, flat or too_few
    stories: int
    share: float | None
    momentum: float | None
    momentum_lo: float | None
    momentum_hi: float | None
    q: float | None
    coverage_ok: bool
    evidence_url: str

    @property
    def key(self) -> str:
        return f"{self.entity}/{self.segment}"


def fresh_news(db: Database, watch: Watch, *, excerpt_chars: int) -> Iterator[News]:
    """Yield the stories and prices that are new to a watch, those of the earliest date first.

    All are found before the first one is yielded, so what was told may be written meanwhile.

    Args:
        excerpt_chars: quoted of a sentence, unless its source says otherwise.
    """
    what = watch.filter.what
    found = _stories(db, watch) if "stories" in what else []
    prices = _prices(db, watch, excerpt_chars) if "prices" in what else []
    told = (_story_news(db, watch, one, excerpt_chars) for one in found)
    yield from heapq.merge(told, (News("price", *one) for one in prices), key=attrgetter("at"))


def full_text_query(words: str) -> str:
    """Return the FTS5 query for all of the words of a user: nothing in them is an operator."""
    return " ".join('"' + word.replace('"', '""').replace("\0", "") + '"' for word in words.split())


# ---------------------------------------------------------------- stories


def _stories(db: Database, watch: Watch) -> list[_Story]:
    rows = db.execute(
        f"""
        WITH found(id) AS ({_matching_sql(watch)})
        SELECT articles.dated_at, {STORY_SQL}, articles.id
        FROM found CROSS JOIN articles ON articles.id = found.id CROSS JOIN sources ON sources.id = articles.source_id
        WHERE {_ARTICLE_SQL} AND NOT EXISTS (
            SELECT 1 FROM articles AS copies
            WHERE copies.story_id = articles.story_id AND EXISTS ({_told_sql("story", "CAST(copies.id AS TEXT)")})
        )
        ORDER BY articles.dated_at, articles.id
        """,
        _values(watch),
    ).fetchall()
    firsts: dict[int, _Story] = {}
    for row in rows:
        firsts.setdefault(row[1], _Story(*row))
    return list(firsts.values())


def _matching_sql(watch: Watch) -> str:
    """Return SQL for the ids of articles that match and were not told; texts and titles are not read.

    With entities their tags are read, else the articles by their date: both out of covering indexes.
    """
    said = watch.filter
    if said.entities:
        table, of, dated = "article_entities AS tags INDEXED BY article_entities_entity", "article_id", "tags.dated_at"
        conditions = [f"tags.entity_id {_OF_ENTITIES_SQL}", *_tag_conditions(watch)]
    else:
        table, of, dated = "articles INDEXED BY articles_dated", "articles.id", "articles.dated_at"
        conditions = [f"EXISTS ({_tag_sql(watch)})"] if said.kinds or said.about_only else []
    conditions += [f"{dated} >= :low", f"NOT EXISTS ({_told_sql('story', f'CAST({of} AS TEXT)')})"]
    return f"SELECT DISTINCT {of} FROM {table} WHERE {' AND '.join([*conditions, *_words(watch, of)])}"


def _tag_sql(watch: Watch) -> str:
    """Return SQL for the tags of an article by which it matches."""
    kinds = [_OF_KINDS_SQL] if watch.filter.kinds else []
    return f"""
        SELECT 1 FROM article_entities AS tags INDEXED BY article_entities_article
        CROSS JOIN entities ON entities.id = tags.entity_id
        WHERE tags.article_id = articles.id AND {" AND ".join([*kinds, *_tag_conditions(watch)])}
    """


def _tag_conditions(watch: Watch) -> list[str]:
    return [f"tags.role IN {COUNTED_ROLES_SQL}", *(["tags.about = 1"] if watch.filter.about_only else [])]


def _words(watch: Watch, article_id: str) -> list[str]:
    if not watch.filter.words:
        return []
    return [f"{article_id} IN (SELECT rowid FROM articles_fts WHERE articles_fts MATCH :words)"]


def _told_sql(kind: str, key: str) -> str:
    return _TOLD_SQL.format(kind=kind, key=key)


def _values(watch: Watch) -> dict[str, str]:
    said = watch.filter
    begin = max(said.since, watch.made_at)
    low = min(said.since, iso(parse_iso(begin) - timedelta(days=LATE_DAYS)))
    return {
        "watch": watch.name, "start": said.since, "begin": begin, "low": low, "segment": said.segment,
        "entities": json.dumps(said.entities), "kinds": json.dumps(said.kinds), "units": json.dumps(said.price_units),
        "words": full_text_query(said.words),
    }  # fmt: skip


def _story_news(db: Database, watch: Watch, found: _Story, excerpt_chars: int) -> News:
    copies = db.execute(
        """
        SELECT articles.id, articles.url, title, publisher, dated_at, excerpt_chars, owner IS NOT NULL
        FROM articles JOIN sources ON sources.id = source_id
        WHERE articles.id = :article OR story_id = :story ORDER BY dated_at, articles.id
        """,
        {"article": found.article, "story": found.story},
    ).fetchall()
    mine = next(row for row in copies if row[0] == found.article)
    _, url, title, publisher, dated_at, chars, owned = mine
    named = _evidence(db, watch, found.article)
    item = {
        "story": found.story,
        "article": found.article,
        "title": title,
        "url": url,
        "publisher": publisher,
        "owned": bool(owned),
        "dated_at": dated_at,
        "articles": len(copies),
        "publishers": sorted({row[3] for row in copies}),
        "entities": [
            {"id": entity_id, "name": name, "evidence": _excerpt(sentence, chars, excerpt_chars)}
            for entity_id, name, sentence in named
        ],
        "snippet": "" if named else _excerpt(_snippet(db, watch, found.article), chars, excerpt_chars),
        "copies": [
            {"url": row[1], "title": row[2], "publisher": row[3], "dated_at": row[4]}
            for row in copies
            if row is not mine
        ][:MAX_COPIES],
    }
    return News("story", found.at, item, {str(row[0]): "" for row in copies})


def _evidence(db: Database, watch: Watch, article: int) -> list[tuple[str, str, str]]:
    """Return id, name and evidence of the entities by which an article matches, the most salient first.

    Where a watch asks for none, those that the article is about, unless words show why it matches.
    """
    said = watch.filter
    if said.words and not (said.names_entities or said.about_only):
        return []
    conditions = _tag_conditions(watch)
    if not said.names_entities:
        conditions.append("tags.about = 1")
    if said.entities:
        conditions.append(f"tags.entity_id {_OF_ENTITIES_SQL}")
    if said.kinds:
        conditions.append(_OF_KINDS_SQL)
    rows = db.execute(
        f"""
        SELECT entities.id, entities.name, tags.evidence
        FROM article_entities AS tags JOIN entities ON entities.id = tags.entity_id
        WHERE tags.article_id = :article AND {" AND ".join(conditions)}
        ORDER BY tags.about DESC, tags.salience DESC, entities.id LIMIT {MAX_ENTITIES}
        """,
        _values(watch) | {"article": article},
    )
    return rows.fetchall()


def _snippet(db: Database, watch: Watch, article: int) -> str:
    """Return the place of the text where the words stand; "" if no words are asked for."""
    if not watch.filter.words:
        return ""
    row = db.execute(
        """
        SELECT snippet(articles_fts, -1, '', '', ' … ', 30) FROM articles_fts
        WHERE rowid = ? AND articles_fts MATCH ?
        """,
        [article, full_text_query(watch.filter.words)],
    ).fetchone()
    return "" if row is None else str(row[0])


# ---------------------------------------------------------------- prices


def _prices(db: Database, watch: Watch, excerpt_chars: int) -> list[_Price]:
    rows = db.execute(
        f"""
        WITH found(article_id, position) AS ({_quoted_sql(watch)})
        SELECT prices.dated_at, {STORY_SQL}, articles.id, articles.url, articles.title, sources.publisher,
            coalesce(accelerator, product), named.name, amount, amount_max, currency, unit, qualifier, implausible,
            quote, sentence, sources.excerpt_chars
        FROM found
        CROSS JOIN prices ON prices.article_id = found.article_id AND prices.position = found.position
        CROSS JOIN articles ON articles.id = prices.article_id
        CROSS JOIN sources ON sources.id = articles.source_id
        LEFT JOIN entities AS named ON named.id = coalesce(accelerator, product)
        WHERE {" AND ".join([*_price_conditions(watch), _ARTICLE_SQL])}
            AND NOT EXISTS (
                SELECT 1 FROM articles AS copies
                WHERE (copies.id = articles.id OR copies.story_id = articles.story_id)
                    AND EXISTS ({_told_sql("price", _price_key_sql("copies.id"))})
            )
        ORDER BY prices.dated_at, prices.article_id, prices.position
        """,
        _values(watch),
    ).fetchall()
    told: dict[tuple[int, str, str], _Price] = {}
    for at, story, article, *rest, quote, sentence, chars in rows:
        url, title, publisher, entity, name, amount, amount_max, currency, unit, qualifier, implausible = rest
        item = {
            "article": article, "title": title, "url": url, "publisher": publisher, "dated_at": at, "entity": entity,
            "name": name, "amount": amount, "amount_max": amount_max, "currency": currency, "unit": unit,
            "qualifier": qualifier, "implausible": implausible == 1, "quote": quote,
            "sentence": _excerpt(sentence, chars, excerpt_chars),
        }  # fmt: skip
        told.setdefault((story, unit, quote), _Price(at, item, {})).keys[f"{article}:{unit}:{quote}"] = ""
    return list(told.values())


def _quoted_sql(watch: Watch) -> str:
    """Return SQL for the places of prices of the watch's entities, of all if it has none, out of an index."""
    sql = "SELECT article_id, position FROM prices INDEXED BY prices_{index} WHERE dated_at >= :low"
    if not watch.filter.entities:
        return sql.format(index="dated")
    return " UNION ".join(
        f"{sql.format(index=column)} AND {column} {_OF_ENTITIES_SQL}" for column in ("accelerator", "product")
    )


def _price_key_sql(article_id: str) -> str:
    return f"{article_id} || ':' || prices.unit || ':' || prices.quote"


def _price_conditions(watch: Watch) -> list[str]:
    """Return conditions on a price, but for entities; kinds are those of what it is the price of."""
    said = watch.filter
    whose = "(prices.accelerator, prices.product)"
    conditions = _words(watch, "prices.article_id")
    if said.price_units:
        conditions.append("prices.unit IN (SELECT value FROM json_each(:units))")
    if said.kinds:
        conditions.append(f"EXISTS (SELECT 1 FROM entities WHERE entities.id IN {whose} AND {_OF_KINDS_SQL})")
    if said.about_only:
        conditions.append(
            "EXISTS (SELECT 1 FROM article_entities AS tags WHERE tags.article_id = prices.article_id"
            f" AND tags.entity_id IN {whose} AND tags.about = 1)"
        )
    return conditions


# ---------------------------------------------------------------- signals


def signals(db: Database, segment: str, *, now: datetime, base_url: str) -> list[Signal]:
    """Return the signals of the newest full week in a segment, of every entity that was named of late."""
    from db.trends.verdicts import newest_verdicts  # loads numpy

    return [
        Signal(
            one.series.entity_id,
            one.series.label,
            one.series.kind,
            segment,
            week=one.week.start.isoformat(),
            signal=one.signal,
            stories=one.stories,
            share=one.share,
            momentum=one.momentum,
            momentum_lo=one.momentum_lo,
            momentum_hi=one.momentum_hi,
            q=one.q,
            coverage_ok=one.coverage_ok,
            evidence_url=Cell(one.week, one.series.entity_id, segment).evidence_url(base_url),
        )
        for one in newest_verdicts(db, segment, now=now)
    ]


def changed_signals(db: Database, watch: Watch, found: list[Signal]) -> tuple[list[News], dict[str, str]]:
    """Return the signals that have changed as the watch wants to know it, and those that have changed otherwise."""
    said = watch.filter
    of_interest = [
        one
        for one in found
        if (not said.entities or one.entity in said.entities) and (not said.kinds or one.kind in said.kinds)
    ]
    news, unsaid = [], {}
    told = told_signals(db, watch.name)
    for one in sorted(of_interest, key=lambda one: (one.name.casefold(), one.entity)):
        before = told.get(one.key, "")
        if not is_change(before, one.signal):
            continue
        if said.signals and one.signal not in said.signals:
            unsaid[one.key] = one.signal
            continue
        news.append(News("signal", one.week, _signal_item(one, before), {one.key: one.signal}))
    return news, unsaid


def is_change(before: str, signal: str) -> bool:
    """Tell whether a signal is news after the one seen before ("": none): it rises, falls, or no longer does."""
    if signal in ("rising", "falling"):
        return signal != before
    return signal == "flat" and before in ("rising", "falling")


def _signal_item(one: Signal, before: str) -> Mapping[str, Any]:
    return {
        "entity": one.entity, "name": one.name, "kind": one.kind, "segment": one.segment, "signal": one.signal,
        "before": before, "week": one.week, "stories": one.stories, "share": one.share, "momentum": one.momentum,
        "momentum_lo": one.momentum_lo, "momentum_hi": one.momentum_hi, "q": one.q, "coverage_ok": one.coverage_ok,
        "evidence_url": one.evidence_url,
    }  # fmt: skip


def _excerpt(words: str, source_chars: int | None, setting_chars: int) -> str:
    """Return as much of a sentence as may be quoted; `…` stands for the rest."""
    allowed = setting_chars if source_chars is None else source_chars
    return words if len(words) <= allowed else words[:allowed] + "…" if allowed else ""
