"""Features of the surroundings of an ambiguous name, each a question with a yes or no. Pure.

`data/weights.json` gives each its weight by kind of entity, `nlp.context` sums them. A question about the whole text is
answered once, because a hostile text asks it for every other word.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from aiwire.types import EntityKind
from nlp.field import FieldMeter
from nlp.gazetteer import AliasRule, Record
from nlp.matcher import Hit
from nlp.surroundings import AROUND, BESIDE, LEFT, RIGHT
from nlp.text import CJK, Text

__all__ = ["FEATURES", "Clues", "Found", "Place", "Scene", "is_person"]


class Found(NamedTuple):
    """A name in the text that means an entity."""

    kind: EntityKind
    id: str
    name: str
    start: int
    end: int
    rule: str
    confidence: float
    part: str | None
    record: Record | None  # None: an unlisted company


@dataclass(slots=True)
class Place:
    """A place whose meaning is not decided yet."""

    hit: Hit
    record: Record
    alias: AliasRule
    kind: EntityKind
    features: list[str]
    score: float
    left: str = ""
    right: str = ""


class Clues(NamedTuple):
    """What the features know beside the gazetteer."""

    meter: FieldMeter
    first_names: frozenset[str]  # of people, in lower case
    common: frozenset[str] = frozenset()  # words of everyday language, in lower case


class Scene:
    """What the features look at: the text and the names in it that are beyond doubt."""

    def __init__(self, text: Text, sure: list[Found], clues: Clues, vetoed: set[str]) -> None:
        self.text = text
        self.clues = clues
        self.vetoed = vetoed  # ids of which a mention was refused by its veto
        self.persons: set[str] = set()  # ids whose name is somebody's surname in this text
        self.ids = {f.id for f in sure}
        self.starts = {f.start: f for f in sure}
        self.ends = {f.end: f for f in sure}
        self.of_field = sum(1 for f in sure if f.kind in ("accelerator", "model") or _in_field(f.record))
        self.of_chips = sum(1 for f in sure if f.kind in ("accelerator", "model"))
        self._in_sentences = {(f.id, text.sentence_index(f.start)) for f in sure}
        self._siblings: dict[str | None, set[str]] = defaultdict(set)  # ids of accelerators by maker
        for f in sure:
            if f.kind == "accelerator" and f.record is not None:
                self._siblings[f.record.entity.parent].add(f.id)
        self._words: dict[str, float] | None = None
        self._beside: dict[str, float] = {}
        self._common: dict[str, bool] = {}

    def in_sentence(self, entity_id: str | None, place: Place) -> bool:
        return (entity_id, self.text.sentence_index(place.hit.start)) in self._in_sentences

    def has_sibling(self, place: Place) -> bool:
        """Another accelerator of the same maker is named beyond doubt."""
        entity = place.record.entity
        return bool(self._siblings.get(entity.parent, set()) - {entity.id})

    def field_beside(self, place: Place) -> float:
        """Return how much the other words of the text are of the field or of business; 1 is enough."""
        if self._words is None:
            self._words = self.clues.meter.found(self.text)
        own = self.text.folded[place.hit.start : place.hit.end]
        if own not in self._beside:
            self._beside[own] = sum(weight for word, weight in self._words.items() if word != own)
        return self._beside[own]

    def is_common_word(self, surface: str) -> bool:
        """Return whether the text has the name in small letters, as a word of its own."""
        if surface not in self._common:
            self._common[surface] = _has_word(self.text.raw, surface.lower())
        return self._common[surface]

    def hints(self, place: Place) -> bool:
        """Return whether anything in the text hints at the field or at business."""
        known = self.of_field if place.kind == "company" else self.of_chips
        return known > 0 or self.field_beside(place) >= _OFF_FIELD

    def in_title_case(self, place: Place) -> bool:
        return self.text.in_title_case(place.hit.start)

    def at_sentence_start(self, place: Place) -> bool:
        start, _ = self.text.sentence_at(place.hit.start)
        return not any(c.isalnum() for c in self.text.raw[start : place.hit.start])

    def opens_part(self, place: Place) -> bool:
        """Return whether the place begins a cell of a table or a quotation, where a capital says nothing."""
        return _PART_BEFORE.search(self.text.raw, max(0, place.hit.start - 8), place.hit.start) is not None

    def look_around(self, place: Place) -> None:
        """Fill in what stands left and right of the place in its sentence, folded."""
        start, end = self.text.sentence_at(place.hit.start)
        place.left = self.text.folded[max(start, place.hit.start - 60) : place.hit.start]
        place.right = self.text.folded[place.hit.end : min(end, place.hit.end + 100)]


# "| Target group", "such as “Block all refunds”"; a straight quote opens only behind a space or bracket
_PART_BEFORE = re.compile(r"(?:[|\t•▪●☐✓→“«「]|(?<=[\s(])[\"'‘])[ \xa0*_]*\Z")


def is_person(text: Text, hit: Hit, clues: Clues) -> bool:
    """Return whether a first name stands before a name of one word: "Sharon Goldman"."""
    if " " in text.raw[hit.start : hit.end]:
        return False
    match = _WORD_BEFORE.search(text.raw, max(0, hit.start - 20), hit.start)
    return match is not None and match[1].lower() in clues.first_names and match[1] not in _ALSO_VERBS


_WORD_BEFORE = re.compile(r"\b([A-Z][a-z-]+) \Z")
_ALSO_VERBS = ("Will", "Mark", "Max", "Rob")  # "Will Nvidia ...?"


def _in_field(record: Record | None) -> bool:
    return record is not None and record.entity.kind == "company" and not (record.venue or record.news_outlet)


_LISTING_LEFT = re.compile(r"(?:, (?:and |or )?| and | or |/| & | vs\.? | ?(?:[、，和与及]|以及) ?)\Z")
_LISTING_RIGHT = re.compile(r"(?:,? (?:and|or|&|vs\.?) |, |/| ?(?:[、，和与及]|以及) ?)")


_OFF_FIELD = 0.7  # weight of the words of field and business below which nothing hints at either
_TELLING = 200  # characters from which the lack of such words tells something
_NEAR_FIELD = 1.2  # ... from which a homonym is not worth a look


def _off_field(scene: Scene, place: Place) -> bool:
    """Nothing in the text is of the field or of business."""
    return len(scene.text.raw) >= _TELLING and not scene.hints(place)


def _homonym(scene: Scene, place: Place) -> bool:
    """The text, hardly of the field, has the name as a common word or as part of another name: "the apple"."""
    if scene.of_field > 1 or len(scene.text.raw) < _TELLING or scene.field_beside(place) >= _NEAR_FIELD:
        return False
    if place.record.entity.id in scene.vetoed:
        return True
    surface = scene.text.raw[place.hit.start : place.hit.end]
    return surface[0].isupper() and surface.isalpha() and scene.is_common_word(surface)


def _has_word(raw: str, word: str) -> bool:
    return word in raw and re.search(rf"(?<![\w./@-]){word}s?(?![\w/@]|\.\w)", raw) is not None


def _neighbour(scene: Scene, place: Place) -> bool:
    """A known name of the same kind stands right before or after in a list."""
    start, end, folded = place.hit.start, place.hit.end, scene.text.folded
    left = _LISTING_LEFT.search(folded, max(0, start - 8), start)
    if left and (f := scene.ends.get(left.start())) and f.kind == place.kind:
        return True
    right = _LISTING_RIGHT.match(folded, end)
    return bool(right and (f := scene.starts.get(right.end())) and f.kind == place.kind)


def _product_of(scene: Scene, place: Place) -> bool:
    """A company stands right before, so this is its product ("AWS Lambda")."""
    start, folded = place.hit.start, scene.text.folded
    if start < 2 or folded[start - 1] != " ":
        return False
    before = start - 3 if folded.startswith("'s", start - 3) else start - 1
    found = scene.ends.get(before)
    return found is not None and found.kind == "company" and found.id != place.record.entity.id


def _capital_left(scene: Scene, place: Place) -> bool:
    """Part of a longer name: a capitalised word that does not begin the sentence stands before ("Robotics Arm")."""
    if scene.in_title_case(place):
        return False
    start, _ = scene.text.sentence_at(place.hit.start)
    match = _CAPITAL_BEFORE.search(scene.text.raw, max(start, place.hit.start - _LONGEST_WORD), place.hit.start)
    return match is not None and match.start() > start and place.hit.start - 1 not in scene.ends


def _capital_right(scene: Scene, place: Place) -> bool:
    """Part of a longer name: a capitalised word follows ("Figure Skating")."""
    if scene.in_title_case(place):
        return False
    match = _CAPITAL_AFTER.match(scene.text.raw, place.hit.end)
    return match is not None and place.hit.end + 1 not in scene.starts


_CAPITAL_BEFORE = re.compile(
    r"\b(?!(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day |(?:January|February|March|April|May|June|July|August|September|"
    r"October|November|December) )[A-Z][\w-]* \Z"
)
_LONGEST_WORD = 100  # characters: what is longer is none
_CAPITAL_AFTER = re.compile(r" [A-Z][a-z]")


def _compound(scene: Scene, place: Place) -> bool:
    """Part of a compound: a hyphen before the name, or one and a capital or digit behind it ("MiniMax-M3", "X-Ray")."""
    raw, start, end = scene.text.raw, place.hit.start, place.hit.end
    if start > 1 and raw[start - 1] in "-‑" and raw[start - 2].isalnum():
        return True
    return raw[end : end + 1] in ("-", "‑") and (raw[end + 1 : end + 2].isupper() or raw[end + 1 : end + 2].isdigit())


def _mid_capital(scene: Scene, place: Place) -> bool:
    """The capital says something: nothing begins with it, and the sentence is not in title case."""
    return not (scene.at_sentence_start(place) or scene.opens_part(place) or scene.in_title_case(place))


def _zh_thing(scene: Scene, place: Place) -> bool:
    """A Chinese name that is also a word stands beside what the word means: millet on a farm, bones in a museum."""
    return place.alias.surface[0] >= CJK and _ZH_THING.search(place.left + " " + place.right) is not None


_ZH_THING = re.compile(
    r"农民|农户|农田|玉米|大豆|高粱|小麦|谷子|杂粮|粮食|播种|种植|收割|丰收|亩产|施肥|果园|果农|"
    r"商代|商朝|殷商|殷墟|出土|文物|青铜|考古|占卜|卜辞|古文字|金文|象形|龟甲|兽骨|汉字|雨林|流域"
)


def _owner(place: Place) -> str | None:
    return place.record.entity.parent


Feature = Callable[[Scene, Place], bool]


def _right(pattern: re.Pattern[str]) -> Feature:
    return lambda scene, place: pattern.match(place.right) is not None


def _left(pattern: re.Pattern[str]) -> Feature:
    return lambda scene, place: pattern.search(place.left) is not None


def _beside(left: re.Pattern[str], right: re.Pattern[str]) -> Feature:
    return lambda scene, place: right.match(place.right) is not None or left.search(place.left) is not None


def _around(pattern: re.Pattern[str]) -> Feature:
    return lambda scene, place: pattern.search(place.left + " " + place.right) is not None


FEATURES: dict[str, Feature] = {
    "bias": lambda scene, place: True,
    "repeat": lambda scene, place: False,  # added by `_decide`: another mention of the same entity is sure
    "full-name": lambda scene, place: place.record.entity.id in scene.ids,
    "parent": lambda scene, place: _owner(place) in scene.ids,
    "owner-near": lambda scene, place: scene.in_sentence(_owner(place), place),
    "possessive": lambda scene, place: place.right.startswith("'s "),
    "first-name": lambda scene, place: is_person(scene.text, place.hit, scene.clues),
    "namesake": lambda scene, place: place.record.entity.id in scene.persons,
    "off-field": _off_field,
    "homonym": _homonym,
    "zh-thing": _zh_thing,
    "neighbour": _neighbour,
    "product-of": _product_of,
    "mid-capital": _mid_capital,
    "compound": _compound,
    "title-case": lambda scene, place: scene.in_title_case(place),
    "capital-left": _capital_left,
    "capital-right": _capital_right,
    "field": lambda scene, place: scene.of_field > 0,
    "field-strong": lambda scene, place: scene.of_field >= 4,
    "sibling": lambda scene, place: scene.has_sibling(place),
    **{name: _right(pattern) for name, pattern in RIGHT.items()},
    **{name: _left(pattern) for name, pattern in LEFT.items()},
    **{name: _beside(*patterns) for name, patterns in BESIDE.items()},
    **{name: _around(pattern) for name, pattern in AROUND.items()},
}
