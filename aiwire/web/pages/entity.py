"""The page of a company, accelerator, theme, model or regulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from markupsafe import Markup
from sqlite_utils import Database

from aiwire.charts.data import Times
from aiwire.web.kinds import KINDS, heading
from aiwire.web.pages import Ask
from aiwire.web.pages.accelerator import AcceleratorPart, load_part
from aiwire.web.svg.trend import BROAD, NARROW, WIDE, TrendLine, is_cut, key_mark, manners, trend
from db.pages.entity import Entity, QuotedPrice, Signal, children, entity, prices, signal
from db.pages.entity_change import Beside, Change, change, pairs
from db.pages.entity_news import QUOTE_CHARS, Quote, Quotes, Tagged, newest, quotes
from db.pages.refs import EntityRef
from db.pages.weeks import MOST_WEEKS, Calendar, Week, calendar, full_weeks, weeks

__all__ = [
    "SPANS",
    "Choice",
    "EntityPage",
    "KeyEntry",
    "chosen_span",
    "drawn",
    "key_of",
    "load",
    "noted",
    "said_precision",
    "said_share",
    "times_of",
]

SPANS = (26, 52, MOST_WEEKS)
DEFAULT_WEEKS = 52
BASE_WEEKS = 60  # read at least: the last four full ones, and the weeks before in which a pair would be new
NAMES_SHOWN = 8
CHILDREN_SHOWN = 24
JUDGED_ENOUGH = 10  # tags, for a percentage to say something
QUOTED_DAYS = 365  # before the newest article of the archive


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to show the chart."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A mark of a chart and what it means."""

    mark: Markup
    text: str


@dataclass(frozen=True, slots=True)
class WeekRow:
    """A week in the table below the chart."""

    week: Week
    notes: str
    evidence_url: str


@dataclass(frozen=True, slots=True)
class TrendPart:
    """The chart, and what stands around it."""

    rows: tuple[WeekRow, ...]  # newest first
    charts: tuple[Markup, ...]  # for wide and for narrow screens; none: there is no week
    title: str
    said: str  # what can be seen
    key: tuple[KeyEntry, ...]
    spans: tuple[Choice, ...]
    measures: tuple[Choice, ...]
    csv_url: str
    command: str
    looked_since: str  # ISO day of the first good answer of a source; "": there was none


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the last four weeks beside that of the four before."""

    name: str
    now: str
    before: str


@dataclass(frozen=True, slots=True)
class ChangePart:
    """What changed since last month."""

    change: Change
    sentence: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class BesideGroup:
    """What of one kind is named together with the entity."""

    kind: str
    name: str
    rows: tuple[Beside, ...]


@dataclass(frozen=True, slots=True)
class BesidePart:
    """What is named together with the entity."""

    since: str  # "": no week is over
    until: str
    is_full: bool
    groups: tuple[BesideGroup, ...]  # none: nothing was named together with it often enough
    url: str


@dataclass(frozen=True, slots=True)
class EntityPage:
    """All that the page shows."""

    entity: Entity
    precision: str  # of its tags, in words
    names: tuple[str, ...]  # other names that are shown
    more_names: tuple[str, ...]
    signal: Signal | None
    trend: TrendPart
    change: ChangePart | None
    no_change: str  # why nothing can be said
    beside: BesidePart
    quotes: tuple[Quote, ...]
    no_quotes: str  # why there is none
    news: tuple[Tagged, ...]
    about: tuple[Choice, ...]
    news_url: str
    feed_url: str
    compare_url: str
    children: tuple[EntityRef, ...]
    more_children: tuple[EntityRef, ...]
    prices: tuple[QuotedPrice, ...]
    accelerator: AcceleratorPart | None  # of accelerators


def load(db: Database, ask: Ask) -> EntityPage | None:
    """Return the page of the entity that is asked for; None if there is none."""
    found = entity(db, ask.key)
    if found is None:
        return None
    count = chosen_span(ask.first("weeks"))
    known = calendar(db, ask.now, max(count, BASE_WEEKS))
    values = weeks(db, found.id, found.kind, known)
    changed = change(db, found.id, values, known)
    about_only = ask.first("about") == "1"
    links = ask.links
    belonging = children(db, found.id)
    quoted = quotes(db, found.id, found.kind, QUOTED_DAYS)
    return EntityPage(
        entity=found,
        precision=said_precision(found.tag_precision, found.gold_tags),
        names=found.aliases if len(found.aliases) <= NAMES_SHOWN else (),
        more_names=found.aliases if len(found.aliases) > NAMES_SHOWN else (),
        signal=signal(db, found.id),
        trend=_trend(found, values[-count:], known, ask, count),
        change=_changed(changed, signal(db, found.id)) if changed else None,
        no_change="" if changed else _why_nothing(known),
        beside=_beside(db, found, known, ask),
        quotes=quoted.found,
        no_quotes="" if quoted.found else _why_no_quotes(quoted),
        news=newest(db, found.id, about_only=about_only),
        about=tuple(
            Choice(label, links.entity(found.id) + query + "#news", about_only is chosen)
            for label, query, chosen in (("all that name it", "", False), ("only those about it", "?about=1", True))
        ),
        news_url=links.query("entity_news", entity_id=found.id, about="1" if about_only else ""),
        feed_url=links.absolute(links.query("feed_of_entity", extension="atom", entity_id=found.id)),
        compare_url=links.query("compare", a=found.id),
        children=belonging[:CHILDREN_SHOWN],
        more_children=belonging[CHILDREN_SHOWN:],
        prices=prices(db, found.id) if found.kind in ("company", "model") else (),
        accelerator=load_part(db, ask, found.id) if found.kind == "accelerator" else None,
    )


def said_precision(precision: float | None, judged: int | None) -> str:
    """Return in words how many tags were right in labelled texts. Pure."""
    if not judged:
        return "not known: none of its tags has been judged in a labelled text"
    if precision is None:
        return f"not known: of {judged} judged tags too few were its own to say"
    if judged < JUDGED_ENOUGH:
        return f"{round(precision * judged)} of {judged} judged tags were right: too few for a percentage"
    return f"{precision:.0%} of {judged} judged tags were right"


def said_share(week: Week) -> str:
    """Return a week's value in words: what a point of a chart says. Pure."""
    day = f"week of {week.start}"
    if week.share is None or week.lo is None or week.hi is None:
        return f"{day}: no story at all"
    stories = f"{week.stories:,} of {week.total:,} stories"
    said = f"{day}: {week.share:.1%} ({stories}; 95% interval {week.lo:.1%} to {week.hi:.1%})"
    return f"{said}; {notes}" if (notes := noted(week)) else said


