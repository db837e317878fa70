"""The first page: newest stories, who is most in the news, what rose and fell, and how fresh all of it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlite_utils import Database

from aiwire.types import iso
from db.pages.chips import NONE, chips_of
from db.pages.excerpts import is_echo
from db.pages.refs import ArticleRef, EntityRef
from db.trends.periods import Span, span_at
from db.trends.query import Vintage
from db.trends.vintage import ANSWERS_SQL, is_partial

__all__ = [
    "KINDS", "SHOWN_WEEKS", "TOP_WEEKS", "Freshness", "Leader", "Mover", "Story", "Verdicts", "Window", "freshness",
    "is_empty", "is_ours", "leaders", "movers", "stories", "verdicts", "window",
]  # fmt: skip

STORIES = 15
PASSED = 5_000  # stories that are looked through for those with a date
TOP, TOP_WEEKS, SHOWN_WEEKS = 8, 4, 26
MOVERS = 8
JUDGED_FROM = 8  # full weeks: four are compared with the four before (db.trends.signals)
KINDS = ("company", "accelerator", "theme")
EXCERPT_CHARS = 220
TABLES = ("articles", "stories", "period_totals", "trends_weekly", "entity_signals", "published")

# the leader of each story; looked through no further than PASSED, if a first answer brought that many undated ones
STORIES_SQL = f"""
    WITH recent AS (
        SELECT id, articles, publishers FROM stories INDEXED BY stories_newest WHERE first_at <= :now
        ORDER BY first_at DESC, id LIMIT {PASSED}
    )
    SELECT articles.id, articles.title, articles.url, articles.dated_at, articles.date_source, sources.name,
        articles.source_id, articles.language, substr(articles.text, 1, {EXCERPT_CHARS + 1}), recent.articles,
        recent.publishers
    FROM recent
    CROSS JOIN articles ON articles.id = recent.id
    CROSS JOIN sources ON sources.id = articles.source_id
    WHERE articles.date_source <> 'backlog'
    LIMIT {STORIES}
"""

# not tagged yet: no stories
ARTICLES_SQL = f"""
    SELECT articles.id, articles.title, articles.url, articles.dated_at, articles.date_source, sources.name,
        articles.source_id, articles.language, substr(articles.text, 1, {EXCERPT_CHARS + 1}), 1, 1
    FROM articles INDEXED BY articles_dated
    CROSS JOIN sources ON sources.id = articles.source_id
    WHERE articles.dated_at <= :now
    ORDER BY articles.dated_at DESC, articles.id LIMIT {STORIES}
"""

TOTALS_SQL = """
    SELECT period_start, stories_total, stories_full FROM period_totals
    WHERE grain = 'week' AND segment = 'all' AND period_start <= ? ORDER BY period_start DESC LIMIT ?
"""

LEADERS_SQL = """
    WITH named AS (
        SELECT entity_id, sum(stories) AS stories, sum(articles) AS articles
        FROM json_each(:weeks) AS asked
        CROSS JOIN trends_weekly ON trends_weekly.period_start = asked.value AND trends_weekly.segment = 'all'
        GROUP BY entity_id
    ), ranked AS (
        SELECT named.*, entities.name, entities.kind,
            row_number() OVER (PARTITION BY entities.kind ORDER BY stories DESC, articles DESC, entities.id) AS place
        FROM named CROSS JOIN entities ON entities.id = named.entity_id
        WHERE entities.listed = 1 AND entities.kind IN (SELECT value FROM json_each(:kinds))
    )
    SELECT ranked.entity_id, ranked.name, ranked.kind, ranked.stories, entity_signals.signal
    FROM ranked LEFT JOIN entity_signals ON entity_signals.entity_id = ranked.entity_id
    WHERE place <= :top ORDER BY ranked.kind, place
"""

TREND_SQL = """
    SELECT asked.value, trends_weekly.period_start, trends_weekly.stories
    FROM json_each(?) AS asked
    CROSS JOIN trends_weekly ON trends_weekly.entity_id = asked.value AND segment = 'all' AND period_start >= ?
"""

MOVERS_SQL = f"""
    SELECT entities.id, entities.name, entities.kind, signals.week, signals.stories, signals.momentum,
        signals.momentum_lo, signals.momentum_hi, signals.signal_q, signals.coverage_ok
    FROM entity_signals AS signals
    CROSS JOIN entities ON entities.id = signals.entity_id
    WHERE signals.signal = ? ORDER BY signals.signal_q, signals.stories DESC, entities.id LIMIT {MOVERS}
