"""Where digests go: files, commands and webhooks, those that fail among them."""

import json
import os
import time
from pathlib import Path

import feedparser
import pytest
from db_rows import NOW, article
from watch_calls import LATER, QUIET, bring, failed_run, prepare, run_json, script, watch
from watch_rows import (
    DAY,
    H100_TEXT,
)
from webhook_server import taking

from aiwire.pipeline.handover import Means, hand_over
from aiwire.types import iso
from db.watches import Batch, Delivery
from ingest.http.guard import Guard
from ingest.http.limits import FetchLimits


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    return prepare(tmp_path, monkeypatch)


@pytest.fixture
def taker():
    with taking() as server:
        yield server


# ---------------------------------------------------------------- files


def test_files_hold_what_was_told_and_stay_the_same():
    watch("add", "gpu", *QUIET, "--atom", "feed.xml", "--json-file", "feed.json", "--text-file", "feed.txt")
    watch("run")
    bring(article("third", H100_TEXT, day=LATER))
    watch("run", now=LATER)
    names = ("feed.xml", "feed.json", "feed.txt")
    before = [Path(name).read_bytes() for name in names]
    watch("run", now=LATER + DAY)

    assert [Path(name).read_bytes() for name in names] == before
    parsed = feedparser.parse("feed.xml")
    assert not parsed.bozo
    assert parsed.entries[0].title == "Title of third"
    assert len({entry.id for entry in parsed.entries}) == 4
    batches = json.loads(Path("feed.json").read_text())["batches"]
    assert [len(batch["stories"]) for batch in batches] == [1, 2]
    assert Path("feed.txt").read_text().index("third") < Path("feed.txt").read_text().index("first")


def test_a_feed_is_there_before_there_is_news():
    watch("add", "gpu", "--entity", "reuters", *QUIET, "--atom", "feed.xml", "--text-file", "feed.txt")
    watch("run")

    assert feedparser.parse("feed.xml").entries == []
    assert Path("feed.txt").read_text() == "gpu: nothing yet\n"


def test_a_file_that_was_deleted_comes_back_whole():
    watch("add", "gpu", *QUIET, "--atom", "feed.xml")
    watch("run")
    before = Path("feed.xml").read_bytes()
    Path("feed.xml").unlink()
    watch("run", now=LATER)

    assert Path("feed.xml").read_bytes() == before


def test_a_feed_keeps_the_newest_200():
    watch("add", "gpu", "--what", "stories", "--atom", "feed.xml", "--json-file", "feed.json")
    for n in range(3):
        moment = NOW + (n + 1) * DAY
        bring(*(article(f"n{n}-{i}", H100_TEXT, day=moment) for i in range(90)), now=moment)
        watch("run", now=moment)

    entries = feedparser.parse("feed.xml").entries
    assert len(entries) == 200
    assert [len(batch["stories"]) for batch in json.loads(Path("feed.json").read_text())["batches"]] == [90, 90, 20]
    assert entries[0].title.startswith("Title of n2-")


def test_a_file_that_cannot_be_written_is_written_by_the_next_run(tmp_path):
    (tmp_path / "out").mkdir()
    watch("add", "gpu", *QUIET, "--atom", "out/feed.xml", "--text-file", "feed.txt")
    (tmp_path / "out").rmdir()
    out, err = failed_run()
    (waiting,) = json.loads(watch("list", "--json"))
    (tmp_path / "out").mkdir()

    assert "Title of first" in out
    assert "out/feed.xml: cannot be written" in err
    assert Path("feed.txt").is_file()
    assert waiting["waiting"] == 1
    assert watch("run", now=LATER) == f"gpu: nothing new since {iso(LATER)}\n"
    assert len(feedparser.parse("out/feed.xml").entries) == 3


# ---------------------------------------------------------------- commands


def test_a_command_gets_the_digest_and_its_id():
    program = script("take", 'cat >"got $1"; echo "$AIWIRE_WATCH $AIWIRE_BATCH" >env; echo noise; echo more >&2')
    watch("add", "gpu", *QUIET, "--command", f"{program} 'a  b'")
    (told,) = run_json(now=NOW)

    assert json.loads(Path("got a  b").read_text()) == told["batches"][0]
    assert Path("env").read_text() == f"gpu {told['batches'][0]['batch']}\n"


def test_a_command_that_fails_gets_the_same_batch_again_before_newer_ones():
    program = script("take", 'echo "$AIWIRE_BATCH" >>ids; cat >>got; echo "no room: $AIWIRE_BATCH" >&2; test -e ready')
    watch("add", "gpu", *QUIET, "--command", program, "--atom", "feed.xml")
    _, err = failed_run(now=NOW)
    bring(article("third", H100_TEXT, day=LATER))
    out, _ = failed_run()
    waiting = json.loads(watch("list", "--json"))[0]["waiting"]
    shown = watch("show", "gpu")
    Path("ready").touch()
    watch("run", now=LATER)

    first, again, last, newer = Path("ids").read_text().split()
    assert "command: " in err
    assert "ended with exit status 1: no room: gpu.2026" in err
    assert first == again == last != newer
    assert "Title of third" in out
    assert "Title of first" not in out
    assert waiting == 2
    assert "take: 2 waiting" in shown
    assert len(feedparser.parse("feed.xml").entries) == 4
    assert json.loads(watch("list", "--json"))[0]["waiting"] == 0


