"""JSON lines of pages: {"url", "captured_at" (ISO 8601), "html", optional "headers" and "status"}, one page a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from aiwire.types.archive import BadRecord, CapturedPage, PassedRecord
from ingest.archive.content import GzipContent, Window
from ingest.archive.payload import capture_date, is_html_type

__all__ = ["read_json_pages"]

_LINE_ROOM = 1 << 20  # of a line, besides its page
_NO_LONGER_TRUE = frozenset(("content-encoding", "content-length", "content-type", "transfer-encoding"))


class _Flaw(Exception):
    """The line holds no page that can be read; the message says why."""


def read_json_pages(window: Window, *, max_page_bytes: int) -> Iterator[CapturedPage | PassedRecord | BadRecord]:
    """Yield the pages of a file that stands at its beginning; `offset` is the number of the line, from 1.

    A gzip member that is damaged ends the line that it breaks off. Lines are counted as they can be read.
    """
    if isinstance(window.content, GzipContent):
        window.content.begins_anyhow = True
    number = 0
    is_told = False  # one for a stretch of lines that are no JSON
    for line, flaw in _lines(window, max_page_bytes + _LINE_ROOM):
        number += 1
        if not line.strip() and not flaw:
            continue
        try:
            if flaw:
                raise _Flaw(flaw)
            found = _page_of(line, number, max_page_bytes)
        except _Flaw as e:
            if not is_told:
                yield BadRecord(number, str(e))
            is_told = True
            continue
        is_told = False
        yield found


def _lines(window: Window, most: int) -> Iterator[tuple[bytes, str | None]]:
    """Yield every line, or why it cannot be read."""
    while True:
        scanned = 0
        while (end := window.data.find(b"\n", window.pos + scanned)) < 0 and window.left <= most:
            scanned = window.left
            if not window.reach(scanned + 1, anything=True):
                break
        if end >= 0 and end - window.pos <= most:
            with memoryview(window.data) as view:
                line = bytes(view[window.pos : end])
            window.skip(end + 1 - window.pos)
            yield line, None
        elif end >= 0 or window.left > most:
            _skip_line(window)
            yield b"", f"too large: a line of more than {most} bytes"
        else:
            damage, rest = window.damage, bytes(window.data[window.pos :])
            if rest or damage:
                yield rest, damage
            has_next = window.next_segment()
            if window.content.skipped is not None:
                yield b"", "garbage between gzip members"
            if not has_next:
                return


def _skip_line(window: Window) -> None:
    while (end := window.data.find(b"\n", window.pos)) < 0:
        window.skip(window.left)
        if not window.reach(1, anything=True):
            return
    window.skip(end + 1 - window.pos)


def _page_of(line: bytes, number: int, max_page_bytes: int) -> CapturedPage | PassedRecord | BadRecord:
    """Return the page of a line, or what is wrong with its values.

    Raises:
        _Flaw: it is no JSON object.
    """
    try:
        record = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as e:
        raise _Flaw(f"no JSON: {e}"[:200]) from e
    if not isinstance(record, dict):
        raise _Flaw("no JSON object")
    url, html, captured_at = record.get("url"), record.get("html"), record.get("captured_at")
    if not isinstance(url, str) or not url:
        return BadRecord(number, 'no "url"')
    if not url.lower().startswith(("http:", "https:")):
        return PassedRecord("not-http", number)
    if record.get("status", 200) != 200:
        return PassedRecord("status", number)
    headers = _headers_of(record.get("headers"))
    if "content-type" in headers and not is_html_type(headers["content-type"]):
        return PassedRecord("not-html", number)
    if not isinstance(html, str):
        return BadRecord(number, 'no "html"', url)
    body = html.encode("utf-8", "replace")  # a half of a surrogate pair is no character
    if len(body) > max_page_bytes:
        return BadRecord(number, f"too large: a page of {len(body)} bytes; up to {max_page_bytes} are read", url)
    try:
        moment = capture_date(captured_at if isinstance(captured_at, str) else "")
    except (ValueError, OverflowError):
        return BadRecord(number, f'"captured_at" {str(captured_at)[:40]!r} is no date of a capture', url)
    kept = {name: value for name, value in headers.items() if name not in _NO_LONGER_TRUE}
    return CapturedPage(url, moment, {**kept, "content-type": "text/html; charset=utf-8"}, body, number)


def _headers_of(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(name).lower(): text for name, text in value.items() if isinstance(text, str)}
