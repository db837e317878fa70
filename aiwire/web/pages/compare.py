"""The page that compares two to five names: one chart, share of voice, figures of the last four weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from sqlite_utils import Database

from aiwire.web.pages import Ask
from aiwire.web.pages.entity import SPANS, Choice, KeyEntry, chosen_span, drawn, key_of, noted, said_share
from aiwire.web.svg.canvas import element, rect, svg
from aiwire.web.svg.trend import TrendLine
from db.pages.compare import Asked, Compared, asked, compared, most_named
from db.pages.refs import EntityRef
from db.pages.weeks import Week, calendar
from db.queries.compare import MOST_COMPARED

__all__ = ["ComparePage", "load"]

FIELDS = "abcde"
ROWS = 52  # of the table of weeks: the CSV has all
EXAMPLES, EXAMPLE_KINDS = 3, ("company", "accelerator", "theme")
BAR_HEIGHT, BASELINE = 24, 16.5
LABELLED = 0.1  # share of a bar that has room for its percentage, on a phone, too


@dataclass(frozen=True, slots=True)
class Field:
    """An input of the form."""

    name: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Counted:
    """The stories of one in a week, and the articles that were counted."""

    start: str
    stories: int
    evidence_url: str


@dataclass(frozen=True, slots=True)
class Side:
    """One of those that are compared, with its place in the chart."""

    number: int  # 1 to 5: colour, dashes and marker
    of: Compared
    month: tuple[Counted, ...]  # each of the last four weeks that are over: their stories make the sum
    swatch: Markup


@dataclass(frozen=True, slots=True)
class WeekOfAll:
    """A week in the table below the chart."""

    start: str
    notes: str
    cells: tuple[WeekOfOne, ...]


@dataclass(frozen=True, slots=True)
class WeekOfOne:
    """One of those that are compared in a week."""

    week: Week
    voice: float | None  # 0..1 of the stories of all that are compared
    evidence_url: str


@dataclass(frozen=True, slots=True)
class ComparePage:
    """All that the page shows."""

    asked: Asked
    messages: tuple[str, ...]  # what is odd about what was asked
    fields: tuple[Field, ...]
    offered: tuple[EntityRef, ...]  # names to choose from
    examples: tuple[tuple[str, str], ...]  # what to try: words, address
    weeks: int
    spans: tuple[Choice, ...]
    title: str
    said: str
    charts: tuple[Markup, ...]
    key: tuple[KeyEntry, ...]
    voice_bar: Markup | None
    sides: tuple[Side, ...]
    rows: tuple[WeekOfAll, ...]  # newest first
    since: str  # of the last four weeks
    csv_url: str


def load(db: Database, ask: Ask) -> ComparePage:
    """Return the page: with fewer than two names the form alone."""
    found = asked(db, {name: ask.first(name) for name in ("entities", *FIELDS)})
    count = chosen_span(ask.first("weeks"))
    known = calendar(db, ask.now, count)
    each = compared(db, found.entities, known) if len(found.entities) > 1 else ()
    ids = ",".join(one.id for one in found.entities)
    offered = most_named(db)
    lines = [TrendLine(one.entity.name, [week.share for week in one.weeks],
                       [f"{one.entity.name}, {said_share(week)}" for week in one.weeks]) for one in each]  # fmt: skip
    first = each[0].weeks if each else ()
    title = f"Share of stories, by week: {', '.join(one.entity.name for one in each)}"
    said = _said(each)
    return ComparePage(
        asked=found,
        messages=_messages(found, is_asked=any(ask.first(name) for name in ("entities", *FIELDS))),
        fields=_fields(found),
        offered=offered,
        examples=_examples(offered, ask),
        weeks=count,
        spans=tuple(
            Choice(f"{span} weeks", ask.links.query("compare", entities=ids, weeks=span), span == count)
            for span in SPANS
        ),
        title=title,
        said=said,
        charts=drawn(lines, first, "share_stories", title, said),
        key=key_of(first, lines) if each else (),
        voice_bar=_voice_bar(each),
        sides=tuple(_side(number, one, ask) for number, one in enumerate(each, 1)),
        rows=_rows(each, ask)[:ROWS],
        since=each[0].month[0].start if each and each[0].month else "",
        csv_url=ask.links.query("compare", extension="csv", entities=ids, weeks=count),
    )


def _messages(found: Asked, *, is_asked: bool) -> tuple[str, ...]:
    """Return in words what is odd about what was asked. Pure."""
    said = [f"Nothing here is called {word!r}. {near.capitalize()}".strip() for word, near in found.unknown]
    if found.repeated:
        said.append(f"Given more than once, compared once: {', '.join(found.repeated)}.")
    if found.left_out:
        said.append(f"Up to {MOST_COMPARED} can be told apart in a chart; left out: {', '.join(found.left_out)}.")
    if is_asked and len(found.entities) == 1:
        said.append(f"Name at least one more to compare {found.entities[0].name} with.")
    return tuple(said)


def _fields(found: Asked) -> tuple[Field, ...]:
    values = [*(one.id for one in found.entities), *(word for word, _ in found.unknown)]
    return tuple(
        Field(name, f"Name {number}", values[number - 1] if number <= len(values) else "")
        for number, name in enumerate(FIELDS, 1)
    )


def _examples(offered: Sequence[EntityRef], ask: Ask) -> tuple[tuple[str, str], ...]:
    """Return what to try: the most named of each kind."""
    found = []
    for kind in EXAMPLE_KINDS:
        top = [one for one in offered if one.kind == kind][:EXAMPLES]
        if len(top) > 1:
            label = ", ".join(one.name for one in top)
            found.append((label, ask.links.query("compare", entities=",".join(one.id for one in top))))
    return tuple(found)


def _said(each: Sequence[Compared]) -> str:
    """Return in a sentence what the chart shows."""
    said = [f"{one.entity.name} {one.share:.1%}" for one in each if one.share is not None]
    return f"In the last four weeks that are over: {', '.join(said)} of the stories." if said else ""


def _voice_bar(each: Sequence[Compared]) -> Markup | None:
    """Return the shares of voice over all weeks as one bar; the table below says them in words.

    Places are in per cent of whatever width there is, so that letters keep their form.
    """
    voices = [one.voice or 0.0 for one in each]
    if not any(voices):
        return None
    parts, at = [], 0.0
    for number, (one, voice) in enumerate(zip(each, voices, strict=True), 1):
        title = element("title", f"{one.entity.name}: {voice:.1%}")
        parts.append(element("rect", title, x=f"{at:.2%}", y=0, width=f"{voice:.2%}", height=BAR_HEIGHT,
                             class_=f"bar bar--{number}"))  # fmt: skip
        if voice >= LABELLED:
            parts.append(element("text", f"{voice:.0%}", x=f"{at + voice / 2:.2%}", y=BASELINE, class_="voice-label",
                                 text_anchor="middle"))  # fmt: skip
        at += voice
    described = ", ".join(f"{one.entity.name} {voice:.1%}" for one, voice in zip(each, voices, strict=True))
    return element(
        "svg", Markup("").join(parts), height=BAR_HEIGHT, role="img", aria_label=f"Share of voice. {described}",
        class_="voice-bar",
    )  # fmt: skip


def _side(number: int, one: Compared, ask: Ask) -> Side:
    month = tuple(Counted(week.start, week.stories, _evidence_url(one, week, ask)) for week in one.month)
    swatch = svg(12.0, 12.0, [rect(0.0, 0.0, 12.0, 12.0, class_=f"bar bar--{number}")], title=f"Colour {number}",
                 description="", class_="swatch")  # fmt: skip
    return Side(number, one, month, swatch)


def _evidence_url(one: Compared, week: Week, ask: Ask) -> str:
    return ask.links.query("evidence", entity_id=one.entity.id, grain="week", period=week.start)


def _rows(each: Sequence[Compared], ask: Ask) -> tuple[WeekOfAll, ...]:
    rows = []
    for values in zip(*(one.weeks for one in each), strict=True):
        together = sum(week.stories for week in values)
        cells = tuple(
            WeekOfOne(week, week.stories / together if together else None, _evidence_url(one, week, ask))
            for one, week in zip(each, values, strict=True)
        )
        rows.append(WeekOfAll(values[0].start, noted(values[0]), cells))
    return tuple(reversed(rows))
