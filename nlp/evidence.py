"""Evidence in a text that a capitalised name is a company: phrases beside it, lists, its form, what is around. Pure.

An automaton finds the phrases ("start-up …", "… raised $"); the name beside each becomes a case. Each kind of evidence
is a feature that a case has or has not; `nlp.unlisted` weighs them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from nlp.features import Found
from nlp.names import DOMAIN_END, Named, name_at, name_before, name_lists, trimmed
from nlp.surroundings import LEFT, RIGHT
from nlp.text import Text, is_word

__all__ = ["FEATURES", "Case", "Cases", "Known", "Vocabulary", "elsewhere", "features"]

_MOST_CASES = 300  # names that are looked at; a text of 300,000 characters has some sixty
_MOST_PLACES = 5  # mentions of a name whose surroundings are looked at
_SHORTEST, _LONGEST, _LONGEST_CAPITALS = 3, 60, 12  # characters of a name
_TELLING = 7  # letters from which a word alone is
_LEFT_REACH, _RIGHT_REACH, _NEAR = 60, 100, 40  # characters beside a mention
_TRADEMARK_REACH = 300  # characters behind a list in which it is said to be of trademarks
# phrases that open a case only where more of a pattern of `nlp.surroundings` follows
_CONFIRMED = {"apposition": ("apposition-firm", "seat"), "is-a": ("is-a",)}
_AT_RIGHT = ("verb", "weak-verb", "person", "apposition", "apposition-firm", "seat", "owned", "ticker", "is-a",
             "speech", "thing-right", "edition", "role", "place-right")  # fmt: skip
# by the character right behind the name: most patterns need not be tried
_RIGHT_FROM = {
    first: tuple((feature, RIGHT[feature]) for feature in features)
    for first, features in {
        " ": [f for f in _AT_RIGHT if f not in ("owned", "place-right")],
        ",": [f for f in _AT_RIGHT if f not in ("owned", "weak-verb", "is-a", "edition")],
        "'": ["person", "thing-right"],
        "-": ["owned", "edition"],
        "(": ["ticker"],
        "[": ["ticker"],
    }.items()
}
_AT_LEFT = ("organisation", "preposition", "article", "thing-left", "place", "title")
_CAPITAL_LEFT = re.compile(r"([A-Z][\w’'-]*)[.”\"]? \Z")
_CAPITAL_RIGHT = re.compile(r" (?:of (?:the )?)?(?!(?:Inc|Corp|Ltd|Limited|GmbH|Holdings|Co|Pte|Pty)\b)[A-Z][a-z]")
_HUMAN = re.compile(r"\b(?:he|she|his|her|him|himself|herself)\b")
_WORD = re.compile(r"\w+")
_SUFFIXES = ("suffix-weak", "suffix-ai")
_CAMEL = re.compile(r"[a-z][A-Z]")
_DIGIT = re.compile(r"\d")
_CONTRACTION = re.compile(r"[A-Z][a-z]*['’](?:ve|ll|re|m|d|t|all)\b")
_PLURAL = re.compile(r"\A[A-Z]{2,}s\Z")  # "GPUs", "CIOs"
# "byFoo", "WithFoo", "FOOrecently": what sloppy HTML glues together
_GLUED = re.compile(
    r"\b(?:by|of|to|in|at|on|an|is|as|or|if|it|we|my|so|no|do|up|a)[A-Z][a-z]|\b[A-Z]{3,}[a-z]{3,}|"
    r"\b(?:While|With|When|This|That|After|Through|Since|Although|Because|Under|From|And|But|The)[A-Z]|"
    r"[a-z](?:Image|Photo|Photograph)\Z|[a-z]\d\d\Z"
)
_PART_OF = re.compile(r"(\w+) of (?:the )?\Z")
_HEADING = re.compile(r"(?:\d{1,2}[.)]|#{1,4}) ?\Z")
_NO_NAME_AFTER = ("@", "#", "/", "_", "-", ".")  # user names, tags, paths
_SITES = (".com", ".io", ".co", ".dev", ".app")

# by which evidence opens a case, the form of its name, and what stands around its mentions
FEATURES = frozenset(
    ("bias", "kind", "called", "firm", "likes", "officer-of", "staff", "round", "backer", "deal", "owner", "based",
     "officer", "officer-weak", "legal", "funding", "stock", "deals", "suffix", "suffix-weak", "suffix-ai", "domain",
     "site", "heading", "list-known", "list-strong", "list-mixed", "list-found", "one-word", "two-words", "three-words",
     "camel", "hyphen", "capitals", "digit", "thing", "common", "common-all", "common-some", "small-letters",
     "abbreviation", "possessive", "product-of", "between", "capital-left", "capital-right", "first-name", "human",
     "opens", "opens-common", *_AT_RIGHT, *_AT_LEFT)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words that tell what a capitalised name is, all in lower case."""

    after: dict[str, tuple[str, ...]]  # phrases before a name, by feature
    before: dict[str, tuple[str, ...]]  # phrases behind a name
    suffixes: dict[str, str]  # last words of companies' names -> feature
    public: frozenset[str]  # words of public bodies, places, events, teams
    ends: frozenset[str]  # words that are cut from the ends of a name
    first_names: frozenset[str]  # of people
    stop: frozenset[str]  # what is no company by itself
    things: frozenset[str]  # names of products, projects and methods
    common: frozenset[str]  # words of the language