def noted(week: Week) -> str:
    """Return what a reader must know of a week. Pure."""
    notes = ["not looked at in full"] if week.is_partial else []
    if not week.coverage_ok:
        notes.append("too few of the sources answered")
    return "; ".join(notes)


def times_of(values: Sequence[Week]) -> Times:
    """Return the weeks as charts take them. Pure."""
    starts = tuple(date.fromisoformat(week.start) for week in values)
    return Times(
        "week", starts, tuple(start + timedelta(days=7) for start in starts),
        tuple(week.is_partial for week in values), tuple(week.coverage_ok for week in values),
    )  # fmt: skip


def key_of(values: Sequence[Week], lines: Sequence[TrendLine]) -> tuple[KeyEntry, ...]:
    """Return the marks that a chart of these weeks needs to have explained. Pure."""
    entries = _key_of_intervals(lines)
    if values and all(week.is_partial for week in values):
        entries.append(KeyEntry(Markup(""), "None of these weeks was looked at from beginning to end."))
    elif any(week.is_partial for week in values):
        entries.append(KeyEntry(key_mark("partial", many=len(lines) > 1), "week not looked at in full"))
    if not all(week.coverage_ok for week in values):
        entries.append(
            KeyEntry(key_mark("gap"), "nobody looked, or too few of the sources answered: counts are too low")
        )
    return tuple(entries)


def _key_of_intervals(lines: Sequence[TrendLine]) -> list[KeyEntry]:
    drawn = {how for one in lines for how in manners(one)}
    said = "95% interval (Wilson)" + (", cut off at the top" if is_cut(lines) else "")
    entries = [KeyEntry(key_mark("band"), said)] if "band" in drawn else []
    if "whisker" in drawn:
        said = "the same of a single week, or where it is wider than twice the share" if entries else said
        entries.append(KeyEntry(key_mark("whisker"), said))
    if any(one.high and 0.0 in one.values for one in lines):
        entries.append(KeyEntry(Markup(""), "A share of 0 is drawn without its interval, which is in the table."))
    return entries


def chosen_span(asked: str) -> int:
    """Return how many weeks a chart shows; the default if that is nonsense. Pure."""
    return int(asked) if asked in {str(span) for span in SPANS} else DEFAULT_WEEKS


def _trend(found: Entity, values: Sequence[Week], known: Calendar, ask: Ask, count: int) -> TrendPart:
    measure = "stories" if ask.first("measure") == "stories" else "share"
    column = "stories" if measure == "stories" else "share_stories"
    title = f"{'Share of stories that name' if measure == 'share' else 'Stories that name'} {found.name}, by week"
    said = _said(values, measure)
    line = _line(found.name, values, measure)
    links = ask.links
    return TrendPart(
        rows=tuple(
            WeekRow(week, noted(week), links.query("evidence", entity_id=found.id, grain="week", period=week.start))
            for week in reversed(values)
        ),
        charts=drawn([line], values, column, title, said),
        title=title,
        said=said,
        key=key_of(values, [line]),
        spans=tuple(Choice(f"{span} weeks", _chart_url(ask, found.id, span, measure), span == count) for span in SPANS),
        measures=tuple(
            Choice(label, _chart_url(ask, found.id, count, name), name == measure)
            for name, label in (("share", "share of stories"), ("stories", "stories"))
        ),
        csv_url=links.query("trend", extension="csv", entity_id=found.id, grain="week"),
        command=f"aiwire export trends --entity {found.id} -o {found.id}.csv",
        looked_since=known.first_answer[:10],
    )


