"""How often tags of an entity were right in the labelled texts: measured once, shipped as data, shown by each trend."""

from __future__ import annotations

import json
from pathlib import Path

from aiwire.exceptions import ConfigError
from nlp.evaluate import Report

__all__ = ["PRECISION_FILE", "load_precision", "precision_of"]

PRECISION_FILE = Path(__file__).parent / "data" / "precision.json"
ENOUGH = 5  # judged tags from which an entity's own figure says more than its kind's
_KINDS = {"companies": "company", "accelerators": "accelerator", "themes": "theme"}


def precision_of(report: Report) -> dict[str, tuple[float, int]]:
    """Return precision (0..1) and number of judged tags, by kind, and by entity id where enough tags were judged."""
    kinds = {_KINDS[kind]: counts for kind, counts in report.presence.items()}
    entities = {entity: counts for (_, entity), counts in report.per_entity.items()} | report.per_theme
    enough = {name: counts for name, counts in entities.items() if counts.tp + counts.fp >= ENOUGH}
    return {name: (round(c.precision, 4), c.tp + c.fp) for name, c in sorted((kinds | enough).items()) if c.tp + c.fp}


def load_precision(path: Path = PRECISION_FILE) -> dict[str, tuple[float, int]]:
    """Return the shipped measurement, as `precision_of` gives it.

    Raises:
        ConfigError: the file is missing or malformed.
    """
    try:
        found = json.loads(path.read_bytes())
        return {name: (float(value), int(labels)) for name, (value, labels) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError) as e:
        raise ConfigError(
            f"{path}: cannot be used ({e}); `aiwire evaluate GOLD --save-precision {path}` makes it"
        ) from e
