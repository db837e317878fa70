"""`aiwire archive` as a user calls it: the whole way over small shards, and what users do wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from archive_shards_small import small_archive, write_damaged

NOW = ("--now", "2026-11-23T06:00:00Z")


def aiwire(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"XDG_CONFIG_HOME": str(cwd)}
    command = [sys.executable, "-P", "-m", "aiwire", *map(str, args)]
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, check=False, text=True)


def done(*args: object, cwd: Path) -> str:
    result = aiwire(*args, cwd=cwd)
    assert (result.returncode, result.stderr.count("Traceback")) == (0, 0), result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with shards that were read, and the report of that."""
    folder = tmp_path_factory.mktemp("archive-cli")
    (folder / "warcs").mkdir()
    small_archive(folder / "warcs")
    report = json.loads(done("archive", "run", "warcs", "--audit", "1", "--workers", "2", "--json", *NOW, cwd=folder))
    return folder, report


def test_the_report_tells_what_was_read_kept_and_dropped(place: tuple[Path, dict[str, Any]]) -> None:
    _, report = place

    totals = report["totals"]
    assert (report["shards"], report["done"], report["skipped"], report["failed"]) == (4, 4, 0, [])
    assert totals["articles"] == totals["rows"]["articles"] > 10
    assert totals["pages"] == totals["articles"] + sum(
        count for reason, count in totals["dropped"].items() if reason not in ("not-response", "not-http", "status")
    )
    assert totals["audit"]["sampled"] > 0
    assert totals["audit"]["relevant"] == 0
    assert report["pages_per_second"] > report["pages_per_second_per_core"] > 0
    assert report["tables"]["articles"] == totals["articles"] - report["tables"]["folded"]


def test_running_again_does_nothing_and_a_new_shard_alone(place: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "warcs").mkdir()
    warcs = small_archive(tmp_path / "warcs")

    first = json.loads(done("archive", "run", *warcs[:3], "--workers", "1", "--json", *NOW, cwd=tmp_path))
    again = json.loads(done("archive", "run", *warcs[:3], "--workers", "1", "--json", *NOW, cwd=tmp_path))
    more = json.loads(done("archive", "run", "warcs", "--workers", "1", "--json", *NOW, cwd=tmp_path))

    assert [(one["done"], one["skipped"]) for one in (first, again, more)] == [(3, 0), (0, 3), (1, 3)]
    assert again["tables"]["is_new"] is False
    digests = [done("archive", "status", "--digest", cwd=at).split("digest: ")[1].split()[0]
               for at in (tmp_path, place[0])]  # fmt: skip
    assert digests[0] == digests[1]


def test_the_trends_are_those_of_a_database_into_which_all_was_loaded(place: tuple[Path, dict[str, Any]]) -> None:
    folder, report = place

    loaded = json.loads(done("archive", "load", "--all", "--db", "l.db", "--json", *NOW, cwd=folder))
    ours = done("archive", "trends", "--segment", "*", *NOW, cwd=folder)
    theirs = done("export", "trends", "--segment", "*", "--db", "l.db", *NOW, cwd=folder)

    assert (loaded["new"], loaded["known"]) == (report["tables"]["articles"], 0)
    assert ours == theirs
    assert len(list(csv.DictReader(io.StringIO(ours)))) > 50


