"""The sources: how each is, what helps, and on which days they were asked and answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup
from sqlite_utils import Database

from aiwire.health_words import STANDINGS, Standing, needs_hand, reason, remedy, standing
from aiwire.types import iso
from aiwire.web.pages import Ask
from aiwire.web.svg.calendar import calendar, legend, strip
from db.health import HealthRow, health_rows
from db.pages.coverage import CoverageDay, CoverageWeek, Notice, by_week, coverage_notice, days_of_all, days_of_sources
from db.pages.sources import last_day

__all__ = ["MEANINGS", "load"]

WEEKS = 26  # of the calendar
STRIP_DAYS = 28
PAGE_SIZE = 40  # sources on a page: 300 strips would be too much to send
MEANINGS: dict[Standing, str] = {  # for readers who keep no sources: no word of files or commands
    "gone": "taken down for good",
    "blocked": "its server refuses us",
    "missing": "nothing at its address",
    "failing": "no answer that can be read",
    "suspicious": "has shrunk to almost nothing",
    "empty": "never had an entry",
    "throttled": "wants to be asked less",
    "lying": "says “not modified” of what has changed",
    "moving": "redirects to another domain",
    "unwelcome": "robots.txt forbids the feed",
    "new": "not read yet",
    "dormant": "nothing new for 30 days",
    "ok": "read as planned",
    "off": "switched off",
}
# group of what needs no hand; all else is in trouble
_CALM: dict[Standing, str] = {"ok": "well", "new": "well", "dormant": "quiet", "unwelcome": "closed"}
_GROUPS = (
    ("hand", "Needs a hand", "Waiting alone will not heal these."),
    ("trouble", "In trouble", "These heal by themselves, or do little harm."),
    ("well", "Read as planned", ""),
    ("quiet", "Quiet", "They answer, but nothing new came for 30 days."),
    ("closed", "Not read", "Their robots.txt forbids it."),
    ("off", "Switched off", ""),
)
_OWN_ARGS = frozenset({"_standing", "category", "_page"})  # the others are the table's


@dataclass(frozen=True, slots=True)
class Line:
    """A source in the list."""

    id: str
    name: str
    category: str | None
    standing: Standing
    meaning: str  # or, where the operator sees the page, what is the matter
    remedy: str  # "": none is needed, or strangers see the page
    since: str | None  # it fails
    last_ok_at: str | None
    articles: int
    new_per_week: float | None  # None: not known
    strip: Markup


@dataclass(frozen=True, slots=True)
class Group:
    """Sources that are alike in how they are."""

    key: str
    title: str
    note: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter of the list, as a link."""

    label: str
    count: int
    href: str
    is_chosen: bool
    title: str = ""


@dataclass(frozen=True, slots=True)
class SourcesPage:
    """Values of table-news-sources.html."""

    notice: Notice | None
    summary: str  # how many of the sources in use are how
    is_table_asked: bool  # the table below is narrowed or sorted: it should be seen
    groups: tuple[Group, ...]
    standings: tuple[Choice, ...]
    categories: tuple[Choice, ...]
    note: str  # which of the sources are shown
    previous: str | None
    next: str | None
    calendar: Markup | None
    legend: tuple[tuple[Markup, str], ...]
    weeks: tuple[CoverageWeek, ...]  # the newest first
    strip_days: int


