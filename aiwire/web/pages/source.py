"""One source: what it is, how it is, what was asked of it, and what it brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

from markupsafe import Markup
from sqlite_utils import Database

from aiwire.health_words import Standing, needs_hand, reason, remedy, standing
from aiwire.types import iso
from aiwire.web.links import outside
from aiwire.web.pages import Ask
from aiwire.web.pages.sources import MEANINGS
from aiwire.web.svg.calendar import calendar, legend
from db.health import HealthRow, health_row
from db.pages.coverage import CoverageDay, CoverageWeek, by_week, days_of_sources
from db.pages.refs import ArticleRef, EntityRef
from db.pages.sources import FetchRow, SourceFacts, last_day, most_named, newest_articles, requests, source_facts

__all__ = ["load", "shown_address"]

WEEKS = 53  # of the calendar
KINDS = {"feed": "feed", "listing": "page of links", "sitemap": "sitemap", "archive": "pages of a web archive"}
FULL_TEXT = {
    "auto": "where the feed gives less than an article",
    "never": "never: what the feed gives is all",
    "always": "of every article",
}
TEXT_POLICY = {"full": "may be shown in full", "excerpt": "short quotations only"}


@dataclass(frozen=True, slots=True)
class Address:
    """An address as the page shows it."""

    text: str
    href: str | None  # None: not to be linked


@dataclass(frozen=True, slots=True)
class Named:
    """Whom the newest articles name, and in how many of them."""

    entity: EntityRef
    articles: int


@dataclass(frozen=True, slots=True)
class Health:
    """How the source is; words for its operator are empty where strangers see the page."""

    standing: Standing
    meaning: str
    reason: str
    remedy: str
    needs_hand: bool
    failing_since: str | None
    error_count: int
    silent_since: str | None  # nothing new for 30 days
    new_per_week: float | None
    not_modified_share: float | None
    p50_latency_ms: int | None
    articles: int
    entries: int | None
    robots: str | None


@dataclass(frozen=True, slots=True)
class SourcePage:
    """Values of row-news-sources.html."""

    facts: SourceFacts
    kind: str
    full_text: str
    text_policy: str | None  # None: as the site's setting says
    address: Address
    moved_to: Address | None
    health: Health | None  # None: it has left the list
    calendar: Markup | None
    legend: tuple[tuple[Markup, str], ...]
    weeks: tuple[CoverageWeek, ...]  # the newest first
    requests: tuple[FetchRow, ...]
    articles: tuple[ArticleRef, ...]
    named: tuple[Named, ...]
    is_public: bool


def load(db: Database, ask: Ask) -> SourcePage | None:
    """Return the page of a source; None: there is no such source."""
    facts = source_facts(db, ask.key)
    if facts is None:
        return None
    is_public = ask.site.is_public
    found = health_row(db, facts.id)
    last = last_day(db) or ask.now.date()
    first = last - timedelta(days=last.weekday(), weeks=WEEKS - 1)
    days = days_of_sources(db, [facts.id], first, last)[facts.id]
    return SourcePage(
        facts,
        KINDS.get(facts.kind, facts.kind),
        FULL_TEXT.get(facts.full_text, facts.full_text),
        TEXT_POLICY.get(facts.text_policy or ""),
        shown_address(facts.url, is_public=is_public),
        shown_address(facts.moved_to, is_public=is_public) if facts.moved_to else None,
        _health(found, is_public=is_public) if found else None,
        _calendar(facts.name, days),
        legend(),
        tuple(reversed([week for week in by_week(days) if week.asked])),
        tuple(replace(one, error=None) if is_public else one for one in requests(db, facts.id)),  # it names addresses
        newest_articles(db, facts.id, facts.name),
        tuple(Named(*one) for one in most_named(db, facts.id)),
        is_public,
    )


def shown_address(url: str, *, is_public: bool) -> Address:
    """Return an address to show; where strangers see it, of one that may hold a key only the host."""
    safe = outside(url)
    parts = urlsplit(url) if safe else None
    is_secret = parts is None or bool(parts.query or parts.username or parts.password)
    if is_public and is_secret:
        return Address((parts.hostname or "") if parts else "", None)
    if parts and (parts.username or parts.password):
        return Address(url, None)  # a browser would send them along
    return Address(url, safe)


def _health(row: HealthRow, *, is_public: bool) -> Health:
    word = standing(row)
    return Health(
        word,
        MEANINGS[word],
        "" if is_public or word == "ok" else reason(row),
        "" if is_public else remedy(row),
        needs_hand(row),
        iso(row.failing_since) if row.failing_since else None,
        row.error_count,
        iso(row.last_new_at) if word == "dormant" and row.last_new_at else None,
        row.new_per_week if row.first_read_at else None,
        row.not_modified_share,
        row.p50_latency_ms,
        row.articles,
        row.entries,
        row.robots,
    )


def _calendar(name: str, days: Sequence[CoverageDay]) -> Markup | None:
    asked = [one for one in days if one.asked]
    if not asked:
        return None
    failed = sum(one.answered == 0 for one in asked)
    return calendar(
        days,
        title=f"Requests of {name} that were answered, day by day from {days[0].day} to {days[-1].day}",
        description=f"Asked on {len(asked)} days, without any good answer on {failed}",
        say=lambda one: (
            f"{one.day}: {one.answered} of {one.asked} requests answered" if one.asked else f"{one.day}: not asked"
        ),
    )
