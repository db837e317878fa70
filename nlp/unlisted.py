"""Find companies that no list has, from evidence in the text itself. Pure.

An automaton finds the triggers ("start-up …", "… Inc.", "… raised $"); the capitalised name beside each collects the
trigger's weight, a suffix ("… Ventures") and repetition add to it. Enough evidence makes a tag with `listed` false,
some makes a candidate for review. Precision first: names that look like people, places or public bodies are left out.
"""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from aiwire.exceptions import ConfigError
from aiwire.types import Candidate
from nlp.context import Found
from nlp.gazetteer import DATA
from nlp.text import Text, is_word

__all__ = ["UnlistedMatcher", "UnlistedRules", "load_unlisted_rules", "slug"]

_WORD = r"(?:[A-Z][\w&’'-]*|[a-z]{1,2}[A-Z]\w+|\d+[A-Z]\w*)(?:\.(?:ai|io|com|co)\b)?"
_NAME = rf"{_WORD}(?: (?:&|{_WORD})){{0,3}}"
_NAME_AFTER = re.compile(_NAME)
_NAME_BEFORE = re.compile(rf"(?:{_NAME})\Z")
_WORDS_BEFORE = re.compile(r"(?:[^\s,;:()\"“”]+ ){0,3}[^\s,;:()\"“”]+\Z")
_LISTED_RIGHT = re.compile(
    rf"(?:, (?:and |or )?| and | & ){_NAME}(?=[,.;)]| and | to | for | in | are | have | on |\n|$)"
)
_LISTED_LEFT = re.compile(rf"({_NAME})(?:, (?:and |or )?| and )\Z")
_LISTING = ("such as ", "like ", "including ", "include ")  # "platforms such as Foo and Bar": both are meant
_HEADING = re.compile(rf"^(?:\d{{1,2}}[.)]|#{{1,4}}) ?({_NAME})$", re.MULTILINE)
_PRODUCT_END = re.compile(r"-\d+(?:\.\d+)?[BM]\b")
_PRODUCT = re.compile(r"\b(?:(?:MI|B|GB|H|R|M|A|L|T)[1-9]\d{0,2}xx|[A-Z][A-Za-z]+-\d+(?:\.\d+)?[BM])\Z")
_LEGAL = re.compile(r"(?:,? (?:Inc|Corp|Corporation|Ltd|Limited|GmbH|PLC|plc|LLC|LLP|Holdings|Co))\.?\Z")
_CAMEL = re.compile(r"[a-z][A-Z]|\d|\.(?:ai|io|com|co)\Z|&")
_CAMEL_WEIGHT = 0.2  # "OpenFoo", "Foo.ai": made-up spellings are seldom anything but names of firms
_PART_OF = re.compile(r"(\w+) of (?:the )?\Z")
_MAX_MENTIONS = 200


@dataclass(frozen=True, slots=True)
class UnlistedRules:
    """The evidence and its weights, as `data/unlisted.json` holds them."""

    tag: float
    candidate: float
    name_after: dict[str, float]
    name_before: dict[str, float]
    listed_beside: float
    heading: float
    suffixes: dict[str, float]
    repeat: float
    most_repeat: float
    not_companies: frozenset[str]
    trim: frozenset[str]  # words that are cut from the ends of a name
    first_names: frozenset[str]  # of people
    stop: frozenset[str]  # words that are no company by themselves


class Evidence(NamedTuple):
    """A place where a name stands beside a trigger."""

    name: str
    start: int
    weight: float
    pattern: str


@dataclass(slots=True)
class _Case:
    """All evidence for one name in the text: the best pattern at each place."""

    places: dict[int, tuple[float, str]] = field(default_factory=dict)

    def weights(self) -> dict[str, float]:
        """Return the weight of each pattern, counted once however often it occurs."""
        return {pattern: weight for weight, pattern in self.places.values()}

    def drop_headlines(self, text: Text) -> None:
        """Forget the places in title case: there a capital says nothing."""
        self.places = {at: evidence for at, evidence in self.places.items() if not text.in_title_case(at)}


@cache
def load_unlisted_rules(folder: Path = DATA) -> UnlistedRules:
    """Return the rules in `folder`.

    Raises:
        ConfigError: the file cannot be read.
    """
    path = folder / "unlisted.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw.pop("about", None)
        return UnlistedRules(
            **(raw | {key: frozenset(raw[key]) for key in ("not_companies", "trim", "first_names", "stop")}),
        )
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ConfigError(f"{path}: cannot be read as rules for unlisted names: {e}") from e