def _chart_url(ask: Ask, entity_id: str, span: int, measure: str) -> str:
    given = [f"weeks={span}"] if span != DEFAULT_WEEKS else []
    if measure != "share":
        given.append(f"measure={measure}")
    return ask.links.entity(entity_id) + ("?" + "&".join(given) if given else "") + "#trend"


def drawn(lines: Sequence[TrendLine], values: Sequence[Week], column: str, title: str, said: str) -> tuple[Markup, ...]:
    """Return a chart for wide and one for narrow screens; none if there is no week. Pure.

    Args:
        values: weeks of any of the lines.
        column: share_stories or stories.
    """
    if not values:
        return ()
    times, wide = times_of(values), WIDE if len(lines) == 1 else BROAD
    return tuple(trend(lines, times, column, frame, title=title, description=said) for frame in (wide, NARROW))


def _line(name: str, values: Sequence[Week], measure: str) -> TrendLine:
    titles = [said_share(week) for week in values]
    if measure == "stories":
        return TrendLine(name, [float(week.stories) for week in values], titles)
    return TrendLine(name, [week.share for week in values], titles, [week.lo for week in values],
                     [week.hi for week in values])  # fmt: skip


def _said(values: Sequence[Week], measure: str) -> str:
    """Return in sentences what the chart shows."""
    full = [week for week in values if not week.is_partial] or list(values)
    if not any(week.stories for week in values):
        return "No story names it in these weeks."
    last = full[-1]
    highest = max(full, key=lambda week: (week.share or 0.0) if measure == "share" else week.stories)
    lead = "Newest full week" if not last.is_partial else "Newest week"
    return f"{lead}: {said_share(last).removeprefix('week of ')}. Highest: {said_share(highest)}."


def _among_all(verdict: Signal | None) -> str:
    """Return what is left of an interval if all names are looked at, some of which chance always moves."""
    if verdict is None or verdict.word == "too_few":
        return "Among all names there is no verdict on it."
    return f"Among all names the verdict of the week of {verdict.week} is {verdict.word}."


def _changed(found: Change, verdict: Signal | None) -> ChangePart:
    """Return what changed in words. One interval is no verdict: of a thousand, fifty lie beside 1 by chance."""
    now, before = found.now, found.before
    if now.stories + before.stories == 0:
        sentence = "No story named it in these eight weeks."
    else:
        sentence = (
            f"Its share of the stories is {found.momentum:.2f} times that of the four weeks before"
            f" (95% interval {found.lo:.2f} to {found.hi:.2f}): "
        )
        sentence += "more, if one looks at it alone." if found.lo > 1 else (
            "less, if one looks at it alone." if found.hi < 1 else "no change that chance could not have brought."
        )  # fmt: skip
        sentence += f" {_among_all(verdict)}"
    figures = (
        Figure("Stories", f"{now.stories:,} of {now.total:,}", f"{before.stories:,} of {before.total:,}"),
        Figure("Share of stories", _interval(now.share, now.lo, now.hi), _interval(before.share, before.lo, before.hi)),
        Figure("Articles, with copies", f"{now.articles:,}", f"{before.articles:,}"),
        Figure("Publishers", f"{now.publishers:,}", f"{before.publishers:,}"),
        Figure("Independent voices among them", f"{now.independent:,}", f"{before.independent:,}"),
    )
    return ChangePart(found, sentence, figures)


def _interval(share: float | None, lo: float | None, hi: float | None) -> str:
    return "—" if share is None or lo is None or hi is None else f"{share:.1%} ({lo:.1%} to {hi:.1%})"


def _why_nothing(known: Calendar) -> str:
    if not known.first_answer:
        return "No source has been read yet; `aiwire run` does it."
    full = len(full_weeks(known))
    return (
        f"Four full weeks are compared with the four before, and so far {full or 'none'} of these eight"
        f" {'was' if full <= 1 else 'were'} looked at from beginning to end: sources have been read since"
        f" {known.first_answer[:10]}. Older weeks hold only what could still be had then."
    )


def _why_no_quotes(quoted: Quotes) -> str:
    if not quoted.newest:
        return "No dated article is about it."
    return (
        f"No sentence of the articles about it since {quoted.since[:10]} is whole, {QUOTE_CHARS.start} to"
        f" {QUOTE_CHARS.stop - 1} characters long, and tagged with a confidence of {quoted.least:.0%} or more."
    )


def _beside(db: Database, found: Entity, known: Calendar, ask: Ask) -> BesidePart:
    url = ask.links.query("co_mentions", entity_id=found.id)
    together = pairs(db, found.id, found.kind, known)
    if together is None:
        return BesidePart("", "", is_full=False, groups=(), url=url)
    rows = sorted(together.beside, key=lambda one: KINDS.index(one.entity.kind))
    groups = tuple(
        BesideGroup(kind, heading(kind), tuple(chosen)) for kind, chosen in groupby(rows, lambda one: one.entity.kind)
    )
    return BesidePart(together.since, together.until, together.is_full, groups, url)
