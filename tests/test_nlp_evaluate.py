"""Scores against labelled texts."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aiwire.exceptions import InputError
from aiwire.types import ArticleText
from nlp.evaluate import Counts, Report, check_floors, evaluate
from nlp.goldfile import read_gold
from nlp.jsonl import tag_record
from nlp.pipeline import load_tagger, tag_articles

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
FLOORS = Path(__file__).parent / "gold" / "floors.json"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")


def gold(**labels: Any) -> dict[str, Any]:
    return {"id": "d", "companies": [], "accelerators": [], "themes": [], "prices": [], "traps": []} | labels


def label(entity: str, *surfaces: str, about: bool = False, role: str = "mention") -> dict[str, Any]:
    return {"id": entity, "surfaces": list(surfaces), "about": about, "role": role}


def tag(kind: str, entity: str, *surfaces: str, about: bool = False) -> dict[str, Any]:
    return {"kind": kind, "id": entity, "surfaces": list(surfaces), "about": about}


def price(amount: float, unit: str, high: float | None = None) -> dict[str, Any]:
    return {"amount": amount, "amount_max": high, "unit": unit}


def score(want: dict[str, Any], tags: list[dict[str, Any]], prices: list[dict[str, Any]] | None = None) -> Report:
    return evaluate([want], [{"id": "d", "tags": tags, "prices": prices or []}])


def test_precision_recall_and_f1_are_as_defined() -> None:
    counts = Counts(tp=6, fp=2, fn=6)

    assert (counts.precision, counts.recall, counts.f1) == (0.75, 0.5, 0.6)
    assert (Counts().precision, Counts().recall, Counts().f1) == (1, 1, 1)


def test_a_company_matches_by_id_or_by_a_surface_in_common() -> None:
    report = score(
        gold(companies=[label("acme", "Acme", about=True), label("beta", "Beta"), label("gamma", "Gamma")]),
        [
            tag("company", "acme", "ACME Inc", about=True),
            tag("company", "b", "beta's"),
            tag("company", "x", "X", about=True),
        ],
    )

    assert report.presence["companies"] == Counts(tp=2, fp=1, fn=1)
    assert report.about["companies"] == Counts(tp=1, fp=1, fn=0)
    assert report.right_id["companies"] == 0.5
    assert report.per_entity["companies", "gamma"] == Counts(fn=1)


def test_sources_venues_and_optional_labels_are_scored_neither_way() -> None:
    want = gold(companies=[label("reuters", "Reuters", role="source"), label("x", "X", role="venue")])

    assert score(want, [tag("company", "reuters", "Reuters")]).presence["companies"] == Counts()
    assert score(want, []).presence["companies"] == Counts()


def test_a_member_of_the_family_matches_an_accelerator() -> None:
    report = score(gold(accelerators=[label("amd-instinct")]), [tag("accelerator", "amd-instinct-mi300x", "MI300X")])

    assert report.presence["accelerators"] == Counts(tp=1)


def test_themes_are_counted_by_document() -> None:
    want = gold(themes=[{"id": "tco", "about": True}, {"id": "opex", "about": False}])
    report = score(want, [tag("theme", "tco", about=True), tag("theme", "edge", about=True)])

    assert report.presence["themes"] == Counts(tp=1, fp=1, fn=1)
    assert report.about["themes"] == Counts(tp=1, fp=1, fn=0)
    assert report.themes_macro_f1 == 0


def test_prices_match_within_half_a_percent_at_either_end_of_a_range() -> None:
    want = gold(
        prices=[
            {"value": 100, "unit": "card"},
            {"value": 5, "unit": "month"},
            {"value": 7, "unit": "kwh", "optional": True},
        ]
    )
    report = score(want, [], [price(80, "card", 100.4), price(5, "card"), price(9, "other")])

    assert report.prices_amount == Counts(tp=2, fp=1, fn=0)
    assert report.prices_amount_unit == Counts(tp=1, fp=2, fn=1)


def test_a_trap_that_is_tagged_counts_unless_the_text_also_names_the_real_thing() -> None:
    traps = [{"surface": "Scale", "why": "at Scale"}, {"surface": "Meta", "why": "prefix"}]
    want = gold(companies=[label("meta", "Meta")], traps=traps)

    report = score(want, [tag("company", "scale-ai", "Scale"), tag("company", "meta", "Meta")])

    assert (report.traps, report.traps_tagged) == (1, 1)


def test_documents_without_output_are_misses() -> None:
    report = evaluate([gold(companies=[label("acme", "Acme")])], [])

    assert report.missing == ["d"]
    assert report.presence["companies"] == Counts(fn=1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "gold.jsonl:2: not JSON"),
        ("[]", "gold.jsonl:2: a gold document must be an object with an 'id'"),
        ('{"id": 1}', "gold.jsonl:2: 'companies' must be a list of labels"),
        (
            json.dumps(gold(companies=[{"id": "a"}])),
            "gold.jsonl:2: every label in 'companies' needs 'id' and a list of 'surfaces'",
        ),
        (json.dumps(gold(themes=[{}])), "gold.jsonl:2: every label in 'themes' needs an 'id'"),
        (
            json.dumps(gold(prices=[{"value": "1"}])),
            "gold.jsonl:2: every label in 'prices' needs a number 'value' and a 'unit'",
        ),
    ],
)
def test_a_malformed_gold_line_is_an_error_with_its_number(line: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        list(read_gold([json.dumps(gold()), line], "gold.jsonl"))

    assert str(error.value).startswith(message)


def test_a_figure_under_its_floor_and_an_unknown_figure_are_told() -> None:
    report = score(gold(companies=[label("acme", "Acme")]), [])

    assert check_floors(report, {"companies_f1": 0.5, "accelerators_f1": 0.9}) == [
        "companies_f1: 0.000 is under the floor of 0.500"
    ]
    assert check_floors(report, {"company_f1": 0.5})[0].startswith("company_f1: no such figure; known: ")


# ---------------------------------------------------------------- on the labelled real texts


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tagger's output on the texts of dev."""
    texts = json_lines(SHARED / "gold" / "dev_texts.jsonl")
    articles = (ArticleText(i, r["title"], r["text"], None, "") for i, r in enumerate(texts))
    path = tmp_path_factory.mktemp("gold") / "out.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for article, tagging in tag_articles(load_tagger(), articles):
            out.write(json.dumps(tag_record(texts[article.id]["id"], tagging)) + "\n")
    return path


