"""Web archives, record by record: WARC 1.0 and 1.1 (ISO 28500:2017), plain or gzip, and JSON lines of pages.

Whatever the bytes are, reading ends, takes a bounded amount of memory and raises nothing: what is damaged is a
`BadRecord`, and reading goes on at the next record that can be found. That is why no library reads here: warcio takes
a damaged gzip member for the end of the file.

Where a record ends is believed only if something confirms it: the end of its gzip member, the next record, or the two
empty lines that end a record. Where gzip members hold one record each, as in nearly all archives, nothing within a
member is ever taken for the beginning of another record: a page may quote one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from aiwire.types.archive import BadRecord, CapturedPage, PassedRecord
from ingest.archive.content import RECORD_START, Content, GzipContent, PlainContent, Window
from ingest.archive.jsonpages import read_json_pages
from ingest.archive.payload import MAX_HTTP_HEAD, PageHead, RecordHead, made_page, page_head, read_head
from ingest.feeds.documents import describe
from ingest.http.decode import GZIP_MAGIC

__all__ = ["Item", "read_pages"]

Item = CapturedPage | PassedRecord | BadRecord

_SNIFF = 1 << 16
_MAX_HEAD = 1 << 16  # of a record
_NEAR = 1 << 11  # nearly all heads end here
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FIRST_LINE = re.compile(rb"WARC/1\.[0-9]+[ \t]*\r?\n")
_RECORD_LINE = b"\n" + RECORD_START
_AFTER = 16  # bytes behind a block: empty lines, and the beginning of the next record
_RECORD_END = b"\r\n\r\n"
_CHECK = "check"  # zlib: a member was unpacked to its end, and its checksum or length is another
_JSON_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")
_JSON_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{\s*\"\w+\"\s*:")
_JSON_LINE = re.compile(rb"(?m)^\s*\{\s*\"")


def read_pages(stream: BinaryIO, name: str, *, max_page_bytes: int) -> Iterator[Item]:
    """Yield what an archive holds, in its order: pages, records that are none, and damage.

    Args:
        stream: read forward only; a file that is not packed may be sought in to look for the end of a large record.
        name: of the file, for messages.
        max_page_bytes: of a page, decoded, and of what is stored of it. About three times as much memory is taken.

    Raises:
        OSError: the stream cannot be read.
    """
    first = _first_bytes(stream)
    if not first:
        yield BadRecord(0, "the file is empty")
        return
    window = Window(_content(stream, first))
    found = False
    while window.next_segment():
        found = True
        if window.has(1) or window.damage:
            break
    window.has(_SNIFF)
    if not found or not (window.left or window.damage):
        yield BadRecord(0, _no_archive(first, name) if not found else "the file is empty but for its gzip header")
    elif _is_json(bytes(window.data[:_SNIFF])):
        yield from read_json_pages(window, max_page_bytes=max_page_bytes)
    else:
        yield from _WarcReader(window, name, max_page_bytes)


class _WarcReader:
    """Goes from record to record of a WARC file that stands at the beginning of its first segment."""

    def __init__(self, window: Window, name: str, max_page_bytes: int) -> None:
        self._window = window
        self._name = name
        self._max_page_bytes = max_page_bytes
        self._most = max_page_bytes + MAX_HTTP_HEAD  # of a block
        self._whole = 0  # records of the segment
        self._by_member: bool | None = None  # each gzip member holds one record; None: not known yet
        self._is_told = False  # of this stretch of garbage
        self._has_found = False

    def __iter__(self) -> Iterator[Item]:
        window = self._window
        while True:
            if window.content.skipped is not None:
                yield from self._lost(window.content.skipped, "garbage between gzip members")
            yield from self._segment()
            if not window.next_segment():
                break
        if window.content.skipped is not None:
            yield from self._lost(window.content.skipped, "garbage behind the last gzip member")
        if not self._has_found:
            yield from self._lost(0, "the file holds nothing but empty lines")

    def _segment(self) -> Iterator[Item]:
        window = self._window
        self._whole = 0
        begin = window.offset
        while self._skip_blank():
            yield from self._record()
        if window.damage:
            yield from self._lost(begin, window.damage)
        if window.content.is_packed:
            self._learn()

    def _learn(self) -> None:
        """Learn from a segment how the file is made."""
        if self._window.is_joined or self._whole > 1:
            self._by_member = False
        elif self._whole == 1 and self._by_member is None:
            self._by_member = True
        if isinstance(self._window.content, GzipContent):
            self._window.content.is_careful = not self._by_member
            self._window.content.begins_anyhow = self._window.is_joined

    def _record(self) -> Iterator[Item]:
        """Read the record that begins here, or go to where one does."""
        window, offset = self._window, self._window.offset
        if not window.has(len(RECORD_START)) or not window.data.startswith(RECORD_START, window.pos):
            yield from self._lost(offset, self._no_record())
            self._go_on()
            return
        raw = self._raw_head()
        if isinstance(raw, str):
            yield from self._lost(offset, raw)
            window.skip(1)
            self._go_on()
            return
        head = read_head(raw)
        if head.length is None:
            window.skip(1)
            yield from self._lost(offset, "no Content-Length, or none that is a number", head.url)
            self._go_on()
            return
        window.skip(len(raw))
        yield from self._block(head, head.length, offset)

    def _block(self, head: RecordHead, length: int, offset: int) -> Iterator[Item]:
        """Read the block of a record, and check that it ends where its head says."""
        window = self._window
        if length > self._most:
            yield from self._large_block(head, length, offset)
            return
        flaw = self._flaw(length) if window.reach(length) else self._too_short(length)
        if flaw:
            yield from self._lost(offset, flaw, head.url)
            self._go_on()
            return
        self._count()
        start = bytes(window.data[window.pos : window.pos + min(length, MAX_HTTP_HEAD)])
        found = page_head(head, start, offset)
        if not isinstance(found, PageHead):
            window.skip(length)
            yield found
            return
        with memoryview(window.data) as view:
            body = bytes(view[window.pos + found.size : window.pos + length])
        window.skip(length)  # first: then the block is in memory once
        yield made_page(found, body, offset, max_page_bytes=self._max_page_bytes)

    def _large_block(self, head: RecordHead, length: int, offset: int) -> Iterator[Item]:
        """Go beyond a block that is longer than a page may be."""
        window = self._window
        window.has(MAX_HTTP_HEAD)
        start = bytes(window.data[window.pos : window.pos + min(length, MAX_HTTP_HEAD)])
        found = page_head(head, start, offset)
        if not self._skip_large(length):
            reason = f"too large, or wrong length: its Content-Length says {length} bytes, and it does not end there"
            yield from self._lost(offset, f"{reason} ({window.damage})" if window.damage else reason, head.url)
            return
        self._count()
        if isinstance(found, PageHead):
            reason = f"too large: a record of {length} bytes; pages of up to {self._max_page_bytes} are read"
            yield BadRecord(offset, reason, head.url)
        else:
            yield found

    def _count(self) -> None:
        self._whole += 1
        self._is_told, self._has_found = False, True

    # ------------------------------------------------------------ where records end

    def _flaw(self, length: int) -> str | None:
        """Return what is wrong with the place where the block ends; None: nothing."""
        window = self._window
        window.has(length + _AFTER)
        end = window.pos + length
        after = bytes(window.data[end : end + _AFTER])
        following = after.lstrip(b"\r\n")
        if not following and window.damage:
            is_other = self._whole and _CHECK not in window.damage and after.startswith(_RECORD_END)
            return None if is_other else window.damage
        if not following or following.startswith(RECORD_START):
            return None
        if after.startswith(_RECORD_END) and not self._by_member:
            return None
        return f"wrong length: its Content-Length says {length} bytes, and it does not end there"

    def _too_short(self, length: int) -> str:
        window = self._window
        if window.damage:
            return window.damage
        where = "gzip member" if window.content.is_packed else "file"
        return f"cut short, or wrong length: its Content-Length says {length} bytes, its {where} has {window.left} more"

    def _skip_large(self, length: int) -> bool:
        """Leave a large block behind; False: it does not end where its head says, and the next record is here."""
        window = self._window
        if self._by_member:
            return length <= window.drain() <= length + _AFTER and not window.damage
        after = window.content.peek(window.position + length, _AFTER)
        is_sure = after is not None and after.lstrip(b"\r\n").startswith(RECORD_START)
        while length:
            searched = window.left
            if not is_sure and (gone := self._to_record_within(length)) is not None:
                return gone
            if not window.has(1) and not window.join():
                return False
            step = min(length, window.left if is_sure else max(1, searched - len(_RECORD_LINE)))
            length -= step
            window.skip(step)
        return self._flaw(0) is None

    def _to_record_within(self, length: int, start: bytes = _RECORD_LINE) -> bool | None:
        """Go to a record that begins within the next so many bytes: False if there is one in memory, None if not."""
        window = self._window
        at = window.pos
        while (at := window.data.find(start, at, window.pos + length)) >= 0:
            begin = at + len(start) - len(RECORD_START)
            if self._is_record(begin - window.pos):
                window.skip(begin - window.pos)
                return False
            at += 1
        return None

    # ------------------------------------------------------------ where records begin

    def _skip_blank(self) -> bool:
        """Go to the next byte that ends no line; False at the end of the segment."""
        window = self._window
        while window.has(1):
            for size in (_AFTER, _MAX_HEAD):
                start = window.data[window.pos : window.pos + size]
                blank = len(start) - len(start.lstrip(b"\r\n"))
                window.skip(blank)
                if blank < len(start):
                    return True
        return False

    def _raw_head(self, at: int = 0) -> bytes | str:
        """Return the head of the record `at` bytes further on, with the empty line that ends it, or why it has none."""
        window, size = self._window, _NEAR
        while True:
            is_all = not window.has(at + size)
            begin = window.pos + at
            following = window.data.find(_RECORD_LINE, begin, begin + size)
            stop = begin + size if following < 0 else following
            end = _HEAD_END.search(window.data, begin, stop) if _FIRST_LINE.match(window.data, begin) else None
            if following >= 0 and not end:
                return "no whole head of a record"
            if end:
                return bytes(window.data[begin : end.end()])
            if is_all and not window.join():
                return window.damage or "cut short: a record that ends within its head"
            if not is_all and size == _MAX_HEAD:
                break
            size = _MAX_HEAD
        return "no whole head of a record"

    def _is_record(self, at: int) -> bool:
        raw = self._raw_head(at)
        if isinstance(raw, str):
            return False
        head = read_head(raw)
        return head.length is not None and bool(head.kind)

    def _go_on(self) -> None:
        """Go to the next record of the segment, or to its end."""
        window = self._window
        if self._by_member:
            window.drain()
            return
        if window.data.startswith(RECORD_START, window.pos) and self._is_record(0):
            return
        while True:
            searched = window.left  # a look at what may be a head reads more
            found = self._to_record_within(searched, RECORD_START)
            if found is not None:
                return
            window.skip(max(0, searched - len(_RECORD_LINE)))
            if not window.has(len(_RECORD_LINE) + 1):
                window.drain()
                return

    # ------------------------------------------------------------ damage

    def _lost(self, offset: int, reason: str, url: str | None = None) -> Iterator[BadRecord]:
        """Tell a damage: one for a stretch in which no record can be made out, however long it is."""
        if url is not None or not self._is_told:
            self._is_told = True
            yield BadRecord(offset, reason, url)

    def _no_record(self) -> str:
        start = bytes(self._window.data[self._window.pos : self._window.pos + _SNIFF])
        if self._window.damage and len(start) < len(RECORD_START):
            return self._window.damage
        return "garbage: no record begins here" if self._has_found else _no_archive(start, self._name)


def _first_bytes(stream: BinaryIO) -> bytes:
    """Return enough of a file to see what it is, or all of it."""
    first = stream.read(_SNIFF)
    while first and len(first) < _SNIFF and (piece := stream.read(_SNIFF - len(first))):
        first += piece
    return first


def _content(stream: BinaryIO, first: bytes) -> Content:
    is_text = first.startswith(RECORD_START) or _RECORD_LINE in first or _JSON_START.match(first)
    if first.startswith(GZIP_MAGIC) or (not is_text and GZIP_MAGIC in first):
        return GzipContent(stream, first)
    return PlainContent(stream, first)


def _is_json(start: bytes) -> bool:
    if RECORD_START in start or b"WARC-" in start:  # perhaps damaged, with a script of JSON in a page
        return _JSON_OBJECT.match(start) is not None
    return _JSON_LINE.search(start) is not None


def _no_archive(start: bytes, name: str) -> str:
    what = describe(start, start.decode("utf-8", "replace"))
    return f"{name.rpartition('/')[2]} is no archive that can be read (WARC or JSON lines), but {what}"
