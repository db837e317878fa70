"""Bytes of a feed or page -> text: which charset is it really in?

UTF-8 comes first: bytes that are valid UTF-8 and not plain ASCII are almost never anything else, whatever the server or
the document declares. Only then are the declarations tried, the document's before a server's default.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Decoded", "decode", "header"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its first two bytes are UTF-16's mark
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SHAPES = (  # "<" and the next character without a byte order mark (XML 1.0, appendix F)
    (re.compile(rb"\x00\x00\x00<\x00\x00\x00."), "utf-32-be"),
    (re.compile(rb"<\x00\x00\x00.\x00\x00\x00"), "utf-32-le"),
    (re.compile(rb"\x00<\x00[?!a-zA-Z]"), "utf-16-be"),
    (re.compile(rb"<\x00[?!a-zA-Z]\x00"), "utf-16-le"),
    (re.compile(rb"\x4c\x6f\xa7\x94"), "cp037"),  # "<?xm" in EBCDIC
)
# What browsers read for a label (WHATWG Encoding): the superset that mislabelled bytes are really in.
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
_SERVER_DEFAULTS = frozenset({"cp1252", "utf-8"})  # sent by configuration, often without regard to the document
_XML_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']?\s*([A-Za-z0-9._:-]{2,40})""", re.I)
_META_CHARSET = re.compile(rb"""<meta[^>]{0,400}?charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{2,40})""", re.I)
_HTTP_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{2,40})""", re.I)
_STATEFUL = re.compile(r"iso2022|hz")  # seven-bit encodings: their bytes are valid UTF-8 without meaning it
_SNIFF = 16_384  # bytes looked at for a declaration; some pages put theirs after long scripts
_DETECT = 32_768  # bytes given to statistical detection


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text without a byte order mark, the codec that gave it, and what was wrong with the declarations."""

    text: str
    codec: str
    warning: str | None = None


def header(headers: Mapping[str, str] | None, name: str) -> str | None:
    """Return the value of an HTTP header, whatever the case of its name."""
    wanted = name.lower()
    return next((value for key, value in (headers or {}).items() if key.lower() == wanted), None)


def decode(body: bytes, headers: Mapping[str, str] | None = None) -> Decoded:
    """Return `body` as text; never raises, whatever the bytes."""
    for mark, codec in _BOMS:
        if body.startswith(mark):
            return _lenient(body[len(mark) :], codec)
    start = body[:64].lstrip()
    for shape, codec in _SHAPES:
        if shape.match(start):
            return _lenient(body[len(body[:64]) - len(start) :], codec)
    declared = _declared(body, headers)
    for codec in declared:
        if _STATEFUL.match(codec.replace("_", "").replace("-", "")) and (text := _strict(body, codec)) is not None:
            return Decoded(text, codec)
    if (text := _strict(body, "utf-8")) is not None:
        return Decoded(text, "utf-8", _mismatch(declared, text))
    return _decode_other(body, declared)


def _declared(body: bytes, headers: Mapping[str, str] | None) -> list[str]:
    """Return the codecs that the document and its HTTP header name, best first."""
    labels: list[str] = []
    for pattern in (_XML_ENCODING, _META_CHARSET):
        if match := pattern.search(body, 0, _SNIFF):
            labels.append(match[1].decode("ascii"))
    document = [codec for label in labels if (codec := _codec(label))]
    match_http = _HTTP_CHARSET.search(header(headers, "content-type") or "")
    http = _codec(match_http[1]) if match_http else None
    if http is None:
        return document
    return [*document, http] if http in _SERVER_DEFAULTS else [http, *document]


def _codec(label: str) -> str | None:
    """Return Python's codec for a charset label, None if it is unknown or no text encoding."""
    try:
        info = codecs.lookup(label.strip().lower().removeprefix("x-"))
    except (LookupError, ValueError):
        return None
    # Codecs such as "base64" turn bytes into bytes; UTF-7 is never meant and hides markup.
    if not getattr(info, "_is_text_encoding", True) or info.name == "utf-7":
        return None
    return _SUPERSETS.get(info.name, info.name)


def _strict(body: bytes, codec: str) -> str | None:
    try:
        return body.decode(codec)
    except (UnicodeError, ValueError):
        return None


def _lenient(body: bytes, codec: str) -> Decoded:
    text = body.decode(codec, "replace")
    broken = text.count("\ufffd")
    return Decoded(text.lstrip("\ufeff"), codec, f"{broken} characters are not valid {codec}" if broken else None)


def _mismatch(declared: list[str], text: str) -> str | None:
    if not declared or declared[0] == "utf-8" or text.isascii():
        return None
    return f"declared as {declared[0]}, but is valid utf-8"


def _decode_other(body: bytes, declared: list[str]) -> Decoded:
    """Decode bytes that are not valid UTF-8."""
    for codec in declared:
        if codec.startswith("utf"):
            continue
        if (text := _strict(body, codec)) is not None:
            return Decoded(text, codec)
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    # Mostly good UTF-8 with some cut or stray bytes: another charset would spoil every good character.
    if broken * 4 <= sum(1 for char in text if char > "\x7f") - broken:
        return Decoded(text, "utf-8", f"{broken} characters are not valid utf-8")
    codec = _detect(body)
    declaration = f"declared as {declared[0]}, but" if declared else "charset not declared,"
    return Decoded(body.decode(codec, "replace"), codec, f"{declaration} read as {codec}")


def _detect(body: bytes) -> str:
    """Guess the codec of undeclared bytes by statistics."""
    from bs4.dammit import EncodingDetector  # slow to import and seldom needed

    for label in EncodingDetector(body[:_DETECT]).encodings:
        guess = _codec(label)
        if guess is not None and not guess.startswith(("utf", "cp037")) and _strict(body, guess) is not None:
            return guess
    return "cp1252"
