"""The benchmark of archives: its shards are what its figures speak of, and its plan follows from its figures."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from site_archives import bench_module
from warcio.archiveiterator import ArchiveIterator

MIB = 1 << 20
shards = bench_module("archive_shards")
plan = bench_module("archive_plan")

needs_shared = pytest.mark.skipif(not (shards.SHARED / "pages").is_dir(), reason="needs ../shared/pages")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    return folder, shards.make(folder, shards.Scale(mib=60, shards=6))


def _records(path):
    with path.open("rb") as file:
        for record in ArchiveIterator(file):
            status = (
                record.http_headers.get_statuscode() if record.rec_type == "response" and record.http_headers else ""
            )
            kind = record.http_headers.get_header("Content-Type", "") if record.http_headers else ""
            yield record.rec_type, record.rec_headers, status, kind, record.content_stream().read()


def _pages(folder, name):
    """Yield URL, moment and body of every page of a shard."""
    if ".jsonl" in name:
        import gzip

        for line in gzip.decompress((folder / name).read_bytes()).splitlines():
            row = json.loads(line)
            yield row["url"], row["captured_at"], row["html"].encode()
        return
    for rec_type, head, status, kind, body in _records(folder / name):
        if rec_type == "response" and status == "200" and kind.startswith("text/html"):
            yield head.get_header("WARC-Target-URI"), head.get_header("WARC-Date"), body


@needs_shared
def test_there_is_as_much_html_as_was_asked_for(made):
    folder, told = made
    pages = [page for name in told.files for page in _pages(folder, name)]

    assert 60 * MIB <= told.html_bytes < 80 * MIB
    assert len(pages) == told.pages
    assert sum((folder / name).stat().st_size for name in told.files) == told.stored_bytes


@needs_shared
def test_pages_come_again_under_other_addresses_and_some_under_their_own(made):
    folder, told = made
    urls = Counter(page[0] for name in told.files for page in _pages(folder, name))

    assert len(urls) > len(shards.pool_of())
    assert 0 < sum(count > 1 for count in urls.values()) < 0.1 * len(urls)


@needs_shared
def test_the_captures_of_a_month_are_in_order_and_the_sizes_differ(made):
    folder, told = made
    moments = [page[1] for name in told.files for page in _pages(folder, name)]
    sizes = [(folder / name).stat().st_size for name in told.files]

    assert moments == sorted(moments)
    assert moments[0] >= shards.BEGIN.strftime("%Y-%m-%d")
    assert moments[-1] < (shards.BEGIN + timedelta(days=shards.DAYS)).strftime("%Y-%m-%d")
    assert max(sizes) > 1.5 * min(sizes)


@needs_shared
def test_the_shards_have_both_versions_json_lines_and_answers_that_are_no_page(made):
    folder, told = made
    versions, others = Counter(), Counter()
    for name in told.files:
        if ".warc" in name:
            for rec_type, head, status, kind, _ in _records(folder / name):
                versions[head.protocol] += rec_type == "warcinfo"
                others[rec_type if rec_type != "response" else f"{status} {kind.partition(';')[0]}".strip()] += 1

    assert versions == {"WARC/1.0": 3, "WARC/1.1": 2}
    assert sum(name.endswith(".jsonl.gz") for name in told.files) == 1
    assert {"request", "200 text/html", "200 image/png", "404 text/html"} <= others.keys()


@needs_shared
def test_the_same_bytes_are_made_again(made, tmp_path):
    folder, told = made
    again = shards.make(tmp_path, shards.Scale(mib=60, shards=6))

    assert again == told
    for name in told.files:
        first, second = ((where / name).read_bytes() for where in (folder, tmp_path))
        assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


@needs_shared
def test_shards_that_are_there_are_not_made_again(made):
    folder, told = made
    before = [(folder / name).stat().st_mtime_ns for name in told.files]

    assert shards.make(folder, shards.Scale(mib=60, shards=6)) == told
    assert [(folder / name).stat().st_mtime_ns for name in told.files] == before


# ---------------------------------------------------------------- the plan

MEASURED = plan.Measured(
    pages=1000, read=400, articles=300, stored_bytes=40_000_000, html_bytes=200_000_000, parquet_bytes=4_000_000,
    look_cpu_s=10.0, cpu_s=90.0, core_s=99.0, article_tables_s=0.01, peak_bytes=500 << 20,
)  # fmt: skip
ASSUMED = replace(plan.ASSUMED, pages=3_600_000, core_usd=0.05, cores=(1, 100), shares=(0.1,))


def test_a_month_costs_a_look_at_each_page_and_a_reading_of_some():
    found = plan.need(MEASURED, ASSUMED, 0.1)

    # (10 ms + 0.1 * 200 ms) * 1.1 of 3.6 million pages: 33 core-hours
    assert found.core_hours == pytest.approx(33.0)
    assert found.hours == pytest.approx((33.0, 0.33))
    assert found.usd == pytest.approx(1.65)


def test_the_files_of_a_month_follow_from_the_pages_a_gb():
    assert plan.pages_per_file(MEASURED, ASSUMED) == pytest.approx(25_000)
    assert plan.pages_a_month(MEASURED, replace(ASSUMED, files=100)) == pytest.approx(2_500_000)
    assert plan.pages_a_month(MEASURED, replace(ASSUMED, files=100, pages_per_file=30_000)) == 3_000_000


def test_the_plan_names_the_source_of_every_line():
    lines = list(plan.told(MEASURED, ASSUMED))

    assert any("assumed" in line and "3,600,000" in line for line in lines)
    assert any("144" in line and "of 1 GB: 144 GB to read" in line for line in lines)
    assert [line.split()[-1] for line in lines if "%" in line] == ["measured", "assumed"]
