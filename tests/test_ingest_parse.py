"""Feeds to entries: every format, what feeds get wrong, and hostile bytes."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ParseError
from aiwire.types import Enclosure, Entry, ParsedFeed
from ingest.feeds.entries import display_title
from ingest.feeds.parse import parse_feed

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
URL = "https://example.org/feeds/news.xml"


def rss(items: str, channel: str = "", head: str = '<?xml version="1.0" encoding="utf-8"?>') -> bytes:
    names = (
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom"'
        ' xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"'
    )
    return f'{head}<rss version="2.0" {names}><channel><title>News</title>{channel}{items}</channel></rss>'.encode()


def only(body: bytes, url: str | None = URL) -> Entry:
    (entry,) = parse_feed(body, url=url).entries
    return entry


def test_an_rss_item_gives_an_entry() -> None:
    body = rss(
        "<item><title>A &amp;amp; B &lt;b&gt;bold&lt;/b&gt;</title><link>/news/1</link>"
        "<guid isPermaLink='false'>n-1</guid><pubDate>Tue, 05 Mar 2024 10:00:00 EST</pubDate>"
        "<dc:creator>Jane Doe</dc:creator>"
        "<description>Short.</description>"
        "<content:encoded><![CDATA[<p>Long <a href='/x'>text</a>.</p>]]></content:encoded>"
        "<enclosure url='a.mp3' type='audio/mpeg' length='12'/></item>",
        "<link>https://site.example/</link><language>en-us</language>",
    )

    feed = parse_feed(body, url=URL)

    assert feed == ParsedFeed(
        title="News",
        url="https://site.example/",
        language="en-us",
        kind="rss20",
        entries=(
            Entry(
                guid="n-1",
                url="https://site.example/news/1",
                title="A & B bold",
                author="Jane Doe",
                published=datetime(2024, 3, 5, 15, tzinfo=UTC),
                date_source="published",
                summary="Short.",
                content="<p>Long <a href='https://site.example/x'>text</a>.</p>",
                language="en-us",
                enclosures=(Enclosure("https://site.example/a.mp3", "audio/mpeg", 12),),
                digest=feed.entries[0].digest,
            ),
        ),
        mode="delta",
    )


def test_an_atom_entry_gives_an_entry() -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://blog.example/a/" xml:lang="de">
      <title>Blog</title><link href="https://blog.example/"/><author><name>Ann</name></author><author><name>Bob</name></author>
      <entry><id>urn:x:1</id><title type="text">The &lt;div&gt; element</title><link rel="edit" href="edit/1"/>
      <link href="one.html"/><link rel="enclosure" href="one.pdf" type="application/pdf"/>
      <updated>2024-03-06T00:00:00Z</updated>
      <content type="xhtml" xml:lang="fr"><div xmlns="http://www.w3.org/1999/xhtml"><p>Texte</p></div></content></entry></feed>"""

    feed = parse_feed(body, url="https://cdn.example/atom")

    assert (feed.kind, feed.url, feed.language) == ("atom10", "https://blog.example/", "de")
    assert feed.entries == (
        Entry(
            guid="urn:x:1",
            url="https://blog.example/a/one.html",
            title="The <div> element",
            author="Ann, Bob",
            published=datetime(2024, 3, 6, tzinfo=UTC),
            updated=datetime(2024, 3, 6, tzinfo=UTC),
            date_source="updated",
            content="<p>Texte</p>",
            language="fr",
            enclosures=(Enclosure("https://blog.example/a/one.pdf", "application/pdf"),),
            digest=feed.entries[0].digest,
        ),
    )


def test_updated_is_not_invented_from_published() -> None:
    entry = only(rss("<item><title>t</title><pubDate>2024-03-05</pubDate></item>"))

    assert (entry.published, entry.updated) == (datetime(2024, 3, 5, tzinfo=UTC), None)


@pytest.mark.parametrize(
    ("item", "url"),
    [
        (
            "<link>http://feedproxy/x</link><feedburner:origLink>https://e.org/orig</feedburner:origLink>",
            "https://e.org/orig",
        ),
        ("<link> https://e.org/a\n b </link>", "https://e.org/a%20b"),
        ("<guid>https://e.org/guid</guid>", "https://e.org/guid"),
        ("<guid isPermaLink='false'>https://e.org/guid</guid>", "https://e.org/guid"),
        ("<guid>4711</guid>", None),
        ("<guid>4711</guid><enclosure url='https://e.org/a.mp3'/>", "https://e.org/a.mp3"),
        ("<guid>/p/1</guid>", "https://example.org/p/1"),
        ("<link>www.e.org/x</link>", "https://www.e.org/x"),
        ("<link>javascript:alert(1)</link>", None),
        ("<link>http://[bad/</link>", None),
        ("<link>?id=1&amp;copy=2</link>", "https://example.org/feeds/news.xml?id=1&copy=2"),
        ("<atom:link href='https://e.org/a'/><atom:link rel='related' href='https://e.org/b'/>", "https://e.org/a"),
    ],
)
def test_the_link_of_an_item_is_found(item: str, url: str | None) -> None:
    assert only(rss(f"<item><title>t</title>{item}</item>")).url == url


