"""Learn what tells a company that no list has: the weights of nlp/data/unlisted.json.

    python tools/train_unlisted.py --gold GOLD.jsonl TEXTS.jsonl [--gold ...] --texts TEXTS.jsonl.gz [--write]

Examples are the capitalised names beside which evidence stands (`nlp.evidence`):

- in labelled documents (GOLD as `nlp.goldfile` reads it, with `publisher`), a company if the labels name it;
- in the same documents with a random half of the list's companies hidden, five times over;
- in --texts, a company if tools/labels/unlisted.tsv says so (what that file does not name is none);
- in --texts with the list's rare companies hidden: those are companies.

Logistic regression with an L2 penalty, drawn towards weights set by hand, because what tells most is rare ("Foo Inc.").
Printed are, cross-validated with no publisher in two folds, precision and recall by probability, for hand-set and
learned weights; --write puts the learned ones into nlp/data/unlisted.json.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from logistic import Case, cross_validate, fit, probability
from train_weights import read_texts

from nlp.context import Clues, load_weights, resolve
from nlp.features import Found
from nlp.field import FieldMeter, load_field_terms
from nlp.gazetteer import DATA, load_lexicon
from nlp.goldfile import read_gold, texts_of
from nlp.language import looks_english
from nlp.matcher import all_kinds
from nlp.text import Text
from nlp.unlisted import UnlistedMatcher, load_unlisted_rules, slug

KINDS = ("company", "accelerator", "model", "regulation")
LABELS = Path(__file__).parent / "labels" / "unlisted.tsv"
PENALTY = 3.0
HALVES, HIDDEN_WEIGHT = 5, 0.1  # the hidden are known names that are seldom introduced, and many
RARE, RARE_WEIGHT = 4, 0.3  # texts up to which a listed company is like one that no list has
STEPS = (0.85, 0.8, 0.75, 0.7, 0.6, 0.5)
PUBLISHER = 0

BY_HAND = {
    "bias": -2.8, "kind": 2.4, "called": 4.0, "firm": 1.6, "likes": 1.5, "officer-of": 2.0, "staff": 1.3, "round": 3.4,
    "backer": 0.8,
    "deal": 1.0, "owner": 0.7, "based": 1.2, "officer": 2.2, "officer-weak": 0.8, "legal": 6.5, "funding": 3.6,
    "stock": 1.6, "deals": 1.0, "suffix": 1.6, "suffix-weak": 0.5, "suffix-ai": 0.7, "domain": 1.2, "site": 1.2,
    "heading": 1.2, "list-known": 0.8, "list-strong": 1.6, "list-mixed": 0.3, "list-found": 1.6, "one-word": 0.3,
    "two-words": -0.2, "three-words": -0.6, "camel": 0.2, "hyphen": -0.6, "capitals": -0.5, "digit": -1.2,
    "thing": -2.0, "common": -0.9, "common-all": -1.3, "common-some": -0.2, "small-letters": -1.3,
    "abbreviation": -1.0, "possessive": 0.8, "product-of": -1.0, "between": 0.3, "capital-left": -1.6,
    "capital-right": -0.4, "first-name": -2.0, "human": -0.5, "opens": -0.4, "opens-common": -1.2, "verb": 0.8,
    "weak-verb": 0.3, "person": 0.8, "apposition": 1.8, "apposition-firm": 2.6, "seat": 2.0, "owned": 0.3,
    "ticker": 3.0, "is-a": 1.8, "speech": -1.0, "thing-right": -0.8, "edition": -0.8, "role": -1.5,
    "place-right": -1.5, "organisation": 1.2, "preposition": 0.2, "article": -0.4, "thing-left": -0.8, "place": -0.8,
    "title": -0.6,
}  # fmt: skip


class Finder:
    """Finds names with their features, as if the companies `hidden` were on no list."""

    def __init__(self, hidden: Collection[str] = ()) -> None:
        lexicon = load_lexicon()
        records = tuple(r for r in lexicon.records if r.entity.kind != "company" or r.entity.id not in hidden)
        lexicon = replace(lexicon, records=records)
        rules = load_unlisted_rules()
        self._matchers = all_kinds(lexicon, KINDS)
        self._clues = Clues(FieldMeter(load_field_terms()), rules.first_names)
        self._weights = load_weights()
        self._unlisted = UnlistedMatcher(rules, lexicon.common_words, frozenset(e.id for e in lexicon.entities))

    def known(self, text: Text) -> list[Found]:
        """Return the names of the lists."""
        hits = {kind: matcher.find(text) for kind, matcher in self._matchers.items()}
        return resolve(text, hits, self._weights, self._clues)

    def cases(self, text: Text) -> Iterator[tuple[str, frozenset[str]]]:
        """Yield the other names that may be companies', with their features."""
        for name, found in self._unlisted.cases(text, self.known(text)):
            if found:
                yield name, frozenset(found)


def as_text(raw: dict[str, Any]) -> Text:
    """Return a record of a file of texts as the tagger reads it."""
    return Text.of(raw.get("title") or "", raw["text"])


