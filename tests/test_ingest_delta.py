"""Items that were read before are left out, and nothing else in the result changes."""

from __future__ import annotations

import dataclasses
import gzip
import re
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

import feedparser.api
import pytest
from feed_documents import choices, differences, marks
from pace import cpu_under

from aiwire.exceptions import ParseError
from aiwire.types import Entry, ParsedFeed
from ingest.charset import decode
from ingest.feeds import delta, parse
from ingest.feeds.delta import Split, digest, split
from ingest.feeds.documents import trim_xml
from ingest.feeds.parse import MAX_ENTRIES, parse_feed

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
URL = "https://example.org/feeds/news.xml"


def rss(*items: str, channel: str = "", names: str = "") -> bytes:
    head = f'<?xml version="1.0"?><rss version="2.0" {names}><channel><title>News</title>{channel}'
    return (head + "\n".join(items) + "</channel></rss>").encode()


def atom(*entries: str, head: str = "", names: str = "") -> bytes:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {names}><title>N</title>{head}{"".join(entries)}</feed>'.encode()


def item(name: str, inner: str = "", attributes: str = "") -> str:
    return f"<item {attributes}><title>{name}</title><link>/{name}</link>{inner}</item>"


def digests(body: bytes, url: str | None = URL) -> list[str | None]:
    return [entry.digest for entry in parse_feed(body, url=url).entries]


def without_digest(entries: Sequence[Entry]) -> list[Entry]:
    return [dataclasses.replace(entry, digest=None) for entry in entries]


def test_items_that_were_seen_are_left_out_and_listed() -> None:
    body = rss(item("one"), item("two"), item("three"))
    whole = parse_feed(body, url=URL)
    known = {whole.entries[0].digest or "", whole.entries[2].digest or "", "0" * 24}

    feed = parse_feed(body, url=URL, seen=known)

    assert feed.entries == whole.entries[1:2]
    assert feed.seen == (whole.entries[0].digest, whole.entries[2].digest)
    assert feed.places == (0, 1)  # entries before each of them
    assert (feed.mode, feed.title, whole.seen) == ("delta", "News", ())


def test_a_document_with_nothing_new_gives_no_entry_but_all_of_the_feed() -> None:
    body = atom("<entry><id>a</id></entry>", "<entry><id>b</id></entry>", head="<link href='https://e.org/'/>")
    known = {entry.digest or "": 1 for entry in parse_feed(body).entries}

    feed = parse_feed(body, seen=known)

    assert (feed.entries, len(feed.seen), feed.url, feed.kind) == ((), 2, "https://e.org/", "atom10")


def test_a_digest_has_24_hex_digits_and_items_alike_share_theirs() -> None:
    one, again, other = digests(rss(item("one"), item("one"), item("other")))

    assert re.fullmatch("[0-9a-f]{24}", one or "")
    assert one == again != other


BASE = rss(item("one"), channel="<link>https://e.org/</link>")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(rss(item("one"), channel="<link>https://e.org/</link><ttl>5</ttl>"), id="ttl"),
        pytest.param(
            rss(item("one"), channel="<lastBuildDate>Mon, 02 Mar 2026</lastBuildDate><link>https://e.org/</link>"),
            id="lastBuildDate",
        ),
        pytest.param(rss(item("new"), item("one"), channel="\n<link>https://e.org/</link>"), id="another item"),
        pytest.param(b"\n" + BASE.replace(b"News", b"Newer"), id="title of the feed"),
        pytest.param(BASE.decode().replace("?>", ' encoding="utf-16"?>').encode("utf-16"), id="charset"),
        pytest.param(
            rss(item("one"), channel="<link>https://e.org/</link><image><link>/x</link></image>"), id="picture"
        ),
    ],
)
def test_what_does_not_concern_an_item_leaves_its_digest_alone(body: bytes) -> None:
    assert digests(body)[-1] == digests(BASE)[0]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(rss(item("one", "<guid>g</guid>"), channel="<link>https://e.org/</link>"), id="its bytes"),
        pytest.param(rss(item("one"), channel="<link>https://e.org/x/</link>"), id="site"),
        pytest.param(rss(item("one"), channel="<link>https://e.org/</link><language>de</language>"), id="language"),
        pytest.param(rss(item("one"), channel="<link>https://e.org/</link>", names="xml:lang='de'"), id="xml:lang"),
        pytest.param(
            rss(item("one"), channel="<link>https://e.org/</link>", names="xml:base='https://f.org/'"), id="xml:base"
        ),
        pytest.param(rss(item("one"), channel="<link>https://e.org/</link>", names="xmlns:x='urn:y'"), id="namespaces"),
        pytest.param(BASE.replace(b'"2.0"', b'"0.91"'), id="version"),
    ],
)
def test_what_concerns_an_item_changes_its_digest(body: bytes) -> None:
    assert digests(body)[0] not in (None, digests(BASE)[0])


