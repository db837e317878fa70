"""What is an article on the AI industry, and that the bound on raw bytes never loses one."""

from __future__ import annotations

import json
import time
from html import escape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from ingest.htmltext import html_to_text
from nlp.gazetteer import DATA, load_lexicon
from nlp.relevance import (
    RELEVANCE_VERSION,
    RelevanceRules,
    is_relevant,
    load_relevance_rules,
    may_be_relevant,
    relevance_of,
    relevance_terms,
)

RELEVANT = [
    ("Cluster of 4,000 GPUs goes live", "The operator rents the GPU cluster to labs that train language models."),
    ("Regulator fines chatbot maker", "The AI firm had kept the chats. AI firms must delete them, says the regulator."),
    ("某公司发布大模型", "该公司称，新的大模型训练用了两千张加速卡，算力成本下降一半。"),
    ("業者推出人工智慧伺服器", "這家公司表示，人工智慧伺服器的需求推升了算力支出，大模型是主因。"),
    (
        "H100 rents fall",
        "An H100 costs less per hour than in spring, and an H200 is next, brokers of GPU capacity say.",
    ),
]
OTHER = [
    ("Apple opens a shop in the old mill", "Amazon and Google had looked at the building, too. The rent is not known."),
    ("Gemini rises in the evening sky", "The twins stand high in the east; binoculars show the cluster at their feet."),
    (
        "Rail line closed for a week",
        "Workers said they will repair the main line again after the rain. AI was not named.",
    ),
    ("苹果今年丰收", "果农说，今年雨水充足，苹果比去年更甜，价格也更便宜。"),
    ("", ""),
]
FILLER = (
    "the harvest was good",
    "said the mayor",
    "maintain",
    "1997",
    "Aichi",
    "rain again",
    "河边的柳树",
    "été",
    "&",
    "<",
)
SETTINGS = load_relevance_rules()
TERMS = sorted({*SETTINGS.cased, *SETTINGS.terms, "H100", "Claude", "DeepSeek", "大模型", "語言模型", "LLMs", "GPUs"})


def page(title: str, text: str, charset: str = "utf-8") -> bytes:
    """Return a page that shows title and text."""
    body = "".join(f"<p>{escape(line)}</p>" for line in text.split("\n"))
    return f"<html><head><title>{escape(title)}</title></head><body>{body}</body></html>".encode(charset)


@pytest.mark.parametrize(("title", "text"), RELEVANT)
def test_articles_on_ai_and_its_hardware_are_relevant(title: str, text: str) -> None:
    assert is_relevant(title, text)


@pytest.mark.parametrize(("title", "text"), OTHER)
def test_homonyms_generic_companies_and_one_passing_word_are_not(title: str, text: str) -> None:
    assert not is_relevant(title, text)


def test_ai_counts_as_a_word_in_capitals_only() -> None:
    assert is_relevant("AI AI", "AI firms and AI chips")
    assert not is_relevant("Ai ai", "said the AIR force again; MAIN, ai firms and aid")


def test_a_long_article_needs_more_than_a_short_one() -> None:
    text = "A firm uses AI for its stock. AI, it says, helps. AI is AI, but AI costs. "
    assert is_relevant("A firm and its shops", text)
    assert not is_relevant("A firm and its shops", text + "The shops sell shoes and shirts to all the town. " * 400)


@settings(max_examples=150, deadline=None)
@given(
    title=st.lists(st.sampled_from([*TERMS, *FILLER]), max_size=4).map(" ".join),
    text=st.lists(
        st.tuples(st.sampled_from([*TERMS, *FILLER]), st.sampled_from([" ", "\n", ", ", "-", "\n\t   ", "\xa0"])),
        max_size=40,
    ),
)
def test_the_bound_never_drops_a_page_whose_text_is_relevant(title: str, text: list[tuple[str, str]]) -> None:
    joined = "".join(word + gap for word, gap in text)
    body = page(title, joined)
    shown = html_to_text(body.decode().partition("<body>")[2])
    if is_relevant(title, shown):
        assert may_be_relevant(body)


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "big5", "utf-16", "utf-16-le", "utf-16-be"])
def test_chinese_pages_are_seen_in_every_charset(charset: str) -> None:
    title, text = RELEVANT[3] if charset == "big5" else RELEVANT[2]
    assert may_be_relevant(page(title, text, charset))


def test_pages_written_in_character_references_are_let_through() -> None:
    assert may_be_relevant(_referenced("河边的柳树" * 60))
    assert not may_be_relevant(_referenced("河边的柳树"))


def _referenced(text: str) -> bytes:
    return f"<html><body><p>{text}</p></body></html>".encode("ascii", "xmlcharrefreplace")


