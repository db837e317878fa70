"""The tagger as a spaCy pipeline: what stands on a Doc, beside what others set, on disk and between processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

from aiwire.types import Candidate, Mention, Price, Sentence, Tag, Tagging
from nlp.pipeline import load, make_doc, tag_article
from nlp.transport import from_plain, to_plain

TITLE = "Microsoft weighs on-premises LLMs"
TEXT = "Nvidia sells an 8xH100 node. The DGX H100 runs Llama under the GDPR. A card costs $30,000, says Foo, Inc."


@pytest.fixture(scope="module")
def nlp() -> Language:
    return load()


def test_names_are_entities_with_a_label_and_our_id(nlp: Language) -> None:
    doc = nlp(make_doc(nlp, TITLE, TEXT))

    ents = {(ent.text, ent.label_, ent.kb_id_) for ent in doc.ents}
    assert {
        ("Microsoft", "COMPANY", "microsoft"),
        ("8xH100", "ACCELERATOR", "nvidia-h100"),
        ("Llama", "MODEL", "llama"),
        ("GDPR", "REGULATION", "gdpr"),
    } <= ents
    assert all(a.end <= b.start for a, b in zip(doc.ents, doc.ents[1:], strict=False))


def test_spans_overlap_and_show_the_terms_of_themes(nlp: Language) -> None:
    doc = nlp(make_doc(nlp, TITLE, TEXT))

    spans = [(span.text, span.label_, span.kb_id_) for span in doc.spans["aiwire"]]
    assert ("on-premises LLMs", "THEME", "on-premises") in spans or ("on-premises", "THEME", "on-premises") in spans
    assert {kb_id for _, label, kb_id in spans if label == "ACCELERATOR"} == {"nvidia-dgx", "nvidia-h100"}


def test_a_document_with_a_title_gives_the_tags_of_the_article(nlp: Language) -> None:
    doc = nlp(make_doc(nlp, TITLE, TEXT, "en"))

    assert doc._.tagging == tag_article(nlp, TITLE, TEXT, "en")
    assert doc._.tags == doc._.tagging.tags
    assert doc._.prices == doc._.tagging.prices
    assert doc._.candidates == doc._.tagging.candidates


def test_a_plain_text_in_another_language_gets_names_only(nlp: Language) -> None:
    german = nlp("Die Firma Nvidia verkauft den H100 auch in die Schweiz. " * 5)

    assert {tag.id for tag in german._.tags} == {"nvidia", "nvidia-h100"}
    assert german._.tagging.scope == "names"
    assert nlp("Nvidia sells on-premises systems.")._.tagging.scope == "full"


def test_entities_of_others_stay_where_ours_are_not() -> None:
    blank = spacy.blank("en")
    ruler = blank.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": "Jane Doe"}, {"label": "ORG", "pattern": "Nvidia Corp"}])
    for name in ("aiwire_sentences", "aiwire_names", "aiwire_salience"):
        blank.add_pipe(name)

    doc = blank("Jane Doe left Nvidia Corp.")

    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Jane Doe", "PERSON"), ("Nvidia Corp.", "COMPANY")]


def test_a_pipeline_is_saved_and_loaded(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "aiwire")

    again = spacy.load(tmp_path / "aiwire")

    assert again(TEXT)._.tagging == nlp(TEXT)._.tagging


def test_a_saved_pipeline_finds_the_gazetteer_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "h.jsonl").write_text('{"id": "quorvex", "kind": "company", "name": "Quorvex"}\n')
    monkeypatch.chdir(tmp_path)
    load(gazetteer="h.jsonl").to_disk("saved")  # one file, not its letters

    monkeypatch.chdir(tmp_path / "elsewhere")

    assert [tag.id for tag in spacy.load(tmp_path / "saved")("Quorvex sells it.")._.tags] == ["quorvex"]


def test_two_processes_give_what_one_gives(nlp: Language) -> None:
    texts = [TEXT, "AMD ships the MI300X.", ""] * 2

    both = [(doc._.tagging, [e.kb_id_ for e in doc.ents]) for doc in nlp.pipe(texts, n_process=2, batch_size=2)]

    assert both == [(doc._.tagging, [e.kb_id_ for e in doc.ents]) for doc in nlp.pipe(texts)]


def test_a_doc_bin_keeps_the_tags(nlp: Language) -> None:
    bundle = DocBin(store_user_data=True, docs=[nlp(TEXT)])

    (doc,) = DocBin().from_bytes(bundle.to_bytes()).get_docs(nlp.vocab)

    assert doc._.tagging == nlp(TEXT)._.tagging


def test_a_document_without_tokens_has_tags_and_no_spans(nlp: Language) -> None:
    tagging = tag_article(nlp, TITLE, TEXT)

    assert {"microsoft", "nvidia"} <= {tag.id for tag in tagging.tags}


def test_a_text_adds_nothing_to_the_vocabulary_of_a_run(nlp: Language) -> None:
    tag_article(nlp, TITLE, TEXT)
    before = len(nlp.vocab.strings)

    for number in range(50):
        tag_article(nlp, f"Headline {number}", f"Word{number} Nvidia sold one{number} H100 to Acme{number}.")

    assert len(nlp.vocab.strings) == before


def test_what_somebody_else_has_put_in_our_place_is_told(nlp: Language) -> None:
    doc = Doc(nlp.vocab, words=["Nvidia"])
    doc._.aiwire = 3

    with pytest.raises(TypeError, match="belongs to us"):
        nlp.get_pipe("aiwire_names")(doc)
    assert isinstance(Span(doc, 0, 1), Span)


words = st.text(max_size=12)
offsets = st.integers(0, 99)
fields = st.sampled_from(["title", "text"])
mentions = st.builds(
    Mention, fields, offsets, offsets, words, offsets, offsets, words, st.floats(0, 1), st.none() | words
)
tags = st.builds(
    Tag,
    kind=st.sampled_from(["company", "theme"]), id=words, name=words, surfaces=st.lists(words, max_size=2).map(tuple),
    count=offsets, about=st.booleans(), role=st.just("mention"), listed=st.booleans(), salience=st.floats(0, 1),
    confidence=st.floats(0, 1), evidence=words, mentions=st.lists(mentions, max_size=2).map(tuple),
)  # fmt: skip
prices = st.builds(Price, words, st.floats(0, 9), st.none() | st.floats(0, 9), words, words, st.none() | words,
                   st.none() | words, words, fields, offsets, offsets, st.none() | words)  # fmt: skip
taggings = st.builds(
    Tagging,
    tags=st.lists(tags, max_size=2).map(tuple), prices=st.lists(prices, max_size=2).map(tuple),
    candidates=st.lists(st.builds(Candidate, words, st.just("company"), words, words), max_size=2).map(tuple),
    sentences=st.lists(st.builds(Sentence, fields, offsets, offsets), max_size=2).map(tuple),
    scope=st.sampled_from(["full", "names"]), tagger_version=words, taxonomy_version=words,
)  # fmt: skip


@settings(max_examples=50)
@given(taggings)
def test_a_tagging_survives_the_journey(tagging: Tagging) -> None:
    assert from_plain(to_plain(tagging)) == tagging


def test_a_document_with_a_title_goes_through_two_processes_as_through_one(nlp: Language) -> None:
    docs = [make_doc(nlp, TITLE, TEXT) for _ in range(4)]

    assert [doc._.tagging for doc in nlp.pipe(docs, n_process=2, batch_size=1)] == [tag_article(nlp, TITLE, TEXT)] * 4
