"""Pages without a rule: the list of articles is found, and nothing else is taken for one."""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pace import cpu_under

from aiwire.exceptions import ParseError
from aiwire.types import ParsedFeed
from ingest.sites.articleurls import date_in_url, may_be_article
from ingest.sites.listdates import complete, find_date, only_date, slashed_day_first
from ingest.sites.listing import parse_listing
from ingest.sites.listitems import is_generic

DATA = Path(__file__).parent / "data" / "listings"
PAGES = Path(__file__).resolve().parents[1].parent / "shared" / "pages"
NAMES = sorted(path.stem for path in DATA.glob("*.html"))
LISTED = [name for name in NAMES if not name.startswith("refused")]
REFUSED = [name for name in NAMES if name.startswith("refused")]
URL = "https://lab.example/news"


def found(html: str, url: str = URL) -> list[tuple[str, str, str | None]]:
    """The last part of each URL, its title and its day."""
    entries = parse_listing(html.encode(), url=url, rule=None).entries
    return [
        ((e.url or "").rpartition("/")[2], e.title, e.published.date().isoformat() if e.published else None)
        for e in entries
    ]


def read(name: str) -> ParsedFeed:
    url = json.loads((DATA / f"{name}.json").read_text())["url"]
    return parse_listing((DATA / f"{name}.html").read_bytes(), url=url, rule=None)


@pytest.mark.parametrize("name", LISTED)
def test_the_articles_of_a_page_are_found_and_nothing_else(name: str) -> None:
    expected = json.loads((DATA / f"{name}.json").read_text())["entries"]

    feed = read(name)

    assert [
        [e.url, e.title, e.published.date().isoformat() if e.published else None, e.date_source] for e in feed.entries
    ] == expected
    assert (feed.kind, feed.mode) == ("listing", "listing")


@pytest.mark.parametrize("name", REFUSED)
def test_a_page_without_a_list_of_articles_is_refused_with_the_remedy(name: str) -> None:
    with pytest.raises(ParseError, match=r"no list of articles .* name it with selectors"):
        read(name)


def test_summaries_are_taken_where_a_page_shows_them() -> None:
    summaries = {name: read(name).entries[0].summary for name in ("chip_newsroom", "flat_headings", "json_ld_blog")}

    assert summaries == {
        "chip_newsroom": "Partners start to ship racks with 72 GPUs to cloud providers on four continents.",
        "flat_headings": "Buyers of servers pay twice what they paid in autumn, and contracts are now signed for two "
        "years.",
        "json_ld_blog": "How a flash tier keeps the accelerators fed.",
    }


def test_a_page_tells_its_title_and_language() -> None:
    feed = read("german_rows")

    assert (feed.title, feed.language, feed.url) == ("Presse", "de", "https://www.amt.example/de/presse")


def rows(*dates: str, lang: str = "en") -> str:
    lines = "".join(
        f"<li><span>{date}</span> <a href='/news/a{n}'>Headline number {n} of the day</a></li>"
        for n, date in enumerate(dates)
    )
    return f"<html lang='{lang}'><body><main><ul>{lines}</ul></main></body></html>"


@pytest.mark.parametrize(
    ("dates", "lang", "first"),
    [
        pytest.param(("03/04/2026", "03/25/2026"), "fr", "2026-03-04", id="another-item-shows-the-month-first"),
        pytest.param(("03/04/2026", "25/03/2026"), "en", "2026-04-03", id="another-item-shows-the-day-first"),
        pytest.param(("03/04/2026", "04/04/2026"), "en-US", "2026-03-04", id="american"),
        pytest.param(("03/04/2026", "04/04/2026"), "en-GB", "2026-04-03", id="british"),
        pytest.param(("03/04/2026", "04/04/2026"), "fr", "2026-04-03", id="french"),
    ],
)
def test_the_whole_list_decides_how_its_dates_are_written(dates: tuple[str, ...], lang: str, first: str) -> None:
    assert found(rows(*dates, dates[-1], lang=lang))[0][2] == first


def test_no_year_is_invented() -> None:
    page = rows("5 March", "2 March", "1 March", "28 February").replace("<ul>", "<h1>News</h1><ul>")
    slugs = page.replace("/news/a", "/news/a-long-slug-")

    assert {day for _, _, day in found(slugs)} == {None}


def test_the_same_article_comes_once_however_often_it_is_linked() -> None:
    card = (
        "<div class='c'><a href='/news/{0}?utm_source=x#top'><img alt=''></a><h3><a href='/news/{0}?utm_source=x'>"
        "Title of {0}</a></h3><time datetime='2026-03-0{0}'></time><a href='/news/{0}?utm_source=x'>Read more</a></div>"
    )
    page = "<html><body>" + "".join(card.format(n) for n in (3, 2, 1)) + "</body></html>"

    assert [title for _, title, _ in found(page)] == ["Title of 3", "Title of 2", "Title of 1"]


