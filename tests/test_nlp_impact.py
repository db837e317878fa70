"""The fingerprint of the lists, and which texts a change of them concerns."""

import json
import shutil
import subprocess
import sys

import pytest

from nlp.gazetteer import DATA, lexicon_with, load_lexicon
from nlp.impact import Impact, fingerprint

OWN = (
    {"id": "acme-ai", "kind": "company", "name": "Acme AI", "aliases": ["Acme AI", "AcmeCo"]},
    {"id": "acme-x9", "kind": "accelerator", "name": "Acme X9", "parent": "acme-ai", "aliases": ["Acme X9"]},
    {"id": "acme-rack", "kind": "accelerator", "name": "Acme Rack", "aliases": ["Rack Nine"], "implies": ["acme-x9"]},
    {"id": "whim", "kind": "theme", "name": "Whim", "threshold": 1, "evidence": {"price": 1.2, "regulation": 0.8},
     "terms": ["whimsical data center", {"s": "fanciful", "w": 1}]},
)  # fmt: skip


LISTED = ("nvidia", "gdpr")  # of the shipped entities; all of them take long


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A data folder with hardly an entity."""
    folder = shutil.copytree(DATA, tmp_path_factory.mktemp("small") / "data")
    for file in folder.glob("*.jsonl"):
        listed = [line for line in file.read_text("utf-8").splitlines() if json.loads(line)["id"] in LISTED]
        file.write_text("\n".join(listed), "utf-8")
    return folder


@pytest.fixture(scope="module")
def lines(small):
    """Returns the fingerprint of that folder with `OWN` and then edits over it."""

    def make(*edits, **options):
        files = tuple(("own.jsonl", "\n".join(map(json.dumps, part))) for part in (OWN, edits))
        return fingerprint(lexicon_with(files, small), folder=small, **options)

    return make


@pytest.fixture(scope="module")
def before(lines):
    return lines()


def touched(old, new, *texts, has_price=False):
    impact = Impact.between(old, new)
    return [impact.touches("A title", text, has_price=has_price) for text in texts]


def test_nothing_concerns_no_text(lines, before):
    impact = Impact.between(before, lines())

    assert not impact.everything
    assert not impact.entities
    assert not impact.touches("Acme AI", "Rack Nine", has_price=True)


@pytest.mark.parametrize(
    "edit",
    [
        {"id": "acme-ai", "name": "Acme Artificial Intelligence"},
        {"id": "acme-ai", "description": "Makes chips.", "country": "DE", "ticker": "ACM"},
        {"id": "whim", "description": "What is fanciful."},
    ],
)
def test_what_is_only_shown_changes_no_tag(edit, lines, before):
    assert lines(edit) == before


def test_a_new_alias_concerns_the_texts_that_hold_it_and_no_other(lines, before):
    after = lines({"id": "acme-ai", "aliases": ["Acme Robotics"]})

    assert touched(before, after, "It is ACME ROBOTICS.", "It is Acme AI.", "Acme's Robotics") == [True, False, False]


def test_a_spelling_counts_inside_words_and_with_other_hyphens(lines, before):
    after = lines({"id": "acme-x9", "aliases": [{"s": "Acme Z 500", "policy": "any"}]})

    assert touched(before, after, "8xAcme-Z500s", "theacme\N{NON-BREAKING HYPHEN}z500") == [True, True]


@pytest.mark.parametrize(
    "edit",
    [
        {"aliases": [{"s": "AcmeCo", "policy": "any"}]},
        {"aliases": [{"s": "AcmeCo", "policy": "context", "prior": 0.5}]},
        {"aliases": [{"s": "AcmeCo", "policy": "cased", "veto_right": [" Stadium"]}]},
        {"remove_aliases": ["AcmeCo"]},
    ],
)
def test_a_changed_alias_concerns_the_texts_that_hold_it(edit, lines, before):
    assert touched(before, lines({"id": "acme-ai"} | edit), "AcmeCo won.", "Acme AI won.") == [True, False]


@pytest.mark.parametrize("edit", [{"category": "chips"}, {"venue": True}, {"parent": "nvidia"}, {"remove": True}])
def test_what_is_said_of_the_whole_entity_concerns_the_texts_that_hold_any_of_its_spellings(edit, lines, before):
    after = lines({"id": "acme-ai"} | edit)

    assert touched(before, after, "AcmeCo won.", "Acme AI won.", "Nobody won.") == [True, True, False]


def test_what_is_said_of_an_implied_chip_concerns_the_texts_that_name_the_system(lines, before):
    assert touched(before, lines({"id": "acme-x9", "parent": "nvidia"}), "Rack Nine", "Rack Ten") == [True, False]


def test_a_new_id_concerns_the_texts_that_hold_an_unlisted_name_of_that_id(lines, before):
    after = lines({"id": "zeta-foo", "kind": "company", "name": "Other", "aliases": ["Quite Other"]})

    assert touched(before, after, "Zéta & Foo raised $5 million.", "Zeta raised it.") == [True, False]


def test_a_name_that_is_to_be_no_company_concerns_the_texts_that_hold_it(lines, before):
    after = lines({"not_company": "Partner Days"})

    assert touched(before, after, "The partner-days began.", "The days began.") == [True, False]
    assert touched(after, before, "The Partner Days began.") == [True]


def test_a_new_term_concerns_the_texts_that_hold_it_in_any_of_its_spellings(lines, before):
    after = lines({"id": "whim", "terms": ["capricious data center"]})

    assert touched(before, after, "A capricious datacentre.", "A whimsical data center.") == [True, False]


def test_what_is_said_of_a_whole_theme_concerns_all_its_terms_and_what_else_it_takes_for_one(lines, before):
    after = lines({"id": "whim", "threshold": 2})

    assert touched(before, after, "fanciful", "whimsical data-centre", "GDPR", "none") == [True, True, True, False]
    assert touched(before, after, "none", has_price=True) == [True]
    assert touched(before, lines({"id": "whim", "terms": ["odd"]}), "none", has_price=True) == [False]


def test_the_order_of_entities_that_share_a_spelling_counts(small):
    one = {"id": "aa", "kind": "company", "name": "One", "aliases": ["Shared Name", "Only One"]}
    two = {"id": "bb", "kind": "company", "name": "Two", "aliases": ["Shared Name"]}
    first, second = (("a.jsonl", json.dumps(one)), ("b.jsonl", json.dumps(two)))
    old, new = (fingerprint(lexicon_with(files, small)) for files in ((first, second), (second, first)))

    assert touched(old, new, "Shared Name", "Only One") == [True, False]


@pytest.mark.parametrize("file", ["weights.json", "field.json", "unlisted.json", "common_words.txt", "more.json"])
def test_any_other_data_file_concerns_every_text(tmp_path, small, file):
    folder = shutil.copytree(small, tmp_path / "data")
    before = fingerprint(load_lexicon(folder), folder=folder)
    with (folder / file).open("a", encoding="utf-8") as out:
        out.write("\n")

    assert touched(before, fingerprint(load_lexicon(folder), folder=folder), "Nothing.") == [True]


def test_what_was_measured_after_tagging_concerns_no_text(tmp_path, small):
    folder = shutil.copytree(small, tmp_path / "data")
    before = fingerprint(load_lexicon(folder), folder=folder)
    (folder / "precision.json").write_text("{}", encoding="utf-8")

    assert fingerprint(load_lexicon(folder), folder=folder) == before


def test_another_model_that_proposes_names_concerns_every_text(lines, before):
    one, other = (lines(spacy_model=model) for model in ("one", "other"))

    for old, new in ((before, one), (one, other), (one, before)):
        assert touched(old, new, "Nothing.") == [True]


def test_another_process_makes_the_same_fingerprint():
    code = (
        "import hashlib; from nlp.gazetteer import load_lexicon; from nlp.impact import fingerprint; "
        "print(hashlib.sha256(str(fingerprint(load_lexicon())).encode()).hexdigest())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in "123"
    }

    assert len(made) == 1