@dataclass(slots=True)
class Case:
    """A name that may be a company's, and the evidence for it by place."""

    name: str
    opened: dict[int, set[str]] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)  # where it stands, outside of known names

    def add(self, start: int, feature: str) -> None:
        """Note evidence at a place."""
        if len(self.opened) < _MOST_CASES:
            self.opened.setdefault(start, set()).add(feature)


class Known:
    """The names of a text that are decided already."""

    def __init__(self, names: Iterable[Found]) -> None:
        self._all = sorted(names, key=lambda f: f.start)
        self._starts = [f.start for f in self._all]
        self.by_start = {f.start: f for f in self._all}
        self.by_end = {f.end: f for f in self._all}
        self.companies = [f for f in self._all if f.kind == "company" and not _is_outlet(f)]
        self._surfaces: frozenset[str] | None = None
        self._words: frozenset[str] | None = None

    def surfaces(self, text: Text) -> frozenset[str]:
        """Return the names as `text` writes them."""
        if self._surfaces is None:
            self._surfaces = frozenset(text.raw[f.start : f.end] for f in self._all)
        return self._surfaces

    def words(self, text: Text) -> frozenset[str]:
        """Return all words of `text`: asked for seldom, but then often."""
        if self._words is None:
            self._words = frozenset(_WORD.findall(text.raw))
        return self._words

    def over(self, start: int, end: int) -> bool:
        """Return whether a decided name lies over raw[start:end]."""
        near = bisect_left(self._starts, end)
        return any(f.end > start for f in self._all[max(0, near - 4) : near])  # names overlap by a few at most


class _Phrase(NamedTuple):
    """A phrase beside names: the name stands "after" or "before" it, or "end"s with it."""

    feature: str
    side: str
    begins_word: bool
    ends_word: bool
    spaced: bool  # " labs": the last of several words
    capital: int  # offset of the letter that must be a capital; 0: none

    @classmethod
    def of(cls, text: str, feature: str, side: str) -> _Phrase:
        """Return what there is to know of a phrase."""
        spaced = side == "end" and text[0] == " "
        capital = len(text) - len(text.lstrip(", ")) if spaced or feature == "legal" else 0
        return cls(feature, side, text[0].isalnum(), text[-1].isalpha(), spaced, capital)


