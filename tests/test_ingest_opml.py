from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from aiwire.exceptions import InputError
from aiwire.types import ArticleRule, ListingRule, SitemapRule, Source
from ingest.opml import NAMESPACE, read_opml, write_opml

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)


def opml(body: str, head: str = '<?xml version="1.0" encoding="utf-8"?>') -> bytes:
    return f'{head}<opml version="2.0"><head/><body>{body}</body></opml>'.encode()


def feed(source_id: str, name: str, url: str, category: str | None = None) -> Source:
    return Source(id=source_id, name=name, kind="feed", url=url, publisher=source_id, category=category)


def test_feeds_are_read_with_ids_of_their_titles_and_the_category_around_them() -> None:
    data = opml(
        """
        <outline text="Chips"><outline text="NVIDIA Blog" type="rss" xmlUrl="https://blogs.nvidia.com/feed/?a=1&amp;b=2"/>
          <outline text="Asia"><outline text="机器之心" xmlUrl="https://www.jiqizhixin.com/rss"/></outline></outline>
        <outline text="NVIDIA  blog!" xmlUrl="https://other.example/"/>
        <outline title="" text="" xmlUrl="https://other.example/two"/>
        <outline text="again" xmlUrl="https://OTHER.example:443/"/>
        """
    )

    assert read_opml(data, origin="list.opml") == (
        feed("nvidia-blog", "NVIDIA Blog", "https://blogs.nvidia.com/feed/?a=1&b=2", "Chips"),
        feed("jiqizhixin-com", "机器之心", "https://www.jiqizhixin.com/rss", "Asia"),
        feed("nvidia-blog-2", "NVIDIA blog!", "https://other.example/"),
        feed("other-example", "other.example", "https://other.example/two"),
    )


def test_the_feed_scheme_is_understood_and_what_is_not_http_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    data = opml(
        '<outline text="a" xmlUrl="feed://a.example/x"/><outline text="b" xmlUrl="feed:https://b.example/x"/>'
        '<outline text="c" xmlUrl="file:///etc/passwd"/>'
    )

    assert [source.url for source in read_opml(data, origin="list.opml")] == [
        "http://a.example/x",
        "https://b.example/x",
    ]
    assert "list.opml: left out 'file:///etc/passwd'" in caplog.text


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251", "utf-16"])
def test_the_declared_charset_counts(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><opml><body><outline text="Хабр" xmlUrl="https://h.example/"/></body></opml>'

    assert read_opml(text.encode(encoding), origin="x")[0].name == "Хабр"


@pytest.mark.parametrize(
    "data", [b"", b" ", b"\0", b"plain text", b"<html><body>x</body></html>", b'{"version": "json"}', b"<rss/>"]
)
def test_what_is_not_opml_is_an_input_error_that_names_the_file(data: bytes) -> None:
    with pytest.raises(InputError, match=r"list\.opml: not OPML"):
        read_opml(data, origin="list.opml")


def test_a_list_without_feeds_is_empty() -> None:
    assert read_opml(opml(""), origin="x") == ()


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("TOP-SECRET")
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    head = f'<!DOCTYPE opml [<!ENTITY l0 "ha"><!ENTITY x SYSTEM "{secret.as_uri()}">{laughs}]>'
    body = '<outline text="a" xmlUrl="https://a.example/"/>&x;&l11;'

    sources = read_opml(opml(body, head), origin="x")

    assert [source.name for source in sources] == ["a"]
    attribute = opml('<outline text="&l11;" xmlUrl="https://a.example/"/>', head)
    try:
        names = [source.name for source in read_opml(attribute, origin="x")]
    except InputError:
        names = []
    assert sum(map(len, names)) < 1000


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ('aiwire:kind="page"', "'kind' must be one of"),
        ('aiwire:ownr="x"', "unknown key 'ownr', did you mean 'owner'"),
        ('aiwire:every_minutes="often"', "'every_minutes' must be a whole number"),
        ('aiwire:enabled="maybe"', "'enabled' must be true or false"),
        ('aiwire:kind="listing" aiwire:listing-item="a["', "is no CSS selector"),
        ('aiwire:kind="sitemap" aiwire:sitemap-days="soon"', "'sitemap.days' must be a whole number"),
        ('aiwire:sitemap="x" aiwire:sitemap-days="7"', "only for kind 'sitemap'"),
    ],
)
def test_an_outline_with_a_wrong_value_in_our_own_attributes_is_left_out_and_named(
    attributes: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = opml(f'<outline xmlns:aiwire="{NAMESPACE}" text="a" xmlUrl="https://a.example/" {attributes}/>')

    assert read_opml(data, origin="x") == ()
    assert "x: left out 'a': " in caplog.text
    assert message in caplog.text


def test_what_is_written_is_opml_that_others_can_read() -> None:
    listing = Source(
        id="lab", name="A & <B>\x00\ufffe", kind="listing", url="https://lab.example/?a&b", publisher="p",
        category="lab", every_minutes=30, enabled=False, listing=ListingRule(item="li > a"),
    )  # fmt: skip
    root = etree.fromstring(write_opml([feed("a", "A", "https://a.example/"), listing], title="My\x0blist", now=NOW))

    assert root.get("version") == "2.0"
    assert [(e.tag, e.text) for e in root[0]] == [("title", "Mylist"), ("dateCreated", "Mon, 23 Nov 2026 06:00:00 GMT")]
    assert [e.get("text") for e in root[1]] == ["A", "lab"]
    outline = root[1][1][0]
    assert (outline.get("text"), outline.get("type"), outline.get("xmlUrl")) == ("A & <B>", "listing", listing.url)
    assert outline.get(f"{{{NAMESPACE}}}listing-item") == "li > a"


LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
SLUGS = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,3})?", fullmatch=True)
SELECTORS = st.sampled_from(["li", "article.card > a[href]", "h2:not(.x)", '[data-x="\\"y"]'])
RULES = st.builds(ListingRule, item=SELECTORS, link=SELECTORS, title=st.none() | SELECTORS, date=st.none() | SELECTORS)
FEEDS = st.builds(
    Source,
    id=SLUGS,
    name=LINES,
    kind=st.just("feed"),
    url=SLUGS.map(lambda slug: f"https://example.com/{slug}?a=b&c"),
    publisher=SLUGS,
    owner=st.none() | SLUGS,
    language=st.sampled_from([None, "en", "zh-Hans"]),
    category=st.none() | LINES,
    licence=st.none() | LINES,
    every_minutes=st.none() | st.integers(1, 10_080),
    full_text=st.sampled_from(["auto", "never", "always"]),
    enabled=st.booleans(),
    own_server=st.booleans(),
)
LISTINGS = st.builds(
    lambda source, rule: dataclasses.replace(source, kind="listing", listing=rule), FEEDS, st.none() | RULES
)
PATTERNS = st.sampled_from([r"/news/\d{4}/", "a<b>&\"c'"])
SITEMAPS = st.builds(
    lambda source, rule, article: dataclasses.replace(source, kind="sitemap", sitemap=rule, article=article),
    FEEDS,
    st.none() | st.builds(SitemapRule, include=st.none() | PATTERNS, days=st.integers(1, 36_500)),
    st.none() | st.builds(ArticleRule, text=SELECTORS, author=st.none() | SELECTORS),
)