def test_the_author_of_an_atom_feed_and_the_address_are_part_of_the_digest() -> None:
    entry = "<entry><id>a</id><link href='a'/></entry>"
    ann = atom(entry, head="<author><name>Ann</name></author>")
    bob = atom(entry, head="<author><name>Bob</name></author>")

    assert digests(ann) != digests(bob)
    assert digests(ann, "https://e.org/a/feed") != digests(ann, "https://e.org/b/feed")
    assert digests(ann, "https://e.org/feed?token=1") == digests(ann, "https://e.org/feed?token=2")


def test_another_version_of_the_parser_reads_all_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests(BASE)

    monkeypatch.setattr(parse, "PARSER_VERSION", "next")

    assert digests(BASE) != before


# ---------------------------------------------------------------- what is never left out


MARKING = [
    pytest.param("<link xml:base='https://f.org/'/>", id="a base where there is none around"),
    pytest.param("<description type='html'><div>x</div></description>", id="div in text"),
    pytest.param("<description><p>x<summary>y</summary></p></description>", id="an end tag that feedparser obeys"),
    pytest.param("<wrap><item><title>inner</title></item></wrap>", id="an item within"),
    pytest.param("<description><p>x<rss xml:lang='de'/></p></description>", id="a language for the feed"),
    pytest.param("<image><itunes:summary>c</itunes:summary></image>", id="a text for the feed's picture"),
    pytest.param("<image><foo/></image>", id="a picture that is left too early"),
    pytest.param("<textInput><name>n</name></textInput>", id="a text input"),
]
DECLARING = [
    pytest.param("<x:a xmlns:x='urn:1'/><x:b xmlns:x='urn:2'/>", id="a prefix with two meanings"),
    pytest.param("<x:a xmlns:x='urn:1'/><y:b xmlns:y='urn:1'/>", id="a namespace with two prefixes"),
    pytest.param("<dc:x xmlns:dc='urn:1'/>", id="a prefix of feedparser's own for another namespace"),
    pytest.param("<dc:x xmlns:dc='http://search.yahoo.com/mrss/'/>", id="a prefix of feedparser's own, mixed up"),
    pytest.param("<d:x xmlns:d='http://purl.org/dc/elements/1.1/'/><dc:y xmlns:dc='urn:1'/>", id="the same, two ways"),
]


@pytest.mark.parametrize("inner", MARKING)
def test_an_item_that_marks_later_ones_is_always_read_and_so_are_those(inner: str) -> None:
    names = "xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'"

    parts = split(rss(item("one"), item("two", inner), item("three"), item("four"), names=names))

    assert parts is not None
    assert [found.plain for found in parts.items] == [True, False, False, False]


@pytest.mark.parametrize("inner", DECLARING)
def test_an_item_that_changes_what_prefixes_mean_is_always_read(inner: str) -> None:
    parts = split(rss(item("one"), item("two", inner), item("three")))

    assert parts is not None
    assert [found.plain for found in parts.items] == [True, False, True]


def test_an_item_that_wipes_off_the_mark_of_another_is_not_left_out() -> None:
    body = rss(
        item("marks", "<description><body><p>b</p><source/></body><p>p</p></description>"),
        item("wipes", "<description>w</description>"),
        item("last", "<description><p><guid>g</guid>p</p></description>"),
    )
    first = parse_feed(body, url=URL)

    feed = parse_feed(body, url=URL, seen={entry.digest or "" for entry in first.entries})

    assert (first.mode, feed.entries) == ("delta", first.entries)