class Cases:
    """Finds the names of a text beside which evidence stands."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._words = vocabulary
        phrases = [
            *[(_may_glue(p), name, "after") for name, some in vocabulary.after.items() for p in some],
            *[(p, name, "before") for name, some in vocabulary.before.items() for p in some],
            *[(f" {s}" if s[0].isalpha() else s, name, "end") for s, name in vocabulary.suffixes.items()],
        ]
        self._phrases = [_Phrase.of(*phrase) for phrase in phrases]
        self._automaton = AhoCorasick(
            [text for text, _, _ in phrases], matchkind=MatchKind.Standard, implementation=Implementation.DFA
        )

    def find(self, text: Text, known: Known) -> tuple[dict[str, Case], list[list[Named]]]:
        """Return the cases by name, and the lists of names among which some are a company's or a case."""
        cases: dict[str, Case] = {}
        for feature, named in self._beside_phrases(text, known):
            self.open(text, known, cases, named, feature)
        places = [f.start for f in known.companies if _may_list(text.raw, f.start, f.end)]
        for name, case in cases.items():
            places.extend(start for start in case.opened if _may_list(text.raw, start, start + len(name)))
        lists = []
        for index in sorted({text.sentence_index(place) for place in places}):
            for items in name_lists(text.raw, *text.sentences[index]):
                if text.folded.find("trademark", items[-1].start, items[-1].start + _TRADEMARK_REACH) < 0:
                    lists.append(self._open_list(text, known, cases, items))
        return cases, lists

    def _beside_phrases(self, text: Text, known: Known) -> Iterator[tuple[str, Named]]:
        """Yield the undecided names beside which a phrase stands, with its feature."""
        raw, folded, size = text.raw, text.folded, len(text.raw)
        for index, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            feature, side, begins_word, ends_word, spaced, capital = self._phrases[index]
            if side == "after":
                if begins_word and start and is_word(folded[start - 1]):
                    continue
                at = end + (raw[end : end + 1] == " ")
                is_name = raw[at : at + 1].isupper() or raw[at + 1 : at + 3].strip().isupper()  # "Foo", "eFoo"
                if is_name and at not in known.by_start and (name := name_at(raw, at)):
                    yield feature, trimmed(Named(name, at), self._words.ends, after=True)
                continue
            # thousands of "said ai": the cheap questions first
            if (capital and not raw[start + capital].isupper()) or not start or not raw[start - 1].isalnum():
                continue
            if start in known.by_end or (ends_word and end < size and is_word(folded[end])):
                continue
            if spaced and raw[raw.rfind(" ", max(0, start - _LONGEST), start) + 1 : start].islower():  # "our AI"
                continue
            named = name_before(raw, end if side == "end" else start)
            if named and (not spaced or " " in named.name) and _is_confirmed(folded, feature, start):
                yield feature, trimmed(named, self._words.ends, after=False)

    def _open_list(self, text: Text, known: Known, cases: dict[str, Case], items: list[Named]) -> list[Named]:
        """Open a case for each undecided name of the list if it holds companies; return those names."""
        companies = others = 0
        unsure = []
        for item in items:
            found = known.by_start.get(item.start)
            if found is not None:
                companies += found.kind == "company" and not _is_outlet(found)
                others += found.kind != "company"
            elif not known.over(item.start, item.start + len(item.name)):
                unsure.append(trimmed(item, self._words.ends, after=True))
                companies += self._words.suffixes.get(unsure[-1].name.lower().rsplit(" ", 1)[-1]) == "suffix"
        if companies:
            feature = "list-mixed" if others else "list-strong" if companies > 1 else "list-known"
            for named in unsure:
                self.open(text, known, cases, named, feature)
        return unsure

    def open(self, text: Text, known: Known, cases: dict[str, Case], named: Named, feature: str) -> None:
        """Add evidence for a name to its case, which is opened if it can be a company's."""
        name, start = named
        if not name or text.raw[start - 1 : start] in _NO_NAME_AFTER or known.over(start, start + len(name)):
            return
        case = cases.get(name)
        if case is None:
            if len(cases) >= _MOST_CASES or not self._plausible(text, name, start):
                return
            if feature in _SUFFIXES and all(w in self._words.common or w in self._words.suffixes for w in _low(name)):
                return  # "Cloud Security": what such a name lacks is other evidence
            case = cases[name] = Case(name)
        case.add(start, feature)

    def _plausible(self, text: Text, name: str, start: int) -> bool:
        low, words = _low(name), self._words
        if not _SHORTEST <= len(name) <= (_LONGEST_CAPITALS if name.isupper() else _LONGEST):
            return False
        if name.lower() in words.stop or not words.public.isdisjoint(low) or not any(c.isalpha() for c in name):
            return False
        if all(w in words.stop or w in words.suffixes for w in low) or (len(low) > 1 and low[0] in words.first_names):
            return False
        if _CONTRACTION.match(name) or (not name[1:].islower() and (_PLURAL.match(name) or _GLUED.search(name))):
            return False
        if not text.folded.endswith(("of ", "of the "), 0, start):
            return True
        part = _PART_OF.search(text.folded, max(0, start - 30), start)
        return part is None or part[1] not in words.public  # "University of Ghent"


def _low(name: str) -> list[str]:
    return name.lower().split(" ")


def _may_glue(phrase: str) -> str:
    """Return the phrase without its last space if it is telling enough: "startup calledFoo" is met in sloppy HTML."""
    bare = phrase.rstrip()
    return bare if " " in bare or len(bare) > _TELLING else phrase


