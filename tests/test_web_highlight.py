"""Marking what a text names: nothing is lost, nothing unescaped, the longest wins, and long texts end in time."""

import re
import time
from html import unescape
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aiwire.web.article.highlight import Span, longest, marked, paragraphs

MARKUP = re.compile(r'<mark class="tag tag--[^"]*"><a href="[^"]*" title="[^"]*" aria-label="[^"]*">|</a></mark>')
HARD = st.text(alphabet=st.sampled_from("ab <>&\"'\n京🙂é\u202e/="), max_size=60)
TEXTS = st.one_of(HARD, st.text(max_size=60))
PLACES = st.lists(st.tuples(st.integers(-3, 70), st.integers(-3, 70), HARD), max_size=12)


def spans_of(places):
    return [Span(start, end, "company", f"/e/{label}", label, f"said: {label}") for start, end, label in places]


def stripped(markup):
    return MARKUP.sub("", str(markup))


@given(TEXTS, PLACES)
def test_without_the_marks_it_is_the_escaped_text(text, places):
    plain = stripped(marked(text, spans_of(places)))

    assert unescape(plain) == unescape(str(marked(text, []))) == text
    assert not set('<>"') & set(plain)


@given(TEXTS, PLACES)
def test_every_tag_in_the_markup_is_a_mark_of_ours(text, places):
    left = MARKUP.sub("", str(marked(text, spans_of(places))))

    assert "<" not in left
    assert re.search(r"&(?!amp;|lt;|gt;|#34;|#39;)", left) is None


@given(TEXTS, PLACES)
def test_paragraphs_are_the_lines_that_say_something(text, places):
    passage = paragraphs(text, spans_of(places), budget=1_000_000)

    assert [unescape(stripped(one)) for one in passage.paragraphs] == [s for s in text.split("\n") if s.strip()]
    assert (passage.is_whole, passage.shown) == (True, len(text))


@given(TEXTS, PLACES, st.integers(0, 400))
def test_a_passage_keeps_to_its_budget_and_is_the_beginning(text, places, budget):
    passage = paragraphs(text, spans_of(places), budget=budget)
    size = sum(len(one.encode()) for one in passage.paragraphs)
    shown = "".join(unescape(stripped(one)).removesuffix(" …") for one in passage.paragraphs)

    assert size <= budget + len(" …".encode())
    assert shown == "".join(line for line in text[: passage.shown].split("\n") if line.strip())
    assert passage.is_whole == (passage.shown == len(text))


@given(PLACES)
def test_chosen_spans_lie_in_the_text_and_never_overlap(places):
    taken = longest(spans_of(places), 50)

    assert all(0 <= one.start < one.end <= 50 for one in taken)
    assert all(before.end <= after.start for before, after in pairwise(taken))


@given(PLACES)
def test_what_was_left_out_overlaps_one_as_long(places):
    spans = [one for one in spans_of(places) if 0 <= one.start < one.end <= 50]
    taken = longest(spans, 50)

    for one in spans:
        assert any(
            other.start < one.end and other.end > one.start and other.end - other.start >= one.end - one.start
            for other in taken
        )


def test_the_longest_of_overlapping_mentions_is_marked():
    text = "The NVIDIA H100 card"
    spans = [
        Span(4, 10, "company", "/nvidia", "company NVIDIA", "NVIDIA, company"),
        Span(4, 15, "accelerator", "/h100", "H100", "NVIDIA H100, accelerator"),
    ]

    assert marked(text, spans) == (
        'The <mark class="tag tag--accelerator"><a href="/h100" title="H100" aria-label="NVIDIA H100, accelerator">'
        "NVIDIA H100</a></mark> card"
    )


def test_offsets_are_code_points():
    assert '<a href="/e" title="x" aria-label="y">英伟达</a>' in marked(
        "🙂𝒳英伟达", [Span(2, 5, "company", "/e", "x", "y")]
    )


def test_a_name_over_the_end_of_a_line_is_marked_in_both():
    passage = paragraphs("an AMD\nInstinct card", [Span(3, 15, "accelerator", "/e", "x", "y")], budget=9999)

    assert [MARKUP.sub("|", str(one)) for one in passage.paragraphs] == ["an |AMD|", "|Instinct| card"]


def test_half_a_megabyte_with_five_thousand_mentions_is_cut_in_time():
    text = (
        "NVIDIA & <b>others</b> sell more and more of their cards to all who ask for them, wherever they are. " * 5000
    )
    at = [m.start() for m in re.finditer("NVIDIA", text)]
    nested = [Span(start, start + 6 + n % 7, "company", "/e", "x" * 60, "y" * 30) for n, start in enumerate(at)]
    started = time.perf_counter()

    passage = paragraphs(text, nested, budget=80_000)

    assert len(text) > 500_000
    assert time.perf_counter() - started < 2
    assert sum(len(one.encode()) for one in passage.paragraphs) <= 80_010
    assert 20_000 < passage.shown < len(text)
    assert not passage.is_whole


def test_thousands_of_mentions_at_one_place_end_in_time():
    spans = [Span(start, end, "company", "/e", "x", "y") for start in range(70) for end in range(start + 1, 71)] * 4
    started = time.perf_counter()

    taken = longest(spans, 70)

    assert [(one.start, one.end) for one in taken] == [(0, 70)]
    assert time.perf_counter() - started < 2
