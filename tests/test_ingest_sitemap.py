"""Sitemaps to entries: news sitemaps, indexes, text lists, gzip; what is too old, strange or hostile stays out."""

from __future__ import annotations

import contextlib
import gzip
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pace import cpu_under

from aiwire.exceptions import ParseError
from aiwire.types import Entry, ParsedFeed, SitemapRule
from ingest.sites import sitemap
from ingest.sites.sitemap import MAX_URLS, parse_sitemap
from ingest.sites.sitemapindex import promising

NOW = datetime(2026, 3, 10, 6, tzinfo=UTC)
URL = "https://www.press.example/sitemap.xml"
SITE = "https://www.press.example"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def urlset(*places: str, head: str = HEAD) -> bytes:
    news = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    return (
        f'{head}<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" {news}>{"".join(places)}</urlset>'.encode()
    )


def place(path: str, lastmod: str | None = None, extra: str = "") -> str:
    date = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
    return f"<url><loc>{SITE}{path}</loc>{date}{extra}</url>"


def news(path: str, title: str, date: str, language: str = "en") -> str:
    publication = (
        f"<news:publication><news:name>P</news:name><news:language>{language}</news:language></news:publication>"
    )
    stated = f"<news:publication_date>{date}</news:publication_date><news:title>{title}</news:title>"
    return place(path, None, f"<news:news>{publication}{stated}</news:news>")


def read(body: bytes, rule: SitemapRule | None = None, url: str = URL) -> ParsedFeed:
    return parse_sitemap(body, url=url, rule=rule, now=NOW)


def paths(feed: ParsedFeed) -> list[str]:
    return [(entry.url or "").removeprefix(SITE) for entry in feed.entries]


def test_a_news_sitemap_gives_titles_languages_and_dates_of_publication() -> None:
    feed = read(
        urlset(
            news("/a", "Chips &amp; power", "2026-03-09T08:00:00+01:00"), news("/b", "芯片", "2026-03-08", "zh-cn"),
            news("/old", "Old", "2026-01-02"),
        )
    )  # fmt: skip

    assert feed == ParsedFeed(
        title=None,
        url=f"{SITE}/",
        language=None,
        kind="news-sitemap",
        entries=(
            Entry(None, f"{SITE}/a", "Chips & power", published=datetime(2026, 3, 9, 7, tzinfo=UTC),
                  date_source="published", language="en"),
            Entry(None, f"{SITE}/b", "芯片", published=datetime(2026, 3, 8, tzinfo=UTC), date_source="published",
                  language="zh-cn"),
        ),
        mode="sitemap",
    )  # fmt: skip


def test_a_lastmod_is_no_date_of_publication() -> None:
    [entry] = read(urlset(place("/a", "2026-03-09"), place("/old", "2026-02-01"))).entries

    assert (entry.published, entry.updated, entry.date_source) == (None, datetime(2026, 3, 9, tzinfo=UTC), "lastmod")


def test_the_window_is_counted_back_from_now() -> None:
    body = urlset(place("/a", "2026-03-09"), place("/b", "2026-02-01"), place("/c", "2025-02-01"))

    assert paths(read(body, SitemapRule(days=14))) == ["/a"]
    assert paths(read(body, SitemapRule(days=60))) == ["/a", "/b"]


def test_without_a_date_only_what_is_included_is_taken() -> None:
    body = urlset(place("/news/a"), place("/notes/b"), place("/news/c", "2026-03-09"))

    bare, ruled = read(body), read(body, SitemapRule(include=r"/news/", exclude=r"c$"))

    assert paths(bare) == ["/news/c"]
    assert bare.warning == "2 URLs without a date were left out: say in 'include' which to take"
    assert (paths(ruled), ruled.warning) == (["/news/a"], None)


def test_a_news_sitemap_needs_no_dates() -> None:
    assert paths(read(urlset(news("/a", "A", "")))) == ["/a"]


def test_the_front_page_and_sections_are_no_articles() -> None:
    day = "2026-03-09"
    body = urlset(
        place("/", day), place("/blog", day), place("/blog/one", day), place("/blog/two", day), place("/x", day)
    )

    assert paths(read(body)) == ["/blog/one", "/blog/two", "/x"]


