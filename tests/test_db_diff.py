"""What a retag changes in an article's rows, and a rehearsal that leaves nothing behind."""

from dataclasses import replace

import pytest
from db_rows import NOW, article, id_of, make_db, save, tag

from aiwire.types import LexiconLine, Price
from db.diff import Rows, TagRow, changes, rehearsal, tag_rows
from db.dump import dump_rows
from db.lexicon import all_of_version, keep_lexicon, kept_lexicon, kept_version, tagged_by, take_over
from db.store import save_tagging

ARTICLES = {1: ("https://example.org/a", "Title of a"), 2: ("https://example.org/b", "Title of b")}
TAG = TagRow("NVIDIA", "company", about=False, evidence="NVIDIA said so.")
PRICE = {"article_id": 1, "position": 0, "dated_at": "2026", "accelerator": "nvidia-h100", "product": None,
         "sentence": "An H100 costs $3.", "quote": "$3", "amount": 3.0}  # fmt: skip
PLACE = (1, "text", 14, 16, 0)


def compared(old, new):
    """Return (what, entity) of each change between two sets of tags."""
    return [(c.what, c.entity) for c in changes(Rows(ARTICLES, old, {}), Rows(ARTICLES, new, {}))]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(TAG, TAG, [], id="same"),
        pytest.param(TAG, TAG._replace(name="Nvidia"), [], id="renamed"),
        pytest.param(None, TAG, ["gained"], id="new"),
        pytest.param(None, TAG._replace(about=True), ["gained", "about-gained"], id="new-and-about"),
        pytest.param(TAG, None, ["lost"], id="gone"),
        pytest.param(TAG._replace(about=True), None, ["lost", "about-lost"], id="about-and-gone"),
        pytest.param(TAG, TAG._replace(about=True), ["about-gained"], id="about-now"),
        pytest.param(TAG._replace(about=True), TAG, ["about-lost"], id="about-no-more"),
        pytest.param(TAG, TAG._replace(evidence="Else."), ["evidence"], id="other-evidence"),
    ],
)
def test_a_tag_that_is_otherwise_is_told_by_what_it_changes(old, new, said):
    rows = [{} if row is None else {(1, "nvidia"): row} for row in (old, new)]

    assert compared(*rows) == [(what, "nvidia") for what in said]


def test_changes_are_told_by_article_and_entity_with_the_sentence_that_proves_or_proved_them():
    old, new = {(2, "amd"): TAG._replace(name="AMD")}, {(1, "nvidia"): TAG, (1, "intel"): TAG}

    told = list(changes(Rows(ARTICLES, old, {}), Rows(ARTICLES, new, {})))

    assert [(c.what, c.entity, c.url) for c in told] == [
        ("gained", "intel", "https://example.org/a"),
        ("gained", "nvidia", "https://example.org/a"),
        ("lost", "amd", "https://example.org/b"),
    ]
    assert told[2].sentence == "NVIDIA said so."
    assert told[2].name == "AMD"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param({PLACE: PRICE}, {PLACE: PRICE | {"position": 4, "dated_at": "2025"}}, [], id="same"),
        pytest.param({}, {PLACE: PRICE}, ["price-added"], id="new"),
        pytest.param({PLACE: PRICE}, {}, ["price-removed"], id="gone"),
        pytest.param({PLACE: PRICE}, {PLACE: PRICE | {"amount": 4.0}}, ["price-changed"], id="amount"),
        pytest.param({PLACE: PRICE}, {PLACE: PRICE | {"accelerator": None}}, ["price-changed"], id="accelerator"),
        pytest.param(
            {PLACE: PRICE}, {(*PLACE[:4], 1): PRICE, PLACE: PRICE}, ["price-added"], id="second-at-the-same-place"
        ),
    ],
)
def test_a_price_is_known_by_its_place(old, new, said):
    told = list(changes(Rows(ARTICLES, {}, old), Rows(ARTICLES, {}, new)))

    assert [(change.what, change.quote) for change in told] == [(what, "$3") for what in said]


def test_the_rows_are_those_that_are_stored(db):
    price = Price("$3", 3.0, None, "USD", "card", None, "nvidia-h100", "An H100 costs $3.", "text", 14, 16)
    text = "An H100 costs $3."
    save(db, article("a", text, tagging=replace(tag("Title", text), prices=(price, price))), article("b"))

    rows = tag_rows(db, [id_of(db, "a")])

    assert rows.articles == {id_of(db): ("https://example.org/a", "Title of a")}
    assert rows.tags == {(id_of(db), "nvidia-h100"): TagRow("NVIDIA H100", "accelerator", about=True, evidence=text)}
    assert [place[1:] for place in rows.prices] == [("text", 14, 16, 0), ("text", 14, 16, 1)]


def test_a_rehearsal_shows_inside_what_it_does_and_leaves_nothing(tmp_path):
    db = make_db(tmp_path / "news.db")
    save(db, article("a"))
    before = dump_rows(db)

    with rehearsal(db):
        save_tagging(db, id_of(db), tag("", "", version="2"), now=NOW)
        inside = dump_rows(db)

    assert inside != before
    assert dump_rows(db) == before


def test_an_error_in_a_rehearsal_comes_out_and_leaves_nothing(tmp_path):
    db = make_db(tmp_path / "news.db")
    save(db, article("a"))
    before = dump_rows(db)

    def rehearse():
        with rehearsal(db):
            save_tagging(db, id_of(db), tag("", "", version="2"), now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rehearse()

    assert dump_rows(db) == before


# ---------------------------------------------------------------- the lists as they were


def test_what_is_kept_of_the_lists_is_what_comes_back(db):
    assert kept_version(db) is None
    lines = {"nvidia": LexiconLine("d1", ("nvidia", "英伟达")), "nvidia NVIDIA": LexiconLine("d2", ())}

    keep_lexicon(db, "other", {"gone": LexiconLine("d", ())})
    keep_lexicon(db, "v1", lines)

    assert kept_version(db) == "v1"
    assert kept_lexicon(db) == lines


def test_articles_are_taken_over_by_a_new_version_and_untagged_ones_count_for_none(db):
    save(db, article("a"), article("b"), article("c", tagged=False))

    assert all_of_version(db, "t")
    take_over(db, [id_of(db, "a")], "u")
    take_over(db, [], "u")

    assert not all_of_version(db, "t")
    assert [[a.id for a in part] for part in tagged_by(db, "1", "u")] == [[id_of(db, "a")]]
    assert [[a.id for a in part] for part in tagged_by(db, "1", "t")] == [[id_of(db, "b")]]
    assert list(tagged_by(db, "2", "t")) == []


def test_articles_that_are_taken_over_while_they_are_read_are_each_read_once(db, monkeypatch):
    monkeypatch.setattr("db.lexicon._CHUNK", 2)
    save(db, *(article(str(number)) for number in range(5)))
    read = []

    for part in tagged_by(db, "1", "t"):
        read += [a.id for a in part]
        take_over(db, [a.id for a in part][:1], "u")

    assert read == sorted(id_of(db, str(number)) for number in range(5))