MODULES = (
    "xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' xmlns:dc='http://purl.org/dc/elements/1.1/'"
    " xmlns:content='http://purl.org/rss/1.0/modules/content/' xmlns:m='http://search.yahoo.com/mrss/'"
)
TWO_TEXTS = (
    "<description>one</description><summary>two</summary>",
    "<description>one</description><itunes:summary>two</itunes:summary>",
    "<itunes:summary>two</itunes:summary><description>one</description>",
    "<description>one</description><content:encoded>two</content:encoded>",
    "<description>one</description><m:description>two</m:description>",
)
OF_FEED = (
    "<description>D</description>",
    "<itunes:summary>S</itunes:summary>",
    "<summary>s</summary>",
    "<dc:description/>",
)


@pytest.mark.parametrize("inner", TWO_TEXTS)
@pytest.mark.parametrize("texts", [*permutations(OF_FEED, 2), *permutations(OF_FEED, 3)], ids="".join)
def test_the_texts_of_an_item_are_told_apart_whatever_texts_the_feed_has(texts: tuple[str, ...], inner: str) -> None:
    body = rss(item("one"), item("two", inner), item("three", inner), channel="".join(texts), names=MODULES)
    first = parse_feed(body, url=URL)

    feed = parse_feed(body, url=URL, seen={entry.digest or "" for entry in first.entries if entry.title != "two"})

    assert first.mode == "delta"
    assert len(feed.entries) < len(first.entries)
    assert feed.entries[-1:] == first.entries[1:2]


@pytest.mark.parametrize(
    ("channel", "plain"),
    [
        ("<description>d</description><itunes:subtitle>s</itunes:subtitle>", True),
        ("<description>d</description><itunes:summary>s</itunes:summary>", True),
        ("<itunes:summary>s</itunes:summary><description>d</description>", False),
        ("<image><itunes:summary>s</itunes:summary></image><description>d</description>", False),
    ],
)
def test_only_the_first_item_is_touched_by_the_texts_of_the_feed(channel: str, plain: bool) -> None:
    parts = split(rss(item("one"), item("two"), channel=channel, names=MODULES))

    assert parts is not None
    assert [found.plain for found in parts.items] == [plain, True]


def test_a_description_between_items_touches_the_next_one() -> None:
    parts = split(rss(item("one"), "<description>late</description>", item("two"), item("three")))

    assert parts is not None
    assert [found.plain for found in parts.items] == [True, False, True]


def test_what_the_root_calls_by_a_prefix_of_feedparser_s_own_keeps_items_with_its_namespace() -> None:
    names = "xmlns:dc='urn:1'"
    parts = split(rss(item("one", "<d:x xmlns:d='http://purl.org/dc/elements/1.1/'/>"), item("two"), names=names))

    assert parts is not None
    assert [found.plain for found in parts.items] == [False, True]


def test_two_namespaces_that_differ_in_case_are_two() -> None:
    parts = split(rss(item("one", "<x:a xmlns:x='URN:1'/>"), item("two", "<x:a/>"), names="xmlns:x='urn:1'"))

    assert parts is not None
    assert [found.plain for found in parts.items] == [False, True]


@pytest.mark.parametrize(
    "image",
    [
        pytest.param("<itunes:image><link>https://f.org/</link></itunes:image>", id="of another kind"),
        pytest.param("<image><foo/><link>https://f.org/</link></image>", id="left too early"),
    ],
)
def test_a_link_that_feedparser_takes_for_the_feed_s_is_part_of_the_digest(image: str) -> None:
    one = rss(item("one"), channel=image, names=MODULES)
    other = one.replace(b"f.org", b"g.org")

    assert parse_feed(one, url=URL).entries[0].url == "https://f.org/one"
    assert digests(one) != digests(other)


