"""Databases as the benchmark of the site makes them, in small."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

BENCH = Path(__file__).resolve().parents[1] / "bench"


def bench_module(name: str) -> ModuleType:
    """Return a script of bench/, which is no package."""
    sys.path.insert(0, str(BENCH))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(BENCH))


def make_archive(path: Path, articles: int, *, days: int) -> Path:
    """Make a database of so many articles, ten mentions each, over so many days."""
    module = bench_module("site_archive")
    usual, module.DAYS = module.DAYS, days
    try:
        module.make(path, module.Scale(articles, 10 * articles))
    finally:
        module.DAYS = usual
    return path
