"""The list of articles on a page that nobody has described: found by what repeats.

Links with the same path of elements form a group; of each group the items are the largest elements that hold one of
its links. The group that looks most like dated headlines wins, if it looks like them at all: rather no list than a
menu. Lists in embedded JSON (`ingest.sites.embedded`) compete with them, and fill in what the items do not show.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import sqrt
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from aiwire.types import Entry
from ingest.sites.articleurls import directory, has_slug
from ingest.sites.embedded import embedded_lists
from ingest.sites.linkgroups import link_groups, urls_below
from ingest.sites.listitems import words
from ingest.sites.listread import Listed, read_group, read_single

__all__ = ["find_list", "merged"]

MAX_ENTRIES = 200  # of one page
_MAX_GROUPS = 200  # of links, the largest, that are looked at
_DATED = 0.5  # share of items with a date from which on a list is one of dated headlines
_MIN_WORDS = 2.5  # of the middle title
_MIN_UNDATED = 4  # items of a list without dates
_MIN_WORDS_UNDATED = 4.5
_NEWS_PAGE = re.compile(
    r"blog|news|press|stories|insights|articles|posts|publications|updates|announcements|xinwen", re.I
)
_ONE_DIRECTORY = 0.6  # share of a list's URLs that makes their directory the list's own
_ASIDE = 0.2  # weight of a list beside the main content
_COUNTED = 30  # items from which on a longer list is no better


def find_list(tree: Any, *, url: str, base: str, language: str | None) -> tuple[Entry, ...]:
    """Return the articles that a page lists, in its order, each URL once; none if nothing on it is convincing.

    Args:
        tree: the page (lxml).
        url: of the page.
        base: what its relative links refer to.
        language: of the page: whether 3/4/2026 is in March or April.
    """
    groups = link_groups(tree, url=url, base=base)
    links = [link for group in groups for link in group.links]
    everything = urls_below(links)
    largest = sorted(groups, key=lambda group: -len(group.links))[:_MAX_GROUPS]
    read = (read_group(group, everything, language=language) for group in largest)
    lists = [listed for listed in read if listed is not None]
    for entries in embedded_lists(tree, url=url, base=base, known=[link.url for link in links]):
        lists.append(Listed(entries, embedded=True))
    best = max(lists, key=lambda listed: _score(listed, url), default=None)
    if best is None or _score(best, url) <= 0:
        return ()
    singles = [
        read_single(link, everything, group, language=language)
        for group in groups
        if not group.aside and len({link.url for link in group.links}) == 1
        for link in group.links
    ]
    return _newest(_without_promotions(_completed(_with_strays(best, [*lists, *singles]), lists)))


def merged(first: Entry, other: Entry) -> Entry:
    """Return the entry with what only the other knows of the same article."""
    return replace(
        first,
        title=first.title or other.title,
        published=first.published or other.published,
        date_source=first.date_source or other.date_source,
        summary=first.summary or other.summary,
    )


# ---------------------------------------------------------------- what makes a list


def _score(listed: Listed, url: str) -> float:
    """Return how much a list looks like one of articles; 0 if it does not."""
    entries = listed.entries
    if len(entries) < 2 or len({entry.title for entry in entries}) < 0.7 * len(entries):
        return 0.0
    dated = _share(entry.published is not None for entry in entries)
    slugs = _share(has_slug(entry.url or "") for entry in entries)
    below = _share(_is_below(entry.url or "", url) for entry in entries)
    length = median(words(entry.title) for entry in entries)
    _, together = _own_directory(entries)
    if dated >= _DATED:
        # Two dated links may be anything: they must at least be headings, or below the page.
        convincing = length >= _MIN_WORDS and (len(entries) > 2 or listed.headings + below >= 1)
    else:
        headed, inside = listed.headings >= _DATED, below >= _ONE_DIRECTORY
        # Headings below a page that calls itself a blog may be short; anything else must look like articles by itself.
        announced = headed and inside and _NEWS_PAGE.search(urlsplit(url).path) is not None
        alike = length >= _MIN_WORDS_UNDATED and slugs >= _ONE_DIRECTORY
        placed = headed or inside or listed.main or listed.embedded
        convincing = (
            not listed.aside
            and len(entries) >= _MIN_UNDATED
            and together >= _ONE_DIRECTORY
            and ((announced and length >= _MIN_WORDS) or (alike and placed))
        )
    if not convincing:
        return 0.0
    likeness = 1 + 2 * dated + 0.5 * (listed.headings + slugs + below + listed.main) + min(length, 12) / 24
    return sqrt(min(len(entries), _COUNTED)) * likeness * (_ASIDE if listed.aside else 1)


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / max(1, len(values))


def _is_below(url: str, page: str) -> bool:
    """Whether a URL is further down than the page's own."""
    link, own = urlsplit(url), urlsplit(page)
    return link.netloc == own.netloc and link.path.startswith(own.path.rstrip("/") + "/")


def _own_directory(entries: Sequence[Entry]) -> tuple[str, float]:
    """Return the directory that most entries are in, and the share of those."""
    ((name, count),) = Counter(directory(entry.url or "") for entry in entries).most_common(1)
    return name, count / len(entries)


# ---------------------------------------------------------------- what belongs to it


def _with_strays(best: Listed, others: Sequence[Listed]) -> Listed:
    """Return the list with the articles that a page shows apart from it, such as the newest at its top.

    They count if they are in the list's own directory and have a date or a heading, as the list's have.
    """
    own, share = _own_directory(best.entries)
    if best.embedded or share < _ONE_DIRECTORY:
        return best
    placed = dict(zip(best.positions, best.entries, strict=True))
    known = {entry.url for entry in best.entries}
    dated = _share(entry.published is not None for entry in best.entries) >= _DATED
    for other in others:
        if other.aside or other.embedded or other is best:
            continue
        for position, entry in zip(other.positions, other.entries, strict=True):
            like = entry.published is not None if dated else other.headings > 0
            if (
                like
                and entry.url not in known
                and directory(entry.url or "") == own
                and words(entry.title) >= _MIN_WORDS
            ):
                placed[position] = entry
                known.add(entry.url)
    return replace(
        best, entries=tuple(placed[position] for position in sorted(placed)), positions=tuple(sorted(placed))
    )


def _completed(best: Listed, others: Sequence[Listed]) -> tuple[Entry, ...]:
    """Return the list's entries with what other lists of the page say of the same articles."""
    said: dict[str | None, list[Entry]] = {}
    for other in others:
        for entry in other.entries:
            said.setdefault(entry.url, []).append(entry)
    entries = []
    for entry in best.entries:
        for other_entry in said.get(entry.url, ()):
            entry = merged(entry, other_entry)
        entries.append(entry)
    return tuple(entries)


def _without_promotions(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Return the entries without those that have no date and are elsewhere on the site, in a list of dated ones."""
    own, share = _own_directory(entries)
    dated = _share(entry.published is not None for entry in entries)
    if dated < _DATED or share < _ONE_DIRECTORY:
        return entries
    return tuple(entry for entry in entries if entry.published is not None or directory(entry.url or "") == own)


def _newest(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Return at most `MAX_ENTRIES` in their order: if all have dates the newest, as pages may begin with the oldest."""
    if len(entries) <= MAX_ENTRIES or any(entry.published is None for entry in entries):
        return entries[:MAX_ENTRIES]
    oldest = sorted((entry.published for entry in entries if entry.published), reverse=True)[MAX_ENTRIES - 1]
    return tuple(entry for entry in entries if entry.published and entry.published >= oldest)[:MAX_ENTRIES]
