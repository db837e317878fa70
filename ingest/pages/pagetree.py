"""Small readers of an lxml tree of a page: what an element shows, what its meta elements say.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

__all__ = ["classes", "meta_contents", "meta_values", "visible"]

_UNSEEN = frozenset(("svg", "script", "style", "noscript", "template"))
_MAX_CLASSES = 1_000  # characters; no author writes longer ones, and patterns are searched in them
_MAX_META = 100_000  # characters of a content; a title or a date is far shorter
_MAX_VALUES = 50  # contents of one name
_LIMIT = 20_000  # characters shown; no heading, name or prompt is longer


def visible(element: Any, limit: int = _LIMIT) -> str:
    """Return the text that an element shows, on one line; of a longer one about the first `limit` characters."""
    pieces: list[str] = []
    size = 0
    for piece in _texts(element):
        pieces.append(piece)
        size += len(piece)
        if size > 2 * limit:  # white space is folded yet
            break
    return " ".join("".join(pieces).split())


def _texts(element: Any) -> Iterator[str]:
    if not len(element):  # most elements that are asked for hold nothing but text
        if element.tag not in _UNSEEN:
            yield element.text or ""
        return
    walker = etree.iterwalk(element, events=("start", "end"))
    for event, node in walker:
        if event == "end":
            if node is not element and node.tail:
                yield node.tail
        elif node.tag in _UNSEEN:
            walker.skip_subtree()
        elif node.text and isinstance(node.tag, str):
            yield node.text


def classes(element: Any) -> str:
    """Return class and id of an element in lower case: what its authors call it."""
    return f"{element.get('class') or ''} {element.get('id') or ''}"[:_MAX_CLASSES].lower()


def meta_contents(tree: Any) -> dict[str, list[str]]:
    """Return the contents of meta elements by their property, name, itemprop or http-equiv in lower case."""
    found: dict[str, list[str]] = {}
    for element in tree.iter("meta"):
        content = (element.get("content") or "")[:_MAX_META].strip()
        for attribute in ("property", "name", "itemprop", "http-equiv"):
            if content and (name := (element.get(attribute) or "")[:_MAX_CLASSES].strip().lower()):
                values = found.setdefault(name, [])
                if len(values) < _MAX_VALUES:
                    values.append(content)
    return found


def meta_values(metas: dict[str, list[str]], names: Iterable[str]) -> list[str]:
    """Return the contents of the named meta elements, in the order of the names."""
    return [value for name in names for value in metas.get(name, ())]
