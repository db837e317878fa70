"""Words that show what a text is about: the field at all (computing and AI), business, and named groups of them. Pure.

`data/field.json` holds them. Themes that only the field gives a sense ask for it, ambiguous names count it as evidence,
and a term of a theme may need a word of a group in its sentence.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from aiwire.exceptions import ConfigError
from nlp.gazetteer import DATA, Term
from nlp.han import spellings
from nlp.text import CJK, Text, is_word

__all__ = ["FieldMeter", "FieldTerms", "Group", "anchored", "load_field_terms"]


class Group:
    """Words of which one is looked for in a sentence.

    A space may be a hyphen, a trailing * lets the word go on, a plural s is free. An automaton, because a regular
    expression tries its alternatives one by one.
    """

    def __init__(self, words: Iterable[str]) -> None:
        stems = {word.rstrip("*"): _goes_on(word) for word in words}
        spelled = {form: goes_on for stem, goes_on in stems.items() for form in (stem, stem.replace(" ", "-"))}
        self._goes_on = list(spelled.values())
        self._automaton = AhoCorasick(list(spelled), implementation=Implementation.ContiguousNFA)

    def is_in(self, folded: str, start: int, end: int) -> bool:
        """Return whether folded[start:end] holds one of the words."""
        for index, at, to in self._automaton.find_matches_as_indexes(folded[start:end], overlapping=True):
            first, last = start + at, start + to
            if not folded[last - 1].isalnum():  # "$"
                return True
            if first and "a" <= folded[first - 1] <= "z" and folded[first] < CJK:
                continue
            if self._goes_on[index]:
                return True
            if last < end and folded[last] == "s":
                last += 1
            if last == end or not is_word(folded[last]):
                return True
        return False


@dataclass(frozen=True, slots=True)
class FieldTerms:
    """Words that show that a text is about computing and AI, or about business, at all."""

    terms: tuple[Term, ...]
    needed: float  # weight of different terms from which a text is of the field
    business: tuple[Term, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)  # looked for in a sentence


@cache
def load_field_terms(folder: Path = DATA) -> FieldTerms:
    """Return the words of the field, those of `field.json` and of each `field.<language>.json` beside it.

    Raises:
        ConfigError: the file cannot be read.
    """
    path = folder / "field.json"
    terms: dict[str, float] = {}
    business: dict[str, float] = {}
    groups: dict[str, list[str]] = {}
    try:
        needed = float(json.loads(path.read_text(encoding="utf-8"))["needed"])
        for each in (path, *sorted(folder.glob("field.*.json"))):
            raw = json.loads(each.read_text(encoding="utf-8"))
            terms |= _spelled(raw["terms"])
            business |= _spelled(raw["business"])
            for name, words in raw["groups"].items():
                groups.setdefault(name, []).extend(form for word in words for form in spellings(word))
        return FieldTerms(
            _terms(terms), needed, _terms(business), {name: Group(words) for name, words in groups.items()}
        )
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as e:
        raise ConfigError(f"{path}: cannot be read as words of the field: {e}") from e


def _spelled(weights: dict[str, float]) -> dict[str, float]:
    return {form: float(weight) for word, weight in weights.items() for form in spellings(word)}


def _terms(weights: dict[str, float]) -> tuple[Term, ...]:
    return tuple(Term(word.rstrip("*"), weight, prefix=_goes_on(word)) for word, weight in weights.items())


def _goes_on(word: str) -> bool:
    return word[-1] == "*" or word[-1] >= CJK  # what follows a Chinese word touches it


def anchored(word: str) -> str:
    """Return `word` after the space that must stand before it, or a short one would match inside too many others.

    A Chinese word touches what stands before it.
    """
    return word if word[0] >= CJK or word[-1] >= CJK else f" {word}"


class FieldMeter:
    """Counts the words of the field and of business in a text."""

    def __init__(self, field_terms: FieldTerms) -> None:
        terms = {anchored(t.text): t for t in (*field_terms.business, *field_terms.terms)}
        self._terms = list(terms.values())
        self._needed = field_terms.needed
        self._automaton = AhoCorasick(
            list(terms), matchkind=MatchKind.LeftmostLongest, implementation=Implementation.ContiguousNFA
        )

    def found(self, text: Text) -> dict[str, float]:
        """Return the different words in `text` and their weights (1 in all is enough for a text of the field)."""
        folded, size = text.folded, len(text.folded)
        weights: dict[str, float] = {}
        for index, _, end in self._automaton.find_matches_as_indexes(folded):
            term = self._terms[index]
            if term.text in weights:
                continue
            if end == size or not is_word(folded[end]) or term.prefix or folded[end : end + 2] in ("s ", "s,", "s."):
                weights[term.text] = term.weight / self._needed
        return weights