@pytest.mark.parametrize(
    "inner",
    [
        "<media:content xmlns:media='http://search.yahoo.com/mrss/' url='/i.png'/>",
        "<content:encoded xmlns:content='http://purl.org/rss/1.0/modules/content/'><![CDATA[<div/>]]></content:encoded>",
        "<description><p xmlns='http://www.w3.org/1999/xhtml'>x</p></description>",
        "<x:a xmlns:x='urn:1'><x:b/></x:a>",
        "<source url='/s'>S</source><enclosure url='/e'/><image><url>u</url></image>",
    ],
)
def test_an_ordinary_item_may_be_left_out(inner: str) -> None:
    assert None not in digests(rss(item("one", inner), item("two", inner)))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<!DOCTYPE rss>" + rss(item("one"))[21:], id="document type"),
        pytest.param(rss(item("one", "&nbsp;")), id="entity"),
        pytest.param(rss(item("one"))[:-6], id="cut short"),
        pytest.param(rss(item("one")) + rss(item("two")), id="two documents"),
        pytest.param(rss(item("one", "<a:b/>")), id="prefix without namespace"),
        pytest.param(rss(item("one"), "<title>late</title>"), id="title behind an item"),
        pytest.param(rss("<group>" + item("one") + "</group>"), id="items in a group"),
        pytest.param(rss(item("one"), channel="<content>x</content>"), id="content of the feed"),
        pytest.param(rss(item("one"), channel="<title xml:base='https://f.org/'>x</title>"), id="base in the frame"),
        pytest.param(rss(item("one"), "<x:y xmlns:x='urn:z'/>"), id="namespace behind an item"),
        pytest.param(
            rss(item("one"), "<itunes:image><title>x</title></itunes:image>", names=MODULES), id="odd picture"
        ),
        pytest.param(rss(item("one"), channel="<description><p><summary/></p></description>"), id="text in a text"),
        pytest.param(rss(item("one"), channel="<title xml:lang='fr'><div>x</div></title>"), id="div in a title"),
        pytest.param(b"<rss>" + item("one").encode() + b"</rss>", id="no channel"),
        pytest.param(b"<channel>" + item("one").encode() + b"</channel>", id="channel alone"),
        pytest.param(
            b"<a:feed xmlns:a='http://www.w3.org/2005/Atom'><a:entry><a:id>x</a:id></a:entry></a:feed>", id="prefixed"
        ),
    ],
)
def test_a_doubtful_document_is_read_as_a_whole(body: bytes) -> None:
    feed = parse_feed(body, url=URL, seen={"0" * 24})

    assert split(body) is None
    assert feed.mode in ("full", "repaired")
    assert [entry.digest for entry in feed.entries] == [None] * len(feed.entries)


def test_a_document_in_which_feedparser_sees_other_items_is_read_as_a_whole() -> None:
    body = rss(item("one"), "<x:item><title>two</title></x:item>", names="xmlns:x='urn:x'")

    feed = parse_feed(body, url=URL)

    assert split(body) is not None
    assert (feed.mode, [(entry.title, entry.digest) for entry in feed.entries]) == ("repaired", [("one", None)])


def test_every_end_tag_that_feedparser_obeys_is_known() -> None:
    names = {name.removeprefix("_end_") for name in dir(feedparser.api.StrictFeedParser) if name.startswith("_end_")}
    local = {name.lower().rpartition("_")[2] for name in names}

    assert local <= delta._OBEYED
    assert "summary" in local


# ---------------------------------------------------------------- the same as a full parse


def prepared(body: bytes, headers: dict[str, str]) -> bytes:
    text = decode(body, headers).text.lstrip("\ufeff \t\r\n\x00")
    return trim_xml(text).text.encode("utf-8", "replace")


def http_headers(body: bytes) -> dict[str, str]:
    found = re.finditer(rb"Header: *([\w-]+): *(.*)", body[:2000])
    return {match[1].decode().lower(): match[2].decode("utf-8", "replace").strip() for match in found}


def real_documents() -> Iterator[tuple[str, bytes, dict[str, str]]]:
    for path in sorted((SHARED / "conformance/feedparser").rglob("*.xml")):
        body = path.read_bytes()
        yield path.name, body, http_headers(body)
    for path in sorted((SHARED / "feeds").glob("*.xml.gz")):
        yield path.name, gzip.decompress(path.read_bytes()), {}


