"""Content codings of HTTP bodies (RFC 9110 8.4): gzip, deflate, br, zstd, and several on top of each other.

Pure. The HTTP client's own decoders are not used, for two reasons that were measured: they hand over the first half of
a truncated gzip body, and the first member of a gzip body of several, as if that were all. Here a body is whole or a
`FetchError`, and unpacking stops at `max_bytes` or at a size that no honest body has for its bytes on the wire, so that
a decompression bomb costs nothing.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import brotli

from aiwire.exceptions import FetchError

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

__all__ = ["ACCEPT_ENCODING", "GZIP_MAGIC", "BodyDecoder", "CodingError", "decode_body"]

ACCEPT_ENCODING = "gzip, br, zstd"
_MAX_CODINGS = 3  # more than two on top of each other has no honest use
_PIECE = 65_536  # bytes unpacked at a time
_MAX_RATIO = 200  # bytes unpacked for one on the wire; pages and feeds reach about 40
_RATIO_FROM = 2**20  # a body so small does no harm, whatever it was packed into
GZIP_MAGIC = b"\x1f\x8b"
_NO_CODING = frozenset(["identity", "none", "utf-8", "utf8"])  # the last three are servers' mistakes
# First bytes of a text (blank, `<`, `{`, `[`, a byte order mark), with which no gzip or zstd stream begins.
_START_OF_TEXT = frozenset(b" \t\r\n<{[\xef\xfe\xff")
_HAS_MAGIC = frozenset(["gzip", "x-gzip", "zstd"])
_ZSTD_WINDOW_LOG_MAX = 23  # 8 MiB, all that the zstd content coding may ask for (RFC 9659)


class CodingError(FetchError):
    """The body is no stream of its coding, or of none that we know: a server may do better if asked for no coding."""


class _BrokenError(Exception):
    """The bytes do not follow their coding."""


class _CutShortError(Exception):
    """The bytes stop before the end of their coding."""


class _Coding(Protocol):
    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield pieces of at most about `_PIECE` bytes."""

    def finish(self) -> None:
        """Raise `_CutShortError` if the stream has not come to its end."""


class _Gzip:
    """A gzip stream of one or more members (RFC 1952 2.2)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._between = False  # one member is whole, another may follow
        self._rest = b""  # of the bytes after a whole member: too few to tell what they are
        self._trailer = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        data = self._rest + data
        self._rest = b""
        while data and not self._trailer:
            if self._between:
                if GZIP_MAGIC.startswith(data):
                    self._rest = data
                    return
                if not data.startswith(GZIP_MAGIC):
                    self._trailer = True  # padding after a whole, checksummed member: ignored, as gzip(1) does
                    return
                self._member, self._between = zlib.decompressobj(zlib.MAX_WBITS | 16), False
            yield from _unpack_zlib(self._member, data)
            data, self._between = self._member.unused_data, self._member.eof

    def finish(self) -> None:
        if not self._between or self._rest:
            raise _CutShortError


class _Deflate:
    """The "deflate" coding: a zlib stream (RFC 1950), or the bare deflate data that some servers send instead."""

    def __init__(self) -> None:
        self._stream: zlib._Decompress | None = None
        self._head = b""

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            data = self._head = self._head + data
            if len(data) < 2:
                return
            # CM = 8 and the header's check bits (RFC 1950 2.2)
            is_zlib = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        if not self._stream.eof:
            yield from _unpack_zlib(self._stream, data)

    def finish(self) -> None:
        if self._stream is None or not self._stream.eof:
            raise _CutShortError


def _unpack_zlib(stream: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    try:
        while True:
            piece = stream.decompress(data, _PIECE)
            if piece:
                yield piece
            data = stream.unconsumed_tail
            if not data and len(piece) < _PIECE:  # a full piece may have left output behind with all input read
                return
            if stream.eof:
                return
    except zlib.error as e:
        raise _BrokenError(str(e)) from e


class _Brotli:
    """RFC 7932."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def decode(self, data: bytes) -> Iterator[bytes]:
        try:
            while True:
                piece: bytes = self._stream.process(data, output_buffer_limit=_PIECE)
                if piece:
                    yield piece
                elif self._stream.is_finished() or self._stream.can_accept_more_data():
                    return
                data = b""
        except brotli.error as e:
            raise _BrokenError(str(e)) from e

    def finish(self) -> None:
        if not self._stream.is_finished():
            raise _CutShortError


