"""Find the head of a table (lines that begin with "|") for the prices below it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nlp.context import Found

__all__ = ["column_chip", "table_heads"]


def table_heads(folded: str, rows: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return start and end of the first line of the table around each of `rows`, by the row's start.

    Args:
        rows: starts of sentences, in order; those that are not a row of a table, or are its first, have no head.
    """
    firsts: dict[int, int] = {}  # of the rows so far: where a walk upwards may stop
    for row in rows:
        if not folded.startswith("|", row) or (row and folded[row - 1] != "\n"):
            continue
        first = row
        while first:
            above = folded.rfind("\n", 0, first - 1) + 1
            if not folded.startswith("|", above):
                break
            first = firsts.get(above, above)
            if above in firsts:
                break
        firsts[row] = first
    return {row: (first, folded.index("\n", first)) for row, first in firsts.items() if first < row}


def column_chip(folded: str, row: int, at: int, head: tuple[int, int], chips: Sequence[Found]) -> Found | None:
    """Return the accelerator of `chips` in the head's cell above folded[at]; `row` is where that row begins.

    Args:
        head: start and end of the table's first line.
        chips: the accelerators that it names.
    """
    column = folded.count("|", row, at)
    return next((chip for chip in chips if folded.count("|", head[0], chip.start) == column), None)
