"""Which articles tell one story, given who is a copy of whom. Pure.

A story is a star: the longest article that is in none yet, by words, and all those without a story that are copies of
it. So two different pieces of which a third, short one is part are never one story: the short one goes with the longer.

A correction of a wrong story takes its article out of that: it tells a story of its own, or that of its sibling,
whatever the texts say. Siblings may be put right themselves; articles that name each other in a ring tell one story.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

__all__ = ["Member", "groups"]


class Member(NamedTuple):
    """What is known of a tagged article."""

    words: int
    dated_at: str  # ISO 8601, UTC
    publisher: str
    story_id: int | None  # of the story it was in last


def groups(
    members: Mapping[int, Member], copies: Callable[[int], Iterable[int]], siblings: Mapping[int, int]
) -> list[list[int]]:
    """Return the articles of each story, that of the leader first: the earliest, of equals the one with the least id.

    Args:
        members: tagged articles by id, with all that they are linked to, however far.
        copies: returns the ids of the copies of an article; asked once for each centre.
        siblings: what people have put right, by article: its sibling, or itself if it tells a story of its own.
    """
    centre_of = _stars(members, copies, siblings)
    ends = _ends(siblings)
    found: dict[int, list[int]] = {}
    for article_id in members:
        end = ends.get(article_id, article_id)
        found.setdefault(centre_of.get(end, end), []).append(article_id)
    return [sorted(group, key=lambda one: (members[one].dated_at, one)) for group in found.values()]


def _stars(
    members: Mapping[int, Member], copies: Callable[[int], Iterable[int]], siblings: Mapping[int, int]
) -> dict[int, int]:
    """Return the centre of each article that nobody has put right."""
    centre_of: dict[int, int] = {}
    for centre in sorted(members, key=lambda one: (-members[one].words, one)):
        if centre in centre_of or centre in siblings:
            continue
        centre_of[centre] = centre
        for copy in copies(centre):
            if copy in members and copy not in siblings:
                centre_of.setdefault(copy, centre)
    return centre_of


def _ends(siblings: Mapping[int, int]) -> dict[int, int]:
    """Return where the way from sibling to sibling ends: at an article whose story decides, or in a ring."""
    ends: dict[int, int] = {}
    for start in siblings:
        way: dict[int, None] = {}  # in order
        here = start
        while here in siblings and here not in ends and here not in way and siblings[here] != here:
            way[here] = None
            here = siblings[here]
        end = ends.get(here, here)
        if here in way:
            steps = list(way)
            end = min(steps[steps.index(here) :])
        ends |= dict.fromkeys(way, end)
    return ends
