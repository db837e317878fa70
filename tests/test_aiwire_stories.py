"""`aiwire stories` as a user calls it, on the bundled archive: one text in it was published twice."""

import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import closing

import click
import pytest
from click.testing import CliRunner

from aiwire.cli import cli
from aiwire.exceptions import AiwireError, ConfigError, DatabaseError, InputError
from aiwire.paths import package_file
from aiwire.sample.build import CAPTURES
from aiwire.types import iso
from db.connection import connect

TITLE = "OpenAI and SoftBank plan to put $500 billion into American AI data centres"
LEADER = "https://wire.example/2025/01/21/stargate-project/"
COPY = "https://sovereigncloud.example/news/2025/stargate-half-a-trillion/"
BRAMLEY = "https://chipledger.example/posts/off-duty-bramley"
REPLAY = ("--sources", package_file("sample", "sources.toml"), "--replay", package_file("sample", "sample.warc.gz"))


def aiwire(*args):
    """Run a command in this process and return what it prints."""
    return CliRunner().invoke(cli, [*map(str, args)], catch_exceptions=False, standalone_mode=False).stdout


def failing(error, *args):
    """Run a command that must raise `error`; return its message."""
    result = CliRunner().invoke(cli, [*map(str, args)], standalone_mode=False)
    assert isinstance(result.exception, error), result.exception or result.output
    if isinstance(result.exception, AiwireError):
        assert result.exception.exit_status == 2
    return str(getattr(result.exception, "message", result.exception))


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    path = tmp_path_factory.mktemp("sample") / "news.db"
    aiwire("run", "--db", path, *REPLAY, "--now", iso(CAPTURES[0]))
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, sample):
    """An own folder with that database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    shutil.copy(sample, tmp_path / "news.db")
    return tmp_path


def lines(*args):
    return [line.split("\t") for line in aiwire("stories", *args).splitlines()]


def test_what_was_published_twice_is_listed_under_the_article_that_was_first():
    assert lines() == [
        ["date", "articles", "publishers", "title", "url"],
        ["2025-01-21T23:05:00Z", "2", "2", TITLE, LEADER],
    ]


def test_json_lines_have_every_copy():
    [story] = map(json.loads, aiwire("stories", "--json").splitlines())

    assert (story["first_at"], story["last_at"]) == ("2025-01-21T23:05:00Z", "2025-01-22T07:30:00Z")
    assert (story["articles"], story["publishers"], story["title"], story["url"]) == (2, 2, TITLE, LEADER)
    assert story["members"] == [
        {"url": LEADER, "title": TITLE, "publisher": "compute-wire", "dated_at": "2025-01-21T23:05:00Z"},
        {"url": COPY, "title": TITLE, "publisher": "sovereign-cloud-review", "dated_at": "2025-01-22T07:30:00Z"},
    ]


def test_the_story_of_an_article_is_shown_copy_by_copy_whichever_copy_is_named():
    wanted = [
        ["date", "publisher", "title", "url"],
        ["2025-01-21T23:05:00Z", "compute-wire", TITLE, LEADER],
        ["2025-01-22T07:30:00Z", "sovereign-cloud-review", TITLE, COPY],
    ]
    [story] = map(json.loads, aiwire("stories", "--url", COPY, "--json").splitlines())

    assert lines("--url", LEADER) == lines("--url", COPY.removesuffix("/")) == lines("--url", story["id"]) == wanted
    assert len(lines("--url", BRAMLEY)) == 2  # nobody copied it: a story of one


def test_a_selection_is_by_day_entity_and_number_of_articles():
    assert len(lines("--entity", "openai", "--since", "2025-01-21", "--until", "2025-01-21")) == 2
    assert lines("--entity", "tsmc") == lines("--since", "2025-01-22") == [["no story in that selection; widen it"]]
    assert lines("--min-articles", "3") == [["no story has so many articles"]]
    assert len(lines("--min-articles", "1")) == 1 + 14  # 15 articles
    assert len(lines("--min-articles", "1", "--limit", "3")) == 1 + 3


def test_articles_that_nobody_has_tagged_are_in_no_story_and_the_remedy_is_named():
    aiwire("fetch", "--db", "raw.db", *REPLAY, "--now", iso(CAPTURES[0]))

    assert aiwire("stories", "--db", "raw.db") == "no story: 15 articles are in none yet; run `aiwire tag`\n"
    assert "run `aiwire tag`" in failing(InputError, "stories", "--db", "raw.db", "--url", COPY)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (("--entity", "opnai"), ConfigError, "there is no entity 'opnai'; did you mean 'openai'?"),
        (("--entity", "qqqqqqqqqq"), ConfigError, "the table `entities` has all ids"),
        (("--since", "2025-02-01", "--until", "2025-01-01"), ConfigError, "later than"),
        (("--since", "soon"), click.UsageError, "no date"),
        (("--limit", "0"), click.UsageError, "0 is not in the range"),
        (("--url", "https://example.org/none"), InputError, "there is no article"),
        (("--url", COPY, "--entity", "openai"), click.UsageError, "--url shows the one story"),
        (("--db", "none.db"), DatabaseError, "there is no such database"),
    ],
)
def test_what_cannot_be_listed_is_an_error_with_a_remedy(args, error, message):
    assert message in failing(error, "stories", *args)


def test_a_title_cannot_command_the_terminal_or_break_the_columns():
    with closing(connect("news.db")) as db:
        db.execute("UPDATE articles SET title = ? WHERE url = ?", ["\x1b[2J\tan\u202eevil\n", LEADER])
        db.conn.commit()

    assert [line[3] for line in lines()[1:]] == ["\\x1b[2J\\tan\\u202eevil\\n"]


def test_on_a_terminal_there_is_a_table():
    leading, following = pty.openpty()
    command = [sys.executable, "-m", "aiwire", "stories"]
    subprocess.run(command, stdout=following, check=True, env=os.environ | {"COLUMNS": "200"})
    os.close(following)
    shown = os.read(leading, 100_000).decode()
    os.close(leading)

    assert "2025-01-21" in shown
    assert TITLE in shown
    assert "\t" not in shown
