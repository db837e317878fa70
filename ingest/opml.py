"""OPML 2.0 (opml.org/spec2.opml): the source list as other feed readers read and write it. Pure.

What OPML has no word for travels in attributes of our own namespace, so that a list written here and read back is
the same; other readers ignore them.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import listparser
from lxml import etree

from aiwire.exceptions import InputError
from aiwire.types import Source
from ingest.sources import RULES, check_source, free_id, slug
from ingest.urls import normalize_url

__all__ = ["NAMESPACE", "read_opml", "write_opml"]

log = logging.getLogger(__name__)

NAMESPACE = "https://aiwire.dev/ns/opml"
# Fields of Source that are no attribute of ours: text, xmlUrl, and the rules, whose fields are listing-item and so on.
_IN_OPML = ("name", "url", *RULES)
_NUMBERS = ("every_minutes", "excerpt_chars", "sitemap-days")
_SWITCHES = ("enabled", "own_server")
_XML_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def read_opml(data: bytes, *, origin: str) -> tuple[Source, ...]:
    """Return the feeds of a subscription list in document order, each URL once.

    Ids are slugs of the titles, or of the hosts where a title gives none; the category is the outline around the feed.
    An outline that makes no source (its URL is not http(s), holds a password, an attribute of our namespace has a value
    that `sources.toml` would not take) is left out, with a warning in the log. Entities are not expanded.

    Args:
        origin: the file's name, for messages.

    Raises:
        InputError: not OPML.
    """
    root = _parse_xml(data, origin)
    # As ASCII with character references, because listparser's HTML parser guesses the charset where none is declared.
    document = listparser.parse(etree.tostring(root, encoding="us-ascii"))
    if not document["version"].startswith("opml"):
        raise InputError(f"{origin}: not OPML: the document has no <opml> element")
    extras = _our_attributes(root)
    sources: list[Source] = []
    seen: set[str] = set()
    ids = {extra["id"] for extra in extras.values() if "id" in extra}
    for feed in document["feeds"]:
        url = _http_url(feed["url"])
        normal = normalize_url(url)
        if normal is None:
            log.warning("%s: left out %r: no http or https address", origin, feed["url"])
        elif normal not in seen:
            seen.add(normal)
            table = _table(feed, url, extras.get(feed["url"], {}))
            table.setdefault("id", free_id(slug(table["name"]) or _host(url), ids))
            ids.add(table["id"])
            checked = check_source(table)
            if isinstance(checked, Source):
                sources.append(checked)
            else:
                log.warning("%s: left out %r: %s", origin, table["name"], "; ".join(checked))
    return tuple(sources)


def write_opml(sources: Iterable[Source], *, title: str, now: datetime) -> bytes:
    """Return the sources as an OPML 2.0 document, grouped by category in the order of their first source."""
    root = etree.Element("opml", version="2.0", nsmap={"aiwire": NAMESPACE})
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = _xml_text(title)
    etree.SubElement(head, "dateCreated").text = format_datetime(now, usegmt=True)  # RFC 822, as the spec wants it
    body = etree.SubElement(root, "body")
    groups: dict[str | None, etree._Element] = {None: body}
    for source in sources:
        category = source.category
        if category not in groups:
            groups[category] = etree.SubElement(body, "outline", text=_xml_text(category or ""))
        _write_outline(groups[category], source)
    etree.indent(root)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


# ---------------------------------------------------------------- reading


def _parse_xml(data: bytes, origin: str) -> etree._Element:
    """Parse leniently and safely: no DTD is loaded, no entity expanded, no network used."""
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as e:
        raise InputError(f"{origin}: not OPML: {e}") from e
    if root is None:
        raise InputError(f"{origin}: not OPML: no XML in it")
    etree.strip_tags(root, etree.Entity)
    return root


def _our_attributes(root: etree._Element) -> dict[str, dict[str, str]]:
    """Return the attributes of our namespace by the outline's xmlUrl, as listparser reads that."""
    prefix = f"{{{NAMESPACE}}}"
    found: dict[str, dict[str, str]] = {}
    for outline in root.iter("outline"):
        ours = {str(key).removeprefix(prefix): str(v) for key, v in outline.items() if str(key).startswith(prefix)}
        url = outline.get("xmlUrl")
        if url and ours:
            found.setdefault(url.strip(), ours)
    return found


def _http_url(url: str) -> str:
    """Return the http URL behind a `feed:` URL (feed://host/path, feed:https://host/path); others as they are."""
    if url.lower().startswith("feed://"):
        return "http://" + url[7:]
    return url[5:] if url.lower().startswith("feed:http") else url


def _table(feed: Mapping[str, Any], url: str, extra: Mapping[str, str]) -> dict[str, Any]:
    """Return the table that would stand in `sources.toml` for this outline."""
    table: dict[str, Any] = {}
    rules: dict[str, dict[str, Any]] = {}
    for key, text in extra.items():
        rule, parted, field = key.partition("-")
        if parted and rule in RULES:
            rules.setdefault(rule, {})[field] = _value(key, text)
        else:
            table[key] = _value(key, text)
    table |= rules
    table["name"] = _one_line(feed["title"]) or _host(url)
    table["url"] = url
    table.setdefault("kind", "feed")
    categories = [category for category in feed["categories"] if category]
    if categories and (category := _one_line(categories[0][-1])):
        table.setdefault("category", category)
    return table


def _value(key: str, text: str) -> str | int | bool:
    """Return an attribute's value as `sources.toml` would hold it; a text that is none of its type stays a text."""
    if key in _NUMBERS and text.isdecimal():
        return int(text)
    return text == "true" if key in _SWITCHES and text in ("true", "false") else text


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


def _one_line(text: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).split())


# ---------------------------------------------------------------- writing


def _write_outline(parent: etree._Element, source: Source) -> None:
    outline = etree.SubElement(parent, "outline", text=_xml_text(source.name), title=_xml_text(source.name))
    outline.set("type", "rss" if source.kind == "feed" else source.kind)
    outline.set("xmlUrl", source.url)
    values = {field.name: getattr(source, field.name) for field in dataclasses.fields(Source)}
    for name in RULES:
        rule = values[name]
        values |= {f"{name}-{key}": value for key, value in (dataclasses.asdict(rule) if rule else {}).items()}
    for key, value in values.items():
        if key not in _IN_OPML and value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            outline.set(f"{{{NAMESPACE}}}{key}", _xml_text(text))


def _xml_text(text: str) -> str:
    return _XML_ILLEGAL.sub("", text)