def from_gold(finder: Finder, gold_file: Path, text_file: Path, weight: float) -> Iterator[Case]:
    """Yield the names in labelled documents."""
    with gold_file.open(encoding="utf-8") as lines:
        golds = {gold["id"]: gold for gold in read_gold(lines, str(gold_file))}
    for raw in texts_of(golds.values(), read_texts(text_file)):
        gold = golds[raw["id"]]
        surfaces = {s.lower() for label in gold["companies"] for s in label["surfaces"]}
        ids = {label["id"] for label in gold["companies"]}
        if looks_english(raw["text"]):
            for name, found in finder.cases(as_text(raw)):
                meant = name.lower() in surfaces or slug(name) in ids
                yield Case(found, meant, weight=weight, groups=(str(gold.get("publisher", "")),))


def from_texts(finder: Finder, raws: Sequence[dict[str, Any]]) -> Iterator[Case]:
    """Yield the names in texts that the label file knows; the unsure ones are left out."""
    rows = [line.split("\t") for line in LABELS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    told = {(name, document): verdict for name, verdict, document in rows}
    for raw in raws:
        for name, found in finder.cases(as_text(raw)):
            verdict = told.get((name, raw["id"]), told.get((name, ""), "0"))
            if verdict != "?":
                yield Case(found, verdict == "1", groups=(raw["publisher"],))


def from_rare(raws: Sequence[dict[str, Any]]) -> Iterator[Case]:
    """Yield the listed companies that few of the texts name, as if no list had them."""
    everything = Finder()
    surfaces: dict[str, set[tuple[str, str]]] = defaultdict(set)  # by company: (document, surface)
    for raw in raws:
        text = as_text(raw)
        for f in everything.known(text):
            if f.kind == "company":
                surfaces[f.id].add((raw["id"], text.raw[f.start : f.end]))
    rare = {i for i, places in surfaces.items() if len({document for document, _ in places}) <= RARE}
    meant = set(chain.from_iterable(surfaces[i] for i in rare))
    finder = Finder(rare)
    for raw in raws:
        for name, found in finder.cases(as_text(raw)):
            if (raw["id"], name) in meant:
                yield Case(found, True, weight=RARE_WEIGHT, groups=(raw["publisher"],))


def show(title: str, judged: Sequence[tuple[Case, float]]) -> None:
    """Print how many are found, and how many of those rightly, by probability."""
    meant = sum(case.meant for case, _ in judged)
    print(f"{title:44}{len(judged):6} names, {meant} companies")
    for step in STEPS:
        said = [case.meant for case, likely in judged if likely >= step]
        precision = sum(said) / len(said) if said else 1.0
        print(f"    from {step:.2f}{len(said):6} found  P {precision:.3f}  R {sum(said) / max(1, meant):.3f}")


def main() -> None:
    """Collect the examples, cross-validate, learn from all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", nargs=2, action="append", required=True, type=Path, metavar=("GOLD", "TEXTS"))
    parser.add_argument("--texts", type=Path, required=True, help=f"the texts that {LABELS.name} tells of")
    parser.add_argument("--write", action="store_true", help=f"write {DATA / 'unlisted.json'}")
    args = parser.parse_args()
    listed = [e.id for e in load_lexicon().entities if e.kind == "company"]
    raws = [raw for raw in read_texts(args.texts) if looks_english(raw["text"])]
    parts = {"labelled documents": [c for pair in args.gold for c in from_gold(Finder(), *pair, 1.0)]}
    for number in range(HALVES):
        finder = Finder({i for i in listed if random.Random(f"{number} {i}").random() < 0.5})
        half = (c for pair in args.gold for c in from_gold(finder, *pair, HIDDEN_WEIGHT))
        parts.setdefault("labelled documents, half of the list hidden", []).extend(half)
    parts["texts with labels of names"] = list(from_texts(Finder(), raws))
    parts["texts, rare listed companies hidden"] = list(from_rare(raws))
    cases = [case for some in parts.values() for case in some]
    print(f"{len(cases)} examples, {Counter(case.meant for case in cases)[True]} of them companies\n")
    judged = dict(cross_validate(cases, PUBLISHER, lambda some: fit(some, BY_HAND, PENALTY)))
    for title, some in parts.items():
        show(f"by hand: {title}", [(case, probability(case, BY_HAND)) for case in some])
        show(f"learned: {title}", [(case, judged[case]) for case in some])
    weights = {name: round(weight, 2) for name, weight in fit(cases, BY_HAND, PENALTY).items()}
    print("  ".join(f"{name} {BY_HAND[name]:+.1f}→{weight:+.2f}" for name, weight in weights.items()))
    if args.write:
        path = DATA / "unlisted.json"
        text = path.read_text(encoding="utf-8")
        old = json.dumps(json.loads(text)["weights"])
        if old not in text:
            raise SystemExit(f"{path}: 'weights' must be on one line, as this script writes it")
        path.write_text(text.replace(old, json.dumps(weights)), encoding="utf-8")


if __name__ == "__main__":
    main()
