"""HTTP messages as they stand in archives (RFC 9112), where payloads are often stored otherwise than their headers say.

Pure.
"""

from __future__ import annotations

import re

from aiwire.exceptions import FetchError
from ingest.http.decode import BodyDecoder

__all__ = ["dechunked", "is_plain", "split_http"]

_PLAIN_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*[<{\[]")  # XML, HTML or JSON that is not compressed
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]{0,1024})?\r?\n")
_CHUNK_END = re.compile(rb"\r?\n")
_MAX_DECODED = 1 << 30


def split_http(block: bytes) -> tuple[int | None, list[tuple[bytes, bytes]], bytes]:
    """Return status, header fields and payload of an HTTP message. In bytes: validators must come back verbatim."""
    head, *body = re.split(rb"\r?\n\r?\n", block, maxsplit=1)
    status_line, *lines = re.sub(rb"\r?\n[ \t]+", b" ", head).splitlines() or [b""]  # unfolded (RFC 9112 5.2)
    status = re.match(rb"HTTP/[0-9.]+ +([1-9][0-9]{2})(?: |$)", status_line)
    pairs = (line.partition(b":") for line in lines if b":" in line)
    headers = [(name.strip(), value.strip()) for name, _, value in pairs]
    return int(status[1]) if status else None, headers, b"".join(body)


def dechunked(body: bytes) -> bytes:
    """Return a payload without its chunked coding (RFC 9112 7.1); one that is stored without chunks as it is.

    One that breaks off or breaks the rules is given as far as it goes, its rest as it stands.
    """
    pieces, at = list[bytes](), 0
    while size := _CHUNK_SIZE.match(body, at):
        end = size.end() + int(size[1], 16)
        pieces.append(body[size.end() : end])
        ending = _CHUNK_END.match(body, end)
        if end == size.end() or end >= len(body):
            return b"".join(pieces)
        at = ending.end() if ending else end
        if ending is None:
            break
    pieces.append(body[at:])
    return b"".join(pieces)


def is_plain(body: bytes, encoding: str) -> bool:
    """Return whether an archiver has stored the payload decoded and left the Content-Encoding header in place."""
    if not _PLAIN_START.match(body):
        return False
    try:
        decoder = BodyDecoder(encoding, max_bytes=_MAX_DECODED)
        decoder.decode(body)
        decoder.finish()
    except FetchError:
        return True
    return decoder.mislabelled
