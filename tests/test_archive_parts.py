"""Parts: whole or not there, whoever else writes them, and whatever was left behind."""

import json
import multiprocessing
import os
import socket
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from aiwire.archive import parts
from aiwire.archive.parts import PartWriter, done_parts, part_folder, read_report, remove_superseded
from aiwire.archive.rows import Rows
from aiwire.archive.schemas import PART_TABLES
from aiwire.archive.values import Audit, Shard, ShardReport
from aiwire.types.archive import BadRecord

VERSION = "7-0123abcd-4567cdef"
SHARD = Shard("news.warc.gz-00c0ffee", "/data/news.warc.gz", 1000, "1000-aa")
REPORT = ShardReport(
    key=SHARD.key, version=VERSION, fingerprint="1000-aa", records=5, pages=3, articles=2, rows={"articles": 2},
    dropped={"status": 1}, bad=(BadRecord(17, "cut short", "https://a.org/"), BadRecord(99, "no archive")),
    audit=Audit(2, 1), bytes_read=1000, html_bytes=4000, seconds=1.5, cpu_seconds=1.25, peak_rss_bytes=1 << 28,
    worker="here:1",
)  # fmt: skip


def row(table: str, number: int, **values: object) -> tuple[object, ...]:
    """Return a row with something in every column, and with what is given."""
    plain = {pl.String(): f"x{number}", pl.Int64(): number, pl.Float64(): 0.5, pl.Boolean(): True}
    return tuple(
        values.get(name, plain.get(kind, ["a"] if kind == pl.List(pl.String) else [1]))
        for name, kind in PART_TABLES[table].items()
    )


def rows(number: int, **article: object) -> Rows:
    return {
        "articles": [row("articles", number, **article)],
        "mentions": [row("mentions", number), row("mentions", number + 1)],
        "article_entities": [row("article_entities", number, unlisted_name=None)],
        "prices": [],
        "sentences": [row("sentences", number)],
    }


def write(folder: Path, shard: Shard = SHARD, *, articles: int = 2, version: str = VERSION) -> ShardReport:
    with PartWriter(folder, shard, version) as part:
        for number in range(articles):
            part.add(rows(number))
        part.add_captures([row("captures", 1)])
        return part.commit(replace(REPORT, key=shard.key, version=version, fingerprint=shard.fingerprint))


def files(folder: Path) -> dict[str, int]:
    return {path.name: len(pl.read_parquet(path)) for path in sorted(folder.glob("*.parquet"))}


def test_a_part_holds_every_table_and_its_report(tmp_path: Path) -> None:
    folder = part_folder(tmp_path, SHARD.key, VERSION)

    assert write(tmp_path) == REPORT
    assert files(folder) == {
        "article_entities-00000.parquet": 2, "articles-00000.parquet": 2, "captures-00000.parquet": 1,
        "mentions-00000.parquet": 4, "prices-00000.parquet": 0, "sentences-00000.parquet": 2,
    }  # fmt: skip
    assert read_report(folder) == REPORT
    assert [path.name for path in (tmp_path / "parts").iterdir()] == [folder.name]


@pytest.mark.parametrize("table", PART_TABLES)
def test_what_is_read_back_has_the_types_of_the_table(table: str, tmp_path: Path) -> None:
    for articles in (0, 2):
        write(tmp_path / str(articles), articles=articles)
        path = part_folder(tmp_path / str(articles), SHARD.key, VERSION) / f"{table}-00000.parquet"
        assert dict(pl.read_parquet_schema(path)) == dict(PART_TABLES[table])


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    write(tmp_path)
    folder = part_folder(tmp_path, SHARD.key, VERSION)

    for table, found in rows(1).items():
        assert pl.read_parquet(folder / f"{table}-00000.parquet").rows()[-len(found) or 100 :] == found


