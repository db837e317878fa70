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
from dataclasses import replace
from functools import cache
from pathlib import Path

from aiwire.exceptions import ConfigError
from aiwire.types import EntityKind
from nlp.features import FEATURES, Clues, Found, Place, Scene, is_person
from nlp.field import FieldMeter, FieldTerms
from nlp.gazetteer import DATA, AliasRule, Record
from nlp.matcher import Hit
from nlp.text import CJK, Text

__all__ = ["Clues", "Found", "Weights", "load_weights", "resolve", "weighed", "with_implied"]

_SURE_SCORE = 1.7  # log-odds (confidence 0.85) from which one mention vouches for the others of the same entity
_KNOWN = 0.5  # log-odds from which a name is taken on its prior alone where nothing speaks against it
_DOUBTS = frozenset(("off-field", "homonym", "zh-thing", "article", "first-name", "namesake"))
# what speaks for any noun as well
_WEAK = frozenset(("mid-capital", "title-case", "weak-verb", "preposition", "field", "field-strong"))
_SETTLED = 4  # sure mentions after which the others are taken unseen; a name counts from even odds (0) on
_MOST_WEIGHED = 500  # mentions of an entity that are looked at; if hardly one is sure by then, the rest is left out
_HEADLINE_PRIOR = (
    1.0  # log-odds of a name whose capitals say nothing: some sign of an organisation must stand beside it
)
_PLAIN_CONFIDENCE = {"any": 0.98, "cased": 0.96}

Weights = dict[str, dict[str, float]]

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
    found, stages = _sorted_out(text, hits, clues)
    for scene, unsure in stages:
        found.extend(_decide(scene(found), unsure, weights))
    if stages:
        found.sort(key=lambda f: (f.kind, f.start))
    return list(_without_series(text, found))


def weighed(
    text: Text, hits: dict[EntityKind, list[Hit]], weights: Weights, clues: Clues = _NO_CLUES
) -> Iterator[Place]:
    """Yield every place whose meaning its surroundings decide, with its features: what weights are fitted to.

    One sense per document ("repeat") is not among them, because it rests on the weights.
    """
    found, stages = _sorted_out(text, hits, clues)
    for make_scene, unsure in stages:
        scene = make_scene(found)
        scene.persons = _persons(scene, unsure)
        for place in unsure:
            _weigh(scene, place, weights.get(place.kind, {}))
            yield place
        again = [replace(place, features=[], score=place.alias.prior) for place in unsure]
        found.extend(_decide(scene, again, weights))


def _sorted_out(
    text: Text, hits: dict[EntityKind, list[Hit]], clues: Clues
) -> tuple[list[Found], list[tuple[Callable[[list[Found]], Scene], list[Place]]]]:
    """Return what is beyond doubt, and in stages what is not: a scene to be made of what was found before, places."""
    found: list[Found] = []
    unsure: list[Place] = []
    vetoed: set[str] = set()
    for kind, of_kind in hits.items():
        for hit in of_kind:
            readings = [reading for reading in hit.readings if not _vetoed(text, hit, reading[1])]
            if len(readings) < len(hit.readings):
                vetoed.update(r.entity.id for r, _ in hit.readings)
            plain = next((reading for reading in readings if reading[1].policy != "context"), None)
            if plain is None:
                unsure.extend(Place(hit, r, a, kind, [], a.prior) for r, a in readings)
            elif plain[1].policy == "cased" and kind == "company" and _is_headline_words(text, hit, clues):
                unsure.append(Place(hit, *plain, kind, [], _HEADLINE_PRIOR))
            elif plain[1].policy == "any" or not is_person(text, hit, clues):
                found.append(_plain(kind, hit, *plain))
    # companies first: an owner that its context made sure vouches for its chips and models
    companies = [place for place in unsure if place.kind == "company"]
    others = [place for place in unsure if place.kind != "company"]
    return found, [(lambda sure: Scene(text, sure, clues, vetoed), some) for some in (companies, others) if some]


def _is_headline_words(text: Text, hit: Hit, clues: Clues) -> bool:
    """Return whether a name of everyday words stands in title case: "Just Eat More Vegetables This Winter"."""
    words = text.folded[hit.start : hit.end].split()
    return all(word in clues.common for word in words) and text.in_title_case(hit.start)


def _is_owner(text: Text, hit: Hit) -> bool:
    """Return whether a firm's head is meant, who may have given it his name: "Edelman CEO Richard Edelman"."""
    return _HEAD_BEFORE.search(text.folded, max(0, hit.start - 40), hit.start) is not None


_HEAD_BEFORE = re.compile(r"\b(?:ceo|co-?founder|founder|chairman|chairwoman|chief executive),? [\w.-]+ \Z")


def _without_series(text: Text, found: list[Found]) -> Iterator[Found]:
    """Yield all but a series that only introduces its product: "Instinct" in "Instinct MI300X"."""
    products = {f.start: f for f in found if f.kind == "accelerator"}
    for f in found:
        follower = None
        if f.record and f.record.entity.category == "series" and (gap := _BEFORE_PRODUCT.match(text.raw, f.end)):
            follower = products.get(gap.end())
        if follower is None or not _same_maker(f, follower):
            yield f


_BEFORE_PRODUCT = re.compile(r"(?: ?[™®])?[ -]")


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


def _decide(scene: Scene, unsure: list[Place], weights: Weights) -> Iterator[Found]:
    scene.persons = _persons(scene, unsure)
    vouched: Counter[str] = Counter()
    weighed: Counter[str] = Counter()
    for place in unsure:
        entity_id = place.record.entity.id
        if vouched[entity_id] >= _SETTLED:  # one sense per document: the rest need no look
            place.score = _SURE_SCORE
            place.features.append("repeat")
            continue
        if weighed[entity_id] >= _MOST_WEIGHED:
            place.score = -math.inf
            continue
        weighed[entity_id] += 1
        _weigh(scene, place, weights.get(place.kind, {}))
        vouched[entity_id] += place.score >= _SURE_SCORE
    best: dict[tuple[str, int], Place] = {}
    for place in unsure:
        if vouched[place.record.entity.id] and place.score <= _SURE_SCORE and "repeat" not in place.features:
            place.features.append("repeat")
            place.score += weights.get(place.kind, {}).get("repeat", 0.0)
        key = (place.kind, place.hit.start)
        speaking = {name for name in place.features if weights[place.kind][name] > 0}
        if speaking <= _WEAK and _is_other_word(scene, place):
            continue
        proven = bool(speaking)
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


def _is_other_word(scene: Scene, place: Place) -> bool:
    """Return whether a word refused elsewhere in the text is the other word here too: "AWS Lambda", then "on Lambda".

    One sense per document: to stand in a text of the field, as any noun does, proves no company then.
    """
    if place.kind != "company" or place.record.entity.id not in scene.vetoed:
        return False
    return place.alias.prior < 0 or place.alias.surface[0] >= CJK


def _persons(scene: Scene, unsure: list[Place]) -> set[str]:
    """Return the ids whose name is somebody's surname in the text."""
    return {
        p.record.entity.id
        for p in unsure
        if is_person(scene.text, p.hit, scene.clues) and not _is_owner(scene.text, p.hit)
    }


def _weigh(scene: Scene, place: Place, weights: dict[str, float]) -> None:
    """Add up the features of a place."""
    scene.look_around(place)
    for name, weight in weights.items():
        if FEATURES[name](scene, place):
            place.score += weight
            if name != "bias":
                place.features.append(name)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, x))))
