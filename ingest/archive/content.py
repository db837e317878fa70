"""What a file holds, plain or unpacked from gzip, segment by segment: a gzip member, or all of a file that is plain.

Read forward only, in pieces, and never beyond a few MB of memory. A damaged member ends where it is damaged, and the
next segment is the next gzip member whose content begins as a record does (RFC 1952 2.2 lets members follow each other,
and writers of WARC files begin one for each record: ISO 28500 annex D).
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from typing import BinaryIO, Protocol

__all__ = ["RECORD_START", "Content", "GzipContent", "PlainContent", "Window"]

RECORD_START = b"WARC/1."
_MEMBER_START = b"\x1f\x8b\x08"  # magic and the only method there is
_RESERVED_FLAGS = 0xE0  # no gzip header has them
_STORE = 1 << 20  # bytes of the file read at a time
_BEHIND = 1 << 20  # bytes of the file kept: how far a damaged member may have led beyond its own end
_SLICE = 1 << 14  # packed bytes unpacked at a time
_PIECE = 1 << 18  # bytes unpacked at a time
_AGAIN = 64 << 20  # so many bytes, and four times what was read, are unpacked twice in search of members; then no more


class Content(Protocol):
    """The segments of a file."""

    is_packed: bool
    damage: str | None  # why the segment ends where it does, if not because it is whole
    skipped: int | None  # offset of what stands before the segment and belongs to none

    @property
    def offset(self) -> int:
        """Where the segment, or the last that was joined to it, begins in the file."""

    def next_segment(self) -> bool:
        """Go to the next segment, having left the rest of this one behind; False at the end of the file."""

    def read(self) -> bytes:
        """Return the next piece of the segment; nothing at its end."""

    def join(self, *, anything: bool) -> bool:
        """Go on with the next segment as a part of this one, which ended too early; not with one that begins a record,
        unless it may be `anything`.
        """

    def peek(self, position: int, size: int) -> bytes | None:
        """Return what stands at a place further on in the segment; None: only reading on can tell."""


class PlainContent:
    """A file that is not packed: one segment."""

    is_packed = False
    damage: str | None = None
    skipped: int | None = None
    offset = 0

    def __init__(self, stream: BinaryIO, first: bytes) -> None:
        self._stream = stream
        self._first = first
        self._begun = False

    def next_segment(self) -> bool:
        begun, self._begun = self._begun, True
        return not begun

    def read(self) -> bytes:
        piece, self._first = self._first, b""
        return piece or self._stream.read(_PIECE)

    def join(self, *, anything: bool) -> bool:
        return False

    def peek(self, position: int, size: int) -> bytes | None:
        if not self._stream.seekable():
            return None
        here = self._stream.tell()
        self._stream.seek(position)
        piece = self._stream.read(size)
        self._stream.seek(here)
        return piece


class GzipContent:
    """The members of a gzip file."""

    is_packed = True

    def __init__(self, stream: BinaryIO, first: bytes) -> None:
        self._stream = stream
        self._store, self._base, self._at = first, 0, 0  # the file from `_base` on, and how far it is unpacked
        self._inflate: zlib._Decompress | None = None
        self._begin = 0  # of the member that is being unpacked
        self._again = 0
        self.damage: str | None = None
        self.skipped: int | None = None
        self.is_careful = True  # what comes before a damage is wanted to the last byte: there may be several records
        self.begins_anyhow = False  # after a damage any member will do, not only one that begins with a WARC record

    @property
    def offset(self) -> int:
        return self._begin

    def next_segment(self) -> bool:
        while self.read():
            pass
        damaged, self.damage, self.skipped = self.damage is not None, None, None
        if damaged:
            return self._find_after_damage() and self._start()
        self._skip_padding()
        if not self._has(1):
            return False
        here = self._base + self._at
        if self._starts_member():
            return self._start()
        self.skipped = here
        return self._find(here + 1) and self._start()

    def read(self) -> bytes:
        while self._inflate and not self._inflate.eof and not self.damage:
            is_all = not self._has(1)
            piece = self._unpack()
            if piece:
                return piece
            if is_all and not self.damage:
                self.damage = "cut short: the file ends within this gzip member"
        return b""

    def join(self, *, anything: bool) -> bool:
        if self.damage or not self._has(1) or not self._starts_member():
            return False
        content = self._first_content()
        if content is None or (content.startswith(RECORD_START) and not anything):
            return False
        return self._start()

    def peek(self, position: int, size: int) -> bytes | None:
        return None

    # ------------------------------------------------------------ one member

    def _start(self) -> bool:
        self._begin = self._base + self._at
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return True

    def _unpack(self) -> bytes:
        """Return what the next slice of the file unpacks to."""
        inflate = self._inflate
        assert inflate is not None  # noqa: S101 - for mypy: only called within a member
        packed = self._store[self._at : self._at + _SLICE]
        is_first = self._base + self._at == self._begin
        before = inflate.copy() if self.is_careful and not is_first else None
        try:
            piece = inflate.decompress(packed, _PIECE)
        except zlib.error as e:
            self.damage = f"damaged: the gzip member cannot be unpacked ({_words(e)})"
            return _salvaged(before or zlib.decompressobj(zlib.MAX_WBITS | 16), packed) if self.is_careful else b""
        rest = inflate.unused_data if inflate.eof else inflate.unconsumed_tail  # at its end it leaves both
        self._at += len(packed) - len(rest)
        return piece

    def _first_content(self) -> bytes | None:
        """Return with what the content of a member that starts here begins; None: it does not start here."""
        self._has(_SLICE)
        if len(self._store) < self._at + 4 or self._store[self._at + 3] & _RESERVED_FLAGS:
            return None
        try:
            content = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(self._store[self._at : self._at + _SLICE], 64)
        except zlib.error:
            return None
        return content.lstrip(b"\r\n")

    # ------------------------------------------------------------ from member to member

    def _find_after_damage(self) -> bool:
        """Look for the next member. The damaged one may have led beyond its end, so from its second byte on."""
        here = self._base + self._at
        self._again += here - self._begin
        return self._find(self._begin + 1 if self._again < _AGAIN + 4 * here else here)

    def _find(self, begin: int) -> bool:
        self._at = max(begin - self._base, 0)
        while True:
            found = self._store.find(_MEMBER_START, self._at)
            if found >= 0:
                self._at = found
                content = self._first_content()
                if content and (self.begins_anyhow or _may_begin_record(content)):
                    return True
                self._at += 1
            else:
                self._at = max(self._at, len(self._store) - len(_MEMBER_START) + 1)
                if not self._more():
                    self._at = len(self._store)
                    return False

    def _starts_member(self) -> bool:
        self._has(len(_MEMBER_START))
        return self._store.startswith(_MEMBER_START, self._at)

    def _skip_padding(self) -> None:
        while self._has(1) and self._store[self._at] == 0:
            self._at = len(self._store) - len(self._store[self._at :].lstrip(b"\0"))

    def _has(self, size: int) -> bool:
        while len(self._store) - self._at < size:
            if not self._more():
                return False
        return True

    def _more(self) -> bool:
        piece = self._stream.read(_STORE)
        if not piece:
            return False
        cut = max(0, self._at - _BEHIND)
        self._store = self._store[cut:] + piece
        self._base += cut
        self._at -= cut
        return True


def _may_begin_record(content: bytes) -> bool:
    return content.startswith(RECORD_START) or RECORD_START.startswith(content)


def _words(error: zlib.error) -> str:
    return str(error).rpartition(": ")[2]  # without "Error -3 while decompressing data"


def _salvaged(inflate: zlib._Decompress, packed: bytes) -> bytes:
    """Return what comes before the damage in these bytes: zlib throws it away, unless it is fed byte by byte."""
    pieces = list[bytes]()
    try:
        for at in range(len(packed)):
            pieces.append(inflate.decompress(packed[at : at + 1]))
    except zlib.error:
        pass
    return b"".join(pieces)


class Window:
    """What of the current segment is in memory: read on demand at the end, dropped at the beginning."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.data = bytearray()
        self.pos = 0  # in `data`: what is before it has been dealt with
        self._first = 0  # where `data` begins in the segment
        self._ended = True
        self._starts: list[int] = []  # where in the segment each of the members begins of which it is joined
        self._offsets: list[int] = []

    def next_segment(self) -> bool:
        """Go to the next segment; False at the end of the file."""
        self.data.clear()
        self.pos = self._first = 0
        if not self.content.next_segment():
            return False
        self._ended = False
        self._starts, self._offsets = [0], [self.content.offset]
        return True

    @property
    def damage(self) -> str | None:
        """Why the segment ends behind `data`, if not because it is whole."""
        return self.content.damage if self._ended else None

    @property
    def left(self) -> int:
        """Bytes from `pos` to the end of what is in memory."""
        return len(self.data) - self.pos

    @property
    def position(self) -> int:
        """Where `pos` is in the segment."""
        return self._first + self.pos

    @property
    def offset(self) -> int:
        """Where `pos` is in the file; of gzip: where its member begins."""
        if not self.content.is_packed:
            return self.position
        return self._offsets[bisect_right(self._starts, self.position) - 1]

    @property
    def is_joined(self) -> bool:
        """Whether the segment is of several members."""
        return len(self._starts) > 1

    def more(self) -> bool:
        """Read a piece; False at the end of the segment."""
        if self._ended:
            return False
        piece = self.content.read()
        self._ended = not piece
        self.data += piece
        return bool(piece)

    def has(self, size: int) -> bool:
        """Return whether so many bytes follow `pos` in the segment."""
        while self.left < size:
            if not self.more():
                return False
        return True

    def reach(self, size: int, *, anything: bool = False) -> bool:
        """Return whether so many bytes follow `pos`, those of a next member included if it goes on with this one."""
        while not self.has(size):
            if not self.join(anything=anything):
                return False
        return True

    def join(self, *, anything: bool = False) -> bool:
        """Go on with the next member as a part of this segment, if it may be one."""
        if not self.content.join(anything=anything):
            return False
        self._starts.append(self._first + len(self.data))
        self._offsets.append(self.content.offset)
        self._ended = False
        return True

    def skip(self, size: int) -> None:
        """Leave bytes behind that are in memory."""
        self.pos += size
        del self.data[: self.pos]
        self._first += self.pos
        self.pos = 0

    def drain(self) -> int:
        """Leave the rest of the segment behind and return its size."""
        size = self.left
        self.skip(size)
        while self.more():
            size += self.left
            self.skip(self.left)
        return size
