"""What is a copy of what: by shingles, titles, figures and publishers."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.copies import Piece, is_copy, piece, shingles, words

TITLE = "Orvantis moves its training runs to a cellar in Tromso"
SENTENCES = [
    "Orvantis has moved all of its training runs to a cellar below the old brewery of Tromso.",
    "The cellar is cold all year, and the power comes from two rivers that nobody else uses at night.",
    "Four hundred accelerators stand there now, and twice as many are to follow before the summer.",
    "The company pays a third of what it paid for the same hours in a cloud, its head of research says.",
    "Moving took six weeks, of which four went into the lift, because no rack fitted through its door.",
    "Neighbours had feared noise, but what they hear is the brewery, which has not been sold.",
    "A second cellar is being looked at in Bodo, where the fish market has stood empty for years.",
    "Whether the heat can be used is open: the swimming pool across the street already has a boiler.",
    "The union has asked for daylight, and the company has promised longer breaks instead.",
    "Investors liked the news, and the share closed seven per cent higher in a weak market.",
]
TEXT = " ".join(SENTENCES)
OWN = (
    "Whoever has moved a piano knows the problem: doors were made for people. We asked three firms that carry heavy "
    "things for a living how they go about it, and were told of cranes, of soap and of one wall that was built anew."
)
GARBLED = " ".join(word[::-1] for word in OWN.split())  # as long, and with no word in common
FRAME = "Photograph courtesy of the company. Write to us if you know more. All rights reserved by the publisher."

texts = st.text(max_size=200) | st.lists(st.sampled_from([*TEXT.split(), "汉", "字", "7", "\ud800", " "])).map(" ".join)


def of(title: str = TITLE, text: str = TEXT, publisher: str = "Harbour Daily") -> Piece:
    return piece(title, publisher, text)


ORIGINAL = of(publisher="Orvantis")


def test_words_are_told_without_case_punctuation_and_white_space() -> None:
    raw = "The  H100’s\u00a0price: $2.19 — “soft\u00adware” for ﬁnance, NVIDIA® Ｂ２００, 英伟达H100芯片!"

    assert words(raw) == [
        "the", "h100", "s", "price", "2", "19", "software", "for", "finance", "nvidia", "b200",
        "英", "伟", "达", "h100", "芯", "片",
    ]  # fmt: skip


def test_shingles_are_runs_of_four_words() -> None:
    assert shingles(["one", "two", "three", "four", "five"]) == {"one two three four", "two three four five"}
    assert shingles(["only", "two"]) == {"only two"}
    assert shingles([]) == frozenset()


@pytest.mark.parametrize(
    "copy",
    [
        pytest.param(of(), id="as-it-is"),
        pytest.param(of(title="What happened in the north"), id="other-headline"),
        pytest.param(of(text=" ".join(SENTENCES[:4])), id="first-two-fifths"),
        pytest.param(of(text=" ".join(SENTENCES[::2])), id="every-other-sentence"),
        pytest.param(of(text=f"{FRAME}\n{TEXT}\n{FRAME}"), id="boilerplate-around"),
        pytest.param(
            of(text=f"{FRAME} {' '.join(SENTENCES[:5])} {FRAME}", title="News"), id="half-of-it-in-boilerplate"
        ),
        pytest.param(of(text=TEXT.upper().replace(" ", " \n ")), id="case-and-white-space"),
        pytest.param(of(text=TEXT.replace("company", "firm").replace("says", "said")), id="light-edits"),
        pytest.param(
            of(title=f"{TITLE} | Orvantis", publisher="Orvantis", text=f"{TEXT} {FRAME}"), id="own-second-page"
        ),
        pytest.param(of(title="The cellar story", publisher="Orvantis"), id="own-second-page-retitled"),
    ],
)
def test_a_copy_is_told(copy: Piece) -> None:
    assert is_copy(ORIGINAL, copy)
    assert is_copy(copy, ORIGINAL)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(of(text=f"{SENTENCES[4]} {SENTENCES[5]} {OWN}"), id="quotes"),
        pytest.param(of(text=" ".join(SENTENCES[:2])), id="less-than-a-quarter"),
        pytest.param(of(title=f"{TITLE}, part 2"), id="same-text-part-2"),
        pytest.param(of(title="Orvantis moves its training runs to a cellar in Bodo", publisher="Orvantis",
                        text=TEXT.replace("brewery of Tromso", "dairy of Bodo")), id="template-of-one-publisher"),
        pytest.param(of(title="The cellar story", publisher="Orvantis", text=" ".join(SENTENCES[:8])),
                     id="boilerplate-of-one-publisher"),
        pytest.param(of(text=""), id="no-text"),
    ],
)  # fmt: skip
def test_what_shares_words_need_not_be_a_copy(other: Piece) -> None:
    first = of(title=f"{TITLE}, part 1") if "2" in other.title else ORIGINAL

    assert not is_copy(first, other)
    assert not is_copy(other, first)


def test_a_template_with_other_figures_is_no_copy() -> None:
    template = (
        "{0} An hour costs {1} dollars on demand, {2} with a contract and {3} at night; {4} providers were asked."
    )
    weeks = [of(TITLE, template.format(TEXT, *figures)) for figures in ((2.1, 1.7, 0.9, 41), (2.3, 1.8, 1.2, 39))]
    again = piece(TITLE, "Chipwatch", template.format(TEXT, 2.1, 1.7, 0.9, 41))

    assert not is_copy(*weeks)
    assert is_copy(weeks[0], again)


def test_house_styles_of_figures_in_titles_are_no_other_issue() -> None:
    assert is_copy(
        of(title="Quelmar pays $5bn for the cellar"), of(title="Quelmar pays $5 billion for the cellar", publisher="B")
    )
    assert not is_copy(of(title="Cellar news 1"), of(title="Cellar news 2", publisher="B"))


def test_walls_are_no_copies_whatever_the_articles_behind_them() -> None:
    wall = "Please enable JavaScript and cookies to continue. We check your browser before you are let in. " * 3
    fronts = [piece(title, title, wall) for title in (TITLE, "Quelmar lays off a tenth of its staff", "Just a moment")]

    assert not any(is_copy(one, other) for one in fronts for other in fronts if one is not other)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param(of(text=SENTENCES[0]), of(text=SENTENCES[0], publisher="B"), True, id="title-and-teaser"),
        pytest.param(of(text=SENTENCES[0]), of(text=SENTENCES[0]), True, id="of-one-publisher"),
        pytest.param(of(text=""), of(text="", publisher="B"), True, id="long-title-alone"),
        pytest.param(of(text=""), of(text=TITLE, publisher="B"), True, id="title-given-as-text"),
        pytest.param(of(text=""), of(text=""), False, id="title-alone-of-one-publisher"),
        pytest.param(of(text=SENTENCES[0]), of("Another", SENTENCES[0], "B"), False, id="same-teaser-other-title"),
        pytest.param(of(text=SENTENCES[0]), of(text=SENTENCES[1], publisher="B"), False, id="same-title-other-teaser"),
        pytest.param(of(text=f"{SENTENCES[0]} It is cold."), of(text=f"{SENTENCES[0]} One more is to follow in Bodo.",
                     publisher="B"), False, id="half-of-the-teaser"),
        pytest.param(of("FAQ", ""), of("FAQ", "", "B"), False, id="short-title-alone"),
        pytest.param(of("发布说明", ""), of("发布说明", "", "B"), False, id="short-chinese-title"),
        pytest.param(of("", ""), of("", "", "B"), False, id="nothing"),
    ],
)  # fmt: skip
def test_teasers_count_with_their_titles(one: Piece, other: Piece, expected: bool) -> None:
    assert is_copy(one, other) is expected
    assert is_copy(other, one) is expected


def test_two_press_releases_that_end_alike_are_no_copies() -> None:
    dateline = "TROMSO, Norway, 3 March. Orvantis today announced"
    one, other = (
        of(
            title=f"Orvantis moves training runs to Tromso: {what}",
            text=f"{dateline} {unlike} {unlike[::2]} {TEXT}",
            publisher=what,
        )
        for what, unlike in (("a school", OWN), ("a switch", GARBLED))
    )

    assert 0.6 < len(one.shingles & other.shingles) / len(one.shingles) < 0.75
    assert not is_copy(one, other)


def test_one_publishers_boilerplate_is_no_copy_even_under_one_title() -> None:
    one, other = (of(title="Orvantis news from Tromso", text=f"{own} {TEXT}") for own in (OWN, GARBLED))

    assert len(one.shingles & other.shingles) > 0.65 * len(one.shingles)
    assert not is_copy(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            of("Orvantis engineers wanted in Tromso", TEXT),
            of("Orvantis engineers wanted in Bodo", TEXT.replace("fish market", "fish hall")),
            id="a-word-of-a-template",
        ),
        pytest.param(
            of("Orvantis runs, Tromso and more", " ".join(SENTENCES[:3])),
            of("All of the accelerators", " ".join(SENTENCES[:3])),
            id="teasers-of-two-issues",
        ),
        pytest.param(of("A quiet morning", TEXT * 2), of("Ten years on", TEXT * 2), id="long-notice"),
        pytest.param(
            of("Orvantis training runs", TEXT), of("Orvantis training runs 2027", TEXT[:-9]), id="an-issue-of-a-year"
        ),
    ],
)
def test_one_publishers_pages_with_one_text_are_no_copies_if_titles_say_so(one: Piece, other: Piece) -> None:
    assert one.shingles == other.shingles or len(one.shingles & other.shingles) > 0.9 * len(one.shingles)
    assert not is_copy(one, other)


def test_long_chinese_titles_say_nothing_by_a_few_characters() -> None:
    wall = (
        "本站内容须付费后方可继续阅读，未付费用户每月可以免费浏览三篇文章。客服中心全天为您服务，合作媒体与企业用户另有优惠。"
        * 2
    )
    titles = (
        "奥万蒂斯公司在卑尔根附近的旧鱼市新建数据中心并用海水冷却",
        "存储芯片价格连续五个月上涨，三家制造商全年产能已经售罄",
    )

    assert not is_copy(*(piece(title, title, wall) for title in titles))


def test_an_item_is_no_copy_of_the_digest_that_brings_it() -> None:
    item = " ".join(SENTENCES[:3])
    others = [" ".join(f"{word}{i}" for word in item.split()) for i in range(2)]
    digest = of(title="The morning letter", text=" ".join((others[0], item, others[1])), publisher="B")

    assert not is_copy(of(text=item), digest)


@given(st.tuples(texts, texts, texts, texts), st.booleans())
def test_the_verdict_is_symmetric_and_never_fails(drawn: tuple[str, str, str, str], together: bool) -> None:
    one, other = piece(drawn[0], "A", drawn[1]), piece(drawn[2], "A" if together else "B", drawn[3])

    assert is_copy(one, other) is is_copy(other, one)


@given(st.permutations(SENTENCES), st.integers(5, 10))
def test_a_text_is_a_copy_of_itself_under_another_headline_if_it_speaks_of_one(order: list[str], count: int) -> None:
    text = " ".join([*order[:count], SENTENCES[0]])

    assert is_copy(of(text=text), of(title="Brief news", text=text, publisher="B"))


@given(st.integers(0, 2**32), st.integers(30, 400))
def test_random_texts_are_no_copies(seed: int, length: int) -> None:
    rng = random.Random(seed)
    one, other = (" ".join(rng.choices(TEXT.split(), k=length)) for _ in range(2))

    assert not is_copy(of(text=one), of(text=other, publisher="B"))


@pytest.mark.parametrize("unit", ["word ", "a", "1 ", " ", "汉", "e\u0301", "\ufdfa", "\ud800"])
def test_a_hostile_text_takes_no_time(unit: str) -> None:
    text = unit * (10_000_000 // len(unit))

    start = time.process_time()
    made = of(text=text)
    is_copy(made, made)

    assert time.process_time() - start < 1
    assert made.words <= 5000


AWARD = (
    "{name} has been placed among the leaders of this year's comparison of providers of accelerated computing, which an"
    " independent house of analysts publishes each autumn. The comparison looked at nine providers by twenty measures,"
    " among them scheduling, storage, the network between machines, support at night, and the plans for the next two"
    " years. {name} was given the highest marks that there are in seven of these measures. Customers told the analysts"
    " that they value short ways and clear bills. We see this as a confirmation of the work of our teams, the head of"
    " {name} said, and of our belief that those who train large models want to know what they pay for. The comparison"
    " can be read on the pages of the house that made it, after a registration that costs nothing at all."
)


def test_a_template_that_is_filled_with_another_name_is_no_copy() -> None:
    title = "{name} placed among the leaders of accelerated computing"
    one, other = (of(title.format(name=name), AWARD.format(name=name), name) for name in ("Orvantis", "Quelmar"))

    assert not is_copy(one, other)
    assert is_copy(one, of("Analysts praise Orvantis", AWARD.format(name="Orvantis"), "Harbour Daily"))


def test_another_spelling_of_a_word_in_title_and_text_is_no_other_name() -> None:
    title, text = "Orvantis opens a computing centre", AWARD.format(name="The centre")

    assert is_copy(of(title, text, "A"), of(title.replace("centre", "center"), text.replace("centre", "center"), "B"))
