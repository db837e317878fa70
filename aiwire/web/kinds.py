"""What the kinds of names are called, in the order in which pages show them. Pure."""

from __future__ import annotations

__all__ = ["KINDS", "heading", "plural"]

_PLURALS = {
    "company": "companies",
    "accelerator": "accelerators",
    "theme": "themes",
    "model": "models",
    "regulation": "regulations",
}
KINDS = tuple(_PLURALS)


def plural(kind: str) -> str:
    """Return what several of a kind are called in a sentence; one that is not known, as it is."""
    return _PLURALS.get(kind, kind)


def heading(kind: str) -> str:
    """Return the heading of those of a kind."""
    return plural(kind).capitalize()
