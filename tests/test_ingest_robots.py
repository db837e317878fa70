"""robots.txt: what it says, what it means when it cannot be read, and that it is asked for before what it governs."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pace import cpu_under

from aiwire.exceptions import FetchError
from aiwire.types import FetchResult, NotModified, Request, Response, RobotsFile
from ingest.http import robots
from ingest.http.fetch import Fetcher, FetchLimits, LeftOut
from ingest.http.guard import Guard
from ingest.http.network import network_transport
from ingest.http.robotsgate import RobotsGate

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from conftest import Loopback, Seen

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SITE = "https://site.example"


def ask(url: str, purpose: Any = "page", **values: Any) -> Request:
    return Request(url=url, source_id=values.pop("source_id", "s"), purpose=purpose, **values)


def rules(body: str, **values: Any) -> RobotsFile:
    return RobotsFile(**{"origin": SITE, "fetched_at": NOW, "status": 200, "body": body} | values)


def allowed(body: str, path: str) -> bool:
    return robots.refusal(rules(body), SITE + path, now=NOW) is None


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("body", "path", "may"),
    [
        ("", "/x", True),
        ("User-agent: *\nDisallow:", "/x", True),
        ("User-agent: *\nDisallow: /", "/x", False),
        ("User-agent: *\nDisallow: /", "/robots.txt", True),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/c", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf?z", True),
        ("User-agent: *\nDisallow: /*?sort=", "/x?sort=1", False),
        ("User-agent: *\nDisallow: /caf%C3%A9", "/café", False),
        ("User-agent: *\nDisallow: /\nUser-agent: aiwire\nDisallow: /private", "/x", True),
        ("User-agent: *\nAllow: /\nUser-agent: AIWire/2.0 (news)\nDisallow: /", "/x", False),
        ("User-agent: aiwire*\nDisallow: /", "/x", False),
        ("User-agent: other\nUser-agent: aiwire # us\nDisallow: /", "/x", False),
        ("User-agent: wire\nUser-agent: ai\nUser-agent: GPTBot\nDisallow: /", "/x", True),
        ("user agent aiwire\ndisallow /x", "/x", False),
        ("\ufeffUser-agent: *\r\nDisallow: /x\r\n", "/x", False),
        ("<html><body>User-agent: *<br>Disallow: /</body></html>", "/x", True),
        ("Disallow: /", "/x", True),
    ],
)
def test_what_the_rules_allow_us(body: str, path: str, may: bool) -> None:
    read = robots.robots_file(answer(body.encode()), now=NOW, before=None)

    assert (robots.refusal(read, SITE + path, now=NOW) is None) is may


@pytest.mark.parametrize(
    ("body", "delay"),
    [
        ("User-agent: *\nCrawl-delay: 1.5", 1.5),
        ("User-agent: *\nCrawl-delay: 10\nUser-agent: aiwire\nCrawl-delay: 2", 2.0),
        ("User-agent: bing\nCrawl-delay: 10", None),
        ("User-agent: *\nCrawl-delay: 0", None),
        ("User-agent: *\nCrawl-delay: -1", None),
        ("User-agent: *\nCrawl-delay: inf", None),
        ("User-agent: *\nCrawl-delay: soon", None),
    ],
)
def test_the_crawl_delay_that_is_meant_for_us(body: str, delay: float | None) -> None:
    assert robots.crawl_delay(rules(body)) == delay


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("User-agent: GPTBot\nDisallow: /", ("GPTBot",)),
        ("User-agent: gptbot\nUser-agent: CCBot/2.0\nUser-agent: Bing\nDisallow: /", ("CCBot", "GPTBot")),
        ("User-agent: *\nDisallow: /", ()),
        ("User-agent: ClaudeBot\nDisallow: /private", ()),
        ("User-agent: ClaudeBot\nAllow: /\n\nUser-agent: *\nDisallow: /", ()),
        ("User-agent: Google-Extended\nDisallow: /\nUser-agent: AI2Bot\nDisallow: *", ("AI2Bot", "Google-Extended")),
        ("# User-agent: GPTBot\nDisallow: /", ()),
    ],
)
def test_ai_crawlers_that_are_kept_out_by_name(body: str, names: tuple[str, ...]) -> None:
    assert robots.ai_opt_outs(body) == names


PIECES = st.sampled_from(
    ["User-agent: ", "aiwire", "*", "\n", "Disallow: ", "Allow: ", "/", "$", "%", "%zz", "http://[", "Crawl-delay: ",
     "nan", "GPTBot", "#", "\x00", "\ud800", "\u2028", "é", "?"]
)  # fmt: skip


@given(
    st.binary(max_size=300) | st.lists(PIECES, max_size=30).map(lambda all_: "".join(all_).encode("utf-8", "replace"))
)
def test_no_bytes_crash_and_no_line_addresses_us_by_chance(body: bytes) -> None:
    file = robots.robots_file(answer(body), now=NOW, before=None)

    assert robots.crawl_delay(file) is None or robots.crawl_delay(file) > 0
    assert set(robots.ai_opt_outs(file.body)) <= set(robots.AI_CRAWLERS)
    assert b"aiwire" in body.lower() or b"*" in body or robots.refusal(file, SITE + "/x", now=NOW) is None


@given(st.lists(PIECES, max_size=30).map("".join))
@settings(deadline=None)
def test_no_text_crashes(body: str) -> None:
    assert robots.forbidden_by(rules(body), SITE + "/a?b=[") is None or "isallow" in body
    robots.ai_opt_outs(body)


def test_a_hostile_file_of_many_groups_costs_neither_time_nor_memory() -> None:
    agents = "".join(f"User-agent: a{n}\n" for n in range(14_000))
    body = (agents + "Allow: /\n" * 27_000)[: robots.ROBOTS_BYTES]
    with cpu_under(20):  # their product would be 378 million rules
        assert allowed(body, "/x")


# ---------------------------------------------------------------- a file and its age


def answer(body: bytes, status: int = 200, url: str = SITE + "/robots.txt") -> FetchResult:
    return FetchResult(ask(url, "robots"), Response(url, url, status, {}, body), 1, len(body))


def failure(status: int | None = None, reason: Any = "status", url: str = SITE + "/robots.txt") -> FetchResult:
    return FetchResult(ask(url, "robots"), FetchError(url, "it failed", reason=reason, status=status), 1, 0)


def test_a_file_is_read_up_to_500_kib_and_a_line_that_is_cut_does_not_count() -> None:
    start = b"User-agent: *\nDisallow: /a\n"
    line = b"Disallow: /"
    body = start + b"#" * (robots.ROBOTS_BYTES - len(start) - len(line) - 1) + b"\n" + line

    file = robots.robots_file(answer(body), now=NOW, before=None)

    assert len(body) == robots.ROBOTS_BYTES
    assert robots.forbidden_by(file, SITE + "/a") is not None
    assert robots.forbidden_by(file, SITE + "/b") is None


@pytest.mark.parametrize("result", [failure(404), failure(401), failure(403), failure(410), failure(None, "redirect")])
def test_a_site_without_rules_allows_everything(result: FetchResult) -> None:
    before = rules("User-agent: *\nDisallow: /", fetched_at=NOW - 30 * HOUR)

    file = robots.robots_file(result, now=NOW, before=before)

    assert robots.refusal(file, SITE + "/x", now=NOW) is None
    assert robots.is_fresh(file, NOW)


UNREADABLE = [failure(500), failure(503), failure(429), failure(None, "timeout"), failure(None, "encoding")]


@pytest.mark.parametrize("result", UNREADABLE)
def test_rules_that_were_never_read_forbid_everything_for_seven_days(result: FetchResult) -> None:
    first = robots.robots_file(result, now=NOW, before=None)
    second = robots.robots_file(result, now=NOW + 100 * HOUR, before=first)

    assert not robots.is_fresh(first, NOW)
    refusal = robots.refusal(second, SITE + "/x", now=NOW + 100 * HOUR)
    assert refusal is not None
    assert "https://site.example/robots.txt could not be read (it failed)" in refusal
    assert robots.refusal(second, SITE + "/x", now=NOW + 169 * HOUR) is None


@pytest.mark.parametrize("result", UNREADABLE)
def test_rules_that_were_read_once_count_until_new_ones_are(result: FetchResult) -> None:
    before = rules("User-agent: *\nDisallow: /x", fetched_at=NOW - 30 * HOUR)

    file = robots.robots_file(result, now=NOW, before=before)

    assert file == replace(before, error="it failed")
    assert not robots.is_fresh(file, NOW)
    assert robots.refusal(file, SITE + "/y", now=NOW) is None
    assert "an older copy; now: it failed" in (robots.refusal(file, SITE + "/x", now=NOW) or "")
    assert robots.robots_file(answer(b""), now=NOW, before=file) == rules("")


@pytest.mark.parametrize("purpose", ["page", "listing", "sitemap", "discovery"])
def test_a_remedy_speaks_of_full_text_only_where_pages_are_forbidden(purpose: Any) -> None:
    gate = RobotsGate({SITE: rules("User-agent: *\nDisallow: /x")}, now=NOW, strict_opt_outs=False)

    refused = gate.refused(ask(SITE + "/x", purpose), SITE + "/x")

    assert refused is not None
    assert "set enabled = false" in refused.message
    assert ("full_text = 'never'" in refused.message) is (purpose == "page")
    assert ("take a feed of the site" in refused.message) is (purpose != "page")


def test_a_file_is_fresh_for_a_day() -> None:
    assert robots.is_fresh(rules(""), NOW + 23 * HOUR)
    assert not robots.is_fresh(rules(""), NOW + 24 * HOUR)
    assert not robots.is_fresh(rules(""), NOW - 25 * HOUR)  # the clock was wrong then or is now
    assert not robots.is_fresh(None, NOW)


def test_an_answer_that_cannot_be_is_no_answer() -> None:
    result = FetchResult(ask(SITE + "/robots.txt", "robots"), NotModified(SITE, {}), 1, 0)

    assert robots.robots_file(result, now=NOW, before=rules("x")) == rules("x", error="HTTP 304")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTPS://me@Site.Example:443/a?b#c", "https://site.example"),
        ("http://site.example:8080", "http://site.example:8080"),
        ("http://[::1]/x", "http://[::1]"),
        ("https://bücher.example/", "https://xn--bcher-kva.example"),
        ("ftp://site.example/", ""),
        ("nonsense", ""),
    ],
)
def test_the_origin_of_a_url(url: str, origin: str) -> None:
    assert robots.origin_of(url) == origin


def test_rules_are_asked_for_before_the_first_request_that_needs_them_and_not_for_feeds() -> None:
    feed, page, same = ask(SITE + "/feed", "feed"), ask(SITE + "/a"), ask(SITE + "/b", "listing")
    other, known = ask("http://site.example/", "sitemap", source_id="o"), ask("https://known.example/")
    files = {"https://known.example": rules("", origin="https://known.example")}

    planned = robots.with_robots([feed, page, same, other, known], files, now=NOW)

    first = ask(SITE + "/robots.txt", "robots")
    second = ask("http://site.example/robots.txt", "robots", source_id="o")
    assert planned == [feed, first, page, same, second, other, known]


def test_nothing_is_refused_before_its_rules_are_known() -> None:
    stale = rules("User-agent: *\nDisallow: /", fetched_at=NOW - 30 * HOUR)
    gate = RobotsGate({SITE: stale}, now=NOW, strict_opt_outs=True)
    page = ask(SITE + "/a")

    assert gate.refused(page, page.url) is None
    assert gate.refused(ask(SITE + "/a", "feed"), SITE + "/a") is None
    gate.learn(answer(b""))
    assert gate.refused(page, page.url) is None
    gate.learn(answer(b"User-agent: *\nDisallow: /a"))
    assert gate.refused(page, page.url) is not None


# ---------------------------------------------------------------- whole runs

LIMITS = FetchLimits(host_gap_s=0.05, total_s=10.0, read_s=5.0, retries=0)


def run(
    requests: list[Request], known: Mapping[str, RobotsFile] | None = None, limits: FetchLimits = LIMITS, **values: Any
) -> dict[str, FetchResult]:
    transport = network_transport(limits, guard=Guard(("127.0.0.0/8", "localhost")))
    fetcher = Fetcher(limits, user_agent="aiwire/0.1", transport=transport, **values)
    results = list(fetcher.fetch_all(requests, now=NOW, robots=known))
    assert len(results) + fetcher.left.total >= len(requests)
    assert len({result.request for result in results}) == len(results)
    return {result.request.url: result for result in results}


def refused(result: FetchResult) -> str:
    assert isinstance(result.outcome, FetchError), result.outcome
    assert result.outcome.reason == "robots"
    return result.outcome.message


def test_a_run_asks_for_the_rules_first_and_obeys_them(loopback: Loopback) -> None:
    rules_url = loopback.reply("/robots.txt", b"User-agent: *\nDisallow: /private\nCrawl-delay: 0.2")
    free, private = loopback.reply("/a", b"a"), loopback.reply("/private", b"b")
    free2 = loopback.reply("/c", b"c")

    results = run([ask(free), ask(private), ask(free2)])

    assert loopback.paths() == ["/robots.txt", "/a", "/c"]
    assert loopback.seen[0].headers["accept"].startswith("text/plain")
    assert all(later.at - earlier.at > 0.1 for earlier, later in itertools.pairwise(loopback.seen))
    assert refused(results[private]) == (
        f"{rules_url} forbids it to aiwire; set enabled = false or full_text = 'never' for the source, "
        "or ask the publisher"
    )
    assert isinstance(results[free2].outcome, Response)
    assert results[rules_url].request.purpose == "robots"
    assert isinstance(results[rules_url].outcome, Response)
    assert all(result.lane is not None and result.lane.crawl_delay_s == 0.2 for result in results.values())


def test_fresh_rules_are_not_asked_for_again_and_refuse_without_any_request(loopback: Loopback) -> None:
    page, feed = loopback.reply("/a", b"a"), loopback.reply("/feed", b"f")
    known = rules("User-agent: *\nDisallow: /", origin=loopback.url(""))

    results = run([ask(page), ask(feed, "feed")], {known.origin: known})

    assert loopback.paths() == ["/feed"]
    assert "forbids it to aiwire" in refused(results[page])
    assert isinstance(results[feed].outcome, Response)
    assert results[feed].robots == f"{known.origin}/robots.txt forbids it to aiwire"


def test_feeds_alone_ask_for_no_rules_but_keep_a_known_crawl_delay(loopback: Loopback) -> None:
    feeds = [ask(loopback.reply(f"/{n}", b"x"), "feed") for n in range(3)]
    known = rules("User-agent: *\nCrawl-delay: 0.2", origin=loopback.url(""), fetched_at=NOW - 99 * HOUR)

    results = run(feeds, {known.origin: known})

    assert loopback.paths() == ["/0", "/1", "/2"]
    assert all(later.at - earlier.at > 0.1 for earlier, later in itertools.pairwise(loopback.seen))
    assert all(result.robots is None for result in results.values())


@pytest.mark.parametrize("status", ["404 Not Found", "401 Unauthorized"])
def test_a_run_over_a_site_without_rules_takes_everything(loopback: Loopback, status: str) -> None:
    rules_url = loopback.reply("/robots.txt", b"no", status=status)
    page = loopback.reply("/a", b"a")

    results = run([ask(page, "sitemap")])

    assert isinstance(results[page].outcome, Response)
    assert isinstance(results[rules_url].outcome, FetchError)


def test_rules_that_cannot_be_read_hold_pages_back_unless_older_ones_are_known(loopback: Loopback) -> None:
    loopback.reply("/robots.txt", status="500 Oops")
    page = loopback.reply("/a", b"a")
    older = rules("", origin=loopback.url(""), fetched_at=NOW - 99 * HOUR)

    without, with_older = run([ask(page)]), run([ask(page)], {older.origin: older})

    message = refused(without[page])
    assert message.endswith("(HTTP 500 Internal Server Error): nothing is fetched until it can, or for 7 days")
    assert isinstance(with_older[page].outcome, Response)
    assert loopback.paths() == ["/robots.txt", "/robots.txt", "/a"]


def test_a_page_of_a_dead_host_fails_for_that_reason_and_not_for_its_rules(unused_port: int) -> None:
    page = f"http://127.0.0.1:{unused_port}/a"

    outcome = run([ask(page)])[page].outcome

    assert isinstance(outcome, FetchError)
    assert outcome.reason == "connect"
    assert "/robots.txt could not be read (no connection: " in outcome.message


def test_a_throttled_request_for_rules_leaves_the_pages_for_later(loopback: Loopback) -> None:
    rules_url = loopback.reply("/robots.txt", status="429 Slow Down")
    page = loopback.reply("/a", b"a")

    results = run([ask(page)])

    assert list(results) == [rules_url]
    assert loopback.paths() == ["/robots.txt"]


def test_rules_behind_a_broken_connection_are_tried_again_before_the_pages(loopback: Loopback) -> None:
    rules_url = loopback.reply("/robots.txt", status="502 Bad Gateway")
    page = loopback.reply("/a", b"a")

    results = run([ask(page)], limits=replace(LIMITS, retries=1))

    assert loopback.paths() == ["/robots.txt", "/robots.txt"]
    assert results[rules_url].retried
    refused(results[page])


def test_a_page_that_leads_to_another_origin_asks_that_origins_rules_once(loopback: Loopback) -> None:
    loopback.reply("/robots.txt", b"User-agent: *\nDisallow: /no")
    elsewhere = loopback.url("/robots.txt", host="localhost")
    pages = []
    for n, target in enumerate(["/yes", "/no", "/yes?2"]):
        loopback.reply(target, b"there")
        location = {"Location": loopback.url(target, host="localhost")}
        pages.append(loopback.reply(f"/{n}", status="302 Found", headers=location))

    results = run([ask(page) for page in pages])

    assert loopback.paths() == ["/robots.txt", "/0", "/robots.txt", "/yes", "/1", "/2", "/yes?2"]
    assert isinstance(results[pages[0]].outcome, Response)
    assert refused(results[pages[1]]).startswith(f"{elsewhere} forbids it")
    assert isinstance(results[elsewhere].outcome, Response)


def test_a_redirect_to_an_origin_that_throttles_its_rules_is_not_followed(loopback: Loopback) -> None:
    async def once(seen: Seen, writer: asyncio.StreamWriter) -> None:
        local = seen.headers["host"].startswith("localhost")
        status = b"429 Slow Down" if local else b"404 Not Found"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

    loopback.script("/robots.txt", once)
    page = loopback.reply("/a", status="302 Found", headers={"Location": loopback.url("/b", host="localhost")})

    results = run([ask(page)])

    assert "could not be read (HTTP 429 Too Many Requests)" in refused(results[page])
    assert loopback.paths() == ["/robots.txt", "/a", "/robots.txt"]


def test_a_redirect_within_the_origin_is_checked_too(loopback: Loopback) -> None:
    loopback.reply("/robots.txt", b"User-agent: *\nDisallow: /private")
    page = loopback.reply("/a", status="301 Moved", headers={"Location": "/private/b"})

    results = run([ask(page)])

    refused(results[page])
    assert loopback.paths() == ["/robots.txt", "/a"]


def test_strict_opt_outs_leave_out_pages_but_neither_feeds_nor_listings(loopback: Loopback) -> None:
    rules_url = loopback.reply("/robots.txt", b"User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /")
    page, feed, listing = (loopback.reply(path, b"x") for path in ("/page", "/feed", "/listing"))
    requests = [ask(page), ask(feed, "feed"), ask(listing, "listing")]

    strict, normal = run(requests, strict_opt_outs=True), run(requests)

    assert refused(strict[page]).startswith(f"{rules_url} keeps out AI crawlers (CCBot, GPTBot) and opt_outs is")
    assert all(isinstance(strict[url].outcome, Response) for url in (feed, listing))
    assert isinstance(normal[page].outcome, Response)


def test_a_large_file_is_cut_and_not_an_error(loopback: Loopback) -> None:
    rules_url = loopback.reply("/robots.txt", b"User-agent: *\nDisallow: /x\n" + b"# more\n" * 200_000)
    page = loopback.reply("/x", b"x")

    results = run([ask(page)])

    refused(results[page])
    outcome = results[rules_url].outcome
    assert isinstance(outcome, Response)
    assert len(outcome.body) == robots.ROBOTS_BYTES


def test_a_replay_asks_for_no_rules(loopback: Loopback) -> None:
    page = loopback.reply("/a", b"a")

    results = run([ask(page)], limits=LIMITS.for_replay())

    assert list(results) == [page]


def test_pages_beyond_the_cap_ask_for_no_rules_of_their_origin(loopback: Loopback) -> None:
    limits = replace(LIMITS, max_per_lane=1)
    transport = network_transport(limits, guard=Guard(("127.0.0.0/8",)))
    fetcher = Fetcher(limits, user_agent="aiwire/0.1", transport=transport)
    pages = [ask(loopback.reply(f"/{n}", b"x")) for n in range(3)]

    results = list(fetcher.fetch_all(pages, now=NOW))

    assert loopback.paths() == ["/robots.txt", "/0"]
    assert len(results) == 2
    assert fetcher.left == LeftOut(cap=2)


def test_a_first_failure_under_a_clock_years_ahead_closes_no_origin_for_years():
    before = RobotsFile("https://a.example", NOW + timedelta(days=3650), 503, "", "HTTP 503")
    error = FetchError("https://a.example/robots.txt", "HTTP 503", reason="status", status=503)
    result = FetchResult(Request("https://a.example/robots.txt", "s", "robots"), error, 1, 0)

    assert robots.robots_file(result, now=NOW, before=before).fetched_at == NOW
