"""Every export is kept once, with what was asked for, and comes back byte for byte or not at all."""

import io
import json
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from db.exports.kept import Record, find, keep, restore

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
OPTIONS = {"format": "csv"}
META = b'{"rows": 1}\n'


def digest(data):
    return sha256(data).hexdigest()


def record(data, *, made_at="2026-11-23T06:00:00Z", table="trends", parameters=OPTIONS):
    return Record(made_at, table, parameters, digest(data), len(data), 1, digest(META), "0.1.0")


def kept(folder, data, **fields):
    one = record(data, **fields)
    keep(folder, one, io.BytesIO(data), META)
    return one


def restored(folder, hashed):
    out = io.BytesIO()
    restore(folder, hashed, out)
    return out.getvalue()


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=5000), st.integers(1, 800))
def test_what_is_kept_comes_back_byte_for_byte(tmp_path_factory, seed, times):
    folder, data = tmp_path_factory.mktemp("kept"), seed * times

    one = kept(folder, data)

    assert find(folder, "trends", OPTIONS, until=NOW) == one
    assert restored(folder, one.sha256) == data
    assert restored(folder, one.meta_sha256) == META


def test_the_newest_one_up_to_the_moment_is_found(tmp_path):
    days = [f"2026-11-{day}T06:00:00Z" for day in (20, 21, 23)]
    for number, day in enumerate(days):
        kept(tmp_path, b"%d" % number, made_at=day)

    def found(moment):
        return find(tmp_path, "trends", OPTIONS, until=moment).made_at

    assert found(NOW + timedelta(days=9)) == days[2]
    assert found(NOW) == days[2]
    assert found(NOW - timedelta(seconds=1)) == days[1]
    assert found(datetime(2026, 11, 20, 23, 59, 59, 999999, UTC)) == days[0]


def test_of_two_exports_of_one_second_the_one_made_last_is_found(tmp_path):
    first, second = kept(tmp_path, b"1"), kept(tmp_path, b"2")
    os.utime(tmp_path / first.name, ns=(1, 1))
    assert find(tmp_path, "trends", OPTIONS, until=NOW) == second

    os.utime(tmp_path / second.name, ns=(0, 0))
    assert find(tmp_path, "trends", OPTIONS, until=NOW) == first


def test_tables_and_parameters_do_not_mix(tmp_path):
    kept(tmp_path, b"1", table="prices")
    kept(tmp_path, b"2", parameters=OPTIONS | {"entity": ["nvidia", "amd"], "excel": True})
    mine = kept(tmp_path, b"3", made_at="2026-11-01T00:00:00Z")

    assert find(tmp_path, "trends", OPTIONS, until=NOW) == mine


def test_without_such_an_export_the_error_says_what_there_is(tmp_path):
    with pytest.raises(ConfigError, match="holds none of trends: every export is kept there"):
        find(tmp_path / "none", "trends", OPTIONS, until=NOW)

    kept(tmp_path, b"1", parameters=OPTIONS | {"entity": ["amd", "nvidia"], "excel": True})
    with pytest.raises(ConfigError, match=r"1 of trends with other options.*--format csv --entity amd --entity nvidia"):
        find(tmp_path, "trends", OPTIONS, until=NOW)

    kept(tmp_path, b"1")
    kept(tmp_path, b"1", made_at="2026-11-24T06:00:00Z")
    with pytest.raises(ConfigError, match="nearest later one is of 2026-11-23T06:00:00Z: --as-of 2026-11-23T06:00:00Z"):
        find(tmp_path, "trends", OPTIONS, until=NOW - timedelta(days=1))


def test_the_same_bytes_are_kept_once(tmp_path):
    one = kept(tmp_path, b"same")
    before = (tmp_path / f"{one.sha256}.zst").stat()
    kept(tmp_path, b"same")
    kept(tmp_path, b"same", made_at="2026-11-24T06:00:00Z")

    assert (tmp_path / f"{one.sha256}.zst").stat() == before
    assert len(list(tmp_path.glob("*.zst"))) == 2  # and the sidecar
    assert len(list(tmp_path.glob("*.json"))) == 2


