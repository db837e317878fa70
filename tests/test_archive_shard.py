"""One shard from its bytes to its rows: what is kept, what is counted, and that nothing else has a say in it."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from archive_shards_small import Page, article_page, article_text, garden_text, small_pages, write_jsonl, write_warc

from aiwire.archive import parts, shard
from aiwire.archive.job import save_job
from aiwire.archive.parts import part_folder, read_report
from aiwire.archive.rows import Rows
from aiwire.archive.schemas import PART_TABLES
from aiwire.archive.shard import make_part, process_shard
from aiwire.archive.tally import Tally
from aiwire.archive.values import Job, Shard, ShardReport
from aiwire.exceptions import ConfigError, InputError, TryLater
from aiwire.types import ArticleRule, Extracted, Source
from aiwire.types.archive import BadRecord
from ingest.pages.extract import extract_page

AT = datetime(2026, 11, 16, 8, tzinfo=UTC)


def article(url: str, number: int = 1, *, at: datetime = AT, **fields: Any) -> Page:
    return article_page(url, *article_text(number), captured_at=at, date=at - timedelta(hours=5), **fields)


def garden(url: str, number: int = 1) -> Page:
    return article_page(url, *garden_text(number), captured_at=AT, date=AT)


def shard_of(folder: Path, *pages: Page, name: str = "one.warc.gz") -> Shard:
    path = folder / name
    (write_jsonl if ".jsonl" in name else write_warc)(path, pages)
    return Shard(f"{name}-00c0ffee", str(path), path.stat().st_size, "1")


def process(one: Shard, job: Job, **given: Any) -> tuple[list[Rows], Tally]:
    tally = Tally()
    return list(process_shard(one, job, tally=tally, **given)), tally


def values(found: list[Rows], column: str, table: str = "articles") -> list[Any]:
    place = list(PART_TABLES[table]).index(column)
    return [row[place] for rows in found for row in rows[table]]


def with_head(page: Page, markup: bytes) -> Page:
    return replace(page, html=page.html.replace(b"<head>", b"<head>" + markup, 1))


# ---------------------------------------------------------------- what is kept


def test_articles_are_kept_and_all_else_is_counted(tmp_path: Path) -> None:
    (pages,) = small_pages(shards=1, pages=8)
    found, tally = process(shard_of(tmp_path, *pages), Job(folder=tmp_path))

    assert [url.split("/")[2] for url in values(found, "url")] == [
        "rack.example.org", "www.echo-0.example.net", "rack.example.org", "ledger.example.com", "suanli.example.cn",
    ]  # fmt: skip
    assert (tally.pages, tally.articles, tally.bad) == (7, 5, [])
    assert sum(tally.dropped.values()) == tally.records - tally.articles
    assert {"status", "not-response"} <= set(tally.dropped)
    assert tally.html_bytes == sum(len(page.html) for page in pages if page.status == 200)
    assert tally.bytes_read == (tmp_path / "one.warc.gz").stat().st_size


def test_the_same_pages_give_the_same_articles_in_every_format(tmp_path: Path) -> None:
    pages = [article(f"https://a.example.org/{n}", n) for n in range(3)]
    names = ("one.warc.gz", "one.warc", "one.jsonl", "one.jsonl.gz")
    found = [process(shard_of(tmp_path, *pages, name=name), Job(folder=tmp_path))[0] for name in names]

    for column in set(PART_TABLES["articles"]) - {"capture_id", "shard", "offset"}:
        one, *others = [values(rows, column) for rows in found]
        assert others == [one] * 3


def test_rows_depend_on_the_bytes_alone(tmp_path: Path) -> None:
    one = shard_of(tmp_path, *[article(f"https://a.example.org/{n}", n) for n in range(4)], name="one.jsonl")
    first, tally = process(one, Job(folder=tmp_path))
    process(shard_of(tmp_path, article("https://b.example.org/", 9), name="two.jsonl"), Job(folder=tmp_path))
    again, counted = process(one, Job(folder=tmp_path))

    assert first == again
    assert tally == counted


def test_a_page_that_stands_twice_is_taken_once(tmp_path: Path) -> None:
    later = article("https://a.example.org/1?utm_source=x", 1, at=AT)
    pages = [article("https://a.example.org/1", 1), replace(later, captured_at=AT + timedelta(days=1))]
    edited = article("https://a.example.org/1", 2)
    found, tally = process(shard_of(tmp_path, *pages, edited), Job(folder=tmp_path))

    assert len(set(values(found, "text"))) == len(values(found, "url")) == 2
    assert tally.dropped["repeated"] == 1


def test_of_equal_pages_the_earlier_one_is_kept_wherever_it_stands(tmp_path: Path) -> None:
    page = article("https://a.example.org/1", 1)
    later = replace(page, captured_at=AT + timedelta(days=1))
    found, _ = process(shard_of(tmp_path, later, page), Job(folder=tmp_path))

    assert "2026-11-16T08:00:00Z" in values(found, "captured_at")


def test_equal_pages_whose_headers_differ_in_rights_are_two(tmp_path: Path) -> None:
    page = article("https://a.example.org/1", 1)
    reserved = replace(page, headers=(*page.headers, ("X-Robots-Tag", "noai")))
    found, tally = process(shard_of(tmp_path, page, reserved), Job(folder=tmp_path, opt_outs="record"))

    assert values(found, "rights") == [None, "x-robots-tag: noai"]
    assert not tally.dropped["repeated"]


@pytest.mark.parametrize("opt_outs", ["obey", "strict", "record"])
def test_reserved_pages_are_kept_only_where_they_are_but_recorded(opt_outs: Any, tmp_path: Path) -> None:
    page = with_head(article("https://a.example.org/1"), b'<meta name="tdm-reservation" content="1">')
    found, tally = process(shard_of(tmp_path, page), Job(folder=tmp_path, opt_outs=opt_outs))

    kept = opt_outs == "record"
    assert values(found, "rights") == (["tdm-reservation: 1"] if kept else [])
    assert tally.dropped["opt-out"] == (0 if kept else 1)


def test_a_listed_source_has_its_pages_and_its_rule(tmp_path: Path) -> None:
    source = Source(
        "courier", "Courier", "feed", "https://courier.example.org/feed", "courier", article=ArticleRule(title="h2.own")
    )
    page = article("https://www.courier.example.org/1")
    page = replace(page, html=page.html.replace(b"<body>", b'<body><h2 class="own">Our own title</h2>'))
    found, _ = process(
        shard_of(tmp_path, page, article("https://other.example.net/")), Job(folder=tmp_path, sources=(source,))
    )

    assert values(found, "source_id") == ["courier", "site-example-net"]
    assert values(found, "title")[0] == "Our own title"


def test_captures_count_every_page_of_a_source_by_day(tmp_path: Path) -> None:
    pages = [
        article("https://a.example.org/1", 1),
        garden("https://a.example.org/2"),
        article("https://a.example.org/3", 3, at=AT + timedelta(hours=3)),
        article("https://a.example.org/4", 4, at=AT + timedelta(days=1)),
    ]
    _, tally = process(shard_of(tmp_path, *pages), Job(folder=tmp_path))

    assert tally.captures() == [
        ("site-example-org", "example.org", "2026-11-16", 3, 2, "2026-11-16T08:00:00Z", "2026-11-16T11:00:00Z"),
        ("site-example-org", "example.org", "2026-11-17", 1, 1, "2026-11-17T08:00:00Z", "2026-11-17T08:00:00Z"),
    ]


def test_the_audit_reads_what_was_dropped_and_keeps_none_of_it(tmp_path: Path) -> None:
    one = shard_of(tmp_path, *[garden(f"https://a.example.org/{n}", n) for n in range(3)])
    found, tally = process(one, Job(folder=tmp_path, audit=1.0))
    nothing, unread = process(one, Job(folder=tmp_path, audit=0.0))

    assert (found, tally.audit.sampled, tally.audit.relevant) == ([], 3, 0)
    assert (nothing, unread.audit.sampled) == ([], 0)


def test_more_bad_records_than_can_be_told_are_counted() -> None:
    tally = Tally()
    for offset in range(1200):
        tally.quarantine(BadRecord(offset, "no page"))

    assert len(tally.bad) == 1000
    assert tally.dropped == {"quarantined-unlisted": 200}


# ---------------------------------------------------------------- pages that go wrong


def test_a_page_that_is_blamed_is_not_read(tmp_path: Path) -> None:
    one = shard_of(tmp_path, *[article(f"https://a.example.org/{n}", n) for n in range(3)], name="one.jsonl")
    offsets = values(process(one, Job(folder=tmp_path))[0], "offset")
    found, tally = process(one, Job(folder=tmp_path), blamed={offsets[1]: "took too long"})

    assert values(found, "offset") == [offsets[0], offsets[2]]
    assert tally.bad == [BadRecord(offsets[1], "took too long", "https://a.example.org/1")]
    assert tally.pages == 3


def test_an_address_that_is_none_is_quarantined(tmp_path: Path) -> None:
    _, tally = process(shard_of(tmp_path, article("http://[::1/x")), Job(folder=tmp_path))

    assert [(bad.url, tally.articles) for bad in tally.bad] == [("http://[::1/x", 0)]


@pytest.mark.parametrize("error", [TryLater("the network broke"), ImportError("no lxml"), KeyboardInterrupt()])
def test_what_is_no_fault_of_the_page_ends_the_attempt_and_leaves_nothing(error: BaseException, tmp_path: Path) -> None:
    one = shard_of(tmp_path, article("https://a.example.org/1"))
    job_file = save_job(Job(folder=tmp_path / "out"))

    def extract(body: bytes, **known: Any) -> Extracted:
        raise error

    with pytest.raises(type(error)):
        make_part(one, job_file, extract=extract)
    assert list((tmp_path / "out" / "parts").iterdir()) == []
    assert list((tmp_path / "out" / "journals").iterdir()) == []


def test_a_shard_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    gone = Shard("gone-00000000", str(tmp_path / "gone.warc.gz"), None, "")

    with pytest.raises(InputError):
        make_part(gone, save_job(Job(folder=tmp_path / "out")))


# ---------------------------------------------------------------- parts


def read(folder: Path, one: Shard, job_file: Path) -> dict[str, list[tuple[Any, ...]]]:
    part = part_folder(folder, one.key, job_file.stem)
    return {table: pl.read_parquet(part / f"{table}-*.parquet").rows() for table in PART_TABLES}


def test_a_part_holds_the_rows_of_its_shard_in_however_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shard_of(tmp_path, *[article(f"https://a.example.org/{n}", n) for n in range(5)])
    job = Job(folder=tmp_path / "out")
    job_file = save_job(job)
    monkeypatch.setattr(parts, "_ARTICLES", 2)
    report = make_part(one, job_file)
    found, tally = process(one, job)

    stored = read(job.folder, one, job_file)
    assert {table: rows for table, rows in stored.items() if table != "captures"} == {
        table: [row for rows in found for row in rows[table]] for table in stored if table != "captures"
    }
    assert stored["captures"] == tally.captures()
    assert report.rows == {table: len(rows) for table, rows in stored.items()}
    assert (report.key, report.articles, report.pages, report.records) == (one.key, 5, 5, tally.records)
    assert report.peak_rss_bytes > 0


def never(body: bytes, **known: Any) -> Extracted:
    raise ImportError("it is there already")


def test_a_part_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    one = shard_of(tmp_path, article("https://a.example.org/1"))
    job_file = save_job(Job(folder=tmp_path / "out"))
    first = make_part(one, job_file)
    (tmp_path / "out" / "journals" / f"{one.key}.{job_file.stem}.x.journal").touch()

    assert make_part(one, job_file, extract=never) == first
    assert list((tmp_path / "out" / "journals").iterdir()) == []


def test_a_shard_of_other_bytes_is_done_again(tmp_path: Path) -> None:
    one = shard_of(tmp_path, article("https://a.example.org/1"))
    job_file = save_job(Job(folder=tmp_path / "out"))
    make_part(one, job_file)
    two = replace(shard_of(tmp_path, article("https://a.example.org/2", 2)), fingerprint="2")

    assert make_part(two, job_file).fingerprint == "2"
    assert [row[4] for row in read(tmp_path / "out", one, job_file)["articles"]] == ["https://a.example.org/2"]


def test_the_part_of_another_version_goes_when_the_new_one_is_there(tmp_path: Path) -> None:
    one = shard_of(tmp_path, article("https://a.example.org/1"))
    old = save_job(Job(folder=tmp_path / "out"))
    make_part(one, old)
    new = save_job(Job(folder=tmp_path / "out", languages=("en",)))
    make_part(one, new)

    assert [path.name for path in (tmp_path / "out" / "parts").iterdir()] == [f"{one.key}.{new.stem}"]


def test_a_job_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    job = Job(folder=tmp_path / "out")
    one = shard_of(tmp_path, article("https://a.example.org/1"))
    job_file = save_job(job)

    assert shard._job(job_file).memory_limit_bytes == 600 << 20
    save_job(replace(job, memory_limit_bytes=700 << 20, page_timeout_s=5.0))
    assert shard._job(job_file).memory_limit_bytes == 700 << 20
    assert make_part(one, job_file).articles == 1


def test_a_shard_without_articles_is_a_part_with_empty_tables(tmp_path: Path) -> None:
    path = tmp_path / "nothing.warc.gz"
    path.write_bytes(gzip.compress(b""))
    one = Shard("nothing.warc.gz-00000000", str(path), path.stat().st_size, "1")
    job_file = save_job(Job(folder=tmp_path / "out"))

    report: ShardReport | None = make_part(one, job_file)
    assert report is not None
    assert (report.articles, len(report.bad)) == (0, 1)
    assert read(tmp_path / "out", one, job_file) == {table: [] for table in PART_TABLES}
    assert read_report(part_folder(tmp_path / "out", one.key, job_file.stem)) == report


def test_what_stands_on_a_page_is_what_careful_reading_finds(tmp_path: Path) -> None:
    page = article("https://a.example.org/1")
    found, _ = process(shard_of(tmp_path, page), Job(folder=tmp_path))

    careful = extract_page(page.html, url=page.url, headers={"content-type": "text/html; charset=utf-8"})
    assert (values(found, "title"), values(found, "text")) == ([careful.title], [careful.text])
    assert values(found, "shard") == ["one.warc.gz-00c0ffee"]


def test_a_worker_with_other_lists_refuses_and_leaves_the_part_as_it_is(tmp_path: Path) -> None:
    one = shard_of(tmp_path, article("https://a.example.org/1", 1))
    job = Job(folder=tmp_path / "out")
    job_file = save_job(job)
    make_part(one, job_file)
    other = job_file.with_name("3-otherlst-deadbeef.json")
    other.write_bytes(job_file.read_bytes())

    with pytest.raises(ConfigError, match="other lists"):
        make_part(one, other)
    assert read_report(part_folder(job.folder, one.key, job_file.stem)) is not None


def test_a_publishers_own_ref_is_no_part_of_an_address(tmp_path: Path) -> None:
    page = article("https://a.example.org/1", 1)
    one = shard_of(tmp_path, replace(page, url="https://a.example.org/1?ref=example.org"))
    source = Source("a", "A", "feed", "https://a.example.org/feed", "a")

    found, _ = process(one, Job(folder=tmp_path / "out", sources=(source,)))

    url = list(PART_TABLES["articles"]).index("url")
    assert [rows["articles"][0][url] for rows in found] == ["https://a.example.org/1"]
