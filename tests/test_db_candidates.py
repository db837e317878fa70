"""The review queue as the database tells it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from db_rows import NOW, article, make_db, save, tag
from sqlite_utils import Database

from aiwire.types import ArticleUpdate, Candidate
from db.candidates import QueuedName, queue, tagged_articles


@pytest.fixture
def db() -> Database:
    return make_db()


def proposing(name: str, *candidates: Candidate, unlisted: tuple[str, ...] = (), days_ago: int = 0) -> ArticleUpdate:
    """An article whose tagger proposes `candidates` and tags `unlisted` names."""
    text = "NVIDIA sells the H100 to Quorvex."
    tagging = tag(f"Title of {name}", text, unlisted=unlisted)
    day = NOW - timedelta(days=days_ago)
    return article(name, text, day=day, tagging=replace(tagging, candidates=candidates))


def company(surface: str, rule: str = "unlisted:beside", sentence: str = "") -> Candidate:
    return Candidate(surface, "company", rule, sentence or f"It is {surface}.")


def test_a_name_is_listed_once_with_its_articles_publishers_days_and_rules(db: Database) -> None:
    save(
        db,
        proposing("a", company("Zubrix", "unlisted:heading"), company("Zubrix", "unlisted:beside"), days_ago=400),
        proposing("b", company("Zubrix", "unlisted:beside+suffix", "Zubrix is the proof."), days_ago=30),
    )
    save(db, proposing("c", company("Zubrix")), source_id="vendor")
    save(db, proposing("d", company("Zubrix"), days_ago=3), source_id="mirror")  # of the first publisher

    assert queue(db) == [
        QueuedName(
            "Zubrix", "company", articles=4, tagged=0, publishers=2, first="2025-10-19", last="2026-11-23",
            rules=("unlisted:beside", "unlisted:beside+suffix", "unlisted:heading"),
            evidence="Zubrix is the proof.", url="https://example.org/b",
        )
    ]  # fmt: skip


def test_a_name_that_is_tagged_as_unlisted_waits_too_and_its_tag_is_the_best_evidence(db: Database) -> None:
    save(db, proposing("a", unlisted=("Quorvex",), days_ago=9), proposing("b", company("Quorvex", "unlisted:a+b+c")))

    [found] = queue(db)

    assert (found.name, found.articles, found.tagged) == ("Quorvex", 2, 1)
    assert found.evidence == "NVIDIA sells the H100 to Quorvex."
    assert found.rules == ("any", "unlisted:a+b+c")
    assert tagged_articles(db, "quorvex") == 1


def test_listed_entities_do_not_wait(db: Database) -> None:
    save(db, proposing("a"))

    assert tagged_articles(db, "nvidia") == 1
    assert queue(db) == []


def test_the_queue_can_be_narrowed(db: Database) -> None:
    product = Candidate("Foo-70B", "product", "product-like", "It tuned Foo-70B.")
    save(db, proposing("a", company("Zubrix"), product), proposing("b", company("Zubrix")), proposing("c", product))
    save(db, proposing("d", company("Aardvix")))

    def names(**narrowed: object) -> list[str]:
        return [found.name for found in queue(db, **narrowed)]

    assert names() == ["Foo-70B", "Zubrix", "Aardvix"]
    assert names(looks_like="product") == ["Foo-70B"]
    assert names(looks_like="company") == ["Zubrix", "Aardvix"]
    assert names(min_articles=2) == ["Foo-70B", "Zubrix"]
    assert names(limit=1) == ["Foo-70B"]


def test_the_newest_of_equal_sentences_is_shown(db: Database) -> None:
    save(db, proposing("a", company("Zubrix", sentence="Old."), days_ago=5), proposing("b", company("Zubrix")))

    assert queue(db)[0].evidence == "It is Zubrix."
