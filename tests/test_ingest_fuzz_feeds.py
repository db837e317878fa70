"""Hostile and damaged feeds: whatever the bytes, the outcome is a feed or a ParseError, within bounded time."""

from __future__ import annotations

import contextlib
import gzip
import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ParseError
from aiwire.types import ParsedFeed
from ingest.feeds.parse import parse_feed

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
URL = "https://example.org/feeds/news.xml"
LONGEST_S = 2.0  # of CPU for one small document
DAMAGED = 9_000  # documents in all
MEGA = 1_000_000


def rss(inner: bytes, head: bytes = b"") -> bytes:
    return (
        head
        + b"<rss version='2.0'><channel><title>t</title><item><title>one</title>"
        + inner
        + b"</item></channel></rss>"
    )


OWN = (
    rss(
        b"<link>/1</link><guid>g</guid><pubDate>Tue, 05 Mar 2024 10:00:00 EST</pubDate>"
        b"<description>&lt;p&gt;x</description>"
    ),
    rss(b"<description><![CDATA[<p>a</p>]]></description><enclosure url='a.mp3' length='1' type='x/y'/>" * 3),
    b"<?xml version='1.0' encoding='iso-8859-1'?><feed xmlns='http://www.w3.org/2005/Atom' xml:base='https://e.org/'>"
    b"<title>\xe4</title><link rel='hub' href='/h'/><entry><id>i</id><updated>2024-03-05T10:00:00Z</updated>"
    b"<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>x</p></div></content></entry></feed>",
    b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'><channel>"
    b"<title>r</title></channel><item rdf:about='https://e.org/1'><title>one</title></item></rdf:RDF>",
    b'{"version": "https://jsonfeed.org/version/1.1", "title": "j", "items": [{"id": 1, "content_html": "<p>x</p>"}]}',
    "<?xml version='1.0' encoding='utf-16'?><rss><channel><item><title>ü</title></item></channel></rss>".encode(
        "utf-16"
    ),
)
SPLICES = (
    b"<", b">", b"&", b"&#0;", b"&#xD800;", b"&lt;", b"]]>", b"<![CDATA[", b"<!--", b"-->", b"<!DOCTYPE r [", b"<?",
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"<item>", b"</item>", b"<entry", b"</channel>", b"<div>", b"</title>",
    b"<svg>", b"xmlns:x='", b" xml:base='::'", b" xml:lang=''", b'"', b"'", b"\n" * 50, b"<gml:pos>1 x</gml:pos>",
    b"<textInput><name>n</name></textInput>", b"<content src='[' type='xml'>", b"<media:thumbnail/>", b"99999999999",
    b"\xed\xa0\x80",
)  # fmt: skip


def small_feeds() -> list[bytes]:
    """Return our own feeds and, where they are at hand, real ones with two items each."""
    real = sorted((SHARED / "feeds").glob("*.gz")) if SHARED.is_dir() else []
    shortened = [short(gzip.decompress(path.read_bytes())) for path in real]
    return [*OWN, *(body for body in shortened if len(body) < 6_000)]


def short(body: bytes) -> bytes:
    """Return a feed without what is between its second and its last item."""
    ends = [match.end() for match in re.finditer(rb"</(?:item|entry)>", body)]
    return body[: ends[1]] + body[ends[-1] :] if len(ends) > 2 else body


def mutate(body: bytes, rng: random.Random) -> bytes:
    data = bytearray(body)
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(data) + 1)
        span = rng.randint(0, min(400, len(data) - place))
        match rng.randrange(6):
            case 0:
                del data[place : place + span]
            case 1:
                data[place:place] = data[place : place + span] * rng.randint(1, 3)
            case 2:
                data[place:place] = rng.choice(SPLICES)
            case 3 if place < len(data):
                data[place] ^= 1 << rng.randrange(8)
            case 4:
                data[place : place + span] = rng.randbytes(rng.randint(0, 20))
            case 5 if rng.random() < 0.3:
                del data[place:]
    return bytes(data)


def outcome(body: bytes, seen: frozenset[str] = frozenset()) -> ParsedFeed | None:
    """Return the feed, None for a ParseError; anything else that is raised fails the test."""
    started = time.process_time()
    feed = None
    with contextlib.suppress(ParseError):
        feed = parse_feed(body, url=URL, seen=seen)
    assert time.process_time() - started < LONGEST_S
    return feed


