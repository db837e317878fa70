"""`aiwire doctor`: the user's own gazetteer counts, and untagged articles are not well."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from db_rows import article, make_db, save

from aiwire.cli import cli


def doctor(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the lines of `aiwire doctor` by what they are on."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    lines = CliRunner().invoke(cli, ["doctor"]).stdout.splitlines()
    return {line[6:].split(":")[0]: line for line in lines}


def test_untagged_articles_are_not_ok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = make_db(tmp_path / "news.db")
    save(db, article("a", "NVIDIA sells it.", tagged=False))
    db.close()

    assert doctor(tmp_path, monkeypatch)["tags"].startswith("FAIL  tags: 1 articles are untagged")


def test_the_own_gazetteer_is_checked_with_the_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "gazetteer.jsonl"
    own.write_text('{"id": "quorvex", "kind": "company", "name": "Quorvex"}\n')
    assert str(own.name) in doctor(tmp_path, monkeypatch)["lexicon"]

    own.write_text('{"id": "tco", "terms": [{"s": "rack budget", "near": ["monney"]}]}\n')  # the tagger tells
    assert doctor(tmp_path, monkeypatch)["lexicon"].startswith("FAIL  lexicon: ")
