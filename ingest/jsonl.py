"""What the filters print: entries, feeds and pages as dictionaries of plain JSON values, times by `aiwire.types.iso`.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiwire.exceptions import SourceError
from aiwire.types import Entry, Extracted, ParsedFeed, iso
from ingest.feeds.entries import display_title

__all__ = ["entry_record", "feed_record", "page_record"]


def entry_record(entry: Entry, file: str) -> dict[str, Any]:
    """Return the line that `aiwire parse` prints for an entry of `file`."""
    return {
        "file": file,
        "guid": entry.guid,
        "url": entry.url,
        "title": display_title(entry),
        "author": entry.author,
        "published": _time(entry.published),
        "updated": _time(entry.updated),
        "date_source": entry.date_source,
        "summary": entry.summary,
        "content": entry.content,
        "language": entry.language,
        "enclosures": [{"url": item.url, "type": item.type, "length": item.length} for item in entry.enclosures],
    }


def feed_record(feed: ParsedFeed | SourceError, file: str) -> dict[str, Any]:
    """Return the line that `aiwire parse --feed` prints before the entries of `file`: the feed, or why it is none."""
    if isinstance(feed, SourceError):
        values: dict[str, Any] = {"title": None, "url": None, "language": None, "kind": None, "entries": 0}
        return {"file": file, "feed": values | {"error": feed.message}}
    return {
        "file": file,
        "feed": {
            "title": feed.title,
            "url": feed.url,
            "language": feed.language,
            "kind": feed.kind,
            "entries": len(feed.entries),
            "error": None,
        },
    }


def page_record(page: Extracted, file: str) -> dict[str, Any]:
    """Return the line that `aiwire extract` prints for the page of `file`."""
    return {
        "file": file,
        "url": page.url,
        "canonical_url": page.canonical_url,
        "title": page.title,
        "author": page.author,
        "published": _time(page.published),
        "language": page.language,
        "text": page.text,
        "paywalled": page.paywalled,
        "date_source": page.date_source,
        "rights": page.rights,
    }


def _time(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
