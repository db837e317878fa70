"""Offsets of title and text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.types import Sentence
from nlp.text import Text, fold


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_folding_keeps_every_offset(raw: str) -> None:
    assert len(fold(raw)) == len(raw)


def test_folding_makes_quotes_spaces_and_hyphens_plain() -> None:
    assert fold("NVIDIA’s\xa0A100\u201180GB İ") == "nvidia's a100-80gb İ"


def test_places_are_offsets_into_the_field_that_holds_them() -> None:
    text = Text.of("A title. Or two", "First. Second.")

    assert text.field_sentences() == (
        Sentence("title", 0, 8),
        Sentence("title", 9, 15),
        Sentence("text", 0, 6),
        Sentence("text", 7, 14),
    )
    assert text.place(0, 1) == ("title", 0, 1)
    assert text.place(text.body + 7, text.body + 13) == ("text", 7, 13)


def test_an_empty_title_leaves_the_text_where_it_is() -> None:
    assert Text.of("", "One.").field_sentences() == (Sentence("text", 0, 4),)
