"""The benchmark runs and prints the ratios of its sides."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_benchmark_measures_every_side() -> None:
    command = [sys.executable, str(ROOT / "bench" / "bench_tagging.py"), "--documents", "6", "--parts", "1", "--json"]
    result = json.loads(subprocess.run(command, capture_output=True, check=False, text=True).stdout)

    assert result["documents"] == 6
    for side in ("run", "spacy"):
        assert result[f"{side}: speed by that of tokenisation"] > 0
        assert 0 < result[f"{side}: peak MB"] < 300
    assert result["hostile: seconds a million characters"] > 0
