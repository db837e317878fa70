"""Which undeclared texts are tagged in full."""

import pytest

from aiwire.types import ArticleText
from nlp.language import looks_english
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


def test_an_undeclared_german_text_has_its_names_tagged_only():
    articles = [ArticleText(1, "", GERMAN + " NVIDIA.", None, "t"), ArticleText(2, "", ENGLISH + " NVIDIA.", None, "t")]

    german, english = (tagging for _, tagging in tag_articles(load_tagger(), articles))

    assert (german.scope, {tag.kind for tag in german.tags}) == ("names", {"company"})
    assert (english.scope, "on-premises" in {tag.id for tag in english.tags}) == ("full", True)


def test_a_text_of_two_million_characters_is_tagged_and_so_is_the_next():
    long = ArticleText(1, "", "Nvidia sells the H100 to banks. " * 62_500, "en", "t")

    found = [tagging for _, tagging in tag_articles(load_tagger(), [long, ArticleText(2, "", "AMD sells.", "en", "t")])]

    assert [{tag.id for tag in tagging.tags if tag.kind == "company"} for tagging in found] == [{"nvidia"}, {"amd"}]
