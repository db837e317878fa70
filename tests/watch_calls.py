"""`aiwire watch` called in this process, over a database in the current folder."""

import json
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner
from db_rows import NOW, article, make_db
from watch_rows import DAY, come, h100_price, read_before, told_of

from aiwire.cli import cli
from aiwire.types import iso

LATER = NOW + DAY
QUIET = ("--what", "stories,prices")


def prepare(folder, monkeypatch):
    """Make a folder the current one, with a database of two articles, the first on the H100 and with a price."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    monkeypatch.setenv("AIWIRE_ALLOW_HOSTS", "127.0.0.0/8")
    with closing(make_db(folder / "news.db")) as db:
        read_before(db, "example", "vendor", "mirror", at=NOW - 300 * DAY)
        come(db, told_of("first", h100_price()), article("second", "Of the TCO."))
    return folder


def aiwire(*args, now=NOW):
    """Run a command in this process; its result, whatever the exit status."""
    words = [*map(str, args), "--now", iso(now)]
    return CliRunner().invoke(cli, words, catch_exceptions=False, standalone_mode=False)


def watch(*args, **more):
    result = aiwire("watch", *args, **more)
    assert result.exit_code == 0, result.output
    return result.stdout


def failing(error, *args, now=NOW):
    """Run a command that must raise `error`; return its message."""
    result = CliRunner().invoke(cli, ["watch", *map(str, args), "--now", iso(now)], standalone_mode=False)
    assert isinstance(result.exception, error), result.exception or result.output
    return str(getattr(result.exception, "message", result.exception))


def failed_run(*args, now=LATER):
    """Run the watches where a delivery fails; return stdout and stderr."""
    result = CliRunner().invoke(cli, ["watch", "run", *args, "--now", iso(now)], standalone_mode=False)
    assert isinstance(result.exception, SystemExit), result.exception or result.output
    assert result.exception.code == 1
    return result.stdout, result.stderr


def bring(*articles, now=LATER):
    with closing(make_db("news.db")) as db:
        return come(db, *articles, now=now)


def run_json(*args, now=LATER):
    return json.loads(watch("run", "--format", "json", *args, now=now))["watches"]


def stories_of(told):
    return [item["title"] for batch in told["batches"] for item in batch["stories"]]


def script(name, text):
    path = Path(name)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path.absolute())
