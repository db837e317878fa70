"""Decide whether an ambiguous name means the entity: features of its surroundings summed to log-odds.

Names of policy `any` and `cased` are taken as they are; of policy `context` only where the features that
`data/weights.json` weighs, with the alias's own prior, make it likelier than not. Vetoes, priors and weights are data.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from aiwire.exceptions import ConfigError
from aiwire.types import EntityKind
from nlp.casing import is_title_case
from nlp.field import FieldMeter, FieldTerms
from nlp.gazetteer import DATA, AliasRule, Record
from nlp.matcher import Hit
from nlp.text import Text

__all__ = ["Clues", "Found", "Weights", "load_weights", "resolve", "with_implied"]

_SURE_SCORE = 1.7  # log-odds (confidence 0.85) from which one mention vouches for the others of the same entity
_KNOWN = 0.5  # log-odds from which a name is taken on its prior alone where nothing speaks against it
_DOUBTS = frozenset(("off-field", "homonym", "article", "first-name", "namesake"))
_SETTLED = 4  # sure mentions after which the others are taken unseen; a name counts from even odds (0) on
_PLAIN_CONFIDENCE = {"any": 0.98, "cased": 0.96}

Weights = dict[str, dict[str, float]]


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
class _Open:
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


_NO_CLUES = Clues(FieldMeter(FieldTerms((), 1.0)), frozenset())


@cache
def load_weights(folder: Path = DATA) -> Weights:
    """Return the weight of each feature by kind.

    Raises:
        ConfigError: the file cannot be read or names an unknown feature.
    """
    path = folder / "weights.json"
    try:
        weights: Weights = json.loads(path.read_text(encoding="utf-8"))["weights"]
    except (OSError, ValueError, KeyError) as e:
        raise ConfigError(f"{path}: cannot be read as feature weights: {e}") from e
    for kind, by_feature in weights.items():
        for name in by_feature:
            if name not in FEATURES:
                raise ConfigError(f"{path}: {kind}: unknown feature {name!r}; known: {', '.join(sorted(FEATURES))}")
    return weights


def resolve(text: Text, hits: dict[EntityKind, list[Hit]], weights: Weights, clues: Clues = _NO_CLUES) -> list[Found]:
    """Return the hits that mean an entity, in the order of the kinds and of the text."""
    found: list[Found] = []
    unsure: list[_Open] = []
    vetoed: set[str] = set()
    for kind, of_kind in hits.items():
        for hit in of_kind:
            readings = [reading for reading in hit.readings if not _vetoed(text, hit, reading[1])]
            if len(readings) < len(hit.readings):
                vetoed.update(r.entity.id for r, _ in hit.readings)
            plain = next((reading for reading in readings if reading[1].policy != "context"), None)
            if plain is None:
                unsure.extend(_Open(hit, r, a, kind, [], a.prior) for r, a in readings)
            elif plain[1].policy == "any" or not _is_person(text, hit, clues):
                found.append(_plain(kind, hit, *plain))
    if unsure:
        # companies first: an owner that its context made sure vouches for its chips and models
        for companies in (True, False):
            some = [place for place in unsure if (place.kind == "company") == companies]
            if some:
                found.extend(_decide(_Scene(text, found, clues, vetoed), some, weights))
        found.sort(key=lambda f: (f.kind, f.start))
    return list(_without_series(text, found))


def _is_person(text: Text, hit: Hit, clues: Clues) -> bool:
    """Return whether a first name stands before a name of one word: "Sharon Goldman"."""
    if " " in text.raw[hit.start : hit.end]:
        return False
    match = _WORD_BEFORE.search(text.raw, max(0, hit.start - 20), hit.start)
    return match is not None and match[1].lower() in clues.first_names and match[1] not in _ALSO_VERBS


def _is_owner(text: Text, hit: Hit) -> bool:
    """Return whether a firm's head is meant, who may have given it his name: "Edelman CEO Richard Edelman"."""
    return _HEAD_BEFORE.search(text.folded, max(0, hit.start - 40), hit.start) is not None


_HEAD_BEFORE = re.compile(r"\b(?:ceo|co-?founder|founder|chairman|chairwoman|chief executive),? [\w.-]+ \Z")
_WORD_BEFORE = re.compile(r"\b([A-Z][a-z-]+) \Z")
_ALSO_VERBS = ("Will", "Mark", "Max", "Rob")  # "Will Nvidia ...?"


