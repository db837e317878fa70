"""No cell of a CSV of Datasette is a formula for a spreadsheet: the rule of our exports, on the way out.

A headline such as `=HYPERLINK(…)` would be run by the spreadsheet that opens the file
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import polars as pl

from aiwire.web.middleware.asgi import App, Message, Receive, Scope, Send, header
from db.exports.writers import FORMULA

__all__ = ["CsvGuard", "guarded"]

NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")  # is no formula, whatever sign it begins with
BLOCK = 1 << 16  # characters that are looked at together
TYPES = ("text/csv", "text/plain")  # Datasette shows a CSV as text unless it is to be downloaded

CELL = 1 << 30  # characters: a cell may hold the text of an article


class CsvGuard:
    """Turns the bytes of a CSV (UTF-8, as Python's csv writes it) into the same without formulas, piece by piece."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines: list[str] = []  # whole records
        self._open: list[str] = []  # lines of the record whose end has not come
        self._is_quoted = False  # at the end of these lines
        self._size = 0

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """Return what can be sent on after `data`; `final`: all that is left."""
        self._take(self._decoder.decode(data, final), final=final)
        if self._size < BLOCK and not final:
            return b""
        lines, self._lines, self._size = self._lines, [], 0
        return _without_formulas("".join(lines)).encode()

    def _take(self, text: str, *, final: bool) -> None:
        """Put whole records aside: a record ends at a line feed with as many quotes closed as opened before it."""
        *whole, rest = text.split("\n")
        for line in whole:
            self._add(line + "\n")
            if not self._is_quoted:
                self._close()
        self._add(rest)
        if final:
            self._close()

    def _add(self, text: str) -> None:
        self._open.append(text)
        self._is_quoted ^= text.count('"') % 2 == 1

    def _close(self) -> None:
        record = "".join(self._open)
        self._open = []
        self._lines.append(record)
        self._size += len(record)


def guarded(app: App) -> App:
    """Return the application with every CSV that it sends guarded."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        is_csv = scope["type"] == "http" and str(scope["path"]).endswith(".csv")
        await app(scope, receive, _guarding(send) if is_csv else send)

    return guard


def _guarding(send: Send) -> Send:
    guard: CsvGuard | None = None

    async def guarding(message: Message) -> None:
        nonlocal guard
        if message["type"] == "http.response.start":
            if message["status"] == 200 and header(message, b"content-type").startswith(TYPES):
                guard = CsvGuard()
                kept = [(key, value) for key, value in message["headers"] if key.lower() != b"content-length"]
                message = {**message, "headers": kept}
        elif guard is not None:
            more = bool(message.get("more_body", False))
            body = guard.feed(message.get("body", b""), final=not more)
            if more and not body:
                return
            message = {**message, "body": body}
        await send(message)

    return guarding


def _without_formulas(text: str) -> str:
    with _long_cells():
        rows = list(csv.reader(StringIO(text, newline="")))
    cells = pl.Series([cell for row in rows for cell in row], dtype=pl.String)
    if not cells.str.contains(FORMULA).any():
        return text
    out = StringIO(newline="")
    csv.writer(out).writerows([_guarded_cells(row) for row in rows])
    return out.getvalue()


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let cells be long: the limit belongs to the whole process, where others count on it."""
    limit = csv.field_size_limit(CELL)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _guarded_cells(row: list[str]) -> list[str]:
    suspect = pl.Series(row, dtype=pl.String).str.contains(FORMULA)
    return [
        f"'{cell}" if is_suspect and not NUMBER.fullmatch(cell) else cell
        for cell, is_suspect in zip(row, suspect, strict=True)
    ]