def test_without_include_pages_about_the_site_are_left_out_unless_they_are_news() -> None:
    menu = ("/about", "/contact.html", "/careers/engineer-of-compilers", "/tag/memory-and-flash", "/img/rack.png")
    articles = ("/stories/a", "/2026/03/b", "/archives/48113", "/press.php?id=900")
    body = urlset(*(place(path, "2026-03-09") for path in (*menu, *articles)))

    bare, ruled = read(body), read(body, SitemapRule(include="."))
    declared = read(urlset(news("/about", "About us, by others", "2026-03-09")))

    assert paths(bare) == list(articles)
    assert len(ruled.entries) == len(menu) + len(articles)
    assert paths(declared) == ["/about"]


def test_a_sitemap_in_which_nothing_looks_like_an_article_says_so() -> None:
    feed = read(urlset(place("/help/first-steps", "2026-03-09"), place("/about", "2026-03-09")))

    assert feed.entries == ()
    assert feed.warning == (
        f"2 URLs, such as {SITE}/help/first-steps, do not look like articles and were left out: "
        "say in 'include' which to take"
    )


def test_a_date_that_all_urls_share_says_nothing() -> None:
    body = urlset(*(place(f"/a/{n}", "2026-03-09T01:02:03Z") for n in range(12)))

    bare, ruled = read(body), read(body, SitemapRule(include="/a/"))

    assert bare.entries == ()
    assert "every URL has the same lastmod" in (bare.warning or "")
    assert {(entry.updated, entry.date_source) for entry in ruled.entries} == {(None, None)}
    assert len(ruled.entries) == 12


def test_urls_of_other_sites_are_left_out() -> None:
    body = urlset(
        place("/a", "2026-03-09"),
        "<url><loc>https://blog.press.example/b</loc><lastmod>2026-03-09</lastmod></url>",
        "<url><loc>https://evil.example/c</loc><lastmod>2026-03-09</lastmod></url>",
    )

    feed = read(body)

    assert [entry.url for entry in feed.entries] == [f"{SITE}/a", "https://blog.press.example/b"]
    assert feed.warning == "1 URLs of other sites were left out"


def test_each_url_comes_once_and_relative_or_broken_ones_do_no_harm() -> None:
    body = urlset(
        place("/a", "2026-03-09"),
        place("/a#part", "2026-03-08"),
        "<url><loc>/rel</loc><lastmod>2026-03-09</lastmod></url>",
        "<url><loc>mailto:x@press.example</loc><lastmod>2026-03-09</lastmod></url>",
        "<url/>",
    )

    assert paths(read(body)) == ["/a", "/rel"]


def test_pictures_and_translations_in_a_url_are_not_its_address() -> None:
    extra = (
        '<image:image xmlns:image="i"><image:loc>https://www.press.example/x.png</image:loc></image:image>'
        '<xhtml:link xmlns:xhtml="x" rel="alternate" hreflang="de" href="https://www.press.example/de/a"/>'
    )

    assert paths(read(urlset(place("/a", "2026-03-09", extra)))) == ["/a"]


def test_an_index_names_the_sitemaps_worth_reading() -> None:
    parts = "".join(
        f"<sitemap><loc>{SITE}/{name}.xml</loc>{f'<lastmod>{date}</lastmod>' if date else ''}</sitemap>"
        for name, date in [
            ("page-sitemap", "2026-03-09"), ("post-sitemap1", "2024-01-01"), ("post-sitemap2", "2026-03-08"),
            ("author-sitemap", None), ("blog-3", None), ("blog-12", None),
        ]
    )  # fmt: skip
    feed = read(
        f"{HEAD}<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{parts}</sitemapindex>".encode()
    )

    assert (feed.kind, feed.entries) == ("sitemapindex", ())
    assert tuple(part.url for part in feed.more) == tuple(
        f"{SITE}/{name}.xml" for name in ("post-sitemap2", "page-sitemap", "blog-12", "blog-3")
    )


