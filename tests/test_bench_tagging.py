"""The benchmark runs and prints its ratio."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_benchmark_measures_both_sides() -> None:
    command = [sys.executable, str(ROOT / "bench" / "bench_tagging.py"), "--documents", "8", "--rounds", "2", "--json"]
    result = json.loads(subprocess.run(command, capture_output=True, check=False, text=True).stdout)

    assert result["documents"] == 8
    assert result["ratio"] > 0
    assert result["pipeline_words_per_second"] > 0
