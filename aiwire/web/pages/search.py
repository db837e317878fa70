"""The search: a form, the hits, and how they were found.

Datasette has run the canned query before the template asks for what to show of its rows: the search runs once.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from aiwire.web.filters import counted
from aiwire.web.kinds import KINDS, plural
from aiwire.web.pages import Ask
from aiwire.web.reading import PageTimeout, read
from db.pages import search
from db.pages.refs import EntityRef
from db.pages.search import Found, Hit
from db.queries.search import PAGES, RANKED, READ

if TYPE_CHECKING:
    from datasette.app import Datasette

__all__ = ["Filter", "Results", "SearchPage", "load", "results", "results_function"]

FIELDS = ("q", "kind", "entity", "source", "since", "until", "sort")


@dataclass(frozen=True, slots=True)
class Choice:
    """An option of a select."""

    value: str
    words: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that is on."""

    words: str
    without_url: str  # the same search without it


@dataclass(frozen=True, slots=True)
class SearchPage:
    """What stands around the results."""

    asked: dict[str, str]  # field -> what was given
    kinds: tuple[Choice, ...]
    sources: tuple[Choice, ...]
    sorts: tuple[Choice, ...]
    entity: EntityRef | None  # that filters
    named: tuple[EntityRef, ...]  # whom the words name
    filters: tuple[Filter, ...]
    number: int  # of the page
    first_url: str  # "" on the first page
    next_url: str  # "" on the last page that can be turned to
    csv_url: str
    json_url: str
    note: str  # what is not searched; "": all is
    watch: str  # command that watches for this search; "": a watch cannot, or strangers see the page


@dataclass(frozen=True, slots=True)
class Results:
    """What was found."""

    summary: str  # in a sentence
    notes: tuple[str, ...]  # how it was found, and what it may lack
    hits: tuple[Hit, ...]
    next_url: str  # "" on the last page


def load(db: Database, ask: Ask) -> SearchPage:
    """Return what stands around the results."""
    asked = {name: ask.first(name)[:300] for name in FIELDS}
    number = _page_number(ask.first("page"))
    listed = search.sources(db)
    entity = search.entity_named(db, asked["entity"]) if asked["entity"] else None
    return SearchPage(
        asked,
        _choices({"": "anything", **{kind: plural(kind) for kind in KINDS}}, asked["kind"]),
        _choices({"": "all sources", **dict(listed)}, asked["source"]),
        _choices({"": "best match first", "newest": "newest first"}, asked["sort"]),
        entity,
        search.names(db, asked["q"]),
        _filters(ask, asked, entity, dict(listed)),
        number,
        ask.links.query("search", **asked) if number > 1 else "",
        ask.links.query("search", **asked, page=number + 1) if number < PAGES else "",
        ask.links.query("search", extension="csv", **asked, page=number if number > 1 else ""),
        ask.links.query("search", extension="json", **asked, page=number if number > 1 else "", _shape="array"),
        _note(search.untexted(db)),
        "" if ask.site.is_public else _watch(asked),
    )


def results_function(
    datasette: Datasette,
) -> Callable[[Sequence[Any] | None, SearchPage], Awaitable[Results | None]]:
    """Return the function of the templates that gives what to show of Datasette's rows; None: it took too long."""

    async def results_of(rows: Sequence[Any] | None, page: SearchPage) -> Results | None:
        try:
            return await read(datasette, lambda db: results(db, rows, page))
        except PageTimeout:
            return None

    return results_of


def results(db: Database, rows: Sequence[Any] | None, page: SearchPage) -> Results:
    """Return what was found.

    Args:
        rows: of the canned query; None: Datasette (1.0) does not give them, and they are read here.
        page: what stands around them.
    """
    asked = {**page.asked, "page": str(page.number)}
    found = search.search(db, asked) if rows is None else search.found_of(db, rows, asked)
    is_last = page.number >= PAGES
    return Results(
        _summary(found, page.asked, page.number),
        tuple(_notes(found, page.asked, is_last=is_last)),
        found.page,
        page.next_url if found.has_next else "",
    )


