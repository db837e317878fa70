"""Which undeclared texts are tagged in full."""

import pytest

from aiwire.types import ArticleText
from nlp.language import looks_chinese, looks_english, tag_scope
from nlp.pipeline import load_tagger, tag_articles

ENGLISH = "The bank runs its models on-premises, and the regulator has asked for a report on the cost of it. " * 4
GERMAN = "Die Bank betreibt ihre Modelle on-premises, und die Aufsicht verlangt einen Bericht zu den Kosten. " * 4
FRENCH = "La banque exploite ses modèles on-premises et le régulateur demande un rapport sur les coûts du projet. " * 4
SPANISH = "El banco ejecuta sus modelos on-premises y el regulador pide un informe sobre los costes del proyecto. " * 4
CHINESE = "阿里巴巴在数据中心部署了英伟达芯片，on-premises。" * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ENGLISH, True),
        (GERMAN, False),
        (FRENCH, False),
        (SPANISH, False),
        (CHINESE, False),
        ("", True),
        ("H100 price cut", True),
    ],
)
def test_a_text_is_told_by_its_script_and_function_words(text, expected):
    assert looks_english(text) is expected


JAPANESE = "同社はデータセンターに新しいチップを導入し、推論の費用を半分に減らすと発表した。"
KOREAN = "회사는 데이터센터에 새로운 칩을 도입한다고 발표했다. 人工知能"
MIXED = "Meta 计划 9 月量产自研 AI 芯片 Iris，由 Broadcom 与 TSMC 负责。"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CHINESE, True),
        (MIXED, True),
        ("資料中心的晶片不足", True),
        (JAPANESE, False),
        (KOREAN, False),
        (ENGLISH + "阿里巴巴", False),
        ("", False),
    ],
)
def test_a_chinese_text_is_told_by_its_characters(text, expected):
    assert looks_chinese(text) is expected


@pytest.mark.parametrize(
    "language", ["zh", "zh-CN", "zh-Hans", "zh-Hant-TW", "zh_TW", "ZH", "yue", "cmn-Hans", "en-GB"]
)
def test_english_and_chinese_of_every_region_are_tagged_in_full(language):
    assert tag_scope(language, "") == "full"


@pytest.mark.parametrize("language", ["de", "ja", "ko", "zha", "enm"])
def test_other_declared_languages_have_their_names_tagged_only(language):
    assert tag_scope(language, CHINESE) == "names"


def test_an_undeclared_chinese_text_is_tagged_in_full_and_a_japanese_one_is_not():
    assert (tag_scope(None, CHINESE), tag_scope(None, JAPANESE)) == ("full", "names")


def test_an_undeclared_german_text_has_its_names_tagged_only():
    articles = [ArticleText(1, "", GERMAN + " NVIDIA.", None, "t"), ArticleText(2, "", ENGLISH + " NVIDIA.", None, "t")]

    german, english = (tagging for _, tagging in tag_articles(load_tagger(), articles))

    assert (german.scope, {tag.kind for tag in german.tags}) == ("names", {"company"})
    assert (english.scope, "on-premises" in {tag.id for tag in english.tags}) == ("full", True)


def test_a_text_of_two_million_characters_is_tagged_and_so_is_the_next():
    long = ArticleText(1, "", "Nvidia sells the H100 to banks. " * 62_500, "en", "t")

    found = [tagging for _, tagging in tag_articles(load_tagger(), [long, ArticleText(2, "", "AMD sells.", "en", "t")])]

    assert [{tag.id for tag in tagging.tags if tag.kind == "company"} for tagging in found] == [{"nvidia"}, {"amd"}]
