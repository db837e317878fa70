"""Ctrl-C and SIGTERM: one line, an exit status of its own, no process left behind, and a database that is whole."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from http_site import START, item, rss, started, write_sources

from aiwire.types import Source

if TYPE_CHECKING:
    from conftest import Loopback, Seen

# click ends the line in which a terminal has shown ^C.
ENDS = {signal.SIGINT: (130, "\naiwire: interrupted\n"), signal.SIGTERM: (143, "aiwire: terminated\n")}


def listed(folder: Path, *urls: str) -> None:
    """Write the source list: one feed for each of the URLs."""
    write_sources(folder, [_source(f"s{n}", url) for n, url in enumerate(urls)])


def _source(id: str, url: str) -> Source:
    return Source(id=id, name=id, kind="feed", url=url, publisher=id, every_minutes=60, full_text="never")


def runs_and_articles(folder: Path) -> tuple[list[tuple[str, str]], int]:
    db = sqlite3.connect(folder / "news.db")
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        runs = db.execute("SELECT status, message FROM runs").fetchall()
        return runs, db.execute("SELECT count(*) FROM articles").fetchone()[0]
    finally:
        db.close()


@pytest.mark.parametrize("number", ENDS, ids=lambda number: signal.Signals(number).name)
def test_a_run_that_is_ended_says_so_and_the_next_one_does_the_rest(
    number: signal.Signals, loopback: Loopback, tmp_path: Path
) -> None:
    async def hangs(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    quick = loopback.reply("/quick", rss(item("one", date=START)))
    listed(tmp_path, quick, loopback.script("/slow", hangs))
    run = started(tmp_path, "fetch", "--db", "news.db", AIWIRE_HOST_GAP_S="0.5")
    while "/slow" not in loopback.paths() and run.poll() is None:
        time.sleep(0.01)
    begin = time.monotonic()
    run.send_signal(number)
    out, err = run.communicate(timeout=30)
    took = time.monotonic() - begin
    ((status, message),), _ = runs_and_articles(tmp_path)
    loopback.reply("/slow", rss(item("two", date=START)))
    again = started(tmp_path, "fetch", "--db", "news.db")
    again.communicate(timeout=30)

    assert (run.returncode, err) == ENDS[number]
    assert out == ""
    assert took < 10
    assert (status, message.partition(":")[0]) == (
        "failed",
        "KeyboardInterrupt" if number == signal.SIGINT else "Terminated",
    )
    assert again.returncode == 0
    assert runs_and_articles(tmp_path)[1] == 2


@pytest.mark.parametrize("number", ENDS, ids=lambda number: signal.Signals(number).name)
def test_it_may_end_at_any_moment_while_the_parsers_start(
    number: signal.Signals, loopback: Loopback, tmp_path: Path
) -> None:
    feeds = [loopback.reply(f"/{n}", rss(item(f"n{n}", date=START)), delay=0.05) for n in range(8)]
    listed(tmp_path, *feeds)
    ends = []
    for n in range(6):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "sources.toml").write_bytes((tmp_path / "sources.toml").read_bytes())
        asked = len(loopback.seen)
        run = started(folder, "fetch", "--db", "news.db", AIWIRE_HOST_GAP_S="0.3")
        while len(loopback.seen) == asked and run.poll() is None:
            time.sleep(0.01)
        time.sleep(0.1 * n)
        run.send_signal(number)
        _, err = run.communicate(timeout=30)
        ends.append((run.returncode, err))
        runs_and_articles(folder)

    assert ends == [ENDS[number]] * 6


def test_sigterm_twice_in_a_row_as_timeout_sends_it_ends_as_once(loopback: Loopback, tmp_path: Path) -> None:
    listed(tmp_path, loopback.reply("/feed", rss("one"), delay=30.0))
    run = started(tmp_path, "fetch", "--db", "news.db")
    while not loopback.seen and run.poll() is None:
        time.sleep(0.01)

    run.send_signal(signal.SIGTERM)
    time.sleep(0.02)
    run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=30)

    assert (run.returncode, err) == ENDS[signal.SIGTERM]


def test_sigterm_that_whoever_started_us_has_ignored_stays_ignored() -> None:
    script = (
        "import signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "sys.argv = ['aiwire', '--version']\nfrom aiwire.cli import main\n"
        "try: main()\nexcept SystemExit as e: print(e.code)\n"
        "signal.raise_signal(signal.SIGTERM)\nprint('goes on')\n"
    )

    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines()[1:] == ["0", "goes on"]
    assert (done.returncode, done.stderr) == (0, "")
