"""What a response record says and holds: is it a page for us, and what are its bytes? Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote_from_bytes

from aiwire.exceptions import FetchError
from aiwire.types import parse_iso
from aiwire.types.archive import BadRecord, CapturedPage, PassedRecord
from ingest.feeds.documents import looks_like_html
from ingest.http.decode import BodyDecoder
from ingest.http.stored import dechunked, split_http

__all__ = [
    "MAX_HTTP_HEAD",
    "PageHead",
    "RecordHead",
    "capture_date",
    "is_html_type",
    "made_page",
    "page_head",
    "read_head",
]

MAX_HTTP_HEAD = 1 << 16  # servers allow 8 to 64 KiB
_FOLD = re.compile(rb"\r?\n[ \t]+")  # a field that goes on in the next line
_HTML_TYPES = frozenset(("text/html", "application/xhtml+xml"))
_HTTP_END = re.compile(rb"\r?\n\r?\n")
_HTTP = ("http:", "https:")
_LOOK = 4096  # characters of a body without a type: does it look like HTML?
_MAX_LENGTH_DIGITS = 20  # int() refuses thousands
_YEARS = (1990, 2100)  # the Web began in the first one
_PARTIAL_DATE = re.compile(r"\d{4}(?:-\d\d)?")  # WARC 1.1 allows them
_TEXT = re.compile(rb"[^\x00-\x08\x0e-\x1f]*+\Z")
_UNDONE = frozenset(("content-encoding", "transfer-encoding"))


@dataclass(frozen=True, slots=True)
class RecordHead:
    """The fields of a WARC record's head that matter here."""

    kind: str
    url: str | None
    date: str
    length: int | None  # of the block; None: it does not say
    truncated: bool  # the archiver did not store all of it


@dataclass(frozen=True, slots=True)
class PageHead:
    """The head of an HTML answer with status 200."""

    url: str
    captured_at: datetime
    headers: dict[str, str]  # names in lower case
    size: int  # of the HTTP head, with the empty line that ends it
    truncated: bool


def read_head(raw: bytes) -> RecordHead:
    """Return what the head of a WARC record says."""
    fields = dict[bytes, bytes]()
    for line in _FOLD.sub(b" ", raw).split(b"\n")[1:]:
        name, _, value = line.partition(b":")
        fields.setdefault(name.strip().lower(), value.strip())
    length = fields.get(b"content-length", b"")
    is_number = length.isdigit() and len(length) <= _MAX_LENGTH_DIGITS
    uri = fields.get(b"warc-target-uri", b"").strip(b"<>")  # the grammar of WARC 1.0 has brackets, and wget writes them
    return RecordHead(
        kind=fields.get(b"warc-type", b"").decode("latin-1").lower(),
        url=_text_of(uri) or None,
        date=fields.get(b"warc-date", b"").decode("latin-1"),
        length=int(length) if is_number else None,
        truncated=bool(fields.get(b"warc-truncated")),
    )


def page_head(head: RecordHead, start: bytes, offset: int) -> PageHead | PassedRecord | BadRecord:
    """Return what a record is by its head and the first bytes of its block."""
    if head.kind != "response":
        return PassedRecord("not-response", offset) if head.kind else BadRecord(offset, "no WARC-Type", head.url)
    if head.url is None:
        return BadRecord(offset, "no WARC-Target-URI")
    if not head.url.lower().startswith(_HTTP):
        return PassedRecord("not-http", offset)
    end = _HTTP_END.search(start)
    size = end.end() if end else len(start)
    status, pairs, _ = split_http(start[:size])
    if status is None:
        return BadRecord(offset, f"no HTTP answer: it begins with {start[:40]!r}", head.url)
    if status != 200:
        return PassedRecord("status", offset)
    headers = _joined(pairs)
    if not _is_html(headers, start[size:]):
        return PassedRecord("not-html", offset)
    try:
        date = _date_of(head.date)
    except (ValueError, OverflowError):
        return BadRecord(offset, f"WARC-Date {head.date[:40]!r} is no date of a capture", head.url)
    return PageHead(head.url, date, headers, size, head.truncated)


def made_page(head: PageHead, body: bytes, offset: int, *, max_page_bytes: int) -> CapturedPage | BadRecord:
    """Return the page, its payload without transfer and content coding; a `BadRecord` if that cannot be had.

    Archivers store payloads decoded and leave the headers as they were: what is plain already is taken as it is.
    """
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        body = dechunked(body)
    try:
        body = _decoded(body, head, max_page_bytes)
    except FetchError as e:
        return BadRecord(offset, e.message, head.url)
    if len(body) > max_page_bytes:
        return BadRecord(offset, f"too large: a page of {len(body)} bytes; up to {max_page_bytes} are read", head.url)
    headers = {name: value for name, value in head.headers.items() if name not in _UNDONE}
    if "content-length" in headers:
        headers["content-length"] = str(len(body))
    return CapturedPage(head.url, head.captured_at, headers, body, offset)


def _decoded(body: bytes, head: PageHead, max_bytes: int) -> bytes:
    encoding = head.headers.get("content-encoding")
    if not encoding:
        return body
    try:
        decoder = BodyDecoder(encoding, max_bytes=max_bytes)
        decoded = decoder.decode(body)
        if not head.truncated:
            decoder.finish()
    except FetchError as e:
        if e.reason == "encoding" and _is_text(body):
            return body
        raise
    return decoded


def is_html_type(content_type: str) -> bool:
    """Whether a Content-Type is that of an HTML page."""
    first, _, _ = content_type.partition(",")[0].partition(";")  # of a field that was sent twice
    return first.strip().lower() in _HTML_TYPES


def _is_html(headers: dict[str, str], start: bytes) -> bool:
    content_type = headers.get("content-type", "")
    if content_type.strip():
        return is_html_type(content_type)
    return looks_like_html(start[:_LOOK].decode("latin-1").lstrip("\ufeffï»¿ \t\r\n\x00"))


def _is_text(body: bytes) -> bool:
    """Whether a body that is no stream of its coding looks like a page that was stored decoded."""
    start = body[:_LOOK]
    return b"<" in start and _TEXT.match(start) is not None


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return header fields by name; what stands in several fields is one list (RFC 9110 5.3)."""
    headers = dict[str, str]()
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _text_of(uri: bytes) -> str:
    """Return a URI as text; bytes that are not UTF-8 in percent signs, as browsers send them."""
    try:
        return uri.decode()
    except UnicodeDecodeError:
        return quote_from_bytes(uri, safe="".join(map(chr, range(0x21, 0x7F))))


def _date_of(text: str) -> datetime:
    if _PARTIAL_DATE.fullmatch(text):
        text += "-01-01" if len(text) == 4 else "-01"
    return capture_date(text)


def capture_date(text: str) -> datetime:
    """Return the moment of a capture, UTC.

    Raises:
        ValueError, OverflowError: it is no ISO 8601 date of the years in which there may be captures.
    """
    moment = parse_iso(text)
    if not _YEARS[0] <= moment.year < _YEARS[1]:
        raise ValueError(f"{text!r} is not of the years {_YEARS[0]} to {_YEARS[1]}")
    return moment
