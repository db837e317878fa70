"""What kind of document are these bytes, and what keeps it from being read as a feed? Sniffing and repair.

Repairs are only such as lose nothing: junk around the XML document, characters that XML forbids.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from xml.parsers import expat

__all__ = [
    "FEED_ROOTS",
    "MAX_ATTRIBUTES",
    "Document",
    "clean_xml",
    "cut_items",
    "describe",
    "has_attribute_flood",
    "has_items",
    "item_count",
    "looks_like_html",
    "reopen",
    "root_name",
    "trim_xml",
]

MAX_ATTRIBUTES = 1_000  # of one element, and namespaces of a document

FEED_ROOTS = frozenset(("rss", "feed", "rdf", "channel"))  # local names of the first element, in lower case

_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a media file"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"ID3", "an MP3 file"),
    (b"OggS", "an Ogg file"),
)
# XML 1.0, section 2.2. Lone surrogates cannot be in decoded text, but in the numbers of character references.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CHAR_REF = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,40})|([0-9]{1,40}));")
_PROLOG = re.compile(r"(?:\s++|<!--.*?-->|<\?.*?\?>|<![a-zA-Z][^<>\[]*+(?:\[.*?\]\s*)?>)*+", re.S)
_COMMENTS = re.compile(r"(?:\s++|<!--.*?-->|<\?.*?\?>)*+", re.S)
_TAG = re.compile(r"<([A-Za-z_][\w.:-]*)")
_FEED_START = re.compile(r"<\?xml\s|<(?:[\w-]+:)?(?:rss|feed|rdf)[\s>]", re.I)
_FEED_ROOT = re.compile(r"<(?:[\w-]+:)?(?:rss|feed|rdf)[\s>]", re.I)
_HTML_START = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.I)
_FEED_END = re.compile(r"</(?:[\w-]+:)?(?:rss|feed|rdf)\s*>", re.I)
_AFTER_ROOT = re.compile(r"(?:\s++|<!--.*?-->|<\?.*?\?>)*+\Z", re.S)
_ITEM = re.compile(r"<(?:[\w-]+:)?(?:item|entry)(?=[\s>/])", re.I)
_HIDDEN = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)", re.S)
_UNCLOSED_CDATA = re.compile(r"<!\[CDATA\[(?=(?:(?!\]\]>|<!\[CDATA\[).)*+(?:<!\[CDATA\[|\Z))", re.S)
_UNCLOSED_COMMENT = re.compile(r"<!--(?=(?:(?!-->|<!--).)*+(?:<!--|\Z))", re.S)
_BLANK = re.compile(r"\s{2,}")
_SHORT_PROLOG, _LONG_PROLOG = 1_000, 65_536
_JUNK = 65_536  # characters of junk that are skipped in front of a feed


@dataclass(frozen=True, slots=True)
class Document:
    """XML text ready for a parser, and what had to be repaired."""

    text: str
    warnings: tuple[str, ...] = ()


def root_name(text: str) -> str | None:
    """Return the local name of the first element in lower case, None if there is none."""
    match = _TAG.match(text, _prolog_end(text))
    return match[1].rpartition(":")[2].lower() if match else None


def _prolog_end(text: str) -> int:
    match = _PROLOG.match(text)
    return match.end() if match else 0


def looks_like_html(text: str) -> bool:
    """Whether the document starts as an HTML page."""
    root = root_name(text)
    if root in FEED_ROOTS:  # whatever its document type says
        return False
    start = _COMMENTS.match(text)
    return root in ("html", "head", "body") or _HTML_START.match(text, start.end() if start else 0) is not None


def describe(body: bytes, text: str) -> str:
    """Return in words what a document is that is no feed: "an HTML page", "plain text", "a PNG image" ..."""
    if not body.strip() or not text.strip("\ufeff \t\r\n\x00"):
        return "an empty document"
    for magic, kind in _MAGIC:
        if body.startswith(magic):
            return kind
    if looks_like_html(text):
        return "an HTML page"
    if text.lstrip()[:1] in ("{", "["):
        return "JSON"
    name = root_name(text)
    if name in ("urlset", "sitemapindex"):
        return "a sitemap"
    if name is not None and text.lstrip().startswith("<?xml"):
        return f"an XML document of type <{name}>"
    if name is not None:
        return f"a markup document that starts with <{name}>"
    if "\x00" in text[:1000] or text[:1000].count("\ufffd") > 20:
        return "binary data"
    return "plain text"


def item_count(text: str) -> int:
    """Return how many <item> or <entry> elements the document visibly starts, outside of CDATA and comments."""
    return len(_ITEM.findall(_HIDDEN.sub("", text)))


def has_items(text: str) -> bool:
    """Whether an <item> or <entry> starts anywhere, even where broken syntax hides it."""
    return _ITEM.search(text) is not None


def reopen(text: str) -> str:
    """Return the text with what a missing end mark hides: CDATA sections and comments never closed, a root's prefix.

    An opening mark that is followed by another one before its end is taken out.
    """
    text = _UNCLOSED_CDATA.sub("", text)
    text = _UNCLOSED_COMMENT.sub("", text)
    root = _TAG.match(text, _prolog_end(text))
    prefix = root[1].rpartition(":")[0] if root else ""
    return re.sub(rf"(</?){re.escape(prefix)}:", r"\1", text) if prefix else text


def trim_xml(text: str) -> Document:
    """Return the text without what surrounds the feed: messages of a program before it, a host's scripts behind it."""
    warnings: list[str] = []
    text = text.lstrip("\ufeff \t\r\n\x00")
    if root_name(text) not in FEED_ROOTS or not text.startswith("<"):
        text = _skip_junk(text, warnings)
    return Document(_cut_tail(_shorten_prolog(text, warnings), warnings), tuple(warnings))