def test_words_in_scripts_are_not_shown_but_those_of_its_article_data_are() -> None:
    words = b'{"articleBody": "AI chips, GPU clouds and LLM makers: the chatbot boom goes on"}'
    assert not may_be_relevant(b"<body><script>var news = " + words + b"</script><p>Rain.</p></body>")
    assert may_be_relevant(b'<body><script type="application/ld+json">' + words + b"</script><p>Rain.</p></body>")
    assert may_be_relevant(b"<body><script>" + words), "a script without an end may hide the article"


def test_the_names_of_a_users_gazetteer_count_by_their_category(tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    lines = [
        {"id": "quellwerk", "kind": "company", "name": "Quellwerk", "category": "model",
         "aliases": [{"s": "Quellwerk", "policy": "any"}]},
        {"id": "brotwerk", "kind": "company", "name": "Brotwerk", "category": "retail",
         "aliases": [{"s": "Brotwerk", "policy": "any"}]},
    ]  # fmt: skip
    own.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    judge = relevance_of(load_lexicon(gazetteer=[own]))
    text = "{0} has new owners. {0} was sold by its founders, {0} says. {0} stays in town."
    assert judge.is_relevant("Quellwerk sold", text.format("Quellwerk"))
    assert judge.may_be_relevant(page("Quellwerk sold", text.format("Quellwerk")))
    assert not judge.is_relevant("Brotwerk sold", text.format("Brotwerk"))
    assert not is_relevant("Quellwerk sold", text.format("Quellwerk"))


def test_generic_companies_are_no_terms() -> None:
    ids = {term.id for term in relevance_terms(load_lexicon())}
    assert "company:openai" in ids or "openai" in ids
    assert not ids & {"company:apple", "company:amazon", "company:meta", "company:google"}


def test_less_is_asked_of_a_hurried_extraction() -> None:
    judge = relevance_of(load_lexicon())
    assert not judge.is_relevant("", "An AI firm and a GPU, and more AI")
    assert judge.is_likely("", "An AI firm and a GPU, and more AI")


def test_weights_must_be_positive_or_the_bound_would_not_hold(tmp_path: Path) -> None:
    raw = json.loads((DATA / "relevance.json").read_text(encoding="utf-8"))
    raw["terms"]["harvest"] = -1.0
    (tmp_path / "relevance.json").write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ConfigError, match="harvest"):
        load_relevance_rules(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_relevance_rules(tmp_path / "nowhere")


def test_the_rules_have_a_version_and_are_complete() -> None:
    assert len(RELEVANCE_VERSION) == 12
    assert isinstance(SETTINGS, RelevanceRules)
    assert 0 < SETTINGS.fast < 1


@pytest.mark.parametrize("unit", [b"AI ", b" ", b"<script>", b"\0", b"&#22823;", b"\xff\xfe", bytes(range(256))])
def test_fifty_megabytes_of_anything_are_judged_in_seconds(unit: bytes) -> None:
    body = unit * ((50 << 20) // len(unit))
    started = time.thread_time()
    may_be_relevant(body)
    assert time.thread_time() - started < 20


@pytest.mark.parametrize(
    ("title", "text"),
    [
        (
            "Fjordside approves 300-megawatt data center",
            "The council approved a data center on the old paper mill. The operator says its data center will draw 300"
            " megawatts and leases halls to hyperscalers. A second data center may follow.",
        ),
        (
            "Commerce tightens chip export rules",
            "New export rules bar advanced chips above a performance line. Two distributors were added to the entity"
            " list, and chip export licences will be refused.",
        ),
        (
            "Foundry doubles CoWoS lines",
            "Advanced packaging stays short: CoWoS capacity is sold out, and HBM4 stacks wait for it.",
        ),
        (
            "What a rack of GPU servers costs",
            "Over four years a GPU server on premises beats renting, says the insurer's TCO model. The total cost of"
            " ownership holds power and staff.",
        ),
        ("芯片出口管制再收紧", "新规限制先进芯片出口，两家公司被列入实体清单，出口管制涉及半导体设备。"),
    ],
)
def test_a_short_piece_on_hardware_rules_or_deployment_is_relevant(title: str, text: str) -> None:
    assert is_relevant(title, text)


@pytest.mark.parametrize(
    ("title", "text"),
    [
        (
            "Bank fined over customer letters",
            "The regulator fined the bank under GDPR because letters went to the wrong homes.",
        ),
        (
            "Hospital gets on-premises parking",
            "On-premises parking opens in May. The on-premises garage has 400 places and a pharmacy.",
        ),
        (
            "Office tower tries liquid cooling",
            "Water runs through the ceilings; liquid cooling saves power.",
        ),
        ("House prices fall", "Data show that prices fell in nine of ten towns, and rents rose."),
    ],
)
def test_a_piece_that_shares_a_word_with_us_is_not_relevant(title: str, text: str) -> None:
    assert not is_relevant(title, text)
