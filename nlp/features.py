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
from nlp.text import Text

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

    def look_around(self, place: Place) -> None:
        """Fill in what stands left and right of the place in its sentence, folded."""
        start, end = self.text.sentence_at(place.hit.start)
        place.left = self.text.folded[max(start, place.hit.start - 60) : place.hit.start]
        place.right = self.text.folded[place.hit.end : min(end, place.hit.end + 100)]


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


_VERBS = (
    r"said|says|announc\w+|launch(?:es|ed)|unveil(?:s|ed)|releas(?:es|ed)|introduc(?:es|ed)|acquir(?:es|ed|ing)|bought|"
    r"buys|rais(?:es|ed|ing)|hir(?:es|ed|ing)|partner(?:s|ed)|invest(?:s|ed)|report(?:s|ed)|plans|expects|offers|sells|"
    r"ships|builds|built|makes|employs|sued|sues|agreed|agrees|claims|claimed|warned|told|declined|confirmed|revealed|"
    r"signed|signs|reportedly|recently|owns|operates|provides|develops|argues|charges|competes|disclosed|committed|"
    r"acknowledged|wants|hopes|spent|spends|opened|closed|laid off|cut|aims|intends|lets|has (?:been|also|said|"
    r"raised|built)|publish(?:es|ed)|wrote|writes|design(?:s|ed)|trains|trained|named|appoint(?:s|ed)|sold|supplie[sd]|"
    r"deliver(?:s|ed)|joins|backs|backed|rolled out|rolls out|teamed|teams up|earned|earns|open-sourc(?:es|ed)|holds|"
    r"leads|led|runs|ran|hosts|hosted|rents|leases|leased|won|wins|lost|faces|faced|expand(?:s|ed)|fell|rose|jumped"
)
_RIGHT_VERB = re.compile(rf"(?:,? (?:which|who))? (?:{_VERBS})\b")
_RIGHT_WEAK = re.compile(r" (?:is|was|has|had|will|would|can|could|also|does|did|may|might|uses|used|now|just)\b")
_RIGHT_PERSON = re.compile(
    r"(?:'s)?,? (?:\w+ )?(?:ceo|cto|cfo|coo|chief|co-?founders?|founders?|president|chairman|executives?|spokes\w+|"
    r"engineers?|"
    r"researchers?|employees|staff|shares|stock|investors?|shareholders|board|customers|earnings|revenue|headquarters|"
    r"subsidiary|vice president|vp|svp|team|office|platform|cloud|api|partnership|deal)\b"
)
_RIGHT_FORM = re.compile(r",? (?:inc|corp|corporation|ltd|llc|plc|technologies|holdings|platforms|labs|group)\b")
_FIRM = (
    r"start-?up|company|firm|maker|chipmaker|carmaker|automaker|provider|lab|developer|platform|giant|bank|retailer|"
    r"manufacturer|supplier|vendor|group|consultancy|unicorn|operator|insurer|distributor|subsidiary|neocloud|studio"
)
_RIGHT_APPOSITION = re.compile(
    rf", (?:(?:the|a|an|another|its) (?:[^\s,.;]+ ){{0,8}}(?:{_FIRM})\b|"
    r"(?:which|whose) (?:\w+ly )?(?:makes?|sells?|records?|builds?|offers?|runs?|provides?|develops?|operates?|lets|"
    r"helps|owns|raised|counts|competes|speciali[sz]\w+|employs|trains|designs|hosts|rents|leases|supplies|ships|"
    r"(?:is|was) (?:based|founded|backed|valued)|has (?:raised|built)|models|software|product|chips|ceo|founders?)\b|"
    r"(?:based|headquartered|founded) in\b|(?:an? )?(?:maker|developer|provider|seller|supplier) of\b)"
)
_RIGHT_OWNED = re.compile(
    r"-(?:owned|backed|based|led|built|made|powered|funded|run|operated|hosted|developed|designed)\b"
)
_TICKER = re.compile(r"(?: inc\.?| corp\.?)?,? ?[(\[](?:nasdaq|nyse|hkex|tsx|lse|amex|otc|krx|tse|euronext)\b")
_LEFT_ORG = re.compile(
    r"\b(?:start-?ups?|company|companies|firms?|giants?|makers?|chipmakers?|rivals?|provider|vendors?|lab|parent|"
    r"unicorn|"
    r"competitors?|subsidiary|hyperscalers?|neoclouds?|ceo of|cto of|cfo of|chief of|founders? of|founded|"
    r"head of .{1,20} at|"
    r"engineers? at|researchers? at|executives? at|shares of|stake in|invest\w* in|acqui\w+|bought|joined|joining|left|"
    r"partner\w* with|deal with|owned by|backed by|contract with|agreement with|spokes\w+ for|customers? (?:like|"
    r"such as|including))"
    r"(?: of| like|,| such as| including|:)? \Z"
)
_LEFT_PREP = re.compile(
    r"\b(?:by|from|at|with|via|between|versus|vs\.?|against|like|including|than|unlike|when|that|as) \Z"
)
_LEFT_ARTICLE = re.compile(r"\b(?:a|an|the|this|that|our|your|my|their|its|his|her|each|every|no|any|one|some|more) \Z")
_HARDWARE = (
    r"gpus?|graphics|cards?|chips?|accelerators?|instances?|servers?|nodes?|racks?|clusters?|superchips?|processors?|"
    r"systems?|tensor|vram|hbm\w*|\d+ ?gb|pcie|sxm\d?|nvlink|silicon|pods?|devices?|boards?|modules?|platform|"
    r"architecture"
)
_HARDWARE_NEAR = re.compile(
    r"\b(?:gpus?|cuda|tensor cores?|hbm\w*|nvlink|tflops|fp8|fp4|inference|flops|gemm|sm_?\d\d+|smem|vram)\b"
)
_RIGHT_HARDWARE = re.compile(rf"s?[ -](?:\w+ )?(?:{_HARDWARE})\b")
_LEFT_HARDWARE = re.compile(
    rf"\b(?:{_HARDWARE}|nvidia|amd|intel|google|huawei|aws|amazon|qualcomm)[ (:,]+(?:the |like )?\Z"
)
_LEFT_COUNT = re.compile(r"(?:\b\d[\d,]*[x×]? ?|\b(?:one|two|four|eight|single|dual) )\Z")
_RIGHT_VERSION = re.compile(
    r"[ -]?v?\d+(?:\.\d+)?\b|[ -](?:pro|flash|max|mini|nano|ultra|opus|sonnet|haiku|large|small|turbo|plus|coder)\b"
)
_RIGHT_NUMBER = re.compile(r" \d+(?!\d*[.,]?\d*[ -]?(?:billion|million|b\b|%))")
_RIGHT_MODEL = re.compile(
    r"'?s?,? (?:\w+ )?(?:models?|llms?|weights|chatbots?|assistant|api|checkpoints?|family|series|parameters|tokens?)\b"
)
_LEFT_MODEL = re.compile(
    r"\b(?:models?|llms?|chatbots?|fine-?tuned?|prompt\w*|using|ask(?:ed)?)(?: like| such as| called|,|:)? \Z"
)
_LAW = re.compile(
    r"\b(?:compl\w+|regulat\w+|law|laws|legislation|fine[sd]?|breach\w*|article \d|provisions?|requirements?|"
    r"certifi\w+|"
    r"audit\w*|standards?|obligations?|violat\w+|directive|rules?|penalt\w+|enforce\w*)\b"
)
_LISTING_LEFT = re.compile(r"(?:, (?:and |or )?| and | or |/| & | vs\.? )\Z")
_LISTING_RIGHT = re.compile(r"(?:,? (?:and|or|&|vs\.?) |, |/)")


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


