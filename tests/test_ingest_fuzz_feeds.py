"""Hostile and damaged feeds: whatever the bytes, the outcome is a feed or a ParseError, within bounded time.

Inputs: 8,855 damaged feeds, real ones and our own (9,000 of our own where ../shared is not at hand), 7,200 of our own
with elements out of place, 1,500 made-up documents, and the attacks: more than 17,500. Of the first two kinds about
3,250 are read a second time with some items seen. `test_ingest_fuzz_pages.py` has 2,700 pages: 20,000 in all.
"""

from __future__ import annotations

import contextlib
import gzip
import random
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from feed_documents import CONTENTS, DECLARED, MARKS, PARTS, TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st
from pace import cpu_under

from aiwire.exceptions import ParseError
from aiwire.types import ParsedFeed
from ingest.feeds import parse
from ingest.feeds.parse import parse_feed

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
URL = "https://example.org/feeds/news.xml"
LONGEST_S = 10.0  # of CPU for one small document
DAMAGED, GRAFTED = 9_000, 7_200  # documents in all
MEGA = 1_000_000


def rss(inner: bytes, head: bytes = b"") -> bytes:
    return (
        head
        + b"<rss version='2.0'><channel><title>t</title><item><title>one</title>"
        + inner
        + b"</item></channel></rss>"
    )


ITUNES = b"xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'"
MODULES = (
    b"xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:content='http://purl.org/rss/1.0/modules/content/' "
    b"xmlns:media='http://search.yahoo.com/mrss/' xmlns:m='http://search.yahoo.com/mrss/' "
    b"xmlns:atom='http://www.w3.org/2005/Atom' " + ITUNES
)
RDF = b"xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'"
ATOM = b"xmlns='http://www.w3.org/2005/Atom'"
XHTML = b"<div xmlns='http://www.w3.org/1999/xhtml'><p>On <a href='l'>chips</a> &amp; <b>power</b></p></div>"


def feed(start: bytes, item: bytes, end: bytes, count: int = 3) -> bytes:
    """Return a document with some items of a kind; # in one stands for its number."""
    return start + b"".join(item.replace(b"#", b"%d" % number) for number in range(count)) + end