@pytest.mark.parametrize(
    ("limit", "value", "text"),
    [pytest.param("_ARTICLES", 3, "short", id="articles"), pytest.param("_TEXT_CHARS", 30, "x" * 10, id="text")],
)
def test_a_file_ends_when_it_is_full(
    limit: str, value: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, limit, value)
    with PartWriter(tmp_path, SHARD, VERSION) as part:
        filled = [part.add(rows(number, text=text)) for number in range(7)]
        part.add_captures([])
        part.commit(REPORT)
        counted = part.rows

    assert filled == [False, False, True, False, False, True, False]
    found = files(part_folder(tmp_path, SHARD.key, VERSION))
    assert [found[f"articles-{n:05}.parquet"] for n in range(3)] == [3, 3, 1]
    assert counted == {
        "articles": 7, "mentions": 14, "article_entities": 7, "prices": 0, "sentences": 7, "captures": 0
    }  # fmt: skip


def test_what_is_not_committed_leaves_nothing(tmp_path: Path) -> None:
    with PartWriter(tmp_path, SHARD, VERSION) as part:
        part.add(rows(1))
        part.add_captures([])

    assert list((tmp_path / "parts").iterdir()) == []


def test_of_two_workers_the_first_one_counts(tmp_path: Path) -> None:
    with PartWriter(tmp_path, SHARD, VERSION) as part:
        part.add(rows(1))
        part.add_captures([])
        folder = part_folder(tmp_path, SHARD.key, VERSION)
        folder.mkdir()
        (folder / "report.json").write_text(json.dumps(_plain(replace(REPORT, worker="other:2"))))
        counted = part.commit(REPORT)

    assert counted.worker == "other:2"
    assert [path.name for path in (tmp_path / "parts").iterdir()] == [folder.name]


def _plain(report: ShardReport) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(report)


def test_a_part_of_other_bytes_is_replaced(tmp_path: Path) -> None:
    write(tmp_path, articles=1)
    changed = replace(SHARD, fingerprint="1200-bb")

    assert write(tmp_path, changed, articles=3).fingerprint == "1200-bb"
    folder = part_folder(tmp_path, SHARD.key, VERSION)
    assert read_report(folder) == replace(REPORT, fingerprint="1200-bb")
    assert files(folder)["articles-00000.parquet"] == 3
    assert [path.name for path in (tmp_path / "parts").iterdir()] == [folder.name]


@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"[]", b'"text"', b'{"key": 1}', b'{"bad": [{}], "audit": {}}', b"\xff\xfe"],
    ids=["absent", "empty", "cut", "list", "text", "lacking", "wrong", "no utf-8"],
)
def test_what_is_no_report_is_none(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "report.json").write_bytes(content)

    assert read_report(tmp_path) is None


def test_done_parts_are_those_of_a_version(tmp_path: Path) -> None:
    other = replace(SHARD, key="a.warc.gz-00000001")
    write(tmp_path)
    write(tmp_path, other)
    write(tmp_path, version="6-old-old")
    (tmp_path / "parts" / ".half.tmp").mkdir()

    assert list(done_parts(tmp_path, VERSION)) == [other.key, SHARD.key]
    assert list(done_parts(tmp_path / "nowhere", VERSION)) == []


def test_superseded_parts_of_a_shard_go_and_no_others(tmp_path: Path) -> None:
    longer = replace(SHARD, key=f"{SHARD.key}.gz-12345678")
    write(tmp_path)
    write(tmp_path, version="6-old-old")
    write(tmp_path, longer, version="6-old-old")

    assert remove_superseded(tmp_path, SHARD.key, VERSION) == 1
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == [
        f"{SHARD.key}.{VERSION}", f"{longer.key}.6-old-old",
    ]  # fmt: skip


def test_folders_of_dead_processes_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=int)
    process.start()
    process.join()
    here = socket.gethostname()
    names = {
        f".{SHARD.key}.{VERSION}.{here}-{process.pid}.tmp": False,  # dead
        f".{SHARD.key}.{VERSION}.{here}-{os.getppid()}.tmp": True,
        f".{SHARD.key}.{VERSION}.elsewhere-{process.pid}.tmp": True,  # who knows
        f".{SHARD.key}.{VERSION}.elsewhere-2.tmp": False,  # a day old
    }
    for name in names:
        (tmp_path / "parts" / name).mkdir(parents=True)
    old = time.time() - 100_000
    os.utime(tmp_path / "parts" / list(names)[-1], (old, old))

    write(tmp_path)
    left = {path.name for path in (tmp_path / "parts").glob(".*")}
    assert left == {name for name, stays in names.items() if stays}
