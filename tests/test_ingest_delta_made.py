"""The split, put to the test by made-up documents: no item that may be left out changes what is read of another."""

from __future__ import annotations

import random
import re

from feed_documents import differences, documents, marks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ParseError
from ingest.feeds.delta import split
from ingest.feeds.parse import parse_feed

URL = "https://example.org/feeds/news.xml"
# The same documents in every run; `max_examples` was 30,000 and the seed random when this was written.
steady = settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])


@given(documents())
@settings(steady, max_examples=2_000)
def test_no_item_of_a_made_document_marks_another(data: bytes) -> None:
    assert marks(data, {}) == []
    assert differences(data, {}, "made") == []


@given(documents(), st.randoms(use_true_random=False))
@settings(steady, max_examples=500)
def test_a_made_document_has_the_same_entries_whatever_is_seen(data: bytes, rng: random.Random) -> None:
    try:
        first = parse_feed(data, url=URL)
    except ParseError:  # feedparser stumbles over all items of the kind
        return
    known = {entry.digest or "" for entry in first.entries if rng.random() < 0.5}

    feed = parse_feed(data, url=URL, seen=known)

    assert feed.entries == tuple(entry for entry in first.entries if entry.digest not in known)
    assert list(feed.seen) == [entry.digest for entry in first.entries if entry.digest in known]


@given(documents())
@settings(steady, max_examples=200)
def test_the_pieces_of_a_document_make_the_document(data: bytes) -> None:
    parts = split(data)
    if parts is None:
        return

    assert parts.only(parts.items) == data
    assert all(re.match(rb"<(item|entry)[\s/>]", parts.bytes_of(found)) for found in parts.items)
    assert all(re.search(rb"(</(item|entry)|/)>\Z", parts.bytes_of(found)) for found in parts.items)