def test_the_publisher_s_address_of_an_enclosure_counts() -> None:
    inner = "<enclosure url='https://proxy/e.mp3'/><feedburner:origEnclosureLink>/o.mp3</feedburner:origEnclosureLink>"

    entry = only(rss(f"<item><title>t</title><link>/1</link>{inner}</item>"))

    assert [enclosure.url for enclosure in entry.enclosures] == ["https://example.org/o.mp3"]


def test_a_preview_picture_is_an_enclosure_but_never_the_link() -> None:
    entry = only(rss("<item><title>t</title><media:thumbnail url='/t.png'/></item>"))

    assert (entry.url, entry.enclosures) == (None, (Enclosure("https://example.org/t.png"),))


@pytest.mark.parametrize(
    ("location", "link"),
    [
        ("/deep/feed.xml", "https://example.org/deep/a"),
        ("https://example.org/deep/", "https://example.org/deep/a"),
        ("http://localhost:8080/", "https://example.org/feeds/a"),
        ("::", "https://example.org/feeds/a"),
    ],
)
def test_content_location_is_a_base_if_it_is_of_the_same_host(location: str, link: str) -> None:
    body = rss("<item><title>t</title><link>a</link></item>")

    (entry,) = parse_feed(body, url=URL, headers={"Content-Location": location}).entries

    assert entry.url == link


def test_a_feed_without_title_or_site_is_known_by_its_address() -> None:
    bare = parse_feed(b"<rss version='2.0'><channel></channel></rss>", url=URL)
    with_site = parse_feed(b"<rss version='2.0'><channel><link>https://e.org/</link></channel></rss>", url=URL)

    assert (bare.title, bare.url) == (URL, URL)
    assert (with_site.title, with_site.url) == ("https://e.org/", "https://e.org/")


@pytest.mark.parametrize(
    ("inner", "title"),
    [
        ("<title>Own</title><description>Text</description>", "Own"),
        (
            "<description>&lt;p&gt;Text &lt;b&gt;bold&lt;/b&gt;&lt;/p&gt;&lt;p&gt;More&lt;/p&gt;</description>",
            "Text bold",
        ),
        (f"<description>{'word ' * 50}</description>", "word " * 19 + "word…"),
        ("<link>/1</link>", "https://example.org/1"),
        ("<guid isPermaLink='false'>g</guid>", ""),
    ],
)
def test_a_title_to_show_is_made_of_text_or_address_but_the_entry_s_own_stays_empty(inner: str, title: str) -> None:
    entry = only(rss(f"<item>{inner}</item>"))

    assert display_title(entry) == title
    assert entry.title in ("", "Own")


def test_guids_stay_as_given_and_duplicates_are_both_kept() -> None:
    body = rss("<item><title>a</title><guid>x</guid></item><item><title>b</title><guid>x</guid></item>")

    assert [(entry.guid, entry.title) for entry in parse_feed(body, url=URL).entries] == [("x", "a"), ("x", "b")]


def test_the_caption_of_a_picture_is_not_the_content() -> None:
    caption = "<media:content url='i.jpg'><media:description>A server hall.</media:description></media:content>"

    with_text = only(rss(f"<item><title>t</title><description>The news.</description>{caption}</item>"))
    alone = only(rss(f"<item><title>t</title><media:group>{caption}</media:group></item>"))

    assert (with_text.summary, with_text.content) == ("The news.", None)
    assert alone.summary == "A server hall."


def test_a_summary_that_repeats_the_content_is_left_out() -> None:
    text = "<description>Same &lt;b&gt;text&lt;/b&gt;</description><content:encoded>Same text</content:encoded>"

    entry = only(rss(f"<item><title>t</title>{text}</item>"))

    assert (entry.summary, entry.content) == (None, "Same text")


def test_rss_1_and_0_91_are_read() -> None:
    rdf = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
      xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://e.org/"><title>R</title></channel>
      <item rdf:about="https://e.org/1"><title>One</title><link>https://e.org/1</link><dc:date>2024-03-05</dc:date></item></rdf:RDF>"""
    old = b'<rss version="0.91"><channel><title>O</title><item><title>One</title><link>https://e.org/1</link></item></channel></rss>'

    assert (parse_feed(rdf).kind, parse_feed(old).kind) == ("rss10", "rss091u")
    assert [e.title for e in (*parse_feed(rdf).entries, *parse_feed(old).entries)] == ["One", "One"]
    assert parse_feed(rdf).entries[0].date_source == "updated"


