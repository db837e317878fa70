"""The links of a page that may lead to articles, grouped by the path of elements that leads to them.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
    names = _ClassNames(tree)
    found: dict[tuple[int, bool], list[Link]] = defaultdict(list)
    places: dict[tuple[int, bool], bool] = {}
    for position, (node, path, aside, main) in enumerate(_links(tree, names)):
        if position >= MAX_LINKS:
            break
        address = (absolute_url(node.get("href"), base) or "").partition("#")[0]
        if address and may_be_article(address, url) and not _in_prose(node):
            found[path, aside].append(Link(node, address, position))
            places[path, aside] = main
    return [Group(tuple(links), key[1], places[key]) for key, links in found.items()]


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


def _links(tree: Any, names: _ClassNames) -> Iterator[tuple[Any, int, bool, bool]]:
    """Yield each link outside of menus: its element, the number of its path, whether aside and whether in <main>."""
    paths: dict[tuple[int, str, str], int] = {}
    stack: list[tuple[Any, int, bool, bool]] = [(tree, 0, False, False)]
    while stack:
        node, above, aside, main = stack.pop()
        tag = node.tag
        if not isinstance(tag, str) or _is_chrome(node):
            continue
        path = paths.setdefault((above, tag, names.of(node)), len(paths) + 1)
        main = main or tag == "main" or node.get("role") == "main"
        aside = aside or tag == "aside" or _called(node, _ASIDE)
        if tag == "a" and node.get("href"):
            yield node, path, aside, main
        stack.extend((child, path, aside, main) for child in reversed(node))


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
