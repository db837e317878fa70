"""Rows 19 to 23 of our list of 27 things that a reader of feeds must do right in HTTP: runs that are cut off, killed or
doubled, and hosts that are shared.

Each row is tried with whole runs, as rows 1 to 9 are in test_http_rules.py; where it is about processes and their exit
status, with the command line.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from http_site import (
    HOUR,
    LIMITS,
    MINUTE,
    START,
    Cron,
    aiwire,
    answer,
    item,
    names_here,
    numbered,
    rss,
    started,
    write_sources,
)
from kill_and_finish import differences, requests_made, rows_of

from aiwire.exceptions import TryLater
from aiwire.types import iso
from db.connection import connect

if TYPE_CHECKING:
    from conftest import Loopback, Seen

KEPT = ("source_state", "source_items", "lanes", "articles")  # what a run may hold against a source, and its articles


def held(server: Loopback, path: str, body: bytes) -> tuple[threading.Event, threading.Event]:
    """Let an answer wait; return the events "it was asked for" and "it may go"."""
    asked, go = threading.Event(), threading.Event()

    async def handler(seen: Seen, writer: asyncio.StreamWriter) -> None:
        asked.set()
        while not go.is_set():
            await asyncio.sleep(0.01)
        writer.write(answer(body))

    server.script(path, handler)
    return asked, go


# ---------------------------------------------------------------- runs that do not end well


def no_names(host: str, port: int) -> Sequence[str]:
    raise socket.gaierror(socket.EAI_AGAIN, "no name server")


def test_row_19_without_dns_the_run_gives_up_and_no_counter_moves(cron: Cron) -> None:
    names = numbered(4)
    sources = [cron.feed(f"/{name}", id=name, host=f"{name}.example") for name in names]
    for name in names[:3]:
        cron.server.reply(f"/{name}", rss(name), headers={"ETag": '"1"'})
    cron.run(*sources)  # the last one fails: it has a counter that could rise
    before = cron.rows(*KEPT)
    cron.resolver = no_names

    with pytest.raises(TryLater, match="is this machine online") as caught:
        cron.run(*sources, after=7 * HOUR)
    after = cron.rows(*KEPT)
    status, message = cron.db.execute("SELECT status, message FROM runs ORDER BY id DESC").fetchone()
    cron.resolver = names_here
    online = cron.run(*sources, after=MINUTE)

    assert caught.value.exit_status == 75
    assert after == before
    assert (status, message.startswith("TryLater")) == ("failed", True)
    assert online.sources_due == 4
    assert cron.state("n3").error_count == 2


def test_row_19_the_command_line_exits_75_when_no_name_resolves(loopback: Loopback, tmp_path: Path, cron: Cron) -> None:
    cron.db.close()
    cron.db = connect(tmp_path / "news.db")
    sources = [cron.feed(f"/{name}", id=name, host=f"{name}.invalid") for name in numbered(3)]
    for source in sources:
        loopback.reply(f"/{source.id}", rss(source.id), headers={"ETag": '"1"'})
    cron.run(*sources)
    before = cron.rows(*KEPT)
    write_sources(tmp_path, sources)

    status, out, err = aiwire(tmp_path, "fetch", "--now", iso(START + 2 * HOUR))

    assert (status, out) == (75, "")
    assert "is this machine online?" in err
    assert len(err.splitlines()) == 1
    assert cron.rows(*KEPT) == before


def test_row_20_killed_at_each_step_and_started_again_it_ends_with_the_same_rows(
    loopback: Loopback, tmp_path: Path, cron: Cron
) -> None:
    page = "<html><head><title>Long</title></head><body><article><h1>Long</h1>{}</article></body></html>".format(
        "<p>The provider said it would add H100 servers to its data centre in Frankfurt next year.</p>" * 12
    )
    names = numbered(8 + (os.cpu_count() or 1))  # more than are read ahead: some are saved before the last is asked
    answers = {f"/{name}": rss(name, f"{name}b") for name in names}
    answers["/last"] = rss(item("long", link=loopback.url("/page")), "n0")
    answers |= {"/robots.txt": b"User-agent: *\nAllow: /\n", "/page": page.encode()}
    sources = [cron.feed(f"/{name}", id=name) for name in names] + [cron.feed("/last", id="last", full_text="always")]
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    for folder in (whole, torn):
        folder.mkdir()
        write_sources(folder, sources)
    for path, body in answers.items():
        loopback.reply(path, body)
    now = ("--now", iso(START))
    assert aiwire(whole, "fetch", *now)[0] == 0

    saved = []
    for path, at_least in (("/n0", 0), ("/last", 3), ("/robots.txt", len(sources)), ("/page", len(sources) + 1)):
        asked, _ = held(loopback, path, answers[path])
        killed = started(torn, "fetch", *now)
        assert asked.wait(30), path
        patient_until = time.monotonic() + 30
        while requests_made(torn) < at_least and time.monotonic() < patient_until:
            time.sleep(0.01)
        killed.kill()
        killed.communicate()
        saved.append(requests_made(torn))
        loopback.reply(path, answers[path])
    status, _, err = aiwire(torn, "fetch", *now)

    assert status == 0, err
    assert saved[0] == 0
    assert 3 <= saved[1] < len(names)
    assert saved[2:] == [len(sources), len(sources) + 1]
    assert differences(torn, whole) == {}
    db = connect(torn / "news.db")
    assert db.execute("SELECT count(*) FROM articles").fetchone() == (2 * len(names) + 1,)
    assert [row[0] for row in db.execute("SELECT status FROM runs ORDER BY id").fetchall()] == [
        *["stopped"] * 4, "done",
    ]  # fmt: skip
    assert db.execute("SELECT text_origin FROM articles WHERE title = 'long'").fetchall() == [("page",)]
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_row_21_of_two_runs_at_once_the_second_exits_75_and_the_first_goes_on(
    loopback: Loopback, tmp_path: Path, cron: Cron
) -> None:
    write_sources(tmp_path, [cron.feed()])
    asked, go = held(loopback, "/feed", rss("a"))
    first = started(tmp_path, "fetch")
    assert asked.wait(30)

    status, out, err = aiwire(tmp_path, "fetch")
    go.set()
    first.communicate(timeout=30)
    again = aiwire(tmp_path, "fetch", "--force")[0]

    assert (status, out, len(err.splitlines())) == (75, "", 1)
    assert "another aiwire is writing" in err
    assert (first.returncode, again) == (0, 0)
    assert loopback.paths() == ["/feed"] * 2
    assert [row[0] for row in rows_of(tmp_path)["sources"]] == ["s"]
    assert len(rows_of(tmp_path)["articles"]) == 1


# ---------------------------------------------------------------- hosts


def test_row_22_53_feeds_on_one_host_start_at_least_a_gap_apart(cron: Cron) -> None:
    gap = 0.05
    cron.limits = replace(LIMITS, host_gap_s=gap, max_per_lane=None)
    for name in numbered(53):
        cron.server.reply(f"/{name}", rss(name))
    sources = [cron.feed(f"/{name}", id=name) for name in numbered(53)]

    report = cron.run(*sources)

    starts = [seen.at for seen in cron.server.seen]
    assert (report.count("ok"), report.deferred, len(starts)) == (53, 0, 53)
    # What a busy machine sees late makes the next gap look short, but never two in a row.
    assert all(starts[n + 2] - starts[n] > gap for n in range(51))
    assert starts[-1] - starts[0] > 51 * gap
    assert {seen.connection for seen in cron.server.seen} == {1}


def test_row_22_beyond_the_cap_of_a_run_they_stay_due(cron: Cron) -> None:
    for name in numbered(53):
        cron.server.reply(f"/{name}", rss(name))
    sources = [cron.feed(f"/{name}", id=name) for name in numbered(53)]

    first, second = cron.run(*sources), cron.run(*sources, after=MINUTE)

    assert (first.count("ok"), first.deferred) == (30, 23)
    assert (second.sources_due, second.count("ok"), second.deferred) == (23, 23, 0)
    assert len(set(cron.server.paths())) == 53


@pytest.mark.parametrize(
    ("hosts", "shared"),
    [
        ([f"blog{n}.tumblr.com" for n in range(4)], True),
        ([f"blog{n}.substack.com" for n in range(4)], True),
        (["a.example", "b.example", "c.example", "d.example"], False),
    ],
    ids=["tumblr", "substack", "owners-of-their-own"],
)
def test_row_23_subdomains_of_one_platform_share_a_lane(cron: Cron, hosts: list[str], shared: bool) -> None:
    under_way = [0]

    async def slow(seen: Seen, writer: asyncio.StreamWriter) -> None:
        under_way.append(under_way[-1] + 1)
        await asyncio.sleep(0.15)
        under_way.append(under_way[-1] - 1)
        writer.write(answer(rss(seen.headers["host"])))

    cron.server.script("/feed", slow)

    report = cron.run(*(cron.feed(host=host, id=host) for host in hosts))

    assert report.count("ok") == 4
    assert (max(under_way) == 1) is shared
    assert len(cron.rows("lanes")["lanes"]) == (1 if shared else 4)
