"""A table that fits its console: what is text is broken, numbers never."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aiwire.cli.common import printable

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_table"]

GAP = 2  # columns between two cells; the edges take as much
_BREAK = re.compile(r"(?<=[\s_/:.,])")  # a text may go on in the next line behind these


def print_table(
    out: Console, columns: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int, left: Sequence[int] = ()
) -> None:
    """Print a table.

    Args:
        texts: how many columns from the left hold texts; the others hold numbers.
        left: further columns that hold texts.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Column, Table
    from rich.text import Text

    cells = [tuple(map(printable, row)) for row in rows]
    are_texts = [number < texts or number in left for number in range(len(columns))]
    widths = _widths(columns, cells, are_texts, room=out.width - GAP * len(columns))
    table = Table(
        *(
            Column(_broken(name, width), width=width, no_wrap=True, justify="left" if is_text else "right")
            for name, width, is_text in zip(columns, widths, are_texts, strict=True)
        ),
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for row in cells:
        table.add_row(*(Text(_broken(cell, width)) for cell, width in zip(row, widths, strict=True)))
    out.print(table, crop=False)


def _widths(
    columns: Sequence[str], rows: Sequence[Sequence[str]], are_texts: Sequence[bool], *, room: int
) -> list[int]:
    """Return the width of each column: as it wants to be or, where there is no room, down to what is not broken."""
    by_column = [[row[number] for row in rows] for number in range(len(columns))]
    widths = [max(map(len, [name, *cells])) for name, cells in zip(columns, by_column, strict=True)]
    least = [
        max(_longest(name), *(_longest(cell) if is_text else len(cell) for cell in cells), 1)
        for name, cells, is_text in zip(columns, by_column, are_texts, strict=True)
    ]
    while sum(widths) > room and (narrower := [n for n, width in enumerate(widths) if width > least[n]]):
        # heads of numbers go into two lines before names do
        widths[max(narrower, key=lambda n: (not are_texts[n], widths[n]))] -= 1
    return widths


def _longest(text: str) -> int:
    return max((len(piece.strip()) for piece in _BREAK.split(text)), default=0)


def _broken(text: str, width: int) -> str:
    """Return a text in lines of at most so many characters, broken where it may be."""
    lines = [""]
    for piece in _BREAK.split(text):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines)
