"""The tool that learns what a text is about from labelled texts."""

import gzip
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nlp.about import FEATURES, load_about_weights
from nlp.gazetteer import DATA

TOOL = Path(__file__).resolve().parents[1] / "tools" / "train_about.py"
NO_LABELS: dict[str, list[Any]] = {"companies": [], "accelerators": [], "themes": [], "prices": []}


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_about", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_about"] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


tool = _load()


def case(publisher: str, *examples: tuple[float, float, bool | None], missed: int = 0) -> Any:
    made = tuple(tool.Example({"dominance": d, "late": late}, about) for d, late, about in examples)
    return tool.Case(publisher, "theme", "theme-passage", made, missed)


CASES = [case(f"p{i}", (1.0, 0.1 * (i % 5), True), (0.3, 0.9, i % 7 == 0)) for i in range(40)]


def test_what_tells_about_from_the_rest_is_learned() -> None:
    weights = tool.fit(CASES, "theme-passage")

    assert weights.keys() == {"bias", "dominance", "late"}
    assert weights["dominance"] > 0 > weights["late"]


def test_the_weights_are_where_the_penalised_likelihood_has_no_slope() -> None:
    weights = tool.fit(CASES, "theme-passage")
    judge = tool.AboutWeights(0.4, {"theme-passage": weights})
    examples = [e for c in CASES for e in c.examples]

    for name in ("dominance", "late"):
        slope = sum((e.about - judge.likelihood("theme-passage", e.features)) * e.features[name] for e in examples)
        assert slope == pytest.approx(tool.PENALTY * weights[name], abs=1e-6)


def test_what_the_labels_leave_open_teaches_nothing() -> None:
    assert tool.fit([*CASES, case("q", (0.0, 1.0, None))], "theme-passage") == tool.fit(CASES, "theme-passage")


def test_no_publisher_is_learned_from_and_judged_by() -> None:
    judged = []
    for train, test in tool.folds(CASES, 3):
        assert not {c.publisher for c in train} & {c.publisher for c in test}
        judged += test

    assert sorted(c.publisher for c in judged) == sorted(c.publisher for c in CASES)


def test_what_the_tagger_missed_counts_against_it() -> None:
    weights = dict(tool.BY_HAND) | {"theme-passage": {"bias": -1.0, "dominance": 3.0}}
    some = [case("p", (1.0, 0.0, True), (0.9, 0.0, False), (0.0, 0.0, True), (1.0, 0.0, None), missed=2)]

    assert tool.score(some, weights) == (1, 1, 3)


def test_no_more_than_the_likeliest_few_are_called_about() -> None:
    weights = dict(tool.BY_HAND) | {"theme-passage": {"bias": 2.0, "dominance": 1.0}}

    assert tool.score([case("p", *[(1.0, 0.0, True)] * 6)], weights) == (4, 0, 2)


def test_counts_of_nothing_are_perfect() -> None:
    assert (tool.Counts().f1(), tool.Counts().precision(), tool.Counts().recall()) == (1.0, 1.0, 1.0)


def test_labels_match_by_id_or_by_a_surface_and_optional_ones_are_left_open() -> None:
    found = [("acme", frozenset({"acme"})), ("zeta-inc", frozenset({"zeta"})), ("foo", frozenset({"foo"}))]
    labels = [
        {"id": "acme", "surfaces": ["ACME AI"], "about": True, "role": "subject"},
        {"id": "zeta", "surfaces": ["Zeta's"], "about": False, "role": "source"},
        {"id": "bar", "surfaces": ["Bar"], "about": True, "role": "subject"},
        {"id": "baz", "surfaces": ["Baz"], "about": True, "role": "optional"},
    ]

    assert tool._verdicts(found, labels) == ([True, None, False], 1)


def write_gold(folder: Path) -> tuple[Path, Path]:
    golds, texts = [], []
    for i in range(12):
        acme = {"id": "nvidia", "surfaces": ["Nvidia"], "about": True, "role": "subject"}
        other = {"id": "amd", "surfaces": ["AMD"], "about": False, "role": "mention"}
        golds.append({"id": i, "publisher": f"p{i}"} | NO_LABELS | {"companies": [acme, other]})
        texts.append({
            "id": i, "title": "Nvidia opens an office", "text": f"Nvidia has {i + 2} offices. It is not far from AMD."
        })  # fmt: skip
    gold, text = folder / "gold.jsonl", folder / "texts.jsonl.gz"
    gold.write_text("".join(json.dumps(g) + "\n" for g in golds))
    with gzip.open(text, "wt") as out:
        out.writelines(json.dumps(t) + "\n" for t in texts)
    return gold, text


def test_the_tool_writes_weights_that_the_tagger_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gold, texts = write_gold(tmp_path)
    monkeypatch.setattr(tool, "REPETITIONS", 2)
    monkeypatch.setattr(
        sys, "argv", ["train_about.py", "--gold", str(gold), str(texts), "--write", str(tmp_path / "about.json")]
    )

    tool.main()

    out = capsys.readouterr().out
    assert out.startswith("24 examples, 12 publishers")
    assert "companies, articles         learned" in out
    assert "accelerators" in out
    weights = load_about_weights(tmp_path).weights
    assert weights["name-article"]["title"] > 0
    assert all(weights[model].keys() == {"bias", *names} for model, names in FEATURES.items())


def test_the_shipped_file_is_as_the_tool_writes_it() -> None:
    text = (DATA / "about.json").read_text()

    assert text == tool.as_json(json.loads(text)["weights"])