@pytest.fixture(scope="module")
def report(outputs: Path) -> Report:
    with (SHARED / "gold" / "dev.jsonl").open(encoding="utf-8") as lines:
        golds = list(read_gold(lines, "dev.jsonl"))
    return evaluate(golds, json_lines(outputs))


@needs_shared
def test_our_figures_are_those_of_the_yardstick(outputs: Path, report: Report) -> None:
    tool = [
        sys.executable,
        str(SHARED / "tools" / "score_tags.py"),
        str(SHARED / "gold" / "dev.jsonl"),
        str(outputs),
        "--json",
    ]
    theirs = json.loads(subprocess.run(tool, capture_output=True, check=True, text=True).stdout)

    assert {kind: theirs[kind] for kind in ("companies", "accelerators")} == {
        kind: report.presence[kind].as_dict() | {"right_id": report.right_id[kind]}
        for kind in ("companies", "accelerators")
    }
    assert theirs["themes"] == report.presence["themes"].as_dict()
    assert {k: theirs[f"{k}_about"] for k in report.about} == {k: c.as_dict() for k, c in report.about.items()}
    assert theirs["per_theme"] == {theme: c.as_dict() for theme, c in report.macro_themes.items()}
    assert theirs["themes_macro_f1"] == report.themes_macro_f1
    assert theirs["prices_amount"] == report.prices_amount.as_dict()
    assert theirs["prices_amount_unit"] == report.prices_amount_unit.as_dict()
    assert (theirs["traps_tagged"]["n"], theirs["traps_tagged"]["tagged"]) == (report.traps, report.traps_tagged)


@needs_shared
def test_no_figure_is_under_its_floor(report: Report) -> None:
    assert check_floors(report, json.loads(FLOORS.read_text())) == []


@needs_shared
def test_no_figure_on_texts_that_no_rule_was_written_from_is_under_its_floor() -> None:
    texts = SHARED / "texts" / "texts.jsonl.gz"
    command = [sys.executable, "-P", "-m", "aiwire", "evaluate", "--gold", str(FLOORS.parent / "blind.jsonl")]
    command += ["--texts", str(texts), "--floors", str(FLOORS.parent / "floors_blind.json")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_no_trap_of_the_sample_is_tagged() -> None:
    sample = Path(__file__).resolve().parents[1] / "aiwire" / "sample"
    texts = [json.loads(line) for line in (sample / "gold_texts.jsonl").read_text(encoding="utf-8").splitlines()]
    labels = [json.loads(line) for line in (sample / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    trapped = {label["id"] for label in labels if label["traps"]}
    articles = [ArticleText(n, t["title"], t["text"], None, t["id"]) for n, t in enumerate(texts) if t["id"] in trapped]

    made = {a.source_id: tagging for a, tagging in tag_articles(load_tagger(), articles)}
    assert len(made) >= 3
    assert {i: [t.id for t in tagging.tags] for i, tagging in made.items()} == {i: [] for i in made}