def test_of_an_index_without_dates_the_highest_numbers_are_read() -> None:
    children = [(f"{SITE}/sitemap-2025-{month:02}.xml", None) for month in range(1, 13)]

    assert [part.url for part in promising(children, days=14, now=NOW)] == [
        f"{SITE}/sitemap-2025-{month:02}.xml" for month in range(12, 0, -1)
    ]


def _index(*places: tuple[str, str | None]) -> bytes:
    parts = "".join(
        f"<sitemap><loc>{SITE}/{name}.xml</loc>{f'<lastmod>{date}</lastmod>' if date else ''}</sitemap>"
        for name, date in places
    )
    return f"{HEAD}<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{parts}</sitemapindex>".encode()


def test_the_parts_of_a_large_index_are_read_in_turns_and_each_once() -> None:
    body, seen, turns = _index(*((f"post-{n}", f"2026-03-08T00:00:{n:02}Z") for n in range(1, 13))), set(), []
    while (feed := parse_sitemap(body, url=f"{SITE}/index.xml", now=NOW, seen=frozenset(seen))).more:
        turns.append((len(feed.more), feed.left))
        assert set(feed.seen) == seen
        seen |= {part.digest for part in feed.more}

    assert turns == [(5, 7), (5, 2), (2, 0)]


@pytest.mark.parametrize(
    ("lastmod", "later", "again"),
    [
        pytest.param("2026-03-08T10:30:00Z", timedelta(days=3), False, id="a moment says all"),
        pytest.param("2026-03-10", timedelta(hours=2), True, id="the day is not over"),
        pytest.param("2026-03-05", timedelta(hours=2), False, id="the day is over"),
        pytest.param(None, timedelta(hours=2), False, id="undated: not twice a day"),
        pytest.param(None, timedelta(days=1), True, id="undated: the next day"),
    ],
)
def test_a_part_is_read_again_when_it_may_have_changed(lastmod: str | None, later: timedelta, again: bool) -> None:
    body = _index(("news", lastmod))
    first = parse_sitemap(body, url=f"{SITE}/index.xml", now=NOW)

    second = parse_sitemap(
        body, url=f"{SITE}/index.xml", now=NOW + later, seen=frozenset(part.digest for part in first.more)
    )

    assert (len(first.more), bool(second.more)) == (1, again)


def test_an_index_in_which_nothing_is_new_leads_nowhere() -> None:
    assert promising([(f"{SITE}/a.xml", datetime(2025, 1, 1, tzinfo=UTC))], days=14, now=NOW) == ()


def test_a_text_sitemap_has_one_url_a_line() -> None:
    body = f"\ufeff{SITE}/a\r\n{SITE}/b\n\nhttps://evil.example/\nno url\n".encode()

    feed = read(body, SitemapRule(include="."))

    assert paths(feed) == ["/a", "/b"]
    assert feed.warning == "1 lines are no URL; 1 URLs of other sites were left out"


def test_a_feed_given_as_sitemap_is_read_as_a_feed() -> None:
    items = "".join(f"<item><title>{n}</title><link>{SITE}/{n}</link></item>" for n in ("news", "jobs"))
    body = f"<rss version='2.0'><channel><title>F</title>{items}</channel></rss>".encode()

    feed = read(body, SitemapRule(exclude="jobs"))

    assert (feed.kind, paths(feed)) == ("rss20", ["/news"])