def _without_series(text: Text, found: list[Found]) -> Iterator[Found]:
    """Yield all but a series that only introduces its product: "Instinct" in "Instinct MI300X"."""
    products = {f.start: f for f in found if f.kind == "accelerator"}
    for f in found:
        follower = products.get(f.end + 1) if f.record and f.record.entity.category == "series" else None
        if follower is None or text.raw[f.end] not in " -" or not _same_maker(f, follower):
            yield f


def _same_maker(one: Found, other: Found) -> bool:
    return (
        one.record is not None and other.record is not None and one.record.entity.parent == other.record.entity.parent
    )


def with_implied(found: list[Found], by_id: Mapping[str, Record]) -> list[Found]:
    """Return `found` and the accelerators inside the named systems, where the text does not name them itself."""
    named = {f.id for f in found}
    inside = []
    for f in found:
        for entity_id in f.record.implies if f.record else ():
            if entity_id not in named:
                entity = by_id[entity_id].entity
                inside.append(
                    f._replace(id=entity_id, name=entity.name, rule="implied", record=by_id[entity_id], part=None)
                )
    return found + inside


def _plain(kind: EntityKind, hit: Hit, record: Record, alias: AliasRule) -> Found:
    entity, confidence = record.entity, _PLAIN_CONFIDENCE[alias.policy]
    return Found(kind, entity.id, entity.name, hit.start, hit.end, alias.policy, confidence, alias.part, record)


def _vetoed(text: Text, hit: Hit, alias: AliasRule) -> bool:
    if not (alias.veto_left or alias.veto_right):
        return False
    return text.raw.endswith(alias.veto_left, 0, hit.start) or text.raw.startswith(alias.veto_right, hit.end)


def _decide(scene: _Scene, unsure: list[_Open], weights: Weights) -> Iterator[Found]:
    scene.persons = {
        p.record.entity.id
        for p in unsure
        if _is_person(scene.text, p.hit, scene.clues) and not _is_owner(scene.text, p.hit)
    }
    vouched: Counter[str] = Counter()
    for place in unsure:
        entity_id = place.record.entity.id
        if vouched[entity_id] >= _SETTLED:  # one sense per document: the rest need no look
            place.score = _SURE_SCORE
            place.features.append("repeat")
            continue
        _weigh(scene, place, weights.get(place.kind, {}))
        vouched[entity_id] += place.score >= _SURE_SCORE
    best: dict[tuple[str, int], _Open] = {}
    for place in unsure:
        if vouched[place.record.entity.id] and place.score <= _SURE_SCORE and "repeat" not in place.features:
            place.features.append("repeat")
            place.score += weights.get(place.kind, {}).get("repeat", 0.0)
        key = (place.kind, place.hit.start)
        proven = any(weights[place.kind][name] > 0 for name in place.features)
        if not proven and place.score >= _KNOWN and scene.hints(place) and not _DOUBTS.intersection(place.features):
            place.features.append("prior")
            proven = True
        if place.score >= 0 and proven and (key not in best or place.score > best[key].score):
            best[key] = place
    for place in best.values():
        entity, hit = place.record.entity, place.hit
        rule, confidence = "context:" + "+".join(place.features), round(_logistic(place.score), 3)
        yield Found(
            place.kind, entity.id, entity.name, hit.start, hit.end, rule, confidence, place.alias.part, place.record
        )


def _weigh(scene: _Scene, place: _Open, weights: dict[str, float]) -> None:
    """Add up the features of a place."""
    scene.look_around(place)
    for name, weight in weights.items():
        if FEATURES[name](scene, place):
            place.score += weight
            if name != "bias":
                place.features.append(name)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, x))))


# ---------------------------------------------------------------- features


