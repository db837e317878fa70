"""The starter list of sources: it loads, it is diverse, and its owners are companies that the gazetteer knows."""

from __future__ import annotations

import collections
import json
from pathlib import Path
from urllib.parse import urlsplit

from ingest.sources import load_sources

PROJECT = Path(__file__).resolve().parents[1]
SOURCES = load_sources(PROJECT / "aiwire" / "starter" / "sources.toml")


def test_there_are_at_least_forty_feeds() -> None:
    assert len(SOURCES) >= 40
    assert {source.kind for source in SOURCES} == {"feed"}
    assert all(source.enabled for source in SOURCES)


def test_ids_and_addresses_are_unique() -> None:
    addresses = collections.Counter(source.url.rstrip("/").removeprefix("https://") for source in SOURCES)

    assert len({source.id for source in SOURCES}) == len(SOURCES)
    assert [url for url, count in addresses.items() if count > 1] == []


def test_addresses_are_encrypted_public_hosts() -> None:
    parts = [urlsplit(source.url) for source in SOURCES]

    assert {part.scheme for part in parts} == {"https"}
    assert [
        part.hostname for part in parts if not part.hostname or "example" in part.hostname or "." not in part.hostname
    ] == []


def test_every_category_is_covered() -> None:
    categories = collections.Counter(source.category for source in SOURCES)

    assert set(categories) == {"lab", "chips", "cloud", "press", "research", "regulation", "data-centre"}
    assert min(categories.values()) >= 4


def test_every_source_states_publisher_language_and_licence() -> None:
    assert [source.id for source in SOURCES if not (source.publisher and source.language and source.licence)] == []
    assert {source.language for source in SOURCES} >= {"en", "zh"}


def test_a_publisher_with_several_feeds_is_one_family() -> None:
    families = collections.Counter(source.publisher for source in SOURCES)

    assert families["nvidia"] == 3
    assert families["the-register"] == 2
    assert families["arxiv"] == 3


def test_owners_are_companies_of_the_gazetteer() -> None:
    lines = (PROJECT / "nlp" / "data" / "companies.jsonl").read_text(encoding="utf-8").splitlines()
    companies = {json.loads(line)["id"] for line in lines if line.strip()}
    owners = {source.owner for source in SOURCES if source.owner}

    assert owners - companies == set()
    assert len(owners) >= 8