class _Zstd:
    """One or more frames (RFC 8878 3.1)."""

    def __init__(self) -> None:
        self._frame = self._new_frame()

    @staticmethod
    def _new_frame() -> ZstdDecompressor:
        return ZstdDecompressor(options={DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG_MAX})

    def decode(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                if self._frame.eof:
                    self._frame = self._new_frame()
                while True:
                    piece = self._frame.decompress(data, _PIECE)
                    if piece:
                        yield piece
                    data = b""
                    if self._frame.eof or self._frame.needs_input:
                        break
                data = self._frame.unused_data if self._frame.eof else b""
        except ZstdError as e:
            raise _BrokenError(str(e)) from e

    def finish(self) -> None:
        if not self._frame.eof:
            raise _CutShortError


_CODINGS: dict[str, type[_Coding]] = {
    "br": _Brotli,
    "deflate": _Deflate,
    "gzip": _Gzip,
    "x-gzip": _Gzip,  # RFC 9110 8.4.1.3
    "zstd": _Zstd,
}


class BodyDecoder:
    """Unpacks one body, piece by piece as it arrives. An empty body is empty in every coding.

    A body that is labelled gzip or zstd and plainly is a text is taken as it is: `mislabelled` tells.

    Args:
        content_encoding: the Content-Encoding header field; None or "identity": the bytes as they are.
        max_bytes: of the body and of every layer between two codings.
        url: for error messages.
        truncate: what goes over `max_bytes` is dropped, and `full` tells; else it is an error.

    Raises:
        CodingError: a coding that we do not know.
    """

    def __init__(self, content_encoding: str | None, *, max_bytes: int, url: str = "", truncate: bool = False) -> None:
        self._url = url
        self._max_bytes = max_bytes
        self._truncate = truncate
        names = [name for part in (content_encoding or "").lower().split(",") if (name := part.strip())]
        self._names = [name for name in names if name not in _NO_CODING]
        unknown = [name for name in self._names if name not in _CODINGS]
        if unknown:
            raise self._error(f"unknown content encoding {unknown[0][:50]!r}; asked for were {ACCEPT_ENCODING}")
        if len(self._names) > _MAX_CODINGS:
            raise self._error(f"more than {_MAX_CODINGS} content encodings on top of each other")
        self._layers = [_CODINGS[name]() for name in reversed(self._names)]  # the last one applied comes off first
        self._sizes = [0] * (len(self._layers) + 1)
        self._wire_bytes = 0
        self.mislabelled = False
        self.full = False

    def decode(self, data: bytes) -> bytes:
        """Return what these bytes add to the body.

        Raises:
            CodingError: broken bytes.
            FetchError: `too-large` over `max_bytes`, or for a bomb.
        """
        if self._wire_bytes == 0 and data and len(self._names) == 1:
            self._look_for_mistake(data)
        self._wire_bytes += len(data)
        pieces: Iterator[bytes] = iter((data,)) if data else iter(())
        for depth, layer in enumerate(self._layers):
            pieces = _through(layer, pieces if depth == 0 else self._counted(depth, pieces))
        try:
            return b"".join(self._counted(len(self._layers), pieces))
        except _BrokenError as e:
            raise self._error(f"broken {self._label} body: {e}") from e

    def finish(self) -> None:
        """Check that the body is whole.

        Raises:
            FetchError: `encoding` if a coding has not come to its end.
        """
        try:
            for layer in self._layers if self._wire_bytes else ():
                layer.finish()
        except _CutShortError as e:
            raise FetchError(self._url, f"broken {self._label} body: cut short", reason="encoding") from e

    def _look_for_mistake(self, data: bytes) -> None:
        if self._names[0] in _HAS_MAGIC and data[0] in _START_OF_TEXT:
            self.mislabelled = True
            self._names, self._layers, self._sizes = [], [], [0]

    def _counted(self, depth: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
        is_body = depth == len(self._layers)
        for piece in pieces:
            size = self._sizes[depth] = self._sizes[depth] + len(piece)
            if size > self._max_bytes:
                if is_body and self._truncate:
                    self.full = True
                    yield piece[: max(0, len(piece) - (size - self._max_bytes))]
                    return
                raise self._too_large(f"more than {self._max_bytes} bytes unpacked")
            if size > _RATIO_FROM and size > _MAX_RATIO * self._wire_bytes:
                raise self._too_large(f"a decompression bomb: {size} bytes unpacked from {self._wire_bytes}")
            yield piece

    @property
    def _label(self) -> str:
        return ", ".join(self._names)

    def _error(self, message: str) -> CodingError:
        return CodingError(self._url, message, reason="encoding")

    def _too_large(self, message: str) -> FetchError:
        return FetchError(self._url, message, reason="too-large")


def _through(layer: _Coding, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from layer.decode(piece)


def decode_body(data: bytes, content_encoding: str | None, *, max_bytes: int, url: str = "") -> bytes:
    """Return the unpacked body of `data`.

    Raises:
        FetchError: `encoding` or `too-large`, as `BodyDecoder` says.
    """
    decoder = BodyDecoder(content_encoding, max_bytes=max_bytes, url=url)
    body = decoder.decode(data)
    decoder.finish()
    return body