def test_gzip_is_unpacked_with_all_its_members() -> None:
    body = urlset(place("/a", "2026-03-09"))

    assert paths(read(gzip.compress(body))) == ["/a"]
    assert paths(read(gzip.compress(body[:100]) + gzip.compress(body[100:]) + b"\0\0")) == ["/a"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(gzip.compress(urlset(place("/a", "2026-03-09")))[:-20], "gzip that is cut short", id="cut"),
        pytest.param(b"\x1f\x8b" + b"x" * 30, "broken gzip", id="broken-gzip"),
        pytest.param(b"<html><body>x</body></html>", "an HTML page, not a sitemap", id="page"),
        pytest.param(b"", "an empty document, not a sitemap", id="empty"),
        pytest.param(b"{}", "JSON, not a sitemap", id="json"),
        pytest.param(b"https://a.example/ is\nwhere\nwe are\n", "plain text, not a sitemap", id="prose"),
        pytest.param(b"<urlset", "broken XML", id="broken"),
    ],
)
def test_what_is_no_sitemap_says_what_it_is(body: bytes, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(body)

    assert caught.value.message.startswith(message)


def test_a_gzip_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "MAX_UNPACKED", 1 << 20)

    with pytest.raises(ParseError, match="more than 1 MiB after unpacking"):
        read(gzip.compress(b" " * (2 << 20)))


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE urlset [<!ENTITY a "b">]>',
        '<!-- x --><!doctype urlset SYSTEM "https://evil.example/x.dtd">',
        '<!DOCTYPE urlset [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY % p "<urlset>">]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_declaration_is_refused(doctype: str, encoding: str) -> None:
    text = urlset(place("/&a;", "2026-03-09"), head=doctype).decode()

    with pytest.raises(ParseError, match="document type declaration"):
        read(text.encode(encoding))


def test_unknown_entities_are_not_expanded_and_a_bare_ampersand_is_survived() -> None:
    feed = read(urlset(place("/a?x=1&y=2", "2026-03-09"), place("/b", "2026-03-09")))

    assert paths(feed)[-1] == "/b"
    assert "broken XML" in (feed.warning or "")


def test_a_document_that_is_cut_short_gives_what_it_holds_and_says_so() -> None:
    feed = read(urlset(place("/a", "2026-03-09"), place("/b", "2026-03-09"))[:-40])

    assert paths(feed)[0] == "/a"
    assert "broken XML" in (feed.warning or "")


def test_fifty_thousand_urls_are_read_at_once_and_no_more() -> None:
    places = [place(f"/a/{n}", f"2025-01-{n % 28 + 1:02}") for n in range(MAX_URLS - 1)]
    body = urlset(place("/new/one", "2026-03-09"), *places, place("/late/one", "2026-03-09"))
    with cpu_under(40):
        feed = read(body)
    assert paths(feed) == ["/new/one"]
    assert feed.warning == f"only the first {MAX_URLS} URLs were read"


def test_a_site_that_was_rebuilt_does_not_flood_the_run() -> None:
    body = urlset(*(place(f"/a/{n}", f"2026-03-0{n % 9 + 1}T{n % 24:02}:00:00Z") for n in range(1_200)))

    feed = read(body)

    assert len(feed.entries) == 1_000
    assert "only the newest 1000 of 1200 URLs were taken" in (feed.warning or "")
    assert min(entry.updated for entry in feed.entries if entry.updated) > datetime(2026, 3, 1, tzinfo=UTC)


def test_deep_nesting_and_huge_attributes_end_in_time() -> None:
    with cpu_under(40):
        for body in (
            urlset("<url>" * 100_000),
            urlset(f"<url a='{'x' * 12_000_000}'><loc>{SITE}/a</loc></url>"),
            urlset("<url><loc>" + "x" * 12_000_000 + "</loc></url>"),
        ):
            with contextlib.suppress(ParseError):
                read(body)


def test_mutated_sitemaps_raise_nothing_but_a_parse_error(tmp_path: Path) -> None:
    chance = random.Random(5)
    good = urlset(*(place(f"/n/{n}", "2026-03-09") for n in range(5)), news("/x", "X", "2026-03-09"))
    for _ in range(500):
        body = bytearray(good)
        for _ in range(chance.randint(1, 5)):
            at = chance.randrange(len(body) or 1)
            body[at : at + chance.randrange(20)] = bytes(chance.randrange(256) for _ in range(chance.randrange(9)))
        with contextlib.suppress(ParseError):
            assert read(bytes(body)).mode in ("sitemap", "full", "repaired")


@given(st.binary(max_size=80) | st.text("<>/urlsetlocsitemapindex!DOCTYPE[]&;:\"' ", max_size=120).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_no_bytes_raise_anything_but_a_parse_error(data: bytes) -> None:
    for body in (data, b"<urlset>" + data, b"<sitemapindex><sitemap><loc>" + data):
        with contextlib.suppress(ParseError):
            assert read(body).kind
