"""Texts in a chart: cleaned, wrapped to a width, shortened in the middle, placed without overlap. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence

__all__ = ["clean", "fit", "spread", "wrap"]

MOST_CHARS = 200  # of a text that is to be wrapped: what is longer is cut, whatever its width


def clean(text: str) -> str:
    """Return `text` on one line without what no XML may hold or what turns or hides text: control characters etc."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def wrap(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Break `text` into lines of at most `width`: at spaces, after - / and …, between CJK characters, else anywhere.

    Args:
        measure: gives the width of a text, in the unit of `width`.
    """
    lines = [""]
    for piece in _pieces(text):
        if measure((lines[-1] + piece).rstrip()) <= width:
            lines[-1] += piece
            continue
        if lines[-1]:
            lines.append("")
        for char in piece:  # a piece that is wider than a line is broken where the line ends
            if lines[-1] and measure((lines[-1] + char).rstrip()) > width:
                lines.append("")
            lines[-1] += char
    return [line.strip() for line in lines if line.strip()]


def fit(text: str, width: float, lines: int, measure: Callable[[str], float]) -> list[str]:
    """Wrap `text` to at most `lines` lines.

    What is too long loses its middle, as names often differ at their ends: whole words if two can stay, else letters.
    """
    text = text if len(text) <= MOST_CHARS else text[: MOST_CHARS // 2] + "…" + text[-MOST_CHARS // 2 :]
    for shorter in (text, *_without_middle(text.split(" "), " ", least=2), *_without_middle(list(text), "", least=1)):
        wrapped = wrap(shorter, width, measure)
        if len(wrapped) <= lines:
            return wrapped
    return []


def spread(wanted: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Return the upper edges of boxes, none overlapping, each as near to `wanted` as that and the bounds allow.

    The boxes keep their order; downwards is up in numbers. The sum of the squares of the shifts is the least possible:
    an isotonic regression by pooling of adjacent violators (Barlow et al. 1972). Boxes that are higher than `high` -
    `low` together begin at `low` and go on beyond `high`.
    """
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i] + heights[i] / 2, i))
    offsets = [0.0]
    for i in order:
        offsets.append(offsets[-1] + heights[i])
    pools: list[list[float]] = []  # mean, members
    for offset, i in zip(offsets, order, strict=False):
        pools.append([wanted[i] - offset, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, members = pools.pop()
            before = pools[-1]
            before[:] = [(before[0] * before[1] + mean * members) / (before[1] + members), before[1] + members]
    levels = [mean for mean, members in pools for _ in range(int(members))]
    edges = [0.0] * len(wanted)
    for level, offset, i in zip(levels, offsets, order, strict=False):
        edges[i] = max(low, min(level, high - offsets[-1])) + offset
    return edges


def _without_middle(parts: list[str], glue: str, *, least: int) -> Iterator[str]:
    """Yield the parts with more and more of them left out in the middle, down to `least` that are kept."""
    for keep in range(len(parts) - 1, least - 1, -1):
        head, tail = parts[: (keep + 1) // 2], parts[len(parts) - keep // 2 :]
        yield glue.join((*head, "…", *tail))


def _pieces(text: str) -> Iterator[str]:
    """Yield what stays together: a word with the space or hyphen after it, a CJK character."""
    piece = ""
    for char in text:
        if unicodedata.east_asian_width(char) in "WF":
            if piece:
                yield piece
            piece = ""
            yield char
            continue
        piece += char
        if char in " -/…":
            yield piece
            piece = ""
    if piece:
        yield piece
