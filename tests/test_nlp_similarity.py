"""Sketches: texts that are alike share keys, others do not, and the keys are the same for ever."""

import random
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rensa import RMinHash

from aiwire.copies import shingles
from aiwire.types import ArticleText, Sketch
from nlp import TAGGER_VERSION
from nlp.pipeline import load_tagger, tag_articles
from nlp.similarity import sketch

VOCABULARY = [f"word{i}" for i in range(4000)]

texts = st.text() | st.lists(st.sampled_from([*VOCABULARY[:50], "汉", "\ud800"]), max_size=80).map(" ".join)


def prose(seed: int, length: int) -> list[str]:
    return random.Random(seed).choices(VOCABULARY, k=length)


def meet(one: list[str], other: list[str]) -> bool:
    bands = [set(sketch("", " ".join(part)).bands) for part in (one, other)]
    return not bands[0].isdisjoint(bands[1])


def share(pairs: list[tuple[list[str], list[str]]]) -> float:
    return sum(meet(*pair) for pair in pairs) / len(pairs)


def test_keys_are_fifty_signed_32_bit_numbers_in_order() -> None:
    made = sketch("A title", " ".join(prose(1, 600)))

    assert made.words == 600
    assert len(made.bands) == 50
    assert list(made.bands) == sorted(set(made.bands))
    assert all(-(2**31) <= band < 2**31 for band in made.bands)


def test_keys_never_change_without_a_new_tagger_version() -> None:
    # stored keys meet new ones only as long as all of this holds; else raise TAGGER_VERSION, and put in what is new
    made = sketch("Ground truth", "The quick brown fox jumps over the lazy dog. 敏捷的棕狐")

    assert (TAGGER_VERSION, RMinHash.ALGORITHM_VERSION) == ("3", 2)
    assert (made.words, made.bands[:3], made.bands[-1]) == (14, (-2045210386, -1988427087, -1986076035), 2082347794)


def test_keys_are_the_same_in_every_process() -> None:
    code = "from nlp.similarity import sketch; print(sketch('A title', 'one two three four five six seven'))"
    seeded = [[sys.executable, "-c", code] for _ in range(2)]

    runs = {
        subprocess.run(call, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": str(i)}).stdout
        for i, call in enumerate(seeded)
    }

    assert runs == {f"{sketch('A title', 'one two three four five six seven')}\n"}


def test_estimates_of_the_library_are_true() -> None:
    # what the share of equal rows says of two sets: their Jaccard similarity
    errors = []
    for seed in range(60):
        one, other = prose(seed, 400), prose(seed, 400)[:250] + prose(seed + 1000, 150)
        sets = [shingles(part) for part in (one, other)]
        true = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        signed = []
        for found in sets:
            signer = RMinHash(num_perm=114, seed=1)
            signer.update(list(found))
            signed.append(signer)
        errors.append(signed[0].jaccard(signed[1]) - true)

    assert abs(sum(errors) / len(errors)) < 0.02  # 60 estimates with a deviation of 0.05 each
    assert max(map(abs, errors)) < 0.2


@pytest.mark.parametrize(("part", "framed"), [(0.3, 0.9), (0.4, 0.95), (0.5, 0.95), (0.8, 1)])
def test_a_truncated_copy_meets_its_original(part: float, framed: float) -> None:
    frame = prose(99, 40)  # forty words of boilerplate before and behind
    whole = [prose(seed, 600) for seed in range(60)]

    assert share([(text, text[: int(part * 600)]) for text in whole]) == 1
    assert share([(text, [*frame, *text[: int(part * 600)], *frame]) for text in whole]) >= framed


def test_half_of_a_text_from_anywhere_meets_the_whole() -> None:
    whole = [prose(seed, 600) for seed in range(60)]

    assert share([(text, text[150:450]) for text in whole]) >= 0.95
    assert share([(text, text[300:]) for text in whole]) >= 0.95


def test_texts_that_share_a_notice_hardly_ever_meet() -> None:
    notice = prose(99, 60)
    texts = [prose(seed, 540) for seed in range(100)]

    pairs = [([*one, *notice], [*other, *notice]) for one, other in pairwise(texts)]

    assert share(pairs) <= 0.05


def test_texts_that_have_nothing_in_common_never_meet() -> None:
    assert share([(prose(seed, 600), prose(seed + 1, 600)) for seed in range(100)]) == 0


def test_a_teaser_is_taken_with_its_title() -> None:
    teaser = "A guest essay by one of our readers."
    one, other = sketch("Rent or buy: what ten years in a cellar have taught", teaser), sketch("The quiet fan", teaser)

    assert one != other
    assert one.words == other.words == 8
    assert sketch("", "") == sketch("…", "—") == Sketch(0, ())


@given(texts, texts)
def test_white_space_changes_nothing(title: str, text: str) -> None:
    spaced = "\n\u00a0 ".join(text.split(" "))

    assert sketch(title, spaced) == sketch(title, text)


@given(st.text("abcÀÉÑøß汉字 -7", max_size=80), st.text("abcÀÉÑøß汉字 -7"))
def test_case_changes_nothing(title: str, text: str) -> None:
    assert sketch(title.upper(), text.upper()) == sketch(title, text)


def test_every_tagging_has_the_sketch_of_its_article() -> None:
    articles = [
        ArticleText(1, "Nvidia wins", " ".join(prose(1, 50)), "en", "s"),
        ArticleText(2, "", "Nur ein Satz.", "de", "s"),
        ArticleText(3, "Only a title", "", None, "s"),
        ArticleText(4, "\ud800 broken", "\ud800 " + " ".join(prose(2, 50)), None, "s"),
    ]

    sketches = [tagging.sketch for _, tagging in tag_articles(load_tagger(), articles)]

    assert sketches == [sketch(article.title, article.text) for article in articles]