def test_a_feed_without_entries_is_a_feed() -> None:
    assert parse_feed(rss("")).entries == ()
    assert parse_feed(b'{"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": []}').entries == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "an empty document, not a feed"),
        (b" \n\t", "an empty document, not a feed"),
        (b"<!DOCTYPE html><html><body><p>Not found</p></body></html>", "an HTML page, not a feed"),
        (
            b"<html><head><link rel='alternate' type='application/rss+xml' href='/f'></head></html>",
            "an HTML page, not a feed",
        ),
        (b"Service unavailable", "plain text, not a feed"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a PNG image, not a feed"),
        (b"%PDF-1.7", "a PDF document, not a feed"),
        (b'{"error": "not found"}', "JSON, but not a JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": [', "broken JSON"),
        (b"[1, 2]", "JSON, but not a JSON Feed"),
        (b'<?xml version="1.0"?><urlset><url><loc>x</loc></url></urlset>', "a sitemap, not a feed"),
        (
            b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
            "an XML document of type <error>, not a feed",
        ),
    ],
)
def test_what_is_no_feed_is_named(body: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=re.escape(message)) as caught:
        parse_feed(body, url=URL)

    assert caught.value.url == URL
    assert "\n" not in str(caught.value)


ITEM = "<item><title>one</title><link>https://e.org/1</link></item>"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\n\n" + rss(ITEM), id="blank lines before the declaration"),
        pytest.param(b"\xef\xbb\xbf\n" + rss(ITEM), id="byte order mark and blank line"),
        pytest.param(b"<br />\n<b>Warning</b>: x in /y.php<br />\n" + rss(ITEM), id="messages of PHP"),
        pytest.param(rss(ITEM) + b"<script>var x</script>", id="script after the end"),
        pytest.param(rss(ITEM + "<item><title>t\x0bwo\x00</title></item>"), id="control characters"),
        pytest.param(
            rss(ITEM + "<item><title>AT&T&nbsp;&#0;&#xD800;</title></item>"), id="bare ampersand, bad references"
        ),
        pytest.param(rss(ITEM + "<item><title>tw")[:-24], id="cut short"),
        pytest.param(rss(ITEM).replace(b"utf-8", b"utf-16"), id="declared as UTF-16"),
        pytest.param(rss(ITEM).replace(b"utf-8", b"nonsense"), id="declared as nonsense"),
        pytest.param(b"<!DOCTYPE html>" + rss(ITEM, head=""), id="document type of HTML"),
    ],
)
def test_a_damaged_feed_is_read_all_the_same(body: bytes) -> None:
    first = parse_feed(body, url=URL).entries[0]

    assert (first.title, first.url) == ("one", "https://e.org/1")


TWO = b"<item><title>one</title></item><item><title>two</title></item>"


def test_what_was_wrong_is_in_the_warning() -> None:
    damaged = parse_feed(b"echo\n" + rss("<item><title>AT&T</title></item>") + b"<p>ad</p>")

    assert damaged.warning is not None
    assert damaged.warning.startswith(
        "5 characters before the feed were skipped; 9 characters after the feed were skipped;"
    )
    assert "broken XML" in damaged.warning
    assert parse_feed(rss(ITEM)).warning is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<rss><channel><title><![CDATA[t</title>" + TWO + b"</channel></rss>", id="CDATA never closed"),
        pytest.param(b"<rss><channel><!-- t <title>t</title>" + TWO + b"</channel></rss>", id="comment never closed"),
        pytest.param(
            b"<x:rss><x:channel>" + TWO.replace(b"<i", b"<x:i") + b"</x:channel></x:rss>", id="undeclared prefix"
        ),
        pytest.param(b"<rss><channel><gml:pos>1 2</gml:pos>" + TWO + b"</channel></rss>", id="feedparser stumbles"),
        pytest.param(
            b"<rss><channel><title>t</title>" + TWO + b"</channel></<gml:pos>1 x</gml:pos>", id="libxml2 repairs"
        ),
    ],
)
def test_items_that_feedparser_does_not_find_are_recovered(body: bytes) -> None:
    feed = parse_feed(body)

    assert [entry.title for entry in feed.entries] == ["one", "two"]
    assert feed.warning is not None
    assert "2 items after repair" in feed.warning


FAULTY = "<item><title>faulty</title><textInput><name>n</name></textInput></item>"  # a KeyError of feedparser


