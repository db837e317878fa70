"""HTML listing pages to entries by the selectors of a source."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ParseError
from aiwire.types import Entry, ListingRule, ParsedFeed
from ingest.sites.listing import parse_listing

URL = "https://lab.example/news/"
PAGE = b"""<!doctype html><html lang="en"><head><title>News | Lab</title></head><body>
<nav><a href="/">Home</a></nav>
<div class="card"><a href="first"><img src="x.png"></a><h3>First &amp; best</h3>
  <time datetime="2026-03-05T10:00:00Z">5 March</time><p class="lead">What it   is.</p></div>
<div class="card"><h3><a href="/news/second?x=1">Second</a></h3><span class="date">Mar 6, 2026</span></div>
<div class="card"><h3>No link</h3></div>
<div class="card"><a href="first">First again</a></div>
<div class="card"><a href="mailto:x@lab.example">Write</a></div>
</body></html>"""
RULE = ListingRule(item=".card", title="h3", date="time, .date", summary=".lead")


def test_items_become_entries_each_url_once() -> None:
    assert parse_listing(PAGE, url=URL, rule=RULE) == ParsedFeed(
        title="News | Lab",
        url=URL,
        language="en",
        kind="listing",
        mode="listing",
        entries=(
            Entry(
                guid=None,
                url="https://lab.example/news/first",
                title="First & best",
                published=datetime(2026, 3, 5, 10, tzinfo=UTC),
                date_source="published",
                summary="What it is.",
            ),
            Entry(
                guid=None,
                url="https://lab.example/news/second?x=1",
                title="Second",
                published=datetime(2026, 3, 6, tzinfo=UTC),
                date_source="published",
            ),
        ),
    )


def test_a_card_that_is_the_link_itself_works() -> None:
    page = (
        b"<base href='https://cdn.example/'><a class=c href=one>One</a>"
        b"<a class=c href=one><b>again</b></a><a class=c href=two>Two</a>"
    )

    feed = parse_listing(page, url=URL, rule=ListingRule(item="a.c"))

    assert [(e.url, e.title) for e in feed.entries] == [
        ("https://cdn.example/one", "One"),
        ("https://cdn.example/two", "Two"),
    ]


@pytest.mark.parametrize(
    ("body", "rule", "message"),
    [
        (
            PAGE,
            ListingRule(item=".post"),
            "the selector item = '.post' finds nothing on the page: adapt it to the page",
        ),
        (
            PAGE,
            ListingRule(item=".card", link="a.go"),
            "the selector link = 'a.go' finds no link in the 5 items: adapt it to the page",
        ),
        (PAGE, ListingRule(item="div["), "item = 'div[' is no CSS selector"),
        (b"", RULE, "an empty document, not an HTML page: check the URL of the listing"),
        (b'{"a": 1}', RULE, "JSON, not an HTML page: check the URL of the listing"),
        (b"%PDF-1.7 <<", RULE, "a PDF document, not an HTML page: check the URL of the listing"),
    ],
)
def test_what_cannot_be_listed_says_why(body: bytes, rule: ListingRule, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_listing(body, url=URL, rule=rule)

    assert caught.value.message.startswith(message)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_no_bytes_raise_anything_but_a_parse_error(body: bytes) -> None:
    with contextlib.suppress(ParseError):
        assert parse_listing(b"<html><a class=card href=x>" + body, url=URL, rule=RULE).kind == "listing"
