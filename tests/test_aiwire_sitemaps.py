"""A sitemap index over several runs: parts in turns, failures, caps, and nothing lost or asked in vain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from http_site import DAY, HOUR, Cron

from aiwire.types import Source

if TYPE_CHECKING:
    from conftest import Loopback

XMLNS = "xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'"
STAMP = "2026-11-22T10:30:00Z"


def _urlset(cron: Cron, *names: str) -> bytes:
    places = "".join(f"<url><loc>{cron.server.url('/news/' + n)}</loc><lastmod>{STAMP}</lastmod></url>" for n in names)
    return f"<?xml version='1.0'?><urlset {XMLNS}>{places}</urlset>".encode()


def _index(cron: Cron, count: int, stamp: str = STAMP) -> bytes:
    parts = "".join(
        f"<sitemap><loc>{cron.server.url(f'/post-{n}.xml')}</loc><lastmod>{stamp}</lastmod></sitemap>"
        for n in range(count)
    )
    return f"<?xml version='1.0'?><sitemapindex {XMLNS}>{parts}</sitemapindex>".encode()


@pytest.fixture
def site(cron: Cron) -> Source:
    """A sitemap source whose index names twelve parts of one article each."""
    cron.server.reply("/index.xml", _index(cron, 12), headers={"ETag": '"1"'})
    for n in range(12):
        cron.server.reply(f"/post-{n}.xml", _urlset(cron, f"a-story-{n}"))
    return Source("map", "Map", "sitemap", cron.server.url("/index.xml"), "map", full_text="never")


def _stored(cron: Cron) -> int:
    return int(cron.db.execute("SELECT count(*) FROM articles").fetchone()[0])


def _asked(server: Loopback) -> list[str]:
    return [path for path in server.paths() if path.startswith("/post")]


def test_a_large_index_is_read_in_turns_and_no_part_twice(cron: Cron, site: Source) -> None:
    counts, lines = [], []
    for _ in range(4):
        lines.append(cron.line(site, after=DAY, id="map"))
        counts.append(_stored(cron))

    assert counts == [5, 10, 12, 12]
    assert len(_asked(cron.server)) == 12
    assert [line.warning for line in lines] == [
        "7 more sitemaps are left for the next runs", "2 more sitemaps are left for the next runs", None, None,
    ]  # fmt: skip
    assert [cron.asked("if-none-match")[-1], cron.state("map").etag] == ['"1"', '"1"']


def test_what_is_left_of_a_first_reading_is_still_a_first_reading(cron: Cron, site: Source) -> None:
    cron.run(site)
    first = cron.state("map").ok_at
    cron.run(site, after=DAY)
    cron.run(site, after=DAY)

    assert first is None
    assert cron.state("map").ok_at == cron.now


def test_a_part_that_changed_is_read_again(cron: Cron, site: Source) -> None:
    cron.server.reply("/index.xml", _index(cron, 2))
    cron.run(site)
    cron.server.reply("/index.xml", _index(cron, 2, stamp="2026-11-23T11:30:00Z"))
    cron.server.reply("/post-0.xml", _urlset(cron, "a-story-0", "another-story"))

    line = cron.line(site, after=DAY, id="map")

    assert (line.new, _stored(cron)) == (1, 3)


def test_a_part_that_fails_is_a_failure_of_the_source_and_the_others_are_kept(cron: Cron, site: Source) -> None:
    cron.server.reply("/index.xml", _index(cron, 3))
    cron.server.reply("/post-0.xml", status="500 Internal Server Error")
    broken = cron.line(site, id="map")
    kept, state = _stored(cron), cron.state("map")
    cron.server.reply("/post-0.xml", _urlset(cron, "a-story-0"))
    mended = cron.line(site, after=DAY, id="map")

    assert (broken.status, kept, state.error_count) == ("failed", 2, 1)
    assert (mended.status, mended.new, cron.state("map").error_count) == ("ok", 1, 0)
    assert _asked(cron.server).count("/post-1.xml") == 1


def test_a_part_that_throttles_is_told_and_waited_for(cron: Cron, site: Source) -> None:
    cron.server.reply("/index.xml", _index(cron, 4))
    cron.server.reply("/post-0.xml", status="429 Too Many Requests", headers={"Retry-After": "7200"})

    line = cron.line(site, id="map")

    state = cron.state("map")
    assert (line.status, state.status) == ("failed", "throttled")
    assert state.next_check_at is not None
    assert state.next_check_at - cron.now >= 2 * HOUR


def test_the_cap_of_a_lane_puts_parts_off_to_the_next_runs(cron: Cron, site: Source) -> None:
    cron.server.reply("/index.xml", _index(cron, 5))
    cron.limits = replace(cron.limits, max_per_lane=2)
    counts = []
    for _ in range(4):
        cron.run(site, after=DAY)
        counts.append(_stored(cron))

    assert counts == [2, 4, 5, 5]
