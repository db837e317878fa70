"""Small readers of an lxml tree of a page: what an element shows, what its meta elements say.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from lxml import etree

__all__ = ["classes", "meta_contents", "meta_values", "visible"]

_SEEN = etree.XPath(
    ".//text()[not(ancestor::svg or ancestor::script or ancestor::style or ancestor::noscript or ancestor::template)]"
)


def visible(element: Any) -> str:
    """Return the text that an element shows, on one line."""
    texts = cast("list[str]", _SEEN(element))
    return " ".join("".join(texts).split())


def classes(element: Any) -> str:
    """Return class and id of an element in lower case: what its authors call it."""
    return f"{element.get('class') or ''} {element.get('id') or ''}".lower()


def meta_contents(tree: Any) -> dict[str, list[str]]:
    """Return the contents of meta elements by their property, name, itemprop or http-equiv in lower case."""
    found: dict[str, list[str]] = {}
    for element in tree.iter("meta"):
        content = (element.get("content") or "").strip()
        for attribute in ("property", "name", "itemprop", "http-equiv"):
            if content and (name := (element.get(attribute) or "").strip().lower()):
                found.setdefault(name, []).append(content)
    return found


def meta_values(metas: dict[str, list[str]], names: Iterable[str]) -> list[str]:
    """Return the contents of the named meta elements, in the order of the names."""
    return [value for name in names for value in metas.get(name, ())]
