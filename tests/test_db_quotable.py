"""How much of a text a public copy quotes: the most telling sentences, an excerpt or a share of the text at most."""

import sqlite3
from contextlib import closing

import pytest
from db_rows import NOW, article, make_db, save
from hypothesis import given
from hypothesis import strategies as st

from db.publish import Policy, publish
from db.quotable import MOST_OF_TEXT_PERCENT, choose

NAMES = ("NVIDIA", "AMD", "Intel", "Microsoft", "Google", "Amazon", "Meta", "OpenAI", "Anthropic", "Oracle")


@given(st.lists(st.text(min_size=1, max_size=60)), st.text(max_size=20), st.integers(0, 50), st.integers(0, 500))
def test_no_more_leaves_than_an_excerpt_or_the_share_of_the_text(ranked, title, chars, size):
    kept = choose(ranked, title, chars=chars, size=size)

    parts = {words[:chars] for words in kept} - {""}
    costly = [
        part for part in parts if part not in title and not any(part in other and part != other for other in parts)
    ]
    assert sum(map(len, costly)) <= max(chars, size * MOST_OF_TEXT_PERCENT // 100)
    assert len(set(kept)) == len(kept)
    if ranked:
        assert kept[:1] == ranked[:1]  # the most telling one is always there


def test_a_sentence_that_no_longer_fits_makes_room_for_a_shorter_one_that_tells_less():
    ranked = ["a" * 30, "b" * 30, "c" * 9, "c" * 9, "title"]

    assert choose(ranked, "the title", chars=40, size=0) == ["a" * 30, "c" * 9, "title"]
    assert choose(ranked, "", chars=40, size=400) == ["a" * 30, "b" * 30]


@pytest.mark.parametrize(("chars", "quoted"), [(0, 0), (60, 800), (2000, 2000)])
def test_the_evidence_of_an_article_is_a_part_of_its_text_and_no_half(tmp_path, chars, quoted):
    sentences = [
        f"{name} opened site {n}, {'as it had said before, ' * 12}near a lake." for n, name in enumerate(NAMES)
    ]
    text = " ".join(sentences) + " " + "Nobody was asked about the weather on that day. " * 60
    database = tmp_path / "news.db"
    with closing(make_db(database)) as db:
        save(db, article("a", text, title="Many sites"))
    with closing(sqlite3.connect(database)) as raw, raw:
        columns = [row[1] for row in raw.execute("PRAGMA table_info(article_entities)")]
        values = ", ".join({"entity_id": "?", "evidence": "?"}.get(name, name) for name in columns)
        for name, sentence in zip(NAMES[1:], sentences[1:], strict=True):
            sql = f"INSERT INTO article_entities SELECT {values} FROM article_entities WHERE entity_id = 'nvidia'"
            raw.execute(sql, [name, sentence])

    copy = publish(database, tmp_path / "out", Policy("excerpt", chars, NOW, "1.2.3"))

    with closing(sqlite3.connect(copy.path)) as db:
        evidence = [words for (words,) in db.execute("SELECT DISTINCT evidence FROM article_entities")]
    most = max(chars, len(text) * MOST_OF_TEXT_PERCENT // 100) if chars else 0
    assert most >= quoted
    assert sum(map(len, evidence)) <= most
    assert max(map(len, evidence)) <= chars
    assert (len(evidence) > 1) == bool(chars)
