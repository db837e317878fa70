"""Find companies that no list has, from evidence in the text itself. Pure.

`nlp.evidence` finds the names beside which evidence stands and says which features each has; the weights of
`data/unlisted.json` add up to its log-odds of being a company (`tools/train_weights.py` fits them). A name that is
likely enough becomes a tag with `listed` false and its probability as confidence, a less likely one a candidate for
review. Precision first: what looks like a person, a place, a public body or glued text is left out whatever speaks
for it.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ahocorasick_rs import AhoCorasick, MatchKind

from aiwire.exceptions import ConfigError
from aiwire.types import Candidate
from nlp.evidence import FEATURES, Case, Cases, Known, Vocabulary, elsewhere, features
from nlp.features import Found
from nlp.gazetteer import DATA
from nlp.names import DOMAIN_END, Named
from nlp.text import Text, is_word

__all__ = ["UnlistedMatcher", "UnlistedRules", "load_unlisted_rules", "slug"]

_MAX_MENTIONS = 200
_FEW = 12  # names that are looked for one by one
_PRODUCT_END = re.compile(r"-\d+(?:\.\d+)?[BM]\b")
_PRODUCT = re.compile(r"\b(?:(?:MI|B|GB|H|R|M|A|L|T)[1-9]\d{0,2}xx|[A-Z][A-Za-z]+-\d+(?:\.\d+)?[BM])\Z")
_ALTERNATIVES = re.compile(r"\{([^{}]*)\}")
_GLUED_REST = re.compile(
    r"(?:has|have|had|is|was|are|were|will|would|can|and|or|in|on|at|to|for|from|by|with|the|that|which|said|says|its|it|a)"
    r"(?:[a-z]{2,})?\Z|(?:announc|unveil|report|reveal|releas|launch|introduc|recent|alone|also|confirm|acquir|rais)[a-z]*\Z"
)


@dataclass(frozen=True, slots=True)
class UnlistedRules:
    """The evidence and its weights, as `data/unlisted.json` holds them."""

    tag: float  # probability from which a name is tagged
    candidate: float  # ... is a candidate for review
    weights: Mapping[str, float]  # log-odds by feature of `nlp.evidence`
    vocabulary: Vocabulary

    @property
    def first_names(self) -> frozenset[str]:
        """Return first names of people, in lower case."""
        return self.vocabulary.first_names


@cache
def load_unlisted_rules(folder: Path = DATA) -> UnlistedRules:
    """Return the rules in `folder`.

    Raises:
        ConfigError: the file cannot be read or names an unknown feature.
    """
    path = folder / "unlisted.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        rules = UnlistedRules(float(raw["tag"]), float(raw["candidate"]), raw["weights"], _vocabulary(raw))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise ConfigError(f"{path}: cannot be read as rules for unlisted names: {e!r}") from e
    used = {*rules.weights, *rules.vocabulary.after, *rules.vocabulary.before, *rules.vocabulary.suffixes.values()}
    if unknown := used - FEATURES:
        raise ConfigError(f"{path}: unknown features {sorted(unknown)}; known: {', '.join(sorted(FEATURES))}")
    return rules


def _vocabulary(raw: Mapping[str, Any]) -> Vocabulary:
    return Vocabulary(
        after={feature: tuple(_spelled(phrases)) for feature, phrases in raw["after"].items()},
        before={feature: tuple(_spelled(phrases)) for feature, phrases in raw["before"].items()},
        suffixes={suffix: feature for feature, suffixes in raw["suffixes"].items() for suffix in suffixes.split()},
        **{key: frozenset(raw[key].split()) for key in ("public", "ends", "first_names", "stop", "things", "common")},
    )


def _spelled(phrases: Iterable[str]) -> Iterator[str]:
    """Yield each phrase with one of its alternatives: "{ceo,founder} of " stands for two."""
    for phrase in phrases:
        match = _ALTERNATIVES.search(phrase)
        if match is None:
            yield phrase
        else:
            yield from _spelled(phrase[: match.start()] + one + phrase[match.end() :] for one in match[1].split(","))


def slug(name: str) -> str:
    """Return `name` as an id: lower-case ASCII words joined by hyphens; "" if nothing is left."""
    plain = name if name.isascii() else unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


@dataclass(frozen=True, slots=True)
class _Verdict:
    """How likely a name is a company's, and why."""

    case: Case
    features: set[str]
    probability: float

    @property
    def rule(self) -> str:
        return "unlisted:" + "+".join(sorted(self.features))


