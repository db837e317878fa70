"""HTML listing page -> entries, by the CSS selectors of a source's ListingRule or by what repeats on the page.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from aiwire.exceptions import ParseError
from aiwire.types import Entry, ListingRule, ParsedFeed
from ingest.charset import decode
from ingest.dates import parse_date
from ingest.feeds.documents import describe, looks_like_html
from ingest.feeds.jsonfeed import language_tag
from ingest.links import absolute_url
from ingest.sites.autolisting import find_list, merged
from ingest.sites.pagetext import chunks, page_tree

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

__all__ = ["parse_listing"]


def parse_listing(
    body: bytes, *, url: str, rule: ListingRule | None = None, headers: Mapping[str, str] | None = None
) -> ParsedFeed:
    """Return the articles that a page lists, in document order, each URL once.

    Args:
        body: the page, decoded from its content encoding but not from its charset.
        url: where it was found, after redirects: the base of relative links, unless the page names another.
        rule: the selectors; None: the list is found automatically (`ingest.sites.autolisting`).
        headers: of the HTTP response, for the charset.

    Raises:
        ParseError: the bytes are no HTML page, a selector is no CSS or finds nothing, or without a rule no list is
            convincing; the message says which.
    """
    decoded = decode(body, headers)
    if not decoded.text.strip() or not (looks_like_html(decoded.text) or "<a" in decoded.text.lower()):
        raise ParseError(url, f"{describe(body, decoded.text)}, not an HTML page: check the URL of the listing")
    read = _automatic(decoded.text, url) if rule is None else _by_rule(decoded.text, rule, url)
    return replace(read, warning=decoded.warning)


def _by_rule(page: str, rule: ListingRule, url: str) -> ParsedFeed:
    soup = _soup(page, url)
    items = _select(soup, rule.item, "item", url)
    if not items:
        raise ParseError(url, f"the selector item = {rule.item!r} finds nothing on the page: adapt it to the page")
    entries = _unique(_entry(item, rule, url, _base(soup, url)) for item in items)
    if not entries:
        raise ParseError(
            url, f"the selector link = {rule.link!r} finds no link in the {len(items)} items: adapt it to the page"
        )
    root = soup.select_one("html")
    return _feed(entries, url, _text(soup.title), str(root.get("lang") or "") if root is not None else "")


def _automatic(page: str, url: str) -> ParsedFeed:
    tree = page_tree(page)
    if tree is None:
        raise ParseError(url, "the HTML is too broken to be read: check the URL of the listing")
    base = next((node.get("href") for node in tree.iter("base") if node.get("href")), None)
    language = language_tag(tree.get("lang"))
    entries = find_list(tree, url=url, base=absolute_url(base, url) or url, language=language)
    if not entries:
        raise ParseError(
            url, "no list of articles was found on the page: name it with selectors in a [source.listing] table"
        )
    title = next((" ".join(chunks(node)) for node in tree.iter("title")), "")
    return _feed(entries, url, title, language or "")


def _feed(entries: tuple[Entry, ...], url: str, title: str, language: str) -> ParsedFeed:
    return ParsedFeed(
        title=title or None,
        url=url,
        language=language_tag(language),
        kind="listing",
        entries=entries,
        mode="listing",
    )


def _soup(page: str, url: str) -> BeautifulSoup:
    from bs4 import BeautifulSoup, ParserRejectedMarkup  # slow to import, and feeds do without

    try:
        return BeautifulSoup(page, "lxml")
    except (ParserRejectedMarkup, RecursionError) as e:
        raise ParseError(url, "the HTML is too broken to be read: check the URL of the listing") from e


def _select(scope: Tag, selector: str, name: str, url: str) -> list[Tag]:
    from soupsieve import SelectorSyntaxError

    try:
        return list(scope.select(selector))
    except (SelectorSyntaxError, NotImplementedError, ValueError) as e:
        reason = str(e).splitlines()[0].rstrip(".")
        raise ParseError(
            url, f"{name} = {selector!r} is no CSS selector ({reason}): correct it in the source list"
        ) from e


def _entry(item: Tag, rule: ListingRule, url: str, base: str) -> Entry | None:
    """Return an item's entry, None if it has no link to a page."""
    # The item may be the link itself: <a class="card" href="...">.
    candidates = [*([item] if item.name == "a" else []), *_select(item, rule.link, "link", url)]
    links = ((link, absolute_url(str(link.get("href") or ""), base)) for link in candidates)
    found = next(((link, address) for link, address in links if address), None)
    if found is None:
        return None
    link, address = found
    title = _first(item, rule.title, "title", url) if rule.title else None
    date = _first(item, rule.date, "date", url) if rule.date else None
    published = _date(date) if date is not None else None
    return Entry(
        guid=None,
        url=address,
        title=_text(title) or _text(link) or " ".join(str(link.get("title") or link.get("aria-label") or "").split()),
        published=published,
        date_source="published" if published else None,
        summary=_text(_first(item, rule.summary, "summary", url)) or None if rule.summary else None,
    )


def _first(item: Tag, selector: str, name: str, url: str) -> Tag | None:
    return next(iter(_select(item, selector, name, url)), None)


def _date(element: Tag) -> datetime | None:
    """Return the date of an element: of its datetime attribute or one inside, else of its text."""
    stated = element.get("datetime") or next((inner.get("datetime") for inner in element.select("[datetime]")), None)
    return parse_date(str(stated)) if stated and parse_date(str(stated)) else parse_date(_text(element))


def _text(element: Tag | None) -> str:
    return " ".join(element.get_text(" ").split()) if element is not None else ""


def _unique(entries: Iterator[Entry | None]) -> tuple[Entry, ...]:
    """Return the entries with each URL once; a later one gives what the first lacks, as where a picture links first."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry is None or entry.url is None:
            continue
        first = found.get(entry.url)
        found[entry.url] = entry if first is None else merged(first, entry)
    return tuple(found.values())


def _base(soup: BeautifulSoup, url: str) -> str:
    """Return what relative links refer to: the page's base element, else its own URL."""
    base = soup.select_one("base[href]")
    return absolute_url(str(base.get("href")), url) or url if base is not None else url