def _note(untexted: tuple[int, int] | None) -> str:
    """Return what a public copy does not search, in a sentence."""
    if untexted is None or not untexted[0]:
        return ""
    lacking, of_all = untexted
    if lacking == of_all:
        return "This public copy holds no texts: articles are found by their titles only."
    return (
        f"This public copy holds the texts of {of_all - lacking:,} of {counted(of_all, 'source')}: articles of the"
        " others are found by their titles only."
    )


def _page_number(text: str) -> int:
    """Return the number as SQLite's CAST reads it."""
    digits = re.match(r"\+?([0-9]{1,300})", text)
    return min(max(int(digits[1]), 1), PAGES) if digits else 1


def _choices(words: dict[str, str], chosen: str) -> tuple[Choice, ...]:
    if chosen not in words:
        words = {**words, chosen: chosen}
    return tuple(Choice(value, said, value == chosen) for value, said in words.items())


def _filters(ask: Ask, asked: dict[str, str], entity: EntityRef | None, sources: dict[str, str]) -> tuple[Filter, ...]:
    words = {
        "kind": f"names {plural(asked['kind'])}",
        "entity": f"names {entity.name if entity else asked['entity']}",
        "source": f"from {sources.get(asked['source'], asked['source'])}",
        "since": f"since {asked['since']}",
        "until": f"until {asked['until']}",
    }
    return tuple(
        Filter(said, ask.links.query("search", **{**asked, name: ""})) for name, said in words.items() if asked[name]
    )


def _summary(found: Found, asked: dict[str, str], number: int) -> str:
    is_filtered = any(asked[name] for name in ("kind", "entity", "source", "since", "until"))
    shown = len(found.page)
    if found.way == "none":
        return "Give a word that articles shall have." if asked["q"] else "Give words, or choose a filter."
    if not shown:
        return "No article fits."
    if found.way == "hits":
        if not is_filtered:
            return f"{counted(found.hits, 'article')} found."
        if number == 1 and not found.has_next:
            return f"{counted(shown, 'article')} found ({found.hits:,} without the filters)."
        return f"Of {counted(found.hits, 'article')} with these words, those that fit the filters."
    if found.way == "newest" and asked["q"]:
        return f"More than {RANKED:,} articles have these words: here the newest."
    if number == 1 and not found.has_next:
        return f"{counted(shown, 'article')} found."
    return "The newest articles that fit." if is_filtered or asked["q"] else "The newest articles."


def _notes(found: Found, asked: dict[str, str], *, is_last: bool) -> list[str]:
    notes = []
    if found.since is None:
        notes.append(f"{asked['since']!r} is no day: write it as 2026-11-01.")
    if found.stop is None:
        notes.append(f"{asked['until']!r} is no day: write it as 2026-11-30.")
    if found.way == "newest" and asked["q"] and asked["sort"] != "newest":
        notes.append("So many are not ranked; add a word for the best match first.")
    looked_back = found.floor > (found.since or "") and (asked["q"] or asked["kind"] or asked["source"])
    if found.way == "newest" and looked_back and not found.has_next:
        day = found.floor[:10]
        notes.append(f"Articles were looked through back to {day}; for older ones set the last day to {day}.")
    if found.way == "cjk":
        notes.append(
            f"Words within a sentence are looked for in the newest {READ:,} texts in Chinese, Japanese or Korean; in"
            " older ones only whole runs of these characters are found."
        )
    if is_last and found.has_next:
        notes.append("There are more; narrow the search to see them.")
    return notes


def _watch(asked: dict[str, str]) -> str:
    """Return the command that tells of new articles like these; a watch has neither sources, phrases nor exclusions."""
    words = asked["q"].split()
    plain = all(re.fullmatch(r"\w[\w.'&-]*", word) for word in words)
    if asked["source"] or not plain or not (words or asked["entity"] or asked["kind"]):
        return ""
    parts = ["aiwire", "watch", "add", "my-search", "--what", "stories"]
    for option, value in (("--words", " ".join(words)), ("--entity", asked["entity"]), ("--kind", asked["kind"])):
        parts += [option, value] if value else []
    return shlex.join(parts)
