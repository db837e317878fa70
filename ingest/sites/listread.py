"""A group of links -> the entries that a page shows around them, with the dates that stand beside or above.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

from aiwire.types import Entry
from ingest.sites.articleurls import date_in_url, year_and_month_in_url
from ingest.sites.linkgroups import Group, Link, item_of, urls_below
from ingest.sites.listdates import complete, find_date, only_date, slashed_day_first, year_alone
from ingest.sites.listitems import Item, read_item
from ingest.sites.pagetext import chunks

__all__ = ["Listed", "read_group", "read_single"]

_PRICE = re.compile(r"\W*(?:(?:US|HK)?[$€£¥₹]|USD|EUR|GBP|CNY|RMB)\s?\d[\d.,]*\D{0,12}|\d[\d.,]*\s?[€元]\W*")
_CROWDED = 8  # links to other articles in the middle item: a section of the site, not an article's card
_MIN_SUMMARY = 40
_ROOM, _ROOM_EACH = 500, 50  # elements and texts that a list may have around its items, for itself and for each
_SHORT = 60  # characters of a text outside of the items that may be a date or year


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that was found, and what speaks for it."""

    entries: tuple[Entry, ...]
    positions: tuple[int, ...] = ()  # of the entries' links, in the page
    headings: float = 0.0  # share of titles that are headings
    aside: bool = False  # beside the main content, or called related, popular and the like
    main: bool = False  # in <main>
    embedded: bool = False  # from JSON


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands outside of an item and belongs to it."""

    date: str | None = None
    year: int | None = None
    summary: str | None = None


def read_group(group: Group, everything: dict[Any, set[str]], *, language: str | None) -> Listed | None:
    """Return the list that a group of links makes, None if it makes none: one article, whole sections, prices.

    Args:
        everything: of all links of the page, as `urls_below` gives it.
        language: of the page, for dates such as 3/4/2026.
    """
    by_url: dict[str, list[Link]] = {}
    for link in group.links:
        by_url.setdefault(link.url, []).append(link)
    if len(by_url) < 2:
        return None
    below = urls_below(group.links)
    nodes = {url: item_of(links[0], below) for url, links in by_url.items()}
    if median(len(everything[node]) for node in nodes.values()) > _CROWDED:
        return None
    if sum(_priced(node) for node in nodes.values()) * 2 > len(nodes):
        return None
    items = [
        read_item(nodes[url], [link.node for link in links], url=url, position=links[0].position)
        for url, links in by_url.items()
    ]
    alone = all(item.date for item in items)  # a walk through the page is dear: only where something is missing
    return _listed(items, [_Beside()] * len(items) if alone else _beside(list(nodes.values())), group, language)


def read_single(link: Link, everything: dict[Any, set[str]], group: Group, *, language: str | None) -> Listed:
    """Return the list of the one article that a link by itself leads to, such as one that a page shows at its top."""
    node = item_of(link, everything)
    item = read_item(node, [link.node], url=link.url, position=link.position)
    return _listed([item], [_Beside()], group, language)


def _listed(items: Sequence[Item], beside: Sequence[_Beside], group: Group, language: str | None) -> Listed:
    shown = [text for item in items for text in item.dates] + [around.date for around in beside if around.date]
    day_first = slashed_day_first(shown, language)
    named = [(item, around) for item, around in zip(items, beside, strict=True) if item.title]
    return Listed(
        entries=tuple(_entry(item, around, day_first=day_first) for item, around in named),
        positions=tuple(item.position for item, _ in named),
        headings=sum(item.heading for item, _ in named) / max(1, len(named)),
        aside=group.aside,
        main=group.main,
    )


def _entry(item: Item, beside: _Beside, *, day_first: bool) -> Entry:
    date = item.date or next((date for text in item.dates if (date := find_date(text, day_first=day_first))), None)
    date = date or (find_date(beside.date, day_first=day_first) if beside.date else None)
    date = date or _completed(item, beside)
    from_url = None if date else date_in_url(item.url)
    return Entry(
        guid=None,
        url=item.url,
        title=item.title,
        published=date or from_url,
        date_source="published" if date else "url" if from_url else None,
        summary=item.summary or (beside.summary if item.bare else None),
    )


def _completed(item: Item, beside: _Beside) -> datetime | None:
    """Return the date of an item that shows month and day, where a heading or the URL gives the year."""
    in_url = year_and_month_in_url(item.url)
    year, month = (beside.year, None) if beside.year else in_url or (None, None)
    if year is None:
        return None
    return next((date for text in item.dates if (date := complete(text, year, month))), None)


def _priced(node: Any) -> bool:
    return any(_PRICE.fullmatch(text) for text in chunks(node))


# ---------------------------------------------------------------- what stands beside the items


def _beside(nodes: Sequence[Any]) -> list[_Beside]:
    """Return what belongs to each item of those texts that stand between, above or below them.

    Where a date comes before the first item, dates stand above the items they are for; else below.
    """
    texts = _texts_around(nodes)
    above = bool(texts[0]) and any(only_date(text) for text in texts[0])
    found: list[_Beside] = []
    date: str | None = None
    year: int | None = None
    for before, after in pairwise(texts):
        for text in before:
            year = year_alone(text) or year
            if above and only_date(text):
                date = text
        here = date if above else next((text for text in after if only_date(text)), None)
        found.append(_Beside(here, year, next((text for text in after if len(text) >= _MIN_SUMMARY), None)))
    return found


def _texts_around(nodes: Sequence[Any]) -> list[list[str]]:
    """Return the texts before the first item, between it and the second, ... and after the last, in document order.

    They are looked for in the smallest element that holds all items. Where that is much larger than the items need,
    what stands in it is not theirs: then there are none.
    """
    items = set(nodes)
    above: set[Any] = {ancestor for node in nodes for ancestor in node.iterancestors()}
    texts: list[list[str]] = [[]]
    stack: list[Any] = [_common(nodes)]
    room = _ROOM + _ROOM_EACH * len(nodes)
    while stack:
        node = stack.pop()
        room -= 1
        if room < 0:
            return [[] for _ in range(len(nodes) + 1)]
        if isinstance(node, str):
            if text := " ".join(node.split()):
                texts[-1].append(text)
        elif node in items:
            texts.append([])
        elif node in above:
            parts = [part for child in node for part in (child, child.tail) if part is not None]
            stack.extend(reversed([*([node.text] if node.text else []), *parts]))
        elif isinstance(node.tag, str):
            own = chunks(node)
            texts[-1] += [" ".join(own)] if sum(map(len, own)) <= _SHORT else own
    return texts


def _common(nodes: Sequence[Any]) -> Any:
    """Return the smallest element that holds all nodes."""
    shared = [*reversed([nodes[0], *nodes[0].iterancestors()])]
    for node in nodes[1:]:
        path = {node, *node.iterancestors()}
        while shared and shared[-1] not in path:
            shared.pop()
    return shared[-1] if shared else nodes[0].getroottree().getroot()
