"""Is an article on the AI industry: the definition, and a quick bound of it for the bytes of a page. Pure.

An article counts if it is on artificial intelligence as a business or a technology: its hardware, models,
infrastructure, deployment, cost or regulation. `data/relevance.json` holds the words that show it and their weights;
names of the gazetteer join them by kind and category: accelerators and models, labs, chip makers, GPU clouds. A company
that does much else (Apple, Amazon) shows nothing, nor does a surface that needs its context to be a name.

    points = sum over different words and names: weight * (times in title and text, at most `most`
                                                           + `in_title` if the title has it)
    an article is relevant from `needed` + `per_10k` * size / 10,000 points; size in bytes of UTF-8

The bound takes every word for one of the title's and the page for a short one. What a page shows stands in its bytes,
so they have at least the points of its text: a page that they leave below `needed` holds no relevant article. Only
words that the markup hides are lost: parted by tags, or written as references or escapes; a page with many of those is
let through.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ahocorasick_rs import BytesAhoCorasick, Implementation

from aiwire.exceptions import ConfigError
from nlp.gazetteer import DATA, Lexicon, Record, load_lexicon
from nlp.han import has_han, simplify, spellings

__all__ = [
    "RELEVANCE_FILE",
    "RELEVANCE_VERSION",
    "Relevance",
    "RelevanceRules",
    "RelevanceTerm",
    "is_relevant",
    "load_relevance_rules",
    "may_be_relevant",
    "relevance_of",
    "relevance_terms",
]

RELEVANCE_FILE = "relevance.json"
_CODE = "1"  # raised when the same data would judge otherwise

_CHUNK = 1 << 16  # bytes looked through at once: bounds the list of matches, and most pages show it early
_WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_SPACES = bytes.maketrans(b"-_", b"  ")
_LEGACY = ("gb18030", "big5")  # charsets of Chinese pages beside UTF-8
_MOST_FORMS = 256  # of one Chinese word: simplified and traditional characters mixed
_HIDDEN = re.compile(rb"<(script|style)\b")
_TAG = 300  # bytes of a script's tag in which its type stands
_REFERENCES = 200  # character references or escapes of Chinese characters: an article may be written in them
_REFERENCE = re.compile(rb"&#x?[0-9A-Fa-f]{4,6};|\\u[4-9][0-9A-Fa-f]{3}")


@dataclass(frozen=True, slots=True)
class RelevanceRules:
    """What `relevance.json` says; weights and points have no unit but each other."""

    needed: float
    per_10k: float
    most: int
    in_title: float
    fast: float  # share of the points that are needed which a hurried extraction has to show
    cased: Mapping[str, float]
    terms: Mapping[str, float]
    names: Mapping[str, Mapping[str, float]]  # by kind and category; "" is for all of the kind
    without: frozenset[str]


@dataclass(frozen=True, slots=True)
class RelevanceTerm:
    """A word or name and its spellings; case counts in those of `cased`."""

    id: str
    weight: float
    spellings: tuple[str, ...] = ()
    cased: tuple[str, ...] = ()


@cache
def load_relevance_rules(folder: Path = DATA) -> RelevanceRules:
    """Return the words and weights in `folder`.

    Raises:
        ConfigError: the file cannot be read, or lacks something.
    """
    path = folder / RELEVANCE_FILE
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return RelevanceRules(
            needed=float(raw["needed"]),
            per_10k=float(raw["per_10k"]),
            most=int(raw["most"]),
            in_title=float(raw["in_title"]),
            fast=float(raw["fast"]),
            cased=_weights(raw["cased"]),
            terms=_weights(raw["terms"]),
            names={kind: _weights(by_category) for kind, by_category in raw["names"].items()},
            without=frozenset(raw["without"]),
        )
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as e:
        raise ConfigError(f"{path}: cannot be read as words of relevance ({e!r}); reinstall aiwire") from e


def _weights(raw: Mapping[str, Any]) -> dict[str, float]:
    weights = {word: float(weight) for word, weight in raw.items()}
    if wrong := [word for word, weight in weights.items() if weight <= 0]:
        raise ValueError(f"weights must be above 0: {', '.join(wrong)}")  # or more words would make fewer points
    return weights


def relevance_terms(lexicon: Lexicon, rules: RelevanceRules | None = None) -> tuple[RelevanceTerm, ...]:
    """Return the words of the rules (default: the shipped ones) and the names that `lexicon` adds to them."""
    rules = rules or load_relevance_rules()
    words = [RelevanceTerm(word, weight, cased=(word,)) for word, weight in rules.cased.items()]
    words += [RelevanceTerm(word, weight, spellings(word)) for word, weight in rules.terms.items()]
    known = {spelling.lower() for term in words for spelling in (*term.spellings, *term.cased)}
    return (*words, *(term for record in lexicon.records if (term := _name(record, rules, known)) is not None))


def _name(record: Record, rules: RelevanceRules, known: set[str]) -> RelevanceTerm | None:
    entity = record.entity
    by_category = rules.names.get(entity.kind, {})
    weight = by_category.get(entity.category or "", by_category.get(""))
    if weight is None or entity.id in rules.without:
        return None
    aliases = [a for a in record.aliases if len(a.surface) > 1 and a.surface.lower() not in known]
    folded = tuple(dict.fromkeys(simplify(a.surface.lower()) for a in aliases if a.policy == "any"))
    cased = tuple(dict.fromkeys(a.surface for a in aliases if a.policy == "cased"))
    return RelevanceTerm(f"{entity.kind}:{entity.id}", weight, folded, cased) if folded or cased else None


class _Scanner:
    """Finds patterns in normal bytes; each belongs to a slot."""

    def __init__(self, patterns: Mapping[bytes, int]) -> None:
        self._patterns = list(patterns)
        self._slots = list(patterns.values())
        self._automaton = BytesAhoCorasick(self._patterns, implementation=Implementation.ContiguousNFA)
        self.longest = max(map(len, self._patterns))

    def slots(self, body: bytes, start: int, end: int) -> Iterator[int]:
        """Yield the slot of every whole word in `body` that ends after `start` and not after `end`."""
        first = max(0, start - self.longest)
        for index, at, to in self._automaton.find_matches_as_indexes(body[first:end], overlapping=True):
            at, to = first + at, first + to
            if to > start and _is_whole(body, at, to):
                yield self._slots[index]


def _is_whole(body: bytes, at: int, to: int) -> bool:
    """Return whether no word goes on before or after, but for the s of a plural; Chinese words touch each other."""
    if at and body[at] in _WORD and body[at - 1] in _WORD:
        return False
    if to == len(body) or body[to - 1] not in _WORD or body[to] not in _WORD:
        return True
    return body[to] == 0x73 and (to + 1 == len(body) or body[to + 1] not in _WORD)


class Relevance:
    """Judges articles and pages by terms; made once, then only read."""

    def __init__(self, terms: Sequence[RelevanceTerm], rules: RelevanceRules) -> None:
        self._rules = rules
        self._weights = [term.weight for term in terms]
        self._cased = _Scanner(_patterns((term.cased for term in terms), lower=False))
        self._uncased = _Scanner(_patterns((term.spellings for term in terms), lower=True))

    def is_relevant(self, title: str, text: str) -> bool:
        """Return whether an article, read with care, is on the AI industry."""
        return self._has(title, text, 1.0)

    def is_likely(self, title: str, text: str) -> bool:
        """Return whether it may be, going by a hurried extraction: less is asked of it, as parts may be lacking."""
        return self._has(title, text, self._rules.fast)

    def may_be_relevant(self, body: bytes) -> bool:
        """Return False if the bytes of a page, in whatever charset, cannot hold a relevant article."""
        if not body:
            return False
        if body[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in body[:64]:
            body = _from_utf16(body)
        body = _shown(body)
        normal = _normal(body)
        if self._points(normal, self._rules.needed, self._rules.in_title) >= self._rules.needed:
            return True
        references = itertools.islice(_REFERENCE.finditer(body), _REFERENCES)
        return sum(1 for _ in references) == _REFERENCES

    def points(self, title: str, text: str) -> float:
        """Return the points of an article, without an end: for reports."""
        normal, titled = self._read(title, text)
        return self._points(normal, math.inf) + self._bonus(titled)

    def _has(self, title: str, text: str, share: float) -> bool:
        normal, titled = self._read(title, text)
        needed = self._rules.needed + self._rules.per_10k * len(normal) / 10_000
        lacking = share * needed - self._bonus(titled)
        return self._points(normal, lacking) >= lacking

    def _read(self, title: str, text: str) -> tuple[bytes, set[int]]:
        head, body = (_normal(simplify(part).encode("utf-8", "replace")) for part in (title, text))
        titled = set(self._cased.slots(head, 0, len(head))) | set(self._uncased.slots(head.lower(), 0, len(head)))
        return head + b"\n" + body, titled

    def _bonus(self, titled: Iterable[int]) -> float:
        return sum(self._weights[slot] for slot in titled) * self._rules.in_title

    def _points(self, normal: bytes, enough: float, bonus: float = 0.0) -> float:
        """Return the points of the bytes, or at least `enough` of them; `bonus` is added to the times of every word."""
        lower = normal.lower()
        counts: dict[int, int] = {}
        points = 0.0
        for start in range(0, len(normal), _CHUNK):
            if points >= enough:
                break
            end = start + _CHUNK
            for slot in itertools.chain(self._cased.slots(normal, start, end), self._uncased.slots(lower, start, end)):
                count = counts[slot] = counts.get(slot, 0) + 1
                if count <= self._rules.most:
                    points += self._weights[slot] * (1 + bonus if count == 1 else 1)
        return points


def _patterns(spelled: Iterable[Sequence[str]], *, lower: bool) -> dict[bytes, int]:
    """Return the bytes to look for and the slots of their terms; the first term has what two share."""
    made: dict[bytes, int] = {}
    for slot, words in enumerate(spelled):
        for form in itertools.chain.from_iterable(map(_forms, words)):
            for normal in filter(None, map(_normal, _encodings(form))):
                made.setdefault(normal.lower() if lower else normal, slot)
    return made


def _forms(word: str) -> tuple[str, ...]:
    """Return a word as it is, in simplified characters and in the traditional ones."""
    if not has_han(word):
        return (word,)
    choices = [(c, *_traditional().get(c, ())) for c in simplify(word)]
    forms = map("".join, itertools.islice(itertools.product(*choices), _MOST_FORMS))
    return tuple(dict.fromkeys((word, *forms)))


def _encodings(word: str) -> Iterator[bytes]:
    yield word.encode()
    if not word.isascii():
        for charset in _LEGACY:
            try:
                yield word.encode(charset)
            except UnicodeEncodeError:
                continue


@cache
def _traditional() -> dict[str, list[str]]:
    """Return the traditional characters of each simplified one."""
    characters = "".join(map(chr, range(0x3400, 0xA000)))
    made: dict[str, list[str]] = {}
    for plain, character in zip(simplify(characters), characters, strict=True):
        if plain != character:
            made.setdefault(plain, []).append(character)
    return made


def _shown(body: bytes) -> bytes:
    """Return a page without scripts and styles, but for the data of its article; what is not closed stays."""
    lower = body.lower()
    pieces, kept = [], 0
    for match in _HIDDEN.finditer(lower):
        start = match.start()
        if start < kept:
            continue
        end = lower.find(b"</" + match[1], start)
        if end < 0:
            break
        if b"ld+json" not in lower[start : start + _TAG]:
            pieces.append(body[kept:start])
            kept = end
    return b"".join((*pieces, body[kept:]))


def _normal(body: bytes) -> bytes:
    """Return the bytes with one space for whatever parts words."""
    return b" ".join(body.replace(b"&nbsp;", b" ").replace(b"\xc2\xa0", b" ").translate(_SPACES).split())


def _from_utf16(body: bytes) -> bytes:
    big = body[:2] == b"\xfe\xff" or (body[:2] != b"\xff\xfe" and body[0] == 0)
    return body.decode("utf-16-be" if big else "utf-16-le", "replace").encode("utf-8", "replace")


@lru_cache(maxsize=2)
def _relevance(version: str, lexicon: Lexicon) -> Relevance:
    rules = load_relevance_rules()
    return Relevance(relevance_terms(lexicon, rules), rules)


def relevance_of(lexicon: Lexicon) -> Relevance:
    """Return the judge with the names of `lexicon`; made once per lexicon and process."""
    return _relevance(lexicon.version, lexicon)


def is_relevant(title: str, text: str) -> bool:
    """Return whether an article is on the AI industry, by the shipped gazetteer."""
    return relevance_of(load_lexicon()).is_relevant(title, text)


def may_be_relevant(body: bytes) -> bool:
    """Return False if the bytes of a page cannot hold an article that `is_relevant`; in any charset."""
    return relevance_of(load_lexicon()).may_be_relevant(body)


def _version() -> str:
    made = hashlib.blake2b(digest_size=6)
    made.update(_CODE.encode() + (DATA / RELEVANCE_FILE).read_bytes())
    return made.hexdigest()


RELEVANCE_VERSION = _version()
"""Hash of the rules; the names of the gazetteer have the version of their own."""
