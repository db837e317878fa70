"""About the data: what is counted and how, how good the tags are, which versions made them, how to cite."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup
from sqlite_utils import Database

from aiwire import __version__
from aiwire.exceptions import ConfigError
from aiwire.web.pages import Ask
from aiwire.web.svg.canvas import element, rect, svg
from db.pages.about import (
    Contents,
    Judged,
    JudgedKind,
    Published,
    ReferenceFile,
    ReferenceSource,
    Versions,
    contents,
    judged,
    judged_kinds,
    published,
    reference_files,
    reference_read_at,
    reference_sources,
    versions,
)
from db.pages.coverage import Notice, coverage_notice
from db.trends.coverage import EXPECTED_PERIODS, MISSING_SHARE
from db.trends.signals import BASE, FALL, MIN_STORIES, RISE, SIGNAL_Q, WINDOW
from nlp.precision import ENOUGH, load_precision

__all__ = ["load"]

KINDS = {"company": "companies", "accelerator": "accelerators", "theme": "themes"}
LANGUAGES_SHOWN = 8
UNDETERMINED = "not stated"  # language of what neither feed nor page declares
BAR_WIDTH, BAR_HEIGHT = 160, 14


@dataclass(frozen=True, slots=True)
class Bar:
    """A share of judged tags with its drawing."""

    judged: Judged
    drawing: Markup


@dataclass(frozen=True, slots=True)
class Kind:
    """The names of a kind."""

    name: str
    bars: tuple[Bar, ...]
    seldom: int


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers in the definitions, as the program has them."""

    window: int = WINDOW
    base: int = BASE
    least: int = MIN_STORIES
    q: float = SIGNAL_Q
    rise: float = RISE
    fall: float = FALL
    missing: float = MISSING_SHARE
    expected: int = EXPECTED_PERIODS
    enough: int = ENOUGH


@dataclass(frozen=True, slots=True)
class AboutPage:
    """Values of query-news-about_the_data.html."""

    contents: Contents
    languages: tuple[tuple[str, int], ...]  # those with the most articles
    more_languages: int
    notice: Notice | None
    overall: tuple[Bar, ...]  # of each kind; empty: the measurement cannot be read
    kinds: tuple[Kind, ...]
    rules: Rules
    versions: tuple[Versions, ...]
    program: str  # version of aiwire
    files: tuple[ReferenceFile, ...]
    read_at: str | None
    catalogues: tuple[ReferenceSource, ...]
    published: Published | None
    citation: str
    is_public: bool


def load(db: Database, ask: Ask) -> AboutPage:
    """Return the page about the data."""
    held, made = contents(db), versions(db)
    copy = published(db)
    return AboutPage(
        held,
        tuple((UNDETERMINED if name == "und" else name, count) for name, count in held.languages[:LANGUAGES_SHOWN]),
        max(len(held.languages) - LANGUAGES_SHOWN, 0),
        coverage_notice(db, ask.now),
        _overall(),
        tuple(_kind(one) for one in judged_kinds(db)),
        Rules(),
        made,
        __version__,
        reference_files(db),
        reference_read_at(db),
        reference_sources(db),
        copy,
        _citation(ask, held, made),
        ask.site.is_public or copy is not None,
    )


def _overall() -> tuple[Bar, ...]:
    """Return what the shipped measurement says of whole kinds."""
    try:
        found = load_precision()
    except ConfigError:  # a damaged installation: the rest of the page holds
        return ()
    return tuple(_bar(judged(kind, name, kind, *found[kind])) for kind, name in KINDS.items() if kind in found)


def _kind(one: JudgedKind) -> Kind:
    return Kind(KINDS.get(one.kind, one.kind), tuple(map(_bar, one.entities)), one.seldom)


def _bar(one: Judged) -> Bar:
    """Return a share as a bar, its interval as a line across its end."""
    middle = BAR_HEIGHT / 2
    low, high = one.lo * BAR_WIDTH, one.hi * BAR_WIDTH
    parts = [
        rect(0, 2, BAR_WIDTH, BAR_HEIGHT - 4, class_="bar-ground"),
        rect(0, 2, one.precision * BAR_WIDTH, BAR_HEIGHT - 4, class_=f"bar precision--{one.kind}"),
        element("path", class_="whisker", d=f"M{low:.1f} {middle:.0f}H{high:.1f}M{low:.1f} 4v6M{high:.1f} 4v6"),
    ]
    drawn = svg(
        BAR_WIDTH, BAR_HEIGHT, parts, title=f"{one.name}: {one.precision:.1%} right",
        description=f"95 % interval {one.lo:.0%} to {one.hi:.0%}", class_="precision",
    )  # fmt: skip
    return Bar(one, drawn)


def _citation(ask: Ask, held: Contents, made: tuple[Versions, ...]) -> str:
    """Return how to cite what the pages show: what made it, up to when it was read, where and when it was looked at."""
    tagged = ", ".join(f"tagger {one.tagger} with lists {one.taxonomy}" for one in made)
    read = f"sources read up to {held.last_answer[:10]}" if held.last_answer else "no source read yet"
    where = ask.links.absolute(ask.links.home())
    parts = [f"aiwire {__version__}", tagged, read, f"{where} (seen {ask.now:%Y-%m-%d})"]
    return ", ".join(filter(None, parts)) + "."
