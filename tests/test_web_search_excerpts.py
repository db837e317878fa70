"""What the search shows of long texts: the best passage, and quickly."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_web_search import NOW, save, update

from aiwire.types import Source
from db.connection import connect
from db.pages.search import PASSAGE, passages_of, search
from db.queries import search as sql
from db.store import start_run, sync_sources

SENTENCE = "One says that the power grid of a data centre needs more cooling. "


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("AI " * 16_000, "ai ai ai", id="one word, thousands of times"),
        pytest.param("AI " * 16_000, '"ai ai ai ai ai ai"', id="a phrase of it"),
        pytest.param(SENTENCE * 7_500, "power grid data centre needs more cooling", id="seven words in a long text"),
        pytest.param(SENTENCE * 7_500, "grids coolings needed centres powers", id="other forms of them"),
        pytest.param(SENTENCE * 7_500, "pow* gri* cen* coo*", id="beginnings"),
    ],
)
def test_texts_that_say_a_word_thousands_of_times_are_shown_within_a_second(tmp_path, text, words):
    """snippet() takes half a minute for one of them, and no time limit ends it."""
    db = connect(tmp_path / "long.db")
    sync_sources(db, [Source("press", "Press", "feed", "https://press.example/", "press")])
    start_run(db, "run", now=NOW)
    save(db, "press", [update(f"n{n}", "Odd", text, "en", (), n) for n in range(8)])

    start = process_time()
    hits = search(db, {"q": words}).page
    spent = process_time() - start
    db.close()

    assert spent < 1
    assert len(hits) == 8
    assert all(any(is_found for _, is_found in hit.excerpt) for hit in hits)


def test_the_passage_with_the_most_words_is_shown_wherever_it_stands(tmp_path):
    db = connect(tmp_path / "passages.db")
    sync_sources(db, [Source("press", "Press", "feed", "https://press.example/", "press")])
    start_run(db, "run", now=NOW)
    filler = "Nothing is said of it here. " * 150
    texts = {"near": f"A grid. {filler} The cooling towers of the grid. {filler}",
             "far": f"{filler * 6} The cooling towers of the grid."}  # fmt: skip
    save(db, "press", [update(name, name, text, "en", (), 1) for name, text in texts.items()])

    rows = {row[0]: row[1] for row in db.execute(
        f"SELECT title, excerpt FROM ({sql.SEARCH.sql})", {**dict.fromkeys(sql.SEARCH.examples, ""),
                                                         "q": "cooling towers grid"}).fetchall()}  # fmt: skip
    shown = {hit.plain_title: hit.excerpt for hit in search(db, {"q": "cooling towers grid"}).page}
    db.close()

    for name in texts:
        assert [piece for piece, is_found in shown[name] if is_found] == ["cooling", "towers", "grid"]
        assert "cooling towers" in rows[name]
        assert len(rows[name]) <= sql.EXCERPT + 4
    assert rows["far"].startswith("… ")


@given(st.text(alphabet="ab \n算", max_size=4_000))
def test_passages_are_short_and_lose_nothing(text):
    assert "".join(passages_of(text)) == text
    assert all(0 < len(passage) <= PASSAGE for passage in passages_of(text))