@needs_shared
def test_feedparser_makes_the_same_of_an_item_whatever_is_left_out() -> None:
    documents = list(real_documents())

    wrong = [(name, new) for name, body, h in documents for new in differences(prepared(body, h), h, name)]
    marked = [(name, mark) for name, body, h in documents for mark in marks(prepared(body, h), h)]

    assert len(documents) > 2_200
    assert wrong == []
    assert marked == []


@needs_shared
def test_a_delta_parse_gives_the_entries_of_the_full_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong, modes = [], {"delta": 0, "full": 0, "repaired": 0, "json": 0}
    for name, body, headers in real_documents():
        try:
            first = parse_feed(body, url=URL, headers=headers)
        except ParseError:
            continue
        modes[first.mode] += 1
        with monkeypatch.context() as patch:
            patch.setattr(parse, "split", lambda _: None)
            whole = parse_feed(body, url=URL, headers=headers)
        for new in choices(len(first.entries), name)[-2:-1]:
            wrong += [name] * (not same_but_for_the_seen(body, headers, first, whole, new))

    assert wrong == []
    assert modes["delta"] > 1_900


def same_but_for_the_seen(
    body: bytes, headers: dict[str, str], first: ParsedFeed, whole: ParsedFeed, new: set[int]
) -> bool:
    known = {e.digest for number, e in enumerate(first.entries) if e.digest and number not in new}
    feed = parse_feed(body, url=URL, headers=headers, seen=known)
    left = [number for number, e in enumerate(first.entries) if e.digest not in known]
    return (
        without_digest(feed.entries) == [whole.entries[number] for number in left]
        and feed.entries == tuple(first.entries[number] for number in left)
        and len(feed.entries) + len(feed.seen) == len(whole.entries)
        and (feed.title, feed.url, feed.language, feed.kind, feed.warning, feed.hints)
        == (whole.title, whole.url, whole.language, whole.kind, whole.warning, whole.hints)
    )


@pytest.mark.parametrize(
    "elements",
    [
        ("<item/>", "<item a='>'/>", "<item></item >", "<item/>"),
        ("<item>/></item>", "<item><a/></item>", "<item />"),
        ("<itEm/>", "<x:ITEM xmlns:x='http://purl.org/rss/1.0/'></x:ITEM\n>"),
    ],
)
def test_each_item_ends_where_it_ends(elements: tuple[str, ...]) -> None:
    parts = split(f"<rss><channel>{''.join(elements)}</channel></rss>".encode())

    assert parts is not None
    assert [parts.bytes_of(found).decode() for found in parts.items] == list(elements)
    assert parts.only(()) == b"<rss><channel></channel></rss>"


def test_digest_and_split_are_values() -> None:
    parts = Split(b"abc", (), b"")

    assert parts.only(()) == b"abc"
    assert digest(b"a", b"b") == digest(b"a", b"b") != digest(b"ab", b"")


# ---------------------------------------------------------------- caps


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(rss("<item><guid>x</guid></item>" * 20_000), "delta", id="well-formed"),
        pytest.param(b"<rss><channel>" + b"<item/>" * 200_000 + b"</channel></rss>", "delta", id="empty"),
        pytest.param(b"<rss><channel>" + b"<item>" * 200_000, "repaired", id="never closed"),
        pytest.param(b"<rss><channel>" + b"<item></item>" * 100_000 + b"&x", "repaired", id="broken"),
    ],
)
def test_at_most_5000_entries_are_taken_of_a_document(body: bytes, kind: str) -> None:
    with cpu_under(40):
        feed = parse_feed(body, url=URL)

        assert len(feed.entries) <= MAX_ENTRIES == 5_000
        assert feed.mode == kind
        assert "items were left out" in (feed.warning or "")


def test_of_a_json_feed_at_most_5000_entries_are_taken() -> None:
    items = b",".join(b'{"id": %d, "url": "https://e.org/"}' % number for number in range(5_002))

    feed = parse_feed(b'{"version": "https://jsonfeed.org/version/1.1", "items": [' + items + b"]}")

    assert (len(feed.entries), feed.warning) == (5_000, "2 of 5002 items were left out")
