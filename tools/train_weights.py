"""Learn what the surroundings of an ambiguous name say of its meaning: the weights of nlp/data/weights.json.

    python tools/train_weights.py [--gold GOLD.jsonl TEXTS.jsonl ...] [--texts TEXTS.jsonl.gz] [--penalty 3] [--write]

Examples are the sentences in `pos` and `neg` of the names of policy `context` in the data files; the places of such
names in labelled documents (GOLD as `nlp.goldfile` reads it, with `publisher`; TEXTS their texts), meant if the
document's labels name the entity or the surface; and those in --texts of which tools/labels/context.tsv tells. Files of
texts have `id`, `title`, `text` and `publisher`, and may be gzipped. Logistic regression with an L2 penalty, drawn
towards zero or towards the weights in use; the prior of the alias is taken as it is. "repeat" (one sense per document)
rests on the other weights and keeps its own.

Printed are precision, recall, F1 and log-loss of the weights in use and of learned ones, and their recall at the
precisions that names must have, cross-validated in two ways: no entity, and no publisher, is in two folds. --write puts
learned weights into nlp/data/weights.json for the kinds for which they beat those in use both ways.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from logistic import Case, Figures, Weights, cross_validate, figures, fit, table

from nlp.context import Clues, load_weights, weighed
from nlp.features import Place
from nlp.field import FieldMeter, load_field_terms
from nlp.gazetteer import DATA, Lexicon, load_lexicon
from nlp.goldfile import read_gold, texts_of
from nlp.matcher import all_kinds
from nlp.text import Text
from nlp.unlisted import load_unlisted_rules

KINDS = ("company", "accelerator", "model", "regulation")
LISTS = {"company": "companies", "accelerator": "accelerators"}
LABELS = Path(__file__).parent / "labels" / "context.tsv"
ZERO, NEAR = "learned, towards zero", "learned, towards those in use"
FIXED = ("repeat",)
ENTITY, PUBLISHER = 0, 1
MARGIN = 0.01
FEWEST = 150  # examples of a kind from which weights are learned
EXAMPLE_WEIGHT = 0.5  # of a made-up sentence by a place in a real text


class Finder:
    """Finds the undecided places of a text, with all features."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._matchers = all_kinds(lexicon, KINDS)
        self._clues = Clues(FieldMeter(load_field_terms()), load_unlisted_rules().first_names)
        self._weights = load_weights()

    def places(self, text: Text) -> Iterator[Place]:
        """Yield them in the order in which the tagger decides."""
        hits = {kind: matcher.find(text) for kind, matcher in self._matchers.items()}
        yield from weighed(text, hits, self._weights, self._clues)


def from_examples(finder: Finder) -> Iterator[tuple[str, Case]]:
    """Yield (kind, case) of the example sentences of the data files."""
    for record in finder.lexicon.records:
        for rule in record.aliases:
            for sentences, meant in ((rule.positive, True), (rule.negative, False)):
                for sentence in sentences if rule.policy == "context" else ():
                    for place in finder.places(Text.of("", sentence)):
                        if place.record is record and place.alias is rule:
                            yield place.kind, _case(place, meant, "examples of " + record.entity.id, EXAMPLE_WEIGHT)


def from_documents(finder: Finder, gold_file: Path, text_file: Path) -> Iterator[tuple[str, Case]]:
    """Yield (kind, case) of the undecided places in labelled documents."""
    with gold_file.open(encoding="utf-8") as lines:
        golds = {gold["id"]: gold for gold in read_gold(lines, str(gold_file))}
    for raw in texts_of(golds.values(), read_texts(text_file)):
        gold = golds[raw["id"]]
        for place in finder.places(text := Text.of(raw.get("title") or "", raw["text"])):
            if place.kind in LISTS:
                surface = _fold(text.raw[place.hit.start : place.hit.end])
                meant = any(_is(label, place, surface) for label in gold[LISTS[place.kind]])
                yield place.kind, _case(place, meant, str(gold.get("publisher", "")), 1.0)


def from_labels(finder: Finder, labels: Path, text_file: Path) -> Iterator[tuple[str, Case]]:
    """Yield (kind, case) of the places that the label file tells of; many of a name in one text count as a few."""
    told = {}
    for line in labels.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            document, surface, entity, meant = line.split("\t")
            told[document, surface, entity] = meant == "1"
    wanted = {document for document, _, _ in told}
    for raw in read_texts(text_file):
        if raw["id"] in wanted:
            by_name: dict[str, list[Place]] = defaultdict(list)
            for place in finder.places(text := Text.of(raw.get("title") or "", raw["text"])):
                by_name[text.raw[place.hit.start : place.hit.end]].append(place)
            for surface, places in by_name.items():
                for place in places:
                    meant = told.get((raw["id"], surface, place.record.entity.id))
                    if meant is not None:
                        yield place.kind, _case(place, meant, raw["publisher"], len(places) ** -0.5)