def slug(name: str) -> str:
    """Return `name` as an id: lower-case ASCII words joined by hyphens; "" if nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


class UnlistedMatcher:
    """Finds unlisted companies; `common_words` and the ids of the gazetteer keep it from what is known otherwise."""

    def __init__(self, rules: UnlistedRules, common_words: frozenset[str], known_ids: frozenset[str]) -> None:
        self._rules = rules
        self._common = common_words
        self._known_ids = known_ids
        triggers = [(t, w, True) for t, w in rules.name_after.items()] + [
            (t, w, False) for t, w in rules.name_before.items()
        ]
        self._triggers = triggers
        self._automaton = AhoCorasick(
            [t for t, _, _ in triggers], matchkind=MatchKind.Standard, implementation=Implementation.DFA
        )

    def find(self, text: Text, names: Iterable[Found]) -> tuple[list[Found], list[Candidate]]:
        """Return the unlisted companies of `text` and the weaker candidates; `names` is what is known in it."""
        known = list(names)
        taken = sorted((f.start, f.end) for f in known)
        cases: dict[str, _Case] = defaultdict(_Case)
        for evidence in (*self._triggered(text), *self._beside(text, known), *self._headings(text)):
            self._add(text, cases, evidence, taken)
        found: list[Found] = []
        candidates: list[Candidate] = [*_products(text, taken)]
        for (name, case), places in zip(cases.items(), _occurrences(text, list(cases)), strict=True):
            free = [p for p in places if not _overlaps(taken, p, p + len(name))]
            self._settle(text, name, case, free, found, candidates)
        return found, candidates

    def _triggered(self, text: Text) -> Iterable[Evidence]:
        raw, folded = text.raw, text.folded
        for index, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            trigger, weight, after = self._triggers[index]
            if after:
                if (start and is_word(folded[start - 1])) or end >= len(raw) or raw[end].islower():
                    continue
                match = _NAME_AFTER.match(raw, end)
                if match:
                    yield Evidence(match[0], match.start(), weight, trigger.strip())
                if match and trigger.endswith(_LISTING) and (second := _LISTED_RIGHT.match(raw, match.end())):
                    other = _NAME_AFTER.search(second[0])
                    if other:
                        yield Evidence(other[0], second.start() + other.start(), weight, trigger.strip())
            elif (
                start
                and raw[start - 1].isalnum()
                and (end >= len(raw) or not is_word(folded[end]) or not trigger[-1].isalpha())
                and (name := _name_before(raw, start)) is not None
            ):
                yield Evidence(*name, weight, trigger.strip(" ,('"))

    def _headings(self, text: Text) -> Iterable[Evidence]:
        """Yield names that stand alone as a numbered heading: "1. Foo"."""
        for match in _HEADING.finditer(text.raw):
            yield Evidence(match[1], match.start(1), self._rules.heading, "heading")

    def _beside(self, text: Text, known: list[Found]) -> Iterable[Evidence]:
        """Yield names in a list with known companies: "Nvidia, Foo and Bar"."""
        weight = self._rules.listed_beside
        for f in known:
            if f.kind != "company" or f.record is None or f.record.venue or f.record.news_outlet:
                continue
            raw = text.raw
            right = None
            if raw[f.end : f.end + 2] in (", ", " a", " &"):  # before the costly patterns
                right = _LISTED_RIGHT.match(raw, f.end, min(len(raw), f.end + 80))
            if right:
                name = _NAME_AFTER.search(right[0])
                if name:
                    yield Evidence(name[0], right.start() + name.start(), weight, "beside")
            if raw[max(0, f.start - 2) : f.start] not in (", ", "d "):
                continue
            window = max(0, f.start - 60)
            left = _LISTED_LEFT.search(text.raw, window, f.start)
            if left and left.start(1) > window:
                yield Evidence(left[1], left.start(1), weight, "beside")

    def _add(self, text: Text, cases: dict[str, _Case], evidence: Evidence, taken: list[tuple[int, int]]) -> None:
        name, start = self._trim(evidence.name, evidence.start)
        if not name or not self._plausible(text, name, start) or _overlaps(taken, start, start + len(name)):
            return
        places = cases[name].places
        places[start] = max(places.get(start, (0.0, "")), (evidence.weight, evidence.pattern))

    def _trim(self, name: str, start: int) -> tuple[str, int]:
        """Return the name without function words at its ends and without its legal form."""
        words = name.split(" ")
        while words and (words[0].lower().strip(".'’") in self._rules.trim or words[0] == "&"):
            start += len(words[0]) + 1
            words.pop(0)
        while words and (words[-1].lower() in self._rules.trim or words[-1] == "&"):
            words.pop()
        bare = re.sub(r"(?:'s|’s|['’])\Z", "", " ".join(words))
        return _LEGAL.sub("", bare), start

    def _plausible(self, text: Text, name: str, start: int) -> bool:
        words = [w.lower() for w in name.split(" ")]
        if len(name) < 3 or not any(c.isalpha() for c in name) or any(w in self._rules.not_companies for w in words):
            return False
        if len(words) == 1 and (words[0] in self._rules.stop or words[0] in self._common):
            return False
        part = _PART_OF.search(text.folded, max(0, start - 30), start)
        if part and part[1] in self._rules.not_companies:  # "University of Ghent"
            return False
        if len(words) > 1 and words[0] in self._rules.first_names:
            return False
        return not (name.isupper() and len(name) > 12)

    def _settle(
        self,
        text: Text,
        name: str,
        case: _Case,
        places: list[int],
        found: list[Found],
        candidates: list[Candidate],
    ) -> None:
        rules, entity_id = self._rules, slug(name)
        if not entity_id or entity_id in self._known_ids:
            return
        weights = self._weights(name, case)
        weight = self._sum(name, weights, len(places))
        if weight < rules.candidate or not places:
            return
        case.drop_headlines(text)  # asked last, because it is the dearest question
        weights = self._weights(name, case)
        weight = self._sum(name, weights, len(places)) if case.places else 0.0
        rule = "unlisted:" + "+".join(sorted(weights))
        if weight >= rules.tag and not weights.keys() <= {"beside", "suffix"}:
            confidence = round(min(0.9, 0.45 + 0.2 * weight), 3)
            for place in places[:_MAX_MENTIONS]:
                found.append(Found("company", entity_id, name, place, place + len(name), rule, confidence, None, None))
        elif weight >= rules.candidate:
            start, end = text.sentence_at(min(case.places))
            candidates.append(Candidate(name, "company", rule, text.raw[start:end]))

    def _weights(self, name: str, case: _Case) -> dict[str, float]:
        weights = case.weights()
        last = name.rsplit(" ", 1)[-1]
        if " " in name and last in self._rules.suffixes:
            weights["suffix"] = self._rules.suffixes[last]
        return weights

    def _sum(self, name: str, weights: dict[str, float], count: int) -> float:
        repeated = min(self._rules.most_repeat, self._rules.repeat * (count - 1))
        return sum(weights.values()) + repeated + (_CAMEL_WEIGHT if _CAMEL.search(name) else 0.0)


def _name_before(raw: str, end: int) -> tuple[str, int] | None:
    """Return the capitalised name that ends at `end`, longest first, and its start."""
    match = _WORDS_BEFORE.search(raw, max(0, end - 60), end)
    if match is None:
        return None
    start, words = match.start(), match[0].split(" ")
    while words:
        if _NAME_BEFORE.fullmatch(" ".join(words)):
            return " ".join(words), start
        start += len(words[0]) + 1
        words.pop(0)
    return None


def _overlaps(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    """Return whether a place lies over one of `taken`, which is sorted."""
    near = bisect_right(taken, (end, 0))
    return any(s < end and start < e for s, e in taken[max(0, near - 4) : near])


def _occurrences(text: Text, names: list[str]) -> list[list[int]]:
    """Return where each of `names` stands as words of its own: one pass for all, because a hostile text has thousands.

    The places of one name do not overlap.
    """
    raw, reach = text.raw, [0] * len(names)
    places: list[list[int]] = [[] for _ in names]
    if not names:
        return places
    automaton = AhoCorasick(names, matchkind=MatchKind.Standard)
    for index, start, end in automaton.find_matches_as_indexes(raw, overlapping=True):
        if start < reach[index]:
            continue
        reach[index] = end
        if (start == 0 or not is_word(raw[start - 1])) and (end == len(raw) or not is_word(raw[end])):
            places[index].append(start)
    return places


def _products(text: Text, taken: list[tuple[int, int]]) -> Iterable[Candidate]:
    """Yield names that look like unknown chips or models ("MI4xx", "Foo-70B")."""
    seen = set()
    ends = [m.end() for m in _PRODUCT_END.finditer(text.raw)]
    at = text.raw.find("xx")
    while at >= 0:
        ends.append(at + 2)
        at = text.raw.find("xx", at + 2)
    for end in sorted(ends):
        match = _PRODUCT.search(text.raw, max(0, end - 20), end)
        if match is not None and match[0] not in seen and not _overlaps(taken, *match.span()):
            seen.add(match[0])
            start, end = text.sentence_at(match.start())
            yield Candidate(match[0], "product", "product-like", text.raw[start:end])