def test_a_file_of_trends_has_its_sidecar(place: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = place

    done("archive", "trends", "--grain", "month", "--kind", "accelerator", "-o", "months.csv", *NOW, cwd=folder)

    meta = json.loads((folder / "months.meta.json").read_text())
    assert (meta["grain"], meta["selection"]["kinds"]) == ("month", ["accelerator"])
    rows = csv.DictReader(io.StringIO((folder / "months.csv").read_text(encoding="utf-8")))
    assert {row["entity_type"] for row in rows} == {"accelerator"}


def test_a_selection_is_loaded_and_a_dry_run_only_counts(place: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = place
    where = ("--where", "list_contains(entities, 'nvidia-h100')", "--db", "s.db", "--json", *NOW)

    would = json.loads(done("archive", "load", "--dry-run", *where, cwd=folder))
    assert not (folder / "s.db").exists()
    first = json.loads(done("archive", "load", *where, cwd=folder))
    again = json.loads(done("archive", "load", *where, cwd=folder))

    assert would["new"] == first["new"] == again["known"] > 0
    assert (again["new"], again["updated"]) == (0, 0)


def test_status_tells_of_every_shard_also_as_json(place: tuple[Path, dict[str, Any]]) -> None:
    folder, report = place

    told = json.loads(done("archive", "status", "--json", cwd=folder))

    assert told["states"] == {"done": 4}
    assert told["totals"]["articles"] == report["totals"]["articles"]
    assert "shards: 4 done" in done("archive", "status", cwd=folder)


def test_damaged_shards_end_in_quarantine_and_a_missing_one_in_exit_status_1(tmp_path: Path) -> None:
    (tmp_path / "warcs").mkdir()
    damaged = write_damaged(tmp_path / "warcs")

    ended = aiwire(
        "archive", "run", *[one.path for one in damaged], "none.warc.gz", "--workers", "2", *NOW, cwd=tmp_path
    )

    assert ended.returncode == 1
    assert "none.warc.gz" in ended.stdout
    assert f"{len(damaged)} shards done" in ended.stdout
    listed = done("archive", "status", "--quarantine", "--failed", cwd=tmp_path)
    assert listed.count("quarantined: ") >= len(damaged) - 2  # a record of another protocol is no damage
    assert "failed: none.warc.gz" in listed


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("status",), "no such archive"),
        (("trends",), "aiwire archive run"),
        (("tables",), "aiwire archive run"),
        (("load", "--all"), "aiwire archive run"),
        (("load",), "--where CONDITION or --all"),
        (("run", "x.warc", "--workers", "2", "--dask", "2"), "exclude each other"),
        (("run", "x.warc", "--dashboard", ":0"), "--dask"),
        (("run", "x.warc", "--storage", "anon"), "KEY=VALUE"),
        (("run", "gopher://x/y.warc"), "gopher"),
        (("run", "x.warc", "--language", "english"), "such as en"),
        (("run", "x.warc", "--scheduler", "tcp://"), "tcp://HOST:PORT"),
        (("run",), "SHARDS"),
    ],
)
def test_a_mistake_is_one_line_with_the_remedy(args: tuple[str, ...], words: str, tmp_path: Path) -> None:
    ended = aiwire("archive", *args, cwd=tmp_path)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert words in ended.stderr


def test_a_condition_that_is_none_names_the_nearest_column(place: tuple[Path, dict[str, Any]]) -> None:
    ended = aiwire("archive", "load", "--where", "langage = 'en'", "--db", "w.db", cwd=place[0])

    assert ended.returncode == 2
    assert "'language'" in ended.stderr
    assert not (place[0] / "w.db").exists()


def test_a_condition_cannot_leave_its_brackets(place: tuple[Path, dict[str, Any]]) -> None:
    ended = aiwire("archive", "load", "--where", "language = 'en') OR (language = 'fr'", "--db", "w.db", cwd=place[0])

    assert ended.returncode == 2
    assert ended.stderr.startswith("aiwire: --where: ")


def test_shards_of_another_job_are_told_and_in_no_sum(tmp_path: Path) -> None:
    (tmp_path / "warcs").mkdir()
    first, *_ = small_archive(tmp_path / "warcs")
    done("archive", "run", "warcs", "--workers", "1", *NOW, cwd=tmp_path)

    told = done("archive", "run", first, "--workers", "1", "--audit", "1", *NOW, cwd=tmp_path)
    status = json.loads(done("archive", "status", "--json", cwd=tmp_path))

    assert "3 more shards were made with other options" in told
    assert status["states"] == {"done": 4}
    assert status["totals"]["shards"] == 1


def test_tables_are_not_made_of_what_another_version_left(tmp_path: Path) -> None:
    warcs = small_archive(tmp_path)
    done("archive", "run", warcs[0], "--workers", "1", *NOW, cwd=tmp_path)
    (job,) = (tmp_path / "archive" / "jobs").glob("*.json")
    job.rename(job.with_name("2-00000000-00000000.json"))

    ended = aiwire("archive", "tables", cwd=tmp_path)

    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "another version" in ended.stderr


def test_words_that_no_database_holds_and_a_pipe_stop_no_job(tmp_path: Path) -> None:
    line = '{"url": "http://a.example/\\udead", "captured_at": "2026-11-02T06:00:00Z", "html": "<p>x"}'
    far = line.replace("\\udead", "1").replace("2026", "9999")
    (tmp_path / "odd.jsonl").write_text(f"{line}\n{far}\n", encoding="ascii")
    os.mkfifo(tmp_path / "pipe.warc.gz")

    ended = aiwire("archive", "run", "odd.jsonl", "pipe.warc.gz", "--workers", "1", *NOW, cwd=tmp_path)

    assert ended.returncode == 1
    assert "1 shards done" in ended.stdout
    assert "is no file but a pipe" in ended.stdout
    assert "no date of a capture" in ended.stdout
    assert "fault of aiwire" not in ended.stdout
