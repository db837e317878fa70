"""`aiwire tag` as a user calls it: what has changed, a dry run, and what it says in the end."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from db_rows import article, make_db, save

from aiwire.cli import cli
from aiwire.exceptions import DatabaseError, TryLater
from aiwire.lock import writer_lock
from nlp import pipeline

TEXTS = {
    "a": "The start-up Quorvex raised $40 million for its H100 cloud. NVIDIA leads.",
    "b": "NVIDIA and Quorvex sell GPU servers. Nobody else sells so many of them this year.",
    "c": "Renting an Umbrix GPU costs $2.50 per hour. Renting an H100 costs $3.10 per hour.",
    "d": "The Umbrix chip is late, and the Umbrix board \x1b[31mknew it. AMD is not late.",
    "e": "Nothing of it concerns AMD. Its GPU is late.",
    "f": "AMD sells. Umbrix buys.",
    "g": "Umbrix sells. AMD buys.",
}
UMBRIX = {"id": "umbrix", "kind": "company", "name": "Umbrix"}


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    """A database of `TEXTS`, tagged with the shipped lexicon."""
    folder = tmp_path_factory.mktemp("tagged")
    with closing(make_db(folder / "news.db")) as db:
        save(db, *(article(name, text, tagged=False) for name, text in TEXTS.items()))
    aiwire("tag", "--db", folder / "news.db")
    return folder / "news.db"


@pytest.fixture(autouse=True)
def folder(tagged, tmp_path, monkeypatch):
    """The current folder, with the tagged database in it."""
    shutil.copy(tagged, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def aiwire(*args):
    """Return what the command prints."""
    return CliRunner().invoke(cli, [*map(str, args)], catch_exceptions=False, standalone_mode=False).output


def own(*lines):
    """Write the user's own gazetteer, which the commands here take without being told."""
    Path("own.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    Path("aiwire.toml").write_text('gazetteer = ["own.jsonl"]\n', encoding="utf-8")


def everything():
    with closing(sqlite3.connect("news.db")) as db:
        return list(db.iterdump())


def test_the_summary_tells_how_many_were_looked_at_tagged_and_left():
    own(UMBRIX)

    assert aiwire("tag") == "7 articles looked at, 4 articles tagged, 3 unchanged by the change of the lexicon\n"
    assert aiwire("tag") == "0 articles looked at, 0 articles tagged, 0 unchanged by the change of the lexicon\n"
    assert aiwire("tag", "--all").startswith("7 articles looked at, 7 articles tagged, 0 unchanged")


def test_the_diff_counts_by_entity_and_shows_up_to_three_examples():
    own(UMBRIX)

    head, *lines = aiwire("tag", "--diff").splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith(" "))
    at = [number for number in range(end) if lines[number].startswith("  gained: ")]

    assert head.startswith("Umbrix (company umbrix): 4 gained")
    assert len(at) == 3
    for number in at:
        title, sentence, url = lines[number : number + 3]
        assert "Umbrix" in sentence
        assert url.strip() == f"https://example.org/{title[-1]}"


def test_the_diff_tells_what_is_lost_and_of_which_article_it_is_no_longer_about():
    own({"id": "amd", "remove": True})

    lines = aiwire("tag", "--diff").splitlines()
    (head,) = [line for line in lines if "company amd" in line]

    assert "4 lost" in head
    assert "no longer about it" in head
    assert "  lost: Title of e" in lines or "  lost: Title of f" in lines
    assert any("Nothing of it concerns AMD." in line or "AMD sells." in line for line in lines)


def test_the_diff_tells_what_becomes_of_prices():
    own({"id": "nvidia-h100", "remove": True}, UMBRIX)

    out = aiwire("tag", "--diff")

    assert "prices: " in out
    assert "changed $3.10" in out
    assert "    Renting an H100 costs $3.10 per hour." in out


def test_the_diff_of_a_retag_that_changes_nothing_is_empty():
    assert aiwire("tag", "--all", "--diff") == (
        "7 articles looked at, 7 articles tagged, 0 unchanged by the change of the lexicon\n"
    )


def test_the_diff_prints_nothing_that_a_terminal_obeys():
    own(UMBRIX)

    assert "\x1b" not in aiwire("tag", "--diff")


def test_as_json_every_change_is_a_line_and_the_counts_the_last():
    own(UMBRIX)

    *changes, last = map(json.loads, aiwire("tag", "--diff", "--json").splitlines())

    assert last == {"articles": {"looked_at": 7, "tagged": 4, "unchanged": 3, "dry_run": False}}
    gained = [change for change in changes if change["what"] == "gained" and change["entity"] == "umbrix"]
    assert {change["url"].rpartition("/")[2] for change in gained} == set("cdfg")
    assert gained[0].keys() == {"what", "entity", "name", "kind", "article_id", "url", "title", "sentence"}


def test_a_dry_run_tells_what_the_retag_will_and_changes_nothing():
    own(UMBRIX, {"id": "amd", "remove": True}, {"not_company": "Quorvex"})
    before = everything()

    told = aiwire("tag", "--dry-run")

    assert everything() == before
    head, summary = told.rsplit("\n", 2)[:2]
    assert summary.endswith("(a dry run: nothing was written)")
    assert aiwire("tag", "--diff").startswith(head)
    assert everything() != before


def test_a_dry_run_of_everything_changes_nothing():
    before = everything()

    *_, last = map(json.loads, aiwire("tag", "--all", "--dry-run", "--json").splitlines())

    assert last == {"articles": {"looked_at": 7, "tagged": 7, "unchanged": 0, "dry_run": True}}
    assert everything() == before


def test_a_dry_run_waits_for_no_other_writer(folder):
    with writer_lock(folder / "news.db"), pytest.raises(TryLater, match="another aiwire"):
        aiwire("tag", "--dry-run")


def test_a_dry_run_makes_no_database():
    with pytest.raises(DatabaseError, match="no such database"):
        aiwire("tag", "--dry-run", "--db", "other.db")

    assert not Path("other.db").exists()


def test_lists_that_change_while_they_are_read_end_the_command_before_it_writes(monkeypatch):
    own(UMBRIX)
    before = everything()
    load = pipeline.load_tagger

    def load_and_change(config):
        made = load(config)
        own({**UMBRIX, "name": "Umbrix Two"})
        return made

    monkeypatch.setattr(pipeline, "load_tagger", load_and_change)
    with pytest.raises(TryLater, match="were changed while they were read"):
        aiwire("tag")

    assert everything() == before


def test_doctor_tells_how_many_articles_wait_for_it():
    assert "ok    tags: all articles are tagged by the present lexicon" in doctor()

    own(UMBRIX)

    assert "FAIL  tags: 7 articles are untagged or tagged by an older lexicon; `aiwire tag`" in doctor()


def doctor():
    """Return what doctor says here, whatever it finds elsewhere."""
    return CliRunner().invoke(cli, ["doctor"]).output
