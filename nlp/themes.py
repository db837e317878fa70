"""Find deployment themes: a lexicon with signed weights, summed per sentence, with negation. Pure.

A sentence's score for a theme is the sum of the weights of the different terms in it. A term of at most half the
threshold is support: it counts only beside a stronger one, and all support together half a threshold at most. A
negative term ("sovereign wealth fund") also hides what it contains, and half of its weight counts against the sentences
beside it; one of weight 0 ("edge case") only hides. A term after "no" or "not" (but not "not only") counts nothing
where the theme says so. Names and prices found before can be terms too. A term may need others in its sentence
(`near`): "invest" is capex beside money and compute; a need with "!" must not be there: "open source" is no model
beside "library". A theme is in the text if one sentence reaches its `strong` score, or if the best reaches `threshold`
and enough others speak of it for the text's length.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from aiwire.exceptions import ConfigError
from nlp.field import FieldTerms, Group, anchored
from nlp.gazetteer import Lexicon, Term, ThemeRule
from nlp.negation_zh import is_negated
from nlp.text import CJK, Text, is_word

__all__ = ["ThemeFound", "ThemeMatcher", "ThemePlace", "spellings"]

_NEGATION = re.compile(
    r"\b(?:no|not(?! (?:only|just|merely|simply|necessarily)\b)|never|without|neither|nor|isn't|aren't|wasn't|won't|"
    r"don't|doesn't|didn't|can't|cannot|no longer|unlikely to|nobody|no one|hardly|lack(?:s|ed|ing)?(?: of)?)"
    r"(?: (?!but\b)[^\s,;:]+){0,4}? ?\Z"
)
_NEGATION_REACH = 40  # characters before a term that are looked at
_FIELD_EVIDENCE = {"price": 1.0, "accelerator": 1.0, "model": 1.0, "company": 0.35}
_NAMED = re.compile(r"@(?:company|accelerator|model|regulation|price)(?::[1-9])?")
_TITLE_FACTOR = 1.25
_LONG = 14  # sentences from which one weak sentence is not enough


class ThemePlace(NamedTuple):
    """A term of a theme in the text."""

    start: int
    end: int
    term: str
    weight: float


_Match = tuple[int, int, Term]  # start, end and term: plain, because there are hundreds in a text
_START = itemgetter(0)


def _weight(match: _Match) -> float:
    return match[2].weight


def _longest_first(match: _Match) -> tuple[int, int]:
    return match[0], -match[1]


@dataclass(frozen=True, slots=True)
class ThemeFound:
    """A theme that the text speaks of; scores are in units of its threshold."""

    rule: ThemeRule
    places: tuple[ThemePlace, ...]  # in sentences that count
    best_sentence: int  # index: the evidence
    best: float
    total: float  # over all sentences, each at most 2
    sentences: int  # that reach the threshold


class ThemeMatcher:
    """One automaton over the terms that decide (overlapping: a phrase may serve several themes) and the field's words.

    Support terms are common words; each theme's are looked for only in the sentences where it has a term that decides.
    """

    def __init__(self, lexicon: Lexicon, field: FieldTerms) -> None:
        self._themes = lexicon.themes
        self._field = field
        _refuse_unknown_groups(lexicon.themes, field.groups)
        targets: dict[str, list[tuple[int, Term]]] = defaultdict(list)
        for number, theme in enumerate(lexicon.themes):
            for term in theme.terms:
                if not _is_support(theme, term):
                    for spelling in spellings(term):
                        targets[spelling].append((number, term))
        for term in field.terms:
            targets[anchored(term.text)].append((-1, term))
        self._targets = list(targets.values())
        self._automaton = _automaton(targets, MatchKind.Standard)
        self._prefix = [any(term.prefix for _, term in found) for found in self._targets]
        self._support = [_Support(theme) for theme in lexicon.themes]
        self._by_evidence: dict[str, list[tuple[int, Term]]] = defaultdict(list)
        for number, theme in enumerate(lexicon.themes):
            for kind, weight in theme.evidence:
                self._by_evidence[kind].append((number, Term(f"<{kind}>", weight)))

    def find(self, text: Text, evidence: Iterable[tuple[str, int, int]] = ()) -> tuple[list[ThemeFound], float]:
        """Return the themes of `text`, best first, and how much the text is of the field (1 = enough).

        `evidence` are places found before: kind ("price" or that of an entity), start and end.
        """
        places, in_field = self._places(text)
        beside = _Beside(text, self._field.groups)
        for kind, start, end in evidence:
            in_field += _FIELD_EVIDENCE.get(kind, 0.0)
            beside.add(kind, start, end)
            for number, term in self._by_evidence.get(kind, ()):
                places[number].append((start, end, term))
        found = []
        for number, of_theme in places.items():
            theme = self._themes[number]
            if theme.field and in_field < 1:
                continue
            matches = [m for m in of_theme if not m[2].near or beside.holds(m)]
            result = _judge(text, theme, self._support[number], matches)
            if result is not None:
                found.append(result)
        found.sort(key=lambda f: (-f.total, f.rule.entity.id))
        return found, in_field

    def _places(self, text: Text) -> tuple[dict[int, list[_Match]], float]:
        """Return the places of each theme's terms, and the weight of the field's words: the hottest loop we have."""
        folded, size, targets = text.folded, len(text.folded), self._targets
        places: dict[int, list[_Match]] = defaultdict(list)
        field_terms: dict[str, float] = {}
        for index, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            if start and (before := folded[start - 1]).isalnum() and before < CJK and " " < folded[start] < CJK:
                continue  # `is_word`, without the call
            inside = end < size and (after := folded[end]).isalnum() and after < CJK
            if inside and not (self._prefix[index] or _plural(folded, end)):
                continue
            for number, term in targets[index]:
                if inside and not term.prefix and not _plural(folded, end):
                    continue
                if number < 0:
                    field_terms[term.text] = term.weight
                else:
                    places[number].append((start, end, term))
        return places, sum(field_terms.values()) / self._field.needed


class _Beside:
    """What else stands in the sentence of a term, which it may need (`Term.near`)."""

    def __init__(self, text: Text, groups: Mapping[str, Group]) -> None:
        self._text = text
        self._groups = groups
        self._names: dict[tuple[str, int], set[str]] = defaultdict(set)  # by kind and sentence
        self._known: dict[tuple[str, int], bool] = {}

    def add(self, kind: str, start: int, end: int) -> None:
        """Note a name that was found before."""
        self._names[kind, self._text.sentence_index(start)].add(self._text.folded[start:end])

    def holds(self, match: _Match) -> bool:
        """Return whether everything that the term needs is in its sentence."""
        sentence = self._text.sentence_index(match[0])
        return all(self._near(need, sentence) for need in match[2].near)

    def _near(self, need: str, sentence: int) -> bool:
        known = self._known.get((need, sentence))
        if known is None:
            known = self._known[need, sentence] = self._look(need, sentence)
        return known

    def _look(self, need: str, sentence: int) -> bool:
        if need.startswith("!"):
            return not self._near(need[1:], sentence)
        if need.startswith("@"):
            kind, _, least = need[1:].partition(":")
            return len(self._names.get((kind, sentence), ())) >= int(least or 1)
        start, end = self._text.sentences[sentence]
        return self._groups[need].is_in(self._text.folded, start, end)


class _Support:
    """The support terms of one theme."""

    def __init__(self, theme: ThemeRule) -> None:
        terms = {spelling: t for t in theme.terms if _is_support(theme, t) for spelling in spellings(t)}
        self._terms = list(terms.values())
        self._automaton = _automaton(terms, MatchKind.LeftmostLongest) if terms else None

    def find(self, folded: str, start: int, end: int) -> Iterator[_Match]:
        """Yield the support terms in folded[start:end]."""
        if self._automaton is None:
            return
        for index, at, to in self._automaton.find_matches_as_indexes(folded[start:end]):
            at, to, term = at + start, to + start, self._terms[index]
            if at > start and is_word(folded[at - 1]) and folded[at] < CJK:
                continue
            if to == end or not is_word(folded[to]) or term.prefix or _plural(folded, to):
                yield at, to, term


def _refuse_unknown_groups(themes: Iterable[ThemeRule], groups: Mapping[str, Group]) -> None:
    for theme in themes:
        for need in {need.removeprefix("!") for term in theme.terms for need in term.near}:
            if need not in groups and not _NAMED.fullmatch(need):
                close = ", ".join(get_close_matches(need, groups, n=3))
                hint = f"did you mean {close}?" if close else "field.json has the groups"
                raise ConfigError(
                    f"{theme.where}: 'near' names no group {need!r}; {hint} (or a kind: @company, @company:2, @model …)"
                )


def _automaton(patterns: Iterable[str], kind: MatchKind) -> AhoCorasick:
    return AhoCorasick(list(patterns), matchkind=kind, implementation=Implementation.ContiguousNFA)


def _is_support(theme: ThemeRule, term: Term) -> bool:
    return 0 < term.weight <= theme.threshold / 2


def spellings(term: Term) -> set[str]:
    """Return the ways in which a term is written: hyphen or space, British or American, "data center" as one word."""
    made = {term.text, term.text.replace("-", " ")}
    for american, others in _VARIANTS:
        for text in [text for text in made if american in text]:
            made.update(text.replace(american, other) for other in others)
    return made


_VARIANTS = (
    ("data center", ("data centre", "data-center", "data-centre", "datacenter", "datacentre")),
    ("organiz", ("organis",)),
    ("optimiz", ("optimis",)),
    ("quantiz", ("quantis",)),
    ("licens", ("licenc",)),
    ("on premises", ("on-premises", "on-premise", "on-prem")),
)


def _plural(folded: str, end: int) -> bool:
    return folded[end] == "s" and (end + 1 == len(folded) or not is_word(folded[end + 1]))


def _judge(text: Text, theme: ThemeRule, support: _Support, matches: list[_Match]) -> ThemeFound | None:
    matches.sort(key=_START)
    starts = [m[0] for m in matches]
    against = any(m[2].weight < 0 for m in matches)
    scores: dict[int, float] = {}
    places: dict[int, list[ThemePlace]] = {}
    for index in sorted({text.sentence_index(m[0]) for m in matches if m[2].weight > 0}):
        of_sentence = _in_sentence(text, theme, index, matches, starts)
        if sum(p.weight for p in of_sentence) <= 0 or all(p.weight < 0 for p in of_sentence):
            continue
        score = sum(p.weight for p in of_sentence) + _supported(text, theme, index, support, of_sentence)
        for beside in (index - 1, index + 1) if against else ():
            if 0 <= beside < len(text.sentences):
                score += 0.5 * sum(min(p.weight, 0.0) for p in _in_sentence(text, theme, beside, matches, starts))
        if score > 0:
            in_title = text.sentences[index][0] < text.title_end
            scores[index] = score / theme.threshold * (_TITLE_FACTOR if in_title else 1.0)
            places[index] = of_sentence
    return _result(text, theme, scores, places)


def _in_sentence(
    text: Text, theme: ThemeRule, index: int, matches: list[_Match], starts: list[int]
) -> list[ThemePlace]:
    """Return the different terms in a sentence that count; `matches` is sorted and `starts` are its offsets."""
    start, end = text.sentences[index]
    first, last = bisect_left(starts, start), bisect_left(starts, end)
    if first == last:
        return []
    kept: dict[str, ThemePlace] = {}
    for at, to, term in _outermost(matches[first:last]):
        place = ThemePlace(at, to, term.text, term.weight)
        if term.text not in kept and not (theme.negation and term.weight > 0 and _negated(text, place)):
            kept[term.text] = place
    return list(kept.values())


def _outermost(matches: list[_Match]) -> Iterator[_Match]:
    """Yield the matches outside the others: the longest at a place or, if that speaks for the theme, the heaviest."""
    reach = 0
    for start, group in groupby(sorted(matches, key=_longest_first), key=_START):
        if start < reach:
            continue
        longest, *shorter = group
        reach = longest[1]
        yield max((longest, *shorter), key=_weight) if shorter and longest[2].weight > 0 else longest


def _supported(text: Text, theme: ThemeRule, index: int, support: _Support, places: list[ThemePlace]) -> float:
    """Return what the support terms of a sentence add, each counted once and outside the terms that decide."""
    start, end = text.sentences[index]
    weights = {
        term.text: term.weight
        for at, to, term in support.find(text.folded, start, end)
        if not any(p.start < to and at < p.end for p in places)
    }
    return min(sum(weights.values()), theme.threshold / 2)


def _result(
    text: Text, theme: ThemeRule, scores: dict[int, float], places: dict[int, list[ThemePlace]]
) -> ThemeFound | None:
    if not scores:
        return None
    best_sentence = max(scores, key=lambda i: (scores[i], -i))
    total = sum(min(s, 2.0) for s in scores.values())
    full = [i for i, s in scores.items() if s >= 1]
    if not _enough(theme, scores[best_sentence], total, len(full), len(text.sentences)):
        return None
    kept = tuple(p for i in full for p in places[i] if p.weight > 0)
    return ThemeFound(theme, kept, best_sentence, scores[best_sentence], total, len(full))


def _negated(text: Text, place: ThemePlace) -> bool:
    start, end = text.sentence_at(place.start)
    if _NEGATION.search(text.folded, max(start, place.start - _NEGATION_REACH), place.start):
        return True
    return is_negated(text.folded[start:end], place.start - start, place.end - start)


def _enough(theme: ThemeRule, best: float, total: float, full: int, length: int) -> bool:
    if best < 1:
        return False
    if best >= theme.strong / theme.threshold or length <= _LONG:
        return True
    return full >= 2 or total >= 1.5 + math.log(length / _LONG)
