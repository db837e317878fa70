"""Capitalised names in raw text: where one begins or ends, what belongs to it, and lists of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

__all__ = ["DOMAIN_END", "Named", "name_at", "name_before", "name_lists", "trimmed"]

_CAPITAL = "A-ZÀ-ÖØ-Þ"
_DOMAIN = r"\.(?:ai|AI|io|com|co|dev|app)\b"
_WORD = rf"(?:[{_CAPITAL}][\w&’'-]*|[a-z]{{1,2}}[A-Z]\w+|\d+[A-Z]\w*)(?:{_DOMAIN})?"
_NAME = rf"{_WORD}(?: (?:&|{_WORD})){{0,3}}"
_NAME_AT = re.compile(_NAME)
_ONE_WORD = re.compile(_WORD)
_LAST_PART = re.compile(r"[^\s,;:()\"“”]*\Z")
_MOST_WORDS = 4
_REACH = 60  # characters before a place in which its name begins
DOMAIN_END = re.compile(r"\.(?:ai|AI|io|co|dev|app)\Z")  # a firm's own; what ends in .com is often an outlet's

# "Foo (NYSE: FOO), Bar Labs and Baz"; a list begins at a word, which keeps the search linear
_ITEM = rf"{_NAME}(?: \((?:[A-Z]{{1,5}}|[A-Z]+: ?[A-Z.]+)\))?"
_LIST = re.compile(rf"(?<![\w’'-]){_ITEM}(?:(?:,? (?:and|or|plus) |, ){_ITEM})+")
_BETWEEN_ITEMS = re.compile(r",? (?:and|or|plus) |, ")

_LEGAL = frozenset(
    ("Inc", "Corp", "Corporation", "Ltd", "Limited", "GmbH", "PLC", "plc", "LLC", "LLP", "Holdings", "Co")
)
_POSSESSIVE = re.compile(r"(?:'s|’s|['’])\Z")
# "Boston-based Foo", "AI-powered Foo": the name begins after it
_COMPOUND = re.compile(
    r"\w-(?:[a-z]+ed|[a-z]+en|[a-z]+ing|like|style|only|wide|first|native|scale|level|built|led|made)\Z"
)
# "Foo CEO Ada Bar", "Foo Inc. CEO": a title parts names
_TITLES = frozenset(
    ("ceo", "cto", "cfo", "coo", "ciso", "cio", "chief", "founder", "co-founder", "cofounder", "founders", "president",
     "co-founders", "chairman", "chairwoman", "vice", "director", "vp", "svp", "evp", "spokesperson", "inc", "corp",
     "ltd", "llc", "gmbh")
)  # fmt: skip


class Named(NamedTuple):
    """A name as it stands in the text."""

    name: str
    start: int


def name_at(raw: str, start: int) -> str | None:
    """Return the capitalised name that begins at `start`."""
    match = _NAME_AT.match(raw, start)
    return match[0] if match else None


def name_before(raw: str, end: int) -> Named | None:
    """Return the capitalised name that ends at `end`, the longest one of at most four words."""
    low = max(0, end - _REACH)
    nearest = raw[max(low, raw.rfind(" ", low, end) + 1) : end]
    if nearest.islower() or nearest.isdigit():  # the usual case: "he said"
        return None
    found = None
    start = end
    for word in reversed(raw[low:end].split(" ")[-_MOST_WORDS:]):
        start -= len(word)
        last = _LAST_PART.search(word)
        part = last[0] if last else ""
        if _ONE_WORD.fullmatch(part):
            found = start + len(word) - len(part)
        elif part != "&":
            break
        if len(part) < len(word):
            break
        start -= 1
    return None if found is None else Named(raw[found:end], found)


def name_lists(raw: str, low: int, high: int) -> Iterator[list[Named]]:
    """Yield the lists of names in raw[low:high]: "Foo, Bar Labs and Baz"."""
    for match in _LIST.finditer(raw, low, high):
        start, items = match.start(), []
        gaps = list(_BETWEEN_ITEMS.finditer(raw, match.start(), match.end()))
        for between in (*gaps, None):
            found = _NAME_AT.match(raw, start, between.start() if between else match.end())
            if found:
                items.append(Named(found[0], start))
            if between:
                start = between.end()
        if len(gaps) > 1 and gaps[-1][0] == " and " and gaps[-2][0].endswith(" and "):
            del items[-2:]  # "Foo, and Bar and Baz": the last two may be one name
        if items:
            yield items


def trimmed(named: Named, ends: Collection[str], *, after: bool) -> Named:
    """Return the name without its legal form, `ends` (words of no name) and what a title parts from it.

    `after` tells on which side of its evidence it stands: of "Foo CEO Ada Bar" the first part counts after "start-up",
    the last one before "said".
    """
    name, start = named
    words = name.split(" ")
    if len(words) > 1:
        words, start = _own_words(words, start, after=after)
    while words and (words[0] == "&" or words[0].lower().strip(".'’") in ends):
        words, start = _without_first(words, 1, start)
    while words and (words[-1] == "&" or (words[-1].lower() in ends and words[-1] != "AI")):
        words.pop()
    while len(words) > 1 and words[-1].rstrip(".") in _LEGAL:
        words.pop()
    return Named(_POSSESSIVE.sub("", " ".join(words)).rstrip(","), start)


def _own_words(words: list[str], start: int, *, after: bool) -> tuple[list[str], int]:
    """Return the words that a title ("CEO") or a compound ("Boston-based") does not part from the name."""
    titles = [i for i, word in enumerate(words) if word.lower().strip(".'’") in _TITLES and (i or not after)]
    if titles and after:
        words = words[: titles[0]]
    elif titles:
        words, start = _without_first(words, titles[-1] + 1, start)
    compounds = [i for i, word in enumerate(words) if "-" in word and _COMPOUND.search(word)]
    return _without_first(words, compounds[-1] + 1, start) if compounds else (words, start)


def _without_first(words: list[str], count: int, start: int) -> tuple[list[str], int]:
    return words[count:], start + sum(len(word) + 1 for word in words[:count])
