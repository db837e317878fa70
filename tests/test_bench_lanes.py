"""The benchmark's plan is the one that its figures speak of, and it runs."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

PATH = Path(__file__).resolve().parents[1] / "bench" / "bench_lanes.py"


def test_the_plan_is_500_feeds_on_200_hosts_with_53_on_the_largest():
    spec = importlib.util.spec_from_file_location("bench_lanes", PATH)
    bench = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = bench
    spec.loader.exec_module(bench)

    counts = bench.zipf_counts(500, 200, 53)
    plan = bench.make_plan(500, 200, 53, speed=1.0)

    assert (sum(counts), len(counts), max(counts), min(counts)) == (500, 200, 53, 1)
    assert sorted(counts, reverse=True)[:3] == counts[:3]
    assert 52 < bench.lower_bound(plan, 1.0) < 60
    assert bench.lower_bound([bench.Feed(1, "/", 0.5), bench.Feed(1, "/", 2.0), bench.Feed(2, "/", 1.0)], 1.0) == 3.0


def test_a_small_run_gets_every_body_once():
    small = [
        "--feeds",
        "12",
        "--hosts",
        "4",
        "--largest",
        "6",
        "--gap",
        "0.05",
        "--speed",
        "50",
        "--target",
        "100",
        "--json",
    ]
    result = json.loads(subprocess.run([sys.executable, str(PATH), *small], capture_output=True, check=True).stdout)

    assert (result["first_bodies"], result["first_not_modified"]) == (12, 0)
    assert (result["second_bodies"], result["second_not_modified"]) == (0, 12)
    assert result["first_ratio"] >= 1.0
