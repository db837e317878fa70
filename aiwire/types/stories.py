"""What is kept of a text to find its copies."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Sketch"]


@dataclass(frozen=True, slots=True)
class Sketch:
    """The keys of a text: one that shares none with it is no copy of it."""

    words: int  # of the text
    bands: tuple[int, ...]  # 32-bit signed keys of locality-sensitive hashing, each of them once, ascending
