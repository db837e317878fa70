"""The whole pipeline on texts: tags, offsets, scope, streaming, spaCy's view of it, and the data's own examples."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import spacy
from spacy.language import Language

from aiwire.types import ArticleText, Tag, Tagging
from nlp.gazetteer import Record, load_lexicon
from nlp.jsonl import tag_record
from nlp.pipeline import load_tagger, tag_article, tag_articles, versions

TITLE = "Nvidia ships the H100 to a French cloud"
TEXT = (
    "Nvidia has shipped 4,000 H100s to Paris, where the AI cloud keeps data residency in France.\n"
    "An H100 rents for €2.20 per GPU-hour there. Renting is no answer for an air-gapped site, the GDPR officer said.\n"
    "The start-up Quorvex raised $40 million in March, and Quorvex's CEO wants more chips."
)


@pytest.fixture(scope="module")
def nlp() -> Language:
    return load_tagger()


@pytest.fixture(scope="module")
def tagging(nlp: Language) -> Tagging:
    return tag_article(nlp, TITLE, TEXT)


def by_id(tagging: Tagging) -> dict[str, Tag]:
    return {tag.id: tag for tag in tagging.tags}


def test_all_kinds_are_tagged(tagging: Tagging) -> None:
    kinds = {(tag.kind, tag.id) for tag in tagging.tags}

    assert {
        ("company", "nvidia"),
        ("company", "quorvex"),
        ("accelerator", "nvidia-h100"),
        ("regulation", "gdpr"),
        ("theme", "data-sovereignty"),
        ("theme", "pricing"),
    } <= kinds


def test_a_text_is_about_what_title_and_lead_name(tagging: Tagging) -> None:
    nvidia = by_id(tagging)["nvidia"]

    assert (nvidia.about, nvidia.role, nvidia.listed) == (True, "subject", True)
    assert not by_id(tagging)["quorvex"].listed


def test_every_offset_gives_its_surface_and_lies_in_its_sentence(tagging: Tagging) -> None:
    fields = {"title": TITLE, "text": TEXT}

    for tag in tagging.tags:
        assert tag.evidence in TITLE or tag.evidence in TEXT
        assert 0 <= tag.salience <= 1
        assert 0 < tag.confidence <= 1
        for m in tag.mentions:
            assert fields[m.field][m.start : m.end] == m.surface
            assert m.sent_start <= m.start < m.end
    for s in tagging.sentences:
        assert fields[s.field][s.start : s.end].strip() == fields[s.field][s.start : s.end] != ""
    for p in tagging.prices:
        assert fields[p.field][p.start : p.end] == p.quote


def test_the_json_record_has_the_documented_shape(tagging: Tagging) -> None:
    record = json.loads(json.dumps(tag_record("a1", tagging)))
    h100 = next(t for t in record["tags"] if t["id"] == "nvidia-h100")
    (price,) = record["prices"]

    assert list(record) == ["id", "tags", "prices"]
    assert list(h100) == [
        "kind", "id", "name", "surfaces", "count", "about", "role", "listed", "salience", "confidence", "evidence",
        "mentions",
    ]  # fmt: skip
    assert h100["mentions"][0] == {"start": 17, "end": 21, "field": "title", "rule": "any", "confidence": 0.98}
    assert (price["amount"], price["currency"], price["unit"], price["accelerator"]) == (
        2.2,
        "EUR",
        "gpu-hour",
        "nvidia-h100",
    )
    assert price["quote"] == "€2.20 per GPU-hour"


def test_the_version_tells_code_and_data(tagging: Tagging) -> None:
    assert (tagging.tagger_version, tagging.taxonomy_version) == versions()


def test_other_languages_get_names_only(nlp: Language) -> None:
    german = tag_article(nlp, "", "Der H100 von Nvidia kostet $30,000 per card, on-premises.", "de-CH")

    assert german.scope == "names"
    assert {t.kind for t in german.tags} == {"company", "accelerator"}
    assert german.prices == ()
    assert tag_article(nlp, "", "The H100 is used on-premises.", "en-GB").scope == "full"


def test_chinese_text_without_spaces_is_tagged_with_names(nlp: Language) -> None:
    assert {"nvidia-h100"} <= set(by_id(tag_article(nlp, "", "英伟达H100芯片短缺。", "zh")))


def test_articles_are_streamed_in_order(nlp: Language) -> None:
    drawn: list[int] = []

    def articles() -> Iterator[ArticleText]:
        for number in range(100):
            drawn.append(number)
            yield ArticleText(number, "", f"Nvidia sold {number} cards.", None, "s")

    stream = tag_articles(nlp, articles())
    first, tagging = next(stream)

    assert (first.id, tagging.tags[0].id) == (0, "nvidia")
    assert len(drawn) < 100
    assert [article.id for article, _ in stream] == list(range(1, 100))


def test_an_empty_article_has_no_tags(nlp: Language) -> None:
    tagging = tag_article(nlp, "", "")

    assert (tagging.tags, tagging.prices, tagging.sentences) == ((), (), ())


def test_a_book_is_tagged_by_its_first_part(nlp: Language, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="nlp")
    book = "Nothing is new here. " * 20_000
    text = f"{book[:209_999]} Nvidia sells the H100. {book} AMD sells it not."

    tagging = tag_article(nlp, TITLE, text)
    (in_text,) = (m for m in by_id(tagging)["nvidia"].mentions if m.field == "text")

    assert text[in_text.start : in_text.end] == in_text.surface == "Nvidia"
    assert text[in_text.sent_start : in_text.sent_end] == "Nvidia sells the H100."
    assert "amd" not in by_id(tagging)
    assert 299_000 < max(s.end for s in tagging.sentences) <= 300_000
    assert [r.message.split("  ")[0] for r in caplog.records] == ["tagged in part"]


def test_an_ordinary_text_is_tagged_whole(nlp: Language, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="nlp")
    text = "Nothing is new here. " * 10_000 + "AMD sells the MI300X."

    assert "amd" in by_id(tag_article(nlp, "", text))
    assert caplog.records == []


def test_no_word_is_cut_into_a_name(nlp: Language) -> None:
    text = "The words go on and on. " * 12_499 + "Now here is Nvidianism for all."

    assert 300_000 - len("Nvidianism for all.") < text.index("Nvidianism") + len("Nvidia") <= 300_000
    assert by_id(tag_article(nlp, "", text)) == {}


def test_an_endless_title_keeps_the_offsets_of_the_text_right(nlp: Language) -> None:
    tagging = tag_article(nlp, "Nvidia wins " * 10_000, TEXT)

    for m in by_id(tagging)["nvidia-h100"].mentions:
        assert m.field == "text"
        assert TEXT[m.start : m.end] == m.surface
    assert by_id(tagging)["nvidia"].count < 200


@pytest.mark.parametrize(
    "junk",
    [
        "$" * 60_000,
        "$1/" * 8_000,
        "=" * 60_000,
        "Inc. " * 8_000,
        "\n" * 60_000,
        "NVIDIA H100 costs $30,000 per GPU hour. " * 6_000,
        "Apple Meta Arm Oracle Figure Scale " * 6_000,
        "Hopper Blackwell Instinct Gaudi Titan " * 4_000,
        "Foo, Inc. and Bar Corp., " * 4_000,
        "".join(f"{n % 90}. Quorvex{n}\n" for n in range(9_000)),
        "“:Arm" * 40_000,
        "”Nvidia/" * 30_000,
    ],
    ids=[
        "dollars",
        "prices",
        "rule",
        "forms",
        "lines",
        "chips",
        "firms",
        "series",
        "legal",
        "headings",
        "quotes",
        "slashes",
    ],
)
def test_hostile_text_does_not_stall_the_tagger(nlp: Language, junk: str) -> None:
    tagging = tag_article(nlp, "Nvidia and the rest", junk)

    assert "nvidia" in by_id(tagging)


def test_lone_surrogates_are_replaced_and_keep_the_offsets(nlp: Language) -> None:
    tag = by_id(tag_article(nlp, "\ud800 AMD", "\ud800 Nvidia rose."))["nvidia"]

    assert (tag.mentions[0].start, tag.evidence) == (2, "\ufffd Nvidia rose.")
    assert [span.text for span in nlp("Nvidia \ud800 rose").ents] == ["Nvidia"]


def test_spacy_users_get_spans_and_extensions(nlp: Language) -> None:
    doc = nlp("An 8xH100 node from Nvidia.")

    assert [(s.text, s.label_, s.kb_id_) for s in doc.spans["aiwire"]] == [
        ("Nvidia", "COMPANY", "nvidia"),
        ("8xH100", "ACCELERATOR", "nvidia-h100"),
    ]
    assert [t.surfaces for t in doc._.tags if t.kind == "accelerator"] == [("H100",)]


def test_components_are_found_by_entry_point() -> None:
    blank = spacy.blank("en")
    blank.add_pipe("aiwire_sentences")
    blank.add_pipe("aiwire_names")
    blank.add_pipe("aiwire_salience")

    assert [t.id for t in blank("Nvidia is there.")._.tags] == ["nvidia"]


@pytest.mark.parametrize("module", ["nlp.evaluate", "nlp.gazetteer", "nlp.jsonl", "nlp.themes", "nlp.matcher"])
def test_the_pure_modules_do_not_load_spacy(module: str) -> None:
    code = f"import sys, {module}; sys.exit('spacy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---------------------------------------------------------------- the example sentences of the data files


def test_every_example_sentence_of_a_name_holds(nlp: Language) -> None:
    """All in one test: there are over a thousand."""
    cases = [
        (record, alias.surface, wanted, sentence)
        for record in load_lexicon().records
        for alias in record.aliases
        for wanted, sentences in ((True, alias.positive), (False, alias.negative))
        for sentence in sentences
    ]
    articles = (ArticleText(i, "", sentence, None, "") for i, (_, _, _, sentence) in enumerate(cases))
    wrong = [
        describe(*cases[a.id]) for a, t in tag_articles(nlp, articles) if (tagged(t, cases[a.id][0]) != cases[a.id][2])
    ]

    assert cases
    assert wrong == []


def tagged(tagging: Tagging, record: Record) -> bool:
    return any(t.id == record.entity.id for t in tagging.tags)


def describe(record: Record, surface: str, wanted: bool, sentence: str) -> str:
    return f"{record.where} {surface!r} should {'' if wanted else 'not '}be {record.entity.id} in: {sentence}"


@pytest.mark.parametrize("theme", load_lexicon().themes, ids=lambda theme: theme.entity.id)
def test_the_example_sentences_of_a_theme_hold(nlp: Language, theme: object) -> None:
    rule = next(t for t in load_lexicon().themes if t is theme)
    found = {s: rule.entity.id in by_id(tag_article(nlp, "", s)) for s in (*rule.positive, *rule.negative)}

    assert found == dict.fromkeys(rule.positive, True) | dict.fromkeys(rule.negative, False)