"""


@dataclass(frozen=True, slots=True)
class Story:
    """A story by the article that leads it: the earliest."""

    article: ArticleRef
    publishers: int  # families of sources that tell it


@dataclass(frozen=True, slots=True)
class ShownWeek:
    """A week as far as its counts can be trusted."""

    start: str  # Monday, ISO
    total: int  # stories
    full: int  # stories tagged for themes
    is_partial: bool  # not over, not looked at to its end, or not from its beginning


@dataclass(frozen=True, slots=True)
class Window:
    """The weeks of the lists: all that are drawn, oldest first, and the newest past ones, which rank."""

    shown: tuple[ShownWeek, ...]
    ranking: tuple[ShownWeek, ...]


@dataclass(frozen=True, slots=True)
class Leader:
    """One that is much in the news."""

    entity: EntityRef
    stories: int  # of the ranking weeks
    total: int  # stories of the ranking weeks; of a theme, those tagged for themes
    share: float | None  # the one divided by the other, 0..1; None: there were none
    shares: tuple[float | None, ...]  # of each shown week
    signal: str | None  # None: no verdict yet


@dataclass(frozen=True, slots=True)
class Mover:
    """One that rises or falls."""

    entity: EntityRef
    week: str  # Monday, ISO
    stories: int  # of that week
    momentum: float | None
    lo: float | None  # 95 % interval
    hi: float | None
    q: float | None
    coverage_ok: bool


@dataclass(frozen=True, slots=True)
class Verdicts:
    """When names were judged, or can be."""

    week: str | None  # the judged one, its Monday; None: no week is full yet
    since: str | None  # first good answer of a source, ISO; None: there was none
    possible_from: str | None  # day from which a name can be rising or falling; None: not known yet

    @property
    def is_possible(self) -> bool:
        """Whether the judged week is late enough for a name to be rising or falling."""
        if self.week is None or self.possible_from is None:
            return False
        return (date.fromisoformat(self.week) + timedelta(weeks=1)).isoformat() >= self.possible_from


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh and how large all of it is."""

    read_at: str | None  # last good answer of a source, ISO; None: none is known
    published_at: str | None  # of a public copy: when it was made
    sources: int  # that are read
    articles: int  # tagged and dated


def is_ours(db: Database) -> bool:
    """Tell whether this is a database of ours, new enough for the page."""
    sql = f"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN {TABLES}"
    return bool(db.execute(sql).fetchone()[0] == len(TABLES))


def is_empty(db: Database) -> bool:
    """Tell whether there is no article yet."""
    return db.execute("SELECT 1 FROM articles LIMIT 1").fetchone() is None


def stories(db: Database, now: datetime) -> tuple[Story, ...]:
    """Return the newest stories, none from the future, none whose date nobody knows; untagged articles if none is."""
    rows = db.execute(STORIES_SQL, {"now": iso(now)}).fetchall()
    rows = rows or db.execute(ARTICLES_SQL, {"now": iso(now)}).fetchall()
    chips = chips_of(db, [row[0] for row in rows])
    found = []
    for article_id, title, url, dated_at, date_source, source, source_id, language, text, copies, publishers in rows:
        tags = chips.get(article_id, NONE)
        article = ArticleRef(
            article_id, title, url, dated_at, date_source, source, source_id, language,
            _excerpt(title, tags.evidence, text), copies, tags.entities,
        )  # fmt: skip
        found.append(Story(article, publishers))
    return tuple(found)


def _excerpt(title: str, *texts: str) -> str:
    """Return the first of the texts that says more than the title."""
    words = next((text for text in texts if not is_echo(title, text[:EXCERPT_CHARS])), "")
    if len(words) <= EXCERPT_CHARS:
        return words
    return words[:EXCERPT_CHARS].rsplit(maxsplit=1)[0] + " …"


