"""Pages that hang, kill or fill memory, in real processes: they alone are left out. Journals: who is to blame."""

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from archive_faults import FAULTS, attempt, begin, harming, waiting
from archive_shards_small import article_page, article_text, write_warc

from aiwire.archive.job import save_job
from aiwire.archive.parts import part_folder, read_report
from aiwire.archive.schemas import PART_TABLES
from aiwire.archive.values import Job, Shard, ShardReport
from aiwire.archive.watchdog import Watchdog, clear_journals, peak_rss
from aiwire.types.archive import CapturedPage

AT = datetime(2026, 11, 16, 8, tzinfo=UTC)
URLS = ["https://a.example.org/1", "https://a.example.org/harm/2", "https://a.example.org/3"]


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Shard:
    """Return a shard of three articles; the one in the middle does harm."""
    path = tmp_path_factory.mktemp("in") / "three.warc.gz"
    pages = [article_page(url, *article_text(n), captured_at=AT, date=AT) for n, url in enumerate(URLS)]
    write_warc(path, pages)
    return Shard("three.warc.gz-0badc0de", str(path), path.stat().st_size, "1")


@pytest.fixture(scope="module")
def clean(shard: Shard, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of the shard when nothing goes wrong."""
    folder = tmp_path_factory.mktemp("clean")
    job_file = save_job(Job(folder=folder))
    assert attempt(shard, job_file) == 0
    return rows_of(folder, shard, job_file)


def rows_of(folder: Path, shard: Shard, job_file: Path) -> dict[str, list[tuple[object, ...]]]:
    part = part_folder(folder, shard.key, job_file.stem)
    return {table: pl.read_parquet(part / f"{table}-*.parquet").rows() for table in PART_TABLES}


def report_of(folder: Path, shard: Shard, job_file: Path) -> ShardReport:
    report = read_report(part_folder(folder, shard.key, job_file.stem))
    assert report is not None
    return report


def without_harm(clean: dict[str, list[tuple[object, ...]]]) -> dict[str, list[tuple[object, ...]]]:
    """Return the clean rows as they are without the page in the middle."""
    url = list(PART_TABLES["articles"]).index("url")
    (capture,) = [row[0] for row in clean["articles"] if row[url] == URLS[1]]
    kept = {table: [row for row in rows if row[0] != capture] for table, rows in clean.items()}
    place = list(PART_TABLES["captures"]).index("kept")
    kept["captures"] = [(*row[:place], row[place] - 1, *row[place + 1 :]) for row in kept["captures"]]
    return kept


DIES = {
    "hang_in_python": (1, [1], "took longer than 1 s to read"),
    "hang_in_c": (1, [1], "took longer than 1 s to read"),
    "kill_itself": (2, [-signal.SIGKILL], "its worker died each time that it was read"),
    "exit_at_once": (2, [3], "its worker died each time that it was read"),
    "eat_memory": (0, [], "needs more memory than its worker may have (500 MiB)"),
    "crash": (0, [], "a fault of aiwire (ZeroDivisionError: seven by nought): please report it with the page"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_page_that_does_harm_is_left_out_and_nothing_else(
    fault: str, shard: Shard, clean: dict[str, list[tuple[object, ...]]], tmp_path: Path
) -> None:
    deaths, status, reason = DIES[fault]
    job_file = save_job(Job(folder=tmp_path, page_timeout_s=1, memory_limit_bytes=500 << 20))

    ended = [attempt(shard, job_file, harming(fault)) for _ in range(deaths + 1)]

    assert ended == status * deaths + [0]
    (bad,) = report_of(tmp_path, shard, job_file).bad
    assert (bad.url, bad.reason) == (URLS[1], reason)
    assert rows_of(tmp_path, shard, job_file) == without_harm(clean)
    assert list((tmp_path / "journals").iterdir()) == []
    assert report_of(tmp_path, shard, job_file).peak_rss_bytes < 600 << 20


def test_a_page_at_which_a_worker_was_killed_from_outside_is_kept(
    shard: Shard, clean: dict[str, list[tuple[object, ...]]], tmp_path: Path
) -> None:
    job_file, told = save_job(Job(folder=tmp_path)), tmp_path / "told"
    process = begin(shard, job_file, waiting(told))
    until = time.monotonic() + 40
    while not told.exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.join()
    (left,) = (tmp_path / "journals").iterdir()
    assert URLS[1].encode() in left.read_bytes()

    assert attempt(shard, job_file) == 0
    assert report_of(tmp_path, shard, job_file).bad == ()
    assert rows_of(tmp_path, shard, job_file) == clean
    assert [path.name for path in (tmp_path / "parts").iterdir()] == [f"{shard.key}.{job_file.stem}"]


# ---------------------------------------------------------------- journals

SHARD = Shard("s-00000000", "/s", 1, "1-aa")


def page(offset: int) -> CapturedPage:
    return CapturedPage(f"https://a.example.org/{offset}", AT, {}, b"", offset)


def dead(folder: Path, *lines: bytes, name: str = "x", mark: bytes = b"'1-aa'\n") -> None:
    """Leave the journal of an attempt that is no more."""
    (folder / "journals").mkdir(exist_ok=True)
    (folder / "journals" / f"s-00000000.v.{name}.journal").write_bytes(mark + b"".join(lines))


def blamed(folder: Path) -> dict[int, str]:
    with Watchdog(Job(folder=folder), SHARD, "v") as dog:
        return dog.blamed


HUNG = b'Timeout (0:01:00)!\nThread 0x1 (most recent call first):\n  File "a.py", line 1 in f\n'


@pytest.mark.parametrize(
    ("lines", "offsets"),
    [
        pytest.param([], [], id="before any page"),
        pytest.param([b"5 u\n"], [], id="once"),
        pytest.param([b"5 u\n", b".\n"], [], id="behind a page"),
        pytest.param([b"5 u\n", HUNG], [5], id="too long"),
        pytest.param([b"5 u\n", b".\n", b"6 u\n", HUNG], [6], id="too long at the second"),
        pytest.param([b"5 u\n", b".\n", HUNG], [], id="a dump behind a page"),
        pytest.param([b"5 u\n", b".\n", b"6"], [], id="a line that was cut"),
    ],
)
def test_what_one_dead_attempt_proves(lines: list[bytes], offsets: list[int], tmp_path: Path) -> None:
    dead(tmp_path, *lines)

    assert list(blamed(tmp_path)) == offsets


def test_two_deaths_at_one_page_prove_it_and_at_two_pages_nothing(tmp_path: Path) -> None:
    dead(tmp_path, b"5 u\n", name="one")
    dead(tmp_path, b"5 u\n", b".\n", b"6 u\n", name="two")
    assert blamed(tmp_path) == {}

    dead(tmp_path, b"6 u\n", name="three")
    assert list(blamed(tmp_path)) == [6]


def test_journals_of_other_bytes_prove_nothing(tmp_path: Path) -> None:
    dead(tmp_path, b"5 u\n", HUNG, mark=b"'1-bb'\n")

    assert blamed(tmp_path) == {}


def test_an_attempt_that_is_under_way_proves_nothing(tmp_path: Path) -> None:
    with Watchdog(Job(folder=tmp_path), SHARD, "v") as one, one.page(page(5)):
        dead(tmp_path, b"5 u\n")
        assert blamed(tmp_path) == {}


def test_an_attempt_that_ends_by_itself_leaves_no_journal(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Watchdog(Job(folder=tmp_path), SHARD, "v") as dog, dog.page(page(5)):
        raise KeyboardInterrupt

    assert list((tmp_path / "journals").iterdir()) == []


def test_the_journal_of_a_forerunner_with_our_number_stays(tmp_path: Path) -> None:
    with Watchdog(Job(folder=tmp_path), SHARD, "v"):
        (own,) = (tmp_path / "journals").iterdir()
    own.write_bytes(b"'1-aa'\n5 u\n" + HUNG)

    assert list(blamed(tmp_path)) == [5]
    assert list((tmp_path / "journals").iterdir()) == [own]


def test_a_shard_that_is_done_leaves_no_journals_but_those_of_others(tmp_path: Path) -> None:
    dead(tmp_path, b"5 u\n")
    other = tmp_path / "journals" / "s-00000000.v2.x.journal"
    other.touch()

    clear_journals(tmp_path, SHARD.key, "v")
    assert list((tmp_path / "journals").iterdir()) == [other]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells how much a process has asked for")
def test_the_cap_on_memory_ends_with_its_page(tmp_path: Path) -> None:
    job = Job(folder=tmp_path, memory_limit_bytes=1)
    with Watchdog(job, SHARD, "v") as dog:
        with dog.page(page(5)):
            assert len(bytearray(32 << 20)) == 32 << 20  # some it may always have
            with pytest.raises(MemoryError):
                bytearray(1 << 30)
        assert len(bytearray(1 << 30)) == 1 << 30


def test_the_peak_is_that_of_this_process() -> None:
    eaten = bytearray(os.urandom(1 << 20) * 64)

    assert len(eaten) < peak_rss() < 64 << 30