OWN = (
    feed(
        b"<?xml version='1.0'?><rss version='2.0'><channel><title>Plain</title><link>https://e.org/</link>",
        b"<item><title>n#</title><link>/#</link><guid>g#</guid><pubDate>Tue, 05 Mar 2024 10:00:00 EST</pubDate>"
        b"<description>&lt;p&gt;A rack &amp;amp; its power&lt;/p&gt;</description></item>",
        b"</channel></rss>",
    ),
    feed(
        b"<rss version='2.0'><channel><title>CDATA</title><image><url>/i</url><title>i</title><link>/</link></image>",
        b"<item><title><![CDATA[n# <b>]]></title><description><![CDATA[<p>a<img src='/#.png'></p>]]></description>"
        b"<enclosure url='a#.mp3' length='1' type='x/y'/></item>",
        b"</channel></rss>",
    ),
    feed(
        b"<rss version='2.0' " + MODULES + b"><channel><title>Modules</title><atom:link rel='self' href='/f'/>"
        b"<description>d</description><language>en-gb</language><ttl>30</ttl>",
        b"<item><title>n#</title><link>https://e.org/#</link><dc:creator>Ann</dc:creator><dc:date>2024-03-05</dc:date>"
        b"<description>short</description><content:encoded><![CDATA[<p>long # text</p>]]></content:encoded>"
        b"<media:content url='/#.jpg'><media:title>m</media:title></media:content></item>",
        b"</channel></rss>",
    ),
    feed(
        b"<rss version='2.0' " + MODULES + b"><channel><title>Podcast</title><itunes:summary>s</itunes:summary>"
        b"<description>d</description><itunes:owner><itunes:name>o</itunes:name></itunes:owner>"
        b"<itunes:image href='/p.png'/>",
        b"<item><title>n#</title><itunes:summary>two</itunes:summary><description>one</description>"
        b"<itunes:author>Bo</itunes:author><enclosure url='/#.mp3' type='audio/mpeg' length='9'/></item>",
        b"</channel></rss>",
    ),
    feed(
        b"<?xml version='1.0' encoding='iso-8859-1'?><feed " + ATOM + b" xml:base='https://e.org/' xml:lang='de'>"
        b"<title>\xe4</title><link rel='hub' href='/h'/><author><name>A</name></author>",
        b"<entry xml:lang='fr'><id>i#</id><title type='html'>n &amp;lt;#</title><link href='#'/>"
        b"<updated>2024-03-05T10:00:00Z</updated><summary>s</summary><content type='xhtml'>" + XHTML + b"</content>"
        b"</entry>",
        b"</feed>",
    ),
    feed(
        b"<feed " + ATOM + b" xmlns:thr='http://purl.org/syndication/thread/1.0'><title>Based</title><id>f</id>",
        b"<entry xml:base='https://f.org/#/'><id>i#</id><title>n#</title><link rel='alternate' href='x'/>"
        b"<source><id>s</id><title>S</title></source><content type='html'>&lt;a href='y'>z&lt;/a></content>"
        b"<thr:total>#</thr:total></entry>",
        b"</feed>",
    ),
    feed(
        b"<feed version='0.3' xmlns='http://purl.org/atom/ns#'><title>Old</title><tagline>t</tagline>",
        b"<entry><id>i#</id><title mode='escaped' type='text/html'>n#</title><link href='/#'/>"
        b"<issued>2004-03-05T10:00:00Z</issued><content type='text/html' mode='escaped'>c</content></entry>",
        b"</feed>",
    ),
    feed(
        b"<rdf:RDF " + RDF + b" xmlns='http://purl.org/rss/1.0/' " + MODULES + b"><channel rdf:about='https://e.org/'>"
        b"<title>r</title><items><rdf:Seq><rdf:li resource='https://e.org/1'/></rdf:Seq></items></channel>"
        b"<image><title>i</title><url>/i</url></image>",
        b"<item rdf:about='https://e.org/#'><title>n#</title><dc:subject>s</dc:subject><dc:description>d</dc:description>"
        b"</item>",
        b"<textinput><title>t</title><name>q</name></textinput></rdf:RDF>",
    ),
    feed(
        b"<rdf:RDF " + RDF + b" xmlns='http://my.netscape.com/rdf/simple/0.9/'><channel><title>0.9</title></channel>",
        b"<item><title>n#</title><link>https://e.org/#</link></item>",
        b"</rdf:RDF>",
    ),
    feed(
        b"<?xml version='1.0'?><!DOCTYPE rss [<!ENTITY co 'Chips &amp; Co'>]><rss version='0.91'><channel>",
        b"<item><title>&co; #</title><link>/#</link><description>&#8212; &#x4e2d; &co;</description></item>",
        b"</channel></rss>",
    ),
    feed(
        "<?xml version='1.0' encoding='gb18030'?><rss version='2.0'><channel><title>芯片</title>".encode("gb18030"),
        "<item><title>数据中心 #</title><link>/#</link><source url='/s'>源</source></item>".encode("gb18030"),
        b"</channel></rss>",
    ),
    feed(
        b"<rss version='2.0'><channel><title>Declared late</title>",
        b"<item><title>n#</title><d:creator xmlns:d='http://purl.org/dc/elements/1.1/'>D</d:creator>"
        b"<x:extra xmlns:x='urn:x'>#</x:extra><description><p xmlns='http://www.w3.org/1999/xhtml'>p</p></description>"
        b"</item>",
        b"</channel></rss>",
    ),
    feed(
        b'{"version": "https://jsonfeed.org/version/1.1", "title": "j", "authors": [{"name": "A"}], "items": [',
        b'{"id": #, "url": "/#", "content_html": "<p>x</p>", "attachments": [{"url": "a.mp3"}]}, ',
        b'{"id": "z", "date_published": "2024-03-05T10:00:00Z"}]}',
    ),
    b'{"version": "https://jsonfeed.org/version/1", "home_page_url": "https://e.org/", "items": [{"id": "1", '
    b'"external_url": "https://f.org/", "content_text": "a < b", "author": {"name": "B"}, "tags": ["t"]}]}',
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


# What leaves marks on all items behind it is rare, so that most documents still have items that can be left out.
GRAFTS = tuple(piece.encode() for piece in (*TEXTS * 4, *PARTS * 4, *CONTENTS, *DECLARED, *MARKS))


def small_feeds() -> list[bytes]:
    """Return our own feeds and, where they are at hand, real ones of two items each."""
    real = sorted((SHARED / "feeds").glob("*.gz")) if SHARED.is_dir() else []
    shortened = [short(gzip.decompress(path.read_bytes())) for path in real]
    return [*OWN, *(body for body in shortened if len(body) < 6_000)]


def short(body: bytes) -> bytes:
    """Return a feed without what is between its second and its last item."""
    ends = [match.end() for match in re.finditer(rb"</(?:item|entry)>", body)]
    return body[: ends[1]] + body[ends[-1] :] if len(ends) > 2 else body


def with_modules(body: bytes) -> bytes:
    """Return a feed that declares the prefixes of what is set in."""
    return body if MODULES in body else re.sub(rb"<(rss|feed|rdf:RDF)\b", rb"<\1 " + MODULES, body, count=1)


def graft(body: bytes, rng: random.Random) -> bytes:
    """Return a feed with elements of a feed set in at odd places, between tags: mostly still well-formed."""
    for _ in range(rng.randint(1, 3)):
        between = [match.end() for match in re.finditer(rb">(?=[^<>]*<)", body)]
        place = rng.choice(between)
        body = body[:place] + rng.choice(GRAFTS) + body[place:]
    return body if rng.random() < 0.8 else mutate(body, rng)


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
    started = time.thread_time()
    feed = None
    with contextlib.suppress(ParseError):
        feed = parse_feed(body, url=URL, seen=seen)
    assert time.thread_time() - started < LONGEST_S
    return feed


@pytest.mark.parametrize("part", range(4))
def test_a_damaged_feed_is_read_or_refused_and_the_same_with_and_without_what_was_seen(part: int) -> None:
    feeds = small_feeds()
    for number, body in enumerate(feeds[part::4]):
        rng = random.Random(f"{part}-{number}")
        for _ in range(DAMAGED // len(feeds)):
            damaged = mutate(body, rng)
            first = outcome(damaged)
            if first is not None and first.mode == "delta":
                same_without_some(damaged, first, rng)


@pytest.mark.parametrize("part", range(4))
def test_a_feed_with_elements_out_of_place_is_read_in_part_as_it_is_read_in_full(
    part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0
    feeds = [with_modules(body) for body in OWN if body.startswith(b"<")]
    for number, body in enumerate(feeds[part::4]):
        rng = random.Random(f"graft {part}-{number}")
        for _ in range(GRAFTED // len(feeds)):
            grafted = graft(body, rng)
            first = outcome(grafted)
            if first is None or first.mode != "delta":
                continue
            with monkeypatch.context() as patch:
                patch.setattr(parse, "split", lambda _: None)
                whole = outcome(grafted)
            assert whole is not None
            assert whole.entries == tuple(replace(entry, digest=None) for entry in first.entries)
            compared += same_without_some(grafted, first, rng)
    assert compared > GRAFTED // 36


def same_without_some(body: bytes, first: ParsedFeed, rng: random.Random) -> bool:
    """Check that the entries are the same where some were seen; return whether any could be left out."""
    known = frozenset(entry.digest for entry in first.entries if entry.digest and rng.random() < 0.6)
    again = outcome(body, known) if known else first
    assert again is not None
    assert again.entries == tuple(entry for entry in first.entries if entry.digest not in known)
    return bool(known)


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
    with cpu_under(20):
        (entry,) = parse_feed(body, url=URL).entries

        assert entry.title == "one"
        assert len(entry.summary or "") < 200_000
        assert SECRET not in repr(entry).encode()


def test_no_entity_or_document_type_leads_to_a_request(loopback: object) -> None:
    address = loopback.url("/dtd")
    head = f'<!DOCTYPE r SYSTEM "{address}" [<!ENTITY % p SYSTEM "{address}"> %p; <!ENTITY x SYSTEM "{address}">]>'

    outcome(rss(b"<description>&x;</description>", head.encode()))
    outcome(rss(b"<description>&x;</description>&", head.encode()))

    assert loopback.seen == []


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
    with cpu_under(40):
        feed = parse_feed(body, url=URL)

        assert feed.entries[0].title == "one"


@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(b"<link " + b" ".join(b"a%d='>'" % n for n in range(200_000)) + b"/>", id="attributes"),
        pytest.param(b"<link " + b" ".join(b"a%d='1'" % n for n in range(200_000)) + b"/>&x", id="attributes, broken"),
        pytest.param(b"".join(b"<x%d:a xmlns:x%d='urn:%d'/>" % (n, n, n) for n in range(20_000)), id="namespaces"),
    ],
)
def test_a_flood_of_attributes_or_namespaces_is_refused(inner: bytes) -> None:
    with cpu_under(20), pytest.raises(ParseError, match="more than 1000 attributes or namespaces"):
        parse_feed(rss(inner), url=URL)
