"""The tools that learn weights from labelled texts: logistic regression and what it is fed with."""

import importlib
import json
import math
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nlp.evidence import FEATURES
from nlp.gazetteer import DATA
from nlp.unlisted import load_unlisted_rules

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "tools"


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(TOOLS))  # as where a script of tools/ runs
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(TOOLS))


logistic = load("logistic")
train_weights = load("train_weights")
train_unlisted = load("train_unlisted")


def drawn(count: int, seed: int = 3) -> list:
    """Return cases drawn with log-odds of 1.5 for `good`, -2 for `bad` and -0.5 for all."""
    rng = random.Random(seed)
    cases = []
    for number in range(count):
        features = frozenset(name for name in ("good", "bad", "idle") if rng.random() < 0.5)
        score = -0.5 + 1.5 * ("good" in features) - 2.0 * ("bad" in features)
        meant = rng.random() < 1 / (1 + math.exp(-score))
        cases.append(logistic.Case(features, meant, groups=(f"entity {number % 40}", f"publisher {number % 30}")))
    return cases


def test_the_weights_that_made_the_cases_are_found_again() -> None:
    weights = logistic.fit(drawn(4000), {"good": 0.0, "bad": 0.0, "idle": 0.0}, 1.0)

    assert weights == pytest.approx({"bias": -0.5, "good": 1.5, "bad": -2.0, "idle": 0.0}, abs=0.25)


def test_without_examples_a_weight_stays_where_it_was_set() -> None:
    assert logistic.fit(drawn(50), {"good": 0.0, "rare": 2.5}, 1.0)["rare"] == pytest.approx(2.5)


def test_a_prior_is_taken_as_it_is() -> None:
    cases = [logistic.Case(frozenset(), meant=n % 2 == 0, prior=2.0) for n in range(100)]

    assert logistic.fit(cases, {}, 1.0)["bias"] == pytest.approx(-2.0, abs=0.05)


def test_no_group_is_learned_from_and_judged_at_once() -> None:
    cases = drawn(400)
    seen: list[set[str]] = []

    def learn(some: list) -> dict[str, float]:
        seen.append({case.groups[1] for case in some})
        return {"bias": float(len(seen))}

    judged = list(logistic.cross_validate(cases, 1, learn))

    assert sorted(map(id, (case for case, _ in judged))) == sorted(map(id, cases))
    for case, likely in judged:
        fold = round(math.log(likely / (1 - likely))) - 1
        assert case.groups[1] not in seen[fold]


def test_figures_count_by_weight_and_find_the_sure_threshold() -> None:
    case = logistic.Case
    judged = [
        (case(frozenset(), True), 0.9),
        (case(frozenset(), True, weight=3.0), 0.8),
        (case(frozenset(), False), 0.7),
    ]

    figures = logistic.figures(judged)

    assert (figures.precision, figures.recall) == (0.8, 1.0)
    assert figures.sure == ((1.0, 0.8), (1.0, 0.8))


def test_examples_of_the_data_files_become_cases() -> None:
    cases = list(train_weights.from_examples(train_weights.Finder(train_weights.load_lexicon())))

    assert {kind for kind, _ in cases} >= {"company", "accelerator"}
    assert {case.meant for _, case in cases} == {True, False}


def test_the_documents_of_a_gold_file_become_cases(tmp_path: Path) -> None:
    gold, texts = tmp_path / "gold.jsonl", tmp_path / "texts.jsonl"
    label = {"id": "meta", "surfaces": ["Meta"], "role": "mention", "about": False}
    gold.write_text(json.dumps({"id": "a", "publisher": "p", "companies": [label], "accelerators": [], "themes": [],
                                "prices": []}) + "\n")  # fmt: skip
    texts.write_text(json.dumps({"id": "a", "title": "", "text": "On Monday Meta said no. We use Scale."}) + "\n")
    finder = train_weights.Finder(train_weights.load_lexicon())

    cases = [case for _, case in train_weights.from_documents(finder, gold, texts)]

    assert {case.groups: case.meant for case in cases}[("meta", "p")] is True
    assert all(not case.meant for case in cases if case.groups[0] != "meta")


def test_weights_in_use_stay_unless_learned_ones_are_better_in_every_way() -> None:
    worse = logistic.Figures(0.9, 0.9, 0.3, ((0.8, 0.6), (0.7, 0.7)))
    better = logistic.Figures(0.9, 0.9, 0.2, ((0.9, 0.6), (0.8, 0.7)))
    mixed = logistic.Figures(0.9, 0.9, 0.2, ((0.9, 0.6), (0.7, 0.7)))

    def found(learned):
        return {(name, way): learned if name == train_weights.NEAR else worse
                for name in ("in use", train_weights.NEAR) for way in (0, 1)}  # fmt: skip

    assert train_weights.is_better(found(better))
    assert not train_weights.is_better(found(mixed))


def test_a_cautious_bias_makes_even_odds_sure() -> None:
    figures = logistic.Figures(0.9, 0.9, 0.2, ((0.9, 0.75), (0.8, 0.9)))
    found = {(train_weights.NEAR, way): figures for way in (0, 1)}

    assert train_weights.cautious({"bias": 1.0}, found)["bias"] == pytest.approx(1.0 - math.log(3))


def test_the_hand_set_weights_of_unlisted_names_cover_every_feature() -> None:
    assert set(train_unlisted.BY_HAND) == FEATURES


def test_the_shipped_weights_of_unlisted_names_stand_where_the_script_writes_them() -> None:
    text = (DATA / "unlisted.json").read_text(encoding="utf-8")

    assert json.dumps(dict(load_unlisted_rules().weights)) in text


@pytest.mark.parametrize("file", ["context.tsv", "unlisted.tsv"])
def test_labels_are_sorted_and_given_once(file: str) -> None:
    lines = [line for line in (TOOLS / "labels" / file).read_text(encoding="utf-8").splitlines() if line[0] != "#"]

    assert lines == sorted(set(lines))
    assert len({line.count("\t") for line in lines}) == 1
