"""`aiwire export` as a user calls it, on the bundled archive."""

import csv
import io
import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner

from aiwire.cli import cli
from aiwire.exceptions import ConfigError
from aiwire.paths import package_file
from aiwire.sample.build import CAPTURES
from aiwire.types import iso
from db.connection import connect
from db.exports.tables import COLUMNS, MAKERS
from db.exports.write import write_dictionary

SAMPLE = package_file("sample", "sample.warc.gz")
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
TABLES = sorted(MAKERS)
BOM = b"\xef\xbb\xbf"


def aiwire(*args, now=NOW):
    """Run a command in this process; return what it prints on stdout, as bytes."""
    words = [*map(str, args), "--now", iso(now)]
    result = CliRunner().invoke(cli, words, catch_exceptions=False, standalone_mode=False)
    aiwire.said = result.stderr
    return result.stdout_bytes


def command(table):
    return table.replace("_", "-")


def failing(error, *args, now=NOW):
    """Run a command that must raise `error`; return its message."""
    result = CliRunner().invoke(cli, [*map(str, args), "--now", iso(now)], standalone_mode=False)
    assert isinstance(result.exception, error), result.exception or result.output
    return str(getattr(result.exception, "message", result.exception))


def process(*args, **options):
    """Run a command as a process of its own."""
    words = [sys.executable, "-P", "-m", "aiwire", *map(str, args), "--now", iso(NOW)]
    return subprocess.run(words, **{"capture_output": True, "check": False} | options)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    path = tmp_path_factory.mktemp("sample") / "news.db"
    sources = package_file("sample", "sources.toml")
    for day in CAPTURES:
        aiwire("run", "--db", path, "--sources", sources, "--replay", SAMPLE, "--force", now=day)
    connect(path).close()
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, sample):
    """An own folder with that database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    shutil.copy(sample, tmp_path / "news.db")
    return tmp_path


def change():
    """Change what the database says of every entity."""
    with closing(connect("news.db")) as db:
        db.execute("UPDATE entities SET name = name || '!'")
        db.conn.commit()


def test_a_file_has_its_description_and_the_dictionary_beside_it_and_is_kept(folder):
    assert aiwire("export", "trends", "-o", "t.csv") == b""

    data, meta = (folder / "t.csv").read_bytes(), json.loads((folder / "t.meta.json").read_text())
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert f"{len(rows)} rows written to t.csv" in aiwire.said
    assert (meta["rows"], meta["bytes"], meta["sha256"]) == (len(rows), len(data), sha256(data).hexdigest())
    assert list(rows[0]) == list(meta["columns"])
    assert (folder / "dictionary.csv").read_text().startswith("table,column,type,unit,description,formula,empty\n")
    assert len(list((folder / "news-exports").glob("*-trends-*.json"))) == 1
    assert (folder / "news-exports" / f"{meta['sha256']}.zst").exists()


@pytest.mark.parametrize("table", TABLES)
def test_stdout_gets_the_same_bytes_as_a_file_every_time(folder, table):
    aiwire("export", command(table), "-o", "t.csv")

    assert aiwire("export", command(table)) == (folder / "t.csv").read_bytes() != b""
    assert len(list((folder / "news-exports").glob(f"*-{table}-*.json"))) == 1


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_typed_described_and_has_one_row_for_each_key(folder, table):
    aiwire("export", command(table), "-o", "t.parquet")

    meta = json.loads((folder / "t.parquet.meta.json").read_text())
    found = duckdb.sql("SELECT * FROM 't.parquet'")
    types = {"date": "DATE", "text": "VARCHAR", "integer": "BIGINT", "real": "DOUBLE", "boolean": "BIGINT"}
    assert dict(zip(found.columns, map(str, found.types), strict=True)) == {
        column.name: types[column.type] for column in COLUMNS[table]
    }
    assert len(found.columns) == len(set(found.columns)) == len(meta["columns"])
    key = ", ".join(f'"{name}"' for name in meta["key"])
    keys = duckdb.sql(f"SELECT {key} FROM 't.parquet'").fetchall()
    assert keys == sorted(set(keys))
    assert len(keys) == meta["rows"]
    frame = pd.read_csv(io.BytesIO(aiwire("export", command(table))))
    assert set(frame.columns[frame.isna().any()]) <= set(meta["nulls"])
    for column in COLUMNS[table]:
        if column.type in ("integer", "real", "boolean"):
            assert pd.api.types.is_numeric_dtype(frame[column.name]), column.name


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_an_empty_database_gives_columns_and_no_row(table, form):
    connect("empty.db").close()

    data = aiwire("export", command(table), "--db", "empty.db", "--format", form)

    names = [column.name for column in COLUMNS[table]]
    Path("t").write_bytes(data)
    if form == "csv":
        assert data.decode() == ",".join(names) + "\n"
    elif form == "json":
        assert json.loads(data) == []
    else:
        assert duckdb.sql("SELECT * FROM read_parquet('t')").columns == names


def test_the_format_is_that_of_the_suffix_unless_it_is_named(folder):
    for name in ("a.parquet", "b.JSON", "c.txt", "d"):
        aiwire("export", "sources", "-o", name)
    aiwire("export", "sources", "-o", "e.csv", "--format", "json")

    starts = {path.name: path.read_bytes()[:4] for path in folder.glob("?.*") if ".meta" not in path.name}
    assert starts == {"a.parquet": b"PAR1", "b.JSON": b'[\n{"', "c.txt": b"sour", "e.csv": b'[\n{"'}
    assert (folder / "d").read_bytes()[:4] == b"sour"


def test_excel_gets_a_byte_order_mark():
    assert aiwire("export", "trends", "--excel") == BOM + aiwire("export", "trends")
    assert "--excel is for CSV" in failing(ConfigError, "export", "trends", "--excel", "-o", "t.parquet")


def test_a_wide_file_has_a_column_for_each_entity(folder):
    lines = aiwire("export", "trends", "--wide", "--entity", "nvidia", "--entity", "amd").decode().splitlines()
    counts = aiwire("export", "trends", "--wide", "articles", "--entity", "nvidia").decode().splitlines()

    assert lines[0] == "period_start,amd,nvidia"
    assert counts[0] == "period_start,nvidia"
    assert all(line.rpartition(",")[2].isdigit() for line in counts[1:])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("trends", "--since", "2026-01-02", "--until", "2026-01-01"), "--since 2026-01-02 is later than"),
        (("trends", "--wide", "--segment", "*"), "a wide table has one segment"),
        (("trends", "--entity", "nvidai"), "did you mean 'nvidia'"),
        (("evidence", "--cell", "nvidia"), "is no evidence_id"),
        (("trends", "-o", "no/t.csv"), "cannot be written"),
    ],
)
def test_what_cannot_be_exported_is_an_error_with_a_remedy(words, message):
    assert message in failing(ConfigError, "export", *words)


def test_the_evidence_of_every_cell_has_exactly_its_articles():
    rows = list(csv.DictReader(io.StringIO(aiwire("export", "trends", "--segment", "*").decode(), newline="")))
    cells = [row for row in rows if row["evidence_id"]]

    assert len(cells) > 100
    for row in cells[:: len(cells) // 25]:
        evidence = pd.read_csv(io.BytesIO(aiwire("export", "evidence", "--cell", row["evidence_id"])))
        assert evidence["article_id"].nunique() == int(row["articles"]), row["evidence_id"]


def test_as_of_gives_back_what_was_exported_byte_for_byte(folder):
    words = ("export", "trends", "--entity", "nvidia", "--entity", "amd", "-o")
    week = timedelta(weeks=1)
    aiwire(*words, "first.csv")
    change()
    aiwire(*words, "second.csv", now=NOW + week)

    swapped = ("export", "trends", "--entity", "amd", "--entity", "nvidia", "--as-of")
    for day in ("2026-11-23", "2026-11-23T06:00:00Z", "2026-11-29"):
        assert aiwire(*swapped, day, now=NOW + 9 * week) == (folder / "first.csv").read_bytes(), day
        assert "as they were exported at 2026-11-23T06:00:00Z" in aiwire.said
    aiwire(*swapped, "2026-12-31", "-o", "again.csv", now=NOW + 9 * week)

    assert (folder / "again.csv").read_bytes() == (folder / "second.csv").read_bytes()
    assert (folder / "again.meta.json").read_bytes() == (folder / "second.meta.json").read_bytes()
    assert (folder / "first.csv").read_bytes() != (folder / "second.csv").read_bytes()
    assert len(list((folder / "news-exports").glob("*.json"))) == 2  # to look is no export


def test_as_of_needs_no_database(folder):
    data = aiwire("export", "sources")
    (folder / "news.db").unlink()

    assert aiwire("export", "sources", "--as-of", "2026-11-23") == data


def test_as_of_a_time_or_with_options_of_which_nothing_was_kept_says_so(folder):
    assert "holds none of trends" in failing(ConfigError, "export", "trends", "--as-of", "2026-11-23")
    aiwire("export", "trends", "--grain", "month")

    assert "--as-of 2026-11-23T06:00:00Z" in failing(
        ConfigError, "export", "trends", "--grain", "month", "--as-of", "2026-11-22"
    )
    others = ((), ("--excel",), ("--segment", "owned"), ("--wide",), ("--kind", "theme"), ("--grain", "day"))
    for other in others:
        message = failing(ConfigError, "export", "trends", *other, "--as-of", "2026-11-23")
        assert "1 of trends with other options" in message
        assert "--grain month --format csv" in message
    done = process("export", "trends", "--as-of", "2020-01-01")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_a_kept_export_that_is_damaged_is_an_error(folder):
    data = aiwire("export", "trends")
    (folder / "news-exports" / f"{sha256(data).hexdigest()}.zst").write_bytes(b"")

    message = failing(ConfigError, "export", "trends", "--as-of", "2026-11-23", "-o", "t.csv")

    assert "is damaged" in message
    assert not (folder / "t.csv").exists()


def test_the_folder_of_kept_exports_can_be_set(folder, monkeypatch):
    monkeypatch.setenv("AIWIRE_EXPORTS", "elsewhere/kept")

    data = aiwire("export", "trends")

    assert aiwire("export", "trends", "--as-of", "2026-11-23") == data
    assert not (folder / "news-exports").exists()


def test_an_export_that_cannot_be_kept_is_made_all_the_same(folder, monkeypatch):
    data = aiwire("export", "trends")
    monkeypatch.setenv("AIWIRE_EXPORTS", "/dev/null/kept")

    assert aiwire("export", "trends") == data
    assert "this export is not kept for --as-of: /dev/null/kept: cannot be made" in aiwire.said


def test_parquet_is_not_written_to_a_terminal():
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0), os.fdopen(theirs, "wb", buffering=0) as terminal:
        done = process("export", "sources", "--format", "parquet", stdout=terminal, stderr=subprocess.PIPE,
                       capture_output=False)  # fmt: skip

    assert done.returncode == 2
    assert b"name a file with -o" in done.stderr


def test_a_long_export_shows_on_a_terminal_how_far_it_is_and_leaves_no_trace_of_it():
    code = (
        "import sys, time, db.exports.write as write\n"
        "from aiwire.cli import main\n"
        "sys.modules['aiwire.cli.export'].STATUS_AFTER_S, sources_hash = -1, write.sources_hash\n"
        "write.sources_hash = lambda db: (time.sleep(0.5), sources_hash(db))[1]\n"  # an export that takes its time
        "main()"
    )
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen, os.fdopen(theirs, "wb", buffering=0) as terminal:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, "export", "sources", "--now", iso(NOW)],
            stdout=subprocess.PIPE, stderr=terminal, check=True, env=os.environ | {"TERM": "xterm"},
        )  # fmt: skip
        terminal.write(b"end")
        seen = b""
        while not seen.endswith(b"end"):
            seen += screen.read(10_000)
        shown = seen.decode()

    assert "3 rows" in shown
    assert shown.endswith("\x1b[2Kend")  # the line was wiped
    assert done.stdout == aiwire("export", "sources")


def test_a_consumer_that_has_seen_enough_leaves_nothing_half(folder):
    (folder / "tmp").mkdir()
    writer = subprocess.Popen(
        [sys.executable, "-P", "-m", "aiwire", "export", "evidence", "--format", "json", "--now", iso(NOW)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"TMPDIR": str(folder / "tmp")},
    )  # fmt: skip
    assert writer.stdout.read(10)
    writer.stdout.close()

    assert writer.wait(120) == 0
    assert writer.stderr.read() == b""
    writer.stderr.close()
    assert list((folder / "tmp").iterdir()) == []
    assert json.loads(aiwire("export", "evidence", "--format", "json", "--as-of", "2026-11-23"))


@pytest.mark.parametrize(
    ("form", "in_memory", "where"),
    [
        ("csv", 1, "tmp: an export cannot be made there"),
        ("json", 1, "tmp: an export cannot be made there"),
        ("parquet", 1, "tmp: an export cannot be made there"),
        ("csv", 8 << 20, "t.csv: cannot be written"),
        ("json", 8 << 20, "t.csv: cannot be written"),
    ],
)
def test_a_full_disk_is_one_line_and_leaves_the_file_as_it_was(folder, form, in_memory, where):
    (folder / "t.csv").write_text("before")
    (folder / "tmp").mkdir()
    code = (
        "import resource, db.exports.write as write\n"
        "from aiwire.cli import main\n"
        "import db.connection\n"
        f"write.IN_MEMORY = {in_memory}\n"
        "opened = db.connection.open_existing\n"
        "def then_full(path):\n"
        "    found = opened(path)\n"
        "    found.execute('SELECT count(*) FROM articles').fetchone()\n"  # SQLite has made its files
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "    return found\n"
        "db.connection.open_existing = then_full\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "export", "evidence", "-o", "t.csv", "--format", form, "--now", iso(NOW)],
        env=os.environ | {"TMPDIR": str(folder / "tmp")}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert where in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "t.csv").read_text() == "before"
    assert list((folder / "tmp").iterdir()) == []
    assert not [path for path in folder.rglob("*") if path.suffix == ".part"]


def test_a_device_that_is_full_is_one_line():
    done = process("export", "trends", "-o", "/dev/full")

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert b"/dev/full: cannot be written (No space left on device)" in done.stderr


def test_a_pipe_gets_the_rows_alone(folder):
    os.mkfifo(folder / "fifo.csv")
    with subprocess.Popen(["/bin/cat", "fifo.csv"], stdout=subprocess.PIPE) as reader:
        aiwire("export", "sources", "-o", "fifo.csv")
        got = reader.stdout.read()

    assert got == aiwire("export", "sources")
    assert (folder / "fifo.csv").is_fifo()
    assert not (folder / "fifo.meta.json").exists()
    assert not (folder / "dictionary.csv").exists()


def test_a_symbolic_link_stays_a_link(folder):
    (folder / "data").mkdir()
    (folder / "t.csv").symlink_to(folder / "data" / "real.csv")

    aiwire("export", "sources", "-o", "t.csv")

    assert (folder / "t.csv").is_symlink()
    assert (folder / "data" / "real.csv").read_bytes() == aiwire("export", "sources")


def test_another_dictionary_stays_as_it_is(folder):
    (folder / "dictionary.csv").write_text("word,meaning\n")

    aiwire("export", "sources", "-o", "t.csv")

    assert (folder / "dictionary.csv").read_text() == "word,meaning\n"
    assert "dictionary.csv: is another file, which stays" in aiwire.said
    aiwire("export", "sources", "-o", "dictionary.csv")
    assert (folder / "dictionary.csv").read_bytes() == aiwire("export", "sources")


def test_the_dictionary_describes_every_column_of_every_table(folder):
    assert write_dictionary(folder) == ""
    with (folder / "dictionary.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    described = [(row["table"], row["column"], row["type"]) for row in rows]
    assert described == [(table, column.name, column.type) for table in COLUMNS for column in COLUMNS[table]]
    assert all(row["description"] for row in rows)
    assert {row["table"] for row in rows} == {*MAKERS, "trends_wide"}


def test_a_dictionary_of_ours_is_brought_up_to_date_and_else_left_alone(folder):
    write_dictionary(folder)
    path = folder / "dictionary.csv"
    current = path.read_bytes()
    os.utime(path, ns=(1, 1))
    assert write_dictionary(folder) == ""
    assert path.stat().st_mtime_ns == 1

    path.write_bytes(current.splitlines(keepends=True)[0] + b"old\n")
    assert write_dictionary(folder) == ""
    assert path.read_bytes() == current


def test_an_export_writes_nothing_to_the_database(folder):
    before = (folder / "news.db").read_bytes()

    for table in TABLES:
        aiwire("export", command(table))

    assert (folder / "news.db").read_bytes() == before


def test_a_spreadsheet_is_not_written_under_its_name(folder):
    with pytest.raises(ConfigError, match=r"\.xlsx files are not written; name it \.csv and give --excel"):
        aiwire("export", "trends", "-o", "t.xlsx")

    assert not (folder / "t.xlsx").exists()


def test_trends_of_articles_that_were_tagged_before_there_were_stories_say_so():
    with closing(connect("news.db")) as db:
        db.execute("UPDATE articles SET story_id = NULL WHERE id = (SELECT min(id) FROM articles)")
        db.conn.commit()

    aiwire("export", "trends", "-o", "t.csv")

    assert "1 articles were tagged before there were stories" in aiwire.said
