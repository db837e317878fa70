"""Real feeds and other projects' test data: what they expect of a feed reader, and which of it we do otherwise."""

from __future__ import annotations

import csv
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from aiwire.exceptions import ParseError
from aiwire.types import ParsedFeed
from ingest.charset import decode
from ingest.feeds.entries import display_title
from ingest.feeds.parse import parse_feed

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
URL = "https://example.org/feeds/news.xml"

# What we do otherwise on purpose, by miniflux's name of the case and of the value.
OTHERWISE = {
    ("TestParseEntryWithoutLink", "feed.Entries[0].URL"): "an item without a link is not the site's front page",
    ("TestParseItemWithoutLink", "feed.Entries[0].URL"): "its rdf:about is a URL, and a better one than the site's",
    ("TestParseEntryWithHTMLTitle", "feed.Entries[0].Title"): "titles are plain text",
    ("TestParseFeedWithHTMLEntity", "feed.Title"): "titles have plain spaces",
    ("TestParseRDFFeedWithEmptyTitle", "feed.Title"): "a feed without a title is known by its site, in RDF too",
}


def test_every_real_feed_gives_the_entries_that_its_index_says() -> None:
    with (SHARED / "feeds/index.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    wrong = []
    for row in rows:
        body = gzip.decompress((SHARED / "feeds" / f"{row['file']}.gz").read_bytes())
        entries = parse_feed(body, url=row["url"] or None).entries
        days = sorted(entry.published.date().isoformat() for entry in entries if entry.published)
        if len(entries) != int(row["entries"]) or (days and row["first_item"] and days[0] != row["first_item"]):
            wrong.append((row["file"], len(entries), row["entries"], days[:1], row["first_item"]))

    assert len(rows) == 177
    assert wrong == []


def test_every_body_of_the_conformance_sets_is_read_or_refused() -> None:
    refused = []
    for path in sorted((SHARED / "conformance").rglob("*.*")):
        body = path.read_bytes()
        headers = {
            m[1].decode().lower(): m[2].decode().strip() for m in re.finditer(rb"Header: *([\w-]+): *(.*)", body[:2000])
        }
        try:
            parse_feed(body, url=URL, headers=headers)
        except ParseError:
            refused.append(path)

    # Of feedparser's own documents only the one without any element is no feed.
    assert [path.name for path in refused if "feedparser" in path.parts and path.suffix == ".xml"] == [
        "rss_empty_document.xml"
    ]


def _expected(feed: ParsedFeed, name: str) -> Any:
    """Return what we say of a value that miniflux's tables name, Ellipsis for one that we do not have."""
    match = re.fullmatch(r"(len\()?feed\.(\w+)(?:\[(\d+)\])?(?:\.(\w+))?(?:\[(\d+)\])?(?:\.(\w+))?\)?", name)
    assert match is not None
    length, field, place, inner, second, innermost = match.groups()
    if field != "Entries":
        return {"Title": feed.title, "SiteURL": feed.url, "Language": feed.language or ""}.get(field, ...)
    if inner is None:
        return len(feed.entries)
    entry = feed.entries[int(place)]
    if inner == "Enclosures":
        if length:
            return len(entry.enclosures)
        item = entry.enclosures[int(second)]
        return {"URL": item.url, "MimeType": item.type, "Size": item.length or 0}[innermost]
    values = {"Title": display_title(entry), "URL": entry.url, "Author": entry.author, "Language": entry.language or ""}
    return values.get(inner, ...)


def test_of_the_case_tables_of_miniflux_all_but_what_we_do_otherwise_hold() -> None:
    wrong, count = set(), 0
    for table in ("rss", "atom", "rdf", "json"):
        for case in json.loads((SHARED / f"conformance/miniflux/{table}/cases.json").read_text("utf-8")):
            if case["expects_error"]:
                with pytest.raises(ParseError):
                    parse_feed(case["input"].encode(), url=case["base_url"])
                continue
            feed = parse_feed(case["input"].encode(), url=case["base_url"])
            found = {name: _expected(feed, name) for name in case["expect"]}
            ours = {name: value for name, value in found.items() if value is not ...}
            count += len(ours)
            wrong |= {(case["test"], n) for n, v in ours.items() if str(v).lower() != str(case["expect"][n]).lower()}

    assert wrong == OTHERWISE.keys()
    assert len(wrong) <= 0.05 * count


def test_every_charset_sample_of_miniflux_is_read_without_a_broken_character() -> None:
    files = [file for folder in ("encoding", "xml") for file in (SHARED / "conformance/miniflux" / folder).iterdir()]
    expected = {"koi8r": "Пример", "windows-1252": "€", "utf8": "é", "iso-8859-1": "é", "iso88591": "ü", "invalid": "é"}
    texts = {file.name: decode(file.read_bytes()).text for file in files}

    wrong = [
        name
        for name, text in texts.items()
        if "\ufffd" in text or not any(name.startswith(start) and sign in text for start, sign in expected.items())
    ]

    assert len(files) == 14
    assert wrong == []