@given(
    st.lists(FEEDS | LISTINGS | SITEMAPS, max_size=5, unique_by=(lambda source: source.id, lambda source: source.url))
)
@settings(max_examples=80, deadline=None)
def test_a_list_written_and_read_back_is_the_same(sources: list[Source]) -> None:
    cleaned = [_as_xml_can_hold(source) for source in sources]

    read = read_opml(write_opml(cleaned, title="t", now=NOW), origin="x")

    assert sorted(read, key=lambda s: s.id) == sorted(cleaned, key=lambda s: s.id)


def _as_xml_can_hold(source: Source) -> Source:
    """XML cannot hold U+FFFE and U+FFFF, and OPML readers fold white space in titles."""

    def clean(text: str | None) -> str | None:
        return text and (" ".join(text.replace("\ufffe", "").replace("\uffff", "").split()) or "x")

    name = clean(source.name) or "x"
    return dataclasses.replace(source, name=name, category=clean(source.category), licence=clean(source.licence))


@given(st.binary(max_size=80) | st.text("<>/=\"'& outlinexmlUrlopmlbody;!ENTITY[]?-", max_size=120).map(str.encode))
@settings(max_examples=200)
def test_no_bytes_make_it_raise_anything_else(data: bytes) -> None:
    for document in (data, b"<opml>" + data, opml("").replace(b"<body>", b"<body>" + data)):
        try:
            sources = read_opml(document, origin="x")
        except InputError:
            continue
        assert all(isinstance(source, Source) for source in sources)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
def test_the_files_of_listparser_do_no_harm() -> None:
    files = sorted((SHARED / "conformance/listparser/files").rglob("*.xml"))
    counts: dict[str, int] = {}
    for file in files:
        try:
            counts[file.name] = len(read_opml(file.read_bytes(), origin=file.name))
        except InputError:
            counts[file.name] = -1

    assert len(files) > 100
    assert counts["outline_xmlUrl.xml"] == 1
    assert counts["outline-duplication-1.xml"] == 1
    assert counts["unknown-namespace.xml"] == -1
    assert all(n >= 0 for name, n in counts.items() if name.startswith(("opml", "outline", "head")))
