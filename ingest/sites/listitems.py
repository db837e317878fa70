"""One item of a listing page -> title, date and summary, as it shows them.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest.sites.listdates import attribute_date, find_date, only_date, shown_dates
from ingest.sites.pagetext import blocks, chunks

__all__ = ["Item", "is_generic", "read_item", "words"]

_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_BARE = _HEADINGS | {"a", "b", "strong", "dt", "p"}
_TITLE_CLASS = re.compile(r"(?:^|[-_\s]|(?<=[a-z])(?=[A-Z]))(?<![Ss]ub[-_])(?i:title|headline|heading|tit|bt)(?![a-z])")
_GENERIC = re.compile(
    r"\W*(?:(?:read|learn|see|find out|view|show|discover|get|load)\s+(?:the\s+)?(?:full\s+)?"
    r"(?:more|all|article|story|post|details?|release|now|here)(?:\s+\w+){0,2}|more|read|continue(?:\s+reading)?|details?|here|next|previous|"
    r"download(?:\s+pdf)?|pdf|watch(?:\s+(?:now|video))?|permalink|link|"
    r"mehr(?:\s+\w+)?|weiterlesen|lire(?:\s+la)?\s+suite|en savoir plus|leer más|"
    r"(?:阅读|查看|了解)?(?:更多|全文|详情|原文|详细)|更多.{0,4})[\W\d]*(?:[kmg]i?b\W*)?",
    re.I,
)
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LABEL = re.compile(r"\A(?:title|titel|titre|título|titolo|标题)\s*[:：]\s*", re.I)
_MAX_IDENTIFIER = 2  # words: 2603.01234, RFC 9309
_CUT = re.compile(r"(?:…|\.{2,})\s*\Z")
_MIN_WORDS = 4  # of a text that is taken for a title before others
_MIN_SUMMARY = 40  # characters
_MAX_TITLE = 300
_MAX_SUMMARY = 1000


@dataclass(slots=True)
class Item:
    """What one item of a listing shows."""

    url: str
    title: str
    heading: bool  # the title is a heading
    date: datetime | None  # for machines
    dates: tuple[str, ...]  # texts that may show it
    summary: str | None
    position: int  # of its link in the page
    bare: bool  # it is no more than its title: what belongs to it stands after it


def words(text: str) -> float:
    """Return how many words a text has; a word of Chinese, Japanese or Korean is two characters."""
    return len(_CJK.findall(text)) / 2 + len(_CJK.sub(" ", text).split())


def is_generic(text: str) -> bool:
    """Whether a link's text says nothing of its target: Read more, 查看详情, an arrow."""
    return not any(char.isalnum() for char in text) or _GENERIC.fullmatch(text) is not None


def read_item(element: Any, links: Sequence[Any], *, url: str, position: int) -> Item:
    """Return what an item shows of the page that `links`, which are inside of it or are it, lead to.

    Where a list of definitions links numbers (arXiv:2603.01234), the title is looked for in the definition.
    """
    title, heading = _title(element, links)
    definition = _definition(element) if _is_identifier(title) else None
    defined = _defined_title(definition) if definition is not None else ""
    if definition is not None and defined:
        title, heading = defined, False
        texts = [" ".join(chunks(node)) for node in definition.iter("p")]
    else:
        definition = None
        texts = [text for text in blocks(element) if text != title]
    return Item(
        url=url,
        title=title,
        heading=heading,
        date=attribute_date(element),
        dates=tuple(text for text in shown_dates(element) if text != title),
        summary=_summary(texts, title),
        position=position,
        bare=element.tag in _BARE and definition is None,
    )


def _is_identifier(title: str) -> bool:
    return words(title) <= _MAX_IDENTIFIER and any(map(str.isdecimal, title))


def _definition(element: Any) -> Any:
    """Return the <dd> that follows a <dt>, None if the element is none or has none."""
    following = element.getnext() if element.tag == "dt" else None
    return following if following is not None and following.tag == "dd" else None


def _defined_title(definition: Any) -> str:
    """Return the line of a <dd> that is called its title, else its first of several words; "" if it has neither."""
    called = (" ".join(chunks(node)) for node in definition.iter() if isinstance(node.tag, str) and _is_titled(node))
    lines = (line for line in blocks(definition) if words(line) >= _MIN_WORDS)
    found = (_LABEL.sub("", text)[:_MAX_TITLE] for text in (*called, *lines))
    return next((text for text in found if text and not is_generic(text) and not only_date(text)), "")


def _is_titled(node: Any) -> bool:
    return node.tag in _HEADINGS or _is_called_title(node)


def _summary(texts: Sequence[str], title: str) -> str | None:
    """Return the longest text beside the title."""
    prose = [
        text for text in texts if len(text) >= _MIN_SUMMARY / (2 if _CJK.search(text) else 1) and title not in text
    ]
    return max(prose, key=len)[:_MAX_SUMMARY] if prose else None


def _title(element: Any, links: Sequence[Any]) -> tuple[str, bool]:
    """Return the title of an item, "" if it has none, and whether that is a heading."""
    headings = [node for node in element.iter() if node.tag in _HEADINGS or node.get("role") == "heading"]
    of_links = [node for node in headings if any(_inside(node, link) or _inside(link, node) for link in links)]
    chosen = of_links or (headings if len(headings) == 1 else [])
    for node in chosen:
        if text := _named(" ".join(chunks(node)), links):
            return text, True
    for scope in (*links, element):
        called = (node for node in scope.iter() if isinstance(node.tag, str) and _is_called_title(node))
        if texts := [text for node in called if (text := _named(" ".join(chunks(node)), links))]:
            return max(texts, key=_likeness), False
    found = [text for link in links if (text := _named(_link_text(link), links))]
    found += [text[:_MAX_TITLE] for text in _spoken(links) if not is_generic(text[:_MAX_TITLE])]
    return (max(found, key=_likeness) if found else ""), False


def _is_called_title(node: Any) -> bool:
    return _TITLE_CLASS.search(node.get("class") or "") is not None


def _likeness(text: str) -> float:
    """Return how much a text looks like a title: a few words more are no better."""
    return min(words(text), 2 * _MIN_WORDS)


def _inside(node: Any, other: Any) -> bool:
    """Whether `node` is `other` or inside of it."""
    return node is other or any(ancestor is other for ancestor in node.iterancestors())


def _named(text: str, links: Sequence[Any]) -> str:
    """Return a text that can be a title, whole where the page cuts it short and gives it in an attribute; else ""."""
    text = text[:_MAX_TITLE]
    if is_generic(text) or only_date(text):
        return ""
    if _CUT.search(text):
        start = _CUT.sub("", text)
        whole = (long for long in _spoken(links) if len(long) > len(start) and long.startswith(start[:20]))
        return next(whole, text)[:_MAX_TITLE]
    return text


def _spoken(links: Sequence[Any]) -> Iterator[str]:
    """Yield what links are called beside their text."""
    for link in links:
        for node in link.iter():
            for name in ("title", "aria-label", "alt"):
                if isinstance(node.tag, str) and (text := " ".join((node.get(name) or "").split())):
                    yield text


def _link_text(link: Any) -> str:
    """Return a link's text; of one that wraps a whole card, the line that looks like a title."""
    lines = [line for line in blocks(link) if not only_date(line)]
    if len(lines) <= 1:
        return _without_dates(link) if lines else ""
    return next((line for line in lines if words(line) >= _MIN_WORDS), max(lines, key=words))


def _without_dates(link: Any) -> str:
    texts = chunks(link)
    kept = [text for text in texts if find_date(text) is None] if len(texts) > 1 else texts
    return " ".join(kept)
