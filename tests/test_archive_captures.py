"""Captures of one URL are one article: which text counts, since when it is known, under which id."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from archive_parts import DAY, archived, job_of, write_part
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.archive import captures
from aiwire.archive.assemble import assemble
from aiwire.archive.tables import open_tables
from aiwire.types import iso


def assembled(job, columns="*"):
    assemble(job)
    with closing(open_tables(job.folder)) as db:
        return db.execute(f"SELECT {columns} FROM articles ORDER BY url").fetchall()


def capture(hours, text, **more):
    return archived("a", text, at=DAY + timedelta(hours=hours), **more)


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["x" * 100, "y" * 50], "y" * 50),
        (["x" * 100, "y" * 49], "x" * 100),
        (["x" * 100, "y" * 49, "z" * 60], "z" * 60),
        (["x" * 100, "y" * 60, "z" * 40], "z" * 40),  # as a run that reads the page again and again
        (["", "y"], "y"),
        (["x", ""], "x"),
        (["大模型" * 10, "y" * 15], "y" * 15),  # characters, not bytes
    ],
)
def test_the_newest_text_counts_unless_it_is_a_wall(tmp_path, texts, kept):
    job = job_of(tmp_path)
    for number, text in reversed(list(enumerate(texts))):
        write_part(job, f"shard{9 - number}", [capture(number, text)])

    found = assembled(job, "text, first_seen_at, captured_at")

    assert [row[0] for row in found] == [kept]
    assert found[0][1] == iso(DAY + timedelta(hours=1))
    assert found[0][2] == iso(DAY + timedelta(hours=1 + texts.index(kept)))


def test_all_that_is_told_comes_from_the_capture_that_counts(tmp_path):
    job = job_of(tmp_path)
    write_part(job, "one", [capture(0, "The H100 sells."), capture(2, "NVIDIA rents the H200 at $2 an hour.")])

    assemble(job)

    with closing(open_tables(tmp_path)) as db:
        assert db.execute("SELECT entity_id FROM mentions ORDER BY 1").fetchall() == [("nvidia",)]
        assert db.execute("SELECT entity_id FROM article_entities").fetchall() == [("nvidia",)]
        assert db.execute("SELECT quote FROM prices").fetchall() == [("$2 an hour",)]


def test_the_first_capture_names_the_article_however_its_url_is_spelled(tmp_path):
    job = job_of(tmp_path)
    spellings = ["http://press.example/a/", "https://press.example/a", "https://press.example/a/"]
    for number, url in enumerate(spellings):
        write_part(job, f"shard{number}", [capture(number, "A text.", url=url)])

    assert assembled(job, "url") == [("http://press.example/a/",)]


def test_of_captures_at_one_moment_the_order_of_shards_and_places_decides(tmp_path):
    job = job_of(tmp_path)
    write_part(job, "b", [capture(0, "Third.")])
    write_part(job, "a", [capture(0, "First.."), capture(0, "Second.")])

    assert assembled(job, 'text, shard, "offset"') == [("Third.", "b", 0)]


def test_without_a_stated_date_the_first_capture_dates_the_article_and_its_tags(tmp_path):
    job = job_of(tmp_path)
    text = "NVIDIA rents the H100 at $2 an hour."
    write_part(job, "one", [capture(0, text, dated=False)])
    write_part(job, "two", [capture(72, text, dated=False)])

    assert assembled(job, "dated_at, day, date_source") == [
        (iso(DAY + timedelta(hours=1)), "2026-11-16", "first_seen"),
    ]
    with closing(open_tables(tmp_path)) as db:
        assert set(db.execute("SELECT dated_at, day FROM article_entities UNION ALL SELECT dated_at, day FROM prices")
                   .fetchall()) == {(iso(DAY + timedelta(hours=1)), "2026-11-16")}  # fmt: skip


def test_a_stated_date_counts_whenever_the_page_was_captured(tmp_path):
    job = job_of(tmp_path)
    write_part(job, "one", [capture(0, "A text.", dated=False)])
    write_part(job, "two", [capture(72, "A text.", published_at=DAY, dated_at=DAY, date_source="published")])

    assert assembled(job, "dated_at, first_seen_at") == [(iso(DAY), iso(DAY + timedelta(hours=1)))]


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 3), max_size=12))
def test_urls_with_one_hash_get_ids_of_their_own_that_do_not_depend_on_shards(tmp_path_factory, hashes):
    by_url = {f"https://press.example/{name}": wanted for name, wanted in hashes.items()}
    found = []
    with patch.object(captures, "article_id", by_url.__getitem__):
        for turn in (1, -1):
            job = job_of(tmp_path_factory.mktemp("archive"))
            articles = [archived(name, "A text.") for name in sorted(hashes)[::turn]]
            write_part(job, "one", articles[:3])
            write_part(job, "two", articles[3:])
            found.append(assembled(job, "url, id") if hashes else [])

    assert found[0] == found[1]
    ids = dict(found[0])
    assert len(set(ids.values())) == len(hashes)
    for wanted in set(by_url.values()):
        assert ids[min(url for url, one in by_url.items() if one == wanted)] == wanted


def test_what_captures_of_another_url_say_is_left_alone(tmp_path):
    job = job_of(tmp_path)
    write_part(job, "one", [capture(0, "A text."), replace(archived("b", "Another one."), title="Other")])

    assert assembled(job, "url, text") == [
        ("https://press.example/a", "A text."), ("https://press.example/b", "Another one."),
    ]  # fmt: skip