@pytest.mark.parametrize("items", [ITEM + FAULTY, FAULTY + ITEM, FAULTY * 9 + ITEM + FAULTY * 4, FAULTY * 150 + ITEM])
def test_items_that_make_feedparser_fail_are_left_out_and_the_warning_says_so(items: str) -> None:
    feed = parse_feed(rss(items, "<link>https://site.example/</link>"), url=URL)

    assert [entry.title for entry in feed.entries] == ["one"]
    assert (feed.title, feed.url, feed.mode) == ("News", "https://site.example/", "repaired")
    count = items.count("<item>")
    assert feed.warning == f"items that make the parser fail were left out; 1 of {count} items could be read"


def test_a_feed_of_nothing_but_items_that_make_feedparser_fail_is_an_error() -> None:
    with pytest.raises(ParseError, match=r"too broken to be read .*0 of 2 items"):
        parse_feed(rss(FAULTY * 2), url=URL)


def test_wrong_charsets_do_not_spoil_titles() -> None:
    utf8 = rss("<item><title>Zürich — 中文</title></item>", head='<?xml version="1.0" encoding="iso-8859-1"?>')
    latin = (
        '<?xml version="1.0"?><rss version="2.0"><channel><item><title>Zürich</title></item></channel></rss>'.encode(
            "latin-1"
        )
    )

    assert only(utf8).title == "Zürich — 中文"
    assert only(latin).title == "Zürich"


def test_a_json_feed_is_read() -> None:
    body = json.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "J",
            "home_page_url": "https://j.example/",
            "language": "en",
            "authors": [{"name": "Ann"}],
            "items": [
                {
                    "id": 7,
                    "url": "/7",
                    "title": "Seven",
                    "content_html": "<a href='x'>x</a>",
                    "summary": "Sum.",
                    "date_published": "2024-03-05T10:00:00+01:00",
                    "attachments": [
                        {"url": "a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 5},
                        {"mime_type": "x"},
                    ],
                },
                {"id": "https://j.example/8", "content_text": "a < b", "author": {"name": "Bob"}, "language": "de"},
                "no object",
            ],
        }
    ).encode()

    feed = parse_feed(body, url="https://cdn.example/feed.json")

    assert (feed.title, feed.url, feed.kind, feed.warning) == ("J", "https://j.example/", "json11", None)
    assert feed.entries == (
        Entry(
            guid="7",
            url="https://j.example/7",
            title="Seven",
            author="Ann",
            published=datetime(2024, 3, 5, 9, tzinfo=UTC),
            date_source="published",
            summary="Sum.",
            content="<a href='https://j.example/x'>x</a>",
            language="en",
            enclosures=(Enclosure("https://j.example/a.mp3", "audio/mpeg", 5),),
        ),
        Entry(
            guid="https://j.example/8",
            url="https://j.example/8",
            title="",
            author="Bob",
            content="a < b",
            language="de",
        ),
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
json_keys = (
    "id",
    "url",
    "external_url",
    "title",
    "content_html",
    "date_published",
    "authors",
    "attachments",
    "language",
)


@given(st.lists(st.dictionaries(st.sampled_from(json_keys), json_values, max_size=6), max_size=3), json_values)
@settings(max_examples=120, deadline=None)
def test_a_json_feed_of_wrong_types_never_crashes(items: list[Any], other: Any) -> None:
    body = json.dumps({"version": "https://jsonfeed.org/version/1", "title": other, "authors": other, "items": items})

    for entry in parse_feed(body.encode()).entries:
        assert isinstance(entry.title, str)
        json.dumps(entry.title).encode()
        (entry.content or "").encode()


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"<rss>", b"<feed><entry>", b"{", b"<?xml version='1.0'?>", b"\xff\xfe"]),
)
@settings(max_examples=200, deadline=None)
def test_no_bytes_raise_anything_but_a_parse_error(body: bytes, start: bytes) -> None:
    try:
        parse_feed(start + body, url=URL)
    except ParseError as e:
        message = str(e)
    else:
        message = ""
    assert "\n" not in message


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_mutilated_feed_raises_nothing_but_a_parse_error(data: st.DataObject) -> None:
    body = bytearray(
        rss(ITEM + "<item><title>t</title><description><![CDATA[<p>x</p>]]></description><guid>g</guid></item>")
    )
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(body) - 1))
        piece = data.draw(
            st.sampled_from(
                [b"", b"<", b">", b"&", b"]]>", b"<![CDATA[", b"<!", b"\x00", b"\xff", b"</item>", b'"', b"&#x0;"]
            )
        )
        body[place : place + data.draw(st.integers(0, 9))] = piece
    with contextlib.suppress(ParseError):
        parse_feed(bytes(body), url=URL)
