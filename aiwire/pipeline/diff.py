"""What a retag has changed, counted by entity, with a few examples of each kind."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from db.diff import Change, What

__all__ = ["EXAMPLES", "Diff", "EntityDiff", "Watch"]

EXAMPLES = 3  # of each kind of change that are kept
Watch = Callable[[Change], None]


@dataclass(slots=True)
class EntityDiff:
    """What has changed for one entity, or for all prices."""

    name: str
    kind: str
    counts: Counter[What] = field(default_factory=Counter)
    examples: dict[What, list[Change]] = field(default_factory=lambda: defaultdict(list))

    def add(self, change: Change) -> None:
        self.counts[change.what] += 1
        if len(kept := self.examples[change.what]) < EXAMPLES:
            kept.append(change)


class Diff:
    """A `Watch`: as large as the number of entities that change, whatever the number of articles."""

    def __init__(self) -> None:
        self.entities: dict[str, EntityDiff] = {}  # by id
        self.prices = EntityDiff("prices", "price")

    def __call__(self, change: Change) -> None:
        """Count a change."""
        if change.quote is not None:
            self.prices.add(change)
        elif change.entity is not None:
            name, kind = change.name or change.entity, change.kind or ""
            self.entities.setdefault(change.entity, EntityDiff(name, kind)).add(change)

    def most_changed(self) -> list[tuple[str, EntityDiff]]:
        """Return the entities, those with the most changes first."""
        return sorted(self.entities.items(), key=lambda item: (-item[1].counts.total(), item[0]))