def window(db: Database, now: datetime) -> Window:
    """Return the weeks of the lists: a week is past if a source answered after its end."""
    first, last = db.execute(ANSWERS_SQL).fetchone()
    vintage = Vintage("", "", iso(now), first or "", last or "")
    this = span_at(now.date(), "week").start.isoformat()  # later ones are of articles with dates to come
    totals = {row[0]: (row[1], row[2]) for row in db.execute(TOTALS_SQL, [this, SHOWN_WEEKS]).fetchall()}
    if not totals:
        return Window((), ())
    newest = date.fromisoformat(max(totals))
    spans = [span_at(newest - timedelta(weeks=back), "week") for back in range(SHOWN_WEEKS - 1, -1, -1)]
    shown = tuple(
        _shown(span, totals.get(span.start.isoformat(), (0, 0)), vintage)
        for span in spans
        if span.start.isoformat() >= min(totals)
    )
    stop = (last or iso(now))[:10]
    past = [week for week in shown if (date.fromisoformat(week.start) + timedelta(weeks=1)).isoformat() <= stop]
    return Window(shown, tuple((past or shown)[-TOP_WEEKS:]))


def _shown(span: Span, totals: tuple[int, int], vintage: Vintage) -> ShownWeek:
    return ShownWeek(span.start.isoformat(), *totals, is_partial(span, vintage))


def leaders(
    db: Database, weeks: Window, kinds: Sequence[str] = KINDS, *, top: int = TOP
) -> dict[str, tuple[Leader, ...]]:
    """Return those that most stories of the ranking weeks name, by kind, at most `top` of each."""
    starts = json.dumps([week.start for week in weeks.ranking])
    rows = db.execute(LEADERS_SQL, {"weeks": starts, "kinds": json.dumps(kinds), "top": top}).fetchall()
    trends: dict[str, dict[str, int]] = {row[0]: {} for row in rows}
    if rows:
        for entity_id, start, count in db.execute(TREND_SQL, [json.dumps(list(trends)), weeks.shown[0].start]):
            trends[entity_id][start] = count
    found: dict[str, tuple[Leader, ...]] = dict.fromkeys(kinds, ())
    for entity_id, name, kind, count, signal in rows:
        shares = tuple(_share(trends[entity_id].get(week.start, 0), [week], kind) for week in weeks.shown)
        ref = EntityRef(entity_id, name, kind)
        total = _total(weeks.ranking, kind)
        found[kind] += (Leader(ref, count, total, count / total if total else None, shares, signal),)
    return found


def _share(count: int, weeks: Sequence[ShownWeek], kind: str) -> float | None:
    total = _total(weeks, kind)
    return count / total if total else None


def _total(weeks: Sequence[ShownWeek], kind: str) -> int:
    return sum(week.full if kind == "theme" else week.total for week in weeks)


def movers(db: Database, signal: str) -> tuple[Mover, ...]:
    """Return those with a signal, rising or falling, the surest first."""
    rows = db.execute(MOVERS_SQL, [signal]).fetchall()
    return tuple(
        Mover(EntityRef(entity_id, name, kind), week, count, momentum, lo, hi, q, bool(coverage_ok))
        for entity_id, name, kind, week, count, momentum, lo, hi, q, coverage_ok in rows
    )


def verdicts(db: Database) -> Verdicts:
    """Return the week that is judged, and when there can be verdicts."""
    row = db.execute("SELECT week FROM entity_signals LIMIT 1").fetchone()
    since, _ = db.execute(ANSWERS_SQL).fetchone()
    (first,) = db.execute(
        "SELECT min(period_start) FROM period_totals WHERE grain = 'week' AND segment = 'all'"
    ).fetchone()
    return Verdicts(None if row is None else str(row[0]), since, _judged_from(since, first))


def _judged_from(since: str | None, first: str | None) -> str | None:
    """Return the day on which enough weeks are over that were looked at from their beginning on. Pure.

    Args:
        since: first good answer of a source, ISO.
        first: week of the first tagged article, its Monday.
    """
    if since is None or first is None:
        return None
    day = date.fromisoformat(since[:10])
    monday = day + timedelta(days=-day.weekday() % 7)
    if since[10:] > "T00:00:00Z" and monday == day:
        monday += timedelta(weeks=1)  # this week was not looked at from its first minute on
    return (max(monday, date.fromisoformat(first)) + timedelta(weeks=JUDGED_FROM)).isoformat()


def freshness(db: Database) -> Freshness:
    """Return how fresh and how large all of it is, without counting articles."""
    _, last = db.execute(ANSWERS_SQL).fetchone()
    made = db.execute("SELECT made_at FROM published").fetchone()
    sources, articles = db.execute(
        """
        SELECT (SELECT count(*) FROM sources WHERE active = 1 AND enabled = 1),
            (SELECT coalesce(sum(articles_total), 0) FROM period_totals WHERE grain = 'month' AND segment = 'all')
        """
    ).fetchone()
    return Freshness(last, None if made is None else made[0], sources, articles)
