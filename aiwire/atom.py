"""Atom feeds (RFC 4287) of words that came from strangers. Pure.

Characters that a terminal could obey, that turn text around or that no XML may hold are left out; text is text, never
markup.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

__all__ = ["GENERATOR", "TAG", "Entry", "Feed", "one_line", "written"]

NAMESPACE = "http://www.w3.org/2005/Atom"
TAG = "tag:aiwire.invalid,2026:"  # what our ids begin with: RFC 4151; nobody will ever own the name (RFC 2606)
GENERATOR = "aiwire"
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")  # https://www.w3.org/TR/xmlschema-2/#language
_UNSAFE = frozenset(["Cc", "Cf", "Cn", "Co", "Cs"])  # Unicode categories


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a feed; what is empty is left out."""

    id: str  # an IRI that stays the same for good
    title: str
    updated: str  # RFC 3339, as the other times
    url: str = ""  # where it is told
    related: str = ""  # address of what else is known of it
    published: str = ""
    author: str = ""
    summary: str = ""
    content: str = ""
    language: str = ""  # BCP 47, of title, summary and content; anything else is left out
    categories: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed; what is empty is left out."""

    id: str
    title: str
    updated: str
    entries: Sequence[Entry]
    subtitle: str = ""
    self_url: str = ""  # of the feed itself
    page_url: str = ""  # of a page for people that shows the same


def written(feed: Feed) -> str:
    """Return a feed as an XML document."""
    root = ET.Element("feed", {"xmlns": NAMESPACE})
    _add(root, "id", feed.id)
    _add(root, "title", feed.title)
    if feed.subtitle:
        _add(root, "subtitle", feed.subtitle)
    _link(root, "self", feed.self_url)
    _link(root, "alternate", feed.page_url)
    _add(root, "updated", feed.updated)
    _add(root, "generator", GENERATOR)
    _add(ET.SubElement(root, "author"), "name", GENERATOR)
    for entry in feed.entries:
        _add_entry(root, entry)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def one_line(text: str) -> str:
    """Return a text on one line, without what is not to be seen."""
    seen = (char for char in text if char.isspace() or unicodedata.category(char) not in _UNSAFE)
    return " ".join("".join(seen).split())


def _add_entry(root: ET.Element, entry: Entry) -> None:
    is_language = _LANGUAGE.fullmatch(entry.language)
    element = ET.SubElement(root, "entry", {"xml:lang": entry.language} if is_language else {})
    _add(element, "id", entry.id)
    _add(element, "title", entry.title)
    _link(element, "alternate", entry.url)
    _link(element, "related", entry.related)
    _add(element, "updated", entry.updated)
    if entry.published:
        _add(element, "published", entry.published)
    if entry.author:
        _add(ET.SubElement(element, "author"), "name", entry.author)
    for category in entry.categories:
        ET.SubElement(element, "category", {"term": one_line(category)})
    for name, text in (("summary", entry.summary), ("content", entry.content)):
        if text:
            _add(element, name, text)


def _link(parent: ET.Element, rel: str, url: str) -> None:
    if url:
        ET.SubElement(parent, "link", {"rel": rel, "href": one_line(url)})


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = "\n".join(map(one_line, text.split("\n")))
