"""The first page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup
from sqlite_utils import Database

from aiwire.types import parse_iso
from aiwire.web.filters import counted, minute, percent
from aiwire.web.kinds import heading
from aiwire.web.pages import Ask
from aiwire.web.svg.sparkline import sparkline
from db.pages import home
from db.pages.coverage import Notice, coverage_notice
from db.pages.home import Leader, Mover, Story, Window

__all__ = ["TITLES", "HomePage", "Row", "load", "spark", "weeks_words"]

TITLES = {kind: heading(kind) for kind in home.KINDS}
LEAST_DRAWN = 4  # weeks with a story: fewer are dots, no trend
LEAST_SHARED = 20  # stories of which a share is told in percent
COMPARED = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One in the list of those most in the news."""

    leader: Leader
    spark: Markup  # empty: too few weeks to draw

    @property
    def share(self) -> str:
        """The share in percent; of few stories the two numbers, since a percentage of these means little."""
        one = self.leader
        return percent(one.share) if one.total >= LEAST_SHARED else f"{one.stories} of {one.total}"


@dataclass(frozen=True, slots=True)
class Top:
    """Those of a kind most in the news."""

    kind: str
    title: str
    rows: tuple[Row, ...]
    all_url: str


@dataclass(frozen=True, slots=True)
class Movers:
    """Those that rise, or fall."""

    signal: str
    title: str
    rows: tuple[Mover, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Weekly counts to take away."""

    names: str  # "OpenAI, NVIDIA, Meta"
    csv_url: str


@dataclass(frozen=True, slots=True)
class HomePage:
    """What the first page shows."""

    is_empty: bool  # no article yet
    fresh: str  # "Updated 14 minutes ago: 96 sources, 4,897 articles"
    notice: Notice | None
    stories: tuple[Story, ...]
    tops: tuple[Top, ...]
    weeks: str  # that rank
    shown_weeks: int  # that are drawn
    movers: tuple[Movers, ...]
    judged_week: str | None  # Monday, ISO; None: nothing is judged yet
    no_verdicts: str  # why, in a sentence; "": names are judged
    counts: Counts | None  # None: nobody is in the news
    feed_url: str


def load(db: Database, ask: Ask) -> HomePage | None:
    """Return the page; None: the database is none of ours."""
    if not home.is_ours(db):
        return None
    empty = home.is_empty(db)
    weeks = home.window(db, ask.now)
    leaders = home.leaders(db, weeks)
    judged = home.verdicts(db)
    return HomePage(
        empty,
        "" if empty else fresh_words(home.freshness(db), ask.now),
        None if empty else coverage_notice(db, ask.now),
        home.stories(db, ask.now),
        tuple(_top(kind, leaders[kind], weeks, ask) for kind in home.KINDS if leaders[kind]),
        weeks_words(weeks),
        len(weeks.shown),
        (
            Movers("rising", "Rising", home.movers(db, "rising")),
            Movers("falling", "Falling", home.movers(db, "falling")),
        ),
        judged.week,
        no_verdicts_words(judged, ask.now),
        _counts(leaders, ask),
        ask.links.query("feed", extension="atom"),
    )


def _top(kind: str, leaders: tuple[Leader, ...], weeks: Window, ask: Ask) -> Top:
    rows = tuple(Row(leader, spark(leader, weeks)) for leader in leaders)
    return Top(kind, TITLES[kind], rows, ask.links.query("entities", kind=kind, listed="1"))


def no_verdicts_words(judged: home.Verdicts, now: datetime) -> str:
    """Return why no name can be rising or falling yet; "": names are judged."""
    if judged.is_possible:
        return ""
    if judged.since is None:
        return "No verdicts yet: no source has been read."
    if judged.possible_from is None:
        return "No verdicts yet: nothing is tagged."
    since, day = judged.since[:10], judged.possible_from
    if day > now.date().isoformat():
        when = f"so the first can come on {day}"
    else:
        when = "and enough such weeks are over by now: they come with the next run"
    return (
        "No verdicts yet. They compare four weeks that were looked at from beginning to end with the four before:"
        f" sources have been read since {since}, {when}."
    )


def _counts(leaders: dict[str, tuple[Leader, ...]], ask: Ask) -> Counts | None:
    """Return the counts of the first few: a file that is whole, which those of all names would not be."""
    named = [leader.entity for kind in home.KINDS for leader in leaders[kind]][:COMPARED]
    if not named:
        return None
    url = ask.links.query("compare", extension="csv", entities=",".join(entity.id for entity in named))
    return Counts(", ".join(entity.name for entity in named), url)


def spark(leader: Leader, weeks: Window) -> Markup:
    """Return the line of one: its share of the stories of each shown week; nothing where few weeks have any."""
    if sum(bool(share) for share in leader.shares) < LEAST_DRAWN:
        return Markup("")
    known = [share for share in leader.shares if share is not None]
    said = f"from {percent(known[0])} to {percent(known[-1])}, at most {percent(max(known))}" if known else ""
    title = f"{leader.entity.name}: share of stories, {counted(len(leader.shares), 'week')}"
    return sparkline(leader.shares, partial=[week.is_partial for week in weeks.shown], title=title, description=said)


def weeks_words(weeks: Window) -> str:
    """Return the days that rank: "2026-07-20 to 2026-08-16"; "" if there are none."""
    if not weeks.ranking:
        return ""
    stop = datetime.fromisoformat(weeks.ranking[-1].start).date() + timedelta(days=6)
    return f"{weeks.ranking[0].start} to {stop.isoformat()}"


def fresh_words(fresh: home.Freshness, now: datetime) -> str:
    """Return how fresh and how large all of it is, in words."""
    size = f"{counted(fresh.sources, 'source')}, {counted(fresh.articles, 'dated article')}"
    if fresh.published_at:
        return f"Copy of {minute(fresh.published_at)}: {size}"
    return f"Updated {ago(fresh.read_at, now)}: {size}" if fresh.read_at else f"No source was read yet: {size}"


def ago(moment: str, now: datetime) -> str:
    """Return how long ago a moment is, in words; the moment itself where that is a week or more, or to come."""
    seconds = (now - parse_iso(moment)).total_seconds()
    if not 0 <= seconds < 7 * 86_400:
        return minute(moment)
    if seconds < 90:
        return "a moment ago"
    for unit, length, limit in (("minute", 60, 90), ("hour", 3600, 36), ("day", 86_400, 7)):
        if seconds < limit * length:
            return f"{counted(round(seconds / length), unit)} ago"
    return minute(moment)
