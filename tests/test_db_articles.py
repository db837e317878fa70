"""What the pipeline reads: pending pages, texts to tag, totals."""

from dataclasses import replace
from datetime import timedelta

import pytest
from db_rows import NOW, answer, article, id_of, save, tag

from aiwire.exceptions import FetchError
from aiwire.types import (
    Page,
    PageUpdate,
    Source,
)
from db.store import (
    article_text,
    count_pending_pages,
    count_texts,
    known_articles,
    pending_pages,
    save_page,
    save_tagging,
    sync_sources,
    texts,
)
from db.summary import top_entities


def test_known_articles_finds_more_urls_than_one_query_takes(db):
    save(db, *(article(f"n{i}", "Text.", tagged=False) for i in range(1200)))

    known = known_articles(db, [f"https://example.org/n{i}" for i in range(2000)])

    assert len(known) == 1200
    assert known["https://example.org/n7"].entry_hash == article("n7", "Text.").entry_hash


def test_pending_pages_are_those_due_newest_first(db):
    save(db, *(article(n, day=NOW - timedelta(days=i), wants_page=True) for i, n in enumerate("abc")), article("d"))
    later = NOW + timedelta(hours=6)
    failed = answer(purpose="page", outcome=FetchError("u", "no", reason="timeout"))
    save_page(db, PageUpdate(id_of(db, "b"), Page("pending", 1, NOW, later, "no"), failed), run_id=1, now=NOW)

    assert [p.url[-1] for p in pending_pages(db, now=NOW)] == ["a", "c"]
    assert [(p.url[-1], p.attempts, p.tried_at) for p in pending_pages(db, now=later)][1] == ("b", 1, NOW)
    assert [p.url[-1] for p in pending_pages(db, now=NOW, limit=1)] == ["a"]
    assert count_pending_pages(db) == 3


@pytest.mark.parametrize("change", [{"enabled": False}, {"full_text": "never"}, None])
def test_pages_of_a_source_that_is_gone_or_wants_none_are_not_pending(db, change):
    save(db, article("a", wants_page=True))
    source = Source("example", "Example", "feed", "https://example.org/feed", "example")

    sync_sources(db, [] if change is None else [replace(source, **change)])

    assert pending_pages(db, now=NOW) == []


def test_texts_can_be_written_to_while_they_are_read(db):
    save(db, *(article(f"n{i}", "Text on NVIDIA.", tagged=False) for i in range(600)))
    stale = ("2", "t")
    assert count_texts(db, stale_for=stale) == count_texts(db) == 600

    for text in texts(db, stale_for=stale):
        save_tagging(db, text.id, tag(text.title, text.text, version="2"), now=NOW)

    assert count_texts(db, stale_for=stale) == 0
    assert list(texts(db, stale_for=stale)) == []
    assert article_text(db, id_of(db, "n7")).text == "Text on NVIDIA."


def test_top_entities_come_with_counts_and_evidence(db):
    save(db, article("a", "Reuters on NVIDIA."), article("b", "NVIDIA grows."))

    [top] = top_entities(db, "company", limit=5)

    assert (top.id, top.name, top.articles, top.about) == ("nvidia", "NVIDIA", 2, 2)
    assert "NVIDIA" in top.evidence