def _is_confirmed(folded: str, feature: str, start: int) -> bool:
    """Return whether what a phrase promises follows: ", a" opens a case only if it is ", a maker of"."""
    patterns = _CONFIRMED.get(feature)
    return patterns is None or any(RIGHT[name].match(folded, start, start + _RIGHT_REACH) for name in patterns)


def _may_list(raw: str, start: int, end: int) -> bool:
    """Return whether a comma or a small word stands beside the name raw[start:end], as in a list."""
    return raw[end : end + 2] in (", ", " a", " o", " (") or raw[max(0, start - 2) : start] in (", ", "d ", "r ", "s ")


def _is_outlet(found: Found) -> bool:
    return found.record is not None and (found.record.venue or found.record.news_outlet)


def features(text: Text, known: Known, case: Case, words: Vocabulary) -> set[str]:
    """Return the features of a case; places in title case, where capitals say nothing, give none."""
    opened = {f for at, found in case.opened.items() if not text.in_title_case(at) for f in found}
    if not opened:
        return set()
    found = opened | set(_form(case.name, words))
    looked = 0
    for place in case.places:
        if text.in_title_case(place):
            continue
        looked += 1
        found.update(_around(text, known, case.name, place, words))
        if looked == _MOST_PLACES:
            break
    if "mid" in found:
        found.discard("mid")
    elif looked:
        found.add("opens-common" if "common" in found else "opens")
    return found


def _form(name: str, words: Vocabulary) -> Iterator[str]:
    """Yield what the spelling of the name tells."""
    low = _low(name)
    yield ("one-word", "two-words", "three-words")[min(3, len(low)) - 1]
    if len(low) > 1 and low[-1] in words.suffixes:
        yield words.suffixes[low[-1]]
    if DOMAIN_END.search(name):
        yield "domain"
    if _CAMEL.search(name):
        yield "camel"
    if "-" in name:
        yield "hyphen"
    if name.isupper():
        yield "capitals"
    if _DIGIT.search(name):
        yield "digit"
    if name.lower() in words.things:
        yield "thing"
    usual = [w in words.common or w in words.suffixes or w == "&" for w in low]
    if all(usual):
        yield "common" if len(low) == 1 else "common-all"
    elif any(usual[:-1]):
        yield "common-some"


def elsewhere(text: Text, name: str) -> Iterator[str]:
    """Yield what the whole text tells about the name: the dearest questions."""
    small = name.lower()
    glued = small.replace(" ", "")
    sites = [glued + site for site in _SITES] if f"{glued}." in text.folded else []
    if any(site in text.folded for site in (f"{glued.removesuffix('ai')}.ai", *sites)):
        yield "site"
    if f"({name})" in text.raw:
        yield "abbreviation"
    if small in text.raw and re.search(rf"(?<![\w./@-]){re.escape(small)}s?(?![\w/@]|\.\w)", text.raw):
        yield "small-letters"


def _around(text: Text, known: Known, name: str, place: int, words: Vocabulary) -> Iterator[str]:
    """Yield what the surroundings of a mention tell."""
    raw, folded, end = text.raw, text.folded, place + len(name)
    first, last = text.sentence_at(place)
    left = folded[max(first, place - _LEFT_REACH) : place]
    right = folded[end : min(last, end + _RIGHT_REACH)]
    if right:
        yield from (feature for feature, pattern in _RIGHT_FROM.get(right[0], ()) if pattern.match(right))
        if right.startswith("'s "):
            yield "possessive"
        if _HUMAN.search(right[:_NEAR]):
            yield "human"
        if _CAPITAL_RIGHT.match(raw, end):
            yield "capital-right"
    elif _HEADING.search(raw, max(0, place - 6), place):
        yield "heading"
    if not left:
        return
    if any(c.isalnum() for c in left):
        yield "mid"
    if left[-1] != " ":
        return
    yield from (feature for feature in _AT_LEFT if LEFT[feature].search(left))
    if left.endswith((", ", "and ")) and right.startswith((", ", " and ", ",")):
        yield "between"
    before = known.by_end.get(place - 3 if left.endswith("'s ") else place - 1)
    if before is not None:
        yield "product-of"
        return
    match = _CAPITAL_LEFT.search(raw, max(first, place - 30), place)
    if match is not None:
        if match.start() > first and match[1].lower() not in words.ends:
            yield "capital-left"
        if " " not in name and match[1].lower() in words.first_names:
            yield "first-name"