def _shorten_prolog(text: str, warnings: list[str]) -> str:
    """Cut what stands before the first element if it is long, blank lines in it anyway: feedparser's time for them
    grows with the square of their number.
    """
    first = _TAG.search(text)
    if first is None or first.start() < _SHORT_PROLOG:
        return text
    if first.start() > _LONG_PROLOG:
        warnings.append(f"{first.start()} characters before the first element were skipped")
        return text[first.start() :]
    return _BLANK.sub("\n", text[: first.start()]) + text[first.start() :]


def clean_xml(document: Document) -> Document:
    """Return the document without the characters that no XML document may hold; a well-formed one has none."""
    text, warnings = document.text, document.warnings
    if _FORBIDDEN.search(text):
        text = _FORBIDDEN.sub("", text)
        warnings = (*warnings, "characters that XML forbids were removed")
    if "&#" in text:
        text = _CHAR_REF.sub(_checked_reference, text)
    return Document(text, warnings)


def has_attribute_flood(data: bytes) -> bool:
    """Whether a document in UTF-8 has more attributes in one element, or namespaces, than any real one.

    It is a trap: feedparser's time grows with the square of their number. Looked at as far as it is well-formed.
    """
    longest = 0
    prefixes: set[str] = set()

    def start(_name: str, attributes: dict[str, str]) -> None:
        nonlocal longest
        longest = max(longest, len(attributes))
        prefixes.update(name for name in attributes if name.startswith("xmlns:"))

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = start
    parser.DefaultHandler = lambda _: None  # with one, expat leaves entities alone
    with contextlib.suppress(expat.ExpatError, ValueError):
        parser.Parse(data, True)
    return max(longest, len(prefixes)) > MAX_ATTRIBUTES


def cut_items(text: str, count: int) -> str:
    """Return the text up to where the first item after `count` visibly starts."""
    hidden = [(match.start(), match.end()) for match in _HIDDEN.finditer(text)]
    position = 0
    for match in _ITEM.finditer(text):
        while position < len(hidden) and hidden[position][1] <= match.start():
            position += 1
        if position < len(hidden) and hidden[position][0] <= match.start():
            continue
        if count == 0:
            return text[: match.start()]
        count -= 1
    return text


def _skip_junk(text: str, warnings: list[str]) -> str:
    """Cut what stands before the feed: messages of a program, an echoed HTTP header."""
    root = _FEED_ROOT.search(text, 0, _JUNK)
    start = _FEED_START.search(text, 0, _JUNK)
    if root is None or start is None or start.start() == 0:
        return text
    warnings.append(f"{start.start()} characters before the feed were skipped")
    return text[start.start() :]


def _cut_tail(text: str, warnings: list[str]) -> str:
    """Cut what stands after the end of the feed: scripts of a host, a second document."""
    position = -1
    for match in _FEED_END.finditer(text, max(0, len(text) - _JUNK)):
        position = match.end()
    if position < 0 or _AFTER_ROOT.match(text, position):
        return text
    warnings.append(f"{len(text) - position} characters after the feed were skipped")
    return text[:position]


def _checked_reference(match: re.Match[str]) -> str:
    """Return a character reference if XML allows its character, else nothing."""
    number = int(match[1], 16) if match[1] else int(match[2])
    in_plane = 0x20 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number <= 0x10FFFF
    return match[0] if in_plane or number in (9, 10, 13) else ""
