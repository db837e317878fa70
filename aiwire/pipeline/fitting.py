"""Does a model fit: the shape of the model and the memory of the parts out of the reference, with their footnotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from aiwire.tco.memory import Fit, Serving, fits
from aiwire.tco.shapes import ModelShape
from db.reference.lookup import parts

__all__ = ["KnownShape", "PartFit", "PartMemory", "fit_parts", "known_shape", "memory_of_parts"]

# what is superseded or implausible is never used
_SHAPES = "SELECT * FROM model_shapes WHERE superseded_at IS NULL AND implausible IS NULL ORDER BY name, as_of"
_MEMORY = """
    SELECT a.id, a.family_id, a.name, a.segment, a.status, a.memory_gb, f.source, f.as_of, f.note
    FROM accelerators a
    LEFT JOIN accelerator_facts f ON f.accelerator_id = a.id AND f.fact = 'memory_gb' AND f.standing = 'used'
         AND f.superseded_at IS NULL AND f.implausible IS NULL
    ORDER BY a.id
"""
_DIFFERING = """
    SELECT accelerator_id, value, source FROM accelerator_facts
    WHERE fact = 'memory_gb' AND standing = 'differs' AND superseded_at IS NULL AND implausible IS NULL
    ORDER BY accelerator_id, source
"""
# columns of model_shapes are fields of ModelShape; two it has only from a configuration
_FIGURES = [field.name for field in fields(ModelShape) if field.name not in ("index_head_dim", "state_bytes")]


@dataclass(frozen=True, slots=True)
class KnownShape:
    """A model with its footnote."""

    shape: ModelShape
    source: str
    as_of: str | None = None  # day the source was read; None: the user's own
    note: str | None = None


@dataclass(frozen=True, slots=True)
class PartMemory:
    """The memory of a part with its footnote."""

    id: str
    family_id: str
    name: str
    segment: str
    status: str
    memory_gb: float | None  # as the source prints it; None: no source says it
    source: str | None
    as_of: str | None
    note: str | None
    conflicts: tuple[str, ...]  # what other sources say


@dataclass(frozen=True, slots=True)
class PartFit:
    """What a part can do for a model; None: its memory is not known."""

    part: PartMemory
    fit: Fit | None


def known_shape(db: Database, name: str) -> KnownShape:
    """Return the shape of a model of the reference.

    Raises:
        ConfigError: it has none of this name; the nearest ones are named.
    """
    rows = {row["name"]: row for row in db.query(_SHAPES)}  # of several the newest
    if name not in rows:
        raise ConfigError(
            f"--model: the shape of {name!r} is not known; {_nearest(name, list(rows))}; of any other model "
            "--model-config reads the config.json that its repository on Hugging Face has"
        )
    row = rows[name]
    figures = {figure: row[figure] for figure in _FIGURES} | {"state_layers": row["state_layers"] or 0}
    return KnownShape(ModelShape(**figures), row["source"], row["as_of"], row["note"])


def memory_of_parts(db: Database, accelerator: str | None) -> list[PartMemory]:
    """Return the memory of a part or of the parts of a family; None: of all parts whose memory is known.

    Raises:
        ConfigError: there is neither such a part nor such a family.
    """
    ids = [part.id for part in parts(db, accelerator)] if accelerator is not None else None
    differing = _differing(db)
    found = [PartMemory(**row, conflicts=tuple(differing.get(row["id"], ()))) for row in db.query(_MEMORY)]
    if ids is None:
        return [part for part in found if part.memory_gb is not None]
    return [part for part in found if part.id in ids]


def fit_parts(
    shape: ModelShape, serving: Serving, memories: Sequence[PartMemory], *, accelerators: int | None
) -> list[PartFit]:
    """Return what each part can do, those that need the fewest first.

    Args:
        shape: of the model.
        serving: how it is to be served.
        memories: the parts.
        accelerators: how many there are; None: of each part the least number that suffices, else one.

    Raises:
        ConfigError: the number is none that can be.
    """
    found = []
    for part in memories:
        fit = None
        if part.memory_gb is not None:
            fit = fits(
                shape, serving, memory_gb=part.memory_gb, accelerators=1 if accelerators is None else accelerators
            )
            if accelerators is None and fit.least_accelerators is not None:
                fit = fits(shape, serving, memory_gb=part.memory_gb, accelerators=fit.least_accelerators)
        found.append(PartFit(part, fit))
    return sorted(found, key=_fewest_first)


def _fewest_first(one: PartFit) -> tuple[Any, ...]:
    least = one.fit.least_accelerators if one.fit else None
    return (one.fit is None, least is None, least or 0, one.part.memory_gb or 0, one.part.id)


def _differing(db: Database) -> dict[str, list[str]]:
    """Return by part what sources say of its memory that is not used."""
    found: dict[str, list[str]] = {}
    for part, value, source in db.execute(_DIFFERING):
        found.setdefault(part, []).append(f"{value} GB ({source})")
    return found


def _nearest(asked: str, known: Sequence[str]) -> str:
    near = get_close_matches(asked.casefold(), known, n=3) or [name for name in known if asked.casefold() in name][:3]
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
