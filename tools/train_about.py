"""Learn how likely it is that a text is about a name or theme, and write the weights to nlp/data/about.json.

    python tools/train_about.py --gold GOLD.jsonl TEXTS.jsonl [--gold GOLD TEXTS ...] [--write nlp/data/about.json]

GOLD are labelled documents (see `nlp.goldfile`) with their `publisher`, TEXTS the texts that they label (`id`, `title`,
`text`; may be gzipped). Each text is tagged with the shipped data; what the tagger finds is an example, about or not as
the labels say. Logistic regression with an L2 penalty, fitted by Newton's method: plain Python, the same every time.

Printed is a cross-validation that keeps all texts of a publisher in one fold, against weights set by hand on the same
folds: F1 of `about` over the documents as `aiwire evaluate` counts it (what the tagger missed counts against it), its
mean and standard deviation over the repetitions, precision and recall, and the deviation over single folds. Then come
the weights learned from everything; without --write nothing is written.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import spacy
from logistic import solve
from spacy.language import Language

from aiwire.types import EntityKind
from nlp.about import FEATURES, AboutWeights, Features, is_passage, name_features, theme_features
from nlp.components import Work, prepare
from nlp.features import Found
from nlp.goldfile import read_gold, texts_of
from nlp.roles import split_sources
from nlp.salience import MOST_ABOUT
from nlp.text import join

ABOUT_FROM = 0.4  # F1 is best where the threshold is half of the F1 that it reaches: here about 0.8
PENALTY = 1.0  # L2, on every weight but the bias
FOLDS, REPETITIONS = 5, 10
NEWTON_STEPS = 25
LISTS: Mapping[EntityKind, str] = {
    "company": "companies", "accelerator": "accelerators", "model": "models", "regulation": "regulations",
    "theme": "themes",
}  # fmt: skip
UNSCORED = ("source", "venue", "optional")

Weights = Mapping[str, Mapping[str, float]]  # by model and feature
BY_HAND: Weights = {
    "name-article": {"bias": -5.2, "title": 4.2, "lead": 1.8, "share": 3.4, "dominance": 0.5},
    "name-passage": {"bias": -1.8, "opening": 0.8, "again": 2.0, "subject": 0.7, "portion": 1.5},
    "theme-article": {"bias": -2.6, "title": 3.0, "dominance": 2.0, "lead": 0.8, "share": 1.0},
    "theme-passage": {"bias": -2.05, "dominance": 3.0},
}
"""What one would set by hand: title and lead first, then how much of the text speaks of it."""


class Example(NamedTuple):
    """A name or theme that the tagger found, and whether the text is about it (None: the labels leave it open)."""

    features: Features
    about: bool | None


@dataclass(frozen=True, slots=True)
class Case:
    """All of one kind in one document."""

    publisher: str
    kind: EntityKind
    model: str
    examples: tuple[Example, ...]
    missed: int  # what the text is about and the tagger did not find


class Counts(NamedTuple):
    """True positives, false positives and false negatives."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return the sum of both."""
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    def f1(self) -> float:
        """Return the harmonic mean of precision and recall; 1 if there was nothing to find and nothing was."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn) if sum(self) else 1.0

    def precision(self) -> float:
        """Return the share of what was called about that is."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 1.0

    def recall(self) -> float:
        """Return the share of what is about that was called so."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 1.0


def load_finder() -> Language:
    """Return the tagging pipeline up to where names and themes are found: the weights themselves are not needed."""
    nlp = spacy.blank("en")
    for name in ("aiwire_sentences", "aiwire_names", "aiwire_unlisted", "aiwire_prices", "aiwire_themes"):
        nlp.add_pipe(name)
    return nlp


def read_cases(nlp: Language, gold_file: Path, text_file: Path) -> Iterator[Case]:
    """Yield the cases of a labelled file."""
    with gold_file.open(encoding="utf-8") as lines:
        golds = list(read_gold(lines, str(gold_file)))
    opener = gzip.open if text_file.suffix == ".gz" else open
    with opener(text_file, "rt", encoding="utf-8") as lines:
        texts = {text["id"]: text for text in texts_of(golds, map(json.loads, lines))}
    for gold in golds:
        if gold["id"] in texts:
            yield from _cases(gold, _find(nlp, texts[gold["id"]]))


def _find(nlp: Language, text: Mapping[str, Any]) -> Work:
    title = text.get("title") or ""
    raw = join(title, text["text"])
    doc = nlp.make_doc(raw)
    work = prepare(doc, raw, title_length=len(title))
    nlp(doc)
    return work


def _cases(gold: Mapping[str, Any], work: Work) -> Iterator[Case]:
    place = "passage" if is_passage(work.text) else "article"
    for kind, key in LISTS.items():
        labels = gold.get(key)
        if labels is None:  # models and regulations are seldom labelled
            continue
        if kind == "theme":
            found = [(t.rule.entity.id, frozenset[str]()) for t in work.themes]
            features = theme_features(work.text, work.themes)
        else:
            groups = _groups(work, kind)
            found = [(group[0].id, frozenset(map(_fold, _surfaces(work, group)))) for group in groups]
            features = name_features(work.text, groups, work.names)
        verdicts, missed = _verdicts(found, labels)
        model = f"{'theme' if kind == 'theme' else 'name'}-{place}"
        yield Case(gold["publisher"], kind, model, tuple(map(Example, features, verdicts)), missed)


def _groups(work: Work, kind: EntityKind) -> list[list[Found]]:
    by_id: dict[str, list[Found]] = defaultdict(list)
    for f in work.names:
        if f.kind == kind:
            by_id[f.id].append(f)
    return split_sources(work.text, list(by_id.values()))[1]


def _surfaces(work: Work, group: Iterable[Found]) -> set[str]:
    return {work.text.raw[f.start : f.end] for f in group}


def _fold(surface: str) -> str:
    return surface.strip().lower().removesuffix("'s").removesuffix("’s")


def _verdicts(
    found: Sequence[tuple[str, frozenset[str]]], labels: Sequence[Mapping[str, Any]]
) -> tuple[list[bool | None], int]:
    """Return what the labels say of each (id, surfaces) that was found, and how many abouts were not found."""
    verdicts: list[bool | None] = [False] * len(found)
    missed = 0
    for label in labels:
        surfaces = {_fold(s) for s in label.get("surfaces", ())}
        hits = [i for i, (found_id, forms) in enumerate(found) if found_id == label["id"] or forms & surfaces]
        unscored = label.get("role") in UNSCORED or bool(label.get("optional"))
        for i in hits:
            verdicts[i] = None if unscored else bool(label.get("about"))
        missed += not hits and not unscored and bool(label.get("about"))
    return verdicts, missed


def fit(cases: Iterable[Case], model: str) -> dict[str, float]:
    """Return the weights of one model, learned from the cases that it is for."""
    names = ("bias", *FEATURES[model])
    examples = [e for case in cases if case.model == model for e in case.examples if e.about is not None]
    rows = [[1.0, *(e.features[name] for name in FEATURES[model])] for e in examples]
    wanted = [float(bool(e.about)) for e in examples]
    weights = [0.0] * len(names)
    for _ in range(NEWTON_STEPS):
        gradient = [-PENALTY * w * (i > 0) for i, w in enumerate(weights)]
        hessian = [[(PENALTY if i else 1e-6) * (i == j) for j in range(len(names))] for i in range(len(names))]
        for row, want in zip(rows, wanted, strict=True):
            likely = 1 / (1 + math.exp(-sum(w * x for w, x in zip(weights, row, strict=True))))
            for i, x in enumerate(row):
                if x:
                    gradient[i] += (want - likely) * x
                    for j in range(i + 1):
                        hessian[i][j] += likely * (1 - likely) * x * row[j]
        step = solve(hessian, gradient)
        weights = [w + s for w, s in zip(weights, step, strict=True)]
        if max(map(abs, step)) < 1e-9:
            break
    return dict(zip(names, weights, strict=True))


def learn(cases: Sequence[Case]) -> Weights:
    """Return the weights of all models."""
    return {model: fit(cases, model) for model in FEATURES}


def score(cases: Iterable[Case], weights: Weights) -> Counts:
    """Return how often `about` is right in `cases`."""
    full = {model: {"bias": 0.0} | dict.fromkeys(FEATURES[model], 0.0) | dict(weights[model]) for model in FEATURES}
    judge = AboutWeights(ABOUT_FROM, full)
    counts = Counts()
    for case in cases:
        likely = [judge.likelihood(case.model, e.features) for e in case.examples]
        ranked = sorted(range(len(likely)), key=lambda i: -likely[i])
        chosen = {i for i in ranked[:MOST_ABOUT] if likely[i] >= ABOUT_FROM}
        pairs = [(i in chosen, e.about) for i, e in enumerate(case.examples) if e.about is not None]
        counts = counts.plus(Counts(
            sum(said and about for said, about in pairs),
            sum(said and not about for said, about in pairs),
            case.missed + sum(about and not said for said, about in pairs),
        ))  # fmt: skip
    return counts


def folds(cases: Sequence[Case], seed: int) -> Iterator[tuple[list[Case], list[Case]]]:
    """Yield what to learn from and what to judge by, so that no publisher is in both."""
    publishers = sorted({case.publisher for case in cases})
    random.Random(seed).shuffle(publishers)
    for number in range(FOLDS):
        held = set(publishers[number::FOLDS])
        yield [c for c in cases if c.publisher not in held], [c for c in cases if c.publisher in held]


def cross_validate(cases: Sequence[Case], ways: Mapping[str, Callable[[Sequence[Case]], Weights]]) -> None:
    """Print a line per kind, place and way of getting weights."""
    pooled: dict[tuple[str, str], list[Counts]] = defaultdict(list)
    single: dict[tuple[str, str], list[float]] = defaultdict(list)
    for seed in range(REPETITIONS):
        totals: dict[tuple[str, str], Counts] = defaultdict(Counts)
        for train, test in folds(cases, seed):
            for way, make in ways.items():
                weights = make(train)
                for slice_name, some in _slices(test):
                    counts = score(some, weights)
                    totals[slice_name, way] = totals[slice_name, way].plus(counts)
                    single[slice_name, way].append(counts.f1())
        for key, counts in totals.items():
            pooled[key].append(counts)
    print(f"{'':28}{'':10}{'F1':>6}{'±':>7}{'P':>8}{'R':>8}{'± folds':>9}")
    for (slice_name, way), runs in sorted(pooled.items()):
        whole = Counts()
        for run in runs:
            whole = whole.plus(run)
        f1 = [run.f1() for run in runs]
        print(
            f"{slice_name:28}{way:10}{statistics.mean(f1):6.3f}{statistics.stdev(f1):7.3f}{whole.precision():8.3f}"
            f"{whole.recall():8.3f}{statistics.stdev(single[slice_name, way]):9.3f}"
        )


def _slices(cases: Sequence[Case]) -> Iterator[tuple[str, list[Case]]]:
    by_slice: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_slice[LISTS[case.kind]].append(case)
        by_slice[f"{LISTS[case.kind]}, {case.model.split('-')[1]}s"].append(case)
    yield from by_slice.items()


def as_json(weights: Weights) -> str:
    """Return the data file."""
    rounded = {model: {name: round(w, 2) for name, w in by_name.items()} for model, by_name in weights.items()}
    about = (
        "Log-odds that nlp/about.py adds up for each name and theme; a text is about what is likelier than `from`. "
        "Features are 0..1. Made by tools/train_about.py from labelled texts."
    )
    return json.dumps({"about": about, "from": ABOUT_FROM, "weights": rounded}, indent=2) + "\n"


def main() -> None:
    """Read the labelled texts, cross-validate, learn from all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", nargs=2, action="append", required=True, type=Path, metavar=("GOLD", "TEXTS"))
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the weights there (nlp/data/about.json)")
    args = parser.parse_args()
    nlp = load_finder()
    cases = [case for gold, texts in args.gold for case in read_cases(nlp, gold, texts)]
    examples = sum(e.about is not None for case in cases for e in case.examples)
    print(f"{examples} examples, {len({case.publisher for case in cases})} publishers\n")
    cross_validate(cases, {"by hand": lambda train: BY_HAND, "learned": learn})
    made = as_json(learn(cases))
    print(f"\n{made}")
    if args.write:
        args.write.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
