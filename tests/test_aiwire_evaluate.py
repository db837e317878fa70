"""evaluate: what is scored, what is listed, what is told apart, and what is refused."""

import hashlib
import json

import pytest
from click.testing import CliRunner

from aiwire.cli import cli

TEXTS = [
    {"id": "a", "title": "", "text": "Nvidia sells the H100 for $30,000 a card. Intel left."},
    {"id": "b", "title": "", "text": "AMD has bought a start-up."},
]


def label(identity, *companies, **more):
    named = [{"id": c, "surfaces": [c.title()], "about": False, "role": "mention"} for c in companies]
    return {"id": identity, "companies": named, "accelerators": [], "themes": [], "prices": [], **more}


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines(tmp_path / "gold_texts.jsonl", TEXTS)

    def invoke(*arguments, exit_code=0):
        result = CliRunner().invoke(cli, ["evaluate", *arguments])
        assert result.exit_code == exit_code, result.output
        return result

    return invoke


def test_errors_are_listed_one_a_line(run, tmp_path):
    lines(tmp_path / "gold.jsonl", [label("a", "nvidia", "acme"), label("b", "amd")])

    out = run("--gold", "gold.jsonl", "--errors").stdout.splitlines()

    assert "companies\tmissed\ta\tacme\tAcme" in out
    assert "companies\tfalse\ta\tintel\tIntel" in out
    assert "accelerators\tfalse\ta\tnvidia-h100\tH100" in out


def test_figures_are_told_apart_by_a_field_of_the_labels(run, tmp_path):
    lines(tmp_path / "gold.jsonl", [label("a", "acme", publisher="P"), label("b", "amd", publisher="Q")])

    found = json.loads(run("gold.jsonl", "--by", "publisher", "--json").stdout)
    parts = json.loads(run("gold.jsonl", "--by", "publisher", "--folds", "2", "--json").stdout)

    assert found["groups"]["P"]["companies_f1"] == 0
    assert found["groups"]["Q"]["companies_f1"] == 1
    assert sum(part["documents"] for part in parts["groups"].values()) == 2
    assert set(parts["groups"]) <= {"part 1", "part 2"}


def test_several_gold_files_are_scored_as_one_and_a_label_twice_is_refused(run, tmp_path):
    lines(tmp_path / "gold.jsonl", [label("a", "nvidia")])
    lines(tmp_path / "more.jsonl", [label("b", "amd")])
    files = ["--gold", "gold.jsonl", "--gold", "more.jsonl", "--texts", "gold_texts.jsonl"]

    assert json.loads(run(*files, "--json").stdout)["documents"] == 2
    refused = run("gold.jsonl", "--gold", "gold.jsonl", exit_code=1)
    assert "labelled twice" in str(refused.exception)


def test_a_label_may_be_of_a_part_of_a_text_which_must_be_the_one_that_was_labelled(run, tmp_path):
    words = TEXTS[0]["text"][-11:]
    part = {
        "of": "a",
        "start": 42,
        "end": 53,
        "title": False,
        "sha256": hashlib.sha256(words.encode()).hexdigest()[:16],
    }
    lines(tmp_path / "gold.jsonl", [label("a-42", "intel", part=part)])

    counts = json.loads(run("gold.jsonl", "--json").stdout)["counts"]
    lines(tmp_path / "gold.jsonl", [label("a-42", "intel", part={**part, "start": 41})])
    refused = run("gold.jsonl", exit_code=1)

    assert words == "Intel left."
    assert (counts["companies"]["tp"], counts["companies"]["fp"]) == (1, 0)
    assert "is not the one that was labelled" in str(refused.exception)


def test_listed_and_unlisted_companies_are_reported_apart(run, tmp_path):
    lines(tmp_path / "gold.jsonl", [label("a", "nvidia", "intel")])

    counts = json.loads(run("gold.jsonl", "--json").stdout)["counts"]

    assert (counts["listed"]["tp"], counts["listed"]["fp"]) == (2, 0)
    assert (counts["unlisted"]["tp"], counts["unlisted"]["fp"]) == (0, 0)
    assert "–" in run("gold.jsonl").stdout  # no share of nothing


def test_folds_without_a_field_are_a_usage_error(run, tmp_path):
    assert "--folds wants --by" in run("--folds", "3", exit_code=2).output


def test_figures_by_field_are_tab_separated_where_no_terminal_is(run, tmp_path):
    lines(tmp_path / "gold.jsonl", [label("a", "nvidia", publisher="P"), label("b", "amd", publisher="Q")])

    rows = [line.split("\t") for line in run("gold.jsonl", "--by", "publisher").stdout.splitlines() if "\t" in line]

    assert [row[:2] for row in rows] == [["publisher", "documents"], ["P", "1"], ["Q", "1"]]
    assert {len(row) for row in rows} == {8}


def test_a_field_that_no_label_has_is_an_error_that_names_those_there_are(run, tmp_path):
    lines(tmp_path / "gold.jsonl", [label("a", "nvidia", publisher="P")])

    refused = run("gold.jsonl", "--by", "nosuch", exit_code=1)

    assert "--by nosuch: the labels have no such field; they have publisher" in str(refused.exception)