@pytest.mark.parametrize("part", range(4))
def test_a_damaged_feed_is_read_or_refused_and_the_same_with_and_without_what_was_seen(part: int) -> None:
    feeds = small_feeds()
    for number, body in enumerate(feeds[part::4]):
        rng = random.Random(f"{part}-{number}")
        for _ in range(DAMAGED // len(feeds)):
            damaged = mutate(body, rng)
            feed = outcome(damaged)
            if feed is None:
                continue
            known = frozenset(entry.digest for entry in feed.entries if entry.digest and rng.random() < 0.5)
            again = outcome(damaged, known) if known else feed
            assert again is not None
            assert again.entries == tuple(entry for entry in feed.entries if entry.digest not in known)


NAMES = ("rss", "channel", "item", "feed", "entry", "title", "link", "guid", "description", "content", "x:y", "svg")
tags = st.sampled_from(NAMES)
attributes = st.sampled_from(["", " type='xhtml'", " xml:base='/b/'", " xmlns:x='urn:x'", " href='a", " xmlns=''"])
bits = st.one_of(
    st.tuples(st.sampled_from(["<", "</"]), tags, attributes, st.sampled_from([">", "/>", ""])).map("".join),
    st.text(max_size=8),
    st.sampled_from(
        ["&amp;", "&#x41;", "&nope;", "<![CDATA[", "]]>", "<!--", "-->", "<?xml version='1.0'?>", "<!DOCTYPE x>"]
    ),
)


@given(st.lists(bits, max_size=25).map("".join), st.sampled_from(["", "<rss version='2.0'><channel>", "<feed>", "{"]))
@settings(max_examples=1_500, deadline=None)
def test_a_made_document_is_read_or_refused(text: str, start: str) -> None:
    feed = outcome((start + text).encode("utf-8", "replace"))

    assert feed is None or all(isinstance(entry.title, str) for entry in feed.entries)


# ---------------------------------------------------------------- attacks


LEVELS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
SECRET = b"root:"


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>', id="file"),
        pytest.param(b'<!DOCTYPE r [<!ENTITY x PUBLIC "p" "file:///etc/passwd">]>', id="public"),
        pytest.param(b'<!DOCTYPE r [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p; <!ENTITY x "y">]>', id="parameter"),
        pytest.param(b'<!DOCTYPE r SYSTEM "file:///etc/passwd" [<!ENTITY x "y">]>', id="external DTD"),
        pytest.param(b'<!DOCTYPE r [<!ENTITY l0 "lol">' + LEVELS + b'<!ENTITY x "&l9;">]>', id="billion laughs"),
        pytest.param(b'<!DOCTYPE r [<!ENTITY x "' + b"a" * 100_000 + b'">]>', id="quadratic blow-up"),
    ],
)
def test_entities_are_neither_fetched_nor_blown_up(head: bytes) -> None:
    body = rss(b"<description>a" + b"&x;" * 20_000 + b"</description>", head)
    started = time.process_time()

    (entry,) = parse_feed(body, url=URL).entries

    assert entry.title == "one"
    assert len(entry.summary or "") < 200_000
    assert SECRET not in repr(entry).encode()
    assert time.process_time() - started < 5


def test_no_entity_or_document_type_leads_to_a_request(loopback: object) -> None:
    address = loopback.url("/dtd")  # type: ignore[attr-defined]
    head = f'<!DOCTYPE r SYSTEM "{address}" [<!ENTITY % p SYSTEM "{address}"> %p; <!ENTITY x SYSTEM "{address}">]>'

    outcome(rss(b"<description>&x;</description>", head.encode()))
    outcome(rss(b"<description>&x;</description>&", head.encode()))

    assert loopback.seen == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(rss(b"<a>" * 100_000 + b"</a>" * 100_000), id="100,000 nested tags"),
        pytest.param(
            rss(b"<description>" + b"<b>" * 100_000 + b"</b>" * 100_000 + b"</description>"), id="nested markup"
        ),
        pytest.param(rss(b"<a>" * 100_000), id="nested tags never closed"),
        pytest.param(rss(b"<link href='" + b"a" * 10 * MEGA + b"'/>"), id="10 MB attribute"),
        pytest.param(rss(b"<description>" + b"word " * 3 * MEGA + b"</description>"), id="15 MB text"),
        pytest.param(rss(b"<description>" + b"word " * 3 * MEGA + b"&x</description>"), id="15 MB text, broken"),
        pytest.param(rss(b"<category>x</category>" * 50_000), id="50,000 categories"),
        pytest.param(rss(b"", b"<?xml version='1.0'?>" + b"\n" * 2 * MEGA), id="two million blank lines"),
        pytest.param(rss(b"", b"<!DOCTYPE r [" + b"<!ENTITY a 'b'>\n" * 200_000 + b"]>"), id="200,000 entities"),
        pytest.param(rss(b"<description>&#65;</description>", b"<!-- x -->" * 300_000), id="300,000 comments"),
    ],
)
def test_a_feed_built_to_be_slow_is_read_all_the_same(body: bytes) -> None:
    started = time.process_time()

    feed = parse_feed(body, url=URL)

    assert feed.entries[0].title == "one"
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(b"<link " + b" ".join(b"a%d='>'" % n for n in range(200_000)) + b"/>", id="attributes"),
        pytest.param(b"<link " + b" ".join(b"a%d='1'" % n for n in range(200_000)) + b"/>&x", id="attributes, broken"),
        pytest.param(b"".join(b"<x%d:a xmlns:x%d='urn:%d'/>" % (n, n, n) for n in range(20_000)), id="namespaces"),
    ],
)
def test_a_flood_of_attributes_or_namespaces_is_refused(inner: bytes) -> None:
    started = time.process_time()

    with pytest.raises(ParseError, match="more than 1000 attributes or namespaces"):
        parse_feed(rss(inner), url=URL)

    assert time.process_time() - started < 5
