"""The shipped precision per entity: what it holds, and that it is what the tagger does now."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aiwire.exceptions import ConfigError
from nlp.evaluate import Counts, Report
from nlp.precision import ENOUGH, PRECISION_FILE, load_precision, precision_of

GOLD = Path(__file__).parent / "gold"
SHARED = Path(__file__).resolve().parents[1].parent / "shared"


def test_every_entity_that_was_tagged_has_a_figure_and_exports_take_those_that_say_something(tmp_path):
    report = Report(
        presence={"companies": Counts(tp=9, fp=1)},
        per_entity={("companies", "nvidia"): Counts(tp=4, fp=1, fn=7), ("companies", "amd"): Counts(tp=4)},
        per_theme={"tco": Counts(tp=0, fp=0, fn=3)},
    )

    found = precision_of(report)
    (tmp_path / "precision.json").write_text(json.dumps(found))

    assert found == {"company": (0.9, 10), "nvidia": (0.8, 5), "amd": (1.0, 4)}
    assert load_precision(tmp_path / "precision.json", least=ENOUGH).keys() == {"company", "nvidia"}


def test_a_file_that_cannot_be_used_is_a_clear_error(tmp_path):
    (tmp_path / "bad.json").write_text('{"nvidia": 1}')

    with pytest.raises(ConfigError, match="cannot be used"):
        load_precision(tmp_path / "bad.json")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
def test_the_shipped_file_is_what_the_tagger_does_now(tmp_path):
    files = (SHARED / "gold" / "dev.jsonl", GOLD / "blind.jsonl", GOLD / "tuning.jsonl")
    command = [sys.executable, "-P", "-m", "aiwire", "evaluate", "--texts", str(SHARED / "texts" / "texts.jsonl.gz")]
    command += [argument for file in files for argument in ("--gold", str(file))]
    fresh = tmp_path / "precision.json"

    subprocess.run([*command, "--save-precision", str(fresh)], check=True, capture_output=True)

    assert json.loads(fresh.read_text()) == json.loads(PRECISION_FILE.read_text()), "run that command with this file"
