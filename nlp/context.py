"""Decide whether an ambiguous name means the entity: features of its surroundings summed to log-odds.

Names of policy `any` and `cased` are taken as they are; of policy `context` only where the features that
`data/weights.json` weighs, with the alias's own prior, make it likelier than not. Vetoes, priors and weights are data.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from aiwire.exceptions import ConfigError
from aiwire.types import EntityKind
from nlp.gazetteer import DATA, AliasRule, Record
from nlp.matcher import Hit
from nlp.text import Text

__all__ = ["Found", "Weights", "is_title_case", "load_weights", "resolve", "with_implied"]

_ACCEPT = 0.5  # confidence from which a context alias counts
_SURE = 0.85  # confidence from which one mention vouches for the others of the same entity
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


def resolve(text: Text, hits: dict[EntityKind, list[Hit]], weights: Weights) -> list[Found]:
    """Return the hits that mean an entity, in the order of the kinds and of the text."""
    found: list[Found] = []
    unsure: list[_Open] = []
    for kind, of_kind in hits.items():
        for hit in of_kind:
            plain = next((reading for reading in hit.readings if reading[1].policy != "context"), None)
            if plain is not None:
                found.append(_plain(kind, hit, *plain))
            else:
                unsure.extend(_Open(hit, r, a, kind, [], a.prior) for r, a in hit.readings if not _vetoed(text, hit, a))
    if unsure:
        found.extend(_decide(text, unsure, found, weights))
        found.sort(key=lambda f: (f.kind, f.start))
    return list(_without_series(text, found))


def _without_series(text: Text, found: list[Found]) -> Iterator[Found]:
    """Yield all but a series that only introduces its product: "Instinct" in "Instinct MI300X"."""
    products = {f.start: f for f in found if f.kind == "accelerator"}
    for f in found:
        follower = products.get(f.end + 1) if f.record and f.record.entity.category == "series" else None
        if follower is None or text.raw[f.end] not in " -" or not _same_maker(f, follower):
            yield f


def _same_maker(one: Found, other: Found) -> bool:
    return one.record is not None and other.record is not None and one.record.entity.parent == other.record.entity.parent


def with_implied(found: list[Found], by_id: Mapping[str, Record]) -> list[Found]:
    """Return `found` and the accelerators inside the named systems, where the text does not name them itself."""
    named = {f.id for f in found}
    inside = []
    for f in found:
        for entity_id in f.record.implies if f.record else ():
            if entity_id not in named:
                entity = by_id[entity_id].entity
                inside.append(f._replace(id=entity_id, name=entity.name, rule="implied", record=by_id[entity_id], part=None))
    return found + inside


def _plain(kind: EntityKind, hit: Hit, record: Record, alias: AliasRule) -> Found:
    entity, confidence = record.entity, _PLAIN_CONFIDENCE[alias.policy]
    return Found(kind, entity.id, entity.name, hit.start, hit.end, alias.policy, confidence, alias.part, record)


def _vetoed(text: Text, hit: Hit, alias: AliasRule) -> bool:
    raw = text.raw
    return any(raw.endswith(v, 0, hit.start) for v in alias.veto_left) or any(
        raw.startswith(v, hit.end) for v in alias.veto_right
    )


def _decide(text: Text, unsure: list[_Open], sure: list[Found], weights: Weights) -> Iterator[Found]:
    scene = _Scene(text, sure)
    for place in unsure:
        scene.look_around(place)
        for name, weight in weights.get(place.kind, {}).items():
            if FEATURES[name](scene, place):
                place.score += weight
                if name != "bias":
                    place.features.append(name)
    vouched = {p.record.entity.id for p in unsure if _logistic(p.score) >= _SURE}
    best: dict[tuple[str, int], tuple[float, _Open]] = {}
    for place in unsure:
        if place.record.entity.id in vouched and _logistic(place.score) < _SURE:
            place.features.append("repeat")
            place.score += weights.get(place.kind, {}).get("repeat", 0.0)
        confidence = _logistic(place.score)
        key = (place.kind, place.hit.start)
        if confidence >= _ACCEPT and confidence > best.get(key, (0.0,))[0]:
            best[key] = (confidence, place)
    for confidence, place in best.values():
        entity, hit = place.record.entity, place.hit
        rule = "context:" + "+".join(place.features)
        yield Found(
            place.kind, entity.id, entity.name, hit.start, hit.end, rule, round(confidence, 3), place.alias.part,
            place.record,
        )  # fmt: skip


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, x))))


# ---------------------------------------------------------------- features


class _Scene:
    """What the features look at: the text and the names in it that are beyond doubt."""

    def __init__(self, text: Text, sure: list[Found]) -> None:
        self.text = text
        self.ids = {f.id for f in sure}
        self.starts = {f.start: f for f in sure}
        self.ends = {f.end: f for f in sure}
        self.of_field = sum(1 for f in sure if f.kind in ("accelerator", "model") or _in_field(f.record))
        self._sure = sure
        self._title_case: dict[int, bool] = {}

    def in_sentence(self, entity_id: str | None, place: _Open) -> bool:
        if entity_id not in self.ids:
            return False
        start, end = self.text.sentence_at(place.hit.start)
        return any(f.id == entity_id and start <= f.start < end for f in self._sure)

    def has_sibling(self, place: _Open) -> bool:
        """Another accelerator of the same maker is named beyond doubt."""
        owner = place.record.entity.parent
        return any(
            f.kind == "accelerator" and f.record is not None and f.record.entity.parent == owner and f.id != place.record.entity.id
            for f in self._sure
        )

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
        place.right = self.text.folded[place.hit.end : min(end, place.hit.end + 60)]


def _in_field(record: Record | None) -> bool:
    return record is not None and record.entity.kind == "company" and not (record.venue or record.news_outlet)


def is_title_case(sentence: str) -> bool:
    """Return whether capitals say nothing in `sentence`: most longer words after the first have one."""
    words = [w for w in re.findall(r"[^\W\d_]{4,}", sentence)[1:]]
    return len(words) >= 2 and sum(w[0].isupper() for w in words) >= 0.6 * len(words)


_VERBS = (
    r"said|says|announc\w+|launch(?:es|ed)|unveil(?:s|ed)|releas(?:es|ed)|introduc(?:es|ed)|acquir(?:es|ed|ing)|bought|"
    r"buys|rais(?:es|ed|ing)|hir(?:es|ed|ing)|partner(?:s|ed)|invest(?:s|ed)|report(?:s|ed)|plans|expects|offers|sells|"
    r"ships|builds|built|makes|employs|sued|sues|agreed|agrees|claims|claimed|warned|told|declined|confirmed|revealed|"
    r"signed|signs|reportedly|recently|owns|operates|provides|develops|argues|charges|competes|disclosed|committed|"
    r"acknowledged|wants|hopes|spent|spends|opened|closed|laid off|cut|aims|intends|lets|has (?:been|also|said|raised|built)"
)
_RIGHT_VERB = re.compile(rf"(?:,? (?:which|who))? (?:{_VERBS})\b")
_RIGHT_WEAK = re.compile(r" (?:is|was|has|had|will|would|can|could|also|does|did|may|might|uses|used|now|just)\b")
_RIGHT_PERSON = re.compile(
    r"(?:'s)?,? (?:\w+ )?(?:ceo|cto|cfo|coo|chief|co-?founders?|founders?|president|chairman|executives?|spokes\w+|engineers?|"
    r"researchers?|employees|staff|shares|stock|investors?|shareholders|board|customers|earnings|revenue|headquarters|"
    r"subsidiary|vice president|vp|svp|team|office|platform|cloud|api|partnership|deal)\b"
)
_RIGHT_FORM = re.compile(r",? (?:inc|corp|corporation|ltd|llc|plc|technologies|holdings|platforms|labs|group)\b")
_RIGHT_OWNED = re.compile(
    r"-(?:owned|backed|based|led|built|made|powered|funded|run|operated|hosted|developed|designed)\b"
)
_TICKER = re.compile(r"(?: inc\.?| corp\.?)?,? ?[(\[](?:nasdaq|nyse|hkex|tsx|lse|amex|otc|krx|tse|euronext)\b")
_LEFT_ORG = re.compile(
    r"\b(?:start-?ups?|company|companies|firms?|giants?|makers?|chipmakers?|rivals?|provider|vendors?|lab|parent|unicorn|"
    r"competitors?|subsidiary|hyperscalers?|neoclouds?|ceo of|cto of|cfo of|chief of|founders? of|founded|head of .{1,20} at|"
    r"engineers? at|researchers? at|executives? at|shares of|stake in|invest\w* in|acqui\w+|bought|joined|joining|left|"
    r"partner\w* with|deal with|owned by|backed by|contract with|agreement with|spokes\w+ for|customers? (?:like|such as|including))"
    r"(?: of| like|,| such as| including|:)? \Z"
)
_LEFT_PREP = re.compile(
    r"\b(?:by|from|at|with|via|between|versus|vs\.?|against|like|including|than|unlike|when|that|as) \Z"
)
_LEFT_ARTICLE = re.compile(r"\b(?:a|an|the|this|that|our|your|my|their|its|his|her|each|every|no|any|one|some|more) \Z")
_RIGHT_LOWER_NOUN = re.compile(r" [a-z]+")
_HARDWARE = (
    r"gpus?|graphics|cards?|chips?|accelerators?|instances?|servers?|nodes?|racks?|clusters?|superchips?|processors?|"
    r"systems?|tensor|vram|hbm\w*|\d+ ?gb|pcie|sxm\d?|nvlink|silicon|pods?|devices?|boards?|modules?|platform|architecture"
)
_HARDWARE_NEAR = re.compile(r"\b(?:gpus?|cuda|tensor cores?|hbm\w*|nvlink|tflops|fp8|fp4|inference|flops|gemm|sm_?\d\d+|smem|vram)\b")
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
    r"\b(?:compl\w+|regulat\w+|law|laws|legislation|fine[sd]?|breach\w*|article \d|provisions?|requirements?|certifi\w+|"
    r"audit\w*|standards?|obligations?|violat\w+|directive|rules?|penalt\w+|enforce\w*)\b"
)
_LISTING_LEFT = re.compile(r"(?:, (?:and |or )?| and | or |/| & | vs\.? )\Z")
_LISTING_RIGHT = re.compile(r"(?:,? (?:and|or|&|vs\.?) |, |/)")


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
    """Part of a longer name: a capitalised word stands right before ("Robotics Arm"), and it does not begin the sentence."""
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


_CAPITAL_BEFORE = re.compile(r"[A-Z][\w-]* \Z")
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
