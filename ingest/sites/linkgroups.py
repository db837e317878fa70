"""The links of a page that may lead to articles, grouped by the path of elements that leads to them.

Links of the same path that stand in several columns of a table's rows, or several in each <dt>, make a group together
and one for each column: the first holds where cells are cards, the others where one column has the titles and another
their PDF files.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ingest.links import absolute_url
from ingest.sites.articleurls import may_be_article

__all__ = ["Group", "Link", "item_of", "link_groups", "urls_below"]

MAX_LINKS = 5_000  # of one page
# What a site calls the parts of a page that hold no articles of its own choice.
_CHROME_NAMES = """
    nav navbar navigation menu submenu megamenu breadcrumb breadcrumbs crumbs crumb pagination pager footer cookie
    cookies consent gdpr share sharing social tagcloud tags languages language subnav topbar toolbar dropdown
    skiplinks login comments comment
"""
_CHROME = frozenset(_CHROME_NAMES.split())
_ASIDE_NAMES = """
    sidebar related recommended recommendations recommend popular trending mostread most-read widget widgets promo
    aside rail sponsored hot ranking rank
"""
_ASIDE = frozenset(_ASIDE_NAMES.split())
_ROLES = frozenset(("navigation", "contentinfo", "search", "menu", "menubar", "dialog", "alertdialog", "tablist"))
_COLUMNS = {"tr": ("td", "th"), "dt": ("a",)}
_OPEN = ("main", "article", "section", "li")  # a <header> inside of these is a card's, not the site's
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_BLOCKS = frozenset(("div", "p", "section", "article", "ul", "ol", "table", "figure", *_HEADINGS))
_PROSE = 20  # characters before a link that make it part of a sentence
_MAX_PROSE = 400  # characters before a link that are looked at
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_VARIANTS_NAMES = """
    odd even first last active current selected alt featured highlight new hidden visible