def damaged(path, how):
    packed = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "cut":
        path.write_bytes(packed[:-7])
    elif how == "no zstd":
        path.write_bytes(b"x" * len(packed))
    else:
        path.write_bytes(bytes([*packed[:-9], packed[-9] ^ 1, *packed[-8:]]))


@pytest.mark.parametrize("how", ["gone", "cut", "no zstd", "flipped"])
def test_the_same_export_made_again_heals_a_damaged_one(tmp_path, how):
    data = os.urandom(3000)
    one = kept(tmp_path, data)
    damaged(tmp_path / f"{one.sha256}.zst", how)

    kept(tmp_path, data, made_at="2026-11-24T06:00:00Z")

    assert restored(tmp_path, one.sha256) == data


@pytest.mark.parametrize(
    ("how", "says"), [("gone", "are gone"), ("cut", "damaged"), ("no zstd", "damaged"), ("flipped", "damaged")]
)
def test_a_damaged_export_is_an_error_with_a_remedy(tmp_path, how, says):
    one = kept(tmp_path, os.urandom(3000))
    damaged(tmp_path / f"{one.sha256}.zst", how)

    with pytest.raises(ConfigError, match=f"{says}.*put it back from a backup"):
        restored(tmp_path, one.sha256)


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        '{"table": "trends"}',
        json.dumps({"made_at": 1, "table": "trends", "parameters": OPTIONS, "sha256": "0" * 64,
                    "bytes": 1, "rows": 1, "meta_sha256": "0" * 64, "aiwire": "0"}),
        json.dumps({"made_at": "2026-11-23T06:00:00Z", "table": "trends", "parameters": OPTIONS, "sha256": "../../x",
                    "bytes": 1, "rows": 1, "meta_sha256": "../../x", "aiwire": "0"}),
    ],
)  # fmt: skip
def test_a_file_that_is_no_record_is_passed_over(tmp_path, text):
    one = kept(tmp_path, b"1", made_at="2026-11-01T00:00:00Z")
    (tmp_path / "20261123T060000Z-trends-0.json").write_text(text)
    (tmp_path / "20261123T060000Z-trends-1.json").mkdir()

    assert find(tmp_path, "trends", OPTIONS, until=NOW) == one


def test_a_record_of_a_newer_aiwire_is_read(tmp_path):
    one = kept(tmp_path, b"1")
    path = tmp_path / one.name
    path.write_text(json.dumps(json.loads(path.read_text()) | {"signed_by": "someone"}))

    assert find(tmp_path, "trends", OPTIONS, until=NOW) == one


def test_what_a_record_names_is_there_whenever_writing_stops(tmp_path):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(ConfigError, match="cannot be written"):
        keep(tmp_path, record(b"1"), Broken(), META)

    assert list(tmp_path.iterdir()) == []


def test_two_exports_at_once_do_no_harm(tmp_path):
    contents = [os.urandom(200_000) for _ in range(3)] * 4
    at_once = [
        threading.Thread(target=kept, args=(tmp_path, data), kwargs={"made_at": f"2026-11-{day:02}T00:00:00Z"})
        for day, data in enumerate(contents, start=1)
    ]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join()

    assert len(list(tmp_path.iterdir())) == 3 + 1 + 12
    for day, data in enumerate(contents, start=1):
        one = find(tmp_path, "trends", OPTIONS, until=datetime(2026, 11, day, tzinfo=UTC))
        assert restored(tmp_path, one.sha256) == data


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=r"cannot be made.*set `exports` to a folder you may write in"):
        kept(tmp_path / "file" / "exports", b"1")


def test_records_differ_by_what_they_hold():
    one = record(b"1")

    assert len({one.name, replace(one, sha256=digest(b"2")).name, record(b"1", parameters={}).name}) == 3
