"""The lines that the filters print."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

from aiwire.exceptions import ParseError
from aiwire.types import Enclosure, Entry, Extracted, ParsedFeed
from ingest.jsonl import entry_record, feed_record, page_record


def test_an_entry_line_has_the_documented_keys() -> None:
    entry = Entry(
        guid="g",
        url="https://e.org/1",
        title="T",
        published=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=1))),
        date_source="published",
        enclosures=(Enclosure("https://e.org/a.mp3", "audio/mpeg", 12),),
    )

    assert entry_record(entry, "f.xml") == {
        "file": "f.xml",
        "guid": "g",
        "url": "https://e.org/1",
        "title": "T",
        "author": None,
        "published": "2026-01-02T02:04:05Z",
        "updated": None,
        "date_source": "published",
        "summary": None,
        "content": None,
        "language": None,
        "enclosures": [{"url": "https://e.org/a.mp3", "type": "audio/mpeg", "length": 12}],
    }


def test_a_feed_line_tells_the_feed_or_its_error() -> None:
    feed = ParsedFeed(title="T", url=None, language="en", kind="rss20", entries=(Entry(guid=None, url=None, title=""),))

    assert feed_record(feed, "f.xml") == {
        "file": "f.xml",
        "feed": {"title": "T", "url": None, "language": "en", "kind": "rss20", "entries": 1, "error": None},
    }
    assert feed_record(ParseError("https://e.org/", "plain text, not a feed"), "f.xml")["feed"] == {
        "title": None,
        "url": None,
        "language": None,
        "kind": None,
        "entries": 0,
        "error": "plain text, not a feed",
    }


def test_a_page_line_has_the_documented_keys() -> None:
    page = Extracted(
        url="https://e.org/1",
        canonical_url=None,
        title="T",
        author="A",
        published=datetime(2026, 1, 2, tzinfo=UTC),
        date_source="meta",
        language="en",
        text="Text.",
        paywalled=False,
    )

    record = page_record(page, "p.html")

    assert list(record) == [
        "file",
        "url",
        "canonical_url",
        "title",
        "author",
        "published",
        "language",
        "text",
        "paywalled",
        "date_source",
        "rights",
    ]
    assert json.loads(json.dumps(record))["published"] == "2026-01-02T00:00:00Z"
