"""The parse benchmark runs and prints its ratios."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_benchmark_measures_all_sides(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")  # feeds of its own making
    command = [
        sys.executable,
        str(ROOT / "bench" / "bench_parse.py"),
        absent,
        "--feeds",
        "3",
        "--rounds",
        "1",
        "--json",
    ]

    result = json.loads(subprocess.run(command, capture_output=True, check=False, text=True).stdout)

    assert (result["feeds"], result["real"]) == (3, False)
    assert result["ratio"] > result["ratio_fast"] > 1
    assert result["cpu_s"]["aiwire"] > 0