"""
_VARIANTS = frozenset(_VARIANTS_NAMES.split())


@dataclass(frozen=True, slots=True)
class Link:
    node: Any  # the <a>
    url: str  # absolute, without fragment
    position: int  # in the page


@dataclass(frozen=True, slots=True)
class Group:
    """Links with the same path of elements."""

    links: tuple[Link, ...]
    aside: bool  # beside the main content
    main: bool  # in <main>


def link_groups(tree: Any, *, url: str, base: str) -> list[Group]:
    """Return the groups of links that may lead to articles, in the order of their first links.

    Args:
        tree: the page (lxml).
        url: of the page.
        base: what its relative links refer to.
    """
    found: dict[tuple[int, bool], dict[int, list[Link]]] = defaultdict(lambda: defaultdict(list))
    places: dict[tuple[int, bool], bool] = {}
    for position, (node, place) in enumerate(_links(tree, _ClassNames(tree))):
        if position >= MAX_LINKS:
            break
        address = (absolute_url(node.get("href"), base) or "").partition("#")[0]
        if address and may_be_article(address, url) and not _in_prose(node):
            found[place.path, place.aside][place.column].append(Link(node, address, position))
            places[place.path, place.aside] = place.main
    groups = []
    for key, columns in found.items():
        together = sorted((link for links in columns.values() for link in links), key=lambda link: link.position)
        apart = columns.values() if len(columns) > 1 else ()
        groups += [Group(tuple(links), key[1], places[key]) for links in (together, *apart)]
    return groups


class _ClassNames:
    """The class by which an element is told from others of its tag: of its classes the one most used on the page.

    So what differs from card to card (post-1234, category-chips, odd) does not part them, and hashed names do no harm.
    """

    def __init__(self, tree: Any) -> None:
        self._counts: Counter[str] = Counter()
        for node in tree.iter():
            if isinstance(node.tag, str) and (value := node.get("class")):
                self._counts.update(set(value.split()))

    def of(self, node: Any) -> str:
        tokens = [token for token in (node.get("class") or "").split() if token.lower() not in _VARIANTS]
        return max(sorted(tokens), key=self._counts.__getitem__, default="")


class _Place(NamedTuple):
    """Where an element stands."""

    path: int  # the number of its path of elements
    column: int  # the number of the columns on that path
    aside: bool
    main: bool


def _links(tree: Any, names: _ClassNames) -> Iterator[tuple[Any, _Place]]:
    """Yield each link outside of menus, and its place."""
    paths: dict[tuple[int, str, str], int] = {}
    columns: dict[tuple[int, int], int] = {}
    stack: list[tuple[Any, _Place, int]] = [(tree, _Place(0, 0, False, False), 0)]
    while stack:
        node, above, index = stack.pop()
        tag = node.tag
        if not isinstance(tag, str) or _is_chrome(node):
            continue
        place = _Place(
            path=paths.setdefault((above.path, tag, names.of(node)), len(paths) + 1),
            column=columns.setdefault((above.column, index), len(columns) + 1) if index else above.column,
            aside=above.aside or tag == "aside" or _called(node, _ASIDE),
            main=above.main or tag == "main" or node.get("role") == "main",
        )
        if tag == "a" and node.get("href"):
            yield node, place
        stack.extend(reversed([(child, place, number) for child, number in _numbered(node)]))


def _numbered(node: Any) -> Iterator[tuple[Any, int]]:
    """Yield the children of an element, cells of a row and links of a <dt> with their number from 1, others with 0."""
    counted = _COLUMNS.get(node.tag, ())
    number = 0
    for child in node:
        is_column = child.tag in counted and (child.tag != "a" or child.get("href") is not None)
        number += is_column
        yield child, number if is_column else 0


def _is_chrome(node: Any) -> bool:
    tag = node.tag
    if tag in ("script", "style", "template", "svg", "select"):
        return True
    if tag in ("nav", "footer") or node.get("role") in _ROLES or node.get("aria-hidden") == "true":
        return not _holds_content(node)
    if tag == "header":
        return not _holds_content(node) and not any(True for _ in node.iterancestors(*_OPEN))
    return _called(node, _CHROME) and not _holds_content(node)


def _called(node: Any, words: frozenset[str]) -> bool:
    """Whether a class or the id of an element begins or ends with one of the words."""
    if node.tag in ("html", "body", "main", "a"):
        return False
    for token in f"{node.get('class') or ''} {node.get('id') or ''}".split():
        if token.lower() in words:
            return True
        parts = [part.lower() for part in _WORD.findall(token)]
        if parts and (parts[-1] in words or parts[0] in words):
            return True
    return False


def _holds_content(node: Any) -> bool:
    """Whether an element that is called a menu holds the page's main part all the same: classes mislead."""
    return next(node.iter("main", "h1"), None) is not None or node.get("role") == "main"


def _in_prose(link: Any) -> bool:
    """Whether a link stands in a sentence: words come before it in its paragraph."""
    for node in (link, *link.iterancestors()):
        if node.tag in _HEADINGS:
            return False
        if node.tag in ("p", "li", "td", "dd", "blockquote"):
            before = ""
            for text in _texts_before(link, node):
                before = (before + text).lstrip()
                if len(before) > _MAX_PROSE:
                    break
            return len(before.rstrip()) >= _PROSE and not any(char.isdigit() for char in before)
    return False


def _texts_before(link: Any, block: Any) -> Iterator[str]:
    for node in block.iter():
        if node is link:
            return
        if node.tag in _BLOCKS and node is not block:  # a line of its own, such as a label above the title
            return
        yield node.text or ""
        if len(node) == 0:
            yield node.tail or ""


def urls_below(links: Sequence[Link]) -> dict[Any, set[str]]:
    """Return for each element above or of a link the URLs of the links in it."""
    below: dict[Any, set[str]] = defaultdict(set)
    for link in links:
        below[link.node].add(link.url)
        for ancestor in link.node.iterancestors():
            below[ancestor].add(link.url)
    return below


def item_of(link: Link, below: dict[Any, set[str]]) -> Any:
    """Return the largest element that holds this link and none to another URL of `below`."""
    item = link.node
    for ancestor in link.node.iterancestors():
        if ancestor.tag in ("body", "html", "main") or len(below[ancestor]) > 1:
            break
        item = ancestor
    return item
