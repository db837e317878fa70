"""HTML page -> what a filter has to know of it, ten times quicker than `ingest.pages.extract`: language and rough text.

Both err: the text may hold some of the page around the article or lack some of it, a language may not be told. What
passes a filter is read with care afterwards. Neither raises, whatever the bytes. Pure: no network, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from ingest.charset import decode, header

__all__ = ["FastPage", "detect_language", "fast_text", "primary_language", "raw_language"]

_HEAD = 32_768  # bytes in which the declarations of a page stand
_LOOKED_AT = 1 << 20  # bytes of a page in which a sample is looked for
_MOST_HTML = 4 << 20  # characters that are parsed; the longest of 180 real pages has 3.6 million
_MAX_TAGS = 20_000  # what follows is not parsed: nesting takes quadratic time. The longest of 180 real pages has 9,402
_LEAST = 0.25  # share of the whole text under which the main content counts as not found
_SAMPLE = 3_000  # bytes of text from which a language is told
_LONGEST_RUN = 600  # bytes taken of one run of text: many runs tell more than one
_ENOUGH = 200  # letters that a detection needs; a Chinese character counts as three
_FAR = 1_000  # distance from which a detection tells nothing
_SURE = 500  # distance under which it needs no declaration: real texts have 170 to 460

_HTML_LANG = re.compile(rb"""<html\b[^>]{0,2000}?\s(?:xml:)?lang\s*=\s*["']?\s*([A-Za-z]{2,3})(?=[-_"'\s>])""", re.I)
_META_LANG = re.compile(
    rb"""<meta\b[^>]{0,200}?(?:og:locale|content-language)["']?\s[^>]{0,200}?content\s*=\s*["']?([A-Za-z]{2,3})(?=[-_"',\s>])""",
    re.I,
)
_BODY = re.compile(rb"<body\b", re.I)
_RUN = re.compile(rb">([^<>{}]{40,600})")  # text between tags; braces are of scripts and styles
_SPLIT = b"<!--sample-->"
_MARKUP = re.compile(r"&#?\w{1,8};|\S*(?://|=|_)\S*")
_LETTERS = re.compile(r"[^\W\d_]+")
_HAN = re.compile("[\u3400-\u9fff]")
_SAME = {"nb": "no", "nn": "no", "cmn": "zh", "yue": "zh", "iw": "he", "in": "id", "tl": "fil", "sh": "sr"}


@dataclass(frozen=True, slots=True)
class FastPage:
    """The rough text of a page."""

    title: str
    text: str
    language: str | None  # primary subtag, told by the text or, where that is short, declared; None: cannot tell


def fast_text(body: bytes, headers: Mapping[str, str] | None = None) -> FastPage:
    """Return title, main text and language of a page; the whole text where its main part is not found.

    Args:
        body: the page, decoded from its content encoding but not from its charset.
        headers: of the HTTP response, for charset and language.
    """
    from resiliparse.extract.html2text import extract_plain_text  # slow to import, and of the extra [archive]
    from resiliparse.parse.html import HTMLTree

    try:
        tree = HTMLTree.parse(_bounded(decode(body, headers).text))
        title = " ".join((tree.title or "").split())
        main = extract_plain_text(tree, main_content=True, preserve_formatting=False, comments=False)
        whole = extract_plain_text(tree, preserve_formatting=False)
    except (ValueError, RuntimeError, RecursionError):  # whatever the parser makes of hostile bytes
        return FastPage("", "", None)
    text = main if len(main) >= _LEAST * len(whole) else whole
    return FastPage(title, text, detect_language(text) or _declared(body, headers))


def raw_language(body: bytes, headers: Mapping[str, str] | None = None) -> str | None:
    """Return the primary subtag of a page's language by its bytes; None if it cannot be told.

    A declaration alone says little: templates in another language are common. So it counts if a sample of the text
    agrees; where the two differ, nobody knows. Without a declaration the sample counts where it is sure.
    """
    declared = _declared(body, headers)
    told = detect_language(_sample(body, headers), _SURE if declared is None else _FAR)
    return told if declared in (None, told) else None


def primary_language(tag: str | None) -> str | None:
    """Return the first subtag of a language tag in lower case, None if there is none; nb and nn are no."""
    first = (tag or "").strip().replace("_", "-").partition("-")[0].lower()
    return _SAME.get(first, first) if first.isalpha() else None


def detect_language(text: str, most: int = _FAR) -> str | None:
    """Return the primary subtag of the language that a text is in; None if it is short or no language is so near."""
    from resiliparse.parse.lang import detect_fast

    sample = _MARKUP.sub(" ", text[: 2 * _SAMPLE])
    letters = _LETTERS.findall(sample)
    if sum(map(len, letters)) + 2 * len(_HAN.findall(sample)) < _ENOUGH:
        return None
    language, rank = detect_fast(" ".join(letters), cutoff=most)
    return None if language == "unknown" or rank >= most else primary_language(language)


def _declared(body: bytes, headers: Mapping[str, str] | None) -> str | None:
    for pattern in (_HTML_LANG, _META_LANG):
        if match := pattern.search(body, 0, _HEAD):
            return primary_language(match[1].decode("ascii"))
    return primary_language((header(headers, "content-language") or "").partition(",")[0])


def _sample(body: bytes, headers: Mapping[str, str] | None) -> str:
    """Return some text of the page's body; "" in charsets in which markup is not ASCII."""
    found = _BODY.search(body, 0, _LOOKED_AT)
    runs = (match[1] for match in _RUN.finditer(body, found.start() if found else 0, _LOOKED_AT))
    sample = b"\n".join(_until(runs, _SAMPLE))
    # with the head before it, which declares the charset
    return decode(body[:_HEAD] + _SPLIT + sample, headers).text.partition(_SPLIT.decode())[2] if sample else ""


def _until(runs: Iterator[bytes], size: int) -> Iterator[bytes]:
    taken = 0
    for run in runs:
        if taken >= size:
            return
        if (cut := run[:_LONGEST_RUN]).count(b" ") or not cut.isascii():
            taken += len(cut)
            yield cut


def _bounded(page: str) -> str:
    page = page[:_MOST_HTML]
    if page.count("<") > _MAX_TAGS:
        return page[: next(islice(re.finditer("<", page), _MAX_TAGS, None)).start()]
    return page
