"""Sentence splitting on raw text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.sentences import split_sentences

CASES = [
    pytest.param("The U.S. Army spoke. It left.", ["The U.S. Army spoke.", "It left."], id="country"),
    pytest.param(
        "He moved to the U.S. The price rose.", ["He moved to the U.S.", "The price rose."], id="country at end"
    ),
    pytest.param(
        "Acme Inc. said v5.1 costs $1.5 billion. Good.", ["Acme Inc. said v5.1 costs $1.5 billion.", "Good."], id="inc"
    ),
    pytest.param("Dr. A. Lee met J. Huang.", ["Dr. A. Lee met J. Huang."], id="initials"),
    pytest.param("Heading\n- first item\nA sentence.", ["Heading", "- first item", "A sentence."], id="lines"),
    pytest.param("1. Buy it. 2. Rent it.", ["1. Buy it.", "2. Rent it."], id="numbers in a row"),
    pytest.param('"It works." She left!', ['"It works."', "She left!"], id="quotes"),
    pytest.param("“Yes!” she said. No. 5 won.", ["“Yes!” she said.", "No. 5 won."], id="exclamation in a sentence"),
    pytest.param("Wait... what? Yes.", ["Wait... what?", "Yes."], id="ellipsis before lower case"),
    pytest.param("价格上涨。芯片短缺！好", ["价格上涨。", "芯片短缺！", "好"], id="cjk"),
    pytest.param("他说：“算力不足。”股价下跌。", ["他说：“算力不足。”", "股价下跌。"], id="cjk quote closes"),
    pytest.param(
        "「缺貨！」他說；訂單已滿。", ["「缺貨！」", "他說；", "訂單已滿。"], id="cjk corner brackets and semicolon"
    ),
    pytest.param(
        "《为什么是现在？》一书出版。好。", ["《为什么是现在？》一书出版。", "好。"], id="cjk title with a mark"
    ),
    pytest.param("“谁会赢？”的问题没有答案。", ["“谁会赢？”的问题没有答案。"], id="cjk question as a part"),
    pytest.param("真的吗?是的!涨了……还会涨", ["真的吗?", "是的!", "涨了……", "还会涨"], id="latin marks in cjk"),
    pytest.param("GPT-5.5 发布。It costs v5.1. 好", ["GPT-5.5 发布。", "It costs v5.1.", "好"], id="mixed"),
    pytest.param("标题\n正文（见图。）结束", ["标题", "正文（见图。）", "结束"], id="cjk lines and brackets"),
    pytest.param("", [], id="empty"),
    pytest.param(" \n\t ", [], id="only space"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert [text[a:b] for a, b in split_sentences(text)] == expected


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(' .!?\n"A。a1；…！”」》的，')), max_size=80))
def test_sentences_are_disjoint_in_order_and_cover_all_but_space(text: str) -> None:
    spans = split_sentences(text)

    previous = 0
    for start, end in spans:
        assert previous <= start < end
        assert not text[previous:start].strip()
        assert text[start:end] == text[start:end].strip()
        previous = end
    assert not text[previous:].strip()


@pytest.mark.parametrize("text", ["$" * 9000, "word " * 3000, "a" * 2001 + " b"], ids=["unspaced", "words", "over"])
def test_what_is_longer_than_any_sentence_is_cut(text: str) -> None:
    spans = split_sentences(text)

    assert all(0 < end - start <= 2000 for start, end in spans)
    assert "".join(text[a:b] for a, b in spans).replace(" ", "") == text.replace(" ", "")
