"""The data files and what is refused in them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from aiwire.exceptions import ConfigError
from nlp.gazetteer import DATA, load_lexicon
from nlp.lint import lint

THEMES = 26


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with one company, one theme and the shipped support files."""
    for path in DATA.glob("*"):
        if path.suffix in (".txt", ".json"):
            shutil.copy(path, tmp_path)
    for name in ("accelerators", "models", "regulations"):
        (tmp_path / f"{name}.jsonl").write_text("")
    write(tmp_path, "companies", company())
    write(tmp_path, "themes", theme())
    return tmp_path


def write(folder: Path, name: str, *records: dict[str, Any]) -> None:
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))


def company(**changes: Any) -> dict[str, Any]:
    aliases = [{"s": "Acme Chips", "policy": "any"}]
    return {"id": "acme", "kind": "company", "name": "Acme Chips", "aliases": aliases} | changes


def theme(**changes: Any) -> dict[str, Any]:
    terms = [{"s": "on-premises", "w": 1.0}]
    return {"id": "on-premises", "kind": "theme", "name": "On-premises", "terms": terms} | changes


def test_the_shipped_data_passes_its_own_lint() -> None:
    assert lint(load_lexicon()) == []


def test_the_shipped_themes_are_those_of_the_taxonomy() -> None:
    themes = load_lexicon().themes

    assert len(themes) == THEMES
    assert {t.entity.category for t in themes} == {
        "deployment",
        "governance",
        "economics",
        "infrastructure",
        "industry",
    }


def test_a_lexicon_is_told_by_the_hash_of_its_files(folder: Path, tmp_path: Path) -> None:
    before = load_lexicon(folder)
    copy = shutil.copytree(folder, tmp_path / "copy")
    write(copy, "companies", company(country="US"))

    after = load_lexicon(copy)

    assert before.version != after.version
    assert [e.id for e in after.entities] == ["acme", "on-premises"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        pytest.param(company(allias=[]), "companies.jsonl:1: unknown key 'allias'; did you mean 'aliases'?", id="key"),
        pytest.param(
            company(kind="model"), "companies.jsonl:1: 'kind' must be 'company' in this file, not 'model'", id="kind"
        ),
        pytest.param(company(aliases=[]), "companies.jsonl:1: 'aliases' must name at least one surface", id="no alias"),
        pytest.param(
            company(id="Acme Inc"), "companies.jsonl:1: id 'Acme Inc' must be a lower-case slug (a-z, 0-9, -)", id="id"
        ),
        pytest.param(
            company(aliases=[{"s": "Acme", "policy": "all"}]),
            "companies.jsonl:1: policy of 'Acme' must be one of any, cased, context, not 'all'",
            id="policy",
        ),
        pytest.param(
            company(aliases=[{"s": "Acme ", "policy": "any"}]),
            "companies.jsonl:1: 's' must be a text without spaces around it, not 'Acme '",
            id="space",
        ),
    ],
)
def test_a_wrong_line_is_an_error_that_names_file_and_line(folder: Path, record: dict[str, Any], message: str) -> None:
    write(folder, "companies", record)

    with pytest.raises(ConfigError) as error:
        load_lexicon(folder)

    assert str(error.value) == message


def test_an_id_of_two_kinds_is_refused(folder: Path) -> None:
    write(folder, "models", company(kind="model"))

    with pytest.raises(ConfigError, match=r"models.jsonl:1: id 'acme' is already that of companies.jsonl:1"):
        load_lexicon(folder)


def test_a_missing_file_is_an_error(folder: Path) -> None:
    (folder / "themes.jsonl").unlink()

    with pytest.raises(ConfigError, match=r"themes\.jsonl: cannot be read"):
        load_lexicon(folder)


def context(surface: str) -> dict[str, Any]:
    return {"s": surface, "policy": "context", "pos": [f"{surface} said."], "neg": [f"a {surface}"]}


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        pytest.param([company(), company(id="acme-2")], "is shared by acme, acme-2", id="shared alias"),
        pytest.param(
            [company(aliases=[{"s": "scale", "policy": "any"}])], "'scale' is a common word", id="common word"
        ),
        pytest.param([company(parent="nobody")], "parent 'nobody' is no company", id="parent"),
        pytest.param(
            [company(aliases=[{"s": "--", "policy": "any"}])], "alias '--' can never match", id="never matches"
        ),
        pytest.param(
            [company(aliases=[{"s": "Acme", "policy": "context"}])], "needs example sentences", id="no examples"
        ),
    ],
)
def test_lint_finds(folder: Path, records: list[dict[str, Any]], complaint: str) -> None:
    write(folder, "companies", *records)

    assert any(complaint in line for line in lint(load_lexicon(folder)))


def test_lint_accepts_a_shared_alias_that_context_decides(folder: Path) -> None:
    aliases = [context("Apex")]
    write(folder, "companies", company(aliases=aliases), company(id="apex-2", aliases=aliases))

    assert [line for line in lint(load_lexicon(folder)) if "shared" in line] == []
