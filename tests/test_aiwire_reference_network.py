"""aiwire reference refresh over real sockets and in processes of its own: conditional requests, caps, locks, kills."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
import zlib
from datetime import UTC, datetime

import pytest
from http_site import CLI_ENVIRONMENT, aiwire
from price_site import archive, call, gpuhunt, loaded, rows, settings_of, skypilot

from aiwire.config import Settings
from aiwire.lock import writer_lock

NOW = "2026-12-01T06:00:00Z"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "news.db").write_bytes(loaded())


def _published(loopback, path, body, **headers):
    return loopback.reply(path, body, headers={"ETag": '"v1"', "Content-Type": "text/csv", **headers})


@pytest.fixture
def live(loopback, tmp_path):
    """A catalogue on a real server; the settings ask for it."""
    offers = skypilot(("h8", "H100-SXM", 8, 20.0, "", "r1"), ("h8", "H100-SXM", 8, 22.0, "", "r2"))
    _published(loopback, "/skypilot/v9/live/vms.csv", offers)
    settings_of(tmp_path, "skypilot/live", base=loopback.url(""))
    return loopback


def refresh_live(folder, *more):
    """Exit status, report and stderr of a refresh in a process of its own."""
    status, out, err = aiwire(folder, "reference", "refresh", "--json", *more)
    return status, json.loads(out) if out else None, err


def test_over_the_network_a_second_refresh_asks_only_whether_it_changed(live, tmp_path):
    async def not_modified(seen, writer):
        writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n')

    assert refresh_live(tmp_path, "--apply")[0] == 0
    live.script("/skypilot/v9/live/vms.csv", not_modified)
    status, report, _ = refresh_live(tmp_path, "--apply")

    assert (status, report["lines"][0]["outcome"]) == (0, "not-modified")
    assert [seen.headers.get("if-none-match") for seen in live.seen] == [None, '"v1"']
    assert "text/csv" in live.seen[0].headers["accept"]


def test_with_force_it_asks_for_the_whole_document(live, tmp_path):
    refresh_live(tmp_path, "--apply")
    _, report, _ = refresh_live(tmp_path, "--force")

    assert (report["lines"][0]["outcome"], report["rows"]["unchanged"]) == ("staged", 2)
    assert live.seen[1].headers.get("if-none-match") is None


def test_a_document_that_is_held_back_is_asked_for_without_conditions(loopback, tmp_path):
    modified = {"ETag": '"v2"', "Last-Modified": "Mon, 30 Nov 2026 06:00:00 GMT"}
    _published(loopback, "/gpuhunt/aws/latest/catalog.zip", gpuhunt(), **modified)
    settings_of(tmp_path, "gpuhunt/aws", base=loopback.url(""))

    for more in ((), ("--apply",), ("--apply", "--allow-loss")):
        _, report, _ = refresh_live(tmp_path, *more)
        assert report["lines"][0]["outcome"] == "staged"

    assert report["lines"][0]["applied"]
    assert not [seen for seen in loopback.seen if seen.headers.keys() & {"if-none-match", "if-modified-since"}]


def test_examples_of_the_help_work_with_the_settings_as_they_come():
    said = call("refresh", "--help").stdout
    named = set(re.findall(r"--source ([a-z0-9]+/[a-z0-9]+)", said))

    assert named
    assert named <= {f"gpuhunt/{provider}" for provider in Settings().gpuhunt_catalogs}


def test_what_was_recorded_gives_the_same_when_it_is_replayed(live, tmp_path):
    _, report, _ = refresh_live(tmp_path, "--record", "prices.warc.gz", "--db", "a.db", "--apply", "--now", NOW)
    _, again, _ = refresh_live(tmp_path, "--replay", "prices.warc.gz", "--db", "b.db", "--apply")

    assert again == report
    assert len(live.seen) == 1
    sql = "SELECT * FROM cloud_prices ORDER BY id"
    assert rows(tmp_path / "b.db", sql) == rows(tmp_path / "a.db", sql)


def test_a_document_that_unpacks_to_more_than_the_cap_is_refused(live, tmp_path):
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"0" * 2**20) for _ in range(64)) + packer.flush()
    live.reply("/skypilot/v9/live/vms.csv", bomb, headers={"Content-Encoding": "gzip"})

    _, report, _ = refresh_live(tmp_path, "--apply")

    assert len(bomb) < 2**17
    assert report["lines"][0]["outcome"] == "failed"
    assert "decompression bomb" in report["lines"][0]["error"]


def test_an_archive_that_holds_a_bomb_is_refused(loopback, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb.csv", b"0" * 200_000_000)
    _published(loopback, "/gpuhunt/bomb/latest/catalog.zip", packed.getvalue())
    settings_of(tmp_path, "gpuhunt/bomb", base=loopback.url(""))

    _, report, _ = refresh_live(tmp_path)

    assert report["lines"][0]["outcome"] == "broken"


def test_an_archive_of_the_catalogue_is_read(loopback, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zipped.csv", gpuhunt(("a8", "eu", 12.0, 8, "A100", 80, "False")))
    _published(loopback, "/gpuhunt/zipped/latest/catalog.zip", packed.getvalue())
    settings_of(tmp_path, "gpuhunt/zipped", base=loopback.url(""))

    _, report, _ = refresh_live(tmp_path)

    assert report["rows"]["added"] == 1


def test_no_host_in_reach_is_exit_status_75_and_is_held_against_no_document(unused_port, tmp_path):
    settings_of(tmp_path, "skypilot/live", "skypilot/other", base=f"http://127.0.0.1:{unused_port}")

    status, report, err = refresh_live(tmp_path, "--apply")

    assert (status, report) == (75, None)
    assert "is this machine online?" in err
    assert rows(tmp_path / "news.db", "SELECT count(*) FROM reference_sources") == [(0,)]


def test_one_host_out_of_reach_beside_one_in_reach_is_a_failure_of_its_own(live, unused_port, tmp_path):
    path = settings_of(tmp_path, "skypilot/live", "gpuhunt/dead", base=live.url(""))
    lines = [line for line in path.read_text().splitlines() if not line.startswith("gpuhunt_url")]
    path.write_text("\n".join([*lines, f'gpuhunt_url = "http://127.0.0.1:{unused_port}"\n']))

    status, report, _ = refresh_live(tmp_path)

    assert status == 0
    assert {line["name"]: line["outcome"] for line in report["lines"]} == {
        "gpuhunt/dead": "failed",
        "skypilot/live": "staged",
    }


def test_a_run_that_holds_the_lock_makes_it_75(live, tmp_path):
    with writer_lock(tmp_path / "news.db"):
        assert refresh_live(tmp_path)[0] == 75
    assert live.seen == []


def test_record_and_replay_exclude_each_other():
    result = call("refresh", "--record", "a.warc.gz", "--replay", "b.warc.gz")

    assert "exclude each other" in result.exception.format_message()


def test_documents_beyond_the_politeness_of_one_run_are_put_off(live, tmp_path):
    settings_of(tmp_path, "skypilot/live", "skypilot/later", base=live.url(""), max_per_lane=1)

    _, report, _ = refresh_live(tmp_path)

    assert [line["outcome"] for line in report["lines"]] == ["staged", "put-off"]


# ---------------------------------------------------------------- kills


def _documents(folder, number):
    """Several documents, large enough to be met at work."""
    names = [f"skypilot/c{n}" for n in range(6)]
    offers = [(f"h{n}", "H100-SXM", 8, 20.0 + n / 100 + number, "", "r") for n in range(300)]
    settings_of(folder, *names)
    archive(
        folder / f"{number}.warc.gz", datetime(2026, 12, number, tzinfo=UTC), dict.fromkeys(names, skypilot(*offers))
    )


def _tables(folder):
    sql = "SELECT * FROM {} ORDER BY 1, 2"
    return [
        rows(folder / "news.db", sql.format(table))
        for table in ("cloud_prices", "reference_staged", "reference_sources")
    ]


def _killed_when(folder, applied):
    """Start a refresh and kill it -9 when so many documents are applied; whether it was still alive then."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "aiwire", "reference", "refresh", "--replay", "2.warc.gz", "--apply"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | CLI_ENVIRONMENT,
    )  # fmt: skip
    done = "SELECT count(*) FROM reference_sources WHERE applied_at >= '2026-12-02'"
    while process.poll() is None:
        if rows(folder / "news.db", done)[0][0] >= applied:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.002)
    return False


def test_killed_at_several_moments_and_finished_it_ends_with_the_rows_of_an_undisturbed_refresh(tmp_path):
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    for folder in (undisturbed, disturbed):
        folder.mkdir()
        (folder / "news.db").write_bytes(loaded())
        for number in (1, 2):
            _documents(folder, number)
        call(
            "refresh",
            "--config",
            folder / "aiwire.toml",
            "--db",
            folder / "news.db",
            "--replay",
            folder / "1.warc.gz",
            "--apply",
        )
    replay = ("refresh", "--replay", "2.warc.gz", "--apply", "--config", "aiwire.toml")

    killed = [_killed_when(disturbed, applied) for applied in range(5)]
    for folder in (undisturbed, disturbed):
        os.chdir(folder)
        assert call(*replay).exception is None

    assert sum(killed) >= 3, "too few refreshes lived long enough to be killed"
    assert _tables(disturbed) == _tables(undisturbed)
