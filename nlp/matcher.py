"""Find the names of the gazetteer in raw text: one Aho-Corasick automaton per kind.

One per kind, because with a single one "DeepSeek-R1" would hide "DeepSeek". The longest name at a place wins; where its
boundary fails, the next shorter one is tried ("GB200 NVLink" is not "GB200 NVL", but it is "GB200").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from aiwire.types import EntityKind
from nlp.gazetteer import AliasRule, Lexicon, Record
from nlp.han import simplify, spacings
from nlp.text import CJK, Text, fold, is_word

__all__ = ["Hit", "NameMatcher", "variants"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# words that sloppy HTML extraction glues to a link's text: "ofNvidia", "Anthropicand"
_GLUE_LEFT = _words(
    "a about across after against alongside an and as at before between but by during for from has how if in include "
    "includes including into introducing is its like near of on or our over said since such than that the their then "
    "these this those through to toward towards under unlike until use using versus via was what when where which "
    "while who why with within without"
)
_GLUE_RIGHT = _words(
    "after alone also and are as at because before but by could did does for from had has have in into is its just may "
    "now of on only our over said says she since than that the their then they this through to today until was were "
    "what when where which while who whose will with without would you"
)
_GLUED_VERB = re.compile(
    r"(?:acquired|added|announced|claimed|closed|confirmed|expects|filed|introduced|launched|plans|raised|recently|"
    r"released|reported|revealed|said|says|signed|told|unveiled)[a-z]*\Z"
)
_LETTERS_BEFORE = re.compile(r"(?<![^\W_])[a-z]+\Z")
_NAME_BEFORE = re.compile(r"(?<![^\W_])[A-Z]\w{2,}?(?:and|or|with|from|by|for|of|to)\Z")  # "RekaandDecart"
_SMALL_REACH = 12  # characters of the longest small word
_LETTERS_AFTER = re.compile(r"[a-z]+(?=[A-Z]|[\W_]|\Z)")
_COUNT_BEFORE = re.compile(r"(?<![^\W_])\d+x\Z")
_GLUED_REACH = 24  # characters of a glued word that are looked at
_GLUED_MIN = 4  # letters of a name that may be recognised in glued text
_URL_EDGE = frozenset("/.@-_=#&?%:")
_LONGEST_URL = 2000  # characters before a name that are looked at
_DIGIT_GAP = re.compile(r"(?<=\d)[ -](?=\w)|(?<=\w)[ -](?=\d)")


class Hit(NamedTuple):
    """A name at raw[start:end] and what it may mean, best guess first."""

    start: int
    end: int
    readings: tuple[tuple[Record, AliasRule], ...]


def variants(surface: str, kind: EntityKind) -> set[str]:
    """Return the spellings under which `surface` is looked for (see `nlp.gazetteer`)."""
    if (spaced := spacings(surface)) != (surface,):  # "SK海力士"
        return {spelled for text in spaced for spelled in _separated(text, kind)}
    return _separated(surface, kind)


def _separated(surface: str, kind: EntityKind) -> set[str]:
    if kind not in ("accelerator", "model") or not re.search(r"[ -]", surface):
        return {surface}
    glued = _DIGIT_GAP.sub("", surface)
    return {surface, surface.replace(" ", "-"), surface.replace("-", " "), glued, glued.replace(" ", "-")}


class NameMatcher:
    """The automaton of one kind of entity."""

    def __init__(self, lexicon: Lexicon, kind: EntityKind) -> None:
        self.kind = kind
        self._open_end = kind in ("accelerator", "model")  # "H100s", "8xH100"
        self._version_end = kind == "model"  # "Qwen3"
        readings: dict[str, list[tuple[str | None, Record, AliasRule]]] = {}
        for record in lexicon.records:
            if record.entity.kind == kind:
                for rule in record.aliases:
                    for surface in variants(rule.surface, kind):
                        exact = None if rule.policy == "any" else surface
                        readings.setdefault(fold(surface), []).append((exact, record, rule))
        self._patterns = list(readings)
        self._readings = [_by_script(found) for found in readings.values()]
        self._caseless = [
            tuple((record, rule) for _, record, rule in found) if all(exact is None for exact, _, _ in found) else None
            for found in self._readings
        ]
        self._shorter = list(_prefixes(self._patterns))
        self._automaton = (
            AhoCorasick(
                self._patterns, matchkind=MatchKind.LeftmostLongest, implementation=Implementation.ContiguousNFA
            )
            if readings
            else None
        )

    def find(self, text: Text) -> list[Hit]:
        """Return the names in `text` in order, not overlapping; context is not judged here."""
        if self._automaton is None:
            return []
        hits = []
        raw, folded, open_end = text.raw, text.folded, self._open_end
        for index, start, end in self._automaton.find_matches_as_indexes(folded):
            # most matches lie inside words: refuse them before any call
            if start and (before := folded[start - 1]).isalnum() and before < CJK:
                if not raw[start].isupper() and not (open_end and before == "x") and raw[start] < CJK:
                    continue
            elif (
                end < len(folded)
                and (after := folded[end]).isalpha()
                and after < CJK
                and after != "s"
                and not self._shorter[index]
                and not raw[start].isupper()
                and raw[end - 1] < CJK
            ):
                continue
            hit = self._hit(text, index, start, end)
            if hit is not None:
                hits.append(hit)
        return hits if self._open_end else list(_without_halves(folded, hits))

    def _hit(self, text: Text, index: int, start: int, end: int) -> Hit | None:
        folded = text.folded
        left_clear = start == 0 or not is_word(folded[start - 1]) or folded[start] >= CJK
        right_clear = end == len(folded) or not is_word(folded[end]) or folded[end - 1] >= CJK
        if left_clear and right_clear:  # the common case, without the fallbacks
            readings = self._readings_of(index, text, start, end)
            if readings:
                return None if _inside_url(folded, start, end) else Hit(start, end, readings)
            if not self._shorter[index]:
                return None
        elif not left_clear and not self._left_open(text, start):
            return None
        strange = not left_clear and not self._left_usual(text, start)
        for candidate in (index, *self._shorter[index]):
            stop = start + len(self._patterns[candidate])
            if not self._right_open(text, stop):
                continue
            readings = self._readings_of(candidate, text, start, stop)
            if strange:
                readings = _certain(readings, text.raw[start:stop], in_list=self._after_name(text, start))
            if readings:
                return None if _inside_url(folded, start, stop) else Hit(start, stop, readings)
        return None

    def _readings_of(self, index: int, text: Text, start: int, end: int) -> tuple[tuple[Record, AliasRule], ...]:
        if (caseless := self._caseless[index]) is not None:
            return caseless
        surface = None
        found = []
        for exact, record, rule in self._readings[index]:
            if exact is not None:
                surface = surface or text.raw[start:end].replace("’", "'").replace("\xa0", " ").replace("\u2011", "-")
                if exact != surface:
                    continue
            found.append((record, rule))
        return tuple(found)

    def _left_open(self, text: Text, start: int) -> bool:
        """Return whether a name may begin at `start`, inside a run of letters."""
        if self._left_usual(text, start):
            return True
        if not text.raw[start].isupper():
            return False
        low = max(0, start - _GLUED_REACH)
        return bool(_LETTERS_BEFORE.search(text.raw, low, start)) or self._after_name(text, start)

    @staticmethod
    def _after_name(text: Text, start: int) -> bool:
        """Return whether another name and a small word are glued to the name at `start`: "CobaltandNVIDIA"."""
        return bool(_NAME_BEFORE.search(text.raw, max(0, start - _GLUED_REACH), start))

    def _left_usual(self, text: Text, start: int) -> bool:
        """Return whether a count ("8x") or a small word ("of") is glued to the name at `start`."""
        before = text.folded[max(0, start - _SMALL_REACH) : start]
        if self._open_end and _COUNT_BEFORE.search(before):
            return True
        if not text.raw[start].isupper():
            return False
        glued = _LETTERS_BEFORE.search(text.raw, max(0, start - _SMALL_REACH), start)
        return glued is not None and glued[0] in _GLUE_LEFT

    def _right_open(self, text: Text, end: int) -> bool:
        folded = text.folded
        if end == len(folded) or not is_word(folded[end]) or folded[end - 1] >= CJK:
            return True
        following = folded[end]
        if following == "s" and self._open_end and (end + 1 == len(folded) or not is_word(folded[end + 1])):
            return True
        if following.isdigit():
            return self._version_end and folded[end - 1].isalpha()
        if folded[end - 1] == "'" or not text.raw[end - 1].isalnum():
            return False
        glued = _LETTERS_AFTER.match(text.raw, end)
        if glued is None or not _is_long_enough(text.raw, end):
            return False
        return glued[0] in _GLUE_RIGHT or _GLUED_VERB.match(glued[0]) is not None


def _without_halves(folded: str, hits: list[Hit]) -> Iterator[Hit]:
    """Yield all hits but those that may be half of a word: "Dustin" has an ambiguous "Dust" only beside another."""
    glued = {
        hit.start
        for hit in hits
        if folded[hit.end : hit.end + 1].isalpha()
        and is_word(folded[hit.end])
        and all(rule.policy == "context" for _, rule in hit.readings)
    }
    whole = {folded[hit.start : hit.end] for hit in hits if hit.start not in glued} if glued else set()
    yield from (hit for hit in hits if hit.start not in glued or folded[hit.start : hit.end] in whole)


def _by_script(found: list[tuple[str | None, Record, AliasRule]]) -> list[tuple[str | None, Record, AliasRule]]:
    """Keep simplified and traditional aliases of one name to their own script, because their vetoes differ.

    An alias without the other beside it is found in both scripts.
    """
    if len({simplify(rule.surface) == rule.surface for _, _, rule in found}) == 1:
        return found
    return [(exact or rule.surface, record, rule) for exact, record, rule in found]


def _certain(
    readings: tuple[tuple[Record, AliasRule], ...], surface: str, *, in_list: bool
) -> tuple[tuple[Record, AliasRule], ...]:
    """Return the readings that hold where any word may be glued to the name: "useTailscale", "futureMicrosoft".

    Capitals alone ("webAPI") are no name unless it stands in a list with another.
    """
    if len(surface) < _GLUED_MIN or (surface.isupper() and not in_list):
        return ()
    return tuple(
        (record, rule)
        for record, rule in readings
        if rule.policy != "context" and surface in (rule.surface, rule.surface.upper() if in_list else "")
    )


def _is_long_enough(raw: str, end: int) -> bool:
    """Return whether the word that ends at `end` is long enough for a name in glued text."""
    return end >= _GLUED_MIN and all(map(is_word, raw[end - _GLUED_MIN : end]))


def _prefixes(patterns: list[str]) -> Iterator[tuple[int, ...]]:
    """Yield for each pattern the patterns that begin it, longest first."""
    index = {pattern: i for i, pattern in enumerate(patterns)}
    for pattern in patterns:
        yield tuple(index[p] for n in range(len(pattern) - 1, 0, -1) if (p := pattern[:n]) in index)


def _inside_url(folded: str, start: int, end: int) -> bool:
    """Return whether the place lies in a URL, an e-mail address, a user name or a domain name."""
    left = folded[start - 1 : start]
    right = folded[end : end + 1]
    if left == "@":
        return True
    if left not in _URL_EDGE and right not in _URL_EDGE:
        return False
    if right == "." and _DOMAIN.match(folded, end):
        return True
    low = max(0, start - _LONGEST_URL)
    token_start = max(folded.rfind(" ", low, start), folded.rfind("\n", low, start), low - 1) + 1
    token = _behind_cjk(folded[token_start:end])
    return "://" in token or token.startswith(("www.", "@", "mailto:")) or "@" in folded[end : end + 1]


def _behind_cjk(token: str) -> str:
    """Return what follows the last Chinese character or mark: it ends a URL without a space."""
    return token if token.isascii() else _FROM_CJK_ON.split(token)[-1]


_FROM_CJK_ON = re.compile(f"[{CJK}-\U0010ffff]+")


_DOMAIN = re.compile(r"\.(?:com|org|net|io|ai|dev|co|app|eu|de|uk|cn|cloud|sh|gg|tech|inc)(?![a-z0-9-])")


def all_kinds(lexicon: Lexicon, kinds: Iterable[EntityKind]) -> dict[EntityKind, NameMatcher]:
    """Return a matcher for each of `kinds`."""
    return {kind: NameMatcher(lexicon, kind) for kind in kinds}
