"""Whose fault is it if nobody can be reached? Our own network's failure is held against no source and no page."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from aiwire.exceptions import TryLater
from aiwire.pipeline.run import Run, RunOptions
from aiwire.types import Source
from db.connection import connect
from db.store import source_states
from ingest.http.fetch import Fetcher, FetchLimits

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)


class Net(httpx2.AsyncBaseTransport):
    """A small internet: each host has a feed with one entry, whose page is at `pages.example`; some hosts are down."""

    def __init__(self):
        self.down = set()
        self.asked = []

    async def handle_async_request(self, request):
        self.asked.append(str(request.url))
        if request.url.host in self.down:
            raise httpx2.ConnectError("unreachable", request=request)
        if request.url.host == "pages.example":
            return httpx2.Response(500)
        item = f"<item><title>T</title><link>http://pages.example/{request.url.host}</link></item>"
        feed = f"<?xml version='1.0'?><rss version='2.0'><channel><title>F</title>{item}</channel></rss>"
        return httpx2.Response(200, content=feed.encode(), headers={"Content-Type": "application/rss+xml"})


@pytest.fixture
def net():
    return Net()


@pytest.fixture
def run(net):
    db = connect(":memory:")
    limits = FetchLimits(concurrency=1, host_gap_s=0, robots=False)

    def at(now, *hosts, every_minutes=None):
        sources = tuple(Source(h[0], h, "feed", f"http://{h}/feed", h[0], every_minutes=every_minutes) for h in hosts)
        return Run(db, sources, Fetcher(limits, user_agent="test", transport=net), None, RunOptions(now=now))()

    at.db = db
    yield at
    db.close()


def _errors(run):
    return {s.source_id: s.error_count for s in source_states(run.db).values() if s.error_count}


def _tries(run):
    return [row[0] for row in run.db.execute("select page_attempts from articles order by page_attempts")]


def test_all_hosts_out_of_reach_at_the_first_run_is_our_own_network(net, run):
    net.down = {"a.example", "b.example", "c.example"}

    with pytest.raises(TryLater, match="is this machine online"):
        run(NOW, "a.example", "b.example", "c.example")

    assert _errors(run) == {}


def test_one_host_out_of_reach_beside_one_in_reach_is_its_own_fault(net, run):
    net.down = {"a.example"}

    report = run(NOW, "a.example", "b.example")

    assert sorted((line.id, line.status) for line in report.lines) == [("a", "failed"), ("b", "ok")]
    assert _errors(run) == {"a": 1}


def test_dead_sources_alone_in_a_run_are_told_from_a_dead_network_by_asking_a_good_one(net, run):
    run(NOW, "g.example")
    net.down = {"a.example", "b.example", "c.example"}

    report = run(NOW + timedelta(minutes=1), "g.example", "a.example", "b.example", "c.example")

    assert sorted(line.id for line in report.lines if line.status == "failed") == ["a", "b", "c"]
    assert _errors(run) == {"a": 1, "b": 1, "c": 1}


def test_pages_out_of_reach_count_no_try_while_we_are_offline(net, run):
    run(NOW, "g.example", every_minutes=1440)
    net.down = {"g.example", "pages.example"}

    with pytest.raises(TryLater):
        run(NOW + timedelta(minutes=30) + timedelta(hours=6), "g.example", every_minutes=1440)

    assert _tries(run) == [1]


def test_a_page_out_of_reach_counts_a_try_while_we_are_online(net, run):
    net.down = {"pages.example"}

    report = run(NOW, "g.example")

    assert report.pages.failed == 1
    assert _tries(run) == [1]