class UnlistedMatcher:
    """Finds unlisted companies; `common_words` and the ids of the gazetteer keep it from what is known otherwise."""

    def __init__(self, rules: UnlistedRules, common_words: frozenset[str], known_ids: frozenset[str]) -> None:
        self._rules = rules
        self._words = replace(rules.vocabulary, common=rules.vocabulary.common | common_words)
        self._known_ids = known_ids
        self._cases = Cases(self._words)

    def find(self, text: Text, names: Iterable[Found]) -> tuple[list[Found], list[Candidate]]:
        """Return the unlisted companies of `text` and the weaker candidates; `names` is what is known in it."""
        known = Known(names)
        verdicts, lists = self._verdicts(text, known)
        accepted = {v.case.name: v for v in verdicts if v.probability >= self._rules.tag and _is_sound(text, known, v)}
        accepted |= self._listed_beside(text, known, lists, {v.case.name: v.case for v in verdicts}, accepted)
        found = list(_found(accepted))
        candidates = list(_products(text, known))
        for verdict in verdicts:
            if verdict.probability >= self._rules.candidate and verdict.case.name not in accepted:
                start, end = text.sentence_at(min(verdict.case.opened))
                candidates.append(Candidate(verdict.case.name, "company", verdict.rule, text.raw[start:end]))
        return found, candidates

    def cases(self, text: Text, names: Iterable[Found]) -> Iterator[tuple[str, set[str]]]:
        """Yield the names beside which evidence stands and that nothing rules out, with their features.

        That is what weights are fitted to.
        """
        known = Known(names)
        for verdict in self._verdicts(text, known)[0]:
            if _is_sound(text, known, verdict):
                verdict.features.update(elsewhere(text, verdict.case.name))
                yield verdict.case.name, verdict.features

    def _verdicts(self, text: Text, known: Known) -> tuple[list[_Verdict], list[list[Named]]]:
        cases, lists = self._cases.find(text, known)
        return [self._verdict(text, known, case) for case in self._to_judge(text, known, cases)], lists

    def _to_judge(self, text: Text, known: Known, cases: dict[str, Case]) -> Iterator[Case]:
        for case in _with_places(text, known, cases):
            entity_id, bare = slug(case.name), slug(DOMAIN_END.sub("", case.name))
            if bare and not self._known_ids & {entity_id, bare} and bare not in self._words.stop:
                yield case

    def _verdict(self, text: Text, known: Known, case: Case) -> _Verdict:
        found = features(text, known, case, self._words)
        if self._probability({*found, "site"}) >= self._rules.candidate:  # before the dear questions
            found.update(elsewhere(text, case.name))
        return _Verdict(case, found, self._probability(found) if found else 0.0)

    def _probability(self, found: Iterable[str]) -> float:
        weights = self._rules.weights
        score = weights.get("bias", 0.0) + sum(weights.get(feature, 0.0) for feature in found)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))

    def _listed_beside(
        self,
        text: Text,
        known: Known,
        lists: list[list[Named]],
        judged: Mapping[str, Case],
        accepted: Mapping[str, _Verdict],
    ) -> dict[str, _Verdict]:
        """Return the names that are likely enough because they stand in a list with an accepted one."""
        cases: dict[str, Case] = {}
        for names in lists:
            if any(named.name in accepted for named in names):
                for named in names:
                    if named.name in judged and named.name not in cases:
                        cases[named.name] = Case(named.name, dict(judged[named.name].opened))
                    if named.name not in accepted:
                        self._cases.open(text, known, cases, named, "list-found")
        for name in accepted:
            cases.pop(name, None)
        verdicts = [self._verdict(text, known, case) for case in self._to_judge(text, known, cases)]
        return {v.case.name: v for v in verdicts if v.probability >= self._rules.tag and _is_sound(text, known, v)}