def read_texts(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the texts of a file of JSON lines, gzipped or not."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _case(place: Place, meant: bool, publisher: str, weight: float) -> Case:
    found = frozenset(place.features)
    return Case(found, meant, place.alias.prior, weight, (place.record.entity.id, publisher))


def _fold(surface: str) -> str:
    return surface.lower().removesuffix("'s").removesuffix("’s")


def _is(label: Mapping[str, Any], place: Place, surface: str) -> bool:
    return label["id"] == place.record.entity.id or surface in map(_fold, label["surfaces"])


def learners(in_use: Weights, penalty: float) -> dict[str, Any]:
    """Return the ways of getting weights by name."""
    free = {name: weight for name, weight in in_use.items() if name not in FIXED}
    return {
        "in use": lambda cases: in_use,
        ZERO: lambda cases: fit(cases, dict.fromkeys(free, 0.0), penalty),
        NEAR: lambda cases: fit(cases, free, penalty),
    }


def compare(cases: Sequence[Case], in_use: Weights, penalty: float) -> dict[tuple[str, int], Figures]:
    """Return the figures by way of learning and way of folding."""
    return {
        (name, way): figures(list(cross_validate(cases, way, learn)))
        for way in (ENTITY, PUBLISHER)
        for name, learn in learners(in_use, penalty).items()
    }


def is_better(found: Mapping[tuple[str, int], Figures]) -> bool:
    """Return whether learned weights near those in use beat them however folded.

    In log-loss, and by a point in recall wherever precision is as the product needs it: a bias alone trades one for the
    other. Weights drawn towards zero are shown, never taken: they forget what the examples hardly have (first names,
    texts of other fields).
    """
    return all(
        found[NEAR, way].log_loss < found["in use", way].log_loss
        and all(
            learned >= used + MARGIN
            for (learned, _), (used, _) in zip(found[NEAR, way].sure, found["in use", way].sure, strict=True)
        )
        for way in (ENTITY, PUBLISHER)
    )


def cautious(weights: Weights, found: Mapping[tuple[str, int], Figures]) -> dict[str, float]:
    """Return the weights with the bias at which even odds are as sure as the first of `logistic.SURE`."""
    sure_from = max(found[NEAR, way].sure[0][1] for way in (ENTITY, PUBLISHER))
    return dict(weights) | {"bias": weights["bias"] - math.log(sure_from / (1 - sure_from))}


def rounded(weights: Weights, in_use: Weights) -> dict[str, float]:
    """Return the weights as the file holds them, in its order."""
    return {name: round(weights.get(name, in_use[name]), 2) for name in in_use}


def main() -> None:
    """Read the examples, compare the weights, write what is better."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", nargs=2, action="append", default=[], type=Path, metavar=("GOLD", "TEXTS"))
    parser.add_argument("--texts", type=Path, help=f"the texts that {LABELS.name} tells of")
    parser.add_argument("--penalty", type=float, default=3.0, help="L2 on each weight (default 3)")
    parser.add_argument("--write", action="store_true", help=f"write {DATA / 'weights.json'} where that is better")
    args = parser.parse_args()
    finder = Finder(load_lexicon())
    by_kind: dict[str, list[Case]] = defaultdict(list)
    sources = [from_examples(finder), *(from_documents(finder, gold, texts) for gold, texts in args.gold)]
    if args.texts:
        sources.append(from_labels(finder, LABELS, args.texts))
    for kind, case in chain.from_iterable(sources):
        by_kind[kind].append(case)
    path = DATA / "weights.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    for kind, cases in by_kind.items():
        meant = sum(case.meant for case in cases)
        print(f"\n{kind}: {len(cases)} examples, {meant} meant, {len({c.groups[ENTITY] for c in cases})} entities")
        if len(cases) < FEWEST:
            continue
        in_use = data["weights"][kind]
        found = compare(cases, in_use, args.penalty)
        ways = ("no entity in two folds", "no publisher in two folds")
        print(table([(f"{name} ({ways[way]})", f) for (name, way), f in found.items()]))
        better = is_better(found)
        print("better: learned, towards those in use" if better else "better: in use")
        learned = learners(in_use, args.penalty)[NEAR](cases)
        made = rounded(cautious(learned, found) if better else learned, in_use)
        print("  ".join(f"{name} {in_use[name]:+.1f}→{weight:+.2f}" for name, weight in made.items()))
        if better:
            data["weights"][kind] = made
    if args.write:
        path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
