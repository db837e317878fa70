"""`aiwire run` as cron calls it, on the bundled sample: same rows again, after kills, beside failures."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest
from kill_and_finish import differences, kill_after, rows_of

from aiwire.lock import writer_lock
from aiwire.paths import package_file
from db.connection import connect

SAMPLE = package_file("sample", "sample.warc.gz")
SOURCES = package_file("sample", "sources.toml")
LOCAL = {"AIWIRE_ALLOW_HOSTS": "127.0.0.0/8", "AIWIRE_HOST_GAP_S": "0"}  # where the tests' servers are


def _aiwire(*args, cwd, check=True):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "aiwire", *map(str, args)],
        cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, "XDG_CONFIG_HOME": str(cwd), **LOCAL},
    )  # fmt: skip
    if check:
        assert done.returncode == 0, done.stderr
    return done


def _replay(folder, *more, check=True):
    return _aiwire("run", "--db", "news.db", "--sources", SOURCES, "--replay", SAMPLE, *more, cwd=folder, check=check)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    _replay(folder)
    return folder


def test_the_sample_brings_its_sixteen_articles_with_tags_and_trends(undisturbed):
    rows = rows_of(undisturbed)

    assert len(rows["articles"]) == 16
    assert rows["mentions"]
    assert rows["trends_weekly"]
    assert len(rows["accelerators"]) >= 200


def test_running_again_with_force_changes_no_row(undisturbed, tmp_path):
    before = rows_of(undisturbed)

    report = json.loads(_replay(undisturbed, "--force", "--json").stdout)

    assert rows_of(undisturbed) == before
    assert report["articles"] == {"new": 0, "changed": 0, "versions": 0}
    assert (report["sources"]["ok"], report["sources"]["not_modified"]) == (3, 0)  # read again, in full


def test_nothing_is_due_right_after_a_run(undisturbed):
    report = json.loads(_replay(undisturbed, "--json").stdout)

    assert (report["sources"]["due"], report["lines"]) == (0, [])


def test_killed_at_ten_moments_and_finished_it_ends_with_the_rows_of_an_undisturbed_run(undisturbed, tmp_path):
    arguments = ["--sources", str(SOURCES), "--replay", str(SAMPLE)]
    killed = [kill_after(tmp_path, arguments, at) for at in range(10)]

    _replay(tmp_path)

    assert sum(killed) >= 8, "too few runs lived long enough to be killed"
    assert differences(tmp_path, undisturbed) == {}
    db = connect(tmp_path / "news.db")
    assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    assert db.execute("pragma foreign_key_check").fetchall() == []
    db.close()


def test_cut_by_max_seconds_it_says_so_and_the_next_run_goes_on(undisturbed, tmp_path):
    report = json.loads(_replay(tmp_path, "--max-seconds", "0", "--json").stdout)
    assert (report["status"], report["lines"]) == ("stopped", [])

    _replay(tmp_path)

    assert differences(tmp_path, undisturbed) == {}


def test_fetch_then_tag_then_trends_gives_the_rows_of_a_run(undisturbed, tmp_path):
    _aiwire("fetch", "--db", "news.db", "--sources", SOURCES, "--replay", SAMPLE, cwd=tmp_path)
    _aiwire("tag", "--db", "news.db", cwd=tmp_path)
    _aiwire("trends", "--db", "news.db", cwd=tmp_path)

    assert differences(tmp_path, undisturbed) == {}


def test_a_retag_of_everything_changes_no_row(undisturbed, tmp_path):
    _replay(tmp_path)

    _aiwire("tag", "--all", "--db", "news.db", cwd=tmp_path)

    assert differences(tmp_path, undisturbed) == {}


def test_a_second_run_exits_75_while_the_first_holds_the_lock(tmp_path):
    with writer_lock(tmp_path / "news.db"):
        done = _replay(tmp_path, check=False)

    assert done.returncode == 75
    assert done.stderr.startswith("aiwire: news.db: another aiwire is writing")
    assert len(done.stderr.splitlines()) == 1


def test_a_run_that_finds_the_lock_held_touches_no_recording(tmp_path):
    (tmp_path / "run.warc.gz.part").write_bytes(b"the first run is writing this")
    _sources_toml(tmp_path, "http://127.0.0.1:9/feed")
    with writer_lock(tmp_path / "news.db"):
        done = _aiwire("run", "--record", "run.warc.gz", cwd=tmp_path, check=False)

    assert done.returncode == 75
    assert (tmp_path / "run.warc.gz.part").read_bytes() == b"the first run is writing this"


def test_a_database_that_another_program_holds_is_try_later_and_no_traceback(tmp_path):
    _aiwire("reference", "load", "--db", "news.db", cwd=tmp_path)
    other = sqlite3.connect(tmp_path / "news.db", isolation_level=None)
    other.execute("pragma busy_timeout = 0")
    other.execute("begin immediate")
    try:
        done = _replay(tmp_path, check=False)
    finally:
        other.close()

    assert done.returncode == 75
    assert len(done.stderr.splitlines()) == 1


def test_the_demo_done_twice_changes_nothing(tmp_path):
    _aiwire("demo", "d", "--db", "news.db", cwd=tmp_path)
    before, csv = rows_of(tmp_path), (tmp_path / "d" / "trends_weekly.csv").read_bytes()

    _aiwire("demo", "d", "--db", "news.db", cwd=tmp_path)

    assert rows_of(tmp_path) == before
    assert (tmp_path / "d" / "trends_weekly.csv").read_bytes() == csv


def test_a_source_whose_address_changes_is_asked_anew(tmp_path, loopback):
    def feed(name):
        item = f"<item><title>{name}</title><link>http://h.example/{name}</link></item>"
        return f"<?xml version='1.0'?><rss version='2.0'><channel><title>F</title>{item}</channel></rss>".encode()

    async def same_to_whoever_asks_with_a_validator(seen, writer):
        body = b"" if "if-none-match" in seen.headers else feed("new")
        status = b"200 OK" if body else b"304 Not Modified"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    loopback.reply("/old", feed("old"), headers={"ETag": '"1"'})
    loopback.script("/new", same_to_whoever_asks_with_a_validator)
    for path in ("/old", "/new"):
        _sources_toml(tmp_path, loopback.url(path))
        _aiwire("run", cwd=tmp_path)

    db = connect(tmp_path / "news.db")
    titles = sorted(row["title"] for row in db.query("select title from articles"))
    db.close()
    assert titles == ["new", "old"]


def test_pages_of_a_source_that_left_the_list_are_not_fetched(tmp_path, loopback_site, loopback):
    _sources_toml(tmp_path, loopback_site)
    _aiwire("run", "--now", "2026-03-02T06:00:00Z", cwd=tmp_path)
    other = loopback.reply("/other", b"<rss version='2.0'><channel><title>O</title></channel></rss>")
    (tmp_path / "sources.toml").write_text(f'[[source]]\nid = "other"\nname = "O"\nkind = "feed"\nurl = "{other}"\n')
    asked = len(loopback.seen)

    _aiwire("run", "--now", "2026-03-04T06:00:00Z", cwd=tmp_path)

    assert loopback.paths()[asked:] == ["/other"]


def _sources_toml(folder, *urls):
    text = "".join(
        f'[[source]]\nid = "s{i}"\nname = "S{i}"\nkind = "feed"\nurl = "{url}"\n\n' for i, url in enumerate(urls)
    )
    (folder / "sources.toml").write_text(text)


def test_one_bad_source_is_a_line_in_the_report_and_strict_makes_it_exit_1(tmp_path, undisturbed):
    text = SOURCES.read_text(encoding="utf-8")
    (tmp_path / "sources.toml").write_text(
        text + '\n[[source]]\nid = "gone"\nname = "Gone"\nkind = "feed"\nurl = "https://gone.example/feed"\n'
    )

    done = _aiwire("run", "--replay", SAMPLE, "--json", cwd=tmp_path)
    strict = _aiwire("run", "--replay", SAMPLE, "--force", "--strict", cwd=tmp_path, check=False)

    report = json.loads(done.stdout)
    assert [line["id"] for line in report["lines"] if line["error"]] == ["gone"]
    assert (report["sources"]["not_in_archive"], report["articles"]["new"]) == (1, 16)
    assert strict.returncode == 1


def test_our_own_network_down_exits_75_and_holds_nothing_against_the_sources(tmp_path):
    _sources_toml(tmp_path, *(f"http://127.0.0.{n}:9/feed" for n in range(1, 6)))

    done = _aiwire("run", cwd=tmp_path, check=False)

    assert done.returncode == 75
    assert "is this machine online?" in done.stderr
    db = connect(tmp_path / "news.db")
    assert list(db.query("select * from source_state where error_count > 0")) == []
    db.close()


def test_a_replay_takes_the_archives_newest_date_as_now(undisturbed):
    db = connect(undisturbed / "news.db")
    starts = {row["started_at"] for row in db.query("select started_at from runs")}
    db.close()

    assert starts == {"2026-03-09T06:00:00Z"}


def test_an_edited_article_keeps_its_earlier_text(tmp_path):
    _replay(tmp_path, "--now", "2026-03-02T06:00:00Z")
    _replay(tmp_path, "--now", "2026-03-09T06:00:00Z")

    db = connect(tmp_path / "news.db")
    versions = list(
        db.query("select v.text as old, a.text as new from article_versions v join articles a on a.id = v.article_id")
    )
    db.close()
    assert len(versions) == 1
    assert versions[0]["old"] != versions[0]["new"]


def test_what_a_source_holds_undated_when_it_is_first_read_is_a_backlog(tmp_path, loopback):
    def feed(*names):
        items = "".join(
            f"<item><title>{name}</title><link>{loopback.url('/' + name)}</link>"
            "<description>NVIDIA and AMD.</description></item>"
            for name in names
        )
        body = f"<?xml version='1.0'?><rss version='2.0'><channel><title>S</title>{items}</channel></rss>"
        return loopback.reply("/feed", body.encode(), headers={"Content-Type": "application/rss+xml"})

    _sources_toml(tmp_path, feed("old"))
    _aiwire("run", cwd=tmp_path)
    feed("new", "old")
    _aiwire("run", "--force", cwd=tmp_path)

    db = connect(tmp_path / "news.db")
    assert dict(db.execute("select title, date_source from articles").fetchall()) == {
        "old": "backlog", "new": "first_seen",
    }  # fmt: skip
    weekly = "select articles_total from period_totals where grain = 'week' and segment = 'all'"
    assert db.execute(weekly).fetchall() == [(1,)]
    db.close()


def test_a_run_can_be_recorded_and_replayed_to_the_samerows_of(tmp_path, loopback_site):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        _sources_toml(folder, loopback_site)

    _aiwire("run", "--record", "run.warc.gz", cwd=first)
    _aiwire("run", "--replay", first / "run.warc.gz", cwd=second)

    assert rows_of(first)["articles"]
    assert differences(first, second) == {}
