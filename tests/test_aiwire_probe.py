"""A look at an address: what is there, where its site's feed is, and what is said if nothing can be used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest

from aiwire.pipeline.probe import Probe, dated_share, probe
from aiwire.types import ListingRule, ParsedFeed, SitemapRule, Source
from ingest.http.fetch import Fetcher
from ingest.http.limits import FetchLimits
from ingest.worker import ParserPool

NOW = datetime(2026, 3, 10, 6, tzinfo=UTC)
SITE = "https://lab.example"
PAGE = f"{SITE}/news"


def rss(*slugs: str, date: str = "Mon, 09 Mar 2026 06:00:00 GMT") -> str:
    items = "".join(
        f"<item><title>On {slug}</title><link>{SITE}/news/{slug}</link><pubDate>{date}</pubDate></item>"
        for slug in slugs
    )
    return f"<?xml version='1.0'?><rss version='2.0'><channel><title>Lab feed</title>{items}</channel></rss>"


def page(*slugs: str, head: str = "") -> str:
    cards = "".join(
        f"<div class=card><h3><a href='/news/{slug}'>A long headline on {slug}</a></h3><time>5 March 2026</time></div>"
        for slug in slugs
    )
    return f"<!doctype html><html lang=en><head><title>News</title>{head}</head><body>{cards}</body></html>"


LISTED = page("one", "two", "three")
FEED_LINK = '<link rel="alternate" type="application/rss+xml" title="All" href="{}">'


def news_sitemap(*slugs: str) -> str:
    stated = (
        "<news:news><news:publication_date>2026-03-09</news:publication_date><news:title>T</news:title></news:news>"
    )
    urls = "".join(f"<url><loc>{SITE}/news/{slug}</loc>{stated}</url>" for slug in slugs)
    return f"<urlset xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'>{urls}</urlset>"


class Web(httpx2.AsyncBaseTransport):
    """A site by path; all else is 404."""

    def __init__(self) -> None:
        self.paths: dict[str, str | int | Exception] = {}
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.path)
        found = self.paths.get(request.url.path, 404)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, int):
            return httpx2.Response(found)
        if found.startswith("->"):
            return httpx2.Response(302, headers={"Location": found[2:]})
        return httpx2.Response(200, content=found.encode())


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def look(web: Web, parsers: ParserPool):
    fetcher = Fetcher(FetchLimits(concurrency=1, host_gap_s=0, retries=0), user_agent="test", transport=web)

    def look(url: str = PAGE, source: Source | None = None) -> Probe:
        return probe(fetcher, url, now=NOW, parsers=parsers, source=source)

    return look


def kinds(seen: Probe) -> tuple[str, str, int] | None:
    return seen.found and (seen.found.kind, seen.found.url, len(seen.found.feed.entries))


def test_a_feed_is_taken_as_it_is(web, look) -> None:
    web.paths["/feed"] = rss("a", "b")

    seen = look(f"{SITE}/feed")

    assert kinds(seen) == ("feed", f"{SITE}/feed", 2)
    assert (seen.problems, seen.others, seen.robots) == ((), (), None)
    assert dated_share(seen.found.feed) == 1.0
    assert web.asked == ["/feed", "/robots.txt"]


def test_a_page_leads_to_the_feed_that_it_declares_and_no_other_is_asked(web, look) -> None:
    links = FEED_LINK.format("/comments/feed") + FEED_LINK.format("/all.xml") + FEED_LINK.format("/other.xml")
    web.paths |= {"/news": page("one", "two", "three", head=links), "/all.xml": rss("a"), "/other.xml": rss("b")}

    seen = look()

    assert kinds(seen) == ("feed", f"{SITE}/all.xml", 1)
    assert [(lead.kind, lead.url.removeprefix(SITE), lead.entries) for lead in seen.others] == [
        ("feed", "/other.xml", None),
        ("feed", "/comments/feed", None),
        ("listing", "/news", 3),
    ]
    assert "/comments/feed" not in web.asked


def test_a_declared_feed_that_is_none_or_empty_is_passed_over(web, look) -> None:
    links = FEED_LINK.format("/gone.xml") + FEED_LINK.format("/empty.xml") + FEED_LINK.format("/good.xml")
    web.paths |= {"/news": page(head=links), "/gone.xml": LISTED, "/empty.xml": rss(), "/good.xml": rss("a")}

    seen = look()

    assert kinds(seen) == ("feed", f"{SITE}/good.xml", 1)
    assert [(lead.url, lead.entries) for lead in seen.others] == [(f"{SITE}/empty.xml", 0)]
    assert seen.problems == ()


def test_without_a_declared_feed_the_usual_addresses_are_asked_at_most_six(web, look) -> None:
    web.paths |= {"/news": LISTED, "/rss.xml": rss("a")}

    seen = look()

    assert kinds(seen) == ("feed", f"{SITE}/rss.xml", 1)
    assert len(set(web.asked) - {"/news", "/robots.txt"}) <= 6


def test_a_page_without_any_feed_is_a_listing(web, look) -> None:
    web.paths["/news"] = LISTED

    seen = look()

    assert kinds(seen) == ("listing", PAGE, 3)
    assert seen.found.how == "found automatically in the page"
    assert seen.problems == ()
    assert len(web.asked) <= 10


def test_where_nothing_can_be_used_every_attempt_is_named(web, look) -> None:
    links = FEED_LINK.format("/gone.xml") + FEED_LINK.format("/empty.xml")
    web.paths |= {"/news": page(head=links), "/empty.xml": rss()}

    seen = look()

    assert seen.found is None
    assert seen.problems == (
        "no list of articles was found on the page: name it with selectors in a [source.listing] table",
        f"{SITE}/empty.xml is a feed without entries",
        "no feed named in the page (1 tried)",
        "no feed at a usual address (6 tried)",
    )


def test_a_news_sitemap_that_leads_nowhere_is_no_problem_of_the_listing(web, look) -> None:
    index = f"<sitemapindex><sitemap><loc>{SITE}/lost-news.xml</loc></sitemap></sitemapindex>"
    web.paths |= {"/news": LISTED, "/news-sitemap.xml": index}

    seen = look()

    assert "/lost-news.xml" in web.asked
    assert (kinds(seen), seen.problems) == (("listing", PAGE, 3), ())


def test_a_news_sitemap_comes_before_a_listing(web, look) -> None:
    web.paths |= {
        "/news": LISTED,
        "/robots.txt": f"Sitemap: {SITE}/sitemap.xml\nSitemap: {SITE}/google-news.xml\n",
        "/google-news.xml": news_sitemap("x", "y"),
    }

    seen = look()

    assert kinds(seen) == ("sitemap", f"{SITE}/google-news.xml", 2)
    assert [(lead.kind, lead.url) for lead in seen.others] == [("listing", PAGE), ("sitemap", f"{SITE}/sitemap.xml")]


def test_a_feed_that_ended_long_ago_is_not_preferred_to_a_page_that_goes_on(web, look) -> None:
    web.paths |= {
        "/news": page("one", "two", "three", head=FEED_LINK.format("/feed")),
        "/feed": rss("old", date="Mon, 09 Mar 2020 06:00:00 GMT"),
    }

    seen = look()

    assert kinds(seen) == ("listing", PAGE, 3)
    assert f"{SITE}/feed is not kept up: the page itself lists newer articles" in seen.problems


def test_a_listing_that_robots_txt_forbids_is_not_offered(web, look) -> None:
    web.paths |= {"/news": LISTED, "/robots.txt": "User-agent: *\nDisallow: /news\n"}

    seen = look()

    assert seen.found is None
    assert any("robots.txt forbids it to aiwire" in problem for problem in seen.problems)


def test_a_feed_whose_pages_robots_txt_forbids_says_so(web, look) -> None:
    web.paths |= {"/feed": rss("a"), "/robots.txt": "User-agent: aiwire\nDisallow: /news/\n"}

    seen = look(f"{SITE}/feed")

    assert kinds(seen) == ("feed", f"{SITE}/feed", 1)
    assert "robots.txt forbids it to aiwire" in seen.robots


def test_a_sitemap_index_is_followed_to_its_articles_and_never_in_a_circle(web, look) -> None:
    def index(*names: str) -> str:
        places = "".join(f"<sitemap><loc>{SITE}/{n}</loc><lastmod>2026-03-09</lastmod></sitemap>" for n in names)
        return f"<sitemapindex>{places}</sitemapindex>"

    web.paths |= {
        "/sitemap.xml": index("b.xml", "sitemap.xml"), "/b.xml": index("c.xml", "b.xml", "lost.xml"),
        "/c.xml": news_sitemap("x"),
    }  # fmt: skip

    seen = look(f"{SITE}/sitemap.xml")

    assert kinds(seen) == ("sitemap", f"{SITE}/sitemap.xml", 1)
    assert web.asked.count("/sitemap.xml") == web.asked.count("/b.xml") == 1
    assert any("lost.xml" in problem for problem in seen.problems)


def test_a_declared_source_is_read_by_its_own_rules(web, look) -> None:
    web.paths |= {"/news": LISTED, "/map.xml": news_sitemap("x", "y")}
    listing = Source("lab", "Lab", "listing", PAGE, "lab", listing=ListingRule(item=".card", title="h3"))
    sitemap = replace(listing, kind="sitemap", url=f"{SITE}/map.xml", listing=None, sitemap=SitemapRule(exclude="y$"))

    by_rule, by_pattern = look(source=listing), look(sitemap.url, source=sitemap)

    assert by_rule.found.feed.entries[0].title == "A long headline on one"
    assert by_rule.found.how == "as declared"
    assert kinds(by_pattern) == ("sitemap", sitemap.url, 1)


def test_a_declared_feed_that_has_become_a_page_names_what_the_page_declares(web, look) -> None:
    web.paths["/news"] = page(head=FEED_LINK.format("/new.xml"))

    seen = look(source=Source("lab", "Lab", "feed", PAGE, "lab"))

    assert seen.found is None
    assert [lead.url for lead in seen.others] == [f"{SITE}/new.xml"]
    assert seen.problems[0].startswith("an HTML page, not a feed")


def test_what_cannot_be_fetched_or_read_says_why(web, look) -> None:
    web.paths |= {"/down": 503, "/text": "just words", "/gone": httpx2.ConnectError("refused")}
    web.paths |= {"/moved": f"->{SITE}/feed", "/feed": rss("a")}

    assert "503" in look(f"{SITE}/down").problems[0]
    assert look(f"{SITE}/text").problems == ("plain text, not a feed: check the URL of the feed",)
    assert look(f"{SITE}/gone").found is None
    assert look(f"{SITE}/moved").final_url == f"{SITE}/feed"


def test_the_share_of_dated_entries_of_nothing_is_none() -> None:
    assert dated_share(ParsedFeed(None, None, None, "rss20", ())) == 0.0