def test_of_a_very_long_list_the_newest_are_taken_whatever_their_order() -> None:
    days = [f"{1 + n // 300:02}.{1 + n % 300 // 25:02}.{2000 + n % 25}" for n in range(250)]
    days.sort(key=lambda day: day[6:] + day[3:5] + day[:2])

    taken = found(rows(*days, lang="de"))

    assert len(taken) == 200
    assert (taken[0][0], taken[-1][0]) == ("a50", "a249")


def test_links_in_sentences_are_no_list() -> None:
    text = "".join(
        f"<p>As the ministry said on its site, the <a href='/2026/03/0{n}/story-{n}'>programme for part {n}</a> goes "
        "on with new partners and more money than before.</p>"
        for n in range(1, 7)
    )

    with pytest.raises(ParseError):
        found(f"<html><body><article>{text}</article></body></html>", "https://paper.example/2026/03/09/essay")


def test_other_sites_are_no_articles_of_this_one() -> None:
    lines = "".join(
        f"<li><time datetime='2026-03-0{n}'></time><a href='https://other{n}.example/story'>Story of the other {n}</a>"
        for n in range(1, 7)
    )

    with pytest.raises(ParseError):
        found(f"<html><body><ul>{lines}</ul></body></html>")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://lab.example/news/a-story", True),
        ("https://blog.lab.example/2026/a-story", True),
        ("https://lab.example/detail.php?id=17", True),
        ("https://lab.example/news?id=17", True),
        ("https://lab.example/?p=1234", True),
        ("https://lab.example/news", False),
        ("https://lab.example/news/?page=2", False),
        ("https://lab.example/news/page/2", False),
        ("https://lab.example/tag/chips", False),
        ("https://lab.example/author/jane-doe", False),
        ("https://lab.example/careers/engineer-of-compilers", False),
        ("https://lab.example/about", False),
        ("https://lab.example/feed.xml", False),
        ("https://lab.example/img/a.png", False),
        ("https://lab.example/", False),
        ("https://other.example/news/a-story", False),
        ("https://lab.example/category/chips/a-long-story", True),
        ("https://lab.example/press.php?id=900", True),
        ("https://lab.example/news.asp?title=new-racks-for-all", True),
        ("https://lab.example/index.php?option=com_content&id=900&Itemid=3", True),
        ("https://lab.example/index.php?option=com_contact&Itemid=900", False),
        ("https://lab.example/index.php?section=about", False),
        ("https://lab.example/press.php?year=2026&page=2", False),
        ("https://lab.example/products.php?id=900", False),
        ("https://lab.example/archives/48113", True),
        ("https://lab.example/archives/2026", False),
    ],
)
def test_what_a_url_says_of_its_page(url: str, expected: bool) -> None:
    assert may_be_article(url, URL) is expected


@pytest.mark.parametrize(
    ("url", "day"),
    [
        ("https://a.example/2026/03/05/story", "2026-03-05"),
        ("https://a.example/2026-03/05/c_1.htm", "2026-03-05"),
        ("https://a.example/n1/2026/0305/c1-2.html", "2026-03-05"),
        ("https://a.example/t20260305_12.html", "2026-03-05"),
        ("https://a.example/2026/03/story", None),
        ("https://a.example/story-1202603051", None),
        ("https://a.example/2026/02/31/story", None),
    ],
)
def test_a_day_in_a_url(url: str, day: str | None) -> None:
    date = date_in_url(url)

    assert (date.date().isoformat() if date else None) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Posted on March 5, 2026", "2026-03-05"),
        ("5 Mar 2026", "2026-03-05"),
        ("March 5th, 2026 8:00 am", "2026-03-05"),
        ("2026年3月5日", "2026-03-05"),
        ("05 2026-03", "2026-03-05"),
        ("2026.03 05", "2026-03-05"),
        ("2026-03-05 10:30", "2026-03-05"),
        ("05.03.2026", "2026-03-05"),
        ("5 de marzo de 2026", "2026-03-05"),
        ("3 hours ago", None),
        ("March 2026", None),
        ("Fri, 6 Mar 2026 (showing first 25 of 80 entries )", "2026-03-06"),
        ("6 March 2026 (12)", "2026-03-06"),
        ("What the law of 5 March 2026 means for the owners of large data centres", None),
    ],
)
def test_dates_as_pages_show_them(text: str, day: str | None) -> None:
    date = find_date(text)

    assert (date.date().isoformat() if date else None) == day


def test_a_heading_is_a_date_only_if_it_says_nothing_else() -> None:
    assert only_date("Thursday 5 March 2026")
    assert only_date("Wed, 4 Mar 2026 (continued, showing last 25 of 1234 entries )")
    assert not only_date("Results for the quarter to 5 March 2026")


def test_month_and_day_are_completed_by_a_year_that_is_stated() -> None:
    assert complete("03-02", 2026) == datetime(2026, 3, 2, tzinfo=UTC)
    assert complete("12 Feb", 2026) == datetime(2026, 2, 12, tzinfo=UTC)
    assert complete("03-02", 2026, month=4) is None
    assert complete("about 12", 2026) is None