def _mid_capital(scene: Scene, place: Place) -> bool:
    """The capital says something: not at the start of the sentence, and the sentence is not in title case."""
    return not scene.at_sentence_start(place) and not scene.in_title_case(place)


def _owner(place: Place) -> str | None:
    return place.record.entity.parent


FEATURES: dict[str, Callable[[Scene, Place], bool]] = {
    "bias": lambda scene, place: True,
    "repeat": lambda scene, place: False,  # added by `_decide`: another mention of the same entity is sure
    "full-name": lambda scene, place: place.record.entity.id in scene.ids,
    "parent": lambda scene, place: _owner(place) in scene.ids,
    "owner-near": lambda scene, place: scene.in_sentence(_owner(place), place),
    "verb": lambda scene, place: _RIGHT_VERB.match(place.right) is not None,
    "weak-verb": lambda scene, place: _RIGHT_WEAK.match(place.right) is not None,
    "possessive": lambda scene, place: place.right.startswith("'s "),
    "person": lambda scene, place: _RIGHT_PERSON.match(place.right) is not None,
    "legal-form": lambda scene, place: _RIGHT_FORM.match(place.right) is not None,
    "apposition": lambda scene, place: _RIGHT_APPOSITION.match(place.right) is not None,
    "first-name": lambda scene, place: is_person(scene.text, place.hit, scene.clues),
    "namesake": lambda scene, place: place.record.entity.id in scene.persons,
    "off-field": _off_field,
    "homonym": _homonym,
    "owned": lambda scene, place: _RIGHT_OWNED.match(place.right) is not None,
    "ticker": lambda scene, place: _TICKER.match(place.right) is not None,
    "organisation": lambda scene, place: _LEFT_ORG.search(place.left) is not None,
    "preposition": lambda scene, place: _LEFT_PREP.search(place.left) is not None,
    "article": lambda scene, place: _LEFT_ARTICLE.search(place.left) is not None,
    "neighbour": _neighbour,
    "product-of": _product_of,
    "mid-capital": _mid_capital,
    "title-case": lambda scene, place: scene.in_title_case(place),
    "capital-left": _capital_left,
    "capital-right": _capital_right,
    "number": lambda scene, place: _RIGHT_NUMBER.match(place.right) is not None,
    "field": lambda scene, place: scene.of_field > 0,
    "field-strong": lambda scene, place: scene.of_field >= 4,
    "sibling": lambda scene, place: scene.has_sibling(place),
    "hardware-near": lambda scene, place: _HARDWARE_NEAR.search(place.left + " " + place.right) is not None,
    "hardware": lambda scene, place: (
        _RIGHT_HARDWARE.match(place.right) is not None or _LEFT_HARDWARE.search(place.left) is not None
    ),
    "count": lambda scene, place: _LEFT_COUNT.search(place.left) is not None,
    "version": lambda scene, place: _RIGHT_VERSION.match(place.right) is not None,
    "model": lambda scene, place: (
        _RIGHT_MODEL.match(place.right) is not None or _LEFT_MODEL.search(place.left) is not None
    ),
    "law": lambda scene, place: _LAW.search(place.left + " " + place.right) is not None,
}
