"""A feed that went missing: its site is asked where it is now, and only `sources doctor` hears of it."""

from datetime import UTC, datetime, timedelta

import pytest

from aiwire.pipeline.rediscovery import suggestion
from aiwire.pipeline.run import Run, RunOptions
from aiwire.types import Source
from db.connection import connect
from db.store import source_states
from ingest.http.fetch import Fetcher
from ingest.http.guard import Guard
from ingest.http.limits import FetchLimits
from ingest.http.network import network_transport
from ingest.sites.discover import FeedLink

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
FRONT = b"""<!doctype html><html><head><title>Site</title>
<link rel="alternate" type="application/rss+xml" title="All news" href="/news/rss.xml"></head>
<body><p>Welcome.</p></body></html>"""


@pytest.fixture
def runs(loopback, parsers):
    """Run five times, each when the source is due, and return its state after each run."""
    db = connect(":memory:")
    limits = FetchLimits(host_gap_s=0)
    source = Source("site", "Site", "feed", loopback.url("/feed"), "site")

    def five_times():
        now, states = NOW, []
        for _ in range(5):
            fetcher = Fetcher(limits, user_agent="t", transport=network_transport(limits, guard=Guard(["127.0.0.1"])))
            Run(db, (source,), fetcher, None, RunOptions(now=now), parsers=parsers)()
            states.append(source_states(db)["site"])
            now = max(states[-1].next_check_at, now + timedelta(minutes=1))
        return states

    five_times.db = db
    yield five_times
    db.close()


def test_after_three_failures_the_front_page_is_asked_and_what_it_names_is_suggested(runs, loopback):
    loopback.reply("/", FRONT, headers={"Content-Type": "text/html"})

    states = runs()

    assert [state.suggestion for state in states] == [None, None, *[loopback.url("/news/rss.xml")] * 3]
    assert loopback.paths().count("/") == 1
    assert runs.db.execute("SELECT purpose, outcome FROM fetches WHERE purpose = 'discovery'").fetchall() == [
        ("discovery", "ok")
    ]
    assert runs.db.execute("SELECT sum(pages_fetched), sum(sources_failed) FROM runs").fetchone() == (0, 5)


def test_a_front_page_that_names_nothing_is_asked_again_with_the_source(runs, loopback):
    loopback.reply("/", b"<html><body><p>Nothing here.</p></body></html>", headers={"Content-Type": "text/html"})

    states = runs()

    assert states[-1].suggestion is None
    assert loopback.paths().count("/") == 3


def test_a_front_page_that_robots_txt_forbids_is_not_asked(runs, loopback):
    loopback.reply("/", FRONT)
    loopback.reply("/robots.txt", b"User-agent: *\nDisallow: /\n")

    states = runs()

    assert states[-1].suggestion is None
    assert "/" not in loopback.paths()


def test_the_missing_address_itself_and_feeds_of_comments_are_no_suggestion():
    source = Source("s", "S", "feed", "https://site.example/feed", "s")
    own = FeedLink("https://site.example/feed", "", "link")
    comments = FeedLink("https://site.example/comments/feed", "", "link", comments=True)
    other = FeedLink("https://site.example/rss", "", "anchor")

    assert suggestion([own, comments, other], source) == "https://site.example/rss"
    assert suggestion([own, comments], source) is None
