"""An article as the tagger reads it: title and text as one string, its folded form and its sentences. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from aiwire.types import Sentence, TextField
from nlp.casing import CJK, is_title_case
from nlp.han import has_han, simplify
from nlp.sentences import split_sentences

__all__ = ["CJK", "SEPARATOR", "Text", "fold", "is_word", "join", "without_surrogates"]

SEPARATOR = "\n\n"  # between title and text: ends a sentence, part of no name


def fold(raw: str) -> str:
    """Return `raw` in lower case and simplified characters with plain apostrophes, spaces and hyphens.

    Every character keeps its offset.
    """
    return simplify(_plain(raw))


def _plain(raw: str) -> str:
    low = raw.lower()
    if len(low) != len(raw):  # U+0130 becomes two characters
        low = "".join(c if len(c.lower()) != 1 else c.lower() for c in raw)
    if low.isascii():
        return low
    return (
        low.replace("\u2019", "'").replace("\u2018", "'").replace("\xa0", " ").replace("\u202f", " ")
        .replace("\u2009", " ").replace("\u2011", "-").replace("\u2010", "-")
    )  # fmt: skip


def is_word(char: str) -> bool:
    """Return whether `char` continues a Latin word; CJK does not: "英伟达H100芯片" holds the word H100."""
    return (char.isalnum() and char < CJK) or char == "_"


class Text:
    """Title and text as one string; offsets of the parts are into `raw` until `place` turns them into a field's own."""

    __slots__ = ("_starts", "_title_case", "body", "folded", "has_han", "raw", "sentences", "title_end")

    def __init__(self, raw: str, title_length: int = 0) -> None:
        self.raw = raw
        self.has_han = has_han(raw)
        self.folded = simplify(_plain(raw)) if self.has_han else _plain(raw)
        self.title_end = title_length
        self.body = title_length + len(SEPARATOR) if title_length else 0
        self.sentences: list[tuple[int, int]] = []
        self._starts: list[int] = []
        self._title_case: dict[int, bool] = {}  # by start of the sentence

    @classmethod
    def of(cls, title: str, text: str) -> Text:
        """Return the text of an article with its sentences split."""
        made = cls(join(title, text), len(title))
        made.split()
        return made

    def split(self) -> None:
        """Find the sentences."""
        self.sentences = split_sentences(self.raw)
        self._starts = [start for start, _ in self.sentences]

    def sentence_index(self, offset: int) -> int:
        """Return the index of the sentence that `offset` lies in, or the last one before it."""
        index = bisect_right(self._starts, offset) - 1
        return index if index > 0 else 0

    def sentence_at(self, offset: int) -> tuple[int, int]:
        """Return start and end of the sentence around `offset`."""
        return self.sentences[self.sentence_index(offset)] if self.sentences else (0, len(self.raw))

    def in_title_case(self, offset: int) -> bool:
        """Return whether the sentence around `offset` is in title case, where capitals say nothing."""
        start, end = self.sentence_at(offset)
        if start not in self._title_case:
            self._title_case[start] = is_title_case(self.raw[start:end])
        return self._title_case[start]

    def place(self, start: int, end: int) -> tuple[TextField, int, int]:
        """Return the field that `raw[start:end]` lies in and its offsets there."""
        if start < self.title_end:
            return "title", start, end
        return "text", start - self.body, end - self.body

    def field_sentences(self) -> tuple[Sentence, ...]:
        """Return all sentences with their field, in order."""
        first = bisect_left(self._starts, self.body) if self.body else 0
        shift = self.body
        title = [Sentence("title", start, end) for start, end in self.sentences[:first]]
        return (*title, *[Sentence("text", start - shift, end - shift) for start, end in self.sentences[first:]])


def join(title: str, text: str) -> str:
    """Return the string whose offsets `Text` speaks of."""
    return f"{title}{SEPARATOR}{text}" if title else text


def without_surrogates(text: str) -> str:
    """Return `text` with lone surrogates, which JSON may hold and UTF-8 may not, replaced one for one: offsets stay."""
    return _SURROGATE.sub("\ufffd", text)


_SURROGATE = re.compile("[\ud800-\udfff]")
