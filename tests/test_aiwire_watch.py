"""`aiwire watch` as a user calls it."""

import json
import threading
from contextlib import closing
from pathlib import Path

import feedparser
import pytest
from db_rows import NOW, article, make_db
from watch_calls import LATER, QUIET, aiwire, bring, failing, prepare, run_json, stories_of, watch
from watch_rows import (
    DAY,
    H100_TEXT,
    come,
    weeks_of,
)
from webhook_server import taking

from aiwire.exceptions import ConfigError, DatabaseError, TryLater
from aiwire.lock import writer_lock
from aiwire.pipeline.watching import BATCH_ITEMS
from aiwire.types import iso
from db.connection import open_existing


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    return prepare(tmp_path, monkeypatch)


@pytest.fixture
def taker():
    with taking() as server:
        yield server


# ---------------------------------------------------------------- add


def test_a_watch_is_made_shown_listed_and_forgotten():
    watch("add", "gpu", "--entity", "nvidia-h100", "--entity", "nvidia", "--about-only", "--segment", "Independent",
          "--words", " sovereign  cloud ", "--price-unit", "gpu-hour", "--signal", "falling,rising",
          "--since", "2026-11-01", "--atom", "feed.xml", "--command", "mail -s 'a b' me")  # fmt: skip
    (listed,) = json.loads(watch("list", "--json"))
    shown = watch("show", "gpu")

    assert listed["name"] == "gpu"
    assert listed["filter"] == {
        "since": "2026-11-01T00:00:00Z", "entities": ["nvidia-h100", "nvidia"], "kinds": [], "about_only": True,
        "segment": "independent", "words": "sovereign cloud", "price_units": ["gpu-hour"],
        "what": ["stories", "prices", "signals"], "signals": ["rising", "falling"],
    }  # fmt: skip
    assert listed["deliveries"] == [
        {"kind": "atom", "target": str(Path("feed.xml").absolute())}, {"kind": "command", "target": "mail"},
    ]  # fmt: skip
    assert (listed["looked_at"], listed["waiting"]) == (None, 0)
    assert "of nvidia-h100 or nvidia; about it; independent; with the words sovereign cloud" in shown
    assert json.loads(watch("show", "gpu", "--json")) == listed
    assert watch("list").splitlines()[0].split("\t")[0] == "name"

    watch("remove", "gpu")

    assert json.loads(watch("list", "--json")) == []
    with closing(open_existing("news.db")) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--entity", "nvidia-h10"], "did you mean 'nvidia-h100'"),
        (["--entity", "H100"], "did you mean 'nvidia-h100'"),
        (["--entity", "zzzzzz"], "aiwire export entities"),
        (["--segment", "independant"], "did you mean 'independent'"),
        (["--entity", "nvidia", "--kind", "theme"], "nvidia is a company"),
        (["--words", "& –"], "no word to look for"),
        (["--words", "cloud", "--what", "signals"], "signals are of entities"),
        (["--what", "stories", "--price-unit", "card"], "--price-unit says something of prices"),
        (["--what", "stories", "--signal", "rising"], "--signal says something of signals"),
        (["--atom", "no/such/feed.xml"], "does not exist"),
        (["--json-file", "."], "is a folder"),
        (["--atom", "x", "--json-file", "x"], "is written by another option of this watch"),
        (["--command", "mail 'x"], "quote it as for a shell"),
        (["--command", " "], "wants a program"),
        (["--webhook", "ftp://h.example/"], "not an http or https URL"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_helps(options, message):
    assert message in failing(ConfigError, "add", "gpu", *options)
    assert json.loads(watch("list", "--json")) == []


@pytest.mark.parametrize("name", ["", "GPU", "a b", "../x", ".x", "x-", "x" * 65, "é"])
def test_a_name_must_be_one_that_is_safe_everywhere(name):
    assert "gpu-prices" in failing(ConfigError, "add", name)


def test_unknown_words_in_a_list_are_refused():
    assert "'prizes' is none of stories, prices, signals" in failing(Exception, "add", "gpu", "--what", "prizes")


def test_a_name_is_given_once():
    watch("add", "gpu")

    assert "aiwire watch remove gpu" in failing(ConfigError, "add", "gpu")


def test_a_file_is_written_by_one_watch():
    watch("add", "gpu", "--atom", "feed.xml")

    assert "is written by gpu" in failing(ConfigError, "add", "other", "--text-file", "./feed.xml")


def test_a_watch_of_words_alone_leaves_signals_out():
    watch("add", "gpu", "--words", "cloud")

    assert json.loads(watch("list", "--json"))[0]["filter"]["what"] == ["stories", "prices"]


def test_chinese_words_are_made_with_a_warning():
    result = aiwire("watch", "add", "gpu", "--words", "数据中心")

    assert "punctuation" in result.stderr


def test_a_command_that_is_not_there_is_made_with_a_warning():
    result = aiwire("watch", "add", "gpu", "--command", "/no/such/program x")

    assert "/no/such/program: there is no such program" in result.stderr


def test_without_a_database_there_is_no_watch(tmp_path):
    assert "aiwire run" in failing(DatabaseError, "add", "gpu", "--db", tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("command", ["show", "remove", "run"])
def test_an_unknown_watch_is_an_error_that_names_the_nearest(command):
    watch("add", "gpu-prices")

    assert "did you mean 'gpu-prices'" in failing(ConfigError, command, "gpu-price")


# ---------------------------------------------------------------- run


def test_what_is_new_is_told_once():
    watch("add", "gpu", "--entity", "nvidia-h100", *QUIET)
    first, second = watch("run"), watch("run", now=LATER)
    bring(article("third", H100_TEXT, day=LATER))
    third = watch("run", now=LATER)

    assert "gpu: 1 story, 1 price" in first
    assert "Title of first" in first
    assert "The H100 is for rent." in first
    assert second == f"gpu: nothing new since {iso(NOW)}\n"
    assert "gpu: 1 story (" in third
    assert "first" not in third


def test_json_is_one_object():
    watch("add", "gpu", *QUIET)
    watch("add", "theme", "--kind", "theme", *QUIET)
    gpu, theme = run_json(now=NOW)

    assert (gpu["watch"], gpu["looked_at"], gpu["waiting"], gpu["problems"]) == ("gpu", None, 0, [])
    assert stories_of(gpu) == ["Title of first", "Title of second"]
    assert [item["amount"] for item in gpu["batches"][0]["prices"]] == [2.99]
    assert stories_of(theme) == ["Title of second"]
    assert [told["looked_at"] for told in run_json()] == [iso(NOW)] * 2


def test_only_the_watches_that_are_named_look():
    watch("add", "gpu", *QUIET)
    watch("add", "theme", *QUIET)

    assert [told["watch"] for told in run_json("theme")] == ["theme"]
    assert stories_of(run_json("gpu")[0]) == ["Title of first", "Title of second"]


def test_a_dry_run_tells_and_changes_nothing():
    watch("add", "gpu", *QUIET, "--atom", "feed.xml")
    before = Path("news.db").read_bytes()
    dry = watch("run", "--dry-run")

    assert "Title of first" in dry
    assert not Path("feed.xml").exists()
    assert Path("news.db").read_bytes() == before
    assert "Title of first" in watch("run")


def test_a_dry_run_needs_no_lock():
    watch("add", "gpu", *QUIET)
    with writer_lock(Path("news.db")), writer_lock(Path("news.db.watch")):
        assert "Title of first" in watch("run", "--dry-run")


def test_while_a_run_writes_watches_wait():
    watch("add", "gpu", *QUIET)
    with writer_lock(Path("news.db")):
        failing(TryLater, "run")
    with writer_lock(Path("news.db.watch")):
        assert "watch run" in failing(TryLater, "run")

    assert "Title of first" in watch("run")


def test_a_slow_delivery_holds_up_no_run(taker):
    watch("add", "gpu", *QUIET, "--webhook", taker.url())
    taker.wait = threading.Event()
    told = []
    thread = threading.Thread(target=lambda: told.append(watch("run")))
    thread.start()
    while not taker.posted:
        assert thread.is_alive()
    with writer_lock(Path("news.db")):
        taker.wait.set()
    thread.join(10)

    assert "Title of first" in told[0]


def test_without_a_watch_it_is_said_how_one_is_made():
    assert "aiwire watch add" in watch("run")
    assert json.loads(watch("run", "--format", "json")) == {"watches": []}


def test_a_large_first_look_is_parted(monkeypatch):
    bring(*(article(f"n{n}", H100_TEXT, day=NOW - DAY) for n in range(BATCH_ITEMS)), now=NOW)
    watch("add", "gpu", *QUIET)
    (told,) = run_json(now=NOW)

    sizes = [len(batch["stories"]) + len(batch["prices"]) for batch in told["batches"]]
    assert sizes == [BATCH_ITEMS, 3]
    assert len(set(stories_of(told))) == BATCH_ITEMS + 2
    assert told["batches"][1]["stories"][0]["dated_at"] == iso(NOW)  # the oldest batch first


def test_a_signal_is_told_when_it_changes_and_when_it_is_over():
    watch("add", "gpu", "--kind", "accelerator", "--what", "signals", "--atom", "feed.xml")
    with closing(make_db("news.db")) as db:
        weeks_of(db, [5] * 14 + [20] * 4)
    (first,), (second,) = run_json(), run_json()
    with closing(make_db("news.db")) as db:
        for weeks in range(1, 9):
            then = NOW + weeks * 7 * DAY
            names = [article(f"w{weeks}-{n}", H100_TEXT if n < 20 else "No.", day=then - DAY) for n in range(50)]
            come(db, *names, now=then)
    (third,) = run_json(now=NOW + 56 * DAY)

    def changes(told):
        return [(item["before"], item["signal"]) for batch in told["batches"] for item in batch["signals"]]

    assert changes(first) == [("", "rising")]
    assert changes(second) == []
    assert changes(third) == [("rising", "flat")]
    assert [entry.title for entry in feedparser.parse("feed.xml").entries] == [
        "NVIDIA H100: flat, was rising", "NVIDIA H100: rising",
    ]  # fmt: skip
