"""The visible texts of an HTML tree, one by one.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["blocks", "chunks", "page_tree"]

_UNSEEN = frozenset(("script", "style", "svg", "noscript", "template", "iframe", "select", "button"))
_INLINE_NAMES = """
    a abbr b bdi bdo br cite code em font i kbd mark q s samp small span strong sub sup u var wbr
"""
_INLINE = frozenset(_INLINE_NAMES.split())


def page_tree(page: str) -> Any:
    """Return the lxml tree of a page, None if it holds no element.

    lxml's own limit of depth holds; comments and processing instructions are dropped.
    """
    from lxml import etree, html

    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        return html.document_fromstring(page.replace("\x00", "").encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):  # nothing left, or too deep
        return None


def chunks(element: Any) -> list[str]:
    """Return the texts that an element shows, each on one line, in document order."""
    return [text for raw in _texts(element) if (text := " ".join(raw.split()))]


def _texts(element: Any) -> Iterator[str]:
    """Yield the raw texts: an explicit stack, as trees may be deeper than Python's own."""
    stack: list[Any] = [element]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
            continue
        if not isinstance(node.tag, str) or node.tag in _UNSEEN:
            continue
        for child in reversed(node):
            if child.tail:
                stack.append(child.tail)
            stack.append(child)
        if node.text:
            stack.append(node.text)


def blocks(element: Any) -> list[str]:
    """Return the texts that an element shows as `chunks`, but what stands on one line together as one."""
    lines: list[list[str]] = [[]]
    stack: list[Any] = [element]
    while stack:
        node = stack.pop()
        if node is None:
            lines.append([])
        elif isinstance(node, str):
            lines[-1].append(node)
        elif isinstance(node.tag, str) and node.tag not in _UNSEEN:
            parts = [part for child in node for part in (child, child.tail) if part is not None]
            ends = [None] if node.tag not in _INLINE else []
            stack.extend(reversed([*ends, *([node.text] if node.text else []), *parts, *ends]))
    joined = (" ".join("".join(line).split()) for line in lines)
    return [line for line in joined if line]
