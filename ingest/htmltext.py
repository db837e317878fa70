"""HTML fragments of feeds -> plain text. A tokenizer of regular expressions: linear in time, and it never raises.

Feeds mix HTML and plain text without saying which, so only what is surely a tag counts as one: "a < b" and "List<T>"
come through unharmed.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import html
import re

__all__ = ["html_to_text", "title_text"]

# Elements that start and end a line.
_BLOCK_NAMES = """
    address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main menu nav ol optgroup option p pre section
    select summary table tbody tfoot thead title tr ul
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_CELLS = frozenset(("td", "th"))
# Elements whose content is no text of the article.
_DROPPED_NAMES = """
    script style template noscript svg iframe object embed canvas audio video textarea select button annotation
    annotation-xml noembed noframes applet
"""
_DROPPED = frozenset(_DROPPED_NAMES.split())
_VOID_DROPPED = frozenset(("embed",))  # dropped elements that have no end tag
_RAW = frozenset(("script", "style"))  # never closed: the rest is lost, as in a browser
_INLINE_NAMES = """
    a abbr acronym area b base basefont bdi bdo big cite code col colgroup data datalist del dfn em font i img input
    ins kbd label link map mark math meta meter mi mn mo mrow ms mstyle msub msup mtext output param path picture
    progress q rp rt ruby s samp semantics small source span strike strong sub sup time track tt u var wbr
"""
_INLINE = frozenset(_INLINE_NAMES.split())
_KNOWN = _BLOCKS | _CELLS | _DROPPED | _INLINE

_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<!\[CDATA\[|\]\]>"
    r"|<[!?][a-zA-Z][^<>]*+>"
    r"|<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*+(?:[:-][a-zA-Z0-9]++)*+)"
    r"(?P<attrs>(?:[\s/](?:[^<>\"']|\"[^\"]*\"|'[^']*')*+|[\s/][^<>]*+)?)>",
    re.S,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});|&nbsp\b")
_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u2060\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[\s]*")
_PARAGRAPHS = re.compile(r"</(?:p|div|a|li|ul|h\d)>|<br ?/?>", re.I)
_BARE_WORDS = re.compile(r"\s[\w\s]+\Z")  # attributes without any value: "<b and c>" is prose, no tag


def html_to_text(markup: str) -> str:
    """Return the text of an HTML fragment: blocks parted by one newline, entities decoded, whitespace folded.

    Plain text keeps its words and line breaks.
    """
    text = _text(markup)
    # Feeds that escape twice: no tag was there to be read, but the text now has paragraphs in it.
    if "<" in text and not _has_tag(markup) and _has_tag(text) and _PARAGRAPHS.search(text):
        return _text(text)
    return text


def title_text(markup: str) -> str:
    """Return the text of a title: one line, without markup."""
    return " ".join(_text(markup).split())


def _text(markup: str) -> str:
    if "<" not in markup:
        return _fold(_decode(markup))
    if not _has_tag(markup):
        return _fold(_decode(_TOKEN.sub(_keep_unless_comment, markup)))
    return _fold("".join(_pieces(markup)))


def _keep_unless_comment(match: re.Match[str]) -> str:
    return "" if match["name"] is None else match[0]


def _has_tag(markup: str) -> bool:
    return any(match["name"] and _is_tag(match) for match in _TOKEN.finditer(markup))


def _is_tag(match: re.Match[str]) -> bool:
    """Whether a token that looks like a tag is one of HTML rather than prose or code."""
    name = match["name"].lower()
    known = name in _KNOWN or ":" in name or "-" in name  # "o:p" of office programs, custom elements
    return known and (match["end"] != "" or not _BARE_WORDS.match(match["attrs"]))


def _pieces(markup: str) -> list[str]:
    """Return the text between the tags, with newlines where blocks begin and end."""
    pieces: list[str] = []
    position, preformatted = 0, 0
    without_end: set[str] = set()
    while match := _TOKEN.search(markup, position):
        pieces.append(_run(markup[position : match.start()], preformatted > 0))
        position = match.end()
        name = (match["name"] or "").lower()
        if not name:
            continue
        if name in _DROPPED and not match["end"] and not match["attrs"].endswith("/"):
            position = _after(markup, name, position, without_end)
        elif name in _BLOCKS:
            pieces.append("\n")
            preformatted = max(0, preformatted + (-1 if match["end"] else 1)) if name == "pre" else preformatted
        elif name in _CELLS:
            pieces.append(" ")
    pieces.append(_run(markup[position:], preformatted > 0))
    return pieces


def _after(markup: str, name: str, position: int, without_end: set[str]) -> int:
    """Return where a dropped element ends; `without_end` remembers names that are not closed, to stay linear."""
    if name in _VOID_DROPPED or name in without_end:
        return position
    if match := re.compile(rf"</{name}\s*>", re.I).search(markup, position):
        return match.end()
    without_end.add(name)
    return len(markup) if name in _RAW else position


def _run(text: str, preformatted: bool) -> str:
    """Return a run of text; in HTML a newline is a space unless the element is preformatted."""
    return _decode(text if preformatted else text.replace("\n", " "))


def _decode(text: str) -> str:
    """Decode character references, but only whole ones: "AT&T" and "?a=1&copy=2" stay as they are."""
    if "&" not in text:
        return text
    return _ENTITY.sub(lambda match: html.unescape(match[0] if match[0].endswith(";") else match[0] + ";"), text)


def _fold(text: str) -> str:
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _LINES.sub("\n", _SPACES.sub(" ", text)).strip()
