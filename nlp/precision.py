"""How often tags of an entity were right in the labelled texts: measured once, shipped as data, shown by each trend."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from aiwire.exceptions import ConfigError
from nlp.evaluate import Report

__all__ = ["ENOUGH", "PRECISION_FILE", "judged", "load_precision", "precision_of"]

PRECISION_FILE = Path(__file__).parent / "data" / "precision.json"
ENOUGH = 5  # judged tags from which an entity's own figure says more than its kind's
_KINDS = {"companies": "company", "accelerators": "accelerator", "themes": "theme"}


def precision_of(report: Report) -> dict[str, tuple[float, int]]:
    """Return precision (0..1) and number of judged tags, by kind and by entity id."""
    kinds = {_KINDS[kind]: counts for kind, counts in report.presence.items()}
    entities = {entity: counts for (_, entity), counts in report.per_entity.items()} | report.per_theme
    return {name: (round(c.precision, 4), c.tp + c.fp) for name, c in sorted((kinds | entities).items()) if c.tp + c.fp}


def judged(found: Mapping[str, tuple[float, int]]) -> dict[str, tuple[float | None, int]]:
    """Return `found` without the precision of what was judged too seldom: the number of judged tags stays."""
    return {name: (precision if tags >= ENOUGH else None, tags) for name, (precision, tags) in found.items()}


def load_precision(path: Path = PRECISION_FILE, *, least: int = 1) -> dict[str, tuple[float, int]]:
    """Return the shipped measurement, as `precision_of` gives it, where at least so many tags were judged.

    Raises:
        ConfigError: the file is missing or malformed.
    """
    try:
        found = json.loads(path.read_bytes())
        return {name: (float(value), int(tags)) for name, (value, tags) in found.items() if tags >= least}
    except (OSError, ValueError, TypeError, AttributeError) as e:
        raise ConfigError(
            f"{path}: cannot be used ({e}); `aiwire evaluate GOLD --save-precision {path}` makes it"
        ) from e
