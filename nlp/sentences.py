"""Split raw text into sentences by rule: offsets only, no tokens. Pure.

A newline always ends a sentence (headings and list items have no full stop). A full stop does not after an
abbreviation ("Inc. said"), an initial, a list number, or before a lower-case word; inside "v5.1" and "$1.5" it is
never a candidate, because no space follows it. What is longer than any real sentence is cut.

Chinese marks need no space after them: 。！？；, and … and Latin marks between two Chinese characters. The quotes and
brackets that close after a mark belong to its sentence; a title (《…？》) or a quote that the sentence goes on from
(“……！”的) ends none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["split_sentences"]

# one leading character class, because the search for it is fast; what follows is looked at in Python
_CANDIDATE = re.compile(r"[.!?…。！？；\n][.!?…。！？；]*[)\]\"'”’»」』）】》〉]*")
_CJK_MARKS = "。！？；"  # need no space after them
_NO_START = "，、：）】》〉”’」』"  # no sentence begins with these
_LONGEST = 2000  # characters: bounds what patterns over a sentence can cost
_NOT_SPACE = re.compile(r"\S")
_OPENING = "([\"'“‘/–—"
_FIRST_WORD = re.compile(r"\s*[\"'“‘(\[]*([^\W\d_]+)")
_NUMBER_AHEAD = re.compile(r"\s*\d")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# what they belong to follows, so they never end a sentence
_OPEN = _words(
    "mr mrs ms dr prof sen rep gov lt col sgt hon messrs vs v cf e.g i.e eg viz approx fig figs nos vol vols pp eq "
    "dept jan feb apr jun jul aug sep sept oct nov dec a.k.a incl excl w.r.t"
)
# the end of a sentence only if what follows begins like one
_EITHER = _words(
    "u.s u.k u.n e.u u.s.a d.c l.a p.m a.m inc corp ltd co llc plc bros jr sr etc al ph.d m.d b.a m.a m.sc b.sc st "
    "ave blvd s.a s.p.a n.v b.v a.g a.s pvt pty mfg intl assn est univ max min avg sec art ch gen rev pres mt ft ca "
    "resp aka ref"
)
_OPENERS = _words(
    "the a an this that these those it its he she they we i you his her their our my in on at for from by with as if "
    "when while after before since although though but and so yet or however meanwhile also there here what who why "
    "how where which to no not now then today yesterday last next some many most more all each both one two according "
    "despite during under over among because unlike like until once"
)


def split_sentences(raw: str) -> list[tuple[int, int]]:
    """Return (start, end) of every sentence: disjoint, in order, covering all that is not space."""
    found: list[tuple[int, int]] = []
    start = _next_word(raw, 0)
    for match in _CANDIDATE.finditer(raw):
        mark, end = match.span()
        first = raw[mark]
        if first == "\n":
            end = mark
        elif first in _CJK_MARKS:
            if _goes_on(raw, end):
                continue
        elif not raw[end : end + 1].isspace():
            if not (_is_han(raw[mark - 1 : mark]) and _is_han(raw[end : end + 1])):
                continue
        elif not _ends(raw, start, mark, end):
            continue
        if end > start:
            stop = end if not raw[end - 1].isspace() else start + len(raw[start:end].rstrip())
            if stop - start > _LONGEST:
                found.extend(_pieces(raw, start, stop))
            else:
                found.append((start, stop))
            start = _next_word(raw, end)
    if start < len(raw):
        found.extend(_pieces(raw, start, start + len(raw[start:].rstrip())))
    return found


def _goes_on(raw: str, end: int) -> bool:
    """Return whether a Chinese sentence goes on after its mark and what closes there."""
    last, following = raw[end - 1], raw[end : end + 1]
    return last in "》〉" or (following != "" and following in _NO_START) or (last in "”’」』" and following == "的")


def _is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff"


def _pieces(raw: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a sentence, cut at spaces (or anywhere, if it has none) if it is longer than any real one."""
    while end - start > _LONGEST:
        cut = raw.rfind(" ", start + 1, start + _LONGEST)
        stop = cut if cut > start else start + _LONGEST
        yield start, start + len(raw[start:stop].rstrip())
        start = _next_word(raw, stop)
    if start < end:
        yield start, end


def _next_word(raw: str, offset: int) -> int:
    if not raw[offset + 1 : offset + 2].isspace() and raw[offset : offset + 1].isspace():  # one space: the usual case
        return offset + 1
    match = _NOT_SPACE.search(raw, offset)
    return match.start() if match else len(raw)


def _ends(raw: str, start: int, mark: int, end: int) -> bool:
    """Return whether the mark at raw[mark:end] ends the sentence that began at `start`."""
    if raw[end + 1 : end + 2].isupper() and raw[mark - 7 : mark].islower() and raw[mark - 7 : mark].isalpha():
        return True  # no abbreviation is that long: the usual case
    following = _FIRST_WORD.match(raw, end)
    word = following[1] if following else ""
    if word and word[0].islower():
        return False
    if raw[mark] != "." or raw[mark : mark + 2] == "..":
        return True
    words = raw[max(start, mark - 24) : mark].split()
    before = words[-1].lstrip(_OPENING) if words and not raw[mark - 1].isspace() else ""
    low = before.lower()
    if low in _OPEN:
        return False
    if low in _EITHER or (len(before) == 1 and before.isupper()):  # an initial: "J. Huang"; but "plan B. The ..."
        return word.lower() in _OPENERS
    if low == "no":  # "No. 5" against "he said no."
        return not _NUMBER_AHEAD.match(raw, end)
    return not (before.isdigit() and mark - len(before) == start)  # a list number: "1. Buy"
