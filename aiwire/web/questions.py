"""The page of a query: the fields of its form, the rows that it shows, and what to do where there are none.

Pure, but for `unknown_values`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiwire.web.catalog import label
from aiwire.web.cells import cell_class, shortened
from aiwire.web.metadata import Parameter, QueryHelp
from aiwire.web.reading import PageTimeout, read
from db.pages.known_ids import LISTS, is_known

if TYPE_CHECKING:
    from datasette.app import Datasette

__all__ = ["Answer", "Field", "answer", "query_fields", "sql_lines", "stacks", "unknown_values"]

ROWS_SHOWN = 100
STACKED_CELLS = 1000  # labels in each cell would double the weight of a bigger table
SQL_LINES = (6, 24)  # height of the field for SQL, fewest and most
CHOICES = {
    "grain": ("day", "week", "month"),
    "kind": ("company", "accelerator", "theme", "model", "regulation"),
}
# on a phone a card leaves them out: keys and small print, which the link of the title, CSV and JSON have
MINOR = frozenset({"id", "role", "date_source", "published_at"})
EMPTY_MEANS = re.compile(r"empty for (.+)$")
SAME_AS = re.compile(r"the same as (\w+)")


@dataclass(frozen=True, slots=True)
class Option:
    """A value to choose from."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter in the form of a query."""

    name: str
    label: str
    value: str
    hint: str
    example: str
    options: tuple[Option, ...]  # empty: anything may be typed
    listed_in: str  # table or query that lists what it may be
    is_missing: bool  # without it there is no answer


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer."""

    label: str
    css: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell of an answer."""

    label: str
    css: str
    value: object
    is_empty: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query as its page shows them."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Shown, ...], ...]
    left_out: int  # rows that are there, but not on the page
    is_stacked: bool  # on a phone each row is a card, with labels


def query_fields(values: Mapping[str, Any], about: QueryHelp | None) -> tuple[Field, ...]:
    """Return the fields of a query's form; a parameter of old links that means the same as another gives way to it.

    Args:
        values: parameter -> what it is now.
        about: the query; None: it is none of ours.
    """
    known = {one.name: one for one in about.parameters} if about else {}
    given = {name: str(value) for name, value in values.items()}
    for name in [name for name in given if name in known]:
        same = SAME_AS.match(known[name].words)
        if same and same[1] in given:
            given[same[1]] = given[same[1]] or given[name]
            del given[name]
    return tuple(_field(name, value, known.get(name, Parameter(name, "", ""))) for name, value in given.items())


def answer(columns: Sequence[str], raw: Sequence[Any], shown: Sequence[Sequence[Any]], **how: bool) -> Answer:
    """Return what of an answer a page shows.

    Args:
        columns: names.
        raw: rows as they were read, to tell numbers from texts.
        shown: the same rows, their cells marked up.
        how: `whole`: all rows, not the first 100; `in_words`: columns by words, not by their names.
    """
    most = len(shown) if how.get("whole") else min(len(shown), ROWS_SHOWN)
    is_stacked = stacks(most, len(columns))
    words = [label(name) if how.get("in_words") else name for name in columns]
    minor = [" minor" if how.get("in_words") and name in MINOR else "" for name in columns]
    first = list(raw[0]) if shown else [None] * len(columns)
    heads = (
        Column(word, ("num" if cell_class(name, value) == "num" else "") + css)
        for name, word, value, css in zip(columns, words, first, minor, strict=True)
    )

    def cells(read: Iterable[Any], marked: Iterable[Any]) -> Iterator[Shown]:
        for name, word, css, value, cell in zip(columns, words, minor, read, marked, strict=True):
            if value is None or value == "":
                yield Shown("", "", "", True)
            else:
                css_class = (cell_class(name, value) + css).strip()
                yield Shown(word if is_stacked else "", css_class, shortened(cell), False)

    rows = tuple(tuple(cells(raw[n], shown[n])) for n in range(most))
    return Answer(tuple(Column(one.label, one.css.strip()) for one in heads), rows, len(shown) - most, is_stacked)


def stacks(rows: int, columns: int) -> bool:
    """Return whether a table may become cards on a phone."""
    return rows * columns <= STACKED_CELLS


def sql_lines(sql: str | None) -> int:
    """Return how many lines the field for a query's SQL has."""
    least, most = SQL_LINES
    return min(max((sql or "").count("\n") + 2, least), most)


def unknown_values(datasette: Datasette) -> Callable[[Iterable[Field]], Awaitable[tuple[Field, ...]]]:
    """Return the function of the templates that gives the fields with an id that is not in its list."""

    async def unknown(fields: Iterable[Field]) -> tuple[Field, ...]:
        asked = [one for one in fields if one.value and one.listed_in in LISTS]
        if not asked:
            return ()
        try:
            return await read(
                datasette, lambda db: tuple(one for one in asked if not is_known(db, one.listed_in, one.value))
            )
        except PageTimeout:
            return ()

    return unknown


def _field(name: str, value: str, about: Parameter) -> Field:
    return Field(
        name, label(name), value, about.words, about.example, _options(name, value, about.words), about.listed_in,
        about.is_needed and not value,
    )  # fmt: skip


def _options(name: str, value: str, words: str) -> tuple[Option, ...]:
    """Return what may be chosen: what holds where nothing is chosen stands first, or is marked in the list."""
    choices = CHOICES.get(name, ())
    if not choices:
        return ()
    meant = EMPTY_MEANS.search(words)
    empty = meant[1] if meant else ""
    chosen = value or empty
    given = tuple(dict.fromkeys((*choices, value))) if value else choices
    found = tuple(Option(one, one, one == chosen) for one in given)
    return found if empty in choices else (Option("", f"({empty or 'not chosen'})", not value), *found)