def test_a_delivery_that_fails_stops_no_other_watch():
    watch("add", "a", *QUIET, "--command", "/no/such/program")
    watch("add", "b", *QUIET, "--atom", "feed.xml")
    out, err = failed_run()

    assert "watch a: command: /no/such/program cannot be started: No such file" in err
    assert out.count("Title of first") == 4  # story and price of two watches
    assert len(feedparser.parse("feed.xml").entries) == 3


def means(**more):
    usual = {
        "user_agent": "aiwire/test", "limits": FetchLimits(), "guard": Guard(["127.0.0.0/8"]), "environ": os.environ,
        "command_s": 5.0,
    }  # fmt: skip
    return Means(**(usual | more))


def handed(delivery, *, payload="x", **more):
    batch = Batch(1, "gpu", iso(NOW), {"stories": [{"title": payload}]})
    return hand_over(None, None, delivery, batch, means(**more))


def test_a_command_that_hangs_is_ended_with_all_that_it_started():
    program = script("hang", "sleep 300 & echo $! >pid; wait")

    problem = handed(Delivery("command", (program,)), command_s=0.5)

    assert problem is not None
    assert "was not done within 0.5 s" in problem
    assert is_gone(int(Path("pid").read_text()))


def is_gone(pid):
    """Wait until a process has ended: whoever takes in orphans does so soon."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_command_that_leaves_a_process_behind_is_done():
    program = script("leave", "sleep 3 & exit 0")

    assert handed(Delivery("command", (program,)), command_s=1.0) is None


def test_a_command_that_reads_nothing_and_one_that_says_much_are_done():
    assert handed(Delivery("command", ("true",)), payload="x" * 10_000_000) is None
    program = script("chatter", "head -c 3000000 /dev/zero | tr '\\0' x >&2; head -c 3000000 /dev/zero; exit 3")

    problem = handed(Delivery("command", (program,)))

    assert problem is not None
    assert problem.endswith("exit status 3: " + "x" * 200)


def test_a_command_that_is_killed_is_told_so():
    program = script("die", "kill -9 $$")

    assert "was ended by signal 9" in (handed(Delivery("command", (program,))) or "")


@pytest.mark.parametrize("argv", [(".",), ("x\0y",), ("",)])
def test_a_command_that_is_none_is_a_problem_and_no_crash(argv):
    assert "cannot be started" in (handed(Delivery("command", argv)) or "")


# ---------------------------------------------------------------- webhooks


def test_a_webhook_gets_the_digest_and_its_id(taker):
    watch("add", "gpu", *QUIET, "--webhook", taker.url("/in?key=s3cret"))
    (told,) = run_json(now=NOW)

    (posted,) = taker.posted
    assert posted.path == "/in?key=s3cret"
    assert posted.json == told["batches"][0]
    assert posted.headers["idempotency-key"] == told["batches"][0]["batch"]
    assert posted.headers["user-agent"].startswith("aiwire/")


def test_a_webhook_that_fails_gets_the_same_batch_again(taker):
    taker.status = 503
    watch("add", "gpu", *QUIET, "--webhook", taker.url("/in?key=s3cret"))
    _, err = failed_run(now=NOW)
    taker.status = 200
    watch("run", now=LATER)
    watch("run", now=LATER)

    assert "HTTP 503" in err
    assert "s3cret" not in err
    one, two = taker.posted
    assert (one.body, one.headers["idempotency-key"]) == (two.body, two.headers["idempotency-key"])


def test_what_is_listed_and_shown_holds_no_key(taker):
    url = taker.url("/services/B0000/abcdefghijklmnop0123456789?key=s3cret")
    watch("add", "gpu", "--webhook", url)
    printed = watch("list") + watch("list", "--json") + watch("show", "gpu") + watch("show", "gpu", "--json")

    assert f"http://127.0.0.1:{taker.port}/services/B0000/abc" in printed
    assert "s3cret" not in printed
    assert "abcdefghijklmnop0123456789" not in printed


def test_a_webhook_inside_is_refused_unless_it_is_allowed(taker, monkeypatch):
    monkeypatch.setenv("AIWIRE_ALLOW_HOSTS", "")
    watch("add", "gpu", *QUIET, "--webhook", taker.url())
    _, err = failed_run()

    assert "allow_hosts" in err
    assert taker.posted == []


def test_a_key_of_the_environment_is_not_shown_when_the_webhook_fails(taker, monkeypatch):
    monkeypatch.setenv("HOOK_KEY", "s3cret")
    taker.status = 500
    watch("add", "gpu", *QUIET, "--webhook", taker.url("/${HOOK_KEY}"))
    _, err = failed_run()

    assert "HTTP 500" in err
    assert "s3cret" not in err


def test_a_key_may_come_from_the_environment_and_is_not_stored(taker, monkeypatch):
    watch("add", "gpu", *QUIET, "--webhook", taker.url("/in?key=${HOOK_KEY}"))
    _, err = failed_run()
    monkeypatch.setenv("HOOK_KEY", "s3cret")
    watch("run", now=LATER)

    assert "the environment has no HOOK_KEY" in err
    assert [posted.path for posted in taker.posted] == ["/in?key=s3cret"]
    assert b"s3cret" not in Path("news.db").read_bytes()
