"""An article's text with what it names marked in it: every piece escaped, every mark a link. Pure.

Offsets are code points, as the tagger counts them. Where mentions overlap, the longest is marked; the others stand in
the list beside the text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

__all__ = ["Passage", "Span", "longest", "marked", "paragraphs"]

CHUNK = 400  # code points of plain text that are written at a time: the text is cut between two chunks
_MARK = Markup('<mark class="tag tag--{}"><a href="{}" title="{}" aria-label="{}">{}</a></mark>')
_ELLIPSIS = Markup(" …")


@dataclass(frozen=True, slots=True)
class Span:
    """A place that names an entity: text[start:end]."""

    start: int  # code points
    end: int
    kind: str  # of the entity
    href: str  # its page
    label: str  # what is said of it where the pointer rests: "company NVIDIA, confidence 98 %: …"
    spoken: str  # what is read out instead of its words: "Nvidia, company, confidence 98 %"


@dataclass(frozen=True, slots=True)
class Passage:
    """The beginning of a text, as far as a page has room for it."""

    paragraphs: tuple[Markup, ...]
    shown: int  # code points of the text that were used
    is_whole: bool


def longest(spans: Iterable[Span], length: int) -> list[Span]:
    """Return spans of which no two overlap, in their order: the longest first taken, of equals the first.

    Those that do not lie in a text of `length` code points are left out.
    """
    sound = [span for span in spans if 0 <= span.start < span.end <= length]
    starts: list[int] = []
    taken: list[Span] = []
    for span in sorted(sound, key=lambda span: (span.start - span.end, span.start)):
        place = bisect_left(starts, span.start)
        is_free_before = place == 0 or taken[place - 1].end <= span.start
        if is_free_before and (place == len(starts) or starts[place] >= span.end):
            starts.insert(place, span.start)
            taken.insert(place, span)
    return taken


def marked(text: str, spans: Iterable[Span]) -> Markup:
    """Return a text of one line, escaped, with its spans marked: a title, a sentence."""
    return Markup("").join(
        _written(text[start:end], span) for start, end, span in _pieces(0, len(text), longest(spans, len(text)))
    )


def paragraphs(text: str, spans: Iterable[Span], *, budget: int) -> Passage:
    """Return a text as paragraphs with its spans marked, until their HTML has `budget` bytes.

    Lines are paragraphs; empty ones are passed over. A name that runs over the end of a line is marked in each.
    """
    free = longest(spans, len(text))
    found: list[Markup] = []
    start = first = 0
    left = budget
    for line in text.split("\n"):
        end = start + len(line)
        while first < len(free) and free[first].end <= start:
            first += 1
        if line.strip():
            content, used, stop = _fitting(text, _pieces(start, end, free[first : _beyond(free, first, end)]), left)
            left -= used
            if content and stop < end:
                content += _ELLIPSIS
            if content:
                found.append(content)
            if stop < end:
                return Passage(tuple(found), stop, is_whole=False)
        start = end + 1
    return Passage(tuple(found), len(text), is_whole=True)


def _beyond(spans: Sequence[Span], first: int, end: int) -> int:
    """Return the place of the first span that begins at or after `end`."""
    while first < len(spans) and spans[first].start < end:
        first += 1
    return first


def _pieces(start: int, end: int, spans: Iterable[Span]) -> Iterator[tuple[int, int, Span | None]]:
    """Yield the pieces of text[start:end], plain ones in chunks."""
    at = start
    for span in spans:
        low, high = max(span.start, start), min(span.end, end)
        yield from _chunks(at, low)
        if low < high:
            yield low, high, span
        at = max(at, high)
    yield from _chunks(at, end)


def _chunks(start: int, end: int) -> Iterator[tuple[int, int, None]]:
    for low in range(start, end, CHUNK):
        yield low, min(low + CHUNK, end), None


def _fitting(text: str, pieces: Iterable[tuple[int, int, Span | None]], budget: int) -> tuple[Markup, int, int]:
    """Return the pieces that fit as HTML, its bytes, and where in the text it ends."""
    written: list[Markup] = []
    used = stop = 0
    for start, end, span in pieces:
        piece = _written(text[start:end], span)
        size = len(piece.encode())
        if used + size > budget:
            return Markup("").join(written), used, start
        written.append(piece)
        used, stop = used + size, end
    return Markup("").join(written), used, stop


def _written(words: str, span: Span | None) -> Markup:
    return escape(words) if span is None else _MARK.format(span.kind, span.href, span.label, span.spoken, words)
