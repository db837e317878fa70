"""Chinese texts: spellings, names beside Latin letters, themes, negation, prices and candidates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from aiwire.types import ArticleText, Tagging
from nlp.field import load_field_terms
from nlp.gazetteer import DATA, load_lexicon
from nlp.han import simplify, spellings
from nlp.negation_zh import is_negated
from nlp.pipeline import load_tagger, tag_articles
from nlp.prices_zh import find_chinese_prices
from nlp.text import Text, fold
from nlp.unlisted_zh import chinese_candidates

LINES = [json.loads(line) for line in (DATA / "themes.zh.jsonl").read_text(encoding="utf-8").splitlines()]


def _tagged(*texts: str) -> Iterator[Tagging]:
    articles = [ArticleText(number, "", text, None, "t") for number, text in enumerate(texts)]
    return (tagging for _, tagging in tag_articles(load_tagger(), articles))


def _ids(text: str, kind: str) -> set[str]:
    return {tag.id for tagging in _tagged(text) for tag in tagging.tags if tag.kind == kind}


def _prices(text: str) -> list[tuple[float, float | None, str, str, str | None]]:
    made = Text.of("", text)
    return [(p.amount, p.amount_max, p.currency, p.unit, p.qualifier) for p in find_chinese_prices(made, [])]


# ---------------------------------------------------------------- spellings


def test_traditional_characters_and_full_width_letters_are_read_as_the_plain_ones() -> None:
    assert fold("臺灣的晶片與ＡＩ１００") == "台湾的晶片与ai100"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_no_character_moves_when_a_text_is_simplified(text: str) -> None:
    simplified = simplify(text)

    assert len(simplified) == len(text)
    assert simplify(simplified) == simplified


def test_a_term_is_spelled_with_and_without_spaces_and_with_the_words_of_taiwan() -> None:
    assert set(spellings("ai芯片")) == {"ai芯片", "ai 芯片", "ai晶片", "ai 晶片"}


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("英伟达H100芯片供不应求。", "company", "nvidia"),
        ("英伟达H100芯片供不应求。", "accelerator", "nvidia-h100"),
        ("微软Azure宣布降价。", "company", "microsoft"),
        ("客户用華為昇騰訓練模型。", "accelerator", "huawei-ascend"),
        ("见https://example.com/a，英伟达、AMD/微软均有展台。", "company", "microsoft"),
        ("ＮＶＩＤＩＡ發布新品。", "company", "nvidia"),
    ],
)
def test_a_name_is_found_beside_latin_letters_and_in_traditional_characters(text, kind, expected) -> None:
    assert expected in _ids(text, kind)


def test_offsets_are_those_of_the_text_as_written() -> None:
    text = "昨日，輝達與華為昇騰同台。"

    (tagging,) = _tagged(text)

    assert {text[m.start : m.end] for tag in tagging.tags for m in tag.mentions} >= {"昇騰"}


# ---------------------------------------------------------------- themes


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["id"])
def test_the_chinese_examples_of_a_theme_hold(line) -> None:
    sentences = [*line["pos"], *line["neg"]]
    found = {
        s: line["id"] in {t.id for t in tagging.tags} for s, tagging in zip(sentences, _tagged(*sentences), strict=True)
    }

    assert found == dict.fromkeys(line["pos"], True) | dict.fromkeys(line["neg"], False)
    assert min(len(line["pos"]), len(line["neg"])) >= 3


def test_every_theme_has_chinese_terms_in_simplified_characters() -> None:
    assert {line["id"] for line in LINES} == {theme.entity.id for theme in load_lexicon().themes}
    assert [t["s"] for line in LINES for t in line["terms"] if fold(t["s"]) != t["s"]] == []


def test_the_words_in_latin_letters_ask_for_chinese_around_them() -> None:
    latin = [term for line in LINES for term in line["terms"] if term["s"].isascii()]

    assert latin
    assert all("zh-text" in term["near"] for term in latin)


def test_a_word_of_the_field_counts_right_behind_a_latin_letter() -> None:
    group = load_field_terms().groups["zh-dc"]
    text = "某AI数据中心A区"

    assert group.is_in(fold(text), 0, len(text))


@pytest.mark.parametrize(
    "sentence",
    [
        "公司没有<自建机房>的计划",
        "该产品不支持<本地部署>",
        "<本地部署>暂不支持",
        "这并非<裁员>",
        "厂商尚未<降价>",
        "已放弃<自建机房>",
    ],
)
def test_what_a_sentence_denies_does_not_count(sentence: str) -> None:
    assert _negated(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "不仅支持<本地部署>，还能联网",
        "未来将<自建机房>",
        "公司不断<扩产>",
        "无论如何都要<本地部署>",
        "成本不低，于是<自建机房>",
        "<本地部署>不受限制",
    ],
)
def test_what_only_looks_like_a_denial_counts(sentence: str) -> None:
    assert not _negated(sentence)


def _negated(marked: str) -> bool:
    start, end = marked.index("<"), marked.index(">") - 1
    return is_negated(marked.replace("<", "").replace(">", ""), start, end)


def test_terms_of_a_language_for_no_theme_are_refused_with_their_place(tmp_path: Path) -> None:
    for file in DATA.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "themes.zh.jsonl").write_text('{"id": "acme", "terms": [{"s": "甲"}]}\n', encoding="utf-8")

    with pytest.raises(ConfigError, match=r"themes\.zh\.jsonl:1: 'acme' is the id of no theme"):
        load_lexicon(tmp_path)


def test_the_version_of_the_data_tells_when_a_language_changes(tmp_path: Path) -> None:
    for file in DATA.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    before = load_lexicon(tmp_path).version
    other = tmp_path / "copy"
    other.mkdir()
    for file in DATA.iterdir():
        if file.name != "themes.zh.jsonl":
            (other / file.name).write_bytes(file.read_bytes())

    assert before == load_lexicon().version
    assert before != load_lexicon(other).version


# ---------------------------------------------------------------- prices


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("输入 2 元/百万 tokens，输出 8 元/百万 tokens。",
         [(2, None, "CNY", "1M-tokens", None), (8, None, "CNY", "1M-tokens", None)]),
        ("每百万 tokens 输入 0.5 元、输出 2 元。",
         [(0.5, None, "CNY", "1M-tokens", None), (2, None, "CNY", "1M-tokens", None)]),
        ("模型降到 0.0008 元/千 tokens。", [(0.0008, None, "CNY", "other", None)]),
        ("GPU 租赁价格为每小时 2.5 美元。", [(2.5, None, "USD", "gpu-hour", None)]),
        ("每卡时 12 元的算力已上线。", [(12, None, "CNY", "gpu-hour", None)]),
        ("云服务器按需 3.2 元/小时。", [(3.2, None, "CNY", "instance-hour", "on-demand")]),
        ("显卡售价 16499 元起。", [(16499, None, "CNY", "card", "from")]),
        ("服务器每台售价 200-230 万元。", [(2e6, 2.3e6, "CNY", "server", None)]),
        ("单卡价格 1 万元至 1.2 万元人民币。", [(1e4, 1.2e4, "CNY", "card", None)]),
        ("数据中心电价为 0.35 元/千瓦时。", [(0.35, None, "CNY", "kwh", None)]),
        ("ChatGPT 每月 20 美元（约合 143 元人民币）。", [(20, None, "USD", "month", None)]),
        ("顯示卡建議售價 71,990 新台幣。", [(71990, None, "TWD", "card", None)]),
        ("闲鱼二手 GPU 价格在 4 万元左右。", [(4e4, None, "CNY", "card", "street")]),
        ("模型每百万 tokens 2 元，包月 99 元。",
         [(2, None, "CNY", "1M-tokens", None), (99, None, "CNY", "month", None)]),
    ],
)  # fmt: skip
def test_a_price_is_read_with_its_unit(text: str, expected) -> None:
    assert _prices(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "GPU 初创公司完成 3 亿元融资。",
        "芯片公司营收 500 万元，同比增长两成。",
        "显卡涨价 300 元。",
        "AI 工程师月薪 3 万元。",
        "国区售价 42 元的游戏登陆平台。",
        "自动驾驶公司推出 30 美元月费会员，由 AI 接单。",
        "模型于公元 2026 元旦发布，3 元件失灵。",
        "算力大赛总奖金 10 万美元。",
        "The GPU costs 300 and nothing in Chinese.",
    ],
)
def test_other_sums_are_no_prices(text: str) -> None:
    assert _prices(text) == []


def test_a_price_belongs_to_the_nearest_accelerator_and_is_found_once() -> None:
    (tagging,) = _tagged("英伟达H100每张约3万美元，H20每张1.2万美元，云上 A100 为 $2 per GPU hour。")

    found = [(price.accelerator, price.amount, price.unit) for price in tagging.prices]

    assert found == [("nvidia-h100", 3e4, "card"), ("nvidia-h20", 1.2e4, "card"), ("nvidia-a100", 2.0, "gpu-hour")]


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="0123456789.,万亿千百元美每卡小时/至-~约¥$ 售价显卡，。", max_size=60))
def test_prices_of_any_text_lie_in_it_in_order_and_apart(text: str) -> None:
    made = Text.of("", text)

    end = 0
    for price in find_chinese_prices(made, []):
        assert end <= price.start < price.end <= len(made.raw)
        assert price.amount_max is None or price.amount_max > price.amount
        end = price.end


# ---------------------------------------------------------------- candidates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("机器人公司甲乙智动（Jiayi）近日完成B轮融资。", ["甲乙智动"]),
        ("本轮由老股东丙丁资本领投，戊己创投跟投。", ["丙丁资本", "戊己创投"]),
        ("庚辛光芯（688000.SH）股价上涨。", ["庚辛光芯"]),
        ("伙伴包括英伟达、壬癸科技、子丑电子等。", ["壬癸科技", "子丑电子"]),
    ],
)
def test_a_chinese_company_on_no_list_is_proposed(text: str, expected: list[str]) -> None:
    (tagging,) = _tagged(text)

    assert [c.surface for c in tagging.candidates] == expected


@pytest.mark.parametrize(
    "text",
    [
        "该公司近日完成新一轮融资。",
        "英伟达、人工智能、高新科技、信息技术等。",
        "公司累计完成三轮融资。",
        "The firm 完成 its round.",
    ],
)
def test_words_that_only_stand_where_a_company_would_are_not_proposed(text: str) -> None:
    (tagging,) = _tagged(text)

    assert [c.surface for c in tagging.candidates if c.rule.startswith("chinese")] == []


def test_a_listed_company_is_not_proposed_again() -> None:
    text = Text.of("", "公司阿里巴巴完成新一轮融资。")

    assert chinese_candidates(text, []) != []
    (tagging,) = _tagged(text.raw)
    assert tagging.candidates == ()
