"""Where a site's feeds and sitemaps are: named in a page or robots.txt, or at the usual addresses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sites.discover import FeedLink, feed_links, robots_sitemaps, well_known, well_known_sitemaps

URL = "https://lab.example/blog/"


def links(markup: str, url: str = URL) -> list[str]:
    return [link.url for link in feed_links(f"<html>{markup}".encode(), url=url)]


def test_declared_feeds_come_first_and_comments_last() -> None:
    page = b"""<html><head>
    <link rel="alternate" type="application/rss+xml" title="Lab &raquo; Comments Feed" href="/comments/feed/">
    <link rel="alternate" type="application/rss+xml" title="Lab &raquo; Feed" href="/feed/">
    <link rel="alternate" type="application/atom+xml; charset=utf-8" href="/blog/atom.xml">
    </head><body><a href="https://lab.example/press/rss.xml">RSS</a></body></html>"""

    assert feed_links(page, url=URL) == (
        FeedLink("https://lab.example/blog/atom.xml", "", "link"),  # below the page itself
        FeedLink("https://lab.example/feed/", "Lab » Feed", "link"),
        FeedLink("https://lab.example/press/rss.xml", "RSS", "anchor"),
        FeedLink("https://lab.example/comments/feed/", "Lab » Comments Feed", "link", comments=True),
    )


@pytest.mark.parametrize(
    "markup",
    [
        '<link rel="alternate" type="application/rss+xml" href="x.xml">',
        '<link rel="ALTERNATE home" type="Application/RSS+XML" href=x.xml>',
        '<link rel="alternate" type="application/feed+json" href="x.xml">',
        '<link rel="feed" href="x.xml">',
        '<link rel="alternate" type="text/xml" title="RSS" href="x.xml">',
        '<base href="https://lab.example/blog/sub/"><link rel=alternate type=application/atom+xml href="../x.xml">',
    ],
)
def test_a_page_can_declare_a_feed_in_many_ways(markup: str) -> None:
    assert links(markup) == ["https://lab.example/blog/x.xml"]


@pytest.mark.parametrize(
    "markup",
    [
        '<link rel="alternate" hreflang="de" href="/de/">',
        '<link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/7">',
        '<link rel="alternate" type="application/json+oembed" href="/oembed?url=x">',
        '<link rel="stylesheet" type="text/css" href="/feed.css">',
        '<a href="https://feedly.com/i/subscription/feed/x">RSS</a>',
        '<a href="/feedback">Feedback</a>',
        '<a href="/newsfeed-of-the-day">News</a>',
        '<a href="#rss">RSS</a>',
        '<a href="javascript:void(0)">RSS</a>',
        '<link rel="alternate" type="application/rss+xml" href="">',
        '<link rel="alternate" type="application/rss+xml" href="/blog/#x">',
    ],
)
def test_what_is_no_feed_is_not_taken_for_one(markup: str) -> None:
    assert links(markup) == []


@pytest.mark.parametrize(
    "href", ["/feed", "/feed/", "/rss", "/rss.xml", "/atom.xml", "/news.rss", "/x/feeds/all.atom.xml", "?feed=rss2",
             "/list?format=rss", "feed:https://lab.example/rss", "https://feeds.lab.example/all"],
)  # fmt: skip
def test_links_that_look_like_feeds_count(href: str) -> None:
    assert len(links(f"<a href='{href}'>All news</a>")) == 1


def test_the_same_feed_comes_once() -> None:
    one = '<link rel="alternate" type="application/rss+xml" href="{}">'

    assert links(one.format("/feed") + one.format("https://LAB.example:443/feed#x")) == ["https://lab.example/feed"]


def test_the_usual_addresses_are_few_and_begin_below_the_page() -> None:
    assert well_known("https://lab.example/blog/index.html?x=1") == (
        "https://lab.example/blog/feed", "https://lab.example/blog/rss.xml", "https://lab.example/blog/index.xml",
        "https://lab.example/feed", "https://lab.example/rss.xml", "https://lab.example/feed.xml",
    )  # fmt: skip
    assert well_known("https://lab.example") == tuple(
        f"https://lab.example/{name}" for name in ("feed", "rss.xml", "feed.xml", "atom.xml", "index.xml", "rss")
    )
    assert well_known_sitemaps("https://lab.example/blog")[0] == "https://lab.example/news-sitemap.xml"


def test_robots_txt_names_sitemaps_news_first() -> None:
    body = (
        "User-agent: *\nSitemap: https://lab.example/sitemap.xml\n sitemap :/news-sitemap.xml # x\nSitemap: ftp://x/y\n"
    )

    assert robots_sitemaps(body, url="https://lab.example/robots.txt") == (
        "https://lab.example/news-sitemap.xml",
        "https://lab.example/sitemap.xml",
    )


@given(
    st.binary(max_size=200)
    | st.text("<link rel=alternate type=application/rss+xml href=/[x]>", max_size=200).map(str.encode)
)
@settings(max_examples=150, deadline=None)
def test_no_bytes_raise_anything(body: bytes) -> None:
    for page in (body, b"<html><head><link rel=alternate type=application/rss+xml href='" + body):
        assert all(link.url.startswith("http") for link in feed_links(page, url=URL))


@given(st.text(max_size=60))
def test_no_robots_txt_raises_anything(text: str) -> None:
    assert isinstance(robots_sitemaps("Sitemap: " + text, url=URL), tuple)