_DIRECT = frozenset(
    ("kind", "called", "legal", "funding", "officer", "officer-of", "ticker", "stock")
)  # speak of a firm alone


def _is_sound(text: Text, known: Known, verdict: _Verdict) -> bool:
    """Return whether nothing rules the name out; asked last, of the few that are likely."""
    found, name = verdict.features, verdict.case.name
    if "thing" in found and not found & _DIRECT:
        return False
    if "first-name" in found or ("abbreviation" in found and _is_public_body(text, name)):
        return False
    return not _is_glued(text, known, name)


_BODY = re.compile(
    r"\b(?:agency|council|commission|institute|authority|department|ministry|office|bureau|board|university|centre|"
    r"center|laboratory|committee|association|administration|organi[sz]ation|union|foundation|service|court)\b"
)


def _is_public_body(text: Text, name: str) -> bool:
    """Return whether the text spells the abbreviation out as that of a public body."""
    at = text.raw.find(f"({name})")
    return _BODY.search(text.folded, max(0, at - 70), at) is not None


def _is_glued(text: Text, known: Known, name: str) -> bool:
    """Return whether a word or another name is glued to the name: "Foorevealed", "ImagesFoo"."""
    surfaces = known.surfaces(text)
    for word in name.split(" "):
        for cut in range(3, len(word) - 1):
            head, rest = word[:cut], word[cut:]
            if head in surfaces or (rest in surfaces and rest[0].isupper()):
                return True
            if _GLUED_REST.match(rest) and head in known.words(text):
                return True
    return False


def _found(accepted: Mapping[str, _Verdict]) -> Iterator[Found]:
    """Yield the mentions; "Foo" means the same firm as "Foo Labs" in the same text."""
    for name, verdict in accepted.items():
        longer = [other for other in accepted if other.startswith(f"{name} ")]
        full = max(longer, key=len) if longer else name
        for place in verdict.case.places[:_MAX_MENTIONS]:
            confidence = round(verdict.probability, 3)
            yield Found("company", slug(full), full, place, place + len(name), verdict.rule, confidence, None, None)


def _with_places(text: Text, known: Known, cases: dict[str, Case]) -> Iterator[Case]:
    """Yield the cases whose name stands free as words of its own, with the places, which do not overlap."""
    raw = text.raw
    for name, start in _occurrences(raw, list(cases)):
        end = start + len(name)
        inside = (start and is_word(raw[start - 1])) or (end < len(raw) and is_word(raw[end]))
        if not inside and not known.over(start, end):
            cases[name].places.append(start)
    yield from (case for case in cases.values() if case.places)


def _occurrences(raw: str, names: list[str]) -> Iterator[tuple[str, int]]:
    """Yield each of `names` with where it stands."""
    if len(names) <= _FEW:
        for name in names:
            at = raw.find(name)
            while at >= 0:
                yield name, at
                at = raw.find(name, at + len(name))
        return
    reach = [0] * len(names)  # one pass for all, because a hostile text has hundreds
    automaton = AhoCorasick(names, matchkind=MatchKind.Standard)
    for index, start, end in automaton.find_matches_as_indexes(raw, overlapping=True):
        if start >= reach[index]:
            reach[index] = end
            yield names[index], start


def _products(text: Text, known: Known) -> Iterator[Candidate]:
    """Yield names that look like unknown chips or models ("MI4xx", "Foo-70B")."""
    seen = set()
    ends = [m.end() for m in _PRODUCT_END.finditer(text.raw)]
    at = text.raw.find("xx")
    while at >= 0:
        ends.append(at + 2)
        at = text.raw.find("xx", at + 2)
    for end in sorted(ends):
        match = _PRODUCT.search(text.raw, max(0, end - 20), end)
        if match is not None and match[0] not in seen and not known.over(*match.span()):
            seen.add(match[0])
            start, end = text.sentence_at(match.start())
            yield Candidate(match[0], "product", "product-like", text.raw[start:end])