class _Scene:
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
        self._sure = sure
        self._title_case: dict[int, bool] = {}
        self._words: dict[str, float] | None = None

    def in_sentence(self, entity_id: str | None, place: _Open) -> bool:
        if entity_id not in self.ids:
            return False
        start, end = self.text.sentence_at(place.hit.start)
        return any(f.id == entity_id and start <= f.start < end for f in self._sure)

    def has_sibling(self, place: _Open) -> bool:
        """Another accelerator of the same maker is named beyond doubt."""
        owner = place.record.entity.parent
        return any(
            f.kind == "accelerator"
            and f.record is not None
            and f.record.entity.parent == owner
            and f.id != place.record.entity.id
            for f in self._sure
        )

    def field_beside(self, place: _Open) -> float:
        """Return how much the other words of the text are of the field or of business; 1 is enough."""
        if self._words is None:
            self._words = self.clues.meter.found(self.text)
        own = self.text.folded[place.hit.start : place.hit.end]
        return sum(weight for word, weight in self._words.items() if word != own)

    def hints(self, place: _Open) -> bool:
        """Return whether anything in the text hints at the field or at business."""
        known = self.of_field if place.kind == "company" else self.of_chips
        return known > 0 or self.field_beside(place) >= _OFF_FIELD

    def in_title_case(self, place: _Open) -> bool:
        index = self.text.sentence_index(place.hit.start)
        if index not in self._title_case:
            start, end = self.text.sentence_at(place.hit.start)
            self._title_case[index] = is_title_case(self.text.raw[start:end])
        return self._title_case[index]

    def at_sentence_start(self, place: _Open) -> bool:
        start, _ = self.text.sentence_at(place.hit.start)
        return not any(c.isalnum() for c in self.text.raw[start : place.hit.start])

    def look_around(self, place: _Open) -> None:
        """Fill in what stands left and right of the place in its sentence, folded."""
        start, end = self.text.sentence_at(place.hit.start)
        place.left = self.text.folded[max(start, place.hit.start - 60) : place.hit.start]
        place.right = self.text.folded[place.hit.end : min(end, place.hit.end + 100)]


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
_RIGHT_LOWER_NOUN = re.compile(r" [a-z]+")
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


def _off_field(scene: _Scene, place: _Open) -> bool:
    """Nothing in the text is of the field or of business."""
    return len(scene.text.raw) >= _TELLING and not scene.hints(place)


def _homonym(scene: _Scene, place: _Open) -> bool:
    """The text, hardly of the field, has the name as a common word or as part of another name: "the apple"."""
    if scene.of_field > 1 or len(scene.text.raw) < _TELLING or scene.field_beside(place) >= _NEAR_FIELD:
        return False
    if place.record.entity.id in scene.vetoed:
        return True
    surface = scene.text.raw[place.hit.start : place.hit.end]
    return surface[0].isupper() and surface.isalpha() and _has_word(scene.text.raw, surface.lower())


def _has_word(raw: str, word: str) -> bool:
    return re.search(rf"(?<![\w./@-]){word}s?(?![\w/@]|\.\w)", raw) is not None


def _neighbour(scene: _Scene, place: _Open) -> bool:
    """A known name of the same kind stands right before or after in a list."""
    start, end, folded = place.hit.start, place.hit.end, scene.text.folded
    left = _LISTING_LEFT.search(folded, max(0, start - 8), start)
    if left and (f := scene.ends.get(left.start())) and f.kind == place.kind:
        return True
    right = _LISTING_RIGHT.match(folded, end)
    return bool(right and (f := scene.starts.get(right.end())) and f.kind == place.kind)


def _product_of(scene: _Scene, place: _Open) -> bool:
    """A company stands right before, so this is its product ("AWS Lambda")."""
    start, folded = place.hit.start, scene.text.folded
    if start < 2 or folded[start - 1] != " ":
        return False
    before = start - 3 if folded.startswith("'s", start - 3) else start - 1
    found = scene.ends.get(before)
    return found is not None and found.kind == "company" and found.id != place.record.entity.id


def _capital_left(scene: _Scene, place: _Open) -> bool:
    """Part of a longer name: a capitalised word that does not begin the sentence stands before ("Robotics Arm")."""
    if scene.in_title_case(place):
        return False
    start, _ = scene.text.sentence_at(place.hit.start)
    match = _CAPITAL_BEFORE.search(scene.text.raw, start, place.hit.start)
    return match is not None and match.start() > start and place.hit.start - 1 not in scene.ends


def _capital_right(scene: _Scene, place: _Open) -> bool:
    """Part of a longer name: a capitalised word follows ("Figure Skating")."""
    if scene.in_title_case(place):
        return False
    match = _CAPITAL_AFTER.match(scene.text.raw, place.hit.end)
    return match is not None and place.hit.end + 1 not in scene.starts


_CAPITAL_BEFORE = re.compile(
    r"\b(?!(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day |(?:January|February|March|April|May|June|July|August|September|"
    r"October|November|December) )[A-Z][\w-]* \Z"
)
_CAPITAL_AFTER = re.compile(r" [A-Z][a-z]")


def _mid_capital(scene: _Scene, place: _Open) -> bool:
    """The capital says something: not at the start of the sentence, and the sentence is not in title case."""
    return not scene.at_sentence_start(place) and not scene.in_title_case(place)


def _owner(place: _Open) -> str | None:
    return place.record.entity.parent


FEATURES: dict[str, Callable[[_Scene, _Open], bool]] = {
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
    "first-name": lambda scene, place: _is_person(scene.text, place.hit, scene.clues),
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