def load(db: Database, ask: Ask) -> SourcesPage:
    """Return the page of all sources."""
    rows = sorted(health_rows(db, quick=True), key=_badness)
    wanted, category = ask.first("_standing"), ask.first("category")
    fitting = [
        row for row in rows if (not wanted or standing(row) == wanted) and (not category or row.category == category)
    ]
    number = min(max(_whole(ask.first("_page")), 1), max(-(-len(fitting) // PAGE_SIZE), 1))
    shown = fitting[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    last = last_day(db) or ask.now.date()
    days = days_of_all(db, last - timedelta(days=last.weekday(), weeks=WEEKS - 1), last)
    strips = days_of_sources(db, [row.source_id for row in shown], last - timedelta(days=STRIP_DAYS - 1), last)
    lines = [(_group(row), _line(row, strips[row.source_id], is_public=ask.site.is_public)) for row in shown]

    def page(at: int) -> str:
        return ask.links.query("sources", _standing=wanted, category=category, _page="" if at == 1 else at)

    first = (number - 1) * PAGE_SIZE
    return SourcesPage(
        coverage_notice(db, ask.now),
        _summary(Counter(_group(row) for row in rows)),
        any(name not in _OWN_ARGS for name in ask.args),
        tuple(
            Group(key, title, note, found)
            for key, title, note in _GROUPS
            if (found := tuple(line for group, line in lines if group == key))
        ),
        _standings(ask, rows, wanted, category),
        _categories(ask, rows, wanted, category),
        f"{first + 1} to {first + len(shown)} of {len(fitting)}" if len(fitting) > PAGE_SIZE else "",
        page(number - 1) if number > 1 else None,
        page(number + 1) if first + len(shown) < len(fitting) else None,
        _calendar(days),
        legend(),
        tuple(reversed([week for week in by_week(days) if week.asked])),
        STRIP_DAYS,
    )


def _line(row: HealthRow, days: Sequence[CoverageDay], *, is_public: bool) -> Line:
    word = standing(row)
    is_told = word not in ("ok", "off", "new", "dormant") and not is_public  # reasons name addresses and files
    return Line(
        row.source_id,
        row.name,
        row.category,
        word,
        reason(row) if is_told else MEANINGS[word],
        remedy(row) if is_told else "",
        iso(row.failing_since) if row.failing_since else None,
        iso(row.last_ok_at) if row.last_ok_at else None,
        row.articles,
        row.new_per_week if row.first_read_at else None,
        strip(days, title=f"{row.name}, the last {len(days)} days"),
    )


def _group(row: HealthRow) -> str:
    word = standing(row)
    if word == "off":
        return "off"
    return "hand" if needs_hand(row) else _CALM.get(word, "trouble")


def _summary(counts: Mapping[str, int]) -> str:
    """Return in a sentence how many sources in use are how: "96 sources in use: 33 read as planned, 61 quiet"."""
    words = {"well": "read as planned", "quiet": "quiet (nothing new for 30 days)", "trouble": "in trouble",
             "hand": "in need of a hand", "closed": "not read, as their robots.txt wants"}  # fmt: skip
    total = sum(counts.get(key, 0) for key in words)
    said = [f"{counts[key]:,} {text}" for key, text in words.items() if counts.get(key)]
    noun = "source" if total == 1 else "sources"
    return f"{total:,} {noun} in use" + (f": {', '.join(said)}." if said else ".")


def _badness(row: HealthRow) -> tuple[int, int, str, str]:
    """Sort key: by group, the worst first, of these the one that fails for longest, then by name."""
    group = [key for key, _, _ in _GROUPS].index(_group(row))
    since = iso(row.failing_since) if row.failing_since else "~"
    return group, STANDINGS.index(standing(row)), since, row.name.casefold()


def _standings(ask: Ask, rows: Iterable[HealthRow], wanted: str, category: str) -> tuple[Choice, ...]:
    counts = Counter(standing(row) for row in rows if not category or row.category == category)

    def href(word: str) -> str:
        return ask.links.query("sources", _standing=word, category=category)

    words = [word for word in STANDINGS if counts[word]]
    return (
        Choice("all", counts.total(), href(""), not wanted),
        *(Choice(word, counts[word], href(word), word == wanted, MEANINGS[word]) for word in words),
    )


def _categories(ask: Ask, rows: Iterable[HealthRow], wanted: str, category: str) -> tuple[Choice, ...]:
    counts = Counter(row.category for row in rows if not wanted or standing(row) == wanted)

    def href(name: str) -> str:
        return ask.links.query("sources", _standing=wanted, category=name)

    named = sorted((name, count) for name, count in counts.items() if name)
    if not named:
        return ()
    return (
        Choice("all", counts.total(), href(""), not category),
        *(Choice(name, count, href(name), name == category) for name, count in named),
    )


def _calendar(days: Sequence[CoverageDay]) -> Markup | None:
    asked = [one for one in days if one.asked]
    if not asked:
        return None
    whole = sum(one.answered for one in asked) / sum(one.asked for one in asked)
    return calendar(
        days,
        title=f"Share of the sources asked that answered, day by day from {days[0].day} to {days[-1].day}",
        description=f"{whole:.0%} over all; something was asked on {len(asked)} of {len(days)} days",
        say=lambda one: (
            f"{one.day}: {one.answered} of {one.asked} sources answered" if one.asked else f"{one.day}: none was asked"
        ),
    )


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
