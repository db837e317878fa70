"""Rows 1 to 9 of our list of 27 things that a reader of feeds must do right in HTTP: validators, redirects, refusals.

Each row is tried with whole runs: real sockets on 127.0.0.1, what the server saw, what the database holds afterwards.
Rows 10 to 18, bodies of every kind, are in test_http_rules_hostile.py, rows 19 to 23 in test_http_rules_runs.py, rows
24 to 27 in test_http_rules_defence.py.
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from http_site import (
    DAY,
    HOUR,
    MINUTE,
    START,
    XML,
    Cron,
    item,
    lines,
    not_modified_once_asked,
    numbered,
    rss,
    statuses,
)  # fmt: skip

if TYPE_CHECKING:
    pass

NOT_MODIFIED = "304 Not Modified"


# ---------------------------------------------------------------- validators


def test_row_01_a_304_keeps_the_validators_or_renews_them_and_changes_no_article(cron: Cron) -> None:
    feed, date = cron.feed(), "Mon, 23 Nov 2026 05:00:00 GMT"
    cron.server.reply("/feed", rss("a"), headers={"ETag": '"1"', "Last-Modified": date})
    cron.run(feed)
    before = cron.rows("articles")
    cron.server.reply("/feed", status=NOT_MODIFIED)
    without = cron.line(feed, after=HOUR)
    cron.server.reply("/feed", status=NOT_MODIFIED, headers={"ETag": '"2"'})
    with_new = cron.line(feed, after=HOUR)

    last = cron.line(feed, after=HOUR)

    assert cron.asked("if-none-match") == [None, '"1"', '"1"', '"2"']
    assert cron.asked("if-modified-since") == [None, date, date, date]
    assert [line.status for line in (without, with_new, last)] == ["not-modified"] * 3
    assert cron.fetches() == [("ok", 200), *[("not-modified", 304)] * 3]
    assert cron.rows("articles") == before
    assert (cron.state().etag, cron.state().last_modified, cron.state().ok_at) == ('"2"', date, cron.now)


def test_row_01_a_304_that_nobody_asked_for_is_a_failure(cron: Cron) -> None:
    cron.server.reply("/feed", status=NOT_MODIFIED)

    line = cron.line(cron.feed())

    assert (line.status, cron.state().ok_at, cron.state().error_count) == ("failed", None, 1)


def test_row_02_a_new_etag_on_the_same_body_is_kept_and_nothing_is_read_again(cron: Cron) -> None:
    feed = cron.feed()
    cron.server.reply("/feed", rss("a"), headers={"ETag": '"1"', "Last-Modified": "x"})
    cron.run(feed)
    before = cron.rows("articles")
    cron.server.reply("/feed", rss("a"), headers={"ETag": '"2"'})

    line = cron.line(feed, after=HOUR)
    cron.run(feed, after=HOUR)

    assert (line.status, line.new, line.changed) == ("unchanged", 0, 0)
    assert cron.asked("if-none-match") == [None, '"1"', '"2"']
    assert cron.asked("if-modified-since") == [None, "x", None]  # the answer had none: the old one is gone
    assert cron.rows("articles") == before


def test_row_03_a_strong_etag_on_two_bodies_is_a_lie_and_a_304_is_not_believed_for_long(cron: Cron) -> None:
    feed = cron.feed()
    rare = [item(f"old{n}", date=START - (n + 1) * 30 * DAY) for n in range(4)]  # else 304 is believed for 120 days
    cron.server.reply("/feed", rss(*rare), headers={"ETag": '"1"'})
    cron.run(feed)
    cron.server.reply("/feed", rss("second", *rare), headers={"ETag": '"1"'})
    second = cron.line(feed, after=HOUR)
    caught = cron.state().validators_trusted
    cron.server.script("/feed", not_modified_once_asked(rss("third", "second", *rare), ETag='"1"'))

    soon, late = cron.line(feed, after=HOUR), cron.line(feed, after=25 * HOUR)

    assert (second.new, caught) == (1, False)
    assert (soon.status, late.status, late.new) == ("not-modified", "ok", 1)
    assert cron.asked() == [None, '"1"', '"1"', None]


def test_row_03_an_honest_server_is_not_asked_for_whole_bodies(cron: Cron) -> None:
    feed = cron.feed()
    rare = [item(f"old{n}", date=START - (n + 1) * 30 * DAY) for n in range(4)]
    cron.server.script("/feed", not_modified_once_asked(rss(*rare), ETag='"1"'))
    cron.run(feed)

    later = [cron.line(feed, after=26 * HOUR).status for _ in range(5)]

    assert later == ["not-modified"] * 5
    assert cron.asked()[1:] == ['"1"'] * 5


def test_row_04_a_weak_etag_goes_back_with_its_w_and_may_stand_for_two_bodies(cron: Cron) -> None:
    feed, weak = cron.feed(), 'W/"a b"'
    cron.server.reply("/feed", rss("a"), headers={"ETag": weak})
    cron.run(feed)
    cron.server.reply("/feed", rss("b", "a"), headers={"ETag": weak})
    changed = cron.line(feed, after=HOUR)
    cron.server.reply("/feed", status=NOT_MODIFIED, headers={"ETag": weak})

    same = cron.line(feed, after=HOUR)

    assert (changed.status, changed.new, same.status) == ("ok", 1, "not-modified")
    assert cron.asked() == [None, weak, weak]
    assert cron.state().validators_trusted


@pytest.mark.parametrize(
    "odd",
    ["Mon, 99 Foo 26 8:00 +0900", "2026-11-23T05:00:00.123456Z", "Mon, 23 Nov 2026  05:00:00 gmt", "1795410000", "0"],
)
def test_row_05_a_last_modified_in_any_format_goes_back_to_the_letter(cron: Cron, odd: str) -> None:
    feed = cron.feed()
    cron.server.reply("/feed", rss("a"), headers={"Last-Modified": odd})
    cron.run(feed)
    cron.server.reply("/feed", status=NOT_MODIFIED)

    line = cron.line(feed, after=HOUR)

    assert line.status == "not-modified"
    assert cron.asked("if-modified-since") == [None, odd]
    assert cron.asked("if-none-match") == [None, None]


# ---------------------------------------------------------------- redirects


def redirect(cron: Cron, path: str, target: str, status: str) -> None:
    cron.server.reply(path, status=status, headers={"Location": target})


PERMANENT, TEMPORARY = ("301 Moved Permanently", "308 Permanent Redirect"), ("302 Found", "307 Temporary Redirect")


@pytest.mark.parametrize("busy", [True, False], ids=["busy", "quiet"])
def test_row_06_permanent_redirects_three_times_over_two_days_move_the_source_on_record(cron: Cron, busy: bool) -> None:
    feed = cron.feed()
    redirect(cron, "/feed", "/newer", PERMANENT[0])
    redirect(cron, "/newer", "/newest", PERMANENT[1])

    moves = []
    for day in range(3):
        names = numbered(day + 1 if busy else 1)
        newest = cron.server.reply("/newest", rss(*names), headers=XML | {"ETag": f'"{len(names)}"'})
        cron.run(feed, after=DAY)
        moves.append((cron.state().moved_to, len(cron.rows("source_moves")["source_moves"])))
    cron.run(feed, after=HOUR)

    assert moves == [(None, 0), (None, 0), (newest, 1)]
    assert cron.server.paths() == ["/feed", "/newer", "/newest"] * 3 + ["/newest"]
    assert cron.rows("source_moves")["source_moves"][0][2:] == (feed.url, newest)
    hops = [row[0] for row in cron.db.execute("SELECT hops FROM fetches ORDER BY id").fetchall()]
    assert ["308" in (text or "") for text in hops] == [True, True, True, False]
    assert cron.titles() == numbered(3 if busy else 1)


def test_row_06_two_sightings_are_too_few_however_far_apart(cron: Cron) -> None:
    redirect(cron, "/feed", "/newest", PERMANENT[0])
    cron.server.reply("/newest", rss("a"), headers={"ETag": '"1"'})

    cron.run(cron.feed())
    cron.run(cron.feed(), after=9 * DAY)

    assert (cron.state().moved_to, cron.state().redirect_count) == (None, 2)


def test_row_06_three_sightings_within_two_days_are_too_soon(cron: Cron) -> None:
    redirect(cron, "/feed", "/newest", PERMANENT[0])
    cron.server.reply("/newest", rss("a"), headers={"ETag": '"1"'})

    for _ in range(5):
        cron.run(cron.feed(), after=11 * HOUR)

    assert cron.state().moved_to is None
    assert cron.server.paths() == ["/feed", "/newest"] * 5


@pytest.mark.parametrize("first", [*TEMPORARY, PERMANENT[0]])
def test_row_06_a_temporary_redirect_on_the_way_is_never_kept(cron: Cron, first: str) -> None:
    redirect(cron, "/feed", "/mixed", first)
    redirect(cron, "/mixed", "/else", "302 Found")
    cron.server.reply("/else", rss("a"), headers={"ETag": '"1"'})

    read = [cron.line(cron.feed(), after=DAY).status for _ in range(5)]

    assert read == ["ok", *["unchanged"] * 4]
    assert cron.server.paths() == ["/feed", "/mixed", "/else"] * 5
    assert (cron.state().moved_to, cron.rows("source_moves")) == (None, {"source_moves": []})


@pytest.mark.parametrize(
    ("target", "reason", "status"),
    [
        ("/feed", "redirect", "redirect loop"),
        ("file:///etc/passwd", "redirect", "not an http or https URL"),
        ("http://10.0.0.1/feed", "address", "a private address"),
        ("http://localhost.example:1/feed", "connect", "no connection"),
    ],
    ids=["loop", "file", "inside", "dead"],
)
def test_row_06_a_redirect_that_leads_nowhere_fails_one_source_and_moves_none(
    cron: Cron, target: str, reason: str, status: str
) -> None:
    redirect(cron, "/feed", target, PERMANENT[0])
    cron.server.reply("/fine", rss("fine"))

    for _ in range(4):
        report = cron.run(cron.feed(), cron.feed("/fine", id="fine"), after=8 * DAY)

    assert status in (lines(report)["s"].error or "")
    assert lines(report)["fine"].error is None
    assert cron.db.execute("SELECT DISTINCT outcome FROM fetches WHERE source_id = 's'").fetchall() == [(reason,)]
    assert (cron.state().error_count, cron.state().moved_to) == (4, None)
    assert cron.titles() == ["fine"]


def test_row_06_another_domain_is_read_each_time_and_only_suggested(cron: Cron) -> None:
    elsewhere = cron.server.url("/else", host="buyer.example")
    inside = cron.server.url("/own", host="www.publisher.example")
    redirect(cron, "/feed", elsewhere, PERMANENT[0])
    redirect(cron, "/old", inside, PERMANENT[0])
    cron.server.reply("/else", rss("a"), headers={"ETag": '"1"'})
    cron.server.reply("/own", rss("b"), headers={"ETag": '"1"'})
    sources = cron.feed(host="publisher.example"), cron.feed("/old", id="own", host="publisher.example")

    for _ in range(4):
        cron.run(*sources, after=DAY)

    assert (cron.state().moved_to, cron.state().suggestion) == (None, elsewhere)
    assert (cron.state("own").moved_to, cron.state("own").suggestion) == (inside, None)
    assert cron.server.paths().count("/feed") == 4
    assert cron.titles() == ["a", "b"]


# ---------------------------------------------------------------- refusals


def test_row_07_410_once_is_asked_again_and_twice_a_day_apart_never(cron: Cron) -> None:
    feed = cron.feed()
    cron.server.reply("/feed", rss("a"))
    cron.run(feed)
    cron.server.reply("/feed", status="410 Gone")
    once = cron.line(feed, after=3 * HOUR)
    doubted = cron.state()
    cron.run(feed, after=DAY - MINUTE)  # not due yet

    twice = cron.line(feed, after=MINUTE)
    years_later = cron.run(feed, after=700 * DAY)

    assert (once.status, doubted.status, doubted.next_check_at) == ("failed", "missing", START + 3 * HOUR + DAY)
    assert (twice.status, cron.state().status, cron.state().next_check_at) == ("failed", "gone", None)
    assert (years_later.sources_due, years_later.lines) == (0, [])
    assert cron.server.paths() == ["/feed"] * 3
    assert cron.titles() == ["a"]


def test_row_07_an_answer_between_two_410_starts_the_count_anew(cron: Cron) -> None:
    feed = cron.feed()
    cron.server.reply("/feed", status="410 Gone")
    cron.run(feed)
    cron.server.reply("/feed", rss("a"))
    cron.run(feed, after=DAY)
    cron.server.reply("/feed", status="410 Gone")

    cron.run(feed, after=DAY)

    assert (cron.state().status, cron.state().gone_at) == ("missing", cron.now)
    assert cron.state().next_check_at == cron.now + DAY


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("7200", 2 * HOUR),
        (format_datetime(START + 3 * HOUR, usegmt=True), 3 * HOUR),
        (format_datetime(START - 3 * HOUR, usegmt=True), 30 * MINUTE),
        ("-7200", 30 * MINUTE),
        ("1000000000", 7 * DAY),
        (None, 30 * MINUTE),
    ],
    ids=["seconds", "date", "past-date", "negative", "absurd", "none"],
)
def test_row_08_429_leaves_the_whole_host_alone_as_long_as_it_asks_for(
    cron: Cron, retry_after: str | None, wait: timedelta
) -> None:
    headers = {"Retry-After": retry_after} if retry_after else {}
    cron.server.reply("/a", status="429 Too Many Requests", headers=headers)
    cron.server.reply("/b", rss("b"))
    sources = cron.feed("/a", id="a"), cron.feed("/b", id="b")

    first = cron.run(*sources)
    blocked_until = cron.lane().blocked_until
    early = cron.run(*sources, after=wait - MINUTE)
    asked_early = cron.server.paths()
    late = cron.run(*sources, after=2 * MINUTE)

    assert (statuses(first), first.deferred) == ({"a": "failed"}, 1)
    assert blocked_until is not None
    assert wait <= blocked_until - START < wait + MINUTE
    assert (early.lines, early.deferred > 0, asked_early) == ([], True, ["/a"])
    assert statuses(late)["b"] == "ok"
    assert cron.db.execute("SELECT outcome, status FROM fetches WHERE source_id = 'a' LIMIT 1").fetchall() == [
        ("status", 429)
    ]


def test_row_08_429_is_held_against_nobody_for_long(cron: Cron) -> None:
    cron.server.reply("/feed", status="429 Too Many Requests", headers={"Retry-After": "7200"})
    cron.run(cron.feed())
    throttled = cron.state()
    cron.server.reply("/feed", rss("a"))

    line = cron.line(cron.feed(), after=3 * HOUR)

    assert (throttled.status, throttled.error_class) == ("throttled", "throttled")
    assert throttled.next_check_at is not None
    assert throttled.next_check_at >= START + 2 * HOUR
    assert (line.status, cron.state().status, cron.state().error_count) == ("ok", "ok", 0)


@pytest.mark.parametrize(("headers", "deferred"), [({"Retry-After": "3600"}, 3), ({}, 0)], ids=["asked", "not-asked"])
def test_row_09_503_with_retry_after_stops_its_host_and_no_other(
    cron: Cron, headers: dict[str, str], deferred: int
) -> None:
    cron.server.reply("/down", status="503 Service Unavailable", headers=headers)
    names = numbered(3)
    for name in names:
        cron.server.reply(f"/{name}", rss(name))
    cron.server.reply("/other", rss("other"))
    same_host = [cron.feed(f"/{name}", id=name, host="a.example") for name in names]
    sources = [cron.feed("/down", host="a.example"), *same_host, cron.feed("/other", id="other", host="b.example")]

    now = cron.run(*sources)
    asked_now = cron.server.paths()
    later = cron.run(*sources, after=62 * MINUTE)

    assert now.deferred == deferred
    assert ("/other" in asked_now, "/n0" in asked_now) == (True, not deferred)
    assert (cron.lane("a.example").reason is None) is (deferred == 0)
    assert cron.lane("b.example").blocked_until is None
    assert later.deferred == 0
    assert cron.titles() == ["n0", "n1", "n2", "other"]
