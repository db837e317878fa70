"""Rows 24 to 27 of our list of 27 things that a reader of feeds must do right in HTTP: addresses inside of our own
network, what we tell about ourselves, clocks, and documents that attack.

Each row is tried with whole runs, as rows 1 to 9 are in test_http_rules.py; where it is about the clock or the settings
of a process, with the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from http_site import (
    AGENT,
    DAY,
    HOUR,
    MINUTE,
    START,
    Cron,
    aiwire,
    item,
    lines,
    names_here,
    rss,
    write_sources,
)

from aiwire import __version__
from db.connection import connect
from ingest.http.guard import Guard
from ingest.http.network import system_resolver

if TYPE_CHECKING:
    from conftest import Loopback


# ---------------------------------------------------------------- addresses


INSIDE = (
    "127.0.0.1", "localhost", "[::1]", "2130706433", "169.254.169.254", "0.0.0.0", "[::ffff:10.0.0.1]",
    "100.100.100.200", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.0.0.1", "192.168.0.1", "224.0.0.1", "0x7f.1",
)  # fmt: skip


def test_row_24_no_source_and_no_redirect_leads_inside(cron: Cron) -> None:
    cron.resolver = lambda host, port: (
        names_here(host, port) if host.endswith(".example") else system_resolver(host, port)
    )
    cron.guard = Guard([f"fine.example:{cron.server.port}"])
    cron.server.reply("/secret", rss("secret"))
    cron.server.reply("/fine", rss("fine"))
    outright, led = {}, {}
    for number, host in enumerate((*INSIDE, "wiki.example")):  # the last is a name that leads to a private address
        secret = cron.server.url("/secret", host=host)
        outright[host] = cron.source(f"source{number}", secret)
        cron.server.reply(f"/{number}", status="302 Found", headers={"Location": secret})
        led[host] = cron.feed(f"/{number}", id=f"hop{number}", host="fine.example")

    report = cron.run(*outright.values(), *led.values(), cron.feed("/fine", id="fine", host="fine.example"))
    outcomes = dict(cron.db.execute("SELECT source_id, outcome FROM fetches").fetchall())

    assert "/secret" not in cron.server.paths()
    for host in outright:
        assert (host, outcomes[outright[host].id], outcomes[led[host].id]) == (host, "address", "address")
    assert (outcomes["fine"], lines(report)["fine"].status, cron.titles()) == ("ok", "ok", ["fine"])
    assert cron.state("source0").error_class == "refused"


def test_row_24_a_name_that_is_rebound_is_refused_and_never_resolved_twice_for_one_connection(cron: Cron) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) % 2 else ["10.0.0.1"]

    cron.resolver = rebinding
    cron.server.reply("/feed", rss("a"), headers={"ETag": '"1"'})
    feed = cron.feed(host="rebind.example")

    outside, inside = cron.line(feed), cron.line(feed, after=HOUR)

    assert (outside.status, asked) == ("ok", ["rebind.example"] * 2)
    assert (inside.status, "a private address" in (inside.error or "")) == ("failed", True)
    assert cron.server.paths() == ["/feed"]


# ---------------------------------------------------------------- what we tell


def test_row_25_the_second_request_has_validators_and_nothing_that_tracks(cron: Cron) -> None:
    cookies = {"Set-Cookie": "id=1; Path=/", "ETag": '"1"', "Last-Modified": "yesterday"}
    cron.server.reply("/feed", status="302 Found", headers={"Location": "/moved", "Set-Cookie": "hop=1; Path=/"})
    cron.server.reply("/moved", rss("a"), headers=cookies)
    url = cron.server.url("/feed").replace("http://", "http://me:secret@")
    feed = cron.source("s", url)

    cron.run(feed)
    cron.run(feed, after=30 * MINUTE)  # not due: nobody is asked twice in an hour
    cron.run(feed, after=30 * MINUTE)

    usual = {"host", "user-agent", "accept", "accept-encoding"}
    assert cron.server.paths() == ["/feed", "/moved"] * 2
    assert [set(seen.headers) - {"connection"} for seen in cron.server.seen] == [
        usual, usual, *[usual | {"if-none-match", "if-modified-since"}] * 2,
    ]  # fmt: skip
    assert {seen.headers["user-agent"] for seen in cron.server.seen} == {AGENT}


def test_row_25_the_user_agent_names_us_and_how_to_reach_the_user(
    loopback: Loopback, tmp_path: Path, cron: Cron
) -> None:
    loopback.reply("/feed", rss("a"))
    write_sources(tmp_path, [cron.feed()])

    aiwire(tmp_path, "fetch", AIWIRE_CONTACT="https://me.example/bot")
    aiwire(tmp_path, "fetch", "--force")

    agents = [seen.headers["user-agent"] for seen in loopback.seen]
    assert agents == [f"aiwire/{__version__} (+https://me.example/bot)", f"aiwire/{__version__}"]


# ---------------------------------------------------------------- clocks


def test_row_26_a_run_under_a_clock_years_ahead_silences_no_source(cron: Cron) -> None:
    cron.server.reply("/feed", rss("a"), headers={"ETag": '"1"'})
    cron.run(cron.feed())
    cron.run(cron.feed(), after=3650 * DAY)
    planned = cron.state().next_check_at
    cron.server.reply("/feed", rss("b", "a"), headers={"ETag": '"2"'})

    back = cron.line(cron.feed(), after=-3649 * DAY)

    assert planned is not None
    assert planned > START + 3650 * DAY
    assert (back.status, back.new) == ("ok", 1)
    assert cron.state().next_check_at == START + DAY + HOUR


def test_row_26_a_clock_that_is_set_back_a_little_asks_nobody_twice(cron: Cron) -> None:
    cron.server.reply("/feed", rss("a"), headers={"ETag": '"1"'})
    runs = [
        cron.run(cron.feed(), after=after).sources_due for after in (timedelta(0), -HOUR, HOUR, 59 * MINUTE, MINUTE)
    ]

    assert runs == [1, 0, 0, 0, 1]
    assert cron.server.paths() == ["/feed"] * 2
    assert cron.state().next_check_at == START + 2 * HOUR


@pytest.mark.parametrize(
    ("moments", "asked"),
    [
        # the hour that comes twice: 02:30 summer time, 02:59, 02:30 winter time
        (("2026-10-25T02:30:00+02:00", "2026-10-25T02:59:00+02:00", "2026-10-25T02:30:00+01:00"), [1, 0, 1]),
        # the hour that is left out: 01:30, then 03:00 half an hour later, then 03:30
        (("2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"), [1, 0, 1]),
    ],
    ids=["autumn", "spring"],
)
def test_row_26_summer_time_neither_skips_nor_doubles_a_check(
    loopback: Loopback, tmp_path: Path, cron: Cron, moments: tuple[str, ...], asked: list[int]
) -> None:
    loopback.reply("/feed", rss("a"), headers={"ETag": '"1"'})
    write_sources(tmp_path, [cron.feed()])

    counts = []
    for moment in moments:
        before = len(loopback.seen)
        assert aiwire(tmp_path, "fetch", "--now", moment, TZ="Europe/Berlin")[0] == 0
        counts.append(len(loopback.seen) - before)

    assert counts == asked


def test_row_26_the_clock_of_the_command_line_is_utc_wherever_the_machine_is(
    loopback: Loopback, tmp_path: Path, cron: Cron
) -> None:
    loopback.reply("/feed", rss("a"))
    write_sources(tmp_path, [cron.feed()])
    before = datetime.now(UTC)

    aiwire(tmp_path, "fetch", TZ="Asia/Shanghai")

    db = connect(tmp_path / "news.db")
    (started_at,) = db.execute("SELECT started_at FROM runs").fetchone()
    db.close()
    assert before - MINUTE < datetime.fromisoformat(started_at) < before + MINUTE


# ---------------------------------------------------------------- documents that attack


def laughs() -> bytes:
    steps = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE rss [<!ENTITY l0 "ha ha ha ha">{steps}]>'
    return rss(item("laughs", text="&l9;"), start=f"<?xml version='1.0'?>{doctype}")


def test_row_27_a_billion_laughs_are_left_unexpanded_and_warned_of(cron: Cron) -> None:
    cron.server.reply("/feed", laughs())
    cron.server.reply("/fine", rss("fine"))

    report = cron.run(cron.feed(), cron.feed("/fine", id="fine"))

    line = lines(report)["s"]
    assert "broken XML" in (line.warning or line.error or "")
    assert cron.db.execute("SELECT max(length(text)) FROM articles").fetchone()[0] < 1000
    assert ("fine" in cron.titles(), report.internal_errors) == (True, 0)
    assert report.seconds < 20


DEEP = 100_000
NESTED = {
    "xml": rss(item("deep", text="<b>" * DEEP + "x" + "</b>" * DEEP)),
    "outside": b"<rss>" * DEEP + rss(item("deep", text="x"), start="") + b"</rss>" * DEEP,
    "html": rss(item("deep", text=f"<![CDATA[{'<div>' * DEEP}x{'</div>' * DEEP}]]>")),
    "escaped": rss(item("deep", text="&lt;i&gt;" * DEEP + "x")),
}


@pytest.mark.parametrize("where", NESTED)
def test_row_27_a_hundred_thousand_nested_tags_are_read_in_time(cron: Cron, where: str) -> None:
    cron.server.reply("/feed", NESTED[where])
    cron.server.reply("/fine", rss("fine"))

    report = cron.run(cron.feed(), cron.feed("/fine", id="fine"))

    assert (lines(report)["s"].error, lines(report)["fine"].error, report.internal_errors) == (None, None, 0)
    assert dict(cron.db.execute("SELECT title, text FROM articles").fetchall()) == {
        "deep": "x", "fine": "NVIDIA and AMD.",
    }  # fmt: skip
    assert report.seconds < 20


def test_row_27_nested_json_is_one_failed_line(cron: Cron) -> None:
    head = b'{"version":"https://jsonfeed.org/version/1.1","items":'
    cron.server.reply("/feed", head + b"[" * DEEP + b"]" * DEEP + b"}")
    cron.server.reply("/fine", rss("fine"))

    report = cron.run(cron.feed(), cron.feed("/fine", id="fine"))

    assert "nested too deep" in (lines(report)["s"].error or "")
    assert (cron.titles(), report.internal_errors) == (["fine"], 0)


def test_row_27_external_entities_are_neither_read_nor_asked_for(cron: Cron, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("the-secret-of-the-file")
    inside = cron.server.reply("/inside", b"the-secret-of-the-server")
    start = (
        f'<?xml version="1.0"?><!DOCTYPE rss SYSTEM "{inside}" [<!ENTITY file SYSTEM "file://{tmp_path}/file">'
        f'<!ENTITY inside SYSTEM "{inside}"><!ENTITY % more SYSTEM "{inside}">%more;]>'
    )
    trap = item("trap", text="[&file;][&inside;]", link="http://news.example/&file;/&inside;")
    place = f"<url><loc>http://news.example/&file;</loc><lastmod>{START:%Y-%m-%d}</lastmod></url>"
    bodies = {
        "feed": rss(trap, start=start),
        "broken": rss(trap, start=start).replace(b"</rss>", b"</<gml:pos>1 x</gml:pos>"),
        "sitemap": f"{start}<urlset>{place}</urlset>".replace("DOCTYPE rss", "DOCTYPE urlset").encode(),
        "listing": rss(trap, start=start),
    }
    for name, body in bodies.items():
        cron.server.reply(f"/{name}", body)
    cron.server.reply("/fine", rss("fine"))
    kinds = {"feed": "feed", "broken": "feed", "sitemap": "sitemap", "listing": "listing"}
    sources = [cron.feed(f"/{name}", id=name, kind=kind) for name, kind in kinds.items()]

    report = cron.run(*sources, cron.feed("/fine", id="fine"))

    assert (lines(report)["fine"].status, len(report.lines), report.internal_errors) == ("ok", 5, 0)
    assert "document type declaration" in (lines(report)["sitemap"].error or "")
    assert "/inside" not in cron.server.paths()
    assert "the-secret" not in "\n".join(cron.db.iterdump())


def test_row_27_a_page_of_nested_tags_leaves_the_articles_of_its_feed(cron: Cron) -> None:
    page = "<html><body>" + "<div>" * DEEP + "x" + "</div>" * DEEP + "</body></html>"
    cron.server.reply("/page", page.encode(), headers={"Content-Type": "text/html"})
    text = "<p>The provider said it would add H100 servers to its data centre in Frankfurt.</p>" * 12
    fine = cron.server.reply("/fine", f"<html><body><article><h1>fine</h1>{text}</article></body></html>".encode())
    cron.server.reply("/feed", rss(item("deep", link=cron.server.url("/page")), item("fine", link=fine)))

    report = cron.run(cron.feed(full_text="always"))

    origins = cron.db.execute("SELECT title, text_origin FROM articles ORDER BY title").fetchall()
    assert origins == [("deep", "feed"), ("fine", "page")]
    assert (report.pages.fetched, report.pages.failed) == (2, 0)
    assert (lines(report)["s"].new, report.internal_errors) == (2, 0)
    assert report.seconds < 20


def test_row_26_a_block_under_a_clock_years_ahead_silences_no_host(cron: Cron) -> None:
    cron.server.reply("/feed", status="429 Too Many Requests", headers={"Retry-After": "7200"})
    cron.run(cron.feed(), after=3650 * DAY)
    cron.server.reply("/feed", rss("a"))

    assert cron.line(cron.feed(), after=-3649 * DAY).status == "ok"
