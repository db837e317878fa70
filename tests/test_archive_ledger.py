"""Tests of the ledger of an archive job, with a real SQLite file."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aiwire.archive.ledger import LEDGER, entries, open_ledger, quarantined, read_ledger, rebuild, record, sync
from aiwire.archive.values import Audit, Shard, ShardFailure, ShardReport
from aiwire.exceptions import DatabaseError
from aiwire.types.archive import BadRecord

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ONE, TWO = Shard("one", "/w/one.warc.gz", 10, "f1"), Shard("two", "/w/two.warc.gz", None, "f2")
REPORT = ShardReport(
    key="one", version="v1", fingerprint="f1", records=7, pages=5, articles=2, rows={"articles": 2, "mentions": 9},
    dropped={"language": 3}, bad=(BadRecord(99, "cut short", "https://a.example/"),), audit=Audit(3, 1), seconds=1.5,
    tries=2,
)  # fmt: skip


def test_outcomes_are_entered_and_read_again(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (db, is_new):
        assert is_new
        sync(db, [ONE, TWO], "v1")
        record(db, ONE, "v1", REPORT, NOW)
        record(db, TWO, "v1", ShardFailure("two", "two: not there", final=True), NOW)

    with read_ledger(tmp_path) as db:
        one, two = entries(db).values()
        row = db.execute("SELECT state, tries, rows, error, seconds, finished_at FROM shards WHERE key = 'one'")
        assert row.fetchone() == ("done", 2, 2, None, 1.5, "2026-11-23T12:00:00Z")
        assert quarantined(db) == [("one", REPORT.bad[0])]
    assert (one.shard, one.state, one.report) == (ONE, "done", ShardReport(**_fields(REPORT) | {"bad": ()}))
    assert (two.shard, two.state, two.is_final, two.error) == (TWO, "failed", True, "two: not there")
    assert one.is_settled(ONE, "v1")
    assert two.is_settled(TWO, "v1")


def test_other_bytes_or_another_version_make_a_shard_pending_again(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (db, _):
        sync(db, [ONE, TWO], "v1")
        record(db, ONE, "v1", REPORT, NOW)

        sync(db, [ONE], "v1")
        assert entries(db)["one"].state == "done"
        sync(db, [Shard("one", "/w/one.warc.gz", 11, "other")], "v1")
        assert entries(db)["one"].state == "pending"
        assert quarantined(db) == []
        record(db, ONE, "v1", REPORT, NOW)
        sync(db, [ONE], "v2")
        assert (entries(db)["one"].state, entries(db)["one"].tries) == ("pending", 0)
        assert list(entries(db)) == ["one", "two"]


def test_a_failure_without_a_fingerprint_is_never_settled(tmp_path: Path) -> None:
    absent = Shard("gone", "/w/gone.warc.gz", None, "")
    with open_ledger(tmp_path) as (db, _):
        sync(db, [absent], "v1")
        record(db, absent, "v1", ShardFailure("gone", "not there", final=True), NOW)

        assert not entries(db)["gone"].is_settled(absent, "v1")


@pytest.mark.parametrize("damage", ["garbage", "cut", "older"])
def test_a_damaged_ledger_is_moved_away_and_made_again_from_the_parts(tmp_path: Path, damage: str) -> None:
    path = tmp_path / LEDGER
    with open_ledger(tmp_path) as (db, _):
        sync(db, [Shard(f"s{n}", "/w", 1, "f") for n in range(2000)], "v1")
    if damage == "garbage":
        path.write_bytes(b"no database at all" * 1000)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:8192])
    else:
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA user_version = 0")
        other.close()

    with open_ledger(tmp_path) as (db, is_new):
        assert is_new
        rebuild(db, [REPORT])
        one = entries(db)["one"]

    assert (one.state, one.shard.url, one.tries) == ("done", "", 2)
    assert (tmp_path / "archive.db.damaged").exists()


def test_a_ledger_of_a_newer_aiwire_is_left_alone(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (db, _):
        db.execute("PRAGMA user_version = 99")

    with pytest.raises(DatabaseError, match="newer aiwire"), open_ledger(tmp_path):
        pass
    with pytest.raises(DatabaseError, match="newer aiwire"), read_ledger(tmp_path):
        pass


def test_reading_where_there_is_no_archive_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="aiwire archive run"), read_ledger(tmp_path):
        pass


def test_it_can_be_read_beside_a_job(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (writing, _):
        sync(writing, [ONE], "v1")
        with read_ledger(tmp_path) as reading:
            record(writing, ONE, "v1", REPORT, NOW)
            assert entries(reading)["one"].state == "done"


def _fields(report: ShardReport) -> dict[str, object]:
    return {name: getattr(report, name) for name in ShardReport.__slots__}
