"""What a document says again, or a little differently: what is read, tagged and fetched once more, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from http_site import DAY, HOUR, Cron

from aiwire.pipeline.run import Run, RunOptions
from aiwire.types import ListingRule, Source, Tagging
from ingest.http.fetch import Fetcher
from ingest.http.network import network_transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiwire.types import ArticleText

PAGE = "<html><head><title>T</title></head><body><article><h1>T</h1>%s</article></body></html>"
SENTENCES = "The operator of the data centre bought four hundred H100 cards for its hall in Leipzig. "


class Tagger:
    """Remembers what it was asked to tag."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    def __call__(self, texts: Iterable[ArticleText]) -> Iterator[tuple[ArticleText, Tagging]]:
        for text in texts:
            self.titles.append(text.title)
            yield text, Tagging(tagger_version="1", taxonomy_version="t")


def _run(cron: Cron, *sources: Source, force: bool = False, tagger: Tagger | None = None):
    transport = network_transport(cron.limits, guard=cron.guard, resolver=cron.resolver)
    options = RunOptions(now=cron.now, force=force)
    return Run(
        cron.db, sources, Fetcher(cron.limits, user_agent="t", transport=transport), tagger, options,
        parsers=cron.parsers,
    )()  # fmt: skip


def _atom(cron: Cron, stamps: dict[str, str], *, summary: str = "Short.") -> bytes:
    entries = "".join(
        f"<entry><id>{name}</id><title>{name}</title><link href='{cron.server.url('/' + name)}'/>"
        f"<updated>{stamp}</updated><summary>{summary}</summary></entry>"
        for name, stamp in stamps.items()
    )
    return f"<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><title>F</title>{entries}</feed>".encode()


@pytest.fixture
def names(cron: Cron) -> list[str]:
    """Ten articles with a page each."""
    found = [f"n{n}" for n in range(10)]
    for name in found:
        cron.server.reply(
            f"/{name}", (PAGE % f"<p>{SENTENCES * 8}</p>").encode(), headers={"Content-Type": "text/html"}
        )
    return found


def test_a_feed_that_is_stamped_anew_with_every_build_has_no_page_read_and_nothing_tagged_again(
    cron: Cron, names: list[str]
) -> None:
    source = Source("f", "F", "feed", cron.server.url("/feed"), "f")
    tagger = Tagger()
    for hour in range(3):
        cron.server.reply("/feed", _atom(cron, dict.fromkeys(names, f"2026-11-22T0{hour}:00:00Z")))
        _run(cron, source, tagger=tagger)
        cron.now += DAY

    assert [cron.server.paths().count(f"/{name}") for name in names] == [1] * 10
    assert len(tagger.titles) == 20  # each once with the feed's text and once with the page's


def test_one_entry_with_a_new_stamp_has_its_page_read_again(cron: Cron, names: list[str]) -> None:
    source = Source("f", "F", "feed", cron.server.url("/feed"), "f")
    stamps = dict.fromkeys(names, "2026-11-22T00:00:00Z")
    cron.server.reply("/feed", _atom(cron, stamps))
    _run(cron, source)
    cron.server.reply("/feed", _atom(cron, stamps | {"n3": "2026-11-23T01:00:00Z"}))
    cron.server.reply("/n3", (PAGE % f"<p>Corrected. {SENTENCES * 8}</p>").encode())
    cron.now += DAY
    report = _run(cron, source)

    assert cron.server.paths().count("/n3") == 2
    assert (report.versions, cron.server.paths().count("/n4")) == (1, 1)


def test_force_reads_what_the_server_calls_unchanged(cron: Cron, names: list[str]) -> None:
    source = Source("f", "F", "feed", cron.server.url("/feed"), "f", full_text="never")
    cron.server.reply("/feed", _atom(cron, dict.fromkeys(names, "2026-11-22T00:00:00Z")), headers={"ETag": '"1"'})
    _run(cron, source)

    report = _run(cron, source, force=True)

    assert cron.asked("if-none-match") == [None, None]
    assert [(line.status, line.entries, line.changed) for line in report.lines] == [("ok", 10, 0)]


def test_new_selectors_take_effect_though_the_page_is_the_same(cron: Cron) -> None:
    items = "".join(f"<li class='x'><a href='/a{n}'>One {n}</a></li><li class='y'><a href='/b{n}'>Two {n}</a></li>"
                    for n in range(3))  # fmt: skip
    page = f"<html><body><ul>{items}</ul></body></html>".encode()
    cron.server.reply("/list", page, headers={"ETag": '"1"', "Content-Type": "text/html"})
    for item in ("li.x", "li.y"):
        rule = ListingRule(item)
        _run(cron, Source("l", "L", "listing", cron.server.url("/list"), "l", full_text="never", listing=rule))
        cron.now += HOUR

    assert cron.titles() == [*(f"One {n}" for n in range(3)), *(f"Two {n}" for n in range(3))]


def test_an_article_that_has_no_words_yet_is_not_tagged_and_counts_nowhere(cron: Cron) -> None:
    addresses = [cron.server.url(f"/news/story-{n}") for n in range(3)]
    urls = "".join(
        f"<url><loc>{address}</loc><lastmod>2026-11-22T10:30:0{n}Z</lastmod></url>"
        for n, address in enumerate(addresses)
    )
    cron.server.reply(
        "/map.xml", f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{urls}</urlset>".encode()
    )
    tagger = Tagger()

    _run(cron, Source("m", "M", "sitemap", cron.server.url("/map.xml"), "m"), tagger=tagger)

    assert cron.db.execute("SELECT count(*) FROM articles WHERE page_state = 'pending'").fetchone() == (3,)
    assert tagger.titles == []
    assert cron.db.execute("SELECT count(*) FROM period_totals").fetchone() == (0,)