def test_the_language_decides_where_no_date_shows_the_order() -> None:
    assert not slashed_day_first(["01/02/2026"], "en")
    assert not slashed_day_first(["01/02/2026"], None)
    assert slashed_day_first(["01/02/2026"], "de")


@pytest.mark.parametrize(
    "text", ["PDF (1.2 MB)", "Download PDF, 310 kB", "Read more", "Learn more", "→", "查看详情", "Mehr erfahren", ">>"]
)
def test_link_texts_that_say_nothing(text: str) -> None:
    assert is_generic(text)
    assert not is_generic(f"{text} than ever is spent on memory for accelerators")


# ---------------------------------------------------------------- hostile and real pages


def test_a_hostile_page_is_read_in_time() -> None:
    pages = {
        "deep": "<div>" * 100_000 + "<a href=x>y</a>",
        "inline": "<td>" + "".join(f"<a href='/n/{n}'>Some title of {n}</a> 5 March 2026<br>" for n in range(20_000)),
        "dots": "".join(f"<li><a href='/n/{n}'>{'.' * 50_000}</a>" for n in range(20)),
        "groups": "".join(
            f"<p class=c{n // 2}><a href='/news/n-{n}-x-y'>Title of the story {n}</a>" for n in range(9_999)
        ),
    }
    with cpu_under(60):
        for page in pages.values():
            with contextlib.suppress(ParseError):
                parse_listing(f"<html><body>{page}".encode(), url=URL, rule=None)


def test_mutated_pages_raise_nothing_but_a_parse_error() -> None:
    chance = random.Random(3)
    pages = [(DATA / f"{name}.html").read_bytes() for name in NAMES]
    read_at_all = 0
    for _ in range(600):
        body = bytearray(chance.choice(pages))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(body))
            match chance.randrange(4):
                case 0:
                    body[at : at + chance.randrange(60)] = b""
                case 1:
                    body[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(12)))
                case 2:
                    body[at:at] = body[at : at + chance.randrange(400)]
                case _:
                    other = chance.choice(pages)
                    body[at:at] = other[chance.randrange(len(other)) :][:500]
        with contextlib.suppress(ParseError):
            read_at_all += bool(parse_listing(bytes(body), url=URL, rule=None).entries)

    assert read_at_all > 100


TAGS = st.sampled_from(
    [
        *("<div class=a>", "</div>", "<ul>", "<li>", "</ul>", "<a href=/n/1>", "<a href='/n/two-of-them'>", "</a>"),
        *("<h3>", "</h3>", "<time datetime=2026-03-02>", "</time>", "Title of a story", "5 March 2026", "2026", "<p>"),
        *("<table><tr><td>", "<!--", "</script>", "<base href=//[>", "\x00", "&#0;", "<main>", "<nav>"),
        '<script type="application/ld+json">',
        '{"@type": "BlogPosting", "url": "/n/x", "headline": "A"}',
        r"""<script>self.__next_f.push([1,"5:[[{\"title\":\"x\""])</script>""",
    ]
)


@given(st.lists(TAGS, max_size=40).map("".join))
@settings(max_examples=300, deadline=None)
def test_no_markup_raises_anything_but_a_parse_error(markup: str) -> None:
    with contextlib.suppress(ParseError):
        entries = parse_listing(f"<html><body>{markup}".encode(), url=URL, rule=None).entries
        assert len({entry.url for entry in entries}) == len(entries) > 0


@pytest.mark.skipif(not PAGES.is_dir(), reason="needs ../shared, which users do not have")
def test_real_pages_of_news_are_listed_and_product_pages_are_not() -> None:
    with (PAGES / "index.tsv").open(encoding="utf-8") as file:
        pages = list(csv.DictReader(file, delimiter="\t"))
    counts: dict[str, int] = {}
    dated: dict[str, int] = {}
    for page in pages:
        try:
            feed = parse_listing(gzip.decompress((PAGES / page["file"]).read_bytes()), url=page["url"], rule=None)
            counts[page["url"]] = len(feed.entries)
            dated[page["url"]] = sum(entry.published is not None for entry in feed.entries)
        except ParseError:
            counts[page["url"]] = 0

    assert counts["https://news.mit.edu/topic/software"] == 15
    assert counts["https://www.ciodive.com/topic/cloud/"] >= 25
    assert counts["https://www.consultingpoint.com/news"] == 20
    assert counts["https://www.theverge.com/"] >= 40
    assert counts["https://arxiv.org/list/cs.AI/recent"] == 50
    assert dated["https://www.wired.com/category/science/"] == 55
    products = [counts[page["url"]] for page in pages if page["page_type"] == "product"]
    services = [counts[page["url"]] for page in pages if page["page_type"] == "service"]
    assert products == [0] * 6
    assert sum(map(bool, services)) <= 1
