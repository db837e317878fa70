"""A user's own spaCy model proposes names and judges none of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import spacy
from click.testing import CliRunner

from aiwire.cli import cli
from aiwire.exceptions import ConfigError
from nlp.pipeline import TaggerConfig, load, load_tagger, tag_article, versions

TEXT = "Quorvex ships chips to Nvidia. Quorvex is small. Paris is large."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that finds two organisations and a place, beside a component that nobody needs here."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    patterns = [("ORG", "Quorvex"), ("ORG", "Nvidia"), ("GPE", "Paris")]
    ruler.add_patterns([{"label": label, "pattern": name} for label, name in patterns])
    nlp.add_pipe("sentencizer")
    nlp.meta["name"] = "tiny"
    folder = tmp_path_factory.mktemp("model") / "tiny"
    nlp.to_disk(folder)
    return str(folder)


def test_an_organisation_that_no_rule_has_found_is_proposed_and_nothing_else_changes(model: str) -> None:
    plain, helped = tag_article(load(), "", TEXT), tag_article(load(spacy_model=model), "", TEXT)

    added = [c for c in helped.candidates if c not in plain.candidates]
    assert [(c.surface, c.looks_like, c.rule) for c in added] == [("Quorvex", "company", "model:en_tiny")]
    assert added[0].sentence == "Quorvex ships chips to Nvidia."
    assert helped.tags == plain.tags


def test_the_version_names_the_model_so_that_articles_are_tagged_anew(model: str) -> None:
    config = TaggerConfig(spacy_model=model)

    assert versions(config) != versions()
    assert tag_article(load_tagger(config), "", TEXT).taxonomy_version == versions(config)[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("no_such_model_here", "is not installed and no folder", id="missing"),
        pytest.param("EMPTY", "is not installed and no folder", id="an empty folder"),
        pytest.param("BLANK", "finds no names", id="no ner"),
    ],
)
def test_a_model_that_cannot_be_used_is_a_clear_error(name: str, message: str, tmp_path: Path) -> None:
    if name == "EMPTY":
        name = str(tmp_path)
    if name == "BLANK":
        spacy.blank("en").to_disk(tmp_path / "blank")
        name = str(tmp_path / "blank")

    with pytest.raises(ConfigError, match=message):
        load(spacy_model=name)


def test_tag_text_takes_a_model_by_option(model: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps({"id": 1, "text": TEXT}) + "\n")

    result = CliRunner().invoke(cli, ["tag-text", str(tmp_path / "in.jsonl"), "--spacy-model", model])

    assert result.exit_code == 0
    assert {tag["id"] for tag in json.loads(result.stdout)["tags"]} >= {"nvidia"}
