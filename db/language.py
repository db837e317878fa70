"""Language tags in one spelling, so that en-us and en-US are one value of a column."""

from __future__ import annotations

from itertools import pairwise

__all__ = ["normal_language"]


def normal_language(tag: str | None) -> str | None:
    """Return a BCP 47 tag in the letter case that RFC 5646 2.1.1 recommends; None for a blank one.

    Two letters that are neither first nor after a singleton (`x`, `u` ...) are capitals (`en-US`), four begin with one
    (`zh-Hant`), all others are small. An underscore counts as a hyphen. Nothing is checked: the tag is as declared.
    """
    subtags = [subtag for subtag in (tag or "").strip().replace("_", "-").lower().split("-") if subtag]
    if not subtags:
        return None
    return "-".join([subtags[0], *(_cased(one, before) for before, one in pairwise(subtags))])


def _cased(subtag: str, before: str) -> str:
    if len(before) == 1:
        return subtag
    return {2: subtag.upper(), 4: subtag.title()}.get(len(subtag), subtag)
